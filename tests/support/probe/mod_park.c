/* The least that a module can do to serve an echo without a thread per connection: what a parked
 * connection costs httpd itself. MOD_PARK: `ParkEcho On`. */
#include "httpd.h"
#include "http_config.h"
#include "http_connection.h"
#include "http_core.h"
#include "util_filter.h"

module AP_MODULE_DECLARE_DATA park_module;

static void *create(apr_pool_t *p, server_rec *s)
{
    return apr_pcalloc(p, sizeof(int));
}

static const char *on(cmd_parms *cmd, void *unused, int flag)
{
    *(int *)ap_get_module_config(cmd->server->module_config, &park_module) = flag;
    return NULL;
}

static int process(conn_rec *c)
{
    apr_bucket_brigade *bb;
    apr_status_t rv;
    if (!*(int *)ap_get_module_config(c->base_server->module_config, &park_module))
        return DECLINED;
    bb = apr_brigade_create(c->pool, c->bucket_alloc);
    for (;;) {
        rv = ap_get_brigade(c->input_filters, bb, AP_MODE_READBYTES, APR_NONBLOCK_READ, 8192);
        if (rv != APR_SUCCESS || APR_BRIGADE_EMPTY(bb))
            break;
        APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_flush_create(c->bucket_alloc));
        ap_pass_brigade(c->output_filters, bb);
        apr_brigade_cleanup(bb);
    }
    apr_brigade_destroy(bb);
    if (rv != APR_SUCCESS && !APR_STATUS_IS_EAGAIN(rv))
        return OK;
    c->cs->state = CONN_STATE_ASYNC_WAITIO;
    c->cs->sense = CONN_SENSE_WANT_READ;
    return OK;
}

static const command_rec commands[] = {
    AP_INIT_FLAG("ParkEcho", on, NULL, RSRC_CONF, "serve an echo here"), {NULL}};

static void hooks(apr_pool_t *p)
{
    ap_hook_process_connection(process, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(park) = {STANDARD20_MODULE_STUFF, NULL, NULL, create, NULL, commands, hooks};
