/* For authors' tests: what mod_python.so asks of httpd while a filter works, without httpd. Brigades, buckets, pools
 * and tables are APR's own; what stands here is the few functions of httpd itself. bench.c makes requests with them.
 *
 * The build adds all others that the module knows: they end the process with their name. `cargo test` links all of it.
 */
#include "bench.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "ap_mpm.h"
#include "http_log.h"
#include "http_request.h"
#include "apr_lib.h"

void bench_missing(const char *name)
{
    fprintf(stderr, "mod_python.testing has no %s(): test what needs it with httpd (see mod_python.pytest_plugin)\n", name);
    abort();
}

/* ---- the log */

struct line {
    struct line *next;
    int level;
    char text[];
};

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static struct line *first_line, **last_line = &first_line;

static void add_line(int level, const char *format, va_list arguments)
{
    char *text = NULL;
    int length = vasprintf(&text, format, arguments);
    struct line *line;

    if (length < 0 || (line = malloc(sizeof *line + length + 1)) == NULL)
        return;
    line->next = NULL;
    line->level = level & APLOG_LEVELMASK;
    memcpy(line->text, text, length + 1);
    free(text);
    pthread_mutex_lock(&log_lock);
    *last_line = line;
    last_line = &line->next;
    pthread_mutex_unlock(&log_lock);
}

/* The oldest line that was not taken yet; the caller gives its text to `free_line`. */
void *take_line(int *level, const char **text)
{
    struct line *line;

    pthread_mutex_lock(&log_lock);
    line = first_line;
    if (line) {
        first_line = line->next;
        if (!first_line)
            last_line = &first_line;
        *level = line->level;
        *text = line->text;
    }
    pthread_mutex_unlock(&log_lock);
    return line;
}

void free_line(void *line)
{
    free(line);
}

#define LOGS(type)                                                                                      \
    (const char *file, int line, int index, int level, apr_status_t status, const type *about,          \
     const char *format, ...)                                                                           \
    {                                                                                                   \
        va_list arguments;                                                                              \
        va_start(arguments, format);                                                                    \
        add_line(level, format, arguments);                                                             \
        va_end(arguments);                                                                              \
    }

void ap_log_rerror_ LOGS(request_rec)
void ap_log_cerror_ LOGS(conn_rec)
void ap_log_error_ LOGS(server_rec)

/* Every level is logged. */
int (ap_get_request_module_loglevel)(const request_rec *r, int module_index) { return APLOG_TRACE8; }
int (ap_get_conn_module_loglevel)(const conn_rec *c, int module_index) { return APLOG_TRACE8; }
int (ap_get_server_module_loglevel)(const server_rec *s, int module_index) { return APLOG_TRACE8; }

/* ---- the MPM */

/* It has four threads, and says nothing else about itself. */
apr_status_t (ap_mpm_query)(int code, int *result)
{
    if (code != AP_MPMQ_MAX_THREADS)
        return APR_ENOTIMPL;
    *result = 4;
    return APR_SUCCESS;
}

/* ---- error buckets */

static void error_destroy(void *data)
{
    if (apr_bucket_shared_destroy(data))
        apr_bucket_free(data);
}

static apr_status_t error_read(apr_bucket *b, const char **data, apr_size_t *length, apr_read_type_e block)
{
    *data = NULL;
    *length = 0;
    return APR_SUCCESS;
}

const apr_bucket_type_t ap_bucket_type_error = {
    "ERROR", 5, APR_BUCKET_METADATA, error_destroy, error_read,
    apr_bucket_setaside_noop, apr_bucket_split_notimpl, apr_bucket_shared_copy
};

apr_bucket *ap_bucket_error_create(int error, const char *text, apr_pool_t *pool, apr_bucket_alloc_t *list)
{
    apr_bucket *b = apr_bucket_alloc(sizeof *b, list);
    ap_bucket_error *shared = apr_bucket_alloc(sizeof *shared, list);

    APR_BUCKET_INIT(b);
    b->free = apr_bucket_free;
    b->list = list;
    shared->status = error;
    shared->data = apr_pstrdup(pool, text);
    b = apr_bucket_shared_make(b, shared, 0, 0);
    b->type = &ap_bucket_type_error;
    return b;
}

/* ---- filters */

static struct registered {
    struct registered *next;
    int is_input;
    ap_filter_rec_t record;
} *filters;

static ap_filter_rec_t *find(const char *name, int is_input)
{
    struct registered *one;

    for (one = filters; one; one = one->next)
        if (one->is_input == is_input && !strcasecmp(one->record.name, name))
            return &one->record;
    return NULL;
}

