// builtins: functions about one object or two.
#include <cstring>

#include "object/type.h"
#include "modules/builtins/builtins.h"
#include "object/export.h"

namespace ks {

PyObject* anext_awaitable_new(PyObject* awaitable, PyObject* fallback);  // types/sequence_iterators.cpp

namespace {

Failed no_keywords(const char* name) { return raise(PyExc_TypeError, "%s() takes no keyword arguments", name); }
bool has_keywords(PyObject* kwnames) { return kwnames && PyTuple_GET_SIZE(kwnames) > 0; }
bool count_is_good(const char* name, Py_ssize_t count, Py_ssize_t least, Py_ssize_t most) {
  if (count >= least && count <= most) return true;
  const Py_ssize_t wanted = count < least ? least : most;
  PyErr_Format(PyExc_TypeError, "%s expected %s%zd argument%s, got %zd", name, least == most ? "" : count < least ? "at least " : "at most ",
               wanted, wanted == 1 ? "" : "s", count);
  return false;
}

PyObject* builtin_abs(PyObject*, PyObject* x) { return PyNumber_Absolute(x); }
PyObject* builtin_ascii(PyObject*, PyObject* o) { return PyObject_ASCII(o); }
PyObject* builtin_bin(PyObject*, PyObject* number) { return PyNumber_ToBase(number, 2); }
PyObject* builtin_oct(PyObject*, PyObject* number) { return PyNumber_ToBase(number, 8); }
PyObject* builtin_hex(PyObject*, PyObject* number) { return PyNumber_ToBase(number, 16); }
bool builtin_callable(PyObject*, PyObject* o) { return PyCallable_Check(o); }
PyObject* builtin_chr(PyObject*, PyObject* number) {
  int overflow;
  const long value = PyLong_AsLongAndOverflow(number, &overflow);
  if (value == -1 && PyErr_Occurred()) return nullptr;
  if (overflow || value < 0 || value > 0x10ffff) return raise(PyExc_ValueError, "chr() arg not in range(0x110000)");
  return PyUnicode_FromOrdinal(static_cast<int>(value));
}
PyObject* builtin_ord(PyObject*, PyObject* c) {
  Py_ssize_t size;
  if (PyBytes_Check(c)) {
    size = PyBytes_GET_SIZE(c);
    if (size == 1) return PyLong_FromLong(static_cast<unsigned char>(*PyBytes_AS_STRING(c)));
  } else if (PyUnicode_Check(c)) {
    size = PyUnicode_GET_LENGTH(c);
    if (size == 1) return PyLong_FromLong(static_cast<long>(PyUnicode_READ_CHAR(c, 0)));
  } else if (PyByteArray_Check(c)) {
    size = PyByteArray_GET_SIZE(c);
    if (size == 1) return PyLong_FromLong(static_cast<unsigned char>(*PyByteArray_AS_STRING(c)));
  } else {
    return raise(PyExc_TypeError, "ord() expected string of length 1, but %.200s found", Py_TYPE(c)->tp_name);
  }
  return raise(PyExc_TypeError, "ord() expected a character, but string of length %zd found", size);
}
PyObject* builtin_divmod(PyObject*, PyObject* x, PyObject* y) { return PyNumber_Divmod(x, y); }
PyObject* builtin_format(PyObject*, PyObject* value, PyObject* spec) {
  if (spec && !PyUnicode_Check(spec)) return raise(PyExc_TypeError, "format() argument 2 must be str, not %.50s", Py_TYPE(spec)->tp_name);
  return PyObject_Format(value, spec);
}
Py_ssize_t builtin_hash(PyObject*, PyObject* o) { return PyObject_Hash(o); }
PyObject* builtin_id(PyObject*, PyObject* o) {
  Ref<> id = steal(PyLong_FromVoidPtr(o));
  if (id && PySys_Audit("builtins.id", "O", id.get()) < 0) return nullptr;
  return id.release();
}
Found builtin_isinstance(PyObject*, PyObject* o, PyObject* cls) { return found(PyObject_IsInstance(o, cls)); }
Found builtin_issubclass(PyObject*, PyObject* derived, PyObject* cls) { return found(PyObject_IsSubclass(derived, cls)); }
PyObject* builtin_len(PyObject*, PyObject* o) {
  const Py_ssize_t size = PyObject_Size(o);
  return size < 0 ? nullptr : PyLong_FromSsize_t(size);
}
PyObject* builtin_repr(PyObject*, PyObject* o) { return PyObject_Repr(o); }
PyObject* builtin_pow(PyObject*, PyObject* base, PyObject* exponent, PyObject* modulus) {
  return PyNumber_Power(base, exponent, modulus ? modulus : Py_None);
}

PyObject* builtin_round(PyObject*, PyObject* number, PyObject* digits) {
  // The method is looked up in the type, as all special methods are.
  Ref<> bound = lookup_special(number, "__round__"_id);
  if (!bound) {
    if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_AttributeError)) return nullptr;
    return raise(PyExc_TypeError, "type %.100s doesn't define __round__ method", Py_TYPE(number)->tp_name);
  }
  return !digits || digits == Py_None ? PyObject_CallNoArgs(bound) : PyObject_CallOneArg(bound, digits);
}

