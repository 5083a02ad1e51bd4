#include "../curses.h"
