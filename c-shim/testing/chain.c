/* The two ends of a filter's chain: what comes from above (or below) is put together bucket by bucket, what the filter
 * makes of it is written down.
 *
 * Records of what was seen: a letter, the length of what follows (8 bytes), and that.
 *   B a brigade    D data    F FLUSH    E EOS    X ERROR, its status    M other metadata, its name
 *   S the status of the response, as it went down first    H a header of it: name, NUL, value
 */
#include "bench.h"

#include <stdlib.h>

/* ---- what was seen */

static void note(bench *b, char kind, const void *data, apr_size_t length)
{
    apr_uint64_t size = length;

    if (b->room < b->length + 9 + length) {
        b->room = (b->length + 9 + length) * 2;
        b->seen = realloc(b->seen, b->room);
        if (!b->seen)
            abort();
    }
    b->seen[b->length] = kind;
    memcpy(b->seen + b->length + 1, &size, 8);
    if (length)
        memcpy(b->seen + b->length + 9, data, length);
    b->length += 9 + length;
}

static int note_header(void *data, const char *name, const char *value)
{
    bench *b = data;
    char *both = apr_pstrcat(b->r->pool, name, "\n", value, NULL);

    note(b, 'H', both, strlen(both));
    return 1;
}

static void note_number(bench *b, char kind, int number)
{
    char text[12];

    note(b, kind, text, apr_snprintf(text, sizeof text, "%d", number));
}

/* The headers as httpd's header filter would send them. */
static void note_headers(bench *b)
{
    request_rec *r = b->r;

    if (b->headers_seen++)
        return;
    note_number(b, 'S', r->status);
    if (r->content_type)
        note_header(b, "Content-Type", r->content_type);
    if (r->content_encoding)
        note_header(b, "Content-Encoding", r->content_encoding);
    apr_table_do(note_header, b, r->headers_out, NULL);
    apr_table_do(note_header, b, r->err_headers_out, NULL);
}

static apr_status_t note_buckets(bench *b, apr_bucket_brigade *brigade)
{
    apr_bucket *e;

    note(b, 'B', NULL, 0);
    for (e = APR_BRIGADE_FIRST(brigade); e != APR_BRIGADE_SENTINEL(brigade); e = APR_BUCKET_NEXT(e)) {
        const char *data;
        apr_size_t length;
        apr_status_t status;

        if (AP_BUCKET_IS_ERROR(e)) {
            note_number(b, 'X', ((ap_bucket_error *)e->data)->status);
            continue;
        }
        if (APR_BUCKET_IS_METADATA(e)) {
            char kind = APR_BUCKET_IS_EOS(e) ? 'E' : APR_BUCKET_IS_FLUSH(e) ? 'F' : 'M';

            note(b, kind, e->type->name, strlen(e->type->name));
            continue;
        }
        status = apr_bucket_read(e, &data, &length, APR_BLOCK_READ);
        if (status != APR_SUCCESS)
            return status;
        note(b, 'D', data, length);
    }
    return APR_SUCCESS;
}

/* The records since the last call. */
apr_size_t bench_seen(bench *b, const char **records)
{
    apr_size_t length = b->length;

    *records = b->seen;
    b->length = 0;
    return length;
}

/* ---- the ends of the chain */

/* In the place of httpd's header filter. */
apr_status_t collect(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    bench *b = f->ctx;
    apr_bucket *e;
    apr_off_t length = 0;
    apr_status_t status;

    if (b->passes++ == b->leaves_at) {
        b->c->aborted = 1;
        return APR_ECONNABORTED;
    }
    e = APR_BRIGADE_FIRST(brigade);
    if (!b->headers_seen && e != APR_BRIGADE_SENTINEL(brigade) && AP_BUCKET_IS_ERROR(e)) {
        /* httpd answers with an error page instead. */
        b->headers_seen = 1;
        b->r->status = ((ap_bucket_error *)e->data)->status;
        note_number(b, 'S', b->r->status);
        note_number(b, 'X', b->r->status);
        apr_brigade_cleanup(brigade);
        return AP_FILTER_ERROR;
    }
    note_headers(b);
    status = note_buckets(b, brigade);
    apr_brigade_length(brigade, 1, &length);
    b->r->bytes_sent += length;
    b->r->sent_bodyct = 1;
    /* httpd's filter leaves the chain when the headers are out: this one gets another name then. */
    f->frec = ap_get_output_filter_handle("collector");
    apr_brigade_cleanup(brigade);
    return status;
}

