#include <malloc.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/un.h>

/* Swift reads the C library without _GNU_SOURCE, and so does not see these. */
struct sockaddr;
extern int accept4(int, struct sockaddr *, unsigned *, int);
extern int pthread_setname_np(unsigned long, const char *);

/* Fetches what a loop needs next while it is at work on what it has: two lines of the cache. */
static inline void halls_prefetch(const void *place) {
    __builtin_prefetch(place);
    __builtin_prefetch((const char *)place + 64);
}
