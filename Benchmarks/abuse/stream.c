// The valid stream: signed webhooks at a steady rate, on connections that are kept, and the receiver of the answers.
//
//   stream PORT REPLY-PORT RATE SECONDS
//
// A webhook's time runs from the moment at which it was due, so that a bridge which stops reading is charged for all that
// waited. A connection that ends without a byte of an answer is opened anew and the webhook sent again, as HTTP clients and
// platforms do; it is counted. One line of JSON at the end.

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "net.h"

enum { max_connections = 512, conversations = 50, patience = 10 };

// 32 bytes; run.py gives the bridge the same as WEBHOOK_SECRET.
static const unsigned char secret[] = "0123456789abcdef0123456789abcdef";

struct connection {
    int descriptor;  // -1: none
    int webhook;     // -1: idle
    int is_fresh;    // nothing was answered on it yet
    int tries;
    size_t length, sent, received;
    char request[2048], response[4096];
};

struct webhook {
    double due, answered;
    int status;
};

struct receiver {
    int descriptor;
    size_t length;
    char buffer[32768];
};

static int port, epoll_descriptor, total, retried, replies;
static struct connection connections[max_connections];
static struct webhook *webhooks;

static void write_request(struct connection *connection) {
    char id[64], body[700], content[900], signature[64];
    snprintf(id, sizeof id, "msg_%d_%d", (int)getpid(), connection->webhook);
    long now = time(NULL);
    // Close to 512 bytes, as a usual platform's.
    int count = snprintf(
        body, sizeof body,
        "{\"type\":\"message\",\"timestamp\":\"2026-11-21T10:00:00Z\",\"data\":{\"conversation\":\"order-%d\",\"user\":\"u1\","
        "\"name\":\"Ada\",\"message_id\":\"m%d\",\"text\":\"%0300d\"}}",
        connection->webhook % conversations, connection->webhook, 7);
    int length = snprintf(content, sizeof content, "%s.%ld.%s", id, now, body);
    unsigned char digest[32];
    unsigned int size = sizeof digest;
    HMAC(EVP_sha256(), secret, 32, (unsigned char *)content, length, digest, &size);
    EVP_EncodeBlock((unsigned char *)signature, digest, 32);
    connection->length = snprintf(
        connection->request, sizeof connection->request,
        "POST /webhooks/webhook HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nwebhook-id: %s\r\n"
        "webhook-timestamp: %ld\r\nwebhook-signature: v1,%s\r\nContent-Length: %d\r\n\r\n%s",
        id, now, signature, count, body);
    connection->sent = connection->received = 0;
}

static void send_rest(struct connection *connection) {
    while (connection->sent < connection->length) {
        ssize_t count = send(
            connection->descriptor, connection->request + connection->sent, connection->length - connection->sent,
            MSG_NOSIGNAL);
        if (count < 0) return;  // not connected yet, full, or gone, which the read will see
        connection->sent += count;
    }
    watch(epoll_descriptor, EPOLL_CTL_MOD, connection->descriptor, EPOLLIN, connection);
}

static void open_connection(struct connection *connection) {
    connection->descriptor = connect_to(port, 0);
    if (connection->descriptor < 0) fail("connect");
    connection->is_fresh = 1;
    watch(epoll_descriptor, EPOLL_CTL_ADD, connection->descriptor, EPOLLIN | EPOLLOUT, connection);
}

static void drop(struct connection *connection) {
    if (connection->descriptor >= 0) close(connection->descriptor);
    connection->descriptor = -1;
}

static void start(int webhook) {
    struct connection *free = NULL;
    for (int index = 0; index < max_connections; index++) {
        struct connection *candidate = &connections[index];
        if (candidate->webhook >= 0) continue;
        if (candidate->descriptor >= 0) {
            free = candidate;
            break;
        }
        if (!free) free = candidate;
    }
    if (!free) return;  // counts as not answered
    free->webhook = webhook;
    free->tries = 0;
    write_request(free);
    if (free->descriptor < 0) {
        open_connection(free);
    } else {
        watch(epoll_descriptor, EPOLL_CTL_MOD, free->descriptor, EPOLLIN | EPOLLOUT, free);
        send_rest(free);
    }
}

static void finish(struct connection *connection, int status) {
    webhooks[connection->webhook].answered = seconds_now();
    webhooks[connection->webhook].status = status;
    connection->webhook = -1;
}

static void receive(struct connection *connection) {
    ssize_t count = recv(
        connection->descriptor, connection->response + connection->received,
        sizeof connection->response - connection->received - 1, 0);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) {
        drop(connection);
        if (connection->webhook < 0) return;
        if (connection->received || connection->tries++ == 5) return finish(connection, 0);
        retried++;
        write_request(connection);
        open_connection(connection);
        return;
    }
    connection->received += count;
    connection->response[connection->received] = 0;
    char *end = strstr(connection->response, "\r\n\r\n");
    if (!end || connection->webhook < 0) return;
    char *length = strstr(connection->response, "Content-Length: ");
    size_t content = length && length < end ? strtoul(length + 16, NULL, 10) : 0;
    if (connection->received < (size_t)(end + 4 - connection->response) + content) return;
    int is_closing = strstr(connection->response, "Connection: close") != NULL;
    finish(connection, atoi(connection->response + 9));
    connection->received = 0;
    connection->is_fresh = 0;
    if (is_closing) drop(connection);
}

