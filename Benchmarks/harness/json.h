// json.h - a small JSON reader and a form reader, over spans of the bytes received.
#pragma once
#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct {
    const char *p, *e;
} Span;
static const char *jws(const char *p, const char *e) {
    while (p < e && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r')) p++;
    return p;
}
static const char *jstr_end(const char *p, const char *e) {
    for (p++; p < e; p++) {
        if (*p == '\\')
            p++;
        else if (*p == '"')
            return p + 1;
    }
    return NULL;
}
static const char *jskip(const char *p, const char *e) {
    p = jws(p, e);
    if (p >= e) return NULL;
    if (*p == '"') return jstr_end(p, e);
    if (*p == '{' || *p == '[') {
        int d = 0;
        while (p < e) {
            if (*p == '"') {
                if (!(p = jstr_end(p, e))) return NULL;
                continue;
            }
            if (*p == '{' || *p == '[') d++;
            if (*p == '}' || *p == ']') {
                if (!--d) return p + 1;
            }
            p++;
        }
        return NULL;
    }
    while (p < e && *p != ',' && *p != '}' && *p != ']' && !isspace((unsigned char)*p)) p++;
    return p;
}
static bool jget(Span s, const char *key, Span *v) {
    const char *p = jws(s.p, s.e), *e = s.e;
    size_t kl = strlen(key);
    if (p >= e || *p != '{') return false;
    for (p++;;) {
        p = jws(p, e);
        if (p >= e || *p != '"') return false;
        const char *k = p + 1, *ke = jstr_end(p, e);
        if (!ke) return false;
        p = jws(ke, e);
        if (p >= e || *p != ':') return false;
        const char *b = jws(p + 1, e), *f = jskip(b, e);
        if (!f) return false;
        if ((size_t)(ke - 1 - k) == kl && !memcmp(k, key, kl)) {
            v->p = b;
            v->e = f;
            return true;
        }
        p = jws(f, e);
        if (p >= e || *p != ',') return false;
        p++;
    }
}
static bool jlast(Span s, Span *v) {  // the last element of an array
    const char *p = jws(s.p, s.e);
    bool any = false;
    if (p >= s.e || *p != '[') return false;
    for (p++;;) {
        p = jws(p, s.e);
        if (p >= s.e || *p == ']') return any;
        const char *f = jskip(p, s.e);
        if (!f) return any;
        v->p = p;
        v->e = f;
        any = true;
        p = jws(f, s.e);
        if (p >= s.e || *p != ',') return any;
        p++;
    }
}
static int hex4(const char *p) {
    int v = 0;
    for (int i = 0; i < 4; i++) {
        int c = p[i];
        v = v * 16 + (c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
    }
    return v;
}
static int unescape(Span s, char *b, size_t cap) {  // a JSON string (or a bare number) to UTF-8
    size_t n = 0;
    const char *p = s.p, *e = s.e;
    if (p < e && *p == '"') {
        p++;
        e--;
    }
    while (p < e && n + 4 < cap) {
        if (*p != '\\') {
            b[n++] = *p++;
            continue;
        }
        p++;
        switch (*p) {
            case 'n':
                b[n++] = '\n';
                p++;
                break;
            case 't':
                b[n++] = '\t';
                p++;
                break;
            case 'r':
                b[n++] = '\r';
                p++;
                break;
            case 'b':
                b[n++] = '\b';
                p++;
                break;
            case 'f':
                b[n++] = '\f';
                p++;
                break;
            case 'u': {
                if (e - p < 5) return -1;
                unsigned c = hex4(p + 1);
                p += 5;
                if (c >= 0xD800 && c < 0xDC00 && e - p >= 6 && p[0] == '\\' && p[1] == 'u') {
                    c = 0x10000 + ((c - 0xD800) << 10) + (hex4(p + 2) - 0xDC00);
                    p += 6;
                }
                if (c < 0x80)
                    b[n++] = c;
                else if (c < 0x800) {
                    b[n++] = 0xC0 | c >> 6;
                    b[n++] = 0x80 | (c & 63);
                } else if (c < 0x10000) {
                    b[n++] = 0xE0 | c >> 12;
                    b[n++] = 0x80 | (c >> 6 & 63);
                    b[n++] = 0x80 | (c & 63);
                } else {
                    b[n++] = 0xF0 | c >> 18;
                    b[n++] = 0x80 | (c >> 12 & 63);
                    b[n++] = 0x80 | (c >> 6 & 63);
                    b[n++] = 0x80 | (c & 63);
                }
                break;
            }
            default: b[n++] = *p++;
        }
    }
    b[n] = 0;
    return (int)n;
}
static bool form_get(Span s, const char *key, char *b, size_t cap) {  // application/x-www-form-urlencoded
    size_t kl = strlen(key);
    for (const char *p = s.p; p < s.e;) {
        const char *amp = memchr(p, '&', s.e - p);
        if (!amp) amp = s.e;
        if ((size_t)(amp - p) > kl && !memcmp(p, key, kl) && p[kl] == '=') {
            size_t n = 0;
            for (const char *q = p + kl + 1; q < amp && n + 1 < cap; q++) {
                if (*q == '+')
                    b[n++] = ' ';
                else if (*q == '%' && amp - q > 2) {
                    char h[5] = {'0', '0', q[1], q[2], 0};
                    b[n++] = hex4(h);
                    q += 2;
                } else
                    b[n++] = *q;
            }
            b[n] = 0;
            return true;
        }
        p = amp + 1;
    }
    return false;
}
