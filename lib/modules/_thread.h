// Inside the _thread module.
#pragma once

#include "modules/module.h"
#include "object/export.h"
#include "runtime/lifecycle.h"
#include "runtime/locks.h"

#define PyExc_ThreadError PyExc_RuntimeError

KS_EXPORT int PyThread_start_joinable_thread(void (*function)(void*), void* argument, unsigned long long* ident, unsigned long* handle);

namespace ks {

Status add_lock_types(PyObject* module);   // _thread_locks.cpp
Status add_local_type(PyObject* module);   // _thread_local.cpp
PyObject* thread_allocate_lock(PyObject* module, PyObject*);
Status seconds_to_nanoseconds(PyObject* seconds, int64_t* result);  // rounds away from zero
void thread_handles_after_fork(PyInterpreterState* interp);

}  // namespace ks
