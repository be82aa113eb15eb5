/* Gives the event MPM's hook another name, so that who looks for it by its name does not find it; it runs as before.
   Loaded where a test wants to see what happens with an MPM that is not as expected. */

#include "httpd.h"
#include "http_config.h"
#include "http_log.h"

#include <string.h>

module AP_MODULE_DECLARE_DATA hide_module;

static int hide(apr_pool_t *configuration, apr_pool_t *log, apr_pool_t *temporary, server_rec *server)
{
    apr_array_header_t *hooks = ap_hook_get_post_config();
    ap_LINK_post_config_t *all = (ap_LINK_post_config_t *)hooks->elts;
    int hidden = 0;

    for (int i = 0; i < hooks->nelts; i++) {
        if (all[i].szName && strcmp(all[i].szName, "event.c") == 0) {
            all[i].szName = "hidden.c";
            hidden++;
        }
    }
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, server, "hide: %d", hidden);
    return OK;
}

static void hooks(apr_pool_t *pool)
{
    /* mod_python looks last of all. */
    ap_hook_post_config(hide, NULL, NULL, APR_HOOK_LAST);
}

module AP_MODULE_DECLARE_DATA hide_module = {STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, hooks};
