/* Everything is in floatobject.h; this name is for those who include it. */
#include "../floatobject.h"
