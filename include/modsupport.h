/* Arguments of C functions, values for Python, and what fills a module. */
#ifndef Py_MODSUPPORT_H
#define Py_MODSUPPORT_H

#ifdef __cplusplus
extern "C" {
#endif

#define Py_CLEANUP_SUPPORTED 0x20000
#define PYTHON_API_VERSION 1013
#define PYTHON_API_STRING "1013"
#define PYTHON_ABI_VERSION 3
#define PYTHON_ABI_STRING "3"

#ifndef Py_LIMITED_API
typedef struct {
    uint8_t v;
} _PyOnceFlag;

typedef struct _PyArg_Parser {
    const char *format;
    const char *const *keywords;
    const char *fname;
    const char *custom_msg;
    _PyOnceFlag once;
    int is_kwtuple_owned;
    int pos;
    int min;
    int max;
    PyObject *kwtuple;
    struct _PyArg_Parser *next;
} _PyArg_Parser;
#endif

/* --- Arguments by a format: true, or 0 with an exception --- */
PyAPI_FUNC(int) PyArg_ParseTuple(PyObject *args, const char *format, ...);  /* true, or 0 with an exception */
PyAPI_FUNC(int) PyArg_VaParse(PyObject *args, const char *format, va_list vargs);  /* true, or 0 with an exception */
PyAPI_FUNC(int) PyArg_ParseTupleAndKeywords(PyObject *args, PyObject *kw, const char *format,
    PY_CXX_CONST char *const *keywords, ...);  /* true, or 0 with an exception; an empty name is positional-only */
PyAPI_FUNC(int) PyArg_VaParseTupleAndKeywords(PyObject *args, PyObject *kw, const char *format,
    PY_CXX_CONST char *const *keywords, va_list vargs);  /* true, or 0 with an exception */
PyAPI_FUNC(int) PyArg_ValidateKeywordArguments(PyObject *);  /* true where every key is a str, or 0 with an exception */
/* true, or 0 with an exception; one object, not a tuple */
PyAPI_FUNC(int) PyArg_Parse(PyObject *args, const char *format, ...);
/* true, or 0 with an exception; the objects are borrowed references */
PyAPI_FUNC(int) PyArg_UnpackTuple(PyObject *args, const char *name, Py_ssize_t min, Py_ssize_t max, ...);

/* --- Values from a format --- */
PyAPI_FUNC(PyObject *) Py_BuildValue(const char *format, ...);  /* new reference; NULL with an exception */
PyAPI_FUNC(PyObject *) Py_VaBuildValue(const char *format, va_list vargs);  /* new reference; NULL with an exception */

/* --- Modules from definitions --- */
PyAPI_FUNC(PyObject *) PyModule_Create2(PyModuleDef *def, int module_api_version);  /* new reference */
#if _Py_API >= 0x03050000
/* new reference */
PyAPI_FUNC(PyObject *) PyModule_FromDefAndSpec2(PyModuleDef *def, PyObject *spec, int module_api_version);
PyAPI_FUNC(int) PyModule_ExecDef(PyObject *module, PyModuleDef *def);  /* 0, or -1 with an exception */
#endif

/* --- What fills a module: 0, or -1 with an exception --- */
/* 0, or -1 with an exception; steals value when it succeeds */
PyAPI_FUNC(int) PyModule_AddObject(PyObject *module, const char *name, PyObject *value);
PyAPI_FUNC(int) PyModule_AddIntConstant(PyObject *module, const char *name, long value);  /* 0, or -1 with an exception */
/* 0, or -1 with an exception */
PyAPI_FUNC(int) PyModule_AddStringConstant(PyObject *module, const char *name, const char *value);
#if _Py_API >= 0x03050000
PyAPI_FUNC(int) PyModule_AddFunctions(PyObject *module, PyMethodDef *functions);  /* 0, or -1 with an exception */
PyAPI_FUNC(int) PyModule_SetDocString(PyObject *module, const char *docstring);  /* 0, or -1 with an exception */
#endif
#if _Py_API >= 0x03090000
PyAPI_FUNC(int) PyModule_AddType(PyObject *module, PyTypeObject *type);  /* 0, or -1 with an exception */
#endif
#if _Py_API >= 0x030A0000
/* 0, or -1 with an exception; a value of NULL is an exception that is there already */
PyAPI_FUNC(int) PyModule_AddObjectRef(PyObject *module, const char *name, PyObject *value);
#endif
#if _Py_API >= 0x030D0000
/* 0, or -1 with an exception; steals value in any case */
PyAPI_FUNC(int) PyModule_Add(PyObject *module, const char *name, PyObject *value);
#endif

/* --- Names with an underscore: not for new code --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(int) _PyArg_ParseTupleAndKeywordsFast(PyObject *, PyObject *, struct _PyArg_Parser *, ...);
#endif

#define PyModule_AddIntMacro(m, c) PyModule_AddIntConstant((m), #c, (c))
#define PyModule_AddStringMacro(m, c) PyModule_AddStringConstant((m), #c, (c))

/* --- With the version that the caller was compiled for --- */
#ifdef Py_LIMITED_API
#  define PyModule_Create(module) PyModule_Create2((module), PYTHON_ABI_VERSION)
#else
#  define PyModule_Create(module) PyModule_Create2((module), PYTHON_API_VERSION)
#endif
#if _Py_API >= 0x03050000
#  ifdef Py_LIMITED_API
#    define PyModule_FromDefAndSpec(module, spec) PyModule_FromDefAndSpec2((module), (spec), PYTHON_ABI_VERSION)
#  else
#    define PyModule_FromDefAndSpec(module, spec) PyModule_FromDefAndSpec2((module), (spec), PYTHON_API_VERSION)
#  endif
#endif

#ifdef __cplusplus
}
#endif

#endif
