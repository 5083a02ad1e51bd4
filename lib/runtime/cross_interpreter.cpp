// Objects and exceptions on their way from one interpreter to another: _PyXIData_* and _PyXI_*, which the modules
// _interpreters, _interpqueues and _interpchannels of the standard library are built on.
//
// Nothing of one interpreter is touched by another: an object becomes plain data (XIData) with a function that makes an
// object of it on the other side; what belongs to the sender is released by the sender, through a pending call.
#include <Python.h>
#include <marshal.h>

#include <cstdarg>
#include <cstdlib>
#include <cstring>

#include "object/export.h"
#include "object/identifier.h"
#include "object/ref.h"
#include "object/result.h"
#include "runtime/lifecycle.h"
#include "runtime/process.h"

KS_EXPORT PyInterpreterState* _PyInterpreterState_LookUpID(int64_t id);
KS_EXPORT int _PyInterpreterState_SetRunningMain(PyInterpreterState* interp);
KS_EXPORT void _PyInterpreterState_SetNotRunningMain(PyInterpreterState* interp);
KS_EXPORT int _PyEval_AddPendingCall(PyInterpreterState* interp, int (*function)(void*), void* argument, int flags);
KS_EXPORT PyObject* _PyNamespace_New(PyObject* attributes);
extern "C" PyObject *PyExc_InterpreterError, *PyExc_InterpreterNotFoundError;

// The layouts are those that the compiled modules know.
struct _PyXIData_t {
  void* data;
  PyObject* obj;
  int64_t interpid;
  PyObject* (*new_object)(_PyXIData_t*);
  void (*free)(void*);
};
struct _PyXIData_getdata_t {
  int (*basic)(PyThreadState*, PyObject*, _PyXIData_t*);
  int (*fallback)(PyThreadState*, PyObject*, int, _PyXIData_t*);
};
struct _PyBytes_data_t {
  const char* bytes;
  Py_ssize_t len;
};
struct _PyXI_excinfo {
  struct {
    PyTypeObject* builtin;
    const char *name, *qualname, *module;
  } type;
  const char* msg;
  const char* errdisplay;
};
enum _PyXI_errcode {
  kXiNoError = 0,
  kXiUncaught = -1,
  kXiOther = -2,
  kXiNoMemory = -3,
  kXiAlreadyRunning = -4,
  kXiMainNamespace = -5,
  kXiApplyNamespace = -6,
  kXiPreserve = -7,
  kXiPropagation = -8,
  kXiNotShareable = -9
};
struct _PyXI_session_result {
  PyObject* preserved;
  PyObject* excinfo;
  _PyXI_errcode errcode;
};
struct _PyXI_failure {
  _PyXI_errcode code;
  char* message;
  _PyXI_excinfo* uncaught;  // the exception that was set when the failure was told
};

KS_EXPORT int _PyObject_GetXIData(PyThreadState* state, PyObject* object, int fallback, _PyXIData_t* data);
KS_EXPORT void _PyXIData_Init(_PyXIData_t* data, PyInterpreterState* interp, void* shared, PyObject* object, PyObject* (*make)(_PyXIData_t*));
KS_EXPORT int _PyXIData_Release(_PyXIData_t* data);
KS_EXPORT PyObject* _PyXIData_NewObject(_PyXIData_t* data);
KS_EXPORT int _PyXIData_InitWithSize(_PyXIData_t* data, PyInterpreterState* interp, size_t size, PyObject* object, PyObject* (*make)(_PyXIData_t*));

KS_EXPORT int _PyCode_ReturnsOnlyNone(PyCodeObject* code);
KS_EXPORT int _PyCode_VerifyStateless(PyThreadState* state, PyCodeObject* code, PyObject* global_names, PyObject* globals, PyObject* builtins);
KS_EXPORT int _PyFunction_VerifyStateless(PyThreadState* state, PyObject* function);

