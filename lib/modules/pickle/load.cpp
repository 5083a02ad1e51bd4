// Loading: a stack machine, an opcode at a time.
//
// The stack is cut by marks; what lies below the innermost one (the fence) cannot be popped. Pickles are not trusted: every
// size, index and type is checked, and objects that are in use stay on the stack or in a Ref while Python code runs.
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "modules/pickle/pickle.h"

namespace ks {
namespace {

// ---- the stack -------------------------------------------------------------------------------------------------------

struct Loader {
  PickleState* state;
  Unpickler* self;

  Failed error(const char* message) { return raise(state->unpickling_error, "%s", message); }
  Failed underflow() { return error(self->mark_count ? "unexpected MARK found" : "unpickling stack underflow"); }
  Py_ssize_t size() const { return self->stack_size; }
  bool has(Py_ssize_t count) const { return self->stack_size - self->fence >= count; }
  PyObject*& at(Py_ssize_t i) { return self->stack[i]; }
  PyObject* top() { return self->stack[self->stack_size - 1]; }

  Status push(Ref<> value) {
    if (!value) return Status::Error;
    if (self->stack_size == self->stack_capacity) {
      const Py_ssize_t capacity = self->stack_capacity + (self->stack_capacity >> 1) + 8;
      auto* stack = static_cast<PyObject**>(PyMem_Realloc(self->stack, static_cast<size_t>(capacity) * sizeof(PyObject*)));
      if (!stack) {
        PyErr_NoMemory();
        return Status::Error;
      }
      self->stack = stack;
      self->stack_capacity = capacity;
    }
    self->stack[self->stack_size++] = value.release();
    return Status::Ok;
  }
  Status push_new(PyObject* value) { return push(steal(value)); }

  Ref<> pop() {
    if (!has(1)) return underflow();
    return steal(self->stack[--self->stack_size]);
  }
  Status cut(Py_ssize_t start) {
    if (start < self->fence) return underflow();
    while (self->stack_size > start) {
      Ref<> dropped = steal(self->stack[--self->stack_size]);
    }
    return Status::Ok;
  }
  Ref<> pop_tuple(Py_ssize_t start) {
    if (start < self->fence || start > size()) return underflow();
    Ref<> tuple = TRY(steal(PyTuple_New(size() - start)));
    for (Py_ssize_t i = start; i < size(); ++i) PyTuple_SET_ITEM(tuple.get(), i - start, at(i));
    self->stack_size = start;
    return tuple;
  }
  Ref<> pop_list(Py_ssize_t start) {
    if (start < self->fence || start > size()) return underflow();
    Ref<> list = TRY(steal(PyList_New(size() - start)));
    for (Py_ssize_t i = start; i < size(); ++i) PyList_SET_ITEM(list.get(), i - start, at(i));
    self->stack_size = start;
    return list;
  }

  Status mark() {
    if (self->mark_count == self->mark_capacity) {
      const Py_ssize_t capacity = self->mark_count * 2 + kFirstMarks;
      auto* marks = static_cast<Py_ssize_t*>(PyMem_Realloc(self->marks, static_cast<size_t>(capacity) * sizeof(Py_ssize_t)));
      if (!marks) {
        PyErr_NoMemory();
        return Status::Error;
      }
      self->marks = marks;
      self->mark_capacity = capacity;
    }
    self->marks[self->mark_count++] = self->fence = size();
    return Status::Ok;
  }
  void drop_mark() {
    --self->mark_count;
    self->fence = self->mark_count ? self->marks[self->mark_count - 1] : 0;
  }
  // Takes the innermost mark away; its place, or -1.
  Py_ssize_t marker() {
    if (!self->mark_count) return error("could not find MARK");
    const Py_ssize_t place = self->marks[self->mark_count - 1];
    drop_mark();
    return place;
  }

