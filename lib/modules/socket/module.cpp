// The _socket module: socket objects.
//
// A descriptor with a timeout is non-blocking; each operation waits with poll() until its deadline, tries, and waits again
// when the descriptor was not ready after all.
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/param.h>

#include "modules/socket/socket.h"
#include "object/export.h"

KS_EXPORT int _PyCapsule_SetTraverse(PyObject* o, traverseproc traverse, inquiry clear);

namespace ks::socket {

extern PyModuleDef socket_module;
State* state_of(PyObject* module) { return static_cast<State*>(PyModule_GetState(module)); }
static SocketObject* self_of(PyObject* object) { return as<SocketObject>(object); }

static PyObject* set_error() { return raise_errno(); }

Status timeout_from_object(PyObject* object, PyTime_t* timeout) {
  if (object == Py_None) {
    *timeout = -1;
    return Status::Ok;
  }
  double seconds;
  if (PyFloat_Check(object)) {
    seconds = PyFloat_AS_DOUBLE(object);
    if (seconds != seconds) return raise(PyExc_ValueError, "Invalid value NaN (not a number)");
  } else if (PyLong_Check(object) || PyIndex_Check(object)) {
    seconds = PyLong_AsDouble(object);
    if (seconds == -1.0 && PyErr_Occurred()) return raise(PyExc_OverflowError, "timestamp out of range for C PyTime_t");
  } else {
    return raise(PyExc_TypeError, "'%.200s' object cannot be interpreted as an integer or float", Py_TYPE(object)->tp_name);
  }
  if (!(seconds > -9223372036.854775808 && seconds < 9223372036.854775807)) return raise(PyExc_OverflowError, "timestamp out of range for C PyTime_t");
  if (seconds < 0) return raise(PyExc_ValueError, "Timeout value out of range");
  if (seconds > 9.2e9) return raise(PyExc_OverflowError, "timeout doesn't fit into C timeval");
  // Rounded up: waiting too short would be a timeout too early.
  const double nanoseconds = seconds * 1e9;
  *timeout = static_cast<PyTime_t>(nanoseconds);
  if (static_cast<double>(*timeout) < nanoseconds) ++*timeout;
  return Status::Ok;
}

static Status set_blocking(SocketObject* self, bool blocking) {
  int flag = !blocking, result;
  Py_BEGIN_ALLOW_THREADS
  result = ioctl(self->fd, FIONBIO, &flag);
  Py_END_ALLOW_THREADS
  if (result < 0) return raise_errno();
  return Status::Ok;
}

static PyTime_t now() {
  PyTime_t time;
  return PyTime_MonotonicRaw(&time) < 0 ? 0 : time;
}

// Waits for the socket: Yes when it is ready, No after the timeout.
static Found wait_ready(SocketObject* self, bool writing, bool connecting, PyTime_t deadline) {
  if (self->fd < 0) return Found::Yes;
  pollfd wanted{self->fd, static_cast<short>(writing ? POLLOUT : POLLIN), 0};
  if (connecting) wanted.events |= POLLERR;
  for (;;) {
    int milliseconds = -1;
    if (self->timeout >= 0) {
      const PyTime_t left = deadline - now();
      if (left < 0) return Found::No;
      milliseconds = static_cast<int>(left > 2000000000000000 ? 2000000000 : (left + 999999) / 1000000);
    }
    int result;
    Py_BEGIN_ALLOW_THREADS
    result = poll(&wanted, 1, milliseconds);
    Py_END_ALLOW_THREADS
    if (result > 0) return Found::Yes;
    if (result == 0) return Found::No;
    if (errno != EINTR) return raise_errno();
    if (PyErr_CheckSignals()) return failed;
  }
}

// Does `operation` (which returns whether it succeeded, errno saying why not) as the timeout demands.
template <class Operation>
static Status perform(SocketObject* self, bool writing, Operation operation, PyTime_t deadline) {
  for (;;) {
    if (self->timeout > 0) {
      if (!TRY(wait_ready(self, writing, false, deadline))) return raise(PyExc_TimeoutError, "timed out");
    }
    for (;;) {
      bool good;
      Py_BEGIN_ALLOW_THREADS
      good = operation();
      Py_END_ALLOW_THREADS
      if (good) return Status::Ok;
      if (errno != EINTR) break;
      if (PyErr_CheckSignals()) return failed;
    }
    if (self->timeout > 0 && (errno == EWOULDBLOCK || errno == EAGAIN)) continue;  // another process was quicker
    return raise_errno();
  }
}
template <class Operation>
static Status perform(SocketObject* self, bool writing, Operation operation) {
  return perform(self, writing, operation, self->timeout > 0 ? now() + self->timeout : 0);
}

// ---- life ----------------------------------------------------------------------------------------------------------------

static Status initialise(SocketObject* self, State* state, int fd, int family, int type, int protocol) {
  self->fd = fd;
  self->family = family;
  self->type = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
  self->protocol = protocol;
  self->error_handler = set_error;
  self->state = state;
  if (type & SOCK_NONBLOCK) {
    self->timeout = 0;
  } else {
    self->timeout = state->default_timeout;
    if (state->default_timeout >= 0) TRY(set_blocking(self, false));
  }
  return Status::Ok;
}

Ref<> socket_from_descriptor(State* state, int fd, int family, int type, int protocol) {
  Ref<> self = TRY(steal(state->socket_type->tp_alloc(state->socket_type, 0)));
  self_of(self)->fd = -1;
  const Status status = initialise(self_of(self), state, fd, family, type, protocol);
  if (status != Status::Ok) {
    self_of(self)->fd = -1;  // the caller closes it
    return nullptr;
  }
  return self;
}

static PyObject* socket_new(PyTypeObject* type, PyObject*, PyObject*) {
  Ref<> self = TRY(steal(type->tp_alloc(type, 0)));
  self_of(self)->fd = -1;
  self_of(self)->timeout = -1;
  self_of(self)->error_handler = set_error;
  return self.release();
}

static int socket_init(PyObject* o, PyObject* args, PyObject* kwargs) {
  static constexpr const char* names[] = {"family", "type", "proto", "fileno", nullptr};
  int family = -1, type = -1, protocol = -1;
  PyObject* fileno = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|iiiO:socket", const_cast<char**>(names), &family, &type, &protocol, &fileno)) return failed;
  PyObject* module = TRY(PyType_GetModuleByDef(Py_TYPE(o), &socket_module));
  State* state = state_of(module);
  int fd;
  if (fileno && fileno != Py_None) {
    if (PyFloat_Check(fileno)) return raise(PyExc_TypeError, "integer argument expected, got float");
    const long given = PyLong_AsLong(fileno);
    if (given == -1 && PyErr_Occurred()) return failed;
    if (given < 0) return raise(PyExc_ValueError, "negative file descriptor");
    fd = static_cast<int>(given);
    // What is not given is asked of the descriptor.
    Address address;
    socklen_t size = sizeof address;
    memset(&address, 0, sizeof address);
    if (getsockname(fd, &address.any, &size) < 0) {
      if (family == -1 || errno == EBADF || errno == ENOTSOCK) return raise_errno();
    } else if (family == -1) {
      family = address.any.sa_family;
    }
    int value;
    size = sizeof value;
    if (type == -1) {
      if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &size) < 0) return raise_errno();
      type = value;
    }
    if (protocol == -1) protocol = getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &value, &size) == 0 ? value : 0;
    if (PySys_Audit("socket.__new__", "Oiii", o, family, type, protocol) < 0) return failed;
  } else {
    if (family == -1) family = AF_INET;
    if (type == -1) type = SOCK_STREAM;
    if (protocol == -1) protocol = 0;
    if (PySys_Audit("socket.__new__", "Oiii", o, family, type, protocol) < 0) return failed;
    Py_BEGIN_ALLOW_THREADS
    fd = ::socket(family, type | SOCK_CLOEXEC, protocol);
    Py_END_ALLOW_THREADS
    if (fd < 0) return raise_errno();
  }
  if (initialise(self_of(o), state, fd, family, type, protocol) != Status::Ok) {
    if (!fileno || fileno == Py_None) close(fd);
    self_of(o)->fd = -1;
    return failed;
  }
  return 0;
}

