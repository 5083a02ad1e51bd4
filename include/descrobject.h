/* Descriptors: what PyMemberDef and PyGetSetDef rows describe. */
#ifndef Py_DESCROBJECT_H
#define Py_DESCROBJECT_H

#ifdef __cplusplus
extern "C" {
#endif

#define Py_T_SHORT 0
#define Py_T_INT 1
#define Py_T_LONG 2
#define Py_T_FLOAT 3
#define Py_T_DOUBLE 4
#define Py_T_STRING 5  /* const char * */
#define _Py_T_OBJECT 6
#define Py_T_CHAR 7  /* str of one character */
#define Py_T_BYTE 8  /* signed char */
#define Py_T_UBYTE 9
#define Py_T_USHORT 10
#define Py_T_UINT 11
#define Py_T_ULONG 12
#define Py_T_STRING_INPLACE 13  /* char[] */
#define Py_T_BOOL 14  /* char */
#define Py_T_OBJECT_EX 16  /* AttributeError where it is NULL */
#define Py_T_LONGLONG 17
#define Py_T_ULONGLONG 18
#define Py_T_PYSSIZET 19
#define _Py_T_NONE 20

#define Py_READONLY 1  /* cannot be set */
#define Py_AUDIT_READ 2  /* raises an auditing event */
#define _Py_WRITE_RESTRICTED 4
#define Py_RELATIVE_OFFSET 8  /* counts from PyObject_GetTypeData() */
#ifndef Py_LIMITED_API
#define PyWrapperFlag_KEYWORDS 1
#endif

typedef PyObject *(*getter)(PyObject *, void *);
typedef int (*setter)(PyObject *, PyObject *, void *);
struct PyGetSetDef {
    const char *name;  /* NULL ends an array of these */
    getter get;
    setter set;  /* NULL: read-only */
    const char *doc;
    void *closure;  /* the last argument of both */
};

struct PyMemberDef {
    const char *name;  /* NULL ends an array of these */
    int type;  /* Py_T_... */
    Py_ssize_t offset;
    int flags;  /* Py_READONLY and others */
    const char *doc;
};

#ifndef Py_LIMITED_API
typedef PyObject *(*wrapperfunc)(PyObject *self, PyObject *args, void *wrapped);
typedef PyObject *(*wrapperfunc_kwds)(PyObject *self, PyObject *args, void *wrapped, PyObject *kwds);
struct wrapperbase {
    const char *name;
    int offset;
    void *function;
    wrapperfunc wrapper;
    const char *doc;
    int flags;
    PyObject *name_strobj;
};

typedef struct {
    PyObject_HEAD
    PyTypeObject *d_type;
    PyObject *d_name;
    PyObject *d_qualname;
} PyDescrObject;

typedef struct {
    PyDescrObject d_common;
    PyMethodDef *d_method;
    vectorcallfunc vectorcall;
} PyMethodDescrObject;

typedef struct {
    PyDescrObject d_common;
    PyMemberDef *d_member;
} PyMemberDescrObject;

typedef struct {
    PyDescrObject d_common;
    PyGetSetDef *d_getset;
} PyGetSetDescrObject;

typedef struct {
    PyDescrObject d_common;
    struct wrapperbase *d_base;
    void *d_wrapped;
} PyWrapperDescrObject;
#endif

PyAPI_DATA(PyTypeObject) PyClassMethodDescr_Type;
PyAPI_DATA(PyTypeObject) PyGetSetDescr_Type;
PyAPI_DATA(PyTypeObject) PyMemberDescr_Type;
PyAPI_DATA(PyTypeObject) PyMethodDescr_Type;
PyAPI_DATA(PyTypeObject) PyWrapperDescr_Type;
PyAPI_DATA(PyTypeObject) PyDictProxy_Type;
PyAPI_DATA(PyTypeObject) PyProperty_Type;

/* --- New descriptors --- */
PyAPI_FUNC(PyObject *) PyDescr_NewGetSet(PyTypeObject *type, PyGetSetDef *getset);  /* new reference */
PyAPI_FUNC(PyObject *) PyDescr_NewMember(PyTypeObject *type, PyMemberDef *member);  /* new reference */
PyAPI_FUNC(PyObject *) PyDescr_NewMethod(PyTypeObject *type, PyMethodDef *meth);  /* new reference */
PyAPI_FUNC(PyObject *) PyDescr_NewClassMethod(PyTypeObject *type, PyMethodDef *method);  /* new reference */
PyAPI_FUNC(PyObject *) PyWrapper_New(PyObject *d, PyObject *self);  /* new reference */
#ifndef Py_LIMITED_API
PyAPI_FUNC(int) PyDescr_IsData(PyObject *descr);  /* true or false */
#endif

/* --- Functions --- */
PyAPI_FUNC(PyObject *) PyDictProxy_New(PyObject *mapping);  /* new reference */

/* --- Members by their rows --- */
PyAPI_FUNC(PyObject *) PyMember_GetOne(const char *obj_addr, PyMemberDef *m);
/* 0, or -1 with an exception; v NULL deletes */
PyAPI_FUNC(int) PyMember_SetOne(char *obj_addr, PyMemberDef *m, PyObject *o);

/* --- More --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(PyObject *) PyDescr_NewWrapper(PyTypeObject *, struct wrapperbase *, void *);  /* new reference */
#endif

#ifndef Py_LIMITED_API
#define PyDescr_COMMON PyDescrObject d_common
#define PyDescr_TYPE(x) (((PyDescrObject *)(x))->d_type)
#define PyDescr_NAME(x) (((PyDescrObject *)(x))->d_name)
#endif

#ifdef __cplusplus
}
#endif

#endif
