// The C APIs that modules give away in capsules, used through the public headers as an extension does.
#include "../python.h"

#include <datetime.h>
#include <expat.h>

#include <cstring>

#include <pyexpat.h>

using namespace test;

TEST_CASE("datetime.h: constructors and fields", "[capi][datetime]") {
  PyDateTime_IMPORT;
  REQUIRE(PyDateTimeAPI != nullptr);
  Object plain = own(PyDateTime_FromDateAndTime(2024, 2, 29, 13, 14, 15, 999999));
  REQUIRE(repr_of(plain.get()) == "datetime.datetime(2024, 2, 29, 13, 14, 15, 999999)");
  REQUIRE(PyDateTime_CheckExact(plain.get()));
  REQUIRE(PyDate_Check(plain.get()));
  REQUIRE(PyDateTime_GET_YEAR(plain.get()) == 2024);
  REQUIRE(PyDateTime_DATE_GET_MICROSECOND(plain.get()) == 999999);
  REQUIRE(PyDateTime_DATE_GET_TZINFO(plain.get()) == Py_None);
  Object aware = own(PyDateTimeAPI->DateTime_FromDateAndTimeAndFold(2024, 1, 1, 0, 0, 0, 0, PyDateTime_TimeZone_UTC, 1,
                                                                   PyDateTimeAPI->DateTimeType));
  REQUIRE(PyDateTime_DATE_GET_TZINFO(aware.get()) == PyDateTime_TimeZone_UTC);
  REQUIRE(PyDateTime_DATE_GET_FOLD(aware.get()) == 1);
  Object difference = own(PyNumber_Subtract(plain.get(), aware.get()));
  REQUIRE(take_error() == "TypeError: can't subtract offset-naive and offset-aware datetimes");
}

TEST_CASE("datetime.h: fields out of range raise ValueError", "[capi][datetime]") {
  PyDateTime_IMPORT;
  REQUIRE(PyDate_FromDate(2023, 2, 29) == nullptr);
  REQUIRE(take_error() == "ValueError: day 29 must be in range 1..28 for month 2 in year 2023");
  REQUIRE(PyTime_FromTime(24, 0, 0, 0) == nullptr);
  REQUIRE(take_error() == "ValueError: hour must be in 0..23, not 24");
}

TEST_CASE("datetime.h: timedelta and timezone", "[capi][datetime]") {
  PyDateTime_IMPORT;
  Object delta = own(PyDelta_FromDSU(1, -1, 2000000));
  REQUIRE(PyDateTime_DELTA_GET_DAYS(delta.get()) == 1);
  REQUIRE(PyDateTime_DELTA_GET_SECONDS(delta.get()) == 1);
  REQUIRE(PyTimeZone_FromOffset(delta.get()) == nullptr);
  REQUIRE(take_error().substr(0, 11) == "ValueError:");
  REQUIRE(PyTimeZone_FromOffset(Py_None) == nullptr);
  REQUIRE(take_error().substr(0, 10) == "TypeError:");
  Object zero = own(PyDelta_FromDSU(0, 0, 0));
  Object zone = own(PyTimeZone_FromOffset(zero.get()));
  REQUIRE(zone.get() == PyDateTime_TimeZone_UTC);
  Object arguments = own(Py_BuildValue("(iO)", 0, PyDateTime_TimeZone_UTC));
  Object epoch = own(PyDateTime_FromTimestamp(arguments.get()));
  REQUIRE(text_of(epoch.get()) == "1970-01-01 00:00:00+00:00");
}

TEST_CASE("pyexpat.h: a parser through the capsule", "[capi][pyexpat]") {
  auto* api = static_cast<PyExpat_CAPI*>(PyCapsule_Import(PyExpat_CAPSULE_NAME, 0));
  REQUIRE(api != nullptr);
  REQUIRE(std::strcmp(api->magic, PyExpat_CAPI_MAGIC) == 0);
  REQUIRE(api->size == static_cast<int>(sizeof(PyExpat_CAPI)));
  REQUIRE(api->MAJOR_VERSION == 2);
  XML_Parser parser = api->ParserCreate_MM(nullptr, nullptr, nullptr);
  REQUIRE(parser != nullptr);
  api->SetUnknownEncodingHandler(parser, api->DefaultUnknownEncodingHandler, nullptr);
  std::string text;
  api->SetUserData(parser, &text);
  api->SetCharacterDataHandler(parser, [](void* data, const XML_Char* chars, int length) { static_cast<std::string*>(data)->append(chars, static_cast<size_t>(length)); });
  const char document[] = "<?xml version='1.0' encoding='cp1252'?><a>\x80</a>";
  REQUIRE(api->Parse(parser, document, static_cast<int>(sizeof document - 1), 1) == XML_STATUS_OK);
  REQUIRE(text == "\xe2\x82\xac");
  api->ParserFree(parser);
}
