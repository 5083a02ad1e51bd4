/* Everything is in lock.h; this name is for those who include it. */
#include "../lock.h"
