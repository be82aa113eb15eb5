/* What Python code can set for its thread alone, and what must not stay there when the thread goes on with something
 * else: the functions of sys.settrace() and sys.setprofile(), and an exception that another thread has sent
 * (PyThreadState_SetAsyncExc). The fields of the thread state are the same in all versions that the module supports. */
#define Py_BUILD_CORE 1
#include <Python.h>

#if PY_VERSION_HEX >= 0x030F0000
#error "look at the fields of PyThreadState that are used here"
#endif

struct mp_thread_functions {
    Py_tracefunc trace, profile;
    PyObject *trace_object, *profile_object;
};

/* An exception that was sent for code of this thread that has ended. */
static void drop_exception(PyThreadState *state)
{
    if (state->async_exc != NULL) {
        PyThreadState_SetAsyncExc(PyThread_get_thread_ident(), NULL);
    }
}

/* Keeps the functions of this thread. Called with the GIL, before code of a request or the like. */
void mp_keep_thread_functions(struct mp_thread_functions *kept)
{
    PyThreadState *state = PyThreadState_Get();
    drop_exception(state);
    kept->trace = state->c_tracefunc;
    kept->trace_object = Py_XNewRef(state->c_traceobj);
    kept->profile = state->c_profilefunc;
    kept->profile_object = Py_XNewRef(state->c_profileobj);
}

/* Puts them back where they are others now. Called with the GIL, once for each call of the function above. */
void mp_put_back_thread_functions(struct mp_thread_functions *kept)
{
    PyThreadState *state = PyThreadState_Get();
    drop_exception(state);
    if (state->c_tracefunc != kept->trace || state->c_traceobj != kept->trace_object) {
        PyEval_SetTrace(kept->trace, kept->trace_object);
    }
    if (state->c_profilefunc != kept->profile || state->c_profileobj != kept->profile_object) {
        PyEval_SetProfile(kept->profile, kept->profile_object);
    }
    Py_XDECREF(kept->trace_object);
    Py_XDECREF(kept->profile_object);
}
