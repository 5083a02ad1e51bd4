// int: life of the objects, the type and its methods.
//
// Arithmetic is in int_arithmetic.cpp, conversion from and to C values in int_convert.cpp, text in text/int_text.cpp.
#include "types/int.h"

#include <algorithm>
#include <bit>

#include "object/export.h"
#include "object/method.h"
#include "runtime/rooms.h"
#include "runtime/state.h"
#include "text/format_spec.h"
#include "types/int_digits.h"

namespace ks {

// ---- the small ints --------------------------------------------------------------------------------------------------

static constexpr SmallInts make_small_ints() {
  SmallInts result{};
  for (int i = 0; i < kSmallIntCount; ++i) {
    const int value = i + kSmallIntLowest;
    PyLongObject& o = result.values[i];
    o.ob_base.ob_refcnt_full = _Py_STATIC_IMMORTAL_INITIAL_REFCNT;
    o.ob_base.ob_type = &PyLong_Type;
    o.long_value.lv_tag = value == 0 ? 1 | 4 : value < 0 ? (1 << 3) | 4 | 2 : (1 << 3) | 4;
    o.long_value.ob_digit[0] = static_cast<digit>(value < 0 ? -value : value);
  }
  return result;
}
constinit SmallInts small_ints = make_small_ints();

static constexpr int kFreeIntLimit = 256;

// ---- allocation ------------------------------------------------------------------------------------------------------

PyLongObject* int_allocate(Py_ssize_t count) {
  if (count < 1) count = 1;
  PyLongObject* z;
  if (count == 1) {
    NumberTypesState& state = interpreter()->numbers;
    if (state.free_ints) {
      PyObject* o = state.free_ints;
      state.free_ints = reinterpret_cast<PyObject*>(o->ob_type);
      --state.free_int_count;
      o->ob_type = &PyLong_Type;
      o->ob_refcnt_full = 1;
      z = as_int(o);
      z->long_value.lv_tag = 1 << 3;
      return z;
    }
  }
  if (static_cast<size_t>(count) > (static_cast<size_t>(PY_SSIZE_T_MAX) - 64) / sizeof(digit)) {
    PyErr_SetString(PyExc_OverflowError, "too many digits in integer");
    return nullptr;
  }
  // Odd counts fill whole words; one digit more costs nothing.
  z = static_cast<PyLongObject*>(PyObject_Malloc(offsetof(PyLongObject, long_value.ob_digit) + static_cast<size_t>(count) * sizeof(digit)));
  if (!z) {
    PyErr_NoMemory();
    return nullptr;
  }
  PyObject_Init(object(z), &PyLong_Type);
  z->long_value.lv_tag = static_cast<uintptr_t>(count) << 3;
  z->long_value.ob_digit[0] = 0;
  return z;
}

void int_free(PyObject* o) {
  if (int_is_compact(o)) {
    if (int_tag(o) & 4) [[unlikely]] {  // a small int whose count was ruined by an extension
      o->ob_refcnt_full = _Py_STATIC_IMMORTAL_INITIAL_REFCNT;
      return;
    }
    NumberTypesState& state = interpreter()->numbers;
    if (state.free_int_count < kFreeIntLimit) {
      o->ob_type = reinterpret_cast<PyTypeObject*>(state.free_ints);
      state.free_ints = o;
      ++state.free_int_count;
      return;
    }
  }
  PyObject_Free(o);
}

static void int_dealloc(PyObject* o) {
  if (PyLong_CheckExact(o)) int_free(o);
  else Py_TYPE(o)->tp_free(o);
}

PyObject* int_new_compact(int64_t value) {
  PyLongObject* z = int_allocate(1);
  if (!z) return nullptr;
  z->long_value.lv_tag = value < 0 ? (1 << 3) | 2 : 1 << 3;
  z->long_value.ob_digit[0] = static_cast<digit>(value < 0 ? -value : value);
  return object(z);
}

PyObject* int_from_magnitude(uint64_t magnitude, bool negative) {
  if (magnitude <= PyLong_MASK) {
    const int64_t value = negative ? -static_cast<int64_t>(magnitude) : static_cast<int64_t>(magnitude);
    return int_is_small(value) ? int_small(value) : int_new_compact(value);
  }
  const Py_ssize_t count = magnitude >> 60 ? 3 : 2;
  PyLongObject* z = int_allocate(count);
  if (!z) return nullptr;
  z->long_value.lv_tag = int_make_tag(negative ? -1 : 1, count);
  z->long_value.ob_digit[0] = static_cast<digit>(magnitude & PyLong_MASK);
  z->long_value.ob_digit[1] = static_cast<digit>((magnitude >> 30) & PyLong_MASK);
  if (count == 3) z->long_value.ob_digit[2] = static_cast<digit>(magnitude >> 60);
  return object(z);
}
PyObject* int_from_int64(int64_t value) {
  if (int_is_small(value)) return int_small(value);
  return int_from_magnitude(value < 0 ? -static_cast<uint64_t>(value) : static_cast<uint64_t>(value), value < 0);
}
PyObject* int_from_uint64(uint64_t value) { return int_from_magnitude(value, false); }

PyObject* int_finish(PyLongObject* z, Py_ssize_t count, bool negative) {
  if (!z) return nullptr;
  const digit* digits = z->long_value.ob_digit;
  while (count > 0 && digits[count - 1] == 0) --count;
  if (count <= 1) {
    const int64_t magnitude = count ? digits[0] : 0;
    const int64_t value = negative ? -magnitude : magnitude;
    if (int_is_small(value)) {
      // The tag may be out of step with what was allocated: never to the free list.
      PyObject_Free(z);
      return int_small(value);
    }
  }
  z->long_value.lv_tag = int_make_tag(count == 0 ? 0 : negative ? -1 : 1, count);
  return object(z);
}

bool int_fits_int64(const PyObject* o, int64_t* value) {
  const digit* d = int_digits(o);
  uint64_t magnitude;
  switch (int_digit_count(o)) {
    case 0: *value = 0; return true;
    case 1: magnitude = d[0]; break;
    case 2: magnitude = d[0] | (static_cast<uint64_t>(d[1]) << 30); break;
    case 3:
      if (d[2] > 15) return false;
      magnitude = d[0] | (static_cast<uint64_t>(d[1]) << 30) | (static_cast<uint64_t>(d[2]) << 60);
      break;
    default: return false;
  }
  if (int_is_negative(o)) {
    if (magnitude > (uint64_t{1} << 63)) return false;
    *value = static_cast<int64_t>(-magnitude);
  } else {
    if (magnitude >> 63) return false;
    *value = static_cast<int64_t>(magnitude);
  }
  return true;
}

// ---- limbs -----------------------------------------------------------------------------------------------------------

void digits_to_limbs(const digit* digits, Py_ssize_t count, mp_limb_t* limbs) {
  unsigned __int128 accumulator = 0;
  int bits = 0;
  for (Py_ssize_t i = 0; i < count; ++i) {
    accumulator |= static_cast<unsigned __int128>(digits[i]) << bits;
    bits += PyLong_SHIFT;
    if (bits >= 64) {
      *limbs++ = static_cast<mp_limb_t>(accumulator);
      accumulator >>= 64;
      bits -= 64;
    }
  }
  if (bits > 0) *limbs = static_cast<mp_limb_t>(accumulator);
}
void limbs_to_digits(const mp_limb_t* limbs, Py_ssize_t limb_count, digit* digits, Py_ssize_t count) {
  unsigned __int128 accumulator = 0;
  int bits = 0;
  Py_ssize_t next = 0;
  for (Py_ssize_t i = 0; i < count; ++i) {
    if (bits < PyLong_SHIFT && next < limb_count) {
      accumulator |= static_cast<unsigned __int128>(limbs[next++]) << bits;
      bits += 64;
    }
    digits[i] = static_cast<digit>(accumulator) & PyLong_MASK;
    accumulator >>= PyLong_SHIFT;
    bits -= PyLong_SHIFT;
  }
}
PyObject* int_from_limbs(const mp_limb_t* limbs, Py_ssize_t limb_count, bool negative) {
  while (limb_count > 0 && limbs[limb_count - 1] == 0) --limb_count;
  if (limb_count <= 1) return int_from_magnitude(limb_count ? limbs[0] : 0, negative);
  const Py_ssize_t bits = limb_count * 64 - std::countl_zero(limbs[limb_count - 1]);
  const Py_ssize_t count = (bits + PyLong_SHIFT - 1) / PyLong_SHIFT;
  PyLongObject* z = int_allocate(count);
  if (!z) return nullptr;
  limbs_to_digits(limbs, limb_count, z->long_value.ob_digit, count);
  z->long_value.lv_tag = int_make_tag(negative ? -1 : 1, count);
  return object(z);
}

// ---- the room --------------------------------------------------------------------------------------------------------

Status numbers_start(PyInterpreterState* state) {
  state->numbers.max_str_digits = state->core.config_read && state->core.config.int_max_str_digits >= 0
                                      ? state->core.config.int_max_str_digits
                                      : 4300;
  return Status::Ok;
}
static void clear_free_list(PyObject*& list, int& count) {
  while (list) {
    PyObject* o = list;
    list = reinterpret_cast<PyObject*>(o->ob_type);
    PyObject_Free(o);
  }
  count = 0;
}
void numbers_end(PyInterpreterState* state) {
  NumberTypesState& numbers = state->numbers;
  Py_CLEAR(numbers.int_info);
  Py_CLEAR(numbers.int_info_type);
  Py_CLEAR(numbers.float_info_type);
  clear_free_list(numbers.free_ints, numbers.free_int_count);
  clear_free_list(numbers.free_floats, numbers.free_float_count);
}
int int_max_str_digits() { return interpreter()->numbers.max_str_digits; }
void int_set_max_str_digits(int value) { interpreter()->numbers.max_str_digits = value; }

static PyStructSequence_Field int_info_fields[] = {
    {"bits_per_digit", "size of a digit in bits"},
    {"sizeof_digit", "size in bytes of the C type used to represent a digit"},
    {"default_max_str_digits", "maximum string conversion digits limitation"},
    {"str_digits_check_threshold", "minimum positive value for int_max_str_digits"},
    {nullptr, nullptr}};
static PyStructSequence_Desc int_info_description = {
    "sys.int_info", "How ints are represented: a named tuple with information about Python's internal representation of integers.", int_info_fields, 4};

PyObject* int_info() {
  NumberTypesState& state = interpreter()->numbers;
  if (state.int_info) return Py_NewRef(state.int_info);
  if (!state.int_info_type) state.int_info_type = PyStructSequence_NewType(&int_info_description);
  if (!state.int_info_type) return nullptr;
  Ref<> info = TRY(steal(PyStructSequence_New(state.int_info_type)));
  const long values[] = {PyLong_SHIFT, sizeof(digit), 4300, 640};
  for (int i = 0; i < 4; ++i) PyStructSequence_SetItem(info, i, TRY(PyLong_FromLong(values[i])));
  state.int_info = Py_NewRef(info);
  return info.release();
}

// ---- slots -----------------------------------------------------------------------------------------------------------

namespace {

template <PyObject* (*core)(PyObject*, PyObject*)>
PyObject* binary(PyObject* a, PyObject* b) {
  if (!PyLong_Check(a) || !PyLong_Check(b)) Py_RETURN_NOTIMPLEMENTED;
  return core(a, b);
}
PyObject* power_slot(PyObject* a, PyObject* b, PyObject* modulus) {
  if (!PyLong_Check(a) || !PyLong_Check(b) || (modulus != Py_None && !PyLong_Check(modulus))) Py_RETURN_NOTIMPLEMENTED;
  return int_power(a, b, modulus);
}
int bool_slot(PyObject* o) { return !int_is_zero(o); }
PyObject* float_slot(PyObject* o) {
  const double value = PyLong_AsDouble(o);
  return value == -1.0 && PyErr_Occurred() ? nullptr : PyFloat_FromDouble(value);
}
PyObject* compare_slot(PyObject* a, PyObject* b, int operation) {
  if (!PyLong_Check(a) || !PyLong_Check(b)) Py_RETURN_NOTIMPLEMENTED;
  const int order = a == b ? 0 : int_compare(a, b);
  Py_RETURN_RICHCOMPARE(order, 0, operation);
}
PyObject* repr_slot(PyObject* o) { return int_to_str(o, 10, false).release(); }

// int(...) of a subclass: an exact int first, then its digits in an object that the subclass allocates.
PyObject* new_of_type(PyTypeObject* type, PyObject* exact) {
  if (!exact) return nullptr;
  Ref<> value = steal(exact);
  if (type == &PyLong_Type) return value.release();
  if (!PyLong_Check(value)) return raise(PyExc_TypeError, "__int__ returned non-int (type %T)", value.get());
  const Py_ssize_t count = int_digit_count(value);
  PyObject* result = TRY(type->tp_alloc(type, std::max<Py_ssize_t>(count, 1)));
  as_int(result)->long_value.lv_tag = int_tag(value) & ~uintptr_t{4};
  memcpy(as_int(result)->long_value.ob_digit, int_digits(value), static_cast<size_t>(std::max<Py_ssize_t>(count, 1)) * sizeof(digit));
  return result;
}
PyObject* construct(PyTypeObject* type, PyObject* x, PyObject* base_object) {
  if (!x) {
    if (base_object) return raise(PyExc_TypeError, "int() missing string argument");
    return new_of_type(type, int_small(0));
  }
  if (!base_object) {
    if (type == &PyLong_Type && PyLong_CheckExact(x)) return Py_NewRef(x);
    return new_of_type(type, PyNumber_Long(x));
  }
  Py_ssize_t base = PyNumber_AsSsize_t(base_object, nullptr);
  if (base == -1 && PyErr_Occurred()) return nullptr;
  if ((base != 0 && base < 2) || base > 36) return raise(PyExc_ValueError, "int() base must be >= 2 and <= 36, or 0");
  if (PyUnicode_Check(x)) return new_of_type(type, PyLong_FromUnicodeObject(x, static_cast<int>(base)));
  if (PyByteArray_Check(x) || PyBytes_Check(x)) {
    const char* text = PyByteArray_Check(x) ? PyByteArray_AS_STRING(x) : PyBytes_AS_STRING(x);
    const Py_ssize_t size = Py_SIZE(x);
    char* end = nullptr;
    PyObject* value = PyLong_FromString(text, &end, static_cast<int>(base));
    if (value && end == text + size) return new_of_type(type, value);
    if (!value && end == nullptr) return nullptr;  // another error than a malformed number
    Py_XDECREF(value);
    Ref<> shown = TRY(steal(PyBytes_FromStringAndSize(text, std::min<Py_ssize_t>(size, 200))));
    return raise(PyExc_ValueError, "invalid literal for int() with base %d: %.200R", static_cast<int>(base), shown.get());
  }
  return raise(PyExc_TypeError, "int() can't convert non-string with explicit base");
}
constexpr Signature construct_signature = read_signature("int", "(x=0, /, base=10)");

PyObject* new_slot(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* values[2] = {};
  TRY(bind_tuple(construct_signature, args, kwargs, values));
  return construct(type, values[0], values[1]);
}
PyObject* vectorcall(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  const Py_ssize_t count = PyVectorcall_NARGS(nargsf);
  PyObject* values[2] = {};
  if (count > 2 && !kwnames) return raise(PyExc_TypeError, "int expected at most 2 arguments, got %zd", count);
  if (!kwnames) {
    for (Py_ssize_t i = 0; i < count; ++i) values[i] = args[i];
  } else {
    TRY(bind(construct_signature, args, count, kwnames, values));
  }
  return construct(reinterpret_cast<PyTypeObject*>(type), values[0], values[1]);
}

// ---- methods ---------------------------------------------------------------------------------------------------------

PyObject* exact(PyObject* self) { return int_copy(self); }
PyObject* int_conjugate(PyObject* self) { return exact(self); }
METHOD(int, conjugate, "($self, /)", "The number itself: an int is its own complex conjugate.");
METHOD_AS(exact, "__trunc__", 0, "($self, /)", "Truncating an int gives the int itself.");
PyObject* floor_self(PyObject* self) { return exact(self); }
METHOD_AS(floor_self, "__floor__", 0, "($self, /)", "The floor of an int is the int itself.");
PyObject* ceil_self(PyObject* self) { return exact(self); }
METHOD_AS(ceil_self, "__ceil__", 0, "($self, /)", "The ceiling of an int is the int itself.");
PyObject* int_bit_length_(PyObject* self) { return int_from_int64(int_bit_length(self)); }
METHOD_AS(int_bit_length_, "bit_length", 0, "($self, /)",
          "Number of bits necessary to represent self in binary.\n\n>>> bin(37)\n'0b100101'\n>>> (37).bit_length()\n6");
PyObject* int_bit_count(PyObject* self) {
  int64_t count = 0;
  const digit* digits = int_digits(self);
  for (Py_ssize_t i = int_digit_count(self); i-- > 0;) count += std::popcount(digits[i]);
  return int_from_int64(count);
}
METHOD(int, bit_count, "($self, /)",
       "Number of ones in the binary representation of the absolute value of self.\n\n>>> bin(13)\n'0b1101'\n>>> (13).bit_count()\n3");
PyObject* int_as_integer_ratio(PyObject* self) {
  Ref<> numerator = TRY(steal(exact(self)));
  return PyTuple_Pack(2, numerator.get(), int_small(1));
}
METHOD(int, as_integer_ratio, "($self, /)", "The pair (self, 1), whose quotient is the int.");
bool int_is_integer(PyObject*) { return true; }
METHOD(int, is_integer, "($self, /)", "Always True; there for duck type compatibility with float.is_integer.");
PyObject* get_new_arguments(PyObject* self) {
  Ref<> value = TRY(steal(exact(self)));
  return PyTuple_Pack(1, value.get());
}
METHOD_AS(get_new_arguments, "__getnewargs__", 0, "($self, /)", "");
PyObject* format_method(PyObject* self, StrArgument spec) { return format_int(self, spec); }
METHOD_AS(format_method, "__format__", 0, "($self, format_spec, /)", "Convert to a string according to format_spec.");
Py_ssize_t size_method(PyObject* self) {
  return Py_TYPE(self)->tp_basicsize + Py_TYPE(self)->tp_itemsize * std::max<Py_ssize_t>(int_digit_count(self), 1);
}
METHOD_AS(size_method, "__sizeof__", 0, "($self, /)", "Size in memory, in bytes.");

}  // namespace

// (a - q*b, q) with q = a / b rounded to the nearest int, ties to even. The pair is (quotient, remainder).
static PyObject* divmod_near(PyObject* a, PyObject* b) {
  if (int_is_zero(b)) return raise(PyExc_ZeroDivisionError, "division by zero");
  Ref<> pair = TRY(steal(int_divmod(a, b)));
  Ref<> quotient = borrow(PyTuple_GET_ITEM(pair.get(), 0)), remainder = borrow(PyTuple_GET_ITEM(pair.get(), 1));
  Ref<> twice = TRY(steal(int_shift_left_by(remainder, 1)));
  // The remainder has b's sign.
  int order = int_compare(twice, b);
  if (int_is_negative(b)) order = -order;
  const bool odd = int_digit_count(quotient) && (int_digits(quotient)[0] & 1);
  if (order > 0 || (order == 0 && odd)) {
    quotient = TRY(steal(int_add(quotient, int_small(1))));
    remainder = TRY(steal(int_subtract(remainder, b)));
  }
  return PyTuple_Pack(2, quotient.get(), remainder.get());
}

namespace {
PyObject* round_method(PyObject* self, PyObject* ndigits) {
  if (!ndigits || ndigits == Py_None) return exact(self);
  Ref<> digits = TRY(steal(PyNumber_Index(ndigits)));
  if (!int_is_negative(digits)) return exact(self);
  Ref<> power = TRY(steal(int_negate(digits)));
  power = TRY(steal(int_power(int_small(10), power, Py_None)));
  Ref<> pair = TRY(steal(divmod_near(self, power)));
  return int_subtract(self, PyTuple_GET_ITEM(pair.get(), 1));
}
PyObject* round_raw(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject*) {
  if (nargs > 1) return raise(PyExc_TypeError, "__round__ expected at most 1 argument, got %zd", nargs);
  return round_method(self, nargs ? args[0] : nullptr);
}
constexpr PyMethodDef round_definition = {
    "__round__", KS_CONSTANT_CAST(PyCFunction, static_cast<PyCFunctionFast>([](PyObject* self, PyObject* const* args, Py_ssize_t n) {
      return round_raw(self, args, n, nullptr);
    })),
    METH_FASTCALL, "__round__($self, ndigits=None, /)\n--\n\nRound an int: to a multiple of a power of ten for negative ndigits."};

// ---- bytes -----------------------------------------------------------------------------------------------------------

int read_byte_order(PyObject* order) {  // 1: little, 0: big
  if (!order || PyUnicode_EqualToUTF8(order, "big")) return 0;
  if (PyUnicode_EqualToUTF8(order, "little")) return 1;
  return raise(PyExc_ValueError, "byteorder must be either 'little' or 'big'");
}
PyObject* int_to_bytes(PyObject* self, Py_ssize_t length, StrArgument byteorder, bool is_signed) {
  const int little = TRY(read_byte_order(byteorder));
  if (length < 0) return raise(PyExc_ValueError, "length argument must be non-negative");
  Ref<> result = TRY(steal(PyBytes_FromStringAndSize(nullptr, length)));
  if (_PyLong_AsByteArray(as_int(self), reinterpret_cast<unsigned char*>(PyBytes_AS_STRING(result.get())), static_cast<size_t>(length),
                          little, is_signed, 1) < 0)
    return nullptr;
  return result.release();
}
METHOD(int, to_bytes, "($self, /, length=1, byteorder='big', *, signed=False)",
       "The int as an array of bytes.\n\n  length\n    How many bytes; OverflowError when the number does not fit.\n"
       "  byteorder\n    'big': the most significant byte first; 'little': last.\n"
       "  signed\n    Two's complement; without it a negative number is an OverflowError.");
PyObject* int_from_bytes(PyObject* type, PyObject* bytes, StrArgument byteorder, bool is_signed) {
  const int little = TRY(read_byte_order(byteorder));
  Ref<> data = TRY(steal(PyObject_Bytes(bytes)));
  Ref<> value = TRY(steal(_PyLong_FromByteArray(reinterpret_cast<unsigned char*>(PyBytes_AS_STRING(data.get())),
                                                static_cast<size_t>(PyBytes_GET_SIZE(data.get())), little, is_signed)));
  if (type == object(&PyLong_Type)) return value.release();
  return PyObject_CallOneArg(type, value);
}
CLASS_METHOD(int, from_bytes, "($type, /, bytes, byteorder='big', *, signed=False)",
             "The int that an array of bytes represents.\n\n  bytes\n    A bytes-like object or an iterable of ints.\n"
             "  byteorder\n    'big': the most significant byte first; 'little': last.\n"
             "  signed\n    Whether the bytes are two's complement.");

PyMethodDef methods[] = {int_conjugate_method, int_bit_length__method, int_bit_count_method, int_to_bytes_method, int_from_bytes_method,
                         int_as_integer_ratio_method, exact_method, floor_self_method, ceil_self_method, round_definition,
                         get_new_arguments_method, format_method_method, size_method_method, int_is_integer_method, {}};

PyObject* get_exact(PyObject* self, void*) { return exact(self); }
PyObject* get_constant(PyObject*, void* value) { return int_small(reinterpret_cast<intptr_t>(value)); }
PyGetSetDef properties[] = {{"real", get_exact, nullptr, "the real part of a complex number", nullptr},
                            {"imag", get_constant, nullptr, "the imaginary part of a complex number", nullptr},
                            {"numerator", get_exact, nullptr, "the numerator of a rational number in lowest terms", nullptr},
                            {"denominator", get_constant, nullptr, "the denominator of a rational number in lowest terms",
                             reinterpret_cast<void*>(1)},
                            {}};

PyNumberMethods number_slots = {
    .nb_add = binary<int_add>, .nb_subtract = binary<int_subtract>, .nb_multiply = binary<int_multiply>,
    .nb_remainder = binary<int_remainder>, .nb_divmod = binary<int_divmod>, .nb_power = power_slot, .nb_negative = int_negate,
    .nb_positive = exact, .nb_absolute = int_absolute, .nb_bool = bool_slot, .nb_invert = int_invert,
    .nb_lshift = binary<int_left_shift>, .nb_rshift = binary<int_right_shift>, .nb_and = binary<int_and>, .nb_xor = binary<int_xor>,
    .nb_or = binary<int_or>, .nb_int = exact, .nb_float = float_slot, .nb_floor_divide = binary<int_floor_divide>,
    .nb_true_divide = binary<int_true_divide>, .nb_index = exact};

}  // namespace
}  // namespace ks