// ---- iteration ---------------------------------------------------------------------------------------------------------------

PyObject* builtin_iter(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  if (has_keywords(kwnames)) return no_keywords("iter");
  if (!count_is_good("iter", nargs, 1, 2)) return nullptr;
  if (nargs == 1) return PyObject_GetIter(args[0]);
  if (!PyCallable_Check(args[0])) return raise(PyExc_TypeError, "iter(v, w): v must be callable");
  return PyCallIter_New(args[0], args[1]);
}
PyObject* builtin_next(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  if (has_keywords(kwnames)) return no_keywords("next");
  if (!count_is_good("next", nargs, 1, 2)) return nullptr;
  PyObject* iterator = args[0];
  if (!PyIter_Check(iterator)) return raise(PyExc_TypeError, "'%.200s' object is not an iterator", Py_TYPE(iterator)->tp_name);
  if (PyObject* item = Py_TYPE(iterator)->tp_iternext(iterator)) return item;
  if (nargs == 2) {
    if (PyErr_Occurred()) {
      if (!PyErr_ExceptionMatches(PyExc_StopIteration)) return nullptr;
      PyErr_Clear();
    }
    return Py_NewRef(args[1]);
  }
  if (!PyErr_Occurred()) PyErr_SetNone(PyExc_StopIteration);
  return nullptr;
}
PyObject* builtin_aiter(PyObject*, PyObject* iterable) { return PyObject_GetAIter(iterable); }
PyObject* builtin_anext(PyObject*, PyObject* iterator, PyObject* default_value) {
  PyTypeObject* type = Py_TYPE(iterator);
  if (!type->tp_as_async || !type->tp_as_async->am_anext)
    return raise(PyExc_TypeError, "'%.200s' object is not an async iterator", type->tp_name);
  Ref<> awaitable = steal(type->tp_as_async->am_anext(iterator));
  if (!default_value || !awaitable) return awaitable.release();
  return anext_awaitable_new(awaitable, default_value);
}

// ---- attributes ---------------------------------------------------------------------------------------------------------------

PyObject* builtin_getattr(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  if (has_keywords(kwnames)) return no_keywords("getattr");
  if (!count_is_good("getattr", nargs, 2, 3)) return nullptr;
  if (nargs == 2) return PyObject_GetAttr(args[0], args[1]);
  PyObject* value;
  if (PyObject_GetOptionalAttr(args[0], args[1], &value) == 0) return Py_NewRef(args[2]);
  return value;
}
Found builtin_hasattr(PyObject*, PyObject* o, PyObject* name) {
  Ref<> value;
  return found(PyObject_GetOptionalAttr(o, name, value.out()));
}
Status builtin_setattr(PyObject*, PyObject* o, PyObject* name, PyObject* value) { return status(PyObject_SetAttr(o, name, value)); }
Status builtin_delattr(PyObject*, PyObject* o, PyObject* name) { return status(PyObject_SetAttr(o, name, nullptr)); }

PyObject* builtin_breakpoint(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  Ref<> hook = borrow(sys_get("breakpointhook"_id));
  if (!hook) return raise(PyExc_RuntimeError, "lost sys.breakpointhook");
  if (PySys_Audit("builtins.breakpoint", "O", hook.get()) < 0) return nullptr;
  return PyObject_Vectorcall(hook, args, static_cast<size_t>(nargs), kwnames);
}

