/* Protocols: what can be done with any object, number, sequence or mapping. */
#ifndef Py_ABSTRACT_H
#define Py_ABSTRACT_H

#ifdef __cplusplus
extern "C" {
#endif

/* A callee of a vectorcall may change the slot before the arguments for the time of its call. */
#if _Py_API >= 0x030C0000
#  define PY_VECTORCALL_ARGUMENTS_OFFSET (_Py_STATIC_CAST(size_t, 1) << (8 * sizeof(size_t) - 1))
#endif

/* --- Calls --- */
PyAPI_FUNC(Py_ssize_t) PyVectorcall_NARGS(size_t nargsf);
/* new reference; for a type's tp_call */
PyAPI_FUNC(PyObject *) PyVectorcall_Call(PyObject *callable, PyObject *tuple, PyObject *dict);
PyAPI_FUNC(PyObject *) PyObject_Call(PyObject *callable, PyObject *args, PyObject *kwargs);  /* new reference */
PyAPI_FUNC(PyObject *) PyObject_CallObject(PyObject *callable, PyObject *args);  /* new reference */
PyAPI_FUNC(PyObject *) PyObject_CallFunction(PyObject *callable, const char *format, ...);  /* new reference */
PyAPI_FUNC(PyObject *) PyObject_CallMethod(PyObject *obj, const char *name, const char *format, ...);  /* new reference */
PyAPI_FUNC(PyObject *) PyObject_CallFunctionObjArgs(PyObject *callable, ...);  /* new reference */
PyAPI_FUNC(PyObject *) PyObject_CallMethodObjArgs(PyObject *obj, PyObject *name, ...);  /* new reference */
#if _Py_API >= 0x03090000
PyAPI_FUNC(PyObject *) PyObject_CallNoArgs(PyObject *callable);  /* new reference */
#endif
#if _Py_API >= 0x030C0000
PyAPI_FUNC(PyObject *) PyObject_VectorcallMethod(PyObject *name, PyObject *const *args, size_t nargsf,
    PyObject *kwnames);  /* new reference; args[0] is the object */
/* new reference; kwnames: a tuple of names or NULL, their values follow the positional arguments */
PyAPI_FUNC(PyObject *) PyObject_Vectorcall(PyObject *callable, PyObject *const *args, size_t nargsf,
    PyObject *kwnames);
#endif
#ifndef Py_LIMITED_API
PyAPI_FUNC(vectorcallfunc) PyVectorcall_Function(PyObject *op);  /* NULL where the object has none; never raises */
PyAPI_FUNC(PyObject *) PyObject_CallOneArg(PyObject *callable, PyObject *arg);  /* new reference */
PyAPI_FUNC(PyObject *) PyObject_VectorcallDict(PyObject *callable, PyObject *const *args, size_t nargsf,
    PyObject *kwdict);
PyAPI_FUNC(PyObject *) _PyObject_CallMethodId(PyObject *obj, _Py_Identifier *name, const char *format, ...);
PyAPI_FUNC(PyObject *) _PyStack_AsDict(PyObject *const *values, PyObject *kwnames);
#endif

/* --- Sizes and items of any container --- */
PyAPI_FUNC(Py_ssize_t) PyObject_Size(PyObject *o);
PyAPI_FUNC(Py_ssize_t) PyObject_Length(PyObject *o);  /* -1 with an exception */
PyAPI_FUNC(PyObject *) PyObject_GetItem(PyObject *o, PyObject *key);  /* new reference */
PyAPI_FUNC(int) PyObject_SetItem(PyObject *o, PyObject *key, PyObject *v);  /* 0, or -1 with an exception */
PyAPI_FUNC(int) PyObject_DelItem(PyObject *o, PyObject *key);
PyAPI_FUNC(int) PyObject_DelItemString(PyObject *o, const char *key);  /* 0, or -1 with an exception */
#ifndef Py_LIMITED_API
/* len() or __length_hint__(), or the default; -1 with an exception */
PyAPI_FUNC(Py_ssize_t) PyObject_LengthHint(PyObject *o, Py_ssize_t defaultvalue);
#endif

/* --- Classes --- */
PyAPI_FUNC(int) PyObject_IsSubclass(PyObject *derived, PyObject *cls);  /* 1 or 0, or -1 with an exception */
PyAPI_FUNC(int) PyObject_IsInstance(PyObject *inst, PyObject *cls);  /* 1 or 0, or -1 with an exception */
PyAPI_FUNC(PyObject *) PyObject_Type(PyObject *o);  /* new reference */

/* --- Iterators --- */
PyAPI_FUNC(int) PyIter_Check(PyObject *o);  /* true or false: cannot fail */
PyAPI_FUNC(int) PyAIter_Check(PyObject *o);  /* true or false: cannot fail */
PyAPI_FUNC(PyObject *) PyIter_Next(PyObject *o);  /* new reference; NULL without an exception at the end */
PyAPI_FUNC(PyObject *) PyObject_GetIter(PyObject *o);  /* new reference */
PyAPI_FUNC(PyObject *) PyObject_GetAIter(PyObject *o);  /* new reference */
#if _Py_API >= 0x030A0000
/* PYGEN_NEXT and *presult is what was yielded, PYGEN_RETURN and it is what was returned, PYGEN_ERROR */
PyAPI_FUNC(PySendResult) PyIter_Send(PyObject *iter, PyObject *arg, PyObject **presult);
#endif
#if _Py_API >= 0x030E0000
/* 1: *item is a new reference; 0: no more items; -1 with an exception */
PyAPI_FUNC(int) PyIter_NextItem(PyObject *iter, PyObject **item);
#endif

/* --- Text of an object --- */
PyAPI_FUNC(PyObject *) PyObject_Format(PyObject *obj, PyObject *format_spec);

/* --- Numbers: in place --- */
PyAPI_FUNC(PyObject *) PyNumber_InPlaceAdd(PyObject *o1, PyObject *o2);  /* new reference */
PyAPI_FUNC(PyObject *) PyNumber_InPlaceSubtract(PyObject *o1, PyObject *o2);  /* new reference */
PyAPI_FUNC(PyObject *) PyNumber_InPlaceMultiply(PyObject *o1, PyObject *o2);  /* new reference */
PyAPI_FUNC(PyObject *) PyNumber_InPlaceFloorDivide(PyObject *o1, PyObject *o2);  /* new reference */
PyAPI_FUNC(PyObject *) PyNumber_InPlaceTrueDivide(PyObject *o1, PyObject *o2);  /* new reference */
PyAPI_FUNC(PyObject *) PyNumber_InPlaceRemainder(PyObject *o1, PyObject *o2);  /* new reference */
PyAPI_FUNC(PyObject *) PyNumber_InPlacePower(PyObject *o1, PyObject *o2, PyObject *o3);  /* new reference */
PyAPI_FUNC(PyObject *) PyNumber_InPlaceLshift(PyObject *o1, PyObject *o2);  /* new reference */
PyAPI_FUNC(PyObject *) PyNumber_InPlaceRshift(PyObject *o1, PyObject *o2);  /* new reference */
PyAPI_FUNC(PyObject *) PyNumber_InPlaceAnd(PyObject *o1, PyObject *o2);  /* new reference */
PyAPI_FUNC(PyObject *) PyNumber_InPlaceXor(PyObject *o1, PyObject *o2);  /* new reference */
PyAPI_FUNC(PyObject *) PyNumber_InPlaceOr(PyObject *o1, PyObject *o2);  /* new reference */
#if _Py_API >= 0x03050000
PyAPI_FUNC(PyObject *) PyNumber_InPlaceMatrixMultiply(PyObject *o1, PyObject *o2);  /* new reference */
#endif

/* --- Numbers: conversions --- */
PyAPI_FUNC(int) PyNumber_Check(PyObject *o);  /* true or false: cannot fail */
PyAPI_FUNC(PyObject *) PyNumber_Long(PyObject *o);  /* new reference */
PyAPI_FUNC(PyObject *) PyNumber_Float(PyObject *o);  /* new reference */
PyAPI_FUNC(PyObject *) PyNumber_Index(PyObject *o);  /* new reference */
PyAPI_FUNC(PyObject *) PyNumber_ToBase(PyObject *n, int base);  /* new reference */
/* -1 with an exception; exc NULL: cut off where it does not fit */
PyAPI_FUNC(Py_ssize_t) PyNumber_AsSsize_t(PyObject *o, PyObject *exc);
PyAPI_FUNC(int) PyIndex_Check(PyObject *o);  /* true or false: cannot fail */

/* --- Numbers: operators --- */
PyAPI_FUNC(PyObject *) PyNumber_Add(PyObject *o1, PyObject *o2);  /* new reference */
PyAPI_FUNC(PyObject *) PyNumber_Subtract(PyObject *o1, PyObject *o2);  /* new reference */
PyAPI_FUNC(PyObject *) PyNumber_Multiply(PyObject *o1, PyObject *o2);  /* new reference */
PyAPI_FUNC(PyObject *) PyNumber_FloorDivide(PyObject *o1, PyObject *o2);  /* new reference */
PyAPI_FUNC(PyObject *) PyNumber_TrueDivide(PyObject *o1, PyObject *o2);  /* new reference */
PyAPI_FUNC(PyObject *) PyNumber_Remainder(PyObject *o1, PyObject *o2);  /* new reference */
PyAPI_FUNC(PyObject *) PyNumber_Divmod(PyObject *o1, PyObject *o2);  /* new reference */
PyAPI_FUNC(PyObject *) PyNumber_Power(PyObject *o1, PyObject *o2, PyObject *o3);  /* new reference */
PyAPI_FUNC(PyObject *) PyNumber_Negative(PyObject *o);  /* new reference */
PyAPI_FUNC(PyObject *) PyNumber_Positive(PyObject *o);  /* new reference */
PyAPI_FUNC(PyObject *) PyNumber_Absolute(PyObject *o);  /* new reference */
PyAPI_FUNC(PyObject *) PyNumber_Invert(PyObject *o);  /* new reference */
PyAPI_FUNC(PyObject *) PyNumber_Lshift(PyObject *o1, PyObject *o2);  /* new reference */
PyAPI_FUNC(PyObject *) PyNumber_Rshift(PyObject *o1, PyObject *o2);  /* new reference */
PyAPI_FUNC(PyObject *) PyNumber_And(PyObject *o1, PyObject *o2);  /* new reference */
PyAPI_FUNC(PyObject *) PyNumber_Xor(PyObject *o1, PyObject *o2);  /* new reference */
PyAPI_FUNC(PyObject *) PyNumber_Or(PyObject *o1, PyObject *o2);  /* new reference */
#if _Py_API >= 0x03050000
PyAPI_FUNC(PyObject *) PyNumber_MatrixMultiply(PyObject *o1, PyObject *o2);  /* new reference */
#endif

/* --- Sequences --- */
PyAPI_FUNC(int) PySequence_Check(PyObject *o);  /* true or false: cannot fail */
PyAPI_FUNC(Py_ssize_t) PySequence_Size(PyObject *o);  /* -1 with an exception */
PyAPI_FUNC(Py_ssize_t) PySequence_Length(PyObject *o);
PyAPI_FUNC(PyObject *) PySequence_Concat(PyObject *o1, PyObject *o2);  /* new reference */
PyAPI_FUNC(PyObject *) PySequence_Repeat(PyObject *o, Py_ssize_t count);  /* new reference */
PyAPI_FUNC(PyObject *) PySequence_InPlaceConcat(PyObject *o1, PyObject *o2);  /* new reference */
PyAPI_FUNC(PyObject *) PySequence_InPlaceRepeat(PyObject *o, Py_ssize_t count);  /* new reference */
PyAPI_FUNC(PyObject *) PySequence_GetItem(PyObject *o, Py_ssize_t i);  /* new reference */
PyAPI_FUNC(PyObject *) PySequence_GetSlice(PyObject *o, Py_ssize_t i1, Py_ssize_t i2);  /* new reference */
PyAPI_FUNC(int) PySequence_SetItem(PyObject *o, Py_ssize_t i, PyObject *v);  /* steals v; 0, or -1 with an exception */
PyAPI_FUNC(int) PySequence_DelItem(PyObject *o, Py_ssize_t i);
/* 0, or -1 with an exception */
PyAPI_FUNC(int) PySequence_SetSlice(PyObject *o, Py_ssize_t i1, Py_ssize_t i2, PyObject *v);
PyAPI_FUNC(int) PySequence_DelSlice(PyObject *o, Py_ssize_t i1, Py_ssize_t i2);  /* 0, or -1 with an exception */
PyAPI_FUNC(Py_ssize_t) PySequence_Count(PyObject *o, PyObject *value);  /* -1 with an exception */
PyAPI_FUNC(int) PySequence_Contains(PyObject *o, PyObject *value);  /* 1 or 0, or -1 with an exception */
PyAPI_FUNC(int) PySequence_In(PyObject *o, PyObject *value);  /* 1 or 0, or -1 with an exception */
/* -1 with an exception, where it is not found too */
PyAPI_FUNC(Py_ssize_t) PySequence_Index(PyObject *o, PyObject *value);
PyAPI_FUNC(PyObject *) PySequence_List(PyObject *o);  /* new reference */
PyAPI_FUNC(PyObject *) PySequence_Tuple(PyObject *o);  /* new reference */
PyAPI_FUNC(PyObject *) PySequence_Fast(PyObject *o, const char *m);  /* new reference */

/* --- Mappings --- */
PyAPI_FUNC(int) PyMapping_Check(PyObject *o);  /* true or false: cannot fail */
PyAPI_FUNC(Py_ssize_t) PyMapping_Size(PyObject *o);  /* -1 with an exception */
PyAPI_FUNC(Py_ssize_t) PyMapping_Length(PyObject *o);
PyAPI_FUNC(PyObject *) PyMapping_GetItemString(PyObject *o, const char *key);  /* new reference */
PyAPI_FUNC(int) PyMapping_SetItemString(PyObject *o, const char *key, PyObject *v);
PyAPI_FUNC(int) PyMapping_HasKeyWithError(PyObject *o, PyObject *key);  /* 1 or 0, or -1 with an exception */
PyAPI_FUNC(int) PyMapping_HasKeyStringWithError(PyObject *o, const char *key);
PyAPI_FUNC(int) PyMapping_HasKey(PyObject *o, PyObject *key);  /* true or false: cannot fail */
PyAPI_FUNC(int) PyMapping_HasKeyString(PyObject *o, const char *key);
PyAPI_FUNC(PyObject *) PyMapping_Keys(PyObject *o);  /* new reference */
PyAPI_FUNC(PyObject *) PyMapping_Values(PyObject *o);  /* new reference */
PyAPI_FUNC(PyObject *) PyMapping_Items(PyObject *o);  /* new reference */
#if _Py_API >= 0x030D0000
/* 1: *result is a new reference; 0: not found, NULL; -1 with an exception */
PyAPI_FUNC(int) PyMapping_GetOptionalItem(PyObject *obj, PyObject *key, PyObject **result);
/* 1: *result is a new reference; 0: not found, NULL; -1 with an exception */
PyAPI_FUNC(int) PyMapping_GetOptionalItemString(PyObject *obj, const char *key, PyObject **result);
#endif

/* --- Other names --- */
#define PyObject_Length PyObject_Size
#define PySequence_Length PySequence_Size
#define PySequence_In PySequence_Contains
#define PyMapping_Length PyMapping_Size
#define PyMapping_DelItemString(O, K) PyObject_DelItemString((O), (K))
#define PyMapping_DelItem(O, K) PyObject_DelItem((O), (K))
#if _Py_API < 0x030D0000
#  define PyObject_DelAttrString(O, A) PyObject_SetAttrString((O), (A), NULL)
#  define PyObject_DelAttr(O, A) PyObject_SetAttr((O), (A), NULL)
#endif

#ifndef Py_LIMITED_API
/* --- Vectorcall --- */
/* The number of positional arguments, without the flag. */
static inline Py_ssize_t _PyVectorcall_NARGS(size_t n) {
    return _Py_STATIC_CAST(Py_ssize_t, n & ~PY_VECTORCALL_ARGUMENTS_OFFSET);
}
#define PyVectorcall_NARGS(n) _PyVectorcall_NARGS(n)

/* self.name() and self.name(arg): new reference. */
static inline PyObject *PyObject_CallMethodNoArgs(PyObject *self, PyObject *name) {
    return PyObject_VectorcallMethod(name, &self, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, _Py_NULL);
}
static inline PyObject *PyObject_CallMethodOneArg(PyObject *self, PyObject *name, PyObject *arg) {
    PyObject *args[2] = {self, arg};
    assert(arg != NULL);
    return PyObject_VectorcallMethod(name, args, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, _Py_NULL);
}

#define _PyObject_Vectorcall PyObject_Vectorcall
#define _PyObject_VectorcallMethod PyObject_VectorcallMethod
#define _PyObject_FastCallDict PyObject_VectorcallDict
#define _PyVectorcall_Function PyVectorcall_Function
#define _PyObject_CallOneArg PyObject_CallOneArg
#define _PyObject_CallMethodNoArgs PyObject_CallMethodNoArgs
#define _PyObject_CallMethodOneArg PyObject_CallMethodOneArg

/* --- Without checks --- */
/* New reference; the object's type has to have sq_item. */
#define PySequence_ITEM(o, i) (Py_TYPE(o)->tp_as_sequence->sq_item((o), (i)))

/* For what PySequence_Fast() returned: size, an item as borrowed reference, the array of items. */
#define PySequence_Fast_GET_SIZE(o) (PyList_Check(o) ? PyList_GET_SIZE(o) : PyTuple_GET_SIZE(o))
#define PySequence_Fast_GET_ITEM(o, i) (PyList_Check(o) ? PyList_GET_ITEM(o, i) : PyTuple_GET_ITEM(o, i))
#define PySequence_Fast_ITEMS(sf) \
    (PyList_Check(sf) ? ((PyListObject *)(sf))->ob_item : ((PyTupleObject *)(sf))->ob_item)
#endif

#ifdef __cplusplus
}
#endif

#endif
