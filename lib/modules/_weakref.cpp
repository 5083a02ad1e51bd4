// _weakref: what weakref.py builds on.
#include "modules/module.h"
#include "object/attribute.h"
#include "object/weakref.h"

namespace ks {
namespace {

Py_ssize_t weakref_getweakrefcount(PyObject*, PyObject* object) { return weakref_count(object); }
METHOD(weakref, getweakrefcount, "($module, object, /)", "Return the number of weak references to 'object'.");

Ref<> weakref_getweakrefs(PyObject*, PyObject* object) {
  Ref<> list = TRY(steal(PyList_New(0)));
  PyObject** head = Py_TYPE(object)->tp_weaklistoffset ? weak_list_slot(object) : nullptr;
  for (auto* each = head ? as<PyWeakReference>(*head) : nullptr; each; each = each->wr_next)
    if (Py_REFCNT(ks::object(each)) > 0) TRY(PyList_Append(list, ks::object(each)));
  return list;
}
METHOD(weakref, getweakrefs, "($module, object, /)", "Return a list of all weak reference objects pointing to 'object'.");

int is_dead(PyObject* value, void*) {
  if (!PyWeakref_Check(value)) return raise(PyExc_TypeError, "not a weakref");
  return PyWeakref_IsDead(value);
}
Status weakref__remove_dead_weakref(PyObject*, PyObject* dct, PyObject* key) {
  if (!PyDict_Check(dct)) return raise(PyExc_TypeError, "_remove_dead_weakref() argument 1 must be dict, not %.50s", Py_TYPE(dct)->tp_name);
  Ref<> value;
  if (PyDict_GetItemRef(dct, key, value.out()) < 0) return failed;
  if (!value) return Status::Ok;
  const int dead = is_dead(value, nullptr);
  if (dead <= 0) return dead < 0 ? Status::Error : Status::Ok;
  return PyDict_Pop(dct, key, nullptr) < 0 ? Status::Error : Status::Ok;
}
METHOD(weakref, _remove_dead_weakref, "($module, dct, key, /)", "Atomically remove key from dict if it points to a dead weakref.");

PyObject* weakref_proxy(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  if (nargs < 1) return raise(PyExc_TypeError, "proxy expected at least 1 argument, got %zd", nargs);
  if (nargs > 2) return raise(PyExc_TypeError, "proxy expected at most 2 arguments, got %zd", nargs);
  return PyWeakref_NewProxy(args[0], nargs > 1 ? args[1] : nullptr);
}

PyMethodDef methods[] = {
    weakref_getweakrefcount_method, weakref_getweakrefs_method, weakref__remove_dead_weakref_method,
    {"proxy", KS_CONSTANT_CAST(PyCFunction, &weakref_proxy), METH_FASTCALL,
     "proxy($module, object, callback=None, /)\n--\n\nCreate a proxy object that weakly references 'object'.\n\n'callback', if given, is "
     "called with a reference to the\nproxy when 'object' is about to be finalized."},
    {}};

int exec(PyObject* module) {
  TRY(PyModule_AddObjectRef(module, "ref", object(&_PyWeakref_RefType)));
  TRY(PyModule_AddObjectRef(module, "ReferenceType", object(&_PyWeakref_RefType)));
  TRY(PyModule_AddObjectRef(module, "ProxyType", object(&_PyWeakref_ProxyType)));
  TRY(PyModule_AddObjectRef(module, "CallableProxyType", object(&_PyWeakref_CallableProxyType)));
  return 0;
}
MODULE_SLOTS(slots, exec);
PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_weakref", "Weak-reference support module.", 0, methods, slots, nullptr, nullptr, nullptr};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit__weakref() { return PyModuleDef_Init(&ks::definition); }
