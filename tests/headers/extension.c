/* A small extension that uses the headers' macros and inline functions, in C99 to C++20: run() returns lines of text. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>
#include <datetime.h>
#include <frameobject.h>
#include <marshal.h>
#include "cpython/longintrepr.h"

static PyObject *lines;

/* Adds a line: name, and a value from a format of Py_BuildValue(). */
static int say(const char *name, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    PyObject *value = Py_VaBuildValue(format, arguments);
    va_end(arguments);
    if (value == NULL) return -1;
    PyObject *line = PyUnicode_FromFormat("%s %A", name, value);
    Py_DECREF(value);
    if (line == NULL) return -1;
    const int result = PyList_Append(lines, line);
    Py_DECREF(line);
    return result;
}
#define SAY(...) do { if (say(__VA_ARGS__) < 0) return -1; } while (0)
#define FLAG(x) ((x) ? 1 : 0)

static int counts(void) {
    PyObject *o = PyList_New(0), *other = PyList_New(0);
    if (o == NULL || other == NULL) return -1;
    Py_INCREF(o);
    PyObject *again = Py_NewRef(o);
    SAY("counts", "nn", Py_REFCNT(o), Py_REFCNT(Py_None) > 1000000 ? (Py_ssize_t)1 : (Py_ssize_t)0);
    Py_DECREF(again);
    Py_XDECREF(o);
    Py_XINCREF((PyObject *)NULL);
    SAY("back", "n", Py_REFCNT(o));
    Py_INCREF(other);
    Py_SETREF(o, other);
    SAY("setref", "n", Py_REFCNT(other));
    Py_XSETREF(o, NULL);
    SAY("xsetref", "n", Py_REFCNT(other));
    Py_CLEAR(other);
    SAY("clear", "i", other == NULL);
    SAY("immortal", "iiii", FLAG(_Py_IsImmortal(Py_True)), FLAG(_Py_IsImmortal(lines)), FLAG(Py_IsNone(Py_None)), FLAG(Py_IsTrue(Py_False)));
    Py_SET_REFCNT(Py_None, 3);
    SAY("set", "i", FLAG(_Py_IsImmortal(Py_None)));
    return 0;
}

static int containers(void) {
    PyObject *list = PyList_New(2), *tuple = PyTuple_New(2), *dict = PyDict_New(), *set = PySet_New(NULL);
    if (list == NULL || tuple == NULL || dict == NULL || set == NULL) return -1;
    for (Py_ssize_t i = 0; i < 2; i++) {
        PyList_SET_ITEM(list, i, PyLong_FromSsize_t(i + 10));
        PyTuple_SET_ITEM(tuple, i, PyLong_FromSsize_t(i + 20));
    }
    SAY("list", "nOO", PyList_GET_SIZE(list), PyList_GET_ITEM(list, 1), list);
    SAY("tuple", "nOO", PyTuple_GET_SIZE(tuple), PyTuple_GET_ITEM(tuple, 0), tuple);
    if (PyDict_SetItemString(dict, "a", list) < 0 || PySet_Add(set, Py_None) < 0) return -1;
    SAY("dict", "nn", PyDict_GET_SIZE(dict), PySet_GET_SIZE(set));
    SAY("checks", "iiiiiiii", PyList_Check(list), PyList_CheckExact(tuple), PyTuple_Check(tuple), PyDict_CheckExact(dict), PyAnySet_Check(set),
        PyFrozenSet_Check(set), PySet_CheckExact(set), PyDictViewSet_Check(dict));
    PyObject *fast = PySequence_Fast(list, "a sequence");
    if (fast == NULL) return -1;
    SAY("fast", "nOO", PySequence_Fast_GET_SIZE(fast), PySequence_Fast_GET_ITEM(fast, 0), PySequence_Fast_ITEMS(fast)[1]);
    SAY("item", "N", PySequence_ITEM(list, 1));
    SAY("fields", "nn", ((PyListObject *)list)->allocated, Py_SIZE(tuple));
    Py_ssize_t start, stop, step, length;
    PyObject *slice = PySlice_New(NULL, NULL, NULL);
    if (slice == NULL || PySlice_GetIndicesEx(slice, 7, &start, &stop, &step, &length) < 0) return -1;
    SAY("slice", "nnnn", start, stop, step, length);
    PyObject *array = PyByteArray_FromStringAndSize("abc", 3), *empty = PyByteArray_FromStringAndSize(NULL, 0);
    if (array == NULL || empty == NULL) return -1;
    SAY("bytearray", "ns#i", PyByteArray_GET_SIZE(array), PyByteArray_AS_STRING(array), (Py_ssize_t)3, PyByteArray_AS_STRING(empty)[0]);
    PyObject *view = PyMemoryView_FromObject(array);
    if (view == NULL) return -1;
    SAY("memoryview", "nin", PyMemoryView_GET_BUFFER(view)->len, PyMemoryView_GET_BASE(view) == array, PyMemoryView_GET_BUFFER(view)->itemsize);
    PyObject *cell = PyCell_New(list);
    if (cell == NULL) return -1;
    SAY("cell", "iO", PyCell_Check(cell), PyCell_GET(cell));
    Py_DECREF(cell);
    Py_DECREF(view);
    Py_DECREF(array);
    Py_DECREF(empty);
    Py_DECREF(slice);
    Py_DECREF(fast);
    Py_DECREF(list);
    Py_DECREF(tuple);
    Py_DECREF(dict);
    Py_DECREF(set);
    return 0;
}

