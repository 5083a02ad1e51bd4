// time.
#include "modules/datetime/dates.h"

namespace ks {

static PyDateTime_Time* time_object(PyObject* o) { return as<PyDateTime_Time>(o); }

static void set_tail(PyObject* self, PyObject* tzinfo, int fold) {
  PyDateTime_Time* t = time_object(self);
  t->hashcode = -1;
  t->hastzinfo = tzinfo != Py_None;
  t->fold = static_cast<unsigned char>(fold);
  if (t->hastzinfo) t->tzinfo = Py_NewRef(tzinfo);
}
Ref<> time_new(const TimeFields& f, PyObject* tzinfo, int fold, PyTypeObject* type) {
  TRY(check_time(f.hour, f.minute, f.second, f.micros, fold));
  TRY(check_tzinfo(tzinfo));
  Ref<> self = TRY(steal(type->tp_alloc(type, tzinfo != Py_None)));
  set_tail(self, tzinfo, fold);
  unsigned char* data = time_object(self.get())->data;
  data[0] = static_cast<unsigned char>(f.hour);
  data[1] = static_cast<unsigned char>(f.minute);
  data[2] = static_cast<unsigned char>(f.second);
  data[3] = static_cast<unsigned char>(f.micros >> 16);
  data[4] = static_cast<unsigned char>(f.micros >> 8 & 0xff);
  data[5] = static_cast<unsigned char>(f.micros & 0xff);
  return self;
}
Ref<> time_make(const TimeFields& f, PyObject* tzinfo, int fold, PyObject* cls) {
  if (cls == object(&DatetimeTime_Type)) return time_new(f, tzinfo, fold);
  Ref<> args = TRY(steal(Py_BuildValue("iiiiO", f.hour, f.minute, f.second, f.micros, tzinfo)));
  Ref<> kwargs;
  if (fold) kwargs = TRY(steal(Py_BuildValue("{s:i}", "fold", fold)));
  return steal(PyObject_Call(cls, args, kwargs));
}

namespace {

// Without room for a tzinfo where there will be none.
PyObject* time_tp_alloc(PyTypeObject* type, Py_ssize_t aware) {
  const size_t size = aware ? sizeof(PyDateTime_Time) : sizeof(_PyDateTime_BaseTime);
  PyObject* self = static_cast<PyObject*>(PyObject_Malloc(size));
  if (!self) return PyErr_NoMemory();
  memset(self, 0, size);
  return PyObject_Init(self, type);
}
void time_tp_dealloc(PyObject* self) {
  if (time_object(self)->hastzinfo) Py_XDECREF(time_object(self)->tzinfo);
  Py_TYPE(self)->tp_free(self);
}

PyObject* time_tp_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"hour", "minute", "second", "microsecond", "tzinfo", "fold", nullptr};
  PickleState state;
  TRY(read_pickle_state(args, "time", _PyDateTime_TIME_DATASIZE, 0, 0, 23, true, &state));
  if (state.found) {
    Ref<> self = TRY(steal(type->tp_alloc(type, state.tzinfo != Py_None)));
    set_tail(self, state.tzinfo, state.data()[0] >> 7);
    memcpy(time_object(self.get())->data, state.data(), _PyDateTime_TIME_DATASIZE);
    time_object(self.get())->data[0] &= 0x7f;
    return self.release();
  }
  TimeFields f{};
  PyObject* tzinfo = Py_None;
  int fold = 0;
  int* const values[] = {&f.hour, &f.minute, &f.second, &f.micros};
  if (kwargs || PyTuple_GET_SIZE(args) > 4 || !read_small_ints(args, values, PyTuple_GET_SIZE(args))) {
    f = {};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|iiiiO$i", const_cast<char**>(names), &f.hour, &f.minute, &f.second, &f.micros, &tzinfo,
                                     &fold))
      return nullptr;
  }
  return time_new(f, tzinfo, fold, type).release();
}
PyObject* time_vectorcall(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  const Py_ssize_t count = PyVectorcall_NARGS(nargsf);
  TimeFields f{};
  int* const values[] = {&f.hour, &f.minute, &f.second, &f.micros};
  if (!kwnames && count <= 4 && read_small_ints(args, values, count)) return time_new(f, Py_None, 0).release();
  return call_new(type, args, count, kwnames);
}
PyObject* time_strptime(PyObject* cls, PyObject* args) { return parse_by_strptime("_strptime_datetime_time", cls, args); }

