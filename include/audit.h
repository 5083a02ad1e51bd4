/* Auditing events. */
#ifndef Py_AUDIT_H
#define Py_AUDIT_H

#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_LIMITED_API
typedef int (*Py_AuditHookFunction)(const char *, PyObject *, void *);
#endif

/* --- Functions --- */
#if _Py_API >= 0x030D0000
/* 0, or -1 with an exception; the format is Py_BuildValue()'s */
PyAPI_FUNC(int) PySys_Audit(const char *event, const char *format, ...);
/* 0, or -1 with an exception; args: a tuple or NULL */
PyAPI_FUNC(int) PySys_AuditTuple(const char *event, PyObject *args);
#endif
#ifndef Py_LIMITED_API
PyAPI_FUNC(int) PySys_AddAuditHook(Py_AuditHookFunction hook, void *userData);  /* 0, or -1; hooks stay */
#endif

#ifdef __cplusplus
}
#endif

#endif
