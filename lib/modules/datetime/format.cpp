// Dates and times as text: ISO 8601, repr, strftime, ctime.
#include "modules/datetime/dates.h"
#include "types/str.h"

namespace ks {

static Status write_text(PyUnicodeWriter* writer, const char* text, int size) {
  return status(PyUnicodeWriter_WriteASCII(writer, text, size));
}

// "+HH:MM[:SS[.ffffff]]"; the separator may be empty.
static int offset_text(char* text, size_t room, const char* separator, PyObject* offset) {
  Int128 micros = delta_micros(offset);
  const char sign = micros < 0 ? '-' : '+';
  if (micros < 0) micros = -micros;
  const int fraction = static_cast<int>(micros % kMicrosPerSecond), seconds = static_cast<int>(micros / kMicrosPerSecond);
  int size = PyOS_snprintf(text, room, "%c%02d%s%02d", sign, seconds / 3600, separator, seconds / 60 % 60);
  const auto rest = [&] { return room - static_cast<size_t>(size); };
  if (seconds % 60 || fraction) size += PyOS_snprintf(text + size, rest(), "%s%02d", separator, seconds % 60);
  if (fraction) size += PyOS_snprintf(text + size, rest(), ".%06d", fraction);
  return size;
}
Status write_offset(PyUnicodeWriter* writer, const char* separator, PyObject* tzinfo, PyObject* argument) {
  if (tzinfo == Py_None) return Status::Ok;
  Ref<> offset = TRY(call_utcoffset(tzinfo, argument));
  if (offset == Py_None) return Status::Ok;
  char text[40];
  return write_text(writer, text, offset_text(text, sizeof text, separator, offset));
}

Status read_timespec(const char* text, int micros, TimeSpec* spec) {
  static constexpr const char* names[] = {"hours", "minutes", "seconds", "milliseconds", "microseconds"};
  if (!text || strcmp(text, "auto") == 0) {
    *spec = micros ? TimeSpec::Microseconds : TimeSpec::Seconds;
    return Status::Ok;
  }
  for (int i = 0; i < 5; ++i) {
    if (strcmp(text, names[i]) != 0) continue;
    *spec = static_cast<TimeSpec>(i);
    return Status::Ok;
  }
  return raise(PyExc_ValueError, "Unknown timespec value");
}
Status write_time(PyUnicodeWriter* writer, const TimeFields& f, TimeSpec spec) {
  char text[40];
  int size = 0;
  switch (spec) {
    case TimeSpec::Hours: size = PyOS_snprintf(text, sizeof text, "%02d", f.hour); break;
    case TimeSpec::Minutes: size = PyOS_snprintf(text, sizeof text, "%02d:%02d", f.hour, f.minute); break;
    case TimeSpec::Seconds: size = PyOS_snprintf(text, sizeof text, "%02d:%02d:%02d", f.hour, f.minute, f.second); break;
    case TimeSpec::Milliseconds:
      size = PyOS_snprintf(text, sizeof text, "%02d:%02d:%02d.%03d", f.hour, f.minute, f.second, f.micros / 1000);
      break;
    case TimeSpec::Microseconds:
      size = PyOS_snprintf(text, sizeof text, "%02d:%02d:%02d.%06d", f.hour, f.minute, f.second, f.micros);
      break;
  }
  return write_text(writer, text, size);
}

Ref<> repr_with_tail(Ref<> text, PyObject* tzinfo, int fold) {
  if (!text || (tzinfo == Py_None && !fold)) return text;
  Ref<> head = steal(PyUnicode_Substring(text, 0, PyUnicode_GET_LENGTH(text.get()) - 1));
  if (!head) return failed;
  if (fold) head = steal(PyUnicode_FromFormat("%U, fold=%d", head.get(), fold));
  if (head && tzinfo != Py_None) head = steal(PyUnicode_FromFormat("%U, tzinfo=%R", head.get(), tzinfo));
  if (!head) return failed;
  return steal(PyUnicode_FromFormat("%U)", head.get()));
}

Ref<> ctime_of(const Fields& f) {
  static constexpr const char* days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  return steal(PyUnicode_FromFormat("%s %s %2d %02d:%02d:%02d %04d", days[weekday_of(f.year, f.month, f.day)], months[f.month - 1], f.day,
                                    f.hour, f.minute, f.second, f.year));
}

Ref<> build_struct_time(const Fields& f, int dst) {
  Ref<> type = TRY(steal(PyImport_ImportModuleAttrString("time", "struct_time")));
  Ref<> fields = TRY(steal(Py_BuildValue("iiiiiiiii", f.year, f.month, f.day, f.hour, f.minute, f.second,
                                         weekday_of(f.year, f.month, f.day), days_before_month(f.year, f.month) + f.day, dst)));
  return steal(PyObject_CallOneArg(type, fields));
}

// ---- strftime -----------------------------------------------------------------------------------------------------------

namespace {

// The object and what its directives need, found when asked for.
struct Directives {
  PyObject* object;
  PyObject* timetuple;
  PyObject* argument;
  PyObject* strftime;

