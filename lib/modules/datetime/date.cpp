// date.
#include "modules/datetime/dates.h"
#include "object/export.h"

KS_EXPORT int _PyTime_localtime(time_t t, struct tm* result);
KS_EXPORT int _PyTime_ObjectToTime_t(PyObject* object, time_t* seconds, int rounding);

namespace ks {

static void set_date(PyObject* self, int year, int month, int day) {
  unsigned char* data = as<PyDateTime_Date>(self)->data;
  data[0] = static_cast<unsigned char>(year >> 8);
  data[1] = static_cast<unsigned char>(year & 0xff);
  data[2] = static_cast<unsigned char>(month);
  data[3] = static_cast<unsigned char>(day);
}
Ref<> date_new(int year, int month, int day, PyTypeObject* type) {
  TRY(check_date(year, month, day));
  Ref<> self = TRY(steal(type->tp_alloc(type, 0)));
  as<PyDateTime_Date>(self.get())->hashcode = -1;
  set_date(self, year, month, day);
  return self;
}
Ref<> date_make(int year, int month, int day, PyObject* cls) {
  if (cls == object(&DatetimeDate_Type)) return date_new(year, month, day);
  return steal(PyObject_CallFunction(cls, "iii", year, month, day));
}
static Ref<> date_make_of_ordinal(int ordinal, PyObject* cls) {
  const YearMonthDay d = date_of_ordinal(ordinal);
  return date_make(d.year, d.month, d.day, cls);
}

bool read_small_ints(PyObject* const* args, int* const* values, Py_ssize_t count) {
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* item = args[i];
    if (!PyLong_CheckExact(item) || !PyUnstable_Long_IsCompact(as<PyLongObject>(item))) return false;
    const Py_ssize_t value = PyUnstable_Long_CompactValue(as<PyLongObject>(item));
    if (value < INT_MIN || value > INT_MAX) return false;
    *values[i] = static_cast<int>(value);
  }
  return true;
}
PyObject* call_new(PyObject* type, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  Ref<> positional = TRY(steal(PyTuple_New(nargs)));
  for (Py_ssize_t i = 0; i < nargs; ++i) PyTuple_SET_ITEM(positional.get(), i, Py_NewRef(args[i]));
  Ref<> keywords;
  if (kwnames && PyTuple_GET_SIZE(kwnames)) {
    keywords = TRY(steal(PyDict_New()));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(kwnames); ++i)
      TRY(PyDict_SetItem(keywords, PyTuple_GET_ITEM(kwnames, i), args[nargs + i]));
  }
  return as<PyTypeObject>(type)->tp_new(as<PyTypeObject>(type), positional, keywords);
}
Status replaced(PyObject* argument, int* value) {
  if (!argument) return Status::Ok;
  *value = PyLong_AsInt(argument);
  return *value == -1 && PyErr_Occurred() ? failed : Status::Ok;
}

Ref<> date_from_timestamp(PyObject* cls, PyObject* timestamp) {
  constexpr int kFloor = 0;
  time_t seconds;
  struct tm tm;
  if (_PyTime_ObjectToTime_t(timestamp, &seconds, kFloor) < 0 || _PyTime_localtime(seconds, &tm) != 0) return failed;
  return date_make(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, cls);
}

namespace {

PyObject* date_tp_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"year", "month", "day", nullptr};
  PickleState state;
  TRY(read_pickle_state(args, "date", _PyDateTime_DATE_DATASIZE, 2, 1, 12, false, &state));
  if (state.found) {
    Ref<> self = TRY(steal(type->tp_alloc(type, 0)));
    as<PyDateTime_Date>(self.get())->hashcode = -1;
    memcpy(as<PyDateTime_Date>(self.get())->data, state.data(), _PyDateTime_DATE_DATASIZE);
    return self.release();
  }
  int year, month, day;
  int* const values[] = {&year, &month, &day};
  if (kwargs || PyTuple_GET_SIZE(args) != 3 || !read_small_ints(args, values, 3)) {
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "iii", const_cast<char**>(names), &year, &month, &day)) return nullptr;
  }
  return date_new(year, month, day, type).release();
}

