// platforms.h - the platforms that the harness plays: their webhooks, signed, and what they read of a bridge's calls.
//
// Part of bench.c, which declares the options, the messages and the JSON reader before it.
#pragma once
#include <openssl/evp.h>
#include <openssl/hmac.h>

enum { TELEGRAM, SLACK, WHATSAPP };
static const char *const platform_names[] = {"telegram", "slack", "whatsapp"};

#define FORGED 99999999  // the number of a message whose signature is wrong: nobody may hear of it
#define NUMBER_ID "106540352242922"  // WhatsApp: the business number

// The number in the text is how an answer finds its message again; the rest checks that nothing was mangled.
static int user_text(char *b, int n) {
    return sprintf(b,
                   "#m%08d Hi \xF0\x9F\x91\x8B, my order \"A-%d\" hasn't arrived yet \xE2\x80\x94 could you check "
                   "where it is?\nDanke sch\xC3\xB6n! \xF0\x9F\x9A\x80 It was due on Monday.",
                   n, n % 977);
}
static int user_json(char *b, int n) {
    return sprintf(b,
                   "#m%08d Hi \\ud83d\\udc4b, my order \\\"A-%d\\\" hasn't arrived yet \\u2014 could you check where "
                   "it is?\\nDanke sch\\u00f6n! \\ud83d\\ude80 It was due on Monday.",
                   n, n % 977);
}
#define REPLY_TAIL                                                                                                \
    " Your parcel left the depot this morning and is on its way to you \xF0\x9F\x93\xA6. The driver should ring " \
    "between 14:00 and 16:00; if nobody is at home, a neighbour may take it. Is there anything else I can do for you?"
static int reply_text(char *b, int n) {
    return sprintf(b, "Re #m%08d: \"found it\" \xE2\x9C\x85\n" REPLY_TAIL, n);
}
static int reply_json(char *b, int n) {
    return sprintf(b, "Re #m%08d: \\\"found it\\\" \xE2\x9C\x85\\n" REPLY_TAIL, n);
}
static int64_t chat_of(int conv) {
    return 700000000LL + conv;
}
static int seq_in(const char *t, size_t n) {
    for (size_t i = 0; i + 10 <= n; i++)
        if (t[i] == '#' && t[i + 1] == 'm') {
            int v = 0, k = 0;
            for (; k < 8 && isdigit((unsigned char)t[i + 2 + k]); k++) v = v * 10 + t[i + 2 + k] - '0';
            if (k == 8) return v;
        }
    return -1;
}

static void conversation_of(char *b, int conv) {  // as the platform names it, which is the name at the agent, too
    sprintf(b, o.platform == SLACK ? "D%lld" : "%lld", (long long)chat_of(conv));
}

static void sign(const char *secret, const char *head, const char *body, size_t n, char hex[65]) {
    static unsigned char data[8192];
    size_t k = strlen(head);
    unsigned char mac[32];
    unsigned len = sizeof mac;
    memcpy(data, head, k);
    memcpy(data + k, body, n);
    HMAC(EVP_sha256(), secret, (int)strlen(secret), data, k + n, mac, &len);
    for (int i = 0; i < 32; i++) sprintf(hex + 2 * i, "%02x", mac[i]);
}

