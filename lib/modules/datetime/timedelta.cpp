// timedelta: days, seconds and microseconds in normal form. Arithmetic goes through the microseconds in 128 bits, where all
// values and their products with machine integers have room.
#include <cmath>

#include "modules/datetime/dates.h"
#include "object/export.h"

KS_EXPORT PyObject* _PyLong_DivmodNear(PyObject* a, PyObject* b);

namespace ks {

constinit PyDateTime_Delta zero_delta = {PyObject_HEAD_INIT(&DatetimeDelta_Type) -1, 0, 0, 0};

PyObject* compare_result(int difference, int op) {
  switch (op) {
    case Py_LT: return Py_NewRef(difference < 0 ? Py_True : Py_False);
    case Py_LE: return Py_NewRef(difference <= 0 ? Py_True : Py_False);
    case Py_EQ: return Py_NewRef(difference == 0 ? Py_True : Py_False);
    case Py_NE: return Py_NewRef(difference != 0 ? Py_True : Py_False);
    case Py_GT: return Py_NewRef(difference > 0 ? Py_True : Py_False);
    default: return Py_NewRef(difference >= 0 ? Py_True : Py_False);
  }
}

Ref<> delta_new(int days, int seconds, int micros, PyTypeObject* type) {
  if (days < -kMaxDeltaDays || days > kMaxDeltaDays)
    return raise(PyExc_OverflowError, "days=%d; must have magnitude <= %d", days, kMaxDeltaDays);
  Ref<> self = TRY(steal(type->tp_alloc(type, 0)));
  PyDateTime_Delta* fields = delta(self.get());
  fields->hashcode = -1;
  fields->days = days;
  fields->seconds = seconds;
  fields->microseconds = micros;
  return self;
}

static Failed too_large() { return raise(PyExc_OverflowError, "Python int too large to convert to C int"); }

// Division in 128 bits is a function call: what fits into 64 goes this way (300,000 years).
static Ref<> from_small_micros(int64_t micros, PyTypeObject* type) {
  constexpr int64_t kMicrosPerDay = static_cast<int64_t>(kSecondsPerDay) * kMicrosPerSecond;
  int64_t days = micros / kMicrosPerDay, rest = micros % kMicrosPerDay;
  if (rest < 0) {
    rest += kMicrosPerDay;
    --days;
  }
  return delta_new(static_cast<int>(days), static_cast<int>(rest / kMicrosPerSecond), static_cast<int>(rest % kMicrosPerSecond), type);
}
static Ref<> from_micros(Int128 micros, PyTypeObject* type = &DatetimeDelta_Type) {
  if (micros == static_cast<int64_t>(micros)) return from_small_micros(static_cast<int64_t>(micros), type);
  constexpr Int128 kMicrosPerDay = static_cast<Int128>(kSecondsPerDay) * kMicrosPerSecond;
  Int128 days = micros / kMicrosPerDay;
  long long rest = static_cast<long long>(micros % kMicrosPerDay);
  if (rest < 0) {
    rest += static_cast<long long>(kMicrosPerDay);
    --days;
  }
  if (days < INT_MIN || days > INT_MAX) return too_large();
  return delta_new(static_cast<int>(days), static_cast<int>(rest / kMicrosPerSecond), static_cast<int>(rest % kMicrosPerSecond), type);
}
Ref<> delta_normalized(long long days, long long seconds, long long micros, PyTypeObject* type) {
  return from_micros((static_cast<Int128>(days) * kSecondsPerDay + seconds) * kMicrosPerSecond + micros, type);
}
Int128 delta_micros(PyObject* self) {
  const PyDateTime_Delta* d = delta(self);
  return (static_cast<Int128>(d->days) * kSecondsPerDay + d->seconds) * kMicrosPerSecond + d->microseconds;
}

// ---- numbers -----------------------------------------------------------------------------------------------------------

static Ref<> int_from(Int128 value) {
  if (value >= LLONG_MIN && value <= LLONG_MAX) return steal(PyLong_FromLongLong(static_cast<long long>(value)));
  return steal(PyLong_FromNativeBytes(&value, sizeof value, -1));
}
// Whether the int fits.
static Found int_to(PyObject* object, Int128* value) {
  int overflow;
  const long long small = PyLong_AsLongLongAndOverflow(object, &overflow);
  if (!overflow) {
    if (small == -1 && PyErr_Occurred()) return failed;
    *value = small;
    return Found::Yes;
  }
  const Py_ssize_t needed = PyLong_AsNativeBytes(object, value, sizeof *value, -1);
  if (needed < 0) return failed;
  return needed <= static_cast<Py_ssize_t>(sizeof *value) ? Found::Yes : Found::No;
}
static Int128 floor_divide(Int128 a, Int128 b) {
  const int64_t x = static_cast<int64_t>(a), y = static_cast<int64_t>(b);
  if (x == a && y == b && y != -1) return x % y != 0 && (x < 0) != (y < 0) ? x / y - 1 : x / y;
  const Int128 quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}
// To nearest, ties to even.
static Int128 divide_nearest(Int128 a, Int128 b) {
  Int128 quotient = floor_divide(a, b);
  const Int128 remainder = a - quotient * b;  // the sign of b
  const Int128 distance = remainder < 0 ? -remainder : remainder, size = b < 0 ? -b : b;
  const Int128 other = size - distance;
  if (distance > other || (distance == other && quotient % 2 != 0)) ++quotient;
  return quotient;
}
static Failed zero_division() { return raise(PyExc_ZeroDivisionError, "division by zero"); }

// From a Python int of microseconds.
static Ref<> from_micros_object(PyObject* object) {
  Int128 micros;
  if (!TRY(int_to(object, &micros))) return too_large();
  return from_micros(micros);
}

// ---- timedelta(...) -----------------------------------------------------------------------------------------------------

namespace {

// The sum of the arguments, exact as long as they are ints; the rest of floats below a microsecond is collected apart.
struct Sum {
  Int128 micros = 0;
  double leftover = 0.0;
  Ref<> big;  // what does not fit into 128 bits, an int

