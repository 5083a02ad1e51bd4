// The _socket module: sockets, addresses, name resolution.
#pragma once

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <linux/netlink.h>
#include <linux/if_packet.h>

#include "modules/module.h"

namespace ks::socket {

struct State {
  PyTypeObject* socket_type;
  PyObject* herror;
  PyObject* gaierror;
  PyTime_t default_timeout;  // nanoseconds; -1: blocking
};

// The layout that modules which use _socket.CAPI (_ssl) were compiled with.
struct SocketObject {
  PyObject_HEAD
  int fd;
  int family;
  int type;
  int protocol;
  PyObject* (*error_handler)();
  PyTime_t timeout;  // nanoseconds; -1: blocking
  State* state;
};

// Of linux/vm_sockets.h, which is not everywhere.
struct VsockAddress {
  sa_family_t family;
  unsigned short reserved;
  unsigned port, cid;
  unsigned char zero[4];
};

union Address {
  sockaddr any;
  sockaddr_in in;
  sockaddr_in6 in6;
  sockaddr_un un;
  sockaddr_nl netlink;
  sockaddr_ll packet;
  VsockAddress vsock;
  sockaddr_storage storage;
};

// The address that a Python object means for a socket of that family; `caller` ("bind", ...) is for messages.
Status address_from_object(SocketObject* self, PyObject* object, Address* address, socklen_t* size, const char* caller);
// New object: a tuple (host, port, ...), str or bytes for AF_UNIX, None for an empty address.
Ref<> address_to_object(int fd, const sockaddr* address, socklen_t size, int protocol);
// Looks a host name up, numeric ones without asking anybody; the family narrows the answer.
Status resolve_host(State* state, const char* name, Address* address, socklen_t* size, int family);
Ref<> numeric_host(const sockaddr* address, socklen_t size);
Failed raise_gai(State* state, int error);

State* state_of(PyObject* module);
extern PyType_Spec socket_spec;
// A socket object around a descriptor that it takes over.
Ref<> socket_from_descriptor(State* state, int fd, int family, int type, int protocol);
extern PyMethodDef database_functions[];  // names and addresses

// None, or a number of seconds: nanoseconds or -1.
Status timeout_from_object(PyObject* object, PyTime_t* timeout);

}  // namespace ks::socket
