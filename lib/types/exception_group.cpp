// BaseExceptionGroup (ExceptionGroup inherits everything from it), and the join that ends an except* statement.
//
// `excs` is a non-empty tuple of exceptions. `excs_str`: the repr of what they came from,
// where that was no list or tuple; otherwise the repr is made from `excs` when it is asked for.
#include "runtime/state.h"
#include "types/exceptions.h"

namespace ks {

static PyBaseExceptionGroupObject* group(PyObject* self) { return as<PyBaseExceptionGroupObject>(self); }
static bool is_group(PyObject* object) { return PyObject_TypeCheck(object, &_PyExc_BaseExceptionGroup); }

static PyObject* exception_group_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject *message, *sequence;
  if (!PyArg_ParseTuple(args, "UO:BaseExceptionGroup.__new__", &message, &sequence)) return failed;
  if (!PySequence_Check(sequence)) return raise(PyExc_TypeError, "second argument (exceptions) must be a sequence");
  Ref<> exceptions = TRY(steal(PySequence_Tuple(sequence)));
  const Py_ssize_t count = PyTuple_GET_SIZE(exceptions.get());
  // The repr shows another sequence as it is now.
  Ref<> shown;
  if (!PyList_CheckExact(sequence) && !PyTuple_CheckExact(sequence)) shown = TRY(steal(PyObject_Repr(sequence)));
  if (!count) return raise(PyExc_ValueError, "second argument (exceptions) must be a non-empty sequence");
  bool nested_base = false;
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* exception = PyTuple_GET_ITEM(exceptions.get(), i);
    if (!is_exception(exception))
      return raise(PyExc_ValueError, "Item %zd of second argument (exceptions) is not an exception", i);
    if (!PyObject_TypeCheck(exception, &_PyExc_Exception)) nested_base = true;
  }
  auto* plain_group = as<PyTypeObject>(interpreter()->exceptions.exception_group);
  if (type == &_PyExc_BaseExceptionGroup) {
    if (!nested_base) type = plain_group;
  } else if (type == plain_group) {
    if (nested_base) return raise(PyExc_TypeError, "Cannot nest BaseExceptions in an ExceptionGroup");
  } else if (nested_base && PyType_IsSubtype(type, &_PyExc_Exception)) {
    return raise(PyExc_TypeError, "Cannot nest BaseExceptions in '%.200s'", type->tp_name);
  }
  Ref<> self = TRY(steal(base_exception_new(type, args, kwargs)));
  group(self)->msg = Py_NewRef(message);
  group(self)->excs = exceptions.release();
  if (!PyList_CheckExact(sequence) && !PyTuple_CheckExact(sequence)) group(self)->excs_str = shown.release();
  return self.release();
}

static PyObject* exception_group_str(PyObject* self) {
  const Py_ssize_t count = PyTuple_GET_SIZE(group(self)->excs);
  return PyUnicode_FromFormat("%S (%zd sub-exception%s)", group(self)->msg, count, count > 1 ? "s" : "");
}

static PyObject* exception_group_repr(PyObject* self) {
  const char* name = Py_TYPE(self)->tp_name;
  if (const char* dot = strrchr(name, '.')) name = dot + 1;
  if (group(self)->excs_str) return PyUnicode_FromFormat("%s(%R, %U)", name, group(self)->msg, group(self)->excs_str);
  PyObject* args = group(self)->args;
  const bool as_tuple = PyTuple_GET_SIZE(args) < 2 || PyTuple_CheckExact(PyTuple_GET_ITEM(args, 1));
  Ref<> shown = TRY(steal(as_tuple ? Py_NewRef(group(self)->excs) : PySequence_List(group(self)->excs)));
  return PyUnicode_FromFormat("%s(%R, %R)", name, group(self)->msg, shown.get());
}

static Ref<> exception_group_derive(PyObject* self, PyObject* exceptions) {
  Ref<> args = TRY(steal(PyTuple_Pack(2, group(self)->msg, exceptions)));
  return steal(PyObject_CallObject(PyExc_BaseExceptionGroup, args));
}
METHOD(exception_group, derive, "($self, excs, /)", "");

