// Interning: one object for each text that names something; every interpreter has its own table.
//
// The states (PyUnicode_CHECK_INTERNED): mortal strings are in the table without a reference of it and leave it when they
// die; immortal ones stay; identifiers ("append"_id) are immortal statics that every interpreter's table holds from its
// start. Texts of at most one Latin-1 character are never in the table: their value has only one object anyway.
#include <cstdint>

#include "object/export.h"
#include "runtime/rooms.h"
#include "runtime/state.h"
#include "types/str.h"
#include "types/str_private.h"

extern "C" {
extern ks::IdentifierEntry __start_ks_identifiers[] __attribute__((visibility("hidden"), weak));
extern ks::IdentifierEntry __stop_ks_identifiers[] __attribute__((visibility("hidden"), weak));
}

namespace ks {

// A slot from which a string was taken out.
#define KS_DELETED (reinterpret_cast<PyObject*>(uintptr_t{1}))

static InternTable* table_of_thread() {
  PyThreadState* tstate = thread();
  return tstate ? &tstate->interp->texts.interned : nullptr;
}

static size_t next_slot(size_t slot, size_t& step, size_t mask) { return (slot + ++step) & mask; }

static bool table_rebuild(InternTable* table, size_t size) {
  auto** slots = static_cast<PyObject**>(PyMem_RawCalloc(size, sizeof(PyObject*)));
  if (!slots) return false;
  const size_t mask = size - 1;
  if (table->slots)
    for (size_t i = 0; i <= table->mask; ++i) {
      PyObject* s = table->slots[i];
      if (!s || s == KS_DELETED) continue;
      size_t slot = static_cast<size_t>(str_head(s)->hash) & mask, step = 0;
      while (slots[slot]) slot = next_slot(slot, step, mask);
      slots[slot] = s;
    }
  PyMem_RawFree(table->slots);
  table->slots = slots;
  table->mask = mask;
  table->filled = table->used;
  return true;
}

// The string in the table that is equal, or where it would go: *place.
static PyObject* table_find(InternTable* table, PyObject* s, Py_hash_t hash, PyObject*** place) {
  size_t slot = static_cast<size_t>(hash) & table->mask, step = 0;
  PyObject** free = nullptr;
  for (;;) {
    PyObject** here = &table->slots[slot];
    if (!*here) {
      *place = free ? free : here;
      return nullptr;
    }
    if (*here == KS_DELETED) {
      if (!free) free = here;
    } else if (str_head(*here)->hash == hash && str_equal(*here, s)) {
      *place = here;
      return *here;
    }
    slot = next_slot(slot, step, table->mask);
  }
}

// The equal interned string, or s after it was put in; nullptr without memory (no exception).
static PyObject* table_intern(InternTable* table, PyObject* s) {
  if (!table->slots || table->filled * 3 >= (table->mask + 1) * 2) {
    size_t size = 4096;
    while (size < (table->used + 1) * 3) size *= 2;
    if (!table_rebuild(table, size)) return nullptr;
  }
  PyObject** place;
  PyObject* found = table_find(table, s, str_hash(s), &place);
  if (found) return found;
  if (!*place) ++table->filled;
  ++table->used;
  *place = s;
  return s;
}

void intern_forget(PyObject* s) {
  InternTable* table = table_of_thread();
  if (!table || !table->slots) return;
  PyObject** place;
  if (table_find(table, s, str_hash(s), &place) == s) {
    *place = KS_DELETED;
    --table->used;
  }
}

PyObject* str_intern_steal(PyObject* s) {
  if (!is_exact_str(s) || str_head(s)->state.interned) return s;
  if (str_length(s) <= 1 && str_kind(s) == 1) {
    PyObject* result = str_length(s) ? str_latin1_char(static_cast<Py_UCS1>(str_char(s, 0))) : str_empty();
    if (result != s) Py_DECREF(s);
    return result;
  }
  InternTable* table = table_of_thread();
  PyObject* found = table ? table_intern(table, s) : nullptr;
  if (!found) return s;
  if (found != s) {
    Py_INCREF(found);
    Py_DECREF(s);
    return found;
  }
  str_head(s)->state.interned = _Py_IsImmortal(s) ? SSTATE_INTERNED_IMMORTAL : SSTATE_INTERNED_MORTAL;
  return s;
}

PyObject* str_intern_ascii(const char* text, Py_ssize_t length) {
  PyObject* s = str_from_ascii(text, length);
  return s ? str_intern_steal(s) : nullptr;
}

Py_ssize_t interned_count(bool only_immortal) {
  const InternTable* table = table_of_thread();
  if (!only_immortal) return static_cast<Py_ssize_t>(table->used);
  Py_ssize_t count = 0;
  for (size_t i = 0; table->slots && i <= table->mask; ++i) {
    PyObject* s = table->slots[i];
    if (s && s != KS_DELETED && str_head(s)->state.interned >= SSTATE_INTERNED_IMMORTAL) ++count;
  }
  return count;
}

static void make_immortal(PyObject* s) {
  if (str_head(s)->state.interned != SSTATE_INTERNED_MORTAL) return;
  str_head(s)->state.interned = SSTATE_INTERNED_IMMORTAL;
  s->ob_refcnt_full = _Py_STATIC_IMMORTAL_INITIAL_REFCNT;
}

Status identifiers_intern() {
  // The hashes belong to the process's secret, which may be another one after the runtime was started anew.
  for (int c = 0; c < 256; ++c) {
    PyObject* s = str_latin1_char(static_cast<Py_UCS1>(c));
    str_hash_compute(s);
    str_head(s)->state.interned = SSTATE_INTERNED_IMMORTAL_STATIC;
  }
  str_hash_compute(str_empty());
  str_head(str_empty())->state.interned = SSTATE_INTERNED_IMMORTAL_STATIC;
  InternTable* table = table_of_thread();
  for (IdentifierEntry* entry = __start_ks_identifiers; entry != __stop_ks_identifiers; ++entry) {
    PyObject* s = *entry;
    if (str_length(s) <= 1) continue;
    str_hash_compute(s);
    str_head(s)->state.interned = SSTATE_INTERNED_IMMORTAL_STATIC;
    if (!table_intern(table, s)) return PyErr_NoMemory(), failed;
  }
  return Status::Ok;
}

Status texts_start(PyInterpreterState*) { return identifiers_intern(); }

void texts_end(PyInterpreterState* state) {
  InternTable* table = &state->texts.interned;
  PyMem_RawFree(table->slots);
  *table = {};
}

}  // namespace ks

