// Names, services, protocols, interfaces; number formats of addresses.
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <unistd.h>

#include "modules/socket/socket.h"

namespace ks::socket {
namespace {

Ref<> socket_gethostname(PyObject*) {
  if (PySys_Audit("socket.gethostname", nullptr) < 0) return nullptr;
  char name[1024];
  if (gethostname(name, sizeof name - 1) < 0) return raise_errno();
  name[sizeof name - 1] = '\0';
  return steal(PyUnicode_DecodeFSDefault(name));
}
METHOD(socket, gethostname, "($self, /)", "gethostname() -> string\n\nReturn the current host name.");

PyObject* socket_sethostname(PyObject*, PyObject* args) {
  PyObject* name;
  Ref<> encoded;
  if (PyArg_ParseTuple(args, "S:sethostname", &name)) {
    encoded = borrow(name);
  } else {
    PyErr_Clear();
    if (!PyArg_ParseTuple(args, "O&:sethostname", PyUnicode_FSConverter, encoded.out())) return nullptr;
  }
  if (PySys_Audit("socket.sethostname", "(O)", encoded.get()) < 0) return nullptr;
  if (sethostname(PyBytes_AS_STRING(encoded.get()), static_cast<size_t>(PyBytes_GET_SIZE(encoded.get()))) < 0) return raise_errno();
  return Py_NewRef(Py_None);
}

Ref<> host_argument(PyObject* object) {
  if (PyBytes_Check(object) || PyByteArray_Check(object)) return steal(PyBytes_FromObject(object));
  if (!PyUnicode_Check(object)) return raise(PyExc_TypeError, "str, bytes or bytearray expected, not %s", Py_TYPE(object)->tp_name);
  return steal(PyUnicode_IS_ASCII(object) ? PyUnicode_AsASCIIString(object) : PyUnicode_AsEncodedString(object, "idna", nullptr));
}

PyObject* socket_gethostbyname(PyObject* module, PyObject* args) {
  PyObject* name;
  if (!PyArg_ParseTuple(args, "O:gethostbyname", &name)) return nullptr;
  Ref<> host = TRY(host_argument(name));
  if (PySys_Audit("socket.gethostbyname", "O", name) < 0) return nullptr;
  Address address;
  socklen_t size;
  TRY(resolve_host(state_of(module), PyBytes_AS_STRING(host.get()), &address, &size, AF_INET));
  return numeric_host(&address.any, size).release();
}

Failed raise_herror(State* state, int error) {
  Ref<> value = steal(Py_BuildValue("(is)", error, hstrerror(error)));
  if (value) PyErr_SetObject(state->herror, value);
  return failed;
}

// (name, aliases, addresses) of a host entry.
Ref<> host_entry(State* state, const hostent* entry, int error) {
  if (!entry) return raise_herror(state, error);
  Ref<> aliases = TRY(steal(PyList_New(0))), addresses = TRY(steal(PyList_New(0)));
  for (char** alias = entry->h_aliases; alias && *alias; ++alias) {
    Ref<> text = TRY(steal(PyUnicode_FromString(*alias)));
    TRY(PyList_Append(aliases, text));
  }
  for (char** bytes = entry->h_addr_list; *bytes; ++bytes) {
    char text[INET6_ADDRSTRLEN];
    if (!inet_ntop(entry->h_addrtype, *bytes, text, sizeof text)) return raise_errno();
    Ref<> shown = TRY(steal(PyUnicode_FromString(text)));
    TRY(PyList_Append(addresses, shown));
  }
  Ref<> name = TRY(steal(PyUnicode_DecodeFSDefault(entry->h_name)));
  return steal(PyTuple_Pack(3, name.get(), aliases.get(), addresses.get()));
}

PyObject* socket_gethostbyname_ex(PyObject* module, PyObject* args) {
  PyObject* name;
  if (!PyArg_ParseTuple(args, "O:gethostbyname_ex", &name)) return nullptr;
  Ref<> host = TRY(host_argument(name));
  if (PySys_Audit("socket.gethostbyname", "O", name) < 0) return nullptr;
  Address address;
  socklen_t size;
  TRY(resolve_host(state_of(module), PyBytes_AS_STRING(host.get()), &address, &size, AF_INET));
  hostent entry, *result = nullptr;
  char buffer[16384];
  int error = 0;
  Py_BEGIN_ALLOW_THREADS
  gethostbyname_r(PyBytes_AS_STRING(host.get()), &entry, buffer, sizeof buffer, &result, &error);
  Py_END_ALLOW_THREADS
  return host_entry(state_of(module), result, error).release();
}

PyObject* socket_gethostbyaddr(PyObject* module, PyObject* args) {
  PyObject* name;
  if (!PyArg_ParseTuple(args, "O:gethostbyaddr", &name)) return nullptr;
  Ref<> host = TRY(host_argument(name));
  if (PySys_Audit("socket.gethostbyaddr", "O", name) < 0) return nullptr;
  Address address;
  socklen_t size;
  TRY(resolve_host(state_of(module), PyBytes_AS_STRING(host.get()), &address, &size, AF_UNSPEC));
  const void* bytes = address.any.sa_family == AF_INET ? static_cast<const void*>(&address.in.sin_addr)
                                                       : static_cast<const void*>(&address.in6.sin6_addr);
  const socklen_t length = address.any.sa_family == AF_INET ? sizeof address.in.sin_addr : sizeof address.in6.sin6_addr;
  hostent entry, *result = nullptr;
  char buffer[16384];
  int error = 0;
  Py_BEGIN_ALLOW_THREADS
  gethostbyaddr_r(bytes, length, address.any.sa_family, &entry, buffer, sizeof buffer, &result, &error);
  Py_END_ALLOW_THREADS
  return host_entry(state_of(module), result, error).release();
}

PyObject* socket_getservbyname(PyObject*, PyObject* args) {
  const char *name, *protocol = nullptr;
  if (!PyArg_ParseTuple(args, "s|s:getservbyname", &name, &protocol)) return nullptr;
  if (PySys_Audit("socket.getservbyname", "ss", name, protocol) < 0) return nullptr;
  servent* entry;
  Py_BEGIN_ALLOW_THREADS
  entry = getservbyname(name, protocol);
  Py_END_ALLOW_THREADS
  if (!entry) return raise(PyExc_OSError, "service/proto not found");
  return PyLong_FromLong(ntohs(static_cast<uint16_t>(entry->s_port)));
}
PyObject* socket_getservbyport(PyObject*, PyObject* args) {
  int port;
  const char* protocol = nullptr;
  if (!PyArg_ParseTuple(args, "i|s:getservbyport", &port, &protocol)) return nullptr;
  if (port < 0 || port > 0xffff) return raise(PyExc_OverflowError, "getservbyport: port must be 0-65535.");
  if (PySys_Audit("socket.getservbyport", "is", port, protocol) < 0) return nullptr;
  servent* entry;
  Py_BEGIN_ALLOW_THREADS
  entry = getservbyport(htons(static_cast<uint16_t>(port)), protocol);
  Py_END_ALLOW_THREADS
  if (!entry) return raise(PyExc_OSError, "port/proto not found");
  return PyUnicode_FromString(entry->s_name);
}
PyObject* socket_getprotobyname(PyObject*, PyObject* args) {
  const char* name;
  if (!PyArg_ParseTuple(args, "s:getprotobyname", &name)) return nullptr;
  const protoent* entry = getprotobyname(name);
  if (!entry) return raise(PyExc_OSError, "protocol not found");
  return PyLong_FromLong(entry->p_proto);
}

PyObject* socket_getaddrinfo(PyObject* module, PyObject* args, PyObject* kwargs) {
  static constexpr const char* names[] = {"host", "port", "family", "type", "proto", "flags", nullptr};
  PyObject *host_object, *port_object;
  int family = AF_UNSPEC, type = 0, protocol = 0, flags = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|iiii:getaddrinfo", const_cast<char**>(names), &host_object, &port_object, &family,
                                   &type, &protocol, &flags))
    return nullptr;
  Ref<> host, port;
  const char* host_text = nullptr;
  const char* port_text = nullptr;
  if (host_object != Py_None) {
    if (PyUnicode_Check(host_object)) host = TRY(steal(PyUnicode_AsEncodedString(host_object, "idna", nullptr)));
    else if (PyBytes_Check(host_object)) host = borrow(host_object);
    else return raise(PyExc_TypeError, "getaddrinfo() argument 1 must be string or None");
    host_text = PyBytes_AS_STRING(host.get());
  }
  if (PyLong_CheckExact(port_object)) {
    Ref<> shown = TRY(steal(PyObject_Str(port_object)));
    port = TRY(steal(PyUnicode_AsUTF8String(shown)));
  } else if (PyUnicode_Check(port_object)) {
    port = TRY(steal(PyUnicode_AsUTF8String(port_object)));
  } else if (PyBytes_Check(port_object)) {
    port = borrow(port_object);
  } else if (port_object != Py_None) {
    return raise(PyExc_OSError, "Int or String expected");
  }
  if (port) port_text = PyBytes_AS_STRING(port.get());
  if (PySys_Audit("socket.getaddrinfo", "OOiii", host_object, port_object, family, type, protocol) < 0) return nullptr;
  addrinfo hints{}, *list = nullptr;
  hints.ai_family = family;
  hints.ai_socktype = type;
  hints.ai_protocol = protocol;
  hints.ai_flags = flags;
  int error;
  Py_BEGIN_ALLOW_THREADS
  error = getaddrinfo(host_text, port_text, &hints, &list);
  Py_END_ALLOW_THREADS
  if (error) return raise_gai(state_of(module), error);
  struct Free {
    addrinfo* list;
    ~Free() {
      if (list) freeaddrinfo(list);
    }
  } free_list{list};
  Ref<> result = TRY(steal(PyList_New(0)));
  for (const addrinfo* row = list; row; row = row->ai_next) {
    Ref<> address = TRY(address_to_object(-1, row->ai_addr, row->ai_addrlen, protocol));
    Ref<> item = TRY(steal(Py_BuildValue("iiisO", row->ai_family, row->ai_socktype, row->ai_protocol,
                                         row->ai_canonname ? row->ai_canonname : "", address.get())));
    TRY(PyList_Append(result, item));
  }
  return result.release();
}

