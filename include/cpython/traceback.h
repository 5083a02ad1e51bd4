/* Everything is in traceback.h; this name is for those who include it. */
#include "../traceback.h"