using namespace ks;

extern "C" {

// *place becomes the interned string of its value; never fails.
void PyUnicode_InternInPlace(PyObject** place) {
  if (!place || !*place || !PyUnicode_Check(*place)) return;
  *place = str_intern_steal(*place);
}
KS_EXPORT void _PyUnicode_InternInPlace(PyInterpreterState*, PyObject** place) { PyUnicode_InternInPlace(place); }
KS_EXPORT void _PyUnicode_InternMortal(PyInterpreterState*, PyObject** place) { PyUnicode_InternInPlace(place); }
KS_EXPORT void _PyUnicode_InternImmortal(PyInterpreterState*, PyObject** place) {
  PyUnicode_InternInPlace(place);
  if (*place && PyUnicode_Check(*place)) make_immortal(*place);
}
KS_EXPORT void PyUnicode_InternImmortal(PyObject** place) { _PyUnicode_InternImmortal(nullptr, place); }

// New reference to the interned string; MemoryError, UnicodeDecodeError.
PyObject* PyUnicode_InternFromString(const char* text) {
  PyObject* s = PyUnicode_FromString(text);
  return s ? str_intern_steal(s) : nullptr;
}

// Borrowed: an interned, immortal string.
PyObject* _PyUnicode_FromId(_Py_Identifier* identifier) {
  PyObject* s = PyUnicode_InternFromString(identifier->string);
  if (!s) return nullptr;
  make_immortal(s);
  return s;
}

}  // extern "C"
