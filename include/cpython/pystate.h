/* Everything is in pystate.h; this name is for those who include it. */
#include "../pystate.h"
