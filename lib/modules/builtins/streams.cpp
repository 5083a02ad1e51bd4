// builtins: print and input.
#include <cstdio>
#include <cstring>
#include <unistd.h>

#include "modules/builtins/builtins.h"

namespace ks {

namespace {

constexpr char kPrintName[] = "print";
constexpr Signature kPrint = read_signature(kPrintName, "($module, /, *args, sep=' ', end='\\n', file=None, flush=False)");

PyObject* builtin_print(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  PyObject *separator = nullptr, *end = nullptr, *file = nullptr;
  bool flush = false;
  if (kwnames && PyTuple_GET_SIZE(kwnames)) {
    PyObject* values[5] = {};
    Ref<> positional;
    if (is_failure(bind(kPrint, args, nargs, kwnames, values, &positional, nullptr))) return nullptr;
    separator = values[0];
    end = values[1];
    file = values[2];
    if (values[3]) {
      const int truth = PyObject_IsTrue(values[3]);
      if (truth < 0) return nullptr;
      flush = truth;
    }
  }
  Ref<> owner;
  if (!file || file == Py_None) {
    PyObject* out = sys_get("stdout"_id);
    if (!out) return raise(PyExc_RuntimeError, "lost sys.stdout");
    if (out == Py_None) return Py_NewRef(Py_None);
    file = out;
  }
  owner = borrow(file);
  if (separator == Py_None) separator = nullptr;
  else if (separator && !PyUnicode_Check(separator))
    return raise(PyExc_TypeError, "sep must be None or a string, not %.200s", Py_TYPE(separator)->tp_name);
  if (end == Py_None) end = nullptr;
  else if (end && !PyUnicode_Check(end)) return raise(PyExc_TypeError, "end must be None or a string, not %.200s", Py_TYPE(end)->tp_name);
  for (Py_ssize_t i = 0; i < nargs; ++i) {
    if (i > 0) {
      const int error = separator ? PyFile_WriteObject(separator, file, Py_PRINT_RAW) : PyFile_WriteString(" ", file);
      if (error) return nullptr;
    }
    if (PyFile_WriteObject(args[i], file, Py_PRINT_RAW)) return nullptr;
  }
  if (end ? PyFile_WriteObject(end, file, Py_PRINT_RAW) : PyFile_WriteString("\n", file)) return nullptr;
  if (flush) {
    Ref<> done = steal(PyObject_CallMethodNoArgs(file, "flush"_id));
    if (!done) return nullptr;
  }
  return Py_NewRef(Py_None);
}

// Is the stream the terminal that the C library's stream of that descriptor is?
Found is_terminal(PyObject* stream, int descriptor) {
  Ref<> number_object = steal(PyObject_CallMethodNoArgs(stream, "fileno"_id));
  if (!number_object) {
    PyErr_Clear();
    return Found::No;
  }
  const long number = PyLong_AsLong(number_object);
  if (number == -1 && PyErr_Occurred()) return failed;
  return number == descriptor && isatty(descriptor) ? Found::Yes : Found::No;
}

Ref<> encoding_and_errors(PyObject* stream, Ref<>* errors) {
  Ref<> encoding = TRY(steal(PyObject_GetAttr(stream, "encoding"_id)));
  *errors = steal(PyObject_GetAttr(stream, "errors"_id));
  if (!*errors) return failed;
  if (!PyUnicode_Check(encoding.get()) || !PyUnicode_Check(errors->get())) return failed;
  return encoding;
}

Ref<> builtin_input(PyObject*, PyObject* prompt) {
  Ref<> in = borrow(sys_get("stdin"_id)), out = borrow(sys_get("stdout"_id)), error = borrow(sys_get("stderr"_id));
  if (!in || in.get() == Py_None) return raise(PyExc_RuntimeError, "input(): lost sys.stdin");
  if (!out || out.get() == Py_None) return raise(PyExc_RuntimeError, "input(): lost sys.stdout");
  if (!error || error.get() == Py_None) return raise(PyExc_RuntimeError, "input(): lost sys.stderr");
  if (PySys_Audit("builtins.input", "O", prompt ? prompt : Py_None) < 0) return failed;
  // What was written to stderr comes first.
  Ref<> flushed = steal(PyObject_CallMethodNoArgs(error, "flush"_id));
  if (!flushed) PyErr_Clear();
  bool terminal = TRY(is_terminal(in, 0)) && TRY(is_terminal(out, 1));
  if (terminal) {
    Ref<> in_errors, out_errors;
    Ref<> in_encoding = encoding_and_errors(in, &in_errors);
    Ref<> out_encoding = in_encoding ? encoding_and_errors(out, &out_errors) : nullptr;
    if (!in_encoding || !out_encoding) {
      PyErr_Clear();
      terminal = false;
    } else {
      Ref<> done = steal(PyObject_CallMethodNoArgs(out, "flush"_id));
      if (!done) PyErr_Clear();
      Ref<> prompt_bytes;
      const char* prompt_text = "";
      if (prompt) {
        Ref<> text = TRY(steal(PyObject_Str(prompt)));
        prompt_bytes = steal(PyUnicode_AsEncodedString(text, PyUnicode_AsUTF8(out_encoding), PyUnicode_AsUTF8(out_errors)));
        if (!prompt_bytes) {
          PyErr_Clear();
          terminal = false;
        } else {
          prompt_text = PyBytes_AS_STRING(prompt_bytes.get());
          if (strlen(prompt_text) != static_cast<size_t>(PyBytes_GET_SIZE(prompt_bytes.get())))
            return raise(PyExc_ValueError, "input: prompt string cannot contain null characters");
        }
      }
      if (terminal) {
        char* line = PyOS_Readline(stdin, stdout, prompt_text);
        if (!line) {
          PyErr_CheckSignals();
          if (!PyErr_Occurred()) PyErr_SetNone(PyExc_KeyboardInterrupt);
          return failed;
        }
        size_t length = strlen(line);
        Ref<> result;
        if (length == 0) {
          PyErr_SetNone(PyExc_EOFError);
        } else {
          if (line[length - 1] == '\n') --length;
          result = steal(PyUnicode_Decode(line, static_cast<Py_ssize_t>(length), PyUnicode_AsUTF8(in_encoding), PyUnicode_AsUTF8(in_errors)));
        }
        PyMem_Free(line);
        if (result && PySys_Audit("builtins.input/result", "O", result.get()) < 0) return failed;
        return result;
      }
    }
  }
  if (prompt && PyFile_WriteObject(prompt, out, Py_PRINT_RAW) != 0) return failed;
  Ref<> done = steal(PyObject_CallMethodNoArgs(out, "flush"_id));
  if (!done) PyErr_Clear();
  return steal(PyFile_GetLine(in, -1));
}

METHOD_RAW(builtin_print, "print", 0,
           "print($module, /, *args, sep=' ', end='\\n', file=None, flush=False)\n--\n\nPrints the values to a stream, or to sys.stdout "
           "by default.\n\n  sep\n    string inserted between values, default a space.\n  end\n    string appended after the last value, "
           "default a newline.\n  file\n    a file-like object (stream); defaults to the current sys.stdout.\n  flush\n    whether to "
           "forcibly flush the stream.");
METHOD_AS(builtin_input, "input", 0, "($module, prompt='', /)", "Read a string from standard input. The trailing newline is stripped.");

}  // namespace

const PyMethodDef* const kBuiltinStreamMethods[] = {&builtin_print_method, &builtin_input_method, nullptr};

}  // namespace ks
