// The checks behind `kingsnake abi`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "finding.h"
#include "image.h"

namespace kingsnake {

struct LibraryOptions {
  std::string against;     // another library; empty: the manifest
  std::string debug_file;  // where the debug information is, if not in the library
};
Result check_library(const std::string& path, const LibraryOptions& options);

struct Provider {
  std::string path;
  const Image* image;
};
struct WheelOptions {
  std::string provider;              // a libpython
  std::optional<int> minor;          // --python: what modules without a wheel promise
  std::vector<std::string> folders;  // where distributions are looked for
  uint64_t limit = uint64_t{1} << 30;  // largest file within a wheel
};
struct Input {
  enum class Kind : uint8_t { File, Distribution } kind = Kind::File;
  std::string path;                  // of the file, or of the .dist-info folder
  std::vector<std::string> files;    // a distribution's modules
  bool found = false;                // in a folder, not named by the user
};
// What FILE|DIR|NAME means: files and distributions. False with a reason.
bool find_inputs(const std::string& argument, const WheelOptions& options, std::vector<Input>* inputs, std::string* reason);
Result check_input(const Input& input, const WheelOptions& options, const Provider* provider);

// Which Python a libpython is.
struct LibraryVersion {
  int minor = 0;           // 0: not known
  std::string flags;       // "d", "t"
  std::string from;        // how it is known
};
LibraryVersion library_version(const Image& image, const std::string& path);

// Functions of which it can be seen that they only raise "not implemented" (x86-64).
std::vector<std::string> not_implemented(const Image& image);

// Places that likely read or write fields of objects directly: (function or address, what is seen), x86-64.
struct FieldAccess {
  std::string where, what;
};
std::vector<FieldAccess> field_accesses(const Image& image, size_t limit);

int explain(const std::vector<std::string>& names, const std::vector<std::string>& libraries, Output output, bool colour);

// Names that start as the C API's do.
inline bool is_api_name(std::string_view name) { return name.starts_with("Py") || name.starts_with("_Py") || name.starts_with("PY_"); }

}  // namespace kingsnake