static void socket_finalize(PyObject* o) {
  SocketObject* self = self_of(o);
  if (self->fd < 0) return;
  Ref<> earlier = steal(PyErr_GetRaisedException());
  if (PyErr_ResourceWarning(o, 1, "unclosed %R", o) && PyErr_ExceptionMatches(PyExc_Warning)) PyErr_WriteUnraisable(o);
  const int fd = std::exchange(self->fd, -1);
  Py_BEGIN_ALLOW_THREADS
  close(fd);
  Py_END_ALLOW_THREADS
  PyErr_SetRaisedException(earlier.release());
}
static int socket_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(o));
  return 0;
}
static void socket_dealloc(PyObject* o) {
  if (PyObject_CallFinalizerFromDealloc(o) < 0) return;
  PyTypeObject* type = Py_TYPE(o);
  PyObject_GC_UnTrack(o);
  type->tp_free(o);
  Ref<> held = Ref<>::steal(object(type));
}
static PyObject* socket_repr(PyObject* o) {
  const SocketObject* self = self_of(o);
  return PyUnicode_FromFormat("<socket object, fd=%ld, family=%d, type=%d, proto=%d>", static_cast<long>(self->fd), self->family,
                              self->type, self->protocol);
}

// ---- connections ---------------------------------------------------------------------------------------------------------

static PyObject* socket_accept(PyObject* o, PyObject*) {
  SocketObject* self = self_of(o);
  Address address;
  socklen_t size = sizeof address;
  int fd = -1;
  memset(&address, 0, sizeof address);
  TRY(perform(self, false, [&] { return (fd = accept4(self->fd, &address.any, &size, SOCK_CLOEXEC)) >= 0; }));
  Ref<> number = steal(PyLong_FromLong(fd));
  Ref<> peer = number ? address_to_object(fd, &address.any, size, self->protocol) : Ref<>();
  if (!peer) {
    close(fd);
    return nullptr;
  }
  return PyTuple_Pack(2, number.get(), peer.get());
}

static PyObject* socket_bind(PyObject* o, PyObject* argument) {
  SocketObject* self = self_of(o);
  Address address;
  socklen_t size;
  TRY(address_from_object(self, argument, &address, &size, "bind"));
  if (PySys_Audit("socket.bind", "OO", o, argument) < 0) return nullptr;
  int result;
  Py_BEGIN_ALLOW_THREADS
  result = bind(self->fd, &address.any, size);
  Py_END_ALLOW_THREADS
  return result < 0 ? raise_errno() : Py_NewRef(Py_None);
}