  const char* read(Py_ssize_t count) {
    if (count <= (self->position < self->frame_end ? self->frame_end : self->view.len) - self->position) {
      const char* data = static_cast<const char*>(self->view.buf) + self->position;
      self->position += count;
      return data;
    }
    return unpickle_read(state, self, count);
  }
  Py_ssize_t line(char** text, Py_ssize_t minimum) {
    const Py_ssize_t length = unpickle_read_line(state, self, text);
    return length >= 0 && length < minimum ? unpickle_truncated(state) : length;
  }
  // A little-endian size of so many bytes; -1 with the exception, also when it is too large ("what" names the opcode).
  Py_ssize_t read_size(int bytes, const char* what) {
    const char* data = TRY(read(bytes));
    size_t value = 0;
    for (int i = 0; i < bytes; ++i) value |= static_cast<size_t>(static_cast<unsigned char>(data[i])) << (8 * i);
    if (value > PY_SSIZE_T_MAX) return raise(PyExc_OverflowError, "%s exceeds system's maximum size of %zd bytes", what, PY_SSIZE_T_MAX);
    return static_cast<Py_ssize_t>(value);
  }
  // A signed 4-byte number (0 with an exception set is not possible: `good` says it).
  long read_int(int bytes, bool* good) {
    const char* data = read(bytes);
    *good = data != nullptr;
    if (!data) return 0;
    unsigned value = 0;
    for (int i = 0; i < bytes; ++i) value |= static_cast<unsigned>(static_cast<unsigned char>(data[i])) << (8 * i);
    return bytes == 4 ? static_cast<long>(static_cast<int>(value)) : static_cast<long>(value);
  }

  PyObject* read_counted_bytes(int bytes) {
    const Py_ssize_t count = TRY(read_size(bytes, "BINBYTES"));
    return unpickle_read_bytes(state, self, count);
  }