  Status add_int(PyObject* number, long long factor) {
    int overflow;
    const long long small = PyLong_AsLongLongAndOverflow(number, &overflow);
    if (!overflow) {
      if (small == -1 && PyErr_Occurred()) return failed;
      micros += static_cast<Int128>(small) * factor;
      return Status::Ok;
    }
    Ref<> multiplier = TRY(steal(PyLong_FromLongLong(factor)));
    Ref<> product = TRY(steal(PyNumber_Multiply(number, multiplier)));
    if (!big) big = std::move(product);
    else big = TRY(steal(PyNumber_Add(big, product)));
    return Status::Ok;
  }
  Status add(const char* name, PyObject* number, long long factor) {
    if (PyLong_Check(number)) return add_int(number, factor);
    if (!PyFloat_Check(number))
      return raise(PyExc_TypeError, "unsupported type for timedelta %s component: %s", name, Py_TYPE(number)->tp_name);
    double whole;
    const double fraction = std::modf(PyFloat_AS_DOUBLE(number), &whole);
    Ref<> part = TRY(steal(PyLong_FromDouble(whole)));
    TRY(add_int(part, factor));
    if (fraction == 0.0) return Status::Ok;
    leftover += std::modf(static_cast<double>(factor) * fraction, &whole);
    part = TRY(steal(PyLong_FromDouble(whole)));
    return add_int(part, 1);
  }
  Status total(Int128* result) {
    bool fits = true;
    if (big) {
      Ref<> small = TRY(int_from(micros));
      Ref<> all = TRY(steal(PyNumber_Add(big, small)));
      fits = TRY(int_to(all, result));
    } else {
      *result = micros;
    }
    if (leftover != 0.0) {
      double whole = std::round(leftover);
      if (std::fabs(whole - leftover) == 0.5) {
        // A tie goes to the even sum.
        const int odd = *result & 1 ? 1 : 0;
        whole = 2.0 * std::round((leftover + odd) * 0.5) - odd;
      }
      *result += static_cast<long long>(whole);
    }
    return fits ? Status::Ok : too_large();
  }
};

constexpr int kDeltaArguments = 7;
struct DeltaArguments {
  PyObject* values[kDeltaArguments];  // days, seconds, microseconds, milliseconds, minutes, hours, weeks; nullptr: not given
};
PyObject* argument_name(int index) {
  switch (index) {
    case 0: return "days"_id;
    case 1: return "seconds"_id;
    case 2: return "microseconds"_id;
    case 3: return "milliseconds"_id;
    case 4: return "minutes"_id;
    case 5: return "hours"_id;
    default: return "weeks"_id;
  }
}
Ref<> delta_from_arguments(const DeltaArguments& given, PyTypeObject* type) {
  TRY(require_module());
  constexpr long long kSecond = kMicrosPerSecond;
  // From the smallest unit, as the sum of what floats leave over depends on the order.
  static constexpr struct {
    int index;
    const char* name;
    long long factor;
  } units[] = {{2, "microseconds", 1},         {3, "milliseconds", 1000},     {1, "seconds", kSecond},         {4, "minutes", 60 * kSecond},
               {5, "hours", 3600 * kSecond}, {0, "days", 86400 * kSecond}, {6, "weeks", 7 * 86400 * kSecond}};
  Sum sum;
  for (const auto& unit : units)
    if (PyObject* value = given.values[unit.index]) TRY(sum.add(unit.name, value, unit.factor));
  Int128 total;
  TRY(sum.total(&total));
  return from_micros(total, type);
}
PyObject* delta_tp_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks", nullptr};
  PyObject *days = nullptr, *seconds = nullptr, *micros = nullptr, *millis = nullptr, *minutes = nullptr, *hours = nullptr, *weeks = nullptr;
  if (!kwargs && PyTuple_GET_SIZE(args) == 1) {
    days = PyTuple_GET_ITEM(args, 0);
  } else if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OOOOOOO:__new__", const_cast<char**>(names), &days, &seconds, &micros, &millis,
                                          &minutes, &hours, &weeks)) {
    return nullptr;
  }
  const DeltaArguments given = {days, seconds, micros, millis, minutes, hours, weeks};
  return delta_from_arguments(given, type).release();
}
PyObject* delta_vectorcall(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  const Py_ssize_t count = PyVectorcall_NARGS(nargsf);
  DeltaArguments given{};
  if (count > kDeltaArguments) return call_new(type, args, count, kwnames);
  for (Py_ssize_t i = 0; i < count; ++i) given.values[i] = args[i];
  for (Py_ssize_t k = 0; kwnames && k < PyTuple_GET_SIZE(kwnames); ++k) {
    // Interned names; everything else, and what is given twice, is left to the usual way.
    int i = 0;
    while (i < kDeltaArguments && argument_name(i) != PyTuple_GET_ITEM(kwnames, k)) ++i;
    if (i == kDeltaArguments || given.values[i]) return call_new(type, args, count, kwnames);
    given.values[i] = args[count + k];
  }
  return delta_from_arguments(given, as<PyTypeObject>(type)).release();
}

