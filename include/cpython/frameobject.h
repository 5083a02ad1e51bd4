/* Everything is in frameobject.h; this name is for those who include it. */
#include "../frameobject.h"