PyObject* socket_getnameinfo(PyObject* module, PyObject* args) {
  PyObject* tuple;
  int flags;
  if (!PyArg_ParseTuple(args, "Oi:getnameinfo", &tuple, &flags)) return nullptr;
  if (!PyTuple_Check(tuple)) return raise(PyExc_TypeError, "getnameinfo() argument 1 must be a tuple");
  const char* host;
  int port;
  unsigned flow = 0, scope = 0;
  if (!PyArg_ParseTuple(tuple, "si|II;getnameinfo(): illegal sockaddr argument", &host, &port, &flow, &scope)) return nullptr;
  if (flow > 0xfffff) return raise(PyExc_OverflowError, "getnameinfo(): flowinfo must be 0-1048575.");
  if (PySys_Audit("socket.getnameinfo", "(O)", tuple) < 0) return nullptr;
  char port_text[16];
  PyOS_snprintf(port_text, sizeof port_text, "%d", port);
  addrinfo hints{}, *list = nullptr;
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_NUMERICHOST;
  int error;
  Py_BEGIN_ALLOW_THREADS
  error = getaddrinfo(host, port_text, &hints, &list);
  Py_END_ALLOW_THREADS
  if (error) return raise_gai(state_of(module), error);
  Address address;
  const socklen_t size = list->ai_addrlen;
  memcpy(&address, list->ai_addr, size);
  const bool several = list->ai_next != nullptr;
  freeaddrinfo(list);
  if (several) return raise(PyExc_OSError, "sockaddr resolved to multiple addresses");
  if (address.any.sa_family == AF_INET && PyTuple_GET_SIZE(tuple) != 2)
    return raise(PyExc_OSError, "IPv4 sockaddr must be 2 tuple");
  if (address.any.sa_family == AF_INET6) {
    address.in6.sin6_flowinfo = htonl(flow);
    address.in6.sin6_scope_id = scope;
  }
  char host_name[NI_MAXHOST], service[NI_MAXSERV];
  Py_BEGIN_ALLOW_THREADS
  error = getnameinfo(&address.any, size, host_name, sizeof host_name, service, sizeof service, flags);
  Py_END_ALLOW_THREADS
  if (error) return raise_gai(state_of(module), error);
  Ref<> name = TRY(steal(PyUnicode_DecodeFSDefault(host_name)));
  return Py_BuildValue("Os", name.get(), service);
}

