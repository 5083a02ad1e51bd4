// Functions that the stable ABI keeps for what headers define as macros or inline.
#include <Python.h>

#include "object/export.h"

// The header declares these two outside of extern "C": the C names are given to functions of ours.
KS_EXPORT uint32_t pack_full_version(int major, int minor, int micro, int level, int serial) __asm__("Py_PACK_FULL_VERSION");
KS_EXPORT uint32_t pack_version(int major, int minor) __asm__("Py_PACK_VERSION");
uint32_t pack_full_version(int major, int minor, int micro, int level, int serial) {
  return (static_cast<uint32_t>(major) & 0xff) << 24 | (static_cast<uint32_t>(minor) & 0xff) << 16 |
         (static_cast<uint32_t>(micro) & 0xff) << 8 | (static_cast<uint32_t>(level) & 0xf) << 4 |
         (static_cast<uint32_t>(serial) & 0xf);
}
uint32_t pack_version(int major, int minor) { return pack_full_version(major, minor, 0, 0, 0); }

// Whether an object is only on the evaluation stack of the running frame. A hint that allows to change it in place:
// 0, "do not know", is always right.
int PyUnstable_Object_IsUniqueReferencedTemporary(PyObject*) { return 0; }
