// _PyRuntime as the compiled modules of a CPython installation see it.
//
// Modules built inside CPython's own tree (_ctypes, _asyncio, ...) take the addresses of constants in that structure: names,
// small ints, one-character strings, the empty bytes and tuple. Our state has another form; here are those constants, at
// CPython 3.14's places. They are immortal, and equal to our own constants, not identical with them.
#include <Python.h>

#include <cstddef>
#include <cstring>

namespace {

constexpr size_t kSize = 316616;
constexpr size_t kSmallInts = 14064;  // -5 to 256
constexpr size_t kEmptyBytes = 22448;
constexpr size_t kByteCharacters = 22488;
constexpr size_t kNames = 36008;
constexpr size_t kAscii = 76288;
constexpr size_t kLatin1 = 82432;
constexpr size_t kEmptyTuple = 90640;

struct ByteCharacter {
  PyBytesObject bytes;
  char end;
};
struct AsciiCharacter {
  PyASCIIObject head;
  unsigned char text[2];
};
struct Latin1Character {
  PyCompactUnicodeObject head;
  unsigned char text[2];
};
static_assert(kSmallInts + 262 * sizeof(PyLongObject) == kEmptyBytes);
static_assert(kEmptyBytes + sizeof(PyBytesObject) == kByteCharacters);
static_assert(kAscii + 128 * sizeof(AsciiCharacter) == kLatin1);
static_assert(sizeof(ByteCharacter) == 48 && sizeof(Latin1Character) == 64);

}  // namespace

extern "C" {
alignas(16) __attribute__((visibility("default"))) extern char _PyRuntime[kSize];
alignas(16) char _PyRuntime[kSize];
}

namespace {

void begin(PyObject* object, PyTypeObject* type) {
  object->ob_refcnt_full = _Py_STATIC_IMMORTAL_INITIAL_REFCNT;
  object->ob_type = type;
}

void begin_str(PyASCIIObject* head, Py_ssize_t length, bool ascii) {
  begin(&head->ob_base, &PyUnicode_Type);
  head->length = length;
  head->hash = -1;
  head->state.kind = PyUnicode_1BYTE_KIND;
  head->state.compact = 1;
  head->state.ascii = ascii;
  head->state.statically_allocated = 1;
}

template <class T>
T* at(size_t offset) {
  return reinterpret_cast<T*>(_PyRuntime + offset);
}

constexpr const char* kNameTexts[] = {
#define CPYTHON_NAME(NAME) #NAME,
#include "runtime/cpython_names.def"
#undef CPYTHON_NAME
};

// Before any module can be loaded.
[[gnu::constructor]] void fill() {
  for (int i = 0; i < 262; ++i) {
    auto* number = at<PyLongObject>(kSmallInts) + i;
    const int value = i - 5;
    begin(&number->ob_base, &PyLong_Type);
    number->long_value.lv_tag = value == 0 ? 1 : 1u << 3 | (value < 0 ? 2 : 0);
    number->long_value.ob_digit[0] = static_cast<digit>(value < 0 ? -value : value);
  }
  auto* empty = at<PyBytesObject>(kEmptyBytes);
  begin(&empty->ob_base.ob_base, &PyBytes_Type);
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
  empty->ob_shash = -1;
  for (int i = 0; i < 256; ++i) {
    auto* character = at<ByteCharacter>(kByteCharacters) + i;
    begin(&character->bytes.ob_base.ob_base, &PyBytes_Type);
    character->bytes.ob_base.ob_size = 1;
    character->bytes.ob_shash = -1;
    character->bytes.ob_sval[0] = static_cast<char>(i);
  }
#pragma clang diagnostic pop
  size_t offset = kNames;
  for (const char* text : kNameTexts) {
    auto* head = at<PyASCIIObject>(offset);
    const size_t length = strlen(text);
    begin_str(head, static_cast<Py_ssize_t>(length), true);
    memcpy(head + 1, text, length + 1);
    offset += (sizeof(PyASCIIObject) + length + 1 + 7) & ~size_t{7};
  }
  for (int i = 0; i < 128; ++i) {
    auto* ascii = at<AsciiCharacter>(kAscii) + i;
    begin_str(&ascii->head, 1, true);
    ascii->text[0] = static_cast<unsigned char>(i);
    auto* latin1 = at<Latin1Character>(kLatin1) + i;
    begin_str(&latin1->head._base, 1, false);
    latin1->text[0] = static_cast<unsigned char>(i + 128);
  }
  auto* tuple = at<PyTupleObject>(kEmptyTuple);
  begin(&tuple->ob_base.ob_base, &PyTuple_Type);
  tuple->ob_hash = -1;
}

}  // namespace
