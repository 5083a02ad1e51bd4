// tzinfo, the abstract class, and timezone, a fixed offset.
#include "modules/datetime/dates.h"
#include "object/export.h"

KS_EXPORT PyObject* _PyObject_GetState(PyObject* self);

namespace ks {

constinit TimeZone utc_timezone = {PyObject_HEAD_INIT(&DatetimeTimeZone_Type) &zero_delta.ob_base, nullptr};

static TimeZone* timezone(PyObject* o) { return as<TimeZone>(o); }
static bool is_zero(PyObject* delta_object) {
  return delta(delta_object)->days == 0 && delta(delta_object)->seconds == 0 && delta(delta_object)->microseconds == 0;
}
// Strictly between minus and plus one day.
static Status check_offset(PyObject* offset) {
  const PyDateTime_Delta* d = delta(offset);
  const bool minus_one_day = d->days == -1 && d->seconds == 0 && d->microseconds < 1;
  if (d->days < -1 || d->days >= 1 || minus_one_day)
    return raise(PyExc_ValueError,
                 "offset must be a timedelta strictly between -timedelta(hours=24) and timedelta(hours=24), not %R", offset);
  return Status::Ok;
}

// ---- what a tzinfo says --------------------------------------------------------------------------------------------------

static Ref<> call_offset_method(PyObject* tzinfo, PyObject* name, PyObject* argument) {
  if (tzinfo == Py_None) return Ref<>::borrow(Py_None);
  // The two methods of timezone itself, without a call.
  if (is_timezone(tzinfo)) return Ref<>::borrow(name == "utcoffset"_id ? timezone(tzinfo)->offset : Py_None);
  Ref<> offset = TRY(steal(PyObject_CallMethodOneArg(tzinfo, name, argument)));
  if (offset == Py_None) return offset;
  if (!is_delta(offset))
    return raise(PyExc_TypeError, "tzinfo.%U() must return None or timedelta, not '%.200s'", name, Py_TYPE(offset)->tp_name);
  TRY(check_offset(offset));
  return offset;
}
Ref<> call_utcoffset(PyObject* tzinfo, PyObject* argument) { return call_offset_method(tzinfo, "utcoffset"_id, argument); }
Ref<> call_dst(PyObject* tzinfo, PyObject* argument) { return call_offset_method(tzinfo, "dst"_id, argument); }
Ref<> call_tzname(PyObject* tzinfo, PyObject* argument) {
  if (tzinfo == Py_None) return Ref<>::borrow(Py_None);
  Ref<> name = TRY(steal(PyObject_CallMethodOneArg(tzinfo, "tzname"_id, argument)));
  if (name != Py_None && !PyUnicode_Check(name))
    return raise(PyExc_TypeError, "tzinfo.tzname() must return None or a string, not '%s'", Py_TYPE(name)->tp_name);
  return name;
}

// ---- tzinfo -------------------------------------------------------------------------------------------------------------

namespace {

Failed not_implemented(const char* name) {
  return raise(PyExc_NotImplementedError, "a tzinfo subclass must implement %s()", name);
}
PyObject* tzinfo_tzname(PyObject*, PyObject*) { return not_implemented("tzname"); }
METHOD(tzinfo, tzname, "($self, object, /)", "datetime -> string name of time zone.");
PyObject* tzinfo_utcoffset(PyObject*, PyObject*) { return not_implemented("utcoffset"); }
METHOD(tzinfo, utcoffset, "($self, object, /)",
       "datetime -> timedelta showing offset from UTC, negative values indicating West of UTC");
PyObject* tzinfo_dst(PyObject*, PyObject*) { return not_implemented("dst"); }
METHOD(tzinfo, dst, "($self, object, /)", "datetime -> DST offset as timedelta positive east of UTC.");

Status check_fromutc(PyObject* self, PyObject* dt) {
  if (!is_datetime(dt)) return raise(PyExc_TypeError, "fromutc: argument must be a datetime");
  if (datetime_tzinfo(dt) != self) return raise(PyExc_ValueError, "fromutc: dt.tzinfo is not self");
  return Status::Ok;
}
Ref<> tzinfo_fromutc(PyObject* self, PyObject* dt) {
  TRY(check_fromutc(self, dt));
  Ref<> offset = TRY(datetime_utcoffset(dt));
  if (offset == Py_None) return raise(PyExc_ValueError, "fromutc: non-None utcoffset() result required");
  Ref<> dst = TRY(call_dst(datetime_tzinfo(dt), dt));
  if (dst == Py_None) return raise(PyExc_ValueError, "fromutc: non-None dst() result required");
  // First to standard time, then by what dst() says there.
  Ref<> standard = TRY(delta_subtract(offset, dst));
  Ref<> result = TRY(datetime_add_delta(dt, standard, 1));
  dst = TRY(call_dst(datetime_tzinfo(dt), result));
  if (dst == Py_None) return raise(PyExc_ValueError, "fromutc: tz.dst() gave inconsistent results; cannot convert");
  if (!is_delta(dst) || is_zero(dst)) return result;
  return datetime_add_delta(result, dst, 1);
}
METHOD(tzinfo, fromutc, "($self, object, /)", "datetime in UTC -> datetime in local time.");
PyObject* tzinfo___reduce__(PyObject* self) {
  PyObject* method;
  if (PyObject_GetOptionalAttr(self, "__getinitargs__"_id, &method) < 0) return nullptr;
  Ref<> get_arguments = steal(method);
  Ref<> arguments = TRY(steal(get_arguments ? PyObject_CallNoArgs(get_arguments) : PyTuple_New(0)));
  Ref<> state = TRY(steal(_PyObject_GetState(self)));
  return PyTuple_Pack(3, Py_TYPE(self), arguments.get(), state.get());
}
METHOD(tzinfo, __reduce__, "($self, /)", "-> (cls, state)");
PyMethodDef tzinfo_methods[] = {tzinfo_tzname_method, tzinfo_utcoffset_method, tzinfo_dst_method, tzinfo_fromutc_method,
                                tzinfo___reduce___method, {}};

// ---- timezone -----------------------------------------------------------------------------------------------------------

PyObject* timezone_tp_new(PyTypeObject*, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"offset", "name", nullptr};
  PyObject *offset, *name = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!|U:timezone", const_cast<char**>(names), &DatetimeDelta_Type, &offset, &name))
    return nullptr;
  return timezone_new(offset, name).release();
}
void timezone_tp_dealloc(PyObject* self) {
  Py_CLEAR(timezone(self)->offset);
  Py_CLEAR(timezone(self)->name);
  Py_TYPE(self)->tp_free(self);
}
PyObject* timezone_tp_richcompare(PyObject* self, PyObject* other, int op) {
  if ((op != Py_EQ && op != Py_NE) || !is_timezone(other)) Py_RETURN_NOTIMPLEMENTED;
  return compare_result(delta_compare(timezone(self)->offset, timezone(other)->offset), op);
}
Py_hash_t timezone_tp_hash(PyObject* self) { return PyObject_Hash(timezone(self)->offset); }
PyObject* timezone_tp_repr(PyObject* self) {
  const char* type_name = Py_TYPE(self)->tp_name;
  if (self == utc()) return PyUnicode_FromFormat("%s.utc", type_name);
  if (!timezone(self)->name) return PyUnicode_FromFormat("%s(%R)", type_name, timezone(self)->offset);
  return PyUnicode_FromFormat("%s(%R, %R)", type_name, timezone(self)->offset, timezone(self)->name);
}
PyObject* timezone_tp_str(PyObject* self) {
  if (timezone(self)->name) return Py_NewRef(timezone(self)->name);
  if (is_zero(timezone(self)->offset)) return PyUnicode_FromString("UTC");
  Int128 micros = delta_micros(timezone(self)->offset);
  const char sign = micros < 0 ? '-' : '+';
  if (micros < 0) micros = -micros;
  const int fraction = static_cast<int>(micros % kMicrosPerSecond), seconds = static_cast<int>(micros / kMicrosPerSecond);
  const int hour = seconds / 3600, minute = seconds / 60 % 60, second = seconds % 60;
  if (fraction) return PyUnicode_FromFormat("UTC%c%02d:%02d:%02d.%06d", sign, hour, minute, second, fraction);
  if (second) return PyUnicode_FromFormat("UTC%c%02d:%02d:%02d", sign, hour, minute, second);
  return PyUnicode_FromFormat("UTC%c%02d:%02d", sign, hour, minute);
}

Status check_argument(const char* method, PyObject* dt) {
  if (dt == Py_None || is_datetime(dt)) return Status::Ok;
  return raise(PyExc_TypeError, "%s(dt) argument must be a datetime instance or None, not %.200s", method, Py_TYPE(dt)->tp_name);
}
PyObject* timezone_tzname(PyObject* self, PyObject* dt) {
  TRY(check_argument("tzname", dt));
  return timezone_tp_str(self);
}
METHOD(timezone, tzname, "($self, object, /)",
       "If name is specified when timezone is created, returns the name.  Otherwise returns offset as 'UTC(+|-)HH:MM'.");
PyObject* timezone_utcoffset(PyObject* self, PyObject* dt) {
  TRY(check_argument("utcoffset", dt));
  return Py_NewRef(timezone(self)->offset);
}
METHOD(timezone, utcoffset, "($self, object, /)", "Return fixed offset.");
PyObject* timezone_dst(PyObject*, PyObject* dt) {
  TRY(check_argument("dst", dt));
  Py_RETURN_NONE;
}
METHOD(timezone, dst, "($self, object, /)", "Return None.");
Ref<> timezone_fromutc(PyObject* self, PyObject* dt) {
  TRY(check_fromutc(self, dt));
  return datetime_add_delta(dt, timezone(self)->offset, 1);
}
METHOD(timezone, fromutc, "($self, object, /)", "datetime in UTC -> datetime in local time.");
PyObject* timezone___getinitargs__(PyObject* self) {
  if (!timezone(self)->name) return PyTuple_Pack(1, timezone(self)->offset);
  return PyTuple_Pack(2, timezone(self)->offset, timezone(self)->name);
}
METHOD(timezone, __getinitargs__, "($self, /)", "pickle support");
PyMethodDef timezone_methods[] = {timezone_tzname_method, timezone_utcoffset_method, timezone_dst_method, timezone_fromutc_method,
                                  timezone___getinitargs___method, {}};

}  // namespace

