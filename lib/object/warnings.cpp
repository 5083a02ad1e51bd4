// Warnings: filters, registries, and PyErr_Warn*.
//
// The filters belong to the `warnings` module once it is imported (warnings.filters, warnings.defaultaction, ...); until
// then, and where it lacks a name, to this interpreter's state. A registry remembers what was shown at a place; it is
// void when its "version" is not the filters' version.
#include "object/warnings.h"

#include "object/identifier.h"
#include "runtime/state.h"
#include "types/exceptions.h"

namespace ks {

static ExceptionTypesState& state() { return interpreter()->exceptions; }

static Ref<> make_filter(const char* action, PyObject* category, const char* module) {
  return steal(module ? Py_BuildValue("(sOOsi)", action, Py_None, category, module, 0)
                      : Py_BuildValue("(sOOOi)", action, Py_None, category, Py_None, 0));
}

Status warnings_start(ExceptionTypesState& target) {
  target.warning_filters = TRY(PyList_New(0));
  const struct {
    const char* action;
    PyObject* category;
    const char* module;
  } rows[] = {{"default", PyExc_DeprecationWarning, "__main__"},
              {"ignore", PyExc_DeprecationWarning, nullptr},
              {"ignore", PyExc_PendingDeprecationWarning, nullptr},
              {"ignore", PyExc_ImportWarning, nullptr},
              {"ignore", PyExc_ResourceWarning, nullptr}};
  for (const auto& row : rows) {
    Ref<> filter = TRY(make_filter(row.action, row.category, row.module));
    TRY(PyList_Append(target.warning_filters, filter));
  }
  target.warning_once_registry = TRY(PyDict_New());
  target.warning_default_action = TRY(PyUnicode_InternFromString("default"));
  target.warning_context = TRY(PyContextVar_New("_warnings_context", nullptr));
  return Status::Ok;
}

void warnings_end(ExceptionTypesState& target) {
  assign(&target.warning_filters, nullptr);
  assign(&target.warning_once_registry, nullptr);
  assign(&target.warning_default_action, nullptr);
  assign(&target.warning_context, nullptr);
}

// An attribute of the `warnings` module, which is imported for it only on request; empty without error when there is none.
static Found warnings_attribute(PyObject* name, bool import, Ref<>* result) {
  Ref<> module;
  if (import) {
    module = steal(PyImport_Import("warnings"_id));
    if (!module) {
      if (!PyErr_ExceptionMatches(PyExc_ImportError)) return failed;
      PyErr_Clear();
      return Found::No;
    }
  } else {
    module = steal(PyImport_GetModule("warnings"_id));
    if (!module) return PyErr_Occurred() ? Found::Error : Found::No;
  }
  return found(PyObject_GetOptionalAttr(module, name, result->out()));
}

// The module's value for a name, or the interpreter's own.
static Ref<> setting(PyObject* name, PyObject** own) {
  Ref<> value;
  if (!TRY(warnings_attribute(name, false, &value))) return borrow(*own);
  assign(own, value);
  return value;
}

// ---- which action ----------------------------------------------------------------------------------------------------

// A filter's pattern: None, an exact str, or an object with match().
static Found pattern_matches(PyObject* pattern, PyObject* text) {
  if (pattern == Py_None) return Found::Yes;
  if (PyUnicode_CheckExact(pattern)) return found(PyObject_RichCompareBool(pattern, text, Py_EQ));
  Ref<> result = TRY(steal(PyObject_CallMethodOneArg(pattern, "match"_id, text)));
  return found(PyObject_IsTrue(result));
}

struct Occasion {
  PyObject* category;
  PyObject* text;
  PyObject* module;
  Py_ssize_t line;
};

// The action of the first filter that applies and the filter itself; an empty action when none does.
static Status search_filters(PyObject* filters, const Occasion& occasion, Ref<>* action, Ref<>* item) {
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(filters); ++i) {
    Ref<> filter = borrow(PyList_GET_ITEM(filters, i));
    if (!PyTuple_Check(filter.get()) || PyTuple_GET_SIZE(filter.get()) != 5)
      return raise(PyExc_ValueError, "warnings.filters item %zd isn't a 5-tuple", i);
    PyObject* act = PyTuple_GET_ITEM(filter.get(), 0);
    if (!PyUnicode_Check(act)) return raise(PyExc_TypeError, "action must be a string, not '%.200s'", Py_TYPE(act)->tp_name);
    const Py_ssize_t line = PyLong_AsSsize_t(PyTuple_GET_ITEM(filter.get(), 4));
    if (line == -1 && PyErr_Occurred()) return failed;
    if (!TRY(pattern_matches(PyTuple_GET_ITEM(filter.get(), 1), occasion.text))) continue;
    if (!TRY(found(PyObject_IsSubclass(occasion.category, PyTuple_GET_ITEM(filter.get(), 2))))) continue;
    if (!TRY(pattern_matches(PyTuple_GET_ITEM(filter.get(), 3), occasion.module))) continue;
    if (line != 0 && line != occasion.line) continue;
    *action = borrow(act);
    *item = std::move(filter);
    return Status::Ok;
  }
  return Status::Ok;
}

