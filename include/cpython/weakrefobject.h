/* Everything is in weakrefobject.h; this name is for those who include it. */
#include "../weakrefobject.h"
