// builtins: compile, exec, eval, __import__, __build_class__, globals, locals, vars, dir.
#include <cstring>

#include "compiler/compile.h"
#include "modules/builtins/builtins.h"
#include "runtime/run.h"
#include "syntax/arena.h"
#include "syntax/parser.h"

namespace ks {

const char* source_text(PyObject* source, const char* function, const char* what, PyCompilerFlags* flags, Ref<>* owner) {
  Py_ssize_t size;
  const char* text;
  Py_buffer view;
  if (PyUnicode_Check(source)) {
    flags->cf_flags |= PyCF_IGNORE_COOKIE;
    text = PyUnicode_AsUTF8AndSize(source, &size);
    if (!text) return nullptr;
  } else if (PyBytes_Check(source)) {
    text = PyBytes_AS_STRING(source);
    size = PyBytes_GET_SIZE(source);
  } else if (PyByteArray_Check(source)) {
    text = PyByteArray_AS_STRING(source);
    size = PyByteArray_GET_SIZE(source);
  } else if (PyObject_GetBuffer(source, &view, PyBUF_SIMPLE) == 0) {
    *owner = steal(PyBytes_FromStringAndSize(static_cast<const char*>(view.buf), view.len));
    PyBuffer_Release(&view);
    if (!*owner) return nullptr;
    text = PyBytes_AS_STRING(owner->get());
    size = PyBytes_GET_SIZE(owner->get());
  } else {
    PyErr_Clear();
    PyErr_Format(PyExc_TypeError, "%s() arg 1 must be a %s object", function, what);
    return nullptr;
  }
  if (strlen(text) != static_cast<size_t>(size)) {
    PyErr_SetString(PyExc_SyntaxError, "source code string cannot contain null bytes");
    return nullptr;
  }
  return text;
}

namespace {

// Flags of the code that calls us: its __future__ imports.
int inherited_flags(PyCompilerFlags* flags) { return PyEval_MergeCompilerFlags(flags); }

constexpr int kCompileMask = PyCF_MASK | PyCF_MASK_OBSOLETE | PyCF_COMPILE_MASK;

Ref<> compile_tree_object(PyObject* source, PyObject* filename, int start, PyCompilerFlags flags, int optimize) {
  syntax::Arena arena;
  syntax::Module* tree = syntax::tree_from_object(source, start, arena);
  if (!tree) return failed;
  return Ref<>(compiler::compile_tree(tree, {.filename = filename, .flags = flags.cf_flags, .optimize = optimize}, arena));
}

Ref<> builtin_compile(PyObject*, PyObject* source, PyObject* filename_object, StrArgument mode_object, int flag_bits, bool dont_inherit,
                      int optimize, int feature_version) {
  const char* mode = PyUnicode_AsUTF8(mode_object);
  if (!mode) return failed;
  Ref<> filename;
  if (!PyUnicode_FSDecoder(filename_object, filename.out())) return failed;
  if (PySys_Audit("compile", "OO", source, filename.get()) < 0) return failed;
  PyCompilerFlags flags{.cf_flags = flag_bits | PyCF_SOURCE_IS_UTF8, .cf_feature_version = PY_MINOR_VERSION};
  if (feature_version >= 0 && (flag_bits & PyCF_ONLY_AST)) flags.cf_feature_version = feature_version;
  if (flag_bits & ~kCompileMask) return raise(PyExc_ValueError, "compile(): unrecognised flags");
  if (optimize < -1 || optimize > 2) return raise(PyExc_ValueError, "compile(): invalid optimize value");
  if (!dont_inherit) inherited_flags(&flags);
  int start;
  const bool function_type = strcmp(mode, "func_type") == 0;
  if (strcmp(mode, "exec") == 0) start = Py_file_input;
  else if (strcmp(mode, "eval") == 0) start = Py_eval_input;
  else if (strcmp(mode, "single") == 0) start = Py_single_input;
  else if (function_type) {
    if (!(flag_bits & PyCF_ONLY_AST)) return raise(PyExc_ValueError, "compile() mode 'func_type' requires flag PyCF_ONLY_AST");
    start = Py_func_type_input;
  } else {
    return raise(PyExc_ValueError, flag_bits & PyCF_ONLY_AST ? "compile() mode must be 'exec', 'eval', 'single' or 'func_type'"
                                                             : "compile() mode must be 'exec', 'eval' or 'single'");
  }
  if (TRY(syntax::is_tree_object(source))) {
    if (flag_bits & PyCF_ONLY_AST) {
      syntax::Arena arena;
      syntax::Module* tree = syntax::tree_from_object(source, start, arena);
      if (!tree) return failed;
      // Without optimisation it is only checked, and given back as it is.
      if ((flag_bits & PyCF_OPTIMIZED_AST) != PyCF_OPTIMIZED_AST) return borrow(source);
      TRY(compiler::preprocess_tree(tree, {.filename = filename, .flags = flags.cf_flags, .optimize = optimize}, false, arena));
      return syntax::tree_to_object(tree);
    }
    return compile_tree_object(source, filename, start, flags, optimize);
  }
  Ref<> owner;
  const char* text = source_text(source, "compile", "string, bytes or AST", &flags, &owner);
  if (!text) return failed;
  return steal(Py_CompileStringObject(text, filename, start, &flags, optimize));
}

// ---- namespaces of the caller -------------------------------------------------------------------------------------------------

PyObject* builtin_globals(PyObject*) {
  PyObject* globals = PyEval_GetGlobals();
  return Py_XNewRef(globals);
}
PyObject* builtin_locals(PyObject*) { return PyEval_GetFrameLocals(); }

// ---- eval and exec ----------------------------------------------------------------------------------------------------------------

// Completes (globals, locals) for eval and exec: those of the caller where they are not given.
Status namespaces(const char* function, PyObject* given_globals, PyObject* given_locals, Ref<>* globals, Ref<>* locals) {
  if (given_locals && given_locals != Py_None && !PyMapping_Check(given_locals)) {
    if (strcmp(function, "eval") == 0) return raise(PyExc_TypeError, "locals must be a mapping");
    return raise(PyExc_TypeError, "locals must be a mapping or None, not %.100s", Py_TYPE(given_locals)->tp_name);
  }
  if (given_globals && given_globals != Py_None && !PyDict_Check(given_globals)) {
    if (strcmp(function, "eval") == 0)
      return raise(PyExc_TypeError, "%s", PyMapping_Check(given_globals) ? "globals must be a real dict; try eval(code, {}, mapping)" : "globals must be a dict");
    return raise(PyExc_TypeError, "exec() globals must be a dict, not %.100s", Py_TYPE(given_globals)->tp_name);
  }
  const bool have_locals = given_locals && given_locals != Py_None;
  if (!given_globals || given_globals == Py_None) {
    PyThreadState* state = thread();
    if (state->current_frame && PyEval_GetGlobals()) {
      *globals = borrow(PyEval_GetGlobals());
      *locals = have_locals ? borrow(given_locals) : steal(PyEval_GetFrameLocals());
      if (!*locals) return failed;
    } else {
      PyErr_Clear();
      Ref<> main = TRY(steal(PyImport_AddModuleRef("__main__")));
      *globals = borrow(PyModule_GetDict(main));
      *locals = have_locals ? borrow(given_locals) : globals->share();
    }
  } else {
    *globals = borrow(given_globals);
    *locals = borrow(have_locals ? given_locals : given_globals);
  }
  return fix_builtins(*globals);
}

Ref<> builtin_eval(PyObject*, PyObject* source, PyObject* given_globals, PyObject* given_locals) {
  Ref<> globals, locals;
  TRY(namespaces("eval", given_globals, given_locals, &globals, &locals));
  if (PyCode_Check(source)) {
    if (PySys_Audit("exec", "O", source) < 0) return failed;
    if (PyCode_GetNumFree(as<PyCodeObject>(source)) > 0)
      return raise(PyExc_TypeError, "code object passed to eval() may not contain free variables");
    return steal(PyEval_EvalCode(source, globals, locals));
  }
  PyCompilerFlags flags{.cf_flags = PyCF_SOURCE_IS_UTF8, .cf_feature_version = PY_MINOR_VERSION};
  Ref<> owner;
  const char* text = source_text(source, "eval", "string, bytes or code", &flags, &owner);
  if (!text) return failed;
  while (*text == ' ' || *text == '\t') ++text;
  inherited_flags(&flags);
  return steal(PyRun_StringFlags(text, Py_eval_input, globals, locals, &flags));
}

Ref<> builtin_exec(PyObject*, PyObject* source, PyObject* given_globals, PyObject* given_locals, PyObject* closure) {
  Ref<> globals, locals;
  TRY(namespaces("exec", given_globals, given_locals, &globals, &locals));
  if (closure == Py_None) closure = nullptr;
  if (PyCode_Check(source)) {
    const Py_ssize_t free_count = PyCode_GetNumFree(as<PyCodeObject>(source));
    if (free_count == 0) {
      if (closure) return raise(PyExc_TypeError, "cannot use a closure with this code object");
    } else {
      bool good = closure && PyTuple_CheckExact(closure) && PyTuple_GET_SIZE(closure) == free_count;
      for (Py_ssize_t i = 0; good && i < free_count; ++i) good = PyCell_Check(PyTuple_GET_ITEM(closure, i));
      if (!good) return raise(PyExc_TypeError, "code object requires a closure of exactly length %zd", free_count);
    }
    if (PySys_Audit("exec", "O", source) < 0) return failed;
    Ref<> value = steal(closure ? PyEval_EvalCodeEx(source, globals, locals, nullptr, 0, nullptr, 0, nullptr, 0, nullptr, closure)
                                : PyEval_EvalCode(source, globals, locals));
    return value ? borrow(Py_None) : nullptr;
  }
  if (closure) return raise(PyExc_TypeError, "closure can only be used when source is a code object");
  PyCompilerFlags flags{.cf_flags = PyCF_SOURCE_IS_UTF8, .cf_feature_version = PY_MINOR_VERSION};
  Ref<> owner;
  const char* text = source_text(source, "exec", "string, bytes or code", &flags, &owner);
  if (!text) return failed;
  inherited_flags(&flags);
  Ref<> value = steal(PyRun_StringFlags(text, Py_file_input, globals, locals, &flags));
  return value ? borrow(Py_None) : nullptr;
}

Ref<> builtin_import(PyObject*, PyObject* name, PyObject* globals, PyObject* locals, PyObject* fromlist, int level) {
  return steal(PyImport_ImportModuleLevelObject(name, globals, locals, fromlist, level));
}

// ---- class statements -------------------------------------------------------------------------------------------------------------

// Bases with __mro_entries__ are replaced by what it returns; the same tuple comes back where there is none.
Ref<> resolve_bases(PyObject* bases) {
  Ref<> list;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(bases); ++i) {
    PyObject* base = PyTuple_GET_ITEM(bases, i);
    if (PyType_Check(base)) {
      if (list) TRY(PyList_Append(list, base));
      continue;
    }
    Ref<> method;
    TRY(PyObject_GetOptionalAttr(base, "__mro_entries__"_id, method.out()));
    if (!method) {
      if (list) TRY(PyList_Append(list, base));
      continue;
    }
    Ref<> replacement = TRY(steal(PyObject_CallOneArg(method, bases)));
    if (!PyTuple_Check(replacement.get())) return raise(PyExc_TypeError, "__mro_entries__ must return a tuple");
    if (!list) {
      list = TRY(steal(PyList_New(0)));
      for (Py_ssize_t j = 0; j < i; ++j) TRY(PyList_Append(list, PyTuple_GET_ITEM(bases, j)));
    }
    const Py_ssize_t end = PyList_GET_SIZE(list.get());
    TRY(PyList_SetSlice(list, end, end, replacement));
  }
  return list ? steal(PyList_AsTuple(list)) : borrow(bases);
}

PyObject* builtin_build_class(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  if (nargs < 2) return raise(PyExc_TypeError, "__build_class__: not enough arguments");
  PyObject* function = args[0];
  if (!PyFunction_Check(function)) return raise(PyExc_TypeError, "__build_class__: func must be a function");
  PyObject* name = args[1];
  if (!PyUnicode_Check(name)) return raise(PyExc_TypeError, "__build_class__: name is not a string");
  Ref<> original = steal(PyTuple_New(nargs - 2));
  if (!original) return nullptr;
  for (Py_ssize_t i = 2; i < nargs; ++i) PyTuple_SET_ITEM(original.get(), i - 2, Py_NewRef(args[i]));
  Ref<> bases = resolve_bases(original);
  if (!bases) return nullptr;
  Ref<> keywords, meta;
  bool meta_is_class = false;
  if (kwnames && PyTuple_GET_SIZE(kwnames)) {
    keywords = steal(PyDict_New());
    if (!keywords) return nullptr;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(kwnames); ++i)
      if (PyDict_SetItem(keywords, PyTuple_GET_ITEM(kwnames, i), args[nargs + i]) < 0) return nullptr;
    if (PyDict_Pop(keywords, "metaclass"_id, meta.out()) < 0) return nullptr;
    if (meta) meta_is_class = PyType_Check(meta.get());
  }
  if (!meta) {
    meta = PyTuple_GET_SIZE(bases.get()) == 0 ? borrow(object(&PyType_Type)) : borrow(object(Py_TYPE(PyTuple_GET_ITEM(bases.get(), 0))));
    meta_is_class = true;
  }
  if (meta_is_class) {
    // The most derived metaclass of all bases.
    auto* winner = as<PyTypeObject>(meta.get());
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(bases.get()); ++i) {
      PyTypeObject* other = Py_TYPE(PyTuple_GET_ITEM(bases.get(), i));
      if (PyType_IsSubtype(winner, other)) continue;
      if (PyType_IsSubtype(other, winner)) {
        winner = other;
        continue;
      }
      return raise(PyExc_TypeError,
                   "metaclass conflict: the metaclass of a derived class must be a (non-strict) subclass of the metaclasses of "
                   "all its bases");
    }
    if (object(winner) != meta.get()) meta = borrow(object(winner));
  }
  Ref<> ns, prepare;
  if (PyObject_GetOptionalAttr(meta, "__prepare__"_id, prepare.out()) < 0) return nullptr;
  if (!prepare) {
    ns = steal(PyDict_New());
  } else {
    PyObject* arguments[] = {name, bases};
    ns = steal(PyObject_VectorcallDict(prepare, arguments, 2, keywords));
  }
  if (!ns) return nullptr;
  if (!PyMapping_Check(ns.get()))
    return raise(PyExc_TypeError, "%.200s.__prepare__() must return a mapping, not %.200s",
                 meta_is_class ? as<PyTypeObject>(meta.get())->tp_name : "<metaclass>", Py_TYPE(ns.get())->tp_name);
  Ref<> cell = steal(PyEval_EvalCodeEx(PyFunction_GET_CODE(function), PyFunction_GET_GLOBALS(function), ns, nullptr, 0, nullptr, 0,
                                       nullptr, 0, nullptr, PyFunction_GET_CLOSURE(function)));
  if (!cell) return nullptr;
  if (bases.get() != original.get() && PyMapping_SetItemString(ns, "__orig_bases__", original) < 0) return nullptr;
  PyObject* arguments[] = {name, bases, ns};
  Ref<> cls = steal(PyObject_VectorcallDict(meta, arguments, 3, keywords));
  if (!cls) return nullptr;
  if (PyType_Check(cls.get()) && PyCell_Check(cell.get())) {
    Ref<> cell_class = steal(PyCell_Get(cell));
    if (cell_class.get() != cls.get()) {
      if (!cell_class)
        return raise(PyExc_RuntimeError, "__class__ not set defining %.200R as %.200R. Was __classcell__ propagated to type.__new__?", name, cls.get());
      return raise(PyExc_TypeError, "__class__ set to %.200R defining %.200R as %.200R", cell_class.get(), name, cls.get());
    }
  }
  return cls.release();
}

