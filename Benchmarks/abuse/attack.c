// The attacker: one kind of abuse of one port for some seconds, from one core.
//
//   attack KIND PORT SECONDS CONNECTIONS [RATE]
//
// RATE: new sends a second over all connections, 0 for as fast as it goes. One line of JSON at the end: what was sent, and
// the answers by status. A connection that the bridge closes is opened anew.

#include "net.h"

// How a kind of connection behaves.
struct kind {
    const char *name;
    const char *bytes;      // what it sends
    size_t length;
    int repeats;            // sends it again and again
    int awaits_answer;      // sends again only after an answer
    int drips;              // sends one byte a second after it
    int never_reads;
    int reconnects;         // closes after each answer
    int requests;           // requests in `bytes`
};

struct connection {
    int descriptor;
    size_t offset;
    double next_drip;
    int is_waiting, is_blocked;
    char tail[16];
};

static struct kind kind;
static struct connection *connections;
static int port, epoll_descriptor, opened, closed, failed;
static long sent, statuses[600];
static double rate, credit;

// Repeats a text to a length.
static char *repeat(const char *text, size_t times) {
    size_t length = strlen(text);
    char *bytes = malloc(length * times + 1);
    for (size_t index = 0; index < times; index++) memcpy(bytes + index * length, text, length);
    bytes[length * times] = 0;
    return bytes;
}

static char *join(const char *first, const char *second) {
    char *bytes = malloc(strlen(first) + strlen(second) + 1);
    strcat(strcpy(bytes, first), second);
    return bytes;
}

// A request with a content.
static char *post(const char *path, const char *fields, const char *body) {
    char *bytes = NULL;
    asprintf(
        &bytes, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n%sContent-Length: %zu\r\n\r\n%s",
        path, fields, strlen(body), body);
    return bytes;
}

static char *forged_webhook(size_t size) {
    char fields[256], *text = repeat("a", size), *body = NULL;
    snprintf(
        fields, sizeof fields,
        "webhook-id: msg_forged\r\nwebhook-timestamp: %ld\r\nwebhook-signature: v1,"
        "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\r\n",
        (long)time(NULL));
    asprintf(&body, "{\"data\":{\"conversation\":\"order-1\",\"user\":\"u1\",\"text\":\"%s\"}}", text);
    return post("/webhooks/webhook", fields, body);
}

