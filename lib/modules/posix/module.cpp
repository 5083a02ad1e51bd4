// The posix module: argument conversion, errors, constants, struct sequences and start.
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <sysexits.h>
#include <unistd.h>

#include "object/type.h"
#include "modules/posix/posix.h"
#include "object/export.h"

// Values that the machine's C library headers may be too old to name; facts of the kernel's interface.
#ifndef MFD_HUGE_8MB
#define MFD_HUGE_8MB (23U << 26)
#define MFD_HUGE_16MB (24U << 26)
#endif
#ifndef PIDFD_NONBLOCK
#define PIDFD_NONBLOCK O_NONBLOCK
#endif
#ifndef SCHED_NORMAL
#define SCHED_NORMAL SCHED_OTHER
#endif
#ifndef SCHED_DEADLINE
#define SCHED_DEADLINE 6
#endif
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif
#ifndef TFD_TIMER_CANCEL_ON_SET
#define TFD_TIMER_CANCEL_ON_SET (1 << 1)
#endif
#ifndef MFD_HUGE_SHIFT
#define MFD_HUGE_SHIFT 26
#define MFD_HUGE_MASK 0x3f
#endif
#ifndef MFD_HUGE_64KB
#define MFD_HUGE_64KB (16U << 26)
#define MFD_HUGE_512KB (19U << 26)
#define MFD_HUGE_1MB (20U << 26)
#define MFD_HUGE_2MB (21U << 26)
#define MFD_HUGE_32MB (25U << 26)
#define MFD_HUGE_256MB (28U << 26)
#define MFD_HUGE_512MB (29U << 26)
#define MFD_HUGE_1GB (30U << 26)
#define MFD_HUGE_2GB (31U << 26)
#define MFD_HUGE_16GB (34U << 26)
#endif
#ifndef GRND_NONBLOCK
#define GRND_NONBLOCK 1
#endif
#ifndef XATTR_SIZE_MAX
#define XATTR_SIZE_MAX 65536
#endif

extern char** environ;

namespace ks::posix {

extern PyModuleDef posix_module;

PosixState* posix_state(PyObject* module) { return static_cast<PosixState*>(PyModule_GetState(module)); }

Failed os_error() {
  PyErr_SetFromErrno(PyExc_OSError);
  return failed;
}
Failed os_error_of(int error) {
  errno = error;
  return os_error();
}
Failed os_error(const Path& path) {
  if (path.is_fd) {
    const int error = errno;
    Ref<> fd = Ref<>::steal(PyLong_FromLong(path.fd));
    errno = error;
    PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, fd);
  } else {
    PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, path.object ? path.object.get() : path.given);
  }
  return failed;
}
Failed os_error(const Path& path, const Path& path2) {
  PyErr_SetFromErrnoWithFilenameObjects(PyExc_OSError, path.object, path2.object);
  return failed;
}