// ---- the protocols --------------------------------------------------------------------------------------------------------

PyObject* delta_tp_repr(PyObject* self) {
  const PyDateTime_Delta* d = delta(self);
  char text[100];
  int size = 0;
  const char* separator = "";
  const auto add = [&](const char* name, int value) {
    if (!value) return;
    size += PyOS_snprintf(text + size, sizeof text - static_cast<size_t>(size), "%s%s=%d", separator, name, value);
    separator = ", ";
  };
  text[0] = 0;
  add("days", d->days);
  add("seconds", d->seconds);
  add("microseconds", d->microseconds);
  return PyUnicode_FromFormat("%s(%s)", Py_TYPE(self)->tp_name, size ? text : "0");
}
PyObject* delta_tp_str(PyObject* self) {
  const PyDateTime_Delta* d = delta(self);
  char text[100];
  int size = 0;
  const auto add = [&](const char* format, auto... values) {
    size += PyOS_snprintf(text + size, sizeof text - static_cast<size_t>(size), format, values...);
  };
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wformat-nonliteral"
#pragma clang diagnostic ignored "-Wformat-security"
  if (d->days) add("%d day%s, ", d->days, d->days == 1 || d->days == -1 ? "" : "s");
  add("%d:%02d:%02d", d->seconds / 3600, d->seconds / 60 % 60, d->seconds % 60);
  if (d->microseconds) add(".%06d", d->microseconds);
#pragma clang diagnostic pop
  return PyUnicode_FromStringAndSize(text, size);
}
Py_hash_t delta_tp_hash(PyObject* self) {
  PyDateTime_Delta* d = delta(self);
  if (d->hashcode == -1) {
    Ref<> state = steal(Py_BuildValue("iii", d->days, d->seconds, d->microseconds));
    if (!state) return -1;
    d->hashcode = PyObject_Hash(state);
  }
  return d->hashcode;
}
PyObject* delta_tp_richcompare(PyObject* self, PyObject* other, int op) {
  if (!is_delta(other)) Py_RETURN_NOTIMPLEMENTED;
  return compare_result(delta_compare(self, other), op);
}

PyObject* delta_add(PyObject* left, PyObject* right) {
  if (!is_delta(left) || !is_delta(right)) Py_RETURN_NOTIMPLEMENTED;
  return from_micros(delta_micros(left) + delta_micros(right)).release();
}
PyObject* delta_nb_subtract(PyObject* left, PyObject* right) {
  if (!is_delta(left) || !is_delta(right)) Py_RETURN_NOTIMPLEMENTED;
  return delta_subtract(left, right).release();
}
PyObject* delta_nb_negative(PyObject* self) { return delta_negative(self).release(); }
PyObject* delta_nb_positive(PyObject* self) {
  const PyDateTime_Delta* d = delta(self);
  return delta_new(d->days, d->seconds, d->microseconds).release();
}
PyObject* delta_nb_absolute(PyObject* self) { return delta(self)->days < 0 ? delta_nb_negative(self) : delta_nb_positive(self); }
int delta_nb_bool(PyObject* self) { return delta(self)->days || delta(self)->seconds || delta(self)->microseconds; }

