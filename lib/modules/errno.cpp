// The errno module: the system's error numbers by name, and names by number.
#include <errno.h>

#include "modules/module.h"

namespace ks {

namespace {

// The names in the order in which errorcode takes them: of several names for a number the last counts.
constexpr IntConstant kErrors[] = {
    {"EPERM", EPERM}, {"ENOENT", ENOENT}, {"ESRCH", ESRCH}, {"EINTR", EINTR}, {"EIO", EIO}, {"ENXIO", ENXIO},
    {"E2BIG", E2BIG}, {"ENOEXEC", ENOEXEC}, {"EBADF", EBADF}, {"ECHILD", ECHILD}, {"EWOULDBLOCK", EWOULDBLOCK},
    {"EAGAIN", EAGAIN}, {"ENOMEM", ENOMEM}, {"EACCES", EACCES}, {"EFAULT", EFAULT}, {"ENOTBLK", ENOTBLK}, {"EBUSY", EBUSY},
    {"EEXIST", EEXIST}, {"EXDEV", EXDEV}, {"ENODEV", ENODEV}, {"ENOTDIR", ENOTDIR}, {"EISDIR", EISDIR}, {"EINVAL", EINVAL},
    {"ENFILE", ENFILE}, {"EMFILE", EMFILE}, {"ENOTTY", ENOTTY}, {"ETXTBSY", ETXTBSY}, {"EFBIG", EFBIG}, {"ENOSPC", ENOSPC},
    {"ESPIPE", ESPIPE}, {"EROFS", EROFS}, {"EMLINK", EMLINK}, {"EPIPE", EPIPE}, {"EDOM", EDOM}, {"ERANGE", ERANGE},
    {"EDEADLK", EDEADLK}, {"EDEADLOCK", EDEADLOCK}, {"ENAMETOOLONG", ENAMETOOLONG}, {"ENOLCK", ENOLCK}, {"ENOSYS", ENOSYS},
    {"ENOTEMPTY", ENOTEMPTY}, {"ELOOP", ELOOP}, {"ENOMSG", ENOMSG}, {"EIDRM", EIDRM}, {"ECHRNG", ECHRNG},
    {"EL2NSYNC", EL2NSYNC}, {"EL3HLT", EL3HLT}, {"EL3RST", EL3RST}, {"ELNRNG", ELNRNG}, {"EUNATCH", EUNATCH},
    {"ENOCSI", ENOCSI}, {"EL2HLT", EL2HLT}, {"EBADE", EBADE}, {"EBADR", EBADR}, {"EXFULL", EXFULL}, {"ENOANO", ENOANO},
    {"EBADRQC", EBADRQC}, {"EBADSLT", EBADSLT}, {"EBFONT", EBFONT}, {"ENOSTR", ENOSTR}, {"ENODATA", ENODATA},
    {"ETIME", ETIME}, {"ENOSR", ENOSR}, {"ENONET", ENONET}, {"ENOPKG", ENOPKG}, {"EREMOTE", EREMOTE}, {"ENOLINK", ENOLINK},
    {"EADV", EADV}, {"ESRMNT", ESRMNT}, {"ECOMM", ECOMM}, {"EPROTO", EPROTO}, {"EMULTIHOP", EMULTIHOP}, {"EDOTDOT", EDOTDOT},
    {"EBADMSG", EBADMSG}, {"EOVERFLOW", EOVERFLOW}, {"ENOTUNIQ", ENOTUNIQ}, {"EBADFD", EBADFD}, {"EREMCHG", EREMCHG},
    {"ELIBACC", ELIBACC}, {"ELIBBAD", ELIBBAD}, {"ELIBSCN", ELIBSCN}, {"ELIBMAX", ELIBMAX}, {"ELIBEXEC", ELIBEXEC},
    {"EILSEQ", EILSEQ}, {"ERESTART", ERESTART}, {"ESTRPIPE", ESTRPIPE}, {"EUSERS", EUSERS}, {"ENOTSOCK", ENOTSOCK},
    {"EDESTADDRREQ", EDESTADDRREQ}, {"EMSGSIZE", EMSGSIZE}, {"EPROTOTYPE", EPROTOTYPE}, {"ENOPROTOOPT", ENOPROTOOPT},
    {"EPROTONOSUPPORT", EPROTONOSUPPORT}, {"ESOCKTNOSUPPORT", ESOCKTNOSUPPORT}, {"EOPNOTSUPP", EOPNOTSUPP},
    {"ENOTSUP", ENOTSUP}, {"EPFNOSUPPORT", EPFNOSUPPORT}, {"EAFNOSUPPORT", EAFNOSUPPORT}, {"EADDRINUSE", EADDRINUSE},
    {"EADDRNOTAVAIL", EADDRNOTAVAIL}, {"ENETDOWN", ENETDOWN}, {"ENETUNREACH", ENETUNREACH}, {"ENETRESET", ENETRESET},
    {"ECONNABORTED", ECONNABORTED}, {"ECONNRESET", ECONNRESET}, {"ENOBUFS", ENOBUFS}, {"EISCONN", EISCONN},
    {"ENOTCONN", ENOTCONN}, {"ESHUTDOWN", ESHUTDOWN}, {"ETOOMANYREFS", ETOOMANYREFS}, {"ETIMEDOUT", ETIMEDOUT},
    {"ECONNREFUSED", ECONNREFUSED}, {"EHOSTDOWN", EHOSTDOWN}, {"EHOSTUNREACH", EHOSTUNREACH}, {"EALREADY", EALREADY},
    {"EINPROGRESS", EINPROGRESS}, {"ESTALE", ESTALE}, {"EUCLEAN", EUCLEAN}, {"ENOTNAM", ENOTNAM}, {"ENAVAIL", ENAVAIL},
    {"EISNAM", EISNAM}, {"EREMOTEIO", EREMOTEIO}, {"EDQUOT", EDQUOT}, {"ENOMEDIUM", ENOMEDIUM}, {"EMEDIUMTYPE", EMEDIUMTYPE},
    {"ECANCELED", ECANCELED}, {"ENOKEY", ENOKEY}, {"EKEYEXPIRED", EKEYEXPIRED}, {"EKEYREVOKED", EKEYREVOKED},
    {"EKEYREJECTED", EKEYREJECTED}, {"EOWNERDEAD", EOWNERDEAD}, {"ENOTRECOVERABLE", ENOTRECOVERABLE}, {"ERFKILL", ERFKILL},
    {"EHWPOISON", EHWPOISON}, {"EFTYPE", 134},
};

int errno_execute(PyObject* module) {
  Ref<> codes = steal(PyDict_New());
  if (!codes || PyModule_AddObjectRef(module, "errorcode", codes) < 0) return -1;
  for (const IntConstant& error : kErrors) {
    Ref<> name = steal(PyUnicode_InternFromString(error.name));
    Ref<> number = steal(PyLong_FromLongLong(error.value));
    if (!name || !number || PyDict_SetItem(PyModule_GetDict(module), name, number) < 0 || PyDict_SetItem(codes, number, name) < 0)
      return -1;
  }
  return 0;
}
MODULE_SLOTS(errno_slots, errno_execute);
PyModuleDef errno_module = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "errno",
    .m_doc = "This module makes available standard errno system symbols.\n\nThe value of each symbol is the corresponding integer value.",
    .m_size = 0,
    .m_slots = errno_slots,
};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit_errno(void) { return PyModuleDef_Init(&ks::errno_module); }
