// `kingsnake abi explain NAME`: everything that the manifest knows about a name.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "checks.h"
#include "file.h"
#include "manifest.h"

namespace kingsnake {

namespace {

using Json = nlohmann::ordered_json;

std::string release(int minor) { return minor ? fmt::format("3.{}", minor) : ""; }

std::string condition_text(std::string_view condition) {
  if (condition == "windows") return "Windows only";
  if (condition == "fork") return "where there is fork()";
  if (condition == "stackcheck") return "where the build has USE_STACKCHECK";
  if (condition == "native-thread-id") return "where threads have a native number";
  if (condition == "refdebug") return "debug builds (Py_REF_DEBUG) only";
  return std::string(condition);
}

std::string result_text(std::string_view result) {
  if (result == "new") return "a new reference: the caller owns it";
  if (result == "borrowed") return "a borrowed reference: the caller must not drop it";
  if (result == "NULL") return "always NULL";
  return std::string(result);
}

std::string error_text(std::string_view error) {
  if (error == "none") return "it cannot fail";
  return error.empty() ? "" : fmt::format("{}, with an exception set", error);
}

// How far two names are from each other, up to a limit.
size_t distance(std::string_view a, std::string_view b, size_t limit) {
  if (a.size() > b.size() + limit || b.size() > a.size() + limit) return limit + 1;
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (tolower(a[i - 1]) != tolower(b[j - 1]))});
      diagonal = above;
    }
  }
  return row[b.size()];
}

std::vector<std::string_view> near(std::string_view name) {
  std::vector<std::pair<size_t, std::string_view>> found;
  auto consider = [&](std::string_view other) {
    const size_t away = other.starts_with(name) && name.size() > 3 ? 1 : distance(name, other, 3);
    if (away <= 3) found.emplace_back(away, other);
  };
  for (const auto& row : manifest::names()) consider(row.name);
  for (const auto& row : manifest::structs()) consider(row.name);
  for (const auto& row : manifest::constants()) consider(row.name);
  std::sort(found.begin(), found.end());
  std::vector<std::string_view> names;
  for (const auto& [away, other] : found)
    if (names.size() < 5) names.push_back(other);
  return names;
}

struct Row {
  const char* key;
  std::string value;
};

std::vector<Row> rows_of(const manifest::Name& row) {
  const bool data = row.form == manifest::Form::Data;
  std::vector<Row> rows = {
    {"kind", manifest::form_name(row.form)},
    {data ? "type" : "signature", row.signature},
    {"level", manifest::level_name(row.level)},
    {"stable ABI", row.stable_since ? "since " + release(row.stable_since) : "no"},
    {"Py_LIMITED_API", row.limited_since ? "shown from " + release(row.limited_since) + " on" : "not shown"},
    {"added", row.added},
    {"deprecated", row.deprecated[0] ? fmt::format("since {}{}", row.deprecated, row.removal[0] ? fmt::format(", to be removed in {}", row.removal) : "") : ""},
    {"where", condition_text(row.condition)},
    {"exported", row.exported ? "by CPython 3.14 on Linux" : row.form == manifest::Form::Function || data ? "not by CPython 3.14 on Linux" : "no: the headers suffice"},
    {"size", data && row.exported ? fmt::format("{} bytes", row.size) : ""},
    {"header", row.header},
    {"manual", row.page[0] ? fmt::format("c-api/{}.html#c.{}", row.page, row.name) : "not documented"},
  };
  if (!data) {
    rows.push_back({"travels as", row.machine});
    rows.push_back({"result", result_text(row.result)});
    rows.push_back({"error", error_text(row.error)});
    rows.push_back({"steals", row.stolen});
    rows.push_back({"may be NULL", row.nullable});
  }
  return rows;
}

}  // namespace

