// The thread's exception: setting, fetching, matching; PyErr_* without what prints.
//
// One channel: PyThreadState.current_exception, always an instance (normalised when it is set). Handled exceptions
// (sys.exception()) are the stack of _PyErr_StackItem at PyThreadState.exc_info; a new exception's __context__ is the
// innermost one of these.
#include "object/errors.h"

#include <cerrno>
#include <cstring>

#include "object/export.h"
#include "object/identifier.h"
#include "runtime/state.h"
#include "types/exceptions.h"

namespace ks {

_PyErr_StackItem* topmost_handled(PyThreadState* tstate) {
  _PyErr_StackItem* item = tstate->exc_info;
  while ((!item->exc_value || item->exc_value == Py_None) && item->previous_item) item = item->previous_item;
  return item;
}

void set_raised(PyThreadState* tstate, Ref<> exception) {
  Ref<> old = Ref<>::steal(std::exchange(tstate->current_exception, exception.release()));
}
Ref<> take_raised(PyThreadState* tstate) { return Ref<>::steal(std::exchange(tstate->current_exception, nullptr)); }

// The instance that raising `type` with `value` means; nullptr with another exception set.
static Ref<> make_exception(PyObject* type, PyObject* value) {
  Ref<> exception = steal(!value || value == Py_None ? PyObject_CallNoArgs(type)
                          : PyTuple_Check(value)     ? PyObject_Call(type, value, nullptr)
                                                     : PyObject_CallOneArg(type, value));
  if (exception && !is_exception(exception))
    return raise(PyExc_TypeError, "calling %R should have returned an instance of BaseException, not %s", type,
                 Py_TYPE(exception.get())->tp_name);
  return exception;
}

static Status add_note(PyObject* exception, PyObject* note) {
  Ref<> result = TRY(steal(PyObject_CallMethodOneArg(exception, "add_note"_id, note)));
  return Status::Ok;
}

// An exception that could not be made keeps a word about what it was to be.
static void note_failed_normalization(PyObject* type, PyObject* value) {
  PyThreadState* tstate = thread();
  Ref<> exception = take_raised(tstate);
  Ref<> shown = steal(PyObject_Repr(value ? value : Py_None));
  if (!shown) {
    PyErr_Clear();
    shown = steal(PyUnicode_FromString("<unknown>"));
  }
  if (shown) {
    Ref<> note = steal(PyUnicode_FromFormat("Normalization failed: type=%s args=%S", as<PyTypeObject>(type)->tp_name, shown.get()));
    if (note && add_note(exception, note) == Status::Ok) {
    }
  }
  PyErr_Clear();
  set_raised(tstate, std::move(exception));
}

// Makes the exception being handled the context of `exception`, without closing a cycle.
static void chain_context(PyThreadState* tstate, PyObject* exception) {
  PyObject* handled = topmost_handled(tstate)->exc_value;
  if (!handled || handled == Py_None || handled == exception) return;
  // The chain from `handled` may lead to `exception`: cut it there. It may also run in a circle of its own (made by
  // assignments to __context__): the slow pointer notices.
  PyObject *walker = handled, *slow = handled;
  bool move_slow = false;
  while (PyObject* next = as<PyBaseExceptionObject>(walker)->context) {
    if (next == exception) {
      PyException_SetContext(walker, nullptr);
      break;
    }
    walker = next;
    if (walker == slow) break;
    if (move_slow) slow = as<PyBaseExceptionObject>(slow)->context;
    move_slow = !move_slow;
  }
  PyException_SetContext(exception, Py_NewRef(handled));
}

void set_object(PyThreadState* tstate, PyObject* type, PyObject* value) {
  if (!type || !PyExceptionClass_Check(type)) {
    PyErr_Clear();
    (void)raise(PyExc_SystemError, "_PyErr_SetObject: exception %R is not a BaseException subclass", type);
    return;
  }
  Ref<> exception;
  if (value && is_exception(value) && PyType_IsSubtype(Py_TYPE(value), as<PyTypeObject>(type))) {
    exception = borrow(value);
  } else {
    // Making the instance runs code, which must not find an exception set.
    Ref<> earlier = take_raised(tstate);
    exception = make_exception(type, value);
    if (!exception) {
      note_failed_normalization(type, value);
      return;
    }
  }
  chain_context(tstate, exception);
  set_raised(tstate, std::move(exception));
}

static bool matches(PyObject* exception, PyObject* type) {
  if (PyTuple_Check(type)) {
    // Nested too deeply, nothing matches; the question has no way to fail, so the error is only reported.
    Ref<> current = take_raised(thread());
    if (Py_EnterRecursiveCall(" in PyErr_GivenExceptionMatches")) {
      // The hook needs some of what is kept in reserve.
      ++thread()->recursion_headroom;
      PyErr_WriteUnraisable(nullptr);
      --thread()->recursion_headroom;
      set_raised(thread(), std::move(current));
      return false;
    }
    set_raised(thread(), std::move(current));
    bool any = false;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(type) && !any; ++i) any = matches(exception, PyTuple_GET_ITEM(type, i));
    Py_LeaveRecursiveCall();
    return any;
  }
  if (is_exception(exception)) exception = object(Py_TYPE(exception));
  if (PyExceptionClass_Check(exception) && PyExceptionClass_Check(type))
    return PyType_IsSubtype(as<PyTypeObject>(exception), as<PyTypeObject>(type));
  return exception == type;
}

}  // namespace ks

