// posix: the scheduler, and posix_spawn().
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include <vector>

#include "modules/posix/posix.h"

namespace ks::posix {
namespace {

#define POSIX(NAME, SIGNATURE, DOC) METHOD_AS(posix_##NAME, #NAME, 0, SIGNATURE, DOC)

// sched_param(sched_priority): a struct sequence of one.
PyStructSequence_Field param_fields[] = {{"sched_priority", "the scheduling priority"}, {}};
PyStructSequence_Desc param_desc = {"posix.sched_param", "sched_param(sched_priority)\n--\n\nThe parameters of a scheduling policy.", param_fields, 1};

constexpr Signature param_signature = read_signature("sched_param", "(sched_priority)");
PyObject* param_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* priority;
  TRY(bind_tuple(param_signature, args, kwargs, &priority));
  PyObject* param = TRY(PyStructSequence_New(type));
  PyStructSequence_SetItem(param, 0, Py_NewRef(priority));
  return param;
}
PyObject* param_reduce(PyObject* self, PyObject*) {
  return Py_BuildValue("(O(N))", Py_TYPE(self), Py_NewRef(PyStructSequence_GetItem(self, 0)));
}
PyMethodDef param_reduce_method = {"__reduce__", param_reduce, METH_NOARGS, nullptr};

Status param_from_object(PyObject* object, sched_param* param) {
  PosixState* state = TRY(posix_state());
  if (!Py_IS_TYPE(object, state->sched_param)) return raise(PyExc_TypeError, "must have a sched_param object");
  Ref<> priority_object = TRY(steal(PySequence_GetItem(object, 0)));
  const long priority = PyLong_AsLong(priority_object);
  if (priority == -1 && PyErr_Occurred()) return failed;
  if (priority > INT_MAX || priority < INT_MIN) return raise(PyExc_OverflowError, "sched_priority out of range");
  param->sched_priority = static_cast<int>(priority);
  return Status::Ok;
}
PyObject* posix_sched_get_priority_max(PyObject*, int policy) {
  const int value = sched_get_priority_max(policy);
  return value < 0 ? os_error() : PyLong_FromLong(value);
}
POSIX(sched_get_priority_max, "($module, /, policy)", "The highest priority of a policy.");
PyObject* posix_sched_get_priority_min(PyObject*, int policy) {
  const int value = sched_get_priority_min(policy);
  return value < 0 ? os_error() : PyLong_FromLong(value);
}
POSIX(sched_get_priority_min, "($module, /, policy)", "The lowest priority of a policy.");
PyObject* posix_sched_getscheduler(PyObject*, Pid pid) {
  const int policy = sched_getscheduler(pid);
  return policy < 0 ? os_error() : PyLong_FromLong(policy);
}
POSIX(sched_getscheduler, "($module, pid, /)", "A process's scheduling policy.");
PyObject* posix_sched_setscheduler(PyObject*, Pid pid, int policy, PyObject* param_object) {
  sched_param param;
  TRY(param_from_object(param_object, &param));
  return none_or_error(sched_setscheduler(pid, policy, &param) < 0 ? -1 : 0);
}
POSIX(sched_setscheduler, "($module, pid, policy, param, /)", "Set a process's scheduling policy.");
PyObject* posix_sched_getparam(PyObject*, Pid pid) {
  sched_param param;
  if (sched_getparam(pid, &param) < 0) return os_error();
  PosixState* state = posix_state();
  if (!state) return nullptr;
  Ref<> result = TRY(steal(PyStructSequence_New(state->sched_param)));
  PyStructSequence_SetItem(result, 0, PyLong_FromLong(param.sched_priority));
  return result.release();
}
POSIX(sched_getparam, "($module, pid, /)", "A process's scheduling parameters.");
PyObject* posix_sched_setparam(PyObject*, Pid pid, PyObject* param_object) {
  sched_param param;
  TRY(param_from_object(param_object, &param));
  return none_or_error(sched_setparam(pid, &param));
}
POSIX(sched_setparam, "($module, pid, param, /)", "Set a process's scheduling parameters.");
PyObject* posix_sched_rr_get_interval(PyObject*, Pid pid) {
  timespec interval;
  if (sched_rr_get_interval(pid, &interval) < 0) return os_error();
  return PyFloat_FromDouble(static_cast<double>(interval.tv_sec) + 1e-9 * static_cast<double>(interval.tv_nsec));
}
POSIX(sched_rr_get_interval, "($module, pid, /)", "A process's round-robin time slice in seconds.");
void posix_sched_yield(PyObject*) {
  Py_BEGIN_ALLOW_THREADS
  sched_yield();
  Py_END_ALLOW_THREADS
}
POSIX(sched_yield, "($module, /)", "Let another process have the processor.");

PyObject* posix_sched_getaffinity(PyObject*, Pid pid) {
  for (int count = 1024; count <= 1 << 20; count *= 2) {
    const size_t size = CPU_ALLOC_SIZE(count);
    std::vector<char> memory(size);
    auto* set = reinterpret_cast<cpu_set_t*>(memory.data());
    if (sched_getaffinity(pid, size, set) == 0) {
      Ref<> result = TRY(steal(PySet_New(nullptr)));
      for (int cpu = 0; cpu < count; ++cpu) {
        if (!CPU_ISSET_S(cpu, size, set)) continue;
        Ref<> number = TRY(steal(PyLong_FromLong(cpu)));
        TRY(PySet_Add(result, number));
      }
      return result.release();
    }
    if (errno != EINVAL) return os_error();
  }
  return raise(PyExc_OverflowError, "could not allocate a large enough CPU set");
}
POSIX(sched_getaffinity, "($module, pid, /)", "The processors that a process may run on.");
PyObject* posix_sched_setaffinity(PyObject*, Pid pid, PyObject* mask) {
  Ref<> iterator = TRY(steal(PyObject_GetIter(mask)));
  std::vector<long> cpus;
  long highest = 0;
  while (true) {
    Ref<> item = Ref<>::steal(PyIter_Next(iterator));
    if (!item) break;
    if (!PyLong_Check(item.get())) return raise(PyExc_TypeError, "expected an iterator of ints, but iterator yielded %R", Py_TYPE(item.get()));
    const long cpu = PyLong_AsLong(item);
    if (cpu < 0) {
      if (!PyErr_Occurred()) return raise(PyExc_ValueError, "negative CPU number");
      return nullptr;
    }
    if (cpu > INT_MAX - 1) return raise(PyExc_OverflowError, "CPU number too large");
    cpus.push_back(cpu);
    highest = Py_MAX(highest, cpu);
  }
  if (PyErr_Occurred()) return nullptr;
  const size_t size = CPU_ALLOC_SIZE(highest + 1);
  std::vector<char> memory(size);
  auto* set = reinterpret_cast<cpu_set_t*>(memory.data());
  for (const long cpu : cpus) CPU_SET_S(static_cast<size_t>(cpu), size, set);
  return none_or_error(sched_setaffinity(pid, size, set));
}
POSIX(sched_setaffinity, "($module, pid, mask, /)", "Set the processors that a process may run on.");

// ---- posix_spawn ------------------------------------------------------------------------------------------------------

enum FileAction { kOpen = 0, kClose = 1, kDup2 = 2, kCloseFrom = 3 };

struct SpawnSetup {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  bool has_actions = false, has_attributes = false;
  std::vector<Ref<>> kept;  // paths that the actions point to
  ~SpawnSetup() {
    if (has_actions) posix_spawn_file_actions_destroy(&actions);
    if (has_attributes) posix_spawnattr_destroy(&attributes);
  }
};
Status add_file_actions(SpawnSetup* setup, PyObject* sequence) {
  if (!sequence || sequence == Py_None) return Status::Ok;
  Ref<> items = TRY(steal(PySequence_Fast(sequence, "file_actions must be a sequence or None")));
  if (PySequence_Fast_GET_SIZE(items.get()) == 0) return Status::Ok;
  if (const int error = posix_spawn_file_actions_init(&setup->actions)) return os_error_of(error);
  setup->has_actions = true;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items.get()); ++i) {
    PyObject* action = PySequence_Fast_GET_ITEM(items.get(), i);
    if (!PyTuple_Check(action) || PyTuple_GET_SIZE(action) == 0)
      return raise(PyExc_TypeError, "Each file_actions element must be a non-empty tuple");
    const long tag = PyLong_AsLong(PyTuple_GET_ITEM(action, 0));
    if (tag == -1 && PyErr_Occurred()) return failed;
    int error = 0;
    switch (tag) {
      case kOpen: {
        int fd, flags;
        unsigned long mode;
        PyObject *ignored, *path;
        if (!PyArg_ParseTuple(action, "OiO&ik;A open file_action tuple must have 5 elements", &ignored, &fd, PyUnicode_FSConverter, &path, &flags, &mode))
          return failed;
        setup->kept.push_back(Ref<>::steal(path));
        error = posix_spawn_file_actions_addopen(&setup->actions, fd, PyBytes_AS_STRING(path), flags, static_cast<mode_t>(mode));
        break;
      }
      case kClose: {
        PyObject* ignored;
        int fd;
        if (!PyArg_ParseTuple(action, "Oi;A close file_action tuple must have 2 elements", &ignored, &fd)) return failed;
        error = posix_spawn_file_actions_addclose(&setup->actions, fd);
        break;
      }
      case kDup2: {
        PyObject* ignored;
        int fd, fd2;
        if (!PyArg_ParseTuple(action, "Oii;A dup2 file_action tuple must have 3 elements", &ignored, &fd, &fd2)) return failed;
        error = posix_spawn_file_actions_adddup2(&setup->actions, fd, fd2);
        break;
      }
      case kCloseFrom: {
        PyObject* ignored;
        int fd;
        if (!PyArg_ParseTuple(action, "Oi;A closefrom file_action tuple must have 2 elements", &ignored, &fd)) return failed;
        error = posix_spawn_file_actions_addclosefrom_np(&setup->actions, fd);
        break;
      }
      default:
        return raise(PyExc_TypeError, "Unknown file_actions identifier");
    }
    if (error) return os_error_of(error);
  }
  return Status::Ok;
}
Status signal_set(PyObject* iterable, sigset_t* set) {
  sigemptyset(set);
  Ref<> iterator = TRY(steal(PyObject_GetIter(iterable)));
  while (true) {
    Ref<> item = Ref<>::steal(PyIter_Next(iterator));
    if (!item) return PyErr_Occurred() ? failed : Status::Ok;
    const long number = PyLong_AsLong(item);
    if (number == -1 && PyErr_Occurred()) return failed;
    if (number < 1 || number >= NSIG) return raise(PyExc_ValueError, "signal number %ld out of range [1; %i]", number, NSIG - 1);
    sigaddset(set, static_cast<int>(number));
  }
}
Status set_attributes(SpawnSetup* setup, const char* function, PyObject* group, bool reset_ids, bool set_session, PyObject* mask, PyObject* defaults, PyObject* scheduler) {
  if (const int error = posix_spawnattr_init(&setup->attributes)) return os_error_of(error);
  setup->has_attributes = true;
  short flags = 0;
  int error = 0;
  if (group && group != Py_None) {
    const int id = PyLong_AsInt(group);
    if (id == -1 && PyErr_Occurred()) return failed;
    error = posix_spawnattr_setpgroup(&setup->attributes, id);
    flags |= POSIX_SPAWN_SETPGROUP;
  }
  if (reset_ids) flags |= POSIX_SPAWN_RESETIDS;
  if (set_session) flags |= POSIX_SPAWN_SETSID;
  sigset_t set;
  if (!error && mask) {
    TRY(signal_set(mask, &set));
    error = posix_spawnattr_setsigmask(&setup->attributes, &set);
    flags |= POSIX_SPAWN_SETSIGMASK;
  }
  if (!error && defaults) {
    TRY(signal_set(defaults, &set));
    error = posix_spawnattr_setsigdefault(&setup->attributes, &set);
    flags |= POSIX_SPAWN_SETSIGDEF;
  }
  if (!error && scheduler && scheduler != Py_None) {
    PyObject *policy, *param_object;
    if (!PyTuple_Check(scheduler)) return raise(PyExc_TypeError, "%s: scheduler must be a tuple or None", function);
    if (!PyArg_ParseTuple(scheduler, "OO;A scheduler tuple must have two elements", &policy, &param_object)) return failed;
    sched_param param;
    TRY(param_from_object(param_object, &param));
    if (policy != Py_None) {
      const int number = PyLong_AsInt(policy);
      if (number == -1 && PyErr_Occurred()) return failed;
      error = posix_spawnattr_setschedpolicy(&setup->attributes, number);
      flags |= POSIX_SPAWN_SETSCHEDULER;
    }
    if (!error) error = posix_spawnattr_setschedparam(&setup->attributes, &param);
    flags |= POSIX_SPAWN_SETSCHEDPARAM;
  }
  if (!error) error = posix_spawnattr_setflags(&setup->attributes, flags);
  if (error) return os_error_of(error);
  return Status::Ok;
}
Status add_string(std::vector<Ref<>>* owned, std::vector<char*>* pointers, PyObject* text) {
  Ref<> bytes;
  if (!PyUnicode_FSConverter(text, bytes.out())) return failed;
  pointers->push_back(PyBytes_AS_STRING(bytes.get()));
  owned->push_back(std::move(bytes));
  return Status::Ok;
}
PyObject* spawn(bool use_path, const Path& path, PyObject* argv, PyObject* env, PyObject* file_actions, PyObject* group, bool reset_ids,
                bool set_session, PyObject* mask, PyObject* defaults, PyObject* scheduler) {
  const char* name = use_path ? "posix_spawnp" : "posix_spawn";
  if (!PyList_Check(argv) && !PyTuple_Check(argv)) return raise(PyExc_TypeError, "%s: argv must be a tuple or list", name);
  if (PySequence_Size(argv) < 1) return raise(PyExc_ValueError, "%s: argv must not be empty", name);
  if (env != Py_None && !PyMapping_Check(env)) return raise(PyExc_TypeError, "%s: environment must be a mapping object or None", name);
  std::vector<Ref<>> owned;
  std::vector<char*> arguments, environment;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(argv); ++i) TRY(add_string(&owned, &arguments, PySequence_Fast_ITEMS(argv)[i]));
  if (!*arguments[0]) return raise(PyExc_ValueError, "%s: argv first element cannot be empty", name);
  arguments.push_back(nullptr);
  if (env != Py_None) {
    Ref<> items = TRY(steal(PyMapping_Items(env)));
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items.get()); ++i) {
      PyObject *key, *value;
      if (!PyArg_ParseTuple(PyList_GET_ITEM(items.get(), i), "OO", &key, &value)) return nullptr;
      Ref<> key_bytes, value_bytes;
      if (!PyUnicode_FSConverter(key, key_bytes.out()) || !PyUnicode_FSConverter(value, value_bytes.out())) return nullptr;
      const char* key_text = PyBytes_AS_STRING(key_bytes.get());
      if (!*key_text || strchr(key_text, '=')) return raise(PyExc_ValueError, "illegal environment variable name");
      Ref<> joined = TRY(steal(PyBytes_FromFormat("%s=%s", key_text, PyBytes_AS_STRING(value_bytes.get()))));
      environment.push_back(PyBytes_AS_STRING(joined.get()));
      owned.push_back(std::move(joined));
    }
    environment.push_back(nullptr);
  }
  SpawnSetup setup;
  TRY(add_file_actions(&setup, file_actions));
  TRY(set_attributes(&setup, name, group, reset_ids, set_session, mask, defaults, scheduler));
  TRY(PySys_Audit("os.posix_spawn", "OOO", path.given, argv, env));
  pid_t pid;
  char** environment_pointer = env == Py_None ? environ : environment.data();
  const posix_spawn_file_actions_t* actions = setup.has_actions ? &setup.actions : nullptr;
  const int error = use_path ? posix_spawnp(&pid, path.text, actions, &setup.attributes, arguments.data(), environment_pointer)
                             : posix_spawn(&pid, path.text, actions, &setup.attributes, arguments.data(), environment_pointer);
  if (error) {
    errno = error;
    return os_error(path);
  }
  return pid_to_object(pid);
}
#define SPAWN(NAME, USE_PATH)                                                                                                  \
  PyObject* posix_##NAME(PyObject*, const Path& path, PyObject* argv, PyObject* env, PyObject* file_actions, PyObject* group,  \
                         bool reset_ids, bool set_session, PyObject* mask, PyObject* defaults, PyObject* scheduler) {          \
    return spawn(USE_PATH, path, argv, env, file_actions, group, reset_ids, set_session, mask, defaults, scheduler);           \
  }                                                                                                                            \
  POSIX(NAME,                                                                                                                  \
        "($module, path, argv, env, /, *, file_actions=(),\n            setpgroup=None, resetids=False, setsid=False,\n"       \
        "            setsigmask=(), setsigdef=(), scheduler=None)",                                                           \
        "Start a program; returns its process id.")
