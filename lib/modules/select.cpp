// select: waiting for descriptors by select(), poll() and epoll.
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <structmember.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#include <vector>

#include "modules/module.h"

namespace ks {
namespace {

struct SelectState {
  PyTypeObject* poll;
  PyTypeObject* epoll;
};
SelectState* state_of(PyObject* module) { return static_cast<SelectState*>(PyModule_GetState(module)); }

constexpr int64_t kSecond = 1'000'000'000;
int64_t now() {
  timespec value;
  clock_gettime(CLOCK_MONOTONIC, &value);
  return value.tv_sec * kSecond + value.tv_nsec;
}

// A timeout in units of `unit` nanoseconds, rounded up; None and negative: for ever (*forever).
Status timeout_from_object(PyObject* object, int64_t unit, bool negative_allowed, const char* type_message, int64_t* nanoseconds, bool* forever) {
  *forever = !object || object == Py_None;
  if (*forever) return Status::Ok;
  if (PyFloat_Check(object)) {
    const double value = PyFloat_AS_DOUBLE(object);
    if (isnan(value)) return raise(PyExc_ValueError, "Invalid value NaN (not a number)");
    const double scaled = ceil(value * static_cast<double>(unit));
    if (!(scaled > -9.2e18 && scaled < 9.2e18)) return raise(PyExc_OverflowError, "timestamp out of range for C PyTime_t");
    *nanoseconds = static_cast<int64_t>(scaled);
  } else {
    if (!PyIndex_Check(object)) return raise(PyExc_TypeError, "%s", type_message);
    int overflow;
    Ref<> index = TRY(steal(PyNumber_Index(object)));
    const long long value = PyLong_AsLongLongAndOverflow(index, &overflow);
    if (overflow || __builtin_mul_overflow(value, unit, nanoseconds))
      return raise(PyExc_OverflowError, "timestamp out of range for C PyTime_t");
  }
  if (*nanoseconds < 0) {
    if (!negative_allowed) return raise(PyExc_ValueError, "timeout must be non-negative");
    *forever = true;
  }
  return Status::Ok;
}

// ---- select() ---------------------------------------------------------------------------------------------------------

struct Watched {
  std::vector<std::pair<int, Ref<>>> items;
  fd_set set;
};
Status fill(PyObject* iterable, Watched* watched, int* highest) {
  FD_ZERO(&watched->set);
  Ref<> items = TRY(steal(PySequence_Fast(iterable, "arguments 1-3 must be sequences")));
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items.get()); ++i) {
    Ref<> item = Ref<>::borrow(PySequence_Fast_GET_ITEM(items.get(), i));
    const int fd = PyObject_AsFileDescriptor(item);
    if (fd < 0) return failed;
    if (fd >= FD_SETSIZE) return raise(PyExc_ValueError, "filedescriptor out of range in select()");
    if (watched->items.size() >= FD_SETSIZE) return raise(PyExc_ValueError, "too many file descriptors in select()");
    FD_SET(fd, &watched->set);
    *highest = Py_MAX(*highest, fd);
    watched->items.emplace_back(fd, std::move(item));
  }
  return Status::Ok;
}
Ref<> ready(const Watched& watched) {
  Ref<> result = TRY(steal(PyList_New(0)));
  for (const auto& [fd, item] : watched.items)
    if (FD_ISSET(fd, &watched.set)) TRY(PyList_Append(result, item));
  return result;
}
PyObject* select_select(PyObject*, PyObject* read_list, PyObject* write_list, PyObject* except_list, PyObject* timeout_object) {
  int64_t timeout = 0;
  bool forever;
  TRY(timeout_from_object(timeout_object, kSecond, false, "timeout must be a float or None", &timeout, &forever));
  Watched sets[3];
  int highest = -1;
  PyObject* lists[] = {read_list, write_list, except_list};
  for (int i = 0; i < 3; ++i) TRY(fill(lists[i], &sets[i], &highest));
  const fd_set wanted[] = {sets[0].set, sets[1].set, sets[2].set};
  const int64_t deadline = now() + timeout;
  while (true) {
    timeval value{timeout / kSecond, (timeout % kSecond + 999) / 1000};
    if (value.tv_usec >= 1000000) value = {value.tv_sec + 1, 0};
    int count, error;
    Py_BEGIN_ALLOW_THREADS
    errno = 0;
    count = select(highest + 1, &sets[0].set, &sets[1].set, &sets[2].set, forever ? nullptr : &value);
    error = errno;
    Py_END_ALLOW_THREADS
    if (count >= 0) break;
    if (error != EINTR) {
      errno = error;
      return raise_errno();
    }
    if (PyErr_CheckSignals() < 0) return nullptr;
    for (int i = 0; i < 3; ++i) sets[i].set = wanted[i];
    if (!forever) {
      timeout = deadline - now();
      if (timeout < 0) {
        for (Watched& watched : sets) FD_ZERO(&watched.set);
        break;
      }
    }
  }
  Ref<> readable = TRY(ready(sets[0]));
  Ref<> writable = TRY(ready(sets[1]));
  Ref<> exceptional = TRY(ready(sets[2]));
  return PyTuple_Pack(3, readable.get(), writable.get(), exceptional.get());
}
METHOD(select, select, "($module, rlist, wlist, xlist, timeout=None, /)",
       "Wait until descriptors can be read, can be written or have something exceptional; returns three lists of those.");

