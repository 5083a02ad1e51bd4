/* A program that embeds Python, compiled with the reference's headers and linked with the reference's library: host FILE... */
#include <Python.h>
#include <stdio.h>

int main(int argc, char **argv) {
  Py_Initialize();
  PyObject *version = PySys_GetObject("version");
  printf("host: %s\n", PyUnicode_AsUTF8(version));
  fflush(stdout);
  long failures = 0;
  for (int i = 1; i < argc; i++) {
    FILE *file = fopen(argv[i], "r");
    if (!file) {
      perror(argv[i]);
      return 2;
    }
    PyObject *main_module = PyImport_AddModule("__main__");
    PyObject *globals = PyModule_GetDict(main_module);
    PyObject *result = PyRun_FileEx(file, argv[i], Py_file_input, globals, globals, 1);
    if (!result) {
      PyErr_Print();
      return 1;
    }
    Py_DECREF(result);
    PyObject *count = PyDict_GetItemString(globals, "failures");
    failures += count ? PyLong_AsLong(count) : 1;
  }
  if (Py_FinalizeEx() < 0) return 120;
  return failures ? 1 : 0;
}
