// PyCode_Type: construction, comparison, watchers, extra slots.
#include "interpreter/code.h"

#include <Python.h>
#include <structmember.h>

#include <cmath>
#include <cstring>

#include "interpreter/code_methods.h"
#include "interpreter/executable.h"
#include "object/export.h"
#include "object/identifier.h"
#include "object/method.h"
#include "runtime/state.h"

namespace ks {
namespace {

constexpr int kFrameHeadWords = offsetof(_PyInterpreterFrame, localsplus) / sizeof(void*);

// ---- interning ---------------------------------------------------------------------------------------------------------

bool looks_like_name(PyObject* text) {
  if (!PyUnicode_IS_ASCII(text)) return false;
  const char* data = PyUnicode_AsUTF8(text);
  for (Py_ssize_t i = 0, length = PyUnicode_GET_LENGTH(text); i < length; ++i)
    if (!Py_ISALNUM(data[i]) && data[i] != '_') return false;
  return true;
}

void intern_slot(PyObject** slot) { PyUnicode_InternInPlace(slot); }

Status intern_names(PyObject* names) {
  for (Py_ssize_t i = 0, count = PyTuple_GET_SIZE(names); i < count; ++i) {
    PyObject* name = PyTuple_GET_ITEM(names, i);
    if (!PyUnicode_CheckExact(name))
      return raise(PyExc_SystemError, "non-string found in code slot");
    intern_slot(&reinterpret_cast<PyTupleObject*>(names)->ob_item[i]);
  }
  return Status::Ok;
}

// Strings that could be names, in constants and in the tuples and frozensets among them.
Status intern_constants(PyObject* constants, bool* modified) {
  for (Py_ssize_t i = 0, count = PyTuple_GET_SIZE(constants); i < count; ++i) {
    PyObject** slot = &reinterpret_cast<PyTupleObject*>(constants)->ob_item[i];
    PyObject* value = *slot;
    if (PyUnicode_CheckExact(value)) {
      if (!looks_like_name(value)) continue;
      intern_slot(slot);
      if (modified && *slot != value) *modified = true;
    } else if (PyTuple_CheckExact(value)) {
      TRY(intern_constants(value, nullptr));
    } else if (PyFrozenSet_CheckExact(value)) {
      Ref<> items = TRY(steal(PySequence_Tuple(value)));
      bool changed = false;
      TRY(intern_constants(items, &changed));
      if (changed) {
        PyObject* replacement = PyFrozenSet_New(items);
        if (!replacement) return failed;
        *slot = replacement;
        Py_DECREF(value);
        if (modified) *modified = true;
      }
    }
  }
  return Status::Ok;
}

// ---- watchers ----------------------------------------------------------------------------------------------------------

void notify(PyCodeEvent event, PyCodeObject* code) {
  CompilerState& state = interpreter()->compiler;
  for (unsigned bits = state.active_code_watchers; bits; bits &= bits - 1) {
    const int index = __builtin_ctz(bits);
    PyCode_WatchCallback callback = state.code_watchers[index];
    if (callback && callback(event, code) < 0)
      PyErr_FormatUnraisable("Exception ignored in %s watcher callback for %R",
                             event == PY_CODE_EVENT_CREATE ? "create" : "destroy", reinterpret_cast<PyObject*>(code));
  }
}

struct CodeExtra {
  Py_ssize_t size;
  void* slots[1];
};

void code_dealloc(PyObject* self) {
  auto* code = as<PyCodeObject>(self);
  CompilerState& state = interpreter()->compiler;
  if (state.active_code_watchers) {
    // The watchers get a living object and keep the exception that is on its way.
    PyObject* pending = PyErr_GetRaisedException();
    Py_SET_REFCNT(self, 1);
    notify(PY_CODE_EVENT_DESTROY, code);
    Py_SET_REFCNT(self, Py_REFCNT(self) - 1);
    PyErr_SetRaisedException(pending);
    if (Py_REFCNT(self) > 0) return;
  }
  if (auto* extra = static_cast<CodeExtra*>(code->co_extra)) {
    for (Py_ssize_t i = 0; i < extra->size; ++i)
      if (freefunc function = state.code_extra_free[i]; function && extra->slots[i]) function(extra->slots[i]);
    PyMem_Free(extra);
  }
  if (code->co_executors) executable_free(code);
  if (code->co_weakreflist) PyObject_ClearWeakRefs(self);
  for (PyObject* owned : {code->co_consts, code->co_names, code->co_localsplusnames, code->co_localspluskinds,
                          code->co_filename, code->co_name, code->co_qualname, code->co_linetable,
                          code->co_exceptiontable})
    Py_XDECREF(owned);
  if (_PyCoCached* cached = code->_co_cached) {
    for (PyObject* owned : {cached->_co_code, cached->_co_varnames, cached->_co_cellvars, cached->_co_freevars})
      Py_XDECREF(owned);
    PyMem_Free(cached);
  }
  PyObject_Free(self);
}

PyObject* code_repr(PyObject* self) {
  auto* code = as<PyCodeObject>(self);
  const int line = code->co_firstlineno ? code->co_firstlineno : -1;
  if (code->co_filename && PyUnicode_Check(code->co_filename))
    return PyUnicode_FromFormat("<code object %U at %p, file \"%U\", line %d>", code->co_name, self, code->co_filename, line);
  return PyUnicode_FromFormat("<code object %U at %p, file ???, line %d>", code->co_name, self, line);
}

// Instructions as they are compared: all of ours are unspecialised, so their bytes are enough.
bool same_bytes(const PyCodeObject* a, const PyCodeObject* b) {
  return std::memcmp(a->co_code_adaptive, b->co_code_adaptive, static_cast<size_t>(Py_SIZE(a)) * 2) == 0;
}

PyObject* code_richcompare(PyObject* self, PyObject* other, int operation) {
  if ((operation != Py_EQ && operation != Py_NE) || !PyCode_Check(self) || !PyCode_Check(other)) Py_RETURN_NOTIMPLEMENTED;
  auto* a = as<PyCodeObject>(self);
  auto* b = as<PyCodeObject>(other);
  auto equal = [&]() -> Found {
    if (a == b) return Found::Yes;
    if (!TRY(found(PyObject_RichCompareBool(a->co_name, b->co_name, Py_EQ)))) return Found::No;
    if (a->co_argcount != b->co_argcount || a->co_posonlyargcount != b->co_posonlyargcount ||
        a->co_kwonlyargcount != b->co_kwonlyargcount || a->co_flags != b->co_flags ||
        a->co_firstlineno != b->co_firstlineno || Py_SIZE(a) != Py_SIZE(b) || !same_bytes(a, b))
      return Found::No;
    // Constants by type and value: 1, 1.0 and True differ.
    Ref<> constants = TRY(steal(_PyCode_ConstantKey(a->co_consts)));
    Ref<> others = TRY(steal(_PyCode_ConstantKey(b->co_consts)));
    if (!TRY(found(PyObject_RichCompareBool(constants, others, Py_EQ)))) return Found::No;
    for (auto member : {&PyCodeObject::co_names, &PyCodeObject::co_localsplusnames, &PyCodeObject::co_linetable,
                        &PyCodeObject::co_exceptiontable})
      if (!TRY(found(PyObject_RichCompareBool(a->*member, b->*member, Py_EQ)))) return Found::No;
    return Found::Yes;
  };
  const Found result = equal();
  if (result == Found::Error) return nullptr;
  return PyBool_FromLong((result == Found::Yes) == (operation == Py_EQ));
}

Py_hash_t code_hash(PyObject* self) {
  auto* code = as<PyCodeObject>(self);
  Py_uhash_t hash = 20221211;
  auto mix = [&hash](Py_uhash_t part) { hash = (hash ^ part) * 1000003u; };
  for (PyObject* part : {code->co_name, code->co_consts, code->co_names, code->co_localsplusnames, code->co_linetable,
                         code->co_exceptiontable}) {
    const Py_hash_t one = PyObject_Hash(part);
    if (one == -1) return -1;
    mix(static_cast<Py_uhash_t>(one));
  }
  for (int part : {code->co_argcount, code->co_posonlyargcount, code->co_kwonlyargcount, code->co_flags,
                   code->co_firstlineno, static_cast<int>(Py_SIZE(code))})
    mix(static_cast<Py_uhash_t>(part));
  const unsigned char* bytes = reinterpret_cast<const unsigned char*>(code->co_code_adaptive);
  for (Py_ssize_t i = 0; i < Py_SIZE(code) * 2; i += 2) mix(bytes[i] | static_cast<Py_uhash_t>(bytes[i + 1]) << 8);
  return hash == static_cast<Py_uhash_t>(-1) ? -2 : static_cast<Py_hash_t>(hash);
}

// ---- varnames, cellvars, freevars --------------------------------------------------------------------------------------

Status check_names(PyObject* names) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); ++i) {
    PyObject* name = PyTuple_GET_ITEM(names, i);
    if (!PyUnicode_Check(name))
      return raise(PyExc_TypeError, "name tuples must contain only strings, not '%.500s'", Py_TYPE(name)->tp_name);
  }
  return Status::Ok;
}

