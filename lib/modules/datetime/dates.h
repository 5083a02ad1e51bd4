// The module _datetime: what its files share.
//
// Objects have the layouts of the public header datetime.h: the fields packed into `data`, big-endian. A time or datetime
// without tzinfo is allocated without room for it (hastzinfo is 0); `fold` lies in both. The types are static and shared
// by the interpreters, as is the object timezone.utc; they are readied when the module is first imported.
#pragma once

#include "modules/module.h"

#define _PY_DATETIME_IMPL
#include <datetime.h>
#include <time.h>

extern "C" {
extern PyTypeObject DatetimeDate_Type, DatetimeTime_Type, DatetimeDateTime_Type, DatetimeDelta_Type, DatetimeTZInfo_Type,
    DatetimeTimeZone_Type;
}

// METHOD for functions whose docstring has no signature in the reference.
#define METHOD_PLAIN_DOC(FUNCTION, NAME, FLAGS, SIGNATURE, DOC)                                         \
  static constexpr char FUNCTION##_name[] = NAME;                                                       \
  static constexpr ks::Signature FUNCTION##_signature = ks::read_signature(FUNCTION##_name, SIGNATURE); \
  static constexpr PyMethodDef FUNCTION##_method =                                                      \
      ks::Thunk<FUNCTION##_signature, &FUNCTION>::definition(FUNCTION##_name, DOC, FLAGS)