static int numbers(void) {
    const long samples[] = {0, 1, -1, 12345, 1L << 29, (1L << 30) - 1, 1L << 30, -(1L << 30), 1L << 61};
    for (size_t i = 0; i < Py_ARRAY_LENGTH(samples); i++) {
        PyObject *number = PyLong_FromLong(samples[i]);
        if (number == NULL) return -1;
        const int compact = PyUnstable_Long_IsCompact((PyLongObject *)number);
        SAY("int", "lin", samples[i], compact, compact ? PyUnstable_Long_CompactValue((PyLongObject *)number) : (Py_ssize_t)0);
        Py_DECREF(number);
    }
    PyObject *pid = PyLong_FromPid(42), *big = PyLong_FromString("123456789012345678901", NULL, 10), *real = PyFloat_FromDouble(2.5);
    if (pid == NULL || big == NULL || real == NULL) return -1;
    SAY("pid", "ii", (int)PyLong_AsPid(pid), (int)PyLong_AsPid(big));
    PyErr_Clear();
    PyLongExport exported;
    if (PyLong_Export(big, &exported) < 0) return -1;
    SAY("export", "nb", exported.ndigits, exported.negative);
    PyLong_FreeExport(&exported);
    SAY("float", "dii", PyFloat_AS_DOUBLE(real), PyFloat_CheckExact(real), PyComplex_Check(real));
    SAY("macros", "iiiiiii", Py_MIN(2, 3), Py_MAX(2, 3), Py_ABS(-4), (int)Py_CHARMASK(-1), (int)Py_MEMBER_SIZE(PyCompactUnicodeObject, utf8),
        FLAG(Py_IS_NAN(Py_NAN)), FLAG(Py_IS_INFINITY(Py_INFINITY)));
    SAY("text", "sss", Py_STRINGIFY(PY_MAJOR_VERSION), PyDoc_STR("doc"), PY_VERSION);
    SAY("version", "kk", (unsigned long)PY_VERSION_HEX, (unsigned long)Py_PACK_VERSION(3, 14));
    SAY("ctype", "iiiiii", FLAG(Py_ISALPHA('a')), FLAG(Py_ISDIGIT('a')), FLAG(Py_ISXDIGIT('a')), FLAG(Py_ISSPACE(' ')), Py_TOUPPER('a'), Py_TOLOWER('A'));
    SAY("round", "nni", (Py_ssize_t)_Py_SIZE_ROUND_UP(17, 8), (Py_ssize_t)_Py_SIZE_ROUND_DOWN(17, 8), (int)_Py_ABS_CAST(unsigned char, (signed char)-128));
    Py_DECREF(pid);
    Py_DECREF(big);
    Py_DECREF(real);
    return 0;
}

