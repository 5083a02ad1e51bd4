// str from and to wchar_t (32 bits here) and UCS-4 buffers.
#include <wchar.h>

#include <algorithm>

#include "types/str.h"
#include "types/str_private.h"

using namespace ks;

static_assert(sizeof(wchar_t) == 4);

extern "C" {

// New str; size -1: up to the terminator. ValueError for what is no code point.
PyObject* PyUnicode_FromWideChar(const wchar_t* text, Py_ssize_t size) {
  if (!text && size != 0) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  if (size == -1) size = static_cast<Py_ssize_t>(wcslen(text));
  if (size < 0) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  const auto* chars = reinterpret_cast<const Py_UCS4*>(text);
  for (Py_ssize_t i = 0; i < size; ++i)
    if (chars[i] > 0x10ffff)
      return raise(PyExc_ValueError, "character U+%x is not in range [U+0000; U+%x]", chars[i], 0x10ffff);
  return str_from_ucs4(chars, size);
}

// How many characters were copied (a terminator only if there is room); without a buffer, the size needed with it. -1 on error.
Py_ssize_t PyUnicode_AsWideChar(PyObject* s, wchar_t* out, Py_ssize_t size) {
  if (!s) {
    PyErr_BadInternalCall();
    return -1;
  }
  if (!is_str_argument(s)) return -1;
  const Py_ssize_t length = str_length(s);
  if (!out) return length + 1;
  const Py_ssize_t count = std::min(size, length);
  copy_chars(4, out, 0, str_kind(s), str_data(s), 0, std::max<Py_ssize_t>(count, 0));
  if (size > length) out[length] = 0;
  return size > length ? length : size;
}

// New text (PyMem_Malloc); ValueError for embedded null characters unless the size is asked for.
wchar_t* PyUnicode_AsWideCharString(PyObject* s, Py_ssize_t* size) {
  if (!s) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  if (!is_str_argument(s)) return nullptr;
  const Py_ssize_t length = str_length(s);
  auto* out = static_cast<wchar_t*>(PyMem_Malloc(static_cast<size_t>(length + 1) * sizeof(wchar_t)));
  if (!out) {
    PyErr_NoMemory();
    return nullptr;
  }
  copy_chars(4, out, 0, str_kind(s), str_data(s), 0, length);
  out[length] = 0;
  if (size) {
    *size = length;
  } else if (wcslen(out) != static_cast<size_t>(length)) {
    PyMem_Free(out);
    return raise(PyExc_ValueError, "embedded null character");
  }
  return out;
}

// The buffer, filled; SystemError when it is too small.
Py_UCS4* PyUnicode_AsUCS4(PyObject* s, Py_UCS4* out, Py_ssize_t size, int with_null) {
  if (!out || size < 0) {
    PyErr_BadInternalCall();
    return nullptr;
  }
  const Py_ssize_t length = str_length(s), needed = length + (with_null ? 1 : 0);
  if (size < needed) {
    PyErr_SetString(PyExc_SystemError, "string is longer than the buffer");
    if (with_null && size > 0) out[0] = 0;
    return nullptr;
  }
  copy_chars(4, out, 0, str_kind(s), str_data(s), 0, length);
  if (with_null) out[length] = 0;
  return out;
}
// New buffer (PyMem_Malloc) with a terminator.
Py_UCS4* PyUnicode_AsUCS4Copy(PyObject* s) {
  const Py_ssize_t length = str_length(s);
  auto* out = static_cast<Py_UCS4*>(PyMem_Malloc(static_cast<size_t>(length + 1) * sizeof(Py_UCS4)));
  if (!out) {
    PyErr_NoMemory();
    return nullptr;
  }
  copy_chars(4, out, 0, str_kind(s), str_data(s), 0, length);
  out[length] = 0;
  return out;
}

}  // extern "C"