// A tuple of exact str, interned.
Ref<> exact_names(PyObject* names) {
  TRY(check_names(names));
  Ref<> result = TRY(steal(PyTuple_New(PyTuple_GET_SIZE(names))));
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); ++i) {
    PyObject* name = TRY(PyUnicode_FromObject(PyTuple_GET_ITEM(names, i)));
    PyTuple_SET_ITEM(result.get(), i, name);
  }
  return result;
}

unsigned char argument_kind(int index, int argcount, int posonly, int kwonly, int flags) {
  if (index < posonly) return kFastArgPositional;
  if (index < argcount) return kFastArgPositional | kFastArgKeyword;
  index -= argcount;
  if (index < kwonly) return kFastArgKeyword;
  index -= kwonly;
  if (flags & CO_VARARGS) {
    if (index == 0) return kFastArgVariable | kFastArgPositional;
    --index;
  }
  if ((flags & CO_VARKEYWORDS) && index == 0) return kFastArgVariable | kFastArgKeyword;
  return 0;
}

PyCodeObject* code_from_public_parts(CodeParts parts, int nlocals, PyObject* varnames, PyObject* freevars,
                                     PyObject* cellvars) {
  if (!varnames || !freevars || !cellvars || !PyTuple_Check(varnames) || !PyTuple_Check(cellvars) || !PyTuple_Check(freevars) ||
      !parts.names || !PyTuple_Check(parts.names) || !parts.consts || !PyTuple_Check(parts.consts)) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  Ref<> locals = TRY(exact_names(varnames));
  Ref<> cells = TRY(exact_names(cellvars));
  Ref<> frees = TRY(exact_names(freevars));
  const Py_ssize_t local_count = PyTuple_GET_SIZE(locals.get());
  if (nlocals != local_count) return raise(PyExc_ValueError, "code: co_nlocals != len(co_varnames)");
  // A cell that is a local too has one place, the local's.
  Py_ssize_t own_cells = 0;
  auto is_local = [&](PyObject* cell) -> Py_ssize_t {
    for (Py_ssize_t i = 0; i < local_count; ++i)
      if (PyUnicode_Compare(PyTuple_GET_ITEM(locals.get(), i), cell) == 0) return i;
    return -1;
  };
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(cells.get()); ++i)
    if (is_local(PyTuple_GET_ITEM(cells.get(), i)) < 0) ++own_cells;
  const Py_ssize_t total = local_count + own_cells + PyTuple_GET_SIZE(frees.get());
  Ref<> names = TRY(steal(PyTuple_New(total)));
  Ref<> kinds = TRY(steal(PyBytes_FromStringAndSize(nullptr, total)));
  char* kind = PyBytes_AS_STRING(kinds.get());
  Py_ssize_t at = 0;
  for (; at < local_count; ++at) {
    PyTuple_SET_ITEM(names.get(), at, Py_NewRef(PyTuple_GET_ITEM(locals.get(), at)));
    kind[at] = static_cast<char>(kFastLocal | argument_kind(static_cast<int>(at), parts.argcount, parts.posonlyargcount,
                                                            parts.kwonlyargcount, parts.flags));
  }
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(cells.get()); ++i) {
    PyObject* cell = PyTuple_GET_ITEM(cells.get(), i);
    if (const Py_ssize_t local = is_local(cell); local >= 0) {
      kind[local] = static_cast<char>(kind[local] | kFastCell);
      continue;
    }
    PyTuple_SET_ITEM(names.get(), at, Py_NewRef(cell));
    kind[at++] = static_cast<char>(kFastCell);
  }
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(frees.get()); ++i) {
    PyTuple_SET_ITEM(names.get(), at, Py_NewRef(PyTuple_GET_ITEM(frees.get(), i)));
    kind[at++] = static_cast<char>(kFastFree);
  }
  parts.localsplusnames = names;
  parts.localspluskinds = kinds;
  return code_new(parts).release();
}

