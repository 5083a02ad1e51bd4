/* Everything is in audit.h; this name is for those who include it. */
#include "../audit.h"
