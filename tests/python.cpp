#define CATCH_CONFIG_MAIN
#include "python.h"

namespace test {

void start_python() {
  if (Py_IsInitialized()) return;
  PyConfig config;
  PyConfig_InitIsolatedConfig(&config);
  config.site_import = 0;
  wchar_t* home = nullptr;
  if (const char* variable = getenv("PYTHONHOME")) {
    home = Py_DecodeLocale(variable, nullptr);
    PyConfig_SetString(&config, &config.home, home);
  }
  PyStatus status = Py_InitializeFromConfig(&config);
  PyConfig_Clear(&config);
  PyMem_RawFree(home);
  if (PyStatus_Exception(status)) Py_ExitStatusException(status);
}

std::string take_error() {
  PyObject* exception = PyErr_GetRaisedException();
  if (!exception) return "";
  std::string result = std::string(Py_TYPE(exception)->tp_name) + ": " + text_of(exception);
  Py_DECREF(exception);
  return result;
}

}  // namespace test

// The interpreter is there for all test cases and ends after the last.
struct PythonListener : Catch::TestEventListenerBase {
  using Catch::TestEventListenerBase::TestEventListenerBase;
  void testRunStarting(const Catch::TestRunInfo&) override { test::start_python(); }
  void testCaseEnded(const Catch::TestCaseStats&) override {
    if (PyErr_Occurred()) PyErr_Clear();
  }
  void testRunEnded(const Catch::TestRunStats&) override { Py_FinalizeEx(); }
};
CATCH_REGISTER_LISTENER(PythonListener)
