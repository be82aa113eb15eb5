/* For tests: a handler that sends the very buckets that a test asks for, and filters that log what they get.
 *
 * SetHandler probe: the query is a list of words, each a bucket at the end of the brigade, or a deed:
 *   d:TEXT heap    i:TEXT immortal    t:TEXT transient, overwritten once it was passed
 *   u:TEXT of unknown length until it is read    z data of length 0    m metadata of our own
 *   f FLUSH    e EOS    b pass the brigade (an empty one, too)    l:N sets Content-Length
 * SetOutputFilter PROBE logs each brigade that reaches the end of the response's own filters; PROBE_WIRE what
 * reaches the connection, of each request anew.
 */
#include "httpd.h"
#include "apr_strings.h"
#include "http_config.h"
#include "http_log.h"
#include "http_protocol.h"
#include "http_request.h"
#include "util_filter.h"

module AP_MODULE_DECLARE_DATA probe_module;

static void nothing_to_destroy(void *data) {}

static apr_status_t read_nothing(apr_bucket *b, const char **data, apr_size_t *length, apr_read_type_e block)
{
    *data = NULL;
    *length = 0;
    return APR_SUCCESS;
}

static const apr_bucket_type_t metadata_type = {
    "PROBE", 5, APR_BUCKET_METADATA, nothing_to_destroy, read_nothing,
    apr_bucket_setaside_noop, apr_bucket_split_notimpl, apr_bucket_simple_copy
};

static apr_status_t read_unknown(apr_bucket *b, const char **data, apr_size_t *length, apr_read_type_e block)
{
    char *text = b->data;
    apr_bucket_heap_make(b, text, strlen(text), NULL);
    return apr_bucket_read(b, data, length, block);
}

static const apr_bucket_type_t unknown_type = {
    "UNKNOWN", 5, APR_BUCKET_DATA, nothing_to_destroy, read_unknown,
    apr_bucket_setaside_noop, apr_bucket_split_notimpl, apr_bucket_copy_notimpl
};

static apr_bucket *own_bucket(const apr_bucket_type_t *type, apr_size_t length, void *data, apr_bucket_alloc_t *list)
{
    apr_bucket *b = apr_bucket_alloc(sizeof(*b), list);
    APR_BUCKET_INIT(b);
    b->type = type;
    b->free = apr_bucket_free;
    b->list = list;
    b->start = 0;
    b->length = length;
    b->data = data;
    return b;
}

static apr_bucket *bucket_for(request_rec *r, char kind, const char *text, char *lent)
{
    apr_bucket_alloc_t *list = r->connection->bucket_alloc;
    apr_size_t length = strlen(text);
    switch (kind) {
    case 'd': return apr_bucket_heap_create(text, length, NULL, list);
    case 'i': return apr_bucket_immortal_create(text, length, list);
    case 't': return apr_bucket_transient_create(apr_cpystrn(lent, text, 64) - length, length, list);
    case 'u': return own_bucket(&unknown_type, (apr_size_t)-1, apr_pstrdup(r->pool, text), list);
    case 'z': return apr_bucket_immortal_create("", 0, list);
    case 'm': return own_bucket(&metadata_type, 0, NULL, list);
    case 'f': return apr_bucket_flush_create(list);
    default: return apr_bucket_eos_create(list);
    }
}

static int handler(request_rec *r)
{
    char lent[16][64], *state, *word;
    int used = 0;
    apr_bucket_brigade *brigade;
    apr_status_t status = APR_SUCCESS;
    if (!r->handler || strcmp(r->handler, "probe") || !r->args) {
        return DECLINED;
    }
    ap_set_content_type(r, "text/plain");
    brigade = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    for (word = apr_strtok(apr_pstrdup(r->pool, r->args), ",", &state); word; word = apr_strtok(NULL, ",", &state)) {
        const char *text = word[1] == ':' ? word + 2 : "";
        if (*word == 'l') {
            ap_set_content_length(r, apr_atoi64(text));
        }
        else if (*word == 'b') {
            status = ap_pass_brigade(r->output_filters, brigade);
            apr_brigade_cleanup(brigade);
            memset(lent, '#', sizeof(lent));
            used = 0;
        }
        else {
            APR_BRIGADE_INSERT_TAIL(brigade, bucket_for(r, *word, text, lent[used++ % 16]));
        }
        if (status != APR_SUCCESS) {
            return AP_FILTER_ERROR;
        }
    }
    if (!APR_BRIGADE_EMPTY(brigade)) {
        status = ap_pass_brigade(r->output_filters, brigade);
    }
    return status == APR_SUCCESS ? OK : AP_FILTER_ERROR;
}

/* One line for a brigade, as " HEAP=5 FLUSH". */
static const char *described(apr_pool_t *pool, apr_bucket_brigade *brigade)
{
    const char *text = "";
    apr_bucket *b;
    for (b = APR_BRIGADE_FIRST(brigade); b != APR_BRIGADE_SENTINEL(brigade); b = APR_BUCKET_NEXT(b)) {
        const char *one = b->type->name;
        if (AP_BUCKET_IS_ERROR(b)) {
            one = apr_psprintf(pool, "ERROR=%d", ((ap_bucket_error *)b->data)->status);
        }
        else if (!APR_BUCKET_IS_METADATA(b)) {
            one = apr_psprintf(pool, "%s=%" APR_SSIZE_T_FMT, one, (apr_ssize_t)b->length);
        }
        text = apr_pstrcat(pool, text, " ", one, NULL);
    }
    return *text ? text : " (empty)";
}

static apr_status_t log_brigade(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    if (brigade) {
        ap_log_cerror(APLOG_MARK, APLOG_NOTICE, 0, f->c, "%s:%s", f->frec->name, described(f->c->pool, brigade));
    }
    return ap_pass_brigade(f->next, brigade);
}

static void hooks(apr_pool_t *pool)
{
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
    ap_register_output_filter("PROBE", log_brigade, NULL, AP_FTYPE_CONTENT_SET - 1);
    ap_register_output_filter("PROBE_WIRE", log_brigade, NULL, AP_FTYPE_CONNECTION);
}

AP_DECLARE_MODULE(probe) = {STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, hooks, 0};