PyObject* date_vectorcall(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  const Py_ssize_t count = PyVectorcall_NARGS(nargsf);
  int year, month, day;
  int* const values[] = {&year, &month, &day};
  if (!kwnames && count == 3 && read_small_ints(args, values, 3)) return date_new(year, month, day).release();
  return call_new(type, args, count, kwnames);
}

// ---- class methods --------------------------------------------------------------------------------------------------------

PyObject* date_fromtimestamp(PyObject* cls, PyObject* timestamp) { return date_from_timestamp(cls, timestamp).release(); }
CLASS_METHOD(date, fromtimestamp, "($type, timestamp, /)",
             "Create a date from a POSIX timestamp.\n\nThe timestamp is a number, e.g. created via time.time(), that is\n"
             "interpreted as local time.");
PyObject* date_today(PyObject* cls) {
  if (cls == object(&DatetimeDate_Type)) {
    struct tm tm;
    if (_PyTime_localtime(::time(nullptr), &tm) != 0) return nullptr;
    return date_new(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday).release();
  }
  Ref<> function = TRY(steal(PyImport_ImportModuleAttrString("time", "time")));
  Ref<> now = TRY(steal(PyObject_CallNoArgs(function)));
  return PyObject_CallMethodOneArg(cls, "fromtimestamp"_id, now);
}
CLASS_METHOD(date, today, "($type, /)", "Current date or datetime:  same as self.__class__.fromtimestamp(time.time()).");
PyObject* date_fromordinal(PyObject* cls, PyObject* args) {
  int ordinal;
  if (!PyArg_ParseTuple(args, "i:fromordinal", &ordinal)) return nullptr;
  if (ordinal < 1) return raise(PyExc_ValueError, "ordinal must be >= 1");
  return date_make_of_ordinal(ordinal, cls).release();
}
PyObject* date_fromisoformat(PyObject* cls, PyObject* text) { return date_from_isoformat(cls, text); }
CLASS_METHOD(date, fromisoformat, "($type, object, /)", "str -> Construct a date from a string in ISO 8601 format.");
PyObject* date_fromisocalendar(PyObject* cls, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"year", "week", "day", nullptr};
  int year, week, day, ordinal;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "iii:fromisocalendar", const_cast<char**>(names), &year, &week, &day)) {
    if (PyErr_ExceptionMatches(PyExc_OverflowError)) PyErr_SetString(PyExc_ValueError, "ISO calendar component out of range");
    return nullptr;
  }
  TRY(ordinal_of_iso(year, week, day, &ordinal));
  return date_make_of_ordinal(ordinal, cls).release();
}
PyObject* date_strptime(PyObject* cls, PyObject* args) { return parse_by_strptime("_strptime_datetime_date", cls, args); }

// ---- methods --------------------------------------------------------------------------------------------------------------

