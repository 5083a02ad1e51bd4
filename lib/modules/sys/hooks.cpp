// Hooks of sys: displayhook, excepthook, unraisablehook, breakpointhook, audit hooks; and output through sys.stdout.
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "modules/sys/sys.h"
#include "object/export.h"
#include "runtime/config.h"
#include "runtime/error_display.h"

namespace ks {

namespace {

// ---- displayhook -------------------------------------------------------------------------------------------------------------

// Characters that the stream's encoding lacks are written as escapes.
Status write_escaped(PyObject* stream, PyObject* value) {
  Ref<> encoding = TRY(steal(PyObject_GetAttr(stream, "encoding"_id)));
  const char* name = PyUnicode_Check(encoding.get()) ? PyUnicode_AsUTF8(encoding) : nullptr;
  if (!name) return failed;
  Ref<> text = TRY(steal(PyObject_Repr(value)));
  Ref<> bytes = TRY(steal(PyUnicode_AsEncodedString(text, name, "backslashreplace")));
  Ref<> buffer;
  TRY(PyObject_GetOptionalAttr(stream, "buffer"_id, buffer.out()));
  if (buffer) {
    Ref<> written = TRY(steal(PyObject_CallMethodOneArg(buffer, "write"_id, bytes)));
    return Status::Ok;
  }
  Ref<> again = TRY(steal(PyUnicode_FromEncodedObject(bytes, name, "strict")));
  return status(PyFile_WriteObject(again, stream, Py_PRINT_RAW));
}

Status sys_displayhook(PyObject*, PyObject* value) {
  Ref<> builtins = steal(PyImport_GetModule("builtins"_id));
  if (!builtins) {
    if (!PyErr_Occurred()) return raise(PyExc_RuntimeError, "lost builtins module");
    return failed;
  }
  if (value == Py_None) return Status::Ok;
  TRY(PyObject_SetAttr(builtins, "_"_id, Py_None));
  Ref<> out = borrow(sys_get("stdout"_id));
  if (!out || out.get() == Py_None) return raise(PyExc_RuntimeError, "lost sys.stdout");
  if (PyFile_WriteObject(value, out, 0) < 0) {
    if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) return failed;
    PyErr_Clear();
    TRY(write_escaped(out, value));
  }
  TRY(PyFile_WriteString("\n", out));
  TRY(PyObject_SetAttr(builtins, "_"_id, value));
  return Status::Ok;
}

PyObject* sys_excepthook(PyObject*, PyObject* type, PyObject* value, PyObject* traceback) {
  PyErr_Display(type, value, traceback);
  return Py_NewRef(Py_None);
}

// ---- unraisablehook ------------------------------------------------------------------------------------------------------------

PyStructSequence_Field kUnraisableFields[] = {{"exc_type", "Exception type"}, {"exc_value", "Exception value"},
                                              {"exc_traceback", "Exception traceback"}, {"err_msg", "Error message"},
                                              {"object", "Object causing the exception"}, {nullptr, nullptr}};
PyStructSequence_Desc kUnraisableDescription = {"UnraisableHookArgs", "UnraisableHookArgs\n\nType used to pass arguments to sys.unraisablehook.",
                                                kUnraisableFields, 5};

Status sys_unraisablehook(PyObject*, PyObject* arguments) {
  PyObject* type = interpreter()->core.sys_unraisable_type;
  if (object(Py_TYPE(arguments)) != type) return raise(PyExc_TypeError, "sys.unraisablehook argument type must be UnraisableHookArgs");
  return default_unraisable_hook(arguments);
}

// ---- breakpointhook --------------------------------------------------------------------------------------------------------------

PyObject* sys_breakpointhook(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  const char* variable = getenv("PYTHONBREAKPOINT");
  if (!interpreter()->core.config.use_environment) variable = nullptr;
  if (!variable || !*variable) variable = "pdb.set_trace";
  if (strcmp(variable, "0") == 0) return Py_NewRef(Py_None);
  Ref<> name = steal(PyUnicode_FromString(variable));
  if (!name) return nullptr;
  const char* dot = strrchr(variable, '.');
  Ref<> module_name = steal(dot ? (dot == variable ? nullptr : PyUnicode_FromStringAndSize(variable, dot - variable))
                                : PyUnicode_FromString("builtins"));
  const char* attribute = dot ? dot + 1 : variable;
  Ref<> hook;
  if (module_name) {
    Ref<> module = steal(PyImport_Import(module_name));
    if (!module) {
      if (PyErr_ExceptionMatches(PyExc_ImportError)) goto warn;
      return nullptr;
    }
    hook = steal(PyObject_GetAttrString(module, attribute));
    if (!hook) {
      if (PyErr_ExceptionMatches(PyExc_AttributeError)) goto warn;
      return nullptr;
    }
    return PyObject_Vectorcall(hook, args, static_cast<size_t>(nargs), kwnames);
  }
warn:
  PyErr_Clear();
  if (PyErr_WarnFormat(PyExc_RuntimeWarning, 0, "Ignoring unimportable $PYTHONBREAKPOINT: \"%s\"", variable) < 0) return nullptr;
  return Py_NewRef(Py_None);
}

// ---- audit -------------------------------------------------------------------------------------------------------------------------

Status call_python_hooks(PyThreadState* state, PyObject* event, PyObject* arguments) {
  PyObject* hooks = state->interp->core.audit_hooks;
  Ref<> iterator = TRY(steal(PyObject_GetIter(hooks)));
  // Tracing stays out of hooks, unless they ask for it.
  PyThreadState_EnterTracing(state);
  Status result = Status::Ok;
  while (Ref<> hook = steal(PyIter_Next(iterator))) {
    Ref<> can_trace;
    if (PyObject_GetOptionalAttr(hook, "__cantrace__"_id, can_trace.out()) < 0) {
      result = Status::Error;
      break;
    }
    const int traced = can_trace ? PyObject_IsTrue(can_trace) : 0;
    if (traced < 0) {
      result = Status::Error;
      break;
    }
    if (traced) PyThreadState_LeaveTracing(state);
    PyObject* both[] = {event, arguments};
    Ref<> done = steal(PyObject_Vectorcall(hook, both, 2, nullptr));
    if (traced) PyThreadState_EnterTracing(state);
    if (!done) {
      result = Status::Error;
      break;
    }
  }
  PyThreadState_LeaveTracing(state);
  if (PyErr_Occurred()) result = Status::Error;
  return result;
}

bool anybody_listens(PyThreadState* state) { return process.audit_hooks || (state && state->interp->core.audit_hooks); }

int audit_with(PyThreadState* state, const char* event, PyObject* arguments) {
  for (AuditHook* hook = process.audit_hooks; hook; hook = hook->next)
    if (hook->function(event, arguments, hook->data) < 0) return -1;
  if (state && state->interp->core.audit_hooks) {
    Ref<> name = steal(PyUnicode_FromString(event));
    if (!name || is_failure(call_python_hooks(state, name, arguments))) return -1;
  }
  return 0;
}

int audit_formatted(PyThreadState* state, const char* event, const char* format, va_list values) {
  if (!anybody_listens(state)) return 0;
  if (!state) {
    for (AuditHook* hook = process.audit_hooks; hook; hook = hook->next)
      if (hook->function(event, nullptr, hook->data) < 0) return -1;
    return 0;
  }
  Ref<> pending = steal(PyErr_GetRaisedException());
  Ref<> arguments = steal(format && *format ? Py_VaBuildValue(format, values) : PyTuple_New(0));
  if (arguments && !PyTuple_Check(arguments.get())) arguments = steal(PyTuple_Pack(1, arguments.get()));
  if (!arguments) return -1;
  const int result = audit_with(state, event, arguments);
  if (result == 0 && pending) PyErr_SetRaisedException(pending.release());
  return result;
}

PyObject* sys_audit(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  if (kwnames && PyTuple_GET_SIZE(kwnames)) return raise(PyExc_TypeError, "sys.audit() takes no keyword arguments");
  if (nargs == 0) return raise(PyExc_TypeError, "audit expected at least 1 argument, got 0");
  if (!PyUnicode_Check(args[0])) return raise(PyExc_TypeError, "audit() argument 1 must be str, not %.50s", Py_TYPE(args[0])->tp_name);
  PyThreadState* state = thread();
  if (!anybody_listens(state)) return Py_NewRef(Py_None);
  const char* event = PyUnicode_AsUTF8(args[0]);
  if (!event) return nullptr;
  Ref<> arguments = TRY(steal(PyTuple_New(nargs - 1)));
  for (Py_ssize_t i = 1; i < nargs; ++i) PyTuple_SET_ITEM(arguments.get(), i - 1, Py_NewRef(args[i]));
  if (audit_with(state, event, arguments) < 0) return nullptr;
  return Py_NewRef(Py_None);
}

Status sys_addaudithook(PyObject*, PyObject* hook) {
  if (PySys_Audit("sys.addaudithook", nullptr) < 0) {
    if (PyErr_ExceptionMatches(PyExc_Exception)) {
      PyErr_Clear();
      return Status::Ok;
    }
    return failed;
  }
  PyInterpreterState* interp = interpreter();
  if (!interp->core.audit_hooks && !(interp->core.audit_hooks = PyList_New(0))) return failed;
  return status(PyList_Append(interp->core.audit_hooks, hook));
}

METHOD_AS(sys_displayhook, "displayhook", 0, "($module, object, /)", "Print an object to sys.stdout and also save it in builtins._");
METHOD_AS(sys_excepthook, "excepthook", 0, "($module, exctype, value, traceback, /)",
          "Handle an exception by displaying it with a traceback on sys.stderr.");
METHOD_AS(sys_unraisablehook, "unraisablehook", 0, "($module, unraisable, /)", "Handle an unraisable exception.");
METHOD_AS(sys_addaudithook, "addaudithook", 0, "($module, /, hook)", "Adds a new audit hook callback.");
METHOD_RAW(sys_breakpointhook, "breakpointhook", 0,
           "breakpointhook($module, /, *args, **kwargs)\n--\n\nWhat breakpoint() calls: the callable that PYTHONBREAKPOINT names.");
METHOD_RAW(sys_audit, "audit", 0, "audit($module, event, /, *args)\n--\n\nPasses the event to any hooks that are attached.");

}  // namespace

