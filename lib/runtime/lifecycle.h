// Start and end of interpreters, and what other rooms ask about them.
#pragma once

#include <Python.h>

#include "object/result.h"
#include "runtime/state.h"

namespace ks {

// A thread state of `interp`, linked into it but not attached to a thread; nullptr without memory.
PyThreadState* new_thread_state(PyInterpreterState* interp, int whence);
// Attaches (takes the GIL) and detaches (releases it).
void attach(PyThreadState* state);
void detach(PyThreadState* state);
void bind_thread_state(PyThreadState* state);

PyInterpreterState* new_interpreter_state();
void delete_interpreter_state(PyInterpreterState* state);

// GIL (gil.cpp)
void gil_create(PyInterpreterState* state, bool own);
void gil_destroy(PyInterpreterState* state);
void take_gil(PyThreadState* state);
void drop_gil(PyInterpreterState* state, PyThreadState* thread);
void gil_after_fork(PyThreadState* state);
// Must this thread end instead of taking the GIL, as the interpreter is gone?
bool must_hang(PyThreadState* state);
void make_all_pending_calls(PyThreadState* state);

// sys and builtins (modules/sys, modules/builtins.cpp): create the module objects with their methods and constants.
PyStatus sys_create(PyThreadState* state, PyObject** module);
Status sys_fill_from_config(PyThreadState* state);          // what depends on PyConfig
Status sys_set_stderr_printer(PyThreadState* state);        // the stderr of the first minute
Ref<> builtins_create(PyThreadState* state);
PyObject* sys_get(PyObject* name);                           // borrowed; nullptr when missing, without error

// The end of an interpreter.
void call_atexit_functions(PyInterpreterState* state);      // atexit.cpp: Python callbacks, then C ones
void free_atexit(PyInterpreterState* state);
void finalize_modules(PyThreadState* state);                // finalize.cpp
int flush_std_files();
Status signals_start(bool install_handlers);                // signals.cpp
void signals_end();
Status handle_signals(PyThreadState* state);                // run the Python handlers of what has come
Status wait_for_threads(PyThreadState* state);              // threading._shutdown()

// Errors shown to people (error_display.cpp).
void print_exception_to_stderr();
[[noreturn]] void fatal_status(PyStatus status);

inline PyStatus status_ok() { return {._type = PyStatus::_PyStatus_TYPE_OK, .func = nullptr, .err_msg = nullptr, .exitcode = 0}; }
inline PyStatus status_error_in(const char* function, const char* message) {
  return {._type = PyStatus::_PyStatus_TYPE_ERROR, .func = function, .err_msg = message, .exitcode = 0};
}
inline PyStatus status_exit(int code) {
  return {._type = PyStatus::_PyStatus_TYPE_EXIT, .func = nullptr, .err_msg = nullptr, .exitcode = code};
}
inline bool is_exception(const PyStatus& status) { return status._type != PyStatus::_PyStatus_TYPE_OK; }

}  // namespace ks

#define STATUS_ERROR(MESSAGE) ks::status_error_in(__func__, MESSAGE)
#define STATUS_NO_MEMORY() ks::status_error_in(__func__, "memory allocation failed")
#define STATUS_TRY(EXPRESSION)                       \
  do {                                               \
    PyStatus ks_status = (EXPRESSION);               \
    if (ks::is_exception(ks_status)) return ks_status; \
  } while (0)
