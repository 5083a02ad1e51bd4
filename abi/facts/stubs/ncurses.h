#include "curses.h"