// ---- methods --------------------------------------------------------------------------------------------------------------

PyObject* time_isoformat(PyObject* self, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"timespec", nullptr};
  const char* text = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|s:isoformat", const_cast<char**>(names), &text)) return nullptr;
  const TimeFields f = time_fields(self);
  TimeSpec spec;
  TRY(read_timespec(text, f.micros, &spec));
  PyUnicodeWriter* writer = PyUnicodeWriter_Create(32);
  if (!writer) return nullptr;
  if (is_failure(write_time(writer, f, spec)) || is_failure(write_offset(writer, ":", time_tzinfo(self), Py_None))) {
    PyUnicodeWriter_Discard(writer);
    return nullptr;
  }
  return PyUnicodeWriter_Finish(writer);
}
PyObject* time_strftime(PyObject* self, PyObject* format) {
  if (!PyUnicode_Check(format))
    return raise(PyExc_TypeError, "strftime() argument 1 must be str, not %.50s", format == Py_None ? "None" : Py_TYPE(format)->tp_name);
  // A day is needed: the first of 1900, a Monday.
  const TimeFields f = time_fields(self);
  Ref<> timetuple = TRY(steal(Py_BuildValue("iiiiiiiii", 1900, 1, 1, f.hour, f.minute, f.second, 0, 1, -1)));
  return format_by_strftime(self, format, timetuple, Py_None).release();
}
METHOD_PLAIN_DOC(time_strftime, "strftime", 0, "($self, /, format)", "format -> strftime() style string.");
PyObject* time___format__(PyObject* self, PyObject* args) {
  PyObject* spec;
  if (!PyArg_ParseTuple(args, "U:__format__", &spec)) return nullptr;
  return format_by_spec(self, spec).release();
}
Ref<> time_utcoffset_(PyObject* self) { return time_utcoffset(self); }
METHOD_AS(time_utcoffset_, "utcoffset", 0, "($self, /)", "Return self.tzinfo.utcoffset(self).");
Ref<> time_tzname(PyObject* self) { return call_tzname(time_tzinfo(self), Py_None); }
METHOD(time, tzname, "($self, /)", "Return self.tzinfo.tzname(self).");
Ref<> time_dst(PyObject* self) { return call_dst(time_tzinfo(self), Py_None); }
METHOD(time, dst, "($self, /)", "Return self.tzinfo.dst(self).");
PyObject* time_replace(PyObject* self, PyObject* hour, PyObject* minute, PyObject* second, PyObject* micros, PyObject* tzinfo,
                       PyObject* fold_argument) {
  TimeFields f = time_fields(self);
  int fold = PyDateTime_TIME_GET_FOLD(self);
  TRY(replaced(hour, &f.hour));
  TRY(replaced(minute, &f.minute));
  TRY(replaced(second, &f.second));
  TRY(replaced(micros, &f.micros));
  TRY(replaced(fold_argument, &fold));
  return time_make(f, tzinfo ? tzinfo : time_tzinfo(self), fold, object(Py_TYPE(self))).release();
}
METHOD(time, replace,
       "($self, /, hour=unchanged, minute=unchanged, second=unchanged,\n        microsecond=unchanged, tzinfo=unchanged, *, fold=unchanged)",
       "Return time with new specified fields.");
constexpr PyMethodDef time___replace___method = {"__replace__", time_replace_method.ml_meth, time_replace_method.ml_flags,
                                                 "__replace__($self, /, **changes)\n--\n\nThe same as replace()."};