  Status load_binint(int bytes);
  Status load_int();
  Status load_long();
  Status load_counted_long(int bytes);
  Status load_float();
  Status load_string();
  Status load_counted_string(int bytes);
  Status push_string(PyObject* bytes);
  Status load_unicode();
  Status load_counted_unicode(int bytes);
  Status load_next_buffer();
  Status load_readonly_buffer();
  Status load_counted_tuple(Py_ssize_t count);
  Status load_dict();
  Status load_frozenset();
  Status load_frame();
  Status append_from(Py_ssize_t start);
  Status set_items_from(Py_ssize_t start);
  Status add_items();
  Status load_build();
  Status load_reduce();
  Status load_instance_line();
  Status load_object();
  Status load_new(bool with_keywords);
  Status load_global();
  Status load_stack_global();
  Status load_extension(int bytes);
  Status load_persistent(bool from_line);
  Status load_pop();
  Status load_get(Py_ssize_t index);
  Status load_put(Py_ssize_t index);
  Py_ssize_t line_index();
  Status call_persistent_load(PyObject* id);
  Ref<> instantiate(PyObject* cls, PyObject* arguments);
  Status load_proto();
  Status step(char opcode);
};

// ---- numbers ---------------------------------------------------------------------------------------------------------

Status Loader::load_binint(int bytes) {
  bool good;
  const long value = read_int(bytes, &good);
  return good ? push_new(PyLong_FromLong(value)) : Status::Error;
}

Status Loader::load_int() {
  char* text;
  const Py_ssize_t length = TRY(line(&text, 2));
  char* end;
  errno = 0;
  const long value = strtol(text, &end, 10);
  if (errno || (*end != '\n' && *end != '\0')) {
    // More digits than a long has; PyLong_FromString stops where the number stops.
    errno = 0;
    Ref<> number = steal(PyLong_FromString(text, nullptr, 10));
    if (!number) {
      PyErr_Clear();
      return raise(PyExc_ValueError, "could not convert string to int");
    }
    return push(std::move(number));
  }
  if (length == 3 && (value == 0 || value == 1)) return push(borrow(value ? Py_True : Py_False));
  return push_new(PyLong_FromLong(value));
}

Status Loader::load_long() {
  char* text;
  const Py_ssize_t length = TRY(line(&text, 2));
  if (text[length - 2] == 'L') text[length - 2] = '\0';
  return push_new(PyLong_FromString(text, nullptr, 10));
}

Status Loader::load_counted_long(int bytes) {
  bool good;
  const long size = read_int(bytes, &good);
  if (!good) return Status::Error;
  if (size < 0) return error("LONG pickle has negative byte count");
  if (size == 0) return push_new(PyLong_FromLong(0));
  const char* data = TRY(read(size));
  return push_new(PyLong_FromNativeBytes(data, static_cast<size_t>(size), Py_ASNATIVEBYTES_LITTLE_ENDIAN));
}

Status Loader::load_float() {
  char* text;
  TRY(line(&text, 2));
  char* end;
  errno = 0;
  const double value = PyOS_string_to_double(text, &end, PyExc_OverflowError);
  if (value == -1.0 && PyErr_Occurred()) return Status::Error;
  if (*end != '\n' && *end != '\0') return raise(PyExc_ValueError, "could not convert string to float");
  return push_new(PyFloat_FromDouble(value));
}

// ---- text and bytes --------------------------------------------------------------------------------------------------

// A str of Python 2: bytes in the encoding that was given.
Status Loader::push_string(PyObject* bytes) {
  if (strcmp(self->encoding, "bytes") == 0) return push(borrow(bytes));
  return push_new(PyUnicode_FromEncodedObject(bytes, self->encoding, unpickler_errors(self)));
}

Status Loader::load_string() {
  char* text;
  Py_ssize_t length = TRY(line(&text, 1));
  if (text[length - 1] == '\n') --length;
  if (length < 2 || text[0] != text[length - 1] || (text[0] != '\'' && text[0] != '"')) return error("the STRING opcode argument must be quoted");
  Ref<> bytes = TRY(steal(PyBytes_DecodeEscape(text + 1, length - 2, nullptr, 0, nullptr)));
  return push_string(bytes);
}

Status Loader::load_counted_string(int bytes) {
  bool good;
  const long size = read_int(bytes, &good);
  if (!good) return Status::Error;
  if (size < 0) return error("BINSTRING pickle has negative byte count");
  const char* data = TRY(read(size));
  Ref<> object = TRY(steal(PyBytes_FromStringAndSize(data, size)));
  return push_string(object);
}

Status Loader::load_unicode() {
  char* text;
  const Py_ssize_t length = TRY(line(&text, 1));
  return push_new(PyUnicode_DecodeRawUnicodeEscape(text, length - 1, nullptr));
}

Status Loader::load_counted_unicode(int bytes) {
  const Py_ssize_t size = TRY(read_size(bytes, "BINUNICODE"));
  const char* data = TRY(read(size));
  return push_new(PyUnicode_DecodeUTF8(data, size, "surrogatepass"));
}

Status Loader::load_next_buffer() {
  if (!self->buffers) return error("pickle stream refers to out-of-band data but no *buffers* argument was given");
  Ref<> iterator = borrow(self->buffers);
  Ref<> buffer = steal(PyIter_Next(iterator));
  if (!buffer) {
    if (!PyErr_Occurred()) return error("not enough out-of-band buffers");
    return Status::Error;
  }
  return push(std::move(buffer));
}

Status Loader::load_readonly_buffer() {
  if (!has(1)) return underflow();
  Ref<> view = TRY(steal(PyMemoryView_FromObject(top())));
  if (PyMemoryView_GET_BUFFER(view.get())->readonly) return Status::Ok;
  PyMemoryView_GET_BUFFER(view.get())->readonly = 1;
  Ref<> old = steal(std::exchange(at(size() - 1), view.release()));
  return Status::Ok;
}

// ---- containers ------------------------------------------------------------------------------------------------------

Status Loader::load_counted_tuple(Py_ssize_t count) {
  if (!has(count)) return underflow();
  return push(pop_tuple(size() - count));
}

Status Loader::load_dict() {
  const Py_ssize_t start = TRY(marker());
  Ref<> dict = TRY(steal(PyDict_New()));
  if ((size() - start) % 2) return error("odd number of items for DICT");
  for (Py_ssize_t i = start; i + 1 < size(); i += 2) TRY(PyDict_SetItem(dict, at(i), at(i + 1)));
  TRY(cut(start));
  return push(std::move(dict));
}

Status Loader::load_frozenset() {
  const Py_ssize_t start = TRY(marker());
  Ref<> items = TRY(pop_tuple(start));
  return push_new(PyFrozenSet_New(items));
}

Status Loader::append_from(Py_ssize_t start) {
  if (start > size() || start <= self->fence) return underflow();
  if (start == size()) return Status::Ok;
  Ref<> list = borrow(at(start - 1));
  if (PyList_CheckExact(list.get())) {
    if (size() - start == 1) {
      Ref<> value = TRY(pop());
      return status(PyList_Append(list, value));
    }
    Ref<> items = TRY(pop_list(start));
    const Py_ssize_t length = PyList_GET_SIZE(list.get());
    return status(PyList_SetSlice(list, length, length, items));
  }
  Ref<> extend;
  TRY(status(PyObject_GetOptionalAttr(list, "extend"_id, extend.out())));
  if (extend) {
    Ref<> items = TRY(pop_list(start));
    Ref<> result = TRY(steal(PyObject_CallOneArg(extend, items)));
    return Status::Ok;
  }
  Ref<> append = TRY(steal(PyObject_GetAttr(list, "append"_id)));
  Ref<> items = TRY(pop_list(start));
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items.get()); ++i) {
    Ref<> result = TRY(steal(PyObject_CallOneArg(append, PyList_GET_ITEM(items.get(), i))));
  }
  return Status::Ok;
}