bool convert_path(const Signature& signature, int index, PyObject* object, bool fd_allowed, bool none_allowed, Path* path) {
  path->given = object;
  const Parameter& parameter = signature.parameters[index];
  const char* accepted = fd_allowed ? (none_allowed ? "string, bytes, os.PathLike, integer or None" : "string, bytes, os.PathLike or integer")
                                    : (none_allowed ? "string, bytes, os.PathLike or None" : "string, bytes or os.PathLike");
  auto wrong_type = [&] {
    PyErr_Format(PyExc_TypeError, "%s: %.*s should be %s, not %.200s", signature.function, parameter.name_length,
                 signature.text + parameter.name_begin, accepted, Py_TYPE(object)->tp_name);
    return false;
  };
  if (object == Py_None && none_allowed) return true;
  PyObject* as_path = object;
  Ref<> from_protocol;
  if (!PyUnicode_Check(object) && !PyBytes_Check(object)) {
    if (fd_allowed && PyIndex_Check(object)) {
      path->is_fd = true;
      return convert_dir_fd(object, &path->fd);
    }
    Ref<> method = lookup_special(object, "__fspath__"_id);
    if (!method || method == Py_None) return wrong_type();
    from_protocol = Ref<>::steal(PyObject_CallNoArgs(method));
    if (!from_protocol) return false;
    if (!PyUnicode_Check(from_protocol.get()) && !PyBytes_Check(from_protocol.get())) {
      PyErr_Format(PyExc_TypeError, "expected %.200s.__fspath__() to return str or bytes, not %.200s", Py_TYPE(object)->tp_name,
                   Py_TYPE(from_protocol.get())->tp_name);
      return false;
    }
    as_path = from_protocol;
  }
  path->object = Ref<>::borrow(as_path);
  path->bytes = PyBytes_Check(as_path) ? Ref<>::borrow(as_path) : Ref<>::steal(PyUnicode_EncodeFSDefault(as_path));
  if (!path->bytes) return false;
  path->text = PyBytes_AS_STRING(path->bytes.get());
  path->length = PyBytes_GET_SIZE(path->bytes.get());
  if (strlen(path->text) != static_cast<size_t>(path->length)) {
    PyErr_Format(PyExc_ValueError, "%s: embedded null character in %.*s", signature.function, parameter.name_length,
                 signature.text + parameter.name_begin);
    return false;
  }
  return true;
}
bool convert_dir_fd(PyObject* object, int* fd) {
  if (object == Py_None) {
    *fd = AT_FDCWD;
    return true;
  }
  if (!PyIndex_Check(object)) {
    PyErr_Format(PyExc_TypeError, "argument should be integer or None, not %.200s", Py_TYPE(object)->tp_name);
    return false;
  }
  if (PyBool_Check(object) && PyErr_WarnEx(PyExc_RuntimeWarning, "bool is used as a file descriptor", 1) < 0) return false;
  Ref<> index = Ref<>::steal(PyNumber_Index(object));
  if (!index) return false;
  int overflow;
  const long value = PyLong_AsLongAndOverflow(index, &overflow);
  if (overflow > 0 || value > INT_MAX) {
    PyErr_SetString(PyExc_OverflowError, "fd is greater than maximum");
    return false;
  }
  if (overflow < 0 || value < INT_MIN) {
    PyErr_SetString(PyExc_OverflowError, "fd is less than minimum");
    return false;
  }
  *fd = static_cast<int>(value);
  return true;
}
bool convert_fd(PyObject* object, int* fd) {
  *fd = PyObject_AsFileDescriptor(object);
  return *fd >= 0 || !PyErr_Occurred();
}
bool convert_off(PyObject* object, off_t* value) {
  *value = PyLong_AsLongLong(object);
  return *value != -1 || !PyErr_Occurred();
}

namespace {
// uid_t and gid_t are unsigned, but -1 means "leave it".
bool convert_id(PyObject* object, unsigned* id, const char* what) {
  Ref<> index = Ref<>::steal(PyNumber_Index(object));
  if (!index) {
    PyErr_Format(PyExc_TypeError, "%s should be integer, not %.200s", what, Py_TYPE(object)->tp_name);
    return false;
  }
  int overflow;
  const long value = PyLong_AsLongAndOverflow(index, &overflow);
  if (!overflow && value == -1) {
    *id = static_cast<unsigned>(-1);
    return true;
  }
  if (overflow < 0 || (!overflow && value < 0)) {
    PyErr_Format(PyExc_OverflowError, "%s is less than minimum", what);
    return false;
  }
  if (overflow > 0 || value > 0xFFFFFFFFL) {
    PyErr_Format(PyExc_OverflowError, "%s is greater than maximum", what);
    return false;
  }
  *id = static_cast<unsigned>(value);
  return true;
}
}  // namespace
bool convert_uid(PyObject* object, uid_t* uid) { return convert_id(object, uid, "uid"); }
bool convert_gid(PyObject* object, gid_t* gid) { return convert_id(object, gid, "gid"); }
PyObject* uid_to_object(uid_t uid) { return uid == static_cast<uid_t>(-1) ? PyLong_FromLong(-1) : PyLong_FromUnsignedLong(uid); }
PyObject* gid_to_object(gid_t gid) { return gid == static_cast<gid_t>(-1) ? PyLong_FromLong(-1) : PyLong_FromUnsignedLong(gid); }
PyObject* pid_to_object(pid_t pid) { return PyLong_FromLong(pid); }

