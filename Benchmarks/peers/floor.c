// The floor: the same network work with string scans instead of JSON, on one thread and one epoll.
//
// It trusts its peers' formatting and is no bridge to run; it marks what two calls and two LPUSHes cost on a machine. Beyond
// 64 MB of log jobs that Redis has not taken it lets them go.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LISTEN, IN, AGENT, TG, REDIS };
typedef struct Job {
    struct Job *next;
    long long chat, user, mid, uid;
    int tl;
    char text[];
} Job;  // text: the raw JSON string
typedef struct Conn {
    int fd, kind;
    Job *job;
    struct Conn *next;
    char *in, *out;
    int inlen, incap, outlen, outcap;
    bool want;
} Conn;
typedef struct {
    long long chat;
    bool used;
    Job *head, *tail;
} Chat;  // head: the one under way
static Chat chats[1 << 16];
static Conn *idle_agent, *idle_tg, *redis;
static int ep, agent_port, tg_port;
static const char *secret, *token;
static long dropped;
static const char *env(const char *k, const char *d) {
    const char *v = getenv(k);
    return v && *v ? v : d;
}
static int port_of(const char *url) {
    const char *c = strrchr(url, ':');
    return atoi(c + 1);
}

static Conn *conn(int fd, int kind) {
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    Conn *c = calloc(1, sizeof *c);
    c->fd = fd;
    c->kind = kind;
    c->in = malloc(c->incap = 8192);
    c->out = malloc(c->outcap = 4096);
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
    return c;
}
static Conn *dial(int port, int kind) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(fd, (void *)&a, sizeof a)) {
        close(fd);
        return NULL;
    }
    return conn(fd, kind);
}
static char *room(Conn *c, int n) {
    if (c->outlen + n > c->outcap) c->out = realloc(c->out, c->outcap = 2 * (c->outlen + n));
    return c->out + c->outlen;
}
static void flush(Conn *c) {
    int n = c->outlen ? send(c->fd, c->out, c->outlen, MSG_NOSIGNAL) : 0;
    if (n > 0) {
        c->outlen -= n;
        if (c->outlen) memmove(c->out, c->out + n, c->outlen);
    }
    if ((c->outlen > 0) != c->want) {
        c->want = c->outlen > 0;
        struct epoll_event ev = {.events = EPOLLIN | (c->want ? EPOLLOUT : 0), .data.ptr = c};
        epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &ev);
    }
}
static Chat *chat_slot(long long id) {
    unsigned i = (unsigned long long)id * 0x9E3779B97F4A7C15ull >> 48;
    while (chats[i].used && chats[i].chat != id) i = (i + 1) & 65535;
    chats[i].used = true;
    chats[i].chat = id;
    return &chats[i];
}
static void log_job(Job *j, const char *dir, const char *text, int tl) {  // gathered, sent once per turn of the loop
    if (!redis || redis->outlen > 64 << 20) {
        dropped++;
        return;
    }
    char b[4096];
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    long long ms = t.tv_sec * 1000LL + t.tv_nsec / 1000000;
    int n =
        snprintf(b, sizeof b,
                 "{\"id\":\"telegram:%lld:%lld:%s\",\"platform\":\"telegram\",\"conversationId\":\"telegram:%lld\","
                 "\"messageId\":\"%lld\",\"direction\":\"%s\",\"sender\":{\"id\":\"%lld\",\"kind\":\"user\"},\"text\":"
                 "\"%.*s\",\"type\":\"text\",\"attachments\":[],\"timestamps\":{\"received\":%lld,\"logged\":%lld},"
                 "\"metadata\":{\"updateId\":%lld,\"agent\":\"bench\",\"thread\":\"telegram:%lld\"}}",
                 j->chat, j->mid, dir, j->chat, j->mid, dir, j->user, tl, text, ms, ms, j->uid, j->chat);
    redis->outlen += sprintf(room(redis, n + 128), "*3\r\n$5\r\nLPUSH\r\n$14\r\nchatbridge:log\r\n$%d\r\n%s\r\n", n, b);
}
static Conn *take(Conn **idle, int port, int kind) {
    Conn *c = *idle;
    if (c)
        *idle = c->next;
    else
        c = dial(port, kind);
    return c;
}
static void start(Job *j) {
    Conn *c = take(&idle_agent, agent_port, AGENT);
    if (!c) return;
    char b[4096];
    c->job = j;
    int n = snprintf(b, sizeof b,
                     "{\"messages\":[{\"role\":\"user\",\"content\":\"%.*s\"}],\"memory\":{\"thread\":\"telegram:%"
                     "lld\",\"resource\":\"%lld\"}}",
                     j->tl, j->text, j->chat, j->user);
    c->outlen += sprintf(room(c, n + 256),
                         "POST /api/agents/bench/generate HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: "
                         "application/json\r\nContent-Length: %d\r\n\r\n%s",
                         agent_port, n, b);
    flush(c);
}
static char *str_value(char *p, const char *key, int *len) {
    p = strstr(p, key);
    if (!p) return NULL;
    p += strlen(key);
    char *q = p;
    while (*q && *q != '"') q += *q == '\\' ? 2 : 1;
    *len = q - p;
    return p;
}
static long long num_value(char *p, const char *key) {
    p = strstr(p, key);
    return p ? atoll(p + strlen(key)) : 0;
}
static void health(Conn *c) {
    const char *r =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"status\":\"ok\"}";
    memcpy(room(c, 128), r, strlen(r));
    c->outlen += strlen(r);
    flush(c);
}
static void webhook(Conn *c, char *head, char *body) {
    char *s = strcasestr(head, "x-telegram-bot-api-secret-token: ");
    size_t sl = strlen(secret);
    int tl;
    bool ok = s && s < body && !strncmp(s + 33, secret, sl) && s[33 + sl] == '\r';
    char *text = ok ? str_value(body, "\"text\":\"", &tl) : NULL;
    const char *r =
        ok ? "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" : "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";
    memcpy(room(c, 128), r, strlen(r));
    c->outlen += strlen(r);
    flush(c);
    if (!text) return;
    Job *j = malloc(sizeof *j + tl + 1);
    j->next = NULL;
    j->tl = tl;
    memcpy(j->text, text, tl);
    j->text[tl] = 0;
    j->uid = num_value(body, "\"update_id\":");
    j->mid = num_value(body, "\"message_id\":");
    j->user = num_value(body, "\"from\":{\"id\":");
    j->chat = num_value(body, "\"chat\":{\"id\":");
    log_job(j, "inbound", j->text, tl);
    Chat *h = chat_slot(j->chat);
    if (h->head)
        h->tail = h->tail->next = j;
    else {
        h->head = h->tail = j;
        start(j);
    }
}
static void agent_done(Conn *c, char *body) {
    Job *j = c->job;
    int tl;
    char *t = str_value(body, "\"text\":\"", &tl), b[4096];
    c->next = idle_agent;
    idle_agent = c;
    Conn *g = take(&idle_tg, tg_port, TG);
    if (!t || !g) return;
    g->job = j;
    int n = snprintf(b, sizeof b, "{\"chat_id\":%lld,\"text\":\"%.*s\"}", j->chat, tl, t);
    g->outlen += sprintf(room(g, n + 256),
                         "POST /bot%s/sendMessage HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: "
                         "application/json\r\nContent-Length: %d\r\n\r\n%s",
                         token, tg_port, n, b);
    flush(g);
    log_job(j, "outbound", t, tl);
}
static void tg_done(Conn *c) {
    Job *j = c->job;
    c->next = idle_tg;
    idle_tg = c;
    Chat *h = chat_slot(j->chat);
    h->head = j->next;
    free(j);
    if (h->head) start(h->head);
}
static void readable(Conn *c) {
    if (c->incap - c->inlen < 4096) c->in = realloc(c->in, c->incap *= 2);
    ssize_t n = recv(c->fd, c->in + c->inlen, c->incap - c->inlen - 1, 0);
    if (n <= 0) {
        if (n < 0 && errno == EAGAIN) return;
        close(c->fd);
        c->fd = -1;
        if (c == redis) redis = NULL;
        return;
    }                              // idle outbound connections do not end in this benchmark
    if (c->kind == REDIS) return;  // replies are not looked at
    c->inlen += n;
    c->in[c->inlen] = 0;
    for (char *e; (e = strstr(c->in, "\r\n\r\n"));) {
        char *l = strcasestr(c->in, "content-length:");
        int len = l && l < e ? atoi(l + 15) : 0, total = e + 4 - c->in + len;
        if (c->inlen < total) return;
        char keep = c->in[total];
        c->in[total] = 0;
        if (c->kind == IN && !strncmp(c->in, "GET ", 4))
            health(c);
        else if (c->kind == IN)
            webhook(c, c->in, e + 4);
        else if (c->kind == AGENT)
            agent_done(c, e + 4);
        else
            tg_done(c);
        c->in[total] = keep;
        c->inlen -= total;
        memmove(c->in, c->in + total, c->inlen + 1);
    }
}
int main(void) {
    signal(SIGPIPE, SIG_IGN);
    ep = epoll_create1(0);
    secret = env("WEBHOOK_SECRET", "bench-secret");
    token = env("BOT_TOKEN", "123456:bench-token");
    agent_port = port_of(env("AGENT_URL", "http://127.0.0.1:18111"));
    tg_port = port_of(env("TELEGRAM_API", "http://127.0.0.1:18081"));
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons(atoi(env("PORT", "18080"))),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(fd, (void *)&a, sizeof a) || listen(fd, 4096)) {
        perror("listen");
        return 1;
    }
    conn(fd, LISTEN);
    redis = dial(atoi(env("REDIS_PORT", "16379")), REDIS);
    for (struct epoll_event ev[256];;) {
        int n = epoll_wait(ep, ev, 256, -1);
        for (int i = 0; i < n; i++) {
            Conn *c = ev[i].data.ptr;
            if (c->fd < 0) continue;
            if (c->kind == LISTEN) {
                for (int s; (s = accept(c->fd, NULL, NULL)) >= 0;) conn(s, IN);
                continue;
            }
            if (ev[i].events & EPOLLOUT) flush(c);
            if (ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) readable(c);
        }
        if (redis && redis->outlen && !redis->want) flush(redis);
    }
}
