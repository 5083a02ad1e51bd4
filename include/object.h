/* Objects and types: the head of every object, slots, flags. */
#ifndef Py_OBJECT_H
#define Py_OBJECT_H

#ifdef __cplusplus
extern "C" {
#endif

/* --- The object: every object starts with this --- */
#define PyObject_HEAD PyObject ob_base;
#define PyObject_VAR_HEAD PyVarObject ob_base;
#define Py_INVALID_SIZE (Py_ssize_t)-1
#define _PyObject_MIN_ALIGNMENT 4

struct _object {
    __extension__ union {
        int64_t ob_refcnt_full;
        __extension__ struct {
            uint32_t ob_refcnt;    /* the top bit is set where the object is immortal */
            uint16_t ob_overflow;
            uint16_t ob_flags;
        };
        _Py_ALIGNED_DEF(_PyObject_MIN_ALIGNMENT, char) _aligner;
    };
    PyTypeObject *ob_type;
};

/* An object with a number of items. */
typedef struct {
    PyObject ob_base;
    Py_ssize_t ob_size;
} PyVarObject;

#define _PyObject_CAST(op) _Py_CAST(PyObject*, (op))
#define _PyVarObject_CAST(op) _Py_CAST(PyVarObject*, (op))
#define _PyType_CAST(op) _Py_CAST(PyTypeObject*, (op))

/* The head of a statically allocated object, which is immortal. */
#define _PyObject_EXTRA_INIT
#define PyObject_HEAD_INIT(type) { { _Py_STATIC_IMMORTAL_INITIAL_REFCNT }, (type) },
#define PyVarObject_HEAD_INIT(type, size) { PyObject_HEAD_INIT(type) (size) },

/* --- Constants --- */
#define Py_PRINT_RAW 1
#define Py_TPFLAGS_DISALLOW_INSTANTIATION (1UL << 7)  /* calling the type raises TypeError */
#define Py_TPFLAGS_IMMUTABLETYPE (1UL << 8)  /* attributes cannot be set */
#define Py_TPFLAGS_HEAPTYPE (1UL << 9)  /* the type is on the heap */
#define Py_TPFLAGS_BASETYPE (1UL << 10)  /* subclasses are allowed */
#define Py_TPFLAGS_READY (1UL << 12)  /* PyType_Ready() was called */
#define Py_TPFLAGS_READYING (1UL << 13)
#define Py_TPFLAGS_HAVE_GC (1UL << 14)  /* instances have the collector's header */
#define Py_TPFLAGS_HAVE_STACKLESS_EXTENSION 0
#define Py_TPFLAGS_METHOD_DESCRIPTOR (1UL << 17)  /* instances act as functions in a class do */
#define Py_TPFLAGS_VALID_VERSION_TAG (1UL << 19)  /* tp_version_tag is valid */
#define Py_TPFLAGS_IS_ABSTRACT (1UL << 20)  /* has abstract methods */
#define _Py_TPFLAGS_MATCH_SELF (1UL << 22)
#define Py_TPFLAGS_ITEMS_AT_END (1UL << 23)  /* items follow everything else, those of subclasses too */
#define Py_TPFLAGS_LONG_SUBCLASS (1UL << 24)
#define Py_TPFLAGS_LIST_SUBCLASS (1UL << 25)
#define Py_TPFLAGS_TUPLE_SUBCLASS (1UL << 26)
#define Py_TPFLAGS_BYTES_SUBCLASS (1UL << 27)
#define Py_TPFLAGS_UNICODE_SUBCLASS (1UL << 28)
#define Py_TPFLAGS_DICT_SUBCLASS (1UL << 29)
#define Py_TPFLAGS_BASE_EXC_SUBCLASS (1UL << 30)
#define Py_TPFLAGS_TYPE_SUBCLASS (1UL << 31)
#define Py_TPFLAGS_HAVE_FINALIZE (1UL << 0)
#define Py_TPFLAGS_HAVE_VERSION_TAG (1UL << 18)

#define Py_CONSTANT_NONE 0
#define Py_CONSTANT_FALSE 1
#define Py_CONSTANT_TRUE 2
#define Py_CONSTANT_ELLIPSIS 3
#define Py_CONSTANT_NOT_IMPLEMENTED 4
#define Py_CONSTANT_ZERO 5
#define Py_CONSTANT_ONE 6
#define Py_CONSTANT_EMPTY_STR 7
#define Py_CONSTANT_EMPTY_BYTES 8
#define Py_CONSTANT_EMPTY_TUPLE 9

#define Py_LT 0
#define Py_LE 1
#define Py_EQ 2
#define Py_NE 3
#define Py_GT 4
#define Py_GE 5
#if _Py_API >= 0x030C0000
#define Py_TPFLAGS_HAVE_VECTORCALL (1UL << 11)  /* tp_vectorcall_offset is valid */
#endif
#if _Py_API >= 0x030E0000
#define Py_TP_USE_SPEC NULL
#endif
#ifndef Py_LIMITED_API
#define _Py_TPFLAGS_STATIC_BUILTIN (1 << 1)
#define Py_TPFLAGS_INLINE_VALUES (1 << 2)  /* attributes' values may lie after the object */
#define Py_TPFLAGS_MANAGED_WEAKREF (1 << 3)  /* the list of weak references lies before the object */
#define Py_TPFLAGS_MANAGED_DICT (1 << 4)  /* the dict lies before the object */
#define Py_TPFLAGS_SEQUENCE (1 << 5)  /* matches sequence patterns */
#define Py_TPFLAGS_MAPPING (1 << 6)  /* matches mapping patterns */
#define _Py_TPFLAGS_HAVE_VECTORCALL Py_TPFLAGS_HAVE_VECTORCALL

#define _Py_ATTR_CACHE_UNUSED 30000
#endif

#define Py_TPFLAGS_DEFAULT (Py_TPFLAGS_HAVE_STACKLESS_EXTENSION | 0)
#ifndef Py_LIMITED_API
/* What lies before the object's collector header. */
#  define Py_TPFLAGS_PREHEADER (Py_TPFLAGS_MANAGED_WEAKREF | Py_TPFLAGS_MANAGED_DICT)
#endif

/* --- Types of slots, and the structs of a type --- */
typedef PyObject *(*unaryfunc)(PyObject *);
typedef PyObject *(*binaryfunc)(PyObject *, PyObject *);
typedef PyObject *(*ternaryfunc)(PyObject *, PyObject *, PyObject *);
typedef int (*inquiry)(PyObject *);
typedef Py_ssize_t (*lenfunc)(PyObject *);
typedef PyObject *(*ssizeargfunc)(PyObject *, Py_ssize_t);
typedef PyObject *(*ssizessizeargfunc)(PyObject *, Py_ssize_t, Py_ssize_t);
typedef int (*ssizeobjargproc)(PyObject *, Py_ssize_t, PyObject *);
typedef int (*ssizessizeobjargproc)(PyObject *, Py_ssize_t, Py_ssize_t, PyObject *);
typedef int (*objobjargproc)(PyObject *, PyObject *, PyObject *);
typedef int (*objobjproc)(PyObject *, PyObject *);
typedef int (*visitproc)(PyObject *, void *);
typedef int (*traverseproc)(PyObject *, visitproc, void *);
typedef void (*freefunc)(void *);
typedef void (*destructor)(PyObject *);
typedef PyObject *(*getattrfunc)(PyObject *, char *);
typedef PyObject *(*getattrofunc)(PyObject *, PyObject *);
typedef int (*setattrfunc)(PyObject *, char *, PyObject *);
typedef int (*setattrofunc)(PyObject *, PyObject *, PyObject *);
typedef PyObject *(*reprfunc)(PyObject *);
typedef Py_hash_t (*hashfunc)(PyObject *);
typedef PyObject *(*richcmpfunc) (PyObject *, PyObject *, int);
typedef PyObject *(*getiterfunc) (PyObject *);
typedef PyObject *(*iternextfunc) (PyObject *);
typedef PyObject *(*descrgetfunc) (PyObject *, PyObject *, PyObject *);
typedef int (*descrsetfunc) (PyObject *, PyObject *, PyObject *);
typedef int (*initproc)(PyObject *, PyObject *, PyObject *);
typedef PyObject *(*newfunc)(PyTypeObject *, PyObject *, PyObject *);
typedef PyObject *(*allocfunc)(PyTypeObject *, Py_ssize_t);
typedef struct {
    int slot;  /* Py_tp_... and the like; 0 ends an array of these */
    void *pfunc;
} PyType_Slot;

/* What PyType_FromSpec() makes a type from. */
typedef struct {
    const char *name;
    int basicsize;
    int itemsize;
    unsigned int flags;
    PyType_Slot *slots;
} PyType_Spec;

#if _Py_API >= 0x030A0000
/* What sending a value to an iterator came to. */
typedef enum {
    PYGEN_RETURN = 0,
    PYGEN_ERROR = -1,
    PYGEN_NEXT = 1
} PySendResult;
#endif
#if _Py_API >= 0x030C0000
typedef PyObject *(*vectorcallfunc)(PyObject *callable, PyObject *const *args, size_t nargsf, PyObject *kwnames);
#endif
#ifndef Py_LIMITED_API
typedef struct _Py_Identifier {
    const char *string;
    Py_ssize_t index;
    struct {
        uint8_t v;
    } mutex;
} _Py_Identifier;

typedef struct {
    binaryfunc nb_add;
    binaryfunc nb_subtract;
    binaryfunc nb_multiply;
    binaryfunc nb_remainder;
    binaryfunc nb_divmod;
    ternaryfunc nb_power;
    unaryfunc nb_negative;
    unaryfunc nb_positive;
    unaryfunc nb_absolute;
    inquiry nb_bool;
    unaryfunc nb_invert;
    binaryfunc nb_lshift;
    binaryfunc nb_rshift;
    binaryfunc nb_and;
    binaryfunc nb_xor;
    binaryfunc nb_or;
    unaryfunc nb_int;
    void *nb_reserved;
    unaryfunc nb_float;
    binaryfunc nb_inplace_add;
    binaryfunc nb_inplace_subtract;
    binaryfunc nb_inplace_multiply;
    binaryfunc nb_inplace_remainder;
    ternaryfunc nb_inplace_power;
    binaryfunc nb_inplace_lshift;
    binaryfunc nb_inplace_rshift;
    binaryfunc nb_inplace_and;
    binaryfunc nb_inplace_xor;
    binaryfunc nb_inplace_or;
    binaryfunc nb_floor_divide;
    binaryfunc nb_true_divide;
    binaryfunc nb_inplace_floor_divide;
    binaryfunc nb_inplace_true_divide;
    unaryfunc nb_index;
    binaryfunc nb_matrix_multiply;
    binaryfunc nb_inplace_matrix_multiply;
} PyNumberMethods;

typedef struct {
    lenfunc sq_length;
    binaryfunc sq_concat;
    ssizeargfunc sq_repeat;
    ssizeargfunc sq_item;
    void *was_sq_slice;
    ssizeobjargproc sq_ass_item;
    void *was_sq_ass_slice;
    objobjproc sq_contains;
    binaryfunc sq_inplace_concat;
    ssizeargfunc sq_inplace_repeat;
} PySequenceMethods;

typedef struct {
    lenfunc mp_length;
    binaryfunc mp_subscript;
    objobjargproc mp_ass_subscript;
} PyMappingMethods;

typedef PySendResult (*sendfunc)(PyObject *iter, PyObject *value, PyObject **result);
typedef struct {
    unaryfunc am_await;
    unaryfunc am_aiter;
    unaryfunc am_anext;
    sendfunc am_send;
} PyAsyncMethods;

typedef struct {
    getbufferproc bf_getbuffer;
    releasebufferproc bf_releasebuffer;
} PyBufferProcs;

typedef Py_ssize_t printfunc;
struct _typeobject {
    PyObject_VAR_HEAD
    const char *tp_name;  /* with the module's name before a dot */
    Py_ssize_t tp_basicsize;
    Py_ssize_t tp_itemsize;  /* bytes of an instance, and of each item */
    destructor tp_dealloc;
    Py_ssize_t tp_vectorcall_offset;  /* where instances have a vectorcallfunc */
    getattrfunc tp_getattr;
    setattrfunc tp_setattr;
    PyAsyncMethods *tp_as_async;
    reprfunc tp_repr;
    PyNumberMethods *tp_as_number;
    PySequenceMethods *tp_as_sequence;
    PyMappingMethods *tp_as_mapping;
    hashfunc tp_hash;
    ternaryfunc tp_call;
    reprfunc tp_str;
    getattrofunc tp_getattro;
    setattrofunc tp_setattro;
    PyBufferProcs *tp_as_buffer;
    unsigned long tp_flags;  /* Py_TPFLAGS_... */
    const char *tp_doc;
    traverseproc tp_traverse;
    inquiry tp_clear;
    richcmpfunc tp_richcompare;
    Py_ssize_t tp_weaklistoffset;  /* where instances have the list of weak references */
    getiterfunc tp_iter;
    iternextfunc tp_iternext;
    PyMethodDef *tp_methods;
    PyMemberDef *tp_members;
    PyGetSetDef *tp_getset;
    PyTypeObject *tp_base;
    PyObject *tp_dict;  /* the type's attributes */
    descrgetfunc tp_descr_get;
    descrsetfunc tp_descr_set;
    Py_ssize_t tp_dictoffset;  /* where instances have their dict */
    initproc tp_init;
    allocfunc tp_alloc;
    newfunc tp_new;
    freefunc tp_free;
    inquiry tp_is_gc;  /* for types that have instances of both kinds */
    PyObject *tp_bases;
    PyObject *tp_mro;  /* a tuple */
    PyObject *tp_cache;  /* not used */
    void *tp_subclasses;
    PyObject *tp_weaklist;
    destructor tp_del;  /* not used */
    unsigned int tp_version_tag;  /* changes with the type's attributes */
    destructor tp_finalize;  /* called once before the end */
    vectorcallfunc tp_vectorcall;  /* calls the type */
    unsigned char tp_watched;  /* a bit for each watcher */
    uint16_t tp_versions_used;
};

struct _specialization_cache {
    PyObject *getitem;
    uint32_t getitem_version;
    PyObject *init;
};

typedef struct _heaptypeobject {
    PyTypeObject ht_type;
    PyAsyncMethods as_async;
    PyNumberMethods as_number;
    PyMappingMethods as_mapping;
    PySequenceMethods as_sequence;
    PyBufferProcs as_buffer;
    PyObject *ht_name, *ht_slots, *ht_qualname;
    struct _dictkeysobject *ht_cached_keys;
    PyObject *ht_module;
    char *_ht_tpname;
    void *ht_token;
    struct _specialization_cache _spec_cache;
} PyHeapTypeObject;

typedef int (*PyType_WatchCallback)(PyTypeObject *);
typedef enum {
    PyRefTracer_CREATE = 0,
    PyRefTracer_DESTROY = 1,
} PyRefTracerEvent;

typedef int (*PyRefTracer)(PyObject *, PyRefTracerEvent event, void *);
#endif

PyAPI_DATA(PyTypeObject) PyLong_Type;
PyAPI_DATA(PyTypeObject) PyBool_Type;
PyAPI_DATA(PyTypeObject) PyType_Type;
PyAPI_DATA(PyTypeObject) PyBaseObject_Type;
PyAPI_DATA(PyTypeObject) PySuper_Type;
PyAPI_DATA(PyObject) _Py_NoneStruct;
PyAPI_DATA(PyObject) _Py_NotImplementedStruct;

/* --- Identity and constants --- */
PyAPI_FUNC(int) Py_Is(PyObject *x, PyObject *y);  /* true or false */
PyAPI_FUNC(int) Py_IsNone(PyObject *x);  /* true or false */
#if _Py_API >= 0x030D0000
PyAPI_FUNC(PyObject *) Py_GetConstant(unsigned int constant_id);  /* new reference; Py_CONSTANT_... */
PyAPI_FUNC(PyObject *) Py_GetConstantBorrowed(unsigned int constant_id);  /* borrowed reference; Py_CONSTANT_... */
#endif

/* --- Reference counts --- */
#ifndef Py_LIMITED_API
/* 1 where it is done; 0 in a build with the GIL */
PyAPI_FUNC(int) PyUnstable_Object_EnableDeferredRefcount(PyObject *obj);
/* true where it is on the evaluation stack only */
PyAPI_FUNC(int) PyUnstable_Object_IsUniqueReferencedTemporary(PyObject *obj);
PyAPI_FUNC(int) PyUnstable_IsImmortal(PyObject *obj);  /* true or false */
PyAPI_FUNC(int) PyUnstable_TryIncRef(PyObject *obj);  /* 1 and a new reference, or 0 where the object is ending */
PyAPI_FUNC(void) PyUnstable_EnableTryIncRef(PyObject *obj);  /* before PyUnstable_TryIncRef() is used */
PyAPI_FUNC(int) PyUnstable_Object_IsUniquelyReferenced(PyObject *op);  /* true where there is one reference */
PyAPI_FUNC(void) PyUnstable_Object_ClearWeakRefsNoCallbacks(PyObject *object);  /* for tp_dealloc */
#endif

/* --- Types --- */
PyAPI_FUNC(PyTypeObject *) Py_TYPE(PyObject *o);  /* borrowed reference */
PyAPI_FUNC(unsigned int) PyType_ClearCache(void);
PyAPI_FUNC(unsigned long) PyType_GetFlags(PyTypeObject *type);  /* Py_TPFLAGS_... */
/* after a change of attributes or bases that the type did not do itself */
PyAPI_FUNC(void) PyType_Modified(PyTypeObject *type);
PyAPI_FUNC(int) PyType_IsSubtype(PyTypeObject *a, PyTypeObject *b);  /* true or false; asks no __subclasscheck__() */
PyAPI_FUNC(PyObject *) PyType_GenericAlloc(PyTypeObject *type, Py_ssize_t nitems);  /* new reference */
PyAPI_FUNC(PyObject *) PyType_GenericNew(PyTypeObject *type, PyObject *args, PyObject *kwds);  /* new reference */
PyAPI_FUNC(int) PyType_Ready(PyTypeObject *type);  /* 0, or -1 with an exception */
PyAPI_FUNC(PyObject *) PyType_FromSpec(PyType_Spec *spec);  /* new reference */
#if _Py_API >= 0x03030000
PyAPI_FUNC(PyObject *) PyType_FromSpecWithBases(PyType_Spec *spec, PyObject *bases);  /* new reference */
#endif
#if _Py_API >= 0x03040000
/* NULL where it is empty; with SystemError for a wrong number */
PyAPI_FUNC(void *) PyType_GetSlot(PyTypeObject *type, int slot);
#endif
#if _Py_API >= 0x03090000
PyAPI_FUNC(PyObject *) PyType_GetModule(PyTypeObject *type);  /* borrowed reference */
PyAPI_FUNC(void *) PyType_GetModuleState(PyTypeObject *type);  /* NULL where there is none */
/* new reference */
PyAPI_FUNC(PyObject *) PyType_FromModuleAndSpec(PyObject *module, PyType_Spec *spec, PyObject *bases);
#endif
#if _Py_API >= 0x030B0000
PyAPI_FUNC(PyObject *) PyType_GetName(PyTypeObject *type);  /* new reference */
PyAPI_FUNC(PyObject *) PyType_GetQualName(PyTypeObject *type);  /* new reference */
#endif
#if _Py_API >= 0x030C0000
PyAPI_FUNC(Py_ssize_t) PyType_GetTypeDataSize(PyTypeObject *cls);  /* bytes of PyObject_GetTypeData() */
PyAPI_FUNC(PyObject *) PyType_FromMetaclass(PyTypeObject *metaclass, PyObject *module, PyType_Spec *spec,
    PyObject *bases);  /* new reference */
#endif
#if _Py_API >= 0x030D0000
PyAPI_FUNC(PyObject *) PyType_GetFullyQualifiedName(PyTypeObject *type);  /* new reference: module and qualified name */
PyAPI_FUNC(PyObject *) PyType_GetModuleName(PyTypeObject *type);  /* new reference */
PyAPI_FUNC(PyObject *) PyType_GetModuleByDef(PyTypeObject *type, PyModuleDef *def);  /* borrowed reference */
#endif
#if _Py_API >= 0x030E0000
/* 1: *result is a new reference; 0: none, NULL; -1 with an exception */
PyAPI_FUNC(int) PyType_GetBaseByToken(PyTypeObject *type, void *token, PyTypeObject **result);
PyAPI_FUNC(int) PyType_Freeze(PyTypeObject *type);  /* 0, or -1 with an exception; attributes can no more be set */
#endif
#ifndef Py_LIMITED_API
PyAPI_FUNC(PyObject *) PyType_GetDict(PyTypeObject *type);  /* new reference */
PyAPI_FUNC(int) PyType_AddWatcher(PyType_WatchCallback callback);  /* an id, or -1 with an exception */
PyAPI_FUNC(int) PyType_ClearWatcher(int watcher_id);  /* 0, or -1 with an exception */
PyAPI_FUNC(int) PyType_Watch(int watcher_id, PyObject *type);
PyAPI_FUNC(int) PyType_Unwatch(int watcher_id, PyObject *type);  /* 0, or -1 with an exception */
PyAPI_FUNC(int) PyUnstable_Type_AssignVersionTag(PyTypeObject *type);  /* true or false */
PyAPI_FUNC(const char *) _PyType_Name(PyTypeObject *);
PyAPI_FUNC(PyObject *) _PyType_Lookup(PyTypeObject *, PyObject *);
PyAPI_FUNC(PyObject *) _PyType_LookupRef(PyTypeObject *, PyObject *);
#endif

/* --- Attributes --- */
PyAPI_FUNC(int) PyObject_HasAttr(PyObject *o, PyObject *attr_name);  /* true or false; exceptions are not seen */
PyAPI_FUNC(int) PyObject_HasAttrString(PyObject *o, const char *attr_name);  /* true or false; exceptions are not seen */
PyAPI_FUNC(PyObject *) PyObject_GetAttr(PyObject *o, PyObject *attr_name);  /* new reference */
PyAPI_FUNC(PyObject *) PyObject_GetAttrString(PyObject *o, const char *attr_name);  /* new reference */
PyAPI_FUNC(PyObject *) PyObject_GenericGetAttr(PyObject *o, PyObject *name);  /* new reference */
/* 0, or -1 with an exception; v NULL deletes */
PyAPI_FUNC(int) PyObject_SetAttr(PyObject *o, PyObject *attr_name, PyObject *v);
/* 0, or -1 with an exception; v NULL deletes */
PyAPI_FUNC(int) PyObject_SetAttrString(PyObject *o, const char *attr_name, PyObject *v);
/* 0, or -1 with an exception; value NULL deletes */
PyAPI_FUNC(int) PyObject_GenericSetAttr(PyObject *o, PyObject *name, PyObject *value);
PyAPI_FUNC(int) PyObject_DelAttr(PyObject *o, PyObject *attr_name);  /* 0, or -1 with an exception */
PyAPI_FUNC(int) PyObject_DelAttrString(PyObject *o, const char *attr_name);  /* 0, or -1 with an exception */
PyAPI_FUNC(PyObject *) PyObject_Dir(PyObject *o);  /* new reference */
#if _Py_API >= 0x03030000
/* 0, or -1 with an exception; value NULL deletes */
PyAPI_FUNC(int) PyObject_GenericSetDict(PyObject *o, PyObject *value, void *context);
#endif
#if _Py_API >= 0x030D0000
PyAPI_FUNC(int) PyObject_HasAttrWithError(PyObject *o, PyObject *attr_name);  /* 1 or 0, or -1 with an exception */
PyAPI_FUNC(int) PyObject_HasAttrStringWithError(PyObject *o, const char *attr_name);
/* 1: *result is a new reference; 0: no such attribute, NULL; -1 with an exception */
PyAPI_FUNC(int) PyObject_GetOptionalAttr(PyObject *, PyObject *, PyObject **);
/* 1: *result is a new reference; 0: no such attribute, NULL; -1 with an exception */
PyAPI_FUNC(int) PyObject_GetOptionalAttrString(PyObject *, const char *, PyObject **);
#endif
#ifndef Py_LIMITED_API
PyAPI_FUNC(PyObject **) _PyObject_GetDictPtr(PyObject *obj);
/* for tp_traverse of types with Py_TPFLAGS_MANAGED_DICT */
PyAPI_FUNC(int) PyObject_VisitManagedDict(PyObject *obj, visitproc visit, void *arg);
PyAPI_FUNC(void) PyObject_ClearManagedDict(PyObject *obj);  /* for tp_clear of types with Py_TPFLAGS_MANAGED_DICT */
PyAPI_FUNC(PyObject *) _PyObject_GetAttrId(PyObject *, _Py_Identifier *);
PyAPI_FUNC(PyObject *) _PyObject_GenericGetAttrWithDict(PyObject *, PyObject *, PyObject *, int);
PyAPI_FUNC(int) _PyObject_GenericSetAttrWithDict(PyObject *, PyObject *, PyObject *, PyObject *);
#endif

/* --- Text, comparison, truth, hash --- */
PyAPI_FUNC(int) PyCallable_Check(PyObject *o);  /* true or false */
PyAPI_FUNC(PyObject *) PyObject_RichCompare(PyObject *o1, PyObject *o2, int opid);  /* new reference */
/* 1 or 0, or -1 with an exception; an object equals itself */
PyAPI_FUNC(int) PyObject_RichCompareBool(PyObject *o1, PyObject *o2, int opid);
PyAPI_FUNC(PyObject *) PyObject_Repr(PyObject *o);  /* new reference */
PyAPI_FUNC(PyObject *) PyObject_ASCII(PyObject *o);  /* new reference */
PyAPI_FUNC(PyObject *) PyObject_Str(PyObject *o);  /* new reference */
PyAPI_FUNC(PyObject *) PyObject_Bytes(PyObject *o);  /* new reference */
PyAPI_FUNC(Py_hash_t) PyObject_Hash(PyObject *o);  /* -1 with an exception */
PyAPI_FUNC(Py_hash_t) PyObject_HashNotImplemented(PyObject *o);  /* -1 with TypeError */
PyAPI_FUNC(int) PyObject_IsTrue(PyObject *o);  /* 1 or 0, or -1 with an exception */
PyAPI_FUNC(int) PyObject_Not(PyObject *o);  /* 1 or 0, or -1 with an exception */
PyAPI_FUNC(PyObject *) PyObject_SelfIter(PyObject *obj);  /* new reference */
#ifndef Py_LIMITED_API
/* 0, or -1 with an exception; flags: Py_PRINT_RAW or 0 */
PyAPI_FUNC(int) PyObject_Print(PyObject *o, FILE *fp, int flags);
#endif

/* --- Recursion of repr() --- */
/* 0: go on, and call Py_ReprLeave() at the end; 1: the object is being shown already; -1 with an exception */
PyAPI_FUNC(int) Py_ReprEnter(PyObject *object);
PyAPI_FUNC(void) Py_ReprLeave(PyObject *object);  /* once for each Py_ReprEnter() that gave 0 */

/* --- The end of an object --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(void) PyObject_CallFinalizer(PyObject *op);  /* tp_finalize, once */
PyAPI_FUNC(int) PyObject_CallFinalizerFromDealloc(PyObject *op);  /* 0, or -1 where the object came back to life */
#endif

/* --- Any object --- */
#if _Py_API >= 0x030C0000
PyAPI_FUNC(void *) PyObject_GetTypeData(PyObject *o, PyTypeObject *cls);  /* the memory of cls's negative basicsize */
#endif
#ifndef Py_LIMITED_API
/* the items of a type with Py_TPFLAGS_ITEMS_AT_END; NULL with TypeError */
PyAPI_FUNC(void *) PyObject_GetItemData(PyObject *o);
#endif

/* --- Tracing of new and ending objects --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(int) PyRefTracer_SetTracer(PyRefTracer tracer, void *data);  /* 0, or -1 with an exception */
PyAPI_FUNC(PyRefTracer) PyRefTracer_GetTracer(void **data);
#endif

/* --- Weak references --- */
PyAPI_FUNC(void) PyObject_ClearWeakRefs(PyObject *object);  /* for tp_dealloc; calls their callbacks */

/* --- Names with an underscore: not for new code --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(void) _Py_NewReference(PyObject *op);
PyAPI_FUNC(void) _Py_NewReferenceNoTotal(PyObject *op);
PyAPI_FUNC(void) _Py_ResurrectReference(PyObject *op);
PyAPI_FUNC(void) _Py_ForgetReference(PyObject *op);
PyAPI_FUNC(void) _Py_BreakPoint(void);
PyAPI_FUNC(void) _PyObject_Dump(PyObject *);
PyAPI_FUNC(PyObject *) _PyObject_FunctionStr(PyObject *);
_Py_NO_RETURN PyAPI_FUNC(void) _PyObject_AssertFailed(PyObject *obj, const char *expr, const char *msg,
    const char *file, int line, const char *function);
PyAPI_FUNC(void) _PyTrash_thread_deposit_object(PyThreadState *tstate, PyObject *op);
PyAPI_FUNC(void) _PyTrash_thread_destroy_chain(PyThreadState *tstate);
PyAPI_FUNC(int) _Py_ReachedRecursionLimitWithMargin(PyThreadState *tstate, int margin_count);
PyAPI_FUNC(int) _PyObject_SetManagedDict(PyObject *obj, PyObject *new_dict);
#endif

/* --- Type and size of an object --- */
#define Py_Is(x, y) ((x) == (y))

#if !defined(Py_LIMITED_API) || _Py_API < 0x030E0000
static inline PyTypeObject *_Py_TYPE(PyObject *ob) { return ob->ob_type; }  /* borrowed reference */
#  if !defined(Py_LIMITED_API) || _Py_API < 0x030B0000
#    define Py_TYPE(ob) _Py_TYPE(_PyObject_CAST(ob))
#  else
#    define Py_TYPE(ob) _Py_TYPE(ob)
#  endif
#endif

static inline Py_ssize_t Py_SIZE(PyObject *ob) {
    assert(Py_TYPE(ob) != &PyLong_Type && Py_TYPE(ob) != &PyBool_Type);
    return _PyVarObject_CAST(ob)->ob_size;
}

static inline int Py_IS_TYPE(PyObject *ob, PyTypeObject *type) { return Py_TYPE(ob) == type; }

static inline void Py_SET_TYPE(PyObject *ob, PyTypeObject *type) { ob->ob_type = type; }

static inline void Py_SET_SIZE(PyVarObject *ob, Py_ssize_t size) {
    assert(Py_TYPE(_PyObject_CAST(ob)) != &PyLong_Type && Py_TYPE(_PyObject_CAST(ob)) != &PyBool_Type);
    ob->ob_size = size;
}

/* 1 where the object is an instance of the type or of a subtype. */
static inline int PyObject_TypeCheck(PyObject *ob, PyTypeObject *type) {
    return Py_IS_TYPE(ob, type) || PyType_IsSubtype(Py_TYPE(ob), type);
}

static inline int PyType_HasFeature(PyTypeObject *type, unsigned long feature) {
#ifdef Py_LIMITED_API
    const unsigned long flags = PyType_GetFlags(type);
#else
    const unsigned long flags = type->tp_flags;
#endif
    return (flags & feature) != 0;
}

#define PyType_FastSubclass(type, flag) PyType_HasFeature((type), (flag))

static inline int PyType_Check(PyObject *op) { return PyType_FastSubclass(Py_TYPE(op), Py_TPFLAGS_TYPE_SUBCLASS); }
static inline int PyType_CheckExact(PyObject *op) { return Py_IS_TYPE(op, &PyType_Type); }

/* Any pointer to an object will do. */
#if !defined(Py_LIMITED_API) || _Py_API < 0x030B0000
#  define Py_SIZE(ob) Py_SIZE(_PyObject_CAST(ob))
#  define Py_IS_TYPE(ob, type) Py_IS_TYPE(_PyObject_CAST(ob), (type))
#  define Py_SET_TYPE(ob, type) Py_SET_TYPE(_PyObject_CAST(ob), (type))
#  define Py_SET_SIZE(ob, size) Py_SET_SIZE(_PyVarObject_CAST(ob), (size))
#  define PyObject_TypeCheck(ob, type) PyObject_TypeCheck(_PyObject_CAST(ob), (type))
#  define PyType_Check(op) PyType_Check(_PyObject_CAST(op))
#  define PyType_CheckExact(op) PyType_CheckExact(_PyObject_CAST(op))
#endif

/* --- None and NotImplemented --- */
#if defined(Py_LIMITED_API) && _Py_API >= 0x030D0000
#  define Py_None Py_GetConstantBorrowed(Py_CONSTANT_NONE)
#  define Py_NotImplemented Py_GetConstantBorrowed(Py_CONSTANT_NOT_IMPLEMENTED)
#else
#  define Py_None (&_Py_NoneStruct)
#  define Py_NotImplemented (&_Py_NotImplementedStruct)
#endif
#define Py_IsNone(x) Py_Is((x), Py_None)
/* Before 3.12 they were not immortal. */
#if _Py_API >= 0x030C0000
#  define Py_RETURN_NONE return Py_None
#  define Py_RETURN_NOTIMPLEMENTED return Py_NotImplemented
#else
#  define Py_RETURN_NONE return Py_NewRef(Py_None)
#  define Py_RETURN_NOTIMPLEMENTED return Py_NewRef(Py_NotImplemented)
#endif

/* Returns what a rich comparison of two C values gives. */
#define Py_RETURN_RICHCOMPARE(val1, val2, op) \
    do { \
        switch (op) { \
        case Py_LT: if ((val1) < (val2)) Py_RETURN_TRUE; Py_RETURN_FALSE; \
        case Py_LE: if ((val1) <= (val2)) Py_RETURN_TRUE; Py_RETURN_FALSE; \
        case Py_EQ: if ((val1) == (val2)) Py_RETURN_TRUE; Py_RETURN_FALSE; \
        case Py_NE: if ((val1) != (val2)) Py_RETURN_TRUE; Py_RETURN_FALSE; \
        case Py_GT: if ((val1) > (val2)) Py_RETURN_TRUE; Py_RETURN_FALSE; \
        case Py_GE: if ((val1) >= (val2)) Py_RETURN_TRUE; Py_RETURN_FALSE; \
        default: Py_UNREACHABLE(); \
        } \
    } while (0)

#ifndef Py_LIMITED_API
/* --- Replacing a reference: dst holds the new object before the old one goes --- */
#define Py_SETREF(dst, src) \
    do { \
        _Py_TYPEOF(dst) *_ref_place = &(dst); \
        _Py_TYPEOF(dst) _ref_old = *_ref_place; \
        *_ref_place = (src); \
        Py_DECREF(_ref_old); \
    } while (0)
#define Py_XSETREF(dst, src) \
    do { \
        _Py_TYPEOF(dst) *_ref_place = &(dst); \
        _Py_TYPEOF(dst) _ref_old = *_ref_place; \
        *_ref_place = (src); \
        Py_XDECREF(_ref_old); \
    } while (0)

/* Deep chains of deallocations are cut by the library itself. */
#define Py_TRASHCAN_BEGIN(op, dealloc)
#define Py_TRASHCAN_END

/* --- Names that are interned at their first use --- */
#define _Py_static_string_init(value) { (value), -1, {0} }
#define _Py_static_string(varname, value) static _Py_Identifier varname = _Py_static_string_init(value)
#define _Py_IDENTIFIER(varname) _Py_static_string(PyId_##varname, #varname)

/* --- Assertions that show the object --- */
#ifdef NDEBUG
#  define _PyObject_ASSERT_FROM(obj, expr, msg, filename, lineno, func) ((void)0)
#else
#  define _PyObject_ASSERT_FROM(obj, expr, msg, filename, lineno, func) \
      ((expr) ? (void)0 : _PyObject_AssertFailed((obj), Py_STRINGIFY(expr), (msg), (filename), (lineno), (func)))
#endif
#define _PyObject_ASSERT_WITH_MSG(obj, expr, msg) \
    _PyObject_ASSERT_FROM((obj), expr, (msg), __FILE__, __LINE__, __func__)
#define _PyObject_ASSERT(obj, expr) _PyObject_ASSERT_WITH_MSG((obj), expr, NULL)
#define _PyObject_ASSERT_FAILED_MSG(obj, msg) \
    _PyObject_AssertFailed((obj), NULL, (msg), __FILE__, __LINE__, __func__)
#endif

#ifdef __cplusplus
}
#endif

#endif
