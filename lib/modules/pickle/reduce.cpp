// Saving by reference (module and name) and by reduction (__reduce_ex__).
#include "modules/pickle/pickle.h"

namespace ks {
namespace {

// Follows the names from the object; nullptr without an exception: there is no such attribute. New.
Ref<> follow(PyObject* object, PyObject* path) {
  Ref<> current = borrow(object);
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(path); ++i) {
    Ref<> next;
    if (PyObject_GetOptionalAttr(current, PyList_GET_ITEM(path, i), next.out()) <= 0) return nullptr;
    current = std::move(next);
  }
  return current;
}

// The module of an object that does not say: the first loaded one that has it under this name. New.
Ref<> search_module(PyObject* object, PyObject* path) {
  PyObject* modules = TRY(PyImport_GetModuleDict());
  // A copy: attributes of modules may import others.
  Ref<> items = TRY(steal(PyMapping_Items(modules)));
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items.get()); ++i) {
    PyObject* item = PyList_GET_ITEM(items.get(), i);
    if (!PyTuple_Check(item) || PyTuple_GET_SIZE(item) != 2) continue;
    PyObject *name = PyTuple_GET_ITEM(item, 0), *module = PyTuple_GET_ITEM(item, 1);
    if (module == Py_None) continue;
    if (PyUnicode_Check(name) && (PyUnicode_EqualToUTF8(name, "__main__") || PyUnicode_EqualToUTF8(name, "__mp_main__"))) continue;
    Ref<> candidate = follow(module, path);
    if (!candidate && PyErr_Occurred()) return failed;
    if (candidate.get() == object && candidate) return borrow(name);
  }
  return borrow("__main__"_id);
}

// The exception that is set becomes the context of a PicklingError.
template <class... A>
Failed raise_over(PickleState* state, const char* format, A... arguments) {
  Ref<> reason = steal(PyErr_GetRaisedException());
  PyErr_Format(state->pickling_error, format, arguments...);
  Ref<> exception = steal(PyErr_GetRaisedException());
  if (exception && reason) PyException_SetContext(exception, reason.release());
  PyErr_SetRaisedException(exception.release());
  return failed;
}
Failed cannot_pickle(PickleState* state, PyObject* object) {
  Ref<> reason = steal(PyErr_GetRaisedException());
  PyErr_SetRaisedException(Py_XNewRef(reason.get()));
  return raise_over(state, "Can't pickle %R: %S", object, reason.get());
}

// Writes GLOBAL (protocols below 4) with the names Python 2 knows where that is wanted.
Status save_toplevel(PickleState* state, Pickler* self, PyObject* module_name, PyObject* global_name) {
  Ref<> module = borrow(module_name), name = borrow(global_name);
  if (self->fix_imports && self->proto < 3) {
    Ref<> key = TRY(steal(PyTuple_Pack(2, module.get(), name.get())));
    PyObject* pair = PyDict_GetItemWithError(state->name_mapping_3to2, key);
    if (pair) {
      if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2)
        return raise(PyExc_RuntimeError, "_compat_pickle.REVERSE_NAME_MAPPING values should be 2-tuples, not %.200s", Py_TYPE(pair)->tp_name);
      PyObject *fixed_module = PyTuple_GET_ITEM(pair, 0), *fixed_name = PyTuple_GET_ITEM(pair, 1);
      if (!PyUnicode_Check(fixed_module) || !PyUnicode_Check(fixed_name))
        return raise(PyExc_RuntimeError, "_compat_pickle.REVERSE_NAME_MAPPING values should be pairs of str, not (%.200s, %.200s)",
                     Py_TYPE(fixed_module)->tp_name, Py_TYPE(fixed_name)->tp_name);
      module = borrow(fixed_module);
      name = borrow(fixed_name);
    } else {
      if (PyErr_Occurred()) return Status::Error;
      PyObject* fixed = PyDict_GetItemWithError(state->import_mapping_3to2, module);
      if (!fixed && PyErr_Occurred()) return Status::Error;
      if (fixed && !PyUnicode_Check(fixed))
        return raise(PyExc_RuntimeError, "_compat_pickle.REVERSE_IMPORT_MAPPING values should be strings, not %.200s", Py_TYPE(fixed)->tp_name);
      if (fixed) module = borrow(fixed);
    }
  }
  TRY(pickle_write_op(self, kGlobal));
  const char* what = "module";
  for (PyObject* part : {module.get(), name.get()}) {
    Ref<> encoded = steal(self->proto >= 3 ? PyUnicode_AsUTF8String(part) : PyUnicode_AsASCIIString(part));
    if (!encoded) {
      if (PyErr_ExceptionMatches(PyExc_UnicodeEncodeError))
        return raise_over(state, "can't pickle %s identifier %R using pickle protocol %i", what, part, self->proto);
      return Status::Error;
    }
    TRY(pickle_write(self, PyBytes_AS_STRING(encoded.get()), PyBytes_GET_SIZE(encoded.get())));
    TRY(pickle_write(self, "\n", 1));
    what = "global";
  }
  return Status::Ok;
}