namespace ks {

using Int128 = __int128;
using TimeZone = struct DatetimeTimeZone;

// timezone: not in the public header.
struct DatetimeTimeZone {
  PyObject_HEAD
  PyObject* offset;  // timedelta
  PyObject* name;    // str or nullptr
};

inline constexpr int kMinYear = 1;
inline constexpr int kMaxYear = 9999;
inline constexpr int kMaxOrdinal = 3652059;  // 9999-12-31
inline constexpr int kMaxDeltaDays = 999999999;
inline constexpr int kSecondsPerDay = 24 * 3600;
inline constexpr int kMicrosPerSecond = 1000000;

// ---- calendar (calendar.cpp) -------------------------------------------------------------------------------------------

struct YearMonthDay {
  int year, month, day;
};
bool is_leap_year(int year);
int days_in_month(int year, int month);
int days_before_month(int year, int month);
int ordinal_of(int year, int month, int day);  // 1 is 0001-01-01
YearMonthDay date_of_ordinal(int ordinal);
inline int weekday_of(int year, int month, int day) { return (ordinal_of(year, month, day) + 6) % 7; }  // Monday is 0
int iso_week1_monday(int year);                // ordinal of the Monday of the year's first ISO week
void iso_calendar_of(int year, int month, int day, int* iso_year, int* iso_week, int* iso_weekday);
// The ordinal of a date of the ISO calendar, or nothing with ValueError.
Status ordinal_of_iso(int iso_year, int iso_week, int iso_weekday, int* ordinal);

Status check_date(int year, int month, int day);
Status check_time(int hour, int minute, int second, int micros, int fold);
Status check_tzinfo(PyObject* tzinfo);

// ---- objects -----------------------------------------------------------------------------------------------------------

inline bool is_date(PyObject* o) { return PyObject_TypeCheck(o, &DatetimeDate_Type); }
inline bool is_time(PyObject* o) { return PyObject_TypeCheck(o, &DatetimeTime_Type); }
inline bool is_datetime(PyObject* o) { return PyObject_TypeCheck(o, &DatetimeDateTime_Type); }
inline bool is_delta(PyObject* o) { return PyObject_TypeCheck(o, &DatetimeDelta_Type); }
inline bool is_tzinfo(PyObject* o) { return PyObject_TypeCheck(o, &DatetimeTZInfo_Type); }
inline bool is_timezone(PyObject* o) { return Py_IS_TYPE(o, &DatetimeTimeZone_Type); }

struct TimeFields {
  int hour, minute, second, micros;
};
struct Fields {
  int year, month, day, hour, minute, second, micros;
};
inline YearMonthDay date_fields(PyObject* o) {  // of a date or datetime
  return {PyDateTime_GET_YEAR(o), PyDateTime_GET_MONTH(o), PyDateTime_GET_DAY(o)};
}
inline TimeFields time_fields(PyObject* o) {
  return {PyDateTime_TIME_GET_HOUR(o), PyDateTime_TIME_GET_MINUTE(o), PyDateTime_TIME_GET_SECOND(o), PyDateTime_TIME_GET_MICROSECOND(o)};
}
inline Fields datetime_fields(PyObject* o) {
  return {PyDateTime_GET_YEAR(o),          PyDateTime_GET_MONTH(o),       PyDateTime_GET_DAY(o),
          PyDateTime_DATE_GET_HOUR(o),     PyDateTime_DATE_GET_MINUTE(o), PyDateTime_DATE_GET_SECOND(o),
          PyDateTime_DATE_GET_MICROSECOND(o)};
}
inline PyObject* time_tzinfo(PyObject* o) { return PyDateTime_TIME_GET_TZINFO(o); }      // borrowed, None where there is none
inline PyObject* datetime_tzinfo(PyObject* o) { return PyDateTime_DATE_GET_TZINFO(o); }  // the same
inline int date_ordinal(PyObject* o) {
  const YearMonthDay d = date_fields(o);
  return ordinal_of(d.year, d.month, d.day);
}
inline PyDateTime_Delta* delta(PyObject* o) { return as<PyDateTime_Delta>(o); }

// The constructors check their arguments and allocate an instance of `type` without calling it.
Ref<> date_new(int year, int month, int day, PyTypeObject* type = &DatetimeDate_Type);
Ref<> time_new(const TimeFields& f, PyObject* tzinfo, int fold, PyTypeObject* type = &DatetimeTime_Type);
Ref<> datetime_new(const Fields& f, PyObject* tzinfo, int fold, PyTypeObject* type = &DatetimeDateTime_Type);
// The same for a class that may be a subclass: that is called.
Ref<> date_make(int year, int month, int day, PyObject* cls);
Ref<> time_make(const TimeFields& f, PyObject* tzinfo, int fold, PyObject* cls);
Ref<> datetime_make(const Fields& f, PyObject* tzinfo, int fold, PyObject* cls);

// Positional arguments of a constructor that are all small exact ints: `count` of them are read.
bool read_small_ints(PyObject* const* args, int* const* values, Py_ssize_t count);
inline bool read_small_ints(PyObject* args, int* const* values, Py_ssize_t count) {
  return read_small_ints(as<PyTupleObject>(args)->ob_item, values, count);
}
// type(*args, **kwargs) by its tp_new, for a vectorcall with other arguments than the usual ones.
PyObject* call_new(PyObject* type, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames);
// The int of a keyword argument or the value it has now.
Status replaced(PyObject* argument, int* value);

// ---- timedelta (timedelta.cpp) -------------------------------------------------------------------------------------------

// Normal form is 0 <= seconds < 86400, 0 <= micros < 1000000; other values need delta_normalized.
Ref<> delta_new(int days, int seconds, int micros, PyTypeObject* type = &DatetimeDelta_Type);
Ref<> delta_normalized(long long days, long long seconds, long long micros, PyTypeObject* type = &DatetimeDelta_Type);
Ref<> delta_subtract(PyObject* left, PyObject* right);
Ref<> delta_negative(PyObject* self);
int delta_compare(PyObject* left, PyObject* right);
Int128 delta_micros(PyObject* self);
PyObject* delta_total_seconds(PyObject* self);
extern PyDateTime_Delta zero_delta;  // immortal

// PyObject* of a comparison whose three-way result is known.
PyObject* compare_result(int difference, int op);

// ---- tzinfo and timezone (timezone.cpp) ---------------------------------------------------------------------------------

extern TimeZone utc_timezone;  // immortal
inline PyObject* utc() { return object(&utc_timezone); }

// timezone(offset, name): name may be nullptr.
Ref<> timezone_new(PyObject* offset, PyObject* name);
// tzinfo.utcoffset(argument) and the like: None or a timedelta of less than a day (checked); None for tzinfo None.
Ref<> call_utcoffset(PyObject* tzinfo, PyObject* argument);
Ref<> call_dst(PyObject* tzinfo, PyObject* argument);
Ref<> call_tzname(PyObject* tzinfo, PyObject* argument);
inline Ref<> datetime_utcoffset(PyObject* self) { return call_utcoffset(datetime_tzinfo(self), self); }
inline Ref<> time_utcoffset(PyObject* self) { return call_utcoffset(time_tzinfo(self), Py_None); }

// datetime + factor * delta, of the datetime's class.
Ref<> datetime_add_delta(PyObject* self, PyObject* delta, int factor);

// ---- local time (local_time.cpp) ----------------------------------------------------------------------------------------

inline constexpr long long kEpoch = 719163LL * kSecondsPerDay;  // 1970-01-01 in seconds since 0000-12-31

Status seconds_of(const Fields& f, long long* seconds);
Status local_seconds_of(const Fields& f, int fold, long long* seconds);  // the seconds that this local time is
Ref<> local_timezone_at(time_t timestamp);
Ref<> local_timezone_of_local(PyObject* local);                          // of a naive datetime
Ref<> local_timezone_of_utc(PyObject* utc);
using TimeFunction = int (*)(time_t, struct tm*);
Ref<> datetime_from_time(PyObject* cls, TimeFunction function, time_t seconds, int micros, PyObject* tzinfo);
Ref<> datetime_from_timestamp(PyObject* cls, TimeFunction function, PyObject* timestamp, PyObject* tzinfo);
Ref<> datetime_from_now(PyObject* cls, TimeFunction function, PyObject* tzinfo);

// ---- text (format.cpp, parse.cpp) ---------------------------------------------------------------------------------------

// Appends "+HH:MM[:SS[.ffffff]]" for the object's offset, nothing for None.
Status write_offset(PyUnicodeWriter* writer, const char* separator, PyObject* tzinfo, PyObject* argument);
enum class TimeSpec { Hours, Minutes, Seconds, Milliseconds, Microseconds };
Status read_timespec(const char* text, int micros, TimeSpec* spec);
Status write_time(PyUnicodeWriter* writer, const TimeFields& f, TimeSpec spec);
// repr(): adds ", fold=1" and then ", tzinfo=…" to "datetime.time(…)".
Ref<> repr_with_tail(Ref<> text, PyObject* tzinfo, int fold);
// object.strftime(format): `timetuple` as time.strftime takes it, `argument` for the tzinfo's methods.
Ref<> format_by_strftime(PyObject* object, PyObject* format, PyObject* timetuple, PyObject* argument);
Ref<> format_by_spec(PyObject* object, PyObject* spec);  // __format__
Ref<> build_struct_time(const Fields& f, int dst);
Ref<> ctime_of(const Fields& f);

PyObject* date_from_isoformat(PyObject* cls, PyObject* text);
PyObject* time_from_isoformat(PyObject* cls, PyObject* text);
PyObject* datetime_from_isoformat(PyObject* cls, PyObject* text);
PyObject* parse_by_strptime(const char* function, PyObject* cls, PyObject* args);

// ---- the rest ------------------------------------------------------------------------------------------------------------

// The types outlive the module. What needs its state in the reference fails where it is gone and cannot be imported again;
// programs may rely on the ImportError.
Status require_module();
PyObject* iso_calendar_new(int year, int week, int weekday);  // iso_calendar.cpp

// The state of pickles: (bytes or str, [tzinfo]) where the text looks like one of `size` bytes; nullptr where it does not.
struct PickleState {
  bool found = false;
  Ref<> bytes;
  PyObject* tzinfo = nullptr;
  const unsigned char* data() const { return reinterpret_cast<const unsigned char*>(PyBytes_AS_STRING(bytes.get())); }
};
Status read_pickle_state(PyObject* args, const char* type_name, Py_ssize_t size, int check_at, int low, int high, bool with_tzinfo,
                         PickleState* state);
Ref<> pickle_state(const unsigned char* data, Py_ssize_t size, int fold_at, bool with_fold, PyObject* tzinfo);

Ref<> date_from_timestamp(PyObject* cls, PyObject* timestamp);
Ref<> datetime_from_timestamp_and_zone(PyObject* cls, PyObject* timestamp, PyObject* tzinfo);
// datetime_arithmetic.cpp
PyObject* datetime_nb_add(PyObject* left, PyObject* right);
PyObject* datetime_nb_subtract(PyObject* left, PyObject* right);
PyObject* datetime_tp_richcompare(PyObject* self, PyObject* other, int op);
Py_hash_t datetime_tp_hash(PyObject* self);
PyObject* datetime_tp_alloc(PyTypeObject* type, Py_ssize_t aware);
PyObject* datetime_astimezone(PyObject* self, PyObject* tzinfo);
PyObject* datetime_timestamp(PyObject* self);

}  // namespace ks
