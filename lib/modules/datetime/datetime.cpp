// datetime: the type, its constructors and methods.
#include "modules/datetime/dates.h"
#include "object/export.h"

KS_EXPORT int _PyTime_localtime(time_t t, struct tm* result);
KS_EXPORT int _PyTime_gmtime(time_t t, struct tm* result);

namespace ks {

static PyDateTime_DateTime* datetime_object(PyObject* o) { return as<PyDateTime_DateTime>(o); }

// What came for a moment in UTC, shown in a zone.
static Ref<> from_utc(Ref<> moment, PyObject* tzinfo) {
  if (!moment || tzinfo == Py_None) return moment;
  return steal(PyObject_CallMethodOneArg(tzinfo, "fromutc"_id, moment));
}
Ref<> datetime_from_timestamp_and_zone(PyObject* cls, PyObject* timestamp, PyObject* tzinfo) {
  TRY(check_tzinfo(tzinfo));
  return from_utc(datetime_from_timestamp(cls, tzinfo == Py_None ? _PyTime_localtime : _PyTime_gmtime, timestamp, tzinfo), tzinfo);
}

namespace {

void datetime_tp_dealloc(PyObject* self) {
  if (datetime_object(self)->hastzinfo) Py_XDECREF(datetime_object(self)->tzinfo);
  Py_TYPE(self)->tp_free(self);
}
PyObject* datetime_tp_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"year", "month", "day", "hour", "minute", "second", "microsecond", "tzinfo", "fold", nullptr};
  PickleState state;
  TRY(read_pickle_state(args, "datetime", _PyDateTime_DATETIME_DATASIZE, 2, 1, 12, true, &state));
  if (state.found) {
    Ref<> self = TRY(steal(type->tp_alloc(type, state.tzinfo != Py_None)));
    PyDateTime_DateTime* d = datetime_object(self.get());
    d->hashcode = -1;
    d->hastzinfo = state.tzinfo != Py_None;
    if (d->hastzinfo) d->tzinfo = Py_NewRef(state.tzinfo);
    memcpy(d->data, state.data(), _PyDateTime_DATETIME_DATASIZE);
    d->fold = d->data[2] >> 7;
    d->data[2] &= 0x7f;
    return self.release();
  }
  Fields f{};
  PyObject* tzinfo = Py_None;
  int fold = 0;
  int* const values[] = {&f.year, &f.month, &f.day, &f.hour, &f.minute, &f.second, &f.micros};
  const Py_ssize_t count = PyTuple_GET_SIZE(args);
  if (kwargs || count < 3 || count > 7 || !read_small_ints(args, values, count)) {
    f = {};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "iii|iiiiO$i", const_cast<char**>(names), &f.year, &f.month, &f.day, &f.hour, &f.minute,
                                     &f.second, &f.micros, &tzinfo, &fold))
      return nullptr;
  }
  return datetime_new(f, tzinfo, fold, type).release();
}

PyObject* datetime_vectorcall(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  const Py_ssize_t count = PyVectorcall_NARGS(nargsf);
  Fields f{};
  int* const values[] = {&f.year, &f.month, &f.day, &f.hour, &f.minute, &f.second, &f.micros};
  // Numbers, and often a tzinfo by name.
  PyObject* const all_names = kwnames;
  PyObject* tzinfo = Py_None;
  if (kwnames && PyTuple_GET_SIZE(kwnames) == 1 && PyTuple_GET_ITEM(kwnames, 0) == "tzinfo"_id) {
    tzinfo = args[count];
    kwnames = nullptr;
  }
  if (!kwnames && count >= 3 && count <= 7 && read_small_ints(args, values, count)) return datetime_new(f, tzinfo, 0).release();
  return call_new(type, args, count, all_names);
}

// ---- class methods --------------------------------------------------------------------------------------------------------

Ref<> datetime_now(PyObject* cls, PyObject* tz) {
  PyObject* tzinfo = tz ? tz : Py_None;
  TRY(check_tzinfo(tzinfo));
  return from_utc(datetime_from_now(cls, tzinfo == Py_None ? _PyTime_localtime : _PyTime_gmtime, tzinfo), tzinfo);
}
CLASS_METHOD(datetime, now, "($type, /, tz=None)",
             "Returns new datetime object representing current time local to tz.\n\n  tz\n    Timezone object.\n\n"
             "If no tz is specified, uses local timezone.");
