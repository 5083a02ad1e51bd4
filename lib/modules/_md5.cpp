// _md5: RFC 1321.
#include "modules/hash_object.h"

namespace ks {
namespace {

// floor(2**32 * |sin(i + 1)|), by a power series after taking off whole turns.
struct Sines {
  uint32_t values[64];
};
consteval Sines make_sines() {
  Sines result{};
  constexpr long double kPi = 3.14159265358979323846264338327950288L;
  for (int i = 0; i < 64; ++i) {
    long double x = i + 1;
    while (x > kPi) x -= 2 * kPi;
    long double term = x, sum = x;
    for (int n = 1; n < 30; ++n) {
      term *= -x * x / ((2 * n) * (2 * n + 1));
      sum += term;
    }
    if (sum < 0) sum = -sum;
    result.values[i] = static_cast<uint32_t>(sum * 4294967296.0L);
  }
  return result;
}
constexpr Sines sines = make_sines();

struct Md5 : BlockBuffer<Md5, 64> {
  static constexpr char kName[] = "md5";
  static constexpr int kIndex = 0;
  uint32_t h[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  int digest_size() const { return 16; }
  void compress(const unsigned char* data) {
    static constexpr int kShifts[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    uint32_t words[16];
    memcpy(words, data, 64);
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3];
#pragma clang loop unroll(full)
    for (int i = 0; i < 64; ++i) {
      uint32_t f;
      int g;
      switch (i / 16) {
        case 0: f = d ^ (b & (c ^ d)), g = i; break;
        case 1: f = c ^ (d & (b ^ c)), g = (5 * i + 1) & 15; break;
        case 2: f = b ^ c ^ d, g = (3 * i + 5) & 15; break;
        default: f = c ^ (b | ~d), g = (7 * i) & 15;
      }
      const uint32_t next = b + std::rotl(a + f + sines.values[i] + words[g], kShifts[i / 16][i % 4]);
      a = d, d = c, c = b, b = next;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d;
  }
  void finish(unsigned char* out) {
    pad(8, false);
    memcpy(out, h, 16);
  }
};

PyMethodDef methods[] = {hash_constructor<Md5>(KS_HASH_DOC("md5", "MD5")), {}};
int exec(PyObject* m) {
  TRY(add_hash_type<Md5>(m, "_md5.md5", "MD5Type"));
  return PyModule_AddIntConstant(m, "_GIL_MINSIZE", kGilMinimum);
}
MODULE_SLOTS(slots, exec);
PyModuleDef module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "_md5", .m_size = sizeof(PyObject*), .m_methods = methods, .m_slots = slots,
                      .m_traverse = hash_traverse<1>, .m_clear = hash_clear<1>, .m_free = hash_free<1>};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit__md5(void) { return PyModuleDef_Init(&ks::module); }
