#include "../python.h"

using namespace test;

TEST_CASE("PyErr_SetString: the exception is an instance with the text", "[capi][errors]") {
  PyErr_SetString(PyExc_ValueError, "wrong");
  REQUIRE(PyErr_Occurred() == PyExc_ValueError);
  REQUIRE(take_error() == "ValueError: wrong");
  REQUIRE(PyErr_Occurred() == nullptr);
}

TEST_CASE("PyErr_SetObject: a tuple is the arguments", "[capi][errors]") {
  Object args = own(Py_BuildValue("(is)", 1, "two"));
  PyErr_SetObject(PyExc_ValueError, args.get());
  REQUIRE(take_error() == "ValueError: (1, 'two')");
}

TEST_CASE("PyErr_SetObject: what is no exception class raises SystemError", "[capi][errors]") {
  PyErr_SetObject(Py_None, Py_None);
  REQUIRE(take_error() == "SystemError: _PyErr_SetObject: exception None is not a BaseException subclass");
}

TEST_CASE("PyErr_Format: conversions", "[capi][errors]") {
  PyErr_Format(PyExc_KeyError, "%s %d %R", "a", 2, Py_None);
  REQUIRE(take_error() == "KeyError: 'a 2 None'");
}

TEST_CASE("PyErr_GivenExceptionMatches: classes, instances and tuples", "[capi][errors]") {
  Object error = own(PyObject_CallFunction(PyExc_FileNotFoundError, "is", 2, "x"));
  Object tuple = own(PyTuple_Pack(2, PyExc_KeyError, PyExc_OSError));
  REQUIRE(PyErr_GivenExceptionMatches(error.get(), PyExc_OSError) == 1);
  REQUIRE(PyErr_GivenExceptionMatches(PyExc_FileNotFoundError, tuple.get()) == 1);
  REQUIRE(PyErr_GivenExceptionMatches(error.get(), PyExc_ValueError) == 0);
  REQUIRE(PyErr_GivenExceptionMatches(nullptr, PyExc_ValueError) == 0);
}

TEST_CASE("PyErr_SetFromErrnoWithFilename: errno chooses the class", "[capi][errors]") {
  errno = ENOENT;
  REQUIRE(PyErr_SetFromErrnoWithFilename(PyExc_OSError, "nowhere") == nullptr);
  REQUIRE(take_error() == "FileNotFoundError: [Errno 2] No such file or directory: 'nowhere'");
}

TEST_CASE("PyErr_NewException: a name without a module raises SystemError", "[capi][errors]") {
  REQUIRE(PyErr_NewException("Plain", nullptr, nullptr) == nullptr);
  REQUIRE(take_error() == "SystemError: PyErr_NewException: name must be module.class");
}

TEST_CASE("PyErr_NewExceptionWithDoc: class with module, base and documentation", "[capi][errors]") {
  Object cls = own(PyErr_NewExceptionWithDoc("some.module.Strange", "About it.", PyExc_KeyError, nullptr));
  REQUIRE(cls);
  REQUIRE(repr_of(cls.get()) == "<class 'some.module.Strange'>");
  Object doc = own(PyObject_GetAttrString(cls.get(), "__doc__"));
  REQUIRE(text_of(doc.get()) == "About it.");
  REQUIRE(PyObject_IsSubclass(cls.get(), PyExc_LookupError) == 1);
}

TEST_CASE("PyErr_Fetch and PyErr_Restore: the three parts come and go", "[capi][errors]") {
  PyErr_SetString(PyExc_TypeError, "kept");
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  REQUIRE(PyErr_Occurred() == nullptr);
  REQUIRE(type == PyExc_TypeError);
  REQUIRE(traceback == nullptr);
  PyErr_Restore(type, value, traceback);
  REQUIRE(take_error() == "TypeError: kept");
}

TEST_CASE("PyException_SetCause: the cause suppresses the context", "[capi][exceptions]") {
  Object error = own(PyObject_CallNoArgs(PyExc_ValueError));
  PyException_SetCause(error.get(), PyObject_CallNoArgs(PyExc_KeyError));
  Object cause = own(PyException_GetCause(error.get()));
  REQUIRE(repr_of(cause.get()) == "KeyError()");
  Object suppressed = own(PyObject_GetAttrString(error.get(), "__suppress_context__"));
  REQUIRE(suppressed.get() == Py_True);
}

TEST_CASE("PyUnicodeDecodeError: positions are clipped into the object", "[capi][exceptions]") {
  Object error = own(PyUnicodeDecodeError_Create("ascii", "abc", 3, 1, 2, "because"));
  Py_ssize_t position = -1;
  REQUIRE(PyUnicodeDecodeError_GetStart(error.get(), &position) == 0);
  REQUIRE(position == 1);
  REQUIRE(PyUnicodeDecodeError_SetEnd(error.get(), 99) == 0);
  REQUIRE(PyUnicodeDecodeError_GetEnd(error.get(), &position) == 0);
  REQUIRE(position == 3);
  REQUIRE(text_of(error.get()).substr(0, 45) == "'ascii' codec can't decode bytes in position ");
}

TEST_CASE("PyErr_WarnEx: an error filter raises the warning", "[capi][warnings]") {
  Object warnings = own(PyImport_ImportModule("warnings"));
  REQUIRE(warnings);
  Object done = own(PyObject_CallMethod(warnings.get(), "simplefilter", "s", "error"));
  REQUIRE(done);
  REQUIRE(PyErr_WarnEx(PyExc_UserWarning, "careful", 1) == -1);
  REQUIRE(take_error() == "UserWarning: careful");
  done = own(PyObject_CallMethod(warnings.get(), "resetwarnings", nullptr));
  done = own(PyObject_CallMethod(warnings.get(), "simplefilter", "s", "ignore"));
  REQUIRE(PyErr_WarnEx(PyExc_UserWarning, "careful", 1) == 0);
}

TEST_CASE("PyUnstable_Exc_PrepReraiseStar: parts of the group and new exceptions join", "[capi][exceptions]") {
  Object group = own(PyObject_CallFunction(PyExc_BaseExceptionGroup, "s[NN]", "g", PyObject_CallNoArgs(PyExc_ValueError),
                                           PyObject_CallNoArgs(PyExc_TypeError)));
  REQUIRE(group);
  Object none = own(Py_BuildValue("[]"));
  Object result = own(PyUnstable_Exc_PrepReraiseStar(group.get(), none.get()));
  REQUIRE(result.get() == Py_None);
  Object same = own(Py_BuildValue("[O]", group.get()));
  result = own(PyUnstable_Exc_PrepReraiseStar(group.get(), same.get()));
  REQUIRE(repr_of(result.get()) == "ExceptionGroup('g', [ValueError(), TypeError()])");
  REQUIRE(PyUnstable_Exc_PrepReraiseStar(Py_None, none.get()) == nullptr);
  REQUIRE(take_error() == "TypeError: orig must be an exception");
}