PyObject* time_fromisoformat(PyObject* cls, PyObject* text) { return time_from_isoformat(cls, text); }
CLASS_METHOD(time, fromisoformat, "($type, object, /)", "string -> time from a string in ISO 8601 format");
PyObject* reduce(PyObject* self, int protocol) {
  Ref<> state = TRY(pickle_state(time_object(self)->data, _PyDateTime_TIME_DATASIZE, 0, protocol > 3 && PyDateTime_TIME_GET_FOLD(self),
                                 time_tzinfo(self)));
  return PyTuple_Pack(2, Py_TYPE(self), state.get());
}
PyObject* time___reduce_ex__(PyObject* self, PyObject* args) {
  int protocol;
  if (!PyArg_ParseTuple(args, "i:__reduce_ex__", &protocol)) return nullptr;
  return reduce(self, protocol);
}
PyObject* time___reduce__(PyObject* self) { return reduce(self, 2); }
METHOD(time, __reduce__, "($self, /)", "__reduce__() -> (cls, state)");

// ---- protocols --------------------------------------------------------------------------------------------------------------

PyObject* time_tp_repr(PyObject* self) {
  const TimeFields f = time_fields(self);
  const char* name = Py_TYPE(self)->tp_name;
  Ref<> text;
  if (f.micros) text = steal(PyUnicode_FromFormat("%s(%d, %d, %d, %d)", name, f.hour, f.minute, f.second, f.micros));
  else if (f.second) text = steal(PyUnicode_FromFormat("%s(%d, %d, %d)", name, f.hour, f.minute, f.second));
  else text = steal(PyUnicode_FromFormat("%s(%d, %d)", name, f.hour, f.minute));
  text = repr_with_tail(std::move(text), time_tzinfo(self), 0);
  return repr_with_tail(std::move(text), Py_None, PyDateTime_TIME_GET_FOLD(self)).release();
}
PyObject* time_tp_str(PyObject* self) { return PyObject_CallMethodNoArgs(self, "isoformat"_id); }

// Seconds of the day in UTC, where the offset is known.
int utc_seconds(PyObject* self, PyObject* offset) {
  const TimeFields f = time_fields(self);
  return f.hour * 3600 + f.minute * 60 + f.second - delta(offset)->days * kSecondsPerDay - delta(offset)->seconds;
}
Py_hash_t time_tp_hash(PyObject* self) {
  PyDateTime_Time* t = time_object(self);
  if (t->hashcode != -1) return t->hashcode;
  // The fold does not count.
  Ref<> plain;
  if (PyDateTime_TIME_GET_FOLD(self)) {
    plain = time_new(time_fields(self), time_tzinfo(self), 0);
    if (!plain) return -1;
  }
  Ref<> offset = time_utcoffset(plain ? plain.get() : self);
  if (!offset) return -1;
  if (offset == Py_None) {
    t->hashcode = Py_HashBuffer(t->data, _PyDateTime_TIME_DATASIZE);
  } else {
    Ref<> moment = delta_normalized(0, utc_seconds(self, offset), PyDateTime_TIME_GET_MICROSECOND(self) - delta(offset.get())->microseconds);
    if (!moment) return -1;
    t->hashcode = PyObject_Hash(moment);
  }
  return t->hashcode;
}
PyObject* time_tp_richcompare(PyObject* self, PyObject* other, int op) {
  if (!is_time(other)) Py_RETURN_NOTIMPLEMENTED;
  const auto compare_fields = [&] { return memcmp(time_object(self)->data, time_object(other)->data, _PyDateTime_TIME_DATASIZE); };
  if (time_tzinfo(self) == time_tzinfo(other)) return compare_result(compare_fields(), op);
  Ref<> left = TRY(time_utcoffset(self));
  Ref<> right = TRY(time_utcoffset(other));
  const bool both = is_delta(left) && is_delta(right);
  if (left.get() == right.get() || (both && delta_compare(left, right) == 0)) return compare_result(compare_fields(), op);
  if (both) {
    int difference = utc_seconds(self, left) - utc_seconds(other, right);
    if (difference == 0) difference = PyDateTime_TIME_GET_MICROSECOND(self) - PyDateTime_TIME_GET_MICROSECOND(other);
    return compare_result(difference, op);
  }
  if (op == Py_EQ) Py_RETURN_FALSE;
  if (op == Py_NE) Py_RETURN_TRUE;
  return raise(PyExc_TypeError, "can't compare offset-naive and offset-aware times");
}