// Yes: the object is in copyreg's registry and an EXT opcode is written.
Found save_extension(PickleState* state, Pickler* self, PyObject* object, PyObject* module_name, PyObject* global_name) {
  if (self->proto < 2) return Found::No;
  Ref<> key = TRY(steal(PyTuple_Pack(2, module_name, global_name)));
  PyObject* code_object = PyDict_GetItemWithError(state->extension_registry, key);
  if (!code_object) return PyErr_Occurred() ? Found::Error : Found::No;
  const long code = PyLong_AsLong(code_object);
  if (code == -1 && PyErr_Occurred()) return Found::Error;
  if (code <= 0 || code > 0x7fffffffL) return raise(PyExc_RuntimeError, "extension code %ld is out of range", code);
  char data[5] = {};
  for (int i = 0; i < 4; ++i) data[1 + i] = static_cast<char>(code >> (8 * i));
  const int bytes = code <= 0xff ? 1 : code <= 0xffff ? 2 : 4;
  data[0] = bytes == 1 ? kExt1 : bytes == 2 ? kExt2 : kExt4;
  TRY(pickle_write(self, data, 1 + bytes));
  return Found::Yes;
}

}  // namespace

Status pickle_save_global(PickleState* state, Pickler* self, PyObject* object, PyObject* name) {
  Ref<> global_name;
  if (name) {
    global_name = borrow(name);
  } else {
    TRY(status(PyObject_GetOptionalAttr(object, "__qualname__"_id, global_name.out())));
    if (!global_name) global_name = TRY(steal(PyObject_GetAttr(object, "__name__"_id)));
  }
  Ref<> dot = TRY(steal(PyUnicode_FromString(".")));
  Ref<> path = TRY(steal(PyUnicode_Split(global_name, dot, -1)));
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(path.get()); ++i)
    if (PyUnicode_EqualToUTF8(PyList_GET_ITEM(path.get(), i), "<locals>")) return raise(state->pickling_error, "Can't pickle local object %R", object);

  Ref<> module_name;
  TRY(status(PyObject_GetOptionalAttr(object, "__module__"_id, module_name.out())));
  if (!module_name || module_name.get() == Py_None) module_name = TRY(search_module(object, path));

  Ref<> module = steal(PyImport_ImportModuleLevelObject(module_name, nullptr, nullptr, nullptr, 0));
  if (module) {
    // The import gives the top package.
    Ref<> loaded = steal(PyImport_GetModule(module_name));
    if (!loaded) {
      if (!PyErr_Occurred()) PyErr_SetObject(PyExc_KeyError, module_name);
    }
    module = std::move(loaded);
  }
  if (!module) {
    if (PyErr_ExceptionMatches(PyExc_ImportError) || PyErr_ExceptionMatches(PyExc_ValueError) || PyErr_ExceptionMatches(PyExc_KeyError))
      return cannot_pickle(state, object);
    return Status::Error;
  }
  Ref<> found_object = std::move(module);
  for (Py_ssize_t i = 0; found_object && i < PyList_GET_SIZE(path.get()); ++i)
    found_object = steal(PyObject_GetAttr(found_object, PyList_GET_ITEM(path.get(), i)));
  if (!found_object) {
    if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return Status::Error;
    return raise_over(state, "Can't pickle %R: it's not found as %S.%S", object, module_name.get(), global_name.get());
  }
  if (found_object.get() != object)
    return raise(state->pickling_error, "Can't pickle %R: it's not the same object as %S.%S", object, module_name.get(), global_name.get());

  if (TRY(save_extension(state, self, object, module_name, global_name))) return Status::Ok;
  if (self->proto >= 4) {
    TRY(pickle_save(state, self, module_name, false));
    TRY(pickle_save(state, self, global_name, false));
    TRY(pickle_write_op(self, kStackGlobal));
  } else {
    // Nested names become calls of getattr around the top one.
    const Py_ssize_t nested = PyList_GET_SIZE(path.get()) - 1;
    for (Py_ssize_t i = 0; i < nested; ++i) {
      TRY(pickle_save(state, self, state->getattr, false));
      if (self->proto < 2) TRY(pickle_write_op(self, kMark));
    }
    TRY(save_toplevel(state, self, module_name, PyList_GET_ITEM(path.get(), 0)));
    for (Py_ssize_t i = 1; i <= nested; ++i) {
      TRY(pickle_save(state, self, PyList_GET_ITEM(path.get(), i), false));
      const char data[2] = {self->proto < 2 ? kTuple : kTuple2, kReduce};
      TRY(pickle_write(self, data, 2));
    }
  }
  return pickle_memo_put(state, self, object);
}

