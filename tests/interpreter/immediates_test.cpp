// Numbers in frames are no objects until somebody needs one: programs must not be able to tell.
#include "../python.h"

using namespace test;

namespace {

// Runs a function body many times, so that the instructions are specialised, and gives the repr of its last result.
std::string result_of(const char* body, int times = 300) {
  std::string source = "def f(n):\n";
  for (const char* p = body; *p;) {
    const char* end = p;
    while (*end && *end != '\n') ++end;
    source += "  " + std::string(p, end) + "\n";
    p = *end ? end + 1 : end;
  }
  source += "for _ in range(" + std::to_string(times) + "): result = f(7)\n";
  Object globals = own(PyDict_New());
  PyDict_SetItemString(globals.get(), "__builtins__", PyEval_GetBuiltins());
  Object done = own(PyRun_String(source.c_str(), Py_file_input, globals.get(), globals.get()));
  if (!done) return take_error();
  return repr_of(PyDict_GetItemString(globals.get(), "result"));
}

}  // namespace

TEST_CASE("Immediates: a variable is the same object wherever it was put", "[interpreter][immediates]") {
  REQUIRE(result_of("x = n * 1000\nitems = [x]\ny = x\nreturn items[0] is x and y is x and id(x) == id(y)") == "True");
  REQUIRE(result_of("x = n * 1000.5\nitems = (x, x)\nreturn items[0] is items[1] and items[0] is x") == "True");
  REQUIRE(result_of("x = n * 1000\ny = x\nz = x + 1\nreturn y is x and z is not x") == "True");
  REQUIRE(result_of("total = 0\nseen = []\nfor i in range(1000, 1003):\n  seen.append(i)\n  total += i\n  assert "
                    "seen[-1] is i\nreturn total, seen") == "(3003, [1000, 1001, 1002])");
}

TEST_CASE("Immediates: the walrus gives one object to both", "[interpreter][immediates]") {
  REQUIRE(result_of("y = (x := n * 1000)\nreturn y is x") == "True");
  REQUIRE(result_of("a = b = n + 1000.25\nreturn a is b") == "True");
}

TEST_CASE("Immediates: locals() and frames show the variable's object", "[interpreter][immediates]") {
  REQUIRE(result_of("x = n * 1000\nreturn locals()['x'] is x") == "True");
  REQUIRE(
      result_of("import sys\nx = n + 1000\nframe = sys._getframe()\nframe.f_locals['x'] = 5\nx = x + 1\nreturn x") ==
      "6");
  REQUIRE(result_of("x = n + 1000\ndef g():\n  return x\ny = x + 1\nreturn g(), y") == "(1007, 1008)");
}

TEST_CASE("Immediates: an operand that meets another type arrives as the variable's object",
          "[interpreter][immediates]") {
  REQUIRE(result_of("class C:\n  def __radd__(self, other):\n    self.seen = other\n    return 0\n"
                    "c = C()\nx = n * 1000\ny = x + 1\ny + c\nreturn c.seen is y") == "True");
  REQUIRE(result_of("x = n * 1000\nd = {x: 1}\ny = x + 0\nreturn d[y], d[x]") == "(1, 1)");
}

TEST_CASE("Immediates: ints beyond 61 bits stay exact", "[interpreter][immediates]") {
  REQUIRE(result_of("x = 1\nfor i in range(70):\n  x = x * 2\nreturn x") == "1180591620717411303424");
  REQUIRE(result_of("x = 1 << 59\ny = x + x\nz = y + y\nreturn z - 1, -z - 1") ==
          "(2305843009213693951, -2305843009213693953)");
  REQUIRE(result_of("x = -(1 << 60)\ny = x - 1\nreturn y, y - x, x - y") == "(-1152921504606846977, -1, 1)");
  REQUIRE(result_of("x = (1 << 31) + n\ny = x * x\nreturn y * y == y ** 2, y") == "(True, 4611686048492159025)");
}

