// BaseException, and the type objects of all builtin exceptions, built from exceptions.def.
//
// Layout: PyException_HEAD of the public header. `args` is always a tuple once __new__ is done; `dict`, `notes` (unused),
// `traceback`, `context`, `cause` may be nullptr.
#include "types/exceptions.h"

#include <cerrno>
#include <cstring>

#include "runtime/state.h"
#include "runtime/rooms.h"

namespace ks {

static PyBaseExceptionObject* base(PyObject* self) { return as<PyBaseExceptionObject>(self); }

Status no_keywords(PyTypeObject* type, PyObject* kwargs) {
  if (!kwargs || PyDict_GET_SIZE(kwargs) == 0) return Status::Ok;
  const char* dot = strrchr(type->tp_name, '.');
  return raise(PyExc_TypeError, "%.200s() takes no keyword arguments", dot ? dot + 1 : type->tp_name);
}

PyObject* base_exception_new(PyTypeObject* type, PyObject* args, PyObject*) {
  Ref<> self = TRY(steal(type->tp_alloc(type, 0)));
  base(self)->args = args ? Py_NewRef(args) : PyTuple_New(0);
  if (!base(self)->args) return failed;
  return self.release();
}

int base_exception_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  TRY(no_keywords(Py_TYPE(self), kwargs));
  assign(&base(self)->args, args);
  return 0;
}

// BaseException(...) and its plain subclasses without the way over __new__ and __init__.
static PyObject* base_exception_vectorcall(PyObject* callable, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  auto* type = as<PyTypeObject>(callable);
  if (kwnames && PyTuple_GET_SIZE(kwnames)) return raise(PyExc_TypeError, "%.200s() takes no keyword arguments", type->tp_name);
  Ref<> self = TRY(steal(type->tp_alloc(type, 0)));
  const Py_ssize_t count = PyVectorcall_NARGS(nargsf);
  Ref<> tuple = TRY(steal(PyTuple_New(count)));
  for (Py_ssize_t i = 0; i < count; ++i) PyTuple_SET_ITEM(tuple.get(), i, Py_NewRef(args[i]));
  base(self)->args = tuple.release();
  return self.release();
}

int base_exception_traverse(PyObject* self, visitproc visit, void* arg) {
  PyBaseExceptionObject* exception = base(self);
  Py_VISIT(exception->dict);
  Py_VISIT(exception->args);
  Py_VISIT(exception->notes);
  Py_VISIT(exception->traceback);
  Py_VISIT(exception->context);
  Py_VISIT(exception->cause);
  return 0;
}

int base_exception_clear(PyObject* self) {
  PyBaseExceptionObject* exception = base(self);
  assign(&exception->dict, nullptr);
  assign(&exception->args, nullptr);
  assign(&exception->notes, nullptr);
  assign(&exception->traceback, nullptr);
  assign(&exception->cause, nullptr);
  assign(&exception->context, nullptr);
  return 0;
}

PyObject* base_exception_str(PyObject* self) {
  PyObject* args = base(self)->args;
  switch (PyTuple_GET_SIZE(args)) {
    case 0: return PyUnicode_FromStringAndSize("", 0);
    case 1: return PyObject_Str(PyTuple_GET_ITEM(args, 0));
    default: return PyObject_Str(args);
  }
}

static PyObject* base_exception_repr(PyObject* self) {
  const char* name = Py_TYPE(self)->tp_name;
  if (const char* dot = strrchr(name, '.')) name = dot + 1;
  PyObject* args = base(self)->args;
  if (PyTuple_GET_SIZE(args) == 1) return PyUnicode_FromFormat("%s(%R)", name, PyTuple_GET_ITEM(args, 0));
  return PyUnicode_FromFormat("%s%R", name, args);
}

static PyObject* base_exception_reduce(PyObject* self) {
  if (base(self)->dict) return PyTuple_Pack(3, Py_TYPE(self), base(self)->args, base(self)->dict);
  return PyTuple_Pack(2, Py_TYPE(self), base(self)->args);
}
METHOD_AS(base_exception_reduce, "__reduce__", 0, "($self, /)", "");

