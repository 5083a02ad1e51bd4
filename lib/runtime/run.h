// Running programs, for main.cpp: the cores of PyRun_* (lib/capi/run.cpp).
#pragma once

#include <Python.h>

#include <cstdio>

#include "object/result.h"

namespace ks {

Status run_simple_string(const char* command, PyObject* filename, PyCompilerFlags* flags, bool remember_source);
Status run_simple_file(FILE* file, PyObject* filename, bool closeit, PyCompilerFlags* flags);
Ref<> run_file_object(FILE* file, PyObject* filename, int start, PyObject* globals, PyObject* locals, bool closeit,
                      PyCompilerFlags* flags);
Ref<> run_code_object(PyObject* code, PyObject* globals, PyObject* locals);
Status fix_builtins(PyObject* globals);  // globals["__builtins__"] where it is missing
void flush_output();                     // sys.stderr and sys.stdout; the exception that is set stays

}  // namespace ks
