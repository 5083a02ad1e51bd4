/* Everything is in tupleobject.h; this name is for those who include it. */
#include "../tupleobject.h"