static Status base_exception_setstate(PyObject* self, PyObject* state) {
  if (state == Py_None) return Status::Ok;
  if (!PyDict_Check(state)) return raise(PyExc_TypeError, "state is not a dictionary");
  PyObject *key, *value;
  Py_ssize_t position = 0;
  while (PyDict_Next(state, &position, &key, &value)) {
    Ref<> held_key = borrow(key), held_value = borrow(value);
    TRY(PyObject_SetAttr(self, held_key, held_value));
  }
  return Status::Ok;
}
METHOD_AS(base_exception_setstate, "__setstate__", 0, "($self, state, /)", "");

static Status set_traceback(PyObject* self, PyObject* traceback) {
  if (!traceback) return raise(PyExc_TypeError, "__traceback__ may not be deleted");
  if (traceback != Py_None && !PyTraceBack_Check(traceback))
    return raise(PyExc_TypeError, "__traceback__ must be a traceback or None");
  assign(&base(self)->traceback, traceback == Py_None ? nullptr : traceback);
  return Status::Ok;
}

static PyObject* base_exception_with_traceback(PyObject* self, PyObject* traceback) {
  TRY(set_traceback(self, traceback));
  return Py_NewRef(self);
}
METHOD_AS(base_exception_with_traceback, "with_traceback", 0, "($self, tb, /)", "Set self.__traceback__ to tb and return self.");

static Status base_exception_add_note(PyObject* self, PyObject* note) {
  if (!PyUnicode_Check(note)) return raise(PyExc_TypeError, "add_note() argument must be str, not %.200s", Py_TYPE(note)->tp_name);
  Ref<> notes;
  TRY(PyObject_GetOptionalAttr(self, "__notes__"_id, notes.out()));
  if (!notes) {
    notes = TRY(steal(PyList_New(0)));
    TRY(PyObject_SetAttr(self, "__notes__"_id, notes));
  } else if (!PyList_Check(notes.get())) {
    return raise(PyExc_TypeError, "Cannot add note: __notes__ is not a list");
  }
  return status(PyList_Append(notes, note));
}
METHOD_AS(base_exception_add_note, "add_note", 0, "($self, note, /)", "Add a note to the exception");

static PyMethodDef base_exception_methods[] = {base_exception_reduce_method, base_exception_setstate_method,
                                               base_exception_with_traceback_method, base_exception_add_note_method, {}};

static PyMemberDef base_exception_members[] = {
    {"__suppress_context__", Py_T_BOOL, offsetof(PyBaseExceptionObject, suppress_context), 0, nullptr}, {}};

static PyObject* get_args(PyObject* self, void*) { return Py_NewRef(base(self)->args ? base(self)->args : Py_None); }
static int set_args(PyObject* self, PyObject* value, void*) {
  if (!value) return raise(PyExc_TypeError, "args may not be deleted");
  Ref<> tuple = TRY(steal(PySequence_Tuple(value)));
  assign(&base(self)->args, tuple);
  return 0;
}
static PyObject* get_traceback(PyObject* self, void*) { return Py_NewRef(base(self)->traceback ? base(self)->traceback : Py_None); }
static int set_traceback_attribute(PyObject* self, PyObject* value, void*) { return to_c(set_traceback(self, value)); }
static PyObject* get_context(PyObject* self, void*) { return Py_NewRef(base(self)->context ? base(self)->context : Py_None); }
static PyObject* get_cause(PyObject* self, void*) { return Py_NewRef(base(self)->cause ? base(self)->cause : Py_None); }
static int set_context(PyObject* self, PyObject* value, void*) {
  if (!value) return raise(PyExc_TypeError, "__context__ may not be deleted");
  if (value != Py_None && !is_exception(value))
    return raise(PyExc_TypeError, "exception context must be None or derive from BaseException");
  assign(&base(self)->context, value == Py_None ? nullptr : value);
  return 0;
}
static int set_cause(PyObject* self, PyObject* value, void*) {
  if (!value) return raise(PyExc_TypeError, "__cause__ may not be deleted");
  if (value != Py_None && !is_exception(value))
    return raise(PyExc_TypeError, "exception cause must be None or derive from BaseException");
  PyException_SetCause(self, value == Py_None ? nullptr : Py_NewRef(value));
  return 0;
}

