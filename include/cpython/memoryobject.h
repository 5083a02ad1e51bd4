/* Everything is in memoryobject.h; this name is for those who include it. */
#include "../memoryobject.h"
