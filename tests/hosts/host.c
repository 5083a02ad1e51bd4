/* Programs that embed Python, as one: host SCENARIO [ARGUMENT...]. Compiled with the reference's headers, linked with
 * the reference's library; the tests run it with that library and with ours in its place, and compare. */
#include <Python.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static int run_in_main(const char* source) {
  Py_Initialize();
  int status = PyRun_SimpleString(source);
  if (Py_FinalizeEx() < 0) return 120;
  return status ? 1 : 0;
}

static int configured(int isolated, const char* home, const char* source) {
  PyConfig config;
  if (isolated)
    PyConfig_InitIsolatedConfig(&config);
  else
    PyConfig_InitPythonConfig(&config);
  PyStatus status = PyStatus_Ok();
  if (home) status = PyConfig_SetBytesString(&config, &config.home, home);
  if (!PyStatus_Exception(status)) status = Py_InitializeFromConfig(&config);
  PyConfig_Clear(&config);
  if (PyStatus_Exception(status)) Py_ExitStatusException(status);
  int result = PyRun_SimpleString(source);
  if (Py_FinalizeEx() < 0) return 120;
  return result ? 1 : 0;
}

static int again(int times, const char* source) {
  int failures = 0;
  for (int i = 0; i < times; i++) failures += run_in_main(source);
  return failures ? 1 : 0;
}

struct interpreter_job {
  const char* source;
  int number, result;
  PyInterpreterConfig config;
};

static void* interpreter_thread(void* argument) {
  struct interpreter_job* job = argument;
  PyThreadState* state = NULL;
  /* A thread makes its interpreter without holding a GIL: that of the new one is taken by the call. */
  PyStatus status = Py_NewInterpreterFromConfig(&state, &job->config);
  if (PyStatus_Exception(status)) {
    job->result = 2;
    return NULL;
  }
  char assignment[64];
  snprintf(assignment, sizeof assignment, "number = %d", job->number);
  job->result = PyRun_SimpleString(assignment) || PyRun_SimpleString(job->source);
  Py_EndInterpreter(state);
  return NULL;
}

enum { interpreter_count = 10 };

static int own_gils(const char* source) {
  Py_Initialize();
  PyThreadState* main_state = PyEval_SaveThread();
  struct interpreter_job jobs[interpreter_count];
  pthread_t threads[interpreter_count];
  int failures = 0;
  for (int i = 0; i < interpreter_count; i++) {
    jobs[i] = (struct interpreter_job){.source = source, .number = i};
    jobs[i].config = (PyInterpreterConfig){
        .allow_threads = 1, .check_multi_interp_extensions = 1, .gil = PyInterpreterConfig_OWN_GIL};
    if (pthread_create(&threads[i], NULL, interpreter_thread, &jobs[i])) return 2;
  }
  for (int i = 0; i < interpreter_count; i++) {
    pthread_join(threads[i], NULL);
    failures += jobs[i].result != 0;
  }
  PyEval_RestoreThread(main_state);
  printf("%d of %d interpreters failed\n", failures, interpreter_count);
  if (Py_FinalizeEx() < 0) return 120;
  return failures ? 1 : 0;
}

static void* ensuring_thread(void* argument) {
  for (int i = 0; i < 200; i++) {
    PyGILState_STATE state = PyGILState_Ensure();
    *(int*)argument |= PyRun_SimpleString("counter = counter + 1");
    PyGILState_Release(state);
  }
  return NULL;
}

static int gil_state(void) {
  enum { count = 4 };
  Py_Initialize();
  PyRun_SimpleString("counter = 0");
  PyThreadState* main_state = PyEval_SaveThread();
  pthread_t threads[count];
  int failed[count] = {0};
  for (int i = 0; i < count; i++)
    if (pthread_create(&threads[i], NULL, ensuring_thread, &failed[i])) return 2;
  int failures = 0;
  for (int i = 0; i < count; i++) {
    pthread_join(threads[i], NULL);
    failures += failed[i];
  }
  PyEval_RestoreThread(main_state);
  PyRun_SimpleString("print(counter)");
  if (Py_FinalizeEx() < 0) return 120;
  return failures ? 1 : 0;
}

static PyObject* host_double(PyObject* module, PyObject* value) {
  (void)module;
  return PyNumber_Add(value, value);
}
static PyMethodDef host_methods[] = {{"double", host_double, METH_O, "twice the value"}, {NULL, NULL, 0, NULL}};
static PyModuleDef host_module = {PyModuleDef_HEAD_INIT, .m_name = "host", .m_size = 0, .m_methods = host_methods};
static PyObject* init_host(void) { return PyModuleDef_Init(&host_module); }

int main(int argc, char** argv) {
  const char* scenario = argc > 1 ? argv[1] : "";
  const char* argument = argc > 2 ? argv[2] : "";
  if (!strcmp(scenario, "initialize")) return run_in_main(argument);
  if (!strcmp(scenario, "python-config")) return configured(0, argc > 3 ? argv[3] : NULL, argument);
  if (!strcmp(scenario, "isolated-config")) return configured(1, argc > 3 ? argv[3] : NULL, argument);
  if (!strcmp(scenario, "again")) return again(3, argument);
  if (!strcmp(scenario, "own-gils")) return own_gils(argument);
  if (!strcmp(scenario, "gil-state")) return gil_state();
  if (!strcmp(scenario, "inittab")) {
    if (PyImport_AppendInittab("host", init_host) < 0) return 2;
    return run_in_main(argument);
  }
  if (!strcmp(scenario, "bytes-main")) return Py_BytesMain(argc - 1, argv + 1);
  fprintf(stderr, "usage: host SCENARIO [ARGUMENT...]\n");
  return 2;
}
