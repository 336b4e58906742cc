#include <malloc.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/un.h>

/* Swift reads the C library without _GNU_SOURCE, and so does not see these. */
struct sockaddr;
extern int accept4(int, struct sockaddr *, unsigned *, int);
extern int pthread_setname_np(unsigned long, const char *);

/* Gets the calling thread's memory ready for malloc_trim(), which sees neither of these by itself (glibc 2.36):

   A thread keeps up to seven freed pieces of each small size, wherever they lie: after a crowd each of them holds a page.
   They are changed for such as lie together; those of one size may lie between those of another, so that it is done twice.

   The end of a thread's heap goes back only when something large is freed, and then only beyond a threshold, which grows
   by itself up to 64 MB. It is low for this moment; what is set stays, so that afterwards both are set to their most. */
static inline void halls_gather_free_memory(void) {
    enum { kept = 7, smallest = 24, largest = 1032, step = 16 };
    for (int pass = 0; pass < 2; pass++) {
        for (unsigned long size = smallest; size <= largest; size += step) {
            /* Volatile, or the compiler leaves out what is only allocated and freed. */
            void *volatile pieces[2 * kept];
            for (int i = 0; i < 2 * kept; i++) pieces[i] = malloc(size);
            /* The last are kept, so that the first go back. */
            for (int i = 2 * kept - 1; i >= 0; i--) free(pieces[i]);
        }
    }
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 64 << 10);
    void *volatile large = malloc(100 << 10);
    free(large);
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
}

/* Fetches what a loop needs next while it is at work on what it has: two lines of the cache. */
static inline void halls_prefetch(const void *place) {
    __builtin_prefetch(place);
    __builtin_prefetch((const char *)place + 64);
}
