/* Requests outside of httpd, each with one filter of mod_python. */
#include "bench.h"

/* More than the number of modules that can be loaded, which is one. */
#define MODULES 4

static server_rec *server;
static module *python;

static void **new_vector(apr_pool_t *pool)
{
    return apr_pcalloc(pool, MODULES * sizeof(void *));
}

static apr_status_t pass_by(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    return ap_pass_brigade(f->next, brigade);
}

static apr_status_t read_by(ap_filter_t *f, apr_bucket_brigade *brigade, ap_input_mode_t mode, apr_read_type_e block,
                            apr_off_t limit)
{
    return ap_get_brigade(f->next, brigade, mode, block, limit);
}

/* The main server of a process in which only mod_python is loaded, as number 0. */
server_rec *bench_start(module *record)
{
    apr_pool_t *pool;
    void **vector;

    if (server)
        return server;
    apr_initialize();
    apr_pool_create(&pool, NULL);
    python = record;
    python->module_index = 0;
    vector = new_vector(pool);
    server = apr_pcalloc(pool, sizeof *server);
    server->process = apr_pcalloc(pool, sizeof *server->process);
    server->process->pool = server->process->pconf = pool;
    server->process->short_name = "mod_python.testing";
    server->server_hostname = server->server_admin = "localhost";
    server->port = 80;
    server->timeout = apr_time_from_sec(60);
    vector[0] = python->create_server_config(pool, server);
    server->module_config = (ap_conf_vector_t *)vector;
    server->lookup_defaults = server->module_config;
    ap_register_output_filter("HTTP_HEADER", collect, NULL, AP_FTYPE_PROTOCOL);
    ap_register_output_filter("collector", collect, NULL, AP_FTYPE_PROTOCOL);
    ap_register_input_filter("http_in", feed, NULL, AP_FTYPE_PROTOCOL);
    /* Those of mod_deflate, which encoding=decode asks for. No body is coded here for such a filter. */
    ap_register_output_filter("INFLATE", pass_by, NULL, AP_FTYPE_RESOURCE - 1);
    ap_register_output_filter("DEFLATE", pass_by, NULL, AP_FTYPE_CONTENT_SET);
    ap_register_input_filter("DEFLATE", read_by, NULL, AP_FTYPE_CONTENT_SET);
    return server;
}

/* Reads one line of configuration into a section. Returns NULL, or what is wrong with the line. */
static const char *configure(apr_pool_t *pool, void *section, const char *line, int number)
{
    const char *arguments = line;
    char *name = ap_getword_conf(pool, &arguments);
    ap_directive_t directive = {.directive = name, .args = arguments, .filename = "the test", .line_num = number};
    cmd_parms parms = {
        .server = server, .pool = server->process->pconf, .temp_pool = pool, .directive = &directive, .path = "/",
        .override = RSRC_CONF | ACCESS_CONF | OR_ALL, .limited = -1
    };
    const command_rec *command;

    for (command = python->cmds; command->name; command++)
        if (!strcasecmp(command->name, name)) {
            parms.cmd = command;
            return command->AP_RAW_ARGS(&parms, section, arguments);
        }
    return apr_pstrcat(pool, "there is no directive ", name, NULL);
}

static conn_rec *new_connection(void)
{
    apr_pool_t *pool;
    conn_rec *c;

    apr_pool_create(&pool, NULL);
    c = apr_pcalloc(pool, sizeof *c);
    c->pool = pool;
    c->base_server = server;
    c->bucket_alloc = apr_bucket_alloc_create(pool);
    c->conn_config = (ap_conf_vector_t *)new_vector(pool);
    c->notes = apr_table_make(pool, 2);
    c->client_ip = c->local_ip = "127.0.0.1";
    c->keepalive = AP_CONN_KEEPALIVE;
    return c;
}

