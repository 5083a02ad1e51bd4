/* Everything is in fileobject.h; this name is for those who include it. */
#include "../fileobject.h"