static PyGetSetDef base_exception_getset[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr},
    {"args", get_args, set_args, nullptr, nullptr},
    {"__traceback__", get_traceback, set_traceback_attribute, nullptr, nullptr},
    {"__context__", get_context, set_context, nullptr, nullptr},
    {"__cause__", get_cause, set_cause, nullptr, nullptr},
    {}};

using BaseLife = ExceptionLife<PyBaseExceptionObject>;
constinit const ExceptionFamily base_exception_family = {
    .size = sizeof(PyBaseExceptionObject), .create = base_exception_new, .init = base_exception_init,
    .str = base_exception_str, .repr = base_exception_repr, .dealloc = BaseLife::dealloc, .traverse = BaseLife::traverse,
    .clear = BaseLife::clear, .methods = base_exception_methods, .members = base_exception_members,
    .getset = base_exception_getset};

// KeyError shows the repr of its key: an empty or odd key would be invisible in a traceback otherwise.
static PyObject* key_error_str(PyObject* self) {
  PyObject* args = base(self)->args;
  return PyTuple_GET_SIZE(args) == 1 ? PyObject_Repr(PyTuple_GET_ITEM(args, 0)) : base_exception_str(self);
}
constinit const ExceptionFamily key_error_family = {.size = sizeof(PyBaseExceptionObject), .str = key_error_str};

// ---- the type objects ------------------------------------------------------------------------------------------------

// A family's parts are read by exceptions_start's caller, type_ready: they must be in the type object before, and a
// constant initialiser cannot read another file's constant. So each type starts with name, base and documentation, and
// exceptions_prepare() copies the family's parts before the types are readied.
#define KS_EXCEPTION_FLAGS (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASE_EXC_SUBCLASS)

static consteval const char* public_name(const char* name) {
  const char* hidden = "IncompleteInputError";
  for (int i = 0;; ++i) {
    if (name[i] != hidden[i]) return name;
    if (!name[i]) return "_IncompleteInputError";
  }
}

}  // namespace ks

#define EXCEPTION(NAME, BASE, DOC)                                                             \
  PyTypeObject _PyExc_##NAME = {                                                               \
      .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0) .tp_name = ks::public_name(#NAME),      \
      .tp_basicsize = sizeof(PyBaseExceptionObject),                                           \
      .tp_flags = KS_EXCEPTION_FLAGS,                                                          \
      .tp_doc = DOC,                                                                           \
      .tp_base = &_PyExc_##BASE,                                                               \
      .tp_dictoffset = offsetof(PyBaseExceptionObject, dict)};
#define EXCEPTION_WITH_FIELDS(NAME, BASE, FAMILY, DOC) EXCEPTION(NAME, BASE, DOC)
#include "types/exceptions.def"
#undef EXCEPTION
#undef EXCEPTION_WITH_FIELDS

extern "C" {
#define EXCEPTION(NAME, BASE, DOC) KS_EXCEPTION_POINTER(NAME)
#define EXCEPTION_WITH_FIELDS(NAME, BASE, FAMILY, DOC) KS_EXCEPTION_POINTER(NAME)
#define KS_EXCEPTION_POINTER(NAME) \
  __attribute__((visibility("default"))) PyObject* PyExc_##NAME = reinterpret_cast<PyObject*>(&_PyExc_##NAME);
#include "types/exceptions.def"
#undef EXCEPTION
#undef EXCEPTION_WITH_FIELDS
// Not in builtins: raised for misuse of interpreters, known to Python as concurrent.interpreters' exceptions.
PyTypeObject _PyExc_InterpreterError = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0) .tp_name = "concurrent.interpreters.InterpreterError",
    .tp_basicsize = sizeof(PyBaseExceptionObject),
    .tp_flags = KS_EXCEPTION_FLAGS,
    .tp_doc = "A cross-interpreter operation failed",
    .tp_base = &_PyExc_Exception,
    .tp_dictoffset = offsetof(PyBaseExceptionObject, dict)};
PyTypeObject _PyExc_InterpreterNotFoundError = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0) .tp_name = "concurrent.interpreters.InterpreterNotFoundError",
    .tp_basicsize = sizeof(PyBaseExceptionObject),
    .tp_flags = KS_EXCEPTION_FLAGS,
    .tp_doc = "An interpreter was not found",
    .tp_base = &_PyExc_InterpreterError,
    .tp_dictoffset = offsetof(PyBaseExceptionObject, dict)};
