// The proleptic Gregorian calendar, the ISO calendar of weeks, and the checks of fields.
#include "modules/datetime/dates.h"

namespace ks {

static constexpr short kDaysBefore[] = {0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};

bool is_leap_year(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }
int days_in_month(int year, int month) {
  static constexpr char days[] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap_year(year) ? 29 : days[month];
}
int days_before_month(int year, int month) { return kDaysBefore[month] + (month > 2 && is_leap_year(year) ? 1 : 0); }
static int days_before_year(int year) {
  const int y = year - 1;
  return y * 365 + y / 4 - y / 100 + y / 400;
}
int ordinal_of(int year, int month, int day) { return days_before_year(year) + days_before_month(year, month) + day; }

YearMonthDay date_of_ordinal(int ordinal) {
  // Cycles of 400, 100, 4 and 1 years; the last day of a long cycle belongs to the year before.
  int n = ordinal - 1;
  const int n400 = n / 146097;
  n %= 146097;
  const int n100 = n / 36524;
  n %= 36524;
  const int n4 = n / 1461;
  n %= 1461;
  const int n1 = n / 365;
  n %= 365;
  const int year = n400 * 400 + n100 * 100 + n4 * 4 + n1 + 1;
  if (n1 == 4 || n100 == 4) return {year - 1, 12, 31};
  int month = (n + 50) >> 5;  // right or one too large
  if (days_before_month(year, month) > n) --month;
  return {year, month, n - days_before_month(year, month) + 1};
}

int iso_week1_monday(int year) {
  const int first_day = ordinal_of(year, 1, 1);
  const int first_weekday = (first_day + 6) % 7;
  int monday = first_day - first_weekday;
  if (first_weekday > 3) monday += 7;  // the week with the year's first Thursday
  return monday;
}
void iso_calendar_of(int year, int month, int day, int* iso_year, int* iso_week, int* iso_weekday) {
  const int today = ordinal_of(year, month, day);
  int monday = iso_week1_monday(year);
  if (today < monday) {
    --year;
    monday = iso_week1_monday(year);
  } else if (today >= iso_week1_monday(year + 1)) {
    ++year;
    monday = iso_week1_monday(year);
  }
  *iso_year = year;
  *iso_week = (today - monday) / 7 + 1;
  *iso_weekday = (today - monday) % 7 + 1;
}
Status ordinal_of_iso(int iso_year, int iso_week, int iso_weekday, int* ordinal) {
  if (iso_year < kMinYear || iso_year > kMaxYear)
    return raise(PyExc_ValueError, "year must be in %d..%d, not %d", kMinYear, kMaxYear, iso_year);
  bool good_week = iso_week > 0 && iso_week < 53;
  if (iso_week == 53) good_week = iso_week1_monday(iso_year + 1) - iso_week1_monday(iso_year) == 53 * 7;
  if (!good_week) return raise(PyExc_ValueError, "Invalid week: %d", iso_week);
  if (iso_weekday <= 0 || iso_weekday >= 8)
    return raise(PyExc_ValueError, "Invalid weekday: %d (range is [1, 7])", iso_weekday);
  *ordinal = iso_week1_monday(iso_year) + (iso_week - 1) * 7 + iso_weekday - 1;
  return Status::Ok;
}

Status check_date(int year, int month, int day) {
  if (year < kMinYear || year > kMaxYear) return raise(PyExc_ValueError, "year must be in %d..%d, not %d", kMinYear, kMaxYear, year);
  if (month < 1 || month > 12) return raise(PyExc_ValueError, "month must be in 1..12, not %d", month);
  const int last = days_in_month(year, month);
  if (day < 1 || day > last)
    return raise(PyExc_ValueError, "day %i must be in range 1..%d for month %i in year %i", day, last, month, year);
  return Status::Ok;
}
Status check_time(int hour, int minute, int second, int micros, int fold) {
  if (hour < 0 || hour > 23) return raise(PyExc_ValueError, "hour must be in 0..23, not %i", hour);
  if (minute < 0 || minute > 59) return raise(PyExc_ValueError, "minute must be in 0..59, not %i", minute);
  if (second < 0 || second > 59) return raise(PyExc_ValueError, "second must be in 0..59, not %i", second);
  if (micros < 0 || micros > 999999) return raise(PyExc_ValueError, "microsecond must be in 0..999999, not %i", micros);
  if (fold != 0 && fold != 1) return raise(PyExc_ValueError, "fold must be either 0 or 1, not %i", fold);
  return Status::Ok;
}
Status check_tzinfo(PyObject* tzinfo) {
  if (tzinfo == Py_None || is_tzinfo(tzinfo)) return Status::Ok;
  return raise(PyExc_TypeError, "tzinfo argument must be None or of a tzinfo subclass, not type '%s'", Py_TYPE(tzinfo)->tp_name);
}

}  // namespace ks
