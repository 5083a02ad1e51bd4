// pwd and grp: the system's users and groups.
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <vector>

#include "modules/module.h"
#include "modules/posix/posix.h"

namespace ks {
namespace {

struct RecordState {
  PyTypeObject* type;
};
RecordState* state_of(PyObject* module) { return static_cast<RecordState*>(PyModule_GetState(module)); }
Ref<> text_or_none(const char* text) {
  return text ? Ref<>::steal(PyUnicode_DecodeFSDefault(text)) : Ref<>::borrow(Py_None);
}
// Fills a struct sequence; any failed item fails all.
PyObject* make_record(PyTypeObject* type, std::initializer_list<PyObject*> items) {
  Ref<> record = Ref<>::steal(PyStructSequence_New(type));
  Py_ssize_t index = 0;
  bool good = static_cast<bool>(record);
  for (PyObject* item : items) {
    if (!item) good = false;
    if (record && item) PyStructSequence_SetItem(record, index, item);
    else Py_XDECREF(item);
    ++index;
  }
  return good ? record.release() : nullptr;
}

// Calls a reentrant look-up with growing memory. The result is nullptr when there is no such record; *error is errno.
template <class Record, class F>
Record* look_up(F&& call, Record* record, std::vector<char>* memory, int* error) {
  memory->resize(1024);
  while (true) {
    Record* result = nullptr;
    Py_BEGIN_ALLOW_THREADS
    *error = call(record, memory->data(), memory->size(), &result);
    Py_END_ALLOW_THREADS
    if (*error != ERANGE || memory->size() > (1u << 24)) return *error ? nullptr : result;
    memory->resize(memory->size() * 2);
  }
}
int type_traverse(PyObject* module, visitproc visit, void* arg) {
  if (RecordState* state = state_of(module)) Py_VISIT(reinterpret_cast<PyObject*>(state->type));
  return 0;
}
int type_clear(PyObject* module) {
  if (RecordState* state = state_of(module)) Py_CLEAR(state->type);
  return 0;
}

// ---- pwd --------------------------------------------------------------------------------------------------------------

PyObject* user_record(PyObject* module, const passwd& user) {
  return make_record(state_of(module)->type,
                     {text_or_none(user.pw_name).release(), text_or_none(user.pw_passwd).release(), posix::uid_to_object(user.pw_uid),
                      posix::gid_to_object(user.pw_gid), text_or_none(user.pw_gecos).release(), text_or_none(user.pw_dir).release(),
                      text_or_none(user.pw_shell).release()});
}
PyObject* pwd_getpwuid(PyObject* module, PyObject* uid_object) {
  uid_t uid;
  if (!posix::convert_uid(uid_object, &uid)) {
    if (PyErr_ExceptionMatches(PyExc_OverflowError)) PyErr_Format(PyExc_KeyError, "getpwuid(): uid not found: %S", uid_object);
    return nullptr;
  }
  passwd record;
  std::vector<char> memory;
  int error;
  const passwd* user = look_up<passwd>([&](auto... a) { return getpwuid_r(uid, a...); }, &record, &memory, &error);
  if (error == ENOMEM) return PyErr_NoMemory();
  if (!user) {
    Ref<> number = TRY(steal(posix::uid_to_object(uid)));
    return raise(PyExc_KeyError, "getpwuid(): uid not found: %S", number.get());
  }
  return user_record(module, *user);
}
METHOD(pwd, getpwuid, "($module, uidobj, /)", "The record of a user's id.");
PyObject* pwd_getpwnam(PyObject* module, StrArgument name) {
  Ref<> bytes = TRY(steal(PyUnicode_EncodeFSDefault(name)));
  char* text;
  if (PyBytes_AsStringAndSize(bytes, &text, nullptr) < 0) return nullptr;
  passwd record;
  std::vector<char> memory;
  int error;
  const passwd* user = look_up<passwd>([&](auto... a) { return getpwnam_r(text, a...); }, &record, &memory, &error);
  if (error == ENOMEM) return PyErr_NoMemory();
  if (!user) return raise(PyExc_KeyError, "getpwnam(): name not found: %R", name.object);
  return user_record(module, *user);
}
METHOD(pwd, getpwnam, "($module, name, /)", "The record of a user's name.");
PyObject* pwd_getpwall(PyObject* module) {
  Ref<> result = TRY(steal(PyList_New(0)));
  setpwent();
  while (const passwd* user = getpwent()) {
    Ref<> record = Ref<>::steal(user_record(module, *user));
    if (!record || PyList_Append(result, record) < 0) {
      endpwent();
      return nullptr;
    }
  }
  endpwent();
  return result.release();
}
METHOD(pwd, getpwall, "($module, /)", "The records of all users, in any order.");

PyStructSequence_Field user_fields[] = {{"pw_name", "user name"}, {"pw_passwd", "password"}, {"pw_uid", "user id"},
                                        {"pw_gid", "group id"}, {"pw_gecos", "real name"}, {"pw_dir", "home directory"},
                                        {"pw_shell", "shell program"}, {}};
PyStructSequence_Desc user_desc = {"pwd.struct_passwd", "A user's record.", user_fields, 7};
int pwd_exec(PyObject* module) {
  state_of(module)->type = PyStructSequence_NewType(&user_desc);
  if (!state_of(module)->type) return -1;
  return PyModule_AddObjectRef(module, "struct_passwd", object(state_of(module)->type));
}
PyMethodDef pwd_methods[] = {pwd_getpwuid_method, pwd_getpwnam_method, pwd_getpwall_method, {}};
MODULE_SLOTS(pwd_slots, pwd_exec);
PyModuleDef pwd_module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "pwd", .m_doc = "The system's users.", .m_size = sizeof(RecordState),
                          .m_methods = pwd_methods, .m_slots = pwd_slots, .m_traverse = type_traverse, .m_clear = type_clear};

// ---- grp --------------------------------------------------------------------------------------------------------------

PyObject* group_record(PyObject* module, const group& group) {
  Ref<> members = TRY(steal(PyList_New(0)));
  for (char** member = group.gr_mem; *member; ++member) {
    Ref<> name = TRY(steal(PyUnicode_DecodeFSDefault(*member)));
    TRY(PyList_Append(members, name));
  }
  return make_record(state_of(module)->type, {text_or_none(group.gr_name).release(), text_or_none(group.gr_passwd).release(),
                                              posix::gid_to_object(group.gr_gid), members.release()});
}
PyObject* grp_getgrgid(PyObject* module, PyObject* id) {
  gid_t gid;
  if (!posix::convert_gid(id, &gid)) return nullptr;
  group record;
  std::vector<char> memory;
  int error;
  const group* group_found = look_up<group>([&](auto... a) { return getgrgid_r(gid, a...); }, &record, &memory, &error);
  if (error == ENOMEM) return PyErr_NoMemory();
  if (!group_found) {
    Ref<> number = TRY(steal(posix::gid_to_object(gid)));
    return raise(PyExc_KeyError, "getgrgid(): gid not found: %S", number.get());
  }
  return group_record(module, *group_found);
}
METHOD(grp, getgrgid, "($module, /, id)", "The record of a group's id.");
PyObject* grp_getgrnam(PyObject* module, StrArgument name) {
  Ref<> bytes = TRY(steal(PyUnicode_EncodeFSDefault(name)));
  char* text;
  if (PyBytes_AsStringAndSize(bytes, &text, nullptr) < 0) return nullptr;
  group record;
  std::vector<char> memory;
  int error;
  const group* group_found = look_up<group>([&](auto... a) { return getgrnam_r(text, a...); }, &record, &memory, &error);
  if (error == ENOMEM) return PyErr_NoMemory();
  if (!group_found) return raise(PyExc_KeyError, "getgrnam(): name not found: %R", name.object);
  return group_record(module, *group_found);
}
METHOD(grp, getgrnam, "($module, /, name)", "The record of a group's name.");
PyObject* grp_getgrall(PyObject* module) {
  Ref<> result = TRY(steal(PyList_New(0)));
  setgrent();
  while (const group* entry = getgrent()) {
    Ref<> record = Ref<>::steal(group_record(module, *entry));
    if (!record || PyList_Append(result, record) < 0) {
      endgrent();
      return nullptr;
    }
  }
  endgrent();
  return result.release();
}
METHOD(grp, getgrall, "($module, /)", "The records of all groups, in any order.");
PyStructSequence_Field group_fields[] = {{"gr_name", "group name"}, {"gr_passwd", "password"}, {"gr_gid", "group id"},
                                         {"gr_mem", "group members"}, {}};
PyStructSequence_Desc group_desc = {"grp.struct_group", "A group's record.", group_fields, 4};
int grp_exec(PyObject* module) {
  state_of(module)->type = PyStructSequence_NewType(&group_desc);
  if (!state_of(module)->type) return -1;
  return PyModule_AddObjectRef(module, "struct_group", object(state_of(module)->type));
}
PyMethodDef grp_methods[] = {grp_getgrgid_method, grp_getgrnam_method, grp_getgrall_method, {}};
MODULE_SLOTS(grp_slots, grp_exec);
PyModuleDef grp_module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "grp", .m_doc = "The system's groups.", .m_size = sizeof(RecordState),
                          .m_methods = grp_methods, .m_slots = grp_slots, .m_traverse = type_traverse, .m_clear = type_clear};

}  // namespace
}  // namespace ks

PyMODINIT_FUNC PyInit_pwd(void) { return PyModuleDef_Init(&ks::pwd_module); }
PyMODINIT_FUNC PyInit_grp(void) { return PyModuleDef_Init(&ks::grp_module); }