// ---- poll() -----------------------------------------------------------------------------------------------------------

struct Poll {
  PyObject_HEAD
  std::vector<pollfd>* watched;
  bool running;
};
bool event_mask(PyObject* object, unsigned short* mask) {
  if (!object) return true;
  const long value = PyLong_AsLong(object);
  if (value == -1 && PyErr_Occurred()) return false;
  if (value < 0) {
    PyErr_SetString(PyExc_ValueError, "value must be positive");
    return false;
  }
  if (value > USHRT_MAX) {
    PyErr_SetString(PyExc_OverflowError, "Python int too large for C unsigned short");
    return false;
  }
  *mask = static_cast<unsigned short>(value);
  return true;
}
pollfd* find_watched(Poll* self, int fd) {
  for (pollfd& entry : *self->watched)
    if (entry.fd == fd) return &entry;
  return nullptr;
}
Status poll_register(Poll* self, PyObject* fd_object, PyObject* mask_object) {
  const int fd = PyObject_AsFileDescriptor(fd_object);
  if (fd < 0) return failed;
  unsigned short mask = POLLIN | POLLPRI | POLLOUT;
  if (!event_mask(mask_object, &mask)) return failed;
  if (pollfd* entry = find_watched(self, fd)) entry->events = static_cast<short>(mask);
  else self->watched->push_back({fd, static_cast<short>(mask), 0});
  return Status::Ok;
}
METHOD_AS(poll_register, "register", 0, "($self, fd, eventmask=select.POLLIN | select.POLLPRI | select.POLLOUT, /)", "Watch a descriptor.");
Status poll_modify(Poll* self, PyObject* fd_object, PyObject* mask_object) {
  const int fd = PyObject_AsFileDescriptor(fd_object);
  if (fd < 0) return failed;
  unsigned short mask = 0;
  if (!event_mask(mask_object, &mask)) return failed;
  pollfd* entry = find_watched(self, fd);
  if (!entry) {
    errno = ENOENT;
    return raise_errno();
  }
  entry->events = static_cast<short>(mask);
  return Status::Ok;
}
METHOD(poll, modify, "($self, fd, eventmask, /)", "Change what a watched descriptor is watched for.");
Status poll_unregister(Poll* self, PyObject* fd_object) {
  const int fd = PyObject_AsFileDescriptor(fd_object);
  if (fd < 0) return failed;
  pollfd* entry = find_watched(self, fd);
  if (!entry) {
    Ref<> key = Ref<>::steal(PyLong_FromLong(fd));
    PyErr_SetObject(PyExc_KeyError, key);
    return failed;
  }
  self->watched->erase(self->watched->begin() + (entry - self->watched->data()));
  return Status::Ok;
}
METHOD(poll, unregister, "($self, fd, /)", "Stop watching a descriptor.");
PyObject* poll_poll(Poll* self, PyObject* timeout_object) {
  int64_t timeout = 0;
  bool forever;
  TRY(timeout_from_object(timeout_object, 1'000'000, true, "timeout must be an integer or None", &timeout, &forever));
  if (!forever && timeout / 1'000'000 > INT_MAX) return raise(PyExc_OverflowError, "timeout is too large");
  if (self->running) return raise(PyExc_RuntimeError, "concurrent poll() invocation");
  // Another thread may change what is watched meanwhile.
  std::vector<pollfd> entries = *self->watched;
  const int64_t deadline = now() + timeout;
  self->running = true;
  int count;
  while (true) {
    int error;
    const int milliseconds = forever ? -1 : static_cast<int>((timeout + 999'999) / 1'000'000);
    Py_BEGIN_ALLOW_THREADS
    errno = 0;
    count = poll(entries.data(), entries.size(), milliseconds);
    error = errno;
    Py_END_ALLOW_THREADS
    if (count >= 0) break;
    if (error != EINTR) {
      self->running = false;
      errno = error;
      return raise_errno();
    }
    if (PyErr_CheckSignals() < 0) {
      self->running = false;
      return nullptr;
    }
    if (!forever && (timeout = deadline - now()) < 0) {
      count = 0;
      break;
    }
  }
  self->running = false;
  Ref<> result = TRY(steal(PyList_New(0)));
  if (count > 0) {
    for (const pollfd& entry : entries) {
      if (!entry.revents) continue;
      Ref<> pair = TRY(steal(Py_BuildValue("(ii)", entry.fd, static_cast<unsigned short>(entry.revents))));
      TRY(PyList_Append(result, pair));
    }
  }
  return result.release();
}
METHOD(poll, poll, "($self, timeout=None, /)", "Wait for events, at most timeout milliseconds; returns a list of (descriptor, events).");
void poll_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  delete as<Poll>(self)->watched;
  type->tp_free(self);
  Py_DECREF(type);
}
PyMethodDef poll_methods[] = {poll_register_method, poll_modify_method, poll_unregister_method, poll_poll_method, {}};
PyType_Slot poll_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(poll_dealloc)}, {Py_tp_methods, poll_methods}, {0, nullptr}};
PyType_Spec poll_spec = {"select.poll", sizeof(Poll), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE, poll_slots};