Ref<> timezone_new(PyObject* offset, PyObject* name) {
  if (!is_delta(offset)) return raise(PyExc_TypeError, "offset must be a timedelta, not %.200s", Py_TYPE(offset)->tp_name);
  if (!name && is_zero(offset)) return Ref<>::borrow(utc());
  TRY(check_offset(offset));
  Ref<> self = TRY(steal(DatetimeTimeZone_Type.tp_alloc(&DatetimeTimeZone_Type, 0)));
  timezone(self.get())->offset = Py_NewRef(offset);
  timezone(self.get())->name = Py_XNewRef(name);
  return self;
}

}  // namespace ks

constinit PyTypeObject DatetimeTZInfo_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "datetime.tzinfo",
    .tp_basicsize = sizeof(PyDateTime_TZInfo),
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_doc = "Abstract base class for time zone info objects.",
    .tp_methods = ks::tzinfo_methods,
    .tp_new = PyType_GenericNew,
};
constinit PyTypeObject DatetimeTimeZone_Type = {
    .ob_base = PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "datetime.timezone",
    .tp_basicsize = sizeof(ks::TimeZone),
    .tp_dealloc = ks::timezone_tp_dealloc,
    .tp_repr = ks::timezone_tp_repr,
    .tp_hash = ks::timezone_tp_hash,
    .tp_str = ks::timezone_tp_str,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "Fixed offset from UTC implementation of tzinfo.",
    .tp_richcompare = ks::timezone_tp_richcompare,
    .tp_methods = ks::timezone_methods,
    .tp_base = &DatetimeTZInfo_Type,
    .tp_new = ks::timezone_tp_new,
};
