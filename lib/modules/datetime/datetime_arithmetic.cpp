// datetime: making instances, arithmetic, comparison, hashing and conversion between time zones.
#include "modules/datetime/dates.h"

namespace ks {

static PyDateTime_DateTime* datetime_object(PyObject* o) { return as<PyDateTime_DateTime>(o); }

// Without room for a tzinfo where there will be none.
PyObject* datetime_tp_alloc(PyTypeObject* type, Py_ssize_t aware) {
  const size_t size = aware ? sizeof(PyDateTime_DateTime) : sizeof(_PyDateTime_BaseDateTime);
  PyObject* self = static_cast<PyObject*>(PyObject_Malloc(size));
  if (!self) return PyErr_NoMemory();
  memset(self, 0, size);
  return PyObject_Init(self, type);
}
Ref<> datetime_new(const Fields& f, PyObject* tzinfo, int fold, PyTypeObject* type) {
  TRY(check_date(f.year, f.month, f.day));
  TRY(check_time(f.hour, f.minute, f.second, f.micros, fold));
  TRY(check_tzinfo(tzinfo));
  Ref<> self = TRY(steal(type->tp_alloc(type, tzinfo != Py_None)));
  PyDateTime_DateTime* d = datetime_object(self.get());
  d->hashcode = -1;
  d->hastzinfo = tzinfo != Py_None;
  d->fold = static_cast<unsigned char>(fold);
  if (d->hastzinfo) d->tzinfo = Py_NewRef(tzinfo);
  d->data[0] = static_cast<unsigned char>(f.year >> 8);
  d->data[1] = static_cast<unsigned char>(f.year & 0xff);
  d->data[2] = static_cast<unsigned char>(f.month);
  d->data[3] = static_cast<unsigned char>(f.day);
  d->data[4] = static_cast<unsigned char>(f.hour);
  d->data[5] = static_cast<unsigned char>(f.minute);
  d->data[6] = static_cast<unsigned char>(f.second);
  d->data[7] = static_cast<unsigned char>(f.micros >> 16);
  d->data[8] = static_cast<unsigned char>(f.micros >> 8 & 0xff);
  d->data[9] = static_cast<unsigned char>(f.micros & 0xff);
  return self;
}
Ref<> datetime_make(const Fields& f, PyObject* tzinfo, int fold, PyObject* cls) {
  if (cls == object(&DatetimeDateTime_Type)) return datetime_new(f, tzinfo, fold);
  Ref<> args = TRY(steal(Py_BuildValue("iiiiiiiO", f.year, f.month, f.day, f.hour, f.minute, f.second, f.micros, tzinfo)));
  Ref<> kwargs;
  if (fold) kwargs = TRY(steal(Py_BuildValue("{s:i}", "fold", fold)));
  return steal(PyObject_Call(cls, args, kwargs));
}

// Microseconds since the start of the calendar: ten thousand years fit.
static int64_t micros_of(const Fields& f) {
  const int64_t seconds = ((static_cast<int64_t>(ordinal_of(f.year, f.month, f.day)) * 24 + f.hour) * 60 + f.minute) * 60 + f.second;
  return seconds * kMicrosPerSecond + f.micros;
}
// The part of `value` that is a whole number of `unit`, which is taken out of it: 0 <= *value < unit afterwards.
static int carry(int* value, int unit) {
  int whole = *value / unit;
  *value %= unit;
  if (*value < 0) {
    *value += unit;
    --whole;
  }
  return whole;
}
Ref<> datetime_add_delta(PyObject* self, PyObject* delta_object, int factor) {
  Fields f = datetime_fields(self);
  const PyDateTime_Delta* d = delta(delta_object);
  f.micros += factor * d->microseconds;
  int seconds = (f.hour * 60 + f.minute) * 60 + f.second + factor * d->seconds + carry(&f.micros, kMicrosPerSecond);
  const int days = factor * d->days + carry(&seconds, kSecondsPerDay);
  f.hour = seconds / 3600;
  f.minute = seconds / 60 % 60;
  f.second = seconds % 60;
  // Mostly the date stays in its month.
  const int day = f.day + days;
  if (day >= 1 && day <= 28) {
    f.day = day;
  } else {
    const int ordinal = ordinal_of(f.year, f.month, f.day) + days;
    if (ordinal < 1 || ordinal > kMaxOrdinal) return raise(PyExc_OverflowError, "date value out of range");
    const YearMonthDay date = date_of_ordinal(ordinal);
    f.year = date.year;
    f.month = date.month;
    f.day = date.day;
  }
  return datetime_make(f, datetime_tzinfo(self), 0, object(Py_TYPE(self)));
}

PyObject* datetime_nb_add(PyObject* left, PyObject* right) {
  if (is_datetime(left)) {
    if (is_delta(right)) return datetime_add_delta(left, right, 1).release();
  } else if (is_delta(left)) {
    return datetime_add_delta(right, left, 1).release();
  }
  Py_RETURN_NOTIMPLEMENTED;
}
static Ref<> difference(PyObject* left, PyObject* right) {
  int64_t offsets = 0;  // each below a day
  if (datetime_tzinfo(left) != datetime_tzinfo(right)) {
    Ref<> left_offset = TRY(datetime_utcoffset(left));
    Ref<> right_offset = TRY(datetime_utcoffset(right));
    if ((left_offset == Py_None) != (right_offset == Py_None))
      return raise(PyExc_TypeError, "can't subtract offset-naive and offset-aware datetimes");
    if (left_offset != Py_None) offsets = static_cast<int64_t>(delta_micros(left_offset) - delta_micros(right_offset));
  }
  return delta_normalized(0, 0, micros_of(datetime_fields(left)) - micros_of(datetime_fields(right)) - offsets);
}
PyObject* datetime_nb_subtract(PyObject* left, PyObject* right) {
  if (is_datetime(left)) {
    if (is_datetime(right)) return difference(left, right).release();
    if (is_delta(right)) return datetime_add_delta(left, right, -1).release();
  }
  Py_RETURN_NOTIMPLEMENTED;
}

// ---- comparing and hashing ------------------------------------------------------------------------------------------------

// Whether the offset of the same fields depends on the fold. Such times are equal to nothing in another zone.
static Found depends_on_fold(PyObject* self, PyObject* offset) {
  Ref<> flipped = TRY(datetime_new(datetime_fields(self), datetime_tzinfo(self), !PyDateTime_DATE_GET_FOLD(self)));
  Ref<> other = TRY(datetime_utcoffset(flipped));
  if (other.get() == offset) return Found::No;
  if (!is_delta(other) || !is_delta(offset)) return Found::Yes;
  return delta_compare(other, offset) != 0 ? Found::Yes : Found::No;
}
PyObject* datetime_tp_richcompare(PyObject* self, PyObject* other, int op) {
  if (!is_datetime(other)) Py_RETURN_NOTIMPLEMENTED;
  const auto compare_fields = [&] {
    return memcmp(datetime_object(self)->data, datetime_object(other)->data, _PyDateTime_DATETIME_DATASIZE);
  };
  if (datetime_tzinfo(self) == datetime_tzinfo(other)) return compare_result(compare_fields(), op);
  Ref<> left = TRY(datetime_utcoffset(self));
  Ref<> right = TRY(datetime_utcoffset(other));
  const bool both = is_delta(left) && is_delta(right);
  int result;
  if (left.get() == right.get() || (both && delta_compare(left, right) == 0)) {
    result = compare_fields();
  } else if (both) {
    const int64_t distance = micros_of(datetime_fields(self)) - micros_of(datetime_fields(other)) -
                             static_cast<int64_t>(delta_micros(left) - delta_micros(right));
    result = distance < 0 ? -1 : distance > 0;
  } else if (op == Py_EQ) {
    Py_RETURN_FALSE;
  } else if (op == Py_NE) {
    Py_RETURN_TRUE;
  } else {
    return raise(PyExc_TypeError, "can't compare offset-naive and offset-aware datetimes");
  }
  if ((op == Py_EQ || op == Py_NE) && result == 0 && (TRY(depends_on_fold(self, left)) || TRY(depends_on_fold(other, right)))) result = 1;
  return compare_result(result, op);
}
Py_hash_t datetime_tp_hash(PyObject* self) {
  PyDateTime_DateTime* d = datetime_object(self);
  if (d->hashcode != -1) return d->hashcode;
  const Fields f = datetime_fields(self);
  Ref<> plain;
  if (PyDateTime_DATE_GET_FOLD(self)) {
    plain = datetime_new(f, datetime_tzinfo(self), 0);
    if (!plain) return -1;
  }
  Ref<> offset = datetime_utcoffset(plain ? plain.get() : self);
  if (!offset) return -1;
  if (offset == Py_None) {
    d->hashcode = Py_HashBuffer(d->data, _PyDateTime_DATETIME_DATASIZE);
  } else {
    Ref<> moment = delta_normalized(0, 0, micros_of(f) - static_cast<int64_t>(delta_micros(offset)));
    if (!moment) return -1;
    d->hashcode = PyObject_Hash(moment);
  }
  return d->hashcode;
}

// ---- moments ----------------------------------------------------------------------------------------------------------------

PyObject* datetime_timestamp(PyObject* self) {
  const Fields f = datetime_fields(self);
  if (datetime_tzinfo(self) != Py_None) {
    Ref<> epoch = TRY(datetime_new({1970, 1, 1, 0, 0, 0, 0}, utc(), 0));
    Ref<> distance = TRY(difference(self, epoch));
    return delta_total_seconds(distance);
  }
  long long seconds;
  TRY(local_seconds_of(f, PyDateTime_DATE_GET_FOLD(self), &seconds));
  return PyFloat_FromDouble(static_cast<double>(seconds - kEpoch) + f.micros / 1e6);
}

PyObject* datetime_astimezone(PyObject* self, PyObject* tzinfo) {
  if (!tzinfo) tzinfo = Py_None;
  TRY(check_tzinfo(tzinfo));
  Ref<> own = Ref<>::borrow(datetime_tzinfo(self));
  if (own == Py_None) own = TRY(local_timezone_of_local(self));
  if (own.get() == tzinfo) return Py_NewRef(self);
  Ref<> offset = TRY(call_utcoffset(own, self));
  if (offset == Py_None) {
    own = TRY(local_timezone_of_local(self));
    offset = TRY(call_utcoffset(own, self));
  }
  // In UTC, then what the zone makes of it.
  Ref<> moment = TRY(datetime_add_delta(self, offset, -1));
  if (!is_datetime(moment)) return raise(PyExc_TypeError, "the result of adding a timedelta must be a datetime, not %.200s", Py_TYPE(moment)->tp_name);
  Ref<> zone = Ref<>::borrow(tzinfo);
  if (tzinfo == Py_None) zone = TRY(local_timezone_of_utc(moment));
  Ref<> in_zone = TRY(datetime_new(datetime_fields(moment), zone, PyDateTime_DATE_GET_FOLD(moment.get()), Py_TYPE(moment)));
  return PyObject_CallMethodOneArg(zone, "fromutc"_id, in_zone);
}

}  // namespace ks