// ---- numbers -----------------------------------------------------------------------------------------------------------

Status unsigned_argument(PyObject* object, unsigned long most, const char* type, unsigned long* value) {
  const int overflow_free = PyLong_Check(object);
  if (!overflow_free && !PyIndex_Check(object))
    return raise(PyExc_TypeError, "'%.200s' object cannot be interpreted as an integer", Py_TYPE(object)->tp_name);
  Ref<> number = TRY(steal(PyNumber_Index(object)));
  int overflow = 0;
  const long long wide = PyLong_AsLongLongAndOverflow(number, &overflow);
  if (wide == -1 && !overflow && PyErr_Occurred()) return failed;
  if (overflow < 0 || (!overflow && wide < 0)) return raise(PyExc_ValueError, "Cannot convert negative int");
  if (overflow > 0 || static_cast<unsigned long long>(wide) > most) return raise(PyExc_OverflowError, "Python int too large for C %s", type);
  *value = static_cast<unsigned long>(wide);
  return Status::Ok;
}
#define SWAP_FUNCTION(NAME, MOST, TYPE, C_TYPE)                                     \
  PyObject* socket_##NAME(PyObject*, PyObject* object) {                            \
    unsigned long value = 0;                                                        \
    TRY(unsigned_argument(object, MOST, TYPE, &value));                             \
    return PyLong_FromUnsignedLong(NAME(static_cast<C_TYPE>(value)));               \
  }
