// Exceptions shown to people: PyErr_Print, PyErr_Display, unraisable exceptions, exit codes, fatal errors.
//
// The traceback module of the installation writes the text; where it cannot be had, a plain writer of our own does.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <climits>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "object/export.h"
#include "object/identifier.h"
#include "runtime/config.h"
#include "runtime/error_display.h"
#include "runtime/process.h"

KS_EXPORT void _Py_NO_RETURN _Py_FatalErrorFunc(const char* function, const char* message);

namespace ks {

namespace {

// The file for error texts: sys.stderr, or nullptr when there is none.
Ref<> error_file() {
  PyObject* file = sys_get("stderr"_id);
  return file && file != Py_None ? borrow(file) : nullptr;
}

// ---- our own plain text of an exception -------------------------------------------------------------------------------------

Status write_traceback(PyObject* traceback, PyObject* file) {
  if (!traceback || traceback == Py_None) return Status::Ok;
  TRY(PyTraceBack_Print(traceback, file));
  return Status::Ok;
}

Status write_type_and_text(PyObject* exception, PyObject* file) {
  PyTypeObject* type = Py_TYPE(exception);
  Ref<> module = steal(PyObject_GetAttr(object(type), "__module__"_id));
  Ref<> name = steal(PyType_GetQualName(type));
  if (!module || !name) PyErr_Clear();
  if (module && PyUnicode_Check(module.get()) && PyUnicode_CompareWithASCIIString(module, "builtins") != 0 &&
      PyUnicode_CompareWithASCIIString(module, "__main__") != 0) {
    TRY(PyFile_WriteObject(module, file, Py_PRINT_RAW));
    TRY(PyFile_WriteString(".", file));
  }
  if (name) TRY(PyFile_WriteObject(name, file, Py_PRINT_RAW));
  else TRY(PyFile_WriteString("<unknown>", file));
  Ref<> text = steal(PyObject_Str(exception));
  if (!text) {
    PyErr_Clear();
    TRY(PyFile_WriteString(": <exception str() failed>", file));
  } else if (PyUnicode_GET_LENGTH(text.get()) > 0) {
    TRY(PyFile_WriteString(": ", file));
    TRY(PyFile_WriteObject(text, file, Py_PRINT_RAW));
  }
  TRY(PyFile_WriteString("\n", file));
  Ref<> notes;
  if (PyObject_GetOptionalAttr(exception, "__notes__"_id, notes.out()) < 0) PyErr_Clear();
  if (notes && PyList_Check(notes.get())) {
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(notes.get()); ++i) {
      TRY(PyFile_WriteObject(PyList_GET_ITEM(notes.get(), i), file, Py_PRINT_RAW));
      TRY(PyFile_WriteString("\n", file));
    }
  }
  return Status::Ok;
}

Status write_plain(PyObject* exception, PyObject* file, PyObject* seen) {
  if (PyExceptionInstance_Check(exception)) {
    Ref<> id = TRY(steal(PyLong_FromVoidPtr(exception)));
    TRY(PySet_Add(seen, id));
    Ref<> cause = steal(PyException_GetCause(exception));
    Ref<> context = steal(PyException_GetContext(exception));
    PyObject* earlier = nullptr;
    const char* between = nullptr;
    if (cause) {
      earlier = cause;
      between = "\nThe above exception was the direct cause of the following exception:\n\n";
    } else if (context && !as<PyBaseExceptionObject>(exception)->suppress_context) {
      earlier = context;
      between = "\nDuring handling of the above exception, another exception occurred:\n\n";
    }
    if (earlier) {
      Ref<> earlier_id = TRY(steal(PyLong_FromVoidPtr(earlier)));
      const int known = PySet_Contains(seen, earlier_id);
      if (known < 0) return failed;
      if (!known) {
        if (Py_EnterRecursiveCall(" in traceback.print_exc")) return failed;
        const Status status = write_plain(earlier, file, seen);
        Py_LeaveRecursiveCall();
        if (is_failure(status)) return status;
        TRY(PyFile_WriteString(between, file));
      }
    }
    Ref<> traceback = steal(PyException_GetTraceback(exception));
    TRY(write_traceback(traceback, file));
    return write_type_and_text(exception, file);
  }
  TRY(PyFile_WriteString("TypeError: print_exception(): Exception expected for value, ", file));
  TRY(PyFile_WriteString(Py_TYPE(exception)->tp_name, file));
  TRY(PyFile_WriteString(" found\n", file));
  return Status::Ok;
}

// The traceback module's own writer; false when it cannot be used (no exception is left).
bool write_with_module(PyObject* exception) {
  PyInterpreterState* interp = interpreter();
  if (!interp->core.modules || !interp->import.importlib || interp->core.finalizing_thread) {
    if (!interp->core.modules) return false;
  }
  Ref<> function = steal(PyImport_ImportModuleAttrString("traceback", "_print_exception_bltin"));
  if (!function || !PyCallable_Check(function)) {
    PyErr_Clear();
    return false;
  }
  Ref<> done = steal(PyObject_CallOneArg(function, exception));
  if (!done) {
    PyErr_Clear();
    return false;
  }
  return true;
}

void display(PyObject* exception, PyObject* traceback, Ref<> file = error_file()) {
  if (!file) return;
  if (PyExceptionInstance_Check(exception) && traceback && PyTraceBack_Check(traceback)) {
    Ref<> own = steal(PyException_GetTraceback(exception));
    if (!own) PyException_SetTraceback(exception, traceback);
  }
  if (!write_with_module(exception)) {
    Ref<> seen = steal(PySet_New(nullptr));
    if (!seen || is_failure(write_plain(exception, file, seen))) {
      // Not even memory for that: the class, at least, is told without any.
      PyErr_Clear();
      fprintf(stderr, "%s\n", Py_TYPE(exception)->tp_name);
    }
  }
  Ref<> flushed = steal(PyObject_CallMethodNoArgs(file, "flush"_id));
  if (!flushed) PyErr_Clear();
}

// The exit status that SystemExit carries; the text of another value goes to stderr.
int exit_code_of(PyObject* exception) {
  Ref<> value = borrow(exception);
  Ref<> code = steal(PyObject_GetAttr(exception, "code"_id));
  if (code) value = std::move(code);
  else PyErr_Clear();
  if (value.get() == Py_None) return 0;
  if (PyLong_Check(value.get())) {
    const int result = static_cast<int>(PyLong_AsLong(value));
    if (PyErr_Occurred()) {
      PyErr_Clear();
      return -1;
    }
    return result;
  }
  // The thread may have an exception set by writing; it is of no interest.
  Ref<> file = error_file();
  if (file) {
    if (PyFile_WriteObject(value, file, Py_PRINT_RAW) < 0) PyErr_Clear();
  } else {
    PyObject_Print(value, stderr, Py_PRINT_RAW);
    fflush(stderr);
  }
  PySys_WriteStderr("\n");
  return 1;
}

}  // namespace

