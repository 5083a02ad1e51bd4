/* Everything is in bytesobject.h; this name is for those who include it. */
#include "../bytesobject.h"