// 0, an errno value, or -1 with an exception.
static int connect_to(SocketObject* self, const Address& address, socklen_t size) {
  int result, error = 0;
  Py_BEGIN_ALLOW_THREADS
  result = connect(self->fd, &address.any, size);
  error = errno;
  Py_END_ALLOW_THREADS
  if (result == 0) return 0;
  // An interrupted connect goes on in the background, as a non-blocking one does: wait for it.
  bool wait = false;
  if (error == EINTR) {
    if (PyErr_CheckSignals()) return -1;
    wait = self->timeout != 0;
  } else {
    wait = self->timeout > 0 && error == EINPROGRESS;
  }
  if (!wait) return error;
  const Found ready = wait_ready(self, true, true, now() + self->timeout);
  if (ready == Found::Error) return -1;
  if (ready == Found::No) return ETIMEDOUT + 100000;  // our own timeout, told apart from the network's
  socklen_t length = sizeof error;
  if (getsockopt(self->fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0) return errno;
  return error == EISCONN ? 0 : error;
}
static constexpr int kTimedOut = ETIMEDOUT + 100000;

static PyObject* socket_connect(PyObject* o, PyObject* argument) {
  SocketObject* self = self_of(o);
  Address address;
  socklen_t size;
  TRY(address_from_object(self, argument, &address, &size, "connect"));
  if (PySys_Audit("socket.connect", "OO", o, argument) < 0) return nullptr;
  const int error = connect_to(self, address, size);
  if (error == 0) return Py_NewRef(Py_None);
  if (error == kTimedOut) return raise(PyExc_TimeoutError, "timed out");
  if (error < 0) return nullptr;
  errno = error;
  return raise_errno();
}
static PyObject* socket_connect_ex(PyObject* o, PyObject* argument) {
  SocketObject* self = self_of(o);
  Address address;
  socklen_t size;
  TRY(address_from_object(self, argument, &address, &size, "connect_ex"));
  if (PySys_Audit("socket.connect", "OO", o, argument) < 0) return nullptr;
  const int error = connect_to(self, address, size);
  if (error < 0) return nullptr;
  return PyLong_FromLong(error == kTimedOut ? EWOULDBLOCK : error);
}

static PyObject* socket_listen(PyObject* o, PyObject* args) {
  int backlog = SOMAXCONN < 128 ? SOMAXCONN : 128;
  if (!PyArg_ParseTuple(args, "|i:listen", &backlog)) return nullptr;
  int result;
  Py_BEGIN_ALLOW_THREADS
  result = listen(self_of(o)->fd, backlog < 0 ? 0 : backlog);
  Py_END_ALLOW_THREADS
  return result < 0 ? raise_errno() : Py_NewRef(Py_None);
}
static PyObject* socket_shutdown(PyObject* o, PyObject* argument) {
  const int how = PyLong_AsInt(argument);
  if (how == -1 && PyErr_Occurred()) return nullptr;
  int result;
  Py_BEGIN_ALLOW_THREADS
  result = shutdown(self_of(o)->fd, how);
  Py_END_ALLOW_THREADS
  return result < 0 ? raise_errno() : Py_NewRef(Py_None);
}
static PyObject* socket_close_method(PyObject* o, PyObject*) {
  const int fd = std::exchange(self_of(o)->fd, -1);
  if (fd >= 0) {
    int result;
    Py_BEGIN_ALLOW_THREADS
    result = close(fd);
    Py_END_ALLOW_THREADS
    // The peer's reset is no failure to close.
    if (result < 0 && errno != ECONNRESET) return raise_errno();
  }
  return Py_NewRef(Py_None);
}
static PyObject* socket_detach(PyObject* o, PyObject*) { return PyLong_FromLong(std::exchange(self_of(o)->fd, -1)); }
static PyObject* socket_fileno(PyObject* o, PyObject*) { return PyLong_FromLong(self_of(o)->fd); }

template <int (*ask)(int, sockaddr*, socklen_t*)>
static PyObject* socket_name(PyObject* o, PyObject*) {
  Address address;
  memset(&address, 0, sizeof address);
  socklen_t size = sizeof address;
  int result;
  Py_BEGIN_ALLOW_THREADS
  result = ask(self_of(o)->fd, &address.any, &size);
  Py_END_ALLOW_THREADS
  if (result < 0) return raise_errno();
  return address_to_object(self_of(o)->fd, &address.any, size, self_of(o)->protocol).release();
}
static int ask_name(int fd, sockaddr* address, socklen_t* size) { return getsockname(fd, address, size); }
static int ask_peer(int fd, sockaddr* address, socklen_t* size) { return getpeername(fd, address, size); }

// ---- timeouts and options ---------------------------------------------------------------------------------------------------

static PyObject* socket_setblocking(PyObject* o, PyObject* argument) {
  const int blocking = PyObject_IsTrue(argument);
  if (blocking < 0) return nullptr;
  self_of(o)->timeout = blocking ? -1 : 0;
  TRY(set_blocking(self_of(o), blocking));
  return Py_NewRef(Py_None);
}
static PyObject* socket_getblocking(PyObject* o, PyObject*) { return PyBool_FromLong(self_of(o)->timeout != 0); }
static PyObject* socket_settimeout(PyObject* o, PyObject* argument) {
  PyTime_t timeout;
  TRY(timeout_from_object(argument, &timeout));
  self_of(o)->timeout = timeout;
  TRY(set_blocking(self_of(o), timeout < 0));
  return Py_NewRef(Py_None);
}
static PyObject* socket_gettimeout(PyObject* o, PyObject*) {
  const PyTime_t timeout = self_of(o)->timeout;
  return timeout < 0 ? Py_NewRef(Py_None) : PyFloat_FromDouble(PyTime_AsSecondsDouble(timeout));
}

static PyObject* socket_setsockopt(PyObject* o, PyObject* args) {
  int level, option, result;
  PyObject* value;
  const int fd = self_of(o)->fd;
  unsigned length;
  unsigned long long wide;
  if (self_of(o)->family == AF_VSOCK && PyTuple_GET_SIZE(args) == 3 && PyLong_Check(PyTuple_GET_ITEM(args, 2))) {
    if (!PyArg_ParseTuple(args, "iiK:setsockopt", &level, &option, &wide)) return nullptr;
    result = setsockopt(fd, level, option, &wide, sizeof wide);
  } else if (PyTuple_GET_SIZE(args) == 4) {
    if (!PyArg_ParseTuple(args, "iiO!I:setsockopt", &level, &option, Py_TYPE(Py_None), &value, &length)) return nullptr;
    result = setsockopt(fd, level, option, nullptr, length);
  } else {
    if (!PyArg_ParseTuple(args, "iiO:setsockopt", &level, &option, &value)) return nullptr;
    if (PyIndex_Check(value)) {
      const int number = PyLong_AsInt(value);
      if (number == -1 && PyErr_Occurred()) return nullptr;
      result = setsockopt(fd, level, option, &number, sizeof number);
    } else if (value == Py_None) {
      return raise(PyExc_TypeError, "socket option should be integer, bytes-like object or None with length");
    } else {
      Py_buffer buffer;
      if (PyObject_GetBuffer(value, &buffer, PyBUF_SIMPLE) < 0) return nullptr;
      result = setsockopt(fd, level, option, buffer.buf, static_cast<socklen_t>(buffer.len));
      PyBuffer_Release(&buffer);
    }
  }
  return result < 0 ? raise_errno() : Py_NewRef(Py_None);
}
static PyObject* socket_getsockopt(PyObject* o, PyObject* args) {
  int level, option;
  Py_ssize_t size = 0;
  if (!PyArg_ParseTuple(args, "ii|n:getsockopt", &level, &option, &size)) return nullptr;
  const int fd = self_of(o)->fd;
  if (size == 0 && self_of(o)->family == AF_VSOCK) {
    uint64_t value = 0;  // this family's options are that wide
    socklen_t length = sizeof value;
    if (getsockopt(fd, level, option, &value, &length) < 0) return raise_errno();
    return PyLong_FromUnsignedLongLong(value);
  }
  if (size == 0) {
    int value = 0;
    socklen_t length = sizeof value;
    if (getsockopt(fd, level, option, &value, &length) < 0) return raise_errno();
    return PyLong_FromLong(value);
  }
  if (size < 0 || size > 1024) return raise(PyExc_OSError, "getsockopt buflen out of range");
  char buffer[1024];
  socklen_t length = static_cast<socklen_t>(size);
  if (getsockopt(fd, level, option, buffer, &length) < 0) return raise_errno();
  return PyBytes_FromStringAndSize(buffer, static_cast<Py_ssize_t>(length));
}

// ---- receiving ---------------------------------------------------------------------------------------------------------------

static PyObject* socket_recv(PyObject* o, PyObject* args) {
  Py_ssize_t size;
  int flags = 0;
  if (!PyArg_ParseTuple(args, "n|i:recv", &size, &flags)) return nullptr;
  if (size < 0) return raise(PyExc_ValueError, "negative buffersize in recv");
  PyObject* bytes = TRY(PyBytes_FromStringAndSize(nullptr, size));
  ssize_t count = 0;
  SocketObject* self = self_of(o);
  if (size > 0) {
    const Status status = perform(self, false, [&] { return (count = recv(self->fd, PyBytes_AS_STRING(bytes), static_cast<size_t>(size), flags)) >= 0; });
    if (status != Status::Ok) {
      Ref<> drop = Ref<>::steal(bytes);
      return nullptr;
    }
  }
  if (count != size && _PyBytes_Resize(&bytes, count) < 0) return nullptr;
  return bytes;
}

// The size to receive into a buffer: 0 means all of it.
static Status clip_size(const Py_buffer& buffer, Py_ssize_t* size, const char* function) {
  if (*size < 0) return raise(PyExc_ValueError, "negative buffersize in %s", function);
  if (*size == 0) *size = buffer.len;
  if (buffer.len < *size)
    return raise(PyExc_ValueError, strcmp(function, "recv_into") == 0 ? "buffer too small for requested bytes" : "nbytes is greater than the length of the buffer");
  return Status::Ok;
}
struct HeldBuffer {
  Py_buffer view{};
  ~HeldBuffer() {
    if (view.obj) PyBuffer_Release(&view);
  }
};

static PyObject* socket_recv_into(PyObject* o, PyObject* args, PyObject* kwargs) {
  static constexpr const char* names[] = {"buffer", "nbytes", "flags", nullptr};
  HeldBuffer buffer;
  Py_ssize_t size = 0;
  int flags = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "w*|ni:recv_into", const_cast<char**>(names), &buffer.view, &size, &flags)) return nullptr;
  TRY(clip_size(buffer.view, &size, "recv_into"));
  ssize_t count = 0;
  SocketObject* self = self_of(o);
  if (size > 0)
    TRY(perform(self, false, [&] { return (count = recv(self->fd, buffer.view.buf, static_cast<size_t>(size), flags)) >= 0; }));
  return PyLong_FromSsize_t(count);
}

