/* Everything is in pyatomic.h; this name is for those who include it. */
#include "../pyatomic.h"
