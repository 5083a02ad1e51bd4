// What __reduce__ stores and the constructors take back: the packed bytes of the fields, and the tzinfo where there is one.
#include "modules/datetime/dates.h"
#include "types/str.h"

namespace ks {

// The state is given as bytes, or as a str of Latin-1 characters (from pickles that Python 2 wrote).
Status read_pickle_state(PyObject* args, const char* type_name, Py_ssize_t size, int check_at, int low, int high, bool with_tzinfo,
                         PickleState* state) {
  const Py_ssize_t count = PyTuple_GET_SIZE(args);
  if (count < 1 || count > (with_tzinfo ? 2 : 1)) return Status::Ok;
  PyObject* given = PyTuple_GET_ITEM(args, 0);
  // The top bit of this byte may tell the fold.
  const Py_UCS4 mask = with_tzinfo ? 0x7f : 0xffffffff;
  const auto plausible = [&](Py_UCS4 c) { return (c & mask) >= static_cast<Py_UCS4>(low) && (c & mask) <= static_cast<Py_UCS4>(high); };
  if (PyBytes_Check(given)) {
    if (PyBytes_GET_SIZE(given) != size || !plausible(static_cast<unsigned char>(PyBytes_AS_STRING(given)[check_at]))) return Status::Ok;
    state->bytes = Ref<>::borrow(given);
  } else if (PyUnicode_Check(given)) {
    if (str_length(given) != size || !plausible(str_char(given, check_at))) return Status::Ok;
    state->bytes = steal(PyUnicode_AsLatin1String(given));
    if (!state->bytes) {
      if (PyErr_ExceptionMatches(PyExc_UnicodeEncodeError))
        return raise(PyExc_ValueError,
                     "Failed to encode latin1 string when unpickling a %s object. pickle.load(data, encoding='latin1') is assumed.",
                     type_name);
      return failed;
    }
  } else {
    return Status::Ok;
  }
  state->found = true;
  state->tzinfo = count == 2 ? PyTuple_GET_ITEM(args, 1) : Py_None;
  if (state->tzinfo != Py_None && !is_tzinfo(state->tzinfo)) return raise(PyExc_TypeError, "bad tzinfo state arg");
  return Status::Ok;
}

Ref<> pickle_state(const unsigned char* data, Py_ssize_t size, int fold_at, bool with_fold, PyObject* tzinfo) {
  Ref<> bytes = TRY(steal(PyBytes_FromStringAndSize(reinterpret_cast<const char*>(data), size)));
  if (with_fold) PyBytes_AS_STRING(bytes.get())[fold_at] |= static_cast<char>(0x80);
  return steal(tzinfo == Py_None ? PyTuple_Pack(1, bytes.get()) : PyTuple_Pack(2, bytes.get(), tzinfo));
}

}  // namespace ks
