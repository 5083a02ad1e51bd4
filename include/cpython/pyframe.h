/* Everything is in pyframe.h; this name is for those who include it. */
#include "../pyframe.h"
