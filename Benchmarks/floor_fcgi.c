// SPDX-License-Identifier: Apache-2.0
/*
 * floor_fcgi: the least that an answer over FastCGI can cost on this machine, for the benchmark. One thread, epoll,
 * nothing but libc.
 *
 *     floor_fcgi SOCKET FILE
 *
 * No server for use. It answers every request on the unix socket with the same bytes, those of FILE, and reads no more of
 * a request than where it ends: no parameters, no session, no database. nginx in front of it asks as it asks chat-fcgi.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

// The FastCGI specification, sections 3.3 and 8.
enum { END_REQUEST = 3, STDIN = 5, STDOUT = 6, HEADER_BYTES = 8, RECORD_BYTES_MAX = 65535 };
enum { ANSWER_BYTES_MAX = 1 << 20, READ_BYTES = 128 * 1024, EVENTS_MAX = 64 };

struct connection {
    int fd;
    uint8_t rest[READ_BYTES]; // the beginning of a record
    size_t rest_bytes;
};

static uint8_t answer[ANSWER_BYTES_MAX + 1024];
static size_t answer_bytes;

static void fail(const char *what)
{
    fprintf(stderr, "floor_fcgi: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void add(const void *bytes, size_t count)
{
    if (answer_bytes + count > sizeof answer)
        fail("the answer is too long");
    memcpy(answer + answer_bytes, bytes, count);
    answer_bytes += count;
}

// All records are of request 1: nginx has one at a time on a connection.
static void add_record(uint8_t type, const void *content, size_t count)
{
    uint8_t header[HEADER_BYTES] = {1, type, 0, 1, (uint8_t)(count >> 8), (uint8_t)count, 0, 0};
    add(header, sizeof header);
    add(content, count);
}

static void build_answer(const char *path)
{
    static char text[ANSWER_BYTES_MAX];
    static const uint8_t end[8]; // application status 0, request complete
    size_t count = (size_t)sprintf(text, "Content-Type: application/json\r\n\r\n");
    FILE *file = fopen(path, "r");
    if (!file)
        fail(path);
    count += fread(text + count, 1, sizeof text - count, file);
    fclose(file);
    for (size_t at = 0, step; at < count; at += step) {
        step = count - at < RECORD_BYTES_MAX ? count - at : RECORD_BYTES_MAX;
        add_record(STDOUT, text + at, step);
    }
    add_record(STDOUT, "", 0);
    add_record(END_REQUEST, end, sizeof end);
}

// A request ends with an empty STDIN record.
static size_t take_record(const struct connection *c, const uint8_t *record, size_t bytes)
{
    if (bytes < HEADER_BYTES)
        return 0;
    size_t content = (size_t)(record[4] << 8 | record[5]), whole = HEADER_BYTES + content + record[6];
    if (bytes < whole)
        return 0;
    // Where nginx has given up a request it has closed the connection: the next look at it tells.
    if (record[1] == STDIN && !content)
        send(c->fd, answer, answer_bytes, MSG_NOSIGNAL);
    return whole;
}

static void read_from(struct connection *c)
{
    ssize_t got = recv(c->fd, c->rest + c->rest_bytes, sizeof c->rest - c->rest_bytes, 0);
    if (got <= 0) {
        close(c->fd);
        free(c);
        return;
    }
    size_t bytes = c->rest_bytes + (size_t)got, at = 0, taken;
    while ((taken = take_record(c, c->rest + at, bytes - at)))
        at += taken;
    c->rest_bytes = bytes - at;
    memmove(c->rest, c->rest + at, c->rest_bytes);
}

static int listen_on(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    if (strlen(path) >= sizeof address.sun_path)
        fail("the path of the socket is too long");
    strcpy(address.sun_path, path);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1024))
        fail(path);
    return listener;
}

static void watch(int poller, int fd, struct connection *c)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event))
        fail("epoll_ctl");
}

int main(int count, char **arguments)
{
    if (count != 3) {
        fputs("usage: floor_fcgi SOCKET FILE\n", stderr);
        return 1;
    }
    build_answer(arguments[2]);
    int listener = listen_on(arguments[1]), poller = epoll_create1(EPOLL_CLOEXEC);
    watch(poller, listener, NULL);
    for (;;) {
        struct epoll_event events[EVENTS_MAX];
        int ready = epoll_wait(poller, events, EVENTS_MAX, -1);
        for (int i = 0; i < ready; i++) {
            struct connection *c = events[i].data.ptr;
            if (c) {
                read_from(c);
            } else if ((c = calloc(1, sizeof *c)) && (c->fd = accept(listener, NULL, NULL)) >= 0) {
                watch(poller, c->fd, c);
            }
        }
    }
}
