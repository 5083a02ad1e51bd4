/* Comparing C strings, whatever the case of ASCII letters. */
#ifndef Py_PYSTRCMP_H
#define Py_PYSTRCMP_H

#ifdef __cplusplus
extern "C" {
#endif

#define PyOS_strnicmp PyOS_mystrnicmp
#define PyOS_stricmp PyOS_mystricmp

/* --- C strings --- */
PyAPI_FUNC(int) PyOS_mystricmp(const char *str1, const char *str2);  /* as strcmp() */
PyAPI_FUNC(int) PyOS_mystrnicmp(const char *str1, const char *str2, Py_ssize_t size);  /* as strncmp() */

#ifdef __cplusplus
}
#endif

#endif
