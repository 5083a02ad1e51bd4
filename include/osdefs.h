/* Separators in paths. To be included by its name. */
#ifndef Py_OSDEFS_H
#define Py_OSDEFS_H

#ifdef __cplusplus
extern "C" {
#endif

#include <limits.h>
#define SEP L'/'
#define MAXPATHLEN PATH_MAX
#define DELIM L':'

#ifdef __cplusplus
}
#endif

#endif