  // None for a date.
  PyObject* tzinfo() const {
    if (is_time(object)) return time_tzinfo(object);
    return is_datetime(object) ? datetime_tzinfo(object) : Py_None;
  }
  Status write_utcoffset(PyUnicodeWriter* writer, const char* separator) const {
    return write_offset(writer, separator, tzinfo(), argument);
  }
  Status write_zone_name(PyUnicodeWriter* writer) const {
    Ref<> name = TRY(call_tzname(tzinfo(), argument));
    if (name == Py_None) return Status::Ok;
    // It goes through time.strftime afterwards.
    Ref<> percent = TRY(steal(PyUnicode_FromString("%")));
    Ref<> twice = TRY(steal(PyUnicode_FromString("%%")));
    Ref<> escaped = TRY(steal(PyObject_CallMethodObjArgs(name, "replace"_id, percent.get(), twice.get(), nullptr)));
    if (!PyUnicode_Check(escaped)) return raise(PyExc_TypeError, "tzname.replace() did not return a string");
    return status(PyUnicodeWriter_WriteStr(writer, escaped));
  }
  Status write_micros(PyUnicodeWriter* writer) const {
    int micros = 0;
    if (is_time(object)) micros = PyDateTime_TIME_GET_MICROSECOND(object);
    else if (is_datetime(object)) micros = PyDateTime_DATE_GET_MICROSECOND(object);
    return status(PyUnicodeWriter_Format(writer, "%06d", micros));
  }
  // Years with four digits, which the C library does not fill up.
  Status write_year(PyUnicodeWriter* writer, Py_UCS4 directive) const {
    Ref<> item;
    if (directive == 'G') {
      Ref<> format = TRY(steal(PyUnicode_FromString("%G")));
      Ref<> text = TRY(steal(PyObject_CallFunctionObjArgs(strftime, format.get(), timetuple, nullptr)));
      item = TRY(steal(PyNumber_Long(text)));
    } else {
      item = TRY(steal(PySequence_GetItem(timetuple, 0)));
    }
    const long year = PyLong_AsLong(item);
    if (year == -1 && PyErr_Occurred()) return failed;
    switch (directive) {
      case 'F': return status(PyUnicodeWriter_Format(writer, "%04ld-%%m-%%d", year));
      case 'C': return status(PyUnicodeWriter_Format(writer, "%02ld", year / 100));
      default: return status(PyUnicodeWriter_Format(writer, "%04ld", year));
    }
  }
};

}  // namespace

Ref<> format_by_strftime(PyObject* object, PyObject* format, PyObject* timetuple, PyObject* argument) {
  Ref<> strftime = TRY(steal(PyImport_ImportModuleAttrString("time", "strftime")));
  const Directives directives{object, timetuple, argument, strftime};
  PyUnicodeWriter* writer = PyUnicodeWriter_Create(0);
  if (!writer) return failed;
  const auto build = [&]() -> Status {
    const Py_ssize_t size = str_length(format);
    Py_ssize_t copied = 0;
    for (Py_ssize_t i = 0; i + 1 < size; ++i) {
      if (str_char(format, i) != '%') continue;
      const Py_UCS4 directive = str_char(format, i + 1);
      const bool colon = directive == ':' && i + 2 < size && str_char(format, i + 2) == 'z';
      const bool ours = colon || directive == 'z' || directive == 'Z' || directive == 'f' || directive == 'Y' || directive == 'G' ||
                        directive == 'F' || directive == 'C';
      const Py_ssize_t next = i + (colon ? 3 : 2);
      if (ours) {
        if (PyUnicodeWriter_WriteSubstring(writer, format, copied, i) < 0) return failed;
        copied = next;
        if (colon || directive == 'z') TRY(directives.write_utcoffset(writer, colon ? ":" : ""));
        else if (directive == 'Z') TRY(directives.write_zone_name(writer));
        else if (directive == 'f') TRY(directives.write_micros(writer));
        else TRY(directives.write_year(writer, directive));
      }
      i = next - 1;
    }
    return status(PyUnicodeWriter_WriteSubstring(writer, format, copied, size));
  };
  if (is_failure(build())) {
    PyUnicodeWriter_Discard(writer);
    return failed;
  }
  Ref<> changed = TRY(steal(PyUnicodeWriter_Finish(writer)));
  return steal(PyObject_CallFunctionObjArgs(strftime, changed.get(), timetuple, nullptr));
}

Ref<> format_by_spec(PyObject* object, PyObject* spec) {
  if (PyUnicode_GET_LENGTH(spec) == 0) return steal(PyObject_Str(object));
  return steal(PyObject_CallMethodOneArg(object, "strftime"_id, spec));
}

}  // namespace ks