// numerator and denominator of a float, from its (overridable) as_integer_ratio().
Status ratio_of(PyObject* number, Ref<>* numerator, Ref<>* denominator) {
  Ref<> ratio = TRY(steal(PyObject_CallMethodNoArgs(number, "as_integer_ratio"_id)));
  if (!PyTuple_Check(ratio))
    return raise(PyExc_TypeError, "unexpected return type from as_integer_ratio(): expected tuple, not '%.200s'", Py_TYPE(ratio)->tp_name);
  if (PyTuple_GET_SIZE(ratio) != 2) return raise(PyExc_ValueError, "as_integer_ratio() must return a 2-tuple");
  *numerator = Ref<>::borrow(PyTuple_GET_ITEM(ratio.get(), 0));
  *denominator = Ref<>::borrow(PyTuple_GET_ITEM(ratio.get(), 1));
  return Status::Ok;
}
// delta * a / b, rounded to the nearest microsecond.
Ref<> scaled(PyObject* self, PyObject* a, PyObject* b) {
  Ref<> micros = TRY(int_from(delta_micros(self)));
  Ref<> product = TRY(steal(PyNumber_Multiply(micros, a)));
  Ref<> quotient = TRY(steal(_PyLong_DivmodNear(product, b)));
  return from_micros_object(PyTuple_GET_ITEM(quotient.get(), 0));
}
Ref<> times_int(PyObject* self, PyObject* number) {
  const Int128 micros = delta_micros(self);
  Int128 factor, product;
  if (micros == 0) return delta_new(0, 0, 0);
  if (!TRY(int_to(number, &factor)) || __builtin_mul_overflow(micros, factor, &product)) return too_large();
  return from_micros(product);
}
PyObject* delta_nb_multiply(PyObject* left, PyObject* right) {
  PyObject* self = is_delta(left) ? left : right;
  PyObject* number = self == left ? right : left;
  if (PyLong_Check(number)) return times_int(self, number).release();
  if (PyFloat_Check(number)) {
    Ref<> numerator, denominator;
    TRY(ratio_of(number, &numerator, &denominator));
    return scaled(self, numerator, denominator).release();
  }
  Py_RETURN_NOTIMPLEMENTED;
}
// The quotient by an int that may have any size.
Ref<> divided_by_int(PyObject* self, PyObject* number, Int128 (*divide)(Int128, Int128)) {
  const Int128 micros = delta_micros(self);
  Int128 divisor;
  if (!TRY(int_to(number, &divisor))) {
    // Larger than any timedelta: what matters is the sign.
    Ref<> zero = TRY(steal(PyLong_FromLong(0)));
    const int negative = PyObject_RichCompareBool(number, zero, Py_LT);
    if (negative < 0) return failed;
    constexpr Int128 kHuge = static_cast<Int128>(1) << 126;
    divisor = negative ? -kHuge : kHuge;
  }
  if (divisor == 0) return zero_division();
  return from_micros(divide(micros, divisor));
}
PyObject* delta_nb_floor_divide(PyObject* left, PyObject* right) {
  if (!is_delta(left)) Py_RETURN_NOTIMPLEMENTED;
  if (PyLong_Check(right)) return divided_by_int(left, right, floor_divide).release();
  if (!is_delta(right)) Py_RETURN_NOTIMPLEMENTED;
  const Int128 divisor = delta_micros(right);
  if (divisor == 0) return zero_division();
  return int_from(floor_divide(delta_micros(left), divisor)).release();
}
PyObject* true_quotient(Int128 a, Int128 b) {
  constexpr Int128 kExact = static_cast<Int128>(1) << 53;
  if (b == 0) return zero_division();
  // Both are doubles exactly: then their quotient is rounded once, as it should be.
  if (a > -kExact && a < kExact && b > -kExact && b < kExact) return PyFloat_FromDouble(static_cast<double>(a) / static_cast<double>(b));
  Ref<> left = TRY(int_from(a));
  Ref<> right = TRY(int_from(b));
  return PyNumber_TrueDivide(left, right);
}
PyObject* delta_nb_true_divide(PyObject* left, PyObject* right) {
  if (!is_delta(left)) Py_RETURN_NOTIMPLEMENTED;
  if (is_delta(right)) return true_quotient(delta_micros(left), delta_micros(right));
  if (PyLong_Check(right)) return divided_by_int(left, right, divide_nearest).release();
  if (PyFloat_Check(right)) {
    Ref<> numerator, denominator;
    TRY(ratio_of(right, &numerator, &denominator));
    return scaled(left, denominator, numerator).release();
  }
  Py_RETURN_NOTIMPLEMENTED;
}
PyObject* delta_nb_remainder(PyObject* left, PyObject* right) {
  if (!is_delta(left) || !is_delta(right)) Py_RETURN_NOTIMPLEMENTED;
  const Int128 a = delta_micros(left), b = delta_micros(right);
  if (b == 0) return zero_division();
  return from_micros(a - floor_divide(a, b) * b).release();
}
PyObject* delta_nb_divmod(PyObject* left, PyObject* right) {
  if (!is_delta(left) || !is_delta(right)) Py_RETURN_NOTIMPLEMENTED;
  const Int128 a = delta_micros(left), b = delta_micros(right);
  if (b == 0) return zero_division();
  const Int128 quotient = floor_divide(a, b);
  Ref<> first = TRY(int_from(quotient));
  Ref<> second = TRY(from_micros(a - quotient * b));
  return PyTuple_Pack(2, first.get(), second.get());
}