using namespace ks;

// ---- setting ---------------------------------------------------------------------------------------------------------

// Raises `type` with `value`: an instance of it, a tuple of arguments, or the one argument. Both borrowed.
void PyErr_SetObject(PyObject* type, PyObject* value) { set_object(thread(), type, value); }

void PyErr_SetNone(PyObject* type) { set_object(thread(), type, nullptr); }

void PyErr_SetString(PyObject* type, const char* message) {
  Ref<> text = steal(PyUnicode_FromString(message));
  if (text) set_object(thread(), type, text);
}

// KeyError with the key as its one argument, even when the key is a tuple.
KS_EXPORT void _PyErr_SetKeyError(PyObject* key) {
  Ref<> args = steal(PyTuple_Pack(1, key));
  if (args) set_object(thread(), PyExc_KeyError, args);
}

// Always NULL.
PyObject* PyErr_FormatV(PyObject* type, const char* format, va_list arguments) {
  PyErr_Clear();  // the conversions may call repr(), which must not find an exception set
  Ref<> text = steal(PyUnicode_FromFormatV(format, arguments));
  if (text) set_object(thread(), type, text);
  return nullptr;
}

// Always NULL.
PyObject* PyErr_Format(PyObject* type, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  PyErr_FormatV(type, format, arguments);
  va_end(arguments);
  return nullptr;
}

KS_EXPORT void _PyErr_SetString(PyThreadState*, PyObject* type, const char* message) { PyErr_SetString(type, message); }
KS_EXPORT PyObject* _PyErr_FormatV(PyThreadState*, PyObject* type, const char* format, va_list arguments) {
  return PyErr_FormatV(type, format, arguments);
}
KS_EXPORT PyObject* _PyErr_Format(PyThreadState*, PyObject* type, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  PyErr_FormatV(type, format, arguments);
  va_end(arguments);
  return nullptr;
}

// As PyErr_SetString, the text being in the locale's encoding.
KS_EXPORT void _PyErr_SetLocaleString(PyObject* type, const char* message) {
  Ref<> text = steal(PyUnicode_DecodeLocale(message, "surrogateescape"));
  if (text) set_object(thread(), type, text);
}

// A new exception whose cause and context is the current one. Always NULL.
KS_EXPORT PyObject* _PyErr_FormatFromCause(PyObject* type, const char* format, ...) {
  Ref<> cause = take_raised(thread());
  va_list arguments;
  va_start(arguments, format);
  PyErr_FormatV(type, format, arguments);
  va_end(arguments);
  PyObject* current = thread()->current_exception;
  if (cause && current) {
    PyException_SetCause(current, Py_NewRef(cause.get()));
    PyException_SetContext(current, cause.release());
  }
  return nullptr;
}

