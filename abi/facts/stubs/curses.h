#pragma once
// Enough of curses for py_curses.h, whose struct holds a pointer only.
typedef struct _win_st WINDOW;

