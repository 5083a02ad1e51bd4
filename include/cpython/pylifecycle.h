/* Everything is in pylifecycle.h; this name is for those who include it. */
#include "../pylifecycle.h"