// ---- code(...) and replace -----------------------------------------------------------------------------------------------

Status check_not_negative(int value, const char* what) {
  if (value < 0) return raise(PyExc_ValueError, "code: %s must not be negative", what);
  return Status::Ok;
}

PyObject* code_type_new(PyTypeObject*, PyObject* args, PyObject* kwargs) {
  if (kwargs && PyDict_GET_SIZE(kwargs)) return raise(PyExc_TypeError, "code() takes no keyword arguments");
  const Py_ssize_t count = PyTuple_GET_SIZE(args);
  if (count < 16) return raise(PyExc_TypeError, "code expected at least 16 arguments, got %zd", count);
  if (count > 18) return raise(PyExc_TypeError, "code expected at most 18 arguments, got %zd", count);
  int numbers[6];
  PyObject* objects[18] = {};
  int firstlineno = 0;
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* value = objects[i] = PyTuple_GET_ITEM(args, i);
    const char* wanted = nullptr;
    if (i < 6 || i == 13) {
      const int number = PyLong_AsInt(value);
      if (number == -1 && PyErr_Occurred()) return nullptr;
      (i < 6 ? numbers[i] : firstlineno) = number;
    } else if (i == 6 || i == 14 || i == 15) {
      if (!PyBytes_Check(value)) wanted = "bytes";
    } else if (i >= 10 && i <= 12) {
      if (!PyUnicode_Check(value)) wanted = "str";
    } else if (!PyTuple_Check(value)) {
      wanted = "tuple";
    }
    if (wanted)
      return raise(PyExc_TypeError, "code() argument %zd must be %s, not %.50s", i + 1, wanted,
                   value == Py_None ? "None" : Py_TYPE(value)->tp_name);
  }
  if (PySys_Audit("code.__new__", "OOOiiiiii", objects[6], objects[10], objects[11], numbers[0], numbers[1], numbers[2],
                  numbers[3], numbers[4], numbers[5]) < 0)
    return nullptr;
  TRY(check_not_negative(numbers[0], "argcount"));
  TRY(check_not_negative(numbers[1], "posonlyargcount"));
  TRY(check_not_negative(numbers[2], "kwonlyargcount"));
  TRY(check_not_negative(numbers[3], "nlocals"));
  Ref<> names = TRY(exact_names(objects[8]));
  Ref<> varnames = TRY(exact_names(objects[9]));
  Ref<> empty = TRY(steal(PyTuple_New(0)));
  Ref<> freevars = objects[16] ? exact_names(objects[16]) : empty.share();
  if (!freevars) return nullptr;
  Ref<> cellvars = objects[17] ? exact_names(objects[17]) : empty.share();
  if (!cellvars) return nullptr;
  CodeParts parts{.filename = objects[10], .name = objects[11], .qualname = objects[12], .flags = numbers[5],
                  .code = objects[6], .firstlineno = firstlineno, .linetable = objects[14], .consts = objects[7],
                  .names = names, .argcount = numbers[0], .posonlyargcount = numbers[1], .kwonlyargcount = numbers[2],
                  .stacksize = numbers[4], .exceptiontable = objects[15]};
  return reinterpret_cast<PyObject*>(code_from_public_parts(parts, numbers[3], varnames, freevars, cellvars));
}

