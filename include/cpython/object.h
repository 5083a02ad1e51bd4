/* Everything is in object.h; this name is for those who include it. */
#include "../object.h"
