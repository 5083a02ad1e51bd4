/* Everything is in methodobject.h; this name is for those who include it. */
#include "../methodobject.h"
