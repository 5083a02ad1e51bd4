// kingsnake: the user's command. Runs programs on our library, our interpreter, and tells what is installed.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "abi_command.h"
#include "dynamic_section.h"

namespace kingsnake {
namespace {

namespace fs = std::filesystem;
constexpr const char* kLibrary = "libpython3.14.so.1.0";

template <class... Arguments>
int fail(int status, fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  fmt::print(stderr, "kingsnake: {}\n", fmt::format(format, std::forward<Arguments>(arguments)...));
  return status;
}

// The folder with our library: ../lib beside this program.
fs::path library_folder() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  return error ? fs::path() : self.parent_path().parent_path() / "lib";
}

// A program as the shell would find it; empty when there is none.
fs::path find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return access(name.c_str(), X_OK) == 0 ? fs::path(name) : fs::path();
  const char* path = getenv("PATH");
  std::string folders = path ? path : "/usr/local/bin:/usr/bin:/bin";
  for (size_t begin = 0; begin <= folders.size();) {
    const size_t end = std::min(folders.find(':', begin), folders.size());
    const fs::path candidate = fs::path(folders.substr(begin, end - begin).empty() ? "." : folders.substr(begin, end - begin)) / name;
    std::error_code error;
    if (access(candidate.c_str(), X_OK) == 0 && !fs::is_directory(candidate, error)) return candidate;
    begin = end + 1;
  }
  return {};
}

void prepend(const char* variable, const std::string& value, char separator) {
  const char* old = getenv(variable);
  const std::string joined = old && *old ? value + separator + old : value;
  setenv(variable, joined.c_str(), 1);
}

int execute(const fs::path& program, const std::vector<std::string>& arguments) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  execv(program.c_str(), argv.data());
  return fail(errno == ENOENT ? 127 : 126, "cannot run {}: {}", program.string(), strerror(errno));
}

int run(const std::vector<std::string>& command, bool preload) {
  const fs::path folder = library_folder();
  const fs::path library = folder / kLibrary;
  std::error_code error;
  if (!fs::exists(library, error)) return fail(2, "{} is missing: build or install Kingsnake again", library.string());
  const fs::path program = find_program(command[0]);
  if (program.empty()) return fail(127, "{}: no such program", command[0]);
  DynamicSection section;
  std::string reason;
  if (!read_dynamic_section(program.string(), &section, &reason)) {
    // A script's interpreter inherits the search path.
    if (reason != "not an ELF file") return fail(2, "cannot read {}: {}", program.string(), reason);
  } else {
    bool wanted = false;
    for (const std::string& needed : section.needed) {
      if (needed == kLibrary || needed == "libpython3.so") wanted = true;
      else if (needed.rfind("libpython", 0) == 0)
        return fail(2, "{} is linked with {}; Kingsnake stands in for {} only, whose ABI is another. Use a build of the program for "
                       "Python 3.14.",
                    program.string(), needed, kLibrary);
    }
    // DT_RPATH without DT_RUNPATH is searched before LD_LIBRARY_PATH: there only preloading helps.
    if (wanted && !section.rpath.empty() && section.runpath.empty()) preload = true;
  }
  prepend("LD_LIBRARY_PATH", folder.string(), ':');
  if (preload) prepend("LD_PRELOAD", library.string(), ' ');
  return execute(program, command);
}

int info() {
  const fs::path folder = library_folder();
  fmt::print("version   3.14.10 (Kingsnake 0.1)\n");
  fmt::print("library   {}\n", (folder / kLibrary).string());
  fmt::print("launcher  {}\n", (folder.parent_path() / "bin" / "python3.14").string());
  std::error_code error;
  if (!fs::exists(folder / kLibrary, error)) return fail(2, "the library is missing: build or install Kingsnake again");
  return 0;
}

constexpr const char* kStatus = "Ends with 0: everything conforms, 1: something does not, 2: something could not be judged.";

void add_output(CLI::App* command, AbiCommand* abi) {
  command->add_flag("--json", abi->json, "report as JSON (abi/report.schema.json)");
  command->add_option("--colour,--color", abi->colour, "auto, always, never")->check(CLI::IsMember({"auto", "always", "never"}));
}