PyObject* select_poll(PyObject* module) {
  PyTypeObject* type = state_of(module)->poll;
  Ref<> result = Ref<>::steal(type->tp_alloc(type, 0));
  if (!result) return nullptr;
  as<Poll>(result.get())->watched = new (std::nothrow) std::vector<pollfd>();
  if (!as<Poll>(result.get())->watched) return PyErr_NoMemory();
  return result.release();
}
METHOD_AS(select_poll, "poll", 0, "($module, /)", "A new polling object.");

// ---- epoll ------------------------------------------------------------------------------------------------------------

struct Epoll {
  PyObject_HEAD
  int fd;
};
Failed raise_closed() { return raise(PyExc_ValueError, "I/O operation on closed epoll object"); }
PyObject* epoll_from(PyTypeObject* type, int fd) {
  auto* self = as<Epoll>(type->tp_alloc(type, 0));
  if (!self) return nullptr;
  self->fd = fd;
  if (fd < 0) {
    self->fd = epoll_create1(EPOLL_CLOEXEC);
    if (self->fd < 0) {
      Py_DECREF(self);
      return raise_errno();
    }
  }
  return object(self);
}
constexpr Signature kEpollSignature = read_signature("epoll", "(sizehint=-1, flags=0)");
PyObject* epoll_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* values[2];
  if (is_failure(bind_tuple(kEpollSignature, args, kwargs, values))) return nullptr;
  int size = -1, flags = 0;
  if ((values[0] && !convert_int(values[0], &size)) || (values[1] && !convert_int(values[1], &flags))) return nullptr;
  if (size != -1 && size <= 0) return raise(PyExc_ValueError, "sizehint must be positive or -1");
  if (flags && flags != EPOLL_CLOEXEC) return raise(PyExc_OSError, "invalid flags");
  return epoll_from(type, -1);
}
PyObject* epoll_fromfd(PyTypeObject* type, int fd) { return epoll_from(type, fd); }
METHOD_AS(epoll_fromfd, "fromfd", METH_CLASS, "($type, fd, /)", "An epoll object for a descriptor that there is already.");
Status close_epoll(Epoll* self) {
  if (self->fd < 0) return Status::Ok;
  const int fd = std::exchange(self->fd, -1);
  int result;
  Py_BEGIN_ALLOW_THREADS
  result = close(fd);
  Py_END_ALLOW_THREADS
  return result < 0 ? raise_errno() : Status::Ok;
}
Status epoll_close_method_body(Epoll* self) { return close_epoll(self); }
METHOD_AS(epoll_close_method_body, "close", 0, "($self, /)", "Close the descriptor.");
PyObject* epoll_fileno(Epoll* self) {
  if (self->fd < 0) return raise_closed();
  return PyLong_FromLong(self->fd);
}
METHOD(epoll, fileno, "($self, /)", "The epoll's own descriptor.");
Status control(Epoll* self, int operation, PyObject* fd_object, unsigned events) {
  if (self->fd < 0) return raise_closed();
  const int fd = PyObject_AsFileDescriptor(fd_object);
  if (fd < 0) return failed;
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  int result;
  Py_BEGIN_ALLOW_THREADS
  result = epoll_ctl(self->fd, operation, fd, &event);
  Py_END_ALLOW_THREADS
  return result < 0 ? raise_errno() : Status::Ok;
}
Status events_argument(PyObject* object, unsigned* events) {
  if (!object) return Status::Ok;
  *events = static_cast<unsigned>(PyLong_AsUnsignedLongMask(object));
  return PyErr_Occurred() ? failed : Status::Ok;
}
Status epoll_register(Epoll* self, PyObject* fd, PyObject* mask) {
  unsigned events = EPOLLIN | EPOLLPRI | EPOLLOUT;
  TRY(events_argument(mask, &events));
  return control(self, EPOLL_CTL_ADD, fd, events);
}
METHOD_AS(epoll_register, "register", 0, "($self, /, fd, eventmask=select.EPOLLIN | select.EPOLLPRI | select.EPOLLOUT)", "Watch a descriptor.");
Status epoll_modify(Epoll* self, PyObject* fd, PyObject* mask) {
  unsigned events = 0;
  TRY(events_argument(mask, &events));
  return control(self, EPOLL_CTL_MOD, fd, events);
}
METHOD(epoll, modify, "($self, /, fd, eventmask)", "Change what a watched descriptor is watched for.");
Status epoll_unregister(Epoll* self, PyObject* fd) { return control(self, EPOLL_CTL_DEL, fd, 0); }
METHOD(epoll, unregister, "($self, /, fd)", "Stop watching a descriptor.");
PyObject* epoll_poll(Epoll* self, PyObject* timeout_object, int max_events) {
  if (self->fd < 0) return raise_closed();
  int64_t timeout = 0;
  bool forever;
  TRY(timeout_from_object(timeout_object, kSecond, true, "timeout must be an integer or None", &timeout, &forever));
  if (!forever && timeout / 1'000'000 > INT_MAX) return raise(PyExc_OverflowError, "timeout is too large");
  if (max_events == -1) max_events = FD_SETSIZE - 1;
  else if (max_events < 1) return raise(PyExc_ValueError, "maxevents must be greater than 0, got %d", max_events);
  std::vector<epoll_event> events(static_cast<size_t>(max_events));
  const int64_t deadline = now() + timeout;
  int count;
  while (true) {
    int error;
    const int milliseconds = forever ? -1 : static_cast<int>((timeout + 999'999) / 1'000'000);
    Py_BEGIN_ALLOW_THREADS
    errno = 0;
    count = epoll_wait(self->fd, events.data(), max_events, milliseconds);
    error = errno;
    Py_END_ALLOW_THREADS
    if (count >= 0) break;
    if (error != EINTR) {
      errno = error;
      return raise_errno();
    }
    if (PyErr_CheckSignals() < 0) return nullptr;
    if (!forever && (timeout = deadline - now()) < 0) {
      count = 0;
      break;
    }
  }
  Ref<> result = TRY(steal(PyList_New(count)));
  for (int i = 0; i < count; ++i) {
    PyObject* pair = Py_BuildValue("iI", events[static_cast<size_t>(i)].data.fd, events[static_cast<size_t>(i)].events);
    if (!pair) return nullptr;
    PyList_SET_ITEM(result.get(), i, pair);
  }
  return result.release();
}
METHOD(epoll, poll, "($self, /, timeout=None, maxevents=-1)", "Wait for events, at most timeout seconds; returns a list of (descriptor, events).");
PyObject* epoll_enter(Epoll* self) {
  if (self->fd < 0) return raise_closed();
  return Py_NewRef(object(self));
}
METHOD_AS(epoll_enter, "__enter__", 0, "($self, /)", "");
Status epoll_exit(Epoll* self, PyObject*, PyObject*, PyObject*) { return close_epoll(self); }
METHOD_AS(epoll_exit, "__exit__", 0, "($self, exc_type=None, exc_value=None, exc_tb=None, /)", "");
PyObject* epoll_closed(PyObject* self, void*) { return PyBool_FromLong(as<Epoll>(self)->fd < 0); }
void epoll_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  if (is_failure(close_epoll(as<Epoll>(self)))) PyErr_Clear();
  type->tp_free(self);
  Py_DECREF(type);
}
PyMethodDef epoll_methods[] = {epoll_fromfd_method, epoll_close_method_body_method, epoll_fileno_method, epoll_modify_method,
                               epoll_register_method, epoll_unregister_method, epoll_poll_method, epoll_enter_method, epoll_exit_method, {}};
PyGetSetDef epoll_getset[] = {{"closed", epoll_closed, nullptr, "True when the descriptor was closed.", nullptr}, {}};
constexpr char kEpollDoc[] =
    "select.epoll(sizehint=-1, flags=0)\n--\n\nWatches many descriptors by the kernel's epoll. Both arguments are of no effect.";
PyType_Slot epoll_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(epoll_dealloc)},
                             {Py_tp_doc, const_cast<char*>(kEpollDoc)},
                             {Py_tp_getattro, reinterpret_cast<void*>(PyObject_GenericGetAttr)},
                             {Py_tp_getset, epoll_getset},
                             {Py_tp_methods, epoll_methods},
                             {Py_tp_new, reinterpret_cast<void*>(epoll_new)},
                             {0, nullptr}};
