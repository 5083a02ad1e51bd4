/* Everything is in pyatomic.h. */
#ifndef Py_CPYTHON_PYATOMIC_GCC_H
#define Py_CPYTHON_PYATOMIC_GCC_H

#include "../pyatomic.h"

#endif
