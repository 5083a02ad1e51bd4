// posix: calls on files by name.
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <string>

#include "object/type.h"
#include "modules/posix/posix.h"

namespace ks::posix {
namespace {

#define POSIX(NAME, SIGNATURE, DOC) METHOD_AS(posix_##NAME, #NAME, 0, SIGNATURE, DOC)

int follow_flag(bool follow_symlinks) { return follow_symlinks ? 0 : AT_SYMLINK_NOFOLLOW; }

PyObject* do_stat(const char* function, const Path& path, DirFd dir_fd, bool follow_symlinks) {
  TRY(check_fd_and_dir_fd(function, path, dir_fd));
  TRY(check_fd_and_follow(function, path, follow_symlinks));
  struct stat info;
  const int result = without_gil([&] {
    return path.is_fd ? fstat(path.fd, &info) : fstatat(dir_fd.fd, path.text, &info, follow_flag(follow_symlinks));
  });
  if (result < 0) return os_error(path);
  PosixState* state = posix_state();
  return state ? stat_to_object(state, info) : nullptr;
}
PyObject* posix_stat(PyObject*, const PathOrFd& path, DirFd dir_fd, bool follow_symlinks) {
  return do_stat("stat", path, dir_fd, follow_symlinks);
}
POSIX(stat, "($module, /, path, *, dir_fd=None, follow_symlinks=True)", "What the system knows of a file, as a stat_result.");
PyObject* posix_lstat(PyObject*, const Path& path, DirFd dir_fd) { return do_stat("lstat", path, dir_fd, false); }
POSIX(lstat, "($module, /, path, *, dir_fd=None)", "stat() of a link itself.");

PyObject* posix_access(PyObject*, const Path& path, int mode, DirFd dir_fd, bool effective_ids, bool follow_symlinks) {
  const int flags = follow_flag(follow_symlinks) | (effective_ids ? AT_EACCESS : 0);
  const int result = without_gil([&] { return faccessat(dir_fd.fd, path.text, mode, flags); });
  return PyBool_FromLong(result == 0);
}
POSIX(access, "($module, /, path, mode, *, dir_fd=None, effective_ids=False,\n       follow_symlinks=True)",
      "Whether the real (or effective) user may use a file as mode says: F_OK, R_OK, W_OK, X_OK.");

PyObject* posix_chdir(PyObject*, const PathOrFd& path) {
  TRY(PySys_Audit("os.chdir", "O", path.given));
  return none_or_error(without_gil([&] { return path.is_fd ? fchdir(path.fd) : chdir(path.text); }), path);
}
POSIX(chdir, "($module, /, path)", "Make a directory the current one.");
PyObject* posix_chroot(PyObject*, const Path& path) { return none_or_error(without_gil([&] { return chroot(path.text); }), path); }
POSIX(chroot, "($module, /, path)", "Make a directory the process's root.");
PyObject* posix_chmod(PyObject*, const PathOrFd& path, int mode, DirFd dir_fd, PyObject* follow_object) {
  const int follow = follow_object ? PyObject_IsTrue(follow_object) : 1;
  if (follow < 0) return nullptr;
  TRY(PySys_Audit("os.chmod", "Oii", path.given, mode, dir_fd.given() ? dir_fd.fd : -1));
  const int result = without_gil([&] {
    return path.is_fd ? fchmod(path.fd, static_cast<mode_t>(mode))
                      : fchmodat(dir_fd.fd, path.text, static_cast<mode_t>(mode), follow_flag(follow));
  });
  if (result < 0 && !follow && (errno == EOPNOTSUPP || errno == ENOTSUP))
    return raise(PyExc_NotImplementedError, "chmod: follow_symlinks unavailable on this platform");
  return none_or_error(result, path);
}
POSIX(chmod, "($module, /, path, mode, *, dir_fd=None,\n      follow_symlinks=(os.name != 'nt'))", "Set a file's access rights.");
PyObject* posix_chown(PyObject*, const PathOrFd& path, Uid uid, Gid gid, DirFd dir_fd, bool follow_symlinks) {
  TRY(check_fd_and_dir_fd("chown", path, dir_fd));
  TRY(check_fd_and_follow("chown", path, follow_symlinks));
  TRY(PySys_Audit("os.chown", "OIIi", path.given, uid.value, gid.value, dir_fd.given() ? dir_fd.fd : -1));
  return none_or_error(without_gil([&] {
                         return path.is_fd ? fchown(path.fd, uid.value, gid.value)
                                           : fchownat(dir_fd.fd, path.text, uid.value, gid.value, follow_flag(follow_symlinks));
                       }),
                       path);
}
POSIX(chown, "($module, /, path, uid, gid, *, dir_fd=None, follow_symlinks=True)", "Set a file's owner and group; -1 leaves one.");
PyObject* posix_lchown(PyObject*, const Path& path, Uid uid, Gid gid) {
  return none_or_error(without_gil([&] { return lchown(path.text, uid.value, gid.value); }), path);
}
POSIX(lchown, "($module, /, path, uid, gid)", "chown() of a link itself.");

PyObject* current_folder(bool as_bytes) {
  std::string buffer(1024, '\0');
  while (true) {
    char* result;
    Py_BEGIN_ALLOW_THREADS
    result = getcwd(buffer.data(), buffer.size());
    Py_END_ALLOW_THREADS
    if (result) return path_result(result, static_cast<Py_ssize_t>(strlen(result)), as_bytes).release();
    if (errno != ERANGE) return os_error();
    buffer.resize(buffer.size() * 2);
  }
}
PyObject* posix_getcwd(PyObject*) { return current_folder(false); }
POSIX(getcwd, "($module, /)", "The current directory as str.");
PyObject* posix_getcwdb(PyObject*) { return current_folder(true); }
POSIX(getcwdb, "($module, /)", "The current directory as bytes.");

PyObject* posix_link(PyObject*, const Path& source, const Path& target, DirFd source_fd, DirFd target_fd, PyObject* follow_object) {
  const int follow = follow_object ? PyObject_IsTrue(follow_object) : 1;
  if (follow < 0) return nullptr;
  TRY(PySys_Audit("os.link", "OOii", source.given, target.given, source_fd.given() ? source_fd.fd : -1, target_fd.given() ? target_fd.fd : -1));
  const int flags = follow ? AT_SYMLINK_FOLLOW : 0;
  if (without_gil([&] { return linkat(source_fd.fd, source.text, target_fd.fd, target.text, flags); }) < 0) return os_error(source, target);
  Py_RETURN_NONE;
}
POSIX(link, "($module, /, src, dst, *, src_dir_fd=None, dst_dir_fd=None,\n     follow_symlinks=(os.name != 'nt'))", "Give a file a second name.");
PyObject* posix_symlink(PyObject*, const Path& source, const Path& target, bool, DirFd dir_fd) {
  TRY(PySys_Audit("os.symlink", "OOi", source.given, target.given, dir_fd.given() ? dir_fd.fd : -1));
  if (without_gil([&] { return symlinkat(source.text, dir_fd.fd, target.text); }) < 0) return os_error(source, target);
  Py_RETURN_NONE;
}
POSIX(symlink, "($module, /, src, dst, target_is_directory=False, *, dir_fd=None)", "Make dst a symbolic link to src.");
PyObject* posix_readlink(PyObject*, const Path& path, DirFd dir_fd) {
  std::string buffer(256, '\0');
  while (true) {
    const Py_ssize_t length = without_gil([&] { return readlinkat(dir_fd.fd, path.text, buffer.data(), buffer.size()); });
    if (length < 0) return os_error(path);
    if (static_cast<size_t>(length) < buffer.size()) return path_result(buffer.data(), length, path.returns_bytes()).release();
    buffer.resize(buffer.size() * 2);
  }
}
POSIX(readlink, "($module, /, path, *, dir_fd=None)", "Where a symbolic link points to.");

PyObject* rename_file(const Path& source, const Path& target, DirFd source_fd, DirFd target_fd) {
  TRY(PySys_Audit("os.rename", "OOii", source.given, target.given, source_fd.given() ? source_fd.fd : -1, target_fd.given() ? target_fd.fd : -1));
  if (without_gil([&] { return renameat(source_fd.fd, source.text, target_fd.fd, target.text); }) < 0) return os_error(source, target);
  Py_RETURN_NONE;
}
PyObject* posix_rename(PyObject*, const Path& source, const Path& target, DirFd source_fd, DirFd target_fd) {
  return rename_file(source, target, source_fd, target_fd);
}
POSIX(rename, "($module, /, src, dst, *, src_dir_fd=None, dst_dir_fd=None)", "Rename a file or directory.");
PyObject* posix_replace(PyObject*, const Path& source, const Path& target, DirFd source_fd, DirFd target_fd) {
  return rename_file(source, target, source_fd, target_fd);
}
POSIX(replace, "($module, /, src, dst, *, src_dir_fd=None, dst_dir_fd=None)", "Rename a file or directory, over what dst was.");

PyObject* remove_entry(const char* event, const Path& path, DirFd dir_fd, int flags) {
  TRY(PySys_Audit(event, "Oi", path.given, dir_fd.given() ? dir_fd.fd : -1));
  return none_or_error(without_gil([&] { return unlinkat(dir_fd.fd, path.text, flags); }), path);
}
PyObject* posix_unlink(PyObject*, const Path& path, DirFd dir_fd) { return remove_entry("os.remove", path, dir_fd, 0); }
POSIX(unlink, "($module, /, path, *, dir_fd=None)", "Remove a file; the same as remove().");
PyObject* posix_remove(PyObject*, const Path& path, DirFd dir_fd) { return remove_entry("os.remove", path, dir_fd, 0); }
POSIX(remove, "($module, /, path, *, dir_fd=None)", "Remove a file; the same as unlink().");
PyObject* posix_rmdir(PyObject*, const Path& path, DirFd dir_fd) { return remove_entry("os.rmdir", path, dir_fd, AT_REMOVEDIR); }
POSIX(rmdir, "($module, /, path, *, dir_fd=None)", "Remove an empty directory.");
PyObject* posix_mkdir(PyObject*, const Path& path, int mode, DirFd dir_fd) {
  TRY(PySys_Audit("os.mkdir", "Oii", path.given, mode, dir_fd.given() ? dir_fd.fd : -1));
  return none_or_error(without_gil([&] { return mkdirat(dir_fd.fd, path.text, static_cast<mode_t>(mode)); }), path);
}
POSIX(mkdir, "($module, /, path, mode=511, *, dir_fd=None)", "Make a directory.");
PyObject* posix_mkfifo(PyObject*, const Path& path, int mode, DirFd dir_fd) {
  bool raised;
  if (system_call([&] { return mkfifoat(dir_fd.fd, path.text, static_cast<mode_t>(mode)); }, &raised) < 0) return raised ? failed : os_error(path);
  Py_RETURN_NONE;
}
POSIX(mkfifo, "($module, /, path, mode=438, *, dir_fd=None)", "Make a named pipe.");
PyObject* posix_mknod(PyObject*, const Path& path, int mode, PyObject* device_object, DirFd dir_fd) {
  unsigned long long device = 0;
  if (device_object) {
    device = PyLong_AsUnsignedLongLong(device_object);
    if (PyErr_Occurred()) return nullptr;
  }
  bool raised;
  if (system_call([&] { return mknodat(dir_fd.fd, path.text, static_cast<mode_t>(mode), device); }, &raised) < 0) return raised ? failed : os_error(path);
  Py_RETURN_NONE;
}
POSIX(mknod, "($module, /, path, mode=384, device=0, *, dir_fd=None)", "Make a file system node: a device, a pipe, a file.");

PyObject* posix_truncate(PyObject*, const PathOrFd& path, Off length) {
  TRY(PySys_Audit("os.truncate", "On", path.given, static_cast<Py_ssize_t>(length)));
  bool raised;
  if (system_call([&] { return path.is_fd ? ftruncate(path.fd, length) : truncate(path.text, length); }, &raised) < 0) return raised ? failed : os_error(path);
  Py_RETURN_NONE;
}
POSIX(truncate, "($module, /, path, length)", "Make a file length bytes long.");

// ---- times ------------------------------------------------------------------------------------------------------------

// Seconds as int or float into a timespec, towards minus infinity.
Status time_from_object(PyObject* object, timespec* time) {
  if (PyFloat_Check(object)) {
    const double value = PyFloat_AsDouble(object);
    if (isnan(value)) return raise(PyExc_ValueError, "Invalid value NaN (not a number)");
    double whole = floor(value);
    double fraction = floor((value - whole) * 1e9);
    if (fraction >= 1e9) fraction -= 1e9, whole += 1;
    if (whole < -9.3e18 || whole > 9.2e18) return raise(PyExc_OverflowError, "timestamp out of range for platform time_t");
    *time = {static_cast<time_t>(whole), static_cast<long>(fraction)};
    return Status::Ok;
  }
  const long long value = PyLong_AsLongLong(object);
  if (value == -1 && PyErr_Occurred()) {
    if (PyErr_ExceptionMatches(PyExc_OverflowError)) PyErr_SetString(PyExc_OverflowError, "timestamp out of range for platform time_t");
    return failed;
  }
  *time = {static_cast<time_t>(value), 0};
  return Status::Ok;
}
Status time_from_nanoseconds(PyObject* object, timespec* time) {
  Ref<> billion = TRY(steal(PyLong_FromLong(1000000000)));
  Ref<> parts = TRY(steal(PyNumber_Divmod(object, billion)));
  if (!PyTuple_Check(parts.get()) || PyTuple_GET_SIZE(parts.get()) != 2)
    return raise(PyExc_TypeError, "%.200s.__divmod__() must return a 2-tuple, not %.200s", Py_TYPE(object)->tp_name, Py_TYPE(parts.get())->tp_name);
  time->tv_sec = PyLong_AsLongLong(PyTuple_GET_ITEM(parts.get(), 0));
  if (time->tv_sec == -1 && PyErr_Occurred()) return failed;
  time->tv_nsec = PyLong_AsLong(PyTuple_GET_ITEM(parts.get(), 1));
  if (time->tv_nsec == -1 && PyErr_Occurred()) return failed;
  return Status::Ok;
}
PyObject* posix_utime(PyObject*, const PathOrFd& path, PyObject* times, PyObject* ns, DirFd dir_fd, bool follow_symlinks) {
  TRY(PySys_Audit("os.utime", "OOOi", path.given, times ? times : Py_None, ns ? ns : Py_None, dir_fd.given() ? dir_fd.fd : -1));
  timespec values[2];
  bool now = false;
  if (times && times != Py_None && ns) return raise(PyExc_ValueError, "utime: you may specify either 'times' or 'ns' but not both");
  if (times && times != Py_None) {
    if (!PyTuple_CheckExact(times) || PyTuple_GET_SIZE(times) != 2)
      return raise(PyExc_TypeError, "utime: 'times' must be either a tuple of two ints or None");
    for (int i = 0; i < 2; ++i) TRY(time_from_object(PyTuple_GET_ITEM(times, i), &values[i]));
  } else if (ns) {
    if (!PyTuple_CheckExact(ns) || PyTuple_GET_SIZE(ns) != 2) return raise(PyExc_TypeError, "utime: 'ns' must be a tuple of two ints");
    for (int i = 0; i < 2; ++i) TRY(time_from_nanoseconds(PyTuple_GET_ITEM(ns, i), &values[i]));
  } else {
    now = true;
  }
  TRY(check_fd_and_dir_fd("utime", path, dir_fd));
  TRY(check_fd_and_follow("utime", path, follow_symlinks));
  const timespec* given = now ? nullptr : values;
  return none_or_error(without_gil([&] {
                         return path.is_fd ? futimens(path.fd, given) : utimensat(dir_fd.fd, path.text, given, follow_flag(follow_symlinks));
                       }),
                       path);
}
POSIX(utime, "($module, /, path, times=None, *, ns=<unrepresentable>,\n      dir_fd=None, follow_symlinks=True)",
      "Set a file's times of access and modification: times in seconds, ns in nanoseconds, neither: now.");

// ---- file systems -----------------------------------------------------------------------------------------------------

PyObject* statvfs_object(const struct statvfs& info) {
  PosixState* state = posix_state();
  if (!state) return nullptr;
  Ref<> result = TRY(steal(PyStructSequence_New(state->statvfs_result)));
  const unsigned long values[] = {info.f_bsize, info.f_frsize, info.f_blocks, info.f_bfree, info.f_bavail, info.f_files,
                                  info.f_ffree, info.f_favail, info.f_flag, info.f_namemax, info.f_fsid};
  for (int i = 0; i < 11; ++i) {
    PyObject* value = PyLong_FromUnsignedLong(values[i]);
    if (!value) return nullptr;
    PyStructSequence_SetItem(result, i, value);
  }
  return result.release();
}
PyObject* posix_statvfs(PyObject*, const PathOrFd& path) {
  struct statvfs info;
  if (without_gil([&] { return path.is_fd ? fstatvfs(path.fd, &info) : statvfs(path.text, &info); }) < 0) return os_error(path);
  return statvfs_object(info);
}
POSIX(statvfs, "($module, /, path)", "What the system knows of a file's file system.");
PyObject* posix_fstatvfs(PyObject*, int fd) {
  struct statvfs info;
  bool raised;
  if (system_call([&] { return fstatvfs(fd, &info); }, &raised) < 0) return raised ? failed : os_error();
  return statvfs_object(info);
}
POSIX(fstatvfs, "($module, fd, /)", "statvfs() for a descriptor.");

// ---- extended attributes ----------------------------------------------------------------------------------------------

// Calls `get(buffer, size)` with growing buffers until the value fits.
template <class F>
PyObject* read_attribute(const Path& path, F&& get) {
  for (const size_t size : {size_t{128}, size_t{65536}}) {
    PyObject* buffer = PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(size));
    if (!buffer) return nullptr;
    const Py_ssize_t length = without_gil([&] { return get(PyBytes_AS_STRING(buffer), size); });
    if (length < 0) {
      const int error = errno;
      Py_DECREF(buffer);
      if (error == ERANGE) continue;
      errno = error;
      return os_error(path);
    }
    if (length != static_cast<Py_ssize_t>(size)) _PyBytes_Resize(&buffer, length);
    return buffer;
  }
  errno = ERANGE;
  return os_error(path);
}
PyObject* posix_getxattr(PyObject*, const PathOrFd& path, const Path& attribute, bool follow_symlinks) {
  TRY(check_fd_and_follow("getxattr", path, follow_symlinks));
  TRY(PySys_Audit("os.getxattr", "OO", path.given, attribute.given));
  return read_attribute(path, [&](char* buffer, size_t size) {
    return path.is_fd ? fgetxattr(path.fd, attribute.text, buffer, size)
           : follow_symlinks ? getxattr(path.text, attribute.text, buffer, size) : lgetxattr(path.text, attribute.text, buffer, size);
  });
}
POSIX(getxattr, "($module, /, path, attribute, *, follow_symlinks=True)", "The value of a file's extended attribute.");
PyObject* posix_setxattr(PyObject*, const PathOrFd& path, const Path& attribute, const BufferArgument& value, int flags, bool follow_symlinks) {
  TRY(check_fd_and_follow("setxattr", path, follow_symlinks));
  TRY(PySys_Audit("os.setxattr", "OOy#i", path.given, attribute.given, value.data(), value.size(), flags));
  const auto size = static_cast<size_t>(value.size());
  return none_or_error(without_gil([&] {
                         return path.is_fd ? fsetxattr(path.fd, attribute.text, value.data(), size, flags)
                                : follow_symlinks ? setxattr(path.text, attribute.text, value.data(), size, flags)
                                                  : lsetxattr(path.text, attribute.text, value.data(), size, flags);
                       }),
                       path);
}
POSIX(setxattr, "($module, /, path, attribute, value, flags=0, *,\n         follow_symlinks=True)", "Set a file's extended attribute.");
PyObject* posix_removexattr(PyObject*, const PathOrFd& path, const Path& attribute, bool follow_symlinks) {
  TRY(check_fd_and_follow("removexattr", path, follow_symlinks));
  TRY(PySys_Audit("os.removexattr", "OO", path.given, attribute.given));
  return none_or_error(without_gil([&] {
                         return path.is_fd ? fremovexattr(path.fd, attribute.text)
                                : follow_symlinks ? removexattr(path.text, attribute.text) : lremovexattr(path.text, attribute.text);
                       }),
                       path);
}
POSIX(removexattr, "($module, /, path, attribute, *, follow_symlinks=True)", "Remove a file's extended attribute.");
PyObject* posix_listxattr(PyObject*, const PathOrFdOrNone& path, bool follow_symlinks) {
  TRY(check_fd_and_follow("listxattr", path, follow_symlinks));
  TRY(PySys_Audit("os.listxattr", "O", path.given ? path.given : Py_None));
  const char* name = path.text ? path.text : ".";
  Ref<> names = TRY(steal(read_attribute(path, [&](char* buffer, size_t size) {
    return path.is_fd ? flistxattr(path.fd, buffer, size) : follow_symlinks ? listxattr(name, buffer, size) : llistxattr(name, buffer, size);
  })));
  Ref<> result = TRY(steal(PyList_New(0)));
  const char* at = PyBytes_AS_STRING(names.get());
  const char* end = at + PyBytes_GET_SIZE(names.get());
  while (at < end) {
    const auto length = static_cast<Py_ssize_t>(strnlen(at, static_cast<size_t>(end - at)));
    Ref<> text = TRY(path_result(at, length, false));
    TRY(PyList_Append(result, text));
    at += length + 1;
  }
  return result.release();
}
POSIX(listxattr, "($module, /, path=None, *, follow_symlinks=True)", "The names of a file's extended attributes.");

// ---- pure path work ---------------------------------------------------------------------------------------------------

// Drops ".", empty and resolvable ".." components; two leading slashes stay two (POSIX), more become one.
PyObject* posix_path_normpath(PyObject*, PyObject* path_object) {
  Ref<> path = TRY(steal(PyOS_FSPath(path_object)));
  const bool as_bytes = PyBytes_Check(path.get());
  Py_ssize_t length;
  const char* text;
  Ref<> utf8;
  if (as_bytes) {
    text = PyBytes_AS_STRING(path.get());
    length = PyBytes_GET_SIZE(path.get());
  } else {
    utf8 = TRY(steal(PyUnicode_AsEncodedString(path, "utf-8", "surrogatepass")));
    text = PyBytes_AS_STRING(utf8.get());
    length = PyBytes_GET_SIZE(utf8.get());
  }
  const std::string_view input(text, static_cast<size_t>(length));
  std::string result;
  size_t i = 0;
  while (i < input.size() && input[i] == '/') ++i;
  const size_t root = i == 2 ? 2 : i > 0 ? 1 : 0;
  result.assign(root, '/');
  while (i < input.size()) {
    size_t end = input.find('/', i);
    if (end == std::string_view::npos) end = input.size();
    const std::string_view part = input.substr(i, end - i);
    i = end + 1;
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      const size_t slash = result.rfind('/');
      const size_t last_begin = slash == std::string::npos || slash + 1 < root ? root : slash + 1;
      const std::string_view last = std::string_view(result).substr(last_begin);
      if (!last.empty() && last != "..") {
        result.resize(last_begin > root ? last_begin - 1 : root);
        continue;
      }
      if (root) continue;  // above the root is the root
    }
    if (result.size() > root) result += '/';
    result += part;
  }
  if (result.empty()) result = ".";
  const auto result_length = static_cast<Py_ssize_t>(result.size());
  if (as_bytes) return PyBytes_FromStringAndSize(result.data(), result_length);
  return PyUnicode_Decode(result.data(), result_length, "utf-8", "surrogatepass");
}
METHOD_AS(posix_path_normpath, "_path_normpath", 0, "($module, /, path)", "A path without needless parts.");