Ref<> datetime_utcnow(PyObject* cls) {
  if (PyErr_WarnEx(PyExc_DeprecationWarning,
                   "datetime.datetime.utcnow() is deprecated and scheduled for removal in a future version. Use timezone-aware objects to "
                   "represent datetimes in UTC: datetime.datetime.now(datetime.UTC).",
                   1) < 0)
    return failed;
  return datetime_from_now(cls, _PyTime_gmtime, Py_None);
}
CLASS_METHOD(datetime, utcnow, "($type, /)", "Return a new datetime representing UTC day and time.");
PyObject* datetime_fromtimestamp(PyObject* cls, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"timestamp", "tz", nullptr};
  PyObject *timestamp, *tzinfo = Py_None;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O:fromtimestamp", const_cast<char**>(names), &timestamp, &tzinfo)) return nullptr;
  return datetime_from_timestamp_and_zone(cls, timestamp, tzinfo).release();
}
PyObject* datetime_utcfromtimestamp(PyObject* cls, PyObject* args) {
  if (PyErr_WarnEx(PyExc_DeprecationWarning,
                   "datetime.datetime.utcfromtimestamp() is deprecated and scheduled for removal in a future version. Use timezone-aware "
                   "objects to represent datetimes in UTC: datetime.datetime.fromtimestamp(timestamp, datetime.UTC).",
                   1) < 0)
    return nullptr;
  PyObject* timestamp;
  if (!PyArg_ParseTuple(args, "O:utcfromtimestamp", &timestamp)) return nullptr;
  return datetime_from_timestamp(cls, _PyTime_gmtime, timestamp, Py_None).release();
}
PyObject* datetime_strptime(PyObject* cls, PyObject* args) { return parse_by_strptime("_strptime_datetime_datetime", cls, args); }
PyObject* datetime_combine(PyObject* cls, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"date", "time", "tzinfo", nullptr};
  PyObject *date, *time, *tzinfo = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!O!|O:combine", const_cast<char**>(names), &DatetimeDate_Type, &date, &DatetimeTime_Type,
                                   &time, &tzinfo))
    return nullptr;
  const YearMonthDay d = date_fields(date);
  const TimeFields t = time_fields(time);
  return datetime_make({d.year, d.month, d.day, t.hour, t.minute, t.second, t.micros}, tzinfo ? tzinfo : time_tzinfo(time),
                       PyDateTime_TIME_GET_FOLD(time), cls)
      .release();
}
PyObject* datetime_fromisoformat(PyObject* cls, PyObject* text) { return datetime_from_isoformat(cls, text); }
CLASS_METHOD(datetime, fromisoformat, "($type, object, /)", "string -> datetime from a string in most ISO 8601 formats");

// ---- methods --------------------------------------------------------------------------------------------------------------