// ---- vars and dir --------------------------------------------------------------------------------------------------------------------

PyObject* builtin_vars(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  if (kwnames && PyTuple_GET_SIZE(kwnames)) return raise(PyExc_TypeError, "vars() takes no keyword arguments");
  if (nargs > 1) return raise(PyExc_TypeError, "vars expected at most 1 argument, got %zd", nargs);
  if (nargs == 0) return PyEval_GetFrameLocals();
  Ref<> dict;
  if (PyObject_GetOptionalAttr(args[0], "__dict__"_id, dict.out()) == 0)
    return raise(PyExc_TypeError, "vars() argument must have __dict__ attribute");
  return dict.release();
}
PyObject* builtin_dir(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  if (kwnames && PyTuple_GET_SIZE(kwnames)) return raise(PyExc_TypeError, "dir() takes no keyword arguments");
  if (nargs > 1) return raise(PyExc_TypeError, "dir expected at most 1 argument, got %zd", nargs);
  return PyObject_Dir(nargs ? args[0] : nullptr);
}

METHOD_AS(builtin_compile, "compile", 0,
          "($module, /, source, filename, mode, flags=0, dont_inherit=False, optimize=-1, *, _feature_version=-1)",
          "Compile source into a code object that can be executed by exec() or eval().");
METHOD_AS(builtin_globals, "globals", 0, "($module, /)", "Return the dictionary containing the current scope's global variables.");
METHOD_AS(builtin_locals, "locals", 0, "($module, /)", "Return a dictionary containing the current scope's local variables.");
METHOD_AS(builtin_eval, "eval", 0, "($module, source, /, globals=None, locals=None)",
          "Evaluate the given source in the context of globals and locals.");
METHOD_AS(builtin_exec, "exec", 0, "($module, source, /, globals=None, locals=None, *, closure=None)",
          "Execute the given source in the context of globals and locals.");
METHOD_AS(builtin_import, "__import__", 0, "($module, /, name, globals=None, locals=None, fromlist=(), level=0)", "Import a module.");
METHOD_RAW(builtin_build_class, "__build_class__", 0,
           "__build_class__(func, name, /, *bases, [metaclass], **kwds) -> class\n\nInternal helper function used by the class statement.");
METHOD_RAW(builtin_vars, "vars", 0,
           "vars([object]) -> dictionary\n\nWithout arguments, equivalent to locals().\nWith an argument, equivalent to object.__dict__.");
METHOD_RAW(builtin_dir, "dir", 0, "dir([object]) -> list of strings\n\nThe names in the current scope, or the attributes of an object.");

}  // namespace

const PyMethodDef* const kBuiltinCodeMethods[] = {&builtin_compile_method, &builtin_globals_method, &builtin_locals_method,
                                                  &builtin_eval_method, &builtin_exec_method, &builtin_import_method,
                                                  &builtin_build_class_method, &builtin_vars_method, &builtin_dir_method, nullptr};

}  // namespace ks
