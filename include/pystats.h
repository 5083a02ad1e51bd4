/* Counters of a build with statistics. */
#ifndef Py_PYSTATS_H
#define Py_PYSTATS_H

/* No counters in this build. */
#define _Py_INCREF_STAT_INC() ((void)0)
#define _Py_DECREF_STAT_INC() ((void)0)
#define _Py_INCREF_IMMORTAL_STAT_INC() ((void)0)
#define _Py_DECREF_IMMORTAL_STAT_INC() ((void)0)

#endif
