// The C API calls that extensions make most, timed one by one. Compiled once with the reference's headers, loaded in both.
//
// Every measured call is a row BENCH(name) { one iteration }; its objects are the fixtures below. run(name, count) returns
// nanoseconds of the thread's processor time.
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>
#include <time.h>

static PyObject *user_function, *user_class, *instance, *small, *large, *real, *text, *other_text, *list, *tuple, *dict, *key,
    *missing, *bytes, *set, *one_tuple, *two_tuple, *keywords, *keyword_names, *empty, *capsule, *method_name, *attribute, *absent,
    *type_object, *module_object, *range_list, *slots;
static char* names_of_arguments[] = {"first", "second", "third", NULL};
static volatile long sink;

// A type of the extension's own: two members, a slot for len() and items.
typedef struct {
  PyObject_HEAD
  PyObject* item;
  long number;
} Own;
static void own_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  Py_XDECREF(((Own*)self)->item);
  type->tp_free(self);
  Py_DECREF(type);
}
static PyObject* own_method(PyObject* self, PyObject* unused) { return Py_NewRef(self); }
static Py_ssize_t own_length(PyObject* self) { return 3; }
static PyMemberDef own_members[] = {{"item", Py_T_OBJECT_EX, offsetof(Own, item), 0, NULL},
                                    {"number", Py_T_LONG, offsetof(Own, number), 0, NULL}, {NULL}};
static PyMethodDef own_methods[] = {{"method", own_method, METH_NOARGS, NULL}, {NULL}};
static PyType_Slot own_slots[] = {{Py_tp_dealloc, own_dealloc}, {Py_tp_members, own_members}, {Py_tp_methods, own_methods},
                                  {Py_sq_length, own_length}, {0, NULL}};
static PyType_Spec own_spec = {"kingsnake_calls.Own", sizeof(Own), 0, Py_TPFLAGS_DEFAULT, own_slots};

// The same with the collector.
static int node_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(((Own*)self)->item);
  return 0;
}
static int node_clear(PyObject* self) {
  Py_CLEAR(((Own*)self)->item);
  return 0;
}
static void node_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  node_clear(self);
  PyObject_GC_Del(self);
  Py_DECREF(type);
}
static PyType_Slot node_slots[] = {{Py_tp_dealloc, node_dealloc}, {Py_tp_traverse, node_traverse}, {Py_tp_clear, node_clear},
                                   {Py_tp_members, own_members}, {0, NULL}};
static PyType_Spec node_spec = {"kingsnake_calls.Node", sizeof(Own), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, node_slots};
static PyObject *own_type, *node_type, *own;

#define DROP(CALL) do { PyObject* result_ = (CALL); if (!result_) return -1; Py_DECREF(result_); } while (0)
#define CHECK(CONDITION) do { if (!(CONDITION)) return -1; } while (0)

