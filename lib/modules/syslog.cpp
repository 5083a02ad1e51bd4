// The syslog module.
#include <pthread.h>
#include <syslog.h>

#include <cstdlib>
#include <cstring>
#include <utility>

#include "modules/module.h"
#include "runtime/lifecycle.h"
#include "runtime/process.h"

namespace ks {

namespace {

// One log for the process, as in the C library, which keeps the identification's address: the text must live on. Interpreters
// with a GIL of their own log at the same time, so it is no object, and a mutex guards it and the calls that use it.
struct LogState {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  char* ident = nullptr;
  bool open = false;
};
constinit LogState log_state;

// The GIL is not held while waiting: whoever has the mutex may want it.
struct LogLock {
  LogLock() {
    if (pthread_mutex_trylock(&log_state.mutex) == 0) return;
    Py_BEGIN_ALLOW_THREADS
    pthread_mutex_lock(&log_state.mutex);
    Py_END_ALLOW_THREADS
  }
  ~LogLock() { pthread_mutex_unlock(&log_state.mutex); }
  LogLock(const LogLock&) = delete;
  LogLock& operator=(const LogLock&) = delete;
};

constexpr char kOpenName[] = "openlog";
constexpr Signature kOpen = read_signature(kOpenName, "($module, /, ident=<unrepresentable>, logoption=0, facility=LOG_USER)");

// The last part of sys.argv[0].
Ref<> program_name() {
  PyObject* argv = sys_get("argv"_id);
  if (!argv || !PyList_Check(argv) || PyList_GET_SIZE(argv) == 0) return nullptr;
  PyObject* first = PyList_GET_ITEM(argv, 0);
  if (!PyUnicode_Check(first) || PyUnicode_GET_LENGTH(first) == 0) return nullptr;
  const Py_ssize_t slash = PyUnicode_FindChar(first, '/', 0, PyUnicode_GET_LENGTH(first), -1);
  return slash >= 0 ? steal(PyUnicode_Substring(first, slash + 1, PyUnicode_GET_LENGTH(first))) : borrow(first);
}

Status open_with(PyObject* ident, long option, long facility) {
  if (!is_main_interpreter(interpreter()))
    return raise(PyExc_RuntimeError, "subinterpreter can't use syslog.openlog()");
  Ref<> name = ident ? borrow(ident) : program_name();
  if (!name && PyErr_Occurred()) return failed;
  const char* text = nullptr;
  if (name) {
    text = PyUnicode_AsUTF8(name);
    if (!text) return failed;
  }
  if (PySys_Audit("syslog.openlog", "Oll", name ? name.get() : Py_None, option, facility) < 0) return failed;
  char* copy = text ? strdup(text) : nullptr;
  if (text && !copy) return PyErr_NoMemory(), failed;
  LogLock lock;
  openlog(copy, static_cast<int>(option), static_cast<int>(facility));
  __atomic_store_n(&log_state.open, true, __ATOMIC_RELEASE);
  free(std::exchange(log_state.ident, copy));
  return Status::Ok;
}

PyObject* syslog_openlog(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  PyObject* values[4] = {};
  if (is_failure(bind(kOpen, args, nargs, kwnames, values, nullptr, nullptr))) return nullptr;
  if (values[0] && !PyUnicode_Check(values[0]))
    return raise(PyExc_TypeError, "openlog() argument 'ident' must be str, not %.50s", values[0] == Py_None ? "None" : Py_TYPE(values[0])->tp_name);
  long option = 0, facility = LOG_USER;
  if (values[1] && (option = PyLong_AsLong(values[1])) == -1 && PyErr_Occurred()) return nullptr;
  if (values[2] && (facility = PyLong_AsLong(values[2])) == -1 && PyErr_Occurred()) return nullptr;
  return is_failure(open_with(values[0], option, facility)) ? nullptr : Py_NewRef(Py_None);
}
PyObject* syslog_syslog(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  if ((kwnames && PyTuple_GET_SIZE(kwnames)) || nargs < 1 || nargs > 2) return raise(PyExc_TypeError, "syslog.syslog requires 1 to 2 arguments");
  int priority = LOG_INFO;
  if (nargs == 2) {
    priority = PyLong_AsInt(args[0]);
    if (priority == -1 && PyErr_Occurred()) return nullptr;
  }
  PyObject* message = args[nargs - 1];
  if (!PyUnicode_Check(message))
    return raise(PyExc_TypeError, "syslog() argument %zd must be str, not %.50s", nargs, message == Py_None ? "None" : Py_TYPE(message)->tp_name);
  const char* text = PyUnicode_AsUTF8(message);
  if (!text || PySys_Audit("syslog.syslog", "is", priority, text) < 0) return nullptr;
  if (!__atomic_load_n(&log_state.open, __ATOMIC_ACQUIRE)) {
    if (!is_main_interpreter(interpreter())) return raise(PyExc_RuntimeError, "subinterpreter can't use syslog.syslog() until the syslog is opened by the main interpreter");
    if (is_failure(open_with(nullptr, 0, LOG_USER))) return nullptr;
  }
  Py_BEGIN_ALLOW_THREADS
  pthread_mutex_lock(&log_state.mutex);
  syslog(priority, "%s", text);
  pthread_mutex_unlock(&log_state.mutex);
  Py_END_ALLOW_THREADS
  return Py_NewRef(Py_None);
}
Status syslog_closelog(PyObject*) {
  if (!is_main_interpreter(interpreter())) return raise(PyExc_RuntimeError, "subinterpreter can't use syslog.closelog()");
  if (PySys_Audit("syslog.closelog", nullptr) < 0) return failed;
  LogLock lock;
  if (log_state.open) {
    closelog();
    free(std::exchange(log_state.ident, nullptr));
    __atomic_store_n(&log_state.open, false, __ATOMIC_RELEASE);
  }
  return Status::Ok;
}
PyObject* syslog_setlogmask(PyObject*, long mask) {
  if (PySys_Audit("syslog.setlogmask", "l", mask) < 0) return nullptr;
  return PyLong_FromLong(setlogmask(static_cast<int>(mask)));
}
PyObject* syslog_mask(PyObject*, long priority) { return PyLong_FromLong(LOG_MASK(priority)); }
PyObject* syslog_upto(PyObject*, long priority) { return PyLong_FromLong(LOG_UPTO(priority)); }

METHOD_RAW(syslog_openlog, "openlog", 0,
           "openlog($module, /, ident=<unrepresentable>, logoption=0, facility=LOG_USER)\n--\n\nSet logging options of subsequent syslog() calls.");
METHOD_RAW(syslog_syslog, "syslog", 0, "syslog([priority=LOG_INFO,] message)\nSend the string message to the system logger.");
METHOD_AS(syslog_closelog, "closelog", 0, "($module, /)", "Reset the syslog module values and call the system library closelog().");
METHOD_AS(syslog_setlogmask, "setlogmask", 0, "($module, maskpri, /)", "Set the priority mask to maskpri and return the previous mask value.");
METHOD_AS(syslog_mask, "LOG_MASK", 0, "($module, pri, /)", "Calculates the mask for the individual priority pri.");
METHOD_AS(syslog_upto, "LOG_UPTO", 0, "($module, pri, /)", "Calculates the mask for all priorities up to and including pri.");
PyMethodDef syslog_methods[] = {syslog_openlog_method, syslog_closelog_method, syslog_syslog_method, syslog_setlogmask_method,
                                syslog_mask_method, syslog_upto_method, {}};
#define ROW(NAME) {#NAME, NAME}
constexpr IntConstant kConstants[] = {
    ROW(LOG_EMERG), ROW(LOG_ALERT), ROW(LOG_CRIT), ROW(LOG_ERR), ROW(LOG_WARNING), ROW(LOG_NOTICE), ROW(LOG_INFO), ROW(LOG_DEBUG),
    ROW(LOG_PID), ROW(LOG_CONS), ROW(LOG_NDELAY), ROW(LOG_ODELAY), ROW(LOG_NOWAIT), ROW(LOG_PERROR), ROW(LOG_KERN), ROW(LOG_USER),
    ROW(LOG_MAIL), ROW(LOG_DAEMON), ROW(LOG_AUTH), ROW(LOG_LPR), ROW(LOG_LOCAL0), ROW(LOG_LOCAL1), ROW(LOG_LOCAL2), ROW(LOG_LOCAL3),
    ROW(LOG_LOCAL4), ROW(LOG_LOCAL5), ROW(LOG_LOCAL6), ROW(LOG_LOCAL7), ROW(LOG_SYSLOG), ROW(LOG_CRON), ROW(LOG_UUCP), ROW(LOG_NEWS),
    ROW(LOG_AUTHPRIV), ROW(LOG_FTP)};
#undef ROW
int syslog_execute(PyObject* module) { return to_c(add_constants(module, kConstants)); }
MODULE_SLOTS(syslog_slots, syslog_execute);
PyModuleDef syslog_module = {
    .m_base = PyModuleDef_HEAD_INIT, .m_name = "syslog", .m_doc = nullptr, .m_size = 0, .m_methods = syslog_methods, .m_slots = syslog_slots};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit_syslog(void) { return PyModuleDef_Init(&ks::syslog_module); }
