/* CPython 3.11's PyGILState API takes the first thread state of a thread for the one that it uses
 * now; with several interpreters that is the wrong one (or a deadlock). 3.12 fixed it by binding at
 * each switch; this does the same for 3.11. Private layout: the module is built for one minor version. */
#define Py_BUILD_CORE 1
#include <Python.h>

#if PY_VERSION_HEX < 0x030C0000
#include <internal/pycore_runtime.h>
#endif

void mp_bind_gilstate(PyThreadState *state)
{
#if PY_VERSION_HEX < 0x030C0000
    PyThread_tss_set(&_PyRuntime.gilstate.autoTSSkey, state);
#else
    (void)state;
#endif
}