Status Loader::set_items_from(Py_ssize_t start) {
  if (start > size() || start <= self->fence) return underflow();
  if (start == size()) return Status::Ok;
  if ((size() - start) % 2) return error("odd number of items for SETITEMS");
  PyObject* dict = at(start - 1);  // the stack keeps it
  const bool exact = PyDict_CheckExact(dict);
  for (Py_ssize_t i = start; i + 1 < size(); i += 2) TRY(exact ? PyDict_SetItem(dict, at(i), at(i + 1)) : PyObject_SetItem(dict, at(i), at(i + 1)));
  return cut(start);
}

Status Loader::add_items() {
  const Py_ssize_t start = TRY(marker());
  if (start > size() || start <= self->fence) return underflow();
  if (start == size()) return Status::Ok;
  Ref<> set = borrow(at(start - 1));
  if (PySet_Check(set.get())) {
    Ref<> items = TRY(pop_tuple(start));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(items.get()); ++i) TRY(PySet_Add(set, PyTuple_GET_ITEM(items.get(), i)));
    return Status::Ok;
  }
  Ref<> add = TRY(steal(PyObject_GetAttr(set, "add"_id)));
  Ref<> items = TRY(pop_tuple(start));
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(items.get()); ++i) {
    Ref<> result = TRY(steal(PyObject_CallOneArg(add, PyTuple_GET_ITEM(items.get(), i))));
  }
  return Status::Ok;
}

// ---- instances -------------------------------------------------------------------------------------------------------

Status Loader::load_build() {
  if (!has(2)) return underflow();
  Ref<> instance_state = TRY(pop());
  Ref<> instance = borrow(top());
  Ref<> setstate;
  TRY(status(PyObject_GetOptionalAttr(instance, "__setstate__"_id, setstate.out())));
  if (setstate) {
    Ref<> result = TRY(steal(PyObject_CallOneArg(setstate, instance_state)));
    return Status::Ok;
  }
  Ref<> slots;
  if (PyTuple_Check(instance_state.get()) && PyTuple_GET_SIZE(instance_state.get()) == 2) {
    Ref<> both = std::move(instance_state);
    instance_state = borrow(PyTuple_GET_ITEM(both.get(), 0));
    slots = borrow(PyTuple_GET_ITEM(both.get(), 1));
  }
  Py_ssize_t position = 0;
  PyObject *key, *value;
  if (instance_state.get() != Py_None) {
    if (!PyDict_Check(instance_state.get())) return error("state is not a dictionary");
    Ref<> dict = TRY(steal(PyObject_GetAttr(instance, "__dict__"_id)));
    while (PyDict_Next(instance_state, &position, &key, &value)) {
      PyObject* name = Py_NewRef(key);
      if (PyUnicode_CheckExact(name)) PyUnicode_InternInPlace(&name);  // as names of attributes are
      Ref<> own_name = steal(name), own_value = borrow(value);
      TRY(PyObject_SetItem(dict, own_name, own_value));
    }
  }
  if (slots) {
    if (!PyDict_Check(slots.get())) return error("slot state is not a dictionary");
    position = 0;
    while (PyDict_Next(slots, &position, &key, &value)) {
      Ref<> own_key = borrow(key), own_value = borrow(value);
      TRY(PyObject_SetAttr(instance, own_key, own_value));
    }
  }
  return Status::Ok;
}

Status Loader::load_reduce() {
  Ref<> arguments = TRY(pop());
  Ref<> function = TRY(pop());
  return push_new(PyObject_CallObject(function, arguments));
}

// As Python 2's classes were made.
Ref<> Loader::instantiate(PyObject* cls, PyObject* arguments) {
  if (PyTuple_GET_SIZE(arguments) == 0 && PyType_Check(cls)) {
    Ref<> getinitargs;
    TRY(status(PyObject_GetOptionalAttr(cls, "__getinitargs__"_id, getinitargs.out())));
    if (!getinitargs) return steal(PyObject_CallMethodOneArg(cls, "__new__"_id, cls));
  }
  return steal(PyObject_CallObject(cls, arguments));
}

