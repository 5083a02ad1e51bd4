#include "interpreter/perf_trampoline.h"

#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>

#include "interpreter/evaluate.h"
#include "interpreter/executable.h"
#include "interpreter/frame.h"
#include "interpreter/state.h"
#include "runtime/state.h"

namespace ks {

namespace {

using Evaluator = PyObject* (*)(PyThreadState*, _PyInterpreterFrame*, int);
using Trampoline = PyObject* (*)(PyThreadState*, _PyInterpreterFrame*, int, Evaluator);

#if defined(__x86_64__)
// A call of the fourth argument with the first three, in a frame that unwinders recognise.
constexpr unsigned char kCode[] = {
    0x55,              // push rbp
    0x48, 0x89, 0xe5,  // mov rbp, rsp
    0xff, 0xd1,        // call rcx
    0x5d,              // pop rbp
    0xc3,              // ret
};
constexpr uint32_t kMachine = EM_X86_64;
#else
#error "perf trampolines are written for x86-64 only"
#endif
constexpr size_t kMapSpacing = 32;
// perf makes an ELF file of each entry and maps that over the code: the next one must not be in reach of its headers.
constexpr size_t kJitSpacing = 256;
constexpr size_t kArenaBytes = 64 * 1024;

PerfTrampolines& state() { return interpreter()->interpreter.perf; }

// ---- the file of the backend "perf_jit": perf's jitdump format -----------------------------------------------------------

struct JitHeader {
  uint32_t magic, version, size, machine, padding, pid;
  uint64_t time, flags;
};
struct JitRecord {
  uint32_t kind, size;
  uint64_t time;
};
struct JitLoad {
  JitRecord record;
  uint32_t pid, thread;
  uint64_t vma, address, size, index;
};
struct JitUnwind {
  JitRecord record;
  uint64_t data_size, header_size, mapped_size;
};
constexpr uint32_t kJitMagic = 0x4A695444, kJitVersion = 1, kLoadRecord = 0, kUnwindRecord = 4;

// One file a process.
struct JitDump {
  int file;
  void* mark;  // the mapping that tells perf about the file
  uint64_t next_index;
  pthread_mutex_t mutex;
};
constinit JitDump jit_dump{-1, nullptr, 0, PTHREAD_MUTEX_INITIALIZER};

uint64_t now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

bool jit_open() {
  if (jit_dump.file >= 0) return true;
  char name[64];
  snprintf(name, sizeof name, "/tmp/jit-%jd.dump", static_cast<intmax_t>(getpid()));
  const int file = open(name, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0666);
  if (file < 0) return false;
  const JitHeader header{kJitMagic, kJitVersion, sizeof(JitHeader), kMachine, 0, static_cast<uint32_t>(getpid()), now(), 0};
  void* mark = MAP_FAILED;
  if (write(file, &header, sizeof header) == sizeof header)
    mark = mmap(nullptr, static_cast<size_t>(sysconf(_SC_PAGESIZE)), PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0);
  if (mark == MAP_FAILED) {
    ::close(file);
    return false;
  }
  jit_dump.file = file;
  jit_dump.mark = mark;
  return true;
}
void jit_close() {
  if (jit_dump.file < 0) return;
  munmap(jit_dump.mark, static_cast<size_t>(sysconf(_SC_PAGESIZE)));
  ::close(jit_dump.file);
  jit_dump.file = -1;
}

// How to unwind through kCode, in DWARF's terms: a common entry and the function's, then the index that perf wants.
std::string unwind_information() {
  std::string frame;
  const auto byte = [&](int value) { frame.push_back(static_cast<char>(value)); };
  const auto word = [](std::string& text, uint32_t value) { text.append(reinterpret_cast<const char*>(&value), sizeof value); };
  const auto patch_length = [&](size_t begin) {
    while ((frame.size() - begin) % 8) byte(0);  // DW_CFA_nop
    const auto length = static_cast<uint32_t>(frame.size() - begin - 4);
    memcpy(&frame[begin], &length, sizeof length);
  };
  constexpr int kReturnAddress = 16, kStackPointer = 7, kFramePointer = 6, kPcRelative4 = 0x1b;
  constexpr int kAdvance = 0x40, kOffset = 0x80, kDefineCfa = 0x0c, kDefineCfaOffset = 0x0e, kDefineCfaRegister = 0x0d;
  // The code lies at the start of the ELF's text and this directly behind it, at a multiple of eight.
  const size_t code_size = (sizeof kCode + 7) & ~size_t{7};
  word(frame, 0);
  word(frame, 0);                       // common entry
  byte(1);                              // version
  frame.append("zR", 3);
  byte(1);                              // code alignment
  byte(0x78);                           // data alignment -8
  byte(kReturnAddress);
  byte(1);
  byte(kPcRelative4);
  byte(kDefineCfa), byte(kStackPointer), byte(8);
  byte(kOffset + kReturnAddress), byte(1);
  patch_length(0);
  const size_t function = frame.size();
  word(frame, 0);
  word(frame, static_cast<uint32_t>(frame.size()));  // back to the common entry
  word(frame, static_cast<uint32_t>(-static_cast<int32_t>(code_size + frame.size())));
  word(frame, sizeof kCode);
  byte(0);
  byte(kAdvance + 1), byte(kDefineCfaOffset), byte(16), byte(kOffset + kFramePointer), byte(2);  // behind the push
  byte(kAdvance + 3), byte(kDefineCfaRegister), byte(kFramePointer);
  byte(kAdvance + 3), byte(kDefineCfa), byte(kStackPointer), byte(8);                            // behind the pop
  patch_length(function);
  word(frame, 0);  // end of the entries
  while (frame.size() % 8) byte(0);
  // The index: version, encodings (pc-relative, 4 bytes, relative to the index), place of the entries, table of one.
  const auto index = static_cast<int32_t>(frame.size());
  byte(1), byte(0x1b), byte(0x03), byte(0x3b);
  word(frame, static_cast<uint32_t>(-(index + 4)));
  word(frame, 1);
  word(frame, static_cast<uint32_t>(-(index + static_cast<int32_t>(code_size))));
  word(frame, static_cast<uint32_t>(static_cast<int32_t>(function) - index));
  return frame;
}

bool jit_write(const unsigned char* code, const std::string& name) {
  const std::string unwind = unwind_information();
  constexpr size_t kIndexSize = 20;
  const size_t padded = (unwind.size() + 7) & ~size_t{7};
  JitUnwind unwinding{{kUnwindRecord, static_cast<uint32_t>(sizeof(JitUnwind) + padded), now()}, unwind.size(), kIndexSize, padded};
  std::string record(reinterpret_cast<const char*>(&unwinding), sizeof unwinding);
  record += unwind;
  record.append(padded - unwind.size(), '\0');
  const auto address = reinterpret_cast<uintptr_t>(code);
  const JitLoad load{{kLoadRecord, static_cast<uint32_t>(sizeof(JitLoad) + name.size() + 1 + sizeof kCode), now()},
                     static_cast<uint32_t>(getpid()),
                     static_cast<uint32_t>(syscall(SYS_gettid)),
                     address,
                     address,
                     sizeof kCode,
                     jit_dump.next_index++};
  record.append(reinterpret_cast<const char*>(&load), sizeof load);
  record.append(name.c_str(), name.size() + 1);
  record.append(reinterpret_cast<const char*>(code), sizeof kCode);
  return write(jit_dump.file, record.data(), record.size()) == static_cast<ssize_t>(record.size());
}

// ---- trampolines -----------------------------------------------------------------------------------------------------

// Room for one more; the arenas stay mapped, since functions may run in them until the process ends.
unsigned char* allocate(size_t spacing) {
  PerfTrampolines& perf = state();
  if (perf.next == perf.end) {
    void* arena = mmap(nullptr, kArenaBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (arena == MAP_FAILED) return nullptr;
    auto* bytes = static_cast<unsigned char*>(arena);
    // Filled at once: memory that runs must not be writable.
    for (size_t i = 0; i < kArenaBytes; i += spacing) memcpy(bytes + i, kCode, sizeof kCode);
    if (mprotect(arena, kArenaBytes, PROT_READ | PROT_EXEC) < 0) {
      munmap(arena, kArenaBytes);
      return nullptr;
    }
    perf.next = bytes;
    perf.end = bytes + kArenaBytes;
  }
  unsigned char* result = perf.next;
  perf.next += spacing;
  return result;
}

std::string name_of(PyCodeObject* code) {
  PyObject* pending = PyErr_GetRaisedException();
  std::string name = "py::";
  const char* part = PyUnicode_AsUTF8(code->co_qualname);
  name += part ? part : "?";
  if (!part) PyErr_Clear();
  name += ':';
  part = PyUnicode_AsUTF8(code->co_filename);
  name += part ? part : "?";
  if (!part) PyErr_Clear();
  PyErr_SetRaisedException(pending);
  return name;
}

// The code's trampoline, or nullptr where it runs without one.
Trampoline trampoline_of(PyCodeObject* code) {
  PerfTrampolines& perf = state();
  Executable* executable = ks::executable(code);
  if (!executable) {
    PyErr_Clear();
    return nullptr;
  }
  if (executable->trampoline && executable->trampoline_generation == perf.generation)
    return reinterpret_cast<Trampoline>(executable->trampoline);
  unsigned char* bytes = allocate(perf.backend == PerfBackend::Jit ? kJitSpacing : kMapSpacing);
  if (!bytes) return nullptr;
  if (perf.backend == PerfBackend::Jit) {
    pthread_mutex_lock(&jit_dump.mutex);
    const bool written = jit_open() && jit_write(bytes, name_of(code));
    pthread_mutex_unlock(&jit_dump.mutex);
    if (!written) return nullptr;
  } else if (PyUnstable_WritePerfMapEntry(bytes, sizeof kCode, name_of(code).c_str()) < 0) {
    return nullptr;
  }
  executable->trampoline = bytes;
  executable->trampoline_generation = perf.generation;
  return reinterpret_cast<Trampoline>(bytes);
}

PyObject* evaluate_directly(PyThreadState* thread, _PyInterpreterFrame* frame, int throwing) { return evaluate(thread, frame, throwing != 0); }
PyObject* evaluate_with_trampoline(PyThreadState* thread, _PyInterpreterFrame* frame, int throwing) {
  Trampoline trampoline = trampoline_of(frame_code(frame));
  return trampoline ? trampoline(thread, frame, throwing, evaluate_directly) : evaluate_directly(thread, frame, throwing);
}

void forget_trampolines() {
  PerfTrampolines& perf = state();
  ++perf.generation;
  perf.next = perf.end = nullptr;
}

}  // namespace

Status perf_trampoline_activate(PerfBackend backend) {
  PerfTrampolines& perf = state();
  _PyFrameEvalFunction& hook = interpreter()->interpreter.eval_frame;
  if (perf.backend == backend) return Status::Ok;
  if (hook && hook != evaluate_with_trampoline)
    return raise(PyExc_RuntimeError, "Trampolines cannot be initialized as a custom eval frame is already present");
  if (perf.backend != PerfBackend::None) forget_trampolines();
  if (backend == PerfBackend::Map && PyUnstable_PerfMapState_Init() < 0) return raise(PyExc_RuntimeError, "can't activate perf trampoline");
  if (backend == PerfBackend::Jit) {
    pthread_mutex_lock(&jit_dump.mutex);
    const bool opened = jit_open();
    pthread_mutex_unlock(&jit_dump.mutex);
    if (!opened) return raise(PyExc_RuntimeError, "can't activate perf trampoline");
  }
  perf.backend = backend;
  hook = evaluate_with_trampoline;
  return Status::Ok;
}

void perf_trampoline_deactivate() {
  PerfTrampolines& perf = state();
  if (perf.backend == PerfBackend::None) return;
  perf.backend = PerfBackend::None;
  forget_trampolines();
  _PyFrameEvalFunction& hook = interpreter()->interpreter.eval_frame;
  if (hook == evaluate_with_trampoline) hook = nullptr;
}

bool perf_trampoline_is_active() { return state().backend != PerfBackend::None; }

void perf_trampoline_after_fork() {
  PerfTrampolines& perf = state();
  if (perf.backend == PerfBackend::None) return;
  PyUnstable_PerfMapState_Fini();
  if (perf.persist_after_fork && perf.backend == PerfBackend::Map) {
    char name[64];
    snprintf(name, sizeof name, "/tmp/perf-%jd.map", static_cast<intmax_t>(getppid()));
    if (PyUnstable_CopyPerfMapFile(name) == 0) return;
  }
  jit_close();
  forget_trampolines();
}

void perf_trampoline_end() {
  perf_trampoline_deactivate();
  PyUnstable_PerfMapState_Fini();
  pthread_mutex_lock(&jit_dump.mutex);
  jit_close();
  pthread_mutex_unlock(&jit_dump.mutex);
}

}  // namespace ks

extern "C" {

// Prepares a code object before it runs, as before a fork: 0, also where trampolines are not active.
int PyUnstable_PerfTrampoline_CompileCode(PyCodeObject* code) {
  if (ks::perf_trampoline_is_active()) (void)ks::trampoline_of(code);
  return 0;
}
// Whether children go on with the parent's trampolines and a copy of its file; the value that was set.
int PyUnstable_PerfTrampoline_SetPersistAfterFork(int enable) {
  ks::state().persist_after_fork = enable != 0;
  return enable;
}

}  // extern "C"