static Status receive_from(SocketObject* self, void* data, Py_ssize_t size, int flags, ssize_t* count, Ref<>* sender) {
  Address address;
  memset(&address, 0, sizeof address);
  socklen_t length = sizeof address;
  TRY(perform(self, false, [&] {
    length = sizeof address;
    return (*count = recvfrom(self->fd, data, static_cast<size_t>(size), flags, &address.any, &length)) >= 0;
  }));
  *sender = TRY(address_to_object(self->fd, &address.any, length, self->protocol));
  return Status::Ok;
}
static PyObject* socket_recvfrom(PyObject* o, PyObject* args) {
  Py_ssize_t size;
  int flags = 0;
  if (!PyArg_ParseTuple(args, "n|i:recvfrom", &size, &flags)) return nullptr;
  if (size < 0) return raise(PyExc_ValueError, "negative buffersize in recvfrom");
  PyObject* bytes = TRY(PyBytes_FromStringAndSize(nullptr, size));
  ssize_t count = 0;
  Ref<> sender;
  if (receive_from(self_of(o), PyBytes_AS_STRING(bytes), size, flags, &count, &sender) != Status::Ok) {
    Ref<> drop = Ref<>::steal(bytes);
    return nullptr;
  }
  if (count != size && _PyBytes_Resize(&bytes, count) < 0) return nullptr;
  Ref<> data = Ref<>::steal(bytes);
  return PyTuple_Pack(2, data.get(), sender.get());
}
static PyObject* socket_recvfrom_into(PyObject* o, PyObject* args, PyObject* kwargs) {
  static constexpr const char* names[] = {"buffer", "nbytes", "flags", nullptr};
  HeldBuffer buffer;
  Py_ssize_t size = 0;
  int flags = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "w*|ni:recvfrom_into", const_cast<char**>(names), &buffer.view, &size, &flags)) return nullptr;
  TRY(clip_size(buffer.view, &size, "recvfrom_into"));
  ssize_t count = 0;
  Ref<> sender;
  TRY(receive_from(self_of(o), buffer.view.buf, size, flags, &count, &sender));
  return Py_BuildValue("nO", static_cast<Py_ssize_t>(count), sender.get());
}

