/* Everything is in warnings.h; this name is for those who include it. */
#include "../warnings.h"
