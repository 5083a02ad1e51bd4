// Exceptions with a few fields of their own: SystemExit, StopIteration, ImportError, NameError, AttributeError.
#include "types/exceptions.h"

namespace ks {

// SystemExit and StopIteration: the field is the argument, or the tuple of arguments when there are several.

static int system_exit_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  if (base_exception_init(self, args, kwargs) < 0) return failed;
  const Py_ssize_t count = PyTuple_GET_SIZE(args);
  if (count) assign(&as<PySystemExitObject>(self)->code, count == 1 ? PyTuple_GET_ITEM(args, 0) : args);
  return 0;
}
static PyMemberDef system_exit_members[] = {
    {"code", _Py_T_OBJECT, offsetof(PySystemExitObject, code), 0, "exception code"}, {}};
using SystemExitLife = ExceptionLife<PySystemExitObject, &PySystemExitObject::code>;
constinit const ExceptionFamily system_exit_family = {.size = sizeof(PySystemExitObject), .init = system_exit_init,
    .dealloc = SystemExitLife::dealloc, .traverse = SystemExitLife::traverse, .clear = SystemExitLife::clear,
    .members = system_exit_members};

static int stop_iteration_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  if (base_exception_init(self, args, kwargs) < 0) return failed;
  assign(&as<PyStopIterationObject>(self)->value, PyTuple_GET_SIZE(args) ? PyTuple_GET_ITEM(args, 0) : Py_None);
  return 0;
}
static PyMemberDef stop_iteration_members[] = {
    {"value", _Py_T_OBJECT, offsetof(PyStopIterationObject, value), 0, "generator return value"}, {}};
using StopIterationLife = ExceptionLife<PyStopIterationObject, &PyStopIterationObject::value>;
constinit const ExceptionFamily stop_iteration_family = {.size = sizeof(PyStopIterationObject), .init = stop_iteration_init,
    .dealloc = StopIterationLife::dealloc, .traverse = StopIterationLife::traverse, .clear = StopIterationLife::clear,
    .members = stop_iteration_members};

// ---- exceptions whose fields come as keywords --------------------------------------------------------------------------

// Reads up to three keyword arguments that are fields; positional ones are left to BaseException.
static Status read_keywords(PyObject* kwargs, const char* format, const char* const* names, PyObject** a, PyObject** b, PyObject** c) {
  *a = nullptr;
  if (b) *b = nullptr;
  if (c) *c = nullptr;
  Ref<> no_arguments = TRY(steal(PyTuple_New(0)));
  char** list = const_cast<char**>(names);
  const int good = c   ? PyArg_ParseTupleAndKeywords(no_arguments, kwargs, format, list, a, b, c)
                   : b ? PyArg_ParseTupleAndKeywords(no_arguments, kwargs, format, list, a, b)
                       : PyArg_ParseTupleAndKeywords(no_arguments, kwargs, format, list, a);
  return good ? Status::Ok : Status::Error;
}

static int import_error_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  if (base_exception_init(self, args, nullptr) < 0) return failed;
  static constexpr const char* names[] = {"name", "path", "name_from", nullptr};
  PyObject *name, *path, *name_from;
  TRY(read_keywords(kwargs, "|$OOO:ImportError", names, &name, &path, &name_from));
  auto* exception = as<PyImportErrorObject>(self);
  assign(&exception->name, name);
  assign(&exception->path, path);
  assign(&exception->name_from, name_from);
  assign(&exception->msg, PyTuple_GET_SIZE(args) == 1 ? PyTuple_GET_ITEM(args, 0) : nullptr);
  return 0;
}
static PyObject* import_error_str(PyObject* self) {
  PyObject* message = as<PyImportErrorObject>(self)->msg;
  return message && PyUnicode_CheckExact(message) ? Py_NewRef(message) : base_exception_str(self);
}

// The instance's dictionary with the fields that pickling would lose added; the dictionary itself, or None.
static Ref<> state_with_fields(PyObject* self, std::initializer_list<std::pair<const char*, PyObject*>> fields) {
  PyObject* dict = as<PyBaseExceptionObject>(self)->dict;
  bool any = false;
  for (const auto& [name, value] : fields) any |= value != nullptr;
  if (!any) return borrow(dict ? dict : Py_None);
  Ref<> state = TRY(steal(dict ? PyDict_Copy(dict) : PyDict_New()));
  for (const auto& [name, value] : fields)
    if (value) TRY(PyDict_SetItemString(state, name, value));
  return state;
}