static int strings(void) {
    const char *samples[] = {"", "abc", "\xc3\xa9t\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x90\x8d!"};
    for (size_t i = 0; i < Py_ARRAY_LENGTH(samples); i++) {
        PyObject *text = PyUnicode_FromString(samples[i]);
        if (text == NULL) return -1;
        const Py_ssize_t length = PyUnicode_GET_LENGTH(text);
        unsigned long sum = 0;
        for (Py_ssize_t k = 0; k < length; k++)
            sum += PyUnicode_READ(PyUnicode_KIND(text), PyUnicode_DATA(text), k) + PyUnicode_READ_CHAR(text, k);
        SAY("str", "niiiikk", length, (int)PyUnicode_KIND(text), FLAG(PyUnicode_IS_ASCII(text)), FLAG(PyUnicode_IS_COMPACT(text)),
            FLAG(PyUnicode_IS_COMPACT_ASCII(text)), (unsigned long)PyUnicode_MAX_CHAR_VALUE(text), sum);
        PyObject *copy = PyUnicode_New(length, PyUnicode_MAX_CHAR_VALUE(text));
        if (copy == NULL) return -1;
        for (Py_ssize_t k = 0; k < length; k++)
            PyUnicode_WRITE(PyUnicode_KIND(copy), PyUnicode_DATA(copy), k, PyUnicode_READ_CHAR(text, k));
        SAY("copy", "ii", PyUnicode_Compare(text, copy), FLAG(PyUnicode_IS_READY(copy)));
        Py_DECREF(copy);
        Py_DECREF(text);
    }
    SAY("surrogates", "kkkii", (unsigned long)Py_UNICODE_JOIN_SURROGATES(0xD83D, 0xDC0D), (unsigned long)Py_UNICODE_HIGH_SURROGATE(0x1F40D),
        (unsigned long)Py_UNICODE_LOW_SURROGATE(0x1F40D), Py_UNICODE_IS_SURROGATE(0xD800), Py_UNICODE_IS_HIGH_SURROGATE(0xDC00));
    SAY("characters", "iiiiikd", FLAG(Py_UNICODE_ISSPACE(0x2003)), FLAG(Py_UNICODE_ISSPACE('\t')), FLAG(Py_UNICODE_ISALNUM(0xE9)),
        FLAG(Py_UNICODE_ISUPPER(0xE9)), Py_UNICODE_TODECIMAL('7'), (unsigned long)Py_UNICODE_TOUPPER(0xE9), Py_UNICODE_TONUMERIC(0xBD));
    PyObject *bytes = PyBytes_FromStringAndSize("a\0b", 3), *interned = PyUnicode_InternFromString("a name of the headers' test");
    if (bytes == NULL || interned == NULL) return -1;
    SAY("bytes", "ny#ii", PyBytes_GET_SIZE(bytes), PyBytes_AS_STRING(bytes), (Py_ssize_t)3, PyBytes_CheckExact(bytes), FLAG(PyUnicode_CHECK_INTERNED(interned)));
    Py_DECREF(bytes);
    Py_DECREF(interned);
    return 0;
}

