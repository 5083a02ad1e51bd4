/* str. */
#ifndef Py_UNICODEOBJECT_H
#define Py_UNICODEOBJECT_H

#ifdef __cplusplus
extern "C" {
#endif

#define Py_USING_UNICODE
#ifndef SIZEOF_WCHAR_T
#  error "pyconfig.h has to say how large a wchar_t is"
#endif
#define Py_UNICODE_SIZE SIZEOF_WCHAR_T
#if Py_UNICODE_SIZE >= 4
#  define Py_UNICODE_WIDE
#endif
#define Py_UNICODE_REPLACEMENT_CHARACTER ((Py_UCS4)0xFFFD)  /* for what cannot be decoded */

/* Characters: all, those of the basic plane, those of Latin-1. */
typedef uint32_t Py_UCS4;
typedef uint16_t Py_UCS2;
typedef uint8_t Py_UCS1;

#ifndef Py_LIMITED_API
/* Names of the time when a string was an array of these. */
Py_DEPRECATED(3.13) typedef wchar_t PY_UNICODE_TYPE;
Py_DEPRECATED(3.13) typedef wchar_t Py_UNICODE;
#endif

#ifndef Py_LIMITED_API
/* --- Three layouts, each the beginning of the next --- */
struct _PyUnicodeObject_state {
    unsigned int interned : 2;
    unsigned int kind : 3;                  /* bytes of a character: enum PyUnicode_Kind */
    unsigned int compact : 1;               /* the characters follow the struct */
    unsigned int ascii : 1;                 /* only characters below 128; if compact too, the struct is PyASCIIObject */
    unsigned int statically_allocated : 1;
    unsigned int : 24;
};

typedef struct {
    PyObject_HEAD
    Py_ssize_t length;  /* characters */
    Py_hash_t hash;     /* -1: not asked for yet */
    _Py_ALIGNED_DEF(4, struct _PyUnicodeObject_state) state;
} PyASCIIObject;

typedef struct {
    PyASCIIObject _base;
    Py_ssize_t utf8_length;  /* bytes at utf8, without the zero */
    char *utf8;              /* NULL: not made yet */
} PyCompactUnicodeObject;

/* The characters lie elsewhere: only for subclasses of str. */
typedef struct {
    PyCompactUnicodeObject _base;
    union {
        void *any;
        Py_UCS1 *latin1;
        Py_UCS2 *ucs2;
        Py_UCS4 *ucs4;
    } data;
} PyUnicodeObject;
#endif

#ifndef Py_LIMITED_API
#define SSTATE_NOT_INTERNED 0
#define SSTATE_INTERNED_MORTAL 1
#define SSTATE_INTERNED_IMMORTAL 2
#define SSTATE_INTERNED_IMMORTAL_STATIC 3
#endif

#ifndef Py_LIMITED_API
enum PyUnicode_Kind {
    PyUnicode_1BYTE_KIND = 1,
    PyUnicode_2BYTE_KIND = 2,
    PyUnicode_4BYTE_KIND = 4
};

typedef struct PyUnicodeWriter PyUnicodeWriter;
typedef struct {
    PyObject *buffer;
    void *data;
    int kind;
    Py_UCS4 maxchar;
    Py_ssize_t size;
    Py_ssize_t pos;
    Py_ssize_t min_length;
    Py_UCS4 min_char;
    unsigned char overallocate;
    unsigned char readonly;
} _PyUnicodeWriter;
#endif

PyAPI_DATA(PyTypeObject) PyUnicode_Type;
PyAPI_DATA(PyTypeObject) PyUnicodeIter_Type;
#ifndef Py_LIMITED_API
PyAPI_DATA(const unsigned char) _Py_ascii_whitespace[];
#endif

/* --- New strings --- */
PyAPI_FUNC(PyObject *) PyUnicode_FromStringAndSize(const char *str, Py_ssize_t size);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_FromString(const char *str);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_FromFormat(const char *format, ...);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_FromFormatV(const char *format, va_list vargs);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_FromObject(PyObject *obj);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_FromOrdinal(int ordinal);  /* new reference */
/* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_FromEncodedObject(PyObject *obj, const char *encoding, const char *errors);
PyAPI_FUNC(PyObject *) PyUnicode_BuildEncodingMap(PyObject *string);  /* new reference */
/* 0, or -1 with an exception; *unicode becomes the result */
PyAPI_FUNC(int) PyUnicode_Resize(PyObject **unicode, Py_ssize_t length);
#ifndef Py_LIMITED_API
PyAPI_FUNC(PyObject *) PyUnicode_New(Py_ssize_t size, Py_UCS4 maxchar);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_FromKindAndData(int kind, const void *buffer, Py_ssize_t size);  /* new reference */
#endif

/* --- Interned strings --- */
PyAPI_FUNC(void) PyUnicode_InternInPlace(PyObject **p_unicode);  /* *p becomes the interned string */
PyAPI_FUNC(PyObject *) PyUnicode_InternFromString(const char *str);  /* new reference */

/* --- Characters of a string --- */
#if _Py_API >= 0x03030000
PyAPI_FUNC(Py_ssize_t) PyUnicode_GetLength(PyObject *unicode);  /* -1 with an exception */
/* 0, or -1 with an exception; for a string that nobody else has seen */
PyAPI_FUNC(int) PyUnicode_WriteChar(PyObject *unicode, Py_ssize_t index, Py_UCS4 character);
PyAPI_FUNC(Py_UCS4) PyUnicode_ReadChar(PyObject *unicode, Py_ssize_t index);  /* (Py_UCS4)-1 with an exception */
PyAPI_FUNC(PyObject *) PyUnicode_Substring(PyObject *unicode, Py_ssize_t start, Py_ssize_t end);  /* new reference */
/* buffer, or NULL with an exception */
PyAPI_FUNC(Py_UCS4 *) PyUnicode_AsUCS4(PyObject *unicode, Py_UCS4 *buffer, Py_ssize_t buflen, int copy_null);
PyAPI_FUNC(Py_UCS4 *) PyUnicode_AsUCS4Copy(PyObject *unicode);  /* to be freed by PyMem_Free(); NULL with an exception */
#endif
#ifndef Py_LIMITED_API
PyAPI_FUNC(int) PyUnicode_KIND(PyObject *unicode);  /* bytes of a character: 1, 2 or 4 */
PyAPI_FUNC(Py_ssize_t) PyUnicode_CopyCharacters(PyObject *to, Py_ssize_t to_start, PyObject *from,
    Py_ssize_t from_start, Py_ssize_t how_many);  /* -1 with an exception */
PyAPI_FUNC(Py_ssize_t) PyUnicode_Fill(PyObject *unicode, Py_ssize_t start, Py_ssize_t length,
    Py_UCS4 fill_char);  /* -1 with an exception */
#endif

/* --- Wide characters --- */
PyAPI_FUNC(PyObject *) PyUnicode_FromWideChar(const wchar_t *wstr, Py_ssize_t size);  /* new reference */
/* how many were copied; -1 with an exception */
PyAPI_FUNC(Py_ssize_t) PyUnicode_AsWideChar(PyObject *unicode, wchar_t *wstr, Py_ssize_t size);
/* to be freed by PyMem_Free(); NULL with an exception */
PyAPI_FUNC(wchar_t *) PyUnicode_AsWideCharString(PyObject *unicode, Py_ssize_t *size);

/* --- Codecs by name --- */
PyAPI_FUNC(const char *) PyUnicode_GetDefaultEncoding(void);  /* "utf-8" */
PyAPI_FUNC(PyObject *) PyUnicode_Decode(const char *str, Py_ssize_t size, const char *encoding,
    const char *errors);  /* new reference */
/* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_AsEncodedString(PyObject *unicode, const char *encoding, const char *errors);
Py_DEPRECATED(3.6) PyAPI_FUNC(PyObject *) PyUnicode_AsDecodedObject(PyObject *unicode, const char *encoding,
    const char *errors);  /* new reference */
Py_DEPRECATED(3.6) PyAPI_FUNC(PyObject *) PyUnicode_AsDecodedUnicode(PyObject *unicode, const char *encoding,
    const char *errors);  /* new reference */
Py_DEPRECATED(3.6) PyAPI_FUNC(PyObject *) PyUnicode_AsEncodedObject(PyObject *unicode, const char *encoding,
    const char *errors);  /* new reference */
Py_DEPRECATED(3.6) PyAPI_FUNC(PyObject *) PyUnicode_AsEncodedUnicode(PyObject *unicode, const char *encoding,
    const char *errors);  /* new reference */

/* --- UTF-7, UTF-8, UTF-16, UTF-32 --- */
PyAPI_FUNC(PyObject *) PyUnicode_DecodeUTF8(const char *str, Py_ssize_t size, const char *errors);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_DecodeUTF8Stateful(const char *str, Py_ssize_t size, const char *errors,
    Py_ssize_t *consumed);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_AsUTF8String(PyObject *unicode);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_DecodeUTF32(const char *str, Py_ssize_t size, const char *errors,
    int *byteorder);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_DecodeUTF32Stateful(const char *str, Py_ssize_t size, const char *errors,
    int *byteorder, Py_ssize_t *consumed);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_AsUTF32String(PyObject *unicode);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_DecodeUTF16(const char *str, Py_ssize_t size, const char *errors,
    int *byteorder);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_DecodeUTF16Stateful(const char *str, Py_ssize_t size, const char *errors,
    int *byteorder, Py_ssize_t *consumed);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_AsUTF16String(PyObject *unicode);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_DecodeUTF7(const char *str, Py_ssize_t size, const char *errors);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_DecodeUTF7Stateful(const char *str, Py_ssize_t size, const char *errors,
    Py_ssize_t *consumed);  /* new reference */
#if _Py_API >= 0x030A0000
/* as long as the string; NULL with an exception */
PyAPI_FUNC(const char *) PyUnicode_AsUTF8AndSize(PyObject *unicode, Py_ssize_t *size);
#endif
#ifndef Py_LIMITED_API
PyAPI_FUNC(const char *) PyUnicode_AsUTF8(PyObject *unicode);  /* as long as the string; NULL with an exception */
#endif

/* --- Escapes --- */
/* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_DecodeUnicodeEscape(const char *str, Py_ssize_t size, const char *errors);
PyAPI_FUNC(PyObject *) PyUnicode_AsUnicodeEscapeString(PyObject *unicode);  /* new reference */
/* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_DecodeRawUnicodeEscape(const char *str, Py_ssize_t size, const char *errors);
PyAPI_FUNC(PyObject *) PyUnicode_AsRawUnicodeEscapeString(PyObject *unicode);  /* new reference */

/* --- Latin-1, ASCII and character maps --- */
PyAPI_FUNC(PyObject *) PyUnicode_DecodeLatin1(const char *str, Py_ssize_t size, const char *errors);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_AsLatin1String(PyObject *unicode);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_DecodeASCII(const char *str, Py_ssize_t size, const char *errors);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_AsASCIIString(PyObject *unicode);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_DecodeCharmap(const char *str, Py_ssize_t length, PyObject *mapping,
    const char *errors);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_AsCharmapString(PyObject *unicode, PyObject *mapping);  /* new reference */
PyAPI_FUNC(int) PyUnicode_CompareWithASCIIString(PyObject *unicode, const char *string);  /* -1, 0 or 1: cannot fail */

/* --- The encodings of the locale and of file names --- */
/* for "O&": bytes, a new reference; 1, Py_CLEANUP_SUPPORTED, or 0 with an exception */
PyAPI_FUNC(int) PyUnicode_FSConverter(PyObject *obj, void *result);
/* for "O&": str, a new reference; 1, Py_CLEANUP_SUPPORTED, or 0 with an exception */
PyAPI_FUNC(int) PyUnicode_FSDecoder(PyObject *obj, void *result);
PyAPI_FUNC(PyObject *) PyUnicode_DecodeFSDefaultAndSize(const char *str, Py_ssize_t size);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_DecodeFSDefault(const char *str);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_EncodeFSDefault(PyObject *unicode);  /* new reference */
#if _Py_API >= 0x03030000
/* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_DecodeLocaleAndSize(const char *str, Py_ssize_t length, const char *errors);
PyAPI_FUNC(PyObject *) PyUnicode_DecodeLocale(const char *str, const char *errors);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_EncodeLocale(PyObject *unicode, const char *errors);  /* new reference */
#endif

/* --- Comparison --- */
PyAPI_FUNC(int) PyUnicode_IsIdentifier(PyObject *unicode);  /* true or false */
PyAPI_FUNC(int) PyUnicode_Compare(PyObject *left, PyObject *right);  /* -1, 0 or 1; -1 with an exception */
PyAPI_FUNC(PyObject *) PyUnicode_RichCompare(PyObject *left, PyObject *right, int op);  /* new reference */
PyAPI_FUNC(int) PyUnicode_Contains(PyObject *unicode, PyObject *substr);
#if _Py_API >= 0x030D0000
/* 1 or 0: cannot fail */
PyAPI_FUNC(int) PyUnicode_EqualToUTF8AndSize(PyObject *unicode, const char *string, Py_ssize_t size);
PyAPI_FUNC(int) PyUnicode_EqualToUTF8(PyObject *unicode, const char *string);  /* 1 or 0: cannot fail */
#endif
#if _Py_API >= 0x030E0000
PyAPI_FUNC(int) PyUnicode_Equal(PyObject *a, PyObject *b);  /* true or false: cannot fail */
#endif

/* --- Methods of str --- */
/* *pleft becomes the result, a new reference, or NULL with an exception */
PyAPI_FUNC(void) PyUnicode_Append(PyObject **p_left, PyObject *right);
PyAPI_FUNC(void) PyUnicode_AppendAndDel(PyObject **p_left, PyObject *right);  /* as PyUnicode_Append(), steals right */
PyAPI_FUNC(PyObject *) PyUnicode_Translate(PyObject *unicode, PyObject *table, const char *errors);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_Concat(PyObject *left, PyObject *right);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_Split(PyObject *unicode, PyObject *sep, Py_ssize_t maxsplit);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_RSplit(PyObject *unicode, PyObject *sep, Py_ssize_t maxsplit);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_Splitlines(PyObject *unicode, int keepends);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_Partition(PyObject *unicode, PyObject *sep);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_RPartition(PyObject *unicode, PyObject *sep);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_Join(PyObject *separator, PyObject *seq);  /* new reference */
PyAPI_FUNC(Py_ssize_t) PyUnicode_Tailmatch(PyObject *unicode, PyObject *substr, Py_ssize_t start,
    Py_ssize_t end, int direction);  /* 1 or 0, or -1 with an exception; direction -1: at the start, 1: at the end */
PyAPI_FUNC(Py_ssize_t) PyUnicode_Find(PyObject *unicode, PyObject *substr, Py_ssize_t start, Py_ssize_t end,
    int direction);  /* the index; -1: not found, -2 with an exception */
/* -1 with an exception */
PyAPI_FUNC(Py_ssize_t) PyUnicode_Count(PyObject *unicode, PyObject *substr, Py_ssize_t start, Py_ssize_t end);
PyAPI_FUNC(PyObject *) PyUnicode_Replace(PyObject *unicode, PyObject *substr, PyObject *replstr,
    Py_ssize_t maxcount);  /* new reference */
PyAPI_FUNC(PyObject *) PyUnicode_Format(PyObject *format, PyObject *args);  /* new reference */
#if _Py_API >= 0x03030000
PyAPI_FUNC(Py_ssize_t) PyUnicode_FindChar(PyObject *unicode, Py_UCS4 ch, Py_ssize_t start, Py_ssize_t end,
    int direction);  /* the index; -1: not found, -2 with an exception */
#endif

/* --- A string piece by piece: 0, or -1 with an exception --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(PyUnicodeWriter *) PyUnicodeWriter_Create(Py_ssize_t length);  /* NULL with an exception */
PyAPI_FUNC(PyObject *) PyUnicodeWriter_Finish(PyUnicodeWriter *writer);  /* new reference; the writer is gone */
PyAPI_FUNC(void) PyUnicodeWriter_Discard(PyUnicodeWriter *writer);  /* the writer is gone; NULL does no harm */
PyAPI_FUNC(int) PyUnicodeWriter_WriteChar(PyUnicodeWriter *writer, Py_UCS4 ch);  /* one character */
/* size -1: up to the zero */
PyAPI_FUNC(int) PyUnicodeWriter_WriteUTF8(PyUnicodeWriter *writer, const char *str, Py_ssize_t size);
/* size -1: up to the zero */
PyAPI_FUNC(int) PyUnicodeWriter_WriteASCII(PyUnicodeWriter *writer, const char *str, Py_ssize_t size);
/* size -1: up to the zero */
PyAPI_FUNC(int) PyUnicodeWriter_WriteWideChar(PyUnicodeWriter *writer, const wchar_t *str, Py_ssize_t size);
/* size is the number of characters */
PyAPI_FUNC(int) PyUnicodeWriter_WriteUCS4(PyUnicodeWriter *writer, Py_UCS4 *str, Py_ssize_t size);
PyAPI_FUNC(int) PyUnicodeWriter_WriteStr(PyUnicodeWriter *writer, PyObject *obj);  /* str(obj) */
PyAPI_FUNC(int) PyUnicodeWriter_WriteRepr(PyUnicodeWriter *writer, PyObject *obj);  /* repr(obj); "<NULL>" for NULL */
PyAPI_FUNC(int) PyUnicodeWriter_WriteSubstring(PyUnicodeWriter *writer, PyObject *str, Py_ssize_t start,
    Py_ssize_t end);  /* from start to end */
/* the format is PyUnicode_FromFormat()'s */
PyAPI_FUNC(int) PyUnicodeWriter_Format(PyUnicodeWriter *writer, const char *format, ...);
PyAPI_FUNC(int) PyUnicodeWriter_DecodeUTF8Stateful(PyUnicodeWriter *writer, const char *string,
    Py_ssize_t length, const char *errors, Py_ssize_t *consumed);  /* consumed NULL: an incomplete end is an error */
#endif

/* --- Behind the macros: properties of a character --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(int) _PyUnicode_IsLowercase(Py_UCS4 ch);
PyAPI_FUNC(int) _PyUnicode_IsUppercase(Py_UCS4 ch);
PyAPI_FUNC(int) _PyUnicode_IsTitlecase(Py_UCS4 ch);
PyAPI_FUNC(int) _PyUnicode_IsWhitespace(const Py_UCS4 ch);
PyAPI_FUNC(int) _PyUnicode_IsLinebreak(const Py_UCS4 ch);
PyAPI_FUNC(Py_UCS4) _PyUnicode_ToLowercase(Py_UCS4 ch);
PyAPI_FUNC(Py_UCS4) _PyUnicode_ToUppercase(Py_UCS4 ch);
PyAPI_FUNC(Py_UCS4) _PyUnicode_ToTitlecase(Py_UCS4 ch);
PyAPI_FUNC(int) _PyUnicode_ToDecimalDigit(Py_UCS4 ch);
PyAPI_FUNC(int) _PyUnicode_ToDigit(Py_UCS4 ch);
PyAPI_FUNC(double) _PyUnicode_ToNumeric(Py_UCS4 ch);
PyAPI_FUNC(int) _PyUnicode_IsDecimalDigit(Py_UCS4 ch);
PyAPI_FUNC(int) _PyUnicode_IsDigit(Py_UCS4 ch);
PyAPI_FUNC(int) _PyUnicode_IsNumeric(Py_UCS4 ch);
PyAPI_FUNC(int) _PyUnicode_IsPrintable(Py_UCS4 ch);
PyAPI_FUNC(int) _PyUnicode_IsAlpha(Py_UCS4 ch);
#endif

/* --- The type --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(void *) PyUnicode_DATA(PyObject *unicode);  /* the first character */
#endif

/* --- Names with an underscore: not for new code --- */
#ifndef Py_LIMITED_API
_Py_DEPRECATED_EXTERNALLY(3.14) PyAPI_FUNC(void) _PyUnicodeWriter_Init(_PyUnicodeWriter *writer);
_Py_DEPRECATED_EXTERNALLY(3.14) PyAPI_FUNC(int) _PyUnicodeWriter_PrepareInternal(_PyUnicodeWriter *writer,
    Py_ssize_t length, Py_UCS4 maxchar);
_Py_DEPRECATED_EXTERNALLY(3.14) PyAPI_FUNC(int) _PyUnicodeWriter_PrepareKindInternal(_PyUnicodeWriter *writer,
    int kind);
_Py_DEPRECATED_EXTERNALLY(3.14) PyAPI_FUNC(int) _PyUnicodeWriter_WriteChar(_PyUnicodeWriter *writer,
    Py_UCS4 ch);
_Py_DEPRECATED_EXTERNALLY(3.14) PyAPI_FUNC(int) _PyUnicodeWriter_WriteStr(_PyUnicodeWriter *writer,
    PyObject *str);
_Py_DEPRECATED_EXTERNALLY(3.14) PyAPI_FUNC(int) _PyUnicodeWriter_WriteSubstring(_PyUnicodeWriter *writer,
    PyObject *str, Py_ssize_t start, Py_ssize_t end);
_Py_DEPRECATED_EXTERNALLY(3.14) PyAPI_FUNC(int) _PyUnicodeWriter_WriteASCIIString(_PyUnicodeWriter *writer,
    const char *str, Py_ssize_t len);
_Py_DEPRECATED_EXTERNALLY(3.14) PyAPI_FUNC(int) _PyUnicodeWriter_WriteLatin1String(_PyUnicodeWriter *writer,
    const char *str, Py_ssize_t len);
_Py_DEPRECATED_EXTERNALLY(3.14) PyAPI_FUNC(PyObject *) _PyUnicodeWriter_Finish(_PyUnicodeWriter *writer);
_Py_DEPRECATED_EXTERNALLY(3.14) PyAPI_FUNC(void) _PyUnicodeWriter_Dealloc(_PyUnicodeWriter *writer);
PyAPI_FUNC(PyObject *) _PyUnicode_FromId(_Py_Identifier *);
#endif

#define PyUnicode_Check(op) PyType_FastSubclass(Py_TYPE(op), Py_TPFLAGS_UNICODE_SUBCLASS)
#define PyUnicode_CheckExact(op) Py_IS_TYPE((op), &PyUnicode_Type)

#ifndef Py_LIMITED_API
#define _PyASCIIObject_CAST(op) (assert(PyUnicode_Check(op)), _Py_CAST(PyASCIIObject*, (op)))
#define _PyCompactUnicodeObject_CAST(op) (assert(PyUnicode_Check(op)), _Py_CAST(PyCompactUnicodeObject*, (op)))
#define _PyUnicodeObject_CAST(op) (assert(PyUnicode_Check(op)), _Py_CAST(PyUnicodeObject*, (op)))

/* --- Questions about a string's layout --- */
static inline unsigned int PyUnicode_CHECK_INTERNED(PyObject *op) { return _PyASCIIObject_CAST(op)->state.interned; }
#define PyUnicode_CHECK_INTERNED(op) PyUnicode_CHECK_INTERNED(_PyObject_CAST(op))

/* Every string is ready since 3.12. */
static inline unsigned int PyUnicode_IS_READY(PyObject *Py_UNUSED(op)) { return 1; }
#define PyUnicode_IS_READY(op) PyUnicode_IS_READY(_PyObject_CAST(op))
static inline int PyUnicode_READY(PyObject *Py_UNUSED(op)) { return 0; }
#define PyUnicode_READY(op) PyUnicode_READY(_PyObject_CAST(op))

static inline unsigned int PyUnicode_IS_ASCII(PyObject *op) { return _PyASCIIObject_CAST(op)->state.ascii; }
#define PyUnicode_IS_ASCII(op) PyUnicode_IS_ASCII(_PyObject_CAST(op))

static inline unsigned int PyUnicode_IS_COMPACT(PyObject *op) { return _PyASCIIObject_CAST(op)->state.compact; }
#define PyUnicode_IS_COMPACT(op) PyUnicode_IS_COMPACT(_PyObject_CAST(op))

static inline int PyUnicode_IS_COMPACT_ASCII(PyObject *op) {
    return PyUnicode_IS_COMPACT(op) && PyUnicode_IS_ASCII(op);
}
#define PyUnicode_IS_COMPACT_ASCII(op) PyUnicode_IS_COMPACT_ASCII(_PyObject_CAST(op))

#define PyUnicode_KIND(op) _Py_RVALUE(_PyASCIIObject_CAST(op)->state.kind)

static inline Py_ssize_t PyUnicode_GET_LENGTH(PyObject *op) { return _PyASCIIObject_CAST(op)->length; }
#define PyUnicode_GET_LENGTH(op) PyUnicode_GET_LENGTH(_PyObject_CAST(op))

/* --- Where the characters are --- */
static inline void *_PyUnicode_COMPACT_DATA(PyObject *op) {
    if (PyUnicode_IS_ASCII(op)) return _Py_STATIC_CAST(void*, (_PyASCIIObject_CAST(op) + 1));
    return _Py_STATIC_CAST(void*, (_PyCompactUnicodeObject_CAST(op) + 1));
}

static inline void *_PyUnicode_NONCOMPACT_DATA(PyObject *op) {
    assert(!PyUnicode_IS_COMPACT(op));
    return _PyUnicodeObject_CAST(op)->data.any;
}

static inline void *_PyUnicode_DATA(PyObject *op) {
    return PyUnicode_IS_COMPACT(op) ? _PyUnicode_COMPACT_DATA(op) : _PyUnicode_NONCOMPACT_DATA(op);
}
#define PyUnicode_DATA(op) _PyUnicode_DATA(_PyObject_CAST(op))
#define PyUnicode_1BYTE_DATA(op) _Py_STATIC_CAST(Py_UCS1*, PyUnicode_DATA(op))
#define PyUnicode_2BYTE_DATA(op) _Py_STATIC_CAST(Py_UCS2*, PyUnicode_DATA(op))
#define PyUnicode_4BYTE_DATA(op) _Py_STATIC_CAST(Py_UCS4*, PyUnicode_DATA(op))

/* --- One character of data, which has characters of the kind --- */
static inline Py_UCS4 PyUnicode_READ(int kind, const void *data, Py_ssize_t index) {
    assert(index >= 0);
    switch (kind) {
    case PyUnicode_1BYTE_KIND: return _Py_STATIC_CAST(const Py_UCS1*, data)[index];
    case PyUnicode_2BYTE_KIND: return _Py_STATIC_CAST(const Py_UCS2*, data)[index];
    default: assert(kind == PyUnicode_4BYTE_KIND); return _Py_STATIC_CAST(const Py_UCS4*, data)[index];
    }
}
#define PyUnicode_READ(kind, data, index) \
    PyUnicode_READ(_Py_STATIC_CAST(int, kind), _Py_STATIC_CAST(const void*, data), (index))

static inline void PyUnicode_WRITE(int kind, void *data, Py_ssize_t index, Py_UCS4 value) {
    assert(index >= 0);
    switch (kind) {
    case PyUnicode_1BYTE_KIND:
        assert(value <= 0xffU);
        _Py_STATIC_CAST(Py_UCS1*, data)[index] = _Py_STATIC_CAST(Py_UCS1, value);
        break;
    case PyUnicode_2BYTE_KIND:
        assert(value <= 0xffffU);
        _Py_STATIC_CAST(Py_UCS2*, data)[index] = _Py_STATIC_CAST(Py_UCS2, value);
        break;
    default:
        assert(kind == PyUnicode_4BYTE_KIND && value <= 0x10ffffU);
        _Py_STATIC_CAST(Py_UCS4*, data)[index] = value;
        break;
    }
}
#define PyUnicode_WRITE(kind, data, index, value) \
    PyUnicode_WRITE(_Py_STATIC_CAST(int, kind), _Py_CAST(void*, data), (index), _Py_STATIC_CAST(Py_UCS4, value))

/* One character of a string; for a loop, ask for kind and data once and use PyUnicode_READ(). */
static inline Py_UCS4 PyUnicode_READ_CHAR(PyObject *unicode, Py_ssize_t index) {
    assert(index >= 0 && index <= PyUnicode_GET_LENGTH(unicode));
    return PyUnicode_READ(PyUnicode_KIND(unicode), PyUnicode_DATA(unicode), index);
}
#define PyUnicode_READ_CHAR(unicode, index) PyUnicode_READ_CHAR(_PyObject_CAST(unicode), (index))

/* An upper bound of the characters, for PyUnicode_New(). */
static inline Py_UCS4 PyUnicode_MAX_CHAR_VALUE(PyObject *op) {
    if (PyUnicode_IS_ASCII(op)) return 0x7fU;
    switch (PyUnicode_KIND(op)) {
    case PyUnicode_1BYTE_KIND: return 0xffU;
    case PyUnicode_2BYTE_KIND: return 0xffffU;
    default: assert(PyUnicode_KIND(op) == PyUnicode_4BYTE_KIND); return 0x10ffffU;
    }
}
#define PyUnicode_MAX_CHAR_VALUE(op) PyUnicode_MAX_CHAR_VALUE(_PyObject_CAST(op))

/* --- Surrogates --- */
static inline int Py_UNICODE_IS_SURROGATE(Py_UCS4 ch) { return 0xD800 <= ch && ch <= 0xDFFF; }
static inline int Py_UNICODE_IS_HIGH_SURROGATE(Py_UCS4 ch) { return 0xD800 <= ch && ch <= 0xDBFF; }
static inline int Py_UNICODE_IS_LOW_SURROGATE(Py_UCS4 ch) { return 0xDC00 <= ch && ch <= 0xDFFF; }

static inline Py_UCS4 Py_UNICODE_JOIN_SURROGATES(Py_UCS4 high, Py_UCS4 low) {
    assert(Py_UNICODE_IS_HIGH_SURROGATE(high) && Py_UNICODE_IS_LOW_SURROGATE(low));
    return 0x10000 + (((high & 0x03FF) << 10) | (low & 0x03FF));
}
static inline Py_UCS4 Py_UNICODE_HIGH_SURROGATE(Py_UCS4 ch) {
    assert(0x10000 <= ch && ch <= 0x10ffff);
    return 0xD800 + ((ch - 0x10000) >> 10);
}
static inline Py_UCS4 Py_UNICODE_LOW_SURROGATE(Py_UCS4 ch) {
    assert(0x10000 <= ch && ch <= 0x10ffff);
    return 0xDC00 + (ch & 0x03FF);
}

/* --- Properties of characters --- */
#define Py_UNICODE_ISLOWER(ch) _PyUnicode_IsLowercase(ch)
#define Py_UNICODE_ISUPPER(ch) _PyUnicode_IsUppercase(ch)
#define Py_UNICODE_ISTITLE(ch) _PyUnicode_IsTitlecase(ch)
#define Py_UNICODE_ISLINEBREAK(ch) _PyUnicode_IsLinebreak(ch)
#define Py_UNICODE_ISDECIMAL(ch) _PyUnicode_IsDecimalDigit(ch)
#define Py_UNICODE_ISDIGIT(ch) _PyUnicode_IsDigit(ch)
#define Py_UNICODE_ISNUMERIC(ch) _PyUnicode_IsNumeric(ch)
#define Py_UNICODE_ISPRINTABLE(ch) _PyUnicode_IsPrintable(ch)
#define Py_UNICODE_ISALPHA(ch) _PyUnicode_IsAlpha(ch)

#define Py_UNICODE_TOLOWER(ch) _PyUnicode_ToLowercase(ch)
#define Py_UNICODE_TOUPPER(ch) _PyUnicode_ToUppercase(ch)
#define Py_UNICODE_TOTITLE(ch) _PyUnicode_ToTitlecase(ch)
#define Py_UNICODE_TODECIMAL(ch) _PyUnicode_ToDecimalDigit(ch)
#define Py_UNICODE_TODIGIT(ch) _PyUnicode_ToDigit(ch)
#define Py_UNICODE_TONUMERIC(ch) _PyUnicode_ToNumeric(ch)

static inline int Py_UNICODE_ISSPACE(Py_UCS4 ch) {
    return ch < 128 ? _Py_ascii_whitespace[ch] : _PyUnicode_IsWhitespace(ch);
}
static inline int Py_UNICODE_ISALNUM(Py_UCS4 ch) {
    return Py_UNICODE_ISALPHA(ch) || Py_UNICODE_ISDECIMAL(ch) || Py_UNICODE_ISDIGIT(ch) || Py_UNICODE_ISNUMERIC(ch);
}

/* --- The writer with visible members: 0, or -1 with an exception --- */
#define _PyUnicodeWriter_Prepare(WRITER, LENGTH, MAXCHAR) \
    (((LENGTH) == 0 || ((LENGTH) <= (WRITER)->size - (WRITER)->pos && (MAXCHAR) <= (WRITER)->maxchar)) \
         ? 0 : _PyUnicodeWriter_PrepareInternal((WRITER), (LENGTH), (MAXCHAR)))
#define _PyUnicodeWriter_PrepareKind(WRITER, KIND) \
    ((KIND) <= (WRITER)->kind ? 0 : _PyUnicodeWriter_PrepareKindInternal((WRITER), (KIND)))

Py_DEPRECATED(3.14) static inline const char *_PyUnicode_AsString(PyObject *unicode) {
    return PyUnicode_AsUTF8(unicode);
}
#endif  /* Py_LIMITED_API */

#ifdef __cplusplus
}
#endif

#endif