namespace ks {

namespace {

// Classes that registered themselves: in the interpreter's dictionary for extensions, as capsules by type.
struct Registered {
  _PyXIData_getdata_t functions;
};
constexpr char kRegistryKey[] = "__cross_interpreter_classes__";

PyObject* registry(bool make) {
  PyObject* dict = PyInterpreterState_GetDict(interpreter());
  if (!dict) return nullptr;
  PyObject* classes = PyDict_GetItemString(dict, kRegistryKey);
  if (!classes && make) {
    Ref<> fresh = steal(PyDict_New());
    if (!fresh || PyDict_SetItemString(dict, kRegistryKey, fresh) < 0) return nullptr;
    classes = fresh;
  }
  return classes;
}
void free_registered(PyObject* capsule) { free(PyCapsule_GetPointer(capsule, nullptr)); }

PyObject* not_shareable_error() {
  // interpreters.NotShareableError of this interpreter: made once, a TypeError... by name in the extensions' dictionary.
  PyObject* dict = PyInterpreterState_GetDict(interpreter());
  if (!dict) return PyExc_TypeError;
  PyObject* type = PyDict_GetItemString(dict, "__not_shareable_error__");
  if (type) return type;
  Ref<> made = steal(PyErr_NewException("interpreters.NotShareableError", PyExc_TypeError, nullptr));
  if (!made || PyDict_SetItemString(dict, "__not_shareable_error__", made) < 0) {
    PyErr_Clear();
    return PyExc_TypeError;
  }
  return made;  // the dictionary has it
}

// ---- the builtin types ----------------------------------------------------------------------------------------------------------

PyObject* make_none(_PyXIData_t*) { return Py_NewRef(Py_None); }
int share_none(PyThreadState* state, PyObject*, _PyXIData_t* data) {
  _PyXIData_Init(data, state->interp, nullptr, nullptr, make_none);
  return 0;
}
PyObject* make_bool(_PyXIData_t* data) { return Py_NewRef(data->data ? Py_True : Py_False); }
int share_bool(PyThreadState* state, PyObject* o, _PyXIData_t* data) {
  _PyXIData_Init(data, state->interp, reinterpret_cast<void*>(static_cast<intptr_t>(o == Py_True)), nullptr, make_bool);
  return 0;
}
PyObject* make_int(_PyXIData_t* data) { return PyLong_FromSsize_t(reinterpret_cast<Py_ssize_t>(data->data)); }
int share_int(PyThreadState* state, PyObject* o, _PyXIData_t* data) {
  const Py_ssize_t value = PyLong_AsSsize_t(o);
  if (value == -1 && PyErr_Occurred()) {
    if (PyErr_ExceptionMatches(PyExc_OverflowError)) PyErr_SetString(PyExc_OverflowError, "try sending as bytes");
    return -1;
  }
  _PyXIData_Init(data, state->interp, reinterpret_cast<void*>(value), nullptr, make_int);
  return 0;
}
PyObject* make_float(_PyXIData_t* data) { return PyFloat_FromDouble(*static_cast<double*>(data->data)); }
int share_float(PyThreadState* state, PyObject* o, _PyXIData_t* data) {
  if (_PyXIData_InitWithSize(data, state->interp, sizeof(double), nullptr, make_float) < 0) return -1;
  *static_cast<double*>(data->data) = PyFloat_AS_DOUBLE(o);
  return 0;
}
struct SharedText {
  int kind;
  const void* characters;
  Py_ssize_t length;
};
PyObject* make_text(_PyXIData_t* data) {
  const auto* text = static_cast<SharedText*>(data->data);
  return PyUnicode_FromKindAndData(text->kind, text->characters, text->length);
}
int share_text(PyThreadState* state, PyObject* o, _PyXIData_t* data) {
  if (_PyXIData_InitWithSize(data, state->interp, sizeof(SharedText), o, make_text) < 0) return -1;
  *static_cast<SharedText*>(data->data) = {static_cast<int>(PyUnicode_KIND(o)), PyUnicode_DATA(o), PyUnicode_GET_LENGTH(o)};
  return 0;
}
PyObject* make_bytes(_PyXIData_t* data) {
  const auto* bytes = static_cast<_PyBytes_data_t*>(data->data);
  return PyBytes_FromStringAndSize(bytes->bytes, bytes->len);
}
int share_bytes(PyThreadState* state, PyObject* o, _PyXIData_t* data) {
  if (_PyXIData_InitWithSize(data, state->interp, sizeof(_PyBytes_data_t), o, make_bytes) < 0) return -1;
  *static_cast<_PyBytes_data_t*>(data->data) = {PyBytes_AS_STRING(o), PyBytes_GET_SIZE(o)};
  return 0;
}
struct SharedTuple {
  Py_ssize_t count;
  _PyXIData_t items[1];
};
void free_tuple(void* data) {
  auto* tuple = static_cast<SharedTuple*>(data);
  for (Py_ssize_t i = 0; i < tuple->count; ++i)
    if (tuple->items[i].new_object) _PyXIData_Release(&tuple->items[i]);
  PyMem_RawFree(tuple);
}
PyObject* make_tuple(_PyXIData_t* data) {
  auto* shared = static_cast<SharedTuple*>(data->data);
  Ref<> tuple = steal(PyTuple_New(shared->count));
  if (!tuple) return nullptr;
  for (Py_ssize_t i = 0; i < shared->count; ++i) {
    PyObject* item = _PyXIData_NewObject(&shared->items[i]);
    if (!item) return nullptr;
    PyTuple_SET_ITEM(tuple.get(), i, item);
  }
  return tuple.release();
}
int share_tuple(PyThreadState* state, PyObject* o, int fallback, _PyXIData_t* data) {
  const Py_ssize_t count = PyTuple_GET_SIZE(o);
  auto* shared = static_cast<SharedTuple*>(PyMem_RawCalloc(1, sizeof(SharedTuple) + static_cast<size_t>(count) * sizeof(_PyXIData_t)));
  if (!shared) {
    PyErr_NoMemory();
    return -1;
  }
  shared->count = count;
  for (Py_ssize_t i = 0; i < count; ++i) {
    if (Py_EnterRecursiveCall(" while sharing a tuple")) {
      free_tuple(shared);
      return -1;
    }
    const int result = _PyObject_GetXIData(state, PyTuple_GET_ITEM(o, i), fallback, &shared->items[i]);
    Py_LeaveRecursiveCall();
    if (result < 0) {
      free_tuple(shared);
      return -1;
    }
  }
  _PyXIData_Init(data, state->interp, shared, o, make_tuple);
  data->free = free_tuple;
  return 0;
}

// ---- code, functions, anything that can be pickled -----------------------------------------------------------------------------

PyObject* make_marshalled(_PyXIData_t* data) {
  const auto* bytes = static_cast<_PyBytes_data_t*>(data->data);
  return PyMarshal_ReadObjectFromString(bytes->bytes, bytes->len);
}
// Bytes of our own making, kept alive by the data.
int share_with(PyThreadState* state, PyObject* bytes, PyObject* (*make)(_PyXIData_t*), _PyXIData_t* data) {
  if (share_bytes(state, bytes, data) < 0) return -1;
  data->new_object = make;
  return 0;
}
int share_marshalled(PyThreadState* state, PyObject* o, _PyXIData_t* data) {
  Ref<> bytes = steal(PyMarshal_WriteObjectToString(o, Py_MARSHAL_VERSION));
  return bytes ? share_with(state, bytes, make_marshalled, data) : -1;
}
PyObject* make_function(_PyXIData_t* data) {
  Ref<> code = steal(make_marshalled(data));
  Ref<> globals = steal(PyDict_New());
  if (!code || !globals || PyDict_SetItem(globals, "__builtins__"_id, interpreter()->core.builtins_dict) < 0) return nullptr;
  return PyFunction_New(code, globals);
}
PyObject* make_unpickled(_PyXIData_t* data) {
  Ref<> bytes = steal(make_bytes(data));
  Ref<> loads = bytes ? steal(PyImport_ImportModuleAttrString("pickle", "loads")) : nullptr;
  return loads ? PyObject_CallOneArg(loads, bytes) : nullptr;
}
// -1 with NotShareableError, whose cause is the exception that is set.
int not_shareable_because(const char* message) {
  Ref<> cause = steal(PyErr_GetRaisedException());
  PyErr_SetString(not_shareable_error(), message);
  Ref<> error = steal(PyErr_GetRaisedException());
  PyException_SetCause(error, cause.share().release());
  PyException_SetContext(error, cause.release());
  PyErr_SetRaisedException(error.release());
  return -1;
}

_PyXIData_getdata_t lookup(PyObject* o) {
  PyTypeObject* type = Py_TYPE(o);
  if (o == Py_None) return {share_none, nullptr};
  if (type == &PyBool_Type) return {share_bool, nullptr};
  if (type == &PyLong_Type) return {share_int, nullptr};
  if (type == &PyFloat_Type) return {share_float, nullptr};
  if (type == &PyUnicode_Type) return {share_text, nullptr};
  if (type == &PyBytes_Type) return {share_bytes, nullptr};
  if (type == &PyTuple_Type) return {nullptr, share_tuple};
  PyObject* classes = registry(false);
  PyObject* capsule = classes ? PyDict_GetItemWithError(classes, object(type)) : nullptr;
  if (capsule) return static_cast<Registered*>(PyCapsule_GetPointer(capsule, nullptr))->functions;
  PyErr_Clear();
  return {nullptr, nullptr};
}

// ---- exceptions -----------------------------------------------------------------------------------------------------------------

char* raw_copy(const char* text) {
  if (!text) return nullptr;
  const size_t size = strlen(text) + 1;
  auto* copy = static_cast<char*>(PyMem_RawMalloc(size));
  if (copy) memcpy(copy, text, size);
  return copy;
}
char* raw_text(PyObject* text) {
  const char* utf8 = text && PyUnicode_Check(text) ? PyUnicode_AsUTF8(text) : nullptr;
  if (!utf8) PyErr_Clear();
  return raw_copy(utf8);
}

void release_data(_PyXIData_t* data) {
  if (data->data) {
    if (data->free) data->free(data->data);
    data->data = nullptr;
  }
  Py_CLEAR(data->obj);
}
int release_in_owner(void* argument) {
  auto* data = static_cast<_PyXIData_t*>(argument);
  release_data(data);
  PyMem_RawFree(data);
  return 0;
}

// A namespace as names and data, in raw memory.
struct SharedNamespace {
  Py_ssize_t count;
  struct Item {
    char* name;
    _PyXIData_t data;
  } items[1];
};
void free_namespace(SharedNamespace* shared) {
  if (!shared) return;
  for (Py_ssize_t i = 0; i < shared->count; ++i) {
    PyMem_RawFree(shared->items[i].name);
    if (shared->items[i].data.new_object) _PyXIData_Release(&shared->items[i].data);
  }
  PyMem_RawFree(shared);
}
SharedNamespace* share_namespace(PyThreadState* state, PyObject* dict) {
  const Py_ssize_t count = PyDict_Size(dict);
  auto* shared = static_cast<SharedNamespace*>(
      PyMem_RawCalloc(1, sizeof(SharedNamespace) + static_cast<size_t>(count) * sizeof(SharedNamespace::Item)));
  if (!shared) {
    PyErr_NoMemory();
    return nullptr;
  }
  Py_ssize_t position = 0;
  PyObject *key, *value;
  while (PyDict_Next(dict, &position, &key, &value)) {
    SharedNamespace::Item& item = shared->items[shared->count];
    item.name = raw_text(key);
    ++shared->count;
    if (!item.name || _PyObject_GetXIData(state, value, 1, &item.data) < 0) {
      if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "namespace keys must be strings");
      free_namespace(shared);
      return nullptr;
    }
  }
  return shared;
}
Status apply_namespace(SharedNamespace* shared, PyObject* dict) {
  for (Py_ssize_t i = 0; i < shared->count; ++i) {
    Ref<> value = TRY(steal(_PyXIData_NewObject(&shared->items[i].data)));
    TRY(PyDict_SetItemString(dict, shared->items[i].name, value));
  }
  return Status::Ok;
}

}  // namespace
}  // namespace ks

