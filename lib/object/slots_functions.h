// The functions that slots.def names: slot functions of Python-defined classes (slots_python.cpp) and the wrappers that
// make C slots callable as methods (slots_wrappers.cpp).
#pragma once

#include "object/slots.h"

namespace ks {

#define UNARY(NAME) PyObject* slot_##NAME(PyObject* self);
#define BINARY(NAME) PyObject* slot_##NAME(PyObject* self, PyObject* other);
UNARY(tp_repr) UNARY(tp_str) UNARY(tp_iter) UNARY(tp_iternext) UNARY(am_await) UNARY(am_aiter) UNARY(am_anext)
UNARY(nb_negative) UNARY(nb_positive) UNARY(nb_absolute) UNARY(nb_invert) UNARY(nb_int) UNARY(nb_float) UNARY(nb_index)
BINARY(nb_add) BINARY(nb_subtract) BINARY(nb_multiply) BINARY(nb_remainder) BINARY(nb_divmod) BINARY(nb_lshift)
BINARY(nb_rshift) BINARY(nb_and) BINARY(nb_xor) BINARY(nb_or) BINARY(nb_floor_divide) BINARY(nb_true_divide)
BINARY(nb_matrix_multiply) BINARY(nb_inplace_add) BINARY(nb_inplace_subtract) BINARY(nb_inplace_multiply)
BINARY(nb_inplace_remainder) BINARY(nb_inplace_lshift) BINARY(nb_inplace_rshift) BINARY(nb_inplace_and)
BINARY(nb_inplace_xor) BINARY(nb_inplace_or) BINARY(nb_inplace_floor_divide) BINARY(nb_inplace_true_divide)
BINARY(nb_inplace_matrix_multiply) BINARY(mp_subscript)
#undef UNARY
#undef BINARY
Py_hash_t slot_tp_hash(PyObject* self);
int slot_tp_setattro(PyObject* self, PyObject* name, PyObject* value);
PyObject* slot_tp_descr_get(PyObject* self, PyObject* obj, PyObject* type);
int slot_tp_descr_set(PyObject* self, PyObject* obj, PyObject* value);
int slot_bf_getbuffer(PyObject* self, Py_buffer* view, int flags);
void slot_bf_releasebuffer(PyObject* self, Py_buffer* view);
PyObject* slot_nb_power(PyObject* self, PyObject* other, PyObject* modulus);
PyObject* slot_nb_inplace_power(PyObject* self, PyObject* other, PyObject* modulus);
int slot_nb_bool(PyObject* self);
Py_ssize_t slot_mp_length(PyObject* self);
Py_ssize_t slot_sq_length(PyObject* self);
int slot_mp_ass_subscript(PyObject* self, PyObject* key, PyObject* value);
PyObject* slot_sq_item(PyObject* self, Py_ssize_t index);
int slot_sq_ass_item(PyObject* self, Py_ssize_t index, PyObject* value);
int slot_sq_contains(PyObject* self, PyObject* value);

#define WRAPPER(NAME) PyObject* wrap_##NAME(PyObject* self, PyObject* args, void* function);
WRAPPER(unary) WRAPPER(binary) WRAPPER(binary_left) WRAPPER(binary_right) WRAPPER(ternary) WRAPPER(ternary_right)
WRAPPER(bool) WRAPPER(length) WRAPPER(repeat) WRAPPER(item) WRAPPER(set_item) WRAPPER(delete_item) WRAPPER(contains)
WRAPPER(set_subscript) WRAPPER(delete_subscript) WRAPPER(setattr) WRAPPER(delattr) WRAPPER(hash) WRAPPER(next)
WRAPPER(descr_get) WRAPPER(descr_set) WRAPPER(descr_delete) WRAPPER(del) WRAPPER(buffer) WRAPPER(release_buffer)
#undef WRAPPER
PyObject* wrap_call(PyObject* self, PyObject* args, void* function, PyObject* keywords);
PyObject* wrap_init(PyObject* self, PyObject* args, void* function, PyObject* keywords);

// "expected 1 argument, got 2"
bool check_argument_count(PyObject* args, Py_ssize_t count);
template <int op>
PyObject* wrap_compare(PyObject* self, PyObject* args, void* function) {
  if (!check_argument_count(args, 1)) return nullptr;
  return reinterpret_cast<richcmpfunc>(function)(self, PyTuple_GET_ITEM(args, 0), op);
}

}  // namespace ks