// ---- sending -----------------------------------------------------------------------------------------------------------------

static PyObject* socket_send(PyObject* o, PyObject* args) {
  HeldBuffer buffer;
  int flags = 0;
  if (!PyArg_ParseTuple(args, "y*|i:send", &buffer.view, &flags)) return nullptr;
  SocketObject* self = self_of(o);
  ssize_t count = 0;
  TRY(perform(self, true, [&] { return (count = send(self->fd, buffer.view.buf, static_cast<size_t>(buffer.view.len), flags)) >= 0; }));
  return PyLong_FromSsize_t(count);
}
static PyObject* socket_sendall(PyObject* o, PyObject* args) {
  HeldBuffer buffer;
  int flags = 0;
  if (!PyArg_ParseTuple(args, "y*|i:sendall", &buffer.view, &flags)) return nullptr;
  SocketObject* self = self_of(o);
  const auto* data = static_cast<const char*>(buffer.view.buf);
  Py_ssize_t left = buffer.view.len;
  // The timeout is for the whole.
  const PyTime_t deadline = self->timeout > 0 ? now() + self->timeout : 0;
  do {
    if (self->timeout > 0 && now() > deadline) return raise(PyExc_TimeoutError, "timed out");
    ssize_t count = 0;
    TRY(perform(self, true, [&] { return (count = send(self->fd, data, static_cast<size_t>(left), flags)) >= 0; }, deadline));
    data += count;
    left -= count;
    if (PyErr_CheckSignals()) return nullptr;
  } while (left > 0);
  return Py_NewRef(Py_None);
}
static PyObject* socket_sendto(PyObject* o, PyObject* args) {
  HeldBuffer buffer;
  PyObject* target;
  int flags = 0;
  const Py_ssize_t given = PyTuple_Size(args);
  if (given == 2) {
    if (!PyArg_ParseTuple(args, "y*O:sendto", &buffer.view, &target)) return nullptr;
  } else if (given == 3) {
    if (!PyArg_ParseTuple(args, "y*iO:sendto", &buffer.view, &flags, &target)) return nullptr;
  } else {
    return raise(PyExc_TypeError, "sendto() takes 2 or 3 arguments (%zd given)", given);
  }
  SocketObject* self = self_of(o);
  Address address;
  socklen_t size;
  TRY(address_from_object(self, target, &address, &size, "sendto"));
  if (PySys_Audit("socket.sendto", "OO", o, target) < 0) return nullptr;
  ssize_t count = 0;
  TRY(perform(self, true, [&] {
    return (count = sendto(self->fd, buffer.view.buf, static_cast<size_t>(buffer.view.len), flags, &address.any, size)) >= 0;
  }));
  return PyLong_FromSsize_t(count);
}

// ---- messages with ancillary data --------------------------------------------------------------------------------------------

// A list of buffers as iovec; releases them at the end.
struct Buffers {
  Py_buffer* views = nullptr;
  iovec* vectors = nullptr;
  Py_ssize_t count = 0;
  ~Buffers() {
    for (Py_ssize_t i = 0; i < count; ++i) PyBuffer_Release(&views[i]);
    PyMem_Free(views);
    PyMem_Free(vectors);
  }
  // A tuple of our own, as __buffer__ methods may change the sequence.
  Status open(PyObject* iterable, int flags, const char* function, const char* kind) {
    Ref<> iterator = steal(PyObject_GetIter(iterable));
    if (!iterator) {
      if (!PyErr_ExceptionMatches(PyExc_TypeError)) return failed;
      return raise(PyExc_TypeError, "%s() argument 1 must be an iterable", function);
    }
    Ref<> list = TRY(steal(PySequence_Tuple(iterator)));
    const Py_ssize_t size = PyTuple_GET_SIZE(list.get());
    views = PyMem_New(Py_buffer, static_cast<size_t>(size ? size : 1));
    vectors = PyMem_New(iovec, static_cast<size_t>(size ? size : 1));
    if (!views || !vectors) {
      PyErr_NoMemory();
      return failed;
    }
    for (Py_ssize_t i = 0; i < size; ++i) {
      PyObject* item = PyTuple_GET_ITEM(list.get(), i);
      if (PyObject_GetBuffer(item, &views[i], flags) < 0) {
        if (!PyErr_ExceptionMatches(PyExc_TypeError) && !PyErr_ExceptionMatches(PyExc_BufferError)) return failed;
        return raise(PyExc_TypeError, "%s() argument 1 must be an iterable of %s", function, kind);
      }
      ++count;
      vectors[i] = {views[i].buf, static_cast<size_t>(views[i].len)};
    }
    return Status::Ok;
  }
};

