// The frame of one activation and the values in it.
//
// struct _PyInterpreterFrame is opaque in the public headers; its fields stand in CPython 3.14's order, because debuggers and
// greenlets look at them. A frame lies on its thread's data stack, in a generator, or, when it outlived both, in its
// PyFrameObject. `instr_ptr` points into the code's Executable (executable.h), not into co_code_adaptive.
//
// Invariants: thread->current_frame is the running frame. While a frame runs, its stackpointer is stale (the handlers
// keep it in a register) except across calls of Python functions, yields and trace functions. instr_ptr names the
// instruction that runs, or the call that has not returned yet.
#pragma once

#include <Python.h>

#include <bit>
#include <cstddef>
#include <cstdint>

namespace ks {

// A slot of a frame: an object that the slot owns, one that it borrows from somewhere that lives at least as long (a local
// variable, the constants), an immediate (a number that is no object yet), or nothing. Only these functions know the
// encoding, which is in the low three bits; objects lie at multiples of eight:
//
//   000  an object, owned (all zero: nothing)
//   001  an object, borrowed
//   101  an int of 61 bits
//   s11  a float with the sign s and a binary exponent from -255 to 256
//
// Bit 0 therefore says that there is nothing to close, bits 1 and 2 that there is no object. Immediates lie only in local
// variables and where the next instruction to use the stack's slot takes them; immediates.h says which those are.
struct Value {
  uintptr_t bits;

  static Value null() { return {0}; }
  static Value owned(PyObject* object) { return {reinterpret_cast<uintptr_t>(object)}; }
  template <class T>
  static Value owned(T* object) {
    return {reinterpret_cast<uintptr_t>(object)};
  }
  static Value borrowed(PyObject* object) { return {reinterpret_cast<uintptr_t>(object) | 1}; }
  bool is_null() const { return bits == 0; }
  explicit operator bool() const { return bits != 0; }
  // Also true for immediates: nothing is owned.
  bool is_borrowed() const { return bits & 1; }
  PyObject* object() const { return reinterpret_cast<PyObject*>(bits & ~uintptr_t{1}); }
  // A second slot for the same object that owns it.
  Value duplicate() const { return owned(Py_NewRef(object())); }
  // The object as an owned reference; the slot must be forgotten afterwards.
  PyObject* take() const {
    PyObject* result = object();
    if (is_borrowed()) Py_INCREF(result);
    return result;
  }

  static constexpr uintptr_t kIntTag = 5, kFloatBias = uintptr_t{3} << 60;
  bool is_immediate() const { return bits & 6; }
  bool is_immediate_int() const { return (bits & 7) == kIntTag; }
  bool is_immediate_float() const { return (bits & 3) == 3; }
  static bool int_fits(int64_t value) { return static_cast<int64_t>(static_cast<uint64_t>(value) << 3) >> 3 == value; }
  // Only for what int_fits.
  static Value immediate_int(int64_t value) { return {static_cast<uint64_t>(value) << 3 | kIntTag}; }
  int64_t immediate_int_value() const { return static_cast<int64_t>(bits) >> 3; }
  // The exponents around that of 1.0 have 011 or 100 in their upper three bits. With the bias that is 110 or 111: two bits
  // that are always set, which rotation brings to the place of the tag.
  static bool float_fits(double value) { return ((std::bit_cast<uintptr_t>(value) + kFloatBias) >> 61 & 3) == 3; }
  static Value immediate_float(double value) { return {std::rotl(std::bit_cast<uintptr_t>(value) + kFloatBias, 3)}; }
  double immediate_float_value() const { return std::bit_cast<double>(std::rotr(bits, 3) - kFloatBias); }
};
static_assert(sizeof(Value) == 8);

// Drops what the slot owns.
inline void close(Value value) {
  if (!value.is_borrowed()) Py_DECREF(value.object());
}
inline void close_or_null(Value value) {
  if (value.bits && !value.is_borrowed()) Py_DECREF(value.object());
}

// One entry of the executed stream; executable.h.
struct Unit {
  uint16_t op;
  uint16_t counter;
  uint32_t oparg;
};
static_assert(sizeof(Unit) == 8);

enum FrameOwner : char {
  kOwnedByThread = 0,       // on the data stack
  kOwnedByGenerator = 1,    // in a generator
  kOwnedByFrameObject = 2,  // in a PyFrameObject: the activation is over
  kOwnedByInterpreter = 3,  // the sentinel below the first frame of an evaluation, on the C stack
};

}  // namespace ks

