// The end: threads, atexit, modules in the reference's order, collection, streams.
#include <cstdio>
#include <cstdlib>
#include <unistd.h>
#include <cstring>

#include "interpreter/perf_trampoline.h"
#include "import/import.h"
#include "object/collector.h"
#include "object/export.h"
#include "object/identifier.h"
#include "runtime/config.h"
#include "runtime/process.h"

extern "C" void _Py_NO_RETURN _Py_FatalErrorFunc(const char* function, const char* message);
KS_EXPORT void _PyTraceMalloc_Stop(void) __attribute__((weak));

namespace ks {

void faulthandler_end();
void end_interpreter_rooms(PyInterpreterState* interp);
void keep_only_thread(PyThreadState* keep);

Status wait_for_threads(PyThreadState* state) {
  PyObject* threading = PyDict_GetItemWithError(state->interp->core.modules, "threading"_id);
  if (!threading) {
    PyErr_Clear();
    // Threads of _thread alone are waited for too, as threading was never imported to do it.
    Ref<> name = steal(PyUnicode_FromString("_thread"));
    PyObject* low = name ? PyDict_GetItemWithError(state->interp->core.modules, name) : nullptr;
    if (!low) {
      PyErr_Clear();
      return Status::Ok;
    }
    return Status::Ok;
  }
  Ref<> owner = borrow(threading);
  Ref<> done = steal(PyObject_CallMethodNoArgs(owner, "_shutdown"_id));
  if (!done) PyErr_FormatUnraisable("Exception ignored on threading shutdown");
  return Status::Ok;
}

namespace {

// Names with one underscore first, then the others; __builtins__ stays for destructors.
void clear_module_dict(PyObject* dict, bool keep_builtins) {
  const bool verbose = interpreter()->core.config.verbose > 1;
  for (int step = 1; step <= 2; ++step) {
    Py_ssize_t position = 0;
    PyObject *key, *value;
    while (PyDict_Next(dict, &position, &key, &value)) {
      if (value == Py_None || !PyUnicode_Check(key)) continue;
      const Py_ssize_t length = PyUnicode_GET_LENGTH(key);
      const bool underscore = length > 0 && PyUnicode_READ_CHAR(key, 0) == '_';
      const bool two = underscore && length > 1 && PyUnicode_READ_CHAR(key, 1) == '_';
      if (step == 1 && !(underscore && !two)) continue;
      if (step == 2 && keep_builtins && PyUnicode_CompareWithASCIIString(key, "__builtins__") == 0) continue;
      if (verbose) {
        const char* text = PyUnicode_AsUTF8(key);
        if (text) PySys_WriteStderr("#   clear[%d] %s\n", step, text);
        else PyErr_Clear();
      }
      if (PyDict_SetItem(dict, key, Py_None) < 0) PyErr_FormatUnraisable("Exception ignored while clearing module dict");
    }
  }
}

void report(const char* what) { PyErr_FormatUnraisable("%s", what); }

void delete_special(PyInterpreterState* interp) {
  PyObject* sys = interp->core.sys_dict;
  const bool verbose = interp->core.config.verbose > 0;
  if (verbose) PySys_WriteStderr("# clear builtins._\n");
  if (PyDict_SetItemString(interp->core.builtins_dict, "_", Py_None) < 0) report("Exception ignored while setting builtin variable _");
  constexpr const char* kNames[] = {"path", "argv", "ps1", "ps2", "last_exc", "last_type", "last_value", "last_traceback",
                                    "path_importer_cache", "meta_path", "path_hooks", "__interactivehook__"};
  for (const char* name : kNames) {
    if (verbose) PySys_WriteStderr("# clear sys.%s\n", name);
    if (PyDict_SetItemString(sys, name, Py_None) < 0) report("Exception ignored while clearing sys dictionary");
  }
  constexpr const char* kFiles[][2] = {{"stdin", "__stdin__"}, {"stdout", "__stdout__"}, {"stderr", "__stderr__"}};
  for (const auto& file : kFiles) {
    if (verbose) PySys_WriteStderr("# restore sys.%s\n", file[0]);
    PyObject* value = PyDict_GetItemString(sys, file[1]);
    if (PyDict_SetItemString(sys, file[0], value ? value : Py_None) < 0) report("Exception ignored while restoring sys dictionary");
  }
}

// Every module's entry becomes None; returns [(name, weak reference)].
Ref<> remove_modules(PyInterpreterState* interp) {
  PyObject* modules = interp->core.modules;
  Ref<> list = steal(PyList_New(0));
  if (!list) {
    report("Exception ignored while removing modules");
    return nullptr;
  }
  auto store = [&](PyObject* name, PyObject* module) {
    if (!PyModule_Check(module)) return;
    if (interp->core.config.verbose && PyUnicode_Check(name)) PySys_FormatStderr("# cleanup[2] removing %U\n", name);
    Ref<> reference = steal(PyWeakref_NewRef(module, nullptr));
    Ref<> pair = reference ? steal(PyTuple_Pack(2, name, reference.get())) : nullptr;
    if (!pair || PyList_Append(list, pair) < 0) report("Exception ignored while removing modules");
    if (PyObject_SetItem(modules, name, Py_None) < 0) report("Exception ignored while removing modules");
  };
  if (PyDict_CheckExact(modules)) {
    Ref<> copy = steal(PyDict_Copy(modules));
    Py_ssize_t position = 0;
    PyObject *key, *value;
    if (copy)
      while (PyDict_Next(copy, &position, &key, &value)) store(key, value);
  } else {
    Ref<> iterator = steal(PyObject_GetIter(modules));
    if (!iterator) {
      report("Exception ignored while removing modules");
      return list;
    }
    while (Ref<> key = steal(PyIter_Next(iterator))) {
      Ref<> value = steal(PyObject_GetItem(modules, key));
      if (!value) report("Exception ignored while removing modules");
      else store(key, value);
    }
    if (PyErr_Occurred()) report("Exception ignored while removing modules");
  }
  return list;
}

}  // namespace

void finalize_modules(PyThreadState* state) {
  PyInterpreterState* interp = state->interp;
  PyObject* modules = interp->core.modules;
  if (!modules) return;
  delete_special(interp);
  Ref<> weak = remove_modules(interp);
  // sys.modules is emptied, builtins put back as they were: overridden builtins may hold anything.
  if (PyDict_CheckExact(modules)) PyDict_Clear(modules);
  else {
    Ref<> done = steal(PyObject_CallMethod(modules, "clear", nullptr));
    if (!done) PyErr_Clear();
  }
  if (interp->core.builtins_dict_copy) {
    Ref<> copy = steal(PyDict_New());
    if (!copy || PyDict_Update(copy, interp->core.builtins_dict) < 0) PyErr_Clear();
    PyDict_Clear(interp->core.builtins_dict);
    if (PyDict_Update(interp->core.builtins_dict, interp->core.builtins_dict_copy) < 0) report("Exception ignored while clearing builtins");
  }
  PyGC_Collect();
  collector_report_garbage(interp);
  // Modules that live on are emptied, newest first.
  if (weak) {
    for (Py_ssize_t i = PyList_GET_SIZE(weak.get()); i-- > 0;) {
      PyObject* pair = PyList_GET_ITEM(weak.get(), i);
      PyObject* module = nullptr;
      if (PyWeakref_GetRef(PyTuple_GET_ITEM(pair, 1), &module) <= 0 || !module) {
        PyErr_Clear();
        continue;
      }
      Ref<> owner = steal(module);
      PyObject* dict = PyModule_GetDict(module);
      if (!dict || dict == interp->core.builtins_dict || dict == interp->core.sys_dict) continue;
      if (interp->core.config.verbose) PySys_FormatStderr("# cleanup[3] wiping %U\n", PyTuple_GET_ITEM(pair, 0));
      clear_module_dict(dict, true);
    }
  }
  weak.reset();
  import_end_modules(interp);
  if (interp->core.config.verbose) PySys_FormatStderr("# cleanup[3] wiping sys\n");
  clear_module_dict(interp->core.sys_dict, true);
  if (interp->core.config.verbose) PySys_FormatStderr("# cleanup[3] wiping builtins\n");
  clear_module_dict(interp->core.builtins_dict, true);
  PyGC_Collect();
}

namespace {

void clear_interpreter(PyThreadState* state) {
  PyInterpreterState* interp = state->interp;
  for (PyThreadState* thread = interp->core.threads; thread; thread = thread->next)
    if (thread != state) {
      // Their C stacks may still be in use; only what no frame needs is released.
      Py_CLEAR(thread->dict);
    }
  free_atexit(interp);
  Py_CLEAR(interp->core.audit_hooks);
  Py_CLEAR(interp->core.import_func);
  Py_CLEAR(interp->core.modules);
  Py_CLEAR(interp->core.builtins_dict_copy);
  Py_CLEAR(interp->core.sys_dict_copy);
  Py_CLEAR(interp->core.dict);
  Py_CLEAR(interp->core.builtins_dict);
  Py_CLEAR(interp->core.sys_dict);
}

// Takes it off the list of interpreters; its memory stays.
void forget_interpreter(PyInterpreterState* interp) {
  pthread_mutex_lock(&process.mutex);
  PyInterpreterState** link = &process.first;
  while (*link && *link != interp) link = &(*link)->core.next;
  if (*link) *link = interp->core.next;
  pthread_mutex_unlock(&process.mutex);
}

}  // namespace

}  // namespace ks

