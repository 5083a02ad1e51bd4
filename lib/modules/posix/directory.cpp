// posix: listing directories. listdir(), scandir() and DirEntry.
#include <dirent.h>
#include <fcntl.h>
#include <structmember.h>
#include <sys/stat.h>
#include <unistd.h>

#include "modules/posix/posix.h"

namespace ks::posix {
namespace {

#define POSIX(NAME, SIGNATURE, DOC) METHOD_AS(posix_##NAME, #NAME, 0, SIGNATURE, DOC)

bool is_dot_entry(const char* name) { return name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0)); }

DIR* open_directory(const PathOrFdOrNone& path) {
  DIR* directory = nullptr;
  int error = 0;
  if (path.is_fd) {
    // The directory stream takes a descriptor over, and starts at the beginning.
    const int copy = fcntl(path.fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) {
      os_error(path);
      return nullptr;
    }
    Py_BEGIN_ALLOW_THREADS
    directory = fdopendir(copy);
    error = errno;
    if (directory) rewinddir(directory);
    else close(copy);
    Py_END_ALLOW_THREADS
  } else {
    const char* name = path.text ? path.text : ".";
    Py_BEGIN_ALLOW_THREADS
    directory = opendir(name);
    error = errno;
    Py_END_ALLOW_THREADS
  }
  if (!directory) {
    errno = error;
    (void)(path.given && path.given != Py_None ? os_error(path) : os_error());
  }
  return directory;
}
// The next entry but "." and ".."; nullptr at the end (errno 0) or on error.
dirent* next_entry(DIR* directory) {
  while (true) {
    dirent* entry;
    int error;
    Py_BEGIN_ALLOW_THREADS
    errno = 0;
    entry = readdir(directory);
    error = errno;
    Py_END_ALLOW_THREADS
    errno = error;
    if (!entry || !is_dot_entry(entry->d_name)) return entry;
  }
}
void close_directory(DIR* directory, bool rewind) {
  Py_BEGIN_ALLOW_THREADS
  if (rewind) rewinddir(directory);
  closedir(directory);
  Py_END_ALLOW_THREADS
}

PyObject* posix_listdir(PyObject*, const PathOrFdOrNone& path) {
  TRY(PySys_Audit("os.listdir", "O", path.given ? path.given : Py_None));
  DIR* directory = open_directory(path);
  if (!directory) return nullptr;
  Ref<> result = Ref<>::steal(PyList_New(0));
  bool good = static_cast<bool>(result);
  while (good) {
    const dirent* entry = next_entry(directory);
    if (!entry) {
      if (errno) {
        os_error(path);
        good = false;
      }
      break;
    }
    Ref<> name = path_result(entry->d_name, static_cast<Py_ssize_t>(strlen(entry->d_name)), path.returns_bytes());
    good = name && PyList_Append(result, name) == 0;
  }
  close_directory(directory, path.is_fd);
  return good ? result.release() : nullptr;
}
POSIX(listdir, "($module, /, path=None)", "The names in a directory, without '.' and '..', in any order.");

// ---- DirEntry ---------------------------------------------------------------------------------------------------------

struct DirEntry {
  PyObject_HEAD
  PyObject* name;
  PyObject* path;
  PyObject* stat;   // cached stat_result of the target
  PyObject* lstat;  // of the entry itself
  unsigned char type;
  int dir_fd;  // the descriptor of scandir(fd), or -1
  ino_t inode;
};

