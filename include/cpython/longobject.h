/* Everything is in longobject.h; this name is for those who include it. */
#include "../longobject.h"
