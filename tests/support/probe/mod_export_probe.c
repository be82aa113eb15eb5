/* A C module that runs Python through mod_python's optional functions (include/mod_python.h): the
 * handler "export-probe" runs what X-Code says in the interpreter that X-Interpreter names. */
#include "mod_python.h"

#include "http_config.h"
#include "http_log.h"
#include "http_protocol.h"

APLOG_USE_MODULE(export_probe);

static APR_OPTIONAL_FN_TYPE(mp_acquire_interpreter) *acquire;
static APR_OPTIONAL_FN_TYPE(mp_release_interpreter) *release;
static APR_OPTIONAL_FN_TYPE(mp_get_request_object) *request_object;
static APR_OPTIONAL_FN_TYPE(mp_get_server_object) *server_object;
static APR_OPTIONAL_FN_TYPE(mp_get_connection_object) *connection_object;

static void retrieve(void)
{
    acquire = APR_RETRIEVE_OPTIONAL_FN(mp_acquire_interpreter);
    release = APR_RETRIEVE_OPTIONAL_FN(mp_release_interpreter);
    request_object = APR_RETRIEVE_OPTIONAL_FN(mp_get_request_object);
    server_object = APR_RETRIEVE_OPTIONAL_FN(mp_get_server_object);
    connection_object = APR_RETRIEVE_OPTIONAL_FN(mp_get_connection_object);
}

/* Takes the reference. */
static void give(PyObject *names, const char *name, PyObject *object)
{
    if (object == NULL) {
        PyErr_Print();
        return;
    }
    PyDict_SetItemString(names, name, object);
    Py_DECREF(object);
}

static void run(request_rec *r, const char *code)
{
    PyObject *names = PyDict_New();
    PyObject *result;
    PyObject *req = request_object(r);
    Py_XINCREF(req);
    PyDict_SetItemString(names, "__builtins__", PyEval_GetBuiltins());
    give(names, "req", req);
    give(names, "server", server_object(r->server));
    give(names, "conn", connection_object(r->connection));
    result = PyRun_String(code, Py_eval_input, names, names);
    if (result == NULL) {
        PyErr_Print();
        ap_rputs("failed", r);
    }
    else {
        PyObject *text = PyObject_Str(result);
        ap_rputs(PyUnicode_AsUTF8(text), r);
        Py_DECREF(text);
        Py_DECREF(result);
    }
    Py_DECREF(names);
}

static int handler(request_rec *r)
{
    const char *code = apr_table_get(r->headers_in, "X-Code");
    const char *name = apr_table_get(r->headers_in, "X-Interpreter");
    const char *inner = apr_table_get(r->headers_in, "X-Inner");
    PyInterpreterState *here;

    if (r->handler == NULL || strcmp(r->handler, "export-probe")) {
        return DECLINED;
    }
    if (acquire == NULL) {
        ap_rputs("no mod_python", r);
        return OK;
    }
    here = acquire(name);
    if (here == NULL) {
        return HTTP_SERVICE_UNAVAILABLE;
    }
    ap_rputs(here == PyInterpreterState_Get() ? "" : "elsewhere ", r);
    run(r, code);
    if (inner) {
        ap_rputs(" ", r);
        if (acquire(inner)) {
            run(r, code);
            release();
        }
        ap_rputs(" ", r);
        run(r, code);
    }
    release();
    if (apr_table_get(r->headers_in, "X-Too-Often")) {
        release();
        ap_rputs(request_object(r) == NULL ? " null" : " something", r);
    }
    return OK;
}

/* Asks for an interpreter in httpd's parent, before any child is forked: there is no Python there. */
static int in_parent(apr_pool_t *p, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    APR_OPTIONAL_FN_TYPE(mp_acquire_interpreter) *early =
        APR_RETRIEVE_OPTIONAL_FN(mp_acquire_interpreter);
    if (early != NULL && early(NULL) == NULL) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s, "no Python in the parent");
    }
    return OK;
}

static void register_hooks(apr_pool_t *p)
{
    ap_hook_optional_fn_retrieve(retrieve, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(in_parent, NULL, NULL, APR_HOOK_LAST);
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA export_probe_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, 0
};