// Adds a note to the current exception; whatever goes wrong is ignored.
KS_EXPORT void _PyErr_FormatNote(const char* format, ...) {
  Ref<> exception = take_raised(thread());
  va_list arguments;
  va_start(arguments, format);
  Ref<> note = steal(PyUnicode_FromFormatV(format, arguments));
  va_end(arguments);
  if (!note || is_failure(add_note(exception, note))) PyErr_Clear();
  set_raised(thread(), std::move(exception));
}

// Always 0, with TypeError.
int PyErr_BadArgument() {
  PyErr_SetString(PyExc_TypeError, "bad argument type for built-in operation");
  return 0;
}

KS_EXPORT void _PyErr_BadInternalCall(const char* file, int line) {
  PyErr_Format(PyExc_SystemError, "%s:%d: bad argument to internal function", file, line);
}
#undef PyErr_BadInternalCall
void PyErr_BadInternalCall() { PyErr_SetString(PyExc_SystemError, "bad argument to internal function"); }

// Always NULL. Raises an instance that exists already when there is not even memory for a new one.
PyObject* PyErr_NoMemory() {
  PyThreadState* tstate = thread();
  ExceptionTypesState& state = interpreter()->exceptions;
  PyObject* exception = nullptr;
  if (!state.making_memory_error) {
    state.making_memory_error = true;
    exception = base_exception_new(&_PyExc_MemoryError, nullptr, nullptr);
    state.making_memory_error = false;
  }
  if (exception) {
    chain_context(tstate, exception);
    set_raised(tstate, Ref<>::steal(exception));
  } else {
    set_raised(tstate, borrow(state.memory_error));
  }
  return nullptr;
}

// OSError (or `type`) from errno, with up to two file names (borrowed, may be NULL). Always NULL.
PyObject* PyErr_SetFromErrnoWithFilenameObjects(PyObject* type, PyObject* filename, PyObject* filename2) {
  const int number = errno;
  if (number == EINTR && PyErr_CheckSignals()) return nullptr;
  Ref<> message = TRY(steal(number ? PyUnicode_DecodeLocale(strerror(number), "surrogateescape") : PyUnicode_FromString("Error")));
  Ref<> args = TRY(steal(!filename    ? Py_BuildValue("(iO)", number, message.get())
                         : !filename2 ? Py_BuildValue("(iOO)", number, message.get(), filename)
                                      : Py_BuildValue("(iOOiO)", number, message.get(), filename, 0, filename2)));
  if (Ref<> exception = steal(PyObject_Call(type, args, nullptr))) set_object(thread(), object(Py_TYPE(exception.get())), exception);
  return nullptr;
}
PyObject* PyErr_SetFromErrnoWithFilenameObject(PyObject* type, PyObject* filename) {
  return PyErr_SetFromErrnoWithFilenameObjects(type, filename, nullptr);
}
PyObject* PyErr_SetFromErrnoWithFilename(PyObject* type, const char* filename) {
  const int number = errno;
  Ref<> name;
  if (filename) name = TRY(steal(PyUnicode_DecodeFSDefault(filename)));
  errno = number;
  return PyErr_SetFromErrnoWithFilenameObjects(type, name, nullptr);
}
PyObject* PyErr_SetFromErrno(PyObject* type) { return PyErr_SetFromErrnoWithFilenameObjects(type, nullptr, nullptr); }

// ImportError or a subclass with `name` and `path` set (both may be NULL). Always NULL.
PyObject* PyErr_SetImportErrorSubclass(PyObject* type, PyObject* message, PyObject* name, PyObject* path) {
  const int subclass = PyObject_IsSubclass(type, PyExc_ImportError);
  if (subclass < 0) return failed;
  if (!subclass) return raise(PyExc_TypeError, "expected a subclass of ImportError");
  if (!message) return raise(PyExc_TypeError, "expected a message argument");
  Ref<> kwargs = TRY(steal(PyDict_New()));
  TRY(PyDict_SetItem(kwargs, "name"_id, name ? name : Py_None));
  TRY(PyDict_SetItem(kwargs, "path"_id, path ? path : Py_None));
  Ref<> args = TRY(steal(PyTuple_Pack(1, message)));
  if (Ref<> exception = steal(PyObject_Call(type, args, kwargs))) set_object(thread(), object(Py_TYPE(exception.get())), exception);
  return nullptr;
}
PyObject* PyErr_SetImportError(PyObject* message, PyObject* name, PyObject* path) {
  return PyErr_SetImportErrorSubclass(PyExc_ImportError, message, name, path);
}