// The changes that replace() knows, in the order of its signature.
constexpr const char* kReplaceNames[] = {
    "co_argcount", "co_posonlyargcount", "co_kwonlyargcount", "co_nlocals", "co_stacksize", "co_flags",
    "co_firstlineno", "co_code", "co_consts", "co_names", "co_varnames", "co_freevars", "co_cellvars", "co_filename",
    "co_name", "co_qualname", "co_linetable", "co_exceptiontable"};
constexpr int kReplaceNumbers = 7;
constexpr int kReplaceCount = 18;

PyObject* code_replace(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  auto* code = as<PyCodeObject>(self);
  if (PyVectorcall_NARGS(nargs) != 0)
    return raise(PyExc_TypeError, "replace() takes no positional arguments");
  PyObject* changes[kReplaceCount] = {};
  for (Py_ssize_t i = 0, count = kwnames ? PyTuple_GET_SIZE(kwnames) : 0; i < count; ++i) {
    PyObject* name = PyTuple_GET_ITEM(kwnames, i);
    int at = 0;
    while (at < kReplaceCount && !PyUnicode_EqualToUTF8(name, kReplaceNames[at])) ++at;
    if (at == kReplaceCount) return raise(PyExc_TypeError, "replace() got an unexpected keyword argument '%S'", name);
    changes[at] = args[i];
  }
  Ref<> varnames = TRY(steal(PyCode_GetVarnames(code)));
  Ref<> cellvars = TRY(steal(PyCode_GetCellvars(code)));
  Ref<> freevars = TRY(steal(PyCode_GetFreevars(code)));
  Ref<> bytes = TRY(steal(PyCode_GetCode(code)));
  int numbers[kReplaceNumbers] = {code->co_argcount,  code->co_posonlyargcount, code->co_kwonlyargcount,
                                  code->co_nlocals,   code->co_stacksize,       code->co_flags,
                                  code->co_firstlineno};
  PyObject* objects[kReplaceCount] = {nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr,
                                      bytes.get(), code->co_consts, code->co_names, varnames.get(), freevars.get(), cellvars.get(),
                                      code->co_filename, code->co_name, code->co_qualname, code->co_linetable,
                                      code->co_exceptiontable};
  for (int i = 0; i < kReplaceCount; ++i) {
    PyObject* value = changes[i];
    if (!value) continue;
    if (i < kReplaceNumbers) {
      numbers[i] = PyLong_AsInt(value);
      if (numbers[i] == -1 && PyErr_Occurred()) return nullptr;
      continue;
    }
    const bool is_bytes = i == 7 || i >= 16;
    const bool is_text = i >= 13 && i <= 15;
    if (is_bytes ? !PyBytes_Check(value) : is_text ? !PyUnicode_Check(value) : !PyTuple_Check(value))
      return raise(PyExc_TypeError, "replace() argument '%s' must be %s, not %.50s", kReplaceNames[i],
                   is_bytes ? "bytes" : is_text ? "str" : "tuple", value == Py_None ? "None" : Py_TYPE(value)->tp_name);
    objects[i] = value;
  }
  for (int i = 0; i < 6; ++i)
    if (numbers[i] < 0) return raise(PyExc_ValueError, "%s must be a positive integer", kReplaceNames[i]);
  if (PySys_Audit("code.__new__", "OOOiiiiii", objects[7], objects[13], objects[14], numbers[0], numbers[1], numbers[2],
                  numbers[3], numbers[4], numbers[5]) < 0)
    return nullptr;
  CodeParts parts{.filename = objects[13], .name = objects[14], .qualname = objects[15], .flags = numbers[5],
                  .code = objects[7], .firstlineno = numbers[6], .linetable = objects[16], .consts = objects[8],
                  .names = objects[9], .argcount = numbers[0], .posonlyargcount = numbers[1], .kwonlyargcount = numbers[2],
                  .stacksize = numbers[4], .exceptiontable = objects[17]};
  return reinterpret_cast<PyObject*>(code_from_public_parts(parts, numbers[3], objects[10], objects[11], objects[12]));
}
METHOD_RAW(code_replace, "replace", 0,
           "replace($self, /, **changes)\n--\n\nA copy of the code object, with other values for the given attributes.");
static constexpr PyMethodDef code_dunder_replace_method = {
    "__replace__", code_replace_method.ml_meth, METH_FASTCALL | METH_KEYWORDS,
    "__replace__($self, /, **changes)\n--\n\nThe same as replace()."};

Ref<> code_varname_from_oparg(PyCodeObject* code, int oparg) {
  if (oparg < 0 || oparg >= PyTuple_GET_SIZE(code->co_localsplusnames))
    return raise(PyExc_IndexError, "tuple index out of range");
  return borrow(local_name(code, oparg));
}
METHOD_AS(code_varname_from_oparg, "_varname_from_oparg", 0, "($self, /, oparg)",
          "Name of the local variable that the operand of an instruction means. For internal use.");

Py_ssize_t code_sizeof(PyCodeObject* code) {
  Py_ssize_t size = static_cast<Py_ssize_t>(offsetof(PyCodeObject, co_code_adaptive)) + Py_SIZE(code) * 2;
  if (auto* extra = static_cast<CodeExtra*>(code->co_extra))
    size += static_cast<Py_ssize_t>(sizeof(CodeExtra)) + (extra->size - 1) * static_cast<Py_ssize_t>(sizeof(void*));
  return size;
}
METHOD_AS(code_sizeof, "__sizeof__", 0, "($self, /)", "");

// ---- attributes --------------------------------------------------------------------------------------------------------

