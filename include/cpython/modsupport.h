/* Everything is in modsupport.h; this name is for those who include it. */
#include "../modsupport.h"
