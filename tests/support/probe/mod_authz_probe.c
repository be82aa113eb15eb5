/* A module with rules and hooks of its own beside those that mod_python changes.
 *
 * Require probe [fails]: everybody, or a failure of the provider.
 * In the hooks of access and authorization it stands before and behind all others, and adds its places to X-Probe. The
 * first one answers what X-Refuse says, and with X-Ask asks the provider "python" about ann's password, which X-Ask is,
 * and makes nothing of the answer. */
#include "httpd.h"
#include "http_config.h"
#include "http_protocol.h"
#include "http_request.h"
#include "ap_provider.h"
#include "mod_auth.h"

#include <stdlib.h>

static authz_status check(request_rec *r, const char *line, const void *parsed)
{
    return strcmp(line, "fails") ? AUTHZ_GRANTED : AUTHZ_GENERAL_ERROR;
}

static const authz_provider provider = { &check, NULL };

static int first(request_rec *r)
{
    const char *status = apr_table_get(r->headers_in, "X-Refuse");
    const char *password = apr_table_get(r->headers_in, "X-Ask");

    apr_table_mergen(r->err_headers_out, "X-Probe", "first");
    if (password != NULL) {
        const authn_provider *python = ap_lookup_provider(AUTHN_PROVIDER_GROUP, "python", AUTHN_PROVIDER_VERSION);
        python->check_password(r, "ann", password);
    }
    return status != NULL ? atoi(status) : DECLINED;
}

static int last(request_rec *r)
{
    apr_table_mergen(r->err_headers_out, "X-Probe", "last");
    return DECLINED;
}

static void register_hooks(apr_pool_t *p)
{
    ap_register_auth_provider(p, AUTHZ_PROVIDER_GROUP, "probe", AUTHZ_PROVIDER_VERSION, &provider,
                              AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_check_access_ex(first, NULL, NULL, APR_HOOK_REALLY_FIRST, AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_check_access_ex(last, NULL, NULL, APR_HOOK_REALLY_LAST, AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_check_authz(first, NULL, NULL, APR_HOOK_REALLY_FIRST, AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_check_authz(last, NULL, NULL, APR_HOOK_REALLY_LAST, AP_AUTH_INTERNAL_PER_CONF);
}

AP_DECLARE_MODULE(authz_probe) = { STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks };
