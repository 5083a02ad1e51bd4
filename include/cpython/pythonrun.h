/* Everything is in pythonrun.h; this name is for those who include it. */
#include "../pythonrun.h"
