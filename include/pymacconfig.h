/* Differences between the processors of one build. */
#ifndef Py_PYMACCONFIG_H
#define Py_PYMACCONFIG_H

/* Nothing: these headers are for Linux. */

#endif
