/* Everything is in pyhash.h; this name is for those who include it. */
#include "../pyhash.h"