Status Loader::load_instance_line() {
  const Py_ssize_t start = TRY(marker());
  char* text;
  Py_ssize_t length = TRY(line(&text, 2));
  Ref<> module = TRY(steal(PyUnicode_DecodeASCII(text, length - 1, "strict")));
  length = TRY(line(&text, 2));
  Ref<> name = TRY(steal(PyUnicode_DecodeASCII(text, length - 1, "strict")));
  Ref<> cls = TRY(steal(unpickle_find_class(state, self, module, name)));
  Ref<> arguments = TRY(pop_tuple(start));
  return push(instantiate(cls, arguments));
}

Status Loader::load_object() {
  const Py_ssize_t start = TRY(marker());
  if (size() - start < 1) return underflow();
  Ref<> arguments = TRY(pop_tuple(start + 1));
  Ref<> cls = TRY(pop());
  return push(instantiate(cls, arguments));
}

Status Loader::load_new(bool with_keywords) {
  const char* name = with_keywords ? "NEWOBJ_EX" : "NEWOBJ";
  Ref<> keywords;
  if (with_keywords) keywords = TRY(pop());
  Ref<> arguments = TRY(pop());
  Ref<> cls = TRY(pop());
  if (!PyType_Check(cls.get())) return raise(state->unpickling_error, "%s class argument must be a type, not %.200s", name, Py_TYPE(cls.get())->tp_name);
  auto* type = as<PyTypeObject>(cls.get());
  if (!type->tp_new) return raise(state->unpickling_error, "%s class argument '%.200s' doesn't have __new__", name, type->tp_name);
  if (!PyTuple_Check(arguments.get()))
    return raise(state->unpickling_error, "%s args argument must be a tuple, not %.200s", name, Py_TYPE(arguments.get())->tp_name);
  if (keywords && !PyDict_Check(keywords.get()))
    return raise(state->unpickling_error, "%s kwargs argument must be a dict, not %.200s", name, Py_TYPE(keywords.get())->tp_name);
  return push_new(type->tp_new(type, arguments, keywords));
}

// ---- by name ---------------------------------------------------------------------------------------------------------

Status Loader::load_global() {
  char* text;
  Py_ssize_t length = TRY(line(&text, 2));
  Ref<> module = TRY(steal(PyUnicode_DecodeUTF8(text, length - 1, "strict")));
  length = TRY(line(&text, 2));
  Ref<> name = TRY(steal(PyUnicode_DecodeUTF8(text, length - 1, "strict")));
  return push_new(unpickle_find_class(state, self, module, name));
}

Status Loader::load_stack_global() {
  Ref<> name = TRY(pop());
  Ref<> module = TRY(pop());
  if (!PyUnicode_CheckExact(name.get()) || !PyUnicode_CheckExact(module.get())) return error("STACK_GLOBAL requires str");
  return push_new(unpickle_find_class(state, self, module, name));
}

Status Loader::load_extension(int bytes) {
  bool good;
  const long code = read_int(bytes, &good);
  if (!good) return Status::Error;
  if (code <= 0) return error("EXT specifies code <= 0");
  Ref<> key = TRY(steal(PyLong_FromLong(code)));
  Ref<> cached = borrow(PyDict_GetItemWithError(state->extension_cache, key));
  if (cached) return push(std::move(cached));
  if (PyErr_Occurred()) return Status::Error;
  Ref<> pair = borrow(PyDict_GetItemWithError(state->inverted_registry, key));
  if (!pair) return PyErr_Occurred() ? failed : raise(PyExc_ValueError, "unregistered extension code %ld", code);
  if (!PyTuple_Check(pair.get()) || PyTuple_GET_SIZE(pair.get()) != 2 || !PyUnicode_Check(PyTuple_GET_ITEM(pair.get(), 0)) ||
      !PyUnicode_Check(PyTuple_GET_ITEM(pair.get(), 1)))
    return raise(PyExc_ValueError, "_inverted_registry[%ld] isn't a 2-tuple of strings", code);
  Ref<> found_object = TRY(steal(unpickle_find_class(state, self, PyTuple_GET_ITEM(pair.get(), 0), PyTuple_GET_ITEM(pair.get(), 1))));
  TRY(PyDict_SetItem(state->extension_cache, key, found_object));
  return push(std::move(found_object));
}

