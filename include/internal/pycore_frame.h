/* The one internal header that is here: modules that Cython generated include it, to set a frame's line. Py_BUILD_CORE may
   be defined after Python.h, as they do. */
#ifndef Py_INTERNAL_FRAME_H
#define Py_INTERNAL_FRAME_H

#include "../pyframe.h"

struct _frame {
    PyObject_HEAD
    PyFrameObject *f_back;                /* the caller's, once this one is all that is left; or NULL */
    struct _PyInterpreterFrame *f_frame;  /* what runs */
    PyObject *f_trace;
    int f_lineno;                         /* 0: the line of the instruction */
    char f_trace_lines;
    char f_trace_opcodes;
    PyObject *f_extra_locals;             /* a dict, or NULL */
    PyObject *f_locals_cache;
    PyObject *f_overwritten_fast_locals;
    PyObject *_f_frame_data[1];
};

#endif
