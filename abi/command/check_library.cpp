// `kingsnake abi lib`: does a libpython keep the ABI? And how does it differ from another?
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <unordered_map>
#include <unordered_set>

#include "checks.h"
#include "debug_info.h"
#include "file.h"
#include "manifest.h"

namespace kingsnake {

namespace {

// libpython3.14t.so.1.0, libpython3.14.dylib, python314.dll, …/Python.framework/Versions/3.14/Python
bool version_from_name(std::string_view name, LibraryVersion* version) {
  size_t at = name.rfind("python3");
  if (at == std::string_view::npos) {
    at = name.rfind("Versions/3.");
    if (at == std::string_view::npos) return false;
    at += 10;
  } else {
    at += 7;
  }
  if (at < name.size() && name[at] == '.') ++at;
  int minor = 0, digits = 0;
  while (at < name.size() && isdigit(static_cast<unsigned char>(name[at])) && digits < 3) minor = minor * 10 + (name[at++] - '0'), ++digits;
  if (!digits) return false;
  version->minor = minor;
  while (at < name.size() && (name[at] == 'd' || name[at] == 't' || name[at] == 'm' || name[at] == '_')) {
    if (name[at] != '_') version->flags += name[at];
    ++at;
    if (version->flags.size() > 3) break;
  }
  if (name.substr(at).starts_with("ylib")) version->flags.clear();
  return true;
}

bool wanted_debug(std::string_view name) {
  if (const auto* row = manifest::find_name(name)) return row->form == manifest::Form::Function && row->machine[0];
  static const std::unordered_set<std::string_view> tags = [] {
    std::unordered_set<std::string_view> names;
    for (const manifest::Struct& row : manifest::structs()) {
      names.insert(row.name);
      if (row.tag[0]) names.insert(row.tag);
    }
    return names;
  }();
  return tags.contains(name);
}

std::vector<std::string_view> pieces(std::string_view text) {
  std::vector<std::string_view> parts;
  const size_t open = text.find('(');
  parts.push_back(text.substr(0, open));
  std::string_view rest = open == std::string_view::npos ? std::string_view{} : text.substr(open + 1, text.size() - open - 2);
  while (!rest.empty()) {
    const size_t comma = std::min(rest.find(','), rest.size());
    parts.push_back(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return parts;
}

// Signed and unsigned travel alike, and so do pointers and integers of their size.
bool same_machine(std::string_view a, std::string_view b) {
  const auto left = pieces(a), right = pieces(b);
  if (left.size() != right.size()) return false;
  for (size_t i = 0; i < left.size(); ++i) {
    auto shape = [](std::string_view one) { return one == "p" ? std::string("i64") : one.starts_with('u') ? "i" + std::string(one.substr(1)) : std::string(one); };
    if (left[i] != "?" && right[i] != "?" && shape(left[i]) != shape(right[i])) return false;
  }
  return true;
}

std::string kind_name(SymbolKind kind) { return kind == SymbolKind::Function ? "a function" : kind == SymbolKind::Data ? "data" : "of unknown kind"; }

std::string place(uint64_t bits) { return bits % 8 ? fmt::format("byte {} bit {}", bits / 8, bits % 8) : fmt::format("byte {}", bits / 8); }

struct Loaded {
  MappedFile file;
  std::vector<Image> images;
  MappedFile debug_file;
  std::optional<DebugInfo> debug;
  std::string debug_reason;
};

bool load(const std::string& path, const std::string& debug_file, Loaded* loaded, std::string* reason) {
  if (!loaded->file.open(path, reason)) return false;
  const Reading reading = read_images(loaded->file.bytes(), true, &loaded->images, reason);
  if (reading == Reading::NotThis) *reason = "neither ELF, Mach-O nor PE";
  if (reading != Reading::Fine) return false;
  if (loaded->images[0].format != Format::Elf) {
    loaded->debug_reason = "debug information is read from ELF files only";
    return true;
  }
  Bytes bytes = loaded->file.bytes();
  if (!debug_file.empty()) {
    if (!loaded->debug_file.open(debug_file, reason)) {
      *reason = debug_file + ": " + *reason;
      return false;
    }
    bytes = loaded->debug_file.bytes();
  }
  DebugInfo info;
  if (read_debug_info(bytes, wanted_debug, &info, &loaded->debug_reason)) loaded->debug = std::move(info);
  else if (loaded->debug_reason.starts_with("broken")) {
    *reason = (debug_file.empty() ? "" : debug_file + ": ") + loaded->debug_reason;
    return false;
  }
  return true;
}

// Of another release only what the stable ABI promises is known: the places of its structs' fields.
void check_struct(const manifest::Struct& row, const DebugStruct& there, bool same_release, Result* result) {
  if (there.size != row.size) result->add(Rule::lib_layout, "", row.name, fmt::format("{} has {} bytes, not {}", row.name, there.size, row.size));
  for (const manifest::Field& field : manifest::fields_of(row)) {
    const auto found = std::find_if(there.fields.begin(), there.fields.end(), [&](const DebugField& one) { return one.name == field.name; });
    if (!same_release && (field.level != manifest::Level::Stable || found == there.fields.end())) continue;
    if (found == there.fields.end())
      result->add(Rule::lib_layout, "", row.name, fmt::format("{}.{} is missing (at {})", row.name, field.name, place(field.offset)));
    else if (found->offset != field.offset)
      result->add(Rule::lib_layout, "", row.name, fmt::format("{}.{} is at {}, not at {}", row.name, field.name, place(found->offset), place(field.offset)));
    else if (same_release && found->size && field.size && found->size != field.size)
      result->add(Rule::lib_layout, "", row.name, fmt::format("{}.{} has {} bits, not {}", row.name, field.name, found->size, field.size));
  }
}

void check_debug(const Loaded& loaded, const LibraryVersion& version, Result* result) {
  const bool same_release = version.minor == 0 || version.minor == manifest::kMinor;
  if (version.flags.find_first_of("dt") != std::string::npos) {
    result->fact("layouts", "not checked: debug and free-threaded builds have others");
    return;
  }
  if (!loaded.debug) {
    result->fact("layouts", "not checked: " + loaded.debug_reason);
    return;
  }
  size_t structs = 0, functions = 0;
  for (const manifest::Struct& row : manifest::structs()) {
    auto found = loaded.debug->structs.find(row.name);
    if (found == loaded.debug->structs.end() && row.tag[0]) found = loaded.debug->structs.find(row.tag);
    if (found == loaded.debug->structs.end()) continue;
    if (!same_release && (row.level != manifest::Level::Stable || row.stable_since > version.minor)) continue;
    ++structs;
    check_struct(row, found->second, same_release, result);
  }
  for (const auto& [name, machine] : loaded.debug->functions) {
    const auto* row = manifest::find_name(name);
    if (!row || !row->exported || !row->machine[0] || !loaded.images[0].find_export(name)) continue;
    if (!same_release && (!row->stable_since || row->stable_since > version.minor)) continue;
    ++functions;
    if (!same_machine(row->machine, machine))
      result->add(Rule::lib_signature, "", name, fmt::format("{} travels as {}, not as {} ({})", name, machine, row->machine, row->signature));
  }
  result->fact("layouts", fmt::format("{} of {} public structs and {} signatures checked", structs, manifest::structs().size(), functions));
}

// The library's own references to its exported data go past the loader: nothing can take the data's place.
void check_interposition(const Image& image, Result* result) {
  if (image.format != Format::Elf || image.program) return;
  std::unordered_map<uint64_t, std::string_view> data;
  for (const Export& one : image.exports)
    if (one.kind == SymbolKind::Data && is_api_name(one.name)) {
      data.emplace(one.address, one.name);
      if (one.is_protected)
        result->add(Rule::lib_symbolic_data, "", std::string(one.name), fmt::format("{} has protected visibility", one.name));
    }
  if (image.symbolic) result->add(Rule::lib_symbolic_data, "", "", "the library is linked with -Bsymbolic (DT_SYMBOLIC)");
  std::unordered_set<std::string_view> seen;
  for (const Relocation& one : image.relocations)
    if (one.symbol.empty())
      if (const auto found = data.find(one.addend); found != data.end() && seen.insert(found->second).second) {
        // An unexported object may lie at the same address: for what programs do not use, that is not worth an error.
        const auto* row = manifest::find_name(found->second);
        const bool weighty = row && row->level != manifest::Level::Private;
        result->add(Rule::lib_symbolic_data, weighty ? Severity::Error : Severity::Warning, "", std::string(found->second),
                    fmt::format("{}: the library's own pointer at {:#x} is fixed to its own object", found->second, one.place));
      }
}

std::string expected_node(const manifest::Name& row) {
  if (row.level == manifest::Level::Stable) return fmt::format("PYTHON_ABI3_3.{}", row.stable_since);
  return row.name[0] == '_' ? "PYTHON_PRIVATE_3.14" : "PYTHON_3.14";
}

bool exists_here(const manifest::Name& row, Format format, const std::string& flags) {
  const std::string_view condition = row.condition;
  if (condition == "windows") return format == Format::Pe;
  if (condition == "refdebug") return flags.find('d') != std::string::npos;
  if (condition == "stackcheck") return false;
  if (condition == "fork") return format != Format::Pe;
  return true;
}

void check_names(const Image& image, const LibraryVersion& version, Result* result) {
  const int minor = version.minor ? version.minor : manifest::kMinor;
  const bool same_release = minor == manifest::kMinor;
  const bool stable_only = std::string_view(result->path).ends_with("python3.so") || std::string_view(result->path).ends_with("python3.dll");
  const bool other_layout = version.flags.find_first_of("dt") != std::string::npos;
  size_t stable = 0, stable_there = 0, full = 0, full_there = 0, private_ones = 0, private_there = 0;
  for (const manifest::Name& row : manifest::names()) {
    const bool data = row.form == manifest::Form::Data;
    if (row.form != manifest::Form::Function && !data) continue;
    const bool is_stable = row.stable_since && row.stable_since <= minor && exists_here(row, image.format, version.flags);
    if (!is_stable && (stable_only || !same_release || !row.exported)) continue;
    if (!is_stable && image.format == Format::Pe && row.level == manifest::Level::Private) continue;
    const bool is_private = row.level == manifest::Level::Private;
    (is_stable ? stable : is_private ? private_ones : full) += 1;
    const Export* found = image.find_export(row.name);
    if (!found) {
      result->add(Rule::lib_missing_name, is_private ? Severity::Warning : Severity::Error, "", row.name,
                  is_stable ? fmt::format("{} (stable ABI since 3.{})", row.name, row.stable_since) : fmt::format("{} ({} API)", row.name, manifest::level_name(row.level)));
      continue;
    }
    (is_stable ? stable_there : is_private ? private_there : full_there) += 1;
    const SymbolKind kind = data ? SymbolKind::Data : SymbolKind::Function;
    if (found->kind != SymbolKind::Unknown && found->kind != kind)
      result->add(Rule::lib_wrong_kind, "", row.name, fmt::format("{} is {}, not {}", row.name, kind_name(found->kind), kind_name(kind)));
    else if (data && image.format == Format::Elf && image.is_64 && same_release && !other_layout && row.exported && found->size != row.size)
      result->add(Rule::lib_wrong_size, "", row.name, fmt::format("{} has {} bytes, not {}", row.name, found->size, row.size));
    if (found->hidden_version)
      result->add(Rule::lib_hidden_version, "", row.name, fmt::format("{}@{} is not the default", row.name, found->version));
    else if (!found->version.empty() && found->version.starts_with("PYTHON_") && same_release && found->version != expected_node(row))
      result->add(Rule::lib_version_node, "", row.name, fmt::format("{}@@{}, not {}", row.name, found->version, expected_node(row)));
  }
  result->fact("stable ABI", fmt::format("{} of {} names of 3.{}", stable_there, stable, minor));
  if (full) result->fact("full API", fmt::format("{} of {} names", full_there, full));
  if (private_ones) result->fact("private names", fmt::format("{} of {} that CPython 3.14 exports", private_there, private_ones));
  if (image.format != Format::Elf || stable_only) return;
  for (const Export& one : image.exports) {
    const auto* row = manifest::find_name(one.name);
    if (row && (row->exported || (row->stable_since && exists_here(*row, image.format, version.flags)))) continue;
    const bool own = is_api_name(one.name);
    if (own && !same_release) continue;
    result->add(Rule::lib_surplus_name, own ? Severity::Note : Severity::Warning, "", std::string(one.name),
                fmt::format("{} ({}{})", one.name, kind_name(one.kind), own ? "" : ", not even a Python name"));
  }
}

void check_stub(const Image& image, Result* result) {
  if (image.format != Format::Elf || image.machine != "x86_64") return;
  size_t functions = 0, empty = 0;
  for (const Export& one : image.exports) {
    if (one.kind != SymbolKind::Function || !is_api_name(one.name)) continue;
    ++functions;
    const Bytes body = image.at(one.address);
    // push %rbp; mov %rsp,%rbp; pop %rbp; ret, or ret alone, or xor %eax,%eax; ret
    const std::string_view text(reinterpret_cast<const char*>(body.data()), std::min<size_t>(body.size(), 8));
    if (text.starts_with("\xc3") || text.starts_with("\x55\x48\x89\xe5\x5d\xc3") || text.starts_with("\x31\xc0\xc3")) ++empty;
  }
  if (functions >= 20 && empty * 10 >= functions * 9)
    result->add(Rule::lib_stub, "", "", fmt::format("{} of {} functions have no body", empty, functions));
}

void check_file(const Image& image, const LibraryVersion& version, Result* result) {
  if (image.format != Format::Elf) return;
  const std::string_view path = result->path;
  if (path.ends_with("python3.so") || image.soname == "libpython3.so") {
    if (image.soname != "libpython3.so") result->add(Rule::lib_soname, "", "", fmt::format("\"{}\", not \"libpython3.so\"", image.soname));
  } else if (version.minor) {
    const std::string wanted = fmt::format("libpython3.{}{}.so.1.0", version.minor, version.flags);
    if (image.soname != wanted) result->add(Rule::lib_soname, "", "", fmt::format("\"{}\", not \"{}\"", image.soname, wanted));
  }
  if (image.text_relocations) result->add(Rule::lib_text_relocations, "", "", "DT_TEXTREL is set");
  if (image.executable_stack) result->add(Rule::lib_executable_stack, "", "", "PT_GNU_STACK asks for execution");
  for (const std::string_view one : {image.rpath, image.runpath})
    if (!one.empty() && one != "$ORIGIN") result->add(Rule::lib_search_path, "", "", std::string(one));
}

void compare(const Loaded& loaded, const Loaded& other, Result* result) {
  const Image &image = loaded.images[0], &there = other.images[0];
  if (image.soname != there.soname) result->add(Rule::diff_soname, "", "", fmt::format("\"{}\", there \"{}\"", image.soname, there.soname));
  size_t common = 0;
  std::string_view previous;
  for (const Export& one : there.exports) {
    if (one.name == previous) continue;
    previous = one.name;
    const Export* found = image.find_export(one.name);
    if (!found) {
      const auto* row = manifest::find_name(one.name);
      result->add(Rule::diff_missing, row && row->level == manifest::Level::Private ? Severity::Warning : Severity::Error, "", std::string(one.name),
                  fmt::format("{} ({})", one.name, row ? manifest::level_name(row->level) : "not in the manifest"));
      continue;
    }
    ++common;
    if (found->kind != one.kind && found->kind != SymbolKind::Unknown && one.kind != SymbolKind::Unknown)
      result->add(Rule::diff_kind, "", std::string(one.name), fmt::format("{} is {}, there {}", one.name, kind_name(found->kind), kind_name(one.kind)));
    else if (one.kind == SymbolKind::Data && found->size != one.size)
      result->add(Rule::diff_size, "", std::string(one.name), fmt::format("{} has {} bytes, there {}", one.name, found->size, one.size));
    if (found->version != one.version && !one.version.empty())
      result->add(Rule::diff_version, "", std::string(one.name), fmt::format("{}@{}, there @{}", one.name, found->version.empty() ? "none" : found->version, one.version));
  }
  previous = {};
  for (const Export& one : image.exports)
    if (one.name != previous) {
      previous = one.name;
      if (!there.find_export(one.name)) result->add(Rule::diff_surplus, "", std::string(one.name), std::string(one.name));
    }
  result->fact("names", fmt::format("{} in both", common));
  if (!loaded.debug || !other.debug) {
    result->fact("layouts", "not compared: " + (loaded.debug ? other.debug_reason + " in the other library" : loaded.debug_reason));
    return;
  }
  size_t structs = 0, functions = 0;
  for (const auto& [name, row] : other.debug->structs) {
    const auto found = loaded.debug->structs.find(name);
    if (found == loaded.debug->structs.end()) continue;
    ++structs;
    if (found->second.size != row.size) result->add(Rule::diff_layout, "", name, fmt::format("{} has {} bytes, there {}", name, found->second.size, row.size));
    for (const DebugField& field : row.fields) {
      const auto mine = std::find_if(found->second.fields.begin(), found->second.fields.end(), [&](const DebugField& one) { return one.name == field.name; });
      if (mine == found->second.fields.end()) result->add(Rule::diff_layout, "", name, fmt::format("{}.{} is only there", name, field.name));
      else if (mine->offset != field.offset || mine->size != field.size)
        result->add(Rule::diff_layout, "", name, fmt::format("{}.{} is at {} with {} bits, there at {} with {}", name, field.name, place(mine->offset), mine->size,
                                                             place(field.offset), field.size));
    }
  }
  for (const auto& [name, machine] : other.debug->functions)
    if (const auto found = loaded.debug->functions.find(name); found != loaded.debug->functions.end()) {
      ++functions;
      if (!same_machine(found->second, machine)) result->add(Rule::diff_signature, "", name, fmt::format("{} travels as {}, there as {}", name, found->second, machine));
    }
  result->fact("layouts", fmt::format("{} structs and {} signatures compared", structs, functions));
}

}  // namespace

LibraryVersion library_version(const Image& image, const std::string& path) {
  LibraryVersion version;
  // const unsigned long Py_Version = 0x030eXXXX
  if (const Export* row = image.find_export("Py_Version"); row && row->kind == SymbolKind::Data) {
    const Bytes there = image.at(row->address);
    const uint64_t value = there.holds(0, 8) ? (image.is_64 ? there.u64(0) : there.u32(0)) : 0;
    if (value >> 24 == 3) {
      version_from_name(image.soname, &version);
      version.minor = static_cast<int>(value >> 16 & 0xff);
      version.from = fmt::format("3.{}.{}, as Py_Version says", version.minor, value >> 8 & 0xff);
      return version;
    }
  }
  if (version_from_name(image.soname, &version)) version.from = fmt::format("3.{}{}, from its SONAME", version.minor, version.flags);
  else if (version_from_name(path.substr(path.rfind('/') + 1), &version)) version.from = fmt::format("3.{}{}, from the file's name", version.minor, version.flags);
  else version.from = "not known; taken for 3.14";
  return version;
}

Result check_library(const std::string& path, const LibraryOptions& options) {
  Result result;
  result.path = path;
  result.kind = "library";
  Loaded loaded;
  if (!load(path, options.debug_file, &loaded, &result.error)) return result;
  const Image& image = loaded.images[0];
  if (image.exports.empty()) {
    result.error = "it exports no names";
    for (const std::string_view one : image.needed)
      if (one.starts_with("libpython3.")) result.error = fmt::format("it exports no names itself, it loads {}: check that one", one);
    return result;
  }
  const LibraryVersion version = library_version(image, path);
  result.fact("file", fmt::format("{} {}, {}", image.format == Format::Elf ? "ELF" : image.format == Format::MachO ? "Mach-O" : "PE", image.machine,
                                  image.soname.empty() ? std::string("no SONAME") : std::string(image.soname)));
  result.fact("python", version.from);
  if (!options.against.empty()) {
    Loaded other;
    if (!load(options.against, "", &other, &result.error)) {
      result.error = options.against + ": " + result.error;
      return result;
    }
    result.fact("against", options.against);
    compare(loaded, other, &result);
    return result;
  }
  check_names(image, version, &result);
  check_file(image, version, &result);
  check_interposition(image, &result);
  if (!image.filter.empty()) result.fact("filter", fmt::format("its names are looked up in {}", image.filter));
  else check_stub(image, &result);
  for (const std::string& name : not_implemented(image)) {
    const auto* row = manifest::find_name(name);
    result.add(Rule::lib_not_implemented, row && row->level == manifest::Level::Private ? Severity::Warning : Severity::Error, "", name,
               fmt::format("{} ({})", name, row ? manifest::level_name(row->level) : "not in the manifest"));
  }
  check_debug(loaded, version, &result);
  return result;
}

}  // namespace kingsnake
