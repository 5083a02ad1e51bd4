/* PickleBuffer. */
#ifndef Py_CPYTHON_PICKLEBUFOBJECT_H
#define Py_CPYTHON_PICKLEBUFOBJECT_H

#ifndef Py_LIMITED_API

#ifdef __cplusplus
extern "C" {
#endif

PyAPI_DATA(PyTypeObject) PyPickleBuffer_Type;

/* --- Functions --- */
PyAPI_FUNC(PyObject *) PyPickleBuffer_FromObject(PyObject *obj);
/* borrowed: valid as long as the object; NULL with an exception */
PyAPI_FUNC(const Py_buffer *) PyPickleBuffer_GetBuffer(PyObject *picklebuf);
PyAPI_FUNC(int) PyPickleBuffer_Release(PyObject *picklebuf);  /* 0, or -1 with an exception */

#define PyPickleBuffer_Check(op) Py_IS_TYPE((op), &PyPickleBuffer_Type)

#ifdef __cplusplus
}
#endif

#endif  /* Py_LIMITED_API */
#endif
