#include "check_module.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "manifest.h"

namespace kingsnake {

namespace {

using manifest::Level;

std::string first_few(const std::vector<std::string>& names, size_t most = 6) {
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), most); ++i) text += (i ? ", " : "") + names[i];
  if (names.size() > most) text += fmt::format(" and {} more", names.size() - most);
  return text;
}

std::string manifest_word(const manifest::Name* row) {
  if (!row) return "not known to CPython 3.14";
  if (row->level == Level::Private) return row->header[0] ? "private" : "private, in no public header";
  return fmt::format("{} API", manifest::level_name(row->level));
}

// Names that a file looks up by their text.
void check_strings(const Image& image, const std::string& where, const Promise& promise, Result* result) {
  const bool asks = std::any_of(image.imports.begin(), image.imports.end(), [](const Import& one) {
    return one.name == "dlsym" || one.name == "dlvsym" || one.name == "GetProcAddress";
  });
  if (!asks) return;
  NameSet imported;
  for (const Import& one : image.imports) imported.insert(one.name);
  std::set<std::string_view> found;
  for (const Section& section : image.sections) {
    if (!section.data_text || section.code) continue;
    const std::string_view text(reinterpret_cast<const char*>(section.bytes.data()), section.bytes.size());
    for (size_t at = text.find("Py"); at != std::string_view::npos && at < text.size(); at = text.find("Py", at + 2)) {
      const size_t begin = at && text[at - 1] == '_' ? at - 1 : at;
      if (begin && text[begin - 1] != '\0') continue;
      const size_t end = text.find('\0', at);
      if (end == std::string_view::npos || end - begin > 80) continue;
      const std::string_view name = text.substr(begin, end - begin);
      const auto* row = manifest::find_name(name);
      if (!row || imported.contains(name) || (row->form != manifest::Form::Function && row->form != manifest::Form::Data)) continue;
      if (promise.kind == Promise::Kind::Stable && row->stable_since && row->stable_since <= std::max(promise.minor, 2)) continue;
      if (promise.kind != Promise::Kind::Stable && row->exported) continue;
      found.insert(name);
    }
  }
  for (const std::string_view name : found) {
    const auto* row = manifest::find_name(name);
    result->add(Rule::ext_dlsym, where, std::string(name),
                row->stable_since ? fmt::format("{} (stable ABI since 3.{})", name, row->stable_since) : fmt::format("{} ({})", name, manifest_word(row)));
  }
}

void check_libpython(const Image& image, const std::string& where, const Promise& promise, Result* result) {
  for (const std::string_view one : image.needed) {
    const std::string_view file = one.substr(one.rfind('/') + 1);
    if (image.format == Format::Pe) {
      std::string lower(file);
      for (char& c : lower) c = static_cast<char>(tolower(static_cast<unsigned char>(c)));
      if (!lower.starts_with("python3") || !lower.ends_with(".dll")) continue;
      const int minor = to_number(std::string_view(lower).substr(7, lower.size() - 11));
      if (minor > 0 && promise.kind == Promise::Kind::Stable)
        result->add(Rule::ext_libpython, Severity::Error, where, lower, fmt::format("{}: a module for the stable ABI has to be linked to python3.dll", file));
    } else if (file.starts_with("libpython3") || one.find("Python.framework/") != std::string_view::npos) {
      result->add(Rule::ext_libpython, where, std::string(file), std::string(one));
    }
  }
}

void check_init(const Image& image, const std::string& where, const ModuleName& name, ModuleUse* use, Result* result) {
  std::vector<std::string> others;
  const std::string wanted = "PyInit_" + std::string(name.base), modern = "PyModExport_" + std::string(name.base);
  const bool ascii = std::all_of(name.base.begin(), name.base.end(), [](char c) { return static_cast<unsigned char>(c) < 128; });
  for (const Export& one : image.exports) {
    if (one.name == wanted || one.name == modern || (!ascii && one.name.starts_with("PyInitU_"))) use->init = true;
    else if (one.name.starts_with("PyInit_") || one.name.starts_with("PyInitU_") || one.name.starts_with("PyModExport_")) others.emplace_back(one.name);
  }
  if (use->init || image.program) return;
  if (!others.empty() && name.kind != ModuleName::Kind::Plain)
    result->add(Rule::ext_init_name, where, wanted, fmt::format("{} is missing; there is {}", wanted, first_few(others, 3)));
  else if (others.empty() && name.kind != ModuleName::Kind::Plain)
    result->add(Rule::ext_init, use->api ? Severity::Error : Severity::Note, where, wanted,
                use->api ? fmt::format("{} is missing", wanted) : fmt::format("{} is missing, and no name of the C API is used: no module, but named as one", wanted));
  if (!others.empty()) use->init = true;
}

}  // namespace

