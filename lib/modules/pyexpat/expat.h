// The module pyexpat: what its files share. The parser is libexpat, whose callbacks call the Python handlers.
//
// libexpat is the machine's; what is newer than the oldest version that we take is a weak reference, checked before use.
#pragma once

#include "modules/module.h"

#include <expat.h>

extern "C" {
// 2.6.0, 2.7.2 and 2.8.0 (the header that we compile with may be older).
[[gnu::weak]] XML_Bool XML_SetReparseDeferralEnabled(XML_Parser parser, XML_Bool enabled);
[[gnu::weak]] XML_Bool XML_SetAllocTrackerActivationThreshold(XML_Parser parser, unsigned long long threshold);
[[gnu::weak]] XML_Bool XML_SetAllocTrackerMaximumAmplification(XML_Parser parser, float factor);
[[gnu::weak]] XML_Bool XML_SetBillionLaughsAttackProtectionActivationThreshold(XML_Parser parser, unsigned long long threshold);
[[gnu::weak]] XML_Bool XML_SetBillionLaughsAttackProtectionMaximumAmplification(XML_Parser parser, float factor);
[[gnu::weak]] XML_Bool XML_SetHashSalt16Bytes(XML_Parser parser, const uint8_t entropy[16]);
}

namespace ks {

struct ExpatState {
  PyObject* error;
  PyTypeObject* parser_type;
  uint8_t salt[16];
};

inline constexpr int kExpatHandlers = 22;
enum ExpatHandler { kStartElement, kEndElement, kProcessingInstruction, kCharacterData, kExternalEntityRef = 14 };

struct ExpatParser {
  PyObject_HEAD
  XML_Parser parser;
  ExpatParser* parent;          // owned: of a parser of an external entity, whose memory it shares
  PyObject* intern;             // owned: dict or nullptr
  PyObject** handlers;          // kExpatHandlers of them, each owned or nullptr
  char* buffer;                 // collects character data, nullptr: they are not collected
  int buffer_size, buffer_used;
  int ordered_attributes, specified_attributes;
  int in_callback, namespace_prefixes;
  bool reparse_deferral;
};

inline ExpatParser* expat_parser(PyObject* o) { return as<ExpatParser>(o); }
inline ExpatState* expat_state(PyTypeObject* type) { return static_cast<ExpatState*>(PyType_GetModuleState(type)); }

// Against documents whose names collide in libexpat's hash tables.
void expat_random_salt(uint8_t (&salt)[16]);
void expat_set_salt(XML_Parser parser, const uint8_t (&salt)[16]);

extern PyType_Spec expat_parser_spec;
// ParserCreate: new.
PyObject* expat_parser_new(ExpatState* state, const char* encoding, const char* separator, PyObject* intern);

// ---- handlers.cpp -------------------------------------------------------------------------------------------------------

const char* expat_handler_name(int index);
// Tells libexpat whether there is such a handler.
void expat_set_callback(ExpatParser* self, int index, bool on);
// The character data stay dropped while libexpat is inside its callback.
void expat_ignore_character_data(ExpatParser* self);
void expat_clear_handlers(ExpatParser* self);
Status expat_flush(ExpatParser* self);
// For XML_SetUnknownEncodingHandler and other modules.
int expat_unknown_encoding(void* data, const XML_Char* name, XML_Encoding* info);

}  // namespace ks
