// The machine's local time: from timestamps, and back by searching for the moment that shows the given fields.
#include <algorithm>

#include "modules/datetime/dates.h"
#include "object/export.h"

KS_EXPORT int _PyTime_localtime(time_t t, struct tm* result);
KS_EXPORT int _PyTime_ObjectToTimeval(PyObject* object, time_t* seconds, long* microseconds, int rounding);

namespace ks {

static constexpr int kHalfEven = 2;
// No clock is set back by more than this.
static constexpr long long kLongestFold = 24 * 3600;

Status seconds_of(const Fields& f, long long* seconds) {
  // ymd of a struct tm may lie outside the calendar.
  if (f.year < kMinYear || f.year > kMaxYear)
    return raise(PyExc_ValueError, "year must be in %d..%d, not %i", kMinYear, kMaxYear, f.year);
  *seconds = ((static_cast<long long>(ordinal_of(f.year, f.month, f.day)) * 24 + f.hour) * 60 + f.minute) * 60 + f.second;
  return Status::Ok;
}
static Fields fields_of(const struct tm& tm, int micros) {
  return {tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, std::min(59, tm.tm_sec), micros};
}
// What the local clock shows at a moment, both in seconds since the year 0.
static Status local_at(long long moment, long long* shown) {
  struct tm tm;
  if (_PyTime_localtime(static_cast<time_t>(moment - kEpoch), &tm) < 0) return failed;
  Fields f = fields_of(tm, 0);
  f.second = tm.tm_sec;
  return seconds_of(f, shown);
}

Status local_seconds_of(const Fields& f, int fold, long long* seconds) {
  long long t, shown;
  TRY(seconds_of(f, &t));
  TRY(local_at(t, &shown));
  // The offset now gives a first guess; the one before or after gives the other.
  const long long a = shown - t;
  const long long u1 = t - a;
  long long t1;
  TRY(local_at(u1, &t1));
  long long b;
  if (t1 == t) {
    // One moment; the other of a repeated hour lies later for fold 0, earlier for fold 1.
    const long long u2 = fold ? u1 + kLongestFold : u1 - kLongestFold;
    TRY(local_at(u2, &shown));
    b = shown - u2;
    if (a == b) {
      *seconds = u1;
      return Status::Ok;
    }
  } else {
    b = t1 - u1;
  }
  const long long u2 = t - b;
  long long t2;
  TRY(local_at(u2, &t2));
  if (t2 == t) *seconds = u2;
  else if (t1 == t) *seconds = u1;
  else *seconds = fold ? std::min(u1, u2) : std::max(u1, u2);  // skipped by the clock
  return Status::Ok;
}

Ref<> datetime_from_time(PyObject* cls, TimeFunction function, time_t seconds, int micros, PyObject* tzinfo) {
  struct tm tm;
  if (function(seconds, &tm) != 0) return failed;
  const Fields f = fields_of(tm, micros);
  int fold = 0;
  if (tzinfo == Py_None && function == _PyTime_localtime) {
    // The second time that the clock shows this?
    long long shown, before;
    TRY(seconds_of(f, &shown));
    TRY(local_at(kEpoch + seconds - kLongestFold, &before));
    const long long transition = shown - before - kLongestFold;
    if (transition < 0) {
      long long earlier;
      TRY(local_at(kEpoch + seconds + transition, &earlier));
      fold = earlier == shown;
    }
  }
  return datetime_make(f, tzinfo, fold, cls);
}
Ref<> datetime_from_timestamp(PyObject* cls, TimeFunction function, PyObject* timestamp, PyObject* tzinfo) {
  time_t seconds;
  long micros;
  if (_PyTime_ObjectToTimeval(timestamp, &seconds, &micros, kHalfEven) < 0) return failed;
  return datetime_from_time(cls, function, seconds, static_cast<int>(micros), tzinfo);
}
Ref<> datetime_from_now(PyObject* cls, TimeFunction function, PyObject* tzinfo) {
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now) < 0) return raise_errno();
  return datetime_from_time(cls, function, now.tv_sec, static_cast<int>(now.tv_nsec / 1000), tzinfo);
}

Ref<> local_timezone_at(time_t timestamp) {
  struct tm tm;
  if (_PyTime_localtime(timestamp, &tm) != 0) return failed;
  Ref<> offset = TRY(delta_normalized(0, tm.tm_gmtoff, 0));
  Ref<> name = TRY(steal(PyUnicode_DecodeLocale(tm.tm_zone, "surrogateescape")));
  return timezone_new(offset, name);
}
Ref<> local_timezone_of_local(PyObject* local) {
  const Fields f = datetime_fields(local);
  const int fold = PyDateTime_DATE_GET_FOLD(local);
  long long seconds, other;
  TRY(local_seconds_of(f, fold, &seconds));
  TRY(local_seconds_of(f, !fold, &other));
  // For a time that the clock skips, fold 0 means the offset before the gap, fold 1 the one after it.
  if (other != seconds && (other > seconds) == (fold != 0)) seconds = other;
  return local_timezone_at(static_cast<time_t>(seconds - kEpoch));
}
Ref<> local_timezone_of_utc(PyObject* utc_time) {
  long long seconds;
  TRY(seconds_of(datetime_fields(utc_time), &seconds));
  return local_timezone_at(static_cast<time_t>(seconds - kEpoch));
}

}  // namespace ks