TEST_CASE("Immediates: division rounds down and signs follow the divisor", "[interpreter][immediates]") {
  REQUIRE(result_of("x = n - 14\ny = x // 2\nz = x % 2\nreturn y, z, 7 % (x + 4), 7 // (x + 4)") == "(-4, 1, -2, -3)");
  REQUIRE(result_of("x = n - 7\ntry:\n  y = 1 // x\nexcept ZeroDivisionError as e:\n  return str(e)") ==
          "'division by zero'");
  REQUIRE(result_of("x = n - 7\ntry:\n  y = n / x\nexcept ZeroDivisionError as e:\n  return str(e)") ==
          "'division by zero'");
  REQUIRE(result_of("x = (1 << 53) + 1\ny = x / 3\nreturn y") == "3002399751580331.0");
}

TEST_CASE("Immediates: shifts of every count", "[interpreter][immediates]") {
  REQUIRE(result_of("x = n - 8\nreturn x >> 100, x >> 1, (n >> 200) + 1, (n << 61) + 1") ==
          "(-1, -1, 1, 16140901064495857665)");
  REQUIRE(result_of("x = n - 8\ntry:\n  y = n << x\nexcept ValueError as e:\n  return str(e)") ==
          "'negative shift count'");
}

TEST_CASE("Immediates: floats of every size", "[interpreter][immediates]") {
  REQUIRE(result_of("x = 1.5\nfor i in range(1100):\n  x = x * 2.0\nreturn x") == "inf");
  REQUIRE(result_of("x = 1.5\nfor i in range(1060):\n  x = x * 0.5\nreturn x") == "1.2142e-319");
  REQUIRE(result_of("x = n - 7.0\ny = x * -1.0\nreturn x, y, y + x") == "(0.0, -0.0, 0.0)");
  REQUIRE(result_of("x = n * -0.5\ny = -x\nz = -y\nreturn y, z, x < y, y == -z, bool(y), not z") ==
          "(3.5, -3.5, True, True, True, False)");
  REQUIRE(result_of("x = n * 1e300\ny = x * 1e300\nz = y - y\nreturn z != z, z in [z], [z] == [z]") ==
          "(True, True, True)");
}

TEST_CASE("Immediates: ints and floats compare by value", "[interpreter][immediates]") {
  REQUIRE(result_of("x = n + 1\ny = n + 1.0\nreturn x == y, x < y, x <= y, y > n") == "(True, False, True, True)");
  REQUIRE(result_of("x = (1 << 53) + 1\ny = x * 1.0\nreturn x == y, x > y") == "(False, True)");
}

TEST_CASE("Immediates: truth and loops by numbers", "[interpreter][immediates]") {
  REQUIRE(result_of("x = n * 100\ncount = 0\nwhile x:\n  x = x - 1\n  count += 1\nreturn count") == "700");
  REQUIRE(result_of("a, b = 0, 1\nfor i in range(100):\n  a, b = b, a + b\nreturn a") == "354224848179261915075");
  REQUIRE(result_of("items = list(range(100))\ni = n\ntotal = 0\nwhile i < 100:\n  total += items[i - 1] * items[-i]\n "
                    " items[i - 1] = i\n  i += 1\nreturn total") == "163416");
}

TEST_CASE("Immediates: generators keep them between resumptions", "[interpreter][immediates]") {
  REQUIRE(result_of("def g():\n  x = 0\n  y = 0.5\n  for i in range(5):\n    x = x + i * 1000\n    y = y * 3.0\n    "
                    "yield\n  yield x, y\nreturn list(g())[-1]") == "(10000, 121.5)");
}

TEST_CASE("Immediates: comprehensions save and restore the outer variable", "[interpreter][immediates]") {
  REQUIRE(result_of("i = n * 1000\nj = i + 1\ns = [i for i in range(3)]\nreturn i, j, s") == "(7000, 7001, [0, 1, 2])");
  REQUIRE(
      result_of("i = n * 1000\ntry:\n  [1 // i for i in range(3)]\nexcept ZeroDivisionError:\n  pass\nreturn i + 1") ==
      "7001");
}

TEST_CASE("Immediates: a deleted variable is unbound", "[interpreter][immediates]") {
  REQUIRE(result_of("x = n + 1000\ndel x\ntry:\n  x\nexcept UnboundLocalError as e:\n  return type(e).__name__") ==
          "'UnboundLocalError'");
}