static int dates(void) {
    PyDateTime_IMPORT;
    if (PyDateTimeAPI == NULL) return -1;
    PyObject *day = PyDate_FromDate(2025, 10, 7), *delta = PyDelta_FromDSU(1, 2, 3), *time = PyTime_FromTimeAndFold(1, 2, 3, 400005, 1),
             *moment = PyDateTime_FromDateAndTime(1999, 12, 31, 23, 59, 58, 123456), *zone = PyTimeZone_FromOffset(delta);
    PyErr_Clear();      /* an offset of more than a day */
    if (day == NULL || delta == NULL || time == NULL || moment == NULL) return -1;
    SAY("date", "iiiiii", PyDateTime_GET_YEAR(day), PyDateTime_GET_MONTH(day), PyDateTime_GET_DAY(day), PyDate_Check(moment), PyDateTime_Check(day), zone == NULL);
    SAY("datetime", "iiiiO", PyDateTime_DATE_GET_HOUR(moment), PyDateTime_DATE_GET_MINUTE(moment), PyDateTime_DATE_GET_SECOND(moment),
        PyDateTime_DATE_GET_MICROSECOND(moment), PyDateTime_DATE_GET_TZINFO(moment));
    SAY("time", "iiiiiO", PyDateTime_TIME_GET_HOUR(time), PyDateTime_TIME_GET_MINUTE(time), PyDateTime_TIME_GET_SECOND(time),
        PyDateTime_TIME_GET_MICROSECOND(time), PyDateTime_TIME_GET_FOLD(time), PyDateTime_TIME_GET_TZINFO(time));
    SAY("delta", "iiiO", PyDateTime_DELTA_GET_DAYS(delta), PyDateTime_DELTA_GET_SECONDS(delta), PyDateTime_DELTA_GET_MICROSECONDS(delta), PyDateTime_TimeZone_UTC);
    Py_DECREF(day);
    Py_DECREF(delta);
    Py_DECREF(time);
    Py_DECREF(moment);
    return 0;
}

/* --- A type with members, the collector, a static type object --- */
typedef struct {
    PyObject_HEAD
    int number;
    PyObject *other;
} Thing;

static int thing_traverse(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(((Thing *)self)->other);
    return 0;
}
static int thing_clear(PyObject *self) {
    Py_CLEAR(((Thing *)self)->other);
    return 0;
}
static void thing_dealloc(PyObject *self) {
    PyObject_GC_UnTrack(self);
    Py_TRASHCAN_BEGIN(self, thing_dealloc)
    thing_clear(self);
    PyObject_GC_Del(self);
    Py_TRASHCAN_END
}
static PyObject *thing_compare(PyObject *a, PyObject *b, int op) {
    if (!Py_IS_TYPE(b, Py_TYPE(a))) Py_RETURN_NOTIMPLEMENTED;
    Py_RETURN_RICHCOMPARE(((Thing *)a)->number, ((Thing *)b)->number, op);
}
static PyMemberDef thing_members[] = {{"number", T_INT, offsetof(Thing, number), READONLY, NULL},
                                      {"other", Py_T_OBJECT_EX, offsetof(Thing, other), 0, PyDoc_STR("another")},
                                      {NULL, 0, 0, 0, NULL}};
static PyTypeObject thing_type = {PyVarObject_HEAD_INIT(NULL, 0) "extension.Thing", sizeof(Thing), 0, thing_dealloc, 0, NULL, NULL, NULL, NULL, NULL,
                                  NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, NULL, thing_traverse,
                                  thing_clear, thing_compare, 0, NULL, NULL, NULL, thing_members, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL,
                                  NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, 0, 0};

static int things(void) {
    if (PyType_Ready(&thing_type) < 0) return -1;
    PyObject *objects[2];
    for (int i = 0; i < 2; i++) {
        Thing *thing = PyObject_GC_New(Thing, &thing_type);
        if (thing == NULL) return -1;
        thing->number = i;
        thing->other = Py_NewRef(Py_None);
        objects[i] = (PyObject *)thing;
        PyObject_GC_Track(objects[i]);
    }
    SAY("thing", "OOiii", Py_True, PyObject_RichCompareBool(objects[0], objects[1], Py_LT) ? Py_True : Py_False, PyType_IS_GC(&thing_type),
        PyType_HasFeature(&thing_type, Py_TPFLAGS_READY), PyObject_TypeCheck(objects[0], &thing_type));
    SAY("member", "NN", PyObject_GetAttrString(objects[1], "number"), PyObject_GetAttrString(objects[1], "other"));
    SAY("static", "ii", FLAG(_Py_IsImmortal(&thing_type)), FLAG(_Py_IsStaticImmortal(&thing_type)));
    PyObject *weak = PyWeakref_NewRef((PyObject *)&thing_type, NULL);
    if (weak == NULL) return -1;
    SAY("weak", "ii", PyWeakref_Check(weak), PyWeakref_CheckRefExact(weak));
    Py_DECREF(weak);
    Py_DECREF(objects[0]);
    Py_DECREF(objects[1]);
    return 0;
}

