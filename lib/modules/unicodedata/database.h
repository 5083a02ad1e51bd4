// The database that only the module unicodedata asks: general properties and decompositions, of the current version and
// of 3.2.0.
#pragma once

#include "object/result.h"
#include "text/unicode.h"

namespace ks {

struct DatabaseRecord {
  uint8_t category, combining, bidirectional, mirrored, width;
  uint8_t check;  // 1 NFD 2 NFKD 4 NFC 8 NFKC: changes alone; 16: may compose with what is before it
};
static_assert(sizeof(DatabaseRecord) == 6);

inline const DatabaseRecord& database_record(Py_UCS4 c) {
  return unicode_section<DatabaseRecord>(k_database_records)[KS_TRIE(database, c)];
}
inline const DatabaseRecord& old_database_record(Py_UCS4 c) {
  return unicode_section<DatabaseRecord>(k_old_database_records)[KS_TRIE(old_database, c)];
}
inline int combining_class(Py_UCS4 c) { return c < 0x300 ? 0 : database_record(c).combining; }

struct Decomposition {
  unsigned prefix = 0;  // index into kPrefixes, 0: canonical
  unsigned count = 0;
  const uint32_t* characters = nullptr;
};
inline Decomposition decomposition_of(Py_UCS4 c, bool old) {
  const unsigned index = old ? KS_TRIE(old_decomposition, c) : KS_TRIE(decomposition, c);
  if (!index) return {};
  const uint32_t* entry = unicode_section<uint32_t>(k_decomposition_pool) + index;
  return {entry[0] & 0xff, entry[0] >> 8, entry + 1};
}

PyObject* normalize(PyObject* form_name, PyObject* s, bool old);
Found is_normalized(PyObject* form_name, PyObject* s, bool old);

}  // namespace ks
