/* Preloaded under valgrind: each bucket, and each piece of memory of a bucket allocator, is a block of malloc's of its
 * own, so that whoever uses one after its end is seen. APR's own free lists hand the same bytes out again. What is still
 * there when an allocator ends stays, for the sake of simplicity: leaks are not what this looks for. */

#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>
#include <apr_buckets.h>
#include <apr_tables.h>

void *apr_bucket_alloc(apr_size_t size, apr_bucket_alloc_t *list)
{
    (void)list;
    return malloc(size);
}

void apr_bucket_free(void *block)
{
    free(block);
}

/* httpd calls apr_pool_join() before an internal redirect (mod_dir): the pool of the subrequest lives as long as that of
 * its request. Debian's httpd was built for an APR without pool debugging, where the call is an empty macro. The debugging
 * APR then takes the overlay of tables that follows for a fault, and ends the child with SIGABRT; an httpd without
 * mod_python, too. So the call is made up for here. */

#undef apr_pool_join
void apr_pool_join(apr_pool_t *pool, apr_pool_t *sub);

apr_table_t *apr_table_overlay(apr_pool_t *pool, const apr_table_t *overlay, const apr_table_t *base)
{
    apr_table_t *(*real)(apr_pool_t *, const apr_table_t *, const apr_table_t *) = dlsym(RTLD_NEXT, "apr_table_overlay");
    apr_pool_t *sub = apr_table_elts(overlay)->pool;

    if (!apr_pool_is_ancestor(sub, pool) && apr_pool_parent_get(sub) == pool)
        apr_pool_join(pool, sub);
    return real(pool, overlay, base);
}
