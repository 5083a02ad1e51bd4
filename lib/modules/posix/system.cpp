// posix: the system and this process's surroundings: environment, limits, randomness, times.
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <string>

#include "modules/posix/posix.h"
#include "runtime/state.h"

namespace ks::posix {
namespace {

#define POSIX(NAME, SIGNATURE, DOC) METHOD_AS(posix_##NAME, #NAME, 0, SIGNATURE, DOC)

PyObject* posix_uname(PyObject*) {
  utsname info;
  if (uname(&info) < 0) return os_error();
  PosixState* state = posix_state();
  if (!state) return nullptr;
  Ref<> result = TRY(steal(PyStructSequence_New(state->uname_result)));
  const char* parts[] = {info.sysname, info.nodename, info.release, info.version, info.machine};
  for (int i = 0; i < 5; ++i) {
    PyObject* part = PyUnicode_DecodeFSDefault(parts[i]);
    if (!part) return nullptr;
    PyStructSequence_SetItem(result, i, part);
  }
  return result.release();
}
POSIX(uname, "($module, /)", "The system's names and versions.");
PyObject* posix_times(PyObject*) {
  tms info;
  const clock_t elapsed = times(&info);
  if (elapsed == static_cast<clock_t>(-1)) return os_error();
  PosixState* state = posix_state();
  if (!state) return nullptr;
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  Ref<> result = TRY(steal(PyStructSequence_New(state->times_result)));
  const clock_t values[] = {info.tms_utime, info.tms_stime, info.tms_cutime, info.tms_cstime, elapsed};
  for (int i = 0; i < 5; ++i) {
    PyObject* value = PyFloat_FromDouble(static_cast<double>(values[i]) / ticks);
    if (!value) return nullptr;
    PyStructSequence_SetItem(result, i, value);
  }
  return result.release();
}
POSIX(times, "($module, /)", "Processor times of this process and its children, and time elapsed, in seconds.");
PyObject* posix_getloadavg(PyObject*) {
  double loads[3];
  if (getloadavg(loads, 3) != 3) return raise(PyExc_OSError, "Load averages are unobtainable");
  return Py_BuildValue("ddd", loads[0], loads[1], loads[2]);
}
POSIX(getloadavg, "($module, /)", "How busy the machine was in the last 1, 5 and 15 minutes.");
PyObject* posix_cpu_count(PyObject*) {
  const int given = interpreter()->core.config.cpu_count;  // -X cpu_count
  const long count = given > 0 ? given : sysconf(_SC_NPROCESSORS_ONLN);
  if (count < 1) Py_RETURN_NONE;
  return PyLong_FromLong(count);
}
POSIX(cpu_count, "($module, /)", "How many processors the machine has; None when that is not known.");
PyObject* posix_umask(PyObject*, int mask) { return PyLong_FromLong(umask(static_cast<mode_t>(mask))); }
POSIX(umask, "($module, mask, /)", "Set the mask of rights that new files do not get; returns the old one.");
PyObject* posix_strerror(PyObject*, int code) {
  const char* text = strerror(code);
  if (!text) return raise(PyExc_ValueError, "strerror() argument out of range");
  return PyUnicode_DecodeLocale(text, "surrogateescape");
}
POSIX(strerror, "($module, code, /)", "The message of an error number.");
void posix_sync(PyObject*) {
  Py_BEGIN_ALLOW_THREADS
  sync();
  Py_END_ALLOW_THREADS
}
POSIX(sync, "($module, /)", "Write everything out to the devices.");
PyObject* posix_ctermid(PyObject*) {
  char name[L_ctermid];
  return PyUnicode_DecodeFSDefault(ctermid(name));
}
POSIX(ctermid, "($module, /)", "The name of the controlling terminal.");

// ---- environment ------------------------------------------------------------------------------------------------------

PyObject* posix_putenv(PyObject*, const Path& name, const Path& value) {
  TRY(PySys_Audit("os.putenv", "OO", name.bytes.get(), value.bytes.get()));
  if (strchr(name.text, '=')) return raise(PyExc_ValueError, "illegal environment variable name");
  if (setenv(name.text, value.text, 1)) return os_error();
  Py_RETURN_NONE;
}
POSIX(putenv, "($module, name, value, /)", "Set a variable in the environment of programs that are started.");
PyObject* posix_unsetenv(PyObject*, const Path& name) {
  TRY(PySys_Audit("os.unsetenv", "(O)", name.bytes.get()));
  return none_or_error(unsetenv(name.text));
}
POSIX(unsetenv, "($module, name, /)", "Remove a variable from the environment of programs that are started.");

// ---- limits -----------------------------------------------------------------------------------------------------------

// A number, or a name out of the module's table.
Status limit_number(PyObject* module, PyObject* name, const char* table, int* value) {
  if (PyLong_Check(name)) {
    *value = PyLong_AsInt(name);
    return *value == -1 && PyErr_Occurred() ? failed : Status::Ok;
  }
  if (!PyUnicode_Check(name)) return raise(PyExc_TypeError, "configuration names must be strings or integers");
  Ref<> names = TRY(steal(PyObject_GetAttrString(module, table)));
  Ref<> number = Ref<>::steal(PyObject_GetItem(names, name));
  if (!number) {
    if (!PyErr_ExceptionMatches(PyExc_KeyError)) return failed;
    return raise(PyExc_ValueError, "unrecognized configuration name");
  }
  *value = PyLong_AsInt(number);
  return *value == -1 && PyErr_Occurred() ? failed : Status::Ok;
}
PyObject* posix_sysconf(PyObject* module, PyObject* name) {
  int number;
  TRY(limit_number(module, name, "sysconf_names", &number));
  errno = 0;
  const long value = sysconf(number);
  if (value == -1 && errno) return os_error();
  return PyLong_FromLong(value);
}
POSIX(sysconf, "($module, name, /)", "The value of a system limit, by name or number.");
PyObject* posix_confstr(PyObject* module, PyObject* name) {
  int number;
  TRY(limit_number(module, name, "confstr_names", &number));
  errno = 0;
  const size_t size = confstr(number, nullptr, 0);
  if (size == 0) {
    if (errno) return os_error();
    Py_RETURN_NONE;
  }
  std::string buffer(size, '\0');
  confstr(number, buffer.data(), size);
  return PyUnicode_DecodeFSDefaultAndSize(buffer.data(), static_cast<Py_ssize_t>(size) - 1);
}
POSIX(confstr, "($module, name, /)", "The text of a system setting, by name or number.");
PyObject* posix_pathconf(PyObject* module, const PathOrFd& path, PyObject* name) {
  int number;
  TRY(limit_number(module, name, "pathconf_names", &number));
  errno = 0;
  const long value = path.is_fd ? fpathconf(path.fd, number) : pathconf(path.text, number);
  if (value == -1 && errno) return errno == EINVAL ? os_error() : os_error(path);
  return PyLong_FromLong(value);
}
POSIX(pathconf, "($module, /, path, name)", "The value of a limit for a file.");
PyObject* posix_fpathconf(PyObject* module, Fd fd, PyObject* name) {
  int number;
  TRY(limit_number(module, name, "pathconf_names", &number));
  errno = 0;
  const long value = fpathconf(fd, number);
  if (value == -1 && errno) return os_error();
  return PyLong_FromLong(value);
}
POSIX(fpathconf, "($module, fd, name, /)", "The value of a limit for a descriptor's file.");

// ---- randomness -------------------------------------------------------------------------------------------------------

PyObject* posix_urandom(PyObject*, Py_ssize_t size) {
  if (size < 0) return raise(PyExc_ValueError, "negative argument not allowed");
  Ref<> result = TRY(steal(PyBytes_FromStringAndSize(nullptr, size)));
  char* at = PyBytes_AS_STRING(result.get());
  while (size > 0) {
    bool raised;
    const Py_ssize_t count = system_call([&] { return getrandom(at, static_cast<size_t>(size), 0); }, &raised);
    if (count < 0) return raised ? failed : os_error();
    at += count;
    size -= count;
  }
  return result.release();
}
POSIX(urandom, "($module, size, /)", "Random bytes fit for secrets.");
PyObject* posix_getrandom(PyObject*, Py_ssize_t size, int flags) {
  if (size < 0) return os_error_of(EINVAL);
  PyObject* result = PyBytes_FromStringAndSize(nullptr, size);
  if (!result) return nullptr;
  bool raised;
  const Py_ssize_t count = system_call([&] { return getrandom(PyBytes_AS_STRING(result), static_cast<size_t>(size), static_cast<unsigned>(flags)); }, &raised);
  if (count < 0) {
    const int error = errno;
    Py_DECREF(result);
    return raised ? failed : os_error_of(error);
  }
  if (count != size) _PyBytes_Resize(&result, count);
  return result;
}
POSIX(getrandom, "($module, /, size, flags=0)", "Random bytes by the kernel's call.");

bool posix_is_inputhook_installed(PyObject*) { return PyOS_InputHook != nullptr; }
METHOD_AS(posix_is_inputhook_installed, "_is_inputhook_installed", 0, "($module, /)", "Whether PyOS_InputHook is set.");
PyObject* posix_inputhook(PyObject*) { return PyLong_FromLong(PyOS_InputHook ? PyOS_InputHook() : 0); }
METHOD_AS(posix_inputhook, "_inputhook", 0, "($module, /)", "Calls PyOS_InputHook.");

}  // namespace

PyMethodDef system_methods[] = {posix_uname_method, posix_times_method, posix_getloadavg_method, posix_cpu_count_method,
                                posix_umask_method, posix_strerror_method, posix_sync_method, posix_ctermid_method,
                                posix_putenv_method, posix_unsetenv_method, posix_sysconf_method, posix_confstr_method,
                                posix_pathconf_method, posix_fpathconf_method, posix_urandom_method, posix_getrandom_method,
                                posix_is_inputhook_installed_method, posix_inputhook_method, {}};

}  // namespace ks::posix
