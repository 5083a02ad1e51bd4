/* Everything is in listobject.h; this name is for those who include it. */
#include "../listobject.h"
