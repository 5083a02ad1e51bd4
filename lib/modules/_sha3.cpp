// _sha3: SHA-3 and SHAKE, FIPS 202.
#include "modules/hash_object.h"

namespace ks {
namespace {

struct KeccakConstants {
  uint64_t rounds[24];
  int rotations[25];
  int places[25];
};
// The round constants come from a shift register, rotations and places from walking the 5x5 array.
consteval KeccakConstants make_constants() {
  KeccakConstants result{};
  unsigned lfsr = 1;
  for (auto& constant : result.rounds)
    for (int j = 0; j < 7; ++j) {
      if (lfsr & 1) constant |= uint64_t{1} << ((1 << j) - 1);
      lfsr = (lfsr << 1) ^ (lfsr & 0x80 ? 0x171u : 0);
    }
  int x = 1, y = 0;
  for (int t = 0; t < 24; ++t) {
    result.rotations[x + 5 * y] = (t + 1) * (t + 2) / 2 % 64;
    const int next = (2 * x + 3 * y) % 5;
    x = y;
    y = next;
  }
  for (int i = 0; i < 5; ++i)
    for (int j = 0; j < 5; ++j) result.places[i + 5 * j] = j + 5 * ((2 * i + 3 * j) % 5);
  return result;
}
constexpr KeccakConstants constants = make_constants();

struct Keccak {
  uint64_t lanes[25] = {};
  unsigned used = 0;  // bytes of the current block
  void permute() {
    for (int round = 0; round < 24; ++round) {
      uint64_t parity[5], moved[25];
      for (int x = 0; x < 5; ++x) parity[x] = lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20];
      for (int x = 0; x < 5; ++x) {
        const uint64_t d = parity[(x + 4) % 5] ^ std::rotl(parity[(x + 1) % 5], 1);
        for (int y = 0; y < 25; y += 5) lanes[x + y] ^= d;
      }
#pragma clang loop unroll(full)
      for (int i = 0; i < 25; ++i) moved[constants.places[i]] = std::rotl(lanes[i], constants.rotations[i]);
      for (int y = 0; y < 25; y += 5)
        for (int x = 0; x < 5; ++x) lanes[y + x] = moved[y + x] ^ (~moved[y + (x + 1) % 5] & moved[y + (x + 2) % 5]);
      lanes[0] ^= constants.rounds[round];
    }
  }
  void absorb(unsigned char byte, unsigned at) { lanes[at / 8] ^= static_cast<uint64_t>(byte) << (8 * (at % 8)); }
  void update(const unsigned char* data, size_t size, unsigned rate) {
    while (size) {
      if (used == 0 && size >= rate) {
        for (unsigned i = 0; i < rate / 8; ++i) {
          uint64_t lane;
          memcpy(&lane, data + 8 * i, 8);
          lanes[i] ^= lane;
        }
        data += rate;
        size -= rate;
        permute();
        continue;
      }
      absorb(*data++, used++);
      --size;
      if (used == rate) {
        permute();
        used = 0;
      }
    }
  }
  void squeeze(unsigned char* out, size_t size, unsigned rate, unsigned char suffix) {
    absorb(suffix, used);
    absorb(0x80, rate - 1);
    permute();
    while (size) {
      const size_t part = std::min<size_t>(size, rate);
      memcpy(out, lanes, part);
      out += part;
      size -= part;
      if (size) permute();
    }
  }
};
// Size 0: SHAKE, of any length.
template <int Bits, int Size>
struct Sha3 {
  static constexpr int kRate = 200 - 2 * Bits / 8;
  static constexpr int kBlockSize = kRate;
  static constexpr unsigned char kSuffix = Size ? 0x06 : 0x1f;
  Keccak keccak;
  int digest_size() const { return Size; }
  void update(const unsigned char* data, size_t size) { keccak.update(data, size, kRate); }
  void finish(unsigned char* out) { keccak.squeeze(out, Size, kRate, kSuffix); }
};
#define KS_SHA3(TYPE, NAME, BITS, SIZE)            \
  struct TYPE : Sha3<BITS, SIZE> {                 \
    static constexpr char kName[] = NAME;          \
  };
KS_SHA3(Sha3_224, "sha3_224", 224, 28)
KS_SHA3(Sha3_256, "sha3_256", 256, 32)
KS_SHA3(Sha3_384, "sha3_384", 384, 48)
KS_SHA3(Sha3_512, "sha3_512", 512, 64)
KS_SHA3(Shake128, "shake_128", 128, 0)
KS_SHA3(Shake256, "shake_256", 256, 0)

template <class A>
struct Sha3Type : HashType<A> {
  using Base = HashType<A>;
  static PyObject* new_slot(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
    PyObject *values[3] = {}, *data;
    TRY(bind_tuple(hash_signature<A>, args, kwargs, values));
    TRY(choose_data(values[0], values[2], &data));
    return Base::make(type, A(), data);
  }
  // SHAKE's digests take a length.
  static PyObject* squeeze(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames, const Signature& signature, bool hex) {
    PyObject* length_object = nullptr;
    TRY(bind(signature, args, nargs, kwnames, &length_object));
    Ref<> index = TRY(steal(PyNumber_Index(length_object)));
    if (PyLong_IsNegative(index)) return raise(PyExc_ValueError, "Cannot convert negative int");
    const unsigned long length = PyLong_AsUnsignedLong(index);
    if (length == static_cast<unsigned long>(-1) && PyErr_Occurred()) return nullptr;
    if (length >= 1u << 29) return raise(PyExc_ValueError, "length is too large");
    Ref<> out = TRY(steal(bytes_new(static_cast<Py_ssize_t>(length))));
    A copy = Base::state_of(self);
    copy.keccak.squeeze(reinterpret_cast<unsigned char*>(bytes_data(out)), length, A::kRate, A::kSuffix);
    return hex ? bytes_hex(bytes_data(out), static_cast<Py_ssize_t>(length), nullptr, 0, false) : out.release();
  }
  static PyObject* shake_digest(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    static constexpr Signature signature = read_signature("digest", "($self, /, length)");
    return squeeze(self, args, nargs, kwnames, signature, false);
  }
  static PyObject* shake_hexdigest(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    static constexpr Signature signature = read_signature("hexdigest", "($self, /, length)");
    return squeeze(self, args, nargs, kwnames, signature, true);
  }
  static PyObject* get_capacity(PyObject*, void*) { return PyLong_FromLong(1600 - A::kRate * 8); }
  static PyObject* get_rate(PyObject*, void*) { return PyLong_FromLong(A::kRate * 8); }
  static PyObject* get_suffix(PyObject*, void*) {
    const char suffix = static_cast<char>(A::kSuffix);
    return PyBytes_FromStringAndSize(&suffix, 1);
  }
  static inline PyMethodDef methods[] = {
      {"copy", Base::copy, METH_NOARGS, "copy($self, /)\n--\n\nReturn a copy of the hash object."},
      {"digest", Base::digest, METH_NOARGS, "digest($self, /)\n--\n\nReturn the digest value as a bytes object."},
      {"hexdigest", Base::hexdigest, METH_NOARGS, "hexdigest($self, /)\n--\n\nReturn the digest value as a string of hexadecimal digits."},
      {"update", Base::update, METH_O, "update($self, data, /)\n--\n\nUpdate this hash object's state with the provided bytes-like object."}, {}};
  static inline PyMethodDef shake_methods[] = {
      {"copy", Base::copy, METH_NOARGS, "copy($self, /)\n--\n\nReturn a copy of the hash object."},
      {"digest", KS_CONSTANT_CAST(PyCFunction, static_cast<PyCFunctionFastWithKeywords>(shake_digest)), METH_FASTCALL | METH_KEYWORDS,
       "digest($self, /, length)\n--\n\nReturn the digest value as a bytes object."},
      {"hexdigest", KS_CONSTANT_CAST(PyCFunction, static_cast<PyCFunctionFastWithKeywords>(shake_hexdigest)), METH_FASTCALL | METH_KEYWORDS,
       "hexdigest($self, /, length)\n--\n\nReturn the digest value as a string of hexadecimal digits."},
      {"update", Base::update, METH_O, "update($self, data, /)\n--\n\nUpdate this hash object's state with the provided bytes-like object."}, {}};
  static inline PyGetSetDef properties[] = {{"block_size", Base::get_block_size, nullptr, nullptr, nullptr},
                                            {"name", Base::get_name, nullptr, nullptr, nullptr},
                                            {"digest_size", Base::get_digest_size, nullptr, nullptr, nullptr},
                                            {"_capacity_bits", get_capacity, nullptr, nullptr, nullptr},
                                            {"_rate_bits", get_rate, nullptr, nullptr, nullptr},
                                            {"_suffix", get_suffix, nullptr, nullptr, nullptr},
                                            {}};
  static Status add(PyObject* m, const char* full_name, const char* doc) {
    const bool shake = A().digest_size() == 0;
    PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(Base::dealloc)}, {Py_tp_new, reinterpret_cast<void*>(new_slot)},
                           {Py_tp_methods, shake ? shake_methods : methods}, {Py_tp_getset, properties}, {Py_tp_doc, const_cast<char*>(doc)}, {0, nullptr}};
    PyType_Spec spec = {full_name, sizeof(HashObject<A>), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, slots};
    Ref<> type = TRY(steal(PyType_FromModuleAndSpec(m, &spec, nullptr)));
    return status(PyModule_AddObjectRef(m, A::kName, type));
  }
};

int exec(PyObject* m) {
#define ADD(TYPE, NAME, DOC) TRY(Sha3Type<TYPE>::add(m, "_sha3." NAME, NAME DOC))
#define SHA3_DOC "([data], *, usedforsecurity=True) -> SHA3 object\n\nReturn a new SHA3 hash object."
#define SHAKE_DOC "([data], *, usedforsecurity=True) -> SHAKE object\n\nReturn a new SHAKE hash object."
  ADD(Sha3_224, "sha3_224", SHA3_DOC);
  ADD(Sha3_256, "sha3_256", SHA3_DOC);
  ADD(Sha3_384, "sha3_384", SHA3_DOC);
  ADD(Sha3_512, "sha3_512", SHA3_DOC);
  ADD(Shake128, "shake_128", SHAKE_DOC);
  ADD(Shake256, "shake_256", SHAKE_DOC);
  if (PyModule_AddStringConstant(m, "implementation", "HACL") < 0) return -1;
  return PyModule_AddIntConstant(m, "_GIL_MINSIZE", kGilMinimum);
}
MODULE_SLOTS(slots, exec);
PyModuleDef module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "_sha3", .m_size = 0, .m_slots = slots};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit__sha3(void) { return PyModuleDef_Init(&ks::module); }