Status pickle_save_type(PickleState* state, Pickler* self, PyObject* object) {
  PyObject* singleton = object == ks::object(Py_TYPE(Py_None))             ? Py_None
                        : object == ks::object(Py_TYPE(Py_Ellipsis))       ? Py_Ellipsis
                        : object == ks::object(Py_TYPE(Py_NotImplemented)) ? Py_NotImplemented
                                                                           : nullptr;
  if (!singleton) return pickle_save_global(state, self, object, nullptr);
  Ref<> reduced = TRY(steal(Py_BuildValue("(O(O))", &PyType_Type, singleton)));
  return pickle_save_reduce(state, self, reduced, object);
}

namespace {

struct Reduction {
  PyObject *callable, *arguments, *state = nullptr, *list_items = nullptr, *dict_items = nullptr, *state_setter = nullptr;
};

Status check_reduction(PickleState* state, PyObject* reduced, Reduction* r) {
  const Py_ssize_t size = PyTuple_GET_SIZE(reduced);
  if (size < 2 || size > 6) return raise(state->pickling_error, "tuple returned by __reduce__ must contain 2 through 6 elements");
  auto item = [&](Py_ssize_t i) { return i < size && PyTuple_GET_ITEM(reduced, i) != Py_None ? PyTuple_GET_ITEM(reduced, i) : nullptr; };
  r->callable = PyTuple_GET_ITEM(reduced, 0);
  r->arguments = PyTuple_GET_ITEM(reduced, 1);
  r->state = item(2);
  r->list_items = item(3);
  r->dict_items = item(4);
  r->state_setter = item(5);
  if (!PyCallable_Check(r->callable))
    return raise(state->pickling_error, "first item of the tuple returned by __reduce__ must be callable, not %T", r->callable);
  if (!PyTuple_Check(r->arguments))
    return raise(state->pickling_error, "second item of the tuple returned by __reduce__ must be a tuple, not %T", r->arguments);
  if (r->list_items && !PyIter_Check(r->list_items))
    return raise(state->pickling_error, "fourth item of the tuple returned by __reduce__ must be an iterator, not %T", r->list_items);
  if (r->dict_items && !PyIter_Check(r->dict_items))
    return raise(state->pickling_error, "fifth item of the tuple returned by __reduce__ must be an iterator, not %T", r->dict_items);
  if (r->state_setter && !PyCallable_Check(r->state_setter))
    return raise(state->pickling_error, "sixth item of the tuple returned by __reduce__ must be callable, not %T", r->state_setter);
  return Status::Ok;
}

// Saves a part of the object; what it is stands in the note of a failure.
Status save_part(PickleState* state, Pickler* self, PyObject* part, PyObject* object, const char* note) {
  if (is_failure(pickle_save(state, self, part, false))) return object ? pickle_note(note, object) : failed;
  return Status::Ok;
}

Status save_newobj_ex(PickleState* state, Pickler* self, const Reduction& r, PyObject* object) {
  const Py_ssize_t count = PyTuple_GET_SIZE(r.arguments);
  if (count != 3) return raise(state->pickling_error, "__newobj_ex__ expected 3 arguments, got %zd", count);
  PyObject* cls = PyTuple_GET_ITEM(r.arguments, 0);
  PyObject* arguments = PyTuple_GET_ITEM(r.arguments, 1);
  PyObject* keywords = PyTuple_GET_ITEM(r.arguments, 2);
  if (!PyType_Check(cls)) return raise(state->pickling_error, "first argument to __newobj_ex__() must be a class, not %T", cls);
  if (!PyTuple_Check(arguments)) return raise(state->pickling_error, "second argument to __newobj_ex__() must be a tuple, not %T", arguments);
  if (!PyDict_Check(keywords)) return raise(state->pickling_error, "third argument to __newobj_ex__() must be a dict, not %T", keywords);
  if (self->proto >= 4) {
    TRY(save_part(state, self, cls, object, "when serializing %T class"));
    TRY(save_part(state, self, arguments, object, "when serializing %T __new__ arguments"));
    TRY(save_part(state, self, keywords, object, "when serializing %T __new__ arguments"));
    return pickle_write_op(self, kNewObjEx);
  }
  // partial(cls.__new__, cls, *arguments, **keywords)()
  Ref<> function = TRY(steal(PyObject_GetAttr(cls, "__new__"_id)));
  const Py_ssize_t given = PyTuple_GET_SIZE(arguments);
  Ref<> all = TRY(steal(PyTuple_New(given + 2)));
  PyTuple_SET_ITEM(all.get(), 0, function.release());
  PyTuple_SET_ITEM(all.get(), 1, Py_NewRef(cls));
  for (Py_ssize_t i = 0; i < given; ++i) PyTuple_SET_ITEM(all.get(), i + 2, Py_NewRef(PyTuple_GET_ITEM(arguments, i)));
  Ref<> partial = TRY(steal(PyObject_Call(state->partial, all, keywords)));
  TRY(save_part(state, self, partial, object, "when serializing %T reconstructor"));
  const char data[2] = {kEmptyTuple, kReduce};
  return pickle_write(self, data, 2);
}

Status save_newobj(PickleState* state, Pickler* self, const Reduction& r, PyObject* object) {
  const Py_ssize_t count = PyTuple_GET_SIZE(r.arguments);
  if (count < 1) return raise(state->pickling_error, "__newobj__ expected at least 1 argument, got %zd", count);
  PyObject* cls = PyTuple_GET_ITEM(r.arguments, 0);
  if (!PyType_Check(cls)) return raise(state->pickling_error, "first argument to __newobj__() must be a class, not %T", cls);
  if (object) {
    Ref<> own_class = TRY(steal(PyObject_GetAttr(object, "__class__"_id)));
    if (own_class.get() != cls) return raise(state->pickling_error, "first argument to __newobj__() must be %R, not %R", own_class.get(), cls);
  }
  TRY(save_part(state, self, cls, object, "when serializing %T class"));
  Ref<> rest = TRY(steal(PyTuple_GetSlice(r.arguments, 1, count)));
  TRY(save_part(state, self, rest, object, "when serializing %T __new__ arguments"));
  return pickle_write_op(self, kNewObj);
}

}  // namespace

