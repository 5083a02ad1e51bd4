// The marshal format: Python values as bytes, as .pyc files hold them.
//
// A value is a type byte and its data, little-endian. Bit 7 of the type byte says that the value gets the next number
// of the table of references, to which 'r' and the number refer (version 3 on).
#pragma once

#include <Python.h>
#include <marshal.h>

#include "object/result.h"

namespace ks::compiler {

enum class MarshalType : unsigned char {
  Null = '0', None = 'N', False = 'F', True = 'T', StopIteration = 'S', Ellipsis = '.', Float = 'f', BinaryFloat = 'g',
  Complex = 'x', BinaryComplex = 'y', Int = 'i', Int64 = 'I', Long = 'l', Bytes = 's', Interned = 't', Ref = 'r',
  Tuple = '(', List = '[', Dict = '{', Code = 'c', Text = 'u', Unknown = '?', Set = '<', FrozenSet = '>',
  Ascii = 'a', AsciiInterned = 'A', SmallTuple = ')', ShortAscii = 'z', ShortAsciiInterned = 'Z', Slice = ':',
};
inline constexpr unsigned char kMarshalFlagRef = 0x80;
inline constexpr int kMarshalMaxDepth = 2000;

// Bytes of a value; ValueError for what cannot be marshalled.
Ref<> marshal_dump(PyObject* value, int version, bool allow_code);
// The value at the start of the bytes.
Ref<> marshal_load(const char* data, Py_ssize_t size, bool allow_code);
// The next value of an object with read() and readinto(); nothing behind it is consumed.
Ref<> marshal_load_from(PyObject* file, bool allow_code);
Ref<> marshal_load_from(FILE* file);

}  // namespace ks::compiler
