// The bytes of a code object: instructions, line table, exception table, and the names of its variables.
#include <algorithm>
#include <string>

#include "compiler/graph.h"
#include "interpreter/code.h"
#include "object/identifier.h"

namespace ks::compiler {
namespace {

// ---- instructions ----------------------------------------------------------------------------------------------------

int units_of(int opcode, int oparg) {
  const int prefixes = (oparg & ~0xFFFFFF) ? 3 : (oparg & ~0xFFFF) ? 2 : (oparg & ~0xFF) ? 1 : 0;
  return prefixes + 1 + opcode_caches(opcode);
}

// END_ASYNC_FOR names the END_SEND that comes so many units after the SEND that it goes back to.
constexpr int kSendToEndSend = 5;

// Distances of jumps depend on the sizes of instructions, which depend on distances: until nothing changes.
void resolve_jumps(Graph& graph) {
  // The first guess is the number of the instruction that is jumped to, as in the reference: near 256 it decides whether
  // a jump gets an EXTENDED_ARG that only its own size makes necessary.
  int number = 0;
  for (Block* block = graph.entry(); block; block = block->next) {
    block->position = number;
    number += static_cast<int>(block->ops.size());
  }
  for (Block* block = graph.entry(); block; block = block->next)
    for (Op& op : block->ops)
      if (op.is_jump() && op.target) op.oparg = op.target->position;
  bool changed = true;
  while (changed) {
    changed = false;
    int at = 0;
    for (Block* block = graph.entry(); block; block = block->next) {
      block->position = at;
      for (const Op& op : block->ops) at += units_of(op.opcode, op.oparg);
    }
    at = 0;
    for (Block* block = graph.entry(); block; block = block->next) {
      for (Op& op : block->ops) {
        const int size = units_of(op.opcode, op.oparg);
        at += size;
        if (!op.is_jump() || !op.target) continue;
        const int target = op.target->position;
        if (op.opcode == END_ASYNC_FOR) op.oparg = at - target - kSendToEndSend;
        else op.oparg = target < at ? at - target : target - at;
        if (units_of(op.opcode, op.oparg) != size) changed = true;
      }
    }
  }
}

std::string instruction_bytes(Graph& graph) {
  std::string bytes;
  for (Block* block = graph.entry(); block; block = block->next) {
    for (const Op& op : block->ops) {
      const auto oparg = static_cast<unsigned>(op.oparg);
      for (int shift = 24; shift > 0; shift -= 8) {
        if (!(oparg >> shift)) continue;
        bytes.push_back(static_cast<char>(EXTENDED_ARG));
        bytes.push_back(static_cast<char>(oparg >> shift & 0xFF));
      }
      bytes.push_back(static_cast<char>(op.opcode));
      bytes.push_back(static_cast<char>(oparg & 0xFF));
      bytes.append(static_cast<size_t>(2 * opcode_caches(op.opcode)), '\0');
    }
  }
  return bytes;
}

// ---- line table ------------------------------------------------------------------------------------------------------

class LineTable {
 public:
  explicit LineTable(int first_line) : line_(first_line) {}
  void add(const Location& at, int units) {
    constexpr int kMostUnits = 8;
    for (; units > kMostUnits; units -= kMostUnits) add_entry(at, kMostUnits);
    if (units > 0) add_entry(at, units);
  }
  std::string take() { return std::move(bytes_); }

 private:
  // Kinds of entries.
  static constexpr int kOneLine = 10, kNoColumns = 13, kLong = 14, kNone = 15;

