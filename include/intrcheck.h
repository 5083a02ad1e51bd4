/* Interrupts, and what is to be done around fork(). */
#ifndef Py_INTRCHECK_H
#define Py_INTRCHECK_H

#ifdef __cplusplus
extern "C" {
#endif

/* --- The operating system --- */
Py_DEPRECATED(3.7) PyAPI_FUNC(void) PyOS_AfterFork(void);
PyAPI_FUNC(int) PyOS_InterruptOccurred(void);  /* 1 where SIGINT came; only in the main thread */
#if _Py_API >= 0x03070000
PyAPI_FUNC(void) PyOS_BeforeFork(void);  /* before fork() */
PyAPI_FUNC(void) PyOS_AfterFork_Parent(void);  /* after fork(), in the parent, whether it succeeded or not */
PyAPI_FUNC(void) PyOS_AfterFork_Child(void);  /* after fork(), in the child */
#endif

#ifdef __cplusplus
}
#endif

#endif
