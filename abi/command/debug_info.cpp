#include "debug_info.h"

#include <dwarf.h>
#include <elfutils/libdw.h>

#include <cstring>
#include <memory>

namespace kingsnake {
namespace {

struct Reader {
  bool (*wanted)(std::string_view);
  DebugInfo* info;
  size_t budget = 20000000;  // entries: hostile information may refer in circles
  bool broken = false;

  // 0: there is one, as libdw has it; anything else ends a loop.
  int child(Dwarf_Die* parent, Dwarf_Die* result) {
    const int status = dwarf_child(parent, result);
    if (status < 0) broken = true;
    return status;
  }
  int sibling(Dwarf_Die* die) {
    const int status = dwarf_siblingof(die, die);
    if (status < 0) broken = true;
    return status;
  }

  static bool follow(Dwarf_Die* die, unsigned name, Dwarf_Die* target) {
    Dwarf_Attribute attribute;
    return dwarf_attr_integrate(die, name, &attribute) && dwarf_formref_die(&attribute, target);
  }
  static bool number(Dwarf_Die* die, unsigned name, uint64_t* value) {
    Dwarf_Attribute attribute;
    Dwarf_Word word;
    if (!dwarf_attr_integrate(die, name, &attribute) || dwarf_formudata(&attribute, &word) != 0) return false;
    *value = word;
    return true;
  }
  static bool flag(Dwarf_Die* die, unsigned name) {
    Dwarf_Attribute attribute;
    bool value = false;
    return dwarf_attr_integrate(die, name, &attribute) && dwarf_formflag(&attribute, &value) == 0 && value;
  }
  // Without typedefs and qualifiers.
  static bool plain(Dwarf_Die* die) {
    for (int depth = 0; depth < 64; ++depth) {
      switch (dwarf_tag(die)) {
        case DW_TAG_typedef: case DW_TAG_const_type: case DW_TAG_volatile_type: case DW_TAG_restrict_type: case DW_TAG_atomic_type: {
          Dwarf_Die next;
          if (!follow(die, DW_AT_type, &next)) return false;  // const void
          *die = next;
          break;
        }
        default: return true;
      }
    }
    return false;
  }
  static uint64_t size_of(Dwarf_Die* type, int depth = 0) {
    Dwarf_Die die = *type;
    if (depth > 32 || !plain(&die)) return 0;
    uint64_t size = 0;
    if (dwarf_tag(&die) == DW_TAG_pointer_type || dwarf_tag(&die) == DW_TAG_reference_type) return number(&die, DW_AT_byte_size, &size) ? size : 8;
    if (number(&die, DW_AT_byte_size, &size)) return size;
    if (dwarf_tag(&die) != DW_TAG_array_type) return 0;
    Dwarf_Die element, part;
    if (!follow(&die, DW_AT_type, &element)) return 0;
    size = size_of(&element, depth + 1);
    if (dwarf_child(&die, &part) != 0) return 0;
    int dimensions = 0;
    do {
      if (dwarf_tag(&part) != DW_TAG_subrange_type) continue;
      uint64_t bound = 0;
      if (number(&part, DW_AT_count, &bound)) size *= bound;
      else if (number(&part, DW_AT_upper_bound, &bound)) size *= bound + 1;
      else return 0;
    } while (++dimensions < 16 && dwarf_siblingof(&part, &part) == 0);
    return size;
  }
  static std::string machine(Dwarf_Die* type) {
    Dwarf_Die die = *type;
    if (!plain(&die)) return "v";
    uint64_t size = 0, encoding = 0;
    number(&die, DW_AT_byte_size, &size);
    switch (dwarf_tag(&die)) {
      case DW_TAG_pointer_type: case DW_TAG_reference_type: case DW_TAG_rvalue_reference_type: case DW_TAG_array_type: case DW_TAG_subroutine_type: return "p";
      case DW_TAG_enumeration_type: return "u" + std::to_string(size * 8);
      case DW_TAG_structure_type: case DW_TAG_class_type: case DW_TAG_union_type: return "s";
      case DW_TAG_base_type:
        number(&die, DW_AT_encoding, &encoding);
        return (encoding == DW_ATE_float ? "f" : encoding == DW_ATE_unsigned || encoding == DW_ATE_unsigned_char || encoding == DW_ATE_boolean ? "u" : "i") +
               std::to_string(size * 8);
      case DW_TAG_unspecified_type: return "p";  // decltype(nullptr)
      default: return "?";
    }
  }