// ---- asking and fetching ---------------------------------------------------------------------------------------------

// The class of the current exception, borrowed; NULL when there is none.
PyObject* PyErr_Occurred() {
  PyThreadState* tstate = thread();
  return tstate && tstate->current_exception ? object(Py_TYPE(tstate->current_exception)) : nullptr;
}

void PyErr_Clear() {
  if (thread()->current_exception) set_raised(thread(), nullptr);
}
KS_EXPORT void _PyErr_Clear(PyThreadState* tstate) { set_raised(tstate, nullptr); }

// New reference to the current exception, which is cleared; NULL when there is none.
PyObject* PyErr_GetRaisedException() { return take_raised(thread()).release(); }
KS_EXPORT PyObject* _PyErr_GetRaisedException(PyThreadState* tstate) { return take_raised(tstate).release(); }

// Steals `exception`; NULL clears.
void PyErr_SetRaisedException(PyObject* exception) { set_raised(thread(), Ref<>::steal(exception)); }
KS_EXPORT void _PyErr_SetRaisedException(PyThreadState* tstate, PyObject* exception) { set_raised(tstate, Ref<>::steal(exception)); }

// 1 when `exception`, an instance or a class, matches a class or a tuple of such.
int PyErr_GivenExceptionMatches(PyObject* exception, PyObject* type) { return exception && type ? matches(exception, type) : 0; }
int PyErr_ExceptionMatches(PyObject* type) { return PyErr_GivenExceptionMatches(PyErr_Occurred(), type); }
KS_EXPORT int _PyErr_ExceptionMatches(PyThreadState* tstate, PyObject* type) {
  return PyErr_GivenExceptionMatches(tstate->current_exception, type);
}

// The three parts as new references, NULL each when there is no exception; clears it.
void PyErr_Fetch(PyObject** type, PyObject** value, PyObject** traceback) {
  Ref<> exception = take_raised(thread());
  if (!exception) {
    *type = *value = *traceback = nullptr;
    return;
  }
  *type = Py_NewRef(object(Py_TYPE(exception.get())));
  *traceback = PyException_GetTraceback(exception);
  *value = exception.release();
}

// Steals all three.
void PyErr_Restore(PyObject* type, PyObject* value, PyObject* traceback) {
  Ref<> held_type = Ref<>::steal(type), held_value = Ref<>::steal(value), held_traceback = Ref<>::steal(traceback);
  PyThreadState* tstate = thread();
  if (!type) {
    set_raised(tstate, nullptr);
    return;
  }
  Ref<> exception;
  if (value && is_exception(value) && object(Py_TYPE(value)) == type) {
    exception = std::move(held_value);
  } else {
    exception = make_exception(type, value);
    if (!exception) {
      note_failed_normalization(type, value);
      return;
    }
  }
  if (traceback && traceback != Py_None) {
    if (!PyTraceBack_Check(traceback)) {
      PyErr_SetString(PyExc_TypeError, "traceback must be a Traceback or None");
      return;
    }
    if (PyException_SetTraceback(exception, traceback) < 0) return;
  } else if (as<PyBaseExceptionObject>(exception.get())->traceback) {
    if (PyException_SetTraceback(exception, Py_None) < 0) return;
  }
  set_raised(tstate, std::move(exception));
}

