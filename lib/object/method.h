// Methods as data: the text signature is the declaration.
//
//   Status list_append(PyListObject* list, PyObject* item) { ... }
//   METHOD(list, append, "($self, object, /)", "Add object as the last element.");
//   ...
//   PyMethodDef list_methods[] = {list_append_method, ..., {}};
//
// The signature (CPython's text signature, shown by inspect) is read at compile time. The C++ parameter types say how
// arguments are converted, the return type how the result is boxed; the calling convention (METH_NOARGS, METH_O,
// METH_FASTCALL, with or without METH_KEYWORDS) follows from both. A mismatch is a compile error.
//
//   parameter types   PyObject* (nullptr when omitted), Py_ssize_t, int, long, bool (truth), double, StrArgument,
//                     BufferArgument, TextArgument (const char* UTF-8), Index (slice index), or any type with a
//                     specialisation of ks::Argument<T>; "*args" is a PyObject* tuple, "**kwargs" a PyObject* dict.
//   result types      PyObject*, Ref<T>, Status (None), Found and bool (bool), Py_ssize_t, int, long (int), double,
//                     void (None)
//   omitted values    "name=default" with an integer, True, False, None or sys.maxsize as default is understood for the
//                     scalar types; PyObject* parameters become nullptr whatever the text says.
//
// Functions with unusual arguments take (self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) and are
// declared by METHOD_RAW. tp_new, tp_init and tp_call use a Signature constant and bind_tuple().
#pragma once

#include <Python.h>

#include <climits>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

#include "object/result.h"

// A pointer cast that the compiler folds in constant initialisers (its documented __builtin_constant_p idiom).
#define KS_CONSTANT_CAST(TYPE, POINTER) \
  (__builtin_constant_p(reinterpret_cast<TYPE>(POINTER)) ? reinterpret_cast<TYPE>(POINTER) : reinterpret_cast<TYPE>(POINTER))

