// Attributes and globals by type version and dict-keys version.
#include "interpreter/call_frame.h"
#include "interpreter/evaluate.h"
#include "interpreter/function.h"
#include "interpreter/handler.h"
#include "interpreter/operations.h"
#include "interpreter/specialize.h"
#include "object/attribute.h"
#include "object/descriptor.h"
#include "object/type.h"
#include "runtime/state.h"
#include "types/dict.h"

namespace ks {

ADAPTIVE_FAMILY(LOAD_GLOBAL)
ADAPTIVE_FAMILY(LOAD_ATTR)
ADAPTIVE_FAMILY(STORE_ATTR)

static inline PyDictObject* dict_of(PyObject* object) { return reinterpret_cast<PyDictObject*>(object); }

// ---- globals ---------------------------------------------------------------------------------------------------------

#define PUSH_GLOBAL(VALUE)                       \
  do {                                           \
    *sp++ = Value::owned(Py_NewRef(VALUE));      \
    if (OPARG & 1) *sp++ = Value::null();        \
    NEXT(5);                                     \
  } while (0)

HANDLER(LOAD_GLOBAL_OF_MODULE) {
  VersionCache* cache = version_cache(ip);
  PyDictObject* globals = dict_of(frame->f_globals);
  if (globals->ma_keys->version != cache->version) [[unlikely]] MISS(LOAD_GLOBAL);
  PyObject* value = dict_value_at(globals, cache->index);
  if (!value) [[unlikely]] MISS(LOAD_GLOBAL);
  PUSH_GLOBAL(value);
}
HANDLER(LOAD_GLOBAL_OF_BUILTINS) {
  VersionCache* cache = version_cache(ip);
  PyDictObject* builtins = dict_of(frame->f_builtins);
  if (dict_of(frame->f_globals)->ma_keys->version != cache->version || builtins->ma_keys->version != cache->keys_version) [[unlikely]]
    MISS(LOAD_GLOBAL);
  PyObject* value = dict_value_at(builtins, cache->index);
  if (!value) [[unlikely]] MISS(LOAD_GLOBAL);
  PUSH_GLOBAL(value);
}
void specialize_LOAD_GLOBAL(PyThreadState*, Frame* frame, Unit* unit, Value*) {
  if (!PyDict_CheckExact(frame->f_globals) || !PyDict_CheckExact(frame->f_builtins)) return;
  PyObject* name = NAME_AT(unit->oparg >> 1);
  PyDictObject* globals = dict_of(frame->f_globals);
  Py_ssize_t index = dict_index_of(globals, name);
  if (index == kLookupError) return;
  const uint32_t version = dict_keys_version(globals);
  if (!version) return;
  if (index >= 0) {
    *version_cache(unit) = {version, 0, index, nullptr};
    unit->op = kLOAD_GLOBAL_OF_MODULE;
    return;
  }
  PyDictObject* builtins = dict_of(frame->f_builtins);
  index = dict_index_of(builtins, name);
  const uint32_t builtins_version = dict_keys_version(builtins);
  if (index < 0 || !builtins_version) return;
  *version_cache(unit) = {version, builtins_version, index, nullptr};
  unit->op = kLOAD_GLOBAL_OF_BUILTINS;
}

// ---- instances ---------------------------------------------------------------------------------------------------------

// A value in the owner's place (new reference already taken); for a call, with no self.
#define REPLACE_OWNER(OWNED)                       \
  do {                                             \
    Value ks_owner = sp[-1];                       \
    sp[-1] = Value::owned(OWNED);                  \
    if (OPARG & 1) *sp++ = Value::null();          \
    if (ks_owner.is_borrowed()) NEXT(10);          \
    SAVE();                                        \
    close(ks_owner);                               \
    NEXT(10);                                      \
  } while (0)

HANDLER(LOAD_ATTR_DICT) {
  VersionCache* cache = version_cache(ip);
  PyObject* owner = sp[-1].object();
  if (Py_TYPE(owner)->tp_version_tag != cache->version) [[unlikely]] MISS(LOAD_ATTR);
  PyObject* word = *managed_word(owner);
  PyObject* value;
  if (is_instance_values(word)) [[likely]] {
    PyDictValues* values = instance_values(word);
    if (values->keys->version != cache->keys_version || cache->index >= values->capacity) [[unlikely]] MISS(LOAD_ATTR);
    value = values->values[cache->index];
  } else {
    if (!word || dict_of(word)->ma_keys->version != cache->keys_version) [[unlikely]] MISS(LOAD_ATTR);
    value = dict_value_at(dict_of(word), cache->index);
  }
  if (!value) [[unlikely]] MISS(LOAD_ATTR);
  REPLACE_OWNER(Py_NewRef(value));
}
HANDLER(LOAD_ATTR_SLOT_MEMBER) {
  VersionCache* cache = version_cache(ip);
  PyObject* owner = sp[-1].object();
  if (Py_TYPE(owner)->tp_version_tag != cache->version) [[unlikely]] MISS(LOAD_ATTR);
  PyObject* value = *reinterpret_cast<PyObject**>(reinterpret_cast<char*>(owner) + cache->index);
  if (!value) [[unlikely]] MISS(LOAD_ATTR);
  REPLACE_OWNER(Py_NewRef(value));
}
HANDLER(LOAD_ATTR_MODULE_DICT) {
  VersionCache* cache = version_cache(ip);
  PyObject* owner = sp[-1].object();
  if (Py_TYPE(owner)->tp_getattro != PyModule_Type.tp_getattro) [[unlikely]] MISS(LOAD_ATTR);
  PyDictObject* dict = dict_of(PyModule_GetDict(owner));
  if (dict->ma_keys->version != cache->keys_version) [[unlikely]] MISS(LOAD_ATTR);
  PyObject* value = dict_value_at(dict, cache->index);
  if (!value) [[unlikely]] MISS(LOAD_ATTR);
  REPLACE_OWNER(Py_NewRef(value));
}
// owner is a class: its own version, and that of its metaclass.
HANDLER(LOAD_ATTR_OF_CLASS) {
  VersionCache* cache = version_cache(ip);
  PyObject* owner = sp[-1].object();
  if (!PyType_Check(owner) || reinterpret_cast<PyTypeObject*>(owner)->tp_version_tag != cache->version ||
      Py_TYPE(owner)->tp_version_tag != cache->keys_version) [[unlikely]]
    MISS(LOAD_ATTR);
  REPLACE_OWNER(Py_NewRef(cache->object));
}
// A value of the type that is no descriptor; instances have no dictionary, or (DICT) one without that name.
HANDLER(LOAD_ATTR_TYPE_VALUE) {
  VersionCache* cache = version_cache(ip);
  if (Py_TYPE(sp[-1].object())->tp_version_tag != cache->version) [[unlikely]] MISS(LOAD_ATTR);
  REPLACE_OWNER(Py_NewRef(cache->object));
}
static inline PyDictKeysObject* keys_of_word(PyObject* word) {
  return is_instance_values(word) ? instance_values(word)->keys : word ? dict_of(word)->ma_keys : nullptr;
}
static inline bool dict_lacks_name(PyObject* owner, const VersionCache* cache) {
  PyObject* word = *managed_word(owner);
  PyDictKeysObject* keys = keys_of_word(word);
  return !keys || keys->version == cache->keys_version;
}
HANDLER(LOAD_ATTR_TYPE_VALUE_DICT) {
  VersionCache* cache = version_cache(ip);
  PyObject* owner = sp[-1].object();
  if (Py_TYPE(owner)->tp_version_tag != cache->version || !dict_lacks_name(owner, cache)) [[unlikely]] MISS(LOAD_ATTR);
  REPLACE_OWNER(Py_NewRef(cache->object));
}
#define PUSH_METHOD()                                       \
  do {                                                      \
    sp[0] = sp[-1];                                         \
    sp[-1] = Value::owned(Py_NewRef(cache->object));        \
    ++sp;                                                   \
    NEXT(10);                                               \
  } while (0)
HANDLER(LOAD_ATTR_METHOD) {
  VersionCache* cache = version_cache(ip);
  if (Py_TYPE(sp[-1].object())->tp_version_tag != cache->version) [[unlikely]] MISS(LOAD_ATTR);
  PUSH_METHOD();
}
HANDLER(LOAD_ATTR_METHOD_DICT) {
  VersionCache* cache = version_cache(ip);
  PyObject* owner = sp[-1].object();
  if (Py_TYPE(owner)->tp_version_tag != cache->version || !dict_lacks_name(owner, cache)) [[unlikely]] MISS(LOAD_ATTR);
  PUSH_METHOD();
}
HANDLER(LOAD_ATTR_PROPERTY_FUNCTION) {
  VersionCache* cache = version_cache(ip);
  if (Py_TYPE(sp[-1].object())->tp_version_tag != cache->version) [[unlikely]] MISS(LOAD_ATTR);
  if (reinterpret_cast<PyFunctionObject*>(cache->object)->func_version != cache->keys_version || thread->interp->interpreter.eval_frame)
    [[unlikely]] MISS(LOAD_ATTR);
  SAVE();
  Frame* callee = push_call_frame(thread, Value::owned(Py_NewRef(cache->object)), nullptr, sp - 1, 1, nullptr);
  --sp;
  frame->stackpointer = sp;
  if (!callee) ERROR();
  frame->return_offset = 10;
  callee->previous = frame;
  thread->current_frame = frame = callee;
  sp = callee->stackpointer;
  ip = callee->instr_ptr;
  GO_TO(start_frame);
}

HANDLER(STORE_ATTR_DICT) {
  VersionCache* cache = version_cache(ip);
  PyObject* owner = sp[-1].object();
  if (Py_TYPE(owner)->tp_version_tag != cache->version) [[unlikely]] MISS(STORE_ATTR);
  PyObject** word = managed_word(owner);
  SAVE();
  if (!*word) {
    PyDictValues* made = instance_values_new(Py_TYPE(owner));
    if (!made) ERROR();
    *word = instance_values_word(made);
  }
  if (is_instance_values(*word)) [[likely]] {
    PyDictValues* values = instance_values(*word);
    if (values->keys->version != cache->keys_version || cache->index >= values->capacity) [[unlikely]] MISS(STORE_ATTR);
    PyObject* old = std::exchange(values->values[cache->index], sp[-2].take());
    if (!old) values->order()[values->size++] = static_cast<uint8_t>(cache->index);
    sp -= 2;
    Py_XDECREF(old);
    close(sp[1]);
    NEXT(5);
  }
  PyDictObject* dict = dict_of(*word);
  if (dict->ma_keys->version != cache->keys_version || dict_is_watched(dict)) [[unlikely]] MISS(STORE_ATTR);
  if (PyDictValues* values = dict->ma_values; values && cache->index < values->capacity && !values->values[cache->index]) {
    // A name that the class's instances have and this one does not yet.
    values->values[cache->index] = sp[-2].take();
    values->order()[values->size++] = static_cast<uint8_t>(cache->index);
    ++dict->ma_used;
    sp -= 2;
    close(sp[1]);
    NEXT(5);
  }
  if (!dict_replace_value_at(dict, cache->index, sp[-2].object())) MISS(STORE_ATTR);
  sp -= 2;
  close(sp[0]);
  close(sp[1]);
  NEXT(5);
}
HANDLER(STORE_ATTR_SLOT_MEMBER) {
  VersionCache* cache = version_cache(ip);
  PyObject* owner = sp[-1].object();
  if (Py_TYPE(owner)->tp_version_tag != cache->version) [[unlikely]] MISS(STORE_ATTR);
  SAVE();
  auto** slot = reinterpret_cast<PyObject**>(reinterpret_cast<char*>(owner) + cache->index);
  PyObject* old = std::exchange(*slot, sp[-2].take());
  Py_XDECREF(old);
  sp -= 2;
  close(sp[1]);
  NEXT(5);
}

// ---- choosing --------------------------------------------------------------------------------------------------------

// Whether the value's class may get a __get__ or __set__ any time without the class that has the value, `holder`, changing.
static bool may_become_descriptor(PyObject* value, const PyTypeObject* holder) {
  const PyTypeObject* type = Py_TYPE(value);
  return (type->tp_flags & Py_TPFLAGS_HEAPTYPE) && !(type->tp_flags & Py_TPFLAGS_IMMUTABLETYPE) && type != holder;
}

// Offset of a slot of a Python class, -1 for other descriptors.
static Py_ssize_t slot_offset(PyObject* descriptor, PyTypeObject* owner, bool writing) {
  if (!descriptor || !Py_IS_TYPE(descriptor, &PyMemberDescr_Type)) return -1;
  auto* member = reinterpret_cast<PyMemberDescrObject*>(descriptor);
  if (!PyType_IsSubtype(owner, PyDescr_TYPE(descriptor))) return -1;
  if (member->d_member->type != Py_T_OBJECT_EX || (member->d_member->flags & Py_AUDIT_READ)) return -1;
  if (writing && (member->d_member->flags & Py_READONLY)) return -1;
  return member->d_member->offset;
}

static void specialize_class_attribute(Unit* unit, PyObject* owner, PyObject* name) {
  auto* type = reinterpret_cast<PyTypeObject*>(owner);
  PyTypeObject* meta = Py_TYPE(owner);
  if (meta->tp_getattro != PyType_Type.tp_getattro) return;
  unsigned int version, meta_version;
  PyObject* on_meta = type_lookup_with_version(meta, name, &meta_version);
  if (!meta_version || (on_meta && (is_data_descriptor(on_meta) || may_become_descriptor(on_meta, meta)))) return;
  PyObject* value = type_lookup_with_version(type, name, &version);
  if (!value || !version) return;
  // Through its class a function is itself, in Python or C; other descriptors do something.
  const bool function = Py_IS_TYPE(value, &PyFunction_Type) || Py_IS_TYPE(value, &PyMethodDescr_Type) || Py_IS_TYPE(value, &PyWrapperDescr_Type);
  if (may_become_descriptor(value, type) || (Py_TYPE(value)->tp_descr_get && !function)) return;
  *version_cache(unit) = {version, meta_version, 0, value};
  unit->op = kLOAD_ATTR_OF_CLASS;
}

static void specialize_module_attribute(Unit* unit, PyObject* owner, PyObject* name) {
  if (Py_TYPE(owner)->tp_getattro != PyModule_Type.tp_getattro) return;
  if (type_lookup(Py_TYPE(owner), name)) return;
  PyDictObject* dict = dict_of(PyModule_GetDict(owner));
  const Py_ssize_t index = dict_index_of(dict, name);
  const uint32_t version = index >= 0 ? dict_keys_version(dict) : 0;
  if (!version) return;
  *version_cache(unit) = {0, version, index, nullptr};
  unit->op = kLOAD_ATTR_MODULE_DICT;
}

void specialize_LOAD_ATTR(PyThreadState*, Frame* frame, Unit* unit, Value* sp) {
  PyObject* owner = sp[-1].object();
  PyObject* name = NAME_AT(unit->oparg >> 1);
  PyTypeObject* type = Py_TYPE(owner);
  if (PyModule_Check(owner)) return specialize_module_attribute(unit, owner, name);
  if (PyType_Check(owner)) return specialize_class_attribute(unit, owner, name);
  if (type->tp_getattro != PyObject_GenericGetAttr) return;
  unsigned int version;
  PyObject* on_type = type_lookup_with_version(type, name, &version);
  if (!version) return;
  VersionCache* cache = version_cache(unit);
  if (const Py_ssize_t offset = slot_offset(on_type, type, false); offset >= 0) {
    *cache = {version, 0, offset, nullptr};
    unit->op = kLOAD_ATTR_SLOT_MEMBER;
    return;
  }
  if (on_type && Py_IS_TYPE(on_type, &PyProperty_Type)) {
    PyObject* getter = property_getter(on_type);
    if (!getter || !Py_IS_TYPE(getter, &PyFunction_Type) || (unit->oparg & 1)) return;
    auto* code = reinterpret_cast<PyCodeObject*>(reinterpret_cast<PyFunctionObject*>(getter)->func_code);
    if (code->co_argcount != 1 || code->co_kwonlyargcount || (code->co_flags & (CO_VARARGS | CO_VARKEYWORDS)) ||
        !(code->co_flags & CO_OPTIMIZED))
      return;
    const uint32_t function = function_version(reinterpret_cast<PyFunctionObject*>(getter));
    if (!function) return;
    *cache = {version, function, 0, getter};
    unit->op = kLOAD_ATTR_PROPERTY_FUNCTION;
    return;
  }
  if (on_type && (is_data_descriptor(on_type) || may_become_descriptor(on_type, type))) return;
  const bool managed = type->tp_flags & Py_TPFLAGS_MANAGED_DICT;
  if (!managed && type->tp_dictoffset) return;
  PyObject* word = managed ? *managed_word(owner) : nullptr;
  uint32_t keys_version = UINT32_MAX;  // what no keys have
  if (word) {
    const bool values = is_instance_values(word);
    if (!values && !PyDict_CheckExact(word)) return;
    PyDictKeysObject* keys = keys_of_word(word);
    const Py_ssize_t index = dict_keys_index(keys, name);
    if (index == kLookupError) return;
    keys_version = dict_keys_version(keys);
    if (!keys_version) return;
    if (index >= 0 && (values ? instance_values_get(instance_values(word), name) : dict_value_at(dict_of(word), index))) {
      *cache = {version, keys_version, index, nullptr};
      unit->op = kLOAD_ATTR_DICT;
      return;
    }
    // Shared keys may have the name for other instances: then its absence here is not a fact of the keys.
    if (index >= 0) return;
  }
  if (!on_type) return;
  *cache = {version, keys_version, 0, on_type};
  if (Py_TYPE(on_type)->tp_flags & Py_TPFLAGS_METHOD_DESCRIPTOR) {
    if (unit->oparg & 1) unit->op = managed ? kLOAD_ATTR_METHOD_DICT : kLOAD_ATTR_METHOD;
    return;
  }
  if (Py_TYPE(on_type)->tp_descr_get) return;
  unit->op = managed ? kLOAD_ATTR_TYPE_VALUE_DICT : kLOAD_ATTR_TYPE_VALUE;
}

void specialize_STORE_ATTR(PyThreadState*, Frame* frame, Unit* unit, Value* sp) {
  PyObject* owner = sp[-1].object();
  PyObject* name = NAME_AT(unit->oparg);
  PyTypeObject* type = Py_TYPE(owner);
  if (type->tp_setattro != PyObject_GenericSetAttr) return;
  unsigned int version;
  PyObject* on_type = type_lookup_with_version(type, name, &version);
  if (!version) return;
  if (const Py_ssize_t offset = slot_offset(on_type, type, true); offset >= 0) {
    *version_cache(unit) = {version, 0, offset, nullptr};
    unit->op = kSTORE_ATTR_SLOT_MEMBER;
    return;
  }
  if ((on_type && (is_data_descriptor(on_type) || may_become_descriptor(on_type, type))) || !(type->tp_flags & Py_TPFLAGS_MANAGED_DICT)) return;
  PyObject* word = *managed_word(owner);
  if (!is_heap_type(type) || (word && !is_instance_values(word) && !PyDict_CheckExact(word))) return;
  PyDictKeysObject* keys = word ? keys_of_word(word) : reinterpret_cast<PyHeapTypeObject*>(type)->ht_cached_keys;
  if (!keys) return;
  const Py_ssize_t index = dict_keys_index(keys, name);
  const uint32_t keys_version = index >= 0 ? dict_keys_version(keys) : 0;
  if (!keys_version) return;
  *version_cache(unit) = {version, keys_version, index, nullptr};
  unit->op = kSTORE_ATTR_DICT;
}

}  // namespace ks