PyObject* posix_path_splitroot_ex(PyObject*, PyObject* path_object) {
  Ref<> path = TRY(steal(PyOS_FSPath(path_object)));
  const bool as_bytes = PyBytes_Check(path.get());
  const Py_ssize_t length = as_bytes ? PyBytes_GET_SIZE(path.get()) : PyUnicode_GET_LENGTH(path.get());
  auto is_slash = [&](Py_ssize_t i) {
    return i < length && (as_bytes ? PyBytes_AS_STRING(path.get())[i] == '/' : PyUnicode_READ_CHAR(path.get(), i) == '/');
  };
  const Py_ssize_t root = !is_slash(0) ? 0 : is_slash(1) && !is_slash(2) ? 2 : 1;
  auto slice = [&](Py_ssize_t from, Py_ssize_t to) {
    return as_bytes ? PyBytes_FromStringAndSize(PyBytes_AS_STRING(path.get()) + from, to - from) : PyUnicode_Substring(path, from, to);
  };
  return Py_BuildValue("(NNN)", slice(0, 0), slice(0, root), slice(root, length));
}
METHOD_AS(posix_path_splitroot_ex, "_path_splitroot_ex", 0, "($module, /, p)", "A path's (drive, root, rest); the drive is always empty.");

PyObject* posix_fspath(PyObject*, PyObject* path) { return PyOS_FSPath(path); }
POSIX(fspath, "($module, /, path)", "The str or bytes of a path-like object.");

}  // namespace

