// The module _pickle: what its files share.
//
// Pickler and Unpickler are the public types; the opcodes of all protocols (0 to 5) are in enum Opcode.
#pragma once

#include "modules/module.h"

namespace ks {

inline constexpr int kHighestProtocol = 5;
inline constexpr int kDefaultProtocol = 5;
inline constexpr Py_ssize_t kBatchSize = 1000;         // items in one MARK ... APPENDS
inline constexpr Py_ssize_t kFrameTarget = 64 * 1024;  // a frame is closed when it is that long
inline constexpr Py_ssize_t kFrameMinimum = 4;         // shorter contents go without a frame
inline constexpr Py_ssize_t kFrameHeader = 9;
inline constexpr int kFastNestingLimit = 50;

enum Opcode : char {
  kMark = '(', kStop = '.', kPop = '0', kPopMark = '1', kDup = '2', kFloat = 'F', kInt = 'I', kBinInt = 'J', kBinInt1 = 'K',
  kLong = 'L', kBinInt2 = 'M', kNone = 'N', kPersId = 'P', kBinPersId = 'Q', kReduce = 'R', kString = 'S', kBinString = 'T',
  kShortBinString = 'U', kUnicode = 'V', kBinUnicode = 'X', kAppend = 'a', kBuild = 'b', kGlobal = 'c', kDict = 'd',
  kEmptyDict = '}', kAppends = 'e', kGet = 'g', kBinGet = 'h', kInst = 'i', kLongBinGet = 'j', kList = 'l', kEmptyList = ']',
  kObj = 'o', kPut = 'p', kBinPut = 'q', kLongBinPut = 'r', kSetItem = 's', kTuple = 't', kEmptyTuple = ')', kSetItems = 'u',
  kBinFloat = 'G',
  // Protocol 2.
  kProto = '\x80', kNewObj = '\x81', kExt1 = '\x82', kExt2 = '\x83', kExt4 = '\x84', kTuple1 = '\x85', kTuple2 = '\x86',
  kTuple3 = '\x87', kNewTrue = '\x88', kNewFalse = '\x89', kLong1 = '\x8a', kLong4 = '\x8b',
  // Protocol 3.
  kBinBytes = 'B', kShortBinBytes = 'C',
  // Protocol 4.
  kShortBinUnicode = '\x8c', kBinUnicode8 = '\x8d', kBinBytes8 = '\x8e', kEmptySet = '\x8f', kAddItems = '\x90',
  kFrozenSet = '\x91', kNewObjEx = '\x92', kStackGlobal = '\x93', kMemoize = '\x94', kFrame = '\x95',
  // Protocol 5.
  kByteArray8 = '\x96', kNextBuffer = '\x97', kReadonlyBuffer = '\x98',
};

struct PickleState {
  PyObject *pickle_error, *pickling_error, *unpickling_error;
  PyTypeObject *pickler_type, *unpickler_type, *pickler_proxy_type, *unpickler_proxy_type;
  // Of copyreg.
  PyObject *dispatch_table, *extension_registry, *inverted_registry, *extension_cache;
  // Of _compat_pickle: Python 2 names.
  PyObject *name_mapping_2to3, *import_mapping_2to3, *name_mapping_3to2, *import_mapping_3to2;
  PyObject *codecs_encode, *getattr, *partial;
};
PickleState* pickle_state(PyObject* module);
PickleState* pickle_state_of(PyObject* self);  // of an object of one of the types, or of a subclass

// Object -> index, by identity; open addressing, entries own their keys.
class PicklerMemo {
 public:
  struct Entry {
    PyObject* key;
    Py_ssize_t index;
  };
  Py_ssize_t size() const { return used_; }
  Py_ssize_t find(PyObject* key) const;  // -1: none
  Status set(PyObject* key, Py_ssize_t index);
  Status reserve() { return capacity_ ? Status::Ok : grow(); }
  void clear();
  void swap(PicklerMemo& other);
  Py_ssize_t capacity() const { return capacity_; }
  static constexpr Py_ssize_t kFirst = 8;
  const Entry& at(Py_ssize_t i) const { return entries_[i]; }

