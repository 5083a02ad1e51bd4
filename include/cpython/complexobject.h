/* Everything is in complexobject.h; this name is for those who include it. */
#include "../complexobject.h"