using namespace ks;

// A visit of this thread to another interpreter.
struct _PyXI_session {
  PyThreadState* previous;      // where we come from
  PyThreadState* visiting;      // made for the visit; nullptr within the same interpreter
  PyInterpreterState* interp;
  bool running;
  PyObject* main_namespace;     // owned, of the visited interpreter
  PyObject* preserved;          // dict of the visited interpreter
};

extern "C" {

// ---- data -------------------------------------------------------------------------------------------------------------------------

KS_EXPORT _PyXIData_t* _PyXIData_New(void) {
  auto* data = static_cast<_PyXIData_t*>(PyMem_RawCalloc(1, sizeof(_PyXIData_t)));
  if (!data) PyErr_NoMemory();
  return data;
}
KS_EXPORT void _PyXIData_Free(_PyXIData_t* data) {
  PyInterpreterState* interp = interpreter();
  (void)interp;
  release_data(data);
  PyMem_RawFree(data);
}
KS_EXPORT void _PyXIData_Init(_PyXIData_t* data, PyInterpreterState* interp, void* shared, PyObject* o, PyObject* (*make)(_PyXIData_t*)) {
  *data = {.data = shared, .obj = Py_XNewRef(o), .interpid = interp ? interp->core.id : -1, .new_object = make, .free = nullptr};
}
KS_EXPORT int _PyXIData_InitWithSize(_PyXIData_t* data, PyInterpreterState* interp, size_t size, PyObject* o, PyObject* (*make)(_PyXIData_t*)) {
  _PyXIData_Init(data, interp, nullptr, o, make);
  data->data = PyMem_RawCalloc(1, size);
  if (!data->data) {
    Py_CLEAR(data->obj);
    PyErr_NoMemory();
    return -1;
  }
  data->free = PyMem_RawFree;
  return 0;
}
KS_EXPORT void _PyXIData_Clear(PyInterpreterState*, _PyXIData_t* data) {
  release_data(data);
  *data = {.data = nullptr, .obj = nullptr, .interpid = -1, .new_object = nullptr, .free = nullptr};
}
KS_EXPORT PyObject* _PyXIData_NewObject(_PyXIData_t* data) { return data->new_object(data); }

// Gives back what the sender holds; -1 with an exception when the sender is gone.
static int release_xidata(_PyXIData_t* data, bool raw_free) {
  if ((!data->data || !data->free) && !data->obj) {
    data->data = nullptr;
    if (raw_free) PyMem_RawFree(data);
    return 0;
  }
  PyInterpreterState* owner = _PyInterpreterState_LookUpID(data->interpid);
  if (!owner) {
    // What the interpreter owned has gone with it.
    data->data = nullptr;
    data->obj = nullptr;
    if (raw_free) PyMem_RawFree(data);
    return -1;
  }
  if (owner == interpreter()) {
    release_data(data);
    if (raw_free) PyMem_RawFree(data);
    return 0;
  }
  auto* copy = static_cast<_PyXIData_t*>(PyMem_RawMalloc(sizeof(_PyXIData_t)));
  if (!copy) {
    PyErr_NoMemory();
    return -1;
  }
  *copy = *data;
  data->data = nullptr;
  data->obj = nullptr;
  if (raw_free) PyMem_RawFree(data);
  _PyEval_AddPendingCall(owner, release_in_owner, copy, 0);
  return 0;
}
KS_EXPORT int _PyXIData_Release(_PyXIData_t* data) { return release_xidata(data, false); }
KS_EXPORT int _PyXIData_ReleaseAndRawFree(_PyXIData_t* data) { return release_xidata(data, true); }

KS_EXPORT PyObject* _PyXIData_GetNotShareableErrorType(PyThreadState*) { return not_shareable_error(); }
KS_EXPORT void _PyXIData_SetNotShareableError(PyThreadState*, const char* message) { PyErr_SetString(not_shareable_error(), message); }
KS_EXPORT void _PyXIData_FormatNotShareableError(PyThreadState*, const char* format, ...) {
  va_list values;
  va_start(values, format);
  PyErr_FormatV(not_shareable_error(), format, values);
  va_end(values);
}
KS_EXPORT _PyXIData_getdata_t _PyXIData_Lookup(PyThreadState*, PyObject* o) { return lookup(o); }
// 0 when the object's type can be shared; -1 with NotShareableError.
KS_EXPORT int _PyObject_CheckXIData(PyThreadState*, PyObject* o) {
  const _PyXIData_getdata_t functions = lookup(o);
  if (functions.basic || functions.fallback) return 0;
  if (!PyErr_Occurred()) PyErr_Format(not_shareable_error(), "%S does not support cross-interpreter data", o);
  return -1;
}
static int share_object(PyThreadState* state, PyObject* o, int fallback, _PyXIData_t* data) {
  *data = {};
  const _PyXIData_getdata_t functions = lookup(o);
  int result;
  if (functions.basic) {
    result = functions.basic(state, o, data);
  } else if (functions.fallback) {
    result = functions.fallback(state, o, fallback, data);
  } else {
    PyErr_Format(not_shareable_error(), "%S does not support cross-interpreter data", o);
    return -1;
  }
  if (result < 0) {
    Ref<> cause = steal(PyErr_GetRaisedException());
    if (cause && PyErr_GivenExceptionMatches(cause, not_shareable_error())) {
      PyErr_SetRaisedException(cause.release());
      return -1;
    }
    PyErr_Format(not_shareable_error(), "object could not be shared");
    Ref<> error = steal(PyErr_GetRaisedException());
    PyException_SetCause(error, cause.share().release());
    PyException_SetContext(error, cause.release());
    PyErr_SetRaisedException(error.release());
    return -1;
  }
  data->interpid = state->interp->core.id;
  return 0;
}
KS_EXPORT int _PyObject_GetXIDataNoFallback(PyThreadState* state, PyObject* o, _PyXIData_t* data) { return share_object(state, o, 0, data); }

KS_EXPORT int _PyPickle_GetXIData(PyThreadState* state, PyObject* o, _PyXIData_t* data) {
  Ref<> dumps = steal(PyImport_ImportModuleAttrString("pickle", "dumps"));
  Ref<> bytes = dumps ? steal(PyObject_CallOneArg(dumps, o)) : nullptr;
  if (bytes) return share_with(state, bytes, make_unpickled, data);
  return not_shareable_because("object could not be pickled");
}
KS_EXPORT PyObject* _PyPickle_LoadFromXIData(_PyXIData_t* data) { return make_unpickled(data); }
KS_EXPORT int _PyMarshal_GetXIData(PyThreadState* state, PyObject* o, _PyXIData_t* data) {
  if (share_marshalled(state, o, data) == 0) return 0;
  return not_shareable_because("object could not be marshalled");
}
KS_EXPORT PyObject* _PyMarshal_ReadObjectFromXIData(_PyXIData_t* data) { return make_marshalled(data); }
KS_EXPORT PyObject* _PyCode_FromXIData(_PyXIData_t* data) { return make_marshalled(data); }
KS_EXPORT int _PyCode_GetXIData(PyThreadState* state, PyObject* o, _PyXIData_t* data) {
  if (!PyCode_Check(o)) {
    PyErr_Format(not_shareable_error(), "expected code, got %R", o);
    return -1;
  }
  return _PyMarshal_GetXIData(state, o, data);
}
KS_EXPORT PyObject* _PyFunction_FromXIData(_PyXIData_t* data) { return make_function(data); }
KS_EXPORT int _PyFunction_GetXIData(PyThreadState* state, PyObject* o, _PyXIData_t* data) {
  if (!PyFunction_Check(o)) {
    PyErr_Format(not_shareable_error(), "expected a function, got %R", o);
    return -1;
  }
  if (_PyFunction_VerifyStateless(state, o) < 0) return not_shareable_because("only stateless functions are shareable");
  if (_PyCode_GetXIData(state, PyFunction_GET_CODE(o), data) < 0) return -1;
  data->new_object = make_function;
  return 0;
}
// Code that can run as a script: no arguments, no free variables, nothing returned; a pure one uses no globals either.
static Status check_script(PyThreadState* state, PyCodeObject* code, bool checked, bool pure) {
  if (!checked) TRY(_PyCode_VerifyStateless(state, code, nullptr, nullptr, pure ? PyEval_GetBuiltins() : nullptr));
  if (code->co_argcount || code->co_kwonlyargcount || (code->co_flags & (CO_VARARGS | CO_VARKEYWORDS)))
    return raise(PyExc_ValueError, "code with args not supported");
  if (!_PyCode_ReturnsOnlyNone(code)) return raise(PyExc_ValueError, "code that returns a value is not a script");
  return Status::Ok;
}
static Ref<> script_code(PyThreadState* state, PyObject* o, bool pure, bool* checked) {
  if (PyCode_Check(o)) return borrow(o);
  if (PyFunction_Check(o)) {
    if (pure) {
      TRY(_PyFunction_VerifyStateless(state, o));
      *checked = true;
    }
    return borrow(PyFunction_GET_CODE(o));
  }
  Ref<> held;
  const char* text = nullptr;
  if (PyUnicode_Check(o)) {
    text = PyUnicode_AsUTF8(o);
  } else if (PyObject_CheckBuffer(o)) {
    held = TRY(steal(PyBytes_FromObject(o)));
    text = PyBytes_AS_STRING(held.get());
  } else {
    return raise(PyExc_TypeError, "unsupported script %R", o);
  }
  if (!text) return nullptr;
  const Py_ssize_t size = held ? PyBytes_GET_SIZE(held.get()) : PyUnicode_GET_LENGTH(o);
  if (held ? strlen(text) != static_cast<size_t>(size) : PyUnicode_FindChar(o, 0, 0, size, 1) >= 0)
    return raise(PyExc_SyntaxError, "source code string cannot contain null bytes");
  PyCompilerFlags flags = {.cf_flags = PyUnicode_Check(o) ? PyCF_SOURCE_IS_UTF8 | PyCF_IGNORE_COOKIE : PyCF_SOURCE_IS_UTF8,
                           .cf_feature_version = PY_MINOR_VERSION};
  // What is compiled here has no arguments and returns nothing.
  *checked = !pure;
  return steal(Py_CompileStringExFlags(text, "<script>", Py_file_input, &flags, 0));
}
static int share_script(PyThreadState* state, PyObject* o, bool pure, _PyXIData_t* data) {
  bool checked = false;
  Ref<> code = script_code(state, o, pure, &checked);
  if (code && check_script(state, as<PyCodeObject>(code.get()), checked, pure) == Status::Ok && _PyCode_GetXIData(state, code, data) == 0) return 0;
  return not_shareable_because("object not a valid script");
}
KS_EXPORT int _PyCode_GetScriptXIData(PyThreadState* state, PyObject* o, _PyXIData_t* data) { return share_script(state, o, false, data); }
KS_EXPORT int _PyCode_GetPureScriptXIData(PyThreadState* state, PyObject* o, _PyXIData_t* data) { return share_script(state, o, true, data); }

KS_EXPORT int _PyObject_GetXIData(PyThreadState* state, PyObject* o, int fallback, _PyXIData_t* data) {
  if (fallback == 0) return share_object(state, o, 0, data);
  const _PyXIData_getdata_t functions = lookup(o);
  if (functions.basic || functions.fallback) {
    if (share_object(state, o, fallback, data) == 0) return 0;
    if (!PyErr_ExceptionMatches(not_shareable_error())) return -1;
  } else {
    PyErr_Format(not_shareable_error(), "%S does not support cross-interpreter data", o);
  }
  Ref<> first = steal(PyErr_GetRaisedException());
  if (PyFunction_Check(o) && _PyFunction_GetXIData(state, o, data) == 0) return 0;
  PyErr_Clear();
  if (_PyPickle_GetXIData(state, o, data) == 0) return 0;
  PyErr_Clear();
  PyErr_SetRaisedException(first.release());
  return -1;
}

KS_EXPORT int _PyBytes_GetData(PyObject* o, _PyBytes_data_t* data) {
  char* bytes;
  Py_ssize_t size;
  if (PyBytes_AsStringAndSize(o, &bytes, &size) < 0) return -1;
  *data = {bytes, size};
  return 0;
}
KS_EXPORT PyObject* _PyBytes_FromData(_PyBytes_data_t* data) { return PyBytes_FromStringAndSize(data->bytes, data->len); }
KS_EXPORT PyObject* _PyBytes_FromXIData(_PyXIData_t* data) { return make_bytes(data); }
KS_EXPORT int _PyBytes_GetXIData(PyThreadState* state, PyObject* o, _PyXIData_t* data) { return share_bytes(state, o, data); }
KS_EXPORT _PyBytes_data_t* _PyBytes_GetXIDataWrapped(PyThreadState* state, PyObject* o, size_t size, PyObject* (*make)(_PyXIData_t*), _PyXIData_t* data) {
  if (size < sizeof(_PyBytes_data_t)) {
    PyErr_Format(PyExc_ValueError, "expected size >= %d, got %zd", static_cast<int>(sizeof(_PyBytes_data_t)), static_cast<Py_ssize_t>(size));
    return nullptr;
  }
  if (_PyXIData_InitWithSize(data, state->interp, size, o, make ? make : make_bytes) < 0) return nullptr;
  auto* bytes = static_cast<_PyBytes_data_t*>(data->data);
  *bytes = {PyBytes_AS_STRING(o), PyBytes_GET_SIZE(o)};
  return bytes;
}

KS_EXPORT int _PyXIData_RegisterClass(PyThreadState*, PyTypeObject* type, _PyXIData_getdata_t functions) {
  if (!functions.basic && !functions.fallback) {
    PyErr_Format(PyExc_ValueError, "missing 'getdata' func");
    return -1;
  }
  PyObject* classes = registry(true);
  if (!classes) return -1;
  auto* entry = static_cast<Registered*>(malloc(sizeof(Registered)));
  if (!entry) {
    PyErr_NoMemory();
    return -1;
  }
  entry->functions = functions;
  Ref<> capsule = steal(PyCapsule_New(entry, nullptr, free_registered));
  if (!capsule) {
    free(entry);
    return -1;
  }
  return PyDict_SetItem(classes, object(type), capsule);
}
// 1: it was registered.
KS_EXPORT int _PyXIData_UnregisterClass(PyThreadState*, PyTypeObject* type) {
  PyObject* classes = registry(false);
  if (!classes) return 0;
  Ref<> capsule;
  return PyDict_Pop(classes, object(type), capsule.out());
}

// ---- exceptions as plain data --------------------------------------------------------------------------------------------------

KS_EXPORT void _PyXI_FreeExcInfo(_PyXI_excinfo* info) {
  if (!info) return;
  for (const char* text : {info->type.name, info->type.qualname, info->type.module, info->msg, info->errdisplay})
    PyMem_RawFree(const_cast<char*>(text));
  PyMem_RawFree(info);
}
KS_EXPORT _PyXI_excinfo* _PyXI_NewExcInfo(PyObject* exception) {
  if (!exception || exception == Py_None) {
    PyErr_SetString(PyExc_ValueError, "missing exc");
    return nullptr;
  }
  auto* info = static_cast<_PyXI_excinfo*>(PyMem_RawCalloc(1, sizeof(_PyXI_excinfo)));
  if (!info) {
    PyErr_NoMemory();
    return nullptr;
  }
  PyTypeObject* type = PyExceptionInstance_Check(exception) ? Py_TYPE(exception) : Py_TYPE(exception);
  Ref<> name = steal(PyType_GetName(type)), qualname = steal(PyType_GetQualName(type)), module = steal(PyType_GetModuleName(type));
  Ref<> message = steal(PyObject_Str(exception));
  info->type.name = raw_text(name);
  info->type.qualname = raw_text(qualname);
  info->type.module = raw_text(module);
  info->msg = raw_text(message);
  PyErr_Clear();
  // The traceback's text, as the traceback module writes it.
  Ref<> formatter = steal(PyImport_ImportModuleAttrString("traceback", "TracebackException"));
  Ref<> formatted = formatter ? steal(PyObject_CallMethod(formatter, "from_exception", "O", exception)) : nullptr;
  Ref<> lines = formatted ? steal(PyObject_CallMethod(formatted, "format", nullptr)) : nullptr;
  Ref<> empty = steal(PyUnicode_FromString(""));
  Ref<> text = lines && empty ? steal(PyUnicode_Join(empty, lines)) : nullptr;
  if (text) {
    Py_ssize_t length = PyUnicode_GET_LENGTH(text.get());
    while (length > 0 && PyUnicode_READ_CHAR(text.get(), length - 1) == '\n') --length;
    text = steal(PyUnicode_Substring(text, 0, length));
    info->errdisplay = raw_text(text);
  }
  PyErr_Clear();
  return info;
}
KS_EXPORT PyObject* _PyXI_FormatExcInfo(_PyXI_excinfo* info) {
  const char* module = info->type.module;
  const bool plain = !module || strcmp(module, "builtins") == 0 || strcmp(module, "__main__") == 0;
  const char* name = info->type.qualname ? info->type.qualname : info->type.name;
  Ref<> type = steal(!name ? PyUnicode_FromString("<unknown>") : plain ? PyUnicode_FromString(name) : PyUnicode_FromFormat("%s.%s", module, name));
  if (!type) return nullptr;
  return info->msg ? PyUnicode_FromFormat("%U: %s", type.get(), info->msg) : type.release();
}
KS_EXPORT PyObject* _PyXI_ExcInfoAsObject(_PyXI_excinfo* info) {
  Ref<> type_attributes = steal(Py_BuildValue("{szszsz}", "__name__", info->type.name, "__qualname__", info->type.qualname, "__module__", info->type.module));
  Ref<> type = type_attributes ? steal(_PyNamespace_New(type_attributes)) : nullptr;
  Ref<> formatted = type ? steal(_PyXI_FormatExcInfo(info)) : nullptr;
  Ref<> attributes = formatted ? steal(Py_BuildValue("{sOszsO}", "type", type.get(), "msg", info->msg, "formatted", formatted.get())) : nullptr;
  if (!attributes) return nullptr;
  if (info->errdisplay) {
    Ref<> text = steal(PyUnicode_FromString(info->errdisplay));
    if (!text || PyDict_SetItemString(attributes, "errdisplay", text) < 0) return nullptr;
  }
  return _PyNamespace_New(attributes);
}

KS_EXPORT _PyXI_failure* _PyXI_NewFailure(void) {
  auto* failure = static_cast<_PyXI_failure*>(PyMem_RawCalloc(1, sizeof(_PyXI_failure)));
  if (!failure) PyErr_NoMemory();
  return failure;
}
KS_EXPORT void _PyXI_FreeFailure(_PyXI_failure* failure) {
  if (failure) {
    PyMem_RawFree(failure->message);
    _PyXI_FreeExcInfo(failure->uncaught);
  }
  PyMem_RawFree(failure);
}
KS_EXPORT _PyXI_errcode _PyXI_GetFailureCode(_PyXI_failure* failure) { return failure ? failure->code : kXiNoError; }
KS_EXPORT int _PyXI_InitFailure(_PyXI_failure* failure, _PyXI_errcode code, PyObject* o) {
  failure->code = code;
  if (code == kXiUncaught && PyErr_Occurred()) {
    Ref<> exception = steal(PyErr_GetRaisedException());
    failure->uncaught = _PyXI_NewExcInfo(exception);
    PyErr_Clear();
    PyErr_SetRaisedException(exception.release());
  }
  Ref<> text = o ? steal(PyObject_Str(o)) : nullptr;
  if (o && !text) return -1;
  PyMem_RawFree(failure->message);
  failure->message = raw_text(text);
  return 0;
}
KS_EXPORT void _PyXI_InitFailureUTF8(_PyXI_failure* failure, _PyXI_errcode code, const char* message) {
  failure->code = code;
  PyMem_RawFree(failure->message);
  failure->message = raw_copy(message);
}
KS_EXPORT int _PyXI_UnwrapNotShareableError(PyThreadState*, _PyXI_failure* failure) {
  Ref<> exception = steal(PyErr_GetRaisedException());
  if (!exception) return -1;
  if (!PyErr_GivenExceptionMatches(exception, not_shareable_error())) {
    PyErr_SetRaisedException(exception.release());
    return -1;
  }
  if (failure) failure->code = kXiNotShareable;
  Ref<> cause = steal(PyException_GetCause(exception));
  PyErr_SetRaisedException(cause ? cause.release() : exception.release());
  return 0;
}

// ---- visits ------------------------------------------------------------------------------------------------------------------------

KS_EXPORT _PyXI_session* _PyXI_NewSession(void) {
  auto* session = static_cast<_PyXI_session*>(PyMem_RawCalloc(1, sizeof(_PyXI_session)));
  if (!session) PyErr_NoMemory();
  return session;
}
KS_EXPORT void _PyXI_FreeSession(_PyXI_session* session) { PyMem_RawFree(session); }
KS_EXPORT void _PyXI_ClearResult(_PyXI_session_result* result) {
  Py_CLEAR(result->preserved);
  Py_CLEAR(result->excinfo);
}

static void leave(_PyXI_session* session) {
  Py_CLEAR(session->main_namespace);
  Py_CLEAR(session->preserved);
  if (session->running) _PyInterpreterState_SetNotRunningMain(session->interp);
  session->running = false;
  if (session->visiting) {
    PyThreadState* visiting = session->visiting;
    session->visiting = nullptr;
    PyThreadState_Clear(visiting);
    PyThreadState_Swap(session->previous);
    PyThreadState_Delete(visiting);
  }
}
// What is raised in the interpreter that we come from, for an error of the visited one.
static void raise_failure(_PyXI_errcode code, const char* message) {
  switch (code) {
    case kXiNoMemory: PyErr_NoMemory(); break;
    case kXiAlreadyRunning: PyErr_SetString(PyExc_InterpreterError, "interpreter already running"); break;
    case kXiMainNamespace: PyErr_SetString(PyExc_InterpreterError, message ? message : "failed to get __main__ namespace"); break;
    case kXiApplyNamespace: PyErr_SetString(PyExc_InterpreterError, message ? message : "failed to apply namespace to __main__"); break;
    case kXiPreserve: PyErr_SetString(PyExc_InterpreterError, message ? message : "failed to preserve objects across session"); break;
    case kXiNotShareable: PyErr_SetString(not_shareable_error(), message ? message : "object is not shareable"); break;
    default: PyErr_SetString(PyExc_InterpreterError, message ? message : "unsupported error"); break;
  }
}

KS_EXPORT int _PyXI_Enter(_PyXI_session* session, PyInterpreterState* interp, PyObject* updates, _PyXI_session_result* result) {
  PyThreadState* state = current_thread_state;
  _PyXI_session_result unwanted;
  if (!result) result = &unwanted;
  *result = {};
  SharedNamespace* shared = nullptr;
  if (updates && PyDict_Size(updates) > 0 && !(shared = share_namespace(state, updates))) {
    result->errcode = kXiApplyNamespace;
    return -1;
  }
  *session = {};
  session->previous = state;
  session->interp = interp;
  if (interp != state->interp) {
    session->visiting = new_thread_state(interp, 5);
    if (!session->visiting) {
      free_namespace(shared);
      PyErr_NoMemory();
      return -1;
    }
    PyThreadState_Swap(session->visiting);
  }
  _PyXI_errcode error = kXiNoError;
  if (_PyInterpreterState_SetRunningMain(interp) < 0) {
    error = kXiAlreadyRunning;
  } else {
    session->running = true;
    Ref<> main = steal(PyImport_AddModuleRef("__main__"));
    if (main) session->main_namespace = Py_NewRef(PyModule_GetDict(main));
    if (!session->main_namespace) error = kXiMainNamespace;
    else if (shared && is_failure(apply_namespace(shared, session->main_namespace))) error = kXiApplyNamespace;
  }
  if (error != kXiNoError) {
    PyErr_Clear();
    leave(session);
    free_namespace(shared);
    raise_failure(error, nullptr);
    result->errcode = error;
    return -1;
  }
  // The sender's data is given back at home.
  if (shared) {
    for (Py_ssize_t i = 0; i < shared->count; ++i)
      if (shared->items[i].data.new_object) _PyXIData_Release(&shared->items[i].data), shared->items[i].data.new_object = nullptr;
    free_namespace(shared);
  }
  return 0;
}
// Borrowed; NULL with *failure told.
KS_EXPORT PyObject* _PyXI_GetMainNamespace(_PyXI_session* session, _PyXI_failure* failure) {
  if (session->main_namespace) return session->main_namespace;
  if (failure) failure->code = kXiMainNamespace;
  return nullptr;
}
KS_EXPORT int _PyXI_Preserve(_PyXI_session* session, const char* name, PyObject* value, _PyXI_failure* failure) {
  if (!session->preserved && !(session->preserved = PyDict_New())) {
    if (failure) failure->code = kXiPreserve;
    return -1;
  }
  return PyDict_SetItemString(session->preserved, name, value);
}
// New reference; NULL where nothing has that name.
KS_EXPORT PyObject* _PyXI_GetPreserved(_PyXI_session_result* result, const char* name) {
  PyObject* value = result->preserved ? PyDict_GetItemString(result->preserved, name) : nullptr;
  return Py_XNewRef(value);
}
// 0; -1: *result has the other interpreter's exception, or an exception is set.
KS_EXPORT int _PyXI_Exit(_PyXI_session* session, _PyXI_failure* failure, _PyXI_session_result* result) {
  PyThreadState* state = current_thread_state;
  _PyXI_errcode code = _PyXI_GetFailureCode(failure);
  _PyXI_excinfo* uncaught = nullptr;
  SharedNamespace* preserved = nullptr;
  if (PyErr_Occurred()) {
    Ref<> exception = steal(PyErr_GetRaisedException());
    if (code == kXiNoError || code == kXiOther) code = kXiUncaught;
    uncaught = _PyXI_NewExcInfo(exception);
    PyErr_Clear();
  } else if (session->preserved && code == kXiNoError) {
    preserved = share_namespace(state, session->preserved);
    if (!preserved) {
      code = kXiPreserve;
      Ref<> exception = steal(PyErr_GetRaisedException());
      uncaught = _PyXI_NewExcInfo(exception);
      PyErr_Clear();
    }
  }
  if (!uncaught && failure && failure->uncaught) {
    uncaught = failure->uncaught;
    failure->uncaught = nullptr;
  }
  leave(session);
  int status = 0;
  if (result) {
    result->errcode = code;
    if (preserved) {
      result->preserved = PyDict_New();
      if (!result->preserved || is_failure(apply_namespace(preserved, result->preserved))) status = -1;
    }
  }
  if (code != kXiNoError) {
    status = -1;
    if (code == kXiUncaught && uncaught && result) {
      result->excinfo = _PyXI_ExcInfoAsObject(uncaught);
    } else {
      raise_failure(code, failure && failure->message ? failure->message : uncaught ? uncaught->msg : nullptr);
    }
  }
  free_namespace(preserved);
  _PyXI_FreeExcInfo(uncaught);
  return status;
}

}  // extern "C"
