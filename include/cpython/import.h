/* Everything is in import.h; this name is for those who include it. */
#include "../import.h"