TEST_CASE("Immediates: a traced function sees the same numbers", "[interpreter][immediates]") {
  REQUIRE(result_of("import sys\nseen = []\ndef trace(frame, event, arg):\n  seen.append(frame.f_locals.get('t'))\n  "
                    "return trace\n"
                    "def g():\n  t = 0\n  for i in range(3):\n    t = t + i * 1000\n  return t\n"
                    "sys.settrace(trace)\ng()\nsys.settrace(None)\nreturn seen",
                    3) == "[None, None, 0, 0, 0, 0, 1000, 1000, 3000, 3000, 3000]");
}

// ---- no allocation
// -----------------------------------------------------------------------------------------------------

namespace {

// What is watched between start() and stop(): calls of the object allocator, and the objects on top of the free lists
// of floats and ints, which would be used first and written over.
struct Watch {
  PyMemAllocatorEx original;
  int calls = 0;
  PyObject *free_float = nullptr, *free_int = nullptr;
  bool untouched = false;
} watch;

constexpr double kMark = 12345.678;
constexpr long kIntMark = 987654321;

PyObject* start(PyObject*, PyObject*) {
  PyMem_GetAllocator(PYMEM_DOMAIN_OBJ, &watch.original);
  PyMemAllocatorEx counting = watch.original;
  counting.malloc = [](void*, size_t size) { return ++watch.calls, watch.original.malloc(watch.original.ctx, size); };
  counting.calloc = [](void*, size_t count, size_t size) {
    return ++watch.calls, watch.original.calloc(watch.original.ctx, count, size);
  };
  PyMem_SetAllocator(PYMEM_DOMAIN_OBJ, &counting);
  watch.free_float = PyFloat_FromDouble(kMark);
  watch.free_int = PyLong_FromLong(kIntMark);
  Py_DECREF(watch.free_float);
  Py_DECREF(watch.free_int);
  watch.calls = 0;
  Py_RETURN_NONE;
}
PyObject* stop(PyObject*, PyObject*) {
  watch.untouched = reinterpret_cast<PyFloatObject*>(watch.free_float)->ob_fval == kMark &&
                    reinterpret_cast<PyLongObject*>(watch.free_int)->long_value.ob_digit[0] == kIntMark;
  PyMem_SetAllocator(PYMEM_DOMAIN_OBJ, &watch.original);
  Py_RETURN_NONE;
}
PyMethodDef start_method = {"start", start, METH_NOARGS, nullptr}, stop_method = {"stop", stop, METH_NOARGS, nullptr};

// Runs the loop, then `after`, between start() and stop(): calls of the allocator; -1 where a free object was used.
int objects_made(const char* loop, const char* after = "pass") {
  Object globals = own(PyDict_New()), begin = own(PyCFunction_New(&start_method, nullptr)),
         end = own(PyCFunction_New(&stop_method, nullptr));
  PyDict_SetItemString(globals.get(), "__builtins__", PyEval_GetBuiltins());
  PyDict_SetItemString(globals.get(), "start", begin.get());
  PyDict_SetItemString(globals.get(), "stop", end.get());
  const std::string source = "def f(r, x, n):\n  i = y = 0\n  start()\n  " + std::string(loop) + "\n  " + after +
                             "\n  stop()\n  return x\nfor _ in range(3): f(range(2000, 90000), 1.5, 90000)\n";
  Object done = own(PyRun_String(source.c_str(), Py_file_input, globals.get(), globals.get()));
  INFO(take_error());
  REQUIRE(done);
  return watch.untouched ? watch.calls : -1;
}

}  // namespace

TEST_CASE("Immediates: the watch notices an int and a float that are made", "[interpreter][immediates]") {
  REQUIRE(objects_made("pass", "y = (i + 5000, x)") == -1);
  REQUIRE(objects_made("pass", "y = (x * 3.0, i)") == -1);
}

TEST_CASE("Immediates: a counted loop over ints makes no object", "[interpreter][immediates]") {
  REQUIRE(objects_made("for i in r: y = y + i") <= 1);  // the iterator of the range
  REQUIRE(objects_made("for i in r: y = y + i") >= 0);
  REQUIRE(objects_made("while i < n: i += 1") == 0);
}

TEST_CASE("Immediates: a counted loop over floats makes no object", "[interpreter][immediates]") {
  const int made = objects_made("for i in r: x = x * 1.0000001 + i");
  REQUIRE((made == 0 || made == 1));
}
