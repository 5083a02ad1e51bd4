/* Everything is in pythread.h; this name is for those who include it. */
#include "../pythread.h"
