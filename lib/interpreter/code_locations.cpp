// Line tables and exception tables: reading, searching, and the iterators of co_lines, co_positions and co_branches.
//
// An entry of co_linetable starts with a byte 1kkkknnn: kind k, length n + 1 units. Kinds 0-9 have one byte (column bits
// above, width below), 10-12 two (column, end column) and a line step of k - 10; 13 a line step; 14 line step, end
// line step, column + 1 and end column + 1; 15 nothing. Numbers are in groups of six bits, lowest first, bit 6 meaning
// that more follow; signed ones have their sign in bit 0.
#include <Python.h>

#include <string>

#include "interpreter/code.h"
#include "interpreter/code_methods.h"
#include "object/static_types.h"
#include "object/identifier.h"

namespace ks {

LocationReader::LocationReader(const PyCodeObject* code)
    : next_(reinterpret_cast<const uint8_t*>(PyBytes_AS_STRING(code->co_linetable))),
      limit_(next_ + PyBytes_GET_SIZE(code->co_linetable)),
      computed_line_(code->co_firstlineno) {}

int LocationReader::varint() {
  unsigned result = 0;
  for (unsigned shift = 0; next_ < limit_; shift += 6) {
    const unsigned byte = *next_++;
    if (shift < 32) result |= (byte & 63) << shift;
    if (!(byte & 64)) break;
  }
  return static_cast<int>(result);
}
int LocationReader::signed_varint() {
  const unsigned value = static_cast<unsigned>(varint());
  return value & 1 ? -static_cast<int>(value >> 1) : static_cast<int>(value >> 1);
}

Ref<> line_table_without_columns(PyObject* table) {
  const auto* at = reinterpret_cast<const uint8_t*>(PyBytes_AS_STRING(table));
  const uint8_t* end = at + PyBytes_GET_SIZE(table);
  std::string result;
  auto number = [&](bool keep) {
    while (at < end) {
      const uint8_t byte = *at++;
      if (keep) result += static_cast<char>(byte);
      if (!(byte & 64)) break;
    }
  };
  while (at < end) {
    const uint8_t head = *at++;
    const int kind = head >> 3 & 15;
    if (kind == PY_CODE_LOCATION_INFO_NONE) {
      result += static_cast<char>(head);
      continue;
    }
    result += static_cast<char>(0x80 | PY_CODE_LOCATION_INFO_NO_COLUMNS << 3 | (head & 7));
    if (kind == PY_CODE_LOCATION_INFO_NO_COLUMNS || kind == PY_CODE_LOCATION_INFO_LONG) {
      number(true);
      if (kind == PY_CODE_LOCATION_INFO_LONG)
        for (int i = 0; i < 3; ++i) number(false);
    } else if (kind >= PY_CODE_LOCATION_INFO_ONE_LINE0) {
      result += static_cast<char>((kind - PY_CODE_LOCATION_INFO_ONE_LINE0) << 1);
      at += 2;
    } else {
      result += '\0';
      at += 1;
    }
  }
  return steal(PyBytes_FromStringAndSize(result.data(), static_cast<Py_ssize_t>(result.size())));
}

bool LocationReader::next() {
  if (next_ >= limit_) return false;
  const unsigned head = *next_++;
  const int kind = head >> 3 & 15;
  start = end;
  end = start + (static_cast<int>(head & 7) + 1) * 2;
  auto byte = [this] { return next_ < limit_ ? static_cast<int>(*next_++) : 0; };
  line = end_line = column = end_column = -1;
  switch (kind) {
    case PY_CODE_LOCATION_INFO_NONE:
      break;
    case PY_CODE_LOCATION_INFO_LONG: {
      computed_line_ += signed_varint();
      line = computed_line_;
      end_line = line + varint();
      column = varint() - 1;
      end_column = varint() - 1;
      break;
    }
    case PY_CODE_LOCATION_INFO_NO_COLUMNS:
      computed_line_ += signed_varint();
      line = end_line = computed_line_;
      break;
    case PY_CODE_LOCATION_INFO_ONE_LINE0:
    case PY_CODE_LOCATION_INFO_ONE_LINE1:
    case PY_CODE_LOCATION_INFO_ONE_LINE2:
      computed_line_ += kind - PY_CODE_LOCATION_INFO_ONE_LINE0;
      line = end_line = computed_line_;
      column = byte();
      end_column = byte();
      break;
    default: {
      line = end_line = computed_line_;
      const int second = byte();
      column = kind << 3 | second >> 4;
      end_column = column + (second & 15);
      break;
    }
  }
  // Whatever is left of a damaged or newer entry.
  while (next_ < limit_ && !(*next_ & 128)) ++next_;
  return true;
}

int code_line(const PyCodeObject* code, int offset) {
  if (offset < 0) return code->co_firstlineno;
  LocationReader reader(code);
  while (reader.next())
    if (offset < reader.end) return reader.line;
  return -1;
}

// ---- exception table -----------------------------------------------------------------------------------------------------

namespace {

const uint8_t* read_number(const uint8_t* at, const uint8_t* limit, int* out) {
  unsigned value = 0;
  while (at < limit) {
    const unsigned byte = *at++;
    value = value << 6 | (byte & 63);
    if (!(byte & 64)) break;
  }
  *out = static_cast<int>(value);
  return at;
}
// The start of the entry that holds `at`: entries begin with bit 7.
const uint8_t* entry_start(const uint8_t* at, const uint8_t* begin) {
  while (at > begin && !(*at & 128)) --at;
  return at;
}

}  // namespace

bool exception_entry_find(const PyCodeObject* code, int unit, ExceptionEntry* entry) {
  const auto* begin = reinterpret_cast<const uint8_t*>(PyBytes_AS_STRING(code->co_exceptiontable));
  const auto* end = begin + PyBytes_GET_SIZE(code->co_exceptiontable);
  // Entries are sorted by start and do not overlap: bisect to the last that starts at or before `unit`.
  const uint8_t* low = begin;
  const uint8_t* high = end;
  while (high - low > 40) {
    const uint8_t* middle = entry_start(low + (high - low) / 2, low);
    if (middle == low) break;
    int start;
    read_number(middle, end, &start);
    if (start <= unit) low = middle;
    else high = middle;
  }
  while (low < end) {
    int start, length, handler, depth_lasti;
    const uint8_t* at = read_number(low, end, &start);
    if (start > unit) return false;
    at = read_number(at, end, &length);
    at = read_number(at, end, &handler);
    at = read_number(at, end, &depth_lasti);
    if (unit < start + length) {
      *entry = {start, start + length, handler, depth_lasti >> 1, (depth_lasti & 1) != 0};
      return true;
    }
    low = at;
  }
  return false;
}

// ---- iterators -------------------------------------------------------------------------------------------------------------

namespace {

struct LinesIterator {
  PyObject_HEAD
  PyCodeObject* code;
  LocationReader reader;
  bool done;
  bool ahead;  // the reader is at an entry that was not given out yet
};
struct PositionsIterator {
  PyObject_HEAD
  PyCodeObject* code;
  LocationReader reader;
  int at;
};
struct BranchesIterator {
  PyObject_HEAD
  PyCodeObject* code;
  int unit;
};

template <class T>
void iterator_dealloc(PyObject* self) {
  Py_DECREF(reinterpret_cast<PyObject*>(as<T>(self)->code));
  PyObject_Free(self);
}

PyObject* number_or_none(int value, int missing = -1) {
  return value == missing ? Py_NewRef(Py_None) : PyLong_FromLong(value);
}
PyObject* tuple_of(std::initializer_list<PyObject*> items) {
  Ref<> tuple = steal(PyTuple_New(static_cast<Py_ssize_t>(items.size())));
  Py_ssize_t at = 0;
  bool good = static_cast<bool>(tuple);
  for (PyObject* item : items) {
    good = good && item;
    if (tuple) PyTuple_SET_ITEM(tuple.get(), at++, item);
    else Py_XDECREF(item);
  }
  return good ? tuple.release() : nullptr;
}

PyObject* lines_next(PyObject* self) {
  auto* it = as<LinesIterator>(self);
  if (!it->ahead && !it->reader.next()) return nullptr;
  it->ahead = false;
  const int start = it->reader.start;
  const int line = it->reader.line;
  int end = it->reader.end;
  while (it->reader.next()) {
    if (it->reader.line != line) {
      it->ahead = true;
      break;
    }
    end = it->reader.end;
  }
  return tuple_of({PyLong_FromLong(start), PyLong_FromLong(end), number_or_none(line)});
}

PyObject* positions_next(PyObject* self) {
  auto* it = as<PositionsIterator>(self);
  while (it->at >= it->reader.end)
    if (!it->reader.next()) return nullptr;
  it->at += 2;
  const LocationReader& r = it->reader;
  return tuple_of({number_or_none(r.line), number_or_none(r.end_line), number_or_none(r.column), number_or_none(r.end_column)});
}

// Opcodes that branch, and what follows an instruction that does not.
struct Instruction {
  int op;
  int oparg;
  int next;  // unit behind it and its caches
};
int caches_of(int op) {
  switch (op) {
#define OPCODE(NUMBER, NAME, CACHES, EFFECT, JUMP_EFFECT, FLAGS) \
  case NUMBER:                                                   \
    return CACHES;
#include "interpreter/opcodes.def"
  }
  return 0;
}
enum Op {
#define OPCODE(NUMBER, NAME, CACHES, EFFECT, JUMP_EFFECT, FLAGS) OP_##NAME = NUMBER,
#include "interpreter/opcodes.def"
};

Instruction instruction_at(const PyCodeObject* code, int unit) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(code->co_code_adaptive);
  const int count = static_cast<int>(Py_SIZE(code));
  unsigned oparg = 0;
  int op = bytes[unit * 2];
  oparg = bytes[unit * 2 + 1];
  while (op == OP_EXTENDED_ARG && unit + 1 < count) {
    ++unit;
    op = bytes[unit * 2];
    oparg = oparg << 8 | bytes[unit * 2 + 1];
  }
  return {op, static_cast<int>(oparg), unit + 1 + caches_of(op)};
}

PyObject* branches_next(PyObject* self) {
  auto* it = as<BranchesIterator>(self);
  const int count = static_cast<int>(Py_SIZE(it->code));
  while (it->unit < count) {
    const int source = it->unit;
    const Instruction now = instruction_at(it->code, source);
    it->unit = now.next;
    int taken;
    switch (now.op) {
      case OP_FOR_ITER:
        // The taken branch leads behind END_FOR and POP_ITER.
        taken = now.next + now.oparg + 2;
        break;
      case OP_POP_JUMP_IF_FALSE:
      case OP_POP_JUMP_IF_TRUE:
      case OP_POP_JUMP_IF_NONE:
      case OP_POP_JUMP_IF_NOT_NONE:
        taken = now.next + now.oparg;
        break;
      case OP_END_ASYNC_FOR: {
        // Its operand leads back to the END_SEND of the loop's head.
        const int head = now.next - now.oparg;
        return tuple_of({PyLong_FromLong(head * 2), PyLong_FromLong((head + 2) * 2), PyLong_FromLong(now.next * 2)});
      }
      default:
        continue;
    }
    int not_taken = now.next;
    if (not_taken < count && instruction_at(it->code, not_taken).op == OP_NOT_TAKEN)
      not_taken = instruction_at(it->code, not_taken).next;
    return tuple_of({PyLong_FromLong(source * 2), PyLong_FromLong(not_taken * 2), PyLong_FromLong(taken * 2)});
  }
  return nullptr;
}

}  // namespace
}  // namespace ks