namespace ks {

inline constexpr int kMaxParameters = 24;

// One parameter of a signature: offsets into its text.
struct Parameter {
  unsigned short name_begin = 0;
  unsigned short name_length = 0;
  unsigned short default_begin = 0;
  unsigned short default_length = 0;  // 0: required
};

// A text signature, read. `count` counts ordinary parameters, without *args and **kwargs.
struct Signature {
  const char* function = nullptr;
  const char* text = nullptr;
  unsigned char count = 0;
  unsigned char positional_only = 0;  // the first so many cannot be given by name
  unsigned char positional = 0;       // the first so many can be given by position
  unsigned char required = 0;         // leading positional parameters without default
  bool has_self = false;
  bool var_positional = false;
  bool var_keyword = false;
  Parameter parameters[kMaxParameters];
};

// Not constexpr: reaching it stops the compiler, which shows the text.
void signature_error(const char* message);

consteval Signature read_signature(const char* function, const char* text) {
  Signature result;
  result.function = function;
  result.text = text;
  int i = 0;
  while (text[i] && text[i] != '(') ++i;
  if (text[i] != '(') signature_error("a text signature starts with (");
  ++i;
  bool keyword_only = false;
  bool optional_seen = false;
  result.positional = 0;
  while (text[i] && text[i] != ')') {
    while (text[i] == ' ' || text[i] == ',' || text[i] == '\n') ++i;
    if (text[i] == ')') break;
    if (text[i] == '$') {
      while (text[i] && text[i] != ',' && text[i] != ')') ++i;
      result.has_self = true;
      continue;
    }
    if (text[i] == '/') {
      result.positional_only = result.count;
      ++i;
      continue;
    }
    if (text[i] == '*' && text[i + 1] == '*') {
      result.var_keyword = true;
      while (text[i] && text[i] != ',' && text[i] != ')') ++i;
      continue;
    }
    if (text[i] == '*') {
      keyword_only = true;
      ++i;
      if (text[i] != ',' && text[i] != ')' && text[i] != ' ') {
        result.var_positional = true;
        while (text[i] && text[i] != ',' && text[i] != ')') ++i;
      }
      continue;
    }
    Parameter parameter;
    parameter.name_begin = static_cast<unsigned short>(i);
    while (text[i] && text[i] != ',' && text[i] != ')' && text[i] != '=' && text[i] != ' ') ++i;
    parameter.name_length = static_cast<unsigned short>(i - parameter.name_begin);
    if (text[i] == '=') {
      ++i;
      parameter.default_begin = static_cast<unsigned short>(i);
      int depth = 0;
      char quote = 0;
      while (text[i]) {
        const char c = text[i];
        if (quote) {
          if (c == '\\') ++i;
          else if (c == quote) quote = 0;
        } else if (c == '\'' || c == '"') {
          quote = c;
        } else if (c == '(' || c == '[' || c == '{') {
          ++depth;
        } else if (depth > 0 && (c == ')' || c == ']' || c == '}')) {
          --depth;
        } else if (depth == 0 && (c == ',' || c == ')')) {
          break;
        }
        ++i;
      }
      parameter.default_length = static_cast<unsigned short>(i - parameter.default_begin);
      optional_seen = true;
    }
    if (result.count >= kMaxParameters) signature_error("too many parameters: raise kMaxParameters");
    result.parameters[result.count++] = parameter;
    if (!keyword_only) {
      result.positional = result.count;
      if (!optional_seen) result.required = result.count;
    }
  }
  return result;
}

// Binds the arguments of a call to `out[0 .. signature.count-1]` (borrowed; nullptr where omitted), with the
// reference's messages on a mismatch. For *args and **kwargs see `extra_positional` and `extra_keywords`: when the
// signature has them they receive a new tuple / a new dict (never nullptr on success).
Status bind(const Signature& signature, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames, PyObject** out,
            Ref<>* extra_positional = nullptr, Ref<>* extra_keywords = nullptr);
Status bind_tuple(const Signature& signature, PyObject* args, PyObject* kwargs, PyObject** out,
                  Ref<>* extra_positional = nullptr, Ref<>* extra_keywords = nullptr);

// TypeError "name() argument 2 must be str, not int", as the reference words it.
Failed raise_bad_argument(const Signature& signature, int index, const char* expected, PyObject* actual);

// ---- conversions -----------------------------------------------------------------------------------------------------

// An argument that must be a str.
struct StrArgument {
  PyObject* object = nullptr;
  operator PyObject*() const { return object; }
};
// UTF-8 text of a str argument without null characters; nullptr when omitted.
struct TextArgument {
  const char* text = nullptr;
  operator const char*() const { return text; }
};
// As TextArgument, and None is allowed (nullptr).
struct TextOrNoneArgument {
  const char* text = nullptr;
  operator const char*() const { return text; }
};
// A C-contiguous buffer of bytes, held for the call.
struct BufferArgument {
  Py_buffer view{};
  BufferArgument() = default;
  BufferArgument(const BufferArgument&) = delete;
  BufferArgument& operator=(const BufferArgument&) = delete;
  ~BufferArgument() {
    if (view.obj) PyBuffer_Release(&view);
  }
  bool given() const { return view.obj != nullptr; }
  const unsigned char* data() const { return static_cast<const unsigned char*>(view.buf); }
  Py_ssize_t size() const { return view.len; }
};
// A slice-like index: any __index__, clipped to Py_ssize_t; None keeps the default.
struct Index {
  Py_ssize_t value = 0;
  operator Py_ssize_t() const { return value; }
};
// A Py_ssize_t that may be None: then (and when omitted) the default given in the text applies, or -1.
struct SizeOrNone {
  Py_ssize_t value = -1;
  operator Py_ssize_t() const { return value; }
};

// Where an argument's value is made from its object; `index` and `signature` are for messages. `set_default` gets the
// default's text.
template <class T>
struct Argument;

consteval bool text_is(const char* text, int length, const char* other) {
  int i = 0;
  for (; i < length && other[i]; ++i)
    if (text[i] != other[i]) return false;
  return i == length && !other[i];
}
constexpr long long default_integer(const char* text, int length) {
  auto is = [&](const char* other) {
    int i = 0;
    for (; i < length && other[i]; ++i)
      if (text[i] != other[i]) return false;
    return i == length && !other[i];
  };
  if (is("True")) return 1;
  if (is("False") || is("None") || length == 0) return 0;
  if (is("sys.maxsize")) return PY_SSIZE_T_MAX;
  long long sign = 1, value = 0;
  int i = 0;
  if (text[0] == '-') sign = -1, ++i;
  for (; i < length; ++i) {
    if (text[i] < '0' || text[i] > '9') return 0;
    value = value * 10 + (text[i] - '0');
  }
  return sign * value;
}

template <>
struct Argument<PyObject*> {
  PyObject* value = nullptr;
  void set_default(const char*, int) {}
  bool convert(const Signature&, int, PyObject* object) {
    value = object;
    return true;
  }
};
// Implemented out of line: the conversions with the reference's messages.
bool convert_ssize(PyObject* object, Py_ssize_t* value);
bool convert_int(PyObject* object, int* value);
bool convert_long(PyObject* object, long* value);
bool convert_double(PyObject* object, double* value);
bool convert_index(PyObject* object, Py_ssize_t* value);  // clips; None leaves *value
bool convert_text(const Signature&, int index, PyObject* object, bool none_allowed, const char** value);
bool convert_buffer(const Signature&, int index, PyObject* object, Py_buffer* view);

#define KS_SCALAR_ARGUMENT(TYPE, FUNCTION)                                              \
  template <>                                                                           \
  struct Argument<TYPE> {                                                               \
    TYPE value{};                                                                       \
    void set_default(const char* text, int length) {                                    \
      value = static_cast<TYPE>(default_integer(text, length));                         \
    }                                                                                   \
    bool convert(const Signature&, int, PyObject* object) { return FUNCTION(object, &value); } \
  };
KS_SCALAR_ARGUMENT(Py_ssize_t, convert_ssize)
KS_SCALAR_ARGUMENT(int, convert_int)
KS_SCALAR_ARGUMENT(double, convert_double)
#undef KS_SCALAR_ARGUMENT

template <>
struct Argument<bool> {
  bool value = false;
  void set_default(const char* text, int length) { value = default_integer(text, length) != 0; }
  bool convert(const Signature&, int, PyObject* object) {
    const int truth = PyObject_IsTrue(object);
    value = truth > 0;
    return truth >= 0;
  }
};
template <>
struct Argument<Index> {
  Index value;
  void set_default(const char* text, int length) { value.value = static_cast<Py_ssize_t>(default_integer(text, length)); }
  bool convert(const Signature&, int, PyObject* object) { return convert_index(object, &value.value); }
};
template <>
struct Argument<SizeOrNone> {
  SizeOrNone value;
  void set_default(const char* text, int length) {
    if (length && text[0] != 'N') value.value = static_cast<Py_ssize_t>(default_integer(text, length));
  }
  bool convert(const Signature&, int, PyObject* object) { return object == Py_None || convert_ssize(object, &value.value); }
};
template <>
struct Argument<StrArgument> {
  StrArgument value;
  void set_default(const char*, int) {}
  bool convert(const Signature& signature, int index, PyObject* object) {
    if (!PyUnicode_Check(object)) {
      (void)raise_bad_argument(signature, index, "str", object);
      return false;
    }
    value.object = object;
    return true;
  }
};
template <>
struct Argument<TextArgument> {
  TextArgument value;
  void set_default(const char*, int) {}
  bool convert(const Signature& signature, int index, PyObject* object) {
    return convert_text(signature, index, object, false, &value.text);
  }
};
template <>
struct Argument<TextOrNoneArgument> {
  TextOrNoneArgument value;
  void set_default(const char*, int) {}
  bool convert(const Signature& signature, int index, PyObject* object) {
    return convert_text(signature, index, object, true, &value.text);
  }
};
template <>
struct Argument<BufferArgument> {
  BufferArgument value;
  void set_default(const char*, int) {}
  bool convert(const Signature& signature, int index, PyObject* object) {
    return convert_buffer(signature, index, object, &value.view);
  }
};

// ---- results ---------------------------------------------------------------------------------------------------------

inline PyObject* box(PyObject* result) { return result; }
template <class T>
PyObject* box(Ref<T> result) {
  return reinterpret_cast<PyObject*>(result.release());
}
inline PyObject* box(Status result) { return result == Status::Error ? nullptr : Py_NewRef(Py_None); }
inline PyObject* box(Found result) {
  return result == Found::Error ? nullptr : Py_NewRef(result == Found::Yes ? Py_True : Py_False);
}
inline PyObject* box(bool result) { return Py_NewRef(result ? Py_True : Py_False); }
inline PyObject* box(Py_ssize_t result) {
  return result == -1 && PyErr_Occurred() ? nullptr : PyLong_FromSsize_t(result);
}
inline PyObject* box(int result) { return result == -1 && PyErr_Occurred() ? nullptr : PyLong_FromLong(result); }
inline PyObject* box(double result) {
  return result == -1.0 && PyErr_Occurred() ? nullptr : PyFloat_FromDouble(result);
}

// ---- the thunk between a C calling convention and a typed function ------------------------------------------------------

template <class F>
struct FunctionTraits;
template <class R, class Self, class... P>
struct FunctionTraits<R (*)(Self, P...)> {
  using Result = R;
  using SelfType = Self;
  using Parameters = std::tuple<std::remove_cvref_t<P>...>;
  static constexpr int kCount = sizeof...(P);
};

template <const Signature& signature, auto function>
struct Thunk {
  using Traits = FunctionTraits<decltype(function)>;
  using Self = typename Traits::SelfType;
  static constexpr int kCount = signature.count;
  static constexpr int kExtra = (signature.var_positional ? 1 : 0) + (signature.var_keyword ? 1 : 0);
  static constexpr bool kFits = Traits::kCount == kCount + kExtra;
  static constexpr int kSignatureParameters = kCount + kExtra;
  static_assert(Traits::kCount == kSignatureParameters, "text signature and C++ parameters disagree in number");
  static constexpr bool kKeywords = signature.positional_only != signature.count || signature.var_keyword;

