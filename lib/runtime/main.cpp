// The program python: Py_BytesMain, Py_Main, Py_RunMain.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "object/export.h"
#include "object/identifier.h"
#include "runtime/config.h"
#include "runtime/error_display.h"
#include "runtime/process.h"
#include "runtime/run.h"

KS_EXPORT int _PyRun_AnyFileObject(FILE* file, PyObject* filename, int closeit, PyCompilerFlags* flags);

namespace ks {

namespace {

// Set when an uncaught KeyboardInterrupt ended the program: then it ends by the signal.
struct MainState {
  bool interrupted = false;
};

bool runs_code(const PyConfig& config) { return config.run_command || config.run_filename || config.run_module; }
bool stdin_is_interactive(const PyConfig& config) { return isatty(STDIN_FILENO) || config.interactive; }

// Prints the exception; the process's exit code.
int exception_code(MainState& main) {
  int code;
  if (system_exit_code(&code)) return code;
  if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) main.interrupted = true;
  PyErr_Print();
  return 1;
}

Status prepend_path(PyObject* entry) {
  PyObject* path = sys_get("path"_id);
  if (!path) return raise(PyExc_RuntimeError, "unable to get sys.path");
  if (PyList_Check(path)) TRY(PyList_Insert(path, 0, entry));
  return Status::Ok;
}

// Can the file be imported from, as a folder or zip archive? *importer gets its name then.
Status find_main_importer(const PyConfig& config, Ref<>* importer) {
  if (!config.run_filename) return Status::Ok;
  Ref<> path = TRY(steal(PyUnicode_FromWideChar(config.run_filename, -1)));
  Ref<> hook = steal(PyImport_GetImporter(path));
  if (!hook) return failed;
  if (hook.get() == Py_None) return Status::Ok;
  *importer = std::move(path);
  return Status::Ok;
}

void print_header(const PyConfig& config) {
  if (config.quiet) return;
  if (!config.verbose && (runs_code(config) || !stdin_is_interactive(config))) return;
  fprintf(stderr, "Python %s on %s\n", Py_GetVersion(), Py_GetPlatform());
  if (config.site_import) fprintf(stderr, "Type \"help\", \"copyright\", \"credits\" or \"license\" for more information.\n");
}

void import_readline(const PyConfig& config) {
  if (config.isolated) return;
  if (!config.inspect && runs_code(config)) return;
  if (!isatty(STDIN_FILENO)) return;
  Ref<> readline = steal(PyImport_ImportModule("readline"));
  if (!readline) PyErr_Clear();
  Ref<> completer = steal(PyImport_ImportModule("rlcompleter"));
  if (!completer) PyErr_Clear();
}

// The text without the white space that all its lines begin with.
Ref<> dedent(PyObject* text) {
  Ref<> lines = TRY(steal(PyUnicode_Splitlines(text, 1)));
  const Py_ssize_t count = PyList_GET_SIZE(lines.get());
  Py_ssize_t margin = -1;
  Ref<> margin_text;
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* line = PyList_GET_ITEM(lines.get(), i);
    const Py_ssize_t length = PyUnicode_GET_LENGTH(line);
    Py_ssize_t indent = 0;
    while (indent < length && (PyUnicode_READ_CHAR(line, indent) == ' ' || PyUnicode_READ_CHAR(line, indent) == '\t')) ++indent;
    if (indent == length || PyUnicode_READ_CHAR(line, indent) == '\n') continue;  // blank
    if (margin < 0) {
      margin = indent;
      margin_text = borrow(line);
      continue;
    }
    Py_ssize_t common = 0;
    while (common < margin && common < indent && PyUnicode_READ_CHAR(line, common) == PyUnicode_READ_CHAR(margin_text.get(), common))
      ++common;
    margin = common;
  }
  if (margin <= 0) return borrow(text);
  Ref<> parts = TRY(steal(PyList_New(0)));
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* line = PyList_GET_ITEM(lines.get(), i);
    const Py_ssize_t length = PyUnicode_GET_LENGTH(line);
    Py_ssize_t indent = 0;
    while (indent < length && (PyUnicode_READ_CHAR(line, indent) == ' ' || PyUnicode_READ_CHAR(line, indent) == '\t')) ++indent;
    const bool blank = indent == length || PyUnicode_READ_CHAR(line, indent) == '\n';
    Ref<> part = TRY(steal(PyUnicode_Substring(line, blank ? indent : margin, length)));
    TRY(PyList_Append(parts, part));
  }
  Ref<> empty = TRY(steal(PyUnicode_FromString("")));
  return steal(PyUnicode_Join(empty, parts));
}

