// Where the installation is: program, prefixes, module search path.
//
// From the program's place (or, in a virtual environment, from the home that pyvenv.cfg names) upwards we look for
// lib/python3.14/os.py, and for lib/python3.14/lib-dynload; PYTHONHOME says it outright. The texts are bytes in here.
#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "runtime/config.h"
#include "runtime/process.h"

#ifndef KINGSNAKE_PREFIX
#define KINGSNAKE_PREFIX "/usr"
#endif

namespace ks {

namespace {

using std::string;

constexpr char kVersionFolder[] = "python" Py_STRINGIFY(PY_MAJOR_VERSION) "." Py_STRINGIFY(PY_MINOR_VERSION);
constexpr char kZipName[] = "python" Py_STRINGIFY(PY_MAJOR_VERSION) Py_STRINGIFY(PY_MINOR_VERSION) ".zip";

bool is_file(const string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}
bool is_folder(const string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}
bool is_executable(const string& path) { return is_file(path) && access(path.c_str(), X_OK) == 0; }

string join(const string& folder, const string& name) {
  if (!name.empty() && name[0] == '/') return name;
  if (folder.empty()) return name;
  return folder.back() == '/' ? folder + name : folder + "/" + name;
}
string parent(const string& path) {
  const size_t slash = path.rfind('/');
  if (slash == string::npos) return "";
  if (slash == 0) return "/";
  return path.substr(0, slash);
}
string base_name(const string& path) {
  const size_t slash = path.rfind('/');
  return slash == string::npos ? path : path.substr(slash + 1);
}
string current_folder() {
  char buffer[PATH_MAX];
  return getcwd(buffer, sizeof buffer) ? buffer : "";
}
// Absolute and without "." and "..", as os.path.normpath; symbolic links stay.
string absolute(const string& path) {
  const string full = !path.empty() && path[0] == '/' ? path : join(current_folder(), path);
  std::vector<string> parts;
  size_t at = 0;
  while (at < full.size()) {
    size_t end = full.find('/', at);
    if (end == string::npos) end = full.size();
    const string part = full.substr(at, end - at);
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
    at = end + 1;
  }
  string result;
  for (const string& part : parts) result += "/" + part;
  return result.empty() ? "/" : result;
}
string resolved(const string& path) {
  char buffer[PATH_MAX];
  return realpath(path.c_str(), buffer) ? buffer : path;
}
// The file that a chain of symbolic links leads to; links among the folders stay as they are.
string followed(string path) {
  for (int i = 0; i < 40; ++i) {
    char target[PATH_MAX];
    const ssize_t length = readlink(path.c_str(), target, sizeof target - 1);
    if (length <= 0) break;
    target[length] = 0;
    path = absolute(join(parent(path), target));
  }
  return path;
}
// The folder above (or at) `start` that has one of the landmarks; "" if none.
template <class Test>
string search_up(string folder, const std::vector<string>& landmarks, Test test) {
  while (!folder.empty()) {
    for (const string& landmark : landmarks)
      if (test(join(folder, landmark))) return folder;
    if (folder == "/") break;
    folder = parent(folder);
  }
  return "";
}

PyStatus narrow(const wchar_t* text, string* result) {
  result->clear();
  if (!text) return status_ok();
  char* bytes = Py_EncodeLocale(text, nullptr);
  if (!bytes) return STATUS_ERROR("cannot encode a path");
  *result = bytes;
  PyMem_Free(bytes);
  return status_ok();
}
PyStatus widen(const string& text, wchar_t** slot) {
  wchar_t* wide;
  STATUS_TRY(decode_locale(text.c_str(), &wide));
  PyMem_RawFree(*slot);
  *slot = wide;
  return status_ok();
}
PyStatus append_path(PyWideStringList* list, const string& path) {
  wchar_t* wide;
  STATUS_TRY(decode_locale(path.c_str(), &wide));
  PyStatus status = PyWideStringList_Append(list, wide);
  PyMem_RawFree(wide);
  return status;
}

// The value of `home` in pyvenv.cfg; false when there is no such file.
bool read_venv(const string& file, string* home) {
  FILE* stream = fopen(file.c_str(), "re");
  if (!stream) return false;
  char line[4096];
  while (fgets(line, sizeof line, stream)) {
    char* equals = strchr(line, '=');
    if (!equals) continue;
    auto trimmed = [](char* begin, char* end) {
      while (begin < end && strchr(" \t\r\n", *begin)) ++begin;
      while (end > begin && strchr(" \t\r\n", end[-1])) --end;
      return string(begin, end);
    };
    string key = trimmed(line, equals);
    for (char& c : key) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    if (key == "home") *home = trimmed(equals + 1, equals + strlen(equals));
  }
  fclose(stream);
  return true;
}

string find_program(const string& name) {
  if (name.empty()) return "";
  if (name.find('/') != string::npos) return absolute(name);
  const char* path = getenv("PATH");
  if (!path) return "";
  for (const char* at = path;;) {
    const char* end = strchrnul(at, ':');
    const string folder(at, end);
    const string candidate = join(folder.empty() ? "." : folder, name);
    if (is_executable(candidate)) return absolute(candidate);
    if (!*end) return "";
    at = end + 1;
  }
}

}  // namespace

PyStatus compute_paths(PyConfig* config) {
  if (config->module_search_paths_set && config->executable && config->base_executable && config->prefix && config->base_prefix &&
      config->exec_prefix && config->base_exec_prefix && config->stdlib_dir)
    return status_ok();
  string program, executable, home, library_folder, prefix, exec_prefix, stdlib_folder;
  STATUS_TRY(narrow(config->program_name, &program));
  STATUS_TRY(narrow(config->executable ? config->executable : process.program_full_path, &executable));
  STATUS_TRY(narrow(config->home, &home));
  STATUS_TRY(narrow(config->platlibdir ? config->platlibdir : L"lib", &library_folder));
  STATUS_TRY(narrow(config->prefix, &prefix));
  STATUS_TRY(narrow(config->exec_prefix, &exec_prefix));
  STATUS_TRY(narrow(config->stdlib_dir, &stdlib_folder));
  const bool warnings = config->pathconfig_warnings > 0;

  if (executable.empty()) executable = find_program(program);
  string base_executable;
  STATUS_TRY(narrow(config->base_executable, &base_executable));

  // Virtual environment: pyvenv.cfg beside the program or one folder higher.
  string venv_prefix, program_folder;
  if (home.empty() && !executable.empty()) {
    const string folder = parent(executable);
    string venv_home;
    bool found = read_venv(join(folder, "pyvenv.cfg"), &venv_home);
    if (found) {
      venv_prefix = folder;
    } else if ((found = read_venv(join(parent(folder), "pyvenv.cfg"), &venv_home))) {
      venv_prefix = parent(folder);
    }
    if (found && !venv_home.empty()) {
      program_folder = venv_home;
      if (base_executable.empty()) {
        const string candidate = join(venv_home, base_name(executable));
        if (is_file(candidate)) {
          base_executable = candidate;
        } else {
          for (const char* name : {"python3.14", "python3", "python"})
            if (is_file(join(venv_home, name))) {
              base_executable = join(venv_home, name);
              break;
            }
          if (base_executable.empty()) base_executable = candidate;
        }
      }
    } else if (found) {
      venv_prefix.clear();
    }
  }
  if (base_executable.empty()) base_executable = executable;
  if (program_folder.empty() && !executable.empty()) program_folder = parent(followed(executable));

  const string version_part = join(library_folder, kVersionFolder);
  bool found_prefix = !prefix.empty(), found_exec_prefix = !exec_prefix.empty();
  if (!home.empty()) {
    const size_t colon = home.find(':');
    if (!found_prefix) prefix = home.substr(0, colon);
    if (!found_exec_prefix) exec_prefix = colon == string::npos ? prefix : home.substr(colon + 1);
    found_prefix = found_exec_prefix = true;
  }
  if (!found_prefix) {
    prefix = search_up(program_folder, {join(library_folder, kZipName)}, is_file);
    if (prefix.empty()) prefix = search_up(program_folder, {join(version_part, "os.py"), join(version_part, "os.pyc")}, is_file);
    if (prefix.empty()) {
      // An embedding program may lie anywhere: then our library's own place counts.
      Dl_info info;
      if (dladdr(reinterpret_cast<void*>(&Py_Initialize), &info) && info.dli_fname)
        prefix = search_up(parent(absolute(info.dli_fname)), {join(version_part, "os.py"), join(version_part, "os.pyc")}, is_file);
    }
    if (prefix.empty()) {
      prefix = KINGSNAKE_PREFIX;
      if (!is_file(join(join(prefix, version_part), "os.py")) && warnings)
        fprintf(stderr, "Could not find platform independent libraries <prefix>\n");
    }
  }
  if (stdlib_folder.empty()) stdlib_folder = join(prefix, version_part);
  if (!found_exec_prefix) {
    exec_prefix = search_up(program_folder, {join(version_part, "lib-dynload")}, is_folder);
    if (exec_prefix.empty() && is_folder(join(join(prefix, version_part), "lib-dynload"))) exec_prefix = prefix;
    if (exec_prefix.empty()) {
      exec_prefix = KINGSNAKE_PREFIX;
      if (!is_folder(join(join(exec_prefix, version_part), "lib-dynload")) && warnings)
        fprintf(stderr, "Could not find platform dependent libraries <exec_prefix>\n");
    }
  }
  const string dynload = join(join(exec_prefix, version_part), "lib-dynload");

  if (!config->module_search_paths_set) {
    if (process.module_search_path) {
      string all;
      STATUS_TRY(narrow(process.module_search_path, &all));
      list_clear(&config->module_search_paths);
      for (size_t at = 0; at <= all.size();) {
        size_t end = all.find(':', at);
        if (end == string::npos) end = all.size();
        STATUS_TRY(append_path(&config->module_search_paths, all.substr(at, end - at)));
        at = end + 1;
      }
    } else {
      list_clear(&config->module_search_paths);
      if (config->pythonpath_env) {
        string all;
        STATUS_TRY(narrow(config->pythonpath_env, &all));
        for (size_t at = 0; at <= all.size();) {
          size_t end = all.find(':', at);
          if (end == string::npos) end = all.size();
          const string entry = all.substr(at, end - at);
          STATUS_TRY(append_path(&config->module_search_paths, entry.empty() ? current_folder() : absolute(entry)));
          at = end + 1;
        }
      }
      STATUS_TRY(append_path(&config->module_search_paths, join(join(prefix, library_folder), kZipName)));
      STATUS_TRY(append_path(&config->module_search_paths, stdlib_folder));
      STATUS_TRY(append_path(&config->module_search_paths, dynload));
    }
    config->module_search_paths_set = 1;
  }
  if (!config->executable) STATUS_TRY(widen(executable, &config->executable));
  if (!config->base_executable) STATUS_TRY(widen(base_executable, &config->base_executable));
  if (!config->base_prefix) STATUS_TRY(widen(prefix, &config->base_prefix));
  if (!config->base_exec_prefix) STATUS_TRY(widen(exec_prefix, &config->base_exec_prefix));
  if (!config->prefix) STATUS_TRY(widen(venv_prefix.empty() ? prefix : venv_prefix, &config->prefix));
  if (!config->exec_prefix) STATUS_TRY(widen(venv_prefix.empty() ? exec_prefix : venv_prefix, &config->exec_prefix));
  if (!config->stdlib_dir) STATUS_TRY(widen(stdlib_folder, &config->stdlib_dir));
  return status_ok();
}

// The entry that a script, -c or -m puts first into sys.path; *path0 stays nullptr when there is none.
PyStatus compute_sys_path0(const PyWideStringList& argv, PyObject** path0) {
  *path0 = nullptr;
  if (!argv.length) return status_ok();
  const wchar_t* first = argv.items[0];
  string path;
  if (wcscmp(first, L"-m") == 0) {
    path = current_folder();
    if (path.empty()) return status_ok();
  } else if (wcscmp(first, L"-c") != 0) {
    string script;
    STATUS_TRY(narrow(first, &script));
    char link[PATH_MAX];
    const ssize_t length = readlink(script.c_str(), link, sizeof link - 1);
    if (length > 0) {
      link[length] = 0;
      script = join(parent(script), link);
    }
    script = resolved(script);
    const size_t slash = script.rfind('/');
    if (slash != string::npos) path = slash ? script.substr(0, slash) : "/";
  }
  wchar_t* wide;
  STATUS_TRY(decode_locale(path.c_str(), &wide));
  *path0 = PyUnicode_FromWideChar(wide, -1);
  PyMem_RawFree(wide);
  return *path0 ? status_ok() : STATUS_NO_MEMORY();
}

namespace {
void show(const char* name, const wchar_t* value) {
  fprintf(stderr, "  %s = ", name);
  if (!value) {
    fprintf(stderr, "(not set)\n");
    return;
  }
  fputc('\'', stderr);
  for (; *value; ++value) {
    if (*value >= 0x20 && *value < 0x7f) fputc(static_cast<int>(*value), stderr);
    else fprintf(stderr, *value < 0x100 ? "\\x%02x" : *value < 0x10000 ? "\\u%04x" : "\\U%08x", static_cast<unsigned>(*value));
  }
  fprintf(stderr, "'\n");
}
}  // namespace

void dump_paths(const PyConfig& config) {
  fprintf(stderr, "Python path configuration:\n");
  show("PYTHONHOME", config.home);
  show("PYTHONPATH", config.pythonpath_env);
  show("program name", config.program_name);
  fprintf(stderr, "  isolated = %i\n  environment = %i\n  user site = %i\n  safe_path = %i\n  import site = %i\n  is in build tree = %i\n",
          config.isolated, config.use_environment, config.user_site_directory, config.safe_path, config.site_import, config._is_python_build);
  show("stdlib dir", config.stdlib_dir);
  show("sys.path[0]", config.sys_path_0);
  show("sys._base_executable", config.base_executable);
  show("sys.base_prefix", config.base_prefix);
  show("sys.base_exec_prefix", config.base_exec_prefix);
  show("sys.platlibdir", config.platlibdir);
  show("sys.executable", config.executable);
  show("sys.prefix", config.prefix);
  show("sys.exec_prefix", config.exec_prefix);
  fprintf(stderr, "  sys.path = [\n");
  for (Py_ssize_t i = 0; i < config.module_search_paths.length; ++i) fprintf(stderr, "    '%ls',\n", config.module_search_paths.items[i]);
  fprintf(stderr, "  ]\n");
}

void publish_paths(const PyConfig& config) {
  set_wide(&process.prefix, config.prefix);
  set_wide(&process.exec_prefix, config.exec_prefix);
  set_wide(&process.stdlib_dir, config.stdlib_dir);
  set_wide(&process.program_name, config.program_name);
  set_wide(&process.program_full_path, config.executable);
  if (config.home) set_wide(&process.home, config.home);
  size_t length = 1;
  for (Py_ssize_t i = 0; i < config.module_search_paths.length; ++i) length += wcslen(config.module_search_paths.items[i]) + 1;
  auto* all = static_cast<wchar_t*>(PyMem_RawMalloc(length * sizeof(wchar_t)));
  if (!all) return;
  all[0] = 0;
  for (Py_ssize_t i = 0; i < config.module_search_paths.length; ++i) {
    if (i) wcscat(all, L":");
    wcscat(all, config.module_search_paths.items[i]);
  }
  PyMem_RawFree(process.calculated_path);
  process.calculated_path = all;
}

}  // namespace ks