Fields fields_at_midnight(PyObject* self) {
  const YearMonthDay d = date_fields(self);
  return {d.year, d.month, d.day, 0, 0, 0, 0};
}
PyObject* date_ctime(PyObject* self) { return ctime_of(fields_at_midnight(self)).release(); }
METHOD(date, ctime, "($self, /)", "Return ctime() style string.");
// Serves datetime too.
PyObject* date_strftime(PyObject* self, PyObject* format) {
  if (!PyUnicode_Check(format))
    return raise(PyExc_TypeError, "strftime() argument 1 must be str, not %.50s", format == Py_None ? "None" : Py_TYPE(format)->tp_name);
  Ref<> timetuple = TRY(steal(PyObject_CallMethodNoArgs(self, "timetuple"_id)));
  return format_by_strftime(self, format, timetuple, self).release();
}
METHOD_PLAIN_DOC(date_strftime, "strftime", 0, "($self, /, format)", "format -> strftime() style string.");
PyObject* date___format__(PyObject* self, PyObject* args) {
  PyObject* spec;
  if (!PyArg_ParseTuple(args, "U:__format__", &spec)) return nullptr;
  return format_by_spec(self, spec).release();
}
PyObject* date_timetuple(PyObject* self) { return build_struct_time(fields_at_midnight(self), -1).release(); }
METHOD(date, timetuple, "($self, /)", "Return time tuple, compatible with time.localtime().");
PyObject* date_isocalendar(PyObject* self) {
  const YearMonthDay d = date_fields(self);
  int year, week, weekday;
  iso_calendar_of(d.year, d.month, d.day, &year, &week, &weekday);
  return iso_calendar_new(year, week, weekday);
}
METHOD(date, isocalendar, "($self, /)", "Return a named tuple containing ISO year, week number, and weekday.");
PyObject* date_isoformat(PyObject* self) {
  const YearMonthDay d = date_fields(self);
  return PyUnicode_FromFormat("%04d-%02d-%02d", d.year, d.month, d.day);
}
METHOD(date, isoformat, "($self, /)", "Return string in ISO 8601 format, YYYY-MM-DD.");
int weekday(PyObject* self) {
  const YearMonthDay d = date_fields(self);
  return weekday_of(d.year, d.month, d.day);
}
int date_isoweekday(PyObject* self) { return weekday(self) + 1; }
METHOD(date, isoweekday, "($self, /)", "Return the day of the week represented by the date.\nMonday == 1 ... Sunday == 7");
int date_weekday(PyObject* self) { return weekday(self); }
METHOD(date, weekday, "($self, /)", "Return the day of the week represented by the date.\nMonday == 0 ... Sunday == 6");
int date_toordinal(PyObject* self) { return date_ordinal(self); }
METHOD(date, toordinal, "($self, /)", "Return proleptic Gregorian ordinal.  January 1 of year 1 is day 1.");
PyObject* date_replace(PyObject* self, PyObject* year, PyObject* month, PyObject* day) {
  YearMonthDay d = date_fields(self);
  TRY(replaced(year, &d.year));
  TRY(replaced(month, &d.month));
  TRY(replaced(day, &d.day));
  return date_make(d.year, d.month, d.day, object(Py_TYPE(self))).release();
}
METHOD(date, replace, "($self, /, year=unchanged, month=unchanged, day=unchanged)", "Return date with new specified fields.");
constexpr PyMethodDef date___replace___method = {"__replace__", date_replace_method.ml_meth, date_replace_method.ml_flags,
                                                 "__replace__($self, /, **changes)\n--\n\nThe same as replace()."};
PyObject* date___reduce__(PyObject* self) {
  Ref<> state = TRY(pickle_state(as<PyDateTime_Date>(self)->data, _PyDateTime_DATE_DATASIZE, 0, false, Py_None));
  return PyTuple_Pack(2, Py_TYPE(self), state.get());
}
METHOD(date, __reduce__, "($self, /)", "__reduce__() -> (cls, state)");

// ---- protocols --------------------------------------------------------------------------------------------------------------