SWAP_FUNCTION(ntohs, 0xffff, "uint16_t", uint16_t)
SWAP_FUNCTION(htons, 0xffff, "uint16_t", uint16_t)
SWAP_FUNCTION(ntohl, 0xffffffff, "uint32_t", uint32_t)
SWAP_FUNCTION(htonl, 0xffffffff, "uint32_t", uint32_t)

PyObject* socket_inet_aton(PyObject*, PyObject* argument) {
  if (!PyUnicode_Check(argument)) return raise(PyExc_TypeError, "inet_aton() argument must be str, not %.50s", Py_TYPE(argument)->tp_name);
  const char* text = TRY(PyUnicode_AsUTF8(argument));
  in_addr address;
  if (!inet_aton(text, &address)) return raise(PyExc_OSError, "illegal IP address string passed to inet_aton");
  return PyBytes_FromStringAndSize(reinterpret_cast<const char*>(&address), sizeof address);
}
PyObject* socket_inet_ntoa(PyObject*, PyObject* argument) {
  Py_buffer view;
  if (PyObject_GetBuffer(argument, &view, PyBUF_SIMPLE) < 0) return nullptr;
  in_addr address{};
  const bool good = view.len == sizeof address;
  if (good) memcpy(&address, view.buf, sizeof address);
  PyBuffer_Release(&view);
  if (!good) return raise(PyExc_OSError, "packed IP wrong length for inet_ntoa");
  char text[INET_ADDRSTRLEN];
  return PyUnicode_FromString(inet_ntop(AF_INET, &address, text, sizeof text));
}
PyObject* socket_inet_pton(PyObject*, PyObject* args) {
  int family;
  const char* text;
  if (!PyArg_ParseTuple(args, "is:inet_pton", &family, &text)) return nullptr;
  char packed[sizeof(in6_addr)];
  const int result = inet_pton(family, text, packed);
  if (result < 0) return raise_errno();
  if (result == 0) return raise(PyExc_OSError, "illegal IP address string passed to inet_pton");
  if (family == AF_INET) return PyBytes_FromStringAndSize(packed, sizeof(in_addr));
  if (family == AF_INET6) return PyBytes_FromStringAndSize(packed, sizeof(in6_addr));
  return raise(PyExc_OSError, "unknown address family");
}
PyObject* socket_inet_ntop(PyObject*, PyObject* args) {
  int family;
  Py_buffer packed;
  if (!PyArg_ParseTuple(args, "iy*:inet_ntop", &family, &packed)) return nullptr;
  char bytes[sizeof(in6_addr)] = {}, text[INET6_ADDRSTRLEN];
  const Py_ssize_t size = packed.len;
  if (size <= static_cast<Py_ssize_t>(sizeof bytes)) memcpy(bytes, packed.buf, static_cast<size_t>(size));
  PyBuffer_Release(&packed);
  if (family != AF_INET && family != AF_INET6) return raise(PyExc_ValueError, "unknown address family %d", family);
  if (size != static_cast<Py_ssize_t>(family == AF_INET ? sizeof(in_addr) : sizeof(in6_addr)))
    return raise(PyExc_ValueError, "invalid length of packed IP address string");
  if (!inet_ntop(family, bytes, text, sizeof text)) return raise_errno();
  return PyUnicode_FromString(text);
}