int run_command(const wchar_t* command, PyCompilerFlags* flags, MainState& main) {
  Ref<> text = steal(PyUnicode_FromWideChar(command, -1));
  if (!text) return exception_code(main);
  if (PySys_Audit("cpython.run_command", "O", text.get()) < 0) return exception_code(main);
  text = dedent(text);
  Ref<> bytes = text ? steal(PyUnicode_AsUTF8String(text)) : nullptr;
  Ref<> name = steal(PyUnicode_FromString("<string>"));
  if (!bytes || !name) {
    PySys_WriteStderr("Unable to decode the command from the command line:\n");
    return exception_code(main);
  }
  flags->cf_flags |= PyCF_IGNORE_COOKIE;
  if (is_failure(run_simple_string(PyBytes_AS_STRING(bytes.get()), name, flags, true))) return exception_code(main);
  return 0;
}

int run_module(const wchar_t* name, bool set_argv0, MainState& main) {
  Ref<> text = steal(PyUnicode_FromWideChar(name, -1));
  if (!text) return exception_code(main);
  if (PySys_Audit("cpython.run_module", "O", text.get()) < 0) return exception_code(main);
  Ref<> function = steal(PyImport_ImportModuleAttrString("runpy", "_run_module_as_main"));
  if (!function) {
    fprintf(stderr, "Could not import runpy._run_module_as_main\n");
    return exception_code(main);
  }
  Ref<> done = steal(PyObject_CallFunctionObjArgs(function, text.get(), set_argv0 ? Py_True : Py_False, nullptr));
  return done ? 0 : exception_code(main);
}

int run_script(const PyConfig& config, PyCompilerFlags* flags, MainState& main) {
  Ref<> name = steal(PyUnicode_FromWideChar(config.run_filename, -1));
  Ref<> program = steal(PyUnicode_FromWideChar(config.program_name ? config.program_name : L"", -1));
  if (!name || !program) return exception_code(main);
  if (PySys_Audit("cpython.run_file", "O", name.get()) < 0) return exception_code(main);
  char* path = Py_EncodeLocale(config.run_filename, nullptr);
  FILE* file = path ? fopen(path, "rbe") : nullptr;
  const int error = errno;
  PyMem_Free(path);
  if (!file) {
    // Only an absolute name is shown: the installation's reports say which file was meant.
    Ref<> shown = borrow(name.get());
    if (config.run_filename[0] != L'/') {
      char folder[4096];
      if (getcwd(folder, sizeof folder)) {
        Ref<> here = steal(PyUnicode_DecodeFSDefault(folder));
        if (here) shown = steal(PyUnicode_FromFormat("%U/%U", here.get(), name.get()));
      }
    }
    PyErr_Clear();
    PySys_FormatStderr("%U: can't open file %R: [Errno %d] %s\n", program.get(), shown ? shown.get() : name.get(), error, strerror(error));
    return 2;
  }
  if (config.skip_source_first_line) {
    int c;
    while ((c = getc(file)) != EOF)
      if (c == '\n') {
        ungetc(c, file);
        break;
      }
  }
  struct stat info;
  if (fstat(fileno(file), &info) == 0 && S_ISDIR(info.st_mode)) {
    PySys_FormatStderr("%U: %R is a directory, cannot continue\n", program.get(), name.get());
    fclose(file);
    return 1;
  }
  if (Py_MakePendingCalls() == -1) {
    fclose(file);
    return exception_code(main);
  }
  // An interactive device is a session; anything else a program.
  if (Py_FdIsInteractive(file, PyUnicode_AsUTF8(name) ? PyUnicode_AsUTF8(name) : "")) {
    const int result = _PyRun_AnyFileObject(file, name, 1, flags);
    return result != 0;
  }
  PyErr_Clear();
  return is_failure(run_simple_file(file, name, true, flags)) ? exception_code(main) : 0;
}

