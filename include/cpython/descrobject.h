/* Everything is in descrobject.h; this name is for those who include it. */
#include "../descrobject.h"