 private:
  Entry* place(PyObject* key) const;
  Status grow();
  Entry* entries_;
  Py_ssize_t capacity_, used_;
};

// All members start as zero (tp_alloc).
struct Pickler {
  PyObject_HEAD
  PicklerMemo memo;
  PyObject* persistent_id;       // bound method or callable while dumping; nullptr: none
  PyObject* persistent_id_attr;  // what was assigned to the attribute
  PyObject* dispatch_table;
  PyObject* reducer_override;
  PyObject* write;
  PyObject* buffer_callback;
  PyObject* fast_memo;
  char* output;
  Py_ssize_t output_size, output_capacity;
  Py_ssize_t frame_start;  // offset of the open frame's header, -1: none
  int proto, bin, fast, fast_nesting;
  bool framing, fix_imports, running;
};

Status pickler_init_fields(Pickler* self);  // its first tables
void pickler_clear_fields(Pickler* self);
Status pickler_set_protocol(Pickler* self, PyObject* protocol, bool fix_imports);
Status pickler_set_output(Pickler* self, PyObject* file);
Status pickler_set_buffer_callback(Pickler* self, PyObject* callback);
Status pickler_dump_object(PickleState* state, Pickler* self, PyObject* object);
Status pickler_flush(Pickler* self);
Ref<> pickler_take(Pickler* self);

// Output, used by the save functions.
Status pickle_write(Pickler* self, const char* data, Py_ssize_t size);
inline Status pickle_write_op(Pickler* self, char op) { return pickle_write(self, &op, 1); }
Status pickle_boundary(Pickler* self);
Status pickle_close_frame(Pickler* self);
// A header and a large block, which may go past the buffer; `payload` (optional) is the object whose bytes these are.
Status pickle_write_block(Pickler* self, const char* header, Py_ssize_t header_size, const char* data, Py_ssize_t size, PyObject* payload);

Status pickle_save(PickleState* state, Pickler* self, PyObject* object, bool persistent);
Status pickle_save_reduce(PickleState* state, Pickler* self, PyObject* reduced, PyObject* object);
Status pickle_save_global(PickleState* state, Pickler* self, PyObject* object, PyObject* name);
Status pickle_save_type(PickleState* state, Pickler* self, PyObject* object);
Status pickle_memo_put(PickleState* state, Pickler* self, PyObject* object);
Status pickle_memo_get(Pickler* self, Py_ssize_t index);
Status pickle_batch_list(PickleState* state, Pickler* self, PyObject* iterator, PyObject* original);
Status pickle_batch_dict(PickleState* state, Pickler* self, PyObject* iterator, PyObject* original);
// Adds a note to the exception that is set; gives the failure on.
Failed pickle_note(const char* format, ...);

struct Unpickler {
  PyObject_HEAD
  // The stack of values; `fence` is the innermost mark, below which nothing is popped.
  PyObject** stack;
  Py_ssize_t stack_size, stack_capacity, fence;
  Py_ssize_t* marks;
  Py_ssize_t mark_count, mark_capacity;
  // The memo: dense from 0, what is far away in a dict, so that a hostile index costs nothing.
  PyObject** memo;
  Py_ssize_t memo_capacity, memo_count;
  PyObject* sparse_memo;
  PyObject* persistent_load;
  PyObject* persistent_load_attr;
  PyObject *read, *readinto, *readline, *peek;
  PyObject* buffers;  // iterator
  Py_buffer view;     // of the input: its buf and len; obj nullptr: none
  Py_ssize_t position;
  Py_ssize_t prefetched;  // the file is at this offset of the input (what peek() gave is not read yet)
  char* line;
  Py_ssize_t line_capacity;
  char* encoding;       // and after its null the error handler
  Py_ssize_t frame_end;  // of the open frame, in the block; 0: none
  int proto;
  bool fix_imports, running;
};
void unpickler_clear_fields(Unpickler* self);
const char* unpickler_errors(const Unpickler* self);
Status unpickler_set_string(Unpickler* self, PyObject* data);
Status unpickler_set_file(Unpickler* self, PyObject* file);
Status unpickler_set_encoding(Unpickler* self, const char* encoding, const char* errors);
Status unpickler_set_buffers(Unpickler* self, PyObject* buffers);
PyObject* unpickler_load_object(PickleState* state, Unpickler* self);

// Input. A pointer stays valid until the next read.
const char* unpickle_read(PickleState* state, Unpickler* self, Py_ssize_t size);
Status unpickle_read_into(PickleState* state, Unpickler* self, char* buffer, Py_ssize_t size);
// How many bytes are known to be there (reading from a file: any number may come).
inline Py_ssize_t unpickle_available(const Unpickler* self) { return self->view.len - self->position; }
Py_ssize_t unpickle_read_line(PickleState* state, Unpickler* self, char** line);  // with its newline; -1: error
Status unpickle_skip_consumed(Unpickler* self);
PyObject* unpickle_read_bytes(PickleState* state, Unpickler* self, Py_ssize_t size);      // new
PyObject* unpickle_read_bytearray(PickleState* state, Unpickler* self, Py_ssize_t size);  // new
Failed unpickle_truncated(PickleState* state);
// May so many bytes be read? Opcodes and their arguments do not cross the end of a frame.
Status unpickle_check_frame(PickleState* state, Unpickler* self, Py_ssize_t size);
PyObject* unpickle_memo_get(Unpickler* self, Py_ssize_t index);  // borrowed, nullptr without an exception
Status unpickle_memo_reserve(Unpickler* self, Py_ssize_t capacity);
Status unpickle_memo_put(Unpickler* self, Py_ssize_t index, PyObject* value);
void unpickle_memo_clear(Unpickler* self);
Status unpickle_memo_restart(Unpickler* self);  // an empty memo; on failure the old one is left

Ref<> unpickle_memo_copy(Unpickler* self);
PyObject* unpickle_find_class(PickleState* state, Unpickler* self, PyObject* module_name, PyObject* global_name);
PyObject* unpickler_find_class_default(PickleState* state, Unpickler* self, PyObject* module_name, PyObject* global_name);

// What the attribute memo gives; the owner is a Pickler or an Unpickler.
struct MemoProxy {
  PyObject_HEAD
  PyObject* owner;
};
PyObject* memo_proxy_new(PyTypeObject* type, PyObject* owner);
int memo_proxy_traverse(PyObject* self, visitproc visit, void* arg);
int memo_proxy_clear(PyObject* self);
void memo_proxy_dealloc(PyObject* self);

extern PyModuleDef pickle_module;

// Memory that an object reports like the reference: its tables of the same sizes.
inline constexpr Py_ssize_t kFirstOutput = 4096 + 33;
inline constexpr Py_ssize_t kMemoTableHeader = 32;
inline constexpr Py_ssize_t kFirstMemo = 32;
inline constexpr Py_ssize_t kFirstMarks = 20;

extern PyType_Spec pickler_spec, pickler_proxy_spec, unpickler_spec, unpickler_proxy_spec;

}  // namespace ks
