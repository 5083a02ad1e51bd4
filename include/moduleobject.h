/* Modules and their definitions. */
#ifndef Py_MODULEOBJECT_H
#define Py_MODULEOBJECT_H

#ifdef __cplusplus
extern "C" {
#endif

#if _Py_API >= 0x03050000
#define Py_mod_create 1
#define Py_mod_exec 2
#endif
#if _Py_API >= 0x030C0000
#define Py_mod_multiple_interpreters 3
#endif
#if _Py_API >= 0x030D0000
#define Py_mod_gil 4
#endif
#ifndef Py_LIMITED_API
#define _Py_mod_LAST_SLOT 4
#endif

typedef struct PyModuleDef_Base {
    PyObject_HEAD
    PyObject *(*m_init)(void);
    Py_ssize_t m_index;
    PyObject *m_copy;
} PyModuleDef_Base;

struct PyModuleDef {
    PyModuleDef_Base m_base;
    const char *m_name;
    const char *m_doc;
    Py_ssize_t m_size;  /* bytes of the state; -1: the module's state is global */
    PyMethodDef *m_methods;
    PyModuleDef_Slot *m_slots;  /* NULL: single-phase initialization */
    traverseproc m_traverse;
    inquiry m_clear;
    freefunc m_free;
};

#if _Py_API >= 0x03050000
struct PyModuleDef_Slot {
    int slot;  /* Py_mod_...; 0 ends an array of these */
    void *value;
};
#endif

PyAPI_DATA(PyTypeObject) PyModule_Type;
#if _Py_API >= 0x03050000
PyAPI_DATA(PyTypeObject) PyModuleDef_Type;
#endif

/* --- From a definition --- */
#if _Py_API >= 0x03050000
PyAPI_FUNC(PyObject *) PyModuleDef_Init(PyModuleDef *def);  /* borrowed reference */
#endif

/* --- Functions --- */
PyAPI_FUNC(PyObject *) PyModule_New(const char *name);  /* new reference */
PyAPI_FUNC(PyObject *) PyModule_GetDict(PyObject *module);  /* borrowed reference */
/* UTF-8, as long as the module's __name__; NULL with SystemError */
PyAPI_FUNC(const char *) PyModule_GetName(PyObject *module);
PyAPI_FUNC(void *) PyModule_GetState(PyObject *module);  /* NULL where the module has none */
PyAPI_FUNC(PyModuleDef *) PyModule_GetDef(PyObject *module);  /* NULL where it was not made from one */
PyAPI_FUNC(PyObject *) PyModule_GetFilenameObject(PyObject *module);  /* new reference */
Py_DEPRECATED(3.2) PyAPI_FUNC(const char *) PyModule_GetFilename(PyObject *module);
#if _Py_API >= 0x03030000
PyAPI_FUNC(PyObject *) PyModule_NewObject(PyObject *name);  /* new reference */
PyAPI_FUNC(PyObject *) PyModule_GetNameObject(PyObject *module);  /* new reference */
#endif

#define PyModule_Check(op) PyObject_TypeCheck((op), &PyModule_Type)
#define PyModule_CheckExact(op) Py_IS_TYPE((op), &PyModule_Type)

/* The first member of every PyModuleDef. */
#define PyModuleDef_HEAD_INIT { PyObject_HEAD_INIT(_Py_NULL) _Py_NULL, 0, _Py_NULL, }

/* --- Values of module slots --- */
#if _Py_API >= 0x030C0000
/* Py_mod_multiple_interpreters */
#  define Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED ((void *)0)
#  define Py_MOD_MULTIPLE_INTERPRETERS_SUPPORTED ((void *)1)
#  define Py_MOD_PER_INTERPRETER_GIL_SUPPORTED ((void *)2)
#endif
#if _Py_API >= 0x030D0000
/* Py_mod_gil */
#  define Py_MOD_GIL_USED ((void *)0)
#  define Py_MOD_GIL_NOT_USED ((void *)1)
#endif

#ifdef __cplusplus
}
#endif

#endif
