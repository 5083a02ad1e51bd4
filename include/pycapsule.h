/* Capsules: C pointers in objects. */
#ifndef Py_PYCAPSULE_H
#define Py_PYCAPSULE_H

#ifdef __cplusplus
extern "C" {
#endif

typedef void (*PyCapsule_Destructor)(PyObject *);

PyAPI_DATA(PyTypeObject) PyCapsule_Type;

/* --- Functions --- */
/* new reference; name is not copied */
PyAPI_FUNC(PyObject *) PyCapsule_New(void *pointer, const char *name, PyCapsule_Destructor destructor);
/* NULL with an exception; the name has to be the capsule's */
PyAPI_FUNC(void *) PyCapsule_GetPointer(PyObject *capsule, const char *name);
/* NULL where there is none; or with an exception */
PyAPI_FUNC(PyCapsule_Destructor) PyCapsule_GetDestructor(PyObject *capsule);
PyAPI_FUNC(void *) PyCapsule_GetContext(PyObject *capsule);  /* NULL where there is none; or with an exception */
PyAPI_FUNC(const char *) PyCapsule_GetName(PyObject *capsule);  /* NULL where there is none; or with an exception */
/* the pointer; name: "module.attribute", which is the capsule's name; NULL with an exception */
PyAPI_FUNC(void *) PyCapsule_Import(const char *name, int no_block);
PyAPI_FUNC(int) PyCapsule_IsValid(PyObject *capsule, const char *name);  /* true where it is a capsule of this name */
PyAPI_FUNC(int) PyCapsule_SetContext(PyObject *capsule, void *context);  /* 0, or not 0 with an exception */
/* 0, or not 0 with an exception */
PyAPI_FUNC(int) PyCapsule_SetDestructor(PyObject *capsule, PyCapsule_Destructor destructor);
PyAPI_FUNC(int) PyCapsule_SetName(PyObject *capsule, const char *name);  /* 0, or not 0 with an exception; not copied */
PyAPI_FUNC(int) PyCapsule_SetPointer(PyObject *capsule, void *pointer);  /* 0, or not 0 with an exception */

#define PyCapsule_CheckExact(op) Py_IS_TYPE((op), &PyCapsule_Type)

#ifdef __cplusplus
}
#endif

#endif
