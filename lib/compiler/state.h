// What compiler/ keeps for each interpreter; a member of PyInterpreterState (runtime/state.h). Zero-initialised.
#pragma once

#include <Python.h>

namespace ks {

inline constexpr int kMaxCodeExtra = 256;
inline constexpr int kMaxCodeWatchers = 8;

struct CompilerState {
  Py_ssize_t code_extra_count;             // PyUnstable_Eval_RequestCodeExtraIndex
  freefunc code_extra_free[kMaxCodeExtra];
  PyCode_WatchCallback code_watchers[kMaxCodeWatchers];
  unsigned char active_code_watchers;      // a bit each
  unsigned interactive_count;              // statements read at a prompt: each has a file name of its own
  PyObject* ast_module;                    // the first _ast, whose classes all trees have
};

}  // namespace ks