bool system_exit_code(int* code) {
  PyThreadState* state = current_thread_state;
  PyObject* exception = state->current_exception;
  if (!exception) return false;
  if (PyErr_GivenExceptionMatches(exception, PyExc_KeyboardInterrupt)) {
    process.fork_unsafe = process.fork_unsafe;
    return false;
  }
  if (state->interp->core.config.inspect) return false;
  if (!PyErr_GivenExceptionMatches(exception, PyExc_SystemExit)) return false;
  fflush(stdout);
  Ref<> owner = steal(PyErr_GetRaisedException());
  *code = exit_code_of(owner);
  return true;
}

void print_exception_to_stderr() {
  if (!PyErr_Occurred()) return;
  PyErr_Print();
}

namespace {

// The default sys.unraisablehook, with its parts.
void write_unraisable(PyObject* exception, PyObject* traceback, PyObject* message, PyObject* about) {
  Ref<> file = error_file();
  if (!file) return;
  auto write = [&](const char* text) {
    if (PyFile_WriteString(text, file) < 0) PyErr_Clear();
  };
  if (about && about != Py_None) {
    if (message && message != Py_None) {
      if (PyFile_WriteObject(message, file, Py_PRINT_RAW) < 0) PyErr_Clear();
      write(": ");
    } else {
      write("Exception ignored in: ");
    }
    if (PyFile_WriteObject(about, file, 0) < 0) {
      PyErr_Clear();
      write("<object repr() failed>");
    }
    write("\n");
  } else if (message && message != Py_None) {
    if (PyFile_WriteObject(message, file, Py_PRINT_RAW) < 0) PyErr_Clear();
    write(":\n");
  }
  if (exception && exception != Py_None) display(exception, traceback);
}

}  // namespace

void display_exception(PyObject* exception, PyObject* traceback, PyObject* file) {
  Ref<> saved = steal(PyErr_GetRaisedException());
  display(exception, traceback == Py_None ? nullptr : traceback, borrow(file));
  if (saved) PyErr_SetRaisedException(saved.release());
}