#define ROW(NAME, SIGNATURE, DOC) METHOD_AS(builtin_##NAME, #NAME, 0, SIGNATURE, DOC)
ROW(abs, "($module, x, /)", "Return the absolute value of the argument.");
ROW(ascii, "($module, obj, /)", "Return an ASCII-only representation of an object.");
ROW(bin, "($module, number, /)", "Return the binary representation of an integer.");
ROW(oct, "($module, number, /)", "Return the octal representation of an integer.");
ROW(hex, "($module, number, /)", "Return the hexadecimal representation of an integer.");
ROW(callable, "($module, obj, /)", "Return whether the object is callable (i.e., some kind of function).");
ROW(chr, "($module, i, /)", "Return a Unicode string of one character with ordinal i; 0 <= i <= 0x10ffff.");
ROW(ord, "($module, character, /)", "Return the ordinal value of a character.");
ROW(divmod, "($module, x, y, /)", "Return the tuple (x//y, x%y).  Invariant: div*y + mod == x.");
ROW(format, "($module, value, format_spec='', /)", "Return type(value).__format__(value, format_spec)");
ROW(hash, "($module, obj, /)", "Return the hash value for the given object.");
ROW(id, "($module, obj, /)", "Return the identity of an object.");
ROW(isinstance, "($module, obj, class_or_tuple, /)", "Return whether an object is an instance of a class or of a subclass thereof.");
ROW(issubclass, "($module, cls, class_or_tuple, /)", "Return whether 'cls' is derived from another class or is the same class.");
ROW(len, "($module, obj, /)", "Return the number of items in a container.");
ROW(repr, "($module, obj, /)", "Return the canonical string representation of the object.");
ROW(pow, "($module, /, base, exp, mod=None)", "Equivalent to base**exp with 2 arguments or base**exp % mod with 3 arguments.");
ROW(round, "($module, /, number, ndigits=None)", "Round a number to a given precision in decimal digits.");
ROW(aiter, "($module, async_iterable, /)", "Return an AsyncIterator for an AsyncIterable object.");
ROW(anext, "($module, aiterator, default=<unrepresentable>, /)", "Return the next item from the async iterator.");
ROW(hasattr, "($module, obj, name, /)", "Return whether the object has an attribute with the given name.");
ROW(setattr, "($module, obj, name, value, /)", "Sets the named attribute on the given object to the specified value.");
ROW(delattr, "($module, obj, name, /)", "Deletes the named attribute from the given object.");
METHOD_RAW(builtin_iter, "iter", 0,
           "iter(iterable) -> iterator\niter(callable, sentinel) -> iterator\n\nGet an iterator from an object.");
METHOD_RAW(builtin_next, "next", 0,
           "next(iterator[, default])\n\nReturn the next item from the iterator; the default, where given, at its end.");
METHOD_RAW(builtin_getattr, "getattr", 0,
           "getattr(object, name[, default]) -> value\n\nGet a named attribute from an object; getattr(x, 'y') is equivalent to x.y.");
METHOD_RAW(builtin_breakpoint, "breakpoint", 0,
           "breakpoint($module, /, *args, **kws)\n--\n\nCall sys.breakpointhook(*args, **kws).");

}  // namespace

const PyMethodDef* const kBuiltinObjectMethods[] = {
    &builtin_abs_method, &builtin_ascii_method, &builtin_bin_method, &builtin_oct_method, &builtin_hex_method, &builtin_callable_method,
    &builtin_chr_method, &builtin_ord_method, &builtin_divmod_method, &builtin_format_method, &builtin_hash_method, &builtin_id_method,
    &builtin_isinstance_method, &builtin_issubclass_method, &builtin_len_method, &builtin_repr_method, &builtin_pow_method,
    &builtin_round_method, &builtin_aiter_method, &builtin_anext_method, &builtin_hasattr_method, &builtin_setattr_method,
    &builtin_delattr_method, &builtin_iter_method, &builtin_next_method, &builtin_getattr_method, &builtin_breakpoint_method, nullptr};

}  // namespace ks
