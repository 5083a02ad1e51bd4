/* Everything is in monitoring.h; this name is for those who include it. */
#include "../monitoring.h"