Status default_unraisable_hook(PyObject* arguments) {
  Ref<> exception = TRY(steal(PyObject_GetAttrString(arguments, "exc_value")));
  Ref<> traceback = TRY(steal(PyObject_GetAttrString(arguments, "exc_traceback")));
  Ref<> message = TRY(steal(PyObject_GetAttrString(arguments, "err_msg")));
  Ref<> about = TRY(steal(PyObject_GetAttrString(arguments, "object")));
  write_unraisable(exception, traceback, message, about);
  return Status::Ok;
}

Ref<> make_unraisable_arguments(PyObject* exception, PyObject* message, PyObject* about);  // modules/sys

namespace {

void unraisable(PyObject* message, PyObject* about) {
  PyThreadState* state = current_thread_state;
  Ref<> exception = steal(PyErr_GetRaisedException());
  if (!exception) return;
  Ref<> traceback = steal(PyException_GetTraceback(exception));
  PyInterpreterState* interp = state->interp;
  if (!interp->core.sys_unraisable_type || !interp->core.sys_dict) {
    write_unraisable(exception, traceback, message, about);
    PyErr_Clear();
    return;
  }
  if (!traceback && state->current_frame) {
    // Where it happens, at least.
    if (PyThreadState_GetFrame(state)) {
      Ref<> frame = steal(reinterpret_cast<PyObject*>(PyThreadState_GetFrame(state)));
      PyErr_SetRaisedException(exception.share().release());
      PyTraceBack_Here(reinterpret_cast<PyFrameObject*>(frame.get()));
      exception = steal(PyErr_GetRaisedException());
      traceback = steal(PyException_GetTraceback(exception));
    }
  }
  Ref<> arguments = make_unraisable_arguments(exception, message, about);
  Ref<> hook = borrow(sys_get("unraisablehook"_id));
  if (!arguments) {
    PyErr_Clear();
    write_unraisable(exception, traceback, message, about);
    return;
  }
  if (PySys_Audit("sys.unraisablehook", "OO", hook ? hook.get() : Py_None, arguments.get()) < 0) {
    Ref<> text = steal(PyUnicode_FromString("Exception ignored in audit hook"));
    Ref<> inner = steal(PyErr_GetRaisedException());
    Ref<> inner_traceback = steal(PyException_GetTraceback(inner));
    write_unraisable(inner, inner_traceback, text, Py_None);
    return;
  }
  if (!hook) {
    write_unraisable(exception, traceback, message, about);
    return;
  }
  Ref<> done = steal(PyObject_CallOneArg(hook, arguments));
  if (done) return;
  Ref<> text = steal(PyUnicode_FromString("Exception ignored in sys.unraisablehook"));
  Ref<> inner = steal(PyErr_GetRaisedException());
  Ref<> inner_traceback = inner ? steal(PyException_GetTraceback(inner)) : nullptr;
  write_unraisable(inner, inner_traceback, text, hook);
  PyErr_Clear();
}

}  // namespace
}  // namespace ks

using namespace ks;

