/* Everything is in ceval.h; this name is for those who include it. */
#include "../ceval.h"