// ROWS is included twice: once for the functions, once for the table.
#define ROWS \
  ROW(new_int_small, DROP(PyLong_FromLong(5))) \
  ROW(new_int, DROP(PyLong_FromLong(123456))) \
  ROW(new_int_ssize, DROP(PyLong_FromSsize_t(1LL << 40))) \
  ROW(new_float, DROP(PyFloat_FromDouble(1.5))) \
  ROW(new_str, DROP(PyUnicode_FromString("a string of some length"))) \
  ROW(new_str_size, DROP(PyUnicode_FromStringAndSize("four", 4))) \
  ROW(new_str_format, DROP(PyUnicode_FromFormat("%s is %d", "number", 42))) \
  ROW(new_bytes, DROP(PyBytes_FromStringAndSize("some bytes", 10))) \
  ROW(new_tuple, DROP(PyTuple_Pack(3, small, text, real))) \
  ROW(new_list, PyObject* l = PyList_New(3); CHECK(l); PyList_SetItem(l, 0, Py_NewRef(small)); PyList_SetItem(l, 1, Py_NewRef(text)); \
      PyList_SetItem(l, 2, Py_NewRef(real)); Py_DECREF(l)) \
  ROW(new_list_append, PyObject* l = PyList_New(0); CHECK(l); for (int i = 0; i < 10; ++i) PyList_Append(l, small); Py_DECREF(l)) \
  ROW(new_dict, PyObject* d = PyDict_New(); CHECK(d); PyDict_SetItem(d, key, small); PyDict_SetItem(d, text, small); Py_DECREF(d)) \
  ROW(new_dict_string, PyObject* d = PyDict_New(); CHECK(d); PyDict_SetItemString(d, "name", small); Py_DECREF(d)) \
  ROW(new_set, PyObject* s = PySet_New(NULL); CHECK(s); PySet_Add(s, key); Py_DECREF(s)) \
  ROW(new_own, DROP(PyType_GenericAlloc((PyTypeObject*)own_type, 0))) \
  ROW(new_node, Own* n = PyObject_GC_New(Own, (PyTypeObject*)node_type); CHECK(n); n->item = NULL; PyObject_GC_Track(n); Py_DECREF(n)) \
  ROW(new_capsule, DROP(PyCapsule_New((void*)&sink, "name", NULL))) \
  ROW(memory_small, void* p = PyMem_Malloc(32); CHECK(p); PyMem_Free(p)) \
  ROW(memory_object, void* p = PyObject_Malloc(200); CHECK(p); PyObject_Free(p)) \
  ROW(memory_large, void* p = PyMem_Malloc(2000); CHECK(p); PyMem_Free(p)) \
  ROW(attribute_get, DROP(PyObject_GetAttr(instance, attribute))) \
  ROW(attribute_get_string, DROP(PyObject_GetAttrString(instance, "value"))) \
  ROW(attribute_set, CHECK(PyObject_SetAttr(instance, attribute, small) == 0)) \
  ROW(attribute_set_string, CHECK(PyObject_SetAttrString(instance, "value", small) == 0)) \
  ROW(attribute_has, sink = PyObject_HasAttrString(instance, "method")) \
  ROW(attribute_absent, PyObject* r; CHECK(PyObject_GetOptionalAttr(instance, absent, &r) == 0)) \
  ROW(attribute_error, CHECK(!PyObject_GetAttr(instance, absent)); PyErr_Clear()) \
  ROW(attribute_member, DROP(PyObject_GetAttrString(own, "number"))) \
  ROW(attribute_method, DROP(PyObject_GetAttr(instance, method_name))) \
  ROW(attribute_type, DROP(PyObject_GetAttr(user_class, method_name))) \
  ROW(attribute_module, DROP(PyObject_GetAttrString(module_object, "names"))) \
  ROW(item_list, sink = (long)PyList_GetItem(list, 1)) \
  ROW(item_list_ref, DROP(PyList_GetItemRef(list, 1))) \
  ROW(item_list_set, CHECK(PyList_SetItem(list, 1, Py_NewRef(text)) == 0)) \
  ROW(item_tuple, sink = (long)PyTuple_GetItem(tuple, 1)) \
  ROW(item_dict, sink = (long)PyDict_GetItemWithError(dict, key)) \
  ROW(item_dict_ref, PyObject* r; CHECK(PyDict_GetItemRef(dict, key, &r) == 1); Py_DECREF(r)) \
  ROW(item_dict_string, sink = (long)PyDict_GetItemString(dict, "key")) \
  ROW(item_dict_missing, sink = (long)PyDict_GetItemWithError(dict, missing)) \
  ROW(item_dict_set, CHECK(PyDict_SetItem(dict, key, small) == 0)) \
  ROW(item_dict_contains, CHECK(PyDict_Contains(dict, key) == 1)) \
  ROW(item_object_list, DROP(PyObject_GetItem(list, small))) \
  ROW(item_object_dict, DROP(PyObject_GetItem(dict, key))) \
  ROW(item_sequence, DROP(PySequence_GetItem(tuple, 1))) \
  ROW(item_slice, DROP(PySequence_GetSlice(list, 1, 3))) \
  ROW(item_set_contains, CHECK(PySet_Contains(set, key) == 1)) \
  ROW(iterate_list, PyObject* it = PyObject_GetIter(range_list); CHECK(it); PyObject* x; while ((x = PyIter_Next(it))) Py_DECREF(x); Py_DECREF(it)) \
  ROW(iterate_dict, Py_ssize_t place = 0; PyObject *k, *v; while (PyDict_Next(dict, &place, &k, &v)) sink = (long)v) \
  ROW(iterate_fast, PyObject* f = PySequence_Fast(range_list, ""); CHECK(f); for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(f); ++i) \
      sink = (long)PySequence_Fast_GET_ITEM(f, i); Py_DECREF(f)) \
  ROW(get_long, sink = PyLong_AsLong(small)) \
  ROW(get_long_overflow, int o; sink = PyLong_AsLongAndOverflow(large, &o)) \
  ROW(get_ssize, sink = PyLong_AsSsize_t(large)) \
  ROW(get_double, sink = (long)PyFloat_AsDouble(real)) \
  ROW(get_double_int, sink = (long)PyFloat_AsDouble(small)) \
  ROW(get_utf8, sink = (long)PyUnicode_AsUTF8(text)) \
  ROW(get_utf8_size, Py_ssize_t n; sink = (long)PyUnicode_AsUTF8AndSize(text, &n)) \
  ROW(get_bytes, sink = (long)PyBytes_AsString(bytes)) \
  ROW(get_size, sink = PyObject_Size(list)) \
  ROW(get_list_size, sink = PyList_Size(list)) \
  ROW(get_tuple_size, sink = PyTuple_Size(tuple)) \
  ROW(get_dict_size, sink = PyDict_Size(dict)) \
  ROW(get_str_length, sink = PyUnicode_GetLength(text)) \
  ROW(get_true, sink = PyObject_IsTrue(list)) \
  ROW(get_capsule, sink = (long)PyCapsule_GetPointer(capsule, "name")) \
  ROW(get_buffer, Py_buffer b; CHECK(PyObject_GetBuffer(bytes, &b, PyBUF_SIMPLE) == 0); PyBuffer_Release(&b)) \
  ROW(get_module_state, sink = (long)PyModule_GetState(module_object)) \
  ROW(get_type_flags, sink = (long)PyType_GetFlags((PyTypeObject*)own_type)) \
  ROW(get_isinstance, CHECK(PyObject_IsInstance(instance, user_class) == 1)) \
  ROW(get_subtype, CHECK(PyType_IsSubtype(Py_TYPE(instance), &PyBaseObject_Type))) \
  ROW(get_callable, CHECK(PyCallable_Check(user_function))) \
  ROW(get_thread, sink = (long)PyThreadState_Get()) \
  ROW(count_up_down, Py_IncRef(large); Py_DecRef(large)) \
  ROW(call_none, DROP(PyObject_CallNoArgs(user_function))) \
  ROW(call_one, DROP(PyObject_CallOneArg(user_function, small))) \
  ROW(call_tuple, DROP(PyObject_CallObject(user_function, two_tuple))) \
  ROW(call_keywords, DROP(PyObject_Call(user_function, one_tuple, keywords))) \
  ROW(call_vector, PyObject* a[3] = {NULL, small, small}; DROP(PyObject_Vectorcall(user_function, a + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL))) \
  ROW(call_vector_keywords, PyObject* a[3] = {NULL, small, small}; \
      DROP(PyObject_Vectorcall(user_function, a + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, keyword_names))) \
  ROW(call_function_format, DROP(PyObject_CallFunction(user_function, "ii", 1, 2))) \
  ROW(call_function_objects, DROP(PyObject_CallFunctionObjArgs(user_function, small, text, NULL))) \
  ROW(call_method_format, DROP(PyObject_CallMethod(instance, "method", "i", 7))) \
  ROW(call_method_none, DROP(PyObject_CallMethod(list, "copy", NULL))) \
  ROW(call_method_no_arguments, DROP(PyObject_CallMethodNoArgs(instance, method_name))) \
  ROW(call_method_objects, DROP(PyObject_CallMethodObjArgs(instance, method_name, small, NULL))) \
  ROW(call_class, DROP(PyObject_CallNoArgs(user_class))) \
  ROW(call_object_type, DROP(PyObject_CallNoArgs((PyObject*)&PyBaseObject_Type))) \
  ROW(call_int_type, DROP(PyObject_CallOneArg((PyObject*)&PyLong_Type, real))) \
  ROW(call_list_type, DROP(PyObject_CallOneArg((PyObject*)&PyList_Type, tuple))) \
  ROW(call_own_type, DROP(PyObject_CallNoArgs(own_type))) \
  ROW(call_builtin, DROP(PyObject_CallOneArg(type_object, list))) \
  ROW(parse_two_ints, int a, b; CHECK(PyArg_ParseTuple(two_tuple, "ii", &a, &b))) \
  ROW(parse_string, const char* s; Py_ssize_t n; PyObject* o = NULL; CHECK(PyArg_ParseTuple(slots, "s#O!", &s, &n, &PyLong_Type, &o))) \
  ROW(parse_optional, PyObject *o, *p = NULL; double d = 0; CHECK(PyArg_ParseTuple(one_tuple, "O|Od:name", &o, &p, &d))) \
  ROW(parse_keywords, PyObject* o; int i = 0, p = 0; \
      CHECK(PyArg_ParseTupleAndKeywords(one_tuple, keywords, "O|ip:name", names_of_arguments, &o, &i, &p))) \
  ROW(parse_unpack, PyObject *a, *b; CHECK(PyArg_UnpackTuple(two_tuple, "name", 1, 2, &a, &b))) \
  ROW(build_int, DROP(Py_BuildValue("i", 1000))) \
  ROW(build_tuple, DROP(Py_BuildValue("(iis)", 1, 2, "three"))) \
  ROW(build_dict, DROP(Py_BuildValue("{s:i,s:O}", "one", 1, "two", small))) \
  ROW(build_list, DROP(Py_BuildValue("[dd]", 1.5, 2.5))) \
  ROW(error_set_clear, PyErr_SetString(PyExc_ValueError, "something is wrong"); PyErr_Clear()) \
  ROW(error_format_clear, PyErr_Format(PyExc_ValueError, "value %d is wrong", 5); PyErr_Clear()) \
  ROW(error_object, PyErr_SetObject(PyExc_KeyError, key); PyErr_Clear()) \
  ROW(error_none, PyErr_SetNone(PyExc_StopIteration); PyErr_Clear()) \
  ROW(error_occurred, CHECK(!PyErr_Occurred())) \
  ROW(error_matches, PyErr_SetNone(PyExc_KeyError); CHECK(PyErr_ExceptionMatches(PyExc_LookupError)); PyErr_Clear()) \
  ROW(error_fetch, PyErr_SetString(PyExc_ValueError, "text"); PyObject* e = PyErr_GetRaisedException(); PyErr_SetRaisedException(e); PyErr_Clear()) \
  ROW(error_signals, CHECK(PyErr_CheckSignals() == 0)) \
  ROW(enter_recursion, CHECK(Py_EnterRecursiveCall("") == 0); Py_LeaveRecursiveCall()) \
  ROW(gil_release, Py_BEGIN_ALLOW_THREADS; sink = 1; Py_END_ALLOW_THREADS) \
  ROW(gil_ensure, PyGILState_STATE s = PyGILState_Ensure(); PyGILState_Release(s)) \
  ROW(number_add, DROP(PyNumber_Add(large, small))) \
  ROW(number_add_float, DROP(PyNumber_Add(real, real))) \
  ROW(number_multiply, DROP(PyNumber_Multiply(small, large))) \
  ROW(number_index, DROP(PyNumber_Index(large))) \
  ROW(number_long, DROP(PyNumber_Long(real))) \
  ROW(number_as_ssize, sink = PyNumber_AsSsize_t(large, NULL)) \
  ROW(compare_equal, CHECK(PyObject_RichCompareBool(text, other_text, Py_EQ) == 0)) \
  ROW(compare_object, DROP(PyObject_RichCompare(small, large, Py_LT))) \
  ROW(compare_str_ascii, sink = PyUnicode_CompareWithASCIIString(text, "another")) \
  ROW(object_hash, sink = PyObject_Hash(text)) \
  ROW(object_hash_tuple, sink = PyObject_Hash(two_tuple)) \
  ROW(object_str, DROP(PyObject_Str(large))) \
  ROW(object_repr, DROP(PyObject_Repr(two_tuple))) \
  ROW(str_concat, DROP(PyUnicode_Concat(text, other_text))) \
  ROW(str_join, DROP(PyUnicode_Join(empty, tuple))) \
  ROW(str_intern, DROP(PyUnicode_InternFromString("interned_name"))) \
  ROW(str_decode, DROP(PyUnicode_DecodeUTF8("text of 20 character", 20, NULL))) \
  ROW(str_encode, DROP(PyUnicode_AsUTF8String(text))) \
  ROW(import_loaded, DROP(PyImport_ImportModule("sys"))) \
  ROW(import_get, DROP(PyImport_AddModuleRef("sys"))) \
  ROW(import_sys_object, sink = (long)PySys_GetObject("path"))