ModuleUse check_module(const Image& image, const std::string& where, const ModuleName& name, const Promise& promise, const NameSet& siblings, Result* result) {
  ModuleUse use;
  std::vector<std::string> weak, private_names;
  const bool unknown_release = promise.minor > manifest::kMinor;
  std::set<std::string_view> seen;
  for (const Import& one : image.imports) {
    const std::string_view python_library = image.format == Format::Pe ? one.library.substr(0, 6) : std::string_view{};
    if (!is_api_name(one.name) || siblings.contains(one.name) || !seen.insert(one.name).second) continue;
    if (image.format == Format::Pe && python_library != "python" && python_library != "PYTHON" && python_library != "Python") continue;
    const auto* row = manifest::find_name(one.name);
    if (!row && image.format == Format::MachO && !one.library.empty() && one.library.find("ython") == std::string_view::npos) continue;
    use.api = true;
    const std::string text(one.name);
    if (one.weak) {
      weak.push_back(text);
      continue;
    }
    if (promise.kind == Promise::Kind::Stable) {
      if (row && row->stable_since) {
        ++use.stable;
        use.needs = std::max<int>(use.needs, row->stable_since);
        if (promise.minor >= 0 && row->stable_since > promise.minor)
          result->add(Rule::ext_newer, where, text, fmt::format("{} joined the stable ABI in 3.{}, {} promises 3.{}", text, row->stable_since, promise.source, promise.minor));
      } else {
        ++use.beyond;
        if (unknown_release && !row) result->add(Rule::ext_unknown, Severity::Note, where, text, fmt::format("{} (the manifest ends with 3.14)", text));
        else result->add(Rule::ext_not_stable, where, text, fmt::format("{} ({})", text, manifest_word(row)));
      }
      continue;
    }
    if (row && row->stable_since) {
      ++use.stable;
      use.needs = std::max<int>(use.needs, row->stable_since);
    } else {
      ++use.beyond;
    }
    if (promise.kind == Promise::Kind::Version && promise.minor == manifest::kMinor) {
      const bool there = row && (row->exported || (row->condition[0] && image.format == Format::Pe));
      if (!there && !(promise.threaded && one.name[0] == '_'))
        result->add(row ? Rule::ext_gone : Rule::ext_unknown, row ? Severity::Error : image.format == Format::Elf ? Severity::Error : Severity::Warning, where, text,
                    fmt::format("{} ({})", text, row ? fmt::format("a {} of the headers only", manifest::form_name(row->form)) : "CPython 3.14 has no such name"));
    }
    if (row ? row->level == Level::Private && !row->stable_since : one.name[0] == '_') private_names.push_back(text);
  }
  if (!weak.empty()) result->add(Rule::ext_weak, where, "", first_few(weak));
  if (!private_names.empty() && promise.kind != Promise::Kind::Stable)
    result->add(Rule::ext_private, where, "", fmt::format("{}: {}", private_names.size(), first_few(private_names)));
  check_init(image, where, name, &use, result);
  if (use.api || use.init) {
    if (!image.program) check_libpython(image, where, promise, result);
    check_strings(image, where, promise, result);
    if (name.kind == ModuleName::Kind::Plain && use.init && image.format != Format::Pe && !image.program)
      result->add(Rule::ext_missing_tag, where, "", where.empty() ? "its name has no tag" : "the file's name has no tag");
  }
  if (image.text_relocations) result->add(Rule::ext_text_relocations, where, "", "DT_TEXTREL is set");
  if (image.executable_stack) result->add(Rule::ext_executable_stack, where, "", "PT_GNU_STACK asks for execution");
  const bool threaded_stable = promise.kind == Promise::Kind::Stable && (promise.threaded || name.kind == ModuleName::Kind::StableThreaded);
  if (threaded_stable) {
    const auto accesses = field_accesses(image, 200);
    std::map<std::string, std::pair<std::string, size_t>> kinds;
    for (const FieldAccess& one : accesses) {
      auto& row = kinds[one.what];
      if (row.second++ == 0) row.first = one.where;
    }
    for (const auto& [what, row] : kinds) result->add(Rule::abi3t_field, where, what, fmt::format("{}: at {}{}", what, row.first, row.second > 1 ? fmt::format(" and {} other places", row.second - 1) : ""));
  }
  return use;
}

void check_provider(const Image& image, const std::string& where, const NameSet& siblings, const Provider& provider, Result* result) {
  const Image& there = *provider.image;
  NameSet nodes;
  for (const Export& one : there.exports) nodes.insert(one.version);
  for (const Import& one : image.imports) {
    if (!is_api_name(one.name) || siblings.contains(one.name)) continue;
    const Export* found = there.find_export(one.name);
    const std::string text(one.name);
    if (!found) {
      if (one.weak) continue;
      const bool late = one.lazy && !image.bind_now;
      result->add(Rule::load_missing, late ? Severity::Warning : Severity::Error, where, text,
                  fmt::format("{}{}", text, late ? " (the file loads; the first call ends the process)" : ""));
    } else if (one.kind != SymbolKind::Unknown && found->kind != SymbolKind::Unknown && one.kind != found->kind) {
      result->add(Rule::load_kind, where, text, fmt::format("{} is {} there", text, found->kind == SymbolKind::Function ? "a function" : "data"));
    }
    if (found && !one.version.empty() && !nodes.contains(one.version))
      result->add(Rule::load_version, where, text, fmt::format("{}@{}", text, one.version));
  }
  for (const CopyRelocation& one : image.copies) {
    if (!is_api_name(one.name)) continue;
    const Export* found = there.find_export(one.name);
    if (found && found->size != one.size)
      result->add(Rule::load_size, where, std::string(one.name), fmt::format("{}: {} bytes here, {} there", one.name, one.size, found->size));
    else if (found && found->is_protected)
      result->add(Rule::load_size, where, std::string(one.name), fmt::format("{} is protected there: the loader refuses a copy", one.name));
    else if (!found)
      result->add(Rule::load_missing, where, std::string(one.name), fmt::format("{} (data that the program copies)", one.name));
  }
}

}  // namespace kingsnake