static Status choose_action(const Occasion& occasion, Ref<>* action, Ref<>* item) {
  // With context-aware warnings, filters of the current context come first.
  if (interpreter()->core.config.context_aware_warnings) {
    PyObject* context = nullptr;
    if (PyContextVar_Get(state().warning_context, nullptr, &context) < 0) return failed;
    Ref<> held = Ref<>::steal(context);
    if (held && held.get() != Py_None) {
      Ref<> filters = TRY(steal(PyObject_GetAttr(held, "_filters"_id)));
      if (!PyList_Check(filters.get())) return raise(PyExc_ValueError, "_filters of warnings._warnings_context must be a list");
      TRY(search_filters(filters, occasion, action, item));
      if (*action) return Status::Ok;
    }
  }
  Ref<> filters = TRY(setting("filters"_id, &state().warning_filters));
  if (!PyList_Check(filters.get())) return raise(PyExc_ValueError, "_warnings.filters must be a list");
  TRY(search_filters(filters, occasion, action, item));
  if (*action) return Status::Ok;
  *action = TRY(setting("defaultaction"_id, &state().warning_default_action));
  if (!PyUnicode_Check(action->get()))
    return raise(PyExc_TypeError, "_warnings.defaultaction must be a string, not '%.200s'", Py_TYPE(action->get())->tp_name);
  *item = borrow(Py_None);
  return Status::Ok;
}

// ---- registries ------------------------------------------------------------------------------------------------------

// Whether `key` was seen since the filters last changed; notes it when `remember`.
static Found already_warned(PyObject* registry, PyObject* key, bool remember) {
  Ref<> version;
  if (PyDict_GetItemRef(registry, "version"_id, version.out()) < 0) return failed;
  const bool current = version && PyLong_CheckExact(version.get()) && PyLong_AsLong(version) == state().warning_filters_version;
  if (!current) {
    PyErr_Clear();
    PyDict_Clear(registry);
    Ref<> number = TRY(steal(PyLong_FromLong(state().warning_filters_version)));
    TRY(PyDict_SetItem(registry, "version"_id, number));
  } else {
    Ref<> seen;
    if (PyDict_GetItemRef(registry, key, seen.out()) < 0) return failed;
    if (seen) {
      const int truth = PyObject_IsTrue(seen);
      if (truth) return found(truth);
    }
  }
  if (remember) TRY(PyDict_SetItem(registry, key, Py_True));
  return Found::No;
}

static Found seen_text(PyObject* registry, PyObject* text, PyObject* category, bool with_zero) {
  Ref<> key = TRY(steal(with_zero ? Py_BuildValue("(OOi)", text, category, 0) : PyTuple_Pack(2, text, category)));
  return already_warned(registry, key, true);
}

// ---- showing ---------------------------------------------------------------------------------------------------------

// Without the warnings module: the two lines themselves on sys.stderr.
static void show_plainly(PyObject* filename, int line, PyObject* text, PyObject* category, PyObject* source_line) {
  PyObject* stream = PySys_GetObject("stderr");
  if (!stream || stream == Py_None) return;
  Ref<> output = borrow(stream);
  Ref<> name = steal(PyObject_GetAttr(category, "__name__"_id));
  Ref<> message = name ? steal(PyUnicode_FromFormat("%S:%d: %U: %S\n", filename, line, name.get(), text)) : Ref<>();
  if (message) PyFile_WriteObject(message, output, Py_PRINT_RAW);
  PyErr_Clear();
  Ref<> shown = source_line ? borrow(source_line) : steal(PyErr_ProgramTextObject(filename, line));
  if (shown && PyUnicode_Check(shown.get())) {
    Ref<> stripped = steal(PyObject_CallMethodNoArgs(shown, "strip"_id));
    Ref<> row = stripped ? steal(PyUnicode_FromFormat("  %U\n", stripped.get())) : Ref<>();
    if (row) PyFile_WriteObject(row, output, Py_PRINT_RAW);
  }
  PyErr_Clear();
}