struct _PyInterpreterFrame {
  ks::Value f_executable;  // the code object, or None in a sentinel
  _PyInterpreterFrame* previous;
  ks::Value f_funcobj;     // the function; null in a sentinel
  PyObject* f_globals;     // borrowed from the function
  PyObject* f_builtins;    // borrowed from the function
  PyObject* f_locals;      // owned; nullptr in functions
  PyFrameObject* frame_obj;  // owned; nullptr until someone asks
  ks::Unit* instr_ptr;
  ks::Value* stackpointer;
  uint16_t return_offset;  // units from instr_ptr to where the callee returns to
  char owner;
  uint8_t visited;
  ks::Value localsplus[1];  // locals, cells, free variables, then the evaluation stack
};

// The frame object; its first fields as in CPython 3.14.
struct _frame {
  PyObject_HEAD
  PyFrameObject* f_back;  // owned; only when the frame below it is gone
  _PyInterpreterFrame* f_frame;
  PyObject* f_trace;
  int f_lineno;  // only while a trace function runs or set by it; otherwise 0
  char f_trace_lines;
  char f_trace_opcodes;
  PyObject* f_extra_locals;           // dict of names without a slot that were set through f_locals
  PyObject* f_locals_cache;           // what PyEval_GetLocals returned, which has to borrow
  PyObject* f_overwritten_fast_locals;  // tuple: values that slots on the stack may still borrow
  PyObject* f_frame_data[1];          // the frame once it is owned by this object
};

namespace ks {

using Frame = ::_PyInterpreterFrame;
inline constexpr size_t kFrameHeaderWords = offsetof(Frame, localsplus) / sizeof(PyObject*);
static_assert(kFrameHeaderWords == 10);

inline PyCodeObject* frame_code(const Frame* frame) { return reinterpret_cast<PyCodeObject*>(frame->f_executable.object()); }
inline PyFunctionObject* frame_function(const Frame* frame) {
  return reinterpret_cast<PyFunctionObject*>(frame->f_funcobj.object());
}
inline Value* frame_stack(Frame* frame) { return frame->localsplus + frame_code(frame)->co_nlocalsplus; }
// One word more than the stack needs: unpacking puts the items above the iterable before it gives up its slot.
inline size_t frame_words(const PyCodeObject* code) {
  return kFrameHeaderWords + static_cast<size_t>(code->co_nlocalsplus) + static_cast<size_t>(code->co_stacksize) + 1;
}

// Index in units of the instruction that runs, as f_lasti / 2; -1 before the first.
int frame_instruction_index(const Frame* frame);
// True before the frame's RESUME: nobody may see it yet.
bool frame_is_incomplete(const Frame* frame);
// The frame itself or the next one below that Python code may see; nullptr at the bottom.
Frame* frame_visible(Frame* frame);
inline Frame* current_visible_frame(PyThreadState* thread) { return frame_visible(thread->current_frame); }

// The frame object of a complete frame, borrowed from it; nullptr with MemoryError.
PyFrameObject* frame_object(Frame* frame);

// Room for a frame on the thread's data stack; nullptr with MemoryError set. The words are not initialised.
Frame* data_stack_push(PyThreadState* thread, size_t words);
void data_stack_pop(PyThreadState* thread, Frame* frame);
// Frees the chunks when the thread ends.
void data_stack_free(PyThreadState* thread);

// Fills in the header; takes over the function and `locals` (may be nullptr); the locals are set to null from
// `first_null` on.
void frame_initialise(PyThreadState* thread, Frame* frame, Value function, PyObject* locals, PyCodeObject* code, int first_null,
                      Frame* previous);
// Drops everything a frame owns, or moves it into its frame object when others still hold that. Does not free the words.
void frame_clear(Frame* frame);
// frame_clear for a frame on the data stack or of a generator, and gives the memory back.
void frame_clear_and_pop(PyThreadState* thread, Frame* frame);

int frame_traverse(Frame* frame, visitproc visit, void* argument);
// The same without the stack of values, whose pointer is in a register while the frame runs.
int frame_traverse_running(Frame* frame, visitproc visit, void* argument);

}  // namespace ks
