/* Uses of the public headers' macros and inline functions: which symbols a compiled extension asks the library for. */
#include <Python.h>
#include <structmember.h>

#ifdef Py_LIMITED_API
#define LEVEL (Py_LIMITED_API+0)
#else
#define LEVEL 0x7FFFFFFF
#endif

int counts(PyObject *o, PyObject **place);
int counts(PyObject *o, PyObject **place) {
    Py_INCREF(o);
    Py_DECREF(o);
    Py_XINCREF(o);
    Py_XDECREF(o);
    Py_CLEAR(*place);
    Py_SET_REFCNT(o, 3);
    *place = Py_NewRef(o);
    *place = Py_XNewRef(o);
    return (int)Py_REFCNT(o);
}

int types(PyObject *o, PyTypeObject *t);
int types(PyObject *o, PyTypeObject *t) {
    Py_SET_TYPE(o, t);
    Py_SET_SIZE((PyVarObject *)o, 3);
    return Py_TYPE(o) == t && Py_SIZE(o) && Py_IS_TYPE(o, t) && PyObject_TypeCheck(o, t) && PyType_HasFeature(t, 3)
           && PyType_Check(o) && PyType_CheckExact(o) && PyType_IS_GC(t) && Py_Is(o, o) && Py_IsNone(o) && Py_IsTrue(o)
           && Py_IsFalse(o);
}

PyObject *none(void);
PyObject *none(void) { Py_RETURN_NONE; }
PyObject *not_implemented(void);
PyObject *not_implemented(void) { Py_RETURN_NOTIMPLEMENTED; }
PyObject *truth(int value);
PyObject *truth(int value) {
    if (value) Py_RETURN_TRUE;
    Py_RETURN_FALSE;
}
PyObject *compared(double a, double b, int op);
PyObject *compared(double a, double b, int op) { Py_RETURN_RICHCOMPARE(a, b, op); }
PyObject *nan_or_inf(int a);
PyObject *nan_or_inf(int a) {
    if (a) Py_RETURN_NAN;
    Py_RETURN_INF(-1);
}

int checks(PyObject *o);
int checks(PyObject *o) {
    return PyLong_Check(o) + PyLong_CheckExact(o) + PyBool_Check(o) + PyFloat_Check(o) + PyFloat_CheckExact(o)
           + PyComplex_Check(o) + PyComplex_CheckExact(o) + PyUnicode_Check(o) + PyUnicode_CheckExact(o) + PyBytes_Check(o)
           + PyBytes_CheckExact(o) + PyByteArray_Check(o) + PyByteArray_CheckExact(o) + PyTuple_Check(o)
           + PyTuple_CheckExact(o) + PyList_Check(o) + PyList_CheckExact(o) + PyDict_Check(o) + PyDict_CheckExact(o)
           + PyDictKeys_Check(o) + PyDictValues_Check(o) + PyDictItems_Check(o) + PyDictViewSet_Check(o) + PySet_Check(o)
           + PySet_CheckExact(o) + PyFrozenSet_Check(o) + PyFrozenSet_CheckExact(o) + PyAnySet_Check(o)
           + PyAnySet_CheckExact(o) + PySlice_Check(o) + PyRange_Check(o) + PyMemoryView_Check(o) + PyModule_Check(o)
           + PyModule_CheckExact(o) + PyCFunction_Check(o) + PyCFunction_CheckExact(o) + PyCapsule_CheckExact(o)
           + PySeqIter_Check(o) + PyCallIter_Check(o) + PyTraceBack_Check(o) + PyWeakref_Check(o) + PyWeakref_CheckRef(o)
           + PyWeakref_CheckRefExact(o) + PyWeakref_CheckProxy(o) + PyExceptionClass_Check(o)
           + PyExceptionInstance_Check(o) + (PyExceptionInstance_Class(o) == o);
}

