// raise, except, except*.
#include "interpreter/operations.h"

#include "interpreter/traceback.h"
#include "object/call.h"
#include "object/identifier.h"
#include "runtime/state.h"

namespace ks {

Failed raise_from_current(PyObject* type, const char* format, ...) {
  Ref<> cause = steal(PyErr_GetRaisedException());
  va_list arguments;
  va_start(arguments, format);
  PyErr_FormatV(type, format, arguments);
  va_end(arguments);
  Ref<> error = steal(PyErr_GetRaisedException());
  if (error && cause) {
    PyException_SetCause(error, Py_NewRef(cause.get()));
    PyException_SetContext(error, Py_NewRef(cause.get()));
  }
  PyErr_SetRaisedException(error.release());
  return failed;
}

// An exception class becomes an instance.
static Ref<> instantiate(PyObject* type) {
  Ref<> value = TRY(steal(PyObject_CallNoArgs(type)));
  if (!PyExceptionInstance_Check(value.get()))
    return raise(PyExc_TypeError, "calling %R should have returned an instance of BaseException, not %R", type,
                 reinterpret_cast<PyObject*>(Py_TYPE(value.get())));
  return value;
}

// Both are taken over.
Raised raise_exception(PyThreadState* thread, PyObject* exception_taken, PyObject* cause_taken) {
  Ref<> exception = steal(exception_taken), cause = steal(cause_taken);
  if (!exception) {
    PyObject* handled = PyErr_GetHandledException();
    if (!handled) {
      PyErr_SetString(PyExc_RuntimeError, "No active exception to reraise");
      return Raised::Error;
    }
    PyErr_SetRaisedException(handled);
    return Raised::Reraised;
  }
  Ref<> value;
  if (PyExceptionClass_Check(exception.get())) {
    value = instantiate(exception);
    if (!value) return Raised::Error;
  } else if (PyExceptionInstance_Check(exception.get())) {
    value = exception.share();
  } else {
    PyErr_SetString(PyExc_TypeError, "exceptions must derive from BaseException");
    return Raised::Error;
  }
  if (cause) {
    PyObject* fixed;
    if (PyExceptionClass_Check(cause.get())) {
      Ref<> instance = instantiate(cause);
      if (!instance) return Raised::Error;
      fixed = instance.release();
    } else if (PyExceptionInstance_Check(cause.get())) {
      fixed = cause.release();
    } else if (cause.get() == Py_None) {
      fixed = nullptr;
    } else {
      PyErr_SetString(PyExc_TypeError, "exception causes must derive from BaseException");
      return Raised::Error;
    }
    PyException_SetCause(value, fixed);
  }
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(value.get())), value);
  return Raised::Error;
}

static Status check_types(PyObject* type, const char* message) {
  if (PyTuple_Check(type)) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(type); ++i)
      if (!PyExceptionClass_Check(PyTuple_GET_ITEM(type, i))) return raise(PyExc_TypeError, "%s", message);
  } else if (!PyExceptionClass_Check(type)) {
    return raise(PyExc_TypeError, "%s", message);
  }
  return Status::Ok;
}

Status check_except_type(PyObject* type) {
  return check_types(type, "catching classes that do not inherit from BaseException is not allowed");
}

Status check_except_star_type(PyObject* type) {
  TRY(check_except_type(type));
  bool group = false;
  auto is_group = [](PyObject* each) { return PyObject_IsSubclass(each, PyExc_BaseExceptionGroup); };
  if (PyTuple_Check(type)) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(type) && !group; ++i) group = TRY(found(is_group(PyTuple_GET_ITEM(type, i))));
  } else {
    group = TRY(found(is_group(type)));
  }
  if (group) return raise(PyExc_TypeError, "catching ExceptionGroup with except* is not allowed. Use except instead.");
  return Status::Ok;
}

static bool is_group(PyObject* exception) {
  return PyObject_TypeCheck(exception, reinterpret_cast<PyTypeObject*>(PyExc_BaseExceptionGroup));
}

Status exception_group_match(Frame* frame, PyObject* exception, PyObject* type, PyObject** match, PyObject** rest) {
  if (exception == Py_None) {
    *match = Py_NewRef(Py_None);
    *rest = Py_NewRef(Py_None);
    return Status::Ok;
  }
  if (PyErr_GivenExceptionMatches(exception, type)) {
    if (is_group(exception)) {
      *match = Py_NewRef(exception);
    } else {
      // A naked exception is caught as a group of one, with a traceback that shows the except*.
      Ref<> list = TRY(steal(PyTuple_Pack(1, exception)));
      Ref<> wrapped = TRY(steal(call(PyExc_BaseExceptionGroup, ""_id, list.get())));
      if (PyFrameObject* object = frame_object(frame)) {
        Ref<> traceback = steal(traceback_from_frame(nullptr, object));
        if (!traceback) return failed;
        PyException_SetTraceback(wrapped, traceback);
      } else {
        return failed;
      }
      *match = wrapped.release();
    }
    *rest = Py_NewRef(Py_None);
    return Status::Ok;
  }
  if (is_group(exception)) {
    Ref<> pair = TRY(steal(call_method(exception, "split"_id, type)));
    const char* name = Py_TYPE(exception)->tp_name;
    if (!PyTuple_CheckExact(pair))
      return raise(PyExc_TypeError, "%.200s.split must return a tuple, not %.200s", name, Py_TYPE(pair.get())->tp_name);
    if (PyTuple_GET_SIZE(pair) < 2)
      return raise(PyExc_TypeError, "%.200s.split must return a 2-tuple, got tuple of size %zd", name, PyTuple_GET_SIZE(pair));
    *match = Py_NewRef(PyTuple_GET_ITEM(pair.get(), 0));
    *rest = Py_NewRef(PyTuple_GET_ITEM(pair.get(), 1));
    return Status::Ok;
  }
  *match = Py_NewRef(Py_None);
  *rest = Py_NewRef(exception);
  return Status::Ok;
}

// StopIteration must not leave a generator: it becomes a RuntimeError. Other exceptions pass.
PyObject* stop_iteration_error(PyObject* exception, int flags) {
  const char* message = nullptr;
  if (PyErr_GivenExceptionMatches(exception, PyExc_StopIteration)) {
    message = (flags & CO_ASYNC_GENERATOR) ? "async generator raised StopIteration"
              : (flags & CO_COROUTINE)     ? "coroutine raised StopIteration"
                                           : "generator raised StopIteration";
  } else if ((flags & CO_ASYNC_GENERATOR) && PyErr_GivenExceptionMatches(exception, PyExc_StopAsyncIteration)) {
    message = "async generator raised StopAsyncIteration";
  }
  if (!message) return Py_NewRef(exception);
  Ref<> text = TRY(steal(PyUnicode_FromString(message)));
  Ref<> error = TRY(steal(PyObject_CallOneArg(PyExc_RuntimeError, text)));
  PyException_SetCause(error, Py_NewRef(exception));
  PyException_SetContext(error, Py_NewRef(exception));
  return error.release();
}

}  // namespace ks