static Ref<> receive_message(SocketObject* self, iovec* vectors, size_t count, Py_ssize_t ancillary_size, int flags, ssize_t* received, Ref<>* rest) {
  if (ancillary_size < 0 || ancillary_size > 0x7fffffff) return raise(PyExc_ValueError, "invalid ancillary data buffer length");
  Address address;
  memset(&address, 0, sizeof address);
  void* control = ancillary_size ? PyMem_Calloc(1, static_cast<size_t>(ancillary_size)) : nullptr;
  if (ancillary_size && !control) {
    PyErr_NoMemory();
    return nullptr;
  }
  struct Free {
    void* memory;
    ~Free() { PyMem_Free(memory); }
  } free_control{control};
  msghdr message{};
  message.msg_name = &address;
  message.msg_namelen = sizeof address;
  message.msg_iov = vectors;
  message.msg_iovlen = count;
  message.msg_control = control;
  message.msg_controllen = static_cast<size_t>(ancillary_size);
  TRY(perform(self, false, [&] { return (*received = recvmsg(self->fd, &message, flags)) >= 0; }));
  Ref<> list = TRY(steal(PyList_New(0)));
  if (message.msg_controllen > 0) {
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
      const size_t offset = static_cast<size_t>(reinterpret_cast<char*>(CMSG_DATA(header)) - static_cast<char*>(control));
      size_t length = header->cmsg_len > CMSG_LEN(0) ? header->cmsg_len - CMSG_LEN(0) : 0;
      if (offset + length > message.msg_controllen) length = offset < message.msg_controllen ? message.msg_controllen - offset : 0;
      Ref<> item = TRY(steal(Py_BuildValue("iiy#", header->cmsg_level, header->cmsg_type, reinterpret_cast<char*>(CMSG_DATA(header)),
                                           static_cast<Py_ssize_t>(length))));
      TRY(PyList_Append(list, item));
    }
  }
  Ref<> sender = TRY(address_to_object(self->fd, &address.any, message.msg_namelen > sizeof address ? sizeof address : message.msg_namelen, self->protocol));
  *rest = TRY(steal(Py_BuildValue("(iO)", message.msg_flags, sender.get())));
  return list;
}

static PyObject* socket_recvmsg(PyObject* o, PyObject* args) {
  Py_ssize_t size, ancillary_size = 0;
  int flags = 0;
  if (!PyArg_ParseTuple(args, "n|ni:recvmsg", &size, &ancillary_size, &flags)) return nullptr;
  if (size < 0) return raise(PyExc_ValueError, "negative buffer size in recvmsg()");
  Ref<> bytes = TRY(steal(PyBytes_FromStringAndSize(nullptr, size)));
  iovec vector{PyBytes_AS_STRING(bytes.get()), static_cast<size_t>(size)};
  ssize_t received = 0;
  Ref<> rest;
  Ref<> list = TRY(receive_message(self_of(o), &vector, 1, ancillary_size, flags, &received, &rest));
  PyObject* data = bytes.release();
  if (received != size && _PyBytes_Resize(&data, received) < 0) return nullptr;
  bytes = Ref<>::steal(data);
  return PyTuple_Pack(4, bytes.get(), list.get(), PyTuple_GET_ITEM(rest.get(), 0), PyTuple_GET_ITEM(rest.get(), 1));
}
static PyObject* socket_recvmsg_into(PyObject* o, PyObject* args) {
  PyObject* iterable;
  Py_ssize_t ancillary_size = 0;
  int flags = 0;
  if (!PyArg_ParseTuple(args, "O|ni:recvmsg_into", &iterable, &ancillary_size, &flags)) return nullptr;
  Buffers buffers;
  TRY(buffers.open(iterable, PyBUF_WRITABLE, "recvmsg_into", "single-segment read-write buffers"));
  ssize_t received = 0;
  Ref<> rest;
  Ref<> list = TRY(receive_message(self_of(o), buffers.vectors, static_cast<size_t>(buffers.count), ancillary_size, flags, &received, &rest));
  Ref<> number = TRY(steal(PyLong_FromSsize_t(received)));
  return PyTuple_Pack(4, number.get(), list.get(), PyTuple_GET_ITEM(rest.get(), 0), PyTuple_GET_ITEM(rest.get(), 1));
}

static PyObject* socket_sendmsg(PyObject* o, PyObject* args) {
  PyObject *iterable, *ancillary = nullptr, *target = nullptr;
  int flags = 0;
  if (!PyArg_ParseTuple(args, "O|OiO:sendmsg", &iterable, &ancillary, &flags, &target)) return nullptr;
  SocketObject* self = self_of(o);
  Address address;
  msghdr message{};
  if (target && target != Py_None) {
    socklen_t size;
    TRY(address_from_object(self, target, &address, &size, "sendmsg"));
    if (PySys_Audit("socket.sendmsg", "OO", o, target) < 0) return nullptr;
    message.msg_name = &address;
    message.msg_namelen = size;
  } else if (PySys_Audit("socket.sendmsg", "OO", o, Py_None) < 0) {
    return nullptr;
  }
  Buffers buffers;
  TRY(buffers.open(iterable, PyBUF_SIMPLE, "sendmsg", "bytes-like objects"));
  message.msg_iov = buffers.vectors;
  message.msg_iovlen = static_cast<size_t>(buffers.count);
  struct Free {
    void* memory = nullptr;
    ~Free() { PyMem_Free(memory); }
  } control;
  if (ancillary && ancillary != Py_None) {
    Ref<> given = TRY(steal(PySequence_Fast(ancillary, "sendmsg() argument 2 must be an iterable")));
    Ref<> list = TRY(steal(PySequence_Tuple(given)));
    const Py_ssize_t count = PyTuple_GET_SIZE(list.get());
    struct Held {
      Py_buffer* views = nullptr;
      Py_ssize_t count = 0;
      ~Held() {
        for (Py_ssize_t i = 0; i < count; ++i) PyBuffer_Release(&views[i]);
        PyMem_Free(views);
      }
    } held;
    held.views = PyMem_New(Py_buffer, static_cast<size_t>(count ? count : 1));
    int* heads = PyMem_New(int, static_cast<size_t>(count ? count : 1) * 2);
    Free free_heads{heads};
    if (!held.views || !heads) return PyErr_NoMemory();
    size_t total = 0;
    for (Py_ssize_t i = 0; i < count; ++i) {
      if (!PyArg_Parse(PyTuple_GET_ITEM(list.get(), i), "(iiy*):[sendmsg() ancillary data items]", &heads[2 * i], &heads[2 * i + 1],
                       &held.views[i]))
        return nullptr;
      ++held.count;
      if (held.views[i].len > 0x7fffffff / 2) return raise(PyExc_OSError, "ancillary data item too large");
      total += CMSG_SPACE(static_cast<size_t>(held.views[i].len));
      if (total > 0x7fffffff) return raise(PyExc_OSError, "too much ancillary data");
    }
    if (total) {
      control.memory = PyMem_Calloc(1, total);
      if (!control.memory) return PyErr_NoMemory();
      message.msg_control = control.memory;
      message.msg_controllen = total;
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      for (Py_ssize_t i = 0; i < held.count && header; ++i, header = CMSG_NXTHDR(&message, header)) {
        header->cmsg_level = heads[2 * i];
        header->cmsg_type = heads[2 * i + 1];
        header->cmsg_len = CMSG_LEN(static_cast<size_t>(held.views[i].len));
        memcpy(CMSG_DATA(header), held.views[i].buf, static_cast<size_t>(held.views[i].len));
      }
    }
  }
  ssize_t count = 0;
  TRY(perform(self, true, [&] { return (count = sendmsg(self->fd, &message, flags)) >= 0; }));
  return PyLong_FromSsize_t(count);
}
static PyObject* socket_sendmsg_afalg(PyObject*, PyObject*, PyObject*) { return unimplemented("socket.sendmsg_afalg"); }

