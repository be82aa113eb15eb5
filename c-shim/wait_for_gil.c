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

int mp_add_interpreter(PyInterpreterState *interpreter) { (void)interpreter; return 0; }
void mp_remove_interpreter(PyInterpreterState *interpreter) { (void)interpreter; }
int mp_wait_for_gil(void) { return 0; }
int mp_threads_wait(void) { return 0; }
int mp_look_after_turns(int always) { (void)always; return 0; }
void mp_sleep_while_gil_is_free(void) {}

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
    /* Whether `ask` has set its request, which no thread of it had set. */
    int by_ask;
};

static struct asked *all_asked;

/* When a thread of this module took the GIL last; nanoseconds of the monotonic clock. */
static _Atomic uint64_t taken_at;

/* How many threads of this module wait for the GIL. */
static _Atomic int waiting;

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
    *added = (struct asked){interpreter, all_asked, 0};
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

/* Asks the thread that has the GIL to let go of it. Called under the mutex of the GIL while it is locked. A thread that
 * lets go of the GIL while there is a request waits until another one has taken it: so the caller takes it afterwards,
 * or sees to it that somebody does; and it calls `clear`. */
static void ask(struct _gil_runtime_state *gil)
{
#if PY_VERSION_HEX < 0x030D0000
    /* Which interpreter has it is not known for sure, since states can be swapped under the GIL. */
    (void)gil;
    for (struct asked *asked = all_asked; asked != NULL; asked = asked->next) {
        asked->by_ask |= !_Py_atomic_load_relaxed(&asked->interpreter->ceval.gil_drop_request);
        _Py_atomic_store_relaxed(&asked->interpreter->ceval.gil_drop_request, 1);
        _Py_atomic_store_relaxed(&asked->interpreter->ceval.eval_breaker, 1);
    }
#else
    PyThreadState *holder = (PyThreadState *)_Py_atomic_load_ptr_relaxed(&gil->last_holder);
    _Py_set_eval_breaker_bit(holder, _PY_GIL_DROP_REQUEST_BIT);
#endif
}

/* Clears what `ask` has set, also where nobody was there to see it. Called under the mutex of the GIL. */
static void clear(void)
{
#if PY_VERSION_HEX < 0x030D0000
    for (struct asked *asked = all_asked; asked != NULL; asked = asked->next) {
        if (asked->by_ask) {
            asked->by_ask = 0;
            _Py_atomic_store_relaxed(&asked->interpreter->ceval.gil_drop_request, 0);
        }
    }
#endif
}

/* Waits until the GIL is free; the caller takes it at once by CPython's functions. Asks the thread that has it to let go
 * of it when the caller has waited for half of the switch interval, and no thread of this module has taken the GIL within
 * that time. Returns whether it has asked. Called without the GIL. */
int mp_wait_for_gil(void)
{
    int has_asked = 0;
    struct _gil_runtime_state *gil = the_gil();
    if (LOCKED(gil) == 1) {
        uint64_t since = now();
        atomic_fetch_add_explicit(&waiting, 1, memory_order_relaxed);
        pthread_mutex_lock(&gil->mutex);
        while (LOCKED(gil) == 1) {
            uint64_t patience = (uint64_t)gil->interval * 500u;
            uint64_t taken = atomic_load_explicit(&taken_at, memory_order_relaxed);
            uint64_t due = (taken > since ? taken : since) + patience;
            uint64_t time = now();
            if (time >= due) {
                /* The others wait anew, behind this thread. */
                pthread_cond_broadcast(&gil->cond);
                ask(gil);
                has_asked = 1;
                /* If another thread is quicker all the same, this one asks again after half of the time. */
                since = time - patience / 2;
                due = since + patience;
            }
            struct timespec until = {(time_t)(due / 1000000000u), (long)(due % 1000000000u)};
            pthread_cond_clockwait(&gil->cond, &gil->mutex, CLOCK_MONOTONIC, &until);
        }
        if (has_asked) {
            clear();
        }
        pthread_mutex_unlock(&gil->mutex);
        atomic_fetch_sub_explicit(&waiting, 1, memory_order_relaxed);
    }
    atomic_store_explicit(&taken_at, now(), memory_order_relaxed);
    return has_asked;
}

/* Whether a thread of this module waits for the GIL. */
int mp_threads_wait(void)
{
    return atomic_load_explicit(&waiting, memory_order_relaxed) > 0;
}

#if PY_VERSION_HEX < 0x030D0000

/* Whether a thread waits for the GIL in CPython for longer than the switch interval. */
static int is_waited_for(void)
{
    for (struct asked *asked = all_asked; asked != NULL; asked = asked->next) {
        if (_Py_atomic_load_relaxed(&asked->interpreter->ceval.gil_drop_request)) {
            return 1;
        }
    }
    return 0;
}

/* A look at the GIL, by one thread. If another thread has kept it since the last look, and a thread waits for it in
 * CPython, asks for that thread; with `always`, also if none is known to wait. Returns 0 if the GIL is free, 1 if it is
 * taken, 2 if this has asked and must look again soon. */
int mp_look_after_turns(int always)
{
    static unsigned long before;
    static int has_asked, was_free;
    struct _gil_runtime_state *gil = the_gil();
    pthread_mutex_lock(&gil->mutex);
    if (has_asked) {
        clear();
    }
    int is_free = LOCKED(gil) != 1;
    int same = gil->switch_number == before;
    if (!same) {
        has_asked = 0;
    } else if (is_free && was_free) {
        /* Nobody has waited after all. The thread that was asked goes on. Told at each look, since a busy machine may
         * keep it from waiting for the signal until long after the first. */
        pthread_mutex_lock(&gil->switch_mutex);
        pthread_cond_signal(&gil->switch_cond);
        pthread_mutex_unlock(&gil->switch_mutex);
        has_asked = 0;
    } else if (!is_free && !was_free && (always || is_waited_for())) {
        ask(gil);
        has_asked = 1;
    }
    before = gil->switch_number;
    was_free = is_free;
    pthread_mutex_unlock(&gil->mutex);
    return has_asked ? 2 : !is_free;
}

/* Waits until a thread takes the GIL, if it is free. take_gil() signals this condition variable under its mutex. */
void mp_sleep_while_gil_is_free(void)
{
    struct _gil_runtime_state *gil = the_gil();
    pthread_mutex_lock(&gil->switch_mutex);
    if (LOCKED(gil) != 1) {
        /* For a thread that has waited for the signal later than all looks. */
        pthread_cond_broadcast(&gil->switch_cond);
        pthread_cond_wait(&gil->switch_cond, &gil->switch_mutex);
        /* The signal may have been meant for a thread that has let go of the GIL because it was asked to. */
        pthread_cond_broadcast(&gil->switch_cond);
    }
    pthread_mutex_unlock(&gil->switch_mutex);
}

#else

int mp_look_after_turns(int always)
{
    (void)always;
    return 0;
}

void mp_sleep_while_gil_is_free(void)
{
}

#endif

#endif