Ref<> socket_if_nameindex(PyObject*) {
  struct if_nameindex* rows = if_nameindex();
  if (!rows) return raise_errno();
  Ref<> list = steal(PyList_New(0));
  for (const auto* row = rows; list && row->if_index && row->if_name; ++row) {
    Ref<> name = steal(PyUnicode_DecodeFSDefault(row->if_name));
    Ref<> pair = name ? steal(Py_BuildValue("IO", row->if_index, name.get())) : Ref<>();
    if (!pair || PyList_Append(list, pair) < 0) list = nullptr;
  }
  if_freenameindex(rows);
  return list;
}
METHOD(socket, if_nameindex, "($self, /)", "if_nameindex()\n\nReturns a list of network interface information (index, name) tuples.");
PyObject* socket_if_nametoindex(PyObject*, PyObject* argument) {
  Ref<> name;
  if (!PyUnicode_FSConverter(argument, name.out())) return nullptr;
  const unsigned index = if_nametoindex(PyBytes_AS_STRING(name.get()));
  if (index == 0) return raise_errno();
  return PyLong_FromUnsignedLong(index);
}
PyObject* socket_if_indextoname(PyObject*, PyObject* argument) {
  Ref<> number = TRY(steal(PyNumber_Index(argument)));
  const int negative = PyLong_IsNegative(number);
  if (negative < 0) return nullptr;
  if (negative) return raise(PyExc_ValueError, "Cannot convert negative int");
  const unsigned long index = PyLong_AsUnsignedLong(number);
  if ((index == static_cast<unsigned long>(-1) && PyErr_Occurred()) || index > UINT_MAX)
    return raise(PyExc_OverflowError, "Python int too large for C unsigned int");
  char name[IF_NAMESIZE + 1];
  if (!if_indextoname(static_cast<unsigned>(index), name)) return raise_errno();
  return PyUnicode_DecodeFSDefault(name);
}

