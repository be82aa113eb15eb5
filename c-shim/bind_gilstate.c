/* Which thread state the PyGILState functions take for that of the calling thread. CPython has no function to set it:
 * 3.11 keeps the first state of the thread, 3.12 the one that the thread used last. The layout is private, and the
 * module is built for one minor version. */
#define Py_BUILD_CORE 1
#include <Python.h>

#include <internal/pycore_runtime.h>

#if PY_VERSION_HEX >= 0x030F0000
#error "look at bind_gilstate_tstate() in Python/pystate.c, and do here what it does"
#endif

/* `state` is of the calling thread, or NULL; so is the one before. Needs no GIL. */
void mp_bind_gilstate(PyThreadState *state)
{
#if PY_VERSION_HEX < 0x030C0000
    PyThread_tss_set(&_PyRuntime.gilstate.autoTSSkey, state);
#else
    PyThreadState *before = PyThread_tss_get(&_PyRuntime.autoTSSkey);
    if (before != NULL) {
        before->_status.bound_gilstate = 0;
    }
    PyThread_tss_set(&_PyRuntime.autoTSSkey, state);
    if (state != NULL) {
        state->_status.bound_gilstate = 1;
    }
#endif
}
