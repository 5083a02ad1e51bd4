// Methods whose text signature, which inspect reads, is not the one their arguments are bound by.
#pragma once

#include "object/method.h"

// BOUND is how arguments are bound, SHOWN what __text_signature__ says.
#define METHOD_SHOWN(FUNCTION, NAME, FLAGS, BOUND, SHOWN, DOC)                                      \
  METHOD_WITH_DOC(FUNCTION, NAME, FLAGS, BOUND, NAME SHOWN "\n--\n\n" DOC)
// No __text_signature__: where the reference has none, inspect.signature() refuses.
// (METH_NOARGS and METH_O have one of themselves, so neither is used.)
#define METHOD_UNSIGNED(FUNCTION, NAME, FLAGS, BOUND, DOC)                                          \
  static constexpr char FUNCTION##_name[] = NAME;                                                   \
  static constexpr ks::Signature FUNCTION##_signature = ks::read_signature(FUNCTION##_name, BOUND); \
  static constexpr PyMethodDef FUNCTION##_method = {                                              \
      FUNCTION##_name, ks::Thunk<FUNCTION##_signature, &FUNCTION>::reinterpret_cast_fast(ks::Thunk<FUNCTION##_signature, &FUNCTION>::fast), \
      METH_FASTCALL | (FLAGS), DOC}

#define METHOD_WITH_DOC(FUNCTION, NAME, FLAGS, BOUND, DOC)                                          \
  static constexpr char FUNCTION##_name[] = NAME;                                                   \
  static constexpr char FUNCTION##_doc[] = DOC;                                                     \
  static constexpr ks::Signature FUNCTION##_signature = ks::read_signature(FUNCTION##_name, BOUND); \
  static constexpr PyMethodDef FUNCTION##_method =                                                  \
      ks::Thunk<FUNCTION##_signature, &FUNCTION>::definition(FUNCTION##_name, FUNCTION##_doc, FLAGS)