Status check_fd_and_dir_fd(const char* function, const Path& path, const DirFd& dir_fd) {
  if (dir_fd.given() && path.is_fd)
    return raise(PyExc_ValueError, "%s: can't specify dir_fd without matching path", function);
  return Status::Ok;
}
Status check_fd_and_follow(const char* function, const Path& path, bool follow_symlinks) {
  if (path.is_fd && !follow_symlinks)
    return raise(PyExc_ValueError, "%s: cannot use fd and follow_symlinks together", function);
  return Status::Ok;
}
Ref<> path_result(const char* text, Py_ssize_t length, bool as_bytes) {
  return Ref<>::steal(as_bytes ? PyBytes_FromStringAndSize(text, length) : PyUnicode_DecodeFSDefaultAndSize(text, length));
}

// ---- struct sequences -------------------------------------------------------------------------------------------------

namespace {

PyStructSequence_Field stat_fields[] = {{"st_mode", "protection bits"},
                                        {"st_ino", "inode"},
                                        {"st_dev", "device"},
                                        {"st_nlink", "number of hard links"},
                                        {"st_uid", "user ID of owner"},
                                        {"st_gid", "group ID of owner"},
                                        {"st_size", "total size, in bytes"},
                                        {nullptr, "integer time of last access"},
                                        {nullptr, "integer time of last modification"},
                                        {nullptr, "integer time of last change"},
                                        {"st_atime", "time of last access"},
                                        {"st_mtime", "time of last modification"},
                                        {"st_ctime", "time of last change"},
                                        {"st_atime_ns", "time of last access in nanoseconds"},
                                        {"st_mtime_ns", "time of last modification in nanoseconds"},
                                        {"st_ctime_ns", "time of last change in nanoseconds"},
                                        {"st_blksize", "blocksize for filesystem I/O"},
                                        {"st_blocks", "number of blocks allocated"},
                                        {"st_rdev", "device type (if inode device)"},
                                        {}};
PyStructSequence_Field statvfs_fields[] = {{"f_bsize", nullptr}, {"f_frsize", nullptr}, {"f_blocks", nullptr}, {"f_bfree", nullptr},
                                           {"f_bavail", nullptr}, {"f_files", nullptr}, {"f_ffree", nullptr}, {"f_favail", nullptr},
                                           {"f_flag", nullptr}, {"f_namemax", nullptr}, {"f_fsid", nullptr}, {}};
PyStructSequence_Field terminal_fields[] = {{"columns", "width of the terminal window in characters"},
                                            {"lines", "height of the terminal window in characters"}, {}};
PyStructSequence_Field times_fields[] = {{"user", "user time"}, {"system", "system time"}, {"children_user", "user time of children"},
                                         {"children_system", "system time of children"},
                                         {"elapsed", "elapsed time since an arbitrary point in the past"}, {}};
PyStructSequence_Field uname_fields[] = {{"sysname", "operating system name"}, {"nodename", "name of machine on network"},
                                         {"release", "operating system release"}, {"version", "operating system version"},
                                         {"machine", "hardware identifier"}, {}};
PyStructSequence_Field waitid_fields[] = {{"si_pid", nullptr}, {"si_uid", nullptr}, {"si_signo", nullptr}, {"si_status", nullptr},
                                          {"si_code", nullptr}, {}};

PyStructSequence_Desc statvfs_desc = {"os.statvfs_result", "What statvfs() tells of a file system.", statvfs_fields, 10};
PyStructSequence_Desc terminal_desc = {"os.terminal_size", "A terminal's (columns, lines).", terminal_fields, 2};
PyStructSequence_Desc times_desc = {"posix.times_result", "What times() tells, in seconds.", times_fields, 5};
PyStructSequence_Desc uname_desc = {"posix.uname_result", "What uname() tells of the system.", uname_fields, 5};
PyStructSequence_Desc waitid_desc = {"posix.waitid_result", "What waitid() tells of a child.", waitid_fields, 5};

Status add_types(PyObject* module, PosixState* state) {
  struct Row {
    PyTypeObject** slot;
    PyStructSequence_Desc* desc;
    const char* name;
  };
  PyStructSequence_Field all_stat_fields[sizeof(stat_fields) / sizeof(*stat_fields)];
  for (size_t i = 0; i < sizeof(stat_fields) / sizeof(*stat_fields); ++i) {
    all_stat_fields[i] = stat_fields[i];
    if (!all_stat_fields[i].name && all_stat_fields[i].doc) all_stat_fields[i].name = PyStructSequence_UnnamedField;
  }
  PyStructSequence_Desc stat_desc = {"os.stat_result", "What stat() tells of a file; the first ten items are a tuple of integers.",
                                     all_stat_fields, 10};
  const Row rows[] = {{&state->stat_result, &stat_desc, "stat_result"},       {&state->statvfs_result, &statvfs_desc, "statvfs_result"},
              {&state->terminal_size, &terminal_desc, "terminal_size"}, {&state->times_result, &times_desc, "times_result"},
              {&state->uname_result, &uname_desc, "uname_result"},    {&state->waitid_result, &waitid_desc, "waitid_result"}};
  for (const Row& row : rows) {
    *row.slot = PyStructSequence_NewType(row.desc);
    if (!*row.slot || PyModule_AddObjectRef(module, row.name, reinterpret_cast<PyObject*>(*row.slot)) < 0) return failed;
  }
  state->dir_entry = as<PyTypeObject>(PyType_FromModuleAndSpec(module, &dir_entry_spec, nullptr));
  if (!state->dir_entry || PyModule_AddType(module, state->dir_entry) < 0) return failed;
  state->scandir_iterator = as<PyTypeObject>(PyType_FromModuleAndSpec(module, &scandir_iterator_spec, nullptr));
  if (!state->scandir_iterator) return failed;
  return add_schedule_types(module);
}

struct Constant {
  const char* name;
  long long value;
};
constexpr Constant constants[] = {
#define CONSTANT(NAME) {#NAME, static_cast<long long>(NAME)},
#include "modules/posix/constants.def"
#undef CONSTANT
    {"NGROUPS_MAX", 65536}, {"POSIX_SPAWN_OPEN", 0}, {"POSIX_SPAWN_CLOSE", 1}, {"POSIX_SPAWN_DUP2", 2}, {"POSIX_SPAWN_CLOSEFROM", 3}};

struct LimitName {
  const char* name;
  int value;
};
#define SYSCONF(NAME, VALUE)
#define PATHCONF(NAME, VALUE)
#define CONFSTR(NAME, VALUE)
constexpr LimitName sysconf_names[] = {
#undef SYSCONF
#define SYSCONF(NAME, VALUE) {#NAME, VALUE},
#include "modules/posix/limits.def"
#undef SYSCONF
#define SYSCONF(NAME, VALUE)
};
constexpr LimitName pathconf_names[] = {
#undef PATHCONF
#define PATHCONF(NAME, VALUE) {#NAME, VALUE},
#include "modules/posix/limits.def"
#undef PATHCONF
#define PATHCONF(NAME, VALUE)
};
constexpr LimitName confstr_names[] = {
#undef CONFSTR
#define CONFSTR(NAME, VALUE) {#NAME, VALUE},
#include "modules/posix/limits.def"
#undef CONFSTR
#define CONFSTR(NAME, VALUE)
};

template <size_t N>
Status add_names(PyObject* module, const char* attribute, const LimitName (&names)[N]) {
  Ref<> dict = TRY(steal(PyDict_New()));
  for (const LimitName& name : names) {
    Ref<> value = TRY(steal(PyLong_FromLong(name.value)));
    TRY(PyDict_SetItemString(dict, name.name, value));
  }
  return status(PyModule_AddObjectRef(module, attribute, dict));
}

Ref<> make_environ() {
  Ref<> dict = TRY(steal(PyDict_New()));
  for (char** entry = environ; entry && *entry; ++entry) {
    const char* equals = strchr(*entry, '=');
    if (!equals) continue;
    Ref<> key = TRY(steal(PyBytes_FromStringAndSize(*entry, equals - *entry)));
    Ref<> value = TRY(steal(PyBytes_FromString(equals + 1)));
    // The first of equal names counts.
    if (PyDict_SetDefaultRef(dict, key, value, nullptr) < 0) return nullptr;
  }
  return dict;
}
PyObject* posix_create_environ(PyObject*) { return make_environ().release(); }
METHOD_AS(posix_create_environ, "_create_environ", 0, "($module, /)", "The environment as a new dict of bytes.");

PyMethodDef module_methods[] = {posix_create_environ_method, {}};

// What os.py asks to fill supports_dir_fd and the like.
constexpr const char* have_functions[] = {"HAVE_EVENTFD", "HAVE_TIMERFD_CREATE", "HAVE_FACCESSAT", "HAVE_FCHDIR", "HAVE_FCHMOD", "HAVE_FCHMODAT", "HAVE_FCHOWN", "HAVE_FCHOWNAT", "HAVE_FEXECVE", "HAVE_FDOPENDIR", "HAVE_FPATHCONF", "HAVE_FSTATAT", "HAVE_FSTATVFS", "HAVE_FTRUNCATE", "HAVE_FUTIMENS", "HAVE_FUTIMES", "HAVE_FUTIMESAT", "HAVE_LINKAT", "HAVE_LCHOWN", "HAVE_LSTAT", "HAVE_LUTIMES", "HAVE_MEMFD_CREATE", "HAVE_MKDIRAT", "HAVE_MKFIFOAT", "HAVE_MKNODAT", "HAVE_OPENAT", "HAVE_READLINKAT", "HAVE_RENAMEAT", "HAVE_SYMLINKAT", "HAVE_UNLINKAT", "HAVE_UTIMENSAT", "HAVE_PTSNAME_R"};

int posix_exec(PyObject* module) {
  PosixState* state = posix_state(module);
  for (PyMethodDef* table : {file_methods, path_methods, directory_methods, process_methods, identity_methods, system_methods,
                             spawn_methods, schedule_methods})
    if (PyModule_AddFunctions(module, table) < 0) return -1;
  Ref<> env = TRY(make_environ());
  TRY(PyModule_AddObjectRef(module, "environ", env));
  for (const Constant& constant : constants) {
    Ref<> value = TRY(steal(PyLong_FromLongLong(constant.value)));
    TRY(PyModule_AddObjectRef(module, constant.name, value));
  }
  TRY(add_names(module, "sysconf_names", sysconf_names));
  TRY(add_names(module, "pathconf_names", pathconf_names));
  TRY(add_names(module, "confstr_names", confstr_names));
  TRY(PyModule_AddObjectRef(module, "error", PyExc_OSError));
  TRY(add_types(module, state));
  Ref<> have = TRY(steal(PyList_New(0)));
  for (const char* name : have_functions) {
    Ref<> text = TRY(steal(PyUnicode_FromString(name)));
    TRY(PyList_Append(have, text));
  }
  return PyModule_AddObjectRef(module, "_have_functions", have);
}
int posix_traverse(PyObject* module, visitproc visit, void* arg) {
  auto** slots = reinterpret_cast<PyObject**>(posix_state(module));
  if (slots)
    for (size_t i = 0; i < sizeof(PosixState) / sizeof(PyObject*); ++i) Py_VISIT(slots[i]);
  return 0;
}
int posix_clear(PyObject* module) {
  auto** slots = reinterpret_cast<PyObject**>(posix_state(module));
  if (slots)
    for (size_t i = 0; i < sizeof(PosixState) / sizeof(PyObject*); ++i) Py_CLEAR(slots[i]);
  return 0;
}
void posix_free(void* module) { posix_clear(static_cast<PyObject*>(module)); }

PyModuleDef_Slot module_slots[] = {{Py_mod_exec, reinterpret_cast<void*>(posix_exec)},
                                   {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
                                   {Py_mod_gil, Py_MOD_GIL_NOT_USED},
                                   {0, nullptr}};

}  // namespace

PyModuleDef posix_module = {.m_base = PyModuleDef_HEAD_INIT,
                            .m_name = "posix",
                            .m_doc = "The operating system's calls. Use the module os.",
                            .m_size = sizeof(PosixState),
                            .m_methods = module_methods,
                            .m_slots = module_slots,
                            .m_traverse = posix_traverse,
                            .m_clear = posix_clear,
                            .m_free = posix_free};

PosixState* posix_state() {
  Ref<> name = Ref<>::steal(PyUnicode_FromString("posix"));
  Ref<> module = Ref<>::steal(PyImport_GetModule(name));
  if (!module) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_ImportError, "the posix module is gone");
    return nullptr;
  }
  return posix_state(module.get());
}

