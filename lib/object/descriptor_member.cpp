// PyMember_GetOne and PyMember_SetOne: fields of C structs as attributes.
#include <cfloat>
#include <climits>

#include "object/attribute.h"
#include "object/result.h"
#include "runtime/state.h"

using namespace ks;

namespace {
template <class T>
T& field(void* address) {
  return *static_cast<T*>(address);
}

Status warn(const char* message) { return status(PyErr_WarnEx(PyExc_RuntimeWarning, message, 1)); }

// Stores an int; a value that does not fit is cut off with a warning.
template <class T>
int store_integer(void* address, PyObject* value, const char* truncation) {
  const long number = PyLong_AsLong(value);
  if (number == -1 && PyErr_Occurred()) return -1;
  field<T>(address) = static_cast<T>(number);
  if (static_cast<long>(static_cast<T>(number)) != number && is_failure(warn(truncation))) return -1;
  return 0;
}

// For unsigned fields as wide as long: negative values are accepted with a warning.
template <class T>
int store_unsigned(void* address, PyObject* value, const char* truncation) {
  Ref<> number = TRY(steal(PyNumber_Index(value)));
  if (PyLong_IsNegative(number)) {
    const long signed_value = PyLong_AsLong(number);
    if (signed_value == -1 && PyErr_Occurred()) return -1;
    field<T>(address) = static_cast<T>(signed_value);
    TRY(warn("Writing negative value into unsigned field"));
    return 0;
  }
  const unsigned long unsigned_value = PyLong_AsUnsignedLong(number);
  if (unsigned_value == static_cast<unsigned long>(-1) && PyErr_Occurred()) return -1;
  field<T>(address) = static_cast<T>(unsigned_value);
  if (static_cast<unsigned long>(static_cast<T>(unsigned_value)) != unsigned_value && truncation) TRY(warn(truncation));
  return 0;
}
}  // namespace

// The member of the object at `base` as an object: new; AttributeError when an object member is not set.
extern "C" PyObject* PyMember_GetOne(const char* base, PyMemberDef* member) {
  if (member->flags & Py_RELATIVE_OFFSET) return raise(PyExc_SystemError, "PyMember_GetOne used with Py_RELATIVE_OFFSET");
  void* address = const_cast<char*>(base) + member->offset;
  switch (member->type) {
    case Py_T_BOOL: return PyBool_FromLong(field<char>(address));
    case Py_T_BYTE: return PyLong_FromLong(field<signed char>(address));
    case Py_T_UBYTE: return PyLong_FromUnsignedLong(field<unsigned char>(address));
    case Py_T_SHORT: return PyLong_FromLong(field<short>(address));
    case Py_T_USHORT: return PyLong_FromUnsignedLong(field<unsigned short>(address));
    case Py_T_INT: return PyLong_FromLong(field<int>(address));
    case Py_T_UINT: return PyLong_FromUnsignedLong(field<unsigned int>(address));
    case Py_T_LONG: return PyLong_FromLong(field<long>(address));
    case Py_T_ULONG: return PyLong_FromUnsignedLong(field<unsigned long>(address));
    case Py_T_PYSSIZET: return PyLong_FromSsize_t(field<Py_ssize_t>(address));
    case Py_T_LONGLONG: return PyLong_FromLongLong(field<long long>(address));
    case Py_T_ULONGLONG: return PyLong_FromUnsignedLongLong(field<unsigned long long>(address));
    case Py_T_FLOAT: return PyFloat_FromDouble(static_cast<double>(field<float>(address)));
    case Py_T_DOUBLE: return PyFloat_FromDouble(field<double>(address));
    case Py_T_STRING: {
      const char* text = field<const char*>(address);
      return text ? PyUnicode_FromString(text) : Py_NewRef(Py_None);
    }
    case Py_T_STRING_INPLACE: return PyUnicode_FromString(static_cast<char*>(address));
    case Py_T_CHAR: {
      const char c = field<char>(address);
      return PyUnicode_FromStringAndSize(&c, 1);
    }
    case _Py_T_NONE: return Py_NewRef(Py_None);
    case _Py_T_OBJECT: {
      PyObject* value = field<PyObject*>(address);
      return Py_NewRef(value ? value : Py_None);
    }
    case Py_T_OBJECT_EX: {
      PyObject* value = field<PyObject*>(address);
      if (value) return Py_NewRef(value);
      auto* obj = reinterpret_cast<PyObject*>(const_cast<char*>(base));
      raise(PyExc_AttributeError, "'%T' object has no attribute '%s'", obj, member->name);
      if (Ref<> name = steal(PyUnicode_FromString(member->name))) add_attribute_context(obj, name);
      return nullptr;
    }
    default: return raise(PyExc_SystemError, "bad memberdescr type for %s", member->name);
  }
}

