/* Numbers of thread states that are unique in the process.
 *
 * CPython counts thread states in each interpreter from 1. A ContextVar keeps the value that it gave last, for the
 * number of the thread state and the version of its context. An extension module whose variables are shared by all
 * interpreters (_decimal before 3.13) so gave a thread of one interpreter the value of another one's, which may be
 * gone: a MemoryError, or the end of the process. Here each interpreter counts from a number of its own.
 *
 * The layout is private, and the module is built for one minor version. */
#define Py_BUILD_CORE 1
#include <Python.h>

#include <internal/pycore_interp.h>

#if PY_VERSION_HEX >= 0x030F0000
#error "look at how PyThreadState.id and contextvar_get() are made, and whether this is needed still"
#endif

/* So many thread states of an interpreter have numbers of their own. */
#define NUMBERS ((uint64_t)1 << 40)

/* Numbers the first thread state of a new interpreter, which is current, and those that will follow. Called with the
 * GIL, before the interpreter runs code of anybody. */
void mp_number_threads(PyThreadState *first)
{
    PyInterpreterState *interpreter = first->interp;
    uint64_t offset = NUMBERS * (uint64_t)PyInterpreterState_GetID(interpreter);
    first->id += offset;
    interpreter->threads.next_unique_id += offset;
}
