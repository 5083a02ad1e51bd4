/* The format of .pyc files. To be included by its name. */
#ifndef Py_MARSHAL_H
#define Py_MARSHAL_H

#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_LIMITED_API
#define Py_MARSHAL_VERSION 5
#endif

/* --- Functions --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(void) PyMarshal_WriteLongToFile(long value, FILE *file, int version);  /* the lower 32 bits */
/* errors are told by the file only */
PyAPI_FUNC(void) PyMarshal_WriteObjectToFile(PyObject *value, FILE *file, int version);
PyAPI_FUNC(PyObject *) PyMarshal_WriteObjectToString(PyObject *value, int version);  /* new reference */
PyAPI_FUNC(long) PyMarshal_ReadLongFromFile(FILE *file);
PyAPI_FUNC(int) PyMarshal_ReadShortFromFile(FILE *file);  /* -1 with an exception */
PyAPI_FUNC(PyObject *) PyMarshal_ReadObjectFromFile(FILE *file);  /* new reference */
PyAPI_FUNC(PyObject *) PyMarshal_ReadLastObjectFromFile(FILE *file);  /* new reference */
PyAPI_FUNC(PyObject *) PyMarshal_ReadObjectFromString(const char *data, Py_ssize_t len);  /* new reference */
#endif

#ifdef __cplusplus
}
#endif

#endif
