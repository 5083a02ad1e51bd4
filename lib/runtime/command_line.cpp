// The command line: options of the interpreter, help texts.
#include <cstdio>
#include <cstring>

#include "object/export.h"
#include "runtime/config.h"
#include "runtime/process.h"

namespace ks {

namespace {

constexpr wchar_t kShortOptions[] = L"+bBc:dEhiIm:OPqsSuvVW:xX:?";

// Reads options one by one; our own getopt for wide strings.
struct OptionReader {
  const PyWideStringList& arguments;
  Py_ssize_t index = 1;
  const wchar_t* rest = L"";     // what follows in a group of short options
  const wchar_t* value = nullptr;
  int long_option = 0;           // with result 0
  bool quiet = false;

  enum Long { CheckHash = 0, HelpAll, HelpEnvironment, HelpXoptions, Help, Version };

  // The option's letter, 0 for a long one, -1 at the end, '_' for a bad one.
  int next() {
    if (!*rest) {
      if (index >= arguments.length) return -1;
      const wchar_t* argument = arguments.items[index];
      if (argument[0] != L'-' || argument[1] == 0) return -1;
      if (wcscmp(argument, L"--") == 0) {
        ++index;
        return -1;
      }
      if (wcscmp(argument, L"--help") == 0) {
        ++index;
        return 'h';
      }
      if (wcscmp(argument, L"--version") == 0) {
        ++index;
        return 'V';
      }
      rest = argument + 1;
      ++index;
    }
    const wchar_t option = *rest++;
    if (option == L'-') {
      if (!*rest) {
        complain("Expected long option\n");
        return -1;
      }
      const wchar_t* name = rest;
      rest = L"";
      if (wcscmp(name, L"check-hash-based-pycs") == 0) {
        if (index >= arguments.length) {
          complain("Argument expected for the %ls option\n", arguments.items[index - 1]);
          return '_';
        }
        value = arguments.items[index++];
        long_option = CheckHash;
        return 0;
      }
      if (wcscmp(name, L"help-all") == 0) return long_option = HelpAll, 0;
      if (wcscmp(name, L"help-env") == 0) return long_option = HelpEnvironment, 0;
      if (wcscmp(name, L"help-xoptions") == 0) return long_option = HelpXoptions, 0;
      complain("Unknown option: %ls\n", arguments.items[index - 1]);
      return '_';
    }
    const wchar_t* known = option == L'+' || option == L':' ? nullptr : wcschr(kShortOptions, option);
    if (!known) {
      complain("Unknown option: -%c\n", static_cast<int>(option));
      return '_';
    }
    if (known[1] == L':') {
      if (*rest) {
        value = rest;
        rest = L"";
      } else if (index < arguments.length) {
        value = arguments.items[index++];
      } else {
        complain("Argument expected for the -%c option\n", static_cast<int>(option));
        return '_';
      }
    }
    return static_cast<int>(option);
  }

