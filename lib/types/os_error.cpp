// OSError: errno chooses the subclass; two to five arguments are fields, any other number is just `args`.
//
// Where neither __new__ nor __init__ is overridden, and where only __init__ is, fields are set in __new__, as the class
// may change there; a subclass with its own __new__ gets them in __init__.
#include <cerrno>

#include "runtime/state.h"
#include "types/exceptions.h"

namespace ks {

static PyOSErrorObject* os_error(PyObject* self) { return as<PyOSErrorObject>(self); }

static int os_error_init(PyObject* self, PyObject* args, PyObject* kwargs);
static PyObject* os_error_new(PyTypeObject* type, PyObject* args, PyObject* kwargs);

static bool fields_in_init(PyTypeObject* type) { return type->tp_init != os_error_init && type->tp_new == os_error_new; }

struct OSErrorFields {
  PyObject* number = nullptr;
  PyObject* text = nullptr;
  PyObject* filename = nullptr;
  PyObject* filename2 = nullptr;
};
static OSErrorFields read_fields(PyObject* args) {
  OSErrorFields fields;
  const Py_ssize_t count = PyTuple_GET_SIZE(args);
  if (count < 2 || count > 5) return fields;
  fields.number = PyTuple_GET_ITEM(args, 0);
  fields.text = PyTuple_GET_ITEM(args, 1);
  if (count > 2) fields.filename = PyTuple_GET_ITEM(args, 2);
  // The fourth is Windows' own error number, which nobody has here.
  if (count > 4) fields.filename2 = PyTuple_GET_ITEM(args, 4);
  return fields;
}

static Status fill(PyObject* self, PyObject* args, const OSErrorFields& fields) {
  PyOSErrorObject* exception = os_error(self);
  Ref<> shown = borrow(args);
  if (fields.filename && fields.filename != Py_None) {
    if (Py_IS_TYPE(self, as<PyTypeObject>(PyExc_BlockingIOError)) && PyNumber_Check(fields.filename)) {
      // BlockingIOError's third argument is the number of characters written before it blocked.
      exception->written = PyNumber_AsSsize_t(fields.filename, PyExc_ValueError);
      if (exception->written == -1 && PyErr_Occurred()) return failed;
    } else {
      assign(&exception->filename, fields.filename);
      if (fields.filename2 && fields.filename2 != Py_None) assign(&exception->filename2, fields.filename2);
      // A filename is not shown among args, for the sake of old code that unpacks two.
      shown = TRY(steal(PyTuple_GetSlice(args, 0, 2)));
    }
  }
  assign(&exception->myerrno, fields.number);
  assign(&exception->strerror, fields.text);
  assign(&exception->args, shown);
  return Status::Ok;
}

static PyObject* os_error_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  OSErrorFields fields;
  const bool later = fields_in_init(type);
  if (!later) {
    TRY(no_keywords(type, kwargs));
    fields = read_fields(args);
    if (fields.number && PyLong_Check(fields.number) && type == as<PyTypeObject>(PyExc_OSError)) {
      PyObject* subclass = PyDict_GetItemWithError(interpreter()->exceptions.errno_map, fields.number);
      if (subclass) type = as<PyTypeObject>(subclass);
      else if (PyErr_Occurred()) return failed;
    }
  }
  Ref<> self = TRY(steal(type->tp_alloc(type, 0)));
  os_error(self)->written = -1;
  if (!later) {
    TRY(fill(self, args, fields));
  } else {
    os_error(self)->args = TRY(PyTuple_New(0));
  }
  return self.release();
}

static int os_error_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  PyTypeObject* type = Py_TYPE(self);
  if (!fields_in_init(type)) return 0;  // done by __new__
  TRY(no_keywords(type, kwargs));
  TRY(fill(self, args, read_fields(args)));
  return 0;
}

static PyObject* os_error_str(PyObject* self) {
  PyOSErrorObject* exception = os_error(self);
  auto or_none = [](PyObject* value) { return value ? value : Py_None; };
  if (exception->filename) {
    if (exception->filename2)
      return PyUnicode_FromFormat("[Errno %S] %S: %R -> %R", or_none(exception->myerrno), or_none(exception->strerror),
                                  exception->filename, exception->filename2);
    return PyUnicode_FromFormat("[Errno %S] %S: %R", or_none(exception->myerrno), or_none(exception->strerror), exception->filename);
  }
  if (exception->myerrno && exception->strerror)
    return PyUnicode_FromFormat("[Errno %S] %S", exception->myerrno, exception->strerror);
  return base_exception_str(self);
}

static PyObject* os_error_reduce(PyObject* self) {
  PyOSErrorObject* exception = os_error(self);
  Ref<> args = borrow(exception->args);
  if (PyTuple_GET_SIZE(args.get()) == 2 && exception->filename) {
    PyObject* number = PyTuple_GET_ITEM(args.get(), 0);
    PyObject* text = PyTuple_GET_ITEM(args.get(), 1);
    args = TRY(steal(exception->filename2 ? PyTuple_Pack(5, number, text, exception->filename, Py_None, exception->filename2)
                                          : PyTuple_Pack(3, number, text, exception->filename)));
  }
  if (exception->dict) return PyTuple_Pack(3, Py_TYPE(self), args.get(), exception->dict);
  return PyTuple_Pack(2, Py_TYPE(self), args.get());
}
METHOD_AS(os_error_reduce, "__reduce__", 0, "($self, /)", "");

static PyObject* get_written(PyObject* self, void*) {
  if (os_error(self)->written == -1) return raise(PyExc_AttributeError, "characters_written");
  return PyLong_FromSsize_t(os_error(self)->written);
}
static int set_written(PyObject* self, PyObject* value, void*) {
  if (!value) {
    if (os_error(self)->written == -1) return raise(PyExc_AttributeError, "characters_written");
    os_error(self)->written = -1;
    return 0;
  }
  const Py_ssize_t number = PyNumber_AsSsize_t(value, PyExc_ValueError);
  if (number == -1 && PyErr_Occurred()) return failed;
  os_error(self)->written = number;
  return 0;
}

static PyMethodDef os_error_methods[] = {os_error_reduce_method, {}};
static PyMemberDef os_error_members[] = {
    {"errno", _Py_T_OBJECT, offsetof(PyOSErrorObject, myerrno), 0, "POSIX exception code"},
    {"strerror", _Py_T_OBJECT, offsetof(PyOSErrorObject, strerror), 0, "exception strerror"},
    {"filename", _Py_T_OBJECT, offsetof(PyOSErrorObject, filename), 0, "exception filename"},
    {"filename2", _Py_T_OBJECT, offsetof(PyOSErrorObject, filename2), 0, "second exception filename"},
    {}};
static PyGetSetDef os_error_getset[] = {{"characters_written", get_written, set_written, nullptr, nullptr}, {}};
using OSErrorLife = ExceptionLife<PyOSErrorObject, &PyOSErrorObject::myerrno, &PyOSErrorObject::strerror,
                                  &PyOSErrorObject::filename, &PyOSErrorObject::filename2>;
constinit const ExceptionFamily os_error_family = {.size = sizeof(PyOSErrorObject), .create = os_error_new,
    .init = os_error_init, .str = os_error_str, .dealloc = OSErrorLife::dealloc, .traverse = OSErrorLife::traverse,
    .clear = OSErrorLife::clear, .methods = os_error_methods, .members = os_error_members, .getset = os_error_getset};

}  // namespace ks