using namespace ks;

extern "C" {

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
// All borrowed; NULL before initialisation.
wchar_t* Py_GetPrefix(void) { return process.prefix; }
wchar_t* Py_GetExecPrefix(void) { return process.exec_prefix; }
wchar_t* Py_GetPath(void) { return process.module_search_path ? process.module_search_path : process.calculated_path; }
wchar_t* Py_GetProgramName(void) { return process.program_name; }
wchar_t* Py_GetProgramFullPath(void) { return process.program_full_path; }
wchar_t* Py_GetPythonHome(void) { return process.home; }
void Py_SetProgramName(const wchar_t* name) { set_wide(&process.program_name, name && *name ? name : nullptr); }
void Py_SetPythonHome(const wchar_t* home) { set_wide(&process.home, home && *home ? home : nullptr); }
KS_EXPORT void Py_SetPath(const wchar_t* path) {
  set_wide(&process.module_search_path, path);
  if (!path) {
    set_wide(&process.prefix, nullptr);
    set_wide(&process.exec_prefix, nullptr);
    set_wide(&process.calculated_path, nullptr);
    return;
  }
  set_wide(&process.prefix, L"");
  set_wide(&process.exec_prefix, L"");
  if (!process.program_full_path) set_wide(&process.program_full_path, process.program_name ? process.program_name : L"python3");
}
KS_EXPORT void _PyPathConfig_ClearGlobal(void) {
  for (wchar_t** slot : {&process.program_name, &process.home, &process.module_search_path, &process.calculated_path, &process.prefix,
                         &process.exec_prefix, &process.stdlib_dir, &process.program_full_path})
    set_wide(slot, nullptr);
}
#pragma clang diagnostic pop

}  // extern "C"