  void add_fields(Dwarf_Die* structure, uint64_t base, const std::string& prefix, DebugStruct* row, int depth) {
    Dwarf_Die part;
    if (depth > 16 || child(structure, &part) != 0) return;
    do {
      if (budget == 0) return;
      --budget;
      if (dwarf_tag(&part) != DW_TAG_member && dwarf_tag(&part) != DW_TAG_inheritance) continue;
      Dwarf_Die type;
      if (!follow(&part, DW_AT_type, &type)) continue;
      uint64_t offset = 0, bits = 0, position = 0;
      const bool has_offset = number(&part, DW_AT_data_member_location, &offset);
      const bool is_bits = number(&part, DW_AT_bit_size, &bits);
      uint64_t start = base + offset * 8;
      if (number(&part, DW_AT_data_bit_offset, &position)) start = base + position;
      else if (is_bits && number(&part, DW_AT_bit_offset, &position)) start += size_of(&type) * 8 - position - bits;  // DWARF 3, little-endian
      else if (!has_offset && dwarf_tag(structure) != DW_TAG_union_type && dwarf_tag(&part) == DW_TAG_member && dwarf_hasattr(&part, DW_AT_external)) continue;
      const char* name = dwarf_diename(&part);
      Dwarf_Die within = type;
      const bool nested = plain(&within) && (dwarf_tag(&within) == DW_TAG_structure_type || dwarf_tag(&within) == DW_TAG_union_type || dwarf_tag(&within) == DW_TAG_class_type);
      const bool unnamed = nested && !dwarf_diename(&within) && dwarf_tag(&type) != DW_TAG_typedef;
      if (!name || dwarf_tag(&part) == DW_TAG_inheritance) {
        if (nested) add_fields(&within, start, prefix, row, depth + 1);
        continue;
      }
      row->fields.push_back({prefix + name, start, is_bits ? bits : size_of(&type) * 8});
      if (unnamed) add_fields(&within, start, prefix + name + ".", row, depth + 1);
    } while (sibling(&part) == 0);
  }
  void add_struct(const char* name, Dwarf_Die* structure) {
    if (!name || !wanted(name) || info->structs.contains(name) || flag(structure, DW_AT_declaration)) return;
    const int tag = dwarf_tag(structure);
    if (tag != DW_TAG_structure_type && tag != DW_TAG_union_type && tag != DW_TAG_class_type) return;
    DebugStruct row;
    if (!number(structure, DW_AT_byte_size, &row.size)) return;
    add_fields(structure, 0, "", &row, 0);
    info->structs.emplace(name, std::move(row));
  }
  void add_function(Dwarf_Die* die) {
    if (flag(die, DW_AT_declaration) || (!dwarf_hasattr(die, DW_AT_low_pc) && !dwarf_hasattr(die, DW_AT_ranges))) return;
    Dwarf_Attribute attribute;
    const char* name = nullptr;
    if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute)) name = dwarf_formstring(&attribute);
    if (!name) name = dwarf_diename(die);
    if (!name || !wanted(name) || info->functions.contains(name) || !flag(die, DW_AT_external)) return;
    Dwarf_Die type, part;
    std::string text = follow(die, DW_AT_type, &type) ? machine(&type) : "v";
    text += "(";
    bool first = true;
    if (child(die, &part) == 0) do {
        const int tag = dwarf_tag(&part);
        if (tag != DW_TAG_formal_parameter && tag != DW_TAG_unspecified_parameters) continue;
        if (budget == 0) return;
        --budget;
        if (!first) text += ",";
        first = false;
        text += tag == DW_TAG_unspecified_parameters ? "..." : follow(&part, DW_AT_type, &type) ? machine(&type) : "?";
      } while (sibling(&part) == 0);
    info->functions.emplace(name, text + ")");
  }
  void walk(Dwarf_Die* parent, int depth) {
    Dwarf_Die die;
    if (depth > 16 || child(parent, &die) != 0) return;
    do {
      if (budget == 0) return;
      --budget;
      switch (dwarf_tag(&die)) {
        case DW_TAG_namespace: walk(&die, depth + 1); break;
        case DW_TAG_structure_type: case DW_TAG_union_type: case DW_TAG_class_type: add_struct(dwarf_diename(&die), &die); break;
        case DW_TAG_typedef: {
          Dwarf_Die target;
          if (const char* name = dwarf_diename(&die); name && wanted(name) && follow(&die, DW_AT_type, &target) && plain(&target)) add_struct(name, &target);
          break;
        }
        case DW_TAG_subprogram: add_function(&die); break;
        case DW_TAG_invalid: broken = true; return;
        default: break;
      }
    } while (sibling(&die) == 0);
  }
};

}  // namespace

bool read_debug_info(Bytes bytes, bool (*wanted)(std::string_view), DebugInfo* info, std::string* reason) {
  elf_version(EV_CURRENT);
  const std::unique_ptr<Elf, int (*)(Elf*)> elf(elf_memory(reinterpret_cast<char*>(const_cast<uint8_t*>(bytes.data())), bytes.size()), elf_end);
  if (!elf) {
    *reason = "libelf cannot read it";
    return false;
  }
  const std::unique_ptr<Dwarf, int (*)(Dwarf*)> dwarf(dwarf_begin_elf(elf.get(), DWARF_C_READ, nullptr), dwarf_end);
  if (!dwarf) {
    const char* what = dwarf_errmsg(-1);
    // libdw says "no DWARF information found" where there is no section of it.
    *reason = !what || strstr(what, "no DWARF") ? "no debug information" : std::string("broken debug information: ") + what;
    return false;
  }
  Reader reader{wanted, info};
  Dwarf_CU* unit = nullptr;
  Dwarf_Die die;
  size_t units = 0;
  int status = 0;
  while ((status = dwarf_get_units(dwarf.get(), unit, &unit, nullptr, nullptr, &die, nullptr)) == 0) {
    if (++units > 200000) break;
    // An entry without a kind: its abbreviation is not there.
    if (!die.addr || dwarf_tag(&die) == DW_TAG_invalid) reader.broken = true;
    else reader.walk(&die, 0);
  }
  if (status < 0 || reader.broken || units > 200000 || reader.budget == 0) {
    *reason = "broken debug information";
    if (const char* what = dwarf_errmsg(0)) *reason += std::string(": ") + what;
    return false;
  }
  if (info->structs.empty() && info->functions.empty()) {
    *reason = "debug information that names none of the C API";
    return false;
  }
  return true;
}

}  // namespace kingsnake