static apr_status_t nothing(apr_bucket *e, const char **data, apr_size_t *length, apr_read_type_e block)
{
    *data = NULL;
    *length = 0;
    return APR_SUCCESS;
}

static void keep(void *data) {}

#define METADATA(name) \
    {name, 5, APR_BUCKET_METADATA, keep, nothing, apr_bucket_setaside_noop, apr_bucket_split_notimpl, \
     apr_bucket_simple_copy}

/* Another module's metadata; the border between two brigades; a border where a read that may not wait ends. */
static const apr_bucket_type_t foreign = METADATA("FOREIGN"), border = METADATA("BORDER"), late = METADATA("LATE");

/* In the place of httpd's parser of bodies: it cannot read lines or peek. */
apr_status_t feed(ap_filter_t *f, apr_bucket_brigade *target, ap_input_mode_t mode, apr_read_type_e block,
                         apr_off_t limit)
{
    bench *b = f->ctx;
    apr_bucket *e;

    if (b == NULL) { /* the request of an output filter has no body */
        APR_BRIGADE_INSERT_TAIL(target, apr_bucket_eos_create(target->bucket_alloc));
        return APR_SUCCESS;
    }
    if (mode != AP_MODE_READBYTES)
        return mode == AP_MODE_GETLINE || mode == AP_MODE_SPECULATIVE ? APR_ENOTIMPL : APR_SUCCESS;
    while (limit > 0 && (e = APR_BRIGADE_FIRST(b->source)) != APR_BRIGADE_SENTINEL(b->source)) {
        if (e->type == &border || e->type == &late) {
            int is_late = e->type == &late;

            apr_bucket_delete(e);
            if (!APR_BRIGADE_EMPTY(target))
                return APR_SUCCESS;
            if (is_late && block == APR_NONBLOCK_READ)
                return APR_EAGAIN;
            continue;
        }
        if (AP_BUCKET_IS_ERROR(e)) {
            if (!APR_BRIGADE_EMPTY(target))
                return APR_SUCCESS;
            return ((ap_bucket_error *)e->data)->status;
        }
        b->at_end |= APR_BUCKET_IS_EOS(e);
        if (!APR_BUCKET_IS_METADATA(e)) {
            const char *data;
            apr_size_t length;
            apr_status_t status = apr_bucket_read(e, &data, &length, APR_BLOCK_READ);

            if (status != APR_SUCCESS)
                return status;
            if ((apr_off_t)length > limit) {
                apr_bucket_split(e, limit);
                length = limit;
            }
            limit -= length;
        }
        APR_BUCKET_REMOVE(e);
        APR_BRIGADE_INSERT_TAIL(target, e);
    }
    if (b->at_end && APR_BRIGADE_EMPTY(target) && limit > 0)
        APR_BRIGADE_INSERT_TAIL(target, apr_bucket_eos_create(target->bucket_alloc));
    return APR_SUCCESS;
}

/* ---- what comes */

/* A pipe: its length is unknown, and the first read that may not wait finds nothing. */
static apr_status_t pipe_read(apr_bucket *e, const char **data, apr_size_t *length, apr_read_type_e block)
{
    char *text = e->data;
    apr_size_t size = (apr_size_t)e->start;

    if (block == APR_NONBLOCK_READ)
        return APR_EAGAIN;
    e->length = size;
    e->start = 0;
    apr_bucket_immortal_make(e, text, size);
    return apr_bucket_read(e, data, length, block);
}

static const apr_bucket_type_t pipe_type = {
    "PIPE", 5, APR_BUCKET_DATA, keep, pipe_read, apr_bucket_setaside_notimpl, apr_bucket_split_notimpl,
    apr_bucket_copy_notimpl
};

/* Counts how often it is read or set aside. */

static apr_size_t touches;

static apr_status_t watched_read(apr_bucket *e, const char **data, apr_size_t *length, apr_read_type_e block)
{
    touches++;
    *data = (const char *)e->data + e->start;
    *length = e->length;
    return APR_SUCCESS;
}

static apr_status_t watched_setaside(apr_bucket *e, apr_pool_t *pool)
{
    touches++;
    return APR_SUCCESS;
}

static const apr_bucket_type_t watched_type = {
    "WATCHED", 5, APR_BUCKET_DATA, apr_bucket_destroy_noop, watched_read, watched_setaside, apr_bucket_simple_split,
    apr_bucket_simple_copy
};