int explain(const std::vector<std::string>& names, const std::vector<std::string>& libraries, Output output, bool colour) {
  struct Library {
    std::string path, reason;
    MappedFile file;
    std::vector<Image> images;
  };
  std::vector<std::unique_ptr<Library>> opened;
  for (const std::string& path : libraries) {
    auto library = std::make_unique<Library>();
    library->path = path;
    if (!library->file.open(path, &library->reason) || read_images(library->file.bytes(), false, &library->images, &library->reason) != Reading::Fine) {
      fmt::print(stderr, "kingsnake abi explain: {}: {}\n", path, library->reason.empty() ? "neither ELF, Mach-O nor PE" : library->reason);
      return 2;
    }
    opened.push_back(std::move(library));
  }
  Json all = Json::array();
  int status = 0;
  auto bold = [&](const std::string& text) { return colour ? "\033[1m" + text + "\033[0m" : text; };
  for (const std::string& name : names) {
    const auto* row = manifest::find_name(name);
    const manifest::Struct* structure = manifest::find(manifest::structs(), name);
    if (!structure)
      for (const auto& one : manifest::structs())
        if (name == one.tag) structure = &one;
    const auto* constant = manifest::find(manifest::constants(), name);
    std::vector<Row> rows;
    if (row) rows = rows_of(*row);
    if (constant) {
      if (!row) rows.push_back({"kind", fmt::format("constant ({})", constant->kind)});
      rows.push_back({"value", constant->type == std::string_view("string") ? fmt::format("\"{}\"", constant->value) : constant->value});
      if (!row) rows.push_back({"level", manifest::level_name(constant->level)});
      if (!row && constant->limited_since) rows.push_back({"Py_LIMITED_API", "shown from " + release(constant->limited_since) + " on"});
      if (!row) rows.push_back({"header", constant->header});
      if (!row && constant->page[0]) rows.push_back({"manual", fmt::format("c-api/{}.html#c.{}", constant->page, name)});
    }
    if (structure) {
      rows.push_back({"kind", "struct"});
      rows.push_back({"level", manifest::level_name(structure->level)});
      if (structure->stable_since) rows.push_back({"stable ABI", "since " + release(structure->stable_since)});
      rows.push_back({"size", fmt::format("{} bytes, aligned to {}", structure->size, structure->alignment)});
      rows.push_back({"header", structure->header});
    }
    for (const auto& library : opened) {
      bool there = false;
      for (const Image& image : library->images) there |= image.find_export(name) != nullptr;
      rows.push_back({"library", fmt::format("{} {}", library->path, there ? "exports it" : "does not export it")});
    }
    const bool known = row || structure || constant;
    if (!known) status = 1;
    if (output != Output::Text) {
      Json one = {{"name", name}, {"known", known}};
      for (const Row& part : rows)
        if (!part.value.empty()) one[part.key] = part.value;
      if (structure) {
        one["fields"] = Json::array();
        for (const auto& field : manifest::fields_of(*structure))
          one["fields"].push_back({{"name", field.name}, {"type", field.type}, {"bit offset", field.offset}, {"bits", field.size}, {"level", manifest::level_name(field.level)}});
      }
      if (!known) {
        one["near"] = Json::array();
        for (const auto other : near(name)) one["near"].push_back(std::string(other));
      }
      all.push_back(std::move(one));
      continue;
    }
    fmt::print("{}\n", bold(name));
    if (!known) {
      fmt::print("  not known: neither a function, data, struct nor constant of CPython 3.14's headers, binary and manual\n");
      const auto others = near(name);
      if (!others.empty()) fmt::print("  near: {}\n", fmt::join(others, ", "));
    }
    for (const Row& part : rows)
      if (!part.value.empty()) fmt::print("  {:<15} {}\n", part.key, part.value);
    if (structure)
      for (const auto& field : manifest::fields_of(*structure))
        fmt::print("    {:>5}{:<4} {:>4} {}  {} {}\n", field.offset / 8, field.bits ? fmt::format(":{}", field.offset % 8) : "", field.bits ? field.size : field.size / 8,
                   field.bits ? "bits " : "bytes", bold(field.name), field.type);
  }
  if (output != Output::Text) fmt::print("{}\n", all.dump(2, ' ', false, Json::error_handler_t::replace));
  return status;
}

}  // namespace kingsnake
