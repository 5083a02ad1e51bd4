// Hash objects of the modules _md5, _sha1, _sha2, _sha3, _blake2: one template over the algorithm.
//
// An algorithm is a copyable struct with kName, kBlockSize, digest_size(), update(data, size) and finish(out), which may change it.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "modules/module.h"
#include "types/bytes_methods.h"

namespace ks {

// The buffer of an argument that is to be hashed.
class HashedBuffer {
 public:
  HashedBuffer() = default;
  HashedBuffer(const HashedBuffer&) = delete;
  HashedBuffer& operator=(const HashedBuffer&) = delete;
  ~HashedBuffer() {
    if (view.obj) PyBuffer_Release(&view);
  }
  Status read(PyObject* o) {
    if (PyUnicode_Check(o)) return raise(PyExc_TypeError, "Strings must be encoded before hashing");
    if (!PyObject_CheckBuffer(o)) return raise(PyExc_TypeError, "object supporting the buffer API required");
    if (PyObject_GetBuffer(o, &view, PyBUF_SIMPLE) < 0) return failed;
    if (view.ndim > 1) return raise(PyExc_BufferError, "Buffer must be single dimension");
    return Status::Ok;
  }
  const unsigned char* data() const { return static_cast<const unsigned char*>(view.buf); }
  size_t size() const { return static_cast<size_t>(view.len); }
  Py_buffer view{};
};

// Collects input into blocks for the algorithm's compress(block).
template <class Self, size_t Size>
struct BlockBuffer {
  static constexpr int kBlockSize = Size;
  uint64_t length = 0;  // bytes so far
  unsigned char block[Size];

  void update(const unsigned char* data, size_t size) {
    size_t used = length % Size;
    length += size;
    if (used) {
      const size_t part = std::min(size, Size - used);
      memcpy(block + used, data, part);
      data += part;
      size -= part;
      if (used + part < Size) return;
      static_cast<Self*>(this)->compress(block);
    }
    for (; size >= Size; data += Size, size -= Size) static_cast<Self*>(this)->compress(data);
    memcpy(block, data, size);
  }
  // A one bit, zeros, and the length in bits in the last `length_size` bytes.
  void pad(size_t length_size, bool big_endian) {
    size_t used = length % Size;
    block[used++] = 0x80;
    if (used > Size - length_size) {
      memset(block + used, 0, Size - used);
      static_cast<Self*>(this)->compress(block);
      used = 0;
    }
    memset(block + used, 0, Size - used);
    const uint64_t bits = length * 8;
    for (size_t i = 0; i < 8; ++i) block[big_endian ? Size - 1 - i : Size - 8 + i] = static_cast<unsigned char>(bits >> (8 * i));
    if (length_size == 16 && big_endian) block[Size - 9] = static_cast<unsigned char>(length >> 61);
    static_cast<Self*>(this)->compress(block);
  }
};
template <class Word>
Word load_big(const unsigned char* p) {
  Word value;
  memcpy(&value, p, sizeof(value));
  return sizeof(Word) == 8 ? static_cast<Word>(__builtin_bswap64(value)) : static_cast<Word>(__builtin_bswap32(static_cast<uint32_t>(value)));
}
template <class Word>
void store_big(unsigned char* p, Word value) {
  const Word swapped = load_big<Word>(reinterpret_cast<const unsigned char*>(&value));
  memcpy(p, &swapped, sizeof(swapped));
}

template <class A>
struct HashObject {
  PyObject ob_base;
  A state;
};

// The arguments (data=b'', *, usedforsecurity=True, string=None).
inline constexpr char kHashSignature[] = "(data=b'', *, usedforsecurity=True, string=None)";
inline Status choose_data(PyObject* data, PyObject* string, PyObject** chosen) {
  if (string == Py_None) string = nullptr;
  if (data && string)
    return raise(PyExc_TypeError,
                 "'data' and 'string' are mutually exclusive and support for 'string' keyword parameter is slated for removal in a future version.");
  *chosen = data ? data : string;
  return Status::Ok;
}

template <class A>
struct HashType {
  using Object = HashObject<A>;
  static A& state_of(PyObject* o) { return reinterpret_cast<Object*>(o)->state; }

  static PyObject* make(PyTypeObject* type, const A& initial, PyObject* data) {
    HashedBuffer buffer;
    if (data) TRY(buffer.read(data));
    auto* self = PyObject_New(Object, type);
    if (!self) return nullptr;
    self->state = initial;
    if (data) self->state.update(buffer.data(), buffer.size());
    return reinterpret_cast<PyObject*>(self);
  }
  static PyObject* update(PyObject* self, PyObject* data) {
    HashedBuffer buffer;
    TRY(buffer.read(data));
    state_of(self).update(buffer.data(), buffer.size());
    return Py_NewRef(Py_None);
  }
  static PyObject* digest(PyObject* self, PyObject*) {
    A copy = state_of(self);
    unsigned char out[64];
    copy.finish(out);
    return PyBytes_FromStringAndSize(reinterpret_cast<char*>(out), copy.digest_size());
  }
  static PyObject* hexdigest(PyObject* self, PyObject*) {
    A copy = state_of(self);
    unsigned char out[64];
    copy.finish(out);
    return bytes_hex(reinterpret_cast<char*>(out), copy.digest_size(), nullptr, 0, false);
  }
  static PyObject* copy(PyObject* self, PyObject*) { return make(Py_TYPE(self), state_of(self), nullptr); }
  static PyObject* get_block_size(PyObject*, void*) { return PyLong_FromLong(A::kBlockSize); }
  static PyObject* get_digest_size(PyObject* self, void*) { return PyLong_FromLong(state_of(self).digest_size()); }
  static PyObject* get_name(PyObject*, void*) { return PyUnicode_FromString(A::kName); }
  static void dealloc(PyObject* self) {
    PyTypeObject* type = Py_TYPE(self);
    PyObject_Free(self);
    Py_DECREF(type);
  }

