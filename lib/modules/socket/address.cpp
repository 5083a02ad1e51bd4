// Socket addresses as Python objects and back.
#include <arpa/inet.h>
#include <net/if.h>

#include "modules/socket/socket.h"

namespace ks::socket {

Failed raise_gai(State* state, int error) {
  if (error == EAI_SYSTEM) return raise_errno();
  Ref<> value = steal(Py_BuildValue("(is)", error, gai_strerror(error)));
  if (value) PyErr_SetObject(state->gaierror, value);
  return failed;
}

Status resolve_host(State* state, const char* name, Address* address, socklen_t* size, int family) {
  memset(address, 0, sizeof *address);
  // "" is any address, "<broadcast>" the broadcast address.
  if (name[0] == '\0') {
    addrinfo hints{}, *found_list;
    hints.ai_family = family;
    hints.ai_socktype = SOCK_DGRAM;
    hints.ai_flags = AI_PASSIVE;
    int error;
    Py_BEGIN_ALLOW_THREADS
    error = getaddrinfo(nullptr, "0", &hints, &found_list);
    Py_END_ALLOW_THREADS
    if (error) return raise_gai(state, error);
    const bool several = found_list->ai_next != nullptr;
    if (!several) {
      memcpy(address, found_list->ai_addr, found_list->ai_addrlen);
      *size = found_list->ai_addrlen;
    }
    freeaddrinfo(found_list);
    if (several) return raise(PyExc_OSError, "wildcard resolved to multiple address");
    return Status::Ok;
  }
  if (strcmp(name, "255.255.255.255") == 0 || strcmp(name, "<broadcast>") == 0) {
    if (family != AF_INET && family != AF_UNSPEC) return raise(PyExc_OSError, "address family mismatched");
    address->in.sin_family = AF_INET;
    address->in.sin_addr.s_addr = INADDR_BROADCAST;
    *size = sizeof address->in;
    return Status::Ok;
  }
  if (family == AF_UNSPEC || family == AF_INET) {
    if (inet_pton(AF_INET, name, &address->in.sin_addr) > 0) {
      address->in.sin_family = AF_INET;
      *size = sizeof address->in;
      return Status::Ok;
    }
  }
  if ((family == AF_UNSPEC || family == AF_INET6) && !strchr(name, '%')) {
    if (inet_pton(AF_INET6, name, &address->in6.sin6_addr) > 0) {
      address->in6.sin6_family = AF_INET6;
      *size = sizeof address->in6;
      return Status::Ok;
    }
  }
  addrinfo hints{}, *found_list;
  hints.ai_family = family;
  int error;
  Py_BEGIN_ALLOW_THREADS
  error = getaddrinfo(name, nullptr, &hints, &found_list);
  Py_END_ALLOW_THREADS
  if (error) return raise_gai(state, error);
  memcpy(address, found_list->ai_addr, found_list->ai_addrlen);
  *size = found_list->ai_addrlen;
  freeaddrinfo(found_list);
  return Status::Ok;
}

Ref<> numeric_host(const sockaddr* address, socklen_t size) {
  char text[NI_MAXHOST];
  // Without the scope, which has a place of its own in the tuple.
  if (address->sa_family == AF_INET6 && inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, text, sizeof text))
    return steal(PyUnicode_FromString(text));
  if (getnameinfo(address, size, text, sizeof text, nullptr, 0, NI_NUMERICHOST)) return raise(PyExc_OSError, "cannot show the address");
  return steal(PyUnicode_FromString(text));
}

// The host of an address tuple as bytes: str is encoded as IDNA unless it is ASCII.
static Ref<> host_bytes(PyObject* host) {
  if (PyBytes_Check(host)) return borrow(host);
  if (PyByteArray_Check(host)) return steal(PyBytes_FromObject(host));
  if (!PyUnicode_Check(host)) return raise(PyExc_TypeError, "str, bytes or bytearray expected, not %s", Py_TYPE(host)->tp_name);
  Ref<> bytes = steal(PyUnicode_IS_ASCII(host) ? PyUnicode_AsASCIIString(host) : PyUnicode_AsEncodedString(host, "idna", nullptr));
  if (bytes && strlen(PyBytes_AS_STRING(bytes.get())) != static_cast<size_t>(PyBytes_GET_SIZE(bytes.get())))
    return raise(PyExc_TypeError, "host name must not contain null character");
  return bytes;
}

static Status read_port(PyObject* object, const char* caller, int* port) {
  const long value = PyLong_AsLong(object);
  if (value == -1 && PyErr_Occurred()) {
    if (!PyErr_ExceptionMatches(PyExc_OverflowError)) return failed;
    PyErr_Clear();
    return raise(PyExc_OverflowError, "%s(): port must be 0-65535.", caller);
  }
  if (value < 0 || value > 0xffff) return raise(PyExc_OverflowError, "%s(): port must be 0-65535.", caller);
  *port = static_cast<int>(value);
  return Status::Ok;
}