// stat() or lstat() of the entry: not cached.
PyObject* fetch_stat(DirEntry* self, bool follow_symlinks) {
  PosixState* state = posix_state();
  if (!state) return nullptr;
  Ref<> path;
  if (!PyUnicode_FSConverter(self->dir_fd >= 0 ? self->name : self->path, path.out())) return nullptr;
  struct stat info;
  const int at = self->dir_fd >= 0 ? self->dir_fd : AT_FDCWD;
  const int result = without_gil(
      [&] { return fstatat(at, PyBytes_AS_STRING(path.get()), &info, follow_symlinks ? 0 : AT_SYMLINK_NOFOLLOW); });
  if (result < 0) {
    PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, self->path);
    return nullptr;
  }
  return stat_to_object(state, info);
}
PyObject* cached_lstat(DirEntry* self) {
  if (!self->lstat) self->lstat = fetch_stat(self, false);
  return Py_XNewRef(self->lstat);
}
Found is_mode(DirEntry* self, bool follow_symlinks, unsigned wanted);
PyObject* cached_stat(DirEntry* self, bool follow_symlinks) {
  if (!follow_symlinks) return cached_lstat(self);
  if (!self->stat) {
    const Found link = is_mode(self, false, S_IFLNK);
    if (link == Found::Error) return nullptr;
    self->stat = link == Found::Yes ? fetch_stat(self, true) : cached_lstat(self);
  }
  return Py_XNewRef(self->stat);
}
// Is the entry of this kind? The directory tells without a stat(), but for links that are followed.
Found is_mode(DirEntry* self, bool follow_symlinks, unsigned wanted) {
  const bool is_link = self->type == DT_LNK;
  const bool need_stat = self->type == DT_UNKNOWN || (follow_symlinks && is_link);
  if (!need_stat) {
    if (is_link) return wanted == S_IFLNK ? Found::Yes : Found::No;
    const unsigned char type = wanted == S_IFDIR ? DT_DIR : wanted == S_IFREG ? DT_REG : DT_LNK;
    return self->type == type ? Found::Yes : Found::No;
  }
  Ref<> info = Ref<>::steal(cached_stat(self, follow_symlinks));
  if (!info) {
    if (!PyErr_ExceptionMatches(PyExc_FileNotFoundError)) return failed;
    PyErr_Clear();  // gone, or a dangling link: it is nothing
    return Found::No;
  }
  Ref<> mode_object = TRY(steal(PyObject_GetAttr(info, "st_mode"_id)));
  const long mode = PyLong_AsLong(mode_object);
  if (mode == -1 && PyErr_Occurred()) return failed;
  return (static_cast<unsigned>(mode) & S_IFMT) == wanted ? Found::Yes : Found::No;
}
Found entry_is_dir(DirEntry* self, bool follow_symlinks) { return is_mode(self, follow_symlinks, S_IFDIR); }
METHOD(entry, is_dir, "($self, /, *, follow_symlinks=True)", "Whether the entry is a directory.");
Found entry_is_file(DirEntry* self, bool follow_symlinks) { return is_mode(self, follow_symlinks, S_IFREG); }
METHOD(entry, is_file, "($self, /, *, follow_symlinks=True)", "Whether the entry is a regular file.");
Found entry_is_symlink(DirEntry* self) { return is_mode(self, false, S_IFLNK); }
METHOD(entry, is_symlink, "($self, /)", "Whether the entry is a symbolic link.");
bool entry_is_junction(DirEntry*) { return false; }
METHOD(entry, is_junction, "($self, /)", "False: junctions are another system's.");
PyObject* entry_stat(DirEntry* self, bool follow_symlinks) { return cached_stat(self, follow_symlinks); }
METHOD(entry, stat, "($self, /, *, follow_symlinks=True)", "The entry's stat_result; asked for once.");
PyObject* entry_inode(DirEntry* self) { return PyLong_FromUnsignedLongLong(self->inode); }
METHOD(entry, inode, "($self, /)", "The entry's inode number.");
PyObject* entry_fspath(DirEntry* self) { return Py_NewRef(self->path); }
METHOD_AS(entry_fspath, "__fspath__", 0, "($self, /)", "The entry's path.");
PyObject* entry_repr(PyObject* self) { return PyUnicode_FromFormat("<DirEntry %R>", as<DirEntry>(self)->name); }
void entry_dealloc(PyObject* op) {
  auto* self = as<DirEntry>(op);
  PyTypeObject* type = Py_TYPE(op);
  Py_XDECREF(self->name);
  Py_XDECREF(self->path);
  Py_XDECREF(self->stat);
  Py_XDECREF(self->lstat);
  type->tp_free(op);
  Py_DECREF(type);
}
PyMethodDef entry_methods[] = {entry_is_dir_method, entry_is_file_method, entry_is_symlink_method, entry_is_junction_method,
                               entry_stat_method, entry_inode_method, entry_fspath_method,
                               {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, "See PEP 585"}, {}};
PyMemberDef entry_members[] = {{"name", Py_T_OBJECT_EX, offsetof(DirEntry, name), Py_READONLY, "the entry's name in its directory"},
                               {"path", Py_T_OBJECT_EX, offsetof(DirEntry, path), Py_READONLY, "the directory's path and the name"},
                               {}};
PyType_Slot entry_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(entry_dealloc)},
                             {Py_tp_repr, reinterpret_cast<void*>(entry_repr)},
                             {Py_tp_methods, entry_methods},
                             {Py_tp_members, entry_members},
                             {0, nullptr}};

// ---- the iterator -----------------------------------------------------------------------------------------------------

