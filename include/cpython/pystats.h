/* Everything is in pystats.h; this name is for those who include it. */
#include "../pystats.h"
