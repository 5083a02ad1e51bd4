// The very high level layer: PyRun_*: program text from strings and files, .pyc files, the plain interactive loop.
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <Python.h>
#include <marshal.h>

#include "compiler/compile.h"
#include "object/export.h"
#include "object/identifier.h"
#include "runtime/error_display.h"
#include "runtime/lifecycle.h"
#include "runtime/process.h"
#include "runtime/run.h"
#if __has_include("syntax/arena.h")
#include "syntax/arena.h"
#endif

namespace ks {

Status fix_builtins(PyObject* globals) {
  if (!globals || !PyDict_Check(globals)) {
    PyErr_SetString(PyExc_SystemError, "globals must be a real dict; try eval(code, {}, mapping)");
    return failed;
  }
  Ref<> found;
  const int has = PyDict_GetItemRef(globals, "__builtins__"_id, found.out());
  if (has < 0) return failed;
  if (!has) {
    PyObject* builtins = PyEval_GetBuiltins();
    if (!builtins) builtins = interpreter()->core.builtins_dict;
    TRY(PyDict_SetItem(globals, "__builtins__"_id, builtins));
  }
  return Status::Ok;
}

Ref<> run_code_object(PyObject* code, PyObject* globals, PyObject* locals) {
  TRY(fix_builtins(globals));
  if (PySys_Audit("exec", "O", code) < 0) return failed;
  return steal(PyEval_EvalCode(code, globals, locals));
}

void flush_output() {
  Ref<> exception = steal(PyErr_GetRaisedException());
  for (PyObject* name : {"stderr"_id, "stdout"_id}) {
    Ref<> stream = borrow(sys_get(name));
    if (!stream || stream.get() == Py_None) continue;
    Ref<> done = steal(PyObject_CallMethodNoArgs(stream, "flush"_id));
    if (!done) PyErr_Clear();
  }
  if (exception) PyErr_SetRaisedException(exception.release());
}

namespace {

// All that is left in the stream as bytes.
Ref<> read_stream(FILE* file) {
  Ref<> parts = TRY(steal(PyByteArray_FromStringAndSize(nullptr, 0)));
  char buffer[16384];
  for (;;) {
    size_t count;
    int error;
    Py_BEGIN_ALLOW_THREADS
    count = fread(buffer, 1, sizeof buffer, file);
    error = count ? 0 : ferror(file);
    Py_END_ALLOW_THREADS
    if (error) {
      PyErr_SetFromErrno(PyExc_OSError);
      return failed;
    }
    if (!count) break;
    const Py_ssize_t size = PyByteArray_GET_SIZE(parts.get());
    TRY(PyByteArray_Resize(parts, size + static_cast<Py_ssize_t>(count)));
    memcpy(PyByteArray_AS_STRING(parts.get()) + size, buffer, count);
  }
  return steal(PyBytes_FromStringAndSize(PyByteArray_AS_STRING(parts.get()), PyByteArray_GET_SIZE(parts.get())));
}

// Tracebacks show lines of a program that was never in a file.
void register_source(PyObject* code, PyObject* text, PyObject* filename) {
  Ref<> function = steal(PyImport_ImportModuleAttrString("linecache", "_register_code"));
  Ref<> done = function ? steal(PyObject_CallFunctionObjArgs(function, code, text, filename, nullptr)) : nullptr;
  if (!done) PyErr_Clear();
}

Ref<> run_source(const char* source, PyObject* filename, int start, PyObject* globals, PyObject* locals, PyCompilerFlags* flags,
                 bool remember_source) {
  Ref<> code = steal(Py_CompileStringObject(source, filename, start, flags, -1));
  if (!code) return failed;
  if (remember_source) {
    Ref<> text = steal(PyUnicode_FromString(source));
    if (text) register_source(code, text, filename);
    PyErr_Clear();
  }
  return run_code_object(code, globals, locals);
}

// Is it a .pyc file? By its name, or by the magic number at its start.
bool is_pyc_file(FILE* file, PyObject* filename, bool closeit) {
  const char* name = PyUnicode_AsUTF8(filename);
  if (!name) PyErr_Clear();
  const size_t length = name ? strlen(name) : 0;
  if (length >= 4 && strcmp(name + length - 4, ".pyc") == 0) return true;
  if (!closeit) return false;
  const unsigned half = static_cast<unsigned>(PyImport_GetMagicNumber()) & 0xffff;
  unsigned char start[2];
  const bool at_start = ftell(file) == 0;
  bool result = false;
  if (at_start) {
    if (fread(start, 1, 2, file) == 2) result = (static_cast<unsigned>(start[1]) << 8 | start[0]) == half;
    rewind(file);
  }
  return result;
}

Ref<> run_pyc(FILE* file, PyObject* globals, PyObject* locals, PyCompilerFlags* flags) {
  unsigned char head[16];
  if (fread(head, 1, sizeof head, file) != sizeof head) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_RuntimeError, "Bad magic number in .pyc file");
    fclose(file);
    return failed;
  }
  const unsigned long magic = head[0] | head[1] << 8 | head[2] << 16 | static_cast<unsigned long>(head[3]) << 24;
  if (magic != (static_cast<unsigned long>(PyImport_GetMagicNumber()) & 0xffffffff)) {
    fclose(file);
    return raise(PyExc_RuntimeError, "Bad magic number in .pyc file");
  }
  Ref<> data = read_stream(file);
  fclose(file);
  if (!data) return failed;
  Ref<> code = steal(PyMarshal_ReadObjectFromString(PyBytes_AS_STRING(data.get()), PyBytes_GET_SIZE(data.get())));
  if (!code) return failed;
  if (!PyCode_Check(code.get())) return raise(PyExc_RuntimeError, "Bad code object in .pyc file");
  Ref<> result = run_code_object(code, globals, locals);
  if (result && flags) flags->cf_flags |= as<PyCodeObject>(code.get())->co_flags & PyCF_MASK;
  return result.share();
}