PyObject* date_tp_repr(PyObject* self) {
  const YearMonthDay d = date_fields(self);
  return PyUnicode_FromFormat("%s(%d, %d, %d)", Py_TYPE(self)->tp_name, d.year, d.month, d.day);
}
PyObject* date_tp_str(PyObject* self) { return PyObject_CallMethodNoArgs(self, "isoformat"_id); }
Py_hash_t date_tp_hash(PyObject* self) {
  PyDateTime_Date* d = as<PyDateTime_Date>(self);
  if (d->hashcode == -1) d->hashcode = Py_HashBuffer(d->data, _PyDateTime_DATE_DATASIZE);
  return d->hashcode;
}
PyObject* date_tp_richcompare(PyObject* self, PyObject* other, int op) {
  // Whether a date and a datetime are the same is left to the datetime.
  if (!is_date(other) || is_datetime(other)) Py_RETURN_NOTIMPLEMENTED;
  return compare_result(memcmp(as<PyDateTime_Date>(self)->data, as<PyDateTime_Date>(other)->data, _PyDateTime_DATE_DATASIZE), op);
}
PyObject* add_days(PyObject* self, int days) {
  const int ordinal = date_ordinal(self) + days;
  if (ordinal < 1 || ordinal > kMaxOrdinal) return raise(PyExc_OverflowError, "date value out of range");
  return date_make_of_ordinal(ordinal, object(Py_TYPE(self))).release();
}
PyObject* date_nb_add(PyObject* left, PyObject* right) {
  if (is_datetime(left) || is_datetime(right)) Py_RETURN_NOTIMPLEMENTED;
  if (is_date(left)) {
    if (is_delta(right)) return add_days(left, delta(right)->days);
  } else if (is_delta(left)) {
    return add_days(right, delta(left)->days);
  }
  Py_RETURN_NOTIMPLEMENTED;
}
PyObject* date_nb_subtract(PyObject* left, PyObject* right) {
  if (is_datetime(left) || is_datetime(right)) Py_RETURN_NOTIMPLEMENTED;
  if (is_date(left)) {
    if (is_date(right)) return delta_new(date_ordinal(left) - date_ordinal(right), 0, 0).release();
    if (is_delta(right)) return add_days(left, -delta(right)->days);
  }
  Py_RETURN_NOTIMPLEMENTED;
}

PyObject* get_year(PyObject* self, void*) { return PyLong_FromLong(PyDateTime_GET_YEAR(self)); }
PyObject* get_month(PyObject* self, void*) { return PyLong_FromLong(PyDateTime_GET_MONTH(self)); }
PyObject* get_day(PyObject* self, void*) { return PyLong_FromLong(PyDateTime_GET_DAY(self)); }
PyGetSetDef getset[] = {{"year", get_year, nullptr, nullptr, nullptr},
                        {"month", get_month, nullptr, nullptr, nullptr},
                        {"day", get_day, nullptr, nullptr, nullptr},
                        {}};
PyMethodDef methods[] = {
    date_fromtimestamp_method,
    {"fromordinal", date_fromordinal, METH_VARARGS | METH_CLASS, "int -> date corresponding to a proleptic Gregorian ordinal."},
    date_fromisoformat_method,
    {"fromisocalendar", KS_CONSTANT_CAST(PyCFunction, &date_fromisocalendar), METH_VARARGS | METH_KEYWORDS | METH_CLASS,
     "int, int, int -> Construct a date from the ISO year, week number and weekday.\n\n"
     "This is the inverse of the date.isocalendar() function"},
    {"strptime", date_strptime, METH_VARARGS | METH_CLASS, "string, format -> new date parsed from a string (like time.strptime())."},
    date_today_method,
    date_ctime_method,
    date_strftime_method,
    {"__format__", date___format__, METH_VARARGS, "Formats self with strftime."},
    date_timetuple_method,
    date_isocalendar_method,
    date_isoformat_method,
    date_isoweekday_method,
    date_toordinal_method,
    date_weekday_method,
    date_replace_method,
    date___replace___method,
    date___reduce___method,
    {}};
PyNumberMethods numbers = {.nb_add = date_nb_add, .nb_subtract = date_nb_subtract};

}  // namespace
}  // namespace ks

constinit PyTypeObject DatetimeDate_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "datetime.date",
    .tp_basicsize = sizeof(PyDateTime_Date),
    .tp_repr = ks::date_tp_repr,
    .tp_as_number = &ks::numbers,
    .tp_hash = ks::date_tp_hash,
    .tp_str = ks::date_tp_str,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_doc = "date(year, month, day) --> date object",
    .tp_richcompare = ks::date_tp_richcompare,
    .tp_methods = ks::methods,
    .tp_getset = ks::getset,
    .tp_new = ks::date_tp_new,
    .tp_vectorcall = ks::date_vectorcall,
};
