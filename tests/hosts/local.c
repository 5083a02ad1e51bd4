/* A host that loads the library by dlopen with RTLD_LOCAL, as plug-in systems do: local LIBRARY SOURCE. */
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  void* library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    fprintf(stderr, "%s\n", dlerror());
    return 2;
  }
  void (*initialize)(void) = (void (*)(void))dlsym(library, "Py_Initialize");
  int (*run)(const char*, void*) = (int (*)(const char*, void*))dlsym(library, "PyRun_SimpleStringFlags");
  int (*finalize)(void) = (int (*)(void))dlsym(library, "Py_FinalizeEx");
  if (!initialize || !run || !finalize) return 2;
  initialize();
  int status = run(argv[2], NULL);
  if (finalize() < 0) return 120;
  return status ? 1 : 0;
}