PyMemberDef code_members[] = {
    {"co_argcount", Py_T_INT, offsetof(PyCodeObject, co_argcount), Py_READONLY, nullptr},
    {"co_posonlyargcount", Py_T_INT, offsetof(PyCodeObject, co_posonlyargcount), Py_READONLY, nullptr},
    {"co_kwonlyargcount", Py_T_INT, offsetof(PyCodeObject, co_kwonlyargcount), Py_READONLY, nullptr},
    {"co_stacksize", Py_T_INT, offsetof(PyCodeObject, co_stacksize), Py_READONLY, nullptr},
    {"co_flags", Py_T_INT, offsetof(PyCodeObject, co_flags), Py_READONLY, nullptr},
    {"co_names", _Py_T_OBJECT, offsetof(PyCodeObject, co_names), Py_READONLY, nullptr},
    {"co_filename", _Py_T_OBJECT, offsetof(PyCodeObject, co_filename), Py_READONLY, nullptr},
    {"co_name", _Py_T_OBJECT, offsetof(PyCodeObject, co_name), Py_READONLY, nullptr},
    {"co_qualname", _Py_T_OBJECT, offsetof(PyCodeObject, co_qualname), Py_READONLY, nullptr},
    {"co_firstlineno", Py_T_INT, offsetof(PyCodeObject, co_firstlineno), Py_READONLY, nullptr},
    {"co_linetable", _Py_T_OBJECT, offsetof(PyCodeObject, co_linetable), Py_READONLY, nullptr},
    {"co_exceptiontable", _Py_T_OBJECT, offsetof(PyCodeObject, co_exceptiontable), Py_READONLY, nullptr},
    {"co_nlocals", Py_T_INT, offsetof(PyCodeObject, co_nlocals), Py_READONLY, nullptr},
    {"co_consts", _Py_T_OBJECT, offsetof(PyCodeObject, co_consts), Py_READONLY, nullptr},
    {}};

template <PyObject* (*get)(PyCodeObject*)>
PyObject* getter(PyObject* self, void*) {
  return get(as<PyCodeObject>(self));
}
PyObject* code_lnotab(PyObject* self, void*) {
  if (PyErr_WarnEx(PyExc_DeprecationWarning, "co_lnotab is deprecated, use co_lines instead.", 1) < 0) return nullptr;
  return code_old_line_table(as<PyCodeObject>(self)).release();
}
PyGetSetDef code_getset[] = {{"co_lnotab", code_lnotab, nullptr, nullptr, nullptr},
                             {"_co_code_adaptive", getter<adaptive_code>, nullptr, nullptr, nullptr},
                             {"co_varnames", getter<PyCode_GetVarnames>, nullptr, nullptr, nullptr},
                             {"co_cellvars", getter<PyCode_GetCellvars>, nullptr, nullptr, nullptr},
                             {"co_freevars", getter<PyCode_GetFreevars>, nullptr, nullptr, nullptr},
                             {"co_code", getter<PyCode_GetCode>, nullptr, nullptr, nullptr},
                             {}};

Ref<> code_co_lines(PyObject* self) { return code_lines_iterator(as<PyCodeObject>(self)); }
METHOD_AS(code_co_lines, "co_lines", 0, "($self, /)", "");
Ref<> code_co_positions(PyObject* self) { return code_positions_iterator(as<PyCodeObject>(self)); }
METHOD_AS(code_co_positions, "co_positions", 0, "($self, /)", "");
Ref<> code_co_branches(PyObject* self) { return code_branches_iterator(as<PyCodeObject>(self)); }
METHOD_AS(code_co_branches, "co_branches", 0, "($self, /)", "");

PyMethodDef code_methods[] = {code_sizeof_method, code_co_lines_method, code_co_branches_method, code_co_positions_method,
                              code_replace_method, code_dunder_replace_method, code_varname_from_oparg_method, {}};

// The names whose kind has `bit`, kept in *slot.
PyObject* names_of_kind(PyCodeObject* code, unsigned char bit, PyObject* _PyCoCached::* slot) {
  if (!code->_co_cached) {
    code->_co_cached = static_cast<_PyCoCached*>(PyMem_Calloc(1, sizeof(_PyCoCached)));
    if (!code->_co_cached) return PyErr_NoMemory();
  }
  if (PyObject* known = code->_co_cached->*slot) return Py_NewRef(known);
  Py_ssize_t count = 0;
  for (int i = 0; i < code->co_nlocalsplus; ++i) count += (local_kind(code, i) & bit) != 0;
  PyObject* names = PyTuple_New(count);
  if (!names) return nullptr;
  Py_ssize_t at = 0;
  for (int i = 0; i < code->co_nlocalsplus; ++i)
    if (local_kind(code, i) & bit) PyTuple_SET_ITEM(names, at++, Py_NewRef(local_name(code, i)));
  code->_co_cached->*slot = Py_NewRef(names);
  return names;
}

}  // namespace

