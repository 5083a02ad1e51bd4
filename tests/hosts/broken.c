/* Extension modules with one fault each, chosen when compiled (-DFAULT=...). */
#include <Python.h>

#define NO_INIT 1
#define NULL_WITHOUT_ERROR 2
#define ERROR_RAISED 3
#define RESULT_WITH_ERROR 4
#define UNKNOWN_SYMBOL 5
#define EXEC_WITHOUT_ERROR 6
#define EXEC_RAISES 7
#define BAD_SLOT 8
#define UNINITIALISED_DEFINITION 9
#define NOT_A_MODULE 10

static PyModuleDef_Slot slots[];
static PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "broken", .m_slots = slots};

static int execute(PyObject* module) {
  (void)module;
#if FAULT == EXEC_RAISES
  PyErr_SetString(PyExc_ValueError, "exec failed");
#endif
  return FAULT == EXEC_WITHOUT_ERROR || FAULT == EXEC_RAISES ? -1 : 0;
}

static PyModuleDef_Slot slots[] = {
#if FAULT == BAD_SLOT
    {4711, execute},
#else
    {Py_mod_exec, execute},
#endif
    {0, NULL}};

extern PyObject* PyKingsnake_NoSuchFunction(void);

#if FAULT == NO_INIT
PyMODINIT_FUNC PyInit_another(void) { return PyModuleDef_Init(&definition); }
#else
PyMODINIT_FUNC PyInit_broken(void) {
#if FAULT == NULL_WITHOUT_ERROR
  return NULL;
#elif FAULT == ERROR_RAISED
  PyErr_SetString(PyExc_LookupError, "nothing here");
  return NULL;
#elif FAULT == RESULT_WITH_ERROR
  PyErr_SetString(PyExc_LookupError, "and yet a result");
  return PyModule_New("broken");
#elif FAULT == UNKNOWN_SYMBOL
  return PyKingsnake_NoSuchFunction();
#elif FAULT == UNINITIALISED_DEFINITION
  return (PyObject*)&definition;
#elif FAULT == NOT_A_MODULE
  return PyLong_FromLong(123456);
#else
  return PyModuleDef_Init(&definition);
#endif
}
#endif