  void byte(int value) { bytes_.push_back(static_cast<char>(value)); }
  void head(int kind, int units) { byte(0x80 | kind << 3 | (units - 1)); }
  void varint(unsigned value) {
    for (; value >= 64; value >>= 6) byte(static_cast<int>(0x40 | (value & 63)));
    byte(static_cast<int>(value));
  }
  void signed_varint(int value) {
    varint(value < 0 ? (0u - static_cast<unsigned>(value)) << 1 | 1 : static_cast<unsigned>(value) << 1);
  }
  void add_entry(const Location& at, int units) {
    if (at.lineno == kNoLocation.lineno) {
      head(kNone, units);
      return;
    }
    const int delta = at.lineno - line_;
    const int column = at.col_offset, end_column = at.end_col_offset;
    if (column < 0 || end_column < 0) {
      if (at.end_lineno == at.lineno || at.end_lineno < 0) {
        head(kNoColumns, units);
        signed_varint(delta);
        line_ = at.lineno;
        return;
      }
    } else if (at.end_lineno == at.lineno) {
      if (delta == 0 && column < 80 && end_column - column < 16 && end_column >= column) {
        head(column >> 3, units);
        byte((column & 7) << 4 | (end_column - column));
        return;
      }
      if (delta >= 0 && delta < 3 && column < 128 && end_column < 128) {
        head(kOneLine + delta, units);
        byte(column);
        byte(end_column);
        line_ = at.lineno;
        return;
      }
    }
    head(kLong, units);
    signed_varint(delta);
    varint(static_cast<unsigned>(at.end_lineno - at.lineno));
    varint(static_cast<unsigned>(column + 1));
    varint(static_cast<unsigned>(end_column + 1));
    line_ = at.lineno;
  }

  std::string bytes_;
  int line_;
};

std::string line_table(Graph& graph, int first_line) {
  std::vector<Op*> ops;
  for (Block* block = graph.entry(); block; block = block->next)
    for (Op& op : block->ops) ops.push_back(&op);
  for (size_t i = ops.size(); i-- > 0;) {
    if (!same_location(ops[i]->location, kNextLocation)) continue;
    const bool ends = ops[i]->is_jump() || is_scope_exit(ops[i]->opcode);
    ops[i]->location = ends || i + 1 == ops.size() ? kNoLocation : ops[i + 1]->location;
  }
  LineTable table(first_line);
  Location location = kNoLocation;
  int units = 0;
  for (const Op* op : ops) {
    if (!same_location(location, op->location)) {
      table.add(location, units);
      location = op->location;
      units = 0;
    }
    units += units_of(op->opcode, op->oparg);
  }
  table.add(location, units);
  return table.take();
}

// ---- exception table -------------------------------------------------------------------------------------------------

class ExceptionTable {
 public:
  void add(int start, int end, const Block* handler) {
    if (!handler || end <= start) return;
    int depth = handler->start_depth - 1;
    if (handler->keeps_lasti) --depth;
    number(start, 0x80);
    number(end - start, 0);
    number(handler->position, 0);
    number(depth << 1 | handler->keeps_lasti, 0);
  }
  std::string take() { return std::move(bytes_); }