extern "C" {

// ---- tracebacks in plain text -----------------------------------------------------------------------------------------------

// One line of a source file, without its indentation; 0 also where it cannot be read.
KS_EXPORT int _Py_DisplaySourceLine(PyObject* stream, PyObject* filename, int line, int indent, int* truncation, PyObject** line_text) {
  if (line_text) *line_text = nullptr;
  if (!filename || line < 1) return 0;
  Ref<> path = steal(PyUnicode_EncodeFSDefault(filename));
  FILE* file = path ? fopen(PyBytes_AS_STRING(path.get()), "re") : nullptr;
  if (!file) {
    PyErr_Clear();
    return 0;
  }
  char buffer[4096];
  int number = 0;
  bool found = false, line_start = true;
  while (!found && fgets(buffer, sizeof buffer, file)) {
    if (line_start && ++number == line) found = true;
    line_start = strchr(buffer, '\n') != nullptr;
  }
  fclose(file);
  if (!found) return 0;
  char* text = buffer;
  while (*text == ' ' || *text == '\t' || *text == '\f') ++text;
  if (truncation) *truncation = static_cast<int>(text - buffer);
  size_t length = strlen(text);
  while (length && (text[length - 1] == '\n' || text[length - 1] == '\r')) --length;
  Ref<> object = steal(PyUnicode_DecodeUTF8(text, static_cast<Py_ssize_t>(length), "replace"));
  if (!object) return -1;
  if (line_text) *line_text = Py_NewRef(object.get());
  for (int i = 0; i < indent; ++i)
    if (PyFile_WriteString(" ", stream) < 0) return -1;
  if (PyFile_WriteObject(object, stream, Py_PRINT_RAW) < 0) return -1;
  return PyFile_WriteString("\n", stream);
}

// Writes the frames of a traceback, at most sys.tracebacklimit of the innermost; 0 or -1.
int PyTraceBack_Print(PyObject* traceback, PyObject* stream) {
  if (!traceback) return 0;
  if (!PyTraceBack_Check(traceback)) {
    PyErr_BadInternalCall();
    return -1;
  }
  long limit = 1000;
  if (PyObject* value = PySys_GetObject("tracebacklimit"); value && PyLong_Check(value)) {
    int overflow;
    limit = PyLong_AsLongAndOverflow(value, &overflow);
    if (overflow > 0) limit = LONG_MAX;
    else if (limit <= 0) return 0;
  }
  if (PyFile_WriteString("Traceback (most recent call last):\n", stream) < 0) return -1;
  long depth = 0;
  for (auto* t = as<PyTracebackObject>(traceback); t; t = t->tb_next) ++depth;
  auto* t = as<PyTracebackObject>(traceback);
  for (; t && depth > limit; t = t->tb_next) --depth;
  PyObject *last_file = nullptr, *last_name = nullptr;
  int last_line = -1;
  long repeated = 0;
  auto say_repeated = [&]() -> int {
    const long more = repeated - 3;
    if (more <= 0) return 0;
    Ref<> text = steal(PyUnicode_FromFormat("  [Previous line repeated %ld more time%s]\n", more, more > 1 ? "s" : ""));
    return text ? PyFile_WriteObject(text, stream, Py_PRINT_RAW) : -1;
  };
  for (; t; t = t->tb_next) {
    Ref<> code = steal(reinterpret_cast<PyObject*>(PyFrame_GetCode(t->tb_frame)));
    PyObject* file = as<PyCodeObject>(code.get())->co_filename;
    PyObject* name = as<PyCodeObject>(code.get())->co_name;
    int line = t->tb_lineno;
    if (line < 0) line = PyCode_Addr2Line(as<PyCodeObject>(code.get()), t->tb_lasti);
    if (file != last_file || name != last_name || line != last_line) {
      if (say_repeated() < 0) return -1;
      last_file = file;
      last_name = name;
      last_line = line;
      repeated = 0;
    }
    if (++repeated <= 3) {
      Ref<> text = steal(PyUnicode_FromFormat("  File \"%U\", line %d, in %U\n", file, line, name));
      if (!text || PyFile_WriteObject(text, stream, Py_PRINT_RAW) < 0) return -1;
      if (_Py_DisplaySourceLine(stream, file, line, 4, nullptr, nullptr) < 0) return -1;
      if (PyErr_CheckSignals() < 0) return -1;
    }
  }
  return say_repeated();
}

// ---- showing ----------------------------------------------------------------------------------------------------------------

void PyErr_DisplayException(PyObject* exception) { display(exception, nullptr); }
void PyErr_Display(PyObject* type, PyObject* value, PyObject* traceback) {
  if (!value) return;
  Ref<> saved = steal(PyErr_GetRaisedException());
  display(value, traceback == Py_None ? nullptr : traceback);
  if (saved) PyErr_SetRaisedException(saved.release());
}

void PyErr_PrintEx(int set_last) {
  PyThreadState* state = PyThreadState_Get();
  int code;
  if (system_exit_code(&code)) Py_Exit(code);
  Ref<> exception = steal(PyErr_GetRaisedException());
  if (!exception) return;
  PyObject* type = object(Py_TYPE(exception.get()));
  Ref<> traceback = steal(PyException_GetTraceback(exception));
  PyObject* shown_traceback = traceback ? traceback.get() : Py_None;
  if (set_last && state->interp->core.sys_dict) {
    PyObject* sys = state->interp->core.sys_dict;
    if (PyDict_SetItemString(sys, "last_exc", exception) < 0) PyErr_Clear();
    if (PyDict_SetItemString(sys, "last_type", type) < 0) PyErr_Clear();
    if (PyDict_SetItemString(sys, "last_value", exception) < 0) PyErr_Clear();
    if (PyDict_SetItemString(sys, "last_traceback", shown_traceback) < 0) PyErr_Clear();
  }
  if (!state->interp->core.sys_dict) {
    // Nothing of Python is there yet: the name of the exception is all that can be said.
    fprintf(stderr, "%s\n", Py_TYPE(exception.get())->tp_name);
    return;
  }
  Ref<> hook = borrow(sys_get("excepthook"_id));
  if (hook) {
    if (PySys_Audit("sys.excepthook", "OOOO", hook.get(), type, exception.get(), shown_traceback) < 0) {
      if (PyErr_ExceptionMatches(PyExc_RuntimeError)) {
        PyErr_Clear();
        return;
      }
      PyErr_FormatUnraisable("Exception ignored in audit hook");
    }
    PyObject* arguments[] = {type, exception.get(), shown_traceback};
    Ref<> done = steal(PyObject_Vectorcall(hook, arguments, 3, nullptr));
    if (!done) {
      if (system_exit_code(&code)) Py_Exit(code);
      Ref<> second = steal(PyErr_GetRaisedException());
      fflush(stdout);
      PySys_WriteStderr("Error in sys.excepthook:\n");
      if (second) PyErr_DisplayException(second);
      PySys_WriteStderr("\nOriginal exception was:\n");
      PyErr_DisplayException(exception);
    }
  } else {
    PySys_WriteStderr("sys.excepthook is missing\n");
    PyErr_DisplayException(exception);
  }
}
void PyErr_Print(void) { PyErr_PrintEx(1); }

// ---- what nobody can handle -----------------------------------------------------------------------------------------------------

// Reports the current exception and clears it.
void PyErr_WriteUnraisable(PyObject* about) { unraisable(nullptr, about); }
void PyErr_FormatUnraisable(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  Ref<> exception = steal(PyErr_GetRaisedException());
  Ref<> message = format ? steal(PyUnicode_FromFormatV(format, arguments)) : nullptr;
  va_end(arguments);
  if (!message) PyErr_Clear();
  if (exception) PyErr_SetRaisedException(exception.release());
  unraisable(message, nullptr);
}

// ---- fatal errors ---------------------------------------------------------------------------------------------------------------

// The Python stack of a thread, written with nothing but write(): faulthandler's. Defined in modules/faulthandler.cpp.
void ks_dump_traceback(int fd, PyThreadState* state);

static void write_text(int fd, const char* text) {
  size_t left = strlen(text);
  while (left) {
    const ssize_t count = write(fd, text, left);
    if (count <= 0) return;
    text += count;
    left -= static_cast<size_t>(count);
  }
}

static const char* runtime_state() {
  if (process.finalizing) return "finalizing (tstate=";
  if (process.initialized) return "initialized";
  if (process.core_initialized) return "core initialized";
  if (process.preinitialized) return "preinitialized";
  if (process.preinitializing) return "preinitializing";
  return "unknown";
}

static void report_fatal(const char* function, const char* message) {
  fflush(stdout);
  write_text(2, "Fatal Python error: ");
  if (function) {
    write_text(2, function);
    write_text(2, ": ");
  }
  write_text(2, message ? message : "<message not set>");
  write_text(2, "\nPython runtime state: ");
  write_text(2, runtime_state());
  if (process.finalizing) {
    char text[32];
    snprintf(text, sizeof text, "%p)", static_cast<void*>(process.finalizing));
    write_text(2, text);
  }
  write_text(2, "\n");
  PyThreadState* state = current_thread_state;
  if (state && state->current_exception) {
    Ref<> exception = steal(PyErr_GetRaisedException());
    Ref<> file = error_file();
    if (file) {
      write_text(2, "");
      display(exception, nullptr);
    }
  }
}

void _Py_FatalErrorFunc(const char* function, const char* message) {
  if (process.fatal_error_depth++ == 0) {
    report_fatal(function, message);
    PyThreadState* state = current_thread_state ? current_thread_state : PyGILState_GetThisThreadState();
    if (state) {
      write_text(2, "\n");
      ks_dump_traceback(2, state);
    } else {
      write_text(2, "\n");
      if (process.initialized) write_text(2, "<no Python thread>\n");
    }
  }
  fflush(stderr);
  abort();
}
#undef Py_FatalError
void Py_FatalError(const char* message) { _Py_FatalErrorFunc(nullptr, message); }

// Ends the process with the exit code of the status, or with an error message and code 1.
void Py_ExitStatusException(PyStatus status) {
  if (PyStatus_IsExit(status)) exit(status.exitcode);
  if (PyStatus_IsError(status)) {
    report_fatal(status.func, status.err_msg);
    write_text(2, "\n");
    if (current_thread_state) ks_dump_traceback(2, current_thread_state);
    fflush(stderr);
    exit(1);
  }
  _Py_FatalErrorFunc("Py_ExitStatusException", "Py_ExitStatusException() must not be called on success");
}

}  // extern "C"

namespace ks {
void fatal_status(PyStatus status) { Py_ExitStatusException(status); }
}  // namespace ks