// A group of `exceptions` (a list) with the same message, traceback, cause, context and notes; None for an empty list.
static Ref<> subset(PyObject* self, PyObject* exceptions) {
  if (PyList_GET_SIZE(exceptions) == 0) return borrow(Py_None);
  Ref<> result = TRY(steal(PyObject_CallMethodOneArg(self, "derive"_id, exceptions)));
  if (!is_group(result)) return raise(PyExc_TypeError, "derive must return an instance of BaseExceptionGroup");
  if (Ref<> traceback = steal(PyException_GetTraceback(self))) TRY(PyException_SetTraceback(result, traceback));
  PyException_SetContext(result, PyException_GetContext(self));
  PyException_SetCause(result, PyException_GetCause(self));
  Ref<> notes;
  TRY(PyObject_GetOptionalAttr(self, "__notes__"_id, notes.out()));
  if (notes && PySequence_Check(notes)) {
    Ref<> copy = TRY(steal(PySequence_List(notes)));  // each part can be given notes of its own
    TRY(PyObject_SetAttr(result, "__notes__"_id, copy));
  }
  return result;
}

// What a group is divided by: exception types, a predicate, or (for except*) the identity of leaves.
struct Condition {
  enum Kind { Types, Predicate, Leaves } kind;
  PyObject* value;

  Found matches(PyObject* exception) const {
    switch (kind) {
      case Types: return found(PyErr_GivenExceptionMatches(exception, value));
      case Predicate: {
        Ref<> verdict = TRY(steal(PyObject_CallOneArg(value, exception)));
        return found(PyObject_IsTrue(verdict));
      }
      case Leaves: {
        if (is_group(exception)) return Found::No;
        Ref<> identity = TRY(steal(PyLong_FromVoidPtr(exception)));
        return found(PySet_Contains(value, identity));
      }
    }
    return Found::No;
  }
};

static Found read_condition(PyObject* value, Condition* condition) {
  bool types = PyExceptionClass_Check(value);
  if (!types && PyTuple_CheckExact(value)) {
    types = true;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(value); ++i) types = types && PyExceptionClass_Check(PyTuple_GET_ITEM(value, i));
  }
  *condition = {types ? Condition::Types : Condition::Predicate, value};
  if (types || (PyCallable_Check(value) && !PyType_Check(value))) return Found::Yes;
  return raise(PyExc_TypeError,
               "expected an exception type, a tuple of exception types, or a callable (other than a class)");
}

// Both halves; `rest` may be nullptr when nobody wants it. A half without exceptions is None.
static Status divide(PyObject* exception, const Condition& condition, Ref<>* match, Ref<>* rest) {
  *match = borrow(Py_None);
  if (rest) *rest = borrow(Py_None);
  if (TRY(condition.matches(exception))) {
    *match = borrow(exception);
    return Status::Ok;
  }
  if (!is_group(exception)) {
    if (rest) *rest = borrow(exception);
    return Status::Ok;
  }
  if (Py_EnterRecursiveCall(" in exceptiongroup_split_recursive")) return failed;
  Ref<> matching = steal(PyList_New(0)), others = steal(PyList_New(0));
  Ref<> exceptions = borrow(group(exception)->excs);
  auto walk = [&]() -> Status {
    if (!matching || !others) return failed;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(exceptions.get()); ++i) {
      Ref<> inner_match, inner_rest;
      TRY(divide(PyTuple_GET_ITEM(exceptions.get(), i), condition, &inner_match, rest ? &inner_rest : nullptr));
      if (inner_match.get() != Py_None) TRY(PyList_Append(matching, inner_match));
      if (inner_rest && inner_rest.get() != Py_None) TRY(PyList_Append(others, inner_rest));
    }
    return Status::Ok;
  };
  const Status walked = walk();
  Py_LeaveRecursiveCall();
  TRY(walked);
  *match = TRY(subset(exception, matching));
  if (rest) *rest = TRY(subset(exception, others));
  return Status::Ok;
}

static Ref<> exception_group_split(PyObject* self, PyObject* matcher) {
  Condition condition;
  TRY(read_condition(matcher, &condition));
  Ref<> match, rest;
  TRY(divide(self, condition, &match, &rest));
  return steal(PyTuple_Pack(2, match.get(), rest.get()));
}
METHOD(exception_group, split, "($self, matcher_value, /)", "");

static Ref<> exception_group_subgroup(PyObject* self, PyObject* matcher) {
  Condition condition;
  TRY(read_condition(matcher, &condition));
  Ref<> match;
  TRY(divide(self, condition, &match, nullptr));
  return match;
}
METHOD(exception_group, subgroup, "($self, matcher_value, /)", "");

static PyMethodDef exception_group_methods[] = {
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS,
     "Exception groups are generic over the type of their contained exceptions"},
    exception_group_derive_method, exception_group_split_method, exception_group_subgroup_method, {}};
static PyMemberDef exception_group_members[] = {
    {"message", _Py_T_OBJECT, offsetof(PyBaseExceptionGroupObject, msg), Py_READONLY, "exception message"},
    {"exceptions", _Py_T_OBJECT, offsetof(PyBaseExceptionGroupObject, excs), Py_READONLY, "nested exceptions"},
    {}};