const PyMethodDef* const kSysHookMethods[] = {&sys_displayhook_method, &sys_excepthook_method, &sys_unraisablehook_method,
                                              &sys_addaudithook_method, &sys_breakpointhook_method, &sys_audit_method, nullptr};

Ref<> make_unraisable_arguments(PyObject* exception, PyObject* message, PyObject* about) {
  PyInterpreterState* interp = interpreter();
  Ref<> arguments = TRY(steal(PyStructSequence_New(as<PyTypeObject>(interp->core.sys_unraisable_type))));
  Ref<> traceback = steal(PyException_GetTraceback(exception));
  PyStructSequence_SetItem(arguments, 0, Py_NewRef(object(Py_TYPE(exception))));
  PyStructSequence_SetItem(arguments, 1, Py_NewRef(exception));
  PyStructSequence_SetItem(arguments, 2, traceback ? traceback.release() : Py_NewRef(Py_None));
  PyStructSequence_SetItem(arguments, 3, Py_NewRef(message ? message : Py_None));
  PyStructSequence_SetItem(arguments, 4, Py_NewRef(about ? about : Py_None));
  return arguments;
}

Status sys_hooks_start() {
  interpreter()->core.sys_unraisable_type = TRY(make_struct_type(&kUnraisableDescription)).release();
  return Status::Ok;
}

}  // namespace ks

