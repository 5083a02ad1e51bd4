/* Codecs and error handlers by name. */
#ifndef Py_CODECS_H
#define Py_CODECS_H

#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_LIMITED_API
PyAPI_DATA(const char *) Py_hexdigits;
#endif

/* --- Registry --- */
PyAPI_FUNC(int) PyCodec_Register(PyObject *search_function);
PyAPI_FUNC(int) PyCodec_Unregister(PyObject *search_function);  /* 0, or -1 with an exception */
PyAPI_FUNC(int) PyCodec_KnownEncoding(const char *encoding);  /* true or false: cannot fail */

/* --- Encoding and decoding --- */
PyAPI_FUNC(PyObject *) PyCodec_Encode(PyObject *object, const char *encoding, const char *errors);  /* new reference */
PyAPI_FUNC(PyObject *) PyCodec_Decode(PyObject *object, const char *encoding, const char *errors);  /* new reference */
PyAPI_FUNC(PyObject *) PyCodec_Encoder(const char *encoding);  /* new reference */
PyAPI_FUNC(PyObject *) PyCodec_Decoder(const char *encoding);  /* new reference */
PyAPI_FUNC(PyObject *) PyCodec_IncrementalEncoder(const char *encoding, const char *errors);  /* new reference */
PyAPI_FUNC(PyObject *) PyCodec_IncrementalDecoder(const char *encoding, const char *errors);  /* new reference */
/* new reference */
PyAPI_FUNC(PyObject *) PyCodec_StreamReader(const char *encoding, PyObject *stream, const char *errors);
/* new reference */
PyAPI_FUNC(PyObject *) PyCodec_StreamWriter(const char *encoding, PyObject *stream, const char *errors);

/* --- Error handlers --- */
PyAPI_FUNC(int) PyCodec_RegisterError(const char *name, PyObject *error);
PyAPI_FUNC(PyObject *) PyCodec_LookupError(const char *name);  /* new reference */
PyAPI_FUNC(PyObject *) PyCodec_StrictErrors(PyObject *exc);  /* always NULL */
PyAPI_FUNC(PyObject *) PyCodec_IgnoreErrors(PyObject *exc);  /* new reference */
PyAPI_FUNC(PyObject *) PyCodec_ReplaceErrors(PyObject *exc);  /* new reference */
PyAPI_FUNC(PyObject *) PyCodec_XMLCharRefReplaceErrors(PyObject *exc);  /* new reference */
PyAPI_FUNC(PyObject *) PyCodec_BackslashReplaceErrors(PyObject *exc);  /* new reference */
#if _Py_API >= 0x03050000
PyAPI_FUNC(PyObject *) PyCodec_NameReplaceErrors(PyObject *exc);  /* new reference */
#endif

#ifdef __cplusplus
}
#endif

#endif