  static inline PyMethodDef methods[] = {
      {"copy", copy, METH_NOARGS, "copy($self, /)\n--\n\nReturn a copy of the hash object."},
      {"digest", digest, METH_NOARGS, "digest($self, /)\n--\n\nReturn the digest value as a bytes object."},
      {"hexdigest", hexdigest, METH_NOARGS, "hexdigest($self, /)\n--\n\nReturn the digest value as a string of hexadecimal digits."},
      {"update", update, METH_O, "update($self, obj, /)\n--\n\nUpdate this hash object's state with the provided string."},
      {}};
  static inline PyGetSetDef properties[] = {{"block_size", get_block_size, nullptr, nullptr, nullptr},
                                            {"name", get_name, nullptr, nullptr, nullptr},
                                            {"digest_size", get_digest_size, nullptr, nullptr, nullptr},
                                            {}};
  static inline PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(dealloc)}, {Py_tp_methods, methods}, {Py_tp_getset, properties}, {0, nullptr}};
};

// ---- modules whose constructors are functions --------------------------------------------------------------------------------

template <class A>
inline constexpr Signature hash_signature = read_signature(A::kName, kHashSignature);

// The module's state is an array of types; A::kIndex says which.
template <class A>
PyObject* hash_construct(PyObject* module, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  PyObject* values[3] = {};
  TRY(bind(hash_signature<A>, args, nargs, kwnames, values));
  PyObject* data;
  TRY(choose_data(values[0], values[2], &data));
  auto** types = static_cast<PyTypeObject**>(PyModule_GetState(module));
  return HashType<A>::make(types[A::kIndex], A(), data);
}
template <class A>
constexpr PyMethodDef hash_constructor(const char* doc) {
  return {A::kName, KS_CONSTANT_CAST(PyCFunction, static_cast<PyCFunctionFastWithKeywords>(hash_construct<A>)), METH_FASTCALL | METH_KEYWORDS, doc};
}
#define KS_HASH_DOC(NAME, TITLE)                                                                                          \
  NAME "($module, /, data=b'', *, usedforsecurity=True, string=None)\n--\n\n"                                             \
       "Return a new " TITLE " hash object; optionally initialized with a bytes object."
template <class A>
Status add_hash_type(PyObject* module, const char* type_name, const char* attribute) {
  PyType_Spec spec = {type_name, sizeof(HashObject<A>), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
                      HashType<A>::slots};
  PyObject* type = TRY(PyType_FromModuleAndSpec(module, &spec, nullptr));
  static_cast<PyObject**>(PyModule_GetState(module))[A::kIndex] = type;
  return status(PyModule_AddObjectRef(module, attribute, type));
}
template <int Count>
int hash_traverse(PyObject* module, visitproc visit, void* arg) {
  auto** types = static_cast<PyObject**>(PyModule_GetState(module));
  for (int i = 0; types && i < Count; ++i) Py_VISIT(types[i]);
  return 0;
}
template <int Count>
int hash_clear(PyObject* module) {
  auto** types = static_cast<PyObject**>(PyModule_GetState(module));
  for (int i = 0; types && i < Count; ++i) Py_CLEAR(types[i]);
  return 0;
}
template <int Count>
void hash_free(void* module) {
  hash_clear<Count>(static_cast<PyObject*>(module));
}
inline constexpr long kGilMinimum = 2048;  // _GIL_MINSIZE: from how many bytes on the reference releases the GIL

// ---- constants that SHA-2 and BLAKE2 share: fractions of roots of primes -----------------------------------------------------------

struct PrimeRoots {
  uint64_t square[16];  // first 64 bits of the fraction of the square root of the n-th prime
  uint64_t cube[80];
};
consteval PrimeRoots make_prime_roots() {
  using Wide = unsigned _BitInt(256);
  PrimeRoots result{};
  int n = 0;
  for (unsigned candidate = 2; n < 80; ++candidate) {
    bool prime = true;
    for (unsigned d = 2; d * d <= candidate; ++d) prime &= candidate % d != 0;
    if (!prime) continue;
    auto root = [&](int power) {  // floor(candidate ** (1 / power) * 2**64), its lower 64 bits
      const Wide target = static_cast<Wide>(candidate) << (64 * power);
      Wide value = 0;
      for (int bit = 69; bit >= 0; --bit) {
        const Wide trial = value | (static_cast<Wide>(1) << bit);
        Wide product = trial;
        for (int i = 1; i < power; ++i) product *= trial;
        if (product <= target) value = trial;
      }
      return static_cast<uint64_t>(value);
    };
    if (n < 16) result.square[n] = root(2);
    result.cube[n] = root(3);
    ++n;
  }
  return result;
}
inline constexpr PrimeRoots kPrimeRoots = make_prime_roots();

}  // namespace ks