  template <int I>
  using Converter = Argument<std::tuple_element_t<I, typename Traits::Parameters>>;

  template <size_t... I>
  static PyObject* convert_and_call(PyObject* self, PyObject** arguments, PyObject* positional, PyObject* keywords,
                                    std::index_sequence<I...>) {
    std::tuple<Converter<I>...> values;
    const bool good = (convert_one<I>(std::get<I>(values), arguments[I]) && ...);
    if (!good) return nullptr;
    auto call = [&](auto&&... more) {
      if constexpr (std::is_void_v<typename Traits::Result>) {
        function(reinterpret_cast<Self>(self), std::get<I>(values).value..., more...);
        return Py_NewRef(Py_None);
      } else {
        return box(function(reinterpret_cast<Self>(self), std::get<I>(values).value..., more...));
      }
    };
    if constexpr (signature.var_positional && signature.var_keyword) return call(positional, keywords);
    else if constexpr (signature.var_positional) return call(positional);
    else if constexpr (signature.var_keyword) return call(keywords);
    else return call();
  }
  template <size_t I, class C>
  static bool convert_one(C& converter, PyObject* object) {
    if (!object) {
      constexpr Parameter parameter = signature.parameters[I];
      converter.set_default(signature.text + parameter.default_begin, parameter.default_length);
      return true;
    }
    return converter.convert(signature, I, object);
  }
  using Sequence = std::make_index_sequence<static_cast<size_t>(kCount)>;