struct ScandirIterator {
  PyObject_HEAD
  PyObject* path;  // str or bytes in front of the names; nullptr for a descriptor
  DIR* directory;
  int fd;
  bool as_bytes;
  PyMutex mutex;  // reading and closing give up the GIL: one thread at a time
};
void end_locked(ScandirIterator* self) {
  if (DIR* directory = std::exchange(self->directory, nullptr)) close_directory(directory, self->fd >= 0);
}
void iterator_end(ScandirIterator* self) {
  PyMutex_Lock(&self->mutex);
  end_locked(self);
  PyMutex_Unlock(&self->mutex);
}
// A copy of the next entry; No at the end, when the directory is closed.
Found read_entry(ScandirIterator* self, dirent* copy) {
  PyMutex_Lock(&self->mutex);
  Found result = Found::No;
  if (self->directory) {
    if (const dirent* entry = next_entry(self->directory)) {
      copy->d_type = entry->d_type;
      copy->d_ino = entry->d_ino;
      strcpy(copy->d_name, entry->d_name);
      result = Found::Yes;
    } else {
      const int error = errno;
      end_locked(self);
      errno = error;
      if (error) result = Found::Error;
    }
  }
  PyMutex_Unlock(&self->mutex);
  return result;
}
Ref<> join_path(ScandirIterator* self, PyObject* name) {
  if (!self->path) return Ref<>::borrow(name);
  if (self->as_bytes) {
    const Py_ssize_t length = PyBytes_GET_SIZE(self->path);
    const bool slash = length > 0 && PyBytes_AS_STRING(self->path)[length - 1] != '/';
    PyObject* joined = slash ? PyBytes_FromFormat("%s/", PyBytes_AS_STRING(self->path)) : Py_NewRef(self->path);
    PyBytes_Concat(&joined, name);
    return Ref<>::steal(joined);
  }
  const Py_ssize_t length = PyUnicode_GET_LENGTH(self->path);
  const bool slash = length > 0 && PyUnicode_READ_CHAR(self->path, length - 1) != '/';
  return Ref<>::steal(PyUnicode_FromFormat(slash ? "%U/%U" : "%U%U", self->path, name));
}
PyObject* iterator_next(PyObject* op) {
  auto* self = as<ScandirIterator>(op);
  dirent entry;
  const Found got = read_entry(self, &entry);
  if (got == Found::Error) PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, self->path ? self->path : Py_None);
  if (got != Found::Yes) return nullptr;
  PosixState* state = posix_state();
  if (!state) return nullptr;
  Ref<> result = Ref<>::steal(state->dir_entry->tp_alloc(state->dir_entry, 0));
  if (!result) return nullptr;
  auto* item = as<DirEntry>(result.get());
  Ref<> name = TRY(path_result(entry.d_name, static_cast<Py_ssize_t>(strlen(entry.d_name)), self->as_bytes));
  Ref<> path = TRY(join_path(self, name));
  item->name = name.release();
  item->path = path.release();
  item->type = entry.d_type;
  item->inode = entry.d_ino;
  item->dir_fd = self->fd;
  return result.release();
}
void iterator_close(ScandirIterator* self) { iterator_end(self); }
METHOD(iterator, close, "($self, /)", "Close the directory.");
PyObject* iterator_enter(ScandirIterator* self) { return Py_NewRef(object(self)); }
METHOD_AS(iterator_enter, "__enter__", 0, "($self, /)", "");
void iterator_exit(ScandirIterator* self, PyObject*) { iterator_end(self); }
METHOD_AS(iterator_exit, "__exit__", 0, "($self, /, *args)", "");
void iterator_finalize(PyObject* op) {
  auto* self = as<ScandirIterator>(op);
  if (!self->directory) return;
  Ref<> pending = Ref<>::steal(PyErr_GetRaisedException());
  if (PyErr_ResourceWarning(op, 1, "unclosed scandir iterator %R", self) < 0) {
    if (PyErr_ExceptionMatches(PyExc_Warning)) PyErr_WriteUnraisable(op);
    else PyErr_Clear();
  }
  iterator_end(self);
  PyErr_SetRaisedException(pending.release());
}
void iterator_dealloc(PyObject* op) {
  if (PyObject_CallFinalizerFromDealloc(op) < 0) return;
  PyTypeObject* type = Py_TYPE(op);
  Py_XDECREF(as<ScandirIterator>(op)->path);
  type->tp_free(op);
  Py_DECREF(type);
}
PyMethodDef iterator_methods[] = {iterator_close_method, iterator_enter_method, iterator_exit_method, {}};
PyType_Slot iterator_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(iterator_dealloc)},
                                {Py_tp_finalize, reinterpret_cast<void*>(iterator_finalize)},
                                {Py_tp_iter, reinterpret_cast<void*>(PyObject_SelfIter)},
                                {Py_tp_iternext, reinterpret_cast<void*>(iterator_next)},
                                {Py_tp_methods, iterator_methods},
                                {0, nullptr}};

PyObject* posix_scandir(PyObject* module, const PathOrFdOrNone& path) {
  TRY(PySys_Audit("os.scandir", "O", path.given ? path.given : Py_None));
  PosixState* state = posix_state(module);
  DIR* directory = open_directory(path);
  if (!directory) return nullptr;
  Ref<> result = Ref<>::steal(state->scandir_iterator->tp_alloc(state->scandir_iterator, 0));
  if (!result) {
    closedir(directory);
    return nullptr;
  }
  auto* self = as<ScandirIterator>(result.get());
  self->directory = directory;
  self->fd = path.is_fd ? path.fd : -1;
  self->as_bytes = path.returns_bytes();
  if (!path.is_fd) {
    self->path = path.object ? Py_NewRef(path.object.get()) : PyUnicode_FromString(".");
    if (!self->path) return nullptr;
  }
  return result.release();
}
POSIX(scandir, "($module, /, path=None)", "An iterator over a directory's entries, as DirEntry objects.");

}  // namespace

PyType_Spec dir_entry_spec = {"posix.DirEntry", sizeof(DirEntry), 0,
                              Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE, entry_slots};
PyType_Spec scandir_iterator_spec = {"posix.ScandirIterator", sizeof(ScandirIterator), 0,
                                     Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE, iterator_slots};
PyMethodDef directory_methods[] = {posix_listdir_method, posix_scandir_method, {}};

}  // namespace ks::posix
