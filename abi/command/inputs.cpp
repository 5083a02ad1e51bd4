// What FILE|DIR|NAME means.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "checks.h"
#include "tags.h"

namespace kingsnake {

namespace {

namespace fs = std::filesystem;
constexpr size_t kMostFiles = 200000;

// As PEP 503 compares names.
std::string normal(std::string_view name) {
  std::string text;
  for (const char c : name) {
    const char one = c == '_' || c == '.' ? '-' : static_cast<char>(tolower(static_cast<unsigned char>(c)));
    if (one != '-' || text.empty() || text.back() != '-') text += one;
  }
  return text;
}

std::vector<std::string> package_folders(const WheelOptions& options) {
  if (!options.folders.empty()) return options.folders;
  std::vector<std::string> roots, folders;
  if (const char* environment = getenv("VIRTUAL_ENV")) roots.push_back(std::string(environment) + "/lib");
  if (const char* home = getenv("HOME")) roots.push_back(std::string(home) + "/.local/lib");
  roots.insert(roots.end(), {"/usr/local/lib", "/usr/lib"});
  std::error_code error;
  for (const std::string& root : roots) {
    std::vector<std::string> found;
    for (fs::directory_iterator at(root, error), end; !error && at != end; at.increment(error)) {
      const std::string name = at->path().filename().string();
      if (!name.starts_with("python3")) continue;
      for (const char* part : {"site-packages", "dist-packages"})
        if (fs::is_directory(at->path() / part, error)) found.push_back((at->path() / part).string());
    }
    std::sort(found.begin(), found.end());
    folders.insert(folders.end(), found.begin(), found.end());
  }
  return folders;
}

// Files that may be modules or wheels, below a folder, in order.
void files_below(const fs::path& folder, bool wheels, std::vector<std::string>* files) {
  std::error_code error;
  fs::recursive_directory_iterator at(folder, fs::directory_options::skip_permission_denied, error);
  for (const fs::recursive_directory_iterator end; !error && at != end && files->size() < kMostFiles; at.increment(error)) {
    std::error_code ignored;
    if (!at->is_regular_file(ignored) || at->is_symlink(ignored)) continue;
    const std::string path = at->path().string();
    ModuleName name;
    if ((wheels && path.ends_with(".whl")) || parse_module_name(path, &name)) files->push_back(path);
  }
  std::sort(files->begin(), files->end());
}

// The modules that a distribution installed: from RECORD, or from the folders that top_level.txt names.
void distribution_files(const fs::path& information, std::vector<std::string>* files) {
  const fs::path folder = information.parent_path();
  std::error_code error;
  for (const char* list : {"RECORD", "installed-files.txt"}) {
    std::ifstream record(information / list);
    const fs::path base = list[0] == 'R' ? folder : information;
    for (std::string line; std::getline(record, line) && files->size() < kMostFiles;) {
      std::string path = line[0] == '"' ? line.substr(1, line.find('"', 1) - 1) : line.substr(0, line.find(','));
      ModuleName name;
      if (!parse_module_name(path, &name)) continue;
      const fs::path whole = base / path;
      if (fs::is_regular_file(whole, error)) files->push_back(whole.lexically_normal().string());
    }
    if (!files->empty()) return;
  }
  std::ifstream top(information / "top_level.txt");
  std::vector<std::string> names;
  for (std::string line; std::getline(top, line);)
    if (!line.empty()) names.push_back(line);
  if (names.empty()) {
    const std::string file = information.filename().string();
    names.push_back(file.substr(0, file.find('-')));
    std::transform(names[0].begin(), names[0].end(), names[0].begin(), [](unsigned char c) { return static_cast<char>(tolower(c)); });
  }
  for (const std::string& name : names) {
    if (name.find("..") != std::string::npos || name[0] == '/') continue;
    files_below(folder / name, false, files);
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
      ModuleName module;
      const std::string path = at->path().string();
      if (parse_module_name(path, &module) && module.base == name) files->push_back(path);
    }
  }
}

}  // namespace

bool find_inputs(const std::string& argument, const WheelOptions& options, std::vector<Input>* inputs, std::string* reason) {
  std::error_code error;
  const fs::path path = argument;
  if (fs::is_directory(path, error)) {
    if (argument.ends_with(".dist-info") || argument.ends_with(".egg-info")) {
      Input input{Input::Kind::Distribution, argument, {}};
      distribution_files(path, &input.files);
      inputs->push_back(std::move(input));
      return true;
    }
    std::vector<std::string> files;
    files_below(path, true, &files);
    for (std::string& file : files) inputs->push_back({Input::Kind::File, std::move(file), {}, true});
    if (files.empty()) *reason = "the folder has neither wheels nor modules";
    return !files.empty();
  }
  if (fs::exists(path, error) || argument.find('/') != std::string::npos || argument.ends_with(".whl") || argument.ends_with(".so")) {
    inputs->push_back({Input::Kind::File, argument, {}});
    return true;
  }
  const std::string wanted = normal(argument);
  bool found = false;
  for (const std::string& folder : package_folders(options))
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
      const std::string name = at->path().filename().string();
      const size_t suffix = name.rfind('.');
      if (suffix == std::string::npos || (name.substr(suffix) != ".dist-info" && name.substr(suffix) != ".egg-info")) continue;
      const std::string stem = name.substr(0, std::min(name.find('-'), suffix));
      if (normal(stem) != wanted || !at->is_directory(error)) continue;
      Input input{Input::Kind::Distribution, at->path().string(), {}};
      distribution_files(at->path(), &input.files);
      inputs->push_back(std::move(input));
      found = true;
    }
  if (!found) *reason = "no such file, and no distribution of that name is installed (--path names folders to look in)";
  return found;
}

}  // namespace kingsnake
