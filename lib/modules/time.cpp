// time: clocks, calendar time and sleeping.
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <sys/select.h>
#include <time.h>

#include <string>

#include "modules/module.h"
#include "object/method_text.h"

namespace ks {
namespace {

struct TimeState {
  PyTypeObject* struct_time;
};
TimeState* state_of(PyObject* module) { return static_cast<TimeState*>(PyModule_GetState(module)); }

constexpr int64_t kSecond = 1'000'000'000;

// ---- clocks -----------------------------------------------------------------------------------------------------------

Status read_clock(clockid_t clock, int64_t* nanoseconds) {
  timespec now;
  if (clock_gettime(clock, &now) < 0) return raise_errno();
  *nanoseconds = now.tv_sec * kSecond + now.tv_nsec;
  return Status::Ok;
}
PyObject* seconds_object(int64_t nanoseconds) {
  // Whole seconds first: the quotient of the nanoseconds would lose the last digits.
  return PyFloat_FromDouble(nanoseconds % kSecond == 0 ? static_cast<double>(nanoseconds / kSecond) : static_cast<double>(nanoseconds) / 1e9);
}
#define CLOCK_FUNCTIONS(NAME, CLOCK, DOC)                             \
  PyObject* time_##NAME(PyObject*) {                                  \
    int64_t now;                                                      \
    TRY(read_clock(CLOCK, &now));                                     \
    return seconds_object(now);                                       \
  }                                                                   \
  METHOD(time, NAME, "($self, /)", DOC " in seconds, as a float."); \
  PyObject* time_##NAME##_ns(PyObject*) {                             \
    int64_t now;                                                      \
    TRY(read_clock(CLOCK, &now));                                     \
    return PyLong_FromLongLong(now);                                  \
  }                                                                   \
  METHOD(time, NAME##_ns, "($self, /)", DOC " in nanoseconds, as an int.")
CLOCK_FUNCTIONS(time, CLOCK_REALTIME, "The time since 1970 (UTC)");
CLOCK_FUNCTIONS(monotonic, CLOCK_MONOTONIC, "A clock that never goes back");
CLOCK_FUNCTIONS(perf_counter, CLOCK_MONOTONIC, "The clock for measuring short times");
CLOCK_FUNCTIONS(process_time, CLOCK_PROCESS_CPUTIME_ID, "This process's processor time");
CLOCK_FUNCTIONS(thread_time, CLOCK_THREAD_CPUTIME_ID, "This thread's processor time");

bool clock_argument(PyObject* object, clockid_t* clock) {
  int value;
  if (!convert_int(object, &value)) return false;
  *clock = value;
  return true;
}
PyObject* time_clock_gettime(PyObject*, PyObject* id) {
  clockid_t clock;
  int64_t now;
  if (!clock_argument(id, &clock)) return nullptr;
  timespec value;
  if (clock_gettime(clock, &value) < 0) return raise_errno();
  now = value.tv_sec * kSecond + value.tv_nsec;
  return PyFloat_FromDouble(static_cast<double>(now) / 1e9);
}
METHOD(time, clock_gettime, "($module, clk_id, /)", "A clock's time in seconds.");
PyObject* time_clock_gettime_ns(PyObject*, PyObject* id) {
  clockid_t clock;
  int64_t now;
  if (!clock_argument(id, &clock)) return nullptr;
  TRY(read_clock(clock, &now));
  return PyLong_FromLongLong(now);
}
METHOD(time, clock_gettime_ns, "($module, clk_id, /)", "A clock's time in nanoseconds.");
PyObject* time_clock_getres(PyObject*, PyObject* id) {
  clockid_t clock;
  timespec value;
  if (!clock_argument(id, &clock)) return nullptr;
  if (clock_getres(clock, &value) < 0) return raise_errno();
  return PyFloat_FromDouble(static_cast<double>(value.tv_sec) + static_cast<double>(value.tv_nsec) * 1e-9);
}
METHOD_UNSIGNED(time_clock_getres, "clock_getres", 0, "($module, clk_id, /)", "A clock's resolution in seconds.");

// A number of seconds as nanoseconds, rounded; errors as the reference words them.
enum class Rounding { Floor, Ceiling };
Status duration_from_object(PyObject* object, Rounding rounding, int64_t* result) {
  if (PyFloat_Check(object)) {
    const double value = PyFloat_AsDouble(object);
    if (isnan(value)) return raise(PyExc_ValueError, "Invalid value NaN (not a number)");
    double scaled = value * 1e9;
    scaled = rounding == Rounding::Floor ? floor(scaled) : ceil(scaled);
    if (!(scaled >= -9223372036854775808.0 && scaled < 9223372036854775808.0))
      return raise(PyExc_OverflowError, "timestamp out of range for C PyTime_t");
    *result = static_cast<int64_t>(scaled);
    return Status::Ok;
  }
  int overflow;
  if (!PyIndex_Check(object)) return raise(PyExc_TypeError, "'%T' object cannot be interpreted as an integer or float", object);
  Ref<> index = Ref<>::steal(PyNumber_Index(object));
  if (!index) return failed;
  const long long seconds = PyLong_AsLongLongAndOverflow(index, &overflow);
  if (seconds == -1 && !overflow && PyErr_Occurred()) return failed;
  if (overflow || __builtin_mul_overflow(seconds, kSecond, result))
    return raise(PyExc_OverflowError, "timestamp out of range for C PyTime_t");
  return Status::Ok;
}
Status set_clock(clockid_t clock, int64_t nanoseconds) {
  int64_t rest = nanoseconds % kSecond, seconds = nanoseconds / kSecond;
  if (rest < 0) rest += kSecond, --seconds;
  const timespec value{seconds, rest};
  if (clock_settime(clock, &value) < 0) return raise_errno();
  return Status::Ok;
}
Status time_clock_settime(PyObject*, int clock, PyObject* seconds) {
  int64_t nanoseconds;
  TRY(duration_from_object(seconds, Rounding::Floor, &nanoseconds));
  return set_clock(clock, nanoseconds);
}
METHOD_UNSIGNED(time_clock_settime, "clock_settime", 0, "($module, clk_id, time, /)", "Set a clock, in seconds.");
Status time_clock_settime_ns(PyObject*, int clock, PyObject* time) {
  const long long nanoseconds = PyLong_AsLongLong(time);
  if (nanoseconds == -1 && PyErr_Occurred()) return failed;
  return set_clock(clock, nanoseconds);
}
METHOD_UNSIGNED(time_clock_settime_ns, "clock_settime_ns", 0, "($module, clk_id, time, /)", "Set a clock, in nanoseconds.");
PyObject* time_pthread_getcpuclockid(PyObject*, PyObject* thread) {
  const unsigned long id = PyLong_AsUnsignedLong(thread);
  if (id == static_cast<unsigned long>(-1) && PyErr_Occurred()) return nullptr;
  clockid_t clock;
  if (const int error = pthread_getcpuclockid(id, &clock)) {
    errno = error;
    return raise_errno();
  }
  return PyLong_FromLong(clock);
}
METHOD_UNSIGNED(time_pthread_getcpuclockid, "pthread_getcpuclockid", 0, "($module, thread_id, /)", "The clock of a thread's processor time.");

PyObject* time_get_clock_info(PyObject*, TextArgument name) {
  static constexpr struct {
    const char* name;
    const char* implementation;
    clockid_t clock;
    bool monotonic, adjustable;
  } kClocks[] = {{"time", "clock_gettime(CLOCK_REALTIME)", CLOCK_REALTIME, false, true},
                 {"monotonic", "clock_gettime(CLOCK_MONOTONIC)", CLOCK_MONOTONIC, true, false},
                 {"perf_counter", "clock_gettime(CLOCK_MONOTONIC)", CLOCK_MONOTONIC, true, false},
                 {"process_time", "clock_gettime(CLOCK_PROCESS_CPUTIME_ID)", CLOCK_PROCESS_CPUTIME_ID, true, false},
                 {"thread_time", "clock_gettime(CLOCK_THREAD_CPUTIME_ID)", CLOCK_THREAD_CPUTIME_ID, true, false}};
  for (const auto& clock : kClocks) {
    if (strcmp(name, clock.name) != 0) continue;
    timespec resolution;
    if (clock_getres(clock.clock, &resolution) < 0) resolution = {0, 1};
    Ref<> types = TRY(steal(PyImport_ImportModule("types")));
    Ref<> type = TRY(steal(PyObject_GetAttrString(types, "SimpleNamespace")));
    Ref<> facts = TRY(steal(Py_BuildValue("{s:s,s:O,s:O,s:d}", "implementation", clock.implementation, "monotonic",
                                          clock.monotonic ? Py_True : Py_False, "adjustable", clock.adjustable ? Py_True : Py_False,
                                          "resolution", static_cast<double>(resolution.tv_sec) + 1e-9 * static_cast<double>(resolution.tv_nsec))));
    Ref<> none = TRY(steal(PyTuple_New(0)));
    return PyObject_Call(type, none, facts);
  }
  return raise(PyExc_ValueError, "unknown clock");
}
METHOD_UNSIGNED(time_get_clock_info, "get_clock_info", 0, "($module, name, /)", "Facts about a clock: implementation, monotonic, adjustable, resolution.");

// Sleeps until a moment of the monotonic clock, so that signals in between do not lengthen it.
PyObject* time_sleep(PyObject*, PyObject* duration_object) {
  TRY(PySys_Audit("time.sleep", "O", duration_object));
  int64_t duration;
  TRY(duration_from_object(duration_object, Rounding::Ceiling, &duration));
  if (duration < 0) return raise(PyExc_ValueError, "sleep length must be non-negative");
  int64_t now;
  TRY(read_clock(CLOCK_MONOTONIC, &now));
  int64_t deadline;
  if (__builtin_add_overflow(now, duration, &deadline)) deadline = INT64_MAX;
  const timespec until{deadline / kSecond, deadline % kSecond};
  while (true) {
    int error;
    Py_BEGIN_ALLOW_THREADS
    error = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
    Py_END_ALLOW_THREADS
    if (error == 0) Py_RETURN_NONE;
    if (error != EINTR) {
      errno = error;
      return raise_errno();
    }
    if (PyErr_CheckSignals() < 0) return nullptr;
  }
}
METHOD(time, sleep, "($self, object, /)", "Do nothing for a number of seconds.");

// ---- calendar time ----------------------------------------------------------------------------------------------------

PyObject* struct_time_from(PyObject* module, const tm& value) {
  Ref<> result = TRY(steal(PyStructSequence_New(state_of(module)->struct_time)));
  const long items[] = {value.tm_year + 1900L, value.tm_mon + 1, value.tm_mday, value.tm_hour, value.tm_min,
                        value.tm_sec, (value.tm_wday + 6) % 7, value.tm_yday + 1, value.tm_isdst};
  for (int i = 0; i < 9; ++i) PyStructSequence_SetItem(result, i, PyLong_FromLong(items[i]));
  PyStructSequence_SetItem(result, 9, value.tm_zone ? PyUnicode_DecodeLocale(value.tm_zone, "surrogateescape") : Py_NewRef(Py_None));
  PyStructSequence_SetItem(result, 10, PyLong_FromLong(value.tm_gmtoff));
  return PyErr_Occurred() ? nullptr : result.release();
}
Status seconds_or_now(PyObject* object, time_t* seconds) {
  if (!object || object == Py_None) {
    *seconds = time(nullptr);
    return Status::Ok;
  }
  if (PyFloat_Check(object)) {
    const double value = PyFloat_AsDouble(object);
    if (isnan(value)) return raise(PyExc_ValueError, "Invalid value NaN (not a number)");
    const double whole = floor(value);
    if (!(whole >= -9223372036854775808.0 && whole < 9223372036854775808.0))
      return raise(PyExc_OverflowError, "timestamp out of range for platform time_t");
    *seconds = static_cast<time_t>(whole);
    return Status::Ok;
  }
  const long long value = PyLong_AsLongLong(object);
  if (value == -1 && PyErr_Occurred()) {
    if (PyErr_ExceptionMatches(PyExc_OverflowError)) PyErr_SetString(PyExc_OverflowError, "timestamp out of range for platform time_t");
    return failed;
  }
  *seconds = value;
  return Status::Ok;
}
PyObject* time_gmtime(PyObject* module, PyObject* object) {
  time_t seconds;
  TRY(seconds_or_now(object, &seconds));
  tm value;
  errno = 0;
  if (!gmtime_r(&seconds, &value)) {
    if (!errno) errno = EINVAL;
    return raise_errno();
  }
  value.tm_zone = "UTC";
  return struct_time_from(module, value);
}
METHOD_UNSIGNED(time_gmtime, "gmtime", 0, "($module, seconds=None, /)", "Seconds since 1970 (default: now) as UTC's struct_time.");
PyObject* time_localtime(PyObject* module, PyObject* object) {
  time_t seconds;
  TRY(seconds_or_now(object, &seconds));
  tm value;
  errno = 0;
  if (!localtime_r(&seconds, &value)) {
    if (!errno) errno = EINVAL;
    return raise_errno();
  }
  return struct_time_from(module, value);
}
METHOD_UNSIGNED(time_localtime, "localtime", 0, "($module, seconds=None, /)", "Seconds since 1970 (default: now) as the local struct_time.");

// Nine numbers into a tm. The time zone's name comes along from a struct_time; `zone` keeps its bytes.
Status tm_from_object(PyObject* module, PyObject* object, const char* function, tm* value, Ref<>* zone) {
  *value = tm{};
  Ref<> tuple;
  if (Py_IS_TYPE(object, state_of(module)->struct_time)) {
    tuple = TRY(steal(PyTuple_New(9)));
    for (int i = 0; i < 9; ++i) PyTuple_SET_ITEM(tuple.get(), i, Py_NewRef(PyStructSequence_GetItem(object, i)));
  } else if (PyTuple_Check(object)) {
    tuple = Ref<>::borrow(object);
  } else {
    return raise(PyExc_TypeError, "Tuple or struct_time argument required");
  }
  char format[96];
  snprintf(format, sizeof format, "iiiiiiiii;%s(): illegal time tuple argument", function);
  int year;
  if (!PyArg_ParseTuple(tuple, format, &year, &value->tm_mon, &value->tm_mday, &value->tm_hour, &value->tm_min, &value->tm_sec,
                        &value->tm_wday, &value->tm_yday, &value->tm_isdst))
    return failed;
  if (year < INT_MIN + 1900) return raise(PyExc_OverflowError, "year out of range");
  value->tm_year = year - 1900;
  value->tm_mon -= 1;
  value->tm_wday = (value->tm_wday + 1) % 7;
  value->tm_yday -= 1;
  if (Py_IS_TYPE(object, state_of(module)->struct_time)) {
    PyObject* name = PyStructSequence_GetItem(object, 9);
    if (name != Py_None) {
      *zone = Ref<>::steal(PyUnicode_EncodeLocale(name, "surrogateescape"));
      if (!*zone) return failed;
      value->tm_zone = PyBytes_AS_STRING(zone->get());
    }
    PyObject* offset = PyStructSequence_GetItem(object, 10);
    if (offset != Py_None) {
      value->tm_gmtoff = PyLong_AsLong(offset);
      if (PyErr_Occurred()) return failed;
    }
  }
  return Status::Ok;
}
// Ranges as strftime() needs them; a zero in month, day and day of year counts as the first.
Status check_tm(tm* value) {
  if (value->tm_mon == -1) value->tm_mon = 0;
  else if (value->tm_mon < 0 || value->tm_mon > 11) return raise(PyExc_ValueError, "month out of range");
  if (value->tm_mday == 0) value->tm_mday = 1;
  else if (value->tm_mday < 0 || value->tm_mday > 31) return raise(PyExc_ValueError, "day of month out of range");
  if (value->tm_hour < 0 || value->tm_hour > 23) return raise(PyExc_ValueError, "hour out of range");
  if (value->tm_min < 0 || value->tm_min > 59) return raise(PyExc_ValueError, "minute out of range");
  if (value->tm_sec < 0 || value->tm_sec > 61) return raise(PyExc_ValueError, "seconds out of range");
  if (value->tm_wday < 0) return raise(PyExc_ValueError, "day of week out of range");
  if (value->tm_yday == -1) value->tm_yday = 0;
  else if (value->tm_yday < 0 || value->tm_yday > 365) return raise(PyExc_ValueError, "day of year out of range");
  return Status::Ok;
}

PyObject* ascii_time(const tm& value) {
  static constexpr char kDays[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr char kMonths[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  char text[96];
  const int length = snprintf(text, sizeof text, "%s %s%3d %.2d:%.2d:%.2d %lld", kDays[value.tm_wday % 7], kMonths[value.tm_mon % 12],
                              value.tm_mday, value.tm_hour, value.tm_min, value.tm_sec, 1900LL + value.tm_year);
  return PyUnicode_FromStringAndSize(text, length);
}
PyObject* time_asctime(PyObject* module, PyObject* object) {
  tm value;
  Ref<> zone;
  if (!object) {
    const time_t now = time(nullptr);
    if (!localtime_r(&now, &value)) return raise_errno();
  } else {
    TRY(tm_from_object(module, object, "asctime", &value, &zone));
    TRY(check_tm(&value));
  }
  return ascii_time(value);
}
METHOD_UNSIGNED(time_asctime, "asctime", 0, "($module, tuple=<unrepresentable>, /)", "A struct_time (default: now) as text: 'Sat Jun  6 16:26:11 1998'.");
PyObject* time_ctime(PyObject*, PyObject* object) {
  time_t seconds;
  TRY(seconds_or_now(object, &seconds));
  tm value;
  errno = 0;
  if (!localtime_r(&seconds, &value)) {
    if (!errno) errno = EINVAL;
    return raise_errno();
  }
  return ascii_time(value);
}
METHOD_UNSIGNED(time_ctime, "ctime", 0, "($module, seconds=None, /)", "Seconds since 1970 (default: now) as local text.");
PyObject* time_mktime(PyObject* module, PyObject* object) {
  tm value;
  Ref<> zone;
  TRY(tm_from_object(module, object, "mktime", &value, &zone));
  // -1 is a time too: an untouched day of the week tells that nothing was computed.
  value.tm_wday = -1;
  const time_t result = mktime(&value);
  if (result == static_cast<time_t>(-1) && value.tm_wday == -1) return raise(PyExc_OverflowError, "mktime argument out of range");
  return PyFloat_FromDouble(static_cast<double>(result));
}
METHOD(time, mktime, "($self, object, /)", "A local struct_time as seconds since 1970.");

PyObject* time_strftime(PyObject* module, StrArgument format, PyObject* object) {
  tm value;
  Ref<> zone;
  if (!object) {
    const time_t now = time(nullptr);
    if (!localtime_r(&now, &value)) return raise_errno();
  } else {
    TRY(tm_from_object(module, object, "strftime", &value, &zone));
    TRY(check_tm(&value));
  }
  value.tm_isdst = value.tm_isdst < -1 ? -1 : value.tm_isdst > 1 ? 1 : value.tm_isdst;

  // Runs of text that the C library could garble (null characters, what the locale cannot encode) are kept away from it.
  Ref<> result_pieces = TRY(steal(PyList_New(0)));
  const Py_ssize_t length = PyUnicode_GET_LENGTH(format.object);
  Py_ssize_t i = 0;
  while (i < length) {
    const Py_ssize_t start = i;
    auto plain = [&](Py_UCS4 c) { return c == 0 || c > 127; };
    if (plain(PyUnicode_READ_CHAR(format.object, i))) {
      while (i < length && plain(PyUnicode_READ_CHAR(format.object, i))) ++i;
      Ref<> piece = TRY(steal(PyUnicode_Substring(format, start, i)));
      TRY(PyList_Append(result_pieces, piece));
      continue;
    }
    std::string text;
    while (i < length) {
      const Py_UCS4 c = PyUnicode_READ_CHAR(format.object, i);
      if (plain(c)) break;
      text += static_cast<char>(c);
      ++i;
    }
    // An empty result and a buffer too small look alike: a mark in front tells them apart.
    std::string marked = "\x01" + text;
    std::string buffer(Py_MAX(marked.size() * 4, size_t{128}), '\0');
    size_t written;
    while ((written = strftime(buffer.data(), buffer.size(), marked.c_str(), &value)) == 0 && buffer.size() < 256 * marked.size() + 4096)
      buffer.resize(buffer.size() * 2);
    if (written == 0) return PyErr_NoMemory();
    Ref<> piece = TRY(steal(PyUnicode_DecodeLocaleAndSize(buffer.data() + 1, static_cast<Py_ssize_t>(written) - 1, "surrogateescape")));
    TRY(PyList_Append(result_pieces, piece));
  }
  Ref<> empty = TRY(steal(PyUnicode_New(0, 0)));
  return PyUnicode_Join(empty, result_pieces);
}
METHOD_UNSIGNED(time_strftime, "strftime", 0, "($module, format, tuple=<unrepresentable>, /)", "A struct_time (default: now) as text, in the C library's format language.");

PyObject* time_strptime(PyObject*, PyObject* args) {
  Ref<> helper = TRY(steal(PyImport_ImportModule("_strptime")));
  Ref<> function = TRY(steal(PyObject_GetAttrString(helper, "_strptime_time")));
  return PyObject_Call(function, args, nullptr);
}
METHOD_UNSIGNED(time_strptime, "strptime", 0, "($module, /, *args)", "Read a struct_time out of text, by a format.");

Status add_time_zone(PyObject* module) {
  tzset();
  // The module's constants are those of the whole year: the names of winter and summer time.
  const time_t now = time(nullptr);
  tm local;
  if (!localtime_r(&now, &local)) return raise_errno();
  const time_t year_start = now - now % (365L * 24 * 3600);
  tm january, july;
  const time_t half_year = year_start + 365L * 24 * 3600 / 2;
  if (!localtime_r(&year_start, &january) || !localtime_r(&half_year, &july)) return raise_errno();
  const long january_offset = -january.tm_gmtoff, july_offset = -july.tm_gmtoff;
  const bool south = january_offset < july_offset;
  const std::string january_name = january.tm_zone ? january.tm_zone : "   ", july_name = july.tm_zone ? july.tm_zone : "   ";
  TRY(PyModule_AddIntConstant(module, "timezone", south ? july_offset : january_offset));
  TRY(PyModule_AddIntConstant(module, "altzone", south ? january_offset : july_offset));
  TRY(PyModule_AddIntConstant(module, "daylight", january_offset != july_offset));
  Ref<> standard = TRY(steal(PyUnicode_DecodeLocale((south ? july_name : january_name).c_str(), "surrogateescape")));
  Ref<> summer = TRY(steal(PyUnicode_DecodeLocale((south ? january_name : july_name).c_str(), "surrogateescape")));
  Ref<> names = TRY(steal(PyTuple_Pack(2, standard.get(), summer.get())));
  return status(PyModule_AddObjectRef(module, "tzname", names));
}
Status time_tzset(PyObject* module) { return add_time_zone(module); }
METHOD(time, tzset, "($self, /)", "Read the TZ environment variable again.");

PyMethodDef methods[] = {time_time_method, time_time_ns_method, time_monotonic_method, time_monotonic_ns_method,
                         time_perf_counter_method, time_perf_counter_ns_method, time_process_time_method,
                         time_process_time_ns_method, time_thread_time_method, time_thread_time_ns_method,
                         time_clock_gettime_method, time_clock_gettime_ns_method, time_clock_getres_method,
                         time_clock_settime_method, time_clock_settime_ns_method, time_pthread_getcpuclockid_method,
                         time_get_clock_info_method, time_sleep_method, time_gmtime_method, time_localtime_method,
                         time_asctime_method, time_ctime_method, time_mktime_method, time_strftime_method, time_strptime_method,
                         time_tzset_method, {}};

PyStructSequence_Field fields[] = {{"tm_year", "year, for example, 1993"}, {"tm_mon", "month of year, range [1, 12]"},
                                   {"tm_mday", "day of month, range [1, 31]"}, {"tm_hour", "hours, range [0, 23]"},
                                   {"tm_min", "minutes, range [0, 59]"}, {"tm_sec", "seconds, range [0, 61])"},
                                   {"tm_wday", "day of week, range [0, 6], Monday is 0"}, {"tm_yday", "day of year, range [1, 366]"},
                                   {"tm_isdst", "1 if summer time is in effect, 0 if not, and -1 if unknown"},
                                   {"tm_zone", "abbreviation of timezone name"}, {"tm_gmtoff", "offset from UTC in seconds"}, {}};
PyStructSequence_Desc struct_time_desc = {"time.struct_time", "A moment of the calendar, as a tuple of nine and the time zone.", fields, 9};
constexpr IntConstant constants[] = {{"CLOCK_REALTIME", CLOCK_REALTIME}, {"CLOCK_MONOTONIC", CLOCK_MONOTONIC},
                                     {"CLOCK_MONOTONIC_RAW", CLOCK_MONOTONIC_RAW}, {"CLOCK_PROCESS_CPUTIME_ID", CLOCK_PROCESS_CPUTIME_ID},
                                     {"CLOCK_THREAD_CPUTIME_ID", CLOCK_THREAD_CPUTIME_ID}, {"CLOCK_BOOTTIME", CLOCK_BOOTTIME},
                                     {"CLOCK_TAI", CLOCK_TAI}, {"_STRUCT_TM_ITEMS", 11}};
int time_exec(PyObject* module) {
  TRY(add_constants(module, constants));
  TRY(add_time_zone(module));
  state_of(module)->struct_time = PyStructSequence_NewType(&struct_time_desc);
  if (!state_of(module)->struct_time) return -1;
  return PyModule_AddObjectRef(module, "struct_time", object(state_of(module)->struct_time));
}
int time_traverse(PyObject* module, visitproc visit, void* arg) {
  if (TimeState* state = state_of(module)) Py_VISIT(reinterpret_cast<PyObject*>(state->struct_time));
  return 0;
}
int time_clear(PyObject* module) {
  if (TimeState* state = state_of(module)) Py_CLEAR(state->struct_time);
  return 0;
}
MODULE_SLOTS(slots, time_exec);
PyModuleDef module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "time", .m_doc = "Clocks, calendar time and sleeping.",
                      .m_size = sizeof(TimeState), .m_methods = methods, .m_slots = slots, .m_traverse = time_traverse, .m_clear = time_clear};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit_time(void) { return PyModuleDef_Init(&ks::module); }