#define ROW(NAME, ...)                              \
  static int run_##NAME(long count) {               \
    for (long i_ = 0; i_ < count; ++i_) {           \
      __VA_ARGS__;                                  \
    }                                               \
    return 0;                                       \
  }
ROWS
#undef ROW
#define ROW(NAME, ...) {#NAME, run_##NAME},
static const struct {
  const char* name;
  int (*run)(long);
} rows[] = {ROWS};
enum { kRows = sizeof rows / sizeof rows[0] };

static double processor_time(void) {
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static PyObject* names(PyObject* self, PyObject* unused) {
  PyObject* result = PyList_New(kRows);
  for (int i = 0; result && i < kRows; ++i) PyList_SetItem(result, i, PyUnicode_FromString(rows[i].name));
  return result;
}

static PyObject* run(PyObject* self, PyObject* arguments) {
  const char* name;
  long count;
  if (!PyArg_ParseTuple(arguments, "sl", &name, &count)) return NULL;
  for (int i = 0; i < kRows; ++i) {
    if (strcmp(rows[i].name, name) != 0) continue;
    const double start = processor_time();
    if (rows[i].run(count) < 0) {
      if (!PyErr_Occurred()) PyErr_Format(PyExc_RuntimeError, "%s: wrong result", name);
      return NULL;
    }
    return PyFloat_FromDouble(processor_time() - start);
  }
  return PyErr_Format(PyExc_ValueError, "no such call: %s", name);
}

// The time of function(count).
static PyObject* timed(PyObject* self, PyObject* arguments) {
  PyObject* function;
  long count;
  if (!PyArg_ParseTuple(arguments, "Ol", &function, &count)) return NULL;
  const double start = processor_time();
  PyObject* result = PyObject_CallFunction(function, "l", count);
  if (!result) return NULL;
  Py_DECREF(result);
  return PyFloat_FromDouble(processor_time() - start);
}

static PyObject* prepare(PyObject* self, PyObject* arguments) {
  if (!PyArg_ParseTuple(arguments, "OOO", &user_function, &user_class, &instance)) return NULL;
  Py_INCREF(user_function), Py_INCREF(user_class), Py_INCREF(instance);
  module_object = Py_NewRef(self);
  small = PyLong_FromLong(1);
  large = PyLong_FromLong(123456789);
  real = PyFloat_FromDouble(2.5);
  text = PyUnicode_FromString("a text");
  other_text = PyUnicode_FromString("another text");
  bytes = PyBytes_FromString("bytes");
  key = PyUnicode_InternFromString("key");
  missing = PyUnicode_InternFromString("missing");
  attribute = PyUnicode_InternFromString("value");
  absent = PyUnicode_InternFromString("absent");
  method_name = PyUnicode_InternFromString("method");
  empty = PyUnicode_FromString("");
  list = Py_BuildValue("[iOii]", 1, text, 3, 4);
  tuple = Py_BuildValue("(OO)", text, other_text);
  dict = Py_BuildValue("{s:i,s:i,s:i}", "first", 1, "key", 2, "third", 3);
  set = PySet_New(dict);
  one_tuple = Py_BuildValue("(i)", 5);
  two_tuple = Py_BuildValue("(ii)", 5, 600);
  slots = Py_BuildValue("(si)", "string", 5);
  keywords = Py_BuildValue("{s:i}", "second", 6);
  keyword_names = Py_BuildValue("(s)", "b");
  capsule = PyCapsule_New((void*)&sink, "name", NULL);
  range_list = Py_BuildValue("[iiiiiiii]", 1, 2, 3, 4, 5, 6, 7, 8);
  own_type = PyType_FromSpec(&own_spec);
  node_type = PyType_FromSpec(&node_spec);
  own = own_type ? PyObject_CallNoArgs(own_type) : NULL;
  PyObject* builtins = PyImport_ImportModule("builtins");
  type_object = builtins ? PyObject_GetAttrString(builtins, "len") : NULL;
  Py_XDECREF(builtins);
  if (PyErr_Occurred()) return NULL;
  // PyObject_Call with the function's own parameter name.
  Py_SETREF(keywords, Py_BuildValue("{s:i}", "b", 6));
  names_of_arguments[1] = "b";
  if (PyErr_Occurred()) return NULL;
  Py_RETURN_NONE;
}

static PyObject* call_noargs(PyObject* self, PyObject* unused) { Py_RETURN_NONE; }
static PyObject* call_o(PyObject* self, PyObject* argument) { return Py_NewRef(argument); }
static PyObject* call_fast(PyObject* self, PyObject* const* arguments, Py_ssize_t count) { return Py_NewRef(arguments[count - 1]); }
static PyObject* call_varargs(PyObject* self, PyObject* arguments) {
  int value;
  if (!PyArg_ParseTuple(arguments, "i", &value)) return NULL;
  return PyLong_FromLong(value);
}
static PyObject* call_keywords(PyObject* self, PyObject* arguments, PyObject* more) {
  static char* list_of_names[] = {"a", "b", NULL};
  PyObject *a, *b = NULL;
  if (!PyArg_ParseTupleAndKeywords(arguments, more, "O|O", list_of_names, &a, &b)) return NULL;
  return Py_NewRef(a);
}

static PyMethodDef methods[] = {
    {"names", names, METH_NOARGS, NULL},
    {"run", run, METH_VARARGS, NULL},
    {"timed", timed, METH_VARARGS, NULL},
    {"prepare", prepare, METH_VARARGS, NULL},
    {"call_noargs", call_noargs, METH_NOARGS, NULL},
    {"call_o", call_o, METH_O, NULL},
    {"call_fast", (PyCFunction)(void (*)(void))call_fast, METH_FASTCALL, NULL},
    {"call_varargs", call_varargs, METH_VARARGS, NULL},
    {"call_keywords", (PyCFunction)(void (*)(void))call_keywords, METH_VARARGS | METH_KEYWORDS, NULL},
    {NULL},
};
static PyModuleDef_Slot module_slots[] = {{0, NULL}};
static PyModuleDef definition = {PyModuleDef_HEAD_INIT, "kingsnake_calls", NULL, 16, methods, module_slots, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit_kingsnake_calls(void) { return PyModuleDef_Init(&definition); }
