/* Everything is in unicodeobject.h; this name is for those who include it. */
#include "../unicodeobject.h"