PyType_Spec epoll_spec = {"select.epoll", sizeof(Epoll), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, epoll_slots};

// ---- the module -------------------------------------------------------------------------------------------------------

PyMethodDef methods[] = {select_select_method, select_poll_method, {}};
#define C(NAME) {#NAME, static_cast<long long>(NAME)}
constexpr IntConstant constants[] = {C(EPOLLERR), {"EPOLLET", static_cast<long long>(static_cast<unsigned>(EPOLLET))}, C(EPOLLEXCLUSIVE), C(EPOLLHUP),
                                     C(EPOLLIN), C(EPOLLMSG), C(EPOLLONESHOT), C(EPOLLOUT), C(EPOLLPRI), C(EPOLLRDBAND), C(EPOLLRDHUP),
                                     C(EPOLLRDNORM), C(EPOLLWAKEUP), C(EPOLLWRBAND), C(EPOLLWRNORM), C(EPOLL_CLOEXEC), C(PIPE_BUF),
                                     C(POLLERR), C(POLLHUP), C(POLLIN), C(POLLMSG), C(POLLNVAL), C(POLLOUT), C(POLLPRI), C(POLLRDBAND),
                                     C(POLLRDHUP), C(POLLRDNORM), C(POLLWRBAND), C(POLLWRNORM)};
