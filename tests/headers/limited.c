/* An extension of the limited API (3.6 and later): a heap type, buffers from 3.11 on, a module. run() returns lines of text. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <structmember.h>

typedef struct {
    PyObject_HEAD
    int number;
} Thing;

static PyObject *thing_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    static char name[] = "number";
    static char *names[] = {name, NULL};
    int number;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "i", names, &number)) return NULL;
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    PyObject *self = allocate(type, 0);
    if (self != NULL) ((Thing *)self)->number = number;
    return self;
}
static void thing_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF((PyObject *)type);
}
static PyObject *thing_add(PyObject *a, PyObject *b) {
    if (!PyLong_Check(b)) Py_RETURN_NOTIMPLEMENTED;
    return PyLong_FromLong(((Thing *)a)->number + PyLong_AsLong(b));
}
static PyObject *thing_compare(PyObject *a, PyObject *b, int op) {
    if (!Py_IS_TYPE(b, Py_TYPE(a))) Py_RETURN_NOTIMPLEMENTED;
    Py_RETURN_RICHCOMPARE(((Thing *)a)->number, ((Thing *)b)->number, op);
}
static PyMemberDef thing_members[] = {{"number", T_INT, offsetof(Thing, number), 0, NULL}, {NULL, 0, 0, 0, NULL}};
static PyType_Slot thing_slots[] = {{Py_tp_new, (void *)thing_new}, {Py_tp_dealloc, (void *)thing_dealloc}, {Py_nb_add, (void *)thing_add},
                                    {Py_tp_richcompare, (void *)thing_compare}, {Py_tp_members, thing_members}, {0, NULL}};
static PyType_Spec thing_spec = {"limited.Thing", sizeof(Thing), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, thing_slots};

static int add(PyObject *lines, const char *name, PyObject *value) {
    if (value == NULL) return -1;
    PyObject *line = PyUnicode_FromFormat("%s %A", name, value);
    Py_DECREF(value);
    if (line == NULL) return -1;
    const int result = PyList_Append(lines, line);
    Py_DECREF(line);
    return result;
}

static PyObject *run(PyObject *module, PyObject *Py_UNUSED(ignored)) {
    PyObject *lines = PyList_New(0), *type = PyObject_GetAttrString(module, "Thing");
    PyObject *a = type ? PyObject_CallFunction(type, "i", 3) : NULL, *b = type ? PyObject_CallFunction(type, "i", 4) : NULL;
    if (lines == NULL || a == NULL || b == NULL) goto failed;
    if (add(lines, "less", PyObject_RichCompare(a, b, Py_LT)) < 0) goto failed;
    if (add(lines, "sum", PyObject_CallMethod(a, "__add__", "i", 5)) < 0) goto failed;
    if (add(lines, "not", PyObject_CallMethod(a, "__add__", "s", "x")) < 0) goto failed;
    if (add(lines, "size", Py_BuildValue("nii", Py_SIZE(lines), PyType_Check(type), PyUnicode_Check(type))) < 0) goto failed;
    if (add(lines, "is", Py_BuildValue("iiOO", Py_Is(a, b), Py_IsNone(Py_None), Py_Ellipsis, Py_NotImplemented)) < 0) goto failed;
    if (add(lines, "count", PyLong_FromSsize_t(Py_REFCNT(a))) < 0) goto failed;
#if Py_LIMITED_API+0 >= 0x030B0000
    {
        Py_buffer view;
        PyObject *bytes = PyBytes_FromString("abc");
        if (bytes == NULL || PyObject_GetBuffer(bytes, &view, PyBUF_FULL_RO) < 0) goto failed;
        Py_DECREF(bytes);
        const int failed = add(lines, "buffer", Py_BuildValue("nnis", view.len, view.itemsize, view.ndim, view.format));
        PyBuffer_Release(&view);
        if (failed < 0) goto failed;
    }
#endif
#if Py_LIMITED_API+0 >= 0x030D0000
    if (add(lines, "constants", Py_BuildValue("NO", Py_GetConstant(Py_CONSTANT_ZERO), Py_True)) < 0) goto failed;
#endif
    Py_DECREF(type);
    Py_DECREF(a);
    Py_DECREF(b);
    return lines;
failed:
    Py_XDECREF(lines);
    Py_XDECREF(type);
    Py_XDECREF(a);
    Py_XDECREF(b);
    return NULL;
}

static int execute(PyObject *module) {
    PyObject *type = PyType_FromSpec(&thing_spec);
    if (type == NULL) return -1;
    if (PyModule_AddObject(module, "Thing", type) < 0) {
        Py_DECREF(type);
        return -1;
    }
    return PyModule_AddStringMacro(module, PY_VERSION);
}
static PyMethodDef methods[] = {{"run", run, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};
static PyModuleDef_Slot slots[] = {{Py_mod_exec, (void *)execute}, {0, NULL}};
static PyModuleDef definition = {PyModuleDef_HEAD_INIT, "limited", NULL, 0, methods, slots, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit_limited(void) { return PyModuleDef_Init(&definition); }