PyObject* get_hour(PyObject* self, void*) { return PyLong_FromLong(PyDateTime_TIME_GET_HOUR(self)); }
PyObject* get_minute(PyObject* self, void*) { return PyLong_FromLong(PyDateTime_TIME_GET_MINUTE(self)); }
PyObject* get_second(PyObject* self, void*) { return PyLong_FromLong(PyDateTime_TIME_GET_SECOND(self)); }
PyObject* get_micros(PyObject* self, void*) { return PyLong_FromLong(PyDateTime_TIME_GET_MICROSECOND(self)); }
PyObject* get_tzinfo(PyObject* self, void*) { return Py_NewRef(time_tzinfo(self)); }
PyObject* get_fold(PyObject* self, void*) { return PyLong_FromLong(PyDateTime_TIME_GET_FOLD(self)); }
PyGetSetDef getset[] = {{"hour", get_hour, nullptr, nullptr, nullptr},     {"minute", get_minute, nullptr, nullptr, nullptr},
                        {"second", get_second, nullptr, nullptr, nullptr}, {"microsecond", get_micros, nullptr, nullptr, nullptr},
                        {"tzinfo", get_tzinfo, nullptr, nullptr, nullptr}, {"fold", get_fold, nullptr, nullptr, nullptr},
                        {}};
PyMethodDef methods[] = {
    {"strptime", time_strptime, METH_VARARGS | METH_CLASS, "string, format -> new time parsed from a string (like time.strptime())."},
    {"isoformat", KS_CONSTANT_CAST(PyCFunction, &time_isoformat), METH_VARARGS | METH_KEYWORDS,
     "Return string in ISO 8601 format, [HH[:MM[:SS[.mmm[uuu]]]]][+HH:MM].\n\n"
     "The optional argument timespec specifies the number of additional terms\nof the time to include. Valid options are 'auto', 'hours', "
     "'minutes',\n'seconds', 'milliseconds' and 'microseconds'.\n"},
    time_strftime_method,
    {"__format__", time___format__, METH_VARARGS, "Formats self with strftime."},
    time_utcoffset__method,
    time_tzname_method,
    time_dst_method,
    time_replace_method,
    time___replace___method,
    time_fromisoformat_method,
    {"__reduce_ex__", time___reduce_ex__, METH_VARARGS, "__reduce_ex__(proto) -> (cls, state)"},
    time___reduce___method,
    {}};

}  // namespace
}  // namespace ks

constinit PyTypeObject DatetimeTime_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "datetime.time",
    .tp_basicsize = sizeof(PyDateTime_Time),
    .tp_dealloc = ks::time_tp_dealloc,
    .tp_repr = ks::time_tp_repr,
    .tp_hash = ks::time_tp_hash,
    .tp_str = ks::time_tp_str,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_doc = "time([hour[, minute[, second[, microsecond[, tzinfo]]]]]) --> a time object\n\n"
              "All arguments are optional. tzinfo may be None, or an instance of\n"
              "a tzinfo subclass. The remaining arguments may be ints.\n",
    .tp_richcompare = ks::time_tp_richcompare,
    .tp_methods = ks::methods,
    .tp_getset = ks::getset,
    .tp_alloc = ks::time_tp_alloc,
    .tp_new = ks::time_tp_new,
    .tp_vectorcall = ks::time_vectorcall,
};
