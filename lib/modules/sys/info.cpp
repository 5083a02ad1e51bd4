// What sys tells about the interpreter: versions, struct sequences, names of the standard library's modules.
#include <cstdio>
#include <cstring>
#include <unistd.h>

#include "import/tables.h"
#include "modules/sys/sys.h"
#include "object/export.h"
#include "runtime/config.h"

KS_EXPORT PyObject* _PyNamespace_New(PyObject* attributes);

namespace ks {

constexpr char kVersion[] = PY_VERSION " (Kingsnake 0.1, " __DATE__ ", " __TIME__ ") [Clang " __clang_version__ "]";
constexpr char kBuildInfo[] = "Kingsnake 0.1, " __DATE__ ", " __TIME__;
constexpr char kCopyright[] =
    "Kingsnake: Copyright (c) the Kingsnake authors.\n"
    "\n"
    "Copyright (c) 2001 Python Software Foundation.\nAll Rights Reserved.\n\n"
    "Copyright (c) 2000 BeOpen.com.\nAll Rights Reserved.\n\n"
    "Copyright (c) 1995-2001 Corporation for National Research Initiatives.\nAll Rights Reserved.\n\n"
    "Copyright (c) 1991-1995 Stichting Mathematisch Centrum, Amsterdam.\nAll Rights Reserved.";

Ref<> make_struct_type(PyStructSequence_Desc* description) {
  // Types of builtins have plain names; making one from a name without a module would warn.
  const char* plain_name = strchr(description->name, '.') ? nullptr : description->name;
  PyStructSequence_Desc dotted = *description;
  char buffer[64];
  if (plain_name) {
    snprintf(buffer, sizeof buffer, "builtins.%s", plain_name);
    dotted.name = buffer;
  }
  Ref<> type = TRY(steal(object(PyStructSequence_NewType(&dotted))));
  if (plain_name) as<PyTypeObject>(type.get())->tp_name = plain_name;
  // As the reference's: instances are made by the runtime only.
  auto* made = as<PyTypeObject>(type.get());
  made->tp_flags |= Py_TPFLAGS_DISALLOW_INSTANTIATION;
  made->tp_new = nullptr;
  if (PyDict_DelItemString(PyType_GetDict(made), "__new__") < 0) PyErr_Clear();
  PyType_Modified(made);
  return type;
}

Status set_sys(const char* name, Ref<> value) {
  if (!value) return failed;
  return status(PyDict_SetItemString(interpreter()->core.sys_dict, name, value));
}

// ---- flags ----------------------------------------------------------------------------------------------------------------

namespace {

PyStructSequence_Field kFlagFields[] = {
    {"debug", "-d"}, {"inspect", "-i"}, {"interactive", "-i"}, {"optimize", "-O or -OO"}, {"dont_write_bytecode", "-B"},
    {"no_user_site", "-s"}, {"no_site", "-S"}, {"ignore_environment", "-E"}, {"verbose", "-v"}, {"bytes_warning", "-b"},
    {"quiet", "-q"}, {"hash_randomization", "-R"}, {"isolated", "-I"}, {"dev_mode", "-X dev"}, {"utf8_mode", "-X utf8"},
    {"warn_default_encoding", "-X warn_default_encoding"}, {"safe_path", "-P"}, {"int_max_str_digits", "-X int_max_str_digits"},
    {"gil", "-X gil"}, {"thread_inherit_context", "-X thread_inherit_context"},
    {"context_aware_warnings", "-X context_aware_warnings"}, {nullptr, nullptr}};
PyStructSequence_Desc kFlagDescription = {
    "sys.flags", "sys.flags\n\nFlags provided through command line arguments or environment vars.", kFlagFields, 18};

Ref<> make_flags() {
  PyInterpreterState* interp = interpreter();
  const PyConfig& config = interp->core.config;
  Ref<> flags = TRY(steal(PyStructSequence_New(as<PyTypeObject>(interp->core.sys_flags_type))));
  const int numbers[] = {config.parser_debug, config.inspect, config.interactive, config.optimization_level, !config.write_bytecode,
                         !config.user_site_directory, !config.site_import, !config.use_environment, config.verbose,
                         config.bytes_warning, config.quiet, config.use_hash_seed == 0 || config.hash_seed != 0, config.isolated,
                         config.dev_mode > 0, process.preconfig.utf8_mode > 0, config.warn_default_encoding, config.safe_path,
                         config.int_max_str_digits, 1, config.thread_inherit_context, config.context_aware_warnings};
  for (int i = 0; i < 21; ++i) {
    const bool as_bool = i == 13 || i == 16;
    Ref<> value = as_bool ? borrow(numbers[i] ? Py_True : Py_False) : steal(PyLong_FromLong(numbers[i]));
    if (!value) return failed;
    PyStructSequence_SetItem(flags, i, value.release());
  }
  return flags;
}

}  // namespace

Status sys_flags_start() {
  PyInterpreterState* interp = interpreter();
  if (!interp->core.sys_flags_type) interp->core.sys_flags_type = TRY(make_struct_type(&kFlagDescription)).release();
  return set_sys("flags", make_flags());
}

// Replaces sys.flags by a copy with one field changed.
Status sys_flags_set(const char* field, int value) {
  PyInterpreterState* interp = interpreter();
  PyObject* old = PyDict_GetItemString(interp->core.sys_dict, "flags");
  if (!old || Py_TYPE(old) != as<PyTypeObject>(interp->core.sys_flags_type)) return raise(PyExc_RuntimeError, "lost sys.flags");
  Ref<> flags = TRY(steal(PyStructSequence_New(as<PyTypeObject>(interp->core.sys_flags_type))));
  for (int i = 0; i < 21; ++i) {
    Ref<> item = borrow(PyStructSequence_GetItem(old, i));
    if (strcmp(kFlagFields[i].name, field) == 0) item = TRY(steal(PyLong_FromLong(value)));
    PyStructSequence_SetItem(flags, i, item.release());
  }
  return set_sys("flags", std::move(flags));
}

// ---- version, hash, threads, implementation ------------------------------------------------------------------------------------

namespace {

PyStructSequence_Field kVersionFields[] = {{"major", "Major release number"}, {"minor", "Minor release number"},
                                           {"micro", "Patch release number"},
                                           {"releaselevel", "'alpha', 'beta', 'candidate', or 'final'"},
                                           {"serial", "Serial release number"}, {nullptr, nullptr}};
PyStructSequence_Desc kVersionDescription = {"sys.version_info", "sys.version_info\n\nVersion information as a named tuple.",
                                             kVersionFields, 5};
PyStructSequence_Field kHashFields[] = {
    {"width", "width of the type used for hashing, in bits"},
    {"modulus", "prime number giving the modulus on which the hash function is based"},
    {"inf", "value to be used for hash of a positive infinity"},
    {"nan", "value to be used for hash of a nan"},
    {"imag", "multiplier used for the imaginary part of a complex number"},
    {"algorithm", "name of the algorithm for hashing of str, bytes and memoryviews"},
    {"hash_bits", "internal output size of hash algorithm"},
    {"seed_bits", "seed size of hash algorithm"},
    {"cutoff", "small string optimization cutoff"},
    {nullptr, nullptr}};
PyStructSequence_Desc kHashDescription = {"sys.hash_info", "hash_info\n\nA named tuple providing parameters used for computing hashes.",
                                          kHashFields, 9};
PyStructSequence_Field kThreadFields[] = {{"name", "name of the thread implementation"}, {"lock", "name of the lock implementation"},
                                          {"version", "name and version of the thread library"}, {nullptr, nullptr}};
PyStructSequence_Desc kThreadDescription = {
    "sys.thread_info", "sys.thread_info\n\nA named tuple holding information about the thread implementation.", kThreadFields, 3};

Ref<> fill(PyObject* type, std::initializer_list<PyObject*> items) {
  Ref<> result = steal(type ? PyStructSequence_New(as<PyTypeObject>(type)) : nullptr);
  Py_ssize_t i = 0;
  bool good = static_cast<bool>(result);
  for (PyObject* item : items) {
    if (!item) good = false;
    if (result) PyStructSequence_SetItem(result, i++, item);
    else Py_XDECREF(item);
  }
  return good ? std::move(result) : nullptr;
}

Ref<> version_info() {
  PyInterpreterState* interp = interpreter();
  if (!interp->core.sys_version_info_type) interp->core.sys_version_info_type = TRY(make_struct_type(&kVersionDescription)).release();
  return fill(interp->core.sys_version_info_type,
              {PyLong_FromLong(PY_MAJOR_VERSION), PyLong_FromLong(PY_MINOR_VERSION), PyLong_FromLong(PY_MICRO_VERSION),
               PyUnicode_FromString("final"), PyLong_FromLong(PY_RELEASE_SERIAL)});
}
Ref<> hash_info() {
  PyInterpreterState* interp = interpreter();
  if (!interp->core.sys_hash_info_type) interp->core.sys_hash_info_type = TRY(steal(object(PyStructSequence_NewType(&kHashDescription)))).release();
  return fill(interp->core.sys_hash_info_type,
              {PyLong_FromLong(64), PyLong_FromUnsignedLong((1UL << 61) - 1), PyLong_FromLong(314159), PyLong_FromLong(0),
               PyLong_FromLong(1000003), PyUnicode_FromString("siphash13"), PyLong_FromLong(64), PyLong_FromLong(128),
               PyLong_FromLong(0)});
}
Ref<> implementation(PyObject* version) {
  Ref<> arguments = TRY(steal(Py_BuildValue("{s:s,s:s,s:O,s:k,s:s,s:O}", "name", "cpython", "cache_tag", PyImport_GetMagicTag(), "version",
                                            version, "hexversion", static_cast<unsigned long>(PY_VERSION_HEX), "_multiarch",
                                            "x86_64-linux-gnu", "supports_isolated_interpreters", Py_True)));
  return steal(_PyNamespace_New(arguments));
}

}  // namespace
}  // namespace ks

