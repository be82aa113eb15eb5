/* What Python handlers and filters are measured by (tests/bench): the same work in C, as a module does it by hand.
 *
 * SetHandler bench-hello and bench-hello-flush: a line of text, the second with a FLUSH behind it.
 * SetOutputFilter BENCH_COPY: reads and copies each bucket of data, and passes the copies on in one brigade.
 * SetHandler bench-count: has valgrind's tool callgrind write a file of the instructions since the last time. */

#include "httpd.h"
#include "http_config.h"
#include "http_protocol.h"
#include "http_request.h"
#include "apr_buckets.h"
#include "util_filter.h"
#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_DUMP_STATS_AT(name) (void)(name)
#endif

module AP_MODULE_DECLARE_DATA bench_module;

static int hello(request_rec *r)
{
    int flush = !strcmp(r->handler, "bench-hello-flush");

    if (!flush && strcmp(r->handler, "bench-hello")) {
        return DECLINED;
    }
    ap_set_content_type(r, "text/plain");
    ap_rputs("Hello\n", r);
    if (flush) {
        ap_rflush(r);
    }
    return OK;
}

static int count(request_rec *r)
{
    if (strcmp(r->handler, "bench-count") || !r->args) {
        return DECLINED;
    }
    CALLGRIND_DUMP_STATS_AT(r->args);
    ap_set_content_type(r, "text/plain");
    ap_rputs("Done\n", r);
    return OK;
}

static apr_status_t identity(ap_filter_t *f, apr_bucket_brigade *in)
{
    apr_bucket_brigade *out = apr_brigade_create(f->r->pool, f->c->bucket_alloc);
    apr_bucket *b;
    apr_status_t status;

    while (!APR_BRIGADE_EMPTY(in)) {
        const char *data;
        apr_size_t length;

        b = APR_BRIGADE_FIRST(in);
        if (!APR_BUCKET_IS_METADATA(b)) {
            status = apr_bucket_read(b, &data, &length, APR_BLOCK_READ);
            if (status != APR_SUCCESS) {
                return status;
            }
            APR_BRIGADE_INSERT_TAIL(out, apr_bucket_heap_create(data, length, NULL, f->c->bucket_alloc));
            apr_bucket_delete(b);
            continue;
        }
        APR_BUCKET_REMOVE(b);
        APR_BRIGADE_INSERT_TAIL(out, b);
    }
    status = ap_pass_brigade(f->next, out);
    apr_brigade_cleanup(out);
    return status;
}

static void hooks(apr_pool_t *p)
{
    ap_hook_handler(hello, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(count, NULL, NULL, APR_HOOK_MIDDLE);
    ap_register_output_filter("BENCH_COPY", identity, NULL, AP_FTYPE_RESOURCE);
}

module AP_MODULE_DECLARE_DATA bench_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, hooks,
};