  static PyObject* no_arguments(PyObject* self, PyObject*) {
    return convert_and_call(self, nullptr, nullptr, nullptr, Sequence{});
  }
  static PyObject* one_argument(PyObject* self, PyObject* argument) {
    return convert_and_call(self, &argument, nullptr, nullptr, Sequence{});
  }
  static PyObject* fast(PyObject* self, PyObject* const* args, Py_ssize_t nargs) {
    return fast_keywords(self, args, nargs, nullptr);
  }
  static PyObject* fast_keywords(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    PyObject* arguments[kCount + 1] = {};
    Ref<> positional, keywords;
    if (is_failure(bind(signature, args, nargs, kwnames, arguments, signature.var_positional ? &positional : nullptr,
                        signature.var_keyword ? &keywords : nullptr)))
      return nullptr;
    return convert_and_call(self, arguments, positional.get(), keywords.get(), Sequence{});
  }

  static constexpr PyMethodDef definition(const char* name, const char* doc, int flags) {
    if constexpr (kSignatureParameters == 0) {
      return {name, no_arguments, METH_NOARGS | flags, doc};
    } else if constexpr (!kKeywords && kExtra == 0 && kCount == 1 && signature.required == 1) {
      return {name, one_argument, METH_O | flags, doc};
    } else if constexpr (!kKeywords) {
      return {name, reinterpret_cast_fast(fast), METH_FASTCALL | flags, doc};
    } else {
      return {name, reinterpret_cast_keywords(fast_keywords), METH_FASTCALL | METH_KEYWORDS | flags, doc};
    }
  }
  // PyMethodDef has one pointer type for all conventions.
  static constexpr PyCFunction reinterpret_cast_fast(PyCFunctionFast pointer) {
    return KS_CONSTANT_CAST(PyCFunction, pointer);
  }
  static constexpr PyCFunction reinterpret_cast_keywords(PyCFunctionFastWithKeywords pointer) {
    return KS_CONSTANT_CAST(PyCFunction, pointer);
  }
};

}  // namespace ks