#define ROW(NAME, FUNCTION, FLAGS, DOC) {#NAME, reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(FUNCTION)), FLAGS, DOC}
static PyMethodDef socket_methods[] = {
    ROW(_accept, socket_accept, METH_NOARGS, "_accept($self, /)\n--\n\n_accept() -> (integer, address info)\n\nWait for an incoming connection."),
    ROW(bind, socket_bind, METH_O, "bind($self, object, /)\n--\n\nBind the socket to a local address."),
    ROW(close, socket_close_method, METH_NOARGS, "close($self, /)\n--\n\nClose the socket.  It cannot be used after this call."),
    ROW(connect, socket_connect, METH_O, "connect($self, object, /)\n--\n\nConnect the socket to a remote address."),
    ROW(connect_ex, socket_connect_ex, METH_O, "connect_ex($self, object, /)\n--\n\nThis is like connect(address), but returns an error code instead of raising an exception."),
    ROW(detach, socket_detach, METH_NOARGS, "detach($self, /)\n--\n\nClose the socket object without closing the underlying file descriptor."),
    ROW(fileno, socket_fileno, METH_NOARGS, "fileno($self, /)\n--\n\nReturn the integer file descriptor of the socket."),
    ROW(getpeername, socket_name<ask_peer>, METH_NOARGS, "getpeername($self, /)\n--\n\nReturn the address of the remote endpoint."),
    ROW(getsockname, socket_name<ask_name>, METH_NOARGS, "getsockname($self, /)\n--\n\nReturn the address of the local endpoint."),
    ROW(getsockopt, socket_getsockopt, METH_VARARGS, "getsockopt(level, option[, buffersize]) -> value"),
    ROW(listen, socket_listen, METH_VARARGS, "listen([backlog])\n\nEnable a server to accept connections."),
    ROW(recv, socket_recv, METH_VARARGS, "recv(buffersize[, flags]) -> data\n\nReceive up to buffersize bytes from the socket."),
    ROW(recv_into, socket_recv_into, METH_VARARGS | METH_KEYWORDS, "recv_into(buffer, [nbytes[, flags]]) -> nbytes_read"),
    ROW(recvfrom, socket_recvfrom, METH_VARARGS, "recvfrom(buffersize[, flags]) -> (data, address info)"),
    ROW(recvfrom_into, socket_recvfrom_into, METH_VARARGS | METH_KEYWORDS, "recvfrom_into(buffer[, nbytes[, flags]]) -> (nbytes, address info)"),
    ROW(send, socket_send, METH_VARARGS, "send(data[, flags]) -> count\n\nSend a data string to the socket."),
    ROW(sendall, socket_sendall, METH_VARARGS, "sendall(data[, flags])\n\nSend a data string to the socket, all of it."),
    ROW(sendto, socket_sendto, METH_VARARGS, "sendto(data[, flags], address) -> count"),
    ROW(setblocking, socket_setblocking, METH_O, "setblocking($self, object, /)\n--\n\nSet the socket to blocking (flag is true) or non-blocking (false)."),
    ROW(getblocking, socket_getblocking, METH_NOARGS, "getblocking($self, /)\n--\n\nReturns True if socket is in blocking mode, or False if it is in non-blocking mode."),
    ROW(settimeout, socket_settimeout, METH_O, "settimeout($self, object, /)\n--\n\nSet a timeout on socket operations."),
    ROW(gettimeout, socket_gettimeout, METH_NOARGS, "gettimeout($self, /)\n--\n\nReturns the timeout in seconds (float) associated with socket operations."),
    ROW(setsockopt, socket_setsockopt, METH_VARARGS, "setsockopt(level, option, value: int)"),
    ROW(shutdown, socket_shutdown, METH_O, "shutdown($self, object, /)\n--\n\nShut down the reading side, the writing side, or both sides of the socket."),
    ROW(recvmsg, socket_recvmsg, METH_VARARGS, "recvmsg(bufsize[, ancbufsize[, flags]]) -> (data, ancdata, msg_flags, address)"),
    ROW(recvmsg_into, socket_recvmsg_into, METH_VARARGS, "recvmsg_into(buffers[, ancbufsize[, flags]]) -> (nbytes, ancdata, msg_flags, address)"),
    ROW(sendmsg, socket_sendmsg, METH_VARARGS, "sendmsg(buffers[, ancdata[, flags[, address]]]) -> count"),
    ROW(sendmsg_afalg, socket_sendmsg_afalg, METH_VARARGS | METH_KEYWORDS, "sendmsg_afalg([msg], *, op[, iv[, assoclen[, flags=MSG_MORE]]])"),
    {}};
