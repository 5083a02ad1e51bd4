// Hashing of bytes and pointers: SipHash-1-3 with a secret of the process.
#include <sys/random.h>

#include <bit>
#include <cstdint>

#include "object/export.h"
#include "types/str.h"

// 24 bytes in the reference: the SipHash key, then salts for what parses untrusted input.
union KsHashSecret {
  unsigned char bytes[24];
  struct {
    uint64_t k0, k1;
  } sip;
  struct {
    unsigned char padding[16];
    Py_hash_t expat_salt;
  } expat;
};
KS_EXPORT KsHashSecret _Py_HashSecret;
KsHashSecret _Py_HashSecret;

namespace ks {

static inline void sip_round(uint64_t& v0, uint64_t& v1, uint64_t& v2, uint64_t& v3) {
  v0 += v1;
  v2 += v3;
  v1 = std::rotl(v1, 13) ^ v0;
  v3 = std::rotl(v3, 16) ^ v2;
  v0 = std::rotl(v0, 32);
  v2 += v1;
  v0 += v3;
  v1 = std::rotl(v1, 17) ^ v2;
  v3 = std::rotl(v3, 21) ^ v0;
  v2 = std::rotl(v2, 32);
}

static uint64_t siphash13(uint64_t k0, uint64_t k1, const unsigned char* data, size_t size) {
  uint64_t v0 = k0 ^ 0x736f6d6570736575, v1 = k1 ^ 0x646f72616e646f6d, v2 = k0 ^ 0x6c7967656e657261,
           v3 = k1 ^ 0x7465646279746573;
  uint64_t last = static_cast<uint64_t>(size) << 56;
  for (; size >= 8; size -= 8, data += 8) {
    uint64_t word;
    memcpy(&word, data, 8);
    v3 ^= word;
    sip_round(v0, v1, v2, v3);
    v0 ^= word;
  }
  for (size_t i = 0; i < size; ++i) last |= static_cast<uint64_t>(data[i]) << (8 * i);
  v3 ^= last;
  sip_round(v0, v1, v2, v3);
  v0 ^= last;
  v2 ^= 0xff;
  sip_round(v0, v1, v2, v3);
  sip_round(v0, v1, v2, v3);
  sip_round(v0, v1, v2, v3);
  return (v0 ^ v1) ^ (v2 ^ v3);
}

Py_hash_t hash_bytes(const void* data, Py_ssize_t size) {
  if (size == 0) return 0;
  const Py_hash_t hash = static_cast<Py_hash_t>(siphash13(_Py_HashSecret.sip.k0, _Py_HashSecret.sip.k1,
                                                          static_cast<const unsigned char*>(data),
                                                          static_cast<size_t>(size)));
  return hash == -1 ? -2 : hash;
}

bool hash_secret_start(bool use_seed, unsigned long seed) {
  unsigned char* bytes = _Py_HashSecret.bytes;
  constexpr size_t size = sizeof _Py_HashSecret.bytes;
  if (!use_seed) {
    size_t done = 0;
    while (done < size) {
      const ssize_t count = getrandom(bytes + done, size - done, GRND_NONBLOCK);
      if (count > 0) done += static_cast<size_t>(count);
      else if (errno != EINTR) break;
    }
    return done == size;
  }
  if (seed == 0) {
    memset(bytes, 0, size);
    return true;
  }
  // A linear congruential generator, as PYTHONHASHSEED is specified to be reproducible.
  unsigned int x = static_cast<unsigned int>(seed);
  for (size_t i = 0; i < size; ++i) {
    x = x * 214013 + 2531011;
    bytes[i] = static_cast<unsigned char>(x >> 16);
  }
  return true;
}

}  // namespace ks

extern "C" {

// Hash of a buffer as bytes and str have it; never -1.
Py_hash_t Py_HashBuffer(const void* data, Py_ssize_t size) { return ks::hash_bytes(data, size); }

// Hash of an address; never -1.
Py_hash_t Py_HashPointer(const void* pointer) {
  const Py_hash_t hash = static_cast<Py_hash_t>(std::rotr(reinterpret_cast<uintptr_t>(pointer), 4));
  return hash == -1 ? -2 : hash;
}

// The hash of objects by identity.
Py_hash_t PyObject_GenericHash(PyObject* self) { return Py_HashPointer(self); }

// Facts of the hash function, static.
PyHash_FuncDef* PyHash_GetFuncDef() {
  static PyHash_FuncDef definition = {ks::hash_bytes, "siphash13", 64, 128};
  return &definition;
}

}  // extern "C"