extern "C" {

// New struct sequence about the threads' implementation.
PyObject* PyThread_GetInfo(void) {
  using namespace ks;
  PyInterpreterState* interp = interpreter();
  if (!interp->core.thread_info_type) {
    Ref<> type = steal(object(PyStructSequence_NewType(&kThreadDescription)));
    if (!type) return nullptr;
    interp->core.thread_info_type = type.release();
  }
  char version[256];
  const size_t length = confstr(_CS_GNU_LIBPTHREAD_VERSION, version, sizeof version);
  return fill(interp->core.thread_info_type,
              {PyUnicode_FromString("pthread"), PyUnicode_FromString("semaphore"),
               length > 1 && length < sizeof version ? PyUnicode_FromString(version) : Py_NewRef(Py_None)})
      .release();
}

const char* Py_GetVersion(void) { return ks::kVersion; }
const char* Py_GetPlatform(void) { return "linux"; }
const char* Py_GetCopyright(void) { return ks::kCopyright; }
const char* Py_GetCompiler(void) { return "[Clang " __clang_version__ "]"; }
const char* Py_GetBuildInfo(void) { return ks::kBuildInfo; }
extern const unsigned long Py_Version;
const unsigned long Py_Version = PY_VERSION_HEX;
KS_EXPORT int _Py_GetBuiltWithAssert(void) { return 0; }

}  // extern "C"