Status Loader::call_persistent_load(PyObject* id) {
  Ref<> hook = borrow(self->persistent_load);
  return push_new(PyObject_CallOneArg(hook, id));
}

Status Loader::load_persistent(bool from_line) {
  if (from_line) {
    char* text;
    const Py_ssize_t length = TRY(line(&text, 1));
    Ref<> id = steal(PyUnicode_DecodeASCII(text, length - 1, "strict"));
    if (id) {
      if (self->persistent_load) return call_persistent_load(id);
    } else {
      if (!PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) return Status::Error;
      PyErr_Clear();
      return error("persistent IDs in protocol 0 must be ASCII strings");
    }
  } else if (self->persistent_load) {
    Ref<> id = TRY(pop());
    return call_persistent_load(id);
  }
  return error("A load persistent id instruction was encountered, but no persistent_load function was specified.");
}

// ---- stack and memo --------------------------------------------------------------------------------------------------

Status Loader::load_pop() {
  if (self->mark_count && self->marks[self->mark_count - 1] == size()) {
    drop_mark();
    return Status::Ok;
  }
  Ref<> dropped = TRY(pop());
  return Status::Ok;
}

// The number in a line; -1 with an exception (a negative number has none).
Py_ssize_t Loader::line_index() {
  char* text;
  TRY(line(&text, 2));
  Ref<> number = TRY(steal(PyLong_FromString(text, nullptr, 10)));
  return PyLong_AsSsize_t(number);
}

Status Loader::load_get(Py_ssize_t index) {
  if (index == -1 && PyErr_Occurred()) return Status::Error;
  PyObject* value = unpickle_memo_get(self, index);
  if (!value) return PyErr_Occurred() ? failed : raise(state->unpickling_error, "Memo value not found at index %zd", index);
  return push(borrow(value));
}

Status Loader::load_put(Py_ssize_t index) {
  if (!has(1)) return underflow();
  return unpickle_memo_put(self, index, top());
}

Status Loader::load_frame() {
  const char* data = TRY(read(8));
  size_t length = 0;
  for (int i = 0; i < 8; ++i) length |= static_cast<size_t>(static_cast<unsigned char>(data[i])) << (8 * i);
  if (self->position < self->frame_end) return error("beginning of a new frame before end of current frame");
  if (length > PY_SSIZE_T_MAX) return raise(PyExc_OverflowError, "FRAME length exceeds system's maximum of %zd bytes", PY_SSIZE_T_MAX);
  // The whole frame comes in one read.
  const auto size = static_cast<Py_ssize_t>(length);
  self->frame_end = 0;
  if (!read(size)) return Status::Error;
  self->frame_end = self->position;
  self->position -= size;
  return Status::Ok;
}

Status Loader::load_proto() {
  const char* data = TRY(read(1));
  const int proto = static_cast<unsigned char>(*data);
  if (proto > kHighestProtocol) return raise(PyExc_ValueError, "unsupported pickle protocol: %d", proto);
  self->proto = proto;
  return Status::Ok;
}