PyMethodDef path_methods[] = {posix_stat_method, posix_lstat_method, posix_access_method, posix_chdir_method, posix_chroot_method,
                              posix_chmod_method, posix_chown_method, posix_lchown_method, posix_getcwd_method, posix_getcwdb_method,
                              posix_link_method, posix_symlink_method, posix_readlink_method, posix_rename_method,
                              posix_replace_method, posix_unlink_method, posix_remove_method, posix_rmdir_method, posix_mkdir_method,
                              posix_mkfifo_method, posix_mknod_method, posix_truncate_method, posix_utime_method,
                              posix_statvfs_method, posix_fstatvfs_method, posix_getxattr_method, posix_setxattr_method,
                              posix_removexattr_method, posix_listxattr_method, posix_path_normpath_method,
                              posix_path_splitroot_ex_method, posix_fspath_method, {}};

}  // namespace ks::posix

// The manual's os.fspath() for C: a new reference to a str or bytes; TypeError for what is no path.
PyObject* PyOS_FSPath(PyObject* path) {
  using namespace ks;
  if (PyUnicode_Check(path) || PyBytes_Check(path)) return Py_NewRef(path);
  Ref<> method = lookup_special(path, "__fspath__"_id);
  if (!method || method == Py_None)
    return raise(PyExc_TypeError, "expected str, bytes or os.PathLike object, not %.200s", Py_TYPE(path)->tp_name);
  Ref<> result = TRY(steal(PyObject_CallNoArgs(method)));
  if (!PyUnicode_Check(result.get()) && !PyBytes_Check(result.get()))
    return raise(PyExc_TypeError, "expected %.200s.__fspath__() to return str or bytes, not %.200s", Py_TYPE(path)->tp_name,
                 Py_TYPE(result.get())->tp_name);
  return result.release();
}
