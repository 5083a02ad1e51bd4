/* Everything is in fileutils.h; this name is for those who include it. */
#include "../fileutils.h"
