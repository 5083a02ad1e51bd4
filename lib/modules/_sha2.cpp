// _sha2: SHA-224, SHA-256, SHA-384 and SHA-512, FIPS 180-4. Both word sizes are one algorithm with other rotations.
#include "modules/hash_object.h"

namespace ks {
namespace {

struct Rotations {
  int big0[3], big1[3], small0[3], small1[3];  // the last of the small ones is a shift
};
template <class Word>
struct Sha2Parameters;
template <>
struct Sha2Parameters<uint32_t> {
  static constexpr int kRounds = 64;
  static constexpr Rotations rotations = {{2, 13, 22}, {6, 11, 25}, {7, 18, 3}, {17, 19, 10}};
  static constexpr uint32_t constant(int i) { return static_cast<uint32_t>(kPrimeRoots.cube[i] >> 32); }
};
template <>
struct Sha2Parameters<uint64_t> {
  static constexpr int kRounds = 80;
  static constexpr Rotations rotations = {{28, 34, 39}, {14, 18, 41}, {1, 8, 7}, {19, 61, 6}};
  static constexpr uint64_t constant(int i) { return kPrimeRoots.cube[i]; }
};

template <class Self, class Word>
struct Sha2 : BlockBuffer<Sha2<Self, Word>, sizeof(Word) * 16> {
  using P = Sha2Parameters<Word>;
  Word h[8];
  int digest_size() const { return Self::kDigestSize; }
  void compress(const unsigned char* data) {
    static constexpr Rotations r = P::rotations;
    Word w[P::kRounds];
    for (int i = 0; i < 16; ++i) w[i] = load_big<Word>(data + sizeof(Word) * static_cast<size_t>(i));
    for (int i = 16; i < P::kRounds; ++i) {
      const Word s0 = std::rotr(w[i - 15], r.small0[0]) ^ std::rotr(w[i - 15], r.small0[1]) ^ (w[i - 15] >> r.small0[2]);
      const Word s1 = std::rotr(w[i - 2], r.small1[0]) ^ std::rotr(w[i - 2], r.small1[1]) ^ (w[i - 2] >> r.small1[2]);
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    Word a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], t = h[7];
    for (int i = 0; i < P::kRounds; ++i) {
      const Word s1 = std::rotr(e, r.big1[0]) ^ std::rotr(e, r.big1[1]) ^ std::rotr(e, r.big1[2]);
      const Word t1 = t + s1 + (g ^ (e & (f ^ g))) + P::constant(i) + w[i];
      const Word s0 = std::rotr(a, r.big0[0]) ^ std::rotr(a, r.big0[1]) ^ std::rotr(a, r.big0[2]);
      const Word t2 = s0 + ((a & b) | (c & (a | b)));
      t = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e, h[5] += f, h[6] += g, h[7] += t;
  }
  void finish(unsigned char* out) {
    this->pad(sizeof(Word) * 2, true);
    for (int i = 0; i < 8; ++i) store_big(out + sizeof(Word) * static_cast<size_t>(i), h[i]);
  }
};
struct Sha224 : Sha2<Sha224, uint32_t> {
  static constexpr char kName[] = "sha224";
  static constexpr int kIndex = 0, kDigestSize = 28;
  Sha224() {
    for (int i = 0; i < 8; ++i) h[i] = static_cast<uint32_t>(kPrimeRoots.square[i + 8]);
  }
};
struct Sha256 : Sha2<Sha256, uint32_t> {
  static constexpr char kName[] = "sha256";
  static constexpr int kIndex = 1, kDigestSize = 32;
  Sha256() {
    for (int i = 0; i < 8; ++i) h[i] = static_cast<uint32_t>(kPrimeRoots.square[i] >> 32);
  }
};
struct Sha384 : Sha2<Sha384, uint64_t> {
  static constexpr char kName[] = "sha384";
  static constexpr int kIndex = 2, kDigestSize = 48;
  Sha384() {
    for (int i = 0; i < 8; ++i) h[i] = kPrimeRoots.square[i + 8];
  }
};
struct Sha512 : Sha2<Sha512, uint64_t> {
  static constexpr char kName[] = "sha512";
  static constexpr int kIndex = 3, kDigestSize = 64;
  Sha512() {
    for (int i = 0; i < 8; ++i) h[i] = kPrimeRoots.square[i];
  }
};

PyMethodDef methods[] = {hash_constructor<Sha256>(KS_HASH_DOC("sha256", "SHA-256")), hash_constructor<Sha224>(KS_HASH_DOC("sha224", "SHA-224")),
                         hash_constructor<Sha512>(KS_HASH_DOC("sha512", "SHA-512")), hash_constructor<Sha384>(KS_HASH_DOC("sha384", "SHA-384")), {}};
int exec(PyObject* m) {
  TRY(add_hash_type<Sha224>(m, "_sha2.SHA224Type", "SHA224Type"));
  TRY(add_hash_type<Sha256>(m, "_sha2.SHA256Type", "SHA256Type"));
  TRY(add_hash_type<Sha384>(m, "_sha2.SHA384Type", "SHA384Type"));
  TRY(add_hash_type<Sha512>(m, "_sha2.SHA512Type", "SHA512Type"));
  return PyModule_AddIntConstant(m, "_GIL_MINSIZE", kGilMinimum);
}
MODULE_SLOTS(slots, exec);
PyModuleDef module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "_sha2", .m_size = 4 * sizeof(PyObject*), .m_methods = methods, .m_slots = slots,
                      .m_traverse = hash_traverse<4>, .m_clear = hash_clear<4>, .m_free = hash_free<4>};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit__sha2(void) { return PyModuleDef_Init(&ks::module); }