Status set_main_loader(PyObject* globals, PyObject* filename, const char* loader_name) {
  Ref<> external = TRY(steal(PyImport_ImportModule("_frozen_importlib_external")));
  Ref<> type = TRY(steal(PyObject_GetAttrString(external, loader_name)));
  Ref<> loader = TRY(steal(PyObject_CallFunction(type, "sO", "__main__", filename)));
  TRY(PyDict_SetItem(globals, "__loader__"_id, loader));
  return Status::Ok;
}

// Does the encoding of sys.stdin count for an interactive stream?
Ref<> prompt(const char* name, const char* fallback) {
  Ref<> value = borrow(PyDict_GetItemString(interpreter()->core.sys_dict, name));
  if (!value) return steal(PyUnicode_FromString(fallback));
  Ref<> text = steal(PyObject_Str(value));
  if (!text) {
    PyErr_Clear();
    return steal(PyUnicode_FromString(""));
  }
  return text;
}

}  // namespace

Status run_simple_file(FILE* file, PyObject* filename, bool closeit, PyCompilerFlags* flags) {
  Ref<> main = steal(PyImport_AddModuleRef("__main__"));
  if (!main) {
    if (closeit) fclose(file);
    return failed;
  }
  PyObject* dict = PyModule_GetDict(main);
  bool set_file = false;
  Ref<> known;
  if (PyDict_GetItemRef(dict, "__file__"_id, known.out()) == 0) {
    if (PyDict_SetItem(dict, "__file__"_id, filename) < 0 || PyDict_SetItemString(dict, "__cached__", Py_None) < 0) {
      if (closeit) fclose(file);
      return failed;
    }
    set_file = true;
  }
  Ref<> result;
  if (is_pyc_file(file, filename, closeit)) {
    if (closeit) fclose(file);
    Ref<> path = steal(PyUnicode_EncodeFSDefault(filename));
    FILE* binary = path ? fopen(PyBytes_AS_STRING(path.get()), "rbe") : nullptr;
    if (!binary) {
      fprintf(stderr, "python: Can't reopen .pyc file\n");
      if (path) PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, filename);
    } else if (is_failure(set_main_loader(dict, filename, "SourcelessFileLoader"))) {
      fprintf(stderr, "python: failed to set __main__.__loader__\n");
      fclose(binary);
    } else {
      result = run_pyc(binary, dict, dict, flags);
    }
  } else {
    if (PyUnicode_CompareWithASCIIString(filename, "<stdin>") != 0 && is_failure(set_main_loader(dict, filename, "SourceFileLoader"))) {
      fprintf(stderr, "python: failed to set __main__.__loader__\n");
      if (closeit) fclose(file);
    } else {
      result = run_file_object(file, filename, Py_file_input, dict, dict, closeit, flags);
    }
  }
  flush_output();
  if (set_file) {
    Ref<> saved = steal(PyErr_GetRaisedException());
    if (PyDict_DelItemString(dict, "__file__") < 0) PyErr_Clear();
    if (PyDict_DelItemString(dict, "__cached__") < 0) PyErr_Clear();
    if (saved) PyErr_SetRaisedException(saved.release());
  }
  return result ? Status::Ok : Status::Error;
}

