// What can be seen in machine code (capstone, x86-64 only).
#include <capstone/capstone.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <unordered_map>
#include <unordered_set>

#include "checks.h"

namespace kingsnake {
namespace {

class Disassembler {
 public:
  Disassembler() {
    good_ = cs_open(CS_ARCH_X86, CS_MODE_64, &handle_) == CS_ERR_OK;
    if (good_) {
      cs_option(handle_, CS_OPT_DETAIL, CS_OPT_ON);
      cs_option(handle_, CS_OPT_SKIPDATA, CS_OPT_ON);  // bytes that are no instruction come as id 0
      instruction_ = cs_malloc(handle_);
    }
  }
  Disassembler(const Disassembler&) = delete;
  Disassembler& operator=(const Disassembler&) = delete;
  ~Disassembler() {
    if (instruction_) cs_free(instruction_, 1);
    if (good_) cs_close(&handle_);
  }
  bool good() const { return good_ && instruction_; }

  // Calls `visit` with every instruction until it returns false or the bytes end.
  template <class Visit>
  void each(Bytes code, uint64_t address, Visit visit) {
    const uint8_t* at = code.data();
    size_t size = code.size();
    while (size && cs_disasm_iter(handle_, &at, &size, &address, instruction_))
      if (instruction_->id != 0 && !visit(*instruction_)) return;
  }

 private:
  csh handle_ = 0;
  cs_insn* instruction_ = nullptr;
  bool good_ = false;
};

bool says_not_implemented(const Image& image, uint64_t address) {
  const Bytes there = image.at(address);
  if (!there.size()) return false;
  std::string text(there.text(0).substr(0, 200));
  for (char& c : text) c = static_cast<char>(tolower(static_cast<unsigned char>(c)));
  return text.find("not implemented") != std::string::npos || text.find("unimplemented") != std::string::npos || text.find("notimplementederror") != std::string::npos;
}

struct Stubs {
  const Image& image;
  Disassembler disassembler;
  std::unordered_map<uint64_t, std::string_view> slots;  // address of a pointer -> the name that it is filled with

  explicit Stubs(const Image& of) : image(of) {
    for (const Relocation& one : image.relocations)
      if (!one.symbol.empty() && one.addend == 0) slots.emplace(one.place, one.symbol);
    if (const Export* own = image.find_export("PyExc_NotImplementedError")) slots.emplace(own->address, own->name);
  }

  // A straight line of instructions that names NotImplementedError, or a text that says so, itself or through one helper.
  bool only_raises(uint64_t address, int depth) {
    bool raises = false, straight = true, ended = false;
    int calls = 0, count = 0;
    std::vector<uint64_t> helpers;
    disassembler.each(image.at(address), address, [&](const cs_insn& one) {
      if (++count > 40) return straight = false;
      for (uint8_t i = 0; i < one.detail->x86.op_count; ++i) {
        const cs_x86_op& operand = one.detail->x86.operands[i];
        if (operand.type != X86_OP_MEM || operand.mem.base != X86_REG_RIP) continue;
        const uint64_t target = one.address + one.size + static_cast<uint64_t>(operand.mem.disp);
        if (const auto slot = slots.find(target); slot != slots.end() && slot->second == "PyExc_NotImplementedError") raises = true;
        else if (one.id == X86_INS_LEA && says_not_implemented(image, target)) raises = true;
      }
      const cs_x86_op& operand = one.detail->x86.operands[0];
      if (one.id == X86_INS_RET) return !(ended = true);
      if (one.id == X86_INS_CALL || one.id == X86_INS_JMP) {
        ++calls;
        if (one.detail->x86.op_count == 1 && operand.type == X86_OP_IMM) helpers.push_back(static_cast<uint64_t>(operand.imm));
        if (one.id == X86_INS_JMP) return !(ended = true);
      } else if (cs_insn_group_jump(one)) {
        return straight = false;
      }
      return true;
    });
    if (!straight || !ended) return false;
    if (raises && calls >= 1) return true;
    if (depth > 0 || calls > 3) return false;
    return std::any_of(helpers.begin(), helpers.end(), [&](uint64_t helper) { return helper != address && only_raises(helper, 1); });
  }
  static bool cs_insn_group_jump(const cs_insn& one) {
    return std::find(one.detail->groups, one.detail->groups + one.detail->groups_count, CS_GRP_JUMP) != one.detail->groups + one.detail->groups_count;
  }
};

}  // namespace

std::vector<std::string> not_implemented(const Image& image) {
  std::vector<std::string> names;
  if (image.format != Format::Elf || image.machine != "x86_64") return names;
  Stubs stubs(image);
  if (!stubs.disassembler.good()) return names;
  for (const Export& one : image.exports)
    if (one.kind == SymbolKind::Function && is_api_name(one.name) && stubs.only_raises(one.address, 0)) names.emplace_back(one.name);
  return names;
}

namespace {

// What the full API's inline functions leave in a module: a count that is changed in memory before _Py_Dealloc is called (Py_DECREF), and a
// type that is read at offset 8 and compared with a type object (PyList_CheckExact and its kin).
struct FieldReader {
  const Image& image;
  size_t limit;
  Disassembler disassembler{};
  std::unordered_map<uint64_t, std::string_view> slots{};  // address of a pointer -> the name that it is filled with
  std::vector<std::pair<uint64_t, std::string_view>> functions{};
  std::unordered_map<uint64_t, bool> trampolines{};  // call target -> it leads to _Py_Dealloc
  std::vector<FieldAccess> found{};

