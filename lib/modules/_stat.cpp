// _stat: what st_mode says.
#include <sys/stat.h>

#include "modules/module.h"

namespace ks {
namespace {

Status mode_of(PyObject* object, mode_t* mode) {
  const unsigned long value = PyLong_AsUnsignedLong(object);
  if (value == static_cast<unsigned long>(-1) && PyErr_Occurred()) return failed;
  if (value > static_cast<mode_t>(-1)) return raise(PyExc_OverflowError, "mode out of range");
  *mode = static_cast<mode_t>(value);
  return Status::Ok;
}
#define MODE_TEST(NAME, DOC)                                  \
  Found stat_##NAME(PyObject*, PyObject* object) {            \
    mode_t mode;                                              \
    TRY(mode_of(object, &mode));                              \
    return NAME(mode) ? Found::Yes : Found::No;               \
  }                                                           \
  METHOD(stat, NAME, "($self, object, /)", DOC)
MODE_TEST(S_ISDIR, "Whether the mode is a directory's.");
MODE_TEST(S_ISCHR, "Whether the mode is a character device's.");
MODE_TEST(S_ISBLK, "Whether the mode is a block device's.");
MODE_TEST(S_ISREG, "Whether the mode is a regular file's.");
MODE_TEST(S_ISFIFO, "Whether the mode is a named pipe's.");
MODE_TEST(S_ISLNK, "Whether the mode is a symbolic link's.");
MODE_TEST(S_ISSOCK, "Whether the mode is a socket's.");
#define S_ISDOOR(mode) false
#define S_ISPORT(mode) false
#define S_ISWHT(mode) false
MODE_TEST(S_ISDOOR, "Whether the mode is a door's (of another system).");
MODE_TEST(S_ISPORT, "Whether the mode is an event port's (of another system).");
MODE_TEST(S_ISWHT, "Whether the mode is a whiteout's (of another system).");
PyObject* stat_S_IMODE(PyObject*, PyObject* object) {
  mode_t mode;
  TRY(mode_of(object, &mode));
  return PyLong_FromUnsignedLong(mode & 07777);
}
METHOD(stat, S_IMODE, "($self, object, /)", "The part of a mode that chmod() sets.");
PyObject* stat_S_IFMT(PyObject*, PyObject* object) {
  mode_t mode;
  TRY(mode_of(object, &mode));
  return PyLong_FromUnsignedLong(mode & S_IFMT);
}
METHOD(stat, S_IFMT, "($self, object, /)", "The part of a mode that tells the kind of file.");

char kind_letter(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG: return '-';
    case S_IFDIR: return 'd';
    case S_IFLNK: return 'l';
    case S_IFBLK: return 'b';
    case S_IFCHR: return 'c';
    case S_IFIFO: return 'p';
    case S_IFSOCK: return 's';
    default: return '?';
  }
}
PyObject* stat_filemode(PyObject*, PyObject* object) {
  mode_t mode;
  TRY(mode_of(object, &mode));
  char text[10];
  text[0] = kind_letter(mode);
  for (int i = 0; i < 9; ++i) text[i + 1] = mode & (0400u >> i) ? "rwx"[i % 3] : '-';
  const auto special = [&](int at, mode_t bit, char with_x, char without_x) {
    if (mode & bit) text[at] = text[at] == 'x' ? with_x : without_x;
  };
  special(3, S_ISUID, 's', 'S');
  special(6, S_ISGID, 's', 'S');
  special(9, S_ISVTX, 't', 'T');
  return PyUnicode_FromStringAndSize(text, 10);
}
METHOD(stat, filemode, "($self, object, /)", "A mode as ls shows it: '-rwxr-xr-x'.");

PyMethodDef methods[] = {stat_S_ISDIR_method, stat_S_ISCHR_method, stat_S_ISBLK_method, stat_S_ISREG_method, stat_S_ISFIFO_method,
                         stat_S_ISLNK_method, stat_S_ISSOCK_method, stat_S_ISDOOR_method, stat_S_ISPORT_method,
                         stat_S_ISWHT_method, stat_S_IMODE_method, stat_S_IFMT_method, stat_filemode_method, {}};
// The file flags are those of BSD and macOS, the kinds that Linux lacks are 0.
constexpr IntConstant constants[] = {
    {"S_IFDIR", S_IFDIR}, {"S_IFCHR", S_IFCHR}, {"S_IFBLK", S_IFBLK}, {"S_IFREG", S_IFREG}, {"S_IFIFO", S_IFIFO},
    {"S_IFLNK", S_IFLNK}, {"S_IFSOCK", S_IFSOCK}, {"S_IFDOOR", 0}, {"S_IFPORT", 0}, {"S_IFWHT", 0},
    {"S_ISUID", S_ISUID}, {"S_ISGID", S_ISGID}, {"S_ISVTX", S_ISVTX}, {"S_ENFMT", S_ISGID}, {"S_IREAD", S_IRUSR},
    {"S_IWRITE", S_IWUSR}, {"S_IEXEC", S_IXUSR}, {"S_IRWXU", S_IRWXU}, {"S_IRUSR", S_IRUSR}, {"S_IWUSR", S_IWUSR},
    {"S_IXUSR", S_IXUSR}, {"S_IRWXG", S_IRWXG}, {"S_IRGRP", S_IRGRP}, {"S_IWGRP", S_IWGRP}, {"S_IXGRP", S_IXGRP},
    {"S_IRWXO", S_IRWXO}, {"S_IROTH", S_IROTH}, {"S_IWOTH", S_IWOTH}, {"S_IXOTH", S_IXOTH},
    {"UF_SETTABLE", 0xffff}, {"UF_NODUMP", 1}, {"UF_IMMUTABLE", 2}, {"UF_APPEND", 4}, {"UF_OPAQUE", 8}, {"UF_NOUNLINK", 16},
    {"UF_COMPRESSED", 32}, {"UF_TRACKED", 64}, {"UF_DATAVAULT", 128}, {"UF_HIDDEN", 32768}, {"SF_SETTABLE", 0xffff0000},
    {"SF_ARCHIVED", 65536}, {"SF_IMMUTABLE", 131072}, {"SF_APPEND", 262144}, {"SF_NOUNLINK", 1048576}, {"SF_SNAPSHOT", 2097152},
    {"SF_FIRMLINK", 8388608}, {"SF_DATALESS", 1073741824},
    {"ST_MODE", 0}, {"ST_INO", 1}, {"ST_DEV", 2}, {"ST_NLINK", 3}, {"ST_UID", 4}, {"ST_GID", 5}, {"ST_SIZE", 6}, {"ST_ATIME", 7},
    {"ST_MTIME", 8}, {"ST_CTIME", 9}};
int stat_exec(PyObject* module) { return to_c(add_constants(module, constants)); }
MODULE_SLOTS(slots, stat_exec);
PyModuleDef module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "_stat", .m_doc = "What st_mode says, for the module stat.",
                      .m_size = 0, .m_methods = methods, .m_slots = slots};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit__stat(void) { return PyModuleDef_Init(&ks::module); }
