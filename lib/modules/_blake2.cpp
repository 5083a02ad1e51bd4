// _blake2: BLAKE2b and BLAKE2s, RFC 7693, with the tree parameters.
#include "modules/hash_object.h"

namespace ks {
namespace {

constexpr unsigned char kSigma[10][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0}};

struct Tree {
  int fanout = 1, depth = 1, node_depth = 0, inner_size = 0;
  uint32_t leaf_size = 0;
  uint64_t node_offset = 0;
  bool last_node = false;
};
template <class Word>
struct Blake2 {
  static constexpr bool kLarge = sizeof(Word) == 8;
  static constexpr int kBlockSize = kLarge ? 128 : 64;
  static constexpr int kMaximum = kLarge ? 64 : 32;   // digest and key
  static constexpr int kSaltSize = kLarge ? 16 : 8;   // personalisation too
  static constexpr int kRounds = kLarge ? 12 : 10;
  static constexpr int kRotations[4] = {kLarge ? 32 : 16, kLarge ? 24 : 12, kLarge ? 16 : 8, kLarge ? 63 : 7};
  Word h[8];
  Word counted[2] = {0, 0};
  unsigned char block[kBlockSize];
  int used = 0, size = kMaximum;
  bool last_node = false;

  static Word initial(int i) { return static_cast<Word>(kLarge ? kPrimeRoots.square[i] : kPrimeRoots.square[i] >> 32); }
  int digest_size() const { return size; }
  void start(int digest_size, const unsigned char* key, int key_size, const unsigned char* salt, const unsigned char* person, const Tree& tree) {
    unsigned char p[kLarge ? 64 : 32] = {};
    p[0] = static_cast<unsigned char>(digest_size);
    p[1] = static_cast<unsigned char>(key_size);
    p[2] = static_cast<unsigned char>(tree.fanout);
    p[3] = static_cast<unsigned char>(tree.depth);
    memcpy(p + 4, &tree.leaf_size, 4);
    memcpy(p + 8, &tree.node_offset, kLarge ? 8 : 6);
    p[kLarge ? 16 : 14] = static_cast<unsigned char>(tree.node_depth);
    p[kLarge ? 17 : 15] = static_cast<unsigned char>(tree.inner_size);
    memcpy(p + (kLarge ? 32 : 16), salt, kSaltSize);
    memcpy(p + (kLarge ? 48 : 24), person, kSaltSize);
    for (int i = 0; i < 8; ++i) {
      Word word;
      memcpy(&word, p + sizeof(Word) * static_cast<size_t>(i), sizeof(Word));
      h[i] = initial(i) ^ word;
    }
    size = digest_size;
    last_node = tree.last_node;
    if (key_size) {
      unsigned char padded[kBlockSize] = {};
      memcpy(padded, key, static_cast<size_t>(key_size));
      update(padded, kBlockSize);
    }
  }
  void compress(bool last) {
    Word m[16], v[16];
    memcpy(m, block, sizeof(m));
    for (int i = 0; i < 8; ++i) v[i] = h[i], v[i + 8] = initial(i);
    v[12] ^= counted[0];
    v[13] ^= counted[1];
    if (last) v[14] = ~v[14];
    if (last && last_node) v[15] = ~v[15];
    auto mix = [&](int a, int b, int c, int d, Word x, Word y) {
      v[a] += v[b] + x;
      v[d] = std::rotr(v[d] ^ v[a], kRotations[0]);
      v[c] += v[d];
      v[b] = std::rotr(v[b] ^ v[c], kRotations[1]);
      v[a] += v[b] + y;
      v[d] = std::rotr(v[d] ^ v[a], kRotations[2]);
      v[c] += v[d];
      v[b] = std::rotr(v[b] ^ v[c], kRotations[3]);
    };
    for (int round = 0; round < kRounds; ++round) {
      const unsigned char* s = kSigma[round % 10];
      for (int i = 0; i < 4; ++i) mix(i, i + 4, i + 8, i + 12, m[s[2 * i]], m[s[2 * i + 1]]);
      for (int i = 0; i < 4; ++i) mix(i, (i + 1) % 4 + 4, (i + 2) % 4 + 8, (i + 3) % 4 + 12, m[s[2 * i + 8]], m[s[2 * i + 9]]);
    }
    for (int i = 0; i < 8; ++i) h[i] ^= v[i] ^ v[i + 8];
  }
  void count(int bytes) {
    counted[0] += static_cast<Word>(bytes);
    if (counted[0] < static_cast<Word>(bytes)) ++counted[1];
  }
  // A full block waits until it is known not to be the last.
  void update(const unsigned char* data, size_t length) {
    while (length) {
      if (used == kBlockSize) {
        count(kBlockSize);
        compress(false);
        used = 0;
      }
      const size_t part = std::min<size_t>(length, static_cast<size_t>(kBlockSize - used));
      memcpy(block + used, data, part);
      used += static_cast<int>(part);
      data += part;
      length -= part;
    }
  }
  void finish(unsigned char* out) {
    count(used);
    memset(block + used, 0, static_cast<size_t>(kBlockSize - used));
    compress(true);
    memcpy(out, h, sizeof(h));
  }
};
struct Blake2b : Blake2<uint64_t> {
  static constexpr char kName[] = "blake2b";
};
struct Blake2s : Blake2<uint32_t> {
  static constexpr char kName[] = "blake2s";
};

#define PARAMETERS                                                                                                       \
  "key=b'', salt=b'', person=b'', fanout=1, depth=1, leaf_size=0,\n        node_offset=0, node_depth=0, inner_size=0, last_node=False,\n" \
  "        usedforsecurity=True, string=None)"
template <class A>
struct BlakeType : HashType<A> {
  using Base = HashType<A>;
  static constexpr Signature signature =
      read_signature(A::kName, "(data=b'', *, digest_size=64,\n        key=b'', salt=b'', person=b'', fanout=1, depth=1, leaf_size=0,\n        "
                               "node_offset=0, node_depth=0, inner_size=0, last_node=False,\n        usedforsecurity=True, string=None)");
  // A number in a range, 0 with an exception otherwise.
  static bool read(PyObject* o, int* value) { return !o || convert_int(o, value); }
  static PyObject* new_slot(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
    PyObject *v[14] = {}, *data;
    TRY(bind_tuple(signature, args, kwargs, v));
    TRY(choose_data(v[0], v[13], &data));
    Tree tree;
    int digest_size = A::kMaximum, last_node = 0;
    HashedBuffer key, salt, person;
    if (!read(v[1], &digest_size)) return nullptr;
    for (auto [o, buffer] : {std::pair{v[2], &key}, {v[3], &salt}, {v[4], &person}})
      if (o && PyObject_GetBuffer(o, &buffer->view, PyBUF_SIMPLE) < 0) return nullptr;
    if (!read(v[5], &tree.fanout) || !read(v[6], &tree.depth) || !read(v[9], &tree.node_depth) || !read(v[10], &tree.inner_size)) return nullptr;
    if (v[11] && (last_node = PyObject_IsTrue(v[11])) < 0) return nullptr;
    unsigned long leaf_size = 0;
    unsigned long long node_offset = 0;
    for (auto [o, what] : {std::pair{v[7], 0}, {v[8], 1}}) {
      if (!o) continue;
      Ref<> index = TRY(steal(PyNumber_Index(o)));
      if (PyLong_IsNegative(index)) return raise(PyExc_ValueError, "Cannot convert negative int");
      const unsigned long value = PyLong_AsUnsignedLong(index);
      if (value == static_cast<unsigned long>(-1) && PyErr_Occurred()) {
        PyErr_Clear();
        return raise(PyExc_OverflowError, what ? "Python int too large for C unsigned long long" : "Python int too large for C unsigned long");
      }
      if (what) node_offset = value;
      else leaf_size = value;
    }
    constexpr const char* kTitle = A::kLarge ? "Blake2b" : "Blake2s";
    if (digest_size <= 0 || digest_size > A::kMaximum)
      return raise(PyExc_ValueError, "digest_size for %s must be between 1 and %d bytes, here it is %d", kTitle, A::kMaximum, digest_size);
    if (salt.view.len > A::kSaltSize) return raise(PyExc_ValueError, "maximum salt length is %d bytes", A::kSaltSize);
    if (person.view.len > A::kSaltSize) return raise(PyExc_ValueError, "maximum person length is %d bytes", A::kSaltSize);
    if (tree.fanout < 0 || tree.fanout > 255) return raise(PyExc_ValueError, "fanout must be between 0 and 255");
    if (tree.depth <= 0 || tree.depth > 255) return raise(PyExc_ValueError, "depth must be between 1 and 255");
    if (leaf_size > UINT32_MAX) return raise(PyExc_OverflowError, "leaf_size is too large");
    if (!A::kLarge && node_offset > 0xffffffffffffull) return raise(PyExc_OverflowError, "node_offset is too large");
    if (tree.node_depth < 0 || tree.node_depth > 255) return raise(PyExc_ValueError, "node_depth must be between 0 and 255");
    if (tree.inner_size < 0 || tree.inner_size > A::kMaximum)
      return raise(PyExc_ValueError, "inner_size must be between 0 and is %d", A::kMaximum);
    if (key.view.len > A::kMaximum) return raise(PyExc_ValueError, "maximum key length is %d bytes", A::kMaximum);
    unsigned char salt_bytes[16] = {}, person_bytes[16] = {};
    if (salt.view.len) memcpy(salt_bytes, salt.view.buf, salt.size());
    if (person.view.len) memcpy(person_bytes, person.view.buf, person.size());
    tree.leaf_size = static_cast<uint32_t>(leaf_size);
    tree.node_offset = node_offset;
    tree.last_node = last_node;
    A state;
    state.start(digest_size, key.data(), static_cast<int>(key.view.len), salt_bytes, person_bytes, tree);
    return Base::make(type, state, data);
  }
  static Status add(PyObject* m, const char* full_name, const char* doc) {
    PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(Base::dealloc)}, {Py_tp_new, reinterpret_cast<void*>(new_slot)},
                           {Py_tp_methods, Base::methods}, {Py_tp_getset, Base::properties}, {Py_tp_doc, const_cast<char*>(doc)}, {0, nullptr}};
    PyType_Spec spec = {full_name, sizeof(HashObject<A>), 0, Py_TPFLAGS_DEFAULT, slots};
    Ref<> type = TRY(steal(PyType_FromModuleAndSpec(m, &spec, nullptr)));
    const std::pair<const char*, long> constants[] = {
        {"SALT_SIZE", A::kSaltSize}, {"PERSON_SIZE", A::kSaltSize}, {"MAX_KEY_SIZE", A::kMaximum}, {"MAX_DIGEST_SIZE", A::kMaximum}};
    for (const auto& [name, value] : constants) {
      Ref<> number = TRY(steal(PyLong_FromLong(value)));
      TRY(PyObject_SetAttrString(type, name, number));
      char module_name[40];
      snprintf(module_name, sizeof(module_name), "BLAKE2%c_%s", A::kLarge ? 'B' : 'S', name);
      TRY(PyModule_AddObjectRef(m, module_name, number));
    }
    reinterpret_cast<PyTypeObject*>(type.get())->tp_flags |= Py_TPFLAGS_IMMUTABLETYPE;  // now that it has its constants
    return status(PyModule_AddObjectRef(m, A::kName, type));
  }
};

int exec(PyObject* m) {
  TRY(BlakeType<Blake2b>::add(m, "_blake2.blake2b",
                              "blake2b(data=b'', *, digest_size=_blake2.blake2b.MAX_DIGEST_SIZE,\n        " PARAMETERS "\n--\n\nReturn a new BLAKE2b hash object."));
  TRY(BlakeType<Blake2s>::add(m, "_blake2.blake2s",
                              "blake2s(data=b'', *, digest_size=_blake2.blake2s.MAX_DIGEST_SIZE,\n        " PARAMETERS "\n--\n\nReturn a new BLAKE2s hash object."));
  return PyModule_AddIntConstant(m, "_GIL_MINSIZE", kGilMinimum);
}
MODULE_SLOTS(slots, exec);
PyModuleDef module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "_blake2", .m_doc = "_blake2b provides BLAKE2b for hashlib\n", .m_size = 0, .m_slots = slots};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit__blake2(void) { return PyModuleDef_Init(&ks::module); }
