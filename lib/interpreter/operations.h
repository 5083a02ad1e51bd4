// Bodies of instructions that need more than a handler: ordinary functions, one meaning each. Arguments are borrowed and
// results new unless they say otherwise; nullptr, -1 or Error means that an exception is set.
#pragma once

#include <Python.h>

#include "interpreter/frame.h"
#include "object/result.h"

namespace ks {

// operations_names.cpp
void raise_unbound(PyCodeObject* code, int index);               // local, cell or free variable without a value
void raise_name_error(PyObject* name);                           // "name 'x' is not defined"
PyObject* load_name(Frame* frame, PyObject* name);
PyObject* load_global(Frame* frame, PyObject* name);
PyObject* load_from_dict_or_globals(Frame* frame, PyObject* mapping, PyObject* name);
PyObject* load_build_class(Frame* frame);
Status store_name(Frame* frame, PyObject* name, PyObject* value);
Status delete_name(Frame* frame, PyObject* name);
Status delete_global(Frame* frame, PyObject* name);
Status setup_annotations(Frame* frame);
PyObject* import_name(PyThreadState* thread, Frame* frame, PyObject* name, PyObject* fromlist, PyObject* level);
PyObject* import_from(PyObject* module, PyObject* name);
Status import_star(Frame* frame, PyObject* module);

// operations_calls.cpp
// Calls with arguments on the evaluation stack (kept by the caller).
PyObject* call_with_stack(PyThreadState* thread, PyObject* callable, const Value* arguments, Py_ssize_t positional,
                          PyObject* keyword_names);
PyObject* spread_positional(PyObject* callable, PyObject* arguments);  // a tuple of what stands after *
Status merge_keywords(PyObject* callable, PyObject* dict, PyObject* update);
PyObject* intrinsic_1(PyThreadState* thread, Frame* frame, uint32_t number, PyObject* value);
PyObject* intrinsic_2(PyThreadState* thread, Frame* frame, uint32_t number, PyObject* first, PyObject* second);
PyObject* common_constant(uint32_t number);  // borrowed, immortal enough: kept by the interpreter
// The special method of `owner` for a with statement: 1: unbound, call with owner; 0: bound; *method is new.
int load_special(PyObject* owner, uint32_t number, PyObject** method);

// operations_match.cpp
PyObject* match_keys(PyObject* map, PyObject* keys);              // tuple of values or None
PyObject* match_class(PyObject* subject, PyObject* type, Py_ssize_t positional, PyObject* names);  // tuple or None

// operations_exceptions.cpp
enum class Raised { Error, Reraised };
Raised raise_exception(PyThreadState* thread, PyObject* exception, PyObject* cause);
Status check_except_type(PyObject* type);
Status check_except_star_type(PyObject* type);
Status exception_group_match(Frame* frame, PyObject* exception, PyObject* type, PyObject** match, PyObject** rest);
// Makes the exception that is set the cause and context of a new TypeError.
Failed raise_from_current(PyObject* type, const char* format, ...);
PyObject* stop_iteration_error(PyObject* exception, int code_flags);

// operations_containers.cpp
// Puts count items of an iterable at stack[0 .. count - 1], the first on top; `after` >= 0: with a starred target.
Status unpack(PyObject* iterable, Value* stack, int count, int after);
PyObject* binary_operation(uint32_t operation, PyObject* a, PyObject* b);
PyObject* slice_get(PyObject* container, PyObject* start, PyObject* stop);
Status slice_set(PyObject* container, PyObject* start, PyObject* stop, PyObject* value);
PyObject* join_strings(const Value* strings, Py_ssize_t count);
Status update_dict(PyObject* dict, PyObject* update);
Status extend_list(PyObject* list, PyObject* iterable);
PyObject* build_set(const Value* items, Py_ssize_t count);
PyObject* build_map(const Value* items, Py_ssize_t pairs);
PyObject* convert_value(uint32_t conversion, PyObject* value);

// operations_async.cpp
PyObject* get_async_iterator(PyObject* object);
PyObject* get_async_next(PyObject* iterator);
PyObject* get_awaitable(PyObject* object, uint32_t where);
PyObject* get_yield_from_iterator(PyCodeObject* code, PyObject* object);

// lib/types/template.cpp
Status template_types_start();
PyObject* template_build(PyObject* strings, PyObject* interpolations);
PyObject* interpolation_build(PyObject* value, PyObject* expression, int conversion, PyObject* format);

}  // namespace ks
