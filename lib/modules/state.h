// What builtin modules keep for each interpreter beside their own module states: things that are found from objects of
// static types. A member of PyInterpreterState (runtime/state.h). Zero-initialised.
#pragma once

#include <Python.h>

namespace ks {

struct ModulesState {
  int datetime_modules;                  // how many modules _datetime there are
  PyTypeObject* iso_calendar_date_type;  // owned: made by datetime/iso_calendar.cpp, given back with the module _datetime
};

}  // namespace ks