// (quotient, remainder) with the quotient rounded to nearest, ties to even. New; NULL on error.
KS_EXPORT PyObject* _PyLong_DivmodNear(PyObject* a, PyObject* b) {
  if (!PyLong_Check(a) || !PyLong_Check(b)) return ks::raise(PyExc_TypeError, "non-integer arguments in division");
  return ks::divmod_near(a, b);
}
// Frees an exact int whose count is zero.
KS_EXPORT void _PyLong_ExactDealloc(PyObject* o) { ks::int_free(o); }
// sys.int_info. New; NULL on error.
PyObject* PyLong_GetInfo(void) { return ks::int_info(); }

PyTypeObject PyLong_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0) .tp_name = "int",
    .tp_basicsize = offsetof(PyLongObject, long_value.ob_digit),
    .tp_itemsize = sizeof(digit),
    .tp_dealloc = ks::int_dealloc,
    .tp_repr = ks::repr_slot,
    .tp_as_number = &ks::number_slots,
    .tp_hash = ks::int_hash,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_LONG_SUBCLASS | _Py_TPFLAGS_MATCH_SELF,
    .tp_doc = "int([x]) -> integer\nint(x, base=10) -> integer\n\n"
              "Make an integer from a number or from text; int() is 0. A number gives x.__int__(), a float loses its fraction.\n\n"
              "With a base (2 to 36, or 0: read the base from the prefix as in a literal), or when x is no number, x must be a str,\n"
              "bytes or bytearray instance with an integer literal in it; '+' or '-' may precede it and whitespace surround it.\n"
              ">>> int('0b100', base=0)\n4",
    .tp_richcompare = ks::compare_slot,
    .tp_methods = ks::methods,
    .tp_getset = ks::properties,
    .tp_new = ks::new_slot,
    .tp_free = PyObject_Free,
    .tp_vectorcall = ks::vectorcall,
};
