/* Everything is in critical_section.h; this name is for those who include it. */
#include "../critical_section.h"
