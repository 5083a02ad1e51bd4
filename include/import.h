/* Importing modules. */
#ifndef Py_IMPORT_H
#define Py_IMPORT_H

#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_LIMITED_API
struct _inittab {
    const char *name;  /* NULL ends an array of these */
    PyObject *(*initfunc)(void);
};

struct _frozen {
    const char *name;  /* NULL ends an array of these */
    const unsigned char *code;
    int size;  /* bytes of code */
    int is_package;
};
#endif

#ifndef Py_LIMITED_API
PyAPI_DATA(struct _inittab *) PyImport_Inittab;
PyAPI_DATA(const struct _frozen *) PyImport_FrozenModules;
#endif

/* --- Functions --- */
PyAPI_FUNC(PyObject *) PyImport_ImportModule(const char *name);  /* new reference */
Py_DEPRECATED(3.13) PyAPI_FUNC(PyObject *) PyImport_ImportModuleNoBlock(const char *name);  /* new reference */
PyAPI_FUNC(PyObject *) PyImport_ImportModuleLevel(const char *name, PyObject *globals, PyObject *locals,
    PyObject *fromlist, int level);  /* new reference */
PyAPI_FUNC(PyObject *) PyImport_Import(PyObject *name);  /* new reference */
PyAPI_FUNC(PyObject *) PyImport_ReloadModule(PyObject *m);  /* new reference */
/* borrowed reference; an empty module where it is not imported */
PyAPI_FUNC(PyObject *) PyImport_AddModule(const char *name);
PyAPI_FUNC(PyObject *) PyImport_ExecCodeModule(const char *name, PyObject *co);  /* new reference */
/* new reference */
PyAPI_FUNC(PyObject *) PyImport_ExecCodeModuleEx(const char *name, PyObject *co, const char *pathname);
PyAPI_FUNC(PyObject *) PyImport_ExecCodeModuleWithPathnames(const char *name, PyObject *co,
    const char *pathname, const char *cpathname);  /* new reference */
PyAPI_FUNC(long) PyImport_GetMagicNumber(void);  /* of .pyc files; -1 with an exception */
PyAPI_FUNC(const char *) PyImport_GetMagicTag(void);
PyAPI_FUNC(PyObject *) PyImport_GetModuleDict(void);  /* borrowed reference */
PyAPI_FUNC(PyObject *) PyImport_GetImporter(PyObject *path);  /* new reference */
PyAPI_FUNC(int) PyImport_ImportFrozenModule(const char *name);  /* 1, 0: no such module, or -1 with an exception */
/* 0, or -1 where there is no memory; before Py_Initialize() */
PyAPI_FUNC(int) PyImport_AppendInittab(const char *name, PyObject *(*initfunc)(void));
#if _Py_API >= 0x03030000
PyAPI_FUNC(PyObject *) PyImport_AddModuleObject(PyObject *name);  /* borrowed reference */
PyAPI_FUNC(PyObject *) PyImport_ExecCodeModuleObject(PyObject *name, PyObject *co, PyObject *pathname,
    PyObject *cpathname);  /* new reference */
PyAPI_FUNC(int) PyImport_ImportFrozenModuleObject(PyObject *name);  /* 1 or 0, or -1 with an exception */
#endif
#if _Py_API >= 0x03050000
PyAPI_FUNC(PyObject *) PyImport_ImportModuleLevelObject(PyObject *name, PyObject *globals, PyObject *locals,
    PyObject *fromlist, int level);  /* new reference */
#endif
#if _Py_API >= 0x03070000
/* new reference; NULL without an exception where it is not imported */
PyAPI_FUNC(PyObject *) PyImport_GetModule(PyObject *name);
#endif
#if _Py_API >= 0x030D0000
/* new reference; an empty module where it is not imported */
PyAPI_FUNC(PyObject *) PyImport_AddModuleRef(const char *name);
#endif
#ifndef Py_LIMITED_API
/* 0, or -1 where there is no memory; before Py_Initialize() */
PyAPI_FUNC(int) PyImport_ExtendInittab(struct _inittab *newtab);
PyAPI_FUNC(PyObject *) PyImport_ImportModuleAttr(PyObject *mod_name, PyObject *attr_name);  /* new reference */
PyAPI_FUNC(PyObject *) PyImport_ImportModuleAttrString(const char *mod_name, const char *attr_name);  /* new reference */
#endif

#define PyImport_ImportModuleEx(n, g, l, f) PyImport_ImportModuleLevel((n), (g), (l), (f), 0)

#ifdef __cplusplus
}
#endif

#endif