static Ref<PyCodeObject> make_code(const CodeParts& parts) {
  auto bad = [] {
    PyErr_BadInternalCall();
    return Ref<PyCodeObject>();
  };
  if (parts.argcount < parts.posonlyargcount || parts.posonlyargcount < 0 || parts.kwonlyargcount < 0 ||
      parts.stacksize < 0 || parts.flags < 0 || !parts.code || !PyBytes_Check(parts.code) || !parts.consts ||
      !PyTuple_Check(parts.consts) || !parts.names || !PyTuple_Check(parts.names) || !parts.localsplusnames ||
      !PyTuple_Check(parts.localsplusnames) || !parts.localspluskinds || !PyBytes_Check(parts.localspluskinds) ||
      PyTuple_GET_SIZE(parts.localsplusnames) != PyBytes_GET_SIZE(parts.localspluskinds) || !parts.name ||
      !PyUnicode_Check(parts.name) || !parts.qualname || !PyUnicode_Check(parts.qualname) || !parts.filename ||
      !PyUnicode_Check(parts.filename) || !parts.linetable || !PyBytes_Check(parts.linetable) ||
      !parts.exceptiontable || !PyBytes_Check(parts.exceptiontable))
    return bad();
  const Py_ssize_t size = PyBytes_GET_SIZE(parts.code);
  if (size % 2 != 0) return raise(PyExc_ValueError, "code: co_code is malformed");
  if (size > INT_MAX) return bad();
  int locals = 0, cells = 0, frees = 0;
  const Py_ssize_t total = PyTuple_GET_SIZE(parts.localsplusnames);
  for (Py_ssize_t i = 0; i < total; ++i) {
    const auto kind = static_cast<unsigned char>(PyBytes_AS_STRING(parts.localspluskinds)[i]);
    if (kind & kFastLocal) {
      ++locals;
      if (kind & kFastCell) ++cells;
    } else if (kind & kFastCell) {
      ++cells;
    } else if (kind & kFastFree) {
      ++frees;
    }
  }
  const Py_ssize_t arguments = static_cast<Py_ssize_t>(parts.argcount) + parts.kwonlyargcount +
                               ((parts.flags & CO_VARARGS) != 0) + ((parts.flags & CO_VARKEYWORDS) != 0);
  if (arguments > locals) return raise(PyExc_ValueError, "code: co_varnames is too small");
  TRY(intern_names(parts.names));
  TRY(intern_names(parts.localsplusnames));
  TRY(intern_constants(parts.consts, nullptr));

  Ref<PyCodeObject> code = TRY(steal(PyObject_NewVar(PyCodeObject, &PyCode_Type, size / 2)));
  std::memset(reinterpret_cast<char*>(code.get()) + sizeof(PyVarObject), 0,
              offsetof(PyCodeObject, co_code_adaptive) - sizeof(PyVarObject));
  code->co_filename = Py_NewRef(parts.filename);
  code->co_name = Py_NewRef(parts.name);
  code->co_qualname = Py_NewRef(parts.qualname);
  intern_slot(&code->co_name);
  intern_slot(&code->co_qualname);
  code->co_flags = parts.flags;
  code->co_firstlineno = parts.firstlineno;
  code->co_linetable = Py_NewRef(parts.linetable);
  code->co_consts = Py_NewRef(parts.consts);
  code->co_names = Py_NewRef(parts.names);
  code->co_localsplusnames = Py_NewRef(parts.localsplusnames);
  code->co_localspluskinds = Py_NewRef(parts.localspluskinds);
  code->co_argcount = parts.argcount;
  code->co_posonlyargcount = parts.posonlyargcount;
  code->co_kwonlyargcount = parts.kwonlyargcount;
  code->co_stacksize = parts.stacksize;
  code->co_exceptiontable = Py_NewRef(parts.exceptiontable);
  code->co_nlocalsplus = static_cast<int>(total);
  code->co_nlocals = locals;
  code->co_framesize = static_cast<int>(total) + parts.stacksize + kFrameHeadWords;
  code->co_ncellvars = cells;
  code->co_nfreevars = frees;
  code->_co_unique_id = -1;
  std::memcpy(code->co_code_adaptive, PyBytes_AS_STRING(parts.code), static_cast<size_t>(size));
  const int units = static_cast<int>(size / 2);
  constexpr unsigned char kResume = 128;
  while (code->_co_firsttraceable < units &&
         static_cast<unsigned char>(code->co_code_adaptive[code->_co_firsttraceable * 2]) != kResume)
    ++code->_co_firsttraceable;
  if (interpreter()->compiler.active_code_watchers) notify(PY_CODE_EVENT_CREATE, code);
  return code;
}

Ref<PyCodeObject> code_new(const CodeParts& parts) {
  // -X no_debug_ranges: columns are not kept.
  if (interpreter()->core.config.code_debug_ranges || !parts.linetable || !PyBytes_Check(parts.linetable)) return make_code(parts);
  Ref<> lines = TRY(line_table_without_columns(parts.linetable));
  CodeParts without = parts;
  without.linetable = lines;
  return make_code(without);
}

}  // namespace ks

using namespace ks;

