// posix: who a process is: ids, groups, sessions, priorities.
#include <grp.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <vector>

#include "modules/posix/posix.h"

namespace ks::posix {
namespace {

#define POSIX(NAME, SIGNATURE, DOC) METHOD_AS(posix_##NAME, #NAME, 0, SIGNATURE, DOC)
#define ID_GETTER(NAME, BOX, DOC)                                \
  PyObject* posix_##NAME(PyObject*) { return BOX(NAME()); }      \
  POSIX(NAME, "($module, /)", DOC)

ID_GETTER(getpid, pid_to_object, "This process's id.");
ID_GETTER(getppid, pid_to_object, "The parent process's id.");
ID_GETTER(getpgrp, pid_to_object, "This process's group.");
ID_GETTER(getuid, uid_to_object, "The real user's id.");
ID_GETTER(geteuid, uid_to_object, "The effective user's id.");
ID_GETTER(getgid, gid_to_object, "The real group's id.");
ID_GETTER(getegid, gid_to_object, "The effective group's id.");

PyObject* posix_getpgid(PyObject*, Pid pid) {
  const pid_t group = getpgid(pid);
  return group < 0 ? os_error() : pid_to_object(group);
}
POSIX(getpgid, "($module, /, pid)", "A process's group.");
PyObject* posix_getsid(PyObject*, Pid pid) {
  const pid_t session = getsid(pid);
  return session < 0 ? os_error() : pid_to_object(session);
}
POSIX(getsid, "($module, pid, /)", "A process's session.");
PyObject* posix_setsid(PyObject*) { return none_or_error(setsid() < 0 ? -1 : 0); }
POSIX(setsid, "($module, /)", "Begin a new session.");
PyObject* posix_setpgid(PyObject*, Pid pid, Pid group) { return none_or_error(setpgid(pid, group)); }
POSIX(setpgid, "($module, pid, pgrp, /)", "Put a process into a group.");
PyObject* posix_setpgrp(PyObject*) { return none_or_error(setpgid(0, 0)); }
POSIX(setpgrp, "($module, /)", "Begin a new process group.");

#define SET_ONE(NAME, TYPE, PARAMETER, DOC)                                                       \
  PyObject* posix_##NAME(PyObject*, TYPE id) { return none_or_error(NAME(id.value)); }            \
  POSIX(NAME, "($module, " PARAMETER ", /)", DOC)
SET_ONE(setuid, Uid, "uid", "Set the user.");
SET_ONE(seteuid, Uid, "euid", "Set the effective user.");
SET_ONE(setgid, Gid, "gid", "Set the group.");
SET_ONE(setegid, Gid, "egid", "Set the effective group.");
PyObject* posix_setreuid(PyObject*, Uid real, Uid effective) { return none_or_error(setreuid(real.value, effective.value)); }
POSIX(setreuid, "($module, ruid, euid, /)", "Set the real and effective user.");
PyObject* posix_setregid(PyObject*, Gid real, Gid effective) { return none_or_error(setregid(real.value, effective.value)); }
POSIX(setregid, "($module, rgid, egid, /)", "Set the real and effective group.");
PyObject* posix_setresuid(PyObject*, Uid real, Uid effective, Uid saved) {
  return none_or_error(setresuid(real.value, effective.value, saved.value));
}
POSIX(setresuid, "($module, ruid, euid, suid, /)", "Set the real, effective and saved user.");
PyObject* posix_setresgid(PyObject*, Gid real, Gid effective, Gid saved) {
  return none_or_error(setresgid(real.value, effective.value, saved.value));
}
POSIX(setresgid, "($module, rgid, egid, sgid, /)", "Set the real, effective and saved group.");
PyObject* posix_getresuid(PyObject*) {
  uid_t real, effective, saved;
  if (getresuid(&real, &effective, &saved) < 0) return os_error();
  return Py_BuildValue("(NNN)", uid_to_object(real), uid_to_object(effective), uid_to_object(saved));
}
POSIX(getresuid, "($module, /)", "The real, effective and saved user.");
PyObject* posix_getresgid(PyObject*) {
  gid_t real, effective, saved;
  if (getresgid(&real, &effective, &saved) < 0) return os_error();
  return Py_BuildValue("(NNN)", gid_to_object(real), gid_to_object(effective), gid_to_object(saved));
}
POSIX(getresgid, "($module, /)", "The real, effective and saved group.");

Ref<> group_list(const std::vector<gid_t>& groups) {
  Ref<> result = TRY(steal(PyList_New(0)));
  for (const gid_t group : groups) {
    Ref<> item = TRY(steal(gid_to_object(group)));
    TRY(PyList_Append(result, item));
  }
  return result;
}
PyObject* posix_getgroups(PyObject*) {
  const int count = getgroups(0, nullptr);
  if (count < 0) return os_error();
  std::vector<gid_t> groups(static_cast<size_t>(count));
  const int filled = getgroups(count, groups.data());
  if (filled < 0) return os_error();
  groups.resize(static_cast<size_t>(filled));
  return group_list(groups).release();
}
POSIX(getgroups, "($module, /)", "The process's supplementary groups.");
PyObject* posix_getgrouplist(PyObject*, TextArgument user, Gid base) {
  int count = 64;
  std::vector<gid_t> groups;
  while (true) {
    groups.resize(static_cast<size_t>(count));
    const int wanted = count;
    if (getgrouplist(user, base.value, groups.data(), &count) >= 0) break;
    if (count <= wanted) count = wanted * 2;
  }
  groups.resize(static_cast<size_t>(count));
  return group_list(groups).release();
}
POSIX(getgrouplist, "($module, user, group, /)", "The groups of a user; group is added.");
PyObject* posix_initgroups(PyObject*, const Path& user, Gid group) { return none_or_error(initgroups(user.text, group.value)); }
POSIX(initgroups, "($module, username, gid, /)", "Take on the groups of a user, and gid.");
PyObject* posix_setgroups(PyObject*, PyObject* sequence) {
  if (!PySequence_Check(sequence)) return raise(PyExc_TypeError, "setgroups argument must be a sequence");
  const Py_ssize_t count = PySequence_Size(sequence);
  if (count < 0) return nullptr;
  if (count > 65536) return raise(PyExc_ValueError, "too many groups");
  std::vector<gid_t> groups;
  for (Py_ssize_t i = 0; i < count; ++i) {
    Ref<> item = TRY(steal(PySequence_GetItem(sequence, i)));
    if (!PyLong_Check(item.get())) return raise(PyExc_TypeError, "groups must be integers");
    gid_t group;
    if (!convert_gid(item, &group)) return nullptr;
    groups.push_back(group);
  }
  return none_or_error(setgroups(groups.size(), groups.data()));
}
POSIX(setgroups, "($module, groups, /)", "Set the process's supplementary groups.");
PyObject* posix_getlogin(PyObject*) {
  char name[256];
  if (const int error = getlogin_r(name, sizeof name)) return os_error_of(error);
  return PyUnicode_DecodeFSDefault(name);
}
POSIX(getlogin, "($module, /)", "The name of the user who is logged in.");

PyObject* posix_getpriority(PyObject*, int which, int who) {
  errno = 0;
  const int value = getpriority(static_cast<__priority_which_t>(which), static_cast<id_t>(who));
  if (errno) return os_error();
  return PyLong_FromLong(value);
}
POSIX(getpriority, "($module, /, which, who)", "The niceness of processes.");
PyObject* posix_setpriority(PyObject*, int which, int who, int priority) {
  return none_or_error(setpriority(static_cast<__priority_which_t>(which), static_cast<id_t>(who), priority));
}
POSIX(setpriority, "($module, /, which, who, priority)", "Set the niceness of processes.");

}  // namespace

PyMethodDef identity_methods[] = {posix_getpid_method, posix_getppid_method, posix_getpgrp_method, posix_getuid_method,
                                  posix_geteuid_method, posix_getgid_method, posix_getegid_method, posix_getpgid_method,
                                  posix_getsid_method, posix_setsid_method, posix_setpgid_method, posix_setpgrp_method,
                                  posix_setuid_method, posix_seteuid_method, posix_setgid_method, posix_setegid_method,
                                  posix_setreuid_method, posix_setregid_method, posix_setresuid_method, posix_setresgid_method,
                                  posix_getresuid_method, posix_getresgid_method, posix_getgroups_method,
                                  posix_getgrouplist_method, posix_initgroups_method, posix_setgroups_method, posix_getlogin_method,
                                  posix_getpriority_method, posix_setpriority_method, {}};

}  // namespace ks::posix
