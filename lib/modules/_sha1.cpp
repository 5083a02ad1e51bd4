// _sha1: FIPS 180-4.
#include "modules/hash_object.h"

namespace ks {
namespace {

struct Sha1 : BlockBuffer<Sha1, 64> {
  static constexpr char kName[] = "sha1";
  static constexpr int kIndex = 0;
  uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  int digest_size() const { return 20; }
  void compress(const unsigned char* data) {
    uint32_t w[80];
    for (int i = 0; i < 16; ++i) w[i] = load_big<uint32_t>(data + 4 * i);
    for (int i = 16; i < 80; ++i) w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    auto round = [&](int i, uint32_t f, uint32_t k) {
      const uint32_t next = std::rotl(a, 5) + f + e + k + w[i];
      e = d, d = c, c = std::rotl(b, 30), b = a, a = next;
    };
    int i = 0;
    for (; i < 20; ++i) round(i, d ^ (b & (c ^ d)), 0x5a827999);
    for (; i < 40; ++i) round(i, b ^ c ^ d, 0x6ed9eba1);
    for (; i < 60; ++i) round(i, (b & c) | (d & (b | c)), 0x8f1bbcdc);
    for (; i < 80; ++i) round(i, b ^ c ^ d, 0xca62c1d6);
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
  }
  void finish(unsigned char* out) {
    pad(8, true);
    for (int i = 0; i < 5; ++i) store_big(out + 4 * i, h[i]);
  }
};

PyMethodDef methods[] = {hash_constructor<Sha1>(KS_HASH_DOC("sha1", "SHA1")), {}};
int exec(PyObject* m) {
  TRY(add_hash_type<Sha1>(m, "_sha1.sha1", "SHA1Type"));
  return PyModule_AddIntConstant(m, "_GIL_MINSIZE", kGilMinimum);
}
MODULE_SLOTS(slots, exec);
PyModuleDef module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "_sha1", .m_size = sizeof(PyObject*), .m_methods = methods, .m_slots = slots,
                      .m_traverse = hash_traverse<1>, .m_clear = hash_clear<1>, .m_free = hash_free<1>};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit__sha1(void) { return PyModuleDef_Init(&ks::module); }