static Status unix_address(PyObject* object, Address* address, socklen_t* size) {
  Ref<> path;
  if (PyUnicode_Check(object)) {
    path = TRY(steal(PyUnicode_EncodeFSDefault(object)));
  } else {
    Py_buffer view;
    if (PyObject_GetBuffer(object, &view, PyBUF_SIMPLE) < 0) return failed;
    path = steal(PyBytes_FromStringAndSize(static_cast<const char*>(view.buf), view.len));
    PyBuffer_Release(&view);
    if (!path) return failed;
  }
  const char* text = PyBytes_AS_STRING(path.get());
  const size_t length = static_cast<size_t>(PyBytes_GET_SIZE(path.get()));
  address->un.sun_family = AF_UNIX;
  if (length == 0 || text[0] == '\0') {  // Linux's abstract names
    if (length > sizeof address->un.sun_path) return raise(PyExc_OSError, "AF_UNIX path too long");
    *size = static_cast<socklen_t>(length + offsetof(sockaddr_un, sun_path));
  } else {
    if (length >= sizeof address->un.sun_path) return raise(PyExc_OSError, "AF_UNIX path too long");
    address->un.sun_path[length] = '\0';
    *size = sizeof address->un;
  }
  memcpy(address->un.sun_path, text, length);
  return Status::Ok;
}

Status address_from_object(SocketObject* self, PyObject* object, Address* address, socklen_t* size, const char* caller) {
  memset(address, 0, sizeof *address);
  switch (self->family) {
    case AF_UNIX: return unix_address(object, address, size);
    case AF_NETLINK: {
      if (!PyTuple_Check(object))
        return raise(PyExc_TypeError, "%s(): AF_NETLINK address must be tuple, not %.500s", caller, Py_TYPE(object)->tp_name);
      int pid, groups;
      if (!PyArg_ParseTuple(object, "II:AF_NETLINK address must be a pair (pid, groups)", &pid, &groups)) return failed;
      address->netlink.nl_family = AF_NETLINK;
      address->netlink.nl_pid = static_cast<unsigned>(pid);
      address->netlink.nl_groups = static_cast<unsigned>(groups);
      *size = sizeof address->netlink;
      return Status::Ok;
    }
    case AF_INET: {
      if (!PyTuple_Check(object))
        return raise(PyExc_TypeError, "%s(): AF_INET address must be tuple, not %.500s", caller, Py_TYPE(object)->tp_name);
      if (PyTuple_GET_SIZE(object) != 2) return raise(PyExc_TypeError, "AF_INET address must be a pair (host, port)");
      Ref<> host = TRY(host_bytes(PyTuple_GET_ITEM(object, 0)));
      int port = 0;
      TRY(read_port(PyTuple_GET_ITEM(object, 1), caller, &port));
      TRY(resolve_host(self->state, PyBytes_AS_STRING(host.get()), address, size, AF_INET));
      address->in.sin_family = AF_INET;
      address->in.sin_port = htons(static_cast<uint16_t>(port));
      *size = sizeof address->in;
      return Status::Ok;
    }
    case AF_INET6: {
      if (!PyTuple_Check(object))
        return raise(PyExc_TypeError, "%s(): AF_INET6 address must be tuple, not %.500s", caller, Py_TYPE(object)->tp_name);
      const Py_ssize_t count = PyTuple_GET_SIZE(object);
      if (count < 2 || count > 4)
        return raise(PyExc_TypeError, "AF_INET6 address must be a tuple (host, port[, flowinfo[, scopeid]])");
      Ref<> host = TRY(host_bytes(PyTuple_GET_ITEM(object, 0)));
      int port = 0;
      TRY(read_port(PyTuple_GET_ITEM(object, 1), caller, &port));
      unsigned long flow = 0, scope = 0;
      if (count > 2) {
        flow = PyLong_AsUnsignedLong(PyTuple_GET_ITEM(object, 2));
        if (PyErr_Occurred()) return failed;
      }
      if (count > 3) {
        scope = PyLong_AsUnsignedLong(PyTuple_GET_ITEM(object, 3));
        if (PyErr_Occurred()) return failed;
      }
      if (flow > 0xfffff) return raise(PyExc_OverflowError, "%s(): flowinfo must be 0-1048575.", caller);
      TRY(resolve_host(self->state, PyBytes_AS_STRING(host.get()), address, size, AF_INET6));
      address->in6.sin6_family = AF_INET6;
      address->in6.sin6_port = htons(static_cast<uint16_t>(port));
      address->in6.sin6_flowinfo = htonl(static_cast<uint32_t>(flow));
      if (count > 3) address->in6.sin6_scope_id = static_cast<uint32_t>(scope);
      *size = sizeof address->in6;
      return Status::Ok;
    }
    case AF_PACKET: {
      if (!PyTuple_Check(object))
        return raise(PyExc_TypeError, "%s(): AF_PACKET address must be tuple, not %.500s", caller, Py_TYPE(object)->tp_name);
      const char* interface_name;
      int protocol, packet_type = 0, hardware_type = 0;
      Py_buffer hardware{};
      if (!PyArg_ParseTuple(object, "si|iiy*:AF_PACKET address must be a tuple of two to five elements", &interface_name, &protocol,
                            &packet_type, &hardware_type, &hardware))
        return failed;
      const size_t length = hardware.buf ? static_cast<size_t>(hardware.len) : 0;
      if (length <= sizeof address->packet.sll_addr && length) memcpy(address->packet.sll_addr, hardware.buf, length);
      if (hardware.obj) PyBuffer_Release(&hardware);
      if (length > sizeof address->packet.sll_addr) return raise(PyExc_ValueError, "Hardware address must be 8 bytes or less");
      if (protocol < 0 || protocol > 0xffff) return raise(PyExc_OverflowError, "%s(): proto must be 0-65535.", caller);
      const unsigned index = if_nametoindex(interface_name);
      if (index == 0 && interface_name[0]) return raise_errno();
      address->packet.sll_family = AF_PACKET;
      address->packet.sll_protocol = htons(static_cast<uint16_t>(protocol));
      address->packet.sll_ifindex = static_cast<int>(index);
      address->packet.sll_pkttype = static_cast<unsigned char>(packet_type);
      address->packet.sll_hatype = static_cast<unsigned short>(hardware_type);
      address->packet.sll_halen = static_cast<unsigned char>(length);
      *size = sizeof address->packet;
      return Status::Ok;
    }
    case AF_VSOCK: {
      if (!PyTuple_Check(object)) return raise(PyExc_TypeError, "getsockaddrarg: AF_VSOCK address must be tuple, not %.500s", Py_TYPE(object)->tp_name);
      unsigned cid, port;
      if (!PyArg_ParseTuple(object, "II:getsockaddrarg", &cid, &port)) return failed;
      address->vsock = {.family = AF_VSOCK, .reserved = 0, .port = port, .cid = cid, .zero = {}};
      *size = sizeof address->vsock;
      return Status::Ok;
    }
    default: return raise(PyExc_OSError, "%s(): bad family", caller);
  }
}

