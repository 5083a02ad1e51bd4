// The character classes of ASCII, independent of the locale (pyctype.h).
#include "object/export.h"

#include <Python.h>

namespace {
struct Classes {
  unsigned int of[256];
};
constexpr Classes classes = [] {
  Classes result{};
  for (int c = 0; c < 128; ++c) {
    const bool lower = c >= 'a' && c <= 'z', upper = c >= 'A' && c <= 'Z', digit = c >= '0' && c <= '9';
    unsigned flags = 0;
    if (lower) flags |= PY_CTF_LOWER;
    if (upper) flags |= PY_CTF_UPPER;
    if (digit) flags |= PY_CTF_DIGIT;
    if (digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) flags |= PY_CTF_XDIGIT;
    if (c == ' ' || (c >= 9 && c <= 13)) flags |= PY_CTF_SPACE;
    result.of[c] = flags;
  }
  return result;
}();
}  // namespace

#define ROW16(F, N) F(N), F(N + 1), F(N + 2), F(N + 3), F(N + 4), F(N + 5), F(N + 6), F(N + 7), F(N + 8), F(N + 9), F(N + 10), F(N + 11), F(N + 12), F(N + 13), F(N + 14), F(N + 15)
#define ALL(F) ROW16(F, 0), ROW16(F, 16), ROW16(F, 32), ROW16(F, 48), ROW16(F, 64), ROW16(F, 80), ROW16(F, 96), ROW16(F, 112), \
    ROW16(F, 128), ROW16(F, 144), ROW16(F, 160), ROW16(F, 176), ROW16(F, 192), ROW16(F, 208), ROW16(F, 224), ROW16(F, 240)
#define CLASS(C) classes.of[C]
#define LOWER(C) static_cast<unsigned char>((C) >= 'A' && (C) <= 'Z' ? (C) + 32 : (C))
#define UPPER(C) static_cast<unsigned char>((C) >= 'a' && (C) <= 'z' ? (C) - 32 : (C))

KS_EXPORT const unsigned int _Py_ctype_table[256] = {ALL(CLASS)};
KS_EXPORT const unsigned char _Py_ctype_tolower[256] = {ALL(LOWER)};
KS_EXPORT const unsigned char _Py_ctype_toupper[256] = {ALL(UPPER)};