PyObject* socket_close(PyObject*, PyObject* argument) {
  const long fd = PyLong_AsLong(argument);
  if (fd == -1 && PyErr_Occurred()) return nullptr;
  int result;
  Py_BEGIN_ALLOW_THREADS
  result = close(static_cast<int>(fd));
  Py_END_ALLOW_THREADS
  if (result < 0 && errno != ECONNRESET) return raise_errno();
  return Py_NewRef(Py_None);
}
PyObject* socket_dup(PyObject*, PyObject* argument) {
  const long fd = PyLong_AsLong(argument);
  if (fd == -1 && PyErr_Occurred()) return nullptr;
  const int copy = fcntl(static_cast<int>(fd), F_DUPFD_CLOEXEC, 0);
  return copy < 0 ? raise_errno() : PyLong_FromLong(copy);
}

PyObject* socket_socketpair(PyObject* module, PyObject* args) {
  int family = AF_UNIX, type = SOCK_STREAM, protocol = 0, fds[2];
  if (!PyArg_ParseTuple(args, "|iii:socketpair", &family, &type, &protocol)) return nullptr;
  int result;
  Py_BEGIN_ALLOW_THREADS
  result = socketpair(family, type | SOCK_CLOEXEC, protocol, fds);
  Py_END_ALLOW_THREADS
  if (result < 0) return raise_errno();
  Ref<> first = steal(socket_from_descriptor(state_of(module), fds[0], family, type, protocol).release());
  Ref<> second = first ? socket_from_descriptor(state_of(module), fds[1], family, type, protocol) : Ref<>();
  if (!second) {
    if (!first) close(fds[0]);
    close(fds[1]);
    return nullptr;
  }
  return PyTuple_Pack(2, first.get(), second.get());
}

PyObject* socket_getdefaulttimeout(PyObject* module, PyObject*) {
  const PyTime_t timeout = state_of(module)->default_timeout;
  return timeout < 0 ? Py_NewRef(Py_None) : PyFloat_FromDouble(PyTime_AsSecondsDouble(timeout));
}
PyObject* socket_setdefaulttimeout(PyObject* module, PyObject* argument) {
  TRY(timeout_from_object(argument, &state_of(module)->default_timeout));
  return Py_NewRef(Py_None);
}

Status message_length(PyObject* args, const char* format, size_t* length) {
  Py_ssize_t value;
  if (!PyArg_ParseTuple(args, format, &value)) return failed;
  *length = static_cast<size_t>(value);
  return value < 0 ? Status::Error : Status::Ok;
}
PyObject* socket_CMSG_LEN(PyObject*, PyObject* args) {
  size_t length;
  const Status status = message_length(args, "n:CMSG_LEN", &length);
  if (PyErr_Occurred()) return nullptr;
  if (status != Status::Ok || length > 0x7fffffff - CMSG_LEN(0)) return raise(PyExc_OverflowError, "CMSG_LEN() argument out of range");
  return PyLong_FromSize_t(CMSG_LEN(length));
}
PyObject* socket_CMSG_SPACE(PyObject*, PyObject* args) {
  size_t length;
  const Status status = message_length(args, "n:CMSG_SPACE", &length);
  if (PyErr_Occurred()) return nullptr;
  if (status != Status::Ok || length > 0x7fffffff - CMSG_SPACE(1)) return raise(PyExc_OverflowError, "CMSG_SPACE() argument out of range");
  return PyLong_FromSize_t(CMSG_SPACE(length));
}

}  // namespace

