/* Everything is in abstract.h; this name is for those who include it. */
#include "../abstract.h"
