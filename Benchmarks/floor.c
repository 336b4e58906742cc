// SPDX-License-Identifier: Apache-2.0
/*
 * floor: the least that halls can cost on this machine, for the benchmark. One thread, epoll, nothing but libc.
 *
 *     floor PORT|PATH write|batch [drop|double|swap]
 *
 * It listens on a port of 127.0.0.1, or where there is a slash in it on a unix socket, for nginx in front of it.
 *
 * No server for use. It speaks just enough Socket.IO for `load`: it lets everybody in, keeps no message, sends no pings,
 * and ends when a client does not read. What is left is the price of the system calls, which no server in front of the
 * same clients can avoid:
 *
 *     write    one write for each member and message
 *     batch    what came in one turn of the loop goes to each member in one write
 *
 * The bytes are those of chat-push: the same fields, the same acknowledgement. The sender's acknowledgement goes out
 * with its own copy of the message.
 *
 * drop, double and swap do that to one of a thousand deliveries of `write` to others than the sender: they are there to
 * see that `load` notices.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

// `load` sends the key of RFC 6455 §1.3, so the answer to it is a constant.
#define UPGRADED "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
                 "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
#define OPEN "0{\"sid\":\"floor\",\"upgrades\":[],\"pingInterval\":25000,\"pingTimeout\":20000,\"maxPayload\":1000000}"

enum { FRAME_BYTES_MAX = 8192, READ_BYTES = 64 * 1024, EVENTS_MAX = 256, PLANT_EVERY = 1000 };

struct member {
    int fd;
    bool upgraded;
    struct hall *hall;
    uint32_t place;   // in the hall
    uint8_t *rest;    // the beginning of a frame
    uint32_t rest_bytes;
    uint8_t *waiting; // acknowledgements that go out ahead of the next batch
    uint32_t waiting_bytes;
};

struct hall {
    uint32_t messages;
    struct member **members;
    uint32_t count, room;
    uint8_t *batch; // frames of this turn
    uint32_t batch_bytes, batch_room;
};

struct frames {
    uint8_t bytes[FRAME_BYTES_MAX];
    size_t count;
};

static struct hall **halls;
static uint32_t hall_count;
static struct hall **fresh; // halls with a batch
static uint32_t fresh_count;
static bool batching;
static enum { NOTHING, DROP, DOUBLE, SWAP } plant;
static int poller;

static void fail(const char *what)
{
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void *must(void *memory)
{
    if (!memory)
        fail("memory");
    return memory;
}

// --- Frames ----------------------------------------------------------------------------------------------------------

// Appends a text frame, without a mask: RFC 6455 §5.2.
__attribute__((format(printf, 2, 3))) static void add_frame(struct frames *to, const char *format, ...)
{
    char text[FRAME_BYTES_MAX / 2];
    va_list arguments;
    va_start(arguments, format);
    int count = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (count < 0 || (size_t)count >= sizeof text || to->count + (size_t)count + 4 > sizeof to->bytes)
        fail("a frame is too long");
    to->bytes[to->count++] = 0x81;
    if (count < 126) {
        to->bytes[to->count++] = (uint8_t)count;
    } else {
        to->bytes[to->count++] = 126;
        to->bytes[to->count++] = (uint8_t)(count >> 8);
        to->bytes[to->count++] = (uint8_t)count;
    }
    memcpy(to->bytes + to->count, text, (size_t)count);
    to->count += (size_t)count;
}

static void send_bytes(struct member *m, const uint8_t *bytes, size_t count)
{
    // Behind half a frame nothing could be read. Who has gone is noticed when the connection is read.
    ssize_t gone = send(m->fd, bytes, count, MSG_NOSIGNAL);
    if (gone >= 0 && gone != (ssize_t)count)
        fail("a member does not read");
}

static void answer(struct member *m, const char *text)
{
    static struct frames frames;
    frames.count = 0;
    add_frame(&frames, "%s", text);
    send_bytes(m, frames.bytes, frames.count);
}

// --- Halls -----------------------------------------------------------------------------------------------------------

static struct hall *hall_with(uint32_t id)
{
    if (id >= hall_count) {
        halls = must(realloc(halls, (id + 1) * sizeof *halls));
        fresh = must(realloc(fresh, (id + 1) * sizeof *fresh));
        memset(halls + hall_count, 0, (id + 1 - hall_count) * sizeof *halls);
        hall_count = id + 1;
    }
    if (!halls[id])
        halls[id] = must(calloc(1, sizeof **halls));
    return halls[id];
}

static void join(struct member *m, struct hall *hall)
{
    if (hall->count == hall->room)
        hall->members = must(realloc(hall->members, (hall->room = hall->room * 2 + 8) * sizeof *hall->members));
    m->hall = hall;
    m->place = hall->count;
    hall->members[hall->count++] = m;
}

static void leave(struct member *m)
{
    struct hall *hall = m->hall;
    hall->members[m->place] = hall->members[--hall->count];
    hall->members[m->place]->place = m->place;
}

// One delivery to somebody else than the sender, or what is planted instead of it.
static void deliver(struct member *m, const uint8_t *bytes, size_t count)
{
    static uint64_t deliveries;
    static struct member *held_for;
    static uint8_t held[FRAME_BYTES_MAX];
    static size_t held_bytes;
    bool planted = plant != NOTHING && ++deliveries % PLANT_EVERY == 0;
    if (!planted || plant == DOUBLE)
        send_bytes(m, bytes, count);
    if (planted && plant == DOUBLE)
        send_bytes(m, bytes, count);
    if (planted && plant == SWAP && !held_for) {
        held_for = m;
        memcpy(held, bytes, held_bytes = count);
    } else if (held_for == m) {
        send_bytes(m, held, held_bytes);
        held_for = NULL;
    }
}

// The sender gets all of the frames, the others the first bytes of them.
static void write_to_all(struct hall *hall, struct member *sender, const struct frames *frames, size_t message_bytes)
{
    for (uint32_t i = 0; i < hall->count; i++) {
        struct member *m = hall->members[i];
        if (m == sender)
            send_bytes(m, frames->bytes, frames->count);
        else
            deliver(m, frames->bytes, message_bytes);
    }
}

static void add_to_batch(struct hall *hall, const uint8_t *bytes, size_t count)
{
    if (!hall->batch_bytes)
        fresh[fresh_count++] = hall;
    if (hall->batch_bytes + count > hall->batch_room)
        hall->batch = must(realloc(hall->batch, hall->batch_room = hall->batch_room * 2 + FRAME_BYTES_MAX));
    memcpy(hall->batch + hall->batch_bytes, bytes, count);
    hall->batch_bytes += (uint32_t)count;
}

static void add_waiting(struct member *m, const uint8_t *bytes, size_t count)
{
    m->waiting = must(realloc(m->waiting, m->waiting_bytes + count));
    memcpy(m->waiting + m->waiting_bytes, bytes, count);
    m->waiting_bytes += (uint32_t)count;
}

static void write_batches(void)
{
    while (fresh_count) {
        struct hall *hall = fresh[--fresh_count];
        for (uint32_t i = 0; i < hall->count; i++) {
            struct member *m = hall->members[i];
            if (!m->waiting_bytes) {
                send_bytes(m, hall->batch, hall->batch_bytes);
                continue;
            }
            add_waiting(m, hall->batch, hall->batch_bytes);
            send_bytes(m, m->waiting, m->waiting_bytes);
            m->waiting_bytes = 0;
        }
        hall->batch_bytes = 0;
    }
}

// --- What comes in ---------------------------------------------------------------------------------------------------

static uint32_t hall_id_in(const char *text)
{
    static const char name[] = "\"hall_id\":";
    const char *at = strstr(text, name);
    return at ? (uint32_t)atoi(at + strlen(name)) : 0;
}

// 42<number>["send_message",{"hall_id":<id>,"content":"<content>"}]
static void pass_on(struct member *sender, char *text)
{
    static const char name[] = "\"content\":\"";
    static const char shape[] = "{\"id\":%u,\"hall_id\":%u,\"rev\":%u,\"sender_id\":1,\"username\":\"member1\","
                                "\"content\":\"%s\",\"created_at\":\"2026-11-23T09:30:00.123Z\"}";
    static char body[FRAME_BYTES_MAX / 2 - 100];
    static struct frames frames;
    uint32_t id = hall_id_in(text);
    struct hall *hall = hall_with(id);
    char *content = strstr(text, name);
    if (!content || hall != sender->hall)
        fail("a message that is none");
    content += strlen(name);
    content[strcspn(content, "\"")] = 0;
    hall->messages++;
    snprintf(body, sizeof body, shape, hall->messages, id, hall->messages, content);

    frames.count = 0;
    add_frame(&frames, "42[\"new_message\",%s]", body);
    size_t message_bytes = frames.count;
    add_frame(&frames, "43%d[{\"ok\":true,\"message\":%s}]", atoi(text + 2), body);
    if (batching) {
        add_to_batch(hall, frames.bytes, message_bytes);
        add_waiting(sender, frames.bytes + message_bytes, frames.count - message_bytes);
    } else {
        write_to_all(hall, sender, &frames, message_bytes);
    }
}

static void take_text(struct member *m, char *text)
{
    if (!strncmp(text, "40", 2)) {
        answer(m, "40{\"sid\":\"floor\"}");
    } else if (strstr(text, "[\"join_hall\",")) {
        join(m, hall_with(hall_id_in(text)));
        answer(m, text[2] == '[' ? "42[\"hall_joined\",{\"ok\":true}]" : "430[{\"ok\":true}]");
    } else if (strstr(text, "[\"send_message\",")) {
        pass_on(m, text);
    }
}

// Takes one frame and returns its bytes, or 0 if its end has not come. There is a byte to write to behind the last one.
static size_t take_frame(struct member *m, uint8_t *frame, size_t bytes)
{
    size_t head = 2 + 4, length = bytes < 4 ? 0 : frame[1] & 127;
    if (length == 126) {
        length = (size_t)(frame[2] << 8 | frame[3]);
        head += 2;
    }
    if (bytes < head || bytes - head < length)
        return 0;
    uint8_t *text = frame + head, *mask = text - 4, behind = text[length];
    for (size_t i = 0; i < length; i++)
        text[i] ^= mask[i & 3];
    text[length] = 0;
    take_text(m, (char *)text);
    text[length] = behind;
    return head + length;
}

static size_t take_upgrade(struct member *m, const uint8_t *request, size_t bytes)
{
    const uint8_t *end = memmem(request, bytes, "\r\n\r\n", 4);
    if (!end)
        return 0;
    m->upgraded = true;
    send_bytes(m, (const uint8_t *)UPGRADED, strlen(UPGRADED));
    answer(m, OPEN);
    return (size_t)(end + 4 - request);
}

// Returns whether the connection is still there.
static bool read_from(struct member *m)
{
    static uint8_t buffer[READ_BYTES + 1];
    if (m->rest_bytes)
        memcpy(buffer, m->rest, m->rest_bytes);
    ssize_t got = recv(m->fd, buffer + m->rest_bytes, READ_BYTES - m->rest_bytes, 0);
    if (got <= 0)
        return got < 0 && errno == EAGAIN;
    size_t bytes = m->rest_bytes + (size_t)got, at = 0, taken;
    do {
        taken = m->upgraded ? take_frame(m, buffer + at, bytes - at) : take_upgrade(m, buffer + at, bytes - at);
        at += taken;
    } while (taken);

    free(m->rest);
    m->rest_bytes = (uint32_t)(bytes - at);
    m->rest = m->rest_bytes ? memcpy(must(malloc(m->rest_bytes)), buffer + at, m->rest_bytes) : NULL;
    return true;
}

// --- Connections -----------------------------------------------------------------------------------------------------

static void hang_up(struct member *m)
{
    if (m->hall)
        leave(m);
    close(m->fd);
    free(m->rest);
    free(m->waiting);
    free(m);
}

static void accept_all(int listener)
{
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct member *m = must(calloc(1, sizeof *m));
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = m};
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        m->fd = fd;
        if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event))
            fail("epoll_ctl");
    }
}

static int bound_to(const struct sockaddr *address, socklen_t size)
{
    int listener = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(listener, address, size) || listen(listener, 4096))
        fail("listen");
    return listener;
}

static int listener_at(const char *place)
{
    if (!strchr(place, '/')) {
        struct sockaddr_in port = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(place))};
        port.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return bound_to((struct sockaddr *)&port, sizeof port);
    }
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    if (strlen(place) >= sizeof path.sun_path) {
        errno = ENAMETOOLONG;
        fail("listen");
    }
    strcpy(path.sun_path, place);
    return bound_to((struct sockaddr *)&path, sizeof path);
}

static int listen_on(const char *place)
{
    int listener = listener_at(place);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    return listener;
}

static int plant_named(const char *name)
{
    return !strcmp(name, "drop") ? DROP : !strcmp(name, "double") ? DOUBLE : !strcmp(name, "swap") ? SWAP : NOTHING;
}

int main(int count, char **arguments)
{
    if (count < 3) {
        fputs("usage: floor PORT|PATH write|batch [drop|double|swap]\n", stderr);
        return 1;
    }
    batching = !strcmp(arguments[2], "batch");
    plant = count < 4 ? NOTHING : plant_named(arguments[3]);
    poller = epoll_create1(EPOLL_CLOEXEC);
    int listener = listen_on(arguments[1]);
    for (;;) {
        struct epoll_event events[EVENTS_MAX];
        int ready = epoll_wait(poller, events, EVENTS_MAX, -1);
        for (int i = 0; i < ready; i++) {
            struct member *m = events[i].data.ptr;
            if (!m)
                accept_all(listener);
            else if (!read_from(m))
                hang_up(m);
        }
        write_batches();
    }
}
