/* Everything is in dictobject.h; this name is for those who include it. */
#include "../dictobject.h"
