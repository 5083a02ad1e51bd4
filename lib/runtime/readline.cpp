// PyOS_Readline: a line from the terminal, by readline's function where that module is loaded, else by our own.
#include <errno.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "object/export.h"
#include "runtime/lifecycle.h"
#include "runtime/process.h"

extern "C" {

int (*PyOS_InputHook)(void) = nullptr;
char* (*PyOS_ReadlineFunctionPointer)(FILE*, FILE*, const char*) = nullptr;
__attribute__((visibility("default"))) extern PyThreadState* _PyOS_ReadlineTState;
PyThreadState* _PyOS_ReadlineTState = nullptr;

}  // extern "C"

namespace ks {

// Reads into the buffer as fgets, while signal handlers may run. 0 a line, 1 interrupted, -1 end of file, -2 an error.
static int read_line(PyThreadState* state, char* buffer, int size, FILE* in) {
  for (;;) {
    if (PyOS_InputHook && current_thread_state == nullptr) (void)PyOS_InputHook();
    errno = 0;
    clearerr(in);
    if (fgets(buffer, size, in)) return 0;
    const int error = errno;
    if (feof(in)) {
      clearerr(in);
      return -1;
    }
    if (error == EINTR) {
      PyEval_RestoreThread(state);
      const int result = PyErr_CheckSignals();
      PyEval_SaveThread();
      if (result < 0) return 1;
      continue;
    }
    if (PyOS_InterruptOccurred()) return 1;
    return -2;
  }
}

// New text from PyMem_RawMalloc with its line end, "" at the end of the file, nullptr when interrupted.
static char* read_plain(FILE* in, FILE*, const char* prompt) {
  PyThreadState* state = _PyOS_ReadlineTState;
  fflush(stdout);
  if (prompt) fputs(prompt, stderr);
  fflush(stderr);
  size_t capacity = 128, used = 0;
  auto* text = static_cast<char*>(PyMem_RawMalloc(capacity));
  while (text) {
    const int result = read_line(state, text + used, static_cast<int>(capacity - used), in);
    if (result == 1) {
      PyMem_RawFree(text);
      return nullptr;
    }
    if (result != 0) {
      text[used] = 0;
      return text;
    }
    used += strlen(text + used);
    if (used && text[used - 1] == '\n') return text;
    capacity *= 2;
    auto* larger = static_cast<char*>(PyMem_RawRealloc(text, capacity));
    if (!larger) {
      PyMem_RawFree(text);
      break;
    }
    text = larger;
  }
  PyEval_RestoreThread(state);
  PyErr_NoMemory();
  PyEval_SaveThread();
  return nullptr;
}

}  // namespace ks

extern "C" {

// New text from PyMem_Malloc; "" at the end of the file; NULL when interrupted or with an exception.
char* PyOS_Readline(FILE* in, FILE* out, const char* prompt) {
  using namespace ks;
  PyThreadState* state = PyThreadState_Get();
  if (_PyOS_ReadlineTState == state) {
    PyErr_SetString(PyExc_RuntimeError, "can't re-enter readline");
    return nullptr;
  }
  if (!PyOS_ReadlineFunctionPointer) PyOS_ReadlineFunctionPointer = read_plain;
  if (!process.readline_mutex_made) {
    pthread_mutex_init(&process.readline_mutex, nullptr);
    process.readline_mutex_made = true;
  }
  char* line;
  Py_BEGIN_ALLOW_THREADS
  pthread_mutex_lock(&process.readline_mutex);
  _PyOS_ReadlineTState = state;
  // Line editing is for terminals, and for the main interpreter.
  if (!isatty(fileno(in)) || !isatty(fileno(out)) || !is_main_interpreter(state->interp)) line = read_plain(in, out, prompt);
  else line = PyOS_ReadlineFunctionPointer(in, out, prompt);
  _PyOS_ReadlineTState = nullptr;
  pthread_mutex_unlock(&process.readline_mutex);
  Py_END_ALLOW_THREADS
  if (!line) return nullptr;
  const size_t size = strlen(line) + 1;
  auto* result = static_cast<char*>(PyMem_Malloc(size));
  if (result) memcpy(result, line, size);
  else PyErr_NoMemory();
  PyMem_RawFree(line);
  return result;
}

}  // extern "C"