// Sets the member; value NULL deletes. 0, or -1 with an exception.
extern "C" int PyMember_SetOne(char* base, PyMemberDef* member, PyObject* value) {
  if (member->flags & Py_RELATIVE_OFFSET) return raise(PyExc_SystemError, "PyMember_SetOne used with Py_RELATIVE_OFFSET");
  if (member->flags & Py_READONLY) return raise(PyExc_AttributeError, "readonly attribute");
  void* address = base + member->offset;
  if (!value) {
    if (member->type == Py_T_OBJECT_EX) {
      if (!field<PyObject*>(address)) return raise(PyExc_AttributeError, "%s", member->name);
    } else if (member->type != _Py_T_OBJECT) {
      return raise(PyExc_TypeError, "can't delete numeric/char attribute");
    }
  }
  switch (member->type) {
    case Py_T_BOOL:
      if (!PyBool_Check(value)) return raise(PyExc_TypeError, "attribute value type must be bool");
      field<char>(address) = value == Py_True;
      return 0;
    case Py_T_BYTE: return store_integer<signed char>(address, value, "Truncation of value to char");
    case Py_T_UBYTE: return store_integer<unsigned char>(address, value, "Truncation of value to unsigned char");
    case Py_T_SHORT: return store_integer<short>(address, value, "Truncation of value to short");
    case Py_T_USHORT: return store_integer<unsigned short>(address, value, "Truncation of value to unsigned short");
    case Py_T_INT: return store_integer<int>(address, value, "Truncation of value to int");
    case Py_T_UINT: return store_unsigned<unsigned int>(address, value, "Truncation of value to unsigned int");
    case Py_T_LONG: {
      const long number = PyLong_AsLong(value);
      field<long>(address) = number;
      return number == -1 && PyErr_Occurred() ? -1 : 0;
    }
    case Py_T_ULONG: return store_unsigned<unsigned long>(address, value, nullptr);
    case Py_T_PYSSIZET: {
      const Py_ssize_t number = PyLong_AsSsize_t(value);
      field<Py_ssize_t>(address) = number;
      return number == -1 && PyErr_Occurred() ? -1 : 0;
    }
    case Py_T_FLOAT: {
      const double number = PyFloat_AsDouble(value);
      if (number == -1.0 && PyErr_Occurred()) return -1;
      field<float>(address) = static_cast<float>(number);
      return 0;
    }
    case Py_T_DOUBLE: {
      const double number = PyFloat_AsDouble(value);
      if (number == -1.0 && PyErr_Occurred()) return -1;
      field<double>(address) = number;
      return 0;
    }
    case _Py_T_OBJECT:
    case Py_T_OBJECT_EX: {
      PyObject* old = field<PyObject*>(address);
      field<PyObject*>(address) = Py_XNewRef(value);
      Py_XDECREF(old);
      return 0;
    }
    case Py_T_CHAR: {
      Py_ssize_t length;
      const char* text = PyUnicode_AsUTF8AndSize(value, &length);
      if (!text || length != 1) {
        PyErr_BadArgument();
        return -1;
      }
      field<char>(address) = text[0];
      return 0;
    }
    case Py_T_STRING:
    case Py_T_STRING_INPLACE: return raise(PyExc_TypeError, "readonly attribute");
    case Py_T_LONGLONG: {
      const long long number = PyLong_AsLongLong(value);
      field<long long>(address) = number;
      return number == -1 && PyErr_Occurred() ? -1 : 0;
    }
    case Py_T_ULONGLONG: return store_unsigned<unsigned long long>(address, value, nullptr);
    default: return raise(PyExc_SystemError, "bad memberdescr type for %s", member->name);
  }
}
