/* Everything is in pymem.h; this name is for those who include it. */
#include "../pymem.h"