// New reference; nullptr with an exception.
PyCodeObject* PyUnstable_Code_NewWithPosOnlyArgs(int argcount, int posonlyargcount, int kwonlyargcount, int nlocals,
                                                 int stacksize, int flags, PyObject* code, PyObject* consts, PyObject* names,
                                                 PyObject* varnames, PyObject* freevars, PyObject* cellvars,
                                                 PyObject* filename, PyObject* name, PyObject* qualname, int firstlineno,
                                                 PyObject* linetable, PyObject* exceptiontable) {
  CodeParts parts{.filename = filename, .name = name, .qualname = qualname, .flags = flags, .code = code,
                  .firstlineno = firstlineno, .linetable = linetable, .consts = consts, .names = names,
                  .argcount = argcount, .posonlyargcount = posonlyargcount, .kwonlyargcount = kwonlyargcount,
                  .stacksize = stacksize, .exceptiontable = exceptiontable};
  return code_from_public_parts(parts, nlocals, varnames, freevars, cellvars);
}
// New reference; nullptr with an exception.
PyCodeObject* PyUnstable_Code_New(int argcount, int kwonlyargcount, int nlocals, int stacksize, int flags, PyObject* code,
                                  PyObject* consts, PyObject* names, PyObject* varnames, PyObject* freevars,
                                  PyObject* cellvars, PyObject* filename, PyObject* name, PyObject* qualname,
                                  int firstlineno, PyObject* linetable, PyObject* exceptiontable) {
  return PyUnstable_Code_NewWithPosOnlyArgs(argcount, 0, kwonlyargcount, nlocals, stacksize, flags, code, consts, names,
                                            varnames, freevars, cellvars, filename, name, qualname, firstlineno, linetable,
                                            exceptiontable);
}
// A code object that raises AssertionError when it runs, for tracebacks of foreign code. New reference.
PyCodeObject* PyCode_NewEmpty(const char* filename, const char* funcname, int firstlineno) {
  // RESUME 0; LOAD_COMMON_CONSTANT AssertionError; RAISE_VARARGS 1, all on the first line.
  static constexpr unsigned char kInstructions[6] = {128, 0, 81, 0, 104, 1};
  static constexpr unsigned char kLocations[2] = {0x80 | 13 << 3 | 2, 0};
  Ref<> file = TRY(steal(PyUnicode_DecodeFSDefault(filename)));
  Ref<> name = TRY(steal(PyUnicode_FromString(funcname)));
  Ref<> instructions = TRY(steal(PyBytes_FromStringAndSize(reinterpret_cast<const char*>(kInstructions), 6)));
  Ref<> locations = TRY(steal(PyBytes_FromStringAndSize(reinterpret_cast<const char*>(kLocations), 2)));
  Ref<> nothing = TRY(steal(PyTuple_New(0)));
  Ref<> no_bytes = TRY(steal(PyBytes_FromStringAndSize(nullptr, 0)));
  return code_new({.filename = file, .name = name, .qualname = name, .code = instructions, .firstlineno = firstlineno,
                   .linetable = locations, .consts = nothing, .names = nothing, .localsplusnames = nothing,
                   .localspluskinds = no_bytes, .stacksize = 1, .exceptiontable = no_bytes})
      .release();
}

// New reference to bytes.
PyObject* PyCode_GetCode(PyCodeObject* code) {
  if (code->_co_cached && code->_co_cached->_co_code) return Py_NewRef(code->_co_cached->_co_code);
  PyObject* bytes = PyBytes_FromStringAndSize(code->co_code_adaptive, Py_SIZE(code) * 2);
  if (!bytes) return nullptr;
  if (!code->_co_cached) code->_co_cached = static_cast<_PyCoCached*>(PyMem_Calloc(1, sizeof(_PyCoCached)));
  if (code->_co_cached) code->_co_cached->_co_code = Py_NewRef(bytes);
  return bytes;
}
// New references to tuples of names.
PyObject* PyCode_GetVarnames(PyCodeObject* code) { return names_of_kind(code, kFastLocal, &_PyCoCached::_co_varnames); }
PyObject* PyCode_GetCellvars(PyCodeObject* code) { return names_of_kind(code, kFastCell, &_PyCoCached::_co_cellvars); }
PyObject* PyCode_GetFreevars(PyCodeObject* code) { return names_of_kind(code, kFastFree, &_PyCoCached::_co_freevars); }

// The compiler optimises; this gives its argument back. New reference.
PyObject* PyCode_Optimize(PyObject* code, PyObject*, PyObject*, PyObject*) { return Py_NewRef(code); }

// 0, or -1 with an exception; *extra is nullptr when nothing was set.
int PyUnstable_Code_GetExtra(PyObject* object, Py_ssize_t index, void** extra) {
  if (!PyCode_Check(object)) {
    PyErr_BadInternalCall();
    return -1;
  }
  auto* slots = static_cast<CodeExtra*>(as<PyCodeObject>(object)->co_extra);
  *extra = slots && index >= 0 && index < slots->size ? slots->slots[index] : nullptr;
  return 0;
}
// 0, or -1 with an exception; frees what was there.
int PyUnstable_Code_SetExtra(PyObject* object, Py_ssize_t index, void* value) {
  CompilerState& state = interpreter()->compiler;
  if (!PyCode_Check(object) || index < 0 || index >= state.code_extra_count) {
    PyErr_BadInternalCall();
    return -1;
  }
  auto* code = as<PyCodeObject>(object);
  auto* slots = static_cast<CodeExtra*>(code->co_extra);
  if (!slots || slots->size <= index) {
    const Py_ssize_t old_size = slots ? slots->size : 0;
    const Py_ssize_t size = state.code_extra_count;
    slots = static_cast<CodeExtra*>(
        PyMem_Realloc(slots, sizeof(CodeExtra) + static_cast<size_t>(size - 1) * sizeof(void*)));
    if (!slots) {
      PyErr_NoMemory();
      return -1;
    }
    for (Py_ssize_t i = old_size; i < size; ++i) slots->slots[i] = nullptr;
    slots->size = size;
    code->co_extra = slots;
  }
  void* old = slots->slots[index];
  if (freefunc function = state.code_extra_free[index]; function && old) function(old);
  slots->slots[index] = value;
  return 0;
}
// The index of a new slot in every code object; -1 without exception when there are no more.
Py_ssize_t PyUnstable_Eval_RequestCodeExtraIndex(freefunc free) {
  CompilerState& state = interpreter()->compiler;
  if (state.code_extra_count >= kMaxCodeExtra - 1) return -1;
  state.code_extra_free[state.code_extra_count] = free;
  return state.code_extra_count++;
}

