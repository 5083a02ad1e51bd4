// The three places where mutable state may live: the process's Runtime, an interpreter, a thread.
#pragma once

#include <Python.h>

#include "compiler/state.h"
#include "import/state.h"
#include "interpreter/state.h"
#include "memory/state.h"
#include "modules/state.h"
#include "object/state.h"
#include "runtime/reference_layout.h"
#include "runtime/runtime_state.h"
#include "text/state.h"
#include "types/container_state.h"
#include "types/exception_state.h"
#include "types/number_state.h"
#include "types/small_state.h"
#include "types/text_state.h"

// PyInterpreterState: one part for each room, each owned by that room.
// Compiled modules of the installation (_asyncio) reach fields of the reference's struct by their offsets: those lie in
// the zone at its front, of which only the pages that are touched cost memory.
struct _is {
  alignas(16) char reference_zone[ks::reference::kInterpreterStateSize];
  ks::InterpreterCore core;  // identity, threads, GIL, configuration, sys and builtins dictionaries
  ks::MemoryState memory;
  ks::ObjectState object;
  ks::NumberTypesState numbers;
  ks::ContainerTypesState containers;
  ks::TextTypesState texts;
  ks::SmallTypesState small;
  ks::ExceptionTypesState exceptions;
  ks::TextState text;
  ks::CompilerState compiler;
  ks::InterpreterState interpreter;
  ks::ImportState import;
  ks::ModulesState modules;
};

namespace ks {

// PyThreadState as the public header has it, followed by what is our own.
struct ThreadState : PyThreadState {
  char reference_zone[reference::kThreadStateSize - sizeof(PyThreadState)];  // as in PyInterpreterState
  ThreadPrivate own;
};

// The thread state that holds the GIL in this thread, or nullptr.
extern thread_local constinit PyThreadState* current_thread_state [[gnu::tls_model("initial-exec")]];

inline PyThreadState* thread() { return current_thread_state; }
inline ThreadState* own_thread() { return static_cast<ThreadState*>(current_thread_state); }
inline PyInterpreterState* interpreter() { return current_thread_state->interp; }

}  // namespace ks