static void choose(const char *name) {
    const char *get = "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    const char *visitor = "Cookie: chatbridge_session=0123456789abcdef0123456789abcdef\r\n";
    char *bytes = NULL;
    kind.name = name;
    kind.requests = 1;
    if (!strcmp(name, "idle")) {
        bytes = "";
    } else if (!strcmp(name, "idle-keep-alive")) {
        bytes = (char *)get;
    } else if (!strcmp(name, "slow-headers")) {
        bytes = "POST /webhooks/webhook HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ";
        kind.drips = 1;
    } else if (!strcmp(name, "slow-bodies")) {
        // All but the end of the largest content that is taken.
        char *whole = forged_webhook(1000000);
        whole[strlen(whole) - 100] = 0;
        bytes = whole;
        kind.drips = 1;
    } else if (!strcmp(name, "slow-readers")) {
        bytes = repeat("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", kind.requests = 200);
        kind.never_reads = 1;
    } else if (!strcmp(name, "pipelining")) {
        bytes = repeat(get, kind.requests = 500);
        kind.repeats = 1;
    } else if (!strcmp(name, "pipelined-waits")) {
        // Behind a request that is answered later, all that is sent has to be kept somewhere.
        bytes = join(
            "GET /ready HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
            repeat("GET /redis/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", kind.requests = 2000));
        kind.repeats = 1;
    } else if (!strcmp(name, "header-bombs")) {
        bytes = join("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Bomb: ", repeat("a", 100000));
        kind.repeats = kind.reconnects = kind.awaits_answer = 1;
    } else if (!strcmp(name, "many-headers")) {
        bytes = join("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n", repeat("X-Bomb: a\r\n", 10000));
        kind.repeats = kind.reconnects = kind.awaits_answer = 1;
    } else if (!strcmp(name, "chunk-bombs")) {
        bytes = join(
            "POST /webhooks/webhook HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "FFFFFFFFFFFFFFFF\r\n");
        kind.repeats = kind.reconnects = kind.awaits_answer = 1;
    } else if (!strcmp(name, "tiny-chunks")) {
        bytes = join(
            "POST /webhooks/webhook HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            join(repeat("1\r\na\r\n", 200000), "0\r\n\r\n"));
        kind.repeats = kind.awaits_answer = 1;
    } else if (!strcmp(name, "json-bombs")) {
        bytes = post("/api/messages", visitor, repeat("[", 1048576));
        kind.repeats = kind.awaits_answer = 1;
    } else if (!strcmp(name, "json-object-bombs")) {
        bytes = post("/api/messages", visitor, repeat("{\"text\":", 100000));
        kind.repeats = kind.awaits_answer = 1;
    } else if (!strcmp(name, "forged")) {
        bytes = repeat(forged_webhook(300), kind.requests = 16);
        kind.repeats = 1;
    } else if (!strcmp(name, "forged-large")) {
        bytes = forged_webhook(1000000);
        kind.repeats = kind.awaits_answer = 1;
    } else if (!strcmp(name, "forged-connections")) {
        bytes = forged_webhook(300);
        kind.repeats = kind.awaits_answer = kind.reconnects = 1;
    } else if (!strcmp(name, "visitors")) {
        bytes = post("/api/messages", visitor, "{\"text\":\"hello\"}");
        kind.repeats = kind.awaits_answer = 1;
    } else {
        fprintf(stderr, "no such kind: %s\n", name);
        exit(64);
    }
    kind.bytes = bytes;
    kind.length = strlen(bytes);
}

static void open_connection(struct connection *connection) {
    connection->descriptor = connect_to(port, kind.never_reads ? 4096 : 0);
    connection->offset = 0;
    connection->is_waiting = connection->is_blocked = 0;
    memset(connection->tail, 0, sizeof connection->tail);
    if (connection->descriptor < 0) {
        failed++;
        return;
    }
    opened++;
    uint32_t events = (kind.never_reads ? 0 : EPOLLIN) | EPOLLOUT | EPOLLRDHUP;
    watch(epoll_descriptor, EPOLL_CTL_ADD, connection->descriptor, events | EPOLLET, connection);
}

static void reopen(struct connection *connection) {
    if (connection->descriptor >= 0) close(connection->descriptor);
    closed++;
    open_connection(connection);
}

// Sends on; at most a round, so that no connection keeps the others waiting.
static void send_some(struct connection *connection) {
    if (connection->descriptor < 0 || connection->is_waiting) return;
    if (connection->offset == kind.length) {
        if (!kind.repeats) return;
        connection->offset = 0;
    }
    if (connection->offset == 0 && rate > 0) {
        if (credit < 1) return;
        credit -= 1;
    }
    ssize_t count =
        send(connection->descriptor, kind.bytes + connection->offset, kind.length - connection->offset, MSG_NOSIGNAL);
    if (count < 0) {
        if (errno == EAGAIN || errno == ENOTCONN) connection->is_blocked = 1;
        return;
    }
    connection->offset += count;
    if (connection->offset < kind.length) return;
    sent += kind.requests;
    connection->is_waiting = kind.awaits_answer;
    connection->next_drip = seconds_now() + 1;
}

// Counts the status lines in what comes, which may be cut anywhere.
static int count_answers(struct connection *connection, const char *bytes, size_t length) {
    static char joined[65536 + 16];
    size_t kept = strlen(connection->tail);
    memcpy(joined, connection->tail, kept);
    memcpy(joined + kept, bytes, length);
    length += kept;
    int found = 0;
    size_t rest = 0;
    for (char *at = joined; (at = memmem(at, joined + length - at, "HTTP/1.1 ", 9));) {
        if (at + 12 > joined + length) break;
        int status = atoi((char[]){at[9], at[10], at[11], 0});
        if (status > 0 && status < 600) statuses[status]++;
        found++;
        at += 12;
        rest = at - joined;
    }
    size_t keep = length - rest < 11 ? length - rest : 11;
    memcpy(connection->tail, joined + length - keep, keep);
    connection->tail[keep] = 0;
    return found;
}

static void receive(struct connection *connection) {
    static char buffer[65536];
    for (;;) {
        ssize_t count = recv(connection->descriptor, buffer, sizeof buffer, 0);
        if (count < 0 && errno == EAGAIN) return;
        if (count <= 0) {
            // Idle ones come back too, but slowly: the main loop opens them.
            if (kind.length == 0 || kind.drips) {
                close(connection->descriptor);
                connection->descriptor = -1;
                closed++;
                return;
            }
            return reopen(connection);
        }
        if (count_answers(connection, buffer, count) == 0) continue;
        connection->is_waiting = 0;
        if (kind.reconnects) return reopen(connection);
    }
}

int main(int argc, char **argv) {
    if (argc < 5) {
        fputs("usage: attack KIND PORT SECONDS CONNECTIONS [RATE]\n", stderr);
        return 64;
    }
    choose(argv[1]);
    port = atoi(argv[2]);
    double end = seconds_now() + atof(argv[3]);
    int count = atoi(argv[4]);
    rate = argc > 5 ? atof(argv[5]) : 0;
    raise_descriptor_limit();
    connections = calloc(count, sizeof *connections);
    for (int index = 0; index < count; index++) connections[index].descriptor = -1;
    epoll_descriptor = epoll_create1(0);

    int ready = 0, next = 0;
    double last = seconds_now();
    for (double now = last; now < end; now = seconds_now()) {
        credit += (now - last) * rate;
        if (credit > rate / 100 + 1) credit = rate / 100 + 1;
        last = now;
        // A hundred in a round, so that the kernel's queue of connections does not overflow at once.
        for (int index = 0; index < 100 && ready < count; index++) open_connection(&connections[ready++]);
        struct epoll_event events[512];
        int is_busy = kind.repeats && !(rate > 0 && credit < 1);
        int happened = epoll_wait(epoll_descriptor, events, 512, is_busy || ready < count ? 0 : 1);
        for (int index = 0; index < happened; index++) {
            struct connection *connection = events[index].data.ptr;
            if (connection->descriptor < 0) continue;
            if (events[index].events & EPOLLOUT) {
                connection->is_blocked = 0;
                send_some(connection);
            }
            if (events[index].events & ~EPOLLOUT) {
                if (!kind.never_reads)
                    receive(connection);
                else if (events[index].events & (EPOLLHUP | EPOLLERR))
                    reopen(connection);
            }
        }
        // In turns, from where the last round ended.
        for (int index = 0; index < 256 && index < ready; index++) {
            struct connection *connection = &connections[next++ % ready];
            if (next >= ready) next = 0;
            if (connection->descriptor < 0) {
                open_connection(connection);
            } else if (kind.drips && connection->offset == kind.length) {
                if (now >= connection->next_drip) {
                    send(connection->descriptor, "a", 1, MSG_NOSIGNAL);
                    connection->next_drip = now + 1;
                }
            } else if (!connection->is_blocked) {
                send_some(connection);
            }
        }
    }
    printf("{\"kind\":\"%s\",\"sent\":%ld,\"opened\":%d,\"closed\":%d,\"failed\":%d,\"answers\":{", kind.name, sent, opened, closed, failed);
    const char *separator = "";
    for (int status = 0; status < 600; status++) {
        if (!statuses[status]) continue;
        printf("%s\"%d\":%ld", separator, status, statuses[status]);
        separator = ",";
    }
    puts("}}");
    return 0;
}
