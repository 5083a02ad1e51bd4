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
      if (!visit(*instruction_)) return;
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
    uint64_t helper = 0;
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
        if (one.detail->x86.op_count == 1 && operand.type == X86_OP_IMM && calls == 1) helper = static_cast<uint64_t>(operand.imm);
        if (one.id == X86_INS_JMP) return !(ended = true);
      } else if (cs_insn_group_jump(one)) {
        return straight = false;
      }
      return true;
    });
    if (!straight || !ended) return false;
    return (raises && calls >= 1) || (depth == 0 && calls == 1 && helper && helper != address && only_raises(helper, 1));
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

// Looks for the shapes that the full API's inline functions leave: the count at offset 0 compared with the immortal mark and changed by
// one, the type at offset 8 compared with a type object of the stable ABI.
std::vector<FieldAccess> field_accesses(const Image& image, size_t limit) {
  std::vector<FieldAccess> found;
  if (image.format != Format::Elf || image.machine != "x86_64") return found;
  Disassembler disassembler;
  if (!disassembler.good()) return found;
  std::unordered_map<uint64_t, std::string_view> slots;
  for (const Relocation& one : image.relocations)
    if (!one.symbol.empty() && one.addend == 0) slots.emplace(one.place, one.symbol);
  std::vector<std::pair<uint64_t, std::string_view>> functions;
  for (const Export& one : image.exports)
    if (one.kind == SymbolKind::Function) functions.emplace_back(one.address, one.name);
  std::sort(functions.begin(), functions.end());
  auto where = [&](uint64_t address) {
    auto at = std::upper_bound(functions.begin(), functions.end(), std::make_pair(address, std::string_view("\xff")));
    return at == functions.begin() ? fmt::format("{:#x}", address) : fmt::format("{}+{:#x}", (at - 1)->second, address - (at - 1)->first);
  };
  for (const Section& section : image.sections) {
    if (!section.code || section.name.starts_with(".plt")) continue;
    std::string_view type_register_name;
    unsigned loaded_register = 0, count_register = 0, count_base = 0;
    uint64_t loaded_at = 0, count_at = 0;
    disassembler.each(section.bytes, section.address, [&](const cs_insn& one) {
      const cs_x86& x86 = one.detail->x86;
      const cs_x86_op& first = x86.operands[0];
      const cs_x86_op& second = x86.operands[1];
      // mov Type@GOTPCREL(%rip), %r; cmp %r, 8(%object)
      if (one.id == X86_INS_MOV && x86.op_count == 2 && first.type == X86_OP_REG && second.type == X86_OP_MEM && second.mem.base == X86_REG_RIP) {
        const auto slot = slots.find(one.address + one.size + static_cast<uint64_t>(second.mem.disp));
        if (slot != slots.end() && slot->second.starts_with("Py") && slot->second.ends_with("_Type"))
          loaded_register = first.reg, type_register_name = slot->second, loaded_at = one.address;
      } else if (one.id == X86_INS_CMP && x86.op_count == 2) {
        for (const auto& [memory, other] : {std::pair{first, second}, std::pair{second, first}})
          if (memory.type == X86_OP_MEM && memory.mem.disp == 8 && memory.mem.index == X86_REG_INVALID && memory.mem.base != X86_REG_RIP &&
              memory.mem.base != X86_REG_RSP && other.type == X86_OP_REG && other.reg == loaded_register && one.address - loaded_at < 64)
            found.push_back({where(one.address), fmt::format("ob_type compared with {}", type_register_name)});
      }
      // mov (%object), %r32; … ; mov %r32, (%object) or dec/add at (%object)
      if (one.id == X86_INS_MOV && x86.op_count == 2 && first.type == X86_OP_REG && second.type == X86_OP_MEM && second.mem.disp == 0 &&
          second.mem.index == X86_REG_INVALID && second.mem.base != X86_REG_RIP && second.mem.base != X86_REG_RSP)
        count_register = first.reg, count_base = second.mem.base, count_at = one.address;
      const bool changes = one.id == X86_INS_DEC || one.id == X86_INS_INC || ((one.id == X86_INS_SUB || one.id == X86_INS_ADD) && x86.op_count == 2 &&
                           second.type == X86_OP_IMM && (second.imm == 1 || second.imm == -1));
      if (changes && one.address - count_at < 24 &&
          ((first.type == X86_OP_REG && first.reg == count_register) || (first.type == X86_OP_MEM && first.mem.disp == 0 && first.mem.base == count_base)))
        found.push_back({where(one.address), "ob_refcnt changed by one"});
      return found.size() < limit;
    });
    if (found.size() >= limit) break;
  }
  return found;
}

}  // namespace kingsnake