bool run_startup(const PyConfig& config, int* code, MainState& main) {
  const char* startup = environment(config.use_environment, "PYTHONSTARTUP");
  if (!startup) return true;
  Ref<> name = steal(PyUnicode_DecodeFSDefault(startup));
  if (!name) {
    *code = exception_code(main);
    return false;
  }
  if (PySys_Audit("cpython.run_startup", "O", name.get()) < 0) {
    *code = exception_code(main);
    return false;
  }
  FILE* file = fopen(startup, "re");
  if (!file) {
    const int error = errno;
    PySys_WriteStderr("Could not open PYTHONSTARTUP\n");
    errno = error;
    PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, name);
    PyErr_Print();
    return true;
  }
  PyCompilerFlags flags{.cf_flags = 0, .cf_feature_version = PY_MINOR_VERSION};
  if (is_failure(run_simple_file(file, name, true, &flags))) {
    int status;
    if (system_exit_code(&status)) {
      *code = status;
      return false;
    }
    PyErr_Print();
  }
  return true;
}

void run_interactive_hook() {
  Ref<> hook = borrow(PyDict_GetItemString(interpreter()->core.sys_dict, "__interactivehook__"));
  if (!hook || hook.get() == Py_None) return;
  if (PySys_Audit("cpython.run_interactivehook", "O", hook.get()) < 0) {
    PyErr_Print();
    return;
  }
  Ref<> done = steal(PyObject_CallNoArgs(hook));
  if (done) return;
  PySys_WriteStderr("Failed calling sys.__interactivehook__\n");
  PyErr_Print();
}

bool wants_basic_loop(const PyConfig& config) { return environment(config.use_environment, "PYTHON_BASIC_REPL") != nullptr; }

// The installation's _pyrepl, with our plain loop behind it.
int run_new_loop(MainState& main) {
  Ref<> name = steal(PyUnicode_FromString("_pyrepl.main"));
  Ref<> module = name ? steal(PyImport_Import(name)) : nullptr;
  if (!module) {
    fprintf(stderr, "Could not import _pyrepl.main\n");
    return exception_code(main);
  }
  Ref<> function = steal(PyObject_GetAttrString(module, "interactive_console"));
  Ref<> empty = steal(PyTuple_New(0));
  Ref<> keywords = steal(PyDict_New());
  if (!function || !empty || !keywords) return exception_code(main);
  PyObject* main_module = PyImport_AddModule("__main__");
  if (main_module && PyDict_SetItemString(keywords, "mainmodule", main_module) < 0) PyErr_Clear();
  Ref<> done = steal(PyObject_Call(function, empty, keywords));
  return done ? 0 : exception_code(main);
}

int run_console(const PyConfig& config, PyCompilerFlags* flags, MainState& main) {
  if (!wants_basic_loop(config) && isatty(STDIN_FILENO)) return run_new_loop(main);
  const int result = PyRun_AnyFileExFlags(stdin, "<stdin>", 0, flags);
  return result != 0;
}

int run_stdin(PyConfig& config, MainState& main) {
  PyCompilerFlags flags{.cf_flags = 0, .cf_feature_version = PY_MINOR_VERSION};
  if (stdin_is_interactive(config)) {
    config.inspect = 0;
    int code = 0;
    if (!run_startup(config, &code, main)) return code;
    run_interactive_hook();
    if (Py_MakePendingCalls() == -1) return exception_code(main);
    if (PySys_Audit("cpython.run_stdin", nullptr) < 0) return exception_code(main);
    return run_console(config, &flags, main);
  }
  if (Py_MakePendingCalls() == -1) return exception_code(main);
  if (PySys_Audit("cpython.run_stdin", nullptr) < 0) return exception_code(main);
  Ref<> name = steal(PyUnicode_FromString("<stdin>"));
  if (!name) return exception_code(main);
  return is_failure(run_simple_file(stdin, name, false, &flags)) ? exception_code(main) : 0;
}