SPAWN(posix_spawn, false);
SPAWN(posix_spawnp, true);

}  // namespace

PyMethodDef schedule_methods[] = {posix_sched_get_priority_max_method, posix_sched_get_priority_min_method,
                                  posix_sched_getscheduler_method, posix_sched_setscheduler_method, posix_sched_getparam_method,
                                  posix_sched_setparam_method, posix_sched_rr_get_interval_method, posix_sched_yield_method,
                                  posix_sched_getaffinity_method, posix_sched_setaffinity_method, {}};
PyMethodDef spawn_methods[] = {posix_posix_spawn_method, posix_posix_spawnp_method, {}};

Status add_schedule_types(PyObject* module) {
  PosixState* state = posix_state(module);
  state->sched_param = PyStructSequence_NewType(&param_desc);
  if (!state->sched_param) return failed;
  // It is made from the priority itself, not from a sequence.
  state->sched_param->tp_new = param_new;
  Ref<> reduce = TRY(steal(PyDescr_NewMethod(state->sched_param, &param_reduce_method)));
  Ref<> dict = TRY(steal(PyType_GetDict(state->sched_param)));
  TRY(PyDict_SetItemString(dict, "__reduce__", reduce));
  PyType_Modified(state->sched_param);
  return status(PyModule_AddObjectRef(module, "sched_param", object(state->sched_param)));
}

}  // namespace ks::posix
