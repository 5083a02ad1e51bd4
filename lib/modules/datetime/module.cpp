// The module _datetime and its C API, the capsule datetime.datetime_CAPI.
#include "modules/datetime/dates.h"
#include "object/type.h"
#include "runtime/state.h"

namespace ks {
namespace {

// ---- the C API --------------------------------------------------------------------------------------------------------------

PyObject* api_date(int year, int month, int day, PyTypeObject* type) { return date_new(year, month, day, type).release(); }
PyObject* api_datetime_fold(int year, int month, int day, int hour, int minute, int second, int micros, PyObject* tzinfo, int fold,
                            PyTypeObject* type) {
  return datetime_new({year, month, day, hour, minute, second, micros}, tzinfo, fold, type).release();
}
PyObject* api_datetime(int year, int month, int day, int hour, int minute, int second, int micros, PyObject* tzinfo, PyTypeObject* type) {
  return api_datetime_fold(year, month, day, hour, minute, second, micros, tzinfo, 0, type);
}
PyObject* api_time_fold(int hour, int minute, int second, int micros, PyObject* tzinfo, int fold, PyTypeObject* type) {
  return time_new({hour, minute, second, micros}, tzinfo, fold, type).release();
}
PyObject* api_time(int hour, int minute, int second, int micros, PyObject* tzinfo, PyTypeObject* type) {
  return api_time_fold(hour, minute, second, micros, tzinfo, 0, type);
}
PyObject* api_delta(int days, int seconds, int micros, int normalize, PyTypeObject* type) {
  return (normalize ? delta_normalized(days, seconds, micros, type) : delta_new(days, seconds, micros, type)).release();
}
PyObject* api_timezone(PyObject* offset, PyObject* name) { return timezone_new(offset, name).release(); }
PyObject* api_datetime_from_timestamp(PyObject* cls, PyObject* args, PyObject* kwargs) {
  static const char* const names[] = {"timestamp", "tz", nullptr};
  PyObject *timestamp, *tzinfo = Py_None;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O:fromtimestamp", const_cast<char**>(names), &timestamp, &tzinfo)) return nullptr;
  return datetime_from_timestamp_and_zone(cls, timestamp, tzinfo).release();
}
PyObject* api_date_from_timestamp(PyObject* cls, PyObject* args) {
  PyObject* timestamp;
  if (!PyArg_UnpackTuple(args, "fromtimestamp", 1, 1, &timestamp)) return nullptr;
  return date_from_timestamp(cls, timestamp).release();
}

constinit const PyDateTime_CAPI api = {
    .DateType = &DatetimeDate_Type,
    .DateTimeType = &DatetimeDateTime_Type,
    .TimeType = &DatetimeTime_Type,
    .DeltaType = &DatetimeDelta_Type,
    .TZInfoType = &DatetimeTZInfo_Type,
    .TimeZone_UTC = &utc_timezone.ob_base,
    .Date_FromDate = api_date,
    .DateTime_FromDateAndTime = api_datetime,
    .Time_FromTime = api_time,
    .Delta_FromDelta = api_delta,
    .TimeZone_FromTimeZone = api_timezone,
    .DateTime_FromTimestamp = api_datetime_from_timestamp,
    .Date_FromTimestamp = api_date_from_timestamp,
    .DateTime_FromDateAndTimeAndFold = api_datetime_fold,
    .Time_FromTimeAndFold = api_time_fold,
};

// ---- the module -------------------------------------------------------------------------------------------------------------

struct DatetimeState {
  bool counted;
};
Status set_in_type(PyTypeObject* type, const char* name, Ref<> value) {
  if (!value) return failed;
  return status(PyDict_SetItemString(type_dict(type), name, value));
}
Status add_type_constants() {
  TRY(set_in_type(&DatetimeDelta_Type, "resolution", delta_new(0, 0, 1)));
  TRY(set_in_type(&DatetimeDelta_Type, "min", delta_new(-kMaxDeltaDays, 0, 0)));
  TRY(set_in_type(&DatetimeDelta_Type, "max", delta_new(kMaxDeltaDays, kSecondsPerDay - 1, kMicrosPerSecond - 1)));
  TRY(set_in_type(&DatetimeDate_Type, "min", date_new(1, 1, 1)));
  TRY(set_in_type(&DatetimeDate_Type, "max", date_new(kMaxYear, 12, 31)));
  TRY(set_in_type(&DatetimeDate_Type, "resolution", delta_new(1, 0, 0)));
  TRY(set_in_type(&DatetimeTime_Type, "min", time_new({0, 0, 0, 0}, Py_None, 0)));
  TRY(set_in_type(&DatetimeTime_Type, "max", time_new({23, 59, 59, 999999}, Py_None, 0)));
  TRY(set_in_type(&DatetimeTime_Type, "resolution", delta_new(0, 0, 1)));
  TRY(set_in_type(&DatetimeDateTime_Type, "min", datetime_new({1, 1, 1, 0, 0, 0, 0}, Py_None, 0)));
  TRY(set_in_type(&DatetimeDateTime_Type, "max", datetime_new({kMaxYear, 12, 31, 23, 59, 59, 999999}, Py_None, 0)));
  TRY(set_in_type(&DatetimeDateTime_Type, "resolution", delta_new(0, 0, 1)));
  TRY(set_in_type(&DatetimeTimeZone_Type, "utc", Ref<>::borrow(utc())));
  // To the minute, for compatibility.
  Ref<> smallest = TRY(delta_new(-1, 60, 0));
  Ref<> largest = TRY(delta_new(0, (23 * 60 + 59) * 60, 0));
  TRY(set_in_type(&DatetimeTimeZone_Type, "min", timezone_new(smallest, nullptr)));
  return set_in_type(&DatetimeTimeZone_Type, "max", timezone_new(largest, nullptr));
}

int exec(PyObject* module) {
  static constexpr PyTypeObject* types[] = {&DatetimeDate_Type,  &DatetimeDateTime_Type, &DatetimeTime_Type,
                                            &DatetimeDelta_Type, &DatetimeTZInfo_Type,   &DatetimeTimeZone_Type};
  const bool first = !type_dict(&DatetimeDelta_Type) || !PyDict_GetItemString(type_dict(&DatetimeDelta_Type), "min");
  TRY(static_types_ready_late(types, sizeof types / sizeof types[0]));
  if (first) TRY(add_type_constants());
  for (PyTypeObject* type : types) TRY(PyModule_AddType(module, type));
  static constexpr IntConstant constants[] = {{"MINYEAR", kMinYear}, {"MAXYEAR", kMaxYear}};
  TRY(add_constants(module, constants));
  TRY(PyModule_AddObjectRef(module, "UTC", utc()));
  Ref<> capsule = TRY(steal(PyCapsule_New(const_cast<PyDateTime_CAPI*>(&api), PyDateTime_CAPSULE_NAME, nullptr)));
  TRY(PyModule_AddObjectRef(module, "datetime_CAPI", capsule));
  static_cast<DatetimeState*>(PyModule_GetState(module))->counted = true;
  ++interpreter()->modules.datetime_modules;
  return 0;
}
// The type of isocalendar() is made again when it is needed after this.
void free_module(void* module) {
  DatetimeState* state = static_cast<DatetimeState*>(PyModule_GetState(static_cast<PyObject*>(module)));
  if (!state->counted) return;
  --interpreter()->modules.datetime_modules;
  Py_CLEAR(interpreter()->modules.iso_calendar_date_type);
}

MODULE_SLOTS(slots, exec);
PyModuleDef module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "_datetime", .m_doc = "Fast implementation of the datetime module.",
                      .m_size = sizeof(DatetimeState), .m_slots = slots, .m_free = free_module};

}  // namespace

Status require_module() {
  if (interpreter()->modules.datetime_modules) return Status::Ok;
  Ref<> module = TRY(steal(PyImport_ImportModule("_datetime")));
  return Status::Ok;
}

}  // namespace ks

PyMODINIT_FUNC PyInit__datetime(void) { return PyModuleDef_Init(&ks::module); }