// -i or PYTHONINSPECT: a session after the program.
int inspect_after(PyConfig& config, int code, MainState& main) {
  if (!config.inspect && environment(config.use_environment, "PYTHONINSPECT")) config.inspect = 1;
  if (!(config.inspect && stdin_is_interactive(config) && runs_code(config))) return code;
  config.inspect = 0;
  run_interactive_hook();
  PyCompilerFlags flags{.cf_flags = 0, .cf_feature_version = PY_MINOR_VERSION};
  if (PySys_Audit("cpython.run_stdin", nullptr) < 0) return exception_code(main);
  return run_console(config, &flags, main);
}

int run_python(MainState& main) {
  PyInterpreterState* interp = interpreter();
  PyConfig& config = interp->core.config;
  Ref<> importer;
  if (is_failure(find_main_importer(config, &importer))) return exception_code(main);
  if (importer) {
    if (is_failure(prepend_path(importer))) return exception_code(main);
  } else if (!config.safe_path) {
    PyObject* path0 = nullptr;
    PyStatus status = compute_sys_path0(config.argv, &path0);
    if (is_exception(status)) Py_ExitStatusException(status);
    if (path0) {
      Ref<> owner = steal(path0);
      wchar_t* wide = PyUnicode_AsWideCharString(path0, nullptr);
      if (wide) set_wide(&config.sys_path_0, wide);
      PyMem_Free(wide);
      if (is_failure(prepend_path(path0))) return exception_code(main);
    }
  }
  print_header(config);
  import_readline(config);
  interp->core.running_main = current_thread_state;
  PyCompilerFlags flags{.cf_flags = 0, .cf_feature_version = PY_MINOR_VERSION};
  int code;
  if (config.run_command) code = run_command(config.run_command, &flags, main);
  else if (config.run_module) code = run_module(config.run_module, true, main);
  else if (importer) code = run_module(L"__main__", false, main);
  else if (config.run_filename) code = run_script(config, &flags, main);
  else code = run_stdin(config, main);
  code = inspect_after(config, code, main);
  interp->core.running_main = nullptr;
  return code;
}

PyStatus start_main(const Arguments& arguments) {
  PyPreConfig preconfig;
  PyPreConfig_InitPythonConfig(&preconfig);
  STATUS_TRY(preinitialize(&preconfig, &arguments));
  PyConfig config;
  PyConfig_InitPythonConfig(&config);
  PyStatus status = arguments.bytes ? PyConfig_SetBytesArgv(&config, arguments.count, arguments.bytes)
                                    : PyConfig_SetArgv(&config, arguments.count, arguments.wide);
  if (!is_exception(status)) status = Py_InitializeFromConfig(&config);
  PyConfig_Clear(&config);
  return status;
}

int run_with(const Arguments& arguments) {
  PyStatus status = start_main(arguments);
  if (PyStatus_IsExit(status)) return status.exitcode;
  if (is_exception(status)) Py_ExitStatusException(status);
  return Py_RunMain();
}

}  // namespace
}  // namespace ks

using namespace ks;

extern "C" {

// Runs what the configuration says, ends the interpreter, and returns the exit code.
int Py_RunMain(void) {
  MainState main;
  int code = run_python(main);
  if (Py_FinalizeEx() < 0) code = 120;
  if (main.interrupted) {
    // As a shell expects it: killed by the signal.
    signal(SIGINT, SIG_DFL);
    kill(getpid(), SIGINT);
    return SIGINT + 128;
  }
  return code;
}
int Py_Main(int argc, wchar_t** argv) { return run_with({argc, nullptr, argv}); }
int Py_BytesMain(int argc, char** argv) { return run_with({argc, argv, nullptr}); }
int Py_FrozenMain(int argc, char** argv) {
  PyConfig config;
  PyConfig_InitPythonConfig(&config);
  config.pathconfig_warnings = 0;
  config.parse_argv = 0;
  PyStatus status = PyConfig_SetBytesArgv(&config, argc, argv);
  if (!is_exception(status)) status = Py_InitializeFromConfig(&config);
  PyConfig_Clear(&config);
  if (is_exception(status)) Py_ExitStatusException(status);
  int code = 1;
  const int found = PyImport_ImportFrozenModule("__main__");
  if (found == 0) _Py_FatalErrorFunc("Py_FrozenMain", "the __main__ module is not frozen");
  if (found < 0) PyErr_Print();
  else code = 0;
  if (Py_FinalizeEx() < 0) code = 120;
  return code;
}

}  // extern "C"
