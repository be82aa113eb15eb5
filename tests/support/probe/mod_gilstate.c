/* A module that uses the PyGILState functions of Python in hooks, as C extensions with callbacks and other modules
 * that embed Python do. In each hook, and in its handler "gilstate", it takes the GIL, asks in which interpreter it is,
 * and gives the GIL back; the error log has "gilstate HOOK: OUTCOME". What the request header X-Gilstate says:
 *
 *   keep    the hooks keep the thread state of the first call for the life of the thread, as mod_wsgi does
 *   nested  the handler writes its response between PyGILState_Ensure and _Release, with the GIL let go of
 *   held    the same, and holds the GIL while it does so
 *
 * With "Define GILSTATE_STARTS", it starts Python in the child before any other module does.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "httpd.h"
#include "http_config.h"
#include "http_core.h"
#include "http_log.h"
#include "http_protocol.h"
#include "http_request.h"
#include "util_filter.h"

APLOG_USE_MODULE(gilstate);

static __thread int is_kept;

static int has(request_rec *r, const char *word)
{
    const char *words = apr_table_get(r->headers_in, "X-Gilstate");
    return words != NULL && ap_strstr_c(words, word) != NULL;
}

/* The number of the current interpreter, by Python code. */
static long interpreter(void)
{
    PyObject *globals = PyDict_New();
    PyObject *number;
    long answer = -1;
    PyDict_SetItemString(globals, "__builtins__", PyEval_GetBuiltins());
    number = PyRun_String("[len(x) for x in ((),)][0]", Py_eval_input, globals, globals);
    if (number != NULL) {
        answer = (long)PyInterpreterState_GetID(PyInterpreterState_Get()) + PyLong_AsLong(number);
        Py_DECREF(number);
    }
    else {
        PyErr_Print();
    }
    Py_DECREF(globals);
    return answer;
}

static void look(request_rec *r, const char *hook)
{
    PyThreadState *before, *after;
    PyGILState_STATE state;
    long number;

    if (!Py_IsInitialized()) {
        return;
    }
    before = PyGILState_GetThisThreadState();
    state = PyGILState_Ensure();
    number = interpreter();
    if (before != NULL && PyGILState_GetThisThreadState() != before) {
        number = -2;
    }
    if (has(r, "keep") && !is_kept) {
        is_kept = 1;
        PyGILState_Ensure();
        PyEval_SaveThread();
    }
    else {
        PyGILState_Release(state);
    }
    after = PyGILState_GetThisThreadState();
    ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, r, "gilstate %s: interpreter %ld, was %s, is %s", hook, number,
                  state == PyGILState_LOCKED ? "held" : "free",
                  before == after ? "as before" : before == NULL && is_kept ? "kept" : "changed");
}

static int post_read_request(request_rec *r)
{
    look(r, "post_read_request");
    return DECLINED;
}

static int fixups(request_rec *r)
{
    look(r, "fixups");
    return DECLINED;
}

static int log_transaction(request_rec *r)
{
    look(r, "log_transaction");
    return DECLINED;
}

static void insert_filter(request_rec *r)
{
    ap_add_output_filter("GILSTATE", NULL, r, r->connection);
    ap_add_input_filter("GILSTATE", NULL, r, r->connection);
}

static apr_status_t output(ap_filter_t *filter, apr_bucket_brigade *brigade)
{
    look(filter->r, "output");
    return ap_pass_brigade(filter->next, brigade);
}

static apr_status_t input(ap_filter_t *filter, apr_bucket_brigade *brigade, ap_input_mode_t mode,
                          apr_read_type_e block, apr_off_t bytes)
{
    look(filter->r, "input");
    return ap_get_brigade(filter->next, brigade, mode, block, bytes);
}

static int handler(request_rec *r)
{
    if (r->handler == NULL || strcmp(r->handler, "gilstate") != 0) {
        return DECLINED;
    }
    ap_set_content_type(r, "text/plain");
    look(r, "handler");
    if (has(r, "nested") || has(r, "held")) {
        PyGILState_STATE state = PyGILState_Ensure();
        PyThreadState *saved = has(r, "held") ? NULL : PyEval_SaveThread();
        ap_rputs("from c\n", r);
        ap_rflush(r);
        if (saved != NULL) {
            PyEval_RestoreThread(saved);
        }
        ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, r, "gilstate inside: interpreter %ld", interpreter());
        PyGILState_Release(state);
    }
    else {
        ap_rputs("from c\n", r);
    }
    look(r, "handler again");
    return OK;
}

static void child_init(apr_pool_t *pool, server_rec *server)
{
    (void)pool;
    (void)server;
    if (ap_exists_config_define("GILSTATE_STARTS")) {
        Py_InitializeEx(0);
        PyEval_SaveThread();
    }
}

static void register_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_post_read_request(post_read_request, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_fixups(fixups, NULL, NULL, APR_HOOK_REALLY_LAST);
    ap_hook_log_transaction(log_transaction, NULL, NULL, APR_HOOK_REALLY_LAST);
    ap_hook_insert_filter(insert_filter, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
    ap_register_output_filter("GILSTATE", output, NULL, AP_FTYPE_CONTENT_SET);
    ap_register_input_filter("GILSTATE", input, NULL, AP_FTYPE_CONTENT_SET);
}

module AP_MODULE_DECLARE_DATA gilstate_module = {STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks};