apr_size_t bench_touches(void)
{
    return touches;
}

static apr_bucket *make(bench *b, const apr_bucket_type_t *type, void *data, apr_size_t start, apr_size_t length)
{
    apr_bucket *e = apr_bucket_alloc(sizeof *e, b->c->bucket_alloc);

    APR_BUCKET_INIT(e);
    e->free = apr_bucket_free;
    e->list = b->c->bucket_alloc;
    e->type = type;
    e->data = data;
    e->start = start;
    e->length = length;
    return e;
}

void bench_put(bench *b, char kind, const char *data, apr_size_t length)
{
    apr_bucket_alloc_t *list = b->c->bucket_alloc;
    apr_bucket *e;

    switch (kind) {
    case 'h':
        e = apr_bucket_heap_create(data, length, NULL, list);
        break;
    case 'i':
        e = apr_bucket_immortal_create(apr_pmemdup(b->r->pool, data, length), length, list);
        break;
    case 't': {
        char *copy = apr_pstrmemdup(b->r->pool, data, length);

        APR_ARRAY_PUSH(b->transient, struct iovec) = (struct iovec){copy, length};
        e = apr_bucket_transient_create(copy, length, list);
        break;
    }
    case 'p':
        e = make(b, &pipe_type, apr_pmemdup(b->r->pool, data, length), length, (apr_size_t)-1);
        break;
    case 'w':
        e = make(b, &watched_type, apr_pmemdup(b->r->pool, data, length), 0, length);
        break;
    case 'f':
        e = apr_bucket_flush_create(list);
        break;
    case 'e':
        e = apr_bucket_eos_create(list);
        break;
    case 'x':
        e = ap_bucket_error_create((int)length, NULL, b->r->pool, list);
        break;
    default:
        e = make(b, kind == 'b' ? &border : kind == 'l' ? &late : &foreign, NULL, 0, 0);
    }
    APR_BRIGADE_INSERT_TAIL(b->source, e);
}

/* Before a filter behind the headers sees a body, httpd has sent them. */
static void send_headers_first(bench *b)
{
    ap_filter_t *f = b->r->output_filters;
    apr_bucket *e = APR_BRIGADE_FIRST(b->source);

    if (f->frec->ftype < AP_FTYPE_PROTOCOL || !f->next || e == APR_BRIGADE_SENTINEL(b->source) || AP_BUCKET_IS_ERROR(e))
        return;
    note_headers(b);
    b->r->sent_bodyct = 1;
    f->next->frec = ap_get_output_filter_handle("collector");
}

int bench_pass(bench *b)
{
    int i;
    apr_status_t status;

    send_headers_first(b);
    status = ap_pass_brigade(b->r->output_filters, b->source);
    apr_brigade_cleanup(b->source);
    for (i = 0; i < b->transient->nelts; i++) {
        struct iovec *used = &APR_ARRAY_IDX(b->transient, i, struct iovec);

        memset(used->iov_base, '#', used->iov_len);
    }
    b->transient->nelts = 0;
    return status;
}

/* Returns 0, -1 for "nothing yet", -2 for "nothing any more", or the HTTP status with which its reader answers. */
int bench_read(bench *b, char mode, int blocks, apr_off_t limit)
{
    ap_input_mode_t how = mode == 'l' ? AP_MODE_GETLINE : mode == 'p' ? AP_MODE_SPECULATIVE : AP_MODE_READBYTES;
    apr_status_t status =
        ap_get_brigade(b->r->input_filters, b->taken, how, blocks ? APR_BLOCK_READ : APR_NONBLOCK_READ, limit);
    apr_status_t read = note_buckets(b, b->taken);

    apr_brigade_cleanup(b->taken);
    status = status ? status : read;
    if (status == APR_SUCCESS)
        return 0;
    if (APR_STATUS_IS_EAGAIN(status) || APR_STATUS_IS_EOF(status))
        return APR_STATUS_IS_EAGAIN(status) ? -1 : -2;
    status = ap_map_http_request_error(status, HTTP_BAD_REQUEST);
    return status == AP_FILTER_ERROR ? HTTP_INTERNAL_SERVER_ERROR : status;
}

void bench_leave_at(bench *b, int brigade)
{
    b->leaves_at = brigade;
}

/* For input: the status of the response, and the request's headers as its reader finds them. */
void bench_note_headers(bench *b)
{
    note_number(b, 'S', b->r->status);
    apr_table_do(note_header, b, b->r->headers_in, NULL);
}