Ref<> run_file_object(FILE* file, PyObject* filename, int start, PyObject* globals, PyObject* locals, bool closeit,
                      PyCompilerFlags* flags) {
  Ref<> source = read_stream(file);
  if (closeit) fclose(file);
  if (!source) return failed;
  const syntax::ParseOptions options{
      .filename = filename, .start = start, .flags = flags ? flags->cf_flags & ~PyCF_SOURCE_IS_UTF8 : 0, .from_file = true};
  Ref<> code = TRY(compiler::compile_text(PyBytes_AS_STRING(source.get()), PyBytes_GET_SIZE(source.get()), options, -1));
  return run_code_object(code, globals, locals);
}

Status run_simple_string(const char* command, PyObject* filename, PyCompilerFlags* flags, bool remember_source) {
  Ref<> main = TRY(steal(PyImport_AddModuleRef("__main__")));
  PyObject* dict = PyModule_GetDict(main);
  Ref<> result = run_source(command, filename, Py_file_input, dict, dict, flags, remember_source);
  return result ? Status::Ok : Status::Error;
}

// Gives the raised SyntaxError, whose file cannot be read, its line of `text`.
static void show_line(PyObject* text) {
  if (!PyErr_ExceptionMatches(PyExc_SyntaxError)) return;
  Ref<> exception = steal(PyErr_GetRaisedException());
  Ref<> number = steal(PyObject_GetAttrString(exception, "lineno"));
  Ref<> lines = number ? steal(PyUnicode_Splitlines(text, 1)) : nullptr;
  const long line = number && PyLong_Check(number.get()) ? PyLong_AsLong(number) : 0;
  if (lines && line > 0 && line <= PyList_GET_SIZE(lines.get()))
    PyObject_SetAttrString(exception, "text", PyList_GET_ITEM(lines.get(), line - 1));
  PyErr_Clear();
  PyErr_SetRaisedException(exception.release());
}

// -1: an exception is set; 0: done; E_EOF (11): the end.
static int interactive_one(FILE* file, PyObject* filename, PyCompilerFlags* flags) {
#if __has_include("syntax/arena.h")
  Ref<> first = prompt("ps1", ""), second = prompt("ps2", "");
  const char* ps1 = first ? PyUnicode_AsUTF8(first) : nullptr;
  const char* ps2 = second ? PyUnicode_AsUTF8(second) : nullptr;
  if (!ps1 || !ps2) {
    PyErr_Clear();
    ps1 = ps2 = "";
  }
  Ref<> encoding;
  const char* encoding_name = nullptr;
  if (file == stdin) {
    PyObject* in = sys_get("stdin"_id);
    if (in && in != Py_None) {
      encoding = steal(PyObject_GetAttr(in, "encoding"_id));
      if (encoding && PyUnicode_Check(encoding.get())) encoding_name = PyUnicode_AsUTF8(encoding);
      PyErr_Clear();
    }
  }
  syntax::Arena arena;
  syntax::ParseOptions options{.filename = filename, .start = Py_single_input, .flags = flags ? flags->cf_flags : 0};
  bool end = false;
  Ref<> text;
  syntax::Module* tree = syntax::parse_interactive(file, encoding_name, ps1, ps2, options, &end, &text, arena);
  if (!tree) {
    if (end && !PyErr_Occurred()) return 11;
    if (end) {
      PyErr_Clear();
      return 11;
    }
    return -1;
  }
  Ref<> name = steal(PyUnicode_FromFormat("<stdin-%u>", interpreter()->compiler.interactive_count++));
  if (!name) return -1;
  Ref<> code(compiler::compile_tree(tree, {.filename = name, .flags = flags ? flags->cf_flags : 0, .optimize = -1}, arena));
  if (!code) {
    if (text) show_line(text);
    return -1;
  }
  if (text) register_source(code, text, filename);
  if (flags) flags->cf_flags |= as<PyCodeObject>(code.get())->co_flags & PyCF_MASK;
  Ref<> main = steal(PyImport_AddModuleRef("__main__"));
  if (!main) return -1;
  PyObject* dict = PyModule_GetDict(main);
  Ref<> result = run_code_object(code, dict, dict);
  flush_output();
  return result ? 0 : -1;
#else
  (void)unimplemented("the interactive loop");
  return -1;
#endif
}

}  // namespace ks

