/* Everything is in objimpl.h; this name is for those who include it. */
#include "../objimpl.h"