static request_rec *new_request(conn_rec *c, const char *method)
{
    apr_pool_t *pool;
    request_rec *r;

    apr_pool_create(&pool, c->pool);
    r = apr_pcalloc(pool, sizeof *r);
    r->pool = pool;
    r->connection = c;
    r->server = server;
    r->method = apr_pstrdup(pool, method);
    r->header_only = !strcmp(method, "HEAD");
    r->the_request = apr_pstrcat(pool, method, " /tested HTTP/1.1", NULL);
    r->protocol = "HTTP/1.1";
    r->proto_num = HTTP_VERSION(1, 1);
    r->hostname = "localhost";
    r->unparsed_uri = r->uri = "/tested";
    r->filename = "/nonexistent/tested";
    r->useragent_ip = "127.0.0.1";
    r->request_time = apr_time_now();
    r->status = HTTP_OK;
    r->headers_in = apr_table_make(pool, 8);
    r->headers_out = apr_table_make(pool, 8);
    r->err_headers_out = apr_table_make(pool, 2);
    r->subprocess_env = apr_table_make(pool, 2);
    r->trailers_in = apr_table_make(pool, 2);
    r->trailers_out = apr_table_make(pool, 2);
    r->notes = apr_table_make(pool, 2);
    r->request_config = (ap_conf_vector_t *)new_vector(pool);
    r->per_dir_config = (ap_conf_vector_t *)new_vector(pool);
    return r;
}

static ap_filter_t *new_filter(bench *b, ap_filter_rec_t *record, void *context, ap_filter_t *next)
{
    ap_filter_t *f = apr_pcalloc(b->r->pool, sizeof *f);

    f->frec = record;
    f->ctx = context;
    f->next = next;
    f->r = b->r;
    f->c = b->c;
    return f;
}

/* Makes a request whose section has these lines, with the filter of this name, which they declare, in its chain.
 * Returns what is wrong with them, or NULL; the bench must be closed in any case. */
const char *bench_open(bench **made, const char *name, const char *lines, int is_input, const char *method)
{
    conn_rec *c = new_connection();
    request_rec *r = new_request(c, method);
    bench *b = apr_pcalloc(c->pool, sizeof *b);
    void **vector = (void **)r->per_dir_config;
    char *line, *rest = apr_pstrdup(r->pool, lines);
    int number;

    *made = b;
    b->c = c;
    b->r = r;
    b->leaves_at = -1;
    b->source = apr_brigade_create(c->pool, c->bucket_alloc);
    b->taken = apr_brigade_create(c->pool, c->bucket_alloc);
    b->transient = apr_array_make(c->pool, 4, sizeof(struct iovec));
    vector[0] = python->create_dir_config(r->pool, NULL);
    for (number = 1; (line = apr_strtok(number == 1 ? rest : NULL, "\n", &rest)) != NULL; number++) {
        const char *wrong = configure(r->pool, vector[0], line, number);

        if (wrong)
            return wrong;
    }
    r->output_filters = new_filter(b, ap_get_output_filter_handle("HTTP_HEADER"), b, NULL);
    r->input_filters = new_filter(b, ap_get_input_filter_handle("http_in"), is_input ? b : NULL, NULL);
    r->proto_output_filters = c->output_filters = r->output_filters;
    r->proto_input_filters = c->input_filters = r->input_filters;
    if (is_input)
        r->input_filters = new_filter(b, ap_get_input_filter_handle(name), NULL, r->input_filters);
    else
        r->output_filters = new_filter(b, ap_get_output_filter_handle(name), NULL, r->output_filters);
    return NULL;
}

/* The handler is about to run: calls the start functions of the filters. */
void bench_begin(bench *b)
{
    ap_filter_t *in = b->r->input_filters, *out = b->r->output_filters;

    if (in->frec->filter_init_func)
        in->frec->filter_init_func(in);
    if (out->frec->filter_init_func)
        out->frec->filter_init_func(out);
}

void bench_close(bench *b)
{
    free(b->seen);
    apr_pool_destroy(b->c->pool);
}

void bench_set_header(bench *b, int is_request, const char *name, const char *value)
{
    apr_table_add(is_request ? b->r->headers_in : b->r->headers_out, name, value);
}

void bench_set_type(bench *b, const char *type, const char *coding)
{
    b->r->content_type = apr_pstrdup(b->r->pool, type);
    b->r->content_encoding = apr_pstrdup(b->r->pool, coding);
}
