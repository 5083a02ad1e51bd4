// Binding arguments: positional, keyword, defaults, *args and **kwargs, with the reference's messages.
//
// Locals are laid out as arguments (positional, keyword-only), then *args, then **kwargs, then the rest. The frame is
// initialised with null locals before binding starts, so that a failure can clear it like any other frame.
#include "interpreter/call_frame.h"

#include <cstring>

#include "interpreter/executable.h"
#include "interpreter/suggestions.h"
#include "object/ref.h"
#include "object/result.h"

namespace ks {
namespace {

// Arguments on the caller's evaluation stack, taken over one by one.
struct StackArguments {
  Value* values;
  Value take(Py_ssize_t i) {
    Value value = values[i];
    values[i] = Value::null();
    return Value::owned(value.take());
  }
  PyObject* object(Py_ssize_t i) const { return values[i].object(); }
};

// Arguments of a C caller.
struct CallerArguments {
  PyObject* const* objects;
  Value take(Py_ssize_t i) { return Value::owned(Py_NewRef(objects[i])); }
  PyObject* object(Py_ssize_t i) const { return objects[i]; }
};

PyObject* local_name(PyCodeObject* code, Py_ssize_t i) { return PyTuple_GET_ITEM(code->co_localsplusnames, i); }

Failed too_many_positional(PyFunctionObject* function, PyCodeObject* code, Py_ssize_t given, const Value* locals) {
  Py_ssize_t keyword_only_given = 0;
  for (Py_ssize_t i = code->co_argcount; i < code->co_argcount + code->co_kwonlyargcount; ++i)
    if (locals[i]) ++keyword_only_given;
  const Py_ssize_t defaults = function->func_defaults ? PyTuple_GET_SIZE(function->func_defaults) : 0;
  bool plural;
  Ref<> accepted;
  if (defaults) {
    plural = true;
    accepted = steal(PyUnicode_FromFormat("from %zd to %zd", code->co_argcount - defaults, static_cast<Py_ssize_t>(code->co_argcount)));
  } else {
    plural = code->co_argcount != 1;
    accepted = steal(PyUnicode_FromFormat("%zd", static_cast<Py_ssize_t>(code->co_argcount)));
  }
  if (!accepted) return failed;
  Ref<> more = keyword_only_given
                   ? steal(PyUnicode_FromFormat(" positional argument%s (and %zd keyword-only argument%s)", given != 1 ? "s" : "",
                                                keyword_only_given, keyword_only_given != 1 ? "s" : ""))
                   : steal(PyUnicode_FromString(""));
  if (!more) return failed;
  return raise(PyExc_TypeError, "%U() takes %U positional argument%s but %zd%U %s given", function->func_qualname, accepted.get(),
               plural ? "s" : "", given, more.get(), given == 1 && !keyword_only_given ? "was" : "were");
}

// "'a', 'b', and 'c'"
Ref<> join_names(PyObject* names) {
  const Py_ssize_t count = PyList_GET_SIZE(names);
  if (count == 1) return borrow(PyList_GET_ITEM(names, 0));
  if (count == 2) return steal(PyUnicode_FromFormat("%U and %U", PyList_GET_ITEM(names, 0), PyList_GET_ITEM(names, 1)));
  Ref<> tail = steal(PyUnicode_FromFormat(", %U, and %U", PyList_GET_ITEM(names, count - 2), PyList_GET_ITEM(names, count - 1)));
  if (!tail) return failed;
  if (PyList_SetSlice(names, count - 2, count, nullptr) < 0) return failed;
  Ref<> comma = steal(PyUnicode_FromString(", "));
  if (!comma) return failed;
  Ref<> head = steal(PyUnicode_Join(comma, names));
  if (!head) return failed;
  return steal(PyUnicode_Concat(head, tail));
}

Failed missing(PyFunctionObject* function, const char* kind, PyObject* names) {
  const Py_ssize_t count = PyList_GET_SIZE(names);
  Ref<> text = TRY(join_names(names));
  return raise(PyExc_TypeError, "%U() missing %i required %s argument%s: %U", function->func_qualname, static_cast<int>(count), kind,
               count == 1 ? "" : "s", text.get());
}

Failed missing_arguments(PyFunctionObject* function, PyCodeObject* code, const Value* locals, Py_ssize_t from, Py_ssize_t to,
                         const char* kind) {
  Ref<> names = TRY(steal(PyList_New(0)));
  for (Py_ssize_t i = from; i < to; ++i) {
    if (locals[i]) continue;
    Ref<> name = TRY(steal(PyObject_Repr(local_name(code, i))));
    TRY(PyList_Append(names, name));
  }
  return missing(function, kind, names);
}

// Positional-only parameters that were given by name: raises and returns Yes when there are any.
Found positional_only_by_keyword(PyFunctionObject* function, PyCodeObject* code, PyObject* keyword_names) {
  Ref<> names = TRY(steal(PyList_New(0)));
  for (int i = 0; i < code->co_posonlyargcount; ++i) {
    PyObject* name = local_name(code, i);
    for (Py_ssize_t j = 0; j < PyTuple_GET_SIZE(keyword_names); ++j) {
      PyObject* given = PyTuple_GET_ITEM(keyword_names, j);
      const int equal = given == name ? 1 : PyObject_RichCompareBool(name, given, Py_EQ);
      if (equal < 0) return failed;
      if (equal) TRY(PyList_Append(names, given));
    }
  }
  if (PyList_GET_SIZE(names) == 0) return Found::No;
  Ref<> comma = TRY(steal(PyUnicode_FromString(", ")));
  Ref<> text = TRY(steal(PyUnicode_Join(comma, names)));
  return raise(PyExc_TypeError, "%U() got some positional-only arguments passed as keyword arguments: '%U'", function->func_qualname,
               text.get());
}

Failed unexpected_keyword(PyFunctionObject* function, PyCodeObject* code, PyObject* keyword) {
  Ref<> candidates = TRY(steal(PyList_New(0)));
  const Py_ssize_t total = code->co_argcount + code->co_kwonlyargcount;
  for (Py_ssize_t i = code->co_posonlyargcount; i < total; ++i) TRY(PyList_Append(candidates, local_name(code, i)));
  Ref<> suggestion = closest_name(candidates, keyword);
  if (suggestion)
    return raise(PyExc_TypeError, "%U() got an unexpected keyword argument '%S'. Did you mean '%S'?", function->func_qualname, keyword,
                 suggestion.get());
  if (PyErr_Occurred()) return failed;
  return raise(PyExc_TypeError, "%U() got an unexpected keyword argument '%S'", function->func_qualname, keyword);
}

template <class Arguments>
Status bind_keywords(PyFunctionObject* function, PyCodeObject* code, Value* locals, Arguments& arguments, Py_ssize_t positional,
                     PyObject* keyword_names, PyObject* extra) {
  const Py_ssize_t total = code->co_argcount + code->co_kwonlyargcount;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(keyword_names); ++i) {
    PyObject* keyword = PyTuple_GET_ITEM(keyword_names, i);
    if (!PyUnicode_Check(keyword)) return raise(PyExc_TypeError, "%U() keywords must be strings", function->func_qualname);
    Py_ssize_t target = -1;
    for (Py_ssize_t j = code->co_posonlyargcount; j < total; ++j) {
      if (local_name(code, j) == keyword) {
        target = j;
        break;
      }
    }
    if (target < 0) {
      for (Py_ssize_t j = code->co_posonlyargcount; j < total; ++j) {
        const int equal = PyObject_RichCompareBool(keyword, local_name(code, j), Py_EQ);
        if (equal < 0) return failed;
        if (equal) {
          target = j;
          break;
        }
      }
    }
    if (target < 0) {
      if (!extra) {
        if (code->co_posonlyargcount) {
          if (TRY(positional_only_by_keyword(function, code, keyword_names))) return failed;
        }
        return unexpected_keyword(function, code, keyword);
      }
      if (PyDict_SetItem(extra, keyword, arguments.object(positional + i)) < 0) return failed;
      continue;
    }
    if (locals[target])
      return raise(PyExc_TypeError, "%U() got multiple values for argument '%S'", function->func_qualname, keyword);
    locals[target] = arguments.take(positional + i);
  }
  return Status::Ok;
}

template <class Arguments>
Status bind(PyFunctionObject* function, PyCodeObject* code, Value* locals, Arguments arguments, Py_ssize_t positional,
            PyObject* keyword_names) {
  const Py_ssize_t wanted = code->co_argcount;
  const Py_ssize_t total = wanted + code->co_kwonlyargcount;
  PyObject* extra = nullptr;
  if (code->co_flags & CO_VARKEYWORDS) {
    extra = TRY(PyDict_New());
    locals[total + ((code->co_flags & CO_VARARGS) ? 1 : 0)] = Value::owned(extra);
  }
  const Py_ssize_t direct = positional < wanted ? positional : wanted;
  for (Py_ssize_t i = 0; i < direct; ++i) locals[i] = arguments.take(i);
  if (code->co_flags & CO_VARARGS) {
    const Py_ssize_t more = positional - direct;
    PyObject* tuple = TRY(PyTuple_New(more));
    for (Py_ssize_t i = 0; i < more; ++i) PyTuple_SET_ITEM(tuple, i, arguments.take(direct + i).object());
    locals[total] = Value::owned(tuple);
  }
  if (keyword_names) TRY(bind_keywords(function, code, locals, arguments, positional, keyword_names, extra));
  if (positional > wanted && !(code->co_flags & CO_VARARGS)) return too_many_positional(function, code, positional, locals);
  if (positional < wanted) {
    const Py_ssize_t defaults = function->func_defaults ? PyTuple_GET_SIZE(function->func_defaults) : 0;
    const Py_ssize_t required = wanted - defaults;
    for (Py_ssize_t i = positional; i < required; ++i)
      if (!locals[i]) return missing_arguments(function, code, locals, 0, required, "positional");
    for (Py_ssize_t i = positional > required ? positional : (required > 0 ? required : 0); i < wanted; ++i)
      if (!locals[i]) locals[i] = Value::owned(Py_NewRef(PyTuple_GET_ITEM(function->func_defaults, i - required)));
  }
  if (code->co_kwonlyargcount) {
    bool any_missing = false;
    for (Py_ssize_t i = wanted; i < total; ++i) {
      if (locals[i]) continue;
      PyObject* value = nullptr;
      if (function->func_kwdefaults && PyDict_GetItemRef(function->func_kwdefaults, local_name(code, i), &value) < 0) return failed;
      if (value) locals[i] = Value::owned(value);
      else any_missing = true;
    }
    if (any_missing) return missing_arguments(function, code, locals, wanted, total, "keyword-only");
  }
  return Status::Ok;
}

template <class Arguments>
Frame* push(PyThreadState* thread, Value function, PyObject* locals, Arguments arguments, Py_ssize_t positional,
            PyObject* keyword_names) {
  auto* f = reinterpret_cast<PyFunctionObject*>(function.object());
  auto* code = reinterpret_cast<PyCodeObject*>(f->func_code);
  Frame* frame = executable(code) ? data_stack_push(thread, frame_words(code)) : nullptr;
  if (!frame) {
    close(function);
    Py_XDECREF(locals);
    return nullptr;
  }
  constexpr int kUnusual = CO_VARARGS | CO_VARKEYWORDS;
  if (positional == code->co_argcount && !keyword_names && !(code->co_flags & kUnusual) && !code->co_kwonlyargcount) [[likely]] {
    frame_initialise(thread, frame, function, locals, code, static_cast<int>(positional), nullptr);
    for (Py_ssize_t i = 0; i < positional; ++i) frame->localsplus[i] = arguments.take(i);
    return frame;
  }
  frame_initialise(thread, frame, function, locals, code, 0, nullptr);
  if (is_failure(bind(f, code, frame->localsplus, arguments, positional, keyword_names))) {
    frame_clear(frame);
    data_stack_pop(thread, frame);
    return nullptr;
  }
  return frame;
}

}  // namespace