int memory(char *p, int **q, PyObject *o, PyTypeObject *t);
int memory(char *p, int **q, PyObject *o, PyTypeObject *t) {
    int *a = PyMem_New(int, 3), *b = PyMem_NEW(int, 3);
    PyMem_Resize(*q, int, 4);
    PyMem_RESIZE(*q, int, 4);
    PyMem_FREE(PyMem_REALLOC(PyMem_MALLOC(3), 4));
    PyMem_Del(p);
    PyMem_DEL(p);
    PyObject_FREE(PyObject_REALLOC(PyObject_MALLOC(3), 4));
    PyObject_Del(o);
    PyObject_DEL(o);
    PyObject_INIT(o, t);
    PyObject_INIT_VAR((PyVarObject *)o, t, 3);
    return a == b && PyObject_New(PyObject, t) && PyObject_NewVar(PyVarObject, t, 3) && PyObject_GC_New(PyObject, t)
           && PyObject_GC_NewVar(PyVarObject, t, 3) && PyObject_GC_Resize(PyVarObject, o, 3) && PyObject_NEW(PyObject, t)
           && PyObject_NEW_VAR(PyVarObject, t, 3);
}

int visited(PyObject *o, visitproc visit, void *arg);
int visited(PyObject *o, visitproc visit, void *arg) {
    Py_VISIT(o);
    return 0;
}

static PyMethodDef methods[] = {{"f", (PyCFunction)(void (*)(void))none, METH_NOARGS, PyDoc_STR("f")}, {NULL, NULL, 0, NULL}};
static PyMemberDef member_rows[] = {{"a", T_INT, 0, READONLY, NULL}, {NULL, 0, 0, 0, NULL}};
static PyModuleDef definition = {PyModuleDef_HEAD_INIT, "uses", NULL, -1, methods, NULL, NULL, NULL, NULL};

#define NUMBER 3
#define TEXT "text"
PyMODINIT_FUNC PyInit_uses(void) {
    PyObject *module = PyModule_Create(&definition);
    if (module == NULL) return NULL;
    if (PyModule_AddIntMacro(module, NUMBER) < 0 || PyModule_AddStringMacro(module, TEXT) < 0) PyErr_BadInternalCall();
    PyObject_SetAttrString(module, "f", PyCFunction_New(methods, module));
    if (member_rows[0].name == NULL) PyObject_DelAttrString(module, "f");
    PyObject_DelAttr(module, Py_None);
    PyMapping_DelItem(module, Py_None);
    PyMapping_DelItemString(module, "f");
    PySequence_Length(module);
    PySequence_In(module, Py_Ellipsis);
    PyMapping_Length(module);
    PyObject_Length(module);
    PyImport_ImportModuleEx("os", module, module, module);
    PyLong_FromPid(PyLong_AsPid(module));
    PyLong_AS_LONG(module);
    PyOS_stricmp("a", "b");
    PyOS_strnicmp("a", "b", 1);
    PyThreadState_GET();
    Py_BEGIN_ALLOW_THREADS
    Py_BLOCK_THREADS
    Py_UNBLOCK_THREADS
    Py_END_ALLOW_THREADS
#if LEVEL >= 0x03050000
    PyModule_FromDefAndSpec(&definition, module);
#endif
#if LEVEL >= 0x03070000
    Py_ssize_t start, stop, step, length;
    PySlice_GetIndicesEx(module, 3, &start, &stop, &step, &length);
#endif
    return module;
}