static Status show(PyObject* category, PyObject* text, PyObject* message, PyObject* filename, int line, PyObject* line_object,
                   PyObject* source_line, PyObject* source) {
  Ref<> show_function;
  // With a source the module is worth importing: it shows where the object was allocated.
  if (!TRY(warnings_attribute("_showwarnmsg"_id, source != nullptr, &show_function))) {
    show_plainly(filename, line, text, category, source_line);
    return Status::Ok;
  }
  if (!PyCallable_Check(show_function)) return raise(PyExc_TypeError, "warnings._showwarnmsg() must be set to a callable");
  Ref<> message_class;
  if (!TRY(warnings_attribute("WarningMessage"_id, false, &message_class)))
    return raise(PyExc_RuntimeError, "unable to get warnings.WarningMessage");
  Ref<> record = TRY(steal(PyObject_CallFunctionObjArgs(message_class, message, category, filename, line_object, Py_None,
                                                        source_line ? source_line : Py_None, source ? source : nullptr, nullptr)));
  Ref<> result = TRY(steal(PyObject_CallOneArg(show_function, record)));
  return Status::Ok;
}

// A file name without ".py"; "<unknown>" for an empty one.
static Ref<> module_of_file(PyObject* filename) {
  const Py_ssize_t length = PyUnicode_GET_LENGTH(filename);
  if (length == 0) return steal(PyUnicode_FromString("<unknown>"));
  if (length >= 3 && PyUnicode_Tailmatch(filename, ".py"_id, 0, length, 1) == 1)
    return steal(PyUnicode_Substring(filename, 0, length - 3));
  return borrow(filename);
}

Status warn_explicit(PyObject* category, PyObject* message, PyObject* filename, int line, PyObject* module, PyObject* registry,
                     PyObject* source_line, PyObject* source) {
  if (module == Py_None) return Status::Ok;  // at interpreter shutdown, modules' names are gone
  if (registry && registry != Py_None && !PyDict_Check(registry))
    return raise(PyExc_TypeError, "'registry' must be a dict or None");
  if (registry == Py_None) registry = nullptr;
  Ref<> module_name = module ? borrow(module) : TRY(module_of_file(filename));
  Ref<> text, instance;
  const int is_instance = PyObject_IsInstance(message, PyExc_Warning);
  if (is_instance < 0) return failed;
  if (is_instance) {
    text = TRY(steal(PyObject_Str(message)));
    category = object(Py_TYPE(message));
    instance = borrow(message);
  } else {
    text = borrow(message);
    instance = TRY(steal(PyObject_CallOneArg(category, message)));
  }
  Ref<> line_object = TRY(steal(PyLong_FromLong(line)));
  Ref<> key = TRY(steal(PyTuple_Pack(3, text.get(), category, line_object.get())));
  if (registry && TRY(already_warned(registry, key, false))) return Status::Ok;

  Ref<> action, item;
  TRY(choose_action({category, text, module_name, line}, &action, &item));
  auto is = [&](const char* name) { return PyUnicode_CompareWithASCIIString(action, name) == 0; };
  if (is("error")) {
    PyErr_SetObject(category, instance);
    return failed;
  }
  if (is("ignore")) return Status::Ok;
  bool seen = false;
  if (is("always") || is("all")) {
  } else {
    if (registry) TRY(PyDict_SetItem(registry, key, Py_True));
    if (is("once")) {
      Ref<> once = registry ? borrow(registry) : TRY(setting("onceregistry"_id, &state().warning_once_registry));
      if (!PyDict_Check(once.get()))
        return raise(PyExc_TypeError, "_warnings.onceregistry must be a dict, not '%.200s'", Py_TYPE(once.get())->tp_name);
      seen = TRY(seen_text(once, text, category, false));
    } else if (is("module")) {
      if (registry) seen = TRY(seen_text(registry, text, category, false));
    } else if (!is("default")) {
      return raise(PyExc_RuntimeError, "Unrecognized action (%R) in warnings.filters:\n %R", action.get(), item.get());
    }
  }
  if (seen) return Status::Ok;
  return show(category, text, instance, filename, line, line_object, source_line, source);
}

// ---- where -----------------------------------------------------------------------------------------------------------

static Ref<> frame_filename(PyFrameObject* frame) {
  Ref<> code = steal(object(PyFrame_GetCode(frame)));
  return borrow(as<PyCodeObject>(code.get())->co_filename);
}
// Frames of the import machinery do not count as callers.
static bool is_importlib_frame(PyFrameObject* frame) {
  Ref<> filename = frame_filename(frame);
  return PyUnicode_Check(filename.get()) && PyUnicode_Contains(filename, "importlib"_id) == 1 &&
         PyUnicode_Contains(filename, "_bootstrap"_id) == 1;
}
static bool has_prefix(PyFrameObject* frame, PyObject* prefixes) {
  if (!prefixes) return false;
  Ref<> filename = frame_filename(frame);
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(prefixes); ++i)
    if (PyUnicode_Tailmatch(filename, PyTuple_GET_ITEM(prefixes, i), 0, PY_SSIZE_T_MAX, -1) == 1) return true;
  return false;
}