  template <class... T>
  void complain(const char* format, T... values) {
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wformat-security"
#pragma clang diagnostic ignored "-Wformat-nonliteral"
    if (!quiet) fprintf(stderr, format, values...);
#pragma clang diagnostic pop
  }
};

constexpr char kUsageLine[] = "usage: %ls [option] ... [-c cmd | -m mod | file | -] [arg] ...\n";

constexpr char kUsageHelp[] =
    "Options (with the environment variables that do the same):\n"
    "-b     : warn when bytes or bytearray are turned into str, or compared with str or\n"
    "         int; -bb makes these warnings errors\n"
    "-B     : do not write .pyc files on import; also PYTHONDONTWRITEBYTECODE=x\n"
    "-c cmd : run the program text cmd (ends the options)\n"
    "-d     : debugging output of the parser, in debug builds; also PYTHONDEBUG=x\n"
    "-E     : take no notice of PYTHON* environment variables\n"
    "-h     : print this help and exit (also -? or --help)\n"
    "-i     : go interactive after the script, with a prompt even where stdin is no\n"
    "         terminal; also PYTHONINSPECT=x\n"
    "-I     : isolate from the user's environment (implies -E, -P and -s)\n"
    "-m mod : run the module mod as a script (ends the options)\n"
    "-O     : leave out assert statements and what depends on __debug__; .pyc files are\n"
    "         named .opt-1; also PYTHONOPTIMIZE=x\n"
    "-OO    : as -O, and leave out docstrings; .pyc files are named .opt-2\n"
    "-P     : put no unsafe path first into sys.path; also PYTHONSAFEPATH\n"
    "-q     : no version and copyright message when interactive\n"
    "-s     : without the user's site directory; also PYTHONNOUSERSITE=x\n"
    "-S     : do not import site at start\n"
    "-u     : stdout and stderr without buffer; also PYTHONUNBUFFERED=x\n"
    "-v     : trace imports; may be repeated; also PYTHONVERBOSE=x\n"
    "-V     : print the version and exit (also --version); twice: with the build\n"
    "-W arg : control warnings; arg is action:message:category:module:lineno; also\n"
    "         PYTHONWARNINGS=arg\n"
    "-x     : skip the first line of the source, for other systems' #! lines\n"
    "-X opt : set an option of this implementation\n"
    "--check-hash-based-pycs always|default|never:\n"
    "         how .pyc files with source hashes are validated\n"
    "--help-env: help on environment variables\n"
    "--help-xoptions: help on -X options\n"
    "--help-all: all the help there is\n"
    "\n"
    "Arguments:\n"
    "file   : program read from a file\n"
    "-      : program read from stdin (the default; interactive on a terminal)\n"
    "arg ...: arguments for the program, in sys.argv[1:]\n";

constexpr char kUsageXoptions[] =
    "The following implementation-specific options are available:\n"
    "-X context_aware_warnings=[0|1]: let the warnings module keep its filters in a\n"
    "         context variable; also PYTHON_CONTEXT_AWARE_WARNINGS\n"
    "-X cpu_count=N: what os.cpu_count() returns; cpu_count=default undoes it; also\n"
    "         PYTHON_CPU_COUNT\n"
    "-X dev : development mode; also PYTHONDEVMODE\n"
    "-X disable-remote-debug: no remote debugging; also PYTHON_DISABLE_REMOTE_DEBUG\n"
    "-X faulthandler: show the Python traceback on fatal errors; also PYTHONFAULTHANDLER\n"
    "-X frozen_modules=[on|off]: whether frozen modules are used; also\n"
    "         PYTHON_FROZEN_MODULES\n"
    "-X importtime[=2]: show how long imports take; 2 lists modules already loaded too;\n"
    "         also PYTHONPROFILEIMPORTTIME\n"
    "-X int_max_str_digits=N: limit of int<->str conversions, 0 for none; also\n"
    "         PYTHONINTMAXSTRDIGITS\n"
    "-X no_debug_ranges: code objects without column information; also\n"
    "         PYTHONNODEBUGRANGES\n"
    "-X perf: support for the Linux \"perf\" profiler; also PYTHONPERFSUPPORT=1\n"
    "-X perf_jit: the same with DWARF information; also PYTHON_PERF_JIT_SUPPORT=1\n"
    "-X pycache_prefix=PATH: .pyc files in a tree of their own; also\n"
    "         PYTHONPYCACHEPREFIX\n"
    "-X showrefcount: total number of references at the end; debug builds only\n"
    "-X thread_inherit_context=[0|1]: threads begin with a copy of the context of who\n"
    "         starts them; also PYTHON_THREAD_INHERIT_CONTEXT\n"
    "-X tracemalloc[=N]: trace allocations with N frames (1); also PYTHONTRACEMALLOC=N\n"
    "-X utf8[=0|1]: UTF-8 mode on (1) or off (0); also PYTHONUTF8\n"
    "-X warn_default_encoding: EncodingWarning for 'encoding=None'; also\n"
    "         PYTHONWARNDEFAULTENCODING\n";

constexpr char kUsageEnvironment[] =
    "Environment variables that change behavior:\n"
    "PYTHONASYNCIODEBUG: debug mode of asyncio\n"
    "PYTHON_BASIC_REPL: the plain interactive loop\n"
    "PYTHONBREAKPOINT: callable for breakpoint(); 0 turns breakpoints off\n"
    "PYTHONCASEOK    : file names of imports in any case (Windows)\n"
    "PYTHONCOERCECLOCALE: 0: leave the C locale alone; warn: say so on stderr\n"
    "PYTHON_COLORS   : 1: colours in output; 0: none\n"
    "PYTHONHASHSEED  : seed of the hashes of str and bytes: 'random', or an integer in\n"
    "                  the range [0,4294967295]\n"
    "PYTHON_HISTORY  : where .python_history is\n"
    "PYTHONHOME      : another <prefix> directory (or <prefix>:<exec_prefix>); modules\n"
    "                  are sought in <prefix>/lib/pythonX.X\n"
    "PYTHONIOENCODING: encoding[:errors] of stdin, stdout and stderr\n"
    "PYTHONMALLOC    : memory allocators and their debug hooks (debug)\n"
    "PYTHONMALLOCSTATS: print statistics of the allocators\n"
    "PYTHONPATH      : ':'-separated directories in front of the module search path\n"
    "PYTHONPLATLIBDIR: another sys.platlibdir\n"
    "PYTHONSTARTUP   : file that is run when an interactive session starts\n"
    "PYTHONUSERBASE  : the user base directory (site.USER_BASE)\n"
    "\n"
    "These variables have equivalent command-line options (see --help for details):\n"
    "PYTHON_CONTEXT_AWARE_WARNINGS: -X context_aware_warnings\n"
    "PYTHON_CPU_COUNT: -X cpu_count\n"
    "PYTHONDEBUG     : -d\n"
    "PYTHONDEVMODE   : -X dev\n"
    "PYTHONDONTWRITEBYTECODE: -B\n"
    "PYTHONFAULTHANDLER: -X faulthandler\n"
    "PYTHON_FROZEN_MODULES: -X frozen_modules\n"
    "PYTHONINSPECT   : -i\n"
    "PYTHONINTMAXSTRDIGITS: -X int_max_str_digits=N\n"
    "PYTHONNODEBUGRANGES: -X no_debug_ranges\n"
    "PYTHONNOUSERSITE: -s\n"
    "PYTHONOPTIMIZE  : -O\n"
    "PYTHON_PERF_JIT_SUPPORT: -X perf_jit\n"
    "PYTHONPERFSUPPORT: -X perf\n"
    "PYTHONPROFILEIMPORTTIME: -X importtime\n"
    "PYTHONPYCACHEPREFIX: -X pycache_prefix\n"
    "PYTHONSAFEPATH  : -P\n"
    "PYTHON_THREAD_INHERIT_CONTEXT: -X thread_inherit_context\n"
    "PYTHONTRACEMALLOC: -X tracemalloc\n"
    "PYTHONUNBUFFERED: -u\n"
    "PYTHONUTF8      : -X utf8\n"
    "PYTHONVERBOSE   : -v\n"
    "PYTHONWARNDEFAULTENCODING: -X warn_default_encoding\n"
    "PYTHONWARNINGS  : -W\n";

PyStatus usage_error(const wchar_t* program) {
  fprintf(stderr, kUsageLine, program);
  fprintf(stderr, "Try `python -h' for more information.\n");
  return status_exit(2);
}

}  // namespace

PyStatus parse_early(const PyWideStringList& arguments, EarlyOptions* options) {
  OptionReader reader{.arguments = arguments, .quiet = true};
  for (int option; (option = reader.next()) != -1 && option != 'c' && option != 'm';) {
    switch (option) {
      case 'E': options->ignore_environment = true; break;
      case 'I': options->isolated = true; break;
      case 'X': STATUS_TRY(PyWideStringList_Append(&options->xoptions, reader.value)); break;
    }
  }
  return status_ok();
}

PyStatus parse_command_line(PyConfig* config, CommandLine* line) {
  const PyWideStringList& arguments = config->argv;
  OptionReader reader{.arguments = arguments};
  int versions = 0;
  const wchar_t* program = config->program_name && *config->program_name ? config->program_name
                           : arguments.length                            ? arguments.items[0]
                                                                         : L"python3";
  for (;;) {
    const int option = reader.next();
    if (option == -1) break;
    if (option == 'c') {
      if (!config->run_command) {
        const size_t length = wcslen(reader.value);
        auto* command = static_cast<wchar_t*>(PyMem_RawMalloc((length + 2) * sizeof(wchar_t)));
        if (!command) return STATUS_NO_MEMORY();
        wmemcpy(command, reader.value, length);
        command[length] = L'\n';
        command[length + 1] = 0;
        config->run_command = command;
      }
      break;
    }
    if (option == 'm') {
      if (!config->run_module && !(config->run_module = copy_wide(reader.value))) return STATUS_NO_MEMORY();
      break;
    }
    switch (option) {
      case 0:
        switch (reader.long_option) {
          case OptionReader::CheckHash:
            if (wcscmp(reader.value, L"always") && wcscmp(reader.value, L"never") && wcscmp(reader.value, L"default")) {
              fprintf(stderr, "--check-hash-based-pycs must be one of 'default', 'always', or 'never'\n");
              return usage_error(program);
            }
            if (!set_wide(&config->check_hash_pycs_mode, reader.value)) return STATUS_NO_MEMORY();
            break;
          case OptionReader::HelpAll:
            printf(kUsageLine, program);
            printf("%s\n%s\n%s", kUsageHelp, kUsageEnvironment, kUsageXoptions);
            return status_exit(0);
          case OptionReader::HelpEnvironment: printf("%s", kUsageEnvironment); return status_exit(0);
          case OptionReader::HelpXoptions: printf("%s", kUsageXoptions); return status_exit(0);
        }
        break;
      case 'b': ++config->bytes_warning; break;
      case 'd': ++config->parser_debug; break;
      case 'i':
        ++config->inspect;
        ++config->interactive;
        break;
      case 'E': case 'I': case 'X':
        if (option == 'I') ++config->isolated;
        if (option == 'E') config->use_environment = 0;
        if (option == 'X') STATUS_TRY(PyWideStringList_Append(&config->xoptions, reader.value));
        break;
      case 'O': ++config->optimization_level; break;
      case 'P': config->safe_path = 1; break;
      case 'R': config->use_hash_seed = 0; break;
      case 'B': config->write_bytecode = 0; break;
      case 's': config->user_site_directory = 0; break;
      case 'S': config->site_import = 0; break;
      case 'x': config->skip_source_first_line = 1; break;
      case 'u': config->buffered_stdio = 0; break;
      case 'v': ++config->verbose; break;
      case 'h': case '?':
        printf(kUsageLine, program);
        printf("%s", kUsageHelp);
        return status_exit(0);
      case 'V': ++versions; break;
      case 'W': STATUS_TRY(PyWideStringList_Append(&line->warnoptions, reader.value)); break;
      case 'q': ++config->quiet; break;
      default: return usage_error(program);
    }
  }
  if (versions) {
    if (versions > 1) printf("Python %s\n", Py_GetVersion());
    else printf("Python %s\n", PY_VERSION);
    return status_exit(0);
  }
  if (!config->run_command && !config->run_module && reader.index < arguments.length &&
      wcscmp(arguments.items[reader.index], L"-") != 0 && !config->run_filename) {
    if (!(config->run_filename = copy_wide(arguments.items[reader.index]))) return STATUS_NO_MEMORY();
  }
  line->next = reader.index;
  return status_ok();
}

}  // namespace ks