#undef C
int select_exec(PyObject* module) {
  SelectState* state = state_of(module);
  TRY(PyModule_AddObjectRef(module, "error", PyExc_OSError));
  TRY(add_constants(module, constants));
  state->poll = as<PyTypeObject>(PyType_FromModuleAndSpec(module, &poll_spec, nullptr));
  state->epoll = as<PyTypeObject>(PyType_FromModuleAndSpec(module, &epoll_spec, nullptr));
  if (!state->poll || !state->epoll) return -1;
  return PyModule_AddType(module, state->epoll);
}
int select_traverse(PyObject* module, visitproc visit, void* arg) {
  if (SelectState* state = state_of(module)) {
    Py_VISIT(reinterpret_cast<PyObject*>(state->poll));
    Py_VISIT(reinterpret_cast<PyObject*>(state->epoll));
  }
  return 0;
}
int select_clear(PyObject* module) {
  if (SelectState* state = state_of(module)) {
    Py_CLEAR(state->poll);
    Py_CLEAR(state->epoll);
  }
  return 0;
}
MODULE_SLOTS(slots, select_exec);
PyModuleDef module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "select", .m_doc = "Waiting for descriptors.", .m_size = sizeof(SelectState),
                      .m_methods = methods, .m_slots = slots, .m_traverse = select_traverse, .m_clear = select_clear};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit_select(void) { return PyModuleDef_Init(&ks::module); }
