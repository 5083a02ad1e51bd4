// Reading ISO 8601 text, and the way to _strptime. The texts are read as UTF-8; a character that is none of ours ends a part.
#include <algorithm>

#include "modules/datetime/dates.h"
#include "types/str.h"

namespace ks {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Text with a terminating zero after `end`.
struct Reader {
  const char* at;
  const char* end;

  bool digits(int count, int* value) {
    *value = 0;
    for (int i = 0; i < count; ++i, ++at) {
      if (!is_digit(*at)) return false;
      *value = *value * 10 + (*at - '0');
    }
    return true;
  }
};

// YYYY-MM-DD, YYYYMMDD, YYYY-Www[-D], YYYYWww[D].
bool read_date(const char* text, size_t length, YearMonthDay* result) {
  Reader reader{text, text + length};
  if (!reader.digits(4, &result->year)) return false;
  const bool separated = *reader.at == '-';
  if (separated) ++reader.at;
  if (*reader.at == 'W') {
    ++reader.at;
    int week, weekday = 1;
    if (!reader.digits(2, &week)) return false;
    if (reader.at < reader.end) {
      if (separated && *reader.at++ != '-') return false;
      if (!reader.digits(1, &weekday)) return false;
    }
    int ordinal;
    if (is_failure(ordinal_of_iso(result->year, week, weekday, &ordinal))) {
      PyErr_Clear();
      return false;
    }
    *result = date_of_ordinal(ordinal);
    return true;
  }
  if (!reader.digits(2, &result->month)) return false;
  if (separated && *reader.at++ != '-') return false;
  return reader.digits(2, &result->day);  // what follows in a text of a good length does not matter to the reference
}

// HH[:MM[:SS[.f…]]] up to `end`: false for malformed text; `rest` tells that a character follows which was not read.
bool read_clock(const char* text, const char* end, TimeFields* result, bool* rest) {
  *result = {};
  int* const parts[] = {&result->hour, &result->minute, &result->second};
  Reader reader{text, end};
  bool separated = true;
  for (int i = 0; i < 3; ++i) {
    if (!reader.digits(2, parts[i])) return false;
    const char next = *reader.at++;
    if (i == 0) separated = next == ':';
    if (next == '.' || next == ',') {
      if (i < 2) return false;
      break;
    }
    if (reader.at >= end) {
      *rest = next != 0;
      return true;
    }
    if (separated && next == ':') {
      if (i == 2) return false;
      continue;
    }
    if (separated) return false;
    --reader.at;
  }
  // The fraction: six digits count, more may follow.
  const int count = static_cast<int>(std::min<ptrdiff_t>(6, end - reader.at));
  if (count <= 0 || !reader.digits(count, &result->micros)) return false;
  for (int i = count; i < 6; ++i) result->micros *= 10;
  while (is_digit(*reader.at)) ++reader.at;
  *rest = *reader.at != 0;
  return true;
}

struct Zone {
  bool given = false;
  int seconds = 0, micros = 0;
};
bool read_time(const char* text, size_t length, TimeFields* result, Zone* zone) {
  const char* const end = text + length;
  const char* sign = std::find_if(text, end, [](char c) { return c == '+' || c == '-' || c == 'Z'; });
  bool rest = false;
  if (!read_clock(text, sign, result, &rest)) return false;
  if (sign == end) return !rest;
  zone->given = true;
  if (*sign == 'Z') return sign[1] == 0;
  TimeFields offset;
  if (!read_clock(sign + 1, end, &offset, &rest) || rest) return false;
  const int factor = *sign == '-' ? -1 : 1;
  zone->seconds = factor * (offset.hour * 3600 + offset.minute * 60 + offset.second);
  zone->micros = factor * offset.micros;
  return true;
}
Ref<> tzinfo_of(const Zone& zone) {
  if (!zone.given) return Ref<>::borrow(Py_None);
  if (zone.seconds == 0 && zone.micros == 0) return Ref<>::borrow(utc());
  Ref<> offset = TRY(delta_normalized(0, zone.seconds, zone.micros));
  return timezone_new(offset, nullptr);
}
// 24:00 is midnight of the next day.
Status read_midnight(TimeFields* time, bool* next_day) {
  *next_day = time->hour == 24;
  if (!*next_day) return Status::Ok;
  if (time->minute || time->second || time->micros)
    return raise(PyExc_ValueError, "minute, second, and microsecond must be 0 when hour is 24");
  time->hour = 0;
  return Status::Ok;
}

Failed invalid(PyObject* text) { return raise(PyExc_ValueError, "Invalid isoformat string: %R", text); }
Status check_text(PyObject* text) {
  if (PyUnicode_Check(text)) return Status::Ok;
  return raise(PyExc_TypeError, "fromisoformat: argument must be str");
}
// UTF-8, or ValueError that tells the whole text.
const char* utf8_of(PyObject* text, PyObject* shown, Py_ssize_t* length) {
  const char* result = PyUnicode_AsUTF8AndSize(text, length);
  if (!result && PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) {
    PyErr_Clear();
    return invalid(shown);
  }
  return result;
}

// Where the date of a datetime ends. Weeks without separators make this a guess: digits after them are taken for a time.
Py_ssize_t date_length(const char* text, Py_ssize_t length) {
  if (length == 7) return 7;
  if (text[4] == '-') {
    if (text[5] != 'W') return 10;
    if (length < 8) return -1;
    if (length > 8 && text[8] == '-') {
      if (length == 9) return -1;
      // YYYY-Www-HH or YYYY-Www-D.
      return length > 10 && is_digit(text[10]) ? 8 : 10;
    }
    return 8;
  }
  if (text[4] != 'W') return 8;
  Py_ssize_t end = 7;
  while (end < length && is_digit(text[end])) ++end;
  if (end < 9) return end;
  return end % 2 == 0 ? 7 : 8;
}

}  // namespace

