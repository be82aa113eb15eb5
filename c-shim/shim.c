/* Bodies for httpd's macros and variadic functions: nothing else belongs here. */
#include "shim.h"

#include <dlfcn.h>

#include "mod_proxy.h"

/* `cargo test` links what needs APR only, without httpd: there these two are null, and unused. */
#pragma weak ap_bucket_type_error
#pragma weak ap_log_error_

void mp_log_request(const char *file, int line, int module_index, int level,
                    apr_status_t status, const request_rec *r, const char *text)
{
    ap_log_rerror_(file, line, module_index, level, status, r, "%s", text);
}

void mp_log_connection(const char *file, int line, int module_index, int level,
                       apr_status_t status, const conn_rec *c, const char *text)
{
    ap_log_cerror_(file, line, module_index, level, status, c, "%s", text);
}

void mp_log_server(const char *file, int line, int module_index, int level,
                   apr_status_t status, const server_rec *s, const char *text)
{
    ap_log_error_(file, line, module_index, level, status, s, "%s", text);
}

apr_bucket *mp_brigade_first(const apr_bucket_brigade *brigade)
{
    apr_bucket *first = APR_BRIGADE_FIRST(brigade);
    return first == APR_BRIGADE_SENTINEL(brigade) ? NULL : first;
}

apr_bucket *mp_brigade_last(const apr_bucket_brigade *brigade)
{
    apr_bucket *last = APR_BRIGADE_LAST(brigade);
    return last == APR_BRIGADE_SENTINEL(brigade) ? NULL : last;
}

apr_bucket *mp_brigade_next(const apr_bucket_brigade *brigade, const apr_bucket *bucket)
{
    apr_bucket *next = APR_BUCKET_NEXT(bucket);
    return next == APR_BRIGADE_SENTINEL(brigade) ? NULL : next;
}

apr_bucket *mp_brigade_prev(const apr_bucket_brigade *brigade, const apr_bucket *bucket)
{
    apr_bucket *previous = APR_BUCKET_PREV(bucket);
    return previous == APR_BRIGADE_SENTINEL(brigade) ? NULL : previous;
}

void mp_brigade_insert_tail(apr_bucket_brigade *brigade, apr_bucket *bucket)
{
    APR_BRIGADE_INSERT_TAIL(brigade, bucket);
}

void mp_brigade_concat(apr_bucket_brigade *head, apr_bucket_brigade *tail)
{
    APR_BRIGADE_CONCAT(head, tail);
}

void mp_brigade_prepend(apr_bucket_brigade *tail, apr_bucket_brigade *head)
{
    APR_BRIGADE_PREPEND(tail, head);
}

int mp_bucket_is_error(const apr_bucket *bucket)
{
    return AP_BUCKET_IS_ERROR(bucket);
}

void mp_bucket_init(apr_bucket *bucket, apr_bucket_alloc_t *list)
{
    APR_BUCKET_INIT(bucket);
    bucket->free = apr_bucket_free;
    bucket->list = list;
}

void mp_bucket_insert_after(apr_bucket *place, apr_bucket *bucket)
{
    APR_BUCKET_INSERT_AFTER(place, bucket);
}

void mp_bucket_remove(apr_bucket *bucket)
{
    APR_BUCKET_REMOVE(bucket);
}

void mp_bucket_destroy(apr_bucket *bucket)
{
    apr_bucket_destroy(bucket);
}

apr_status_t mp_bucket_read(apr_bucket *bucket, const char **data, apr_size_t *length,
                            apr_read_type_e block)
{
    return apr_bucket_read(bucket, data, length, block);
}

apr_status_t mp_bucket_split(apr_bucket *bucket, apr_size_t point)
{
    return apr_bucket_split(bucket, point);
}

apr_status_t mp_bucket_setaside(apr_bucket *bucket, apr_pool_t *pool)
{
    return apr_bucket_setaside(bucket, pool);
}

apr_size_t mp_flush_max_threshold(const server_rec *s)
{
    const core_server_config *conf = ap_get_core_module_config(s->module_config);
    return conf->flush_max_threshold;
}

int mp_max_ranges(const request_rec *r)
{
    const core_dir_config *conf = ap_get_core_module_config(r->per_dir_config);
    return conf->max_ranges;
}

void mp_hook_status(int (*function)(request_rec *r, int flags))
{
    APR_OPTIONAL_HOOK(ap, status_hook, function, NULL, NULL, APR_HOOK_MIDDLE);
}

void mp_hook_proxy_scheme(mp_proxy_scheme *function)
{
    /* httpd loads modules with RTLD_GLOBAL; to link against one would ask for it to be loaded. */
    __typeof__(proxy_hook_scheme_handler) *hook = dlsym(RTLD_DEFAULT, "proxy_hook_scheme_handler");
    if (hook)
        hook((proxy_HOOK_scheme_handler_t *) (void (*)(void)) function, NULL, NULL,
             APR_HOOK_REALLY_FIRST);
}

void mp_ssi_append_error_text(include_ctx_t *context, ap_filter_t *filter,
                              apr_bucket_brigade *brigade)
{
    SSI_CREATE_ERROR_BUCKET(context, filter, brigade);
}

int mp_status_is_again(apr_status_t status)
{
    return APR_STATUS_IS_EAGAIN(status);
}

int mp_status_is_timeout(apr_status_t status)
{
    return APR_STATUS_IS_TIMEUP(status) || APR_STATUS_IS_ETIMEDOUT(status);
}

int mp_status_is_eof(apr_status_t status)
{
    return APR_STATUS_IS_EOF(status);
}

int mp_status_is_not_found(apr_status_t status)
{
    return APR_STATUS_IS_ENOENT(status);
}
