// usage.h - what a process and its descendants have used, and what the machine has, from /proc.
#pragma once
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    double user, sys, sched;
    long rss_kb, hwm_kb;
    int threads, procs;
} Usage;
static bool read_file(const char *p, char *b, size_t n) {
    int fd = open(p, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t k = read(fd, b, n - 1);
    close(fd);
    if (k < 0) return false;
    b[k] = 0;
    return true;
}
static void usage_one(int pid, Usage *u) {
    char p[64], b[8192];
    sprintf(p, "/proc/%d/stat", pid);
    if (!read_file(p, b, sizeof b)) return;
    char *q = strrchr(b, ')');
    unsigned long ut = 0, st = 0;
    sscanf(q + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &ut, &st);
    double hz = sysconf(_SC_CLK_TCK);
    u->user += ut / hz;
    u->sys += st / hz;
    u->procs++;
    sprintf(p, "/proc/%d/status", pid);
    if (read_file(p, b, sizeof b)) {
        char *s;
        if ((s = strstr(b, "VmRSS:"))) u->rss_kb += atol(s + 6);
        if ((s = strstr(b, "VmHWM:"))) u->hwm_kb += atol(s + 6);
    }
    sprintf(p, "/proc/%d/task", pid);
    DIR *d = opendir(p);
    struct dirent *e;
    while (d && (e = readdir(d))) {
        if (!isdigit((unsigned char)e->d_name[0])) continue;
        char f[512];
        snprintf(f, sizeof f, "%s/%s/schedstat", p, e->d_name);
        if (read_file(f, b, sizeof b)) {
            u->sched += atof(b) / 1e9;
            u->threads++;
        }
    }
    if (d) closedir(d);
}
static Usage usage(int root, bool reset) {  // the process and its descendants
    Usage u = {0};
    if (root <= 0) return u;
    int pids[4096], pp[4096], n = 0;
    DIR *d = opendir("/proc");
    struct dirent *e;
    char p[300], b[4096];
    while (d && (e = readdir(d)) && n < 4096) {
        if (!isdigit((unsigned char)e->d_name[0])) continue;
        snprintf(p, sizeof p, "/proc/%s/stat", e->d_name);
        if (!read_file(p, b, sizeof b)) continue;
        char *q = strrchr(b, ')');
        pids[n] = atoi(e->d_name);
        pp[n] = q ? atoi(q + 4) : 0;
        n++;
    }
    if (d) closedir(d);
    for (int i = 0; i < n; i++) {
        int x = pids[i];
        for (int hop = 0; x != root && x > 1 && hop < 16; hop++) {
            int k = 0;
            for (; k < n; k++)
                if (pids[k] == x) break;
            x = k < n ? pp[k] : 0;
        }
        if (x != root) continue;
        if (reset) {
            sprintf(p, "/proc/%d/clear_refs", pids[i]);
            int fd = open(p, O_WRONLY | O_CLOEXEC);
            if (fd >= 0) {
                if (write(fd, "5", 1)) {}
                close(fd);
            }
        }
        usage_one(pids[i], &u);
    }
    return u;
}
// What ran on the machine, in exact nanoseconds: all processes' schedstat. (/proc/stat is sampled by the tick, and a
// load that a timer drives aliases with it.)
static void machine(double *busy, double *steal) {
    char b[4096];
    unsigned long v = 0;
    Usage u = {0};
    DIR *d = opendir("/proc");
    struct dirent *e;
    while (d && (e = readdir(d)))
        if (isdigit((unsigned char)e->d_name[0])) usage_one(atoi(e->d_name), &u);
    if (d) closedir(d);
    if (read_file("/proc/stat", b, sizeof b) && sscanf(b, "cpu %*u %*u %*u %*u %*u %*u %*u %lu", &v) == 1)
        *steal = v / (double)sysconf(_SC_CLK_TCK);
    *busy = u.sched;
}