// The watcher's number; -1 with RuntimeError when all are taken.
int PyCode_AddWatcher(PyCode_WatchCallback callback) {
  CompilerState& state = interpreter()->compiler;
  for (int i = 0; i < kMaxCodeWatchers; ++i) {
    if (state.code_watchers[i]) continue;
    state.code_watchers[i] = callback;
    state.active_code_watchers |= static_cast<unsigned char>(1u << i);
    return i;
  }
  return raise(PyExc_RuntimeError, "no more code watcher IDs available");
}
// 0, or -1 with ValueError.
int PyCode_ClearWatcher(int watcher_id) {
  CompilerState& state = interpreter()->compiler;
  if (watcher_id < 0 || watcher_id >= kMaxCodeWatchers)
    return raise(PyExc_ValueError, "Invalid code watcher ID %d", watcher_id);
  if (!state.code_watchers[watcher_id])
    return raise(PyExc_ValueError, "No code watcher set for ID %d", watcher_id);
  state.code_watchers[watcher_id] = nullptr;
  state.active_code_watchers &= static_cast<unsigned char>(~(1u << watcher_id));
  return 0;
}

namespace {
// (type, value...) of the items of a tuple; for a frozenset the same as a frozenset.
PyObject* container_key(PyObject* object, bool as_set) {
  Ref<> items = PyTuple_Check(object) ? borrow(object) : steal(PySequence_Tuple(object));
  if (!items) return nullptr;
  const Py_ssize_t size = PyTuple_GET_SIZE(items.get());
  Ref<> keys = TRY(steal(PyTuple_New(size)));
  for (Py_ssize_t i = 0; i < size; ++i) {
    PyObject* key = _PyCode_ConstantKey(PyTuple_GET_ITEM(items.get(), i));
    if (!key) return nullptr;
    PyTuple_SET_ITEM(keys.get(), i, key);
  }
  if (as_set) {
    Ref<> set = TRY(steal(PyFrozenSet_New(keys)));
    return PyTuple_Pack(2, set.get(), object);
  }
  return PyTuple_Pack(2, keys.get(), object);
}
bool is_negative_zero(double value) { return value == 0.0 && std::signbit(value); }
}  // namespace

// A new object that is equal for two constants exactly when the compiler may keep one in place of the other.
PyObject* _PyCode_ConstantKey(PyObject* object) {
  PyObject* type = reinterpret_cast<PyObject*>(Py_TYPE(object));
  if (object == Py_None || object == Py_Ellipsis || PyLong_CheckExact(object) || PyUnicode_CheckExact(object) ||
      PyCode_Check(object))
    return Py_NewRef(object);  // comparable with none of the tuples below
  if (PyBool_Check(object) || PyBytes_CheckExact(object)) return PyTuple_Pack(2, type, object);
  if (PyFloat_CheckExact(object)) {
    if (is_negative_zero(PyFloat_AS_DOUBLE(object))) return PyTuple_Pack(3, type, object, Py_None);
    return PyTuple_Pack(2, type, object);
  }
  if (PyComplex_CheckExact(object)) {
    const Py_complex value = PyComplex_AsCComplex(object);
    const bool real = is_negative_zero(value.real), imaginary = is_negative_zero(value.imag);
    if (real && imaginary) return PyTuple_Pack(3, type, object, Py_True);
    if (imaginary) return PyTuple_Pack(3, type, object, Py_False);
    if (real) return PyTuple_Pack(3, type, object, Py_None);
    return PyTuple_Pack(2, type, object);
  }
  if (PyTuple_CheckExact(object)) return container_key(object, false);
  if (PyFrozenSet_CheckExact(object)) return container_key(object, true);
  if (PySlice_Check(object)) {
    auto* slice = as<PySliceObject>(object);
    Ref<> parts = TRY(steal(PyTuple_Pack(3, slice->start, slice->stop, slice->step)));
    Ref<> key = TRY(steal(_PyCode_ConstantKey(parts)));
    // As all keys of containers: what tells it apart, then the object itself.
    Ref<> distinction = TRY(steal(PyTuple_Pack(2, type, key.get())));
    return PyTuple_Pack(2, distinction.get(), object);
  }
  // Anything else is the same only as itself.
  Ref<> identity = TRY(steal(PyLong_FromVoidPtr(object)));
  return PyTuple_Pack(2, identity.get(), object);
}

PyTypeObject PyCode_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0).tp_name = "code",
    .tp_basicsize = offsetof(PyCodeObject, co_code_adaptive),
    .tp_itemsize = 2,
    .tp_dealloc = code_dealloc,
    .tp_repr = code_repr,
    .tp_hash = code_hash,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "code(argcount, posonlyargcount, kwonlyargcount, nlocals, stacksize,\n     flags, codestring, constants, names, varnames, filename, name,\n"
              "     qualname, firstlineno, linetable, exceptiontable, freevars=(),\n     cellvars=(), /)\n--\n\nCreate a code object.  Not for the faint of heart.",
    .tp_richcompare = code_richcompare,
    .tp_weaklistoffset = offsetof(PyCodeObject, co_weakreflist),
    .tp_methods = code_methods,
    .tp_members = code_members,
    .tp_getset = code_getset,
    .tp_new = code_type_new,
};