#define ROW(NAME, FLAGS, DOC) {#NAME, reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(socket_##NAME)), FLAGS, DOC}
PyMethodDef database_functions[] = {
    ROW(gethostbyname, METH_VARARGS, "gethostbyname(host) -> address\n\nReturn the IP address (a string of the form '255.255.255.255') for a host."),
    ROW(gethostbyname_ex, METH_VARARGS, "gethostbyname_ex(host) -> (name, aliaslist, addresslist)\n\nReturn the true host name, a list of aliases, and a list of IP addresses, for a host."),
    ROW(gethostbyaddr, METH_VARARGS, "gethostbyaddr(host) -> (name, aliaslist, addresslist)\n\nThe same for a host given by its address."),
    socket_gethostname_method,
    ROW(sethostname, METH_VARARGS, "sethostname(name)\n\nSets the hostname to name."),
    ROW(getservbyname, METH_VARARGS, "getservbyname(servicename[, protocolname]) -> integer\n\nReturn a port number from a service name."),
    ROW(getservbyport, METH_VARARGS, "getservbyport(port[, protocolname]) -> string\n\nReturn the service name from a port number."),
    ROW(getprotobyname, METH_VARARGS, "getprotobyname(name) -> integer\n\nReturn the protocol number for the named protocol."),
    ROW(close, METH_O, "close($self, object, /)\n--\n\nClose an integer socket file descriptor."),
    ROW(dup, METH_O, "dup($self, object, /)\n--\n\nDuplicate an integer socket file descriptor."),
    ROW(socketpair, METH_VARARGS, "socketpair([family[, type [, proto]]]) -> (socket object, socket object)\n\nCreate a pair of connected sockets."),
    ROW(ntohs, METH_O, "ntohs($module, integer, /)\n--\n\nConvert a 16-bit unsigned integer from network to host byte order."),
    ROW(ntohl, METH_O, "ntohl($module, integer, /)\n--\n\nConvert a 32-bit unsigned integer from network to host byte order."),
    ROW(htons, METH_O, "htons($module, integer, /)\n--\n\nConvert a 16-bit unsigned integer from host to network byte order."),
    ROW(htonl, METH_O, "htonl($module, integer, /)\n--\n\nConvert a 32-bit unsigned integer from host to network byte order."),
    ROW(inet_aton, METH_O, "inet_aton($module, ip_addr, /)\n--\n\nConvert an IP address in string format to the 32-bit packed binary format."),
    ROW(inet_ntoa, METH_O, "inet_ntoa($module, packed_ip, /)\n--\n\nConvert an IP address from 32-bit packed binary format to string format."),
    ROW(inet_pton, METH_VARARGS, "inet_pton(af, ip) -> packed IP address string\n\nConvert an IP address from string format to a packed string."),
    ROW(inet_ntop, METH_VARARGS, "inet_ntop(af, packed_ip) -> string formatted IP address\n\nConvert a packed IP address of the given family to string format."),
    ROW(getaddrinfo, METH_VARARGS | METH_KEYWORDS, "getaddrinfo(host, port [, family, type, proto, flags])\n    -> list of (family, type, proto, canonname, sockaddr)\n\nResolve host and port into addrinfo struct."),
    ROW(getnameinfo, METH_VARARGS, "getnameinfo(sockaddr, flags) --> (host, port)\n\nGet host and port for a sockaddr."),
    ROW(getdefaulttimeout, METH_NOARGS, "getdefaulttimeout($self, /)\n--\n\nReturns the default timeout in seconds (float) for new socket objects."),
    ROW(setdefaulttimeout, METH_O, "setdefaulttimeout($self, object, /)\n--\n\nSet the default timeout in seconds (float) for new socket objects."),
    socket_if_nameindex_method,
    ROW(if_nametoindex, METH_O, "if_nametoindex($module, oname, /)\n--\n\nReturns the interface index corresponding to the interface name if_name."),
    ROW(if_indextoname, METH_O, "if_indextoname($module, if_index, /)\n--\n\nReturns the interface name corresponding to the interface index if_index."),
    ROW(CMSG_LEN, METH_VARARGS, "CMSG_LEN(length) -> control message length"),
    ROW(CMSG_SPACE, METH_VARARGS, "CMSG_SPACE(length) -> buffer size"),
    {}};

}  // namespace ks::socket
