/* Files and names of files. */
#ifndef Py_FILEUTILS_H
#define Py_FILEUTILS_H

#ifdef __cplusplus
extern "C" {
#endif

/* --- The operating system --- */
#if _Py_API >= 0x03050000
/* to be freed by PyMem_RawFree(); NULL, and *size is (size_t)-1 without memory, (size_t)-2 for a wrong text */
PyAPI_FUNC(wchar_t *) Py_DecodeLocale(const char *arg, size_t *size);
/* to be freed by PyMem_Free(); NULL, and *error_pos tells where, or (size_t)-1 without memory */
PyAPI_FUNC(char *) Py_EncodeLocale(const wchar_t *text, size_t *error_pos);
#endif
#ifndef Py_LIMITED_API
PyAPI_FUNC(FILE *) Py_fopen(PyObject *path, const char *mode);  /* NULL with an exception; to be closed by Py_fclose() */
PyAPI_FUNC(int) Py_fclose(FILE *file);  /* as fclose() */
#endif

#ifndef Py_LIMITED_API
/* The name before 3.14. */
Py_DEPRECATED(3.14) static inline FILE *_Py_fopen_obj(PyObject *path, const char *mode) {
    return Py_fopen(path, mode);
}
#endif

#ifdef __cplusplus
}
#endif

#endif