// Answers 200 to each whole request.
static void take_replies(struct receiver *receiver) {
    ssize_t count = recv(
        receiver->descriptor, receiver->buffer + receiver->length, sizeof receiver->buffer - receiver->length - 1, 0);
    if (count <= 0) {
        if (count < 0 && errno == EAGAIN) return;
        close(receiver->descriptor);
        free(receiver);
        return;
    }
    receiver->length += count;
    for (;;) {
        receiver->buffer[receiver->length] = 0;
        char *end = strstr(receiver->buffer, "\r\n\r\n");
        if (!end) return;
        char *length = strcasestr(receiver->buffer, "content-length: ");
        size_t whole = end + 4 - receiver->buffer + (length && length < end ? strtoul(length + 16, NULL, 10) : 0);
        if (receiver->length < whole) return;
        static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        send(receiver->descriptor, answer, sizeof answer - 1, MSG_NOSIGNAL);
        replies++;
        memmove(receiver->buffer, receiver->buffer + whole, receiver->length - whole);
        receiver->length -= whole;
    }
}

static int listen_on(int reply_port) {
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = loopback(reply_port);
    if (bind(descriptor, (struct sockaddr *)&address, sizeof address) < 0 || listen(descriptor, 1024) < 0) fail("listen");
    return descriptor;
}

static int compare(const void *left, const void *right) {
    double difference = *(const double *)left - *(const double *)right;
    return difference < 0 ? -1 : difference > 0;
}

static void report(void) {
    double *times = calloc(total + 1, sizeof *times);
    int acknowledged = 0, full = 0;
    for (int index = 0; index < total; index++)
        if (webhooks[index].status / 100 == 2)
            times[acknowledged++] = (webhooks[index].answered - webhooks[index].due) * 1e6;
        else if (webhooks[index].status == 503)
            full++;
    qsort(times, acknowledged, sizeof *times, compare);
    int last = acknowledged ? acknowledged - 1 : 0;
    printf(
        "{\"sent\":%d,\"acknowledged\":%d,\"full\":%d,\"replies\":%d,\"retried\":%d,\"p50\":%.0f,\"p99\":%.0f,\"max\":%.0f}\n", total,
        acknowledged, full, replies, retried, times[last / 2], times[last * 99 / 100], times[last]);
}

int main(int argc, char **argv) {
    if (argc != 5) {
        fputs("usage: stream PORT REPLY-PORT RATE SECONDS\n", stderr);
        return 64;
    }
    port = atoi(argv[1]);
    double rate = atof(argv[3]);
    total = rate * atof(argv[4]);
    webhooks = calloc(total + 1, sizeof *webhooks);
    raise_descriptor_limit();
    epoll_descriptor = epoll_create1(0);
    int listener = listen_on(atoi(argv[2]));
    watch(epoll_descriptor, EPOLL_CTL_ADD, listener, EPOLLIN, NULL);
    for (int index = 0; index < max_connections; index++) connections[index].descriptor = connections[index].webhook = -1;

    double begin = seconds_now() + 0.05;
    int next = 0, open = 1;
    while (open || replies < total) {
        double now = seconds_now();
        while (next < total && begin + next / rate <= now) {
            webhooks[next].due = begin + next / rate;
            start(next++);
        }
        if (now > begin + total / rate + patience) break;
        double wait = next < total ? (begin + next / rate - now) * 1000 : 50;
        struct epoll_event events[256];
        // The last millisecond is spun away: epoll's steps are milliseconds, and the due time is what is measured from.
        int count = epoll_wait(epoll_descriptor, events, 256, wait < 1 ? 0 : (int)wait);
        for (int index = 0; index < count; index++) {
            void *owner = events[index].data.ptr;
            if (!owner) {
                struct receiver *receiver = calloc(1, sizeof *receiver);
                receiver->descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
                if (receiver->descriptor < 0)
                    free(receiver);
                else
                    watch(epoll_descriptor, EPOLL_CTL_ADD, receiver->descriptor, EPOLLIN, receiver);
            } else if ((char *)owner < (char *)connections || (char *)owner >= (char *)(connections + max_connections)) {
                take_replies(owner);
            } else {
                struct connection *connection = owner;
                if (events[index].events & EPOLLOUT) send_rest(connection);
                if (events[index].events & ~EPOLLOUT) receive(connection);
            }
        }
        open = next < total;
        for (int index = 0; index < max_connections; index++) open |= connections[index].webhook >= 0;
    }
    report();
    return 0;
}