static PyObject* import_error_reduce(PyObject* self) {
  auto* exception = as<PyImportErrorObject>(self);
  Ref<> state = TRY(state_with_fields(
      self, {{"name", exception->name}, {"path", exception->path}, {"name_from", exception->name_from}}));
  if (state.get() == Py_None) return PyTuple_Pack(2, Py_TYPE(self), exception->args);
  return PyTuple_Pack(3, Py_TYPE(self), exception->args, state.get());
}
METHOD_AS(import_error_reduce, "__reduce__", 0, "($self, /)", "");
static PyMethodDef import_error_methods[] = {import_error_reduce_method, {}};
static PyMemberDef import_error_members[] = {
    {"msg", _Py_T_OBJECT, offsetof(PyImportErrorObject, msg), 0, "exception message"},
    {"name", _Py_T_OBJECT, offsetof(PyImportErrorObject, name), 0, "module name"},
    {"path", _Py_T_OBJECT, offsetof(PyImportErrorObject, path), 0, "module path"},
    {"name_from", _Py_T_OBJECT, offsetof(PyImportErrorObject, name_from), 0, "name imported from module"},
    {}};
using ImportErrorLife = ExceptionLife<PyImportErrorObject, &PyImportErrorObject::msg, &PyImportErrorObject::name,
                                      &PyImportErrorObject::path, &PyImportErrorObject::name_from>;
constinit const ExceptionFamily import_error_family = {.size = sizeof(PyImportErrorObject), .init = import_error_init,
    .str = import_error_str, .dealloc = ImportErrorLife::dealloc, .traverse = ImportErrorLife::traverse,
    .clear = ImportErrorLife::clear, .methods = import_error_methods, .members = import_error_members};

static int name_error_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  if (base_exception_init(self, args, nullptr) < 0) return failed;
  static constexpr const char* names[] = {"name", nullptr};
  PyObject* name;
  TRY(read_keywords(kwargs, "|$O:NameError", names, &name, nullptr, nullptr));
  assign(&as<PyNameErrorObject>(self)->name, name);
  return 0;
}
static PyMemberDef name_error_members[] = {{"name", _Py_T_OBJECT, offsetof(PyNameErrorObject, name), 0, "name"}, {}};
using NameErrorLife = ExceptionLife<PyNameErrorObject, &PyNameErrorObject::name>;
constinit const ExceptionFamily name_error_family = {.size = sizeof(PyNameErrorObject), .init = name_error_init,
    .dealloc = NameErrorLife::dealloc, .traverse = NameErrorLife::traverse, .clear = NameErrorLife::clear,
    .members = name_error_members};

static int attribute_error_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  if (base_exception_init(self, args, nullptr) < 0) return failed;
  static constexpr const char* names[] = {"name", "obj", nullptr};
  PyObject *name, *target;
  TRY(read_keywords(kwargs, "|$OO:AttributeError", names, &name, &target, nullptr));
  assign(&as<PyAttributeErrorObject>(self)->name, name);
  assign(&as<PyAttributeErrorObject>(self)->obj, target);
  return 0;
}
// Without `obj`: what has no such attribute often cannot be pickled, and is not needed where the error arrives.
static PyObject* attribute_error_getstate(PyObject* self) {
  auto* exception = as<PyAttributeErrorObject>(self);
  return state_with_fields(self, {{"name", exception->name}, {"args", exception->args}}).release();
}
METHOD_AS(attribute_error_getstate, "__getstate__", 0, "($self, /)", "");
static PyObject* attribute_error_reduce(PyObject* self) {
  Ref<> state = TRY(steal(attribute_error_getstate(self)));
  return PyTuple_Pack(3, Py_TYPE(self), as<PyAttributeErrorObject>(self)->args, state.get());
}
METHOD_AS(attribute_error_reduce, "__reduce__", 0, "($self, /)", "");
static PyMethodDef attribute_error_methods[] = {attribute_error_getstate_method, attribute_error_reduce_method, {}};
static PyMemberDef attribute_error_members[] = {
    {"name", _Py_T_OBJECT, offsetof(PyAttributeErrorObject, name), 0, "attribute name"},
    {"obj", _Py_T_OBJECT, offsetof(PyAttributeErrorObject, obj), 0, "object"},
    {}};
using AttributeErrorLife =
    ExceptionLife<PyAttributeErrorObject, &PyAttributeErrorObject::obj, &PyAttributeErrorObject::name>;
