// SPDX-License-Identifier: Apache-2.0
/*
 * load: many members of halls, for the benchmark. One thread, epoll, nothing but libc.
 *
 *     load PORT HALLS FIRST_HALL SENDERS BYTES COOKIES
 *
 * Member i (0, 1, …) sits in hall FIRST_HALL + i % HALLS and signs in with line i of the file COOKIES; the first SENDERS
 * members of each hall speak, BYTES a message. Members are real clients: WebSocket, Engine.IO 4, Socket.IO 5, and each
 * message asks for its acknowledgement. It does what it is told on its standard input, one line after the other, and
 * answers each with one line of JSON: totals since the start, and the latencies of this one command.
 *
 *     connect N      opens connections until N members have joined their halls
 *     idle S         only answers pings, for S seconds
 *     keep W S       each sender keeps W messages under way (closed loop): a new one when one of its own is back
 *     keep W by N S  the same, but only the first N senders
 *     pace R S       R messages a second from all senders together (open loop); latency counts from when one was due,
 *                    so that a stall of the server, or of this program, is not hidden
 *     drain          waits until everything that is under way has arrived
 *
 * While members speak it does not sleep: to wake it would be the server's work, as it is on no machine where clients are
 * elsewhere. `waited` says how many seconds of CPU it looked in vain. Between two commands it stands still, so that
 * whoever gives them can look at the server's CPU and memory.
 *
 * A message begins with `@<time>:<sender>:<number>@`. By that each receiver's record says whether it got every message of
 * each sender of its hall once and in order. Whatever is no part of the protocol ends the program with a sentence: a
 * benchmark of something that does not work is none.
 *
 * Read it from the end: main, the commands, what comes in, what goes out.
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
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000ull
// The example of RFC 6455 §1.3; nobody here needs a fresh one.
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

enum {
    HANDSHAKES_MAX = 64,     // at once; a whole building that comes in one millisecond is another test
    STALL_SECONDS_MAX = 20,  // without anything that comes in while members join
    QUIET_SECONDS = 5,       // as long without anything, and what is missing is lost
    READ_BYTES = 256 * 1024, // at once from one connection, and the longest frame
    CONTENT_BYTES_MAX = 4000,
    EVENTS_MAX = 512,
};

enum stage { CONNECTING, UPGRADING, OPENING, SIGNING_IN, JOINING, JOINED };

// What a receiver got of one sender.
struct record {
    uint64_t last;   // the highest number
    uint64_t recent; // bit i: the message last - i is here
};

struct member {
    int fd;
    enum stage stage;
    uint32_t number;
    uint32_t under_way; // messages of its own that are not back yet
    uint64_t sent;
    uint8_t *rest; // the beginning of what has not come to its end
    uint32_t rest_bytes;
};

static struct {
    uint16_t port;
    uint32_t members, halls, first_hall, senders, bytes;
    char **cookies;
} site;

static struct member *members;
static struct record *records; // [receiver][sender of its hall]
static uint32_t *joined_in;    // members by hall
static uint32_t opened, joined, window;
static bool awake;             // looks for what comes in without sleeping
static uint64_t waiting_since; // CPU time at the end of the last look, if nothing came; else 0
static int poller;

static struct {
    uint64_t sent, acknowledged, refused, expected, delivered, doubled, disordered, astray, pings, bytes, waited;
} total;

// --- Small things ----------------------------------------------------------------------------------------------------

static void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    exit(1);
}

static void *must(void *memory)
{
    if (!memory)
        fail("out of memory");
    return memory;
}

static uint64_t read_clock(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

static uint64_t now(void) { return read_clock(CLOCK_MONOTONIC); }

static uint64_t in_seconds(double seconds) { return now() + (uint64_t)(seconds * SECOND); }

static uint32_t hall_of(const struct member *m) { return m->number % site.halls; }

static bool starts_with(const char *text, size_t bytes, const char *with)
{
    return bytes >= strlen(with) && !memcmp(text, with, strlen(with));
}

// Reads digits, and leaves `text` behind them.
static uint64_t read_number(const char **text, const char *end)
{
    uint64_t value = 0;
    while (*text < end && **text >= '0' && **text <= '9')
        value = value * 10 + (uint64_t)(*(*text)++ - '0');
    return value;
}

// --- Latencies -------------------------------------------------------------------------------------------------------

// Counts by size: 32 steps for each power of two, so that a value is off by 3 % at most.
enum { STEPS = 32, STEP_BITS = 5, SIZES = 64 * STEPS };
static struct {
    uint64_t count[SIZES], total, longest;
} latencies;

static void note_latency(uint64_t ns)
{
    unsigned power = ns < STEPS ? 0 : 63 - (unsigned)__builtin_clzll(ns) - STEP_BITS + 1;
    unsigned step = (unsigned)(power ? (ns >> (power - 1)) - STEPS : ns);
    latencies.count[power * STEPS + step]++;
    latencies.total++;
    if (ns > latencies.longest)
        latencies.longest = ns;
}

// In microseconds: what `share` of the latencies are below.
static double latency(double share)
{
    uint64_t seen = 0, wanted = (uint64_t)((double)latencies.total * share);
    for (unsigned size = 0; size < SIZES; size++) {
        unsigned power = size / STEPS, step = size % STEPS;
        seen += latencies.count[size];
        if (seen > wanted)
            return (power ? (double)((uint64_t)(STEPS + step) << (power - 1)) : step) / 1000.0;
    }
    return (double)latencies.longest / 1000.0;
}

// --- What goes out ---------------------------------------------------------------------------------------------------

static void send_bytes(struct member *m, const void *bytes, size_t count)
{
    ssize_t gone = send(m->fd, bytes, count, MSG_NOSIGNAL);
    // A member has a few hundred bytes under way. If they do not fit, the server has stopped reading.
    if (gone != (ssize_t)count)
        fail("member %u cannot send: %s", m->number, gone < 0 ? strerror(errno) : "the server does not read");
}

static void send_text(struct member *m, const char *text, size_t count)
{
    static const uint8_t mask[4] = {0x5a, 0xc3, 0x17, 0x9e};
    static uint8_t frame[CONTENT_BYTES_MAX + 256];
    size_t head = 0;
    frame[head++] = 0x81; // RFC 6455 §5.2: a whole text message
    if (count < 126) {
        frame[head++] = 0x80 | (uint8_t)count;
    } else {
        frame[head++] = 0x80 | 126;
        frame[head++] = (uint8_t)(count >> 8);
        frame[head++] = (uint8_t)count;
    }
    memcpy(frame + head, mask, 4);
    head += 4;
    for (size_t i = 0; i < count; i++)
        frame[head + i] = (uint8_t)text[i] ^ mask[i & 3];
    send_bytes(m, frame, head + count);
}

static void ask_for_upgrade(struct member *m)
{
    char text[1024];
    int count = snprintf(
        text, sizeof text,
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " KEY "\r\nCookie: %s\r\n\r\n",
        site.port, site.cookies[m->number]);
    m->stage = UPGRADING;
    send_bytes(m, text, (size_t)count);
}

static void ask_to_join(struct member *m)
{
    char text[100];
    int count = snprintf(text, sizeof text, "420[\"join_hall\",{\"hall_id\":%u}]", site.first_hall + hall_of(m));
    m->stage = JOINING;
    send_text(m, text, (size_t)count);
}

static void say_something(struct member *m, uint64_t due)
{
    char text[CONTENT_BYTES_MAX + 200];
    uint64_t number = ++m->sent;
    int count = sprintf(text, "42%llu[\"send_message\",{\"hall_id\":%u,\"content\":\"", (unsigned long long)number,
                        site.first_hall + hall_of(m));
    int mark = sprintf(text + count, "@%llu:%u:%llu@", (unsigned long long)due, m->number, (unsigned long long)number);
    int filling = (int)site.bytes > mark ? (int)site.bytes - mark : 0;
    memset(text + count + mark, 'x', (size_t)filling);
    count += mark + filling;
    count += sprintf(text + count, "\"}]");
    waiting_since = 0;
    total.sent++;
    total.expected += joined_in[hall_of(m)];
    m->under_way++;
    send_text(m, text, (size_t)count);
}

// --- What comes in ---------------------------------------------------------------------------------------------------

static void note_delivery(struct record *record, uint64_t number)
{
    if (number > record->last) {
        uint64_t step = number - record->last;
        record->recent = (step < 64 ? record->recent << step : 0) | 1;
        record->last = number;
        total.delivered++;
        return;
    }
    uint64_t back = record->last - number;
    if (back > 63 || record->recent >> back & 1) {
        total.doubled++;
    } else {
        record->recent |= 1ull << back;
        total.delivered++;
        total.disordered++;
    }
}

static void take_message(struct member *m, const char *text, size_t bytes)
{
    static const char before[] = "\"content\":\"@";
    const char *end = text + bytes, *at = memmem(text, bytes, before, strlen(before));
    if (!at)
        fail("member %u got a message that is none of ours: %.*s", m->number, (int)bytes, text);
    at += strlen(before);
    uint64_t due = read_number(&at, end);
    uint64_t sender = (at++, read_number(&at, end));
    uint64_t number = (at++, read_number(&at, end));
    if (sender >= site.members || sender % site.halls != hall_of(m) || sender / site.halls >= site.senders
        || number == 0 || number > members[sender].sent) {
        total.astray++;
        return;
    }
    note_delivery(&records[m->number * site.senders + sender / site.halls], number);
    note_latency(now() - due);
    if (sender != m->number)
        return;
    m->under_way--;
    if (m->under_way < window)
        say_something(m, now());
}

static void take_acknowledgement(struct member *m, const char *text, size_t bytes)
{
    const char *end = text + bytes, *at = text + strlen("43");
    read_number(&at, end);
    bool ok = starts_with(at, (size_t)(end - at), "[{\"ok\":true");
    if (m->stage == JOINED) {
        total.acknowledged += ok;
        total.refused += !ok;
    } else {
        if (m->stage != JOINING || !ok)
            fail("member %u may not join: %.*s", m->number, (int)bytes, text);
        m->stage = JOINED;
        joined_in[hall_of(m)]++;
        joined++;
    }
}

// One packet of Engine.IO: open, ping, or a message, which is a packet of Socket.IO.
static void take_packet(struct member *m, const char *text, size_t bytes)
{
    if (starts_with(text, bytes, "42[\"new_message\",")) {
        take_message(m, text, bytes);
    } else if (starts_with(text, bytes, "43")) {
        take_acknowledgement(m, text, bytes);
    } else if (starts_with(text, bytes, "2")) {
        total.pings++;
        send_text(m, "3", 1);
    } else if (m->stage == OPENING && starts_with(text, bytes, "0")) {
        m->stage = SIGNING_IN;
        send_text(m, "40", 2);
    } else if (m->stage == SIGNING_IN && starts_with(text, bytes, "40")) {
        ask_to_join(m);
    } else if (!starts_with(text, bytes, "42[\"halls_changed\",")) {
        fail("member %u got something unexpected: %.*s", m->number, (int)bytes, text);
    }
}

// Takes one frame; returns its bytes, or 0 if its end has not come. What a server sends is not masked.
static size_t take_frame(struct member *m, const uint8_t *frame, size_t bytes)
{
    if (bytes < 2)
        return 0;
    size_t head = 2, length = frame[1], more = length == 126 ? 2 : length == 127 ? 8 : 0;
    if (bytes < head + more)
        return 0;
    if (more)
        for (length = 0; head < 2 + more; head++)
            length = length << 8 | frame[head];
    if (length > READ_BYTES / 2)
        fail("member %u got a frame of %zu bytes", m->number, length);
    if (bytes - head < length)
        return 0;
    if (frame[0] == 0x88)
        fail("member %u was closed by the server", m->number);
    if (frame[0] != 0x81)
        fail("member %u got a frame that begins with 0x%02x", m->number, frame[0]);
    take_packet(m, (const char *)frame + head, length);
    return head + length;
}

// Takes the answer to the upgrade; returns its bytes, or 0 if its end has not come.
static size_t take_upgrade(struct member *m, const uint8_t *answer, size_t bytes)
{
    const uint8_t *end = memmem(answer, bytes, "\r\n\r\n", 4);
    if (!end)
        return 0;
    if (!starts_with((const char *)answer, bytes, "HTTP/1.1 101 ") || !memmem(answer, bytes, ACCEPT, strlen(ACCEPT)))
        fail("member %u was not upgraded: %.*s", m->number, (int)(end - answer), (const char *)answer);
    m->stage = OPENING;
    return (size_t)(end + 4 - answer);
}

static void keep_rest(struct member *m, const uint8_t *bytes, size_t count)
{
    free(m->rest);
    m->rest = count ? memcpy(must(malloc(count)), bytes, count) : NULL;
    m->rest_bytes = (uint32_t)count;
}

static void read_from(struct member *m)
{
    static uint8_t buffer[READ_BYTES];
    if (m->rest_bytes)
        memcpy(buffer, m->rest, m->rest_bytes);
    ssize_t got = recv(m->fd, buffer + m->rest_bytes, sizeof buffer - m->rest_bytes, 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0)
        fail("member %u lost its connection: %s", m->number, got ? strerror(errno) : "closed by the server");
    total.bytes += (uint64_t)got;

    size_t bytes = m->rest_bytes + (size_t)got, at = 0, taken;
    do {
        taken = m->stage == UPGRADING ? take_upgrade(m, buffer + at, bytes - at) : take_frame(m, buffer + at, bytes - at);
        at += taken;
    } while (taken);
    if (m->rest_bytes || at < bytes)
        keep_rest(m, buffer + at, bytes - at);
}

static void handle(const struct epoll_event *event)
{
    struct member *m = event->data.ptr;
    if (m->stage != CONNECTING) {
        read_from(m);
        return;
    }
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(m->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error)
        fail("member %u cannot connect: %s", m->number, strerror(error));
    struct epoll_event reading = {.events = EPOLLIN, .data.ptr = m};
    epoll_ctl(poller, EPOLL_CTL_MOD, m->fd, &reading);
    ask_for_upgrade(m);
}

// One turn of the loop: takes what comes in, and unless it stays awake waits for it until a time at most.
static void turn(uint64_t until)
{
    struct epoll_event events[EVENTS_MAX];
    uint64_t time = now(), left = until > time && !awake ? until - time : 0;
    // A millisecond, the step of epoll_wait, would be most of the latency of an open loop.
    struct timespec wait = {(time_t)(left / SECOND), (long)(left % SECOND)};
    int count = epoll_pwait2(poller, events, EVENTS_MAX, &wait, NULL);
    if (count < 0 && errno != EINTR)
        fail("epoll_pwait2: %s", strerror(errno));
    if (count > 0 || !awake) {
        waiting_since = 0;
    } else {
        uint64_t used = read_clock(CLOCK_THREAD_CPUTIME_ID);
        total.waited += waiting_since ? used - waiting_since : 0;
        waiting_since = used;
    }
    for (int i = 0; i < count; i++)
        handle(&events[i]);
}

// --- The commands ----------------------------------------------------------------------------------------------------

static void open_connection(struct member *m)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(site.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    m->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (m->fd < 0)
        fail("no socket for member %u: %s", m->number, strerror(errno));
    setsockopt(m->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (connect(m->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS)
        fail("member %u cannot connect: %s", m->number, strerror(errno));
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = m};
    epoll_ctl(poller, EPOLL_CTL_ADD, m->fd, &event);
    opened++;
}

static bool all_arrived(void) // what was lost never does
{
    return total.delivered + total.astray >= total.expected && total.acknowledged + total.refused >= total.sent;
}

// Everything that somebody waits for. Pings come also where nothing moves any more.
static uint64_t arrived(void)
{
    return joined + total.delivered + total.doubled + total.astray + total.acknowledged + total.refused;
}

static bool something_arrives(double seconds)
{
    uint64_t before = arrived(), until = in_seconds(seconds);
    while (arrived() == before && now() < until)
        turn(until);
    return arrived() != before;
}

static void connect_members(uint32_t wanted)
{
    if (wanted > site.members)
        fail("there are cookies for %u members only", site.members);
    while (joined < wanted) {
        while (opened < wanted && opened - joined < HANDSHAKES_MAX)
            open_connection(&members[opened]);
        if (!something_arrives(STALL_SECONDS_MAX))
            fail("%u of %u members joined, then nothing came for %d seconds", joined, wanted, STALL_SECONDS_MAX);
    }
}

static void idle(double seconds)
{
    uint64_t end = in_seconds(seconds);
    while (now() < end)
        turn(end);
}

static uint32_t sender_count(void)
{
    uint64_t count = (uint64_t)site.halls * site.senders;
    return count < joined ? (uint32_t)count : joined;
}

static void keep(uint32_t under_way, uint32_t speakers, double seconds)
{
    window = under_way;
    awake = true;
    for (uint32_t i = 0; i < speakers && i < sender_count(); i++)
        while (members[i].under_way < window)
            say_something(&members[i], now());
    idle(seconds);
    awake = false;
}

static void pace(double rate, double seconds)
{
    static uint32_t next;
    uint64_t begin = now(), end = begin + (uint64_t)(seconds * SECOND), said = 0;
    window = 0;
    awake = true;
    for (;;) {
        uint64_t due = begin + (uint64_t)((double)said / rate * SECOND);
        if (due >= end)
            break;
        do
            turn(due); // also where it is late: what comes in must not wait for it
        while (now() < due);
        say_something(&members[next++ % sender_count()], due);
        said++;
    }
    while (now() < end)
        turn(end);
    awake = false;
}

static void drain(void)
{
    window = 0;
    while (!all_arrived() && something_arrives(QUIET_SECONDS))
        ;
    idle(0.05); // somebody might get one twice
}

static void report(void)
{
    printf("{\"joined\": %u, \"sent\": %llu, \"acknowledged\": %llu, \"refused\": %llu, \"expected\": %llu, "
           "\"delivered\": %llu, \"doubled\": %llu, \"disordered\": %llu, \"astray\": %llu, \"pings\": %llu, "
           "\"bytes\": %llu, \"waited\": %.6f, \"latency_us\": {\"p50\": %.1f, \"p99\": %.1f, \"max\": %.1f}}\n",
           joined, (unsigned long long)total.sent, (unsigned long long)total.acknowledged,
           (unsigned long long)total.refused, (unsigned long long)total.expected, (unsigned long long)total.delivered,
           (unsigned long long)total.doubled, (unsigned long long)total.disordered, (unsigned long long)total.astray,
           (unsigned long long)total.pings, (unsigned long long)total.bytes, (double)total.waited / SECOND, latency(0.5),
           latency(0.99), (double)latencies.longest / 1000.0);
    fflush(stdout);
}

static void obey(const char *line)
{
    uint32_t count, speakers;
    double rate, seconds;
    memset(&latencies, 0, sizeof latencies);
    waiting_since = 0;
    if (sscanf(line, "connect %u", &count) == 1)
        connect_members(count);
    else if (sscanf(line, "idle %lf", &seconds) == 1)
        idle(seconds);
    else if (sscanf(line, "keep %u %lf", &count, &seconds) == 2 && count && joined)
        keep(count, UINT32_MAX, seconds);
    else if (sscanf(line, "keep %u by %u %lf", &count, &speakers, &seconds) == 3 && count && joined)
        keep(count, speakers, seconds);
    else if (sscanf(line, "pace %lf %lf", &rate, &seconds) == 2 && rate > 0 && joined)
        pace(rate, seconds);
    else if (!strcmp(line, "drain\n"))
        drain();
    else
        fail("cannot do this: %s", line);
    report();
}

// --- The start -------------------------------------------------------------------------------------------------------

static void read_cookies(const char *path)
{
    FILE *file = fopen(path, "r");
    char line[512];
    uint32_t room = 0;
    if (!file)
        fail("%s: %s", path, strerror(errno));
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        if (site.members == room)
            site.cookies = must(realloc(site.cookies, (room = room * 2 + 64) * sizeof *site.cookies));
        site.cookies[site.members++] = must(strdup(line));
    }
    fclose(file);
}

int main(int count, char **arguments)
{
    char line[100];
    if (count != 7)
        fail("usage: load PORT HALLS FIRST_HALL SENDERS BYTES COOKIES");
    site.port = (uint16_t)atoi(arguments[1]);
    site.halls = (uint32_t)atoi(arguments[2]);
    site.first_hall = (uint32_t)atoi(arguments[3]);
    site.senders = (uint32_t)atoi(arguments[4]);
    site.bytes = (uint32_t)atoi(arguments[5]);
    read_cookies(arguments[6]);
    if (!site.port || !site.halls || !site.senders || site.bytes > CONTENT_BYTES_MAX)
        fail("PORT, HALLS and SENDERS begin at 1, BYTES ends at %d", CONTENT_BYTES_MAX);

    poller = epoll_create1(EPOLL_CLOEXEC);
    members = must(calloc(site.members, sizeof *members));
    records = must(calloc((size_t)site.members * site.senders, sizeof *records));
    joined_in = must(calloc(site.halls, sizeof *joined_in));
    for (uint32_t i = 0; i < site.members; i++)
        members[i].number = i;
    while (fgets(line, sizeof line, stdin))
        obey(line);
}