 private:
  // Six bits a byte, most significant first; the first byte of an entry is marked.
  void number(int value, int mark) {
    for (int shift = 24; shift > 0; shift -= 6) {
      if (!(value >> shift)) continue;
      bytes_.push_back(static_cast<char>((value >> shift & 0x3F) | 0x40 | mark));
      mark = 0;
    }
    bytes_.push_back(static_cast<char>((value & 0x3F) | mark));
  }
  std::string bytes_;
};

std::string exception_table(Graph& graph) {
  ExceptionTable table;
  const Block* handler = nullptr;
  int start = 0, at = 0;
  for (Block* block = graph.entry(); block; block = block->next) {
    for (const Op& op : block->ops) {
      if (op.handler != handler) {
        table.add(start, at, handler);
        start = at;
        handler = op.handler;
      }
      at += units_of(op.opcode, op.oparg);
    }
  }
  table.add(start, at, handler);
  return table.take();
}

// ---- names -----------------------------------------------------------------------------------------------------------

Ref<> names_tuple(const NameMap<int>& names) {
  Ref<> tuple = TRY(steal(PyTuple_New(static_cast<Py_ssize_t>(names.size()))));
  for (const auto& name : names) PyTuple_SET_ITEM(tuple.get(), name.value, Py_NewRef(name.name));
  return tuple;
}

// Names and kinds of locals, cells and free variables, by their places.
Status local_names(Unit& unit, const AssembleInput& input, Ref<>* names, Ref<>* kinds) {
  *names = TRY(steal(PyTuple_New(input.local_count)));
  *kinds = TRY(steal(PyBytes_FromStringAndSize(nullptr, input.local_count)));
  auto* kind = reinterpret_cast<unsigned char*>(PyBytes_AS_STRING(kinds->get()));
  auto set = [&](int at, PyObject* name, int flags) {
    PyObject* old = PyTuple_GET_ITEM(names->get(), at);
    PyTuple_SET_ITEM(names->get(), at, Py_NewRef(name));
    Py_XDECREF(old);
    kind[at] = static_cast<unsigned char>(flags);
  };
  const int positional_only = unit.positional_only_count;
  const int positional = positional_only + unit.argument_count;
  const int named = positional + unit.keyword_only_count;
  const bool varargs = input.flags & CO_VARARGS, varkeywords = input.flags & CO_VARKEYWORDS;
  for (const auto& local : unit.varnames) {
    const int at = local.value;
    int flags = kFastLocal;
    if (at < positional_only) flags |= kFastArgPositional;
    else if (at < positional) flags |= kFastArgPositional | kFastArgKeyword;
    else if (at < named) flags |= kFastArgKeyword;
    else if (at == named && varargs) flags |= kFastArgVariable | kFastArgPositional;
    else if (at == named + varargs && varkeywords) flags |= kFastArgVariable | kFastArgKeyword;
    if (unit.fast_hidden.contains(local.name)) flags |= kFastHidden;
    if (unit.cellvars.contains(local.name)) flags |= kFastCell;
    PyObject* name = local.name;
    if (input.first_local_name && at == 0) name = input.first_local_name;
    set(at, name, flags);
  }
  auto locals = static_cast<int>(unit.varnames.size());
  int dropped = 0;
  for (const auto& cell : unit.cellvars) {
    if (unit.varnames.contains(cell.name)) ++dropped;
    else set(locals + cell.value - dropped, cell.name, kFastCell);
  }
  for (const auto& free : unit.freevars) set(locals + free.value - dropped, free.name, kFastFree);
  return Status::Ok;
}

Ref<> to_bytes(const std::string& text) {
  return steal(PyBytes_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size())));
}

}  // namespace

static Status share(Ref<>& part, PyObject* cache) {
  Ref<> key = TRY(merged_constant_key(part, cache));
  part = borrow(PyTuple_CheckExact(key.get()) ? PyTuple_GET_ITEM(key.get(), 1) : key.get());
  return Status::Ok;
}

Ref<PyCodeObject> assemble(Graph& graph, Unit& unit, const AssembleInput& input) {
  resolve_jumps(graph);
  Ref<> code = TRY(to_bytes(instruction_bytes(graph)));
  Ref<> exceptions = TRY(to_bytes(exception_table(graph)));
  Ref<> lines = TRY(to_bytes(line_table(graph, unit.first_line)));
  Ref<> names = TRY(names_tuple(unit.names));
  Ref<> constants = TRY(steal(PyList_AsTuple(graph.constants())));
  Ref<> locals, kinds;
  TRY(local_names(unit, input, &locals, &kinds));
  // Equal ones are one object in all code objects of a compilation.
  for (Ref<>* part : {&code, &exceptions, &lines, &names, &constants, &locals}) TRY(share(*part, graph.constant_cache()));
  CodeParts parts;
  parts.filename = input.filename;
  parts.name = unit.name;
  parts.qualname = unit.qualname ? unit.qualname : unit.name;
  parts.flags = input.flags;
  parts.code = code;
  parts.firstlineno = unit.first_line;
  parts.linetable = lines;
  parts.consts = constants;
  parts.names = names;
  parts.localsplusnames = locals;
  parts.localspluskinds = kinds;
  parts.argcount = unit.positional_only_count + unit.argument_count;
  parts.posonlyargcount = unit.positional_only_count;
  parts.kwonlyargcount = unit.keyword_only_count;
  parts.stacksize = std::max(input.stack_size, 1);
  parts.exceptiontable = exceptions;
  return code_new(parts);
}

}  // namespace ks::compiler