PyObject* PyExc_InterpreterError = reinterpret_cast<PyObject*>(&_PyExc_InterpreterError);
PyObject* PyExc_InterpreterNotFoundError = reinterpret_cast<PyObject*>(&_PyExc_InterpreterNotFoundError);
PyObject* PyExc_EnvironmentError = reinterpret_cast<PyObject*>(&_PyExc_OSError);
PyObject* PyExc_IOError = reinterpret_cast<PyObject*>(&_PyExc_OSError);
}

namespace ks {

static void inherit_life(PyTypeObject* type, const PyTypeObject& from) {
  if (type->tp_dealloc) return;
  type->tp_dealloc = from.tp_dealloc;
  type->tp_traverse = from.tp_traverse;
  type->tp_clear = from.tp_clear;
}

static void apply(PyTypeObject* type, const ExceptionFamily& family) {
  type->tp_basicsize = family.size;
  type->tp_new = family.create;
  type->tp_init = family.init;
  type->tp_str = family.str;
  type->tp_repr = family.repr;
  type->tp_dealloc = family.dealloc;
  type->tp_traverse = family.traverse;
  type->tp_clear = family.clear;
  type->tp_methods = family.methods;
  type->tp_members = family.members;
  type->tp_getset = family.getset;
}

void exceptions_prepare() {
  if (PyType_HasFeature(&_PyExc_BaseException, Py_TPFLAGS_READY)) return;  // the library was started before
  _PyExc_BaseException.tp_base = nullptr;  // object, the default
#define EXCEPTION_WITH_FIELDS(NAME, BASE, FAMILY, DOC)  \
  apply(&_PyExc_##NAME, FAMILY##_family);               \
  inherit_life(&_PyExc_##NAME, _PyExc_##BASE);
// Plain classes under a plain BaseException may skip __new__ and __init__; those under a family inherit theirs.
#define EXCEPTION(NAME, BASE, DOC)                                                 \
  _PyExc_##NAME.tp_basicsize = _PyExc_##BASE.tp_basicsize;                         \
  inherit_life(&_PyExc_##NAME, _PyExc_##BASE);                                     \
  if (_PyExc_##NAME.tp_basicsize == sizeof(PyBaseExceptionObject)) _PyExc_##NAME.tp_vectorcall = base_exception_vectorcall;
#include "types/exceptions.def"
#undef EXCEPTION
#undef EXCEPTION_WITH_FIELDS
  inherit_life(&_PyExc_InterpreterError, _PyExc_Exception);
  inherit_life(&_PyExc_InterpreterNotFoundError, _PyExc_Exception);
  _PyExc_BaseException.tp_vectorcall = base_exception_vectorcall;
  _PyExc_KeyError.tp_vectorcall = base_exception_vectorcall;
  _PyExc_BaseException.tp_dictoffset = offsetof(PyBaseExceptionObject, dict);
  _PyExc_BaseException.tp_setattro = PyObject_GenericSetAttr;
  _PyExc_BaseException.tp_getattro = PyObject_GenericGetAttr;
}

Status exceptions_add_builtins(PyObject* builtins) {
#define EXCEPTION(NAME, BASE, DOC) TRY(PyDict_SetItemString(builtins, _PyExc_##NAME.tp_name, object(&_PyExc_##NAME)));
#define EXCEPTION_WITH_FIELDS(NAME, BASE, FAMILY, DOC) EXCEPTION(NAME, BASE, DOC)
#include "types/exceptions.def"
#undef EXCEPTION
#undef EXCEPTION_WITH_FIELDS
  TRY(PyDict_SetItemString(builtins, "EnvironmentError", PyExc_OSError));
  TRY(PyDict_SetItemString(builtins, "IOError", PyExc_OSError));
  return status(PyDict_SetItemString(builtins, "ExceptionGroup", interpreter()->exceptions.exception_group));
}

static Status make_errno_map(ExceptionTypesState& state) {
  static constexpr struct {
    int number;
    PyTypeObject* type;
  } rows[] = {
      {EAGAIN, &_PyExc_BlockingIOError},        {EALREADY, &_PyExc_BlockingIOError},
      {EINPROGRESS, &_PyExc_BlockingIOError},   {EWOULDBLOCK, &_PyExc_BlockingIOError},
      {EPIPE, &_PyExc_BrokenPipeError},         {ESHUTDOWN, &_PyExc_BrokenPipeError},
      {ECHILD, &_PyExc_ChildProcessError},      {ECONNABORTED, &_PyExc_ConnectionAbortedError},
      {ECONNREFUSED, &_PyExc_ConnectionRefusedError}, {ECONNRESET, &_PyExc_ConnectionResetError},
      {EEXIST, &_PyExc_FileExistsError},        {ENOENT, &_PyExc_FileNotFoundError},
      {EISDIR, &_PyExc_IsADirectoryError},      {ENOTDIR, &_PyExc_NotADirectoryError},
      {EINTR, &_PyExc_InterruptedError},        {EACCES, &_PyExc_PermissionError},
      {EPERM, &_PyExc_PermissionError},         {ESRCH, &_PyExc_ProcessLookupError},
      {ETIMEDOUT, &_PyExc_TimeoutError}};
  state.errno_map = TRY(PyDict_New());
  for (const auto& row : rows) {
    Ref<> number = TRY(steal(PyLong_FromLong(row.number)));
    TRY(PyDict_SetItem(state.errno_map, number, object(row.type)));
  }
  return Status::Ok;
}

Status exceptions_start(PyInterpreterState* interpreter_state) {
  ExceptionTypesState& state = interpreter_state->exceptions;
  TRY(make_errno_map(state));
  Ref<> bases = TRY(steal(PyTuple_Pack(2, PyExc_BaseExceptionGroup, PyExc_Exception)));
  state.exception_group = TRY(PyErr_NewException("builtins.ExceptionGroup", bases, nullptr));
  state.memory_error = TRY(PyObject_CallNoArgs(PyExc_MemoryError));
  return warnings_start(state);
}

void exceptions_end(PyInterpreterState* interpreter_state) {
  ExceptionTypesState& state = interpreter_state->exceptions;
  warnings_end(state);
  assign(&state.errno_map, nullptr);
  assign(&state.exception_group, nullptr);
  assign(&state.memory_error, nullptr);
}

}  // namespace ks

// ---- C API: exception objects ----------------------------------------------------------------------------------------

// New reference, or NULL without an exception when there is none.
PyObject* PyException_GetTraceback(PyObject* self) { return Py_XNewRef(ks::as<PyBaseExceptionObject>(self)->traceback); }

// 0, or -1 with TypeError. `traceback` may be None.
int PyException_SetTraceback(PyObject* self, PyObject* traceback) { return ks::to_c(ks::set_traceback(self, traceback)); }

// New reference, or NULL without an exception.
PyObject* PyException_GetCause(PyObject* self) { return Py_XNewRef(ks::as<PyBaseExceptionObject>(self)->cause); }

// Steals `cause` (may be NULL) and suppresses the context, as `raise … from cause` does.
void PyException_SetCause(PyObject* self, PyObject* cause) {
  auto* exception = ks::as<PyBaseExceptionObject>(self);
  exception->suppress_context = 1;
  ks::Ref<> old = ks::Ref<>::steal(std::exchange(exception->cause, cause));
}

// New reference, or NULL without an exception.
PyObject* PyException_GetContext(PyObject* self) { return Py_XNewRef(ks::as<PyBaseExceptionObject>(self)->context); }

// Steals `context`, which may be NULL.
void PyException_SetContext(PyObject* self, PyObject* context) {
  ks::Ref<> old = ks::Ref<>::steal(std::exchange(ks::as<PyBaseExceptionObject>(self)->context, context));
}

// New reference to the tuple of arguments.
PyObject* PyException_GetArgs(PyObject* self) { return Py_NewRef(ks::as<PyBaseExceptionObject>(self)->args); }

// Borrows `args`, a tuple.
void PyException_SetArgs(PyObject* self, PyObject* args) { ks::assign(&ks::as<PyBaseExceptionObject>(self)->args, args); }

// The class's name with its module where it is a static type; borrowed.
const char* PyExceptionClass_Name(PyObject* type) { return ks::as<PyTypeObject>(type)->tp_name; }
