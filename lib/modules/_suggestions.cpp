// The module _suggestions: the name nearest to another, as tracebacks suggest it.
#include "modules/module.h"
#include "object/suggest.h"

namespace ks {

static PyObject* suggestions_generate_suggestions(PyObject*, PyObject* candidates, StrArgument item) {
  if (!PyList_CheckExact(candidates)) return raise(PyExc_TypeError, "candidates must be a list");
  const Py_ssize_t count = PyList_GET_SIZE(candidates);
  for (Py_ssize_t i = 0; i < count; ++i)
    if (!PyUnicode_Check(PyList_GET_ITEM(candidates, i)))
      return raise(PyExc_TypeError, "all elements in 'candidates' must be strings");
  constexpr Py_ssize_t kMostCandidates = 750;
  if (count >= kMostCandidates) Py_RETURN_NONE;
  Py_ssize_t size;
  const char* name = TRY(PyUnicode_AsUTF8AndSize(item, &size));
  Suggestion suggestion(name, size);
  for (Py_ssize_t i = 0; i < count; ++i) {
    Py_ssize_t candidate_size;
    const char* candidate = TRY(PyUnicode_AsUTF8AndSize(PyList_GET_ITEM(candidates, i), &candidate_size));
    suggestion.offer(candidate, candidate_size);
  }
  if (!suggestion.best()) Py_RETURN_NONE;
  return PyUnicode_FromStringAndSize(suggestion.best(), suggestion.best_size());
}
METHOD_AS(suggestions_generate_suggestions, "_generate_suggestions", 0, "($module, candidates, item, /)",
          "The candidate nearest to item, or None.");

static PyMethodDef methods[] = {suggestions_generate_suggestions_method, {}};
MODULE_SLOTS_WITHOUT_EXEC(slots);
static PyModuleDef definition = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "_suggestions", .m_methods = methods, .m_slots = slots};

}  // namespace ks

PyMODINIT_FUNC PyInit__suggestions() { return PyModuleDef_Init(&ks::definition); }