  std::string where(uint64_t address) const {
    const auto at = std::upper_bound(functions.begin(), functions.end(), address, [](uint64_t a, const auto& row) { return a < row.first; });
    return at == functions.begin() ? fmt::format("{:#x}", address) : fmt::format("{}+{:#x}", (at - 1)->second, address - (at - 1)->first);
  }
  std::string_view slot_of(const cs_insn& one, const cs_x86_op& operand) const {
    if (operand.type != X86_OP_MEM || operand.mem.base != X86_REG_RIP) return {};
    const auto slot = slots.find(one.address + one.size + static_cast<uint64_t>(operand.mem.disp));
    return slot == slots.end() ? std::string_view{} : slot->second;
  }
  // Targets of calls, found in a first pass: a second disassembler must not run within the first.
  void find_trampolines(const std::unordered_set<uint64_t>& targets) {
    for (const uint64_t target : targets) {
      int count = 0;
      bool leads = false;
      disassembler.each(image.at(target), target, [&](const cs_insn& one) {
        if (one.id == X86_INS_JMP && one.detail->x86.op_count == 1) {
          leads = slot_of(one, one.detail->x86.operands[0]) == "_Py_Dealloc";
          return false;
        }
        return ++count < 4 && one.id != X86_INS_RET && one.id != X86_INS_CALL;
      });
      trampolines[target] = leads;
    }
  }
  static bool plain_memory(const cs_x86_op& operand, int64_t offset) {
    return operand.type == X86_OP_MEM && operand.mem.disp == offset && operand.mem.index == X86_REG_INVALID && operand.mem.base != X86_REG_RIP &&
           operand.mem.base != X86_REG_RSP && operand.mem.base != X86_REG_RBP && operand.mem.base != X86_REG_INVALID;
  }

  void scan(const Section& section) {
    uint64_t changed_at = 0;
    unsigned type_register = 0, object_register = 0;
    std::string_view type_name;
    uint64_t type_at = 0, object_at = 0;
    constexpr uint64_t kNear = 96;
    disassembler.each(section.bytes, section.address, [&](const cs_insn& one) {
      const cs_x86& x86 = one.detail->x86;
      const cs_x86_op &first = x86.operands[0], &second = x86.operands[1];
      switch (one.id) {
        case X86_INS_DEC: case X86_INS_SUB: case X86_INS_ADD:
          if (plain_memory(first, 0) && (one.id == X86_INS_DEC || (second.type == X86_OP_IMM && (second.imm == 1 || second.imm == -1)))) changed_at = one.address;
          break;
        case X86_INS_MOV:
          if (x86.op_count != 2) break;
          if (plain_memory(first, 0) && second.type == X86_OP_REG) changed_at = one.address;
          if (first.type != X86_OP_REG) break;
          if (const std::string_view slot = slot_of(one, second); slot.starts_with("Py") && slot.ends_with("_Type"))
            type_register = first.reg, type_name = slot, type_at = one.address;
          else if (plain_memory(second, 8)) object_register = first.reg, object_at = one.address;
          break;
        case X86_INS_CMP: {
          if (x86.op_count != 2) break;
          const bool type_known = type_at && one.address - type_at < kNear;
          std::string_view name;
          for (const auto& [a, b] : {std::pair{first, second}, std::pair{second, first}}) {
            const bool is_object = plain_memory(a, 8) || (a.type == X86_OP_REG && a.reg == object_register && object_at && one.address - object_at < kNear);
            if (is_object && b.type == X86_OP_REG && type_known && b.reg == type_register) name = type_name;
            if (is_object && slot_of(one, b).ends_with("_Type")) name = slot_of(one, b);
          }
          if (!name.empty()) found.push_back({where(one.address), fmt::format("an object's type is read and compared with {}", name)});
          break;
        }
        case X86_INS_CALL: case X86_INS_JMP: {
          if (x86.op_count != 1) break;
          bool dealloc = slot_of(one, first) == "_Py_Dealloc";
          if (first.type == X86_OP_IMM)
            if (const auto target = trampolines.find(static_cast<uint64_t>(first.imm)); target != trampolines.end()) dealloc = target->second;
          if (dealloc && changed_at && one.address - changed_at < kNear) {
            found.push_back({where(one.address), "a reference count is changed before _Py_Dealloc"});
            changed_at = 0;
          }
          break;
        }
        default: break;
      }
      return found.size() < limit;
    });
  }

  void run() {
    if (!disassembler.good()) return;
    for (const Relocation& one : image.relocations)
      if (!one.symbol.empty() && one.addend == 0) slots.emplace(one.place, one.symbol);
    for (const Export& one : image.exports)
      if (one.kind == SymbolKind::Function) functions.emplace_back(one.address, one.name);
    std::sort(functions.begin(), functions.end());
    std::unordered_set<uint64_t> targets;
    for (const Section& section : image.sections)
      if (section.code)
        disassembler.each(section.bytes, section.address, [&](const cs_insn& one) {
          const cs_x86_op& operand = one.detail->x86.operands[0];
          if ((one.id == X86_INS_CALL || one.id == X86_INS_JMP) && one.detail->x86.op_count == 1 && operand.type == X86_OP_IMM) targets.insert(static_cast<uint64_t>(operand.imm));
          return targets.size() < 200000;
        });
    find_trampolines(targets);
    for (const Section& section : image.sections)
      if (section.code && !section.name.starts_with(".plt") && found.size() < limit) scan(section);
  }
};

}  // namespace

std::vector<FieldAccess> field_accesses(const Image& image, size_t limit) {
  if (image.format != Format::Elf || image.machine != "x86_64") return {};
  FieldReader reader{image, limit};
  reader.run();
  return std::move(reader.found);
}

}  // namespace kingsnake