Status Loader::step(char opcode) {
  bool good;
  switch (opcode) {
    case kNone: return push(borrow(Py_None));
    case kNewTrue: return push(borrow(Py_True));
    case kNewFalse: return push(borrow(Py_False));
    case kBinInt: return load_binint(4);
    case kBinInt1: return load_binint(1);
    case kBinInt2: return load_binint(2);
    case kInt: return load_int();
    case kLong: return load_long();
    case kLong1: return load_counted_long(1);
    case kLong4: return load_counted_long(4);
    case kFloat: return load_float();
    case kBinFloat: {
      const char* data = TRY(read(8));
      const double value = PyFloat_Unpack8(data, 0);
      if (value == -1.0 && PyErr_Occurred()) return Status::Error;
      return push_new(PyFloat_FromDouble(value));
    }
    case kShortBinBytes: return push_new(read_counted_bytes(1));
    case kBinBytes: return push_new(read_counted_bytes(4));
    case kBinBytes8: return push_new(read_counted_bytes(8));
    case kByteArray8: {
      const Py_ssize_t count = TRY(read_size(8, "BYTEARRAY8"));
      return push_new(unpickle_read_bytearray(state, self, count));
    }
    case kNextBuffer: return load_next_buffer();
    case kReadonlyBuffer: return load_readonly_buffer();
    case kShortBinString: return load_counted_string(1);
    case kBinString: return load_counted_string(4);
    case kString: return load_string();
    case kUnicode: return load_unicode();
    case kShortBinUnicode: return load_counted_unicode(1);
    case kBinUnicode: return load_counted_unicode(4);
    case kBinUnicode8: return load_counted_unicode(8);
    case kEmptyTuple: return push_new(PyTuple_New(0));
    case kTuple1: return load_counted_tuple(1);
    case kTuple2: return load_counted_tuple(2);
    case kTuple3: return load_counted_tuple(3);
    case kTuple: {
      const Py_ssize_t start = TRY(marker());
      return push(pop_tuple(start));
    }
    case kEmptyList: return push_new(PyList_New(0));
    case kList: {
      const Py_ssize_t start = TRY(marker());
      return push(pop_list(start));
    }
    case kEmptyDict: return push_new(PyDict_New());
    case kDict: return load_dict();
    case kEmptySet: return push_new(PySet_New(nullptr));
    case kAddItems: return add_items();
    case kFrozenSet: return load_frozenset();
    case kObj: return load_object();
    case kInst: return load_instance_line();
    case kNewObj: return load_new(false);
    case kNewObjEx: return load_new(true);
    case kGlobal: return load_global();
    case kStackGlobal: return load_stack_global();
    case kAppend: return has(1) && size() - 1 > self->fence ? append_from(size() - 1) : underflow();
    case kAppends: {
      const Py_ssize_t start = TRY(marker());
      return append_from(start);
    }
    case kBuild: return load_build();
    case kDup:
      if (!has(1)) return underflow();
      return push(borrow(top()));
    case kGet: return load_get(line_index());
    case kBinGet: {
      const long index = read_int(1, &good);
      return good ? load_get(index) : Status::Error;
    }
    case kLongBinGet: return load_get(read_size(4, "LONG_BINGET"));
    case kPut: {
      const Py_ssize_t index = line_index();
      if (index == -1 && PyErr_Occurred()) return Status::Error;
      if (!has(1)) return underflow();
      if (index < 0) return raise(PyExc_ValueError, "negative PUT argument");
      return load_put(index);
    }
    case kBinPut: {
      const long index = read_int(1, &good);
      return good ? load_put(index) : Status::Error;
    }
    case kLongBinPut: {
      const Py_ssize_t index = TRY(read_size(4, "LONG_BINPUT"));
      return load_put(index);
    }
    case kMemoize: return load_put(self->memo_count);
    case kMark: return mark();
    case kPop: return load_pop();
    case kPopMark: {
      const Py_ssize_t start = TRY(marker());
      return cut(start);
    }
    case kSetItem: return size() - 2 > self->fence ? set_items_from(size() - 2) : underflow();
    case kSetItems: {
      const Py_ssize_t start = TRY(marker());
      return set_items_from(start);
    }
    case kPersId: return load_persistent(true);
    case kBinPersId: return load_persistent(false);
    case kReduce: return load_reduce();
    case kProto: return load_proto();
    case kFrame: return load_frame();
    case kExt1: return load_extension(1);
    case kExt2: return load_extension(2);
    case kExt4: return load_extension(4);
    default: break;
  }
  const auto code = static_cast<unsigned char>(opcode);
  if (code >= 0x20 && code <= 0x7e && code != '\'' && code != '\\') return raise(state->unpickling_error, "invalid load key, '%c'.", code);
  return raise(state->unpickling_error, "invalid load key, '\\x%02x'.", code);
}

Failed bad_mapping(const char* name, const char* what, PyObject* value) {
  return raise(PyExc_RuntimeError, "_compat_pickle.%s values should be %s, not %.200s", name, what, Py_TYPE(value)->tp_name);
}

// The type's own default method counts as none.
Status find_persistent_load(PickleState* state, Unpickler* self) {
  if (Py_TYPE(object(self)) == state->unpickler_type && !self->persistent_load_attr) {
    Py_CLEAR(self->persistent_load);
    return Status::Ok;
  }
  Ref<> hook;
  TRY(status(PyObject_GetOptionalAttr(object(self), "persistent_load"_id, hook.out())));
  if (hook && PyCFunction_Check(hook.get()) && PyCFunction_GET_SELF(hook.get()) == object(self)) hook.reset();
  Py_XSETREF(self->persistent_load, hook.release());
  return Status::Ok;
}

}  // namespace