// METHOD(prefix, name, signature, doc): the row `prefix_name_method` for the function `prefix_name`.
#define METHOD(PREFIX, NAME, SIGNATURE, DOC) METHOD_AS(PREFIX##_##NAME, #NAME, 0, SIGNATURE, DOC)
#define CLASS_METHOD(PREFIX, NAME, SIGNATURE, DOC) METHOD_AS(PREFIX##_##NAME, #NAME, METH_CLASS, SIGNATURE, DOC)
#define STATIC_METHOD(PREFIX, NAME, SIGNATURE, DOC) METHOD_AS(PREFIX##_##NAME, #NAME, METH_STATIC, SIGNATURE, DOC)
// The same where the Python name is not the tail of the function's: METHOD_AS(list_iterator_reduce, "__reduce__", 0, ...)
#define METHOD_AS(FUNCTION, NAME, FLAGS, SIGNATURE, DOC)                                             \
  static constexpr char FUNCTION##_name[] = NAME;                                                    \
  static constexpr char FUNCTION##_doc[] = NAME SIGNATURE "\n--\n\n" DOC;                            \
  static constexpr ks::Signature FUNCTION##_signature = ks::read_signature(FUNCTION##_name, SIGNATURE); \
  static constexpr PyMethodDef FUNCTION##_method =                                                   \
      ks::Thunk<FUNCTION##_signature, &FUNCTION>::definition(FUNCTION##_name, FUNCTION##_doc, FLAGS)
// A function (self, args, nargs, kwnames) that reads its arguments itself.
#define METHOD_RAW(FUNCTION, NAME, FLAGS, DOC)                                                       \
  static constexpr PyMethodDef FUNCTION##_method = {                                                 \
      NAME, KS_CONSTANT_CAST(PyCFunction, static_cast<PyCFunctionFastWithKeywords>(&FUNCTION)),    \
      METH_FASTCALL | METH_KEYWORDS | (FLAGS), DOC}
