// Code objects: making them, and reading their line and exception tables.
//
// The instructions lie in co_code_adaptive and never change (the evaluator runs a copy of its own, executable.h), so
// that co_code is a plain copy of them. Addresses are byte offsets unless they are called units (of two bytes).
#pragma once

#include <Python.h>

#include <cstdint>

#include "object/result.h"

namespace ks {

// What a local variable, cell or free variable is: the bytes of co_localspluskinds.
inline constexpr unsigned char kFastArgPositional = 0x02;
inline constexpr unsigned char kFastArgKeyword = 0x04;
inline constexpr unsigned char kFastArgVariable = 0x08;
inline constexpr unsigned char kFastArg = kFastArgPositional | kFastArgKeyword | kFastArgVariable;
inline constexpr unsigned char kFastHidden = 0x10;
inline constexpr unsigned char kFastLocal = 0x20;
inline constexpr unsigned char kFastCell = 0x40;
inline constexpr unsigned char kFastFree = 0x80;

inline unsigned char local_kind(const PyCodeObject* code, int index) {
  return static_cast<unsigned char>(PyBytes_AS_STRING(code->co_localspluskinds)[index]);
}
inline PyObject* local_name(const PyCodeObject* code, int index) { return PyTuple_GET_ITEM(code->co_localsplusnames, index); }

// All that a code object is made of; everything borrowed.
struct CodeParts {
  PyObject* filename = nullptr;
  PyObject* name = nullptr;
  PyObject* qualname = nullptr;
  int flags = 0;
  PyObject* code = nullptr;  // bytes
  int firstlineno = 0;
  PyObject* linetable = nullptr;
  PyObject* consts = nullptr;
  PyObject* names = nullptr;
  PyObject* localsplusnames = nullptr;
  PyObject* localspluskinds = nullptr;
  int argcount = 0;
  int posonlyargcount = 0;
  int kwonlyargcount = 0;
  int stacksize = 0;
  PyObject* exceptiontable = nullptr;
};

// A new code object of checked parts: SystemError, ValueError or TypeError where they do not fit together.
Ref<PyCodeObject> code_new(const CodeParts& parts);

// A line table that tells lines only.
Ref<> line_table_without_columns(PyObject* table);

// ---- the line table --------------------------------------------------------------------------------------------------

// Walks the entries of co_linetable. An entry covers the instructions of [start, end) with one location.
class LocationReader {
 public:
  explicit LocationReader(const PyCodeObject* code);
  // The next entry; false at the end.
  bool next();

  int start = 0;
  int end = 0;
  int line = -1;  // -1: no location
  int end_line = -1;
  int column = -1;
  int end_column = -1;

 private:
  int varint();
  int signed_varint();

  const uint8_t* next_;
  const uint8_t* limit_;
  int computed_line_;
};

// Line of the instruction at a byte offset: co_firstlineno for negative offsets, -1 for no line.
int code_line(const PyCodeObject* code, int offset);

// ---- the exception table ---------------------------------------------------------------------------------------------

struct ExceptionEntry {
  int start;  // units
  int end;
  int handler;
  int depth;   // height of the evaluation stack that stays
  bool lasti;  // push the offset of the raising instruction
};

// The handler for an exception in the instruction at `unit`; false: none.
bool exception_entry_find(const PyCodeObject* code, int unit, ExceptionEntry* entry);

}  // namespace ks