using namespace ks;

extern "C" {

// ---- results as objects ----------------------------------------------------------------------------------------------------------

// New reference.
PyObject* PyRun_StringFlags(const char* source, int start, PyObject* globals, PyObject* locals, PyCompilerFlags* flags) {
  Ref<> name = steal(PyUnicode_FromString("<string>"));
  return name ? run_source(source, name, start, globals, locals, flags, false).release() : nullptr;
}
#undef PyRun_String
PyObject* PyRun_String(const char* source, int start, PyObject* globals, PyObject* locals) {
  return PyRun_StringFlags(source, start, globals, locals, nullptr);
}
PyObject* PyRun_FileExFlags(FILE* file, const char* filename, int start, PyObject* globals, PyObject* locals, int closeit,
                            PyCompilerFlags* flags) {
  Ref<> name = steal(PyUnicode_DecodeFSDefault(filename));
  if (!name) {
    if (closeit) fclose(file);
    return nullptr;
  }
  return run_file_object(file, name, start, globals, locals, closeit != 0, flags).release();
}
#undef PyRun_File
#undef PyRun_FileEx
#undef PyRun_FileFlags
PyObject* PyRun_File(FILE* file, const char* name, int start, PyObject* globals, PyObject* locals) {
  return PyRun_FileExFlags(file, name, start, globals, locals, 0, nullptr);
}
PyObject* PyRun_FileEx(FILE* file, const char* name, int start, PyObject* globals, PyObject* locals, int closeit) {
  return PyRun_FileExFlags(file, name, start, globals, locals, closeit, nullptr);
}
PyObject* PyRun_FileFlags(FILE* file, const char* name, int start, PyObject* globals, PyObject* locals, PyCompilerFlags* flags) {
  return PyRun_FileExFlags(file, name, start, globals, locals, 0, flags);
}

// ---- in __main__, exceptions printed -------------------------------------------------------------------------------------------------

int PyRun_SimpleStringFlags(const char* command, PyCompilerFlags* flags) {
  Ref<> name = steal(PyUnicode_FromString("<string>"));
  if (name && !is_failure(run_simple_string(command, name, flags, false))) return 0;
  PyErr_Print();
  return -1;
}
#undef PyRun_SimpleString
int PyRun_SimpleString(const char* command) { return PyRun_SimpleStringFlags(command, nullptr); }

int PyRun_SimpleFileExFlags(FILE* file, const char* filename, int closeit, PyCompilerFlags* flags) {
  Ref<> name = steal(PyUnicode_DecodeFSDefault(filename));
  if (!name) {
    if (closeit) fclose(file);
    return -1;
  }
  if (!is_failure(run_simple_file(file, name, closeit != 0, flags))) return 0;
  PyErr_Print();
  return -1;
}
#undef PyRun_SimpleFile
#undef PyRun_SimpleFileEx
int PyRun_SimpleFile(FILE* file, const char* name) { return PyRun_SimpleFileExFlags(file, name, 0, nullptr); }
int PyRun_SimpleFileEx(FILE* file, const char* name, int closeit) { return PyRun_SimpleFileExFlags(file, name, closeit, nullptr); }

int Py_FdIsInteractive(FILE* file, const char* filename) {
  if (isatty(fileno(file))) return 1;
  if (!process.initialized ? false : interpreter()->core.config.interactive) {
    return !filename || strcmp(filename, "<stdin>") == 0 || strcmp(filename, "???") == 0;
  }
  return 0;
}

KS_EXPORT int _PyRun_AnyFileObject(FILE* file, PyObject* filename, int closeit, PyCompilerFlags* flags) {
  Ref<> name = filename ? borrow(filename) : steal(PyUnicode_FromString("???"));
  if (!name) {
    PyErr_Print();
    return -1;
  }
  const char* text = PyUnicode_AsUTF8(name);
  if (!text) PyErr_Clear();
  if (Py_FdIsInteractive(file, text)) {
    Ref<> bytes = steal(PyUnicode_EncodeFSDefault(name));
    const int result = bytes ? PyRun_InteractiveLoopFlags(file, PyBytes_AS_STRING(bytes.get()), flags) : -1;
    if (closeit) fclose(file);
    return result;
  }
  if (!is_failure(run_simple_file(file, name, closeit != 0, flags))) return 0;
  PyErr_Print();
  return -1;
}
int PyRun_AnyFileExFlags(FILE* file, const char* filename, int closeit, PyCompilerFlags* flags) {
  Ref<> name;
  if (filename) {
    name = steal(PyUnicode_DecodeFSDefault(filename));
    if (!name) {
      PyErr_Print();
      return -1;
    }
  }
  return _PyRun_AnyFileObject(file, name, closeit, flags);
}
#undef PyRun_AnyFile
#undef PyRun_AnyFileEx
#undef PyRun_AnyFileFlags
int PyRun_AnyFile(FILE* file, const char* name) { return PyRun_AnyFileExFlags(file, name, 0, nullptr); }
int PyRun_AnyFileEx(FILE* file, const char* name, int closeit) { return PyRun_AnyFileExFlags(file, name, closeit, nullptr); }
int PyRun_AnyFileFlags(FILE* file, const char* name, PyCompilerFlags* flags) { return PyRun_AnyFileExFlags(file, name, 0, flags); }

// ---- interactive -------------------------------------------------------------------------------------------------------------------------

int PyRun_InteractiveOneObject(FILE* file, PyObject* filename, PyCompilerFlags* flags) {
  const int result = interactive_one(file, filename, flags);
  if (result == -1) {
    PyErr_Print();
    flush_output();
  }
  return result;
}
int PyRun_InteractiveOneFlags(FILE* file, const char* filename, PyCompilerFlags* flags) {
  Ref<> name = steal(PyUnicode_DecodeFSDefault(filename));
  if (!name) {
    PyErr_Print();
    return -1;
  }
  return PyRun_InteractiveOneObject(file, name, flags);
}
#undef PyRun_InteractiveOne
#undef PyRun_InteractiveLoop
int PyRun_InteractiveOne(FILE* file, const char* name) { return PyRun_InteractiveOneFlags(file, name, nullptr); }
int PyRun_InteractiveLoopFlags(FILE* file, const char* filename, PyCompilerFlags* flags) {
  Ref<> name = steal(PyUnicode_DecodeFSDefault(filename));
  if (!name) {
    PyErr_Print();
    return -1;
  }
  PyCompilerFlags local{.cf_flags = 0, .cf_feature_version = PY_MINOR_VERSION};
  if (!flags) flags = &local;
  PyObject* sys = interpreter()->core.sys_dict;
  if (!PyDict_GetItemString(sys, "ps1")) {
    Ref<> text = steal(PyUnicode_FromString(">>> "));
    if (!text || PyDict_SetItemString(sys, "ps1", text) < 0) PyErr_Clear();
  }
  if (!PyDict_GetItemString(sys, "ps2")) {
    Ref<> text = steal(PyUnicode_FromString("... "));
    if (!text || PyDict_SetItemString(sys, "ps2", text) < 0) PyErr_Clear();
  }
  int memory_errors = 0, error = 0;
  for (;;) {
    const int result = interactive_one(file, name, flags);
    if (result == 11) break;
    if (result == -1 && PyErr_Occurred()) {
      if (PyErr_ExceptionMatches(PyExc_MemoryError)) {
        if (++memory_errors > 16) {
          PyErr_Clear();
          error = -1;
          break;
        }
      } else {
        memory_errors = 0;
      }
      PyErr_Print();
      flush_output();
    } else {
      memory_errors = 0;
    }
  }
  return error;
}
int PyRun_InteractiveLoop(FILE* file, const char* name) { return PyRun_InteractiveLoopFlags(file, name, nullptr); }

}  // extern "C"