using ExceptionGroupLife = ExceptionLife<PyBaseExceptionGroupObject, &PyBaseExceptionGroupObject::msg,
                                         &PyBaseExceptionGroupObject::excs, &PyBaseExceptionGroupObject::excs_str>;
constinit const ExceptionFamily exception_group_family = {.size = sizeof(PyBaseExceptionGroupObject),
    .create = exception_group_new, .init = base_exception_init, .str = exception_group_str, .repr = exception_group_repr,
    .dealloc = ExceptionGroupLife::dealloc, .traverse = ExceptionGroupLife::traverse, .clear = ExceptionGroupLife::clear,
    .methods = exception_group_methods, .members = exception_group_members};

// ---- except* ---------------------------------------------------------------------------------------------------------

static Status collect_leaves(PyObject* exception, PyObject* leaves) {
  if (!is_group(exception)) {
    Ref<> identity = TRY(steal(PyLong_FromVoidPtr(exception)));
    return status(PySet_Add(leaves, identity));
  }
  if (Py_EnterRecursiveCall(" in collect_exception_group_leaf_ids")) return failed;
  Status result = Status::Ok;
  PyObject* exceptions = group(exception)->excs;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(exceptions) && result == Status::Ok; ++i)
    result = collect_leaves(PyTuple_GET_ITEM(exceptions, i), leaves);
  Py_LeaveRecursiveCall();
  return result;
}

// A part of the original group was re-raised, rather than something new, when its metadata is the original's.
static bool same_origin(PyObject* a, PyObject* b) {
  auto *left = as<PyBaseExceptionObject>(a), *right = as<PyBaseExceptionObject>(b);
  Ref<> left_notes, right_notes;
  if (PyObject_GetOptionalAttr(a, "__notes__"_id, left_notes.out()) < 0 ||
      PyObject_GetOptionalAttr(b, "__notes__"_id, right_notes.out()) < 0) {
    PyErr_Clear();
    return false;
  }
  if (!left_notes != !right_notes) return false;
  if (left_notes) {
    const int equal = PyObject_RichCompareBool(left_notes, right_notes, Py_EQ);
    if (equal < 0) PyErr_Clear();
    if (equal != 1) return false;
  }
  return left->traceback == right->traceback && left->cause == right->cause && left->context == right->context;
}

}  // namespace ks

// What an except* statement raises at its end: `excs` is the list of exceptions its handlers raised, re-raised parts of
// `orig` and None entries. New reference to an exception or None.
PyObject* PyUnstable_Exc_PrepReraiseStar(PyObject* orig, PyObject* excs) {
  using namespace ks;
  if (!orig || !is_exception(orig)) return raise(PyExc_TypeError, "orig must be an exception");
  if (!excs || !PyList_Check(excs)) return raise(PyExc_TypeError, "excs must be a list of exceptions");
  const Py_ssize_t count = PyList_GET_SIZE(excs);
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* exception = PyList_GET_ITEM(excs, i);
    if (exception != Py_None && !is_exception(exception)) return raise(PyExc_TypeError, "item %zd in excs is not an exception", i);
  }
  if (count == 0) return Py_NewRef(Py_None);
  if (!is_group(orig)) return Py_NewRef(PyList_GET_ITEM(excs, 0));  // a naked exception was wrapped for the statement
  Ref<> raised = TRY(steal(PyList_New(0)));
  Ref<> leaves = TRY(steal(PySet_New(nullptr)));
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* exception = PyList_GET_ITEM(excs, i);
    if (exception == Py_None) continue;
    if (same_origin(exception, orig)) TRY(collect_leaves(exception, leaves));
    else TRY(PyList_Append(raised, exception));
  }
  // All leaves that were re-raised or not handled keep the structure of the original.
  Ref<> projection;
  if (PySet_GET_SIZE(leaves.get()) == 0) {
    projection = borrow(Py_None);
  } else {
    const Condition condition{Condition::Leaves, leaves};
    TRY(divide(orig, condition, &projection, nullptr));
  }
  if (PyList_GET_SIZE(raised.get()) == 0) return projection.release();
  if (projection.get() != Py_None) TRY(PyList_Append(raised, projection));
  if (PyList_GET_SIZE(raised.get()) > 1) {
    Ref<> args = TRY(steal(Py_BuildValue("(sO)", "", raised.get())));
    return PyObject_CallObject(PyExc_BaseExceptionGroup, args);
  }
  return Py_NewRef(PyList_GET_ITEM(raised.get(), 0));
}