PyObject* timedelta_total_seconds(PyObject* self) { return delta_total_seconds(self); }
METHOD(timedelta, total_seconds, "($self, /)", "Total seconds in the duration.");
PyObject* timedelta___reduce__(PyObject* self) {
  const PyDateTime_Delta* d = delta(self);
  return Py_BuildValue("O(iii)", Py_TYPE(self), d->days, d->seconds, d->microseconds);
}
METHOD(timedelta, __reduce__, "($self, /)", "__reduce__() -> (cls, state)");

PyMethodDef methods[] = {timedelta_total_seconds_method, timedelta___reduce___method, {}};
PyMemberDef members[] = {
    {"days", Py_T_INT, offsetof(PyDateTime_Delta, days), Py_READONLY, "Number of days."},
    {"seconds", Py_T_INT, offsetof(PyDateTime_Delta, seconds), Py_READONLY, "Number of seconds (>= 0 and less than 1 day)."},
    {"microseconds", Py_T_INT, offsetof(PyDateTime_Delta, microseconds), Py_READONLY,
     "Number of microseconds (>= 0 and less than 1 second)."},
    {}};
PyNumberMethods numbers = {.nb_add = delta_add,
                           .nb_subtract = delta_nb_subtract,
                           .nb_multiply = delta_nb_multiply,
                           .nb_remainder = delta_nb_remainder,
                           .nb_divmod = delta_nb_divmod,
                           .nb_negative = delta_nb_negative,
                           .nb_positive = delta_nb_positive,
                           .nb_absolute = delta_nb_absolute,
                           .nb_bool = delta_nb_bool,
                           .nb_floor_divide = delta_nb_floor_divide,
                           .nb_true_divide = delta_nb_true_divide};

}  // namespace

Ref<> delta_subtract(PyObject* left, PyObject* right) { return from_micros(delta_micros(left) - delta_micros(right)); }
Ref<> delta_negative(PyObject* self) { return from_micros(-delta_micros(self)); }
int delta_compare(PyObject* left, PyObject* right) {
  const Int128 a = delta_micros(left), b = delta_micros(right);
  return (a > b) - (a < b);
}
PyObject* delta_total_seconds(PyObject* self) {
  TRY(require_module());
  return true_quotient(delta_micros(self), kMicrosPerSecond);
}

}  // namespace ks

constinit PyTypeObject DatetimeDelta_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "datetime.timedelta",
    .tp_basicsize = sizeof(PyDateTime_Delta),
    .tp_repr = ks::delta_tp_repr,
    .tp_as_number = &ks::numbers,
    .tp_hash = ks::delta_tp_hash,
    .tp_str = ks::delta_tp_str,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_doc = "Difference between two datetime values.\n\n"
              "timedelta(days=0, seconds=0, microseconds=0, milliseconds=0, minutes=0, hours=0, weeks=0)\n\n"
              "All arguments are optional and default to 0.\n"
              "Arguments may be integers or floats, and may be positive or negative.",
    .tp_richcompare = ks::delta_tp_richcompare,
    .tp_methods = ks::methods,
    .tp_members = ks::members,
    .tp_new = ks::delta_tp_new,
    .tp_vectorcall = ks::delta_vectorcall,
};