Ref<> address_to_object(int fd, const sockaddr* address, socklen_t size, int) {
  if (size == 0) return borrow(Py_None);  // a connected stream socket's peer
  const auto* all = reinterpret_cast<const Address*>(address);
  switch (address->sa_family) {
    case AF_INET: {
      Ref<> host = TRY(numeric_host(address, sizeof(sockaddr_in)));
      return steal(Py_BuildValue("(Oi)", host.get(), ntohs(all->in.sin_port)));
    }
    case AF_INET6: {
      Ref<> host = TRY(numeric_host(address, sizeof(sockaddr_in6)));
      return steal(Py_BuildValue("(OiII)", host.get(), ntohs(all->in6.sin6_port), ntohl(all->in6.sin6_flowinfo), all->in6.sin6_scope_id));
    }
    case AF_UNIX: {
      const size_t length = size - offsetof(sockaddr_un, sun_path);
      if (length > 0 && all->un.sun_path[0] == '\0')
        return steal(PyBytes_FromStringAndSize(all->un.sun_path, static_cast<Py_ssize_t>(length)));
      return steal(PyUnicode_DecodeFSDefaultAndSize(all->un.sun_path, static_cast<Py_ssize_t>(strnlen(all->un.sun_path, length))));
    }
    case AF_NETLINK: return steal(Py_BuildValue("(II)", all->netlink.nl_pid, all->netlink.nl_groups));
    case AF_PACKET: {
      char name[IF_NAMESIZE] = "";
      if_indextoname(static_cast<unsigned>(all->packet.sll_ifindex), name);
      (void)fd;
      return steal(Py_BuildValue("(siiiy#)", name, ntohs(all->packet.sll_protocol), all->packet.sll_pkttype, all->packet.sll_hatype,
                                 reinterpret_cast<const char*>(all->packet.sll_addr), static_cast<Py_ssize_t>(all->packet.sll_halen)));
    }
    case AF_VSOCK: return steal(Py_BuildValue("(II)", all->vsock.cid, all->vsock.port));
    default:
      // Of a family that is unknown here: its number and bytes.
      return steal(Py_BuildValue("(iy#)", address->sa_family, address->sa_data,
                                 static_cast<Py_ssize_t>(size > sizeof(sa_family_t) ? size - sizeof(sa_family_t) : 0)));
  }
}

}  // namespace ks::socket
