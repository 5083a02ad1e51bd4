/* Everything is in compile.h; this name is for those who include it. */
#include "../compile.h"