Ref<> datetime_date(PyObject* self) {
  const YearMonthDay d = date_fields(self);
  return date_new(d.year, d.month, d.day);
}
METHOD(datetime, date, "($self, /)", "Return date object with same year, month and day.");
Ref<> time_part(PyObject* self, PyObject* tzinfo) {
  const Fields f = datetime_fields(self);
  return time_new({f.hour, f.minute, f.second, f.micros}, tzinfo, PyDateTime_DATE_GET_FOLD(self));
}
Ref<> datetime_time(PyObject* self) { return time_part(self, Py_None); }
METHOD(datetime, time, "($self, /)", "Return time object with same time but with tzinfo=None.");
Ref<> datetime_timetz(PyObject* self) { return time_part(self, datetime_tzinfo(self)); }
METHOD(datetime, timetz, "($self, /)", "Return time object with same time and tzinfo.");
Ref<> datetime_ctime(PyObject* self) { return ctime_of(datetime_fields(self)); }
METHOD(datetime, ctime, "($self, /)", "Return ctime() style string.");
Ref<> datetime_timetuple(PyObject* self) {
  int flag = -1;
  Ref<> dst = TRY(call_dst(datetime_tzinfo(self), self));
  if (is_delta(dst)) flag = delta_micros(dst) != 0;
  return build_struct_time(datetime_fields(self), flag);
}
METHOD(datetime, timetuple, "($self, /)", "Return time tuple, compatible with time.localtime().");
METHOD(datetime, timestamp, "($self, /)", "Return POSIX timestamp as float.");
Ref<> datetime_utctimetuple(PyObject* self) {
  Ref<> offset = TRY(datetime_utcoffset(self));
  if (offset == Py_None) return build_struct_time(datetime_fields(self), 0);
  Ref<> plain = TRY(datetime_new(datetime_fields(self), Py_None, 0));
  Ref<> moment = TRY(datetime_add_delta(plain, offset, -1));
  return build_struct_time(datetime_fields(moment.get()), 0);
}
METHOD(datetime, utctimetuple, "($self, /)", "Return UTC time tuple, compatible with time.localtime().");
PyObject* datetime_isoformat(PyObject* self, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"sep", "timespec", nullptr};
  int separator = 'T';
  const char* text = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|Cs:isoformat", const_cast<char**>(names), &separator, &text)) return nullptr;
  const Fields f = datetime_fields(self);
  TimeSpec spec;
  TRY(read_timespec(text, f.micros, &spec));
  PyUnicodeWriter* writer = PyUnicodeWriter_Create(40);
  if (!writer) return nullptr;
  const auto build = [&]() -> Status {
    char date[20];
    const int size = PyOS_snprintf(date, sizeof date, "%04d-%02d-%02d", f.year, f.month, f.day);
    TRY(PyUnicodeWriter_WriteASCII(writer, date, size));
    TRY(PyUnicodeWriter_WriteChar(writer, static_cast<Py_UCS4>(separator)));
    TRY(write_time(writer, {f.hour, f.minute, f.second, f.micros}, spec));
    return write_offset(writer, ":", datetime_tzinfo(self), self);
  };
  if (is_failure(build())) {
    PyUnicodeWriter_Discard(writer);
    return nullptr;
  }
  return PyUnicodeWriter_Finish(writer);
}
Ref<> datetime_utcoffset_(PyObject* self) { return datetime_utcoffset(self); }
METHOD_AS(datetime_utcoffset_, "utcoffset", 0, "($self, /)", "Return self.tzinfo.utcoffset(self).");
Ref<> datetime_tzname(PyObject* self) { return call_tzname(datetime_tzinfo(self), self); }
METHOD(datetime, tzname, "($self, /)", "Return self.tzinfo.tzname(self).");
Ref<> datetime_dst(PyObject* self) { return call_dst(datetime_tzinfo(self), self); }
METHOD(datetime, dst, "($self, /)", "Return self.tzinfo.dst(self).");
Ref<> datetime_replace(PyObject* self, PyObject* year, PyObject* month, PyObject* day, PyObject* hour, PyObject* minute, PyObject* second,
                       PyObject* micros, PyObject* tzinfo, PyObject* fold_argument) {
  Fields f = datetime_fields(self);
  int fold = PyDateTime_DATE_GET_FOLD(self);
  TRY(replaced(year, &f.year));
  TRY(replaced(month, &f.month));
  TRY(replaced(day, &f.day));
  TRY(replaced(hour, &f.hour));
  TRY(replaced(minute, &f.minute));
  TRY(replaced(second, &f.second));
  TRY(replaced(micros, &f.micros));
  TRY(replaced(fold_argument, &fold));
  return datetime_make(f, tzinfo ? tzinfo : datetime_tzinfo(self), fold, object(Py_TYPE(self)));
}
METHOD(datetime, replace,
       "($self, /, year=unchanged, month=unchanged, day=unchanged,\n        hour=unchanged, minute=unchanged, second=unchanged,\n"
       "        microsecond=unchanged, tzinfo=unchanged, *, fold=unchanged)",
       "Return datetime with new specified fields.");
constexpr PyMethodDef datetime___replace___method = {"__replace__", datetime_replace_method.ml_meth, datetime_replace_method.ml_flags,
                                                     "__replace__($self, /, **changes)\n--\n\nThe same as replace()."};
METHOD_PLAIN_DOC(datetime_astimezone, "astimezone", 0, "($self, /, tz=None)", "tz -> convert to local time in new timezone tz\n");
PyObject* reduce(PyObject* self, int protocol) {
  Ref<> state = TRY(pickle_state(datetime_object(self)->data, _PyDateTime_DATETIME_DATASIZE, 2,
                                 protocol > 3 && PyDateTime_DATE_GET_FOLD(self), datetime_tzinfo(self)));
  return PyTuple_Pack(2, Py_TYPE(self), state.get());
}
PyObject* datetime___reduce_ex__(PyObject* self, PyObject* args) {
  int protocol;
  if (!PyArg_ParseTuple(args, "i:__reduce_ex__", &protocol)) return nullptr;
  return reduce(self, protocol);
}
PyObject* datetime___reduce__(PyObject* self) { return reduce(self, 2); }
METHOD(datetime, __reduce__, "($self, /)", "__reduce__() -> (cls, state)");

// ---- protocols --------------------------------------------------------------------------------------------------------------

PyObject* datetime_tp_repr(PyObject* self) {
  const Fields f = datetime_fields(self);
  const char* name = Py_TYPE(self)->tp_name;
  Ref<> text;
  if (f.micros)
    text = steal(PyUnicode_FromFormat("%s(%d, %d, %d, %d, %d, %d, %d)", name, f.year, f.month, f.day, f.hour, f.minute, f.second, f.micros));
  else if (f.second)
    text = steal(PyUnicode_FromFormat("%s(%d, %d, %d, %d, %d, %d)", name, f.year, f.month, f.day, f.hour, f.minute, f.second));
  else
    text = steal(PyUnicode_FromFormat("%s(%d, %d, %d, %d, %d)", name, f.year, f.month, f.day, f.hour, f.minute));
  return repr_with_tail(std::move(text), datetime_tzinfo(self), PyDateTime_DATE_GET_FOLD(self)).release();
}
PyObject* datetime_tp_str(PyObject* self) {
  Ref<> space = TRY(steal(PyUnicode_FromString(" ")));
  return PyObject_CallMethodOneArg(self, "isoformat"_id, space);
}

