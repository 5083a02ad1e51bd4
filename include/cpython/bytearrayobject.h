/* Everything is in bytearrayobject.h; this name is for those who include it. */
#include "../bytearrayobject.h"
