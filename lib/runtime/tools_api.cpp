// Exports for tools: frames that C code adds to tracebacks, the recursive mutex, the perf map.
#include <Python.h>
#include <pthread.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "object/export.h"
#include "object/ref.h"
#include "object/result.h"
#include "runtime/lifecycle.h"

using namespace ks;

struct _PyRecursiveMutex {
  PyMutex mutex;
  unsigned long long thread;
  size_t level;
};

// The map of generated code for the profiler perf: one file for the process.
struct PerfMap {
  FILE* file;
  pthread_mutex_t mutex;
};
static constinit PerfMap perf_map{nullptr, PTHREAD_MUTEX_INITIALIZER};

extern "C" {

// Adds a frame to the traceback of the current exception, as if a Python function of that name and place had run.
KS_EXPORT void _PyTraceback_Add(const char* function, const char* filename, int line) {
  Ref<> exception = steal(PyErr_GetRaisedException());
  if (!exception) return;
  // An empty code object raises when it runs: the frame that this leaves behind is the one we want.
  Ref<> code = steal(reinterpret_cast<PyObject*>(PyCode_NewEmpty(filename, function, line)));
  Ref<> globals = code ? steal(PyDict_New()) : nullptr;
  if (globals && PyDict_SetItemString(globals, "__builtins__", interpreter()->core.builtins_dict) == 0) {
    Ref<> value = steal(PyEval_EvalCode(code, globals, globals));
    Ref<> raised = steal(PyErr_GetRaisedException());
    Ref<> traceback = raised ? steal(PyException_GetTraceback(raised)) : nullptr;
    while (traceback && as<PyTracebackObject>(traceback.get())->tb_next)
      traceback = borrow(object(as<PyTracebackObject>(traceback.get())->tb_next));
    if (traceback) {
      Ref<> frame = borrow(object(as<PyTracebackObject>(traceback.get())->tb_frame));
      PyErr_SetRaisedException(exception.release());
      (void)PyTraceBack_Here(as<PyFrameObject>(frame.get()));
      return;
    }
  }
  PyErr_Clear();
  PyErr_SetRaisedException(exception.release());
}

KS_EXPORT int _PyRecursiveMutex_IsLockedByCurrentThread(_PyRecursiveMutex* mutex) {
  return __atomic_load_n(&mutex->thread, __ATOMIC_RELAXED) == PyThread_get_thread_ident();
}
KS_EXPORT void _PyRecursiveMutex_Lock(_PyRecursiveMutex* mutex) {
  if (_PyRecursiveMutex_IsLockedByCurrentThread(mutex)) {
    ++mutex->level;
    return;
  }
  PyMutex_Lock(&mutex->mutex);
  __atomic_store_n(&mutex->thread, PyThread_get_thread_ident(), __ATOMIC_RELAXED);
}
KS_EXPORT int _PyRecursiveMutex_TryUnlock(_PyRecursiveMutex* mutex) {
  if (!_PyRecursiveMutex_IsLockedByCurrentThread(mutex)) return -1;
  if (mutex->level) {
    --mutex->level;
    return 0;
  }
  __atomic_store_n(&mutex->thread, 0, __ATOMIC_RELAXED);
  PyMutex_Unlock(&mutex->mutex);
  return 0;
}
KS_EXPORT void _PyRecursiveMutex_Unlock(_PyRecursiveMutex* mutex) {
  if (_PyRecursiveMutex_TryUnlock(mutex) < 0) Py_FatalError("unlocking a recursive mutex that is not owned by the current thread");
}

// 0; -1 the file cannot be made.
int PyUnstable_PerfMapState_Init(void) {
  pthread_mutex_lock(&perf_map.mutex);
  if (!perf_map.file) {
    char name[64];
    snprintf(name, sizeof name, "/tmp/perf-%jd.map", static_cast<intmax_t>(getpid()));
    perf_map.file = fopen(name, "ae");
  }
  const int result = perf_map.file ? 0 : -1;
  pthread_mutex_unlock(&perf_map.mutex);
  return result;
}
int PyUnstable_WritePerfMapEntry(const void* address, unsigned size, const char* name) {
  if (!perf_map.file && PyUnstable_PerfMapState_Init() < 0) return -1;
  pthread_mutex_lock(&perf_map.mutex);
  fprintf(perf_map.file, "%zx %x %s\n", reinterpret_cast<uintptr_t>(address), size, name);
  fflush(perf_map.file);
  pthread_mutex_unlock(&perf_map.mutex);
  return 0;
}
void PyUnstable_PerfMapState_Fini(void) {
  pthread_mutex_lock(&perf_map.mutex);
  if (perf_map.file) fclose(perf_map.file);
  perf_map.file = nullptr;
  pthread_mutex_unlock(&perf_map.mutex);
}
int PyUnstable_CopyPerfMapFile(const char* parent) {
  FILE* from = fopen(parent, "re");
  if (!from) return -1;
  if (PyUnstable_PerfMapState_Init() < 0) {
    fclose(from);
    return -1;
  }
  char buffer[4096];
  pthread_mutex_lock(&perf_map.mutex);
  for (size_t count; (count = fread(buffer, 1, sizeof buffer, from)) > 0;) fwrite(buffer, 1, count, perf_map.file);
  fflush(perf_map.file);
  pthread_mutex_unlock(&perf_map.mutex);
  fclose(from);
  return 0;
}

}  // extern "C"