Frame* push_call_frame(PyThreadState* thread, Value function, PyObject* locals, Value* arguments, Py_ssize_t positional,
                       PyObject* keyword_names) {
  Frame* frame = push(thread, Value::owned(function.take()), locals, StackArguments{arguments}, positional, keyword_names);
  // What binding did not take: keyword arguments that were copied into **kwargs, everything after a failure.
  const Py_ssize_t count = positional + (keyword_names ? PyTuple_GET_SIZE(keyword_names) : 0);
  if (!frame || keyword_names) {
    for (Py_ssize_t i = 0; i < count; ++i) {
      close_or_null(arguments[i]);
      arguments[i] = Value::null();
    }
  }
  return frame;
}

Frame* push_call_frame_borrowed(PyThreadState* thread, PyFunctionObject* function, PyObject* locals,
                                PyObject* const* arguments, Py_ssize_t positional, PyObject* keyword_names) {
  return push(thread, Value::owned(Py_NewRef(reinterpret_cast<PyObject*>(function))), locals, CallerArguments{arguments}, positional,
              keyword_names);
}

Frame* push_call_frame_spread(PyThreadState* thread, Value function, PyObject* locals, PyObject* args, PyObject* kwargs) {
  const Py_ssize_t positional = PyTuple_GET_SIZE(args);
  const Py_ssize_t keywords = kwargs ? PyDict_GET_SIZE(kwargs) : 0;
  Value owned = Value::owned(function.take());
  if (!keywords) return push(thread, owned, locals, CallerArguments{reinterpret_cast<PyTupleObject*>(args)->ob_item}, positional, nullptr);
  {
    PyObject* key;
    Py_ssize_t position = 0;
    while (PyDict_Next(kwargs, &position, &key, nullptr)) {
      if (PyUnicode_Check(key)) [[likely]] continue;
      close(owned);
      Py_XDECREF(locals);
      return raise(PyExc_TypeError, "keywords must be strings");
    }
  }
  Ref<> names = steal(PyTuple_New(keywords));
  auto** objects = static_cast<PyObject**>(PyMem_Malloc(static_cast<size_t>(positional + keywords) * sizeof(PyObject*)));
  if (!names || !objects) {
    if (names) PyErr_NoMemory();
    PyMem_Free(objects);
    close(owned);
    Py_XDECREF(locals);
    return nullptr;
  }
  for (Py_ssize_t i = 0; i < positional; ++i) objects[i] = Py_NewRef(PyTuple_GET_ITEM(args, i));
  PyObject *key, *value;
  Py_ssize_t position = 0, i = 0;
  while (i < keywords && PyDict_Next(kwargs, &position, &key, &value)) {
    PyTuple_SET_ITEM(names.get(), i, Py_NewRef(key));
    objects[positional + i++] = Py_NewRef(value);
  }
  Frame* frame = push(thread, owned, locals, CallerArguments{objects}, positional, names);
  for (Py_ssize_t j = 0; j < positional + i; ++j) Py_DECREF(objects[j]);
  PyMem_Free(objects);
  return frame;
}

}  // namespace ks