void add_report(CLI::App* command, AbiCommand* abi) {
  add_output(command, abi);
  command->add_flag("--sarif", abi->sarif, "report as SARIF 2.1.0");
  command->add_flag("-v,--verbose", abi->verbose, "show every name, not the first few of each kind");
  command->add_flag("-q,--quiet", abi->quiet, "verdicts only");
  command->add_flag("--strict", abi->strict, "warnings count as errors");
  command->add_option("-j,--jobs", abi->jobs, "files at a time (default: one for each processor)");
  command->footer(kStatus);
}

void add_abi_commands(CLI::App* command, AbiCommand* abi) {
  command->require_subcommand(1);
  command->footer("The facts are CPython 3.14's; the stable ABI's history goes from 3.2 to 3.14.");
  auto* library = command->add_subcommand("lib", "check libpythons, of any vendor and version, against the ABI or another library");
  library->add_option("file", abi->arguments, "libraries")->required();
  library->add_option("--against", abi->library.against, "compare with this library instead of the manifest");
  library->add_option("--debug", abi->library.debug_file, "read the debug information from this file");
  add_report(library, abi);
  auto* wheel = command->add_subcommand("wheel", "check wheels, modules, programs and installed distributions");
  wheel->add_option("what", abi->arguments, "wheels, modules, programs, folders, names of distributions")->required();
  wheel->add_option("--provider", abi->wheel.provider, "would it load against this libpython?");
  wheel->add_option_function<std::string>("--python", [abi](const std::string& text) {
    const size_t dot = text.find('.');
    const int minor = text.starts_with("3.") ? atoi(text.c_str() + dot + 1) : -1;
    if (minor < 2 || minor > 99) throw CLI::ValidationError("--python", "give a release, for example 3.9");
    abi->wheel.minor = minor;
  }, "the oldest release that modules without a wheel are meant for, for example 3.9");
  wheel->add_option("--path", abi->wheel.folders, "look for distributions in these folders");
  wheel->add_option("--limit", abi->limit_mib, "largest file within a wheel, in MiB (default 1024)")->check(CLI::Range(1, 1 << 20));
  add_report(wheel, abi);
  auto* explain = command->add_subcommand("explain", "tell what is known about a name of the C API");
  explain->add_option("name", abi->arguments, "functions, data, structs, constants")->required();
  explain->add_option("--in", abi->libraries, "say whether these libraries export it");
  add_output(explain, abi);
  explain->footer("Ends with 0: every name is known, 1: one is not, 2: a library could not be read.");
}

int run_abi(CLI::App* command, AbiCommand* abi) {
  if (abi->json && abi->sarif) return fail(2, "--json and --sarif exclude each other");
  if (command->got_subcommand("lib")) return abi->run_library();
  if (command->got_subcommand("wheel")) return abi->run_wheel();
  if (abi->libraries.empty()) {
    std::error_code error;
    if (const fs::path own = library_folder() / kLibrary; fs::exists(own, error)) abi->libraries.push_back(own.string());
  }
  return abi->run_explain();
}

}  // namespace
}  // namespace kingsnake

int main(int argc, char** argv) {
  using namespace kingsnake;
  CLI::App app{"Kingsnake: CPython 3.14's libpython, again"};
  app.require_subcommand(1);
  app.footer("Run `kingsnake COMMAND --help` for a command's options.");
  auto* run_command = app.add_subcommand("run", "run a program that embeds Python 3.14 with our library in libpython's place");
  std::vector<std::string> program;
  bool preload = false;
  run_command->add_flag("--preload", preload, "preload the library also where the search path would do (children inherit it)");
  run_command->add_option("program", program, "the program and its arguments, after --")->required();
  run_command->positionals_at_end();
  auto* python_command = app.add_subcommand("python", "run our interpreter");
  python_command->prefix_command();
  auto* info_command = app.add_subcommand("info", "show what is installed");
  AbiCommand abi;
  auto* abi_command = app.add_subcommand("abi", "does this library, does this wheel keep its promise?");
  add_abi_commands(abi_command, &abi);
  CLI11_PARSE(app, argc, argv);
  if (*abi_command) return run_abi(abi_command, &abi);
  if (*run_command) return run(program, preload);
  if (*python_command) {
    std::vector<std::string> command = python_command->remaining();
    command.insert(command.begin(), "python3.14");
    return execute(library_folder().parent_path() / "bin" / "python3.14", command);
  }
  if (*info_command) return info();
  return 2;
}