using namespace ks;

extern "C" {

void PyInterpreterState_Clear(PyInterpreterState* interp) {
  PyThreadState* state = current_thread_state;
  if (state && state->interp == interp) {
    PySys_Audit("cpython.PyInterpreterState_Clear", nullptr);
    PyErr_Clear();
    clear_interpreter(state);
  }
}

// 0, or -1 when something went wrong, as flushing stdout.
int Py_FinalizeEx(void) {
  if (!process.initialized && !process.core_initialized) return 0;
  PyThreadState* state = current_thread_state;
  if (!state) {
    state = PyGILState_GetThisThreadState();
    if (!state) return 0;
    attach(state);
  }
  PyInterpreterState* interp = state->interp;
  int result = 0;
  // Subinterpreters left over end with the main one.
  (void)wait_for_threads(state);
  make_all_pending_calls(state);
  call_atexit_functions(interp);
  for (;;) {
    PyInterpreterState* other = PyInterpreterState_Head();
    while (other && other == interp) other = PyInterpreterState_Next(other);
    if (!other) break;
    if (!other->core.ready) {
      PyInterpreterState_Delete(other);
      continue;
    }
    PyThreadState* thread = new_thread_state(other, 3);
    PyThreadState* saved = PyThreadState_Swap(thread);
    Py_EndInterpreter(thread);
    PyThreadState_Swap(saved);
  }
  if (PySys_Audit("cpython._PySys_ClearAuditHooks", nullptr) < 0) PyErr_Clear();

  __atomic_store_n(&process.finalizing, state, __ATOMIC_RELEASE);
  process.finalizing_id = PyThread_get_thread_ident();
  __atomic_store_n(&interp->core.finalizing_thread, state, __ATOMIC_RELEASE);
  interp->core.finalizing = true;
  process.initialized = false;
  process.core_initialized = false;
  // Give a thread that is about to take the GIL a chance to see it; from now on it hangs.
  if (flush_std_files() < 0) result = -1;
  signals_end();
  PyGC_Collect();
  finalize_modules(state);
  if (flush_std_files() < 0) result = -1;
  if (_PyTraceMalloc_Stop) _PyTraceMalloc_Stop();
  faulthandler_end();
  perf_trampoline_end();
  clear_interpreter(state);
  PyThreadState_Clear(state);
  end_interpreter_rooms(interp);
  // Other threads may still sleep in take_gil with their states: then the interpreter's memory stays.
  const bool alone = interp->core.threads == state && !state->next;
  current_thread_state = nullptr;
  interp->core.finalizing_thread = nullptr;
  if (alone) {
    PyThreadState_Delete(state);
    gil_destroy(interp);
    delete_interpreter_state(interp);
    __atomic_store_n(&process.finalizing, nullptr, __ATOMIC_RELEASE);
  } else {
    forget_interpreter(interp);
    process.main = nullptr;
  }
  process.next_interpreter_id = 0;
  process.preinitialized = false;
  list_clear(&process.orig_argv);
  while (process.exit_count > 0) {
    void (*function)(void) = process.exit_functions[--process.exit_count];
    function();
  }
  fflush(stdout);
  fflush(stderr);
  return result;
}
void Py_Finalize(void) { (void)Py_FinalizeEx(); }

void Py_EndInterpreter(PyThreadState* state) {
  PyInterpreterState* interp = state->interp;
  if (state != current_thread_state) _Py_FatalErrorFunc("Py_EndInterpreter", "thread is not current");
  if (state->current_frame) _Py_FatalErrorFunc("Py_EndInterpreter", "thread still has a frame");
  interp->core.finalizing = true;
  (void)wait_for_threads(state);
  make_all_pending_calls(state);
  call_atexit_functions(interp);
  if (interp->core.threads != state || state->next) {
    // States without a running thread may be dropped; running ones may not.
    for (PyThreadState* thread = interp->core.threads; thread;) {
      PyThreadState* next = thread->next;
      if (thread != state && !thread->_status.bound) {
        PyThreadState_Clear(thread);
        PyThreadState_Delete(thread);
      }
      thread = next;
    }
    if (interp->core.threads != state || state->next) {
      // A thread that has not run for long; it must never run again.
      for (PyThreadState* thread = interp->core.threads; thread;) {
        PyThreadState* next = thread->next;
        if (thread != state && !thread->current_frame) {
          PyThreadState_Clear(thread);
          PyThreadState_Delete(thread);
        }
        thread = next;
      }
    }
  }
  __atomic_store_n(&interp->core.finalizing_thread, state, __ATOMIC_RELEASE);
  PyGC_Collect();
  flush_std_files();
  finalize_modules(state);
  flush_std_files();
  clear_interpreter(state);
  PyThreadState_Clear(state);
  end_interpreter_rooms(interp);
  current_thread_state = nullptr;
  drop_gil(interp, nullptr);
  // Daemon threads hang when they come back for the GIL, which must find their states and the interpreter's.
  if (interp->core.threads != state || state->next) {
    forget_interpreter(interp);
    return;
  }
  PyThreadState_Delete(state);
  gil_destroy(interp);
  delete_interpreter_state(interp);
}

// 0, or -1 when there is no room for another function.
int Py_AtExit(void (*function)(void)) {
  if (process.exit_count >= 32) return -1;
  process.exit_functions[process.exit_count++] = function;
  return 0;
}

void Py_Exit(int code) {
  PyThreadState* state = current_thread_state;
  if (state && process.finalizing == state) {
    // A nested exit, from a destructor: nothing may run again.
    fflush(stdout);
    exit(code);
  }
  if (Py_FinalizeEx() < 0) code = 120;
  exit(code);
}

}  // extern "C"