static int calls(void) {
    PyObject *text = PyUnicode_FromString("a b"), *split = PyUnicode_FromString("split"), *count = PyUnicode_FromString("count");
    if (text == NULL || split == NULL || count == NULL) return -1;
    SAY("call", "NN", PyObject_CallMethodNoArgs(text, split), PyObject_CallMethodOneArg(text, count, text));
    SAY("nargs", "n", PyVectorcall_NARGS(3 | PY_VECTORCALL_ARGUMENTS_OFFSET));
    PyObject *globals = PyDict_New();
    if (globals == NULL) return -1;
    SAY("run", "N", PyRun_String("(lambda a, b=3: a * b)(14)", Py_eval_input, globals, globals));
    PyObject *function = PyRun_String("lambda: b", Py_eval_input, globals, globals);
    if (function == NULL) return -1;
    PyCodeObject *code = (PyCodeObject *)PyFunction_GET_CODE(function);
    SAY("function", "iiin", PyFunction_Check(function), PyFunction_GET_GLOBALS(function) == globals, code->co_argcount, PyCode_GetNumFree(code));
    Py_DECREF(function);
    int threads = 0;
    Py_BEGIN_ALLOW_THREADS
    threads++;
    Py_BLOCK_THREADS
    threads++;
    Py_UNBLOCK_THREADS
    Py_END_ALLOW_THREADS
    PyMutex mutex = {0};
    PyMutex_Lock(&mutex);
    threads += PyMutex_IsLocked(&mutex);
    PyMutex_Unlock(&mutex);
    Py_BEGIN_CRITICAL_SECTION(text);
    threads++;
    Py_END_CRITICAL_SECTION();
    SAY("threads", "i", threads + PyMutex_IsLocked(&mutex));
    PyErr_BadInternalCall();
    PyObject *exception = PyErr_GetRaisedException();
    SAY("exception", "iiO", PyExceptionInstance_Check(exception), PyExceptionClass_Check(PyExc_OSError), PyExceptionInstance_Class(exception));
    Py_DECREF(exception);
    Py_DECREF(globals);
    Py_DECREF(text);
    Py_DECREF(split);
    Py_DECREF(count);
    return 0;
}

static int atomics(void) {
    int number = 3;
    uint8_t byte = 1, expected = 2;
    void *pointer = &number;
    SAY("atomic", "iiiii", _Py_atomic_add_int(&number, 4), _Py_atomic_load_int(&number), _Py_atomic_exchange_int(&number, 9),
        _Py_atomic_compare_exchange_uint8(&byte, &expected, 7), (int)expected);
    _Py_atomic_store_ptr_release(&pointer, NULL);
    SAY("pointer", "ii", _Py_atomic_load_ptr(&pointer) == NULL, (int)_Py_atomic_or_uint8(&byte, 6));
    return 0;
}

static PyObject *run(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    lines = PyList_New(0);
    if (lines == NULL) return NULL;
    if (counts() < 0 || containers() < 0 || numbers() < 0 || strings() < 0 || dates() < 0 || things() < 0 || calls() < 0 || atomics() < 0) {
        Py_CLEAR(lines);
        return NULL;
    }
    PyObject *result = lines;
    lines = NULL;
    return result;
}

static PyMethodDef methods[] = {{"run", run, METH_NOARGS, PyDoc_STR("Lines of text.")}, {NULL, NULL, 0, NULL}};
static int execute(PyObject *module) { return PyModule_AddIntMacro(module, PY_MINOR_VERSION); }
static PyModuleDef_Slot slots[] = {{Py_mod_exec, (void *)execute}, {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
                                   {Py_mod_gil, Py_MOD_GIL_USED}, {0, NULL}};
static PyModuleDef definition = {PyModuleDef_HEAD_INIT, "extension", NULL, 0, methods, slots, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit_extension(void) { return PyModuleDef_Init(&definition); }
