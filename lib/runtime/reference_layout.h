// Written by abi/runtime-facts: sizes and offsets that compiled modules of the installation were built with.
#pragma once

#include <cstddef>

namespace ks::reference {

inline constexpr size_t kThreadStateSize = 936;
inline constexpr size_t kInterpreterStateSize = 225864;
inline constexpr size_t kThreadTasks = 880;
inline constexpr size_t kInterpreterRuntime = 7384;
inline constexpr size_t kInterpreterThreads = 7344;
inline constexpr size_t kInterpreterTasks = 10880;

}  // namespace ks::reference