// Makes *value an instance of *type; on failure the three become the new error's. They stay owned by the caller.
void PyErr_NormalizeException(PyObject** type, PyObject** value, PyObject** traceback) {
  for (int attempt = 0; *type; ++attempt) {
    if (!PyExceptionClass_Check(*type)) return;
    PyObject* current = *value ? *value : Py_None;
    Ref<> exception;
    if (is_exception(current)) {
      const int inherits = PyObject_IsSubclass(object(Py_TYPE(current)), *type);
      if (inherits > 0) exception = borrow(current);
      if (inherits < 0) exception = nullptr;
      else if (!inherits) exception = make_exception(*type, current);
    } else {
      exception = make_exception(*type, current);
    }
    if (exception) {
      assign(type, object(Py_TYPE(exception.get())));
      assign(value, exception);
      return;
    }
    if (attempt == 32) Py_FatalError("Cannot recover from the recursive normalization of an exception.");
    Ref<> old_traceback = Ref<>::steal(*traceback);
    Ref<> old_type = Ref<>::steal(*type), old_value = Ref<>::steal(*value);
    PyErr_Fetch(type, value, traceback);
    if (!*traceback) *traceback = old_traceback.release();
  }
}

// The exception being handled, a new reference; NULL when there is none.
PyObject* PyErr_GetHandledException() {
  PyObject* value = topmost_handled(thread())->exc_value;
  return value && value != Py_None ? Py_NewRef(value) : nullptr;
}
// Borrows; NULL and None mean none.
void PyErr_SetHandledException(PyObject* exception) {
  assign(&thread()->exc_info->exc_value, exception == Py_None ? nullptr : exception);
}
// New references, NULL or None where there is nothing.
void PyErr_GetExcInfo(PyObject** type, PyObject** value, PyObject** traceback) {
  PyObject* exception = topmost_handled(thread())->exc_value;
  if (exception == Py_None) exception = nullptr;
  *type = exception ? Py_NewRef(object(Py_TYPE(exception))) : Py_NewRef(Py_None);
  *value = Py_NewRef(exception ? exception : Py_None);
  PyObject* found_traceback = exception ? PyException_GetTraceback(exception) : nullptr;
  *traceback = found_traceback ? found_traceback : Py_NewRef(Py_None);
}
// Steals all three; only the value counts.
void PyErr_SetExcInfo(PyObject* type, PyObject* value, PyObject* traceback) {
  PyErr_SetHandledException(value);
  Ref<> a = Ref<>::steal(type), b = Ref<>::steal(value), c = Ref<>::steal(traceback);
}

// Steals `exception`: it becomes the context of the current exception, or the current exception when there is none.
void _PyErr_ChainExceptions1(PyObject* exception) {
  if (!exception) return;
  if (PyErr_Occurred()) {
    PyException_SetContext(thread()->current_exception, exception);
  } else {
    PyErr_SetRaisedException(exception);
  }
}

// ---- new classes -----------------------------------------------------------------------------------------------------

// A new exception class "module.Name", new reference. `base`: a class, a tuple, or NULL (Exception); `dict` may be NULL.
PyObject* PyErr_NewException(const char* name, PyObject* base, PyObject* dict) {
  const char* dot = strrchr(name, '.');
  if (!dot) return raise(PyExc_SystemError, "PyErr_NewException: name must be module.class");
  if (!base) base = PyExc_Exception;
  Ref<> namespace_dict;
  if (!dict) {
    namespace_dict = TRY(steal(PyDict_New()));
    dict = namespace_dict;
  }
  const int has_module = PyDict_Contains(dict, "__module__"_id);
  if (has_module < 0) return failed;
  if (!has_module) {
    Ref<> module_name = TRY(steal(PyUnicode_FromStringAndSize(name, dot - name)));
    TRY(PyDict_SetItem(dict, "__module__"_id, module_name));
  }
  Ref<> bases = TRY(steal(PyTuple_Check(base) ? Py_NewRef(base) : PyTuple_Pack(1, base)));
  return PyObject_CallFunction(object(&PyType_Type), "sOO", dot + 1, bases.get(), dict);
}

PyObject* PyErr_NewExceptionWithDoc(const char* name, const char* doc, PyObject* base, PyObject* dict) {
  Ref<> namespace_dict;
  if (!dict) {
    namespace_dict = TRY(steal(PyDict_New()));
    dict = namespace_dict;
  }
  if (doc) {
    Ref<> text = TRY(steal(PyUnicode_FromString(doc)));
    TRY(PyDict_SetItem(dict, "__doc__"_id, text));
  }
  return PyErr_NewException(name, base, dict);
}
