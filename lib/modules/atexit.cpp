// The atexit module, and C callbacks at an interpreter's end.
#include "modules/module.h"
#include "runtime/lifecycle.h"

namespace ks {

namespace {

// The callbacks in order: a list of (function, args, kwargs), owned by the interpreter.
PyObject* callbacks() {
  InterpreterCore& core = interpreter()->core;
  if (!core.atexit_callbacks) core.atexit_callbacks = PyList_New(0);
  return core.atexit_callbacks;
}

void run_callbacks() {
  PyObject* list = callbacks();
  if (!list) return PyErr_Clear();
  // The last first; callbacks may register others meanwhile.
  while (PyList_GET_SIZE(list) > 0) {
    const Py_ssize_t last = PyList_GET_SIZE(list) - 1;
    Ref<> entry = borrow(PyList_GET_ITEM(list, last));
    if (PyList_SetSlice(list, last, last + 1, nullptr) < 0) return PyErr_Clear();
    PyObject* function = PyTuple_GET_ITEM(entry.get(), 0);
    PyObject* keywords = PyTuple_GET_ITEM(entry.get(), 2);
    Ref<> done = steal(PyObject_Call(function, PyTuple_GET_ITEM(entry.get(), 1), keywords == Py_None ? nullptr : keywords));
    if (!done) PyErr_FormatUnraisable("Exception ignored in atexit callback %R", function);
  }
}

PyObject* atexit_register(PyObject*, PyObject* args, PyObject* kwargs) {
  if (PyTuple_GET_SIZE(args) == 0) return raise(PyExc_TypeError, "register() takes at least 1 argument (0 given)");
  PyObject* function = PyTuple_GET_ITEM(args, 0);
  if (!PyCallable_Check(function)) return raise(PyExc_TypeError, "the first argument must be callable");
  Ref<> rest = TRY(steal(PyTuple_GetSlice(args, 1, PyTuple_GET_SIZE(args))));
  Ref<> entry = TRY(steal(PyTuple_Pack(3, function, rest.get(), kwargs ? kwargs : Py_None)));
  PyObject* list = callbacks();
  if (!list || PyList_Append(list, entry) < 0) return nullptr;
  return Py_NewRef(function);
}
void atexit_run_exitfuncs(PyObject*) { run_callbacks(); }
Status atexit_clear(PyObject*) {
  PyObject* list = callbacks();
  return list ? status(PyList_SetSlice(list, 0, PyList_GET_SIZE(list), nullptr)) : Status::Error;
}
Py_ssize_t atexit_ncallbacks(PyObject*) {
  PyObject* list = callbacks();
  return list ? PyList_GET_SIZE(list) : -1;
}
Status atexit_unregister(PyObject*, PyObject* function) {
  PyObject* list = callbacks();
  if (!list) return Status::Error;
  for (Py_ssize_t i = PyList_GET_SIZE(list) - 1; i >= 0; --i) {
    if (i >= PyList_GET_SIZE(list)) continue;
    Ref<> entry = borrow(PyList_GET_ITEM(list, i));
    const int equal = PyObject_RichCompareBool(PyTuple_GET_ITEM(entry.get(), 0), function, Py_EQ);
    if (equal < 0) return failed;
    if (!equal) continue;
    // The comparison may have changed the list.
    for (Py_ssize_t j = 0; j < PyList_GET_SIZE(list); ++j)
      if (PyList_GET_ITEM(list, j) == entry.get()) {
        TRY(PyList_SetSlice(list, j, j + 1, nullptr));
        break;
      }
  }
  return Status::Ok;
}

METHOD_AS(atexit_run_exitfuncs, "_run_exitfuncs", 0, "($module, /)", "Run all registered exit functions.");
METHOD_AS(atexit_clear, "_clear", 0, "($module, /)", "Clear the list of previously registered exit functions.");
METHOD_AS(atexit_ncallbacks, "_ncallbacks", 0, "($module, /)", "Return the number of registered exit functions.");
METHOD_AS(atexit_unregister, "unregister", 0, "($module, func, /)", "Unregister an exit function which was previously registered using atexit.register");
PyMethodDef atexit_methods[] = {
    {"register", KS_CONSTANT_CAST(PyCFunction, &atexit_register), METH_VARARGS | METH_KEYWORDS,
     "register($module, func, /, *args, **kwargs)\n--\n\nRegister a function to be executed upon normal program termination"},
    atexit_run_exitfuncs_method, atexit_clear_method, atexit_ncallbacks_method, atexit_unregister_method, {}};
MODULE_SLOTS_WITHOUT_EXEC(atexit_slots);
PyModuleDef atexit_module = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "atexit",
    .m_doc = "allow programmer to define multiple exit functions to be executed\nupon normal program termination.",
    .m_size = 0,
    .m_methods = atexit_methods,
    .m_slots = atexit_slots,
};

}  // namespace

void call_atexit_functions(PyInterpreterState* state) {
  if (state->core.atexit_callbacks) run_callbacks();
  AtexitLowCallback* next = state->core.atexit_low;
  state->core.atexit_low = nullptr;
  while (next) {
    AtexitLowCallback* callback = next;
    next = callback->next;
    callback->function(callback->data);
    PyMem_Free(callback);
  }
}
void free_atexit(PyInterpreterState* state) { Py_CLEAR(state->core.atexit_callbacks); }

}  // namespace ks

extern "C" {

// A C function for the end of the interpreter; 0 or -1 with MemoryError.
int PyUnstable_AtExit(PyInterpreterState* interp, atexit_datacallbackfunc function, void* data) {
  auto* callback = static_cast<ks::AtexitLowCallback*>(PyMem_Malloc(sizeof(ks::AtexitLowCallback)));
  if (!callback) {
    PyErr_NoMemory();
    return -1;
  }
  *callback = {function, data, interp->core.atexit_low};
  interp->core.atexit_low = callback;
  return 0;
}

}  // extern "C"

PyMODINIT_FUNC PyInit_atexit(void) { return PyModuleDef_Init(&ks::atexit_module); }