Status pickle_save_reduce(PickleState* state, Pickler* self, PyObject* reduced, PyObject* object) {
  Reduction r;
  TRY(check_reduction(state, reduced, &r));
  bool newobj = false, newobj_ex = false;
  if (self->proto >= 2) {
    Ref<> name;
    TRY(status(PyObject_GetOptionalAttr(r.callable, "__name__"_id, name.out())));
    if (name && PyUnicode_Check(name.get())) {
      newobj_ex = PyUnicode_EqualToUTF8(name, "__newobj_ex__");
      newobj = !newobj_ex && PyUnicode_EqualToUTF8(name, "__newobj__");
    }
  }
  if (newobj_ex) {
    TRY(save_newobj_ex(state, self, r, object));
  } else if (newobj) {
    TRY(save_newobj(state, self, r, object));
  } else {
    TRY(save_part(state, self, r.callable, object, "when serializing %T reconstructor"));
    TRY(save_part(state, self, r.arguments, object, "when serializing %T reconstructor arguments"));
    TRY(pickle_write_op(self, kReduce));
  }
  if (object) {
    // Its arguments contained the object itself, which is in the memo by now: take that one.
    const Py_ssize_t known = self->memo.find(object);
    if (known >= 0) {
      TRY(pickle_write_op(self, kPop));
      return pickle_memo_get(self, known);
    }
    TRY(pickle_memo_put(state, self, object));
  }
  if (r.list_items) TRY(pickle_batch_list(state, self, r.list_items, object));
  if (r.dict_items) TRY(pickle_batch_dict(state, self, r.dict_items, object));
  if (!r.state) return Status::Ok;
  if (!r.state_setter) {
    TRY(save_part(state, self, r.state, object, "when serializing %T state"));
    return pickle_write_op(self, kBuild);
  }
  TRY(save_part(state, self, r.state_setter, object, "when serializing %T state setter"));
  TRY(pickle_save(state, self, object ? object : Py_None, false));
  TRY(save_part(state, self, r.state, object, "when serializing %T state"));
  const char data[3] = {kTuple2, kReduce, kPop};
  return pickle_write(self, data, 3);
}

}  // namespace ks
