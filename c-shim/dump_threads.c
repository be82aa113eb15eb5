/* The stacks of Python code without the GIL, as faulthandler writes them when a program has crashed. */
#define Py_BUILD_CORE 1
#include <Python.h>

#include <internal/pycore_traceback.h>

#if PY_VERSION_HEX >= 0x030F0000
#error "look at _Py_DumpTracebackThreads()"
#endif

/* Writes the stacks of the threads of all interpreters to a descriptor. The caller has found that no thread lets go of
 * the GIL: so none changes the frames that are read. */
void mp_dump_threads(int descriptor)
{
    PyInterpreterState *interpreter = PyInterpreterState_Head();
    for (; interpreter != NULL; interpreter = PyInterpreterState_Next(interpreter)) {
        _Py_DumpTracebackThreads(descriptor, interpreter, NULL);
    }
}