static PyObject* socket_timeout(PyObject* self, void*) { return socket_gettimeout(self, nullptr); }
static PyGetSetDef socket_getset[] = {{"timeout", socket_timeout, nullptr, "the socket timeout", nullptr}, {}};
static PyMemberDef socket_members[] = {
    {"family", Py_T_INT, offsetof(SocketObject, family), Py_READONLY, "the socket family"},
    {"type", Py_T_INT, offsetof(SocketObject, type), Py_READONLY, "the socket type"},
    {"proto", Py_T_INT, offsetof(SocketObject, protocol), Py_READONLY, "the socket protocol"},
    {}};
static PyType_Slot socket_slots[] = {
    {Py_tp_doc, const_cast<char*>("socket(family=AF_INET, type=SOCK_STREAM, proto=0) -> socket object\n"
                                  "socket(family=-1, type=-1, proto=-1, fileno=None) -> socket object")},
    {Py_tp_dealloc, reinterpret_cast<void*>(socket_dealloc)}, {Py_tp_traverse, reinterpret_cast<void*>(socket_traverse)},
    {Py_tp_repr, reinterpret_cast<void*>(socket_repr)}, {Py_tp_init, reinterpret_cast<void*>(socket_init)},
    {Py_tp_new, reinterpret_cast<void*>(socket_new)}, {Py_tp_finalize, reinterpret_cast<void*>(socket_finalize)},
    {Py_tp_methods, socket_methods}, {Py_tp_members, socket_members}, {Py_tp_getset, socket_getset}, {0, nullptr}};
PyType_Spec socket_spec = {"_socket.socket", sizeof(SocketObject), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_HAVE_GC, socket_slots};

// ---- the module --------------------------------------------------------------------------------------------------------------

// What other modules take out of the capsule.
struct Api {
  PyTypeObject* socket_type;
  PyObject* error;
  PyObject* timeout_error;
};

static void api_free(PyObject* capsule) {
  auto* api = static_cast<Api*>(PyCapsule_GetPointer(capsule, "_socket.CAPI"));
  if (!api) return;
  Py_XDECREF(api->socket_type);
  PyMem_Free(api);
}

static int api_traverse(PyObject* capsule, visitproc visit, void* arg) {
  auto* api = static_cast<Api*>(PyCapsule_GetPointer(capsule, "_socket.CAPI"));
  Py_VISIT(api->socket_type);
  return 0;
}
static int api_clear(PyObject* capsule) {
  Py_CLEAR(static_cast<Api*>(PyCapsule_GetPointer(capsule, "_socket.CAPI"))->socket_type);
  return 0;
}

static int socket_exec(PyObject* module) {
  State* state = state_of(module);
  state->default_timeout = -1;
  state->socket_type = as<PyTypeObject>(PyType_FromModuleAndSpec(module, &socket_spec, nullptr));
  if (!state->socket_type) return -1;
  TRY(PyModule_AddObjectRef(module, "socket", object(state->socket_type)));
  TRY(PyModule_AddObjectRef(module, "SocketType", object(state->socket_type)));
  TRY(PyModule_AddObjectRef(module, "error", PyExc_OSError));
  TRY(PyModule_AddObjectRef(module, "timeout", PyExc_TimeoutError));
  state->herror = TRY(PyErr_NewException("socket.herror", PyExc_OSError, nullptr));
  TRY(PyModule_AddObjectRef(module, "herror", state->herror));
  state->gaierror = TRY(PyErr_NewException("socket.gaierror", PyExc_OSError, nullptr));
  TRY(PyModule_AddObjectRef(module, "gaierror", state->gaierror));
  TRY(PyModule_AddObjectRef(module, "has_ipv6", Py_True));
  TRY(PyModule_AddStringConstant(module, "BDADDR_ANY", "00:00:00:00:00:00"));
  TRY(PyModule_AddStringConstant(module, "BDADDR_LOCAL", "00:00:00:FF:FF:FF"));
  static constexpr IntConstant constants[] = {
#define SOCKET_CONSTANT(NAME) {#NAME, static_cast<long long>(NAME)},
#include "modules/socket/constants.def"
#undef SOCKET_CONSTANT
#define SOCKET_NUMBER(NAME, VALUE) {#NAME, VALUE},
#include "modules/socket/constants_linux.def"
#undef SOCKET_NUMBER
  };
  TRY(add_constants(module, constants));
  auto* api = static_cast<Api*>(PyMem_Malloc(sizeof(Api)));
  if (!api) {
    PyErr_NoMemory();
    return -1;
  }
  *api = {as<PyTypeObject>(Py_NewRef(object(state->socket_type))), PyExc_OSError, PyExc_TimeoutError};
  Ref<> capsule = TRY(steal(PyCapsule_New(api, "_socket.CAPI", api_free)));
  if (_PyCapsule_SetTraverse(capsule, api_traverse, api_clear) < 0) return -1;
  return PyModule_AddObjectRef(module, "CAPI", capsule);
}
static int module_traverse(PyObject* module, visitproc visit, void* arg) {
  if (State* state = state_of(module)) {
    Py_VISIT(state->socket_type);
    Py_VISIT(state->herror);
    Py_VISIT(state->gaierror);
  }
  return 0;
}
static int module_clear(PyObject* module) {
  if (State* state = state_of(module)) {
    Py_CLEAR(state->socket_type);
    Py_CLEAR(state->herror);
    Py_CLEAR(state->gaierror);
  }
  return 0;
}
MODULE_SLOTS(socket_module_slots, socket_exec);
PyModuleDef socket_module = {.m_base = PyModuleDef_HEAD_INIT,
                             .m_name = "_socket",
                             .m_doc = "Implementation module for socket operations.\n\nSee the socket module for documentation.",
                             .m_size = sizeof(State),
                             .m_methods = database_functions,
                             .m_slots = socket_module_slots,
                             .m_traverse = module_traverse,
                             .m_clear = module_clear};

}  // namespace ks::socket

PyMODINIT_FUNC PyInit__socket() { return PyModuleDef_Init(&ks::socket::socket_module); }
