/* The stacks of Python code without the GIL, as faulthandler writes them when a program has crashed. CPython's function
 * for that is not exported from 3.13 on.
 *
 * The layout is private, and the module is built for one minor version. */
#define Py_BUILD_CORE 1
#include <Python.h>

#if PY_VERSION_HEX >= 0x030F0000
#error "look at dump_frame() and dump_traceback() in Python/traceback.c, and do here what they do"
#endif

#if PY_VERSION_HEX < 0x030D0000

#include <internal/pycore_traceback.h>

static void dump_interpreter(int descriptor, PyInterpreterState *interpreter)
{
    _Py_DumpTracebackThreads(descriptor, interpreter, NULL);
}

#else

#include <internal/pycore_frame.h>
#if PY_VERSION_HEX >= 0x030E0000
#include <internal/pycore_interpframe.h>
#else
#define FRAME_OWNED_BY_INTERPRETER FRAME_OWNED_BY_CSTACK
#endif

/* How much of a stack, and of an interpreter, is written, in case that what is read goes in circles. */
#define MOST_FRAMES 100
#define MOST_THREADS 1000

/* Writes a text in ASCII. Converting it by CPython's functions would change the object. */
static void dump_text(int descriptor, PyObject *text)
{
    if (text == NULL || !PyUnicode_Check(text)) {
        dprintf(descriptor, "?");
        return;
    }
    char line[512];
    int used = 0;
    for (Py_ssize_t i = 0; i < PyUnicode_GET_LENGTH(text) && used < (int)sizeof line - 12; i++) {
        unsigned character = PyUnicode_READ_CHAR(text, i);
        int is_plain = character >= ' ' && character < 0x7f;
        used += sprintf(line + used, is_plain ? "%c" : "\\U%08x", character);
    }
    dprintf(descriptor, "%.*s", used, line);
}

static void dump_thread(int descriptor, PyThreadState *thread)
{
    dprintf(descriptor, "Thread 0x%016lx (most recent call first):\n", thread->thread_id);
    int written = 0;
    for (struct _PyInterpreterFrame *frame = thread->current_frame; frame != NULL; frame = frame->previous) {
        if (frame->owner >= FRAME_OWNED_BY_INTERPRETER) {
            continue; /* where C code called Python's */
        }
        if (written++ == MOST_FRAMES) {
            dprintf(descriptor, "  ...\n");
            break;
        }
        PyCodeObject *code = _PyFrame_GetCode(frame);
        dprintf(descriptor, "  File \"");
        dump_text(descriptor, code->co_filename);
        dprintf(descriptor, "\", line %d in ", PyUnstable_InterpreterFrame_GetLine(frame));
        dump_text(descriptor, code->co_name);
        dprintf(descriptor, "\n");
    }
    if (written == 0) {
        dprintf(descriptor, "  <no Python frame>\n");
    }
}

static void dump_interpreter(int descriptor, PyInterpreterState *interpreter)
{
    PyThreadState *thread = PyInterpreterState_ThreadHead(interpreter);
    for (int i = 0; thread != NULL && i < MOST_THREADS; i++) {
        if (i > 0) {
            dprintf(descriptor, "\n");
        }
        dump_thread(descriptor, thread);
        thread = PyThreadState_Next(thread);
    }
}

#endif

/* Writes the stacks of the threads of all interpreters to a descriptor. The caller has found that no thread lets go of
 * the GIL: so none changes the frames that are read. */
void mp_dump_threads(int descriptor)
{
    PyInterpreterState *interpreter = PyInterpreterState_Head();
    for (; interpreter != NULL; interpreter = PyInterpreterState_Next(interpreter)) {
        dump_interpreter(descriptor, interpreter);
    }
}
