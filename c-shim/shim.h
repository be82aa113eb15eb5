/* httpd's API for Rust: the headers for bindgen, and functions for its macros and variadic functions. */
#ifndef MOD_PYTHON_SHIM_H
#define MOD_PYTHON_SHIM_H

#include "httpd.h"
#include "http_config.h"
#include "http_connection.h"
#include "http_core.h"
#include "http_log.h"
#include "http_main.h"
#include "http_protocol.h"
#include "http_request.h"
#include "http_ssl.h"
#include "http_vhost.h"
#include "ap_listen.h"
#include "ap_mpm.h"
#include "ap_provider.h"
#include "ap_socache.h"
#include "mpm_common.h"
#include "mod_auth.h"
#include "scoreboard.h"
#include "unixd.h"
#include "mod_core.h"
#include "mod_status.h"
#include "mod_include.h"
#include "util_filter.h"
#include "util_mutex.h"
#include "util_script.h"
#include "apr_buckets.h"
#include "apr_errno.h"
#include "apr_fnmatch.h"
#include "apr_general.h"
#include "apr_md5.h"
#include "apr_strings.h"
#include "apr_tables.h"
#include "apr_portable.h"

/* Logging: the variadic calls with one finished string. */
void mp_log_request(const char *file, int line, int module_index, int level,
                    apr_status_t status, const request_rec *r, const char *text);
void mp_log_connection(const char *file, int line, int module_index, int level,
                       apr_status_t status, const conn_rec *c, const char *text);
void mp_log_server(const char *file, int line, int module_index, int level,
                   apr_status_t status, const server_rec *s, const char *text);

/* Brigades: a ring with a sentinel. */
apr_bucket *mp_brigade_first(const apr_bucket_brigade *brigade);
apr_bucket *mp_brigade_last(const apr_bucket_brigade *brigade);
apr_bucket *mp_brigade_next(const apr_bucket_brigade *brigade, const apr_bucket *bucket);
apr_bucket *mp_brigade_prev(const apr_bucket_brigade *brigade, const apr_bucket *bucket);
void mp_brigade_insert_tail(apr_bucket_brigade *brigade, apr_bucket *bucket);
void mp_brigade_concat(apr_bucket_brigade *head, apr_bucket_brigade *tail);
void mp_brigade_prepend(apr_bucket_brigade *tail, apr_bucket_brigade *head);

/* Buckets. */
int mp_bucket_is_error(const apr_bucket *bucket);
void mp_bucket_init(apr_bucket *bucket, apr_bucket_alloc_t *list);
void mp_bucket_insert_after(apr_bucket *place, apr_bucket *bucket);
void mp_bucket_remove(apr_bucket *bucket);
void mp_bucket_destroy(apr_bucket *bucket);
apr_status_t mp_bucket_read(apr_bucket *bucket, const char **data, apr_size_t *length,
                            apr_read_type_e block);
apr_status_t mp_bucket_split(apr_bucket *bucket, apr_size_t point);
apr_status_t mp_bucket_setaside(apr_bucket *bucket, apr_pool_t *pool);

/* Configuration of the core. */
apr_size_t mp_flush_max_threshold(const server_rec *s);
/* 0 for `MaxRanges none`; below it, httpd's default or no limit. */
int mp_max_ranges(const request_rec *r);

/* A hook that exists only with mod_status. */
void mp_hook_status(int (*function)(request_rec *r, int flags));

/* mod_proxy's hook for the scheme of a URL, asked before all others, if mod_proxy is loaded. The pointers whose types
 * are left out are its own (mod_proxy.h). */
typedef int mp_proxy_scheme(request_rec *r, void *worker, void *configuration, char *url,
                            const char *proxy, apr_port_t port);
void mp_hook_proxy_scheme(mp_proxy_scheme *function);

/* mod_include. */
void mp_ssi_append_error_text(include_ctx_t *context, ap_filter_t *filter,
                              apr_bucket_brigade *brigade);

/* Versions and errno-like statuses. */
int mp_status_is_again(apr_status_t status);
int mp_status_is_timeout(apr_status_t status);
int mp_status_is_eof(apr_status_t status);
int mp_status_is_not_found(apr_status_t status);

#endif
