// Instances have no dict object until somebody asks for it: programs must not be able to tell.
#include "../python.h"

using namespace test;

namespace {

std::string value_of(const std::string& statements, const char* expression) {
  Object globals = own(PyDict_New());
  PyDict_SetItemString(globals.get(), "__builtins__", PyEval_GetBuiltins());
  const std::string source = "class A:\n  def __init__(self, x=1):\n    self.x = x\n    self.y = 2\n" + statements;
  Object done = own(PyRun_String(source.c_str(), Py_file_input, globals.get(), globals.get()));
  if (!done) return take_error();
  Object value = own(PyRun_String(expression, Py_eval_input, globals.get(), globals.get()));
  return value ? repr_of(value.get()) : take_error();
}

}  // namespace

TEST_CASE("Instances: __dict__ shows and changes the attributes", "[object][instance]") {
  REQUIRE(value_of("a = A()\n", "a.__dict__") == "{'x': 1, 'y': 2}");
  REQUIRE(value_of("a = A()\nd = a.__dict__\na.z = 3\nd['w'] = 4\n", "(d, a.w, vars(a) is d)") ==
          "({'x': 1, 'y': 2, 'z': 3, 'w': 4}, 4, True)");
  REQUIRE(value_of("a = A()\na.__dict__ = {'k': 1}\n", "(a.k, hasattr(a, 'x'))") == "(1, False)");
}

TEST_CASE("Instances: the order of attributes is the instance's own", "[object][instance]") {
  REQUIRE(value_of("a = A()\nb = A()\ndel b.x\nb.x = 5\n", "list(b.__dict__)") == "['y', 'x']");
  REQUIRE(value_of("a = A()\na.z = 1\nb = A.__new__(A)\nb.z = 1\nb.x = 2\n", "list(b.__dict__)") == "['z', 'x']");
}

TEST_CASE("Instances: deleting what is not there raises AttributeError", "[object][instance]") {
  REQUIRE(value_of("a = A()\ndel a.x\n", "a.x") == "AttributeError: 'A' object has no attribute 'x'");
  REQUIRE(value_of("a = A()\ndel a.q\n", "0") == "AttributeError: 'A' object has no attribute 'q'");
}

TEST_CASE("Instances: more attributes than shared keys hold", "[object][instance]") {
  REQUIRE(value_of("a = A()\nfor i in range(200): setattr(a, f'n{i}', i)\nb = A()\nfor i in range(200): setattr(b, "
                   "f'm{i}', i)\n",
                   "(len(a.__dict__), a.n199, b.m100, sum(b.__dict__.values()), A().y)") ==
          "(202, 199, 100, 19903, 2)");
}

TEST_CASE("Instances: an instance of another class keeps its attributes", "[object][instance]") {
  REQUIRE(value_of("class B: pass\na = A()\na.__class__ = B\na.z = 3\n", "(a.x, a.__dict__)") ==
          "(1, {'x': 1, 'y': 2, 'z': 3})");
}

TEST_CASE("Instances: what a finalizer changes while an attribute is replaced stays", "[object][instance]") {
  REQUIRE(value_of("class E:\n  def __del__(self):\n    self.t.__dict__\n    self.t.new = 1\nt = A()\ne = E()\ne.t = "
                   "t\nt.x = e\ndel e\nt.x = 0\n",
                   "t.__dict__") == "{'x': 0, 'y': 2, 'new': 1}");
}

TEST_CASE("Instances: cycles through attributes are collected", "[object][instance]") {
  REQUIRE(value_of("import gc, weakref\na = A()\na.me = a\nr = weakref.ref(a)\ndel a\ngc.collect()\n", "r()") ==
          "None");
}

TEST_CASE("PyObject_VisitManagedDict and PyObject_ClearManagedDict: values without a dict",
          "[capi][object][instance]") {
  Object globals = own(PyDict_New());
  PyDict_SetItemString(globals.get(), "__builtins__", PyEval_GetBuiltins());
  Object done = own(
      PyRun_String("class A: pass\na = A(); a.x = []; a.y = 'text'\n", Py_file_input, globals.get(), globals.get()));
  REQUIRE(done);
  PyObject* a = PyDict_GetItemString(globals.get(), "a");
  int seen = 0;
  REQUIRE(
      PyObject_VisitManagedDict(a, [](PyObject*, void* count) { return ++*static_cast<int*>(count), 0; }, &seen) == 0);
  REQUIRE(seen == 2);
  PyObject_ClearManagedDict(a);
  REQUIRE(PyObject_HasAttrString(a, "x") == 0);
  Object dict = own(PyObject_GenericGetDict(a, nullptr));
  REQUIRE(repr_of(dict.get()) == "{}");
}