#ifndef Py_LIMITED_API
int full(PyObject *o, PyObject *other, PyMutex *mutex, PyMonitoringState *state, void *data);
int full(PyObject *o, PyObject *other, PyMutex *mutex, PyMonitoringState *state, void *data) {
    PyMutex_Lock(mutex);
    PyMutex_Unlock(mutex);
    Py_SETREF(o, other);
    Py_XSETREF(o, other);
    PyList_SET_ITEM(o, 0, other);
    PyTuple_SET_ITEM(o, 0, other);
    PyCell_SET(o, other);
    PyUnicode_WRITE(PyUnicode_KIND(o), data, 0, 65);
    PyMonitoring_FirePyStartEvent(state, o, 0);
    PyMonitoring_FirePyResumeEvent(state, o, 0);
    PyMonitoring_FirePyReturnEvent(state, o, 0, o);
    PyMonitoring_FirePyYieldEvent(state, o, 0, o);
    PyMonitoring_FireCallEvent(state, o, 0, o, o);
    PyMonitoring_FireLineEvent(state, o, 0, 3);
    PyMonitoring_FireJumpEvent(state, o, 0, o);
    PyMonitoring_FireBranchRightEvent(state, o, 0, o);
    PyMonitoring_FireBranchLeftEvent(state, o, 0, o);
    PyMonitoring_FireCReturnEvent(state, o, 0, o);
    PyMonitoring_FirePyThrowEvent(state, o, 0);
    PyMonitoring_FireRaiseEvent(state, o, 0);
    PyMonitoring_FireReraiseEvent(state, o, 0);
    PyMonitoring_FireExceptionHandledEvent(state, o, 0);
    PyMonitoring_FireCRaiseEvent(state, o, 0);
    PyMonitoring_FirePyUnwindEvent(state, o, 0);
    PyMonitoring_FireStopIterationEvent(state, o, 0, o);
    PyErr_Warn(o, "text");
    PyRun_String("1", Py_eval_input, o, o);
    PyRun_SimpleString("1");
    PyRun_AnyFile(stdin, "a");
    PyRun_SimpleFile(stdin, "a");
    PyRun_InteractiveLoop(stdin, "a");
    PyRun_InteractiveOne(stdin, "a");
    PyRun_File(stdin, "a", Py_file_input, o, o);
    Py_CompileString("1", "a", Py_eval_input);
    PyObject_CallMethodNoArgs(o, o);
    PyObject_CallMethodOneArg(o, o, o);
    _PyObject_Vectorcall(o, &o, 1, NULL);
    _PyObject_CallOneArg(o, o);
    _PyCode_GetExtra(o, 1, &data);
    _PyCode_SetExtra(o, 1, &data);
    _PyEval_RequestCodeExtraIndex(NULL);
    _PyBytes_Join(o, o);
    _PyUnicode_AsString(o);
    _Py_HashPointer(o);
    _PyThreadState_UncheckedGet();
    _Py_fopen_obj(o, "r");
    PyCode_New(0, 0, 0, 0, 0, o, o, o, o, o, o, o, o, o, 0, o, o);
    PyCode_NewWithPosOnlyArgs(0, 0, 0, 0, 0, 0, o, o, o, o, o, o, o, o, o, 0, o, o);
    if (o == NULL) Py_FatalError("text");
    return PyMutex_IsLocked(mutex) + PyGen_Check(o) + PyGen_CheckExact(o) + PyCoro_CheckExact(o) + PyAsyncGen_CheckExact(o)
           + PyAsyncGenASend_CheckExact(o) + PyContext_CheckExact(o) + PyContextVar_CheckExact(o)
           + PyContextToken_CheckExact(o) + PyODict_Check(o) + PyODict_CheckExact(o) + PyPickleBuffer_Check(o)
           + PyFunction_Check(o) + PyMethod_Check(o) + PyInstanceMethod_Check(o) + PyCell_Check(o) + PyCode_Check(o)
           + PyFrame_Check(o) + PyFrameLocalsProxy_Check(o) + PyCMethod_Check(o) + PyCMethod_CheckExact(o)
           + (PyODict_GetItem(o, o) == o) + (PyODict_GetItemString(o, "a") == o) + (int)PyODict_Size(o) + PyODict_Contains(o, o)
           + (PyWeakref_GET_OBJECT(o) == o) + (PyByteArray_AS_STRING(o) == data) + Py_UNICODE_ISSPACE(65) + Py_UNICODE_ISALNUM(65)
           + Py_UNICODE_ISLOWER(65) + Py_UNICODE_ISUPPER(65) + Py_UNICODE_ISTITLE(65) + Py_UNICODE_ISLINEBREAK(65)
           + (int)Py_UNICODE_TOLOWER(65) + (int)Py_UNICODE_TOUPPER(65) + (int)Py_UNICODE_TOTITLE(65) + Py_UNICODE_ISDECIMAL(65)
           + Py_UNICODE_ISDIGIT(65) + Py_UNICODE_ISNUMERIC(65) + Py_UNICODE_ISPRINTABLE(65) + Py_UNICODE_TODECIMAL(65)
           + Py_UNICODE_TODIGIT(65) + (int)Py_UNICODE_TONUMERIC(65) + Py_UNICODE_ISALPHA(65) + (PyStructSequence_GET_ITEM(o, 0) == o)
           + (Py_ISALPHA('a') != 0) + Py_TOUPPER('a') + Py_TOLOWER('a') + PyExceptionClass_Check(o) + _PyBaseExceptionGroup_Check(o);
}
#endif
