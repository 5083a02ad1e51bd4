// _locale: the C library's locale.
#include <langinfo.h>
#include <libintl.h>
#include <limits.h>
#include <locale.h>
#include <string.h>
#include <wchar.h>

#include <string>

#include "modules/module.h"

namespace ks {
namespace {

PyObject* decode(const char* text) { return PyUnicode_DecodeLocale(text, nullptr); }

// "\3\3\0" as [3, 3, 0].
Ref<> grouping_list(const char* text) {
  Ref<> result = TRY(steal(PyList_New(0)));
  if (!*text) return result;
  while (true) {
    Ref<> value = TRY(steal(PyLong_FromLong(*text)));
    TRY(PyList_Append(result, value));
    if (*text == 0 || *text == CHAR_MAX) return result;
    ++text;
  }
}
PyObject* locale_setlocale(PyObject* module, int category, TextOrNoneArgument locale) {
  const char* result = setlocale(category, locale);
  if (!result) {
    Ref<> error = TRY(steal(PyObject_GetAttrString(module, "Error")));
    PyErr_SetString(error, locale ? "unsupported locale setting" : "locale query failed");
    return nullptr;
  }
  return decode(result);
}
METHOD(locale, setlocale, "($module, category, locale=None, /)", "Set (or only tell) the locale of a category.");

PyObject* locale_localeconv(PyObject*) {
  const lconv* conventions = localeconv();
  Ref<> result = TRY(steal(PyDict_New()));
  auto add = [&](const char* name, PyObject* value) {
    Ref<> item = Ref<>::steal(value);
    return item && PyDict_SetItemString(result, name, item) == 0;
  };
  const struct {
    const char* name;
    const char* text;
  } texts[] = {{"decimal_point", conventions->decimal_point}, {"thousands_sep", conventions->thousands_sep},
               {"int_curr_symbol", conventions->int_curr_symbol}, {"currency_symbol", conventions->currency_symbol},
               {"mon_decimal_point", conventions->mon_decimal_point}, {"mon_thousands_sep", conventions->mon_thousands_sep},
               {"positive_sign", conventions->positive_sign}, {"negative_sign", conventions->negative_sign}};
  for (const auto& row : texts)
    if (!add(row.name, decode(row.text))) return nullptr;
  const struct {
    const char* name;
    char value;
  } numbers[] = {{"int_frac_digits", conventions->int_frac_digits}, {"frac_digits", conventions->frac_digits},
                 {"p_cs_precedes", conventions->p_cs_precedes}, {"p_sep_by_space", conventions->p_sep_by_space},
                 {"n_cs_precedes", conventions->n_cs_precedes}, {"n_sep_by_space", conventions->n_sep_by_space},
                 {"p_sign_posn", conventions->p_sign_posn}, {"n_sign_posn", conventions->n_sign_posn}};
  for (const auto& row : numbers)
    if (!add(row.name, PyLong_FromLong(row.value))) return nullptr;
  if (!add("grouping", grouping_list(conventions->grouping).release()) || !add("mon_grouping", grouping_list(conventions->mon_grouping).release()))
    return nullptr;
  return result.release();
}
METHOD(locale, localeconv, "($module, /)", "The locale's conventions for numbers and money.");

PyObject* locale_strcoll(PyObject*, StrArgument first, StrArgument second) {
  wchar_t* a = PyUnicode_AsWideCharString(first, nullptr);
  wchar_t* b = a ? PyUnicode_AsWideCharString(second, nullptr) : nullptr;
  PyObject* result = b ? PyLong_FromLong(wcscoll(a, b)) : nullptr;
  PyMem_Free(a);
  PyMem_Free(b);
  return result;
}
METHOD(locale, strcoll, "($module, os1, os2, /)", "Compare two texts as the locale sorts them: negative, 0 or positive.");
PyObject* locale_strxfrm(PyObject*, StrArgument string) {
  Py_ssize_t length;
  wchar_t* text = PyUnicode_AsWideCharString(string, &length);
  if (!text) return nullptr;
  if (wcslen(text) != static_cast<size_t>(length)) {
    PyMem_Free(text);
    return raise(PyExc_ValueError, "embedded null character");
  }
  errno = 0;
  std::wstring buffer(static_cast<size_t>(length) + 1, L'\0');
  size_t needed = wcsxfrm(buffer.data(), text, buffer.size());
  if (!errno && needed >= buffer.size()) {
    buffer.resize(needed + 1);
    needed = wcsxfrm(buffer.data(), text, buffer.size());
  }
  PyMem_Free(text);
  if (errno && errno != ERANGE) return raise_errno();
  // Some C libraries make values that are no code points: they are spread over two characters each, order kept.
  bool good = true;
  for (size_t i = 0; i < needed; ++i) good = good && static_cast<unsigned>(buffer[i]) <= 0x10FFFF;
  if (!good) {
    std::wstring spread;
    for (size_t i = 0; i < needed; ++i) {
      const auto value = static_cast<unsigned>(buffer[i]);
      spread += static_cast<wchar_t>(0x10000 + (value >> 16));
      spread += static_cast<wchar_t>(0x10000 + (value & 0xFFFF));
    }
    buffer = spread;
    needed = spread.size();
  }
  return PyUnicode_FromWideChar(buffer.data(), static_cast<Py_ssize_t>(needed));
}
METHOD(locale, strxfrm, "($module, string, /)", "A text that sorts by its characters as the argument sorts in the locale.");

struct Langinfo {
  const char* name;
  int item;
};
#define L(NAME) {#NAME, NAME}
constexpr Langinfo langinfo_items[] = {
    L(DAY_1), L(DAY_2), L(DAY_3), L(DAY_4), L(DAY_5), L(DAY_6), L(DAY_7), L(ABDAY_1), L(ABDAY_2), L(ABDAY_3), L(ABDAY_4), L(ABDAY_5),
    L(ABDAY_6), L(ABDAY_7), L(MON_1), L(MON_2), L(MON_3), L(MON_4), L(MON_5), L(MON_6), L(MON_7), L(MON_8), L(MON_9), L(MON_10),
    L(MON_11), L(MON_12), L(ABMON_1), L(ABMON_2), L(ABMON_3), L(ABMON_4), L(ABMON_5), L(ABMON_6), L(ABMON_7), L(ABMON_8), L(ABMON_9),
    L(ABMON_10), L(ABMON_11), L(ABMON_12), L(RADIXCHAR), L(THOUSEP), L(CRNCYSTR), L(D_FMT), L(D_T_FMT), L(T_FMT), L(AM_STR), L(PM_STR),
    L(CODESET), L(T_FMT_AMPM), L(ERA), L(ERA_D_FMT), L(ERA_D_T_FMT), L(ERA_T_FMT), L(ALT_DIGITS), L(YESEXPR), L(NOEXPR), L(_DATE_FMT)};
#undef L
PyObject* locale_nl_langinfo(PyObject*, int key) {
  for (const Langinfo& row : langinfo_items) {
    if (row.item != key) continue;
    const char* text = nl_langinfo(key);
    return decode(text ? text : "");
  }
  return raise(PyExc_ValueError, "unsupported langinfo constant");
}
METHOD(locale, nl_langinfo, "($module, key, /)", "A text of the locale, by its constant.");
PyObject* locale_getencoding(PyObject*) {
  const char* codeset = nl_langinfo(CODESET);
  if (!codeset || !*codeset) return PyUnicode_FromString("utf-8");
  return PyUnicode_DecodeLocale(codeset, nullptr);
}
METHOD(locale, getencoding, "($module, /)", "The locale's encoding.");

PyObject* locale_gettext(PyObject*, TextArgument message) { return decode(gettext(message)); }
METHOD(locale, gettext, "($module, msg, /)", "The translation of a message.");
PyObject* locale_dgettext(PyObject*, TextOrNoneArgument domain, TextArgument message) { return decode(dgettext(domain, message)); }
METHOD(locale, dgettext, "($module, domain, msg, /)", "The translation of a message in a domain.");
PyObject* locale_dcgettext(PyObject*, TextOrNoneArgument domain, TextArgument message, int category) {
  return decode(dcgettext(domain, message, category));
}
METHOD(locale, dcgettext, "($module, domain, msg, category, /)", "The translation of a message in a domain and category.");
PyObject* locale_textdomain(PyObject*, TextOrNoneArgument domain) {
  const char* result = textdomain(domain);
  return result ? decode(result) : raise_errno();
}
METHOD(locale, textdomain, "($module, domain, /)", "Set (or only tell) the domain of messages.");
PyObject* locale_bindtextdomain(PyObject*, TextArgument domain, PyObject* folder) {
  if (!*domain.text) {
    PyErr_SetString(PyExc_ValueError, "domain must be a non-empty string");
    return nullptr;
  }
  Ref<> bytes;
  if (folder != Py_None && !PyUnicode_FSConverter(folder, bytes.out())) return nullptr;
  const char* result = bindtextdomain(domain, bytes ? PyBytes_AS_STRING(bytes.get()) : nullptr);
  return result ? decode(result) : raise_errno();
}
METHOD(locale, bindtextdomain, "($module, domain, dir, /)", "Set (or only tell) where a domain's translations lie.");
PyObject* locale_bind_textdomain_codeset(PyObject*, TextArgument domain, TextOrNoneArgument codeset) {
  const char* result = bind_textdomain_codeset(domain, codeset);
  if (!result) Py_RETURN_NONE;
  return decode(result);
}
METHOD(locale, bind_textdomain_codeset, "($module, domain, codeset, /)", "Set (or only tell) the encoding of a domain's translations.");

PyMethodDef methods[] = {locale_setlocale_method, locale_localeconv_method, locale_strcoll_method, locale_strxfrm_method,
                         locale_nl_langinfo_method, locale_getencoding_method, locale_gettext_method, locale_dgettext_method,
                         locale_dcgettext_method, locale_textdomain_method, locale_bindtextdomain_method,
                         locale_bind_textdomain_codeset_method, {}};
constexpr IntConstant constants[] = {{"LC_CTYPE", LC_CTYPE}, {"LC_NUMERIC", LC_NUMERIC}, {"LC_TIME", LC_TIME}, {"LC_COLLATE", LC_COLLATE},
                                     {"LC_MONETARY", LC_MONETARY}, {"LC_MESSAGES", LC_MESSAGES}, {"LC_ALL", LC_ALL}, {"CHAR_MAX", CHAR_MAX}};
int locale_exec(PyObject* module) {
  TRY(add_constants(module, constants));
  for (const Langinfo& row : langinfo_items) TRY(PyModule_AddIntConstant(module, row.name, row.item));
  Ref<> error = TRY(steal(PyErr_NewException("locale.Error", nullptr, nullptr)));
  return PyModule_AddObjectRef(module, "Error", error);
}
MODULE_SLOTS(slots, locale_exec);
PyModuleDef module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "_locale", .m_doc = "The C library's locale, for the module locale.",
                      .m_size = 0, .m_methods = methods, .m_slots = slots};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit__locale(void) { return PyModuleDef_Init(&ks::module); }