namespace ks {

Status sys_info_start(PyObject*) {
  TRY(set_sys("version", steal(PyUnicode_FromString(kVersion))));
  TRY(set_sys("hexversion", steal(PyLong_FromLong(PY_VERSION_HEX))));
  TRY(set_sys("_git", steal(Py_BuildValue("(sss)", "CPython", "", ""))));
  TRY(set_sys("_framework", steal(PyUnicode_FromString(""))));
  TRY(set_sys("api_version", steal(PyLong_FromLong(PYTHON_API_VERSION))));
  TRY(set_sys("copyright", steal(PyUnicode_FromString(kCopyright))));
  TRY(set_sys("platform", steal(PyUnicode_FromString("linux"))));
  TRY(set_sys("maxsize", steal(PyLong_FromSsize_t(PY_SSIZE_T_MAX))));
  TRY(set_sys("float_info", steal(PyFloat_GetInfo())));
  TRY(set_sys("int_info", steal(PyLong_GetInfo())));
  TRY(set_sys("hash_info", hash_info()));
  TRY(set_sys("maxunicode", steal(PyLong_FromLong(0x10ffff))));
  TRY(set_sys("builtin_module_names", builtin_module_names()));
  TRY(set_sys("stdlib_module_names", stdlib_module_names()));
  TRY(set_sys("byteorder", steal(PyUnicode_FromString("little"))));
  TRY(set_sys("abiflags", steal(PyUnicode_FromString(""))));
  Ref<> version = TRY(version_info());
  TRY(set_sys("version_info", version.share()));
  TRY(set_sys("implementation", implementation(version)));
  TRY(set_sys("float_repr_style", steal(PyUnicode_FromString("short"))));
  TRY(set_sys("thread_info", steal(PyThread_GetInfo())));
  return Status::Ok;
}

}  // namespace ks