PyObject* unpickler_load_object(PickleState* state, Unpickler* self) {
  Loader loader{state, self};
  self->mark_count = self->fence = self->frame_end = 0;
  self->proto = 0;
  TRY(loader.cut(0));
  TRY(find_persistent_load(state, self));
  Ref<> result;
  for (;;) {
    const char* opcode = loader.read(1);
    if (!opcode) {
      if (PyErr_ExceptionMatches(state->unpickling_error)) {
        PyErr_Clear();
        PyErr_SetString(PyExc_EOFError, "Ran out of input");
      }
      break;
    }
    if (*opcode == kStop) {
      if (!is_failure(unpickle_skip_consumed(self))) result = loader.pop();
      break;
    }
    if (is_failure(loader.step(*opcode))) break;
  }
  Py_CLEAR(self->persistent_load);
  self->mark_count = self->fence = 0;
  Ref<> error = steal(PyErr_GetRaisedException());
  (void)loader.cut(0);
  if (error) PyErr_SetRaisedException(error.release());
  return result.release();
}

PyObject* unpickler_find_class_default(PickleState* state, Unpickler* self, PyObject* module_name, PyObject* global_name) {
  if (PySys_Audit("pickle.find_class", "OO", module_name, global_name) < 0) return nullptr;
  Ref<> module = borrow(module_name), name = borrow(global_name);
  // Names of Python 2.
  if (self->proto < 3 && self->fix_imports) {
    Ref<> key = TRY(steal(PyTuple_Pack(2, module.get(), name.get())));
    PyObject* pair = PyDict_GetItemWithError(state->name_mapping_2to3, key);
    if (pair) {
      if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2) return bad_mapping("NAME_MAPPING", "2-tuples", pair);
      PyObject *new_module = PyTuple_GET_ITEM(pair, 0), *new_name = PyTuple_GET_ITEM(pair, 1);
      if (!PyUnicode_Check(new_module) || !PyUnicode_Check(new_name))
        return raise(PyExc_RuntimeError, "_compat_pickle.NAME_MAPPING values should be pairs of str, not (%.200s, %.200s)",
                     Py_TYPE(new_module)->tp_name, Py_TYPE(new_name)->tp_name);
      module = borrow(new_module);
      name = borrow(new_name);
    } else {
      if (PyErr_Occurred()) return nullptr;
      PyObject* new_module = PyDict_GetItemWithError(state->import_mapping_2to3, module);
      if (new_module) {
        if (!PyUnicode_Check(new_module)) return bad_mapping("IMPORT_MAPPING", "strings", new_module);
        module = borrow(new_module);
      } else if (PyErr_Occurred()) {
        return nullptr;
      }
    }
  }
  // What __import__ gives is the top package: the module itself is taken from sys.modules.
  Ref<> loaded = TRY(steal(PyImport_Import(module)));
  if (self->proto < 4) return PyObject_GetAttr(loaded, name);
  Ref<> dot = TRY(steal(PyUnicode_FromString(".")));
  Ref<> path = TRY(steal(PyUnicode_Split(name, dot, -1)));
  Ref<> current = std::move(loaded);
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(path.get()); ++i) {
    Ref<> next = steal(PyObject_GetAttr(current, PyList_GET_ITEM(path.get(), i)));
    if (!next) {
      if (PyList_GET_SIZE(path.get()) == 1 || !PyErr_ExceptionMatches(PyExc_AttributeError)) return nullptr;
      Ref<> reason = steal(PyErr_GetRaisedException());
      PyErr_Format(PyExc_AttributeError, "Can't resolve path %R on module %R", name.get(), module.get());
      Ref<> exception = steal(PyErr_GetRaisedException());
      if (exception) PyException_SetContext(exception, reason.release());
      PyErr_SetRaisedException(exception.release());
      return nullptr;
    }
    current = std::move(next);
  }
  return current.release();
}

PyObject* unpickle_find_class(PickleState* state, Unpickler* self, PyObject* module_name, PyObject* global_name) {
  if (Py_TYPE(object(self)) == state->unpickler_type) return unpickler_find_class_default(state, self, module_name, global_name);
  PyObject* arguments[] = {object(self), module_name, global_name};
  return PyObject_VectorcallMethod("find_class"_id, arguments, 3, nullptr);
}

}  // namespace ks
