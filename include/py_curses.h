/* Windows of _curses. To be included by its name, where curses.h is installed. */
#ifndef Py_PY_CURSES_H
#define Py_PY_CURSES_H

#include <curses.h>
#define WINDOW_HAS_FLAGS 1

#ifdef __cplusplus
extern "C" {
#endif

typedef struct PyCursesWindowObject {
    PyObject_HEAD
    WINDOW *win;
    char *encoding;
    struct PyCursesWindowObject *orig;
} PyCursesWindowObject;

#define PyCurses_CAPSULE_NAME "_curses._C_API"
#define PyCurses_API_pointers 4

#ifndef CURSES_MODULE
/* To be set by import_curses(): the window type, and three functions. */
static void **PyCurses_API;
#define import_curses() PyCurses_API = (void **)PyCapsule_Import(PyCurses_CAPSULE_NAME, 1);

#define PyCursesWindow_Type (*_PyType_CAST(PyCurses_API[0]))
#define PyCursesWindow_Check(v) Py_IS_TYPE((v), &PyCursesWindow_Type)

/* Return NULL from the function around, where the call has not been made that they ask for. */
#define PyCursesSetupTermCalled { if (!((int (*)(void))PyCurses_API[1])()) return NULL; }
#define PyCursesInitialised { if (!((int (*)(void))PyCurses_API[2])()) return NULL; }
#define PyCursesInitialisedColor { if (!((int (*)(void))PyCurses_API[3])()) return NULL; }
#endif

#ifdef __cplusplus
}
#endif

#endif