using namespace ks;

#define LOCATION_ITERATOR(TYPE, STRUCT, NAME, NEXT)                  \
  PyTypeObject TYPE = {                                              \
      .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0).tp_name = NAME, \
      .tp_basicsize = sizeof(STRUCT),                                \
      .tp_dealloc = iterator_dealloc<STRUCT>,                        \
      .tp_getattro = PyObject_GenericGetAttr,                        \
      .tp_flags = Py_TPFLAGS_DEFAULT,                                \
      .tp_iter = PyObject_SelfIter,                                  \
      .tp_iternext = NEXT,                                           \
      .tp_free = PyObject_Free,                                      \
  }
LOCATION_ITERATOR(_PyLineIterator, LinesIterator, "line_iterator", lines_next);
LOCATION_ITERATOR(_PyPositionsIterator, PositionsIterator, "positions_iterator", positions_next);
// The reference calls it so too.
LOCATION_ITERATOR(_PyBranchesIterator, BranchesIterator, "line_iterator", branches_next);

namespace ks {

Ref<> code_lines_iterator(PyCodeObject* code) {
  auto* it = TRY(PyObject_New(LinesIterator, &_PyLineIterator));
  it->code = reinterpret_cast<PyCodeObject*>(Py_NewRef(reinterpret_cast<PyObject*>(code)));
  it->reader = LocationReader(code);
  it->ahead = false;
  return steal(object(it));
}
Ref<> code_positions_iterator(PyCodeObject* code) {
  auto* it = TRY(PyObject_New(PositionsIterator, &_PyPositionsIterator));
  it->code = reinterpret_cast<PyCodeObject*>(Py_NewRef(reinterpret_cast<PyObject*>(code)));
  it->reader = LocationReader(code);
  it->at = 0;
  return steal(object(it));
}
Ref<> code_branches_iterator(PyCodeObject* code) {
  auto* it = TRY(PyObject_New(BranchesIterator, &_PyBranchesIterator));
  it->code = reinterpret_cast<PyCodeObject*>(Py_NewRef(reinterpret_cast<PyObject*>(code)));
  it->unit = 0;
  return steal(object(it));
}

Ref<> code_old_line_table(PyCodeObject* code) {
  Ref<> bytes = TRY(steal(PyByteArray_FromStringAndSize(nullptr, 0)));
  Py_ssize_t used = 0;
  auto add = [&](int first, int second) -> Status {
    if (PyByteArray_GET_SIZE(bytes.get()) < used + 2) TRY(status(PyByteArray_Resize(bytes, (used + 2) * 2)));
    char* data = PyByteArray_AS_STRING(bytes.get());
    data[used++] = static_cast<char>(first);
    data[used++] = static_cast<char>(second);
    return Status::Ok;
  };
  int line = code->co_firstlineno;
  int address = 0;
  LocationReader reader(code);
  while (reader.next()) {
    if (reader.line < 0 || reader.line == line) continue;
    int step = reader.start - address;
    for (; step > 254; step -= 254) TRY(add(254, 0));
    int lines = reader.line - line;
    for (; lines > 127; lines -= 127, step = 0) TRY(add(step, 127));
    for (; lines < -128; lines += 128, step = 0) TRY(add(step, -128));
    TRY(add(step, lines));
    address = reader.start;
    line = reader.line;
  }
  return steal(PyBytes_FromStringAndSize(PyByteArray_AS_STRING(bytes.get()), used));
}

}  // namespace ks

// The line, or -1.
int PyCode_Addr2Line(PyCodeObject* code, int offset) { return code_line(code, offset); }

// 1, with -1 for what is not known.
int PyCode_Addr2Location(PyCodeObject* code, int offset, int* start_line, int* start_column, int* end_line, int* end_column) {
  if (offset < 0) {
    *start_line = *end_line = code->co_firstlineno;
    *start_column = *end_column = 0;
    return 1;
  }
  LocationReader reader(code);
  while (reader.next()) {
    if (offset >= reader.end) continue;
    *start_line = reader.line;
    *end_line = reader.end_line;
    *start_column = reader.column;
    *end_column = reader.end_column;
    return 1;
  }
  *start_line = *end_line = *start_column = *end_column = -1;
  return 1;
}
