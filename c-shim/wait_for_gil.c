/* How a thread waits for the GIL so that it gets it in time, whichever interpreter the thread that has it runs.
 *
 * CPython's own wait leaves two things to chance. Before 3.13 a thread can ask only threads of its own interpreter to
 * let go of the GIL. And when the GIL is let go of, it goes to the thread that has waited longest for a signal: a
 * thread that waits longer than the switch interval asks, waits anew, and so gives up its place. Here a thread waits at
 * the same condition variable, asks all interpreters, and is the first to be given the GIL after it has asked.
 *
 * The layout is private, and the module is built for one minor version. */
#define Py_BUILD_CORE 1
#include <Python.h>

#include <internal/pycore_interp.h>
#include <internal/pycore_runtime.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

#if PY_VERSION_HEX >= 0x030F0000
#error "look at take_gil() in Python/ceval_gil.c, and do here what it does"
#endif

#ifdef Py_GIL_DISABLED

int mp_add_interpreter(PyInterpreterState *interpreter) { return 0; }
void mp_remove_interpreter(PyInterpreterState *interpreter) {}
int mp_wait_for_gil(int at_once) { return 0; }
int mp_change_interval(unsigned long from, unsigned long to) { return 0; }
void mp_note_taking(void) {}
PyInterpreterState *mp_waiting_interpreter(unsigned long *held) { *held = 0; return NULL; }

#else

#if PY_VERSION_HEX < 0x030D0000
#include <internal/pycore_atomic.h>
#define LOCKED(gil) _Py_atomic_load_relaxed(&(gil)->locked)
#else
#include <internal/pycore_ceval.h>
#define LOCKED(gil) _Py_atomic_load_int_relaxed(&(gil)->locked)
#endif

/* The interpreters whose threads are asked. Read and changed under the mutex of the GIL. */
struct asked {
    PyInterpreterState *interpreter;
    struct asked *next;
};

static struct asked *all_asked;

/* When a thread of this module took the GIL last; nanoseconds of the monotonic clock. */
static _Atomic uint64_t taken_at;

static struct _gil_runtime_state *the_gil(void)
{
#if PY_VERSION_HEX < 0x030C0000
    return &_PyRuntime.ceval.gil;
#else
    return PyInterpreterState_Main()->ceval.gil;
#endif
}

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* With the GIL. Returns -1 without memory. */
int mp_add_interpreter(PyInterpreterState *interpreter)
{
    struct asked *added = malloc(sizeof *added);
    if (added == NULL) {
        return -1;
    }
    struct _gil_runtime_state *gil = the_gil();
    pthread_mutex_lock(&gil->mutex);
    *added = (struct asked){interpreter, all_asked};
    all_asked = added;
    pthread_mutex_unlock(&gil->mutex);
    return 0;
}

/* With the GIL, before the interpreter ends. */
void mp_remove_interpreter(PyInterpreterState *interpreter)
{
    struct _gil_runtime_state *gil = the_gil();
    pthread_mutex_lock(&gil->mutex);
    struct asked **place = &all_asked;
    while (*place != NULL && (*place)->interpreter != interpreter) {
        place = &(*place)->next;
    }
    struct asked *removed = *place;
    if (removed != NULL) {
        *place = removed->next;
    }
    pthread_mutex_unlock(&gil->mutex);
    free(removed);
}

/* Asks the thread that has the GIL to let go of it. Called under the mutex of the GIL while it is locked, by a thread
 * that waits until it gets it: the thread that is asked waits until another one has taken the GIL. */
static void ask(struct _gil_runtime_state *gil)
{
#if PY_VERSION_HEX < 0x030D0000
    /* Which interpreter has it is not known for sure, since states can be swapped under the GIL. To ask one that has
     * it not changes nothing: a thread that takes the GIL clears the request of its interpreter. */
    (void)gil;
    for (struct asked *asked = all_asked; asked != NULL; asked = asked->next) {
        _Py_atomic_store_relaxed(&asked->interpreter->ceval.gil_drop_request, 1);
        _Py_atomic_store_relaxed(&asked->interpreter->ceval.eval_breaker, 1);
    }
#else
    PyThreadState *holder = (PyThreadState *)_Py_atomic_load_ptr_relaxed(&gil->last_holder);
    _Py_set_eval_breaker_bit(holder, _PY_GIL_DROP_REQUEST_BIT);
#endif
}

/* Waits until the GIL is free; the caller takes it at once by CPython's functions. Asks the thread that has it to let go
 * of it when the caller has waited for half of the switch interval, and no thread of this module has taken the GIL within
 * that time. With `at_once` it asks now, and leaves those that wait where they stand. Returns whether it has asked.
 * Called without the GIL. */
int mp_wait_for_gil(int at_once)
{
    int has_asked = 0;
    struct _gil_runtime_state *gil = the_gil();
    if (LOCKED(gil) == 1) {
        uint64_t since = now();
        pthread_mutex_lock(&gil->mutex);
        while (LOCKED(gil) == 1) {
            uint64_t patience = (uint64_t)gil->interval * 500u;
            uint64_t taken = atomic_load_explicit(&taken_at, memory_order_relaxed);
            uint64_t due = (taken > since ? taken : since) + patience;
            uint64_t time = now();
            if (at_once || time >= due) {
                if (!at_once) {
                    /* The others wait anew, behind this thread. */
                    pthread_cond_broadcast(&gil->cond);
                }
                ask(gil);
                has_asked = 1;
                /* If another thread is quicker all the same, this one asks again after half of the time. */
                since = time - patience / 2;
                due = since + patience;
                at_once = 0;
            }
            struct timespec until = {(time_t)(due / 1000000000u), (long)(due % 1000000000u)};
            pthread_cond_clockwait(&gil->cond, &gil->mutex, CLOCK_MONOTONIC, &until);
        }
        pthread_mutex_unlock(&gil->mutex);
    }
    return has_asked;
}

/* Changes the switch interval, in microseconds, if it is `from`. Returns whether it was. */
int mp_change_interval(unsigned long from, unsigned long to)
{
    struct _gil_runtime_state *gil = the_gil();
    pthread_mutex_lock(&gil->mutex);
    int is_it = gil->interval == from;
    if (is_it) {
        gil->interval = to;
    }
    pthread_mutex_unlock(&gil->mutex);
    return is_it;
}

/* Notes that a thread of this module takes the GIL now. */
void mp_note_taking(void)
{
    atomic_store_explicit(&taken_at, now(), memory_order_relaxed);
}

/* An interpreter, a thread of which waits for the GIL for longer than the switch interval; NULL if there is none.
 * `held`: which of all takings of the GIL the present one is; 0 while nobody has it. Before Python 3.13. */
PyInterpreterState *mp_waiting_interpreter(unsigned long *held)
{
    PyInterpreterState *found = NULL;
    *held = 0;
#if PY_VERSION_HEX < 0x030D0000
    struct _gil_runtime_state *gil = the_gil();
    if (LOCKED(gil) != 1) {
        return NULL;
    }
    pthread_mutex_lock(&gil->mutex);
    if (LOCKED(gil) == 1) {
        *held = gil->switch_number;
        for (struct asked *asked = all_asked; asked != NULL && found == NULL; asked = asked->next) {
            if (_Py_atomic_load_relaxed(&asked->interpreter->ceval.gil_drop_request)) {
                found = asked->interpreter;
            }
        }
    }
    pthread_mutex_unlock(&gil->mutex);
#endif
    return found;
}

#endif