PyObject* date_from_isoformat(PyObject* cls, PyObject* text) {
  TRY(check_text(text));
  Py_ssize_t length;
  const char* data = utf8_of(text, text, &length);
  if (!data) return nullptr;
  YearMonthDay date;
  if ((length != 7 && length != 8 && length != 10) || !read_date(data, static_cast<size_t>(length), &date)) return invalid(text);
  return date_make(date.year, date.month, date.day, cls).release();
}

PyObject* time_from_isoformat(PyObject* cls, PyObject* text) {
  TRY(check_text(text));
  Py_ssize_t length;
  const char* data = utf8_of(text, text, &length);
  if (!data) return nullptr;
  if (*data == 'T') {
    ++data;
    --length;
  }
  TimeFields fields;
  Zone zone;
  bool next_day;
  if (!read_time(data, static_cast<size_t>(length), &fields, &zone)) return invalid(text);
  TRY(read_midnight(&fields, &next_day));
  Ref<> tzinfo = TRY(tzinfo_of(zone));
  return time_make(fields, tzinfo, 0, cls).release();
}

PyObject* datetime_from_isoformat(PyObject* cls, PyObject* text) {
  TRY(check_text(text));
  Ref<> readable = Ref<>::borrow(text);
  const Py_ssize_t size = str_length(text);
  if (size < 7) return invalid(text);
  // A surrogate may separate date and time.
  for (const Py_ssize_t at : {7, 8, 10}) {
    if (at >= size || !Py_UNICODE_IS_SURROGATE(str_char(text, at))) continue;
    Ref<> head = TRY(steal(PyUnicode_Substring(text, 0, at)));
    Ref<> tail = TRY(steal(PyUnicode_Substring(text, at + 1, size)));
    readable = TRY(steal(PyUnicode_FromFormat("%UT%U", head.get(), tail.get())));
    break;
  }
  Py_ssize_t length;
  const char* data = utf8_of(readable, text, &length);
  if (!data) return nullptr;
  const Py_ssize_t date_end = date_length(data, length);
  YearMonthDay date;
  if (date_end < 0 || date_end > length || !read_date(data, static_cast<size_t>(date_end), &date)) return invalid(text);
  TimeFields fields{};
  Zone zone;
  bool next_day = false;
  if (date_end < length) {
    const unsigned char separator = static_cast<unsigned char>(data[date_end]);
    const int width = separator < 0x80 ? 1 : separator < 0xe0 ? 2 : separator < 0xf0 ? 3 : 4;
    const char* time = data + date_end + width;
    if (time > data + length || !read_time(time, static_cast<size_t>(data + length - time), &fields, &zone)) return invalid(text);
  }
  Ref<> tzinfo = TRY(tzinfo_of(zone));
  const bool good_date = date.year >= kMinYear && date.year <= kMaxYear && date.month >= 1 && date.month <= 12 &&
                         date.day <= days_in_month(date.year, date.month);
  if (good_date) TRY(read_midnight(&fields, &next_day));
  if (next_day) {
    if (++date.day > days_in_month(date.year, date.month)) {
      date.day = 1;
      if (++date.month > 12) {
        date.month = 1;
        ++date.year;
      }
    }
  }
  return datetime_make({date.year, date.month, date.day, fields.hour, fields.minute, fields.second, fields.micros}, tzinfo, 0, cls).release();
}

PyObject* parse_by_strptime(const char* function, PyObject* cls, PyObject* args) {
  PyObject *text, *format;
  if (!PyArg_ParseTuple(args, "UU:strptime", &text, &format)) return nullptr;
  Ref<> parse = TRY(steal(PyImport_ImportModuleAttrString("_strptime", function)));
  return PyObject_CallFunctionObjArgs(parse, cls, text, format, nullptr);
}

}  // namespace ks