Status warn(PyObject* category, PyObject* message, Py_ssize_t stack_level, PyObject* source, PyObject* skip_prefixes) {
  Ref<PyFrameObject> frame = steal(PyThreadState_GetFrame(thread()));
  const bool count_all = stack_level <= 0 || (frame && is_importlib_frame(frame));
  while (--stack_level > 0 && frame) {
    frame = steal(PyFrame_GetBack(frame));
    if (!count_all)
      while (frame && (is_importlib_frame(frame) || has_prefix(frame, skip_prefixes))) frame = steal(PyFrame_GetBack(frame));
  }
  Ref<> globals, filename;
  int line = 0;
  if (frame) {
    globals = TRY(steal(PyFrame_GetGlobals(frame)));
    filename = frame_filename(frame);
    line = PyFrame_GetLineNumber(frame);
  } else {
    globals = borrow(interpreter()->core.sys_dict);
    filename = TRY(steal(PyUnicode_FromString("<sys>")));
  }
  Ref<> registry;
  if (PyDict_GetItemRef(globals, "__warningregistry__"_id, registry.out()) < 0) return failed;
  if (!registry) {
    registry = TRY(steal(PyDict_New()));
    TRY(PyDict_SetItem(globals, "__warningregistry__"_id, registry));
  }
  Ref<> module;
  if (PyDict_GetItemRef(globals, "__name__"_id, module.out()) < 0) return failed;
  if (!module || (module.get() != Py_None && !PyUnicode_Check(module.get()))) module = TRY(steal(PyUnicode_FromString("<string>")));
  return warn_explicit(category, message, filename, line, module, registry, nullptr, source);
}

PyObject* warning_category(PyObject* message, PyObject* category) {
  const int is_instance = PyObject_IsInstance(message, PyExc_Warning);
  if (is_instance < 0) return failed;
  if (is_instance) return object(Py_TYPE(message));
  if (!category || category == Py_None) return PyExc_UserWarning;
  const int subclass = PyType_Check(category) ? PyObject_IsSubclass(category, PyExc_Warning) : 0;
  if (subclass < 0) return failed;
  if (!subclass)
    return raise(PyExc_TypeError, "category must be a Warning subclass, not '%s'", Py_TYPE(category)->tp_name);
  return category;
}

static Status warn_text(PyObject* category, PyObject* message, Py_ssize_t stack_level, PyObject* source) {
  if (!category) category = PyExc_RuntimeWarning;
  return warn(category, message, stack_level, source, nullptr);
}

static int warn_format(PyObject* source, PyObject* category, Py_ssize_t stack_level, const char* format, va_list arguments) {
  Ref<> message = TRY(steal(PyUnicode_FromFormatV(format, arguments)));
  return to_c(warn_text(category, message, stack_level, source));
}

}  // namespace ks

using namespace ks;

// All of these: 0, or -1 with an exception, which may be the warning itself. `category` NULL means RuntimeWarning.

int PyErr_WarnEx(PyObject* category, const char* text, Py_ssize_t stack_level) {
  Ref<> message = TRY(steal(PyUnicode_FromString(text)));
  return to_c(warn_text(category, message, stack_level, nullptr));
}

int PyErr_WarnFormat(PyObject* category, Py_ssize_t stack_level, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int result = warn_format(nullptr, category, stack_level, format, arguments);
  va_end(arguments);
  return result;
}

// ResourceWarning about `source`, an object that was not closed.
int PyErr_ResourceWarning(PyObject* source, Py_ssize_t stack_level, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int result = warn_format(source, PyExc_ResourceWarning, stack_level, format, arguments);
  va_end(arguments);
  return result;
}

int PyErr_WarnExplicitObject(PyObject* category, PyObject* message, PyObject* filename, int line, PyObject* module, PyObject* registry) {
  return to_c(warn_explicit(category ? category : PyExc_RuntimeWarning, message, filename, line, module, registry, nullptr, nullptr));
}

int PyErr_WarnExplicit(PyObject* category, const char* text, const char* filename, int line, const char* module, PyObject* registry) {
  Ref<> message = TRY(steal(PyUnicode_FromString(text)));
  Ref<> file = TRY(steal(PyUnicode_DecodeFSDefault(filename)));
  Ref<> module_name;
  if (module) module_name = TRY(steal(PyUnicode_FromString(module)));
  return PyErr_WarnExplicitObject(category, message, file, line, module_name, registry);
}

int PyErr_WarnExplicitFormat(PyObject* category, const char* filename, int line, const char* module, PyObject* registry,
                             const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  Ref<> message = steal(PyUnicode_FromFormatV(format, arguments));
  va_end(arguments);
  if (!message) return failed;
  Ref<> file = TRY(steal(PyUnicode_DecodeFSDefault(filename)));
  Ref<> module_name;
  if (module) module_name = TRY(steal(PyUnicode_FromString(module)));
  return PyErr_WarnExplicitObject(category, message, file, line, module_name, registry);
}
