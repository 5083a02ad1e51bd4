// deque's types, for _collections.cpp.
#pragma once

#include "modules/module.h"

namespace ks {

struct CollectionsState {
  PyTypeObject* deque_type;
  PyTypeObject* defaultdict_type;
  PyTypeObject* deque_iterator_type;
  PyTypeObject* deque_reverse_iterator_type;
  PyTypeObject* tuplegetter_type;
};
extern PyModuleDef collections_module;
inline CollectionsState* collections_state(PyTypeObject* type) {
  PyObject* owner = PyType_GetModuleByDef(type, &collections_module);
  return owner ? static_cast<CollectionsState*>(PyModule_GetState(owner)) : nullptr;
}

extern PyType_Spec deque_spec;
extern PyType_Spec deque_iterator_spec;
extern PyType_Spec deque_reverse_iterator_spec;

}  // namespace ks
