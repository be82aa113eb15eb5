/* A handler that reads the body of its request as no Python handler can, and tells what it got.
 *
 * The query string is a list of reads, repeated until the body has ended or a read has failed:
 *     r7    READBYTES, at most 7 bytes        p7    SPECULATIVE (peek), at most 7 bytes
 *     l     GETLINE                           n     before any of them: do not wait
 * It answers with a line for each read that gave or failed something:
 *     READ STATUS DATA-IN-HEX [BUCKETS]       such as "r7 0 616263 DATA EOS"
 * and for reads that gave nothing with one line at the end, where they are counted.
 *
 * SetInputFilter METADATA_FIRST, below other filters: its first read gives a FLUSH, its second one metadata of its
 * own, and the others what they find below. */

#include "httpd.h"
#include "http_config.h"
#include "http_log.h"
#include "http_protocol.h"
#include "apr_strings.h"

/* A body whose reader has been told this often that there is nothing yet, 1 ms apart, is given up. */
#define MOST_EMPTY_READS 5000

module AP_MODULE_DECLARE_DATA read_probe_module;

struct probe {
    request_rec *r;
    apr_bucket_brigade *got;
    int empty;                  /* reads that gave nothing */
    apr_interval_time_t longest; /* read of those that must not wait */
    int ended;
};

static const char *kind(const apr_bucket *b)
{
    if (APR_BUCKET_IS_EOS(b)) {
        return "EOS";
    }
    if (APR_BUCKET_IS_FLUSH(b)) {
        return "FLUSH";
    }
    return APR_BUCKET_IS_METADATA(b) ? b->type->name : "DATA";
}

static void tell(struct probe *p, const char *read, apr_status_t status)
{
    request_rec *r = p->r;
    apr_bucket *b;

    ap_rprintf(r, "%s %d ", read, status);
    for (b = APR_BRIGADE_FIRST(p->got); b != APR_BRIGADE_SENTINEL(p->got); b = APR_BUCKET_NEXT(b)) {
        const char *data;
        apr_size_t length, i;

        if (!APR_BUCKET_IS_METADATA(b)
            && apr_bucket_read(b, &data, &length, APR_BLOCK_READ) == APR_SUCCESS) {
            for (i = 0; i < length; i++) {
                ap_rprintf(r, "%02x", (unsigned char)data[i]);
            }
        }
    }
    for (b = APR_BRIGADE_FIRST(p->got); b != APR_BRIGADE_SENTINEL(p->got); b = APR_BUCKET_NEXT(b)) {
        ap_rprintf(r, " %s", kind(b));
    }
    ap_rputs("\n", r);
}

/* One read; answers whether there is another one to come. */
static int do_read(struct probe *p, const char *read)
{
    const char *what = read;
    apr_read_type_e block = APR_BLOCK_READ;
    ap_input_mode_t mode;
    apr_off_t size;
    apr_status_t status;
    apr_interval_time_t took;

    if (*what == 'n') {
        block = APR_NONBLOCK_READ;
        what++;
    }
    mode = *what == 'l' ? AP_MODE_GETLINE : *what == 'p' ? AP_MODE_SPECULATIVE : AP_MODE_READBYTES;
    size = *what == 'l' ? 0 : apr_atoi64(what + 1);

    took = apr_time_now();
    status = ap_get_brigade(p->r->input_filters, p->got, mode, block, size);
    took = apr_time_now() - took;
    if (block == APR_NONBLOCK_READ && took > p->longest) {
        p->longest = took;
    }

    if (APR_STATUS_IS_EAGAIN(status) || (status == APR_SUCCESS && APR_BRIGADE_EMPTY(p->got))) {
        if (block == APR_BLOCK_READ) {
            tell(p, "ERROR: a read that waits gave nothing", status);
            return 0;
        }
        apr_sleep(1000);
        return ++p->empty < MOST_EMPTY_READS;
    }
    tell(p, read, status);
    /* An end that was only peeked at is still to be read. */
    p->ended = mode != AP_MODE_SPECULATIVE && !APR_BRIGADE_EMPTY(p->got)
               && APR_BUCKET_IS_EOS(APR_BRIGADE_LAST(p->got));
    apr_brigade_cleanup(p->got);
    return status == APR_SUCCESS && !p->ended;
}

static const char *header(const apr_table_t *headers, const char *name)
{
    const char *value = apr_table_get(headers, name);

    return value ? value : "-";
}

static int handler(request_rec *r)
{
    struct probe p = {r, NULL, 0, 0, 0};
    char *state, *read;

    if (!r->handler || strcmp(r->handler, "read-probe")) {
        return DECLINED;
    }
    p.got = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    ap_set_content_type(r, "text/plain");
    ap_rprintf(r, "length %s, coding %s, trailer %s\n", header(r->headers_in, "Content-Length"),
               header(r->headers_in, "Transfer-Encoding"), header(r->trailers_in, "X-Trailer"));
    do {
        read = apr_strtok(apr_pstrdup(r->pool, r->args ? r->args : "r8192"), ",", &state);
        while (read && do_read(&p, read)) {
            read = apr_strtok(NULL, ",", &state);
        }
    } while (!read);
    ap_rprintf(r, "empty %d, longest %d ms, trailer %s\n", p.empty, (int)(p.longest / 1000),
               header(r->trailers_in, "X-Trailer"));
    return OK;
}

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

static apr_status_t metadata_first(ap_filter_t *f, apr_bucket_brigade *target, ap_input_mode_t mode,
                                   apr_read_type_e block, apr_off_t limit)
{
    apr_bucket *b = apr_bucket_flush_create(f->c->bucket_alloc);

    if (f->ctx) {
        apr_bucket_destroy(b);
        ap_remove_input_filter(f);
        b = apr_bucket_alloc(sizeof(*b), f->c->bucket_alloc);
        APR_BUCKET_INIT(b);
        b->type = &metadata_type;
        b->free = apr_bucket_free;
        b->list = f->c->bucket_alloc;
        b->start = 0;
        b->length = 0;
        b->data = NULL;
    }
    f->ctx = f;
    APR_BRIGADE_INSERT_TAIL(target, b);
    return APR_SUCCESS;
}

static void hooks(apr_pool_t *pool)
{
    ap_register_input_filter("METADATA_FIRST", metadata_first, NULL, AP_FTYPE_CONTENT_SET);
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(read_probe) = {STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, hooks};
