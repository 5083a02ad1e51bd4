// _random: the Mersenne Twister MT19937, giving the same sequences as CPython.
#include <ctime>
#include <sys/random.h>
#include <unistd.h>

#include "modules/module.h"
#include "object/export.h"
#include "types/int_digits.h"

namespace ks {
namespace {

constexpr int kWords = 624, kShift = 397;

struct Twister {
  PyObject ob_base;
  int index;
  uint32_t state[kWords];

  uint32_t next() {
    if (index >= kWords) {
      auto twist = [&](int i, int j, int from) {
        const uint32_t y = (state[i] & 0x80000000u) | (state[j] & 0x7fffffffu);
        state[i] = state[from] ^ (y >> 1) ^ ((y & 1) ? 0x9908b0dfu : 0);
      };
      int i = 0;
      for (; i < kWords - kShift; ++i) twist(i, i + 1, i + kShift);
      for (; i < kWords - 1; ++i) twist(i, i + 1, i + kShift - kWords);
      twist(kWords - 1, 0, kShift - 1);
      index = 0;
    }
    uint32_t y = state[index++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
  }
  void start(uint32_t seed) {
    state[0] = seed;
    for (uint32_t i = 1; i < kWords; ++i) state[i] = 1812433253u * (state[i - 1] ^ (state[i - 1] >> 30)) + i;
    index = kWords;
  }
  void start(const uint32_t* key, size_t length) {
    start(19650218u);
    size_t i = 1, j = 0;
    auto wrap = [&] {
      if (++i >= kWords) state[0] = state[kWords - 1], i = 1;
    };
    for (size_t k = std::max<size_t>(kWords, length); k; --k) {
      state[i] = (state[i] ^ ((state[i - 1] ^ (state[i - 1] >> 30)) * 1664525u)) + key[j] + static_cast<uint32_t>(j);
      wrap();
      if (++j >= length) j = 0;
    }
    for (size_t k = kWords - 1; k; --k) {
      state[i] = (state[i] ^ ((state[i - 1] ^ (state[i - 1] >> 30)) * 1566083941u)) - static_cast<uint32_t>(i);
      wrap();
    }
    state[0] = 0x80000000u;
    index = kWords;
  }
};

Status seed_from(Twister* self, PyObject* argument) {
  if (!argument || argument == Py_None) {
    uint32_t key[kWords];
    if (getrandom(key, sizeof(key), GRND_NONBLOCK) != static_cast<ssize_t>(sizeof(key))) {
      timespec now, monotonic;
      clock_gettime(CLOCK_REALTIME, &now);
      clock_gettime(CLOCK_MONOTONIC, &monotonic);
      const uint32_t weak[] = {static_cast<uint32_t>(now.tv_nsec), static_cast<uint32_t>(now.tv_sec), static_cast<uint32_t>(getpid()),
                               static_cast<uint32_t>(monotonic.tv_nsec), static_cast<uint32_t>(monotonic.tv_sec)};
      self->start(weak, 5);
      return Status::Ok;
    }
    self->start(key, kWords);
    return Status::Ok;
  }
  Ref<> number;
  if (PyLong_CheckExact(argument)) {
    number = TRY(steal(PyNumber_Absolute(argument)));
  } else if (PyLong_Check(argument)) {
    // A subclass may have an __abs__ of its own.
    number = TRY(steal(PyNumber_Absolute(argument)));
    if (!PyLong_Check(number)) return raise(PyExc_TypeError, "an integer is required");
  } else {
    const Py_hash_t hash = PyObject_Hash(argument);
    if (hash == -1) return failed;
    number = TRY(steal(PyLong_FromSize_t(static_cast<size_t>(hash))));
  }
  const size_t words = std::max<size_t>(1, static_cast<size_t>(_PyLong_NumBits(number) + 31) / 32);
  auto* key = static_cast<uint32_t*>(PyMem_Malloc(words * 4));
  if (!key) {
    PyErr_NoMemory();
    return failed;
  }
  const int result = _PyLong_AsByteArray(as_int(number.get()), reinterpret_cast<unsigned char*>(key), words * 4, 1, 0, 1);
  if (result == 0) self->start(key, words);
  PyMem_Free(key);
  return status(result);
}

PyObject* random_random(Twister* self) {
  const uint32_t a = self->next() >> 5, b = self->next() >> 6;
  return PyFloat_FromDouble((a * 67108864.0 + b) * (1.0 / 9007199254740992.0));
}
METHOD(random, random, "($self, /)", "random() -> x in the interval [0, 1).");
PyObject* seed_raw(PyObject* self, PyObject* const* args, Py_ssize_t nargs) {
  if (nargs > 1) return raise(PyExc_TypeError, "seed expected at most 1 argument, got %zd", nargs);
  return box(seed_from(as<Twister>(self), nargs ? args[0] : nullptr));
}
PyObject* random_getstate(Twister* self) {
  Ref<> tuple = TRY(steal(PyTuple_New(kWords + 1)));
  for (int i = 0; i < kWords; ++i) PyTuple_SET_ITEM(tuple.get(), i, TRY(PyLong_FromUnsignedLong(self->state[i])));
  PyTuple_SET_ITEM(tuple.get(), kWords, TRY(PyLong_FromLong(self->index)));
  return tuple.release();
}
METHOD(random, getstate, "($self, /)", "getstate() -> tuple containing the current state.");
Status random_setstate(Twister* self, PyObject* state) {
  if (!PyTuple_Check(state)) return raise(PyExc_TypeError, "state vector must be a tuple");
  if (PyTuple_GET_SIZE(state) != kWords + 1) return raise(PyExc_ValueError, "state vector is the wrong size");
  uint32_t words[kWords];
  for (int i = 0; i < kWords; ++i) {
    const unsigned long word = PyLong_AsUnsignedLong(PyTuple_GET_ITEM(state, i));
    if (word == static_cast<unsigned long>(-1) && PyErr_Occurred()) return failed;
    words[i] = static_cast<uint32_t>(word);
  }
  const long index = PyLong_AsLong(PyTuple_GET_ITEM(state, kWords));
  if (index == -1 && PyErr_Occurred()) return failed;
  if (index < 0 || index > kWords) return raise(PyExc_ValueError, "invalid state");
  self->index = static_cast<int>(index);
  memcpy(self->state, words, sizeof(words));
  return Status::Ok;
}
METHOD(random, setstate, "($self, state, /)", "setstate(state) -> None.  Restores generator state.");
PyObject* random_getrandbits(Twister* self, PyObject* k) {
  uint64_t bits;
  if (PyLong_AsUInt64(k, &bits) < 0) return nullptr;
  if (bits == 0) return PyLong_FromLong(0);
  if (bits <= 32) return PyLong_FromUnsignedLong(self->next() >> (32 - bits));
  if (bits > uint64_t{1} << 36) return PyErr_NoMemory();
  const size_t words = (bits - 1) / 32 + 1;
  auto* array = static_cast<uint32_t*>(PyMem_Malloc(words * 4));
  if (!array) return PyErr_NoMemory();
  for (size_t i = 0; i < words; ++i, bits -= 32) {
    array[i] = self->next();
    if (bits < 32) array[i] >>= 32 - bits;
  }
  PyObject* result = _PyLong_FromByteArray(reinterpret_cast<unsigned char*>(array), words * 4, 1, 0);
  PyMem_Free(array);
  return result;
}
METHOD(random, getrandbits, "($self, k, /)", "getrandbits(k) -> x.  Generates an int with k random bits.");

PyMethodDef methods[] = {
    random_random_method,
    {"seed", KS_CONSTANT_CAST(PyCFunction, static_cast<PyCFunctionFast>(seed_raw)), METH_FASTCALL,
     "seed($self, n=None, /)\n--\n\nseed([n]) -> None.\n\nDefaults to use urandom and falls back to a combination\nof the current time and the process identifier."},
    random_getstate_method, random_setstate_method, random_getrandbits_method, {}};

int init(PyObject* self, PyObject* args, PyObject* kwargs) {
  if (kwargs && PyDict_GET_SIZE(kwargs)) {
    // Subclasses with an __init__ of their own take what they like.
    if (Py_TYPE(self)->tp_init == init) return raise(PyExc_TypeError, "Random() takes no keyword arguments");
  }
  const Py_ssize_t count = PyTuple_GET_SIZE(args);
  if (count > 1) return raise(PyExc_TypeError, "Random expected at most 1 argument, got %zd", count);
  return to_c(seed_from(as<Twister>(self), count ? PyTuple_GET_ITEM(args, 0) : nullptr));
}
PyType_Slot slots_of_type[] = {{Py_tp_doc, const_cast<char*>("Random() -> create a random number generator with its own internal state.")},
                               {Py_tp_methods, methods},
                               {Py_tp_new, reinterpret_cast<void*>(PyType_GenericNew)},
                               {Py_tp_init, reinterpret_cast<void*>(init)},
                               {Py_tp_free, reinterpret_cast<void*>(PyObject_Free)},
                               {0, nullptr}};
PyType_Spec spec = {"_random.Random", sizeof(Twister), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots_of_type};

int exec(PyObject* module) {
  Ref<> type = TRY(steal(PyType_FromModuleAndSpec(module, &spec, nullptr)));
  return PyModule_AddType(module, reinterpret_cast<PyTypeObject*>(type.get()));
}
MODULE_SLOTS(slots, exec);
PyModuleDef module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "_random", .m_doc = "Module implements the Mersenne Twister random number generator.",
                      .m_size = 0, .m_slots = slots};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit__random(void) { return PyModuleDef_Init(&ks::module); }