PyObject* stat_to_object(PosixState* state, const struct ::stat& info) {
  Ref<> result = Ref<>::steal(PyStructSequence_New(state->stat_result));
  if (!result) return nullptr;
  int index = 0;
  bool good = true;
  auto add = [&](PyObject* item) {
    if (!item) good = false;
    else PyStructSequence_SetItem(result, index, item);
    ++index;
  };
  add(PyLong_FromUnsignedLong(info.st_mode));
  add(PyLong_FromUnsignedLongLong(info.st_ino));
  add(PyLong_FromUnsignedLongLong(info.st_dev));
  add(PyLong_FromUnsignedLongLong(info.st_nlink));
  add(uid_to_object(info.st_uid));
  add(gid_to_object(info.st_gid));
  add(PyLong_FromLongLong(info.st_size));
  const timespec times[] = {info.st_atim, info.st_mtim, info.st_ctim};
  for (const timespec& time : times) add(PyLong_FromLongLong(time.tv_sec));
  for (const timespec& time : times)
    add(PyFloat_FromDouble(static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec)));
  for (const timespec& time : times) {
    // Beyond 64 bits of nanoseconds only for absurd times; Python's ints do not mind.
    const __int128 total = static_cast<__int128>(time.tv_sec) * 1000000000 + time.tv_nsec;
    if (total >= INT64_MIN && total <= INT64_MAX) {
      add(PyLong_FromLongLong(static_cast<long long>(total)));
    } else {
      Ref<> seconds = Ref<>::steal(PyLong_FromLongLong(time.tv_sec));
      Ref<> billion = Ref<>::steal(PyLong_FromLong(1000000000));
      Ref<> nanoseconds = Ref<>::steal(PyLong_FromLong(time.tv_nsec));
      Ref<> product = seconds && billion ? Ref<>::steal(PyNumber_Multiply(seconds, billion)) : Ref<>();
      add(product && nanoseconds ? PyNumber_Add(product, nanoseconds) : nullptr);
    }
  }
  add(PyLong_FromLong(info.st_blksize));
  add(PyLong_FromLong(info.st_blocks));
  add(PyLong_FromUnsignedLongLong(info.st_rdev));
  return good ? result.release() : nullptr;
}

}  // namespace ks::posix

PyMODINIT_FUNC PyInit_posix(void) { return PyModuleDef_Init(&ks::posix::posix_module); }