PyObject* get_hour(PyObject* self, void*) { return PyLong_FromLong(PyDateTime_DATE_GET_HOUR(self)); }
PyObject* get_minute(PyObject* self, void*) { return PyLong_FromLong(PyDateTime_DATE_GET_MINUTE(self)); }
PyObject* get_second(PyObject* self, void*) { return PyLong_FromLong(PyDateTime_DATE_GET_SECOND(self)); }
PyObject* get_micros(PyObject* self, void*) { return PyLong_FromLong(PyDateTime_DATE_GET_MICROSECOND(self)); }
PyObject* get_tzinfo(PyObject* self, void*) { return Py_NewRef(datetime_tzinfo(self)); }
PyObject* get_fold(PyObject* self, void*) { return PyLong_FromLong(PyDateTime_DATE_GET_FOLD(self)); }
PyGetSetDef getset[] = {{"hour", get_hour, nullptr, nullptr, nullptr},     {"minute", get_minute, nullptr, nullptr, nullptr},
                        {"second", get_second, nullptr, nullptr, nullptr}, {"microsecond", get_micros, nullptr, nullptr, nullptr},
                        {"tzinfo", get_tzinfo, nullptr, nullptr, nullptr}, {"fold", get_fold, nullptr, nullptr, nullptr},
                        {}};
PyMethodDef methods[] = {
    datetime_now_method,
    datetime_utcnow_method,
    {"fromtimestamp", KS_CONSTANT_CAST(PyCFunction, &datetime_fromtimestamp), METH_VARARGS | METH_KEYWORDS | METH_CLASS,
     "timestamp[, tz] -> tz's local time from POSIX timestamp."},
    {"utcfromtimestamp", datetime_utcfromtimestamp, METH_VARARGS | METH_CLASS, "Construct a naive UTC datetime from a POSIX timestamp."},
    {"strptime", datetime_strptime, METH_VARARGS | METH_CLASS,
     "string, format -> new datetime parsed from a string (like time.strptime())."},
    {"combine", KS_CONSTANT_CAST(PyCFunction, &datetime_combine), METH_VARARGS | METH_KEYWORDS | METH_CLASS,
     "date, time -> datetime with same date and time fields"},
    datetime_fromisoformat_method,
    datetime_date_method,
    datetime_time_method,
    datetime_timetz_method,
    datetime_ctime_method,
    datetime_timetuple_method,
    datetime_timestamp_method,
    datetime_utctimetuple_method,
    {"isoformat", KS_CONSTANT_CAST(PyCFunction, &datetime_isoformat), METH_VARARGS | METH_KEYWORDS,
     "[sep] -> string in ISO 8601 format, YYYY-MM-DDT[HH[:MM[:SS[.mmm[uuu]]]]][+HH:MM].\n"
     "sep is used to separate the year from the time, and defaults to 'T'.\n"
     "The optional argument timespec specifies the number of additional terms\nof the time to include. Valid options are 'auto', 'hours', "
     "'minutes',\n'seconds', 'milliseconds' and 'microseconds'.\n"},
    datetime_utcoffset__method,
    datetime_tzname_method,
    datetime_dst_method,
    datetime_replace_method,
    datetime___replace___method,
    datetime_astimezone_method,
    {"__reduce_ex__", datetime___reduce_ex__, METH_VARARGS, "__reduce_ex__(proto) -> (cls, state)"},
    datetime___reduce___method,
    {}};
PyNumberMethods numbers = {.nb_add = datetime_nb_add, .nb_subtract = datetime_nb_subtract};

}  // namespace
}  // namespace ks

constinit PyTypeObject DatetimeDateTime_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "datetime.datetime",
    .tp_basicsize = sizeof(PyDateTime_DateTime),
    .tp_dealloc = ks::datetime_tp_dealloc,
    .tp_repr = ks::datetime_tp_repr,
    .tp_as_number = &ks::numbers,
    .tp_hash = ks::datetime_tp_hash,
    .tp_str = ks::datetime_tp_str,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_doc = "datetime(year, month, day[, hour[, minute[, second[, microsecond[,tzinfo]]]]])\n\n"
              "The year, month and day arguments are required. tzinfo may be None, or an\n"
              "instance of a tzinfo subclass. The remaining arguments may be ints.\n",
    .tp_richcompare = ks::datetime_tp_richcompare,
    .tp_methods = ks::methods,
    .tp_getset = ks::getset,
    .tp_base = &DatetimeDate_Type,
    .tp_alloc = ks::datetime_tp_alloc,
    .tp_new = ks::datetime_tp_new,
    .tp_vectorcall = ks::datetime_vectorcall,
};
