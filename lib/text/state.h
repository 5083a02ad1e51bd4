// What text/ keeps for each interpreter; a member of PyInterpreterState (runtime/state.h). Zero-initialised.
#pragma once

#include <Python.h>

namespace ks {

// The codec registry: made at the start, cleared at the end.
struct CodecRegistry {
  PyObject* search_path = nullptr;   // list of search functions
  PyObject* cache = nullptr;         // normalised name -> codec info
  PyObject* error_handlers = nullptr;  // name -> callable
  bool encodings_imported = false;
  bool names_loaded = false;           // the module unicodedata has been imported for names of characters
};

// The codec of file names, from the configuration.
struct FileSystemCodec {
  char* encoding = nullptr;  // PyMem_RawMalloc
  char* errors = nullptr;
  bool utf8 = true;
};

struct TextState {
  CodecRegistry codecs;
  FileSystemCodec file_system;
};

}  // namespace ks