static ap_filter_rec_t *add(const char *name, int is_input, ap_filter_func function, ap_init_filter_func init,
                            ap_filter_type kind)
{
    struct registered *one = calloc(1, sizeof *one);

    if (!one)
        abort();
    one->next = filters;
    one->is_input = is_input;
    one->record.name = strdup(name);
    one->record.filter_func = function;
    one->record.filter_init_func = init;
    one->record.ftype = kind;
    filters = one;
    return &one->record;
}

ap_filter_rec_t *ap_register_output_filter(const char *name, ap_out_filter_func function, ap_init_filter_func init,
                                           ap_filter_type kind)
{
    return add(name, 0, (ap_filter_func){.out_func = function}, init, kind);
}

ap_filter_rec_t *ap_register_input_filter(const char *name, ap_in_filter_func function, ap_init_filter_func init,
                                          ap_filter_type kind)
{
    return add(name, 1, (ap_filter_func){.in_func = function}, init, kind);
}

ap_filter_rec_t *ap_get_output_filter_handle(const char *name)
{
    return find(name, 0);
}

ap_filter_rec_t *ap_get_input_filter_handle(const char *name)
{
    return find(name, 1);
}

static void unlink_filter(ap_filter_t **chain, ap_filter_t *filter)
{
    for (; *chain; chain = &(*chain)->next)
        if (*chain == filter) {
            *chain = filter->next;
            return;
        }
}

void ap_remove_output_filter(ap_filter_t *filter)
{
    unlink_filter(&filter->r->output_filters, filter);
}

void ap_remove_input_filter(ap_filter_t *filter)
{
    unlink_filter(&filter->r->input_filters, filter);
}

apr_status_t ap_pass_brigade(ap_filter_t *next, apr_bucket_brigade *brigade)
{
    if (!APR_BRIGADE_EMPTY(brigade) && APR_BUCKET_IS_EOS(APR_BRIGADE_LAST(brigade)) && next->r)
        next->r->eos_sent = 1;
    return next->frec->filter_func.out_func(next, brigade);
}

apr_status_t ap_get_brigade(ap_filter_t *next, apr_bucket_brigade *brigade, ap_input_mode_t mode,
                            apr_read_type_e block, apr_off_t limit)
{
    return next->frec->filter_func.in_func(next, brigade, mode, block, limit);
}

/* ---- requests */

void ap_set_content_type(request_rec *r, const char *type)
{
    r->content_type = type;
}

void ap_set_content_length(request_rec *r, apr_off_t length)
{
    r->clength = length;
    apr_table_setn(r->headers_out, "Content-Length", apr_off_t_toa(r->pool, length));
}

const char *ap_document_root(request_rec *r)
{
    return "/nonexistent";
}

int ap_meets_conditions(request_rec *r)
{
    return OK;
}

int ap_discard_request_body(request_rec *r)
{
    return OK;
}

apr_off_t ap_get_limit_req_body(const request_rec *r)
{
    return 0;
}

int ap_parse_strict_length(apr_off_t *length, const char *text)
{
    char *end;

    return apr_isdigit(*text) && apr_strtoff(length, text, &end, 10) == APR_SUCCESS && *end == '\0' && *length >= 0;
}

/* The statuses for which httpd 2.4 has a status line. */
static const int known[] = {
    100, 101, 102, 103, 200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 307, 308,
    400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 423, 424,
    426, 428, 429, 431, 451, 500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511,
};

/* As httpd's, it gives the index of 500 for a status without a status line. */
int ap_index_of_response(int status)
{
    size_t i;

    for (i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i] == status)
            return status;
    return HTTP_INTERNAL_SERVER_ERROR;
}

int ap_map_http_request_error(apr_status_t status, int otherwise)
{
    switch (status) {
    case AP_FILTER_ERROR:
        return AP_FILTER_ERROR;
    case APR_ENOSPC:
        return HTTP_REQUEST_ENTITY_TOO_LARGE;
    case APR_ENOTIMPL:
        return HTTP_NOT_IMPLEMENTED;
    case APR_TIMEUP:
    case APR_ETIMEDOUT:
        return HTTP_REQUEST_TIME_OUT;
    default:
        return otherwise;
    }
}

/* ---- configuration */

/* The next word of a line: blanks part words, quotes hold them together, a backslash takes the quote's meaning. */
char *ap_getword_conf(apr_pool_t *pool, const char **line)
{
    const char *at = *line;
    char *word = apr_palloc(pool, strlen(at) + 1), *end = word, quote = 0;

    while (apr_isspace(*at))
        at++;
    if (*at == '"' || *at == '\'')
        quote = *at++;
    while (*at && (quote ? *at != quote : !apr_isspace(*at))) {
        if (quote && *at == '\\' && (at[1] == quote || at[1] == '\\'))
            at++;
        *end++ = *at++;
    }
    *end = '\0';
    if (quote && *at)
        at++;
    while (apr_isspace(*at))
        at++;
    *line = at;
    return word;
}
