// What the number types keep for each interpreter; a member of PyInterpreterState (runtime/state.h). Zero-initialised.
#pragma once

#include <Python.h>

namespace ks {

struct NumberTypesState {
  // Free lists, linked through ob_type. Only exact objects: ints of one digit, floats.
  PyObject* free_ints;
  PyObject* free_floats;
  int free_int_count;
  int free_float_count;
  int max_str_digits;  // sys.set_int_max_str_digits; 0: no limit
  PyObject* int_info;  // sys.int_info, made on demand
  PyTypeObject* int_info_type;
  PyTypeObject* float_info_type;
};

}  // namespace ks
