/* A request with one filter of mod_python, outside of httpd: what mod_python/testing/bench.py drives. */
#ifndef MOD_PYTHON_BENCH_H
#define MOD_PYTHON_BENCH_H

#include <stdlib.h>

#include "httpd.h"
#include "http_config.h"
#include "http_core.h"
#include "http_protocol.h"
#include "util_filter.h"
#include "apr_buckets.h"
#include "apr_strings.h"
#include "apr_tables.h"

typedef struct bench bench;

struct bench {
    conn_rec *c;
    request_rec *r;
    apr_bucket_brigade *source;    /* to be passed down, or to be read; in it BORDER parts brigades */
    apr_bucket_brigade *taken;     /* what reading gave */
    apr_array_header_t *transient; /* memory that is overwritten once it was passed */
    char *seen;
    apr_size_t length, room;
    int passes, leaves_at, headers_seen, at_end;
};

server_rec *bench_start(module *record);
const char *bench_open(bench **made, const char *name, const char *lines, int is_input, const char *method);
void bench_close(bench *b);

void bench_begin(bench *b);
void bench_set_header(bench *b, int is_request, const char *name, const char *value);
void bench_set_type(bench *b, const char *type, const char *coding);
void bench_note_headers(bench *b);

void bench_put(bench *b, char kind, const char *data, apr_size_t length);
apr_size_t bench_touches(void);
int bench_pass(bench *b);
int bench_read(bench *b, char mode, int blocks, apr_off_t limit);
void bench_leave_at(bench *b, int brigade);

apr_size_t bench_seen(bench *b, const char **records);

/* The ends of the chain. */
apr_status_t collect(ap_filter_t *f, apr_bucket_brigade *brigade);
apr_status_t feed(ap_filter_t *f, apr_bucket_brigade *target, ap_input_mode_t mode, apr_read_type_e block,
                  apr_off_t limit);

void bench_missing(const char *name);
void *take_line(int *level, const char **text);
void free_line(void *line);

#endif