using namespace ks;

extern "C" {

// ---- audit, for C -----------------------------------------------------------------------------------------------------------------

int PySys_Audit(const char* event, const char* format, ...) {
  va_list values;
  va_start(values, format);
  const int result = audit_formatted(current_thread_state, event, format, values);
  va_end(values);
  return result;
}
int PySys_AuditTuple(const char* event, PyObject* arguments) {
  Ref<> own;
  if (!arguments) {
    own = steal(PyTuple_New(0));
    if (!own) return -1;
    arguments = own;
  }
  if (!PyTuple_Check(arguments)) {
    PyErr_Format(PyExc_TypeError, "args must be tuple, got %s", Py_TYPE(arguments)->tp_name);
    return -1;
  }
  return anybody_listens(current_thread_state) ? audit_with(current_thread_state, event, arguments) : 0;
}
int PySys_AddAuditHook(Py_AuditHookFunction function, void* data) {
  PyThreadState* state = process.core_initialized ? current_thread_state : nullptr;
  if (process.audit_hooks && state) {
    if (PySys_Audit("sys.addaudithook", nullptr) < 0) {
      if (PyErr_ExceptionMatches(PyExc_RuntimeError)) {
        PyErr_Clear();
        return 0;
      }
      return -1;
    }
  }
  auto* hook = static_cast<AuditHook*>(malloc(sizeof(AuditHook)));
  if (!hook) {
    if (state) PyErr_NoMemory();
    return -1;
  }
  *hook = {function, data, nullptr};
  AuditHook** link = &process.audit_hooks;
  while (*link) link = &(*link)->next;
  *link = hook;
  return 0;
}

// ---- writing to sys.stdout and sys.stderr ----------------------------------------------------------------------------------------

namespace {
// What sys.stream writes; the C stream when there is none.
void write_text(PyObject* name, FILE* fallback, const char* text) {
  PyObject* stream = current_thread_state ? sys_get(name) : nullptr;
  if (!stream || stream == Py_None || PyFile_WriteString(text, stream) != 0) {
    if (current_thread_state) PyErr_Clear();
    fputs(text, fallback);
  }
}
void write_limited(PyObject* name, FILE* fallback, const char* format, va_list values) {
  Ref<> pending = current_thread_state ? steal(PyErr_GetRaisedException()) : nullptr;
  char buffer[1001];
  const int written = PyOS_vsnprintf(buffer, sizeof buffer, format, values);
  write_text(name, fallback, buffer);
  if (written < 0 || static_cast<size_t>(written) >= sizeof buffer) write_text(name, fallback, "... truncated");
  if (pending) PyErr_SetRaisedException(pending.release());
}
void write_formatted(PyObject* name, FILE* fallback, const char* format, va_list values) {
  Ref<> pending = steal(PyErr_GetRaisedException());
  Ref<> text = steal(PyUnicode_FromFormatV(format, values));
  if (text) {
    PyObject* stream = sys_get(name);
    if (!stream || stream == Py_None || PyFile_WriteObject(text, stream, Py_PRINT_RAW) != 0) {
      PyErr_Clear();
      const char* utf8 = PyUnicode_AsUTF8(text);
      if (utf8) fputs(utf8, fallback);
      else PyErr_Clear();
    }
  } else {
    PyErr_Clear();
  }
  if (pending) PyErr_SetRaisedException(pending.release());
}
}  // namespace

void PySys_WriteStdout(const char* format, ...) {
  va_list values;
  va_start(values, format);
  write_limited("stdout"_id, stdout, format, values);
  va_end(values);
}
void PySys_WriteStderr(const char* format, ...) {
  va_list values;
  va_start(values, format);
  write_limited("stderr"_id, stderr, format, values);
  va_end(values);
}
void PySys_FormatStdout(const char* format, ...) {
  va_list values;
  va_start(values, format);
  write_formatted("stdout"_id, stdout, format, values);
  va_end(values);
}
void PySys_FormatStderr(const char* format, ...) {
  va_list values;
  va_start(values, format);
  write_formatted("stderr"_id, stderr, format, values);
  va_end(values);
}

}  // extern "C"
