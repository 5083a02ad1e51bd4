#include "../python.h"

using namespace test;

TEST_CASE("PyList_GetItem: an index beyond the end raises IndexError", "[capi][list]") {
  Object list = own(Py_BuildValue("[ii]", 1, 2));
  REQUIRE(text_of(PyList_GetItem(list.get(), 1)) == "2");
  REQUIRE(PyList_GetItem(list.get(), 2) == nullptr);
  REQUIRE(take_error() == "IndexError: list index out of range");
  REQUIRE(PyList_GetItem(list.get(), -1) == nullptr);
  REQUIRE(take_error() == "IndexError: list index out of range");
}

TEST_CASE("PyList_Append: what is no list raises SystemError", "[capi][list]") {
  REQUIRE(PyList_Append(Py_None, Py_None) == -1);
  REQUIRE(take_error().substr(0, 12) == "SystemError:");
}

TEST_CASE("PyList_Sort: sorts in place", "[capi][list]") {
  Object list = own(Py_BuildValue("[iiii]", 3, 1, 4, 1));
  REQUIRE(PyList_Sort(list.get()) == 0);
  REQUIRE(repr_of(list.get()) == "[1, 1, 3, 4]");
}

TEST_CASE("PyDict_GetItemRef: found, missing, unhashable", "[capi][dict]") {
  Object dict = own(Py_BuildValue("{s:i}", "a", 1));
  Object key = own(PyUnicode_FromString("a")), other = own(PyUnicode_FromString("b")), list = own(PyList_New(0));
  PyObject* value = nullptr;
  REQUIRE(PyDict_GetItemRef(dict.get(), key.get(), &value) == 1);
  REQUIRE(text_of(value) == "1");
  Py_DECREF(value);
  REQUIRE(PyDict_GetItemRef(dict.get(), other.get(), &value) == 0);
  REQUIRE(value == nullptr);
  REQUIRE(PyDict_GetItemRef(dict.get(), list.get(), &value) == -1);
  REQUIRE(take_error() == "TypeError: cannot use 'list' as a dict key (unhashable type: 'list')");
}

TEST_CASE("PyDict_Next: insertion order", "[capi][dict]") {
  Object dict = own(Py_BuildValue("{s:i,s:i,s:i}", "z", 1, "a", 2, "m", 3));
  std::string order;
  PyObject *key, *value;
  Py_ssize_t position = 0;
  while (PyDict_Next(dict.get(), &position, &key, &value)) order += text_of(key) + text_of(value);
  REQUIRE(order == "z1a2m3");
}

TEST_CASE("PySet_Add: a set of a set is unhashable", "[capi][set]") {
  Object set = own(PySet_New(nullptr)), inner = own(PySet_New(nullptr));
  REQUIRE(PySet_Add(set.get(), inner.get()) == -1);
  REQUIRE(take_error() == "TypeError: cannot use 'set' as a set element (unhashable type: 'set')");
  REQUIRE(PySet_Size(set.get()) == 0);
}

TEST_CASE("PyTuple_Pack: keeps its items alive", "[capi][tuple]") {
  Object text = own(PyUnicode_FromString("some text of its own"));
  Object tuple = own(PyTuple_Pack(1, text.get()));
  text.reset();
  REQUIRE(repr_of(tuple.get()) == "('some text of its own',)");
}

TEST_CASE("PyLong_AsLong: too large a number raises OverflowError", "[capi][int]") {
  Object number = own(PyLong_FromString("123456789012345678901234567890", nullptr, 10));
  REQUIRE(PyLong_AsLong(number.get()) == -1);
  REQUIRE(take_error() == "OverflowError: Python int too large to convert to C long");
}

TEST_CASE("PyUnicode_FromFormat: widths, objects and types", "[capi][str]") {
  Object text = own(PyUnicode_FromFormat("%5d|%-5s|%T|%zd", 42, "ab", Py_None, static_cast<Py_ssize_t>(-7)));
  REQUIRE(text_of(text.get()) == "   42|ab   |NoneType|-7");
}
