/* Events for sys.monitoring. */
#ifndef Py_MONITORING_H
#define Py_MONITORING_H

#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_LIMITED_API
#define PY_MONITORING_EVENT_PY_START 0
#define PY_MONITORING_EVENT_PY_RESUME 1
#define PY_MONITORING_EVENT_PY_RETURN 2
#define PY_MONITORING_EVENT_PY_YIELD 3
#define PY_MONITORING_EVENT_CALL 4
#define PY_MONITORING_EVENT_LINE 5
#define PY_MONITORING_EVENT_INSTRUCTION 6
#define PY_MONITORING_EVENT_JUMP 7
#define PY_MONITORING_EVENT_BRANCH_LEFT 8
#define PY_MONITORING_EVENT_BRANCH_RIGHT 9
#define PY_MONITORING_EVENT_STOP_ITERATION 10
#define PY_MONITORING_EVENT_RAISE 11
#define PY_MONITORING_EVENT_EXCEPTION_HANDLED 12
#define PY_MONITORING_EVENT_PY_UNWIND 13
#define PY_MONITORING_EVENT_PY_THROW 14
#define PY_MONITORING_EVENT_RERAISE 15
#define PY_MONITORING_EVENT_C_RETURN 16
#define PY_MONITORING_EVENT_C_RAISE 17
#define PY_MONITORING_EVENT_BRANCH 18
#endif

#ifndef Py_LIMITED_API
typedef struct _PyMonitoringState {
    uint8_t active;
    uint8_t opaque;
} PyMonitoringState;
#endif

/* --- Scopes --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(int) PyMonitoring_EnterScope(PyMonitoringState *state_array, uint64_t *version,
    const uint8_t *event_types, Py_ssize_t length);  /* 0, or -1 with an exception */
PyAPI_FUNC(int) PyMonitoring_ExitScope(void);  /* 0 */
#endif

/* --- Names with an underscore: not for new code --- */
#ifndef Py_LIMITED_API
PyAPI_FUNC(int) _PyMonitoring_FirePyStartEvent(PyMonitoringState *state, PyObject *codelike, int32_t offset);
PyAPI_FUNC(int) _PyMonitoring_FirePyResumeEvent(PyMonitoringState *state, PyObject *codelike, int32_t offset);
PyAPI_FUNC(int) _PyMonitoring_FirePyReturnEvent(PyMonitoringState *state, PyObject *codelike, int32_t offset,
    PyObject *retval);
PyAPI_FUNC(int) _PyMonitoring_FirePyYieldEvent(PyMonitoringState *state, PyObject *codelike, int32_t offset,
    PyObject *retval);
PyAPI_FUNC(int) _PyMonitoring_FireCallEvent(PyMonitoringState *state, PyObject *codelike, int32_t offset,
    PyObject *callable, PyObject *arg0);
PyAPI_FUNC(int) _PyMonitoring_FireLineEvent(PyMonitoringState *state, PyObject *codelike, int32_t offset,
    int lineno);
PyAPI_FUNC(int) _PyMonitoring_FireJumpEvent(PyMonitoringState *state, PyObject *codelike, int32_t offset,
    PyObject *target_offset);
Py_DEPRECATED(3.14) PyAPI_FUNC(int) _PyMonitoring_FireBranchEvent(PyMonitoringState *state, PyObject *codelike,
    int32_t offset, PyObject *target_offset);
PyAPI_FUNC(int) _PyMonitoring_FireBranchRightEvent(PyMonitoringState *state, PyObject *codelike, int32_t offset,
    PyObject *target_offset);
PyAPI_FUNC(int) _PyMonitoring_FireBranchLeftEvent(PyMonitoringState *state, PyObject *codelike, int32_t offset,
    PyObject *target_offset);
PyAPI_FUNC(int) _PyMonitoring_FireCReturnEvent(PyMonitoringState *state, PyObject *codelike, int32_t offset,
    PyObject *retval);
PyAPI_FUNC(int) _PyMonitoring_FirePyThrowEvent(PyMonitoringState *state, PyObject *codelike, int32_t offset);
PyAPI_FUNC(int) _PyMonitoring_FireRaiseEvent(PyMonitoringState *state, PyObject *codelike, int32_t offset);
PyAPI_FUNC(int) _PyMonitoring_FireReraiseEvent(PyMonitoringState *state, PyObject *codelike, int32_t offset);
PyAPI_FUNC(int) _PyMonitoring_FireExceptionHandledEvent(PyMonitoringState *state, PyObject *codelike,
    int32_t offset);
PyAPI_FUNC(int) _PyMonitoring_FireCRaiseEvent(PyMonitoringState *state, PyObject *codelike, int32_t offset);
PyAPI_FUNC(int) _PyMonitoring_FirePyUnwindEvent(PyMonitoringState *state, PyObject *codelike, int32_t offset);
PyAPI_FUNC(int) _PyMonitoring_FireStopIterationEvent(PyMonitoringState *state, PyObject *codelike,
    int32_t offset, PyObject *value);
#endif

#ifndef Py_LIMITED_API
#define PY_MONITORING_IS_INSTRUMENTED_EVENT(ev) ((ev) < _PY_MONITORING_LOCAL_EVENTS)

/* --- Telling the tools of an event, where one listens: 0, or -1 with an exception --- */
#define _PyMonitoring_FIRE(NAME) \
    static inline int PyMonitoring_Fire##NAME##Event(PyMonitoringState *state, PyObject *codelike, int32_t offset) { \
        return state->active ? _PyMonitoring_Fire##NAME##Event(state, codelike, offset) : 0; \
    }
#define _PyMonitoring_FIRE_WITH(NAME, TYPE) \
    static inline int PyMonitoring_Fire##NAME##Event(PyMonitoringState *state, PyObject *codelike, int32_t offset, \
                                                     TYPE value) { \
        return state->active ? _PyMonitoring_Fire##NAME##Event(state, codelike, offset, value) : 0; \
    }
_PyMonitoring_FIRE(PyStart)
_PyMonitoring_FIRE(PyResume)
_PyMonitoring_FIRE_WITH(PyReturn, PyObject *)           /* what is returned */
_PyMonitoring_FIRE_WITH(PyYield, PyObject *)            /* what is yielded */
_PyMonitoring_FIRE_WITH(Line, int)                      /* the line's number */
_PyMonitoring_FIRE_WITH(Jump, PyObject *)               /* the offset of the target */
_PyMonitoring_FIRE_WITH(BranchRight, PyObject *)        /* the offset of the target */
_PyMonitoring_FIRE_WITH(BranchLeft, PyObject *)         /* the offset of the target */
_PyMonitoring_FIRE_WITH(CReturn, PyObject *)            /* what is returned */
_PyMonitoring_FIRE_WITH(StopIteration, PyObject *)      /* the iterator's value */
/* With the current exception: */
_PyMonitoring_FIRE(PyThrow)
_PyMonitoring_FIRE(Raise)
_PyMonitoring_FIRE(Reraise)
_PyMonitoring_FIRE(ExceptionHandled)
_PyMonitoring_FIRE(CRaise)
_PyMonitoring_FIRE(PyUnwind)
#undef _PyMonitoring_FIRE
#undef _PyMonitoring_FIRE_WITH

static inline int PyMonitoring_FireCallEvent(PyMonitoringState *state, PyObject *codelike, int32_t offset,
                                             PyObject *callable, PyObject *arg0) {
    return state->active ? _PyMonitoring_FireCallEvent(state, codelike, offset, callable, arg0) : 0;
}
#endif

#ifdef __cplusplus
}
#endif

#endif
