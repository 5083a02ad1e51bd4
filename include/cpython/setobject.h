/* Everything is in setobject.h; this name is for those who include it. */
#include "../setobject.h"
