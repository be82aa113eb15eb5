/* Preloaded under valgrind: each bucket, and each piece of memory of a bucket allocator, is a block of malloc's of its
 * own, so that whoever uses one after its end is seen. APR's own free lists hand the same bytes out again. What is still
 * there when an allocator ends stays, for the sake of simplicity: leaks are not what this looks for. */

#include <stddef.h>
#include <stdlib.h>
#include <apr_buckets.h>

void *apr_bucket_alloc(apr_size_t size, apr_bucket_alloc_t *list)
{
    (void)list;
    return malloc(size);
}

void apr_bucket_free(void *block)
{
    free(block);
}