// The whole request for message m; a negative m gives one that the secret makes a forgery.
static int build_webhook(char *b, int m, const char *secret) {
    static char body[4096], text[512], proof[256], hex[65];
    if (o.get) return sprintf(b, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s\r\n", o.get, o.port, o.headers);
    Msg *q = m >= 0 ? &msgs[m] : NULL;
    int conv = q ? q->conv : 0, n = q ? m : FORGED, cseq = q ? q->cseq : 0, bl;
    user_json(text, n);
    long long chat = chat_of(conv);
    long now = time(NULL);
    switch (o.platform) {
        case SLACK:
            bl = sprintf(
                body,
                "{\"token\":\"AtFTDngNDE7k3a6rriShF4bJ\",\"team_id\":\"T0ADGE2G4EM\",\"context_team_id\":\"T0ADGE2G4EM\","
                "\"context_enterprise_id\":null,\"api_app_id\":\"A0ACN407A3Z\",\"event\":{\"type\":\"message\",\"user\":"
                "\"U%lld\",\"ts\":\"%ld.%06d\",\"client_msg_id\":\"7f846ada-9111-41d4-983b-%012d\",\"text\":\"%s\","
                "\"team\":\"T0ADGE2G4EM\",\"blocks\":[{\"type\":\"rich_text\",\"block_id\":\"yrdrR\",\"elements\":[{"
                "\"type\":\"rich_text_section\",\"elements\":[{\"type\":\"text\",\"text\":\"%s\"}]}]}],\"channel\":\"D%lld"
                "\",\"event_ts\":\"%ld.%06d\",\"channel_type\":\"im\"},\"type\":\"event_callback\",\"event_id\":\"Ev%lld\","
                "\"event_time\":%ld,\"authorizations\":[{\"enterprise_id\":null,\"team_id\":\"T0ADGE2G4EM\",\"user_id\":"
                "\"U0ADXR1N57A\",\"is_bot\":true,\"is_enterprise_install\":false}],\"is_ext_shared_channel\":false}",
                chat, now, cseq % 1000000, n, text, text, chat, now, cseq % 1000000, (long long)(update_base + n), now);
            sprintf(text, "v0:%ld:", now);
            sign(secret, text, body, bl, hex);
            sprintf(proof, "X-Slack-Request-Timestamp: %ld\r\nX-Slack-Signature: v0=%s\r\n", now, hex);
            break;
        case WHATSAPP:
            bl = sprintf(
                body,
                "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"102290129340398\",\"changes\":[{\"value\":{"
                "\"messaging_product\":\"whatsapp\",\"metadata\":{\"display_phone_number\":\"15550783881\","
                "\"phone_number_id\":\"" NUMBER_ID "\"},\"contacts\":[{\"profile\":{\"name\":\"Zo\\u00eb M\\u00fcller\"},"
                "\"wa_id\":\"%lld\"}],\"messages\":[{\"from\":\"%lld\",\"id\":\"wamid.%lld\",\"timestamp\":\"%ld\","
                "\"text\":{\"body\":\"%s\"},\"type\":\"text\"}]},\"field\":\"messages\"}]}]}",
                chat, chat, (long long)(update_base + n), now, text);
            sign(secret, "", body, bl, hex);
            sprintf(proof, "X-Hub-Signature-256: sha256=%s\r\n", hex);
            break;
        default:
            bl = sprintf(
                body,
                "{\"update_id\":%lld,\n\"message\":{\"message_id\":%d,\"from\":{\"id\":%lld,\"is_bot\":false,\"first_"
                "name\":\"Zo\\u00eb\",\"last_name\":\"M\\u00fcller\",\"username\":\"zoe_%d\",\"language_code\":\"de\"},"
                "\"chat\":{\"id\":%lld,\"first_name\":\"Zo\\u00eb\",\"last_name\":\"M\\u00fcller\",\"username\":\"zoe_%d"
                "\",\"type\":\"private\"},\"date\":%ld,\"text\":\"%s\",\"entities\":[{\"offset\":0,\"length\":10,\"type\":"
                "\"hashtag\"}]}}",
                (long long)(update_base + n), 1000 + cseq, chat, conv, chat, conv, (long)(update_base % 2000000000), text);
            sprintf(proof, "X-Telegram-Bot-Api-Secret-Token: %s\r\n", secret);
    }
    return sprintf(b,
                   "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept-Encoding: gzip, deflate\r\n%s%sContent-Type: "
                   "application/json\r\nContent-Length: %d\r\n\r\n%s",
                   o.path, o.port, proof, o.headers, bl, body);
}

// ---------------------------------------------------------------- a bridge's call
typedef struct {
    enum { REFUSED, OTHER, SEND, EDIT } kind;
    char *text;      // as UTF-8
    int64_t chat;    // -1: none of ours
    long message;    // EDIT: which
    const char *method;
} Call;

static bool bears_token(const Http *h) {
    size_t n = strlen(o.token);
    return h->authorization.p && (size_t)(h->authorization.e - h->authorization.p) == n + 7 &&
           !strncasecmp(h->authorization.p, "Bearer ", 7) && !memcmp(h->authorization.p + 7, o.token, n);
}
static bool text_field(Span s, const char *key, char *b, size_t cap) {
    Span v;
    return jget(s, key, &v) && unescape(v, b, cap) >= 0;
}
static Call read_call(const Http *h) {
    static char text[8192], id[128];
    Call call = {.kind = REFUSED, .text = text, .chat = -1, .method = ""};
    const char *sp = memchr(h->start.p, ' ', h->start.e - h->start.p);
    text[0] = 0;
    if (!sp) return call;
    Span part;
    switch (o.platform) {
        case SLACK:
            if (!bears_token(h)) return call;
            call.kind = OTHER;
            if (strncmp(sp + 1, "/chat.postMessage ", 18)) return call;
            call.kind = SEND;
            text_field(h->body, "text", text, sizeof text);
            if (text_field(h->body, "channel", id, sizeof id) && id[0] == 'D') call.chat = atoll(id + 1);
            return call;
        case WHATSAPP: {
            // With or without a version before the number.
            const char *method = memmem(sp + 1, h->start.e - sp - 1, "/" NUMBER_ID "/messages ", 26);
            if (!bears_token(h) || !method) return call;
            call.kind = OTHER;
            if (!text_field(h->body, "type", id, sizeof id) || strcmp(id, "text")) return call;
            call.kind = SEND;
            if (jget(h->body, "text", &part)) text_field(part, "body", text, sizeof text);
            if (text_field(h->body, "to", id, sizeof id)) call.chat = atoll(id);
            return call;
        }
        default: {
            size_t tl = strlen(o.token);
            if (strncmp(sp + 1, "/bot", 4) || strncmp(sp + 5, o.token, tl) || sp[5 + tl] != '/') return call;
            call.method = sp + 6 + tl;
            if (!strncasecmp(call.method, "sendMessage ", 12))
                call.kind = SEND;
            else if (!strncasecmp(call.method, "editMessageText ", 16))
                call.kind = EDIT;
            else {
                call.kind = OTHER;
                return call;
            }
            bool form = h->type.p && memmem(h->type.p, h->type.e - h->type.p, "urlencoded", 10);
            if (form ? form_get(h->body, "text", text, sizeof text) : text_field(h->body, "text", text, sizeof text)) {}
            if (form ? form_get(h->body, "chat_id", id, sizeof id) : text_field(h->body, "chat_id", id, sizeof id))
                call.chat = atoll(id);
            if (form ? form_get(h->body, "message_id", id, sizeof id) : text_field(h->body, "message_id", id, sizeof id))
                call.message = atol(id);
            return call;
        }
    }
}

// What the platform says to a call; `message` is the name it gives, `json` the text as it would be in JSON.
static int answer_call(char *b, const Call *call, long message, const char *json) {
    if (call->kind == REFUSED)
        return sprintf(b, o.platform == TELEGRAM ? "{\"ok\":false,\"error_code\":404}"
                          : o.platform == SLACK  ? "{\"ok\":false,\"error\":\"invalid_auth\"}"
                                                 : "{\"error\":{\"code\":190,\"message\":\"invalid token\"}}");
    if (o.platform == SLACK)
        return call->kind == OTHER
                   ? sprintf(b, "{\"ok\":true,\"user_id\":\"U0ADXR1N57A\",\"bot_id\":\"B0BENCH\",\"team_id\":\"T0ADGE2G4EM\"}")
                   : sprintf(b,
                             "{\"ok\":true,\"channel\":\"D%lld\",\"ts\":\"1767225600.%06ld\",\"message\":{\"user\":"
                             "\"U0ADXR1N57A\",\"type\":\"message\",\"ts\":\"1767225600.%06ld\",\"bot_id\":\"B0BENCH\","
                             "\"text\":\"%s\"}}",
                             (long long)call->chat, message % 1000000, message % 1000000, json);
    if (o.platform == WHATSAPP)
        return call->kind == OTHER ? sprintf(b, "{\"success\":true}")
                                   : sprintf(b,
                                             "{\"messaging_product\":\"whatsapp\",\"contacts\":[{\"input\":\"%lld\","
                                             "\"wa_id\":\"%lld\"}],\"messages\":[{\"id\":\"wamid.out%ld\"}]}",
                                             (long long)call->chat, (long long)call->chat, message);
    if (call->kind != OTHER)
        return sprintf(b,
                       "{\"ok\":true,\"result\":{\"message_id\":%ld,\"from\":{\"id\":123456,\"is_bot\":true,\"first_name\":"
                       "\"Bench\",\"username\":\"bench_bot\"},\"chat\":{\"id\":%lld,\"first_name\":\"Zo\\u00eb\",\"type\":"
                       "\"private\"},\"date\":1767225600,\"text\":\"%s\"}}",
                       message, (long long)call->chat, json);
    if (!strncasecmp(call->method, "getMe ", 6))
        return sprintf(b,
                       "{\"ok\":true,\"result\":{\"id\":123456,\"is_bot\":true,\"first_name\":\"Bench\",\"username\":"
                       "\"bench_bot\",\"can_join_groups\":true,\"can_read_all_group_messages\":false,\"supports_inline_"
                       "queries\":false}}");
    if (!strncasecmp(call->method, "getWebhookInfo ", 15))
        return sprintf(
            b, "{\"ok\":true,\"result\":{\"url\":\"\",\"has_custom_certificate\":false,\"pending_update_count\":0}}");
    return sprintf(b, "{\"ok\":true,\"result\":true}");
}
