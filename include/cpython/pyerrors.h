/* Everything is in pyerrors.h; this name is for those who include it. */
#include "../pyerrors.h"
