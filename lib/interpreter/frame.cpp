// Frames: the data stack, life and death. The frame object is in frame_object.cpp.
#include "interpreter/frame.h"

#include <cstring>

#include "interpreter/executable.h"
#include "interpreter/frame_object.h"
#include "interpreter/handler.h"
#include "object/identifier.h"
#include "object/result.h"
#include "runtime/state.h"

namespace ks {

int frame_instruction_index(const Frame* frame) {
  const Executable* executable = executable_of(frame_code(frame));
  if (!executable || !frame->instr_ptr) return -1;
  return static_cast<int>(frame->instr_ptr - executable->units);
}

bool frame_is_incomplete(const Frame* frame) {
  if (frame->owner == kOwnedByInterpreter) return true;
  if (frame->owner == kOwnedByGenerator) return false;
  return frame_instruction_index(frame) < frame_code(frame)->_co_firsttraceable;
}

Frame* frame_visible(Frame* frame) {
  while (frame && frame_is_incomplete(frame)) frame = frame->previous;
  return frame;
}

// ---- the data stack --------------------------------------------------------------------------------------------------

static size_t chunk_bytes(size_t words) {
  size_t bytes = _PY_DATA_STACK_CHUNK_SIZE;
  while (bytes < (words + 8) * sizeof(PyObject*)) bytes *= 2;
  return bytes;
}

static Frame* push_new_chunk(PyThreadState* thread, size_t words) {
  const size_t bytes = chunk_bytes(words);
  _PyStackChunk* chunk = thread->datastack_cached_chunk;
  if (chunk && chunk->size >= bytes) {
    thread->datastack_cached_chunk = nullptr;
  } else {
    chunk = static_cast<_PyStackChunk*>(PyMem_RawMalloc(bytes));
    if (!chunk) {
      PyErr_NoMemory();
      return nullptr;
    }
    chunk->size = bytes;
  }
  if (thread->datastack_chunk)
    thread->datastack_chunk->top = static_cast<size_t>(thread->datastack_top - thread->datastack_chunk->data);
  chunk->previous = thread->datastack_chunk;
  chunk->top = 0;
  thread->datastack_chunk = chunk;
  thread->datastack_limit = reinterpret_cast<PyObject**>(reinterpret_cast<char*>(chunk) + chunk->size);
  // The first word of the first chunk stays free, so that no frame's address equals an empty stack's top.
  PyObject** base = chunk->data + (chunk->previous == nullptr);
  thread->datastack_top = base + words;
  return reinterpret_cast<Frame*>(base);
}

Frame* data_stack_push(PyThreadState* thread, size_t words) {
  PyObject** top = thread->datastack_top;
  if (top && static_cast<size_t>(thread->datastack_limit - top) > words) [[likely]] {
    thread->datastack_top = top + words;
    return reinterpret_cast<Frame*>(top);
  }
  return push_new_chunk(thread, words);
}

void data_stack_pop(PyThreadState* thread, Frame* frame) {
  auto** base = reinterpret_cast<PyObject**>(frame);
  _PyStackChunk* chunk = thread->datastack_chunk;
  if (base == chunk->data && chunk->previous) {
    _PyStackChunk* previous = chunk->previous;
    thread->datastack_chunk = previous;
    thread->datastack_top = previous->data + previous->top;
    thread->datastack_limit = reinterpret_cast<PyObject**>(reinterpret_cast<char*>(previous) + previous->size);
    if (thread->datastack_cached_chunk) {
      PyMem_RawFree(chunk);
    } else {
      thread->datastack_cached_chunk = chunk;
    }
    return;
  }
  thread->datastack_top = base;
}

void data_stack_free(PyThreadState* thread) {
  _PyStackChunk* chunk = thread->datastack_chunk;
  thread->datastack_chunk = nullptr;
  thread->datastack_top = thread->datastack_limit = nullptr;
  while (chunk) {
    _PyStackChunk* previous = chunk->previous;
    PyMem_RawFree(chunk);
    chunk = previous;
  }
  PyMem_RawFree(std::exchange(thread->datastack_cached_chunk, nullptr));
}

// ---- life ------------------------------------------------------------------------------------------------------------

void frame_initialise(PyThreadState* thread, Frame* frame, Value function, PyObject* locals, PyCodeObject* code, int first_null,
                      Frame* previous) {
  auto* f = reinterpret_cast<PyFunctionObject*>(function.object());
  frame->f_executable = Value::owned(Py_NewRef(reinterpret_cast<PyObject*>(code)));
  frame->previous = previous;
  frame->f_funcobj = function;
  frame->f_globals = f->func_globals;
  frame->f_builtins = f->func_builtins;
  frame->f_locals = locals;
  frame->frame_obj = nullptr;
  frame->instr_ptr = executable_of(code)->units;
  frame->stackpointer = frame->localsplus + code->co_nlocalsplus;
  frame->return_offset = 0;
  frame->owner = kOwnedByThread;
  frame->visited = 0;
  for (int i = first_null; i < code->co_nlocalsplus; ++i) frame->localsplus[i] = Value::null();
}

// Others hold the frame object: it becomes the owner of a copy of the frame.
static void move_into_object(PyFrameObject* object, Frame* frame) {
  const size_t bytes = reinterpret_cast<char*>(frame->stackpointer) - reinterpret_cast<char*>(frame);
  auto* copy = reinterpret_cast<Frame*>(object->f_frame_data);
  memcpy(static_cast<void*>(copy), frame, bytes);
  copy->stackpointer = reinterpret_cast<Value*>(reinterpret_cast<char*>(copy) + bytes);
  // A borrowed value of the stack would outlive what it borrowed from: the copy owns.
  for (Value* value = copy->localsplus; value < copy->stackpointer; ++value)
    if (*value && value->is_borrowed() && !value->is_immediate()) *value = value->duplicate();
  copy->f_executable = copy->f_executable.is_borrowed() ? copy->f_executable.duplicate() : copy->f_executable;
  copy->frame_obj = nullptr;
  copy->owner = kOwnedByFrameObject;
  object->f_frame = copy;
  Frame* previous = frame_visible(frame->previous);
  copy->previous = nullptr;
  if (previous && !object->f_back) {
    // Needs memory at a moment that cannot fail: without it the chain just ends here.
    PyObject* pending = PyErr_GetRaisedException();
    PyFrameObject* back = frame_object(previous);
    if (!back) PyErr_Clear();
    object->f_back = reinterpret_cast<PyFrameObject*>(Py_XNewRef(reinterpret_cast<PyObject*>(back)));
    PyErr_SetRaisedException(pending);
  }
  if (!PyObject_GC_IsTracked(reinterpret_cast<PyObject*>(object))) PyObject_GC_Track(object);
}

void frame_clear(Frame* frame) {
  // A generator keeps its code when its frame is gone.
  if (frame->owner == kOwnedByGenerator) {
    PyObject* code = Py_NewRef(frame->f_executable.object());
    frame->owner = kOwnedByThread;
    frame_clear(frame);
    frame->owner = kOwnedByGenerator;
    frame->f_executable = Value::owned(code);
    frame->f_funcobj = Value::null();
    return;
  }
  if (PyFrameObject* object = frame->frame_obj) {
    frame->frame_obj = nullptr;
    if (Py_REFCNT(object) > 1) {
      move_into_object(object, frame);
      Py_DECREF(object);
      return;
    }
    Py_DECREF(object);
  }
  // Top down: what lies on the stack may borrow from the locals.
  Value* base = frame->localsplus;
  Value* top = frame->stackpointer;
  frame->stackpointer = base;
  while (top > base) {
    --top;
    close_or_null(*top);
    *top = Value::null();
  }
  Py_CLEAR(frame->f_locals);
  close_or_null(frame->f_funcobj);
  close(frame->f_executable);
}

static int traverse_until(Frame* frame, Value* end, visitproc visit, void* arg) {
  Py_VISIT(frame->frame_obj);
  Py_VISIT(frame->f_locals);
  if (frame->f_funcobj && !frame->f_funcobj.is_borrowed()) Py_VISIT(frame->f_funcobj.object());
  if (frame->f_executable && !frame->f_executable.is_borrowed()) Py_VISIT(frame->f_executable.object());
  for (Value* value = frame->localsplus; value < end; ++value)
    if (*value && !value->is_borrowed()) Py_VISIT(value->object());
  return 0;
}
int frame_traverse(Frame* frame, visitproc visit, void* arg) { return traverse_until(frame, frame->stackpointer, visit, arg); }
int frame_traverse_running(Frame* frame, visitproc visit, void* arg) { return traverse_until(frame, frame_stack(frame), visit, arg); }

}  // namespace ks