constinit const ExceptionFamily attribute_error_family = {.size = sizeof(PyAttributeErrorObject), .init = attribute_error_init,
    .dealloc = AttributeErrorLife::dealloc, .traverse = AttributeErrorLife::traverse, .clear = AttributeErrorLife::clear,
    .methods = attribute_error_methods, .members = attribute_error_members};

// ---- SyntaxError -----------------------------------------------------------------------------------------------------

static int syntax_error_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  if (base_exception_init(self, args, kwargs) < 0) return failed;
  auto* exception = as<PySyntaxErrorObject>(self);
  const Py_ssize_t count = PyTuple_GET_SIZE(args);
  if (count >= 1) assign(&exception->msg, PyTuple_GET_ITEM(args, 0));
  if (count != 2) return 0;
  Ref<> info = TRY(steal(PySequence_Tuple(PyTuple_GET_ITEM(args, 1))));
  PyObject *filename = nullptr, *line = nullptr, *offset = nullptr, *text = nullptr, *end_line = nullptr, *end_offset = nullptr,
           *metadata = nullptr;
  if (!PyArg_ParseTuple(info, "OOOO|OOO", &filename, &line, &offset, &text, &end_line, &end_offset, &metadata)) return failed;
  assign(&exception->filename, filename);
  assign(&exception->lineno, line);
  assign(&exception->offset, offset);
  assign(&exception->text, text);
  assign(&exception->end_lineno, end_line);
  assign(&exception->end_offset, end_offset);
  assign(&exception->metadata, metadata);
  if (end_line && !end_offset) return raise(PyExc_TypeError, "end_offset must be provided when end_lineno is provided");
  return 0;
}

static PyObject* syntax_error_str(PyObject* self) {
  auto* exception = as<PySyntaxErrorObject>(self);
  PyObject* message = exception->msg ? exception->msg : Py_None;
  const bool has_line = exception->lineno && PyLong_CheckExact(exception->lineno);
  Ref<> name;
  if (exception->filename && PyUnicode_Check(exception->filename)) {
    const Py_ssize_t length = PyUnicode_GET_LENGTH(exception->filename);
    const Py_ssize_t slash = PyUnicode_FindChar(exception->filename, '/', 0, length, -1);
    name = TRY(steal(PyUnicode_Substring(exception->filename, slash + 1, length)));
  }
  if (name && has_line) return PyUnicode_FromFormat("%S (%U, line %S)", message, name.get(), exception->lineno);
  if (name) return PyUnicode_FromFormat("%S (%U)", message, name.get());
  if (has_line) return PyUnicode_FromFormat("%S (line %S)", message, exception->lineno);
  return PyObject_Str(message);
}

#define SYNTAX_MEMBER(NAME, FIELD, DOC) {NAME, _Py_T_OBJECT, offsetof(PySyntaxErrorObject, FIELD), 0, DOC}
static PyMemberDef syntax_error_members[] = {
    SYNTAX_MEMBER("msg", msg, "exception msg"),
    SYNTAX_MEMBER("filename", filename, "exception filename"),
    SYNTAX_MEMBER("lineno", lineno, "exception lineno"),
    SYNTAX_MEMBER("offset", offset, "exception offset"),
    SYNTAX_MEMBER("text", text, "exception text"),
    SYNTAX_MEMBER("end_lineno", end_lineno, "exception end lineno"),
    SYNTAX_MEMBER("end_offset", end_offset, "exception end offset"),
    SYNTAX_MEMBER("print_file_and_line", print_file_and_line, "exception print_file_and_line"),
    SYNTAX_MEMBER("_metadata", metadata, "exception private metadata"),
    {}};
using SyntaxErrorLife =
    ExceptionLife<PySyntaxErrorObject, &PySyntaxErrorObject::msg, &PySyntaxErrorObject::filename,
                  &PySyntaxErrorObject::lineno, &PySyntaxErrorObject::offset, &PySyntaxErrorObject::end_lineno,
                  &PySyntaxErrorObject::end_offset, &PySyntaxErrorObject::text, &PySyntaxErrorObject::print_file_and_line,
                  &PySyntaxErrorObject::metadata>;
constinit const ExceptionFamily syntax_error_family = {.size = sizeof(PySyntaxErrorObject), .init = syntax_error_init,
    .str = syntax_error_str, .dealloc = SyntaxErrorLife::dealloc, .traverse = SyntaxErrorLife::traverse,
    .clear = SyntaxErrorLife::clear, .members = syntax_error_members};

}  // namespace ks
