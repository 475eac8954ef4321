// copy.c - how fast PostgreSQL itself takes the rows that a logger wrote: the base of the logger's ratio.
//
// Usage: copy DATABASE_URL BATCH
//
// Reads every row of `messages` in binary, empties the table, and writes the same rows back by binary COPY, BATCH rows to
// a transaction, with the sessions that each batch touches brought up to date in that transaction, as a logger must.
// Prints rows a second. The first two columns are id and session_id, as the outside contract has them.
#include <arpa/inet.h>
#include <libpq-fe.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// The file header of binary COPY: signature, flags, length of the extension ("COPY", Binary Format).
static const char header[19] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";
static const char trailer[2] = "\377\377";

typedef struct { char *bytes; size_t length, capacity; } Buffer;
typedef struct { size_t start, end; const char *session; } Row;

static void append(Buffer *buffer, const void *bytes, size_t length) {
    while (buffer->length + length > buffer->capacity) {
        buffer->capacity = buffer->capacity ? buffer->capacity * 2 : 1 << 20;
        buffer->bytes = realloc(buffer->bytes, buffer->capacity);
    }
    memcpy(buffer->bytes + buffer->length, bytes, length);
    buffer->length += length;
}

static void append32(Buffer *buffer, uint32_t value) { value = htonl(value); append(buffer, &value, 4); }

static void fail(PGconn *connection, const char *what) {
    fprintf(stderr, "copy: %s: %s", what, PQerrorMessage(connection));
    exit(1);
}

static void run(PGconn *connection, const char *sql) {
    PGresult *result = PQexec(connection, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) fail(connection, sql);
    PQclear(result);
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec * 1e-9;
}

static uint32_t read32(const char *bytes) { uint32_t value; memcpy(&value, bytes, 4); return ntohl(value); }

// The whole table as one binary COPY, header included.
static Buffer read_table(PGconn *connection) {
    Buffer all = {0};
    PGresult *result = PQexec(connection, "COPY (SELECT * FROM messages ORDER BY id) TO STDOUT BINARY");
    if (PQresultStatus(result) != PGRES_COPY_OUT) fail(connection, "COPY TO");
    PQclear(result);
    char *piece;
    int length;
    while ((length = PQgetCopyData(connection, &piece, 0)) > 0) { append(&all, piece, length); PQfreemem(piece); }
    if (length == -2) fail(connection, "COPY TO");
    while ((result = PQgetResult(connection))) PQclear(result);
    return all;
}

// Where each row begins and ends, and its session_id.
static Row *find_rows(const Buffer *all, size_t *count) {
    Row *rows = NULL;
    size_t capacity = 0, at = sizeof header;
    *count = 0;
    for (;;) {
        uint16_t columns;
        memcpy(&columns, all->bytes + at, 2);
        columns = ntohs(columns);
        if (columns == 0xffff) return rows;
        if (*count == capacity) rows = realloc(rows, (capacity = capacity ? capacity * 2 : 1 << 16) * sizeof *rows);
        Row row = {.start = at};
        at += 2;
        for (int column = 0; column < columns; column++) {
            uint32_t length = read32(all->bytes + at);
            at += 4;
            if (column == 1) row.session = all->bytes + at;
            if (length != 0xffffffff) at += length;  // -1: NULL
        }
        row.end = at;
        rows[(*count)++] = row;
    }
}

// The distinct sessions of a batch as a binary uuid[].
static void session_array(Buffer *array, const Row *rows, size_t count) {
    uint32_t distinct = 0;
    array->length = 0;
    append32(array, 1);     // dimensions
    append32(array, 0);     // no NULL in it
    append32(array, 2950);  // the type: uuid
    append32(array, 0);     // elements, known below
    append32(array, 1);     // the first index
    for (size_t i = 0; i < count; i++) {
        size_t earlier = i;
        while (earlier > 0 && i - earlier < 128 && memcmp(rows[earlier - 1].session, rows[i].session, 16)) earlier--;
        if (earlier > 0 && i - earlier < 128) continue;  // seen not long ago
        append32(array, 16);
        append(array, rows[i].session, 16);
        distinct++;
    }
    distinct = htonl(distinct);
    memcpy(array->bytes + 12, &distinct, 4);
}

int main(int count, char **arguments) {
    if (count != 3 || atoi(arguments[2]) < 1) {
        fprintf(stderr, "usage: copy DATABASE_URL BATCH\n");
        return 64;
    }
    size_t batch = atoi(arguments[2]), total;
    PGconn *connection = PQconnectdb(arguments[1]);
    if (PQstatus(connection) != CONNECTION_OK) fail(connection, "connecting");
    Buffer all = read_table(connection), array = {0};
    Row *rows = find_rows(&all, &total);
    run(connection, "TRUNCATE messages");
    run(connection, "CHECKPOINT");
    PQclear(PQprepare(connection, "sessions",
        "UPDATE sessions SET last_activity = greatest(last_activity, now()) WHERE id = ANY($1)", 0, NULL));

    double start = seconds();
    for (size_t first = 0; first < total; first += batch) {
        size_t size = total - first < batch ? total - first : batch;
        run(connection, "BEGIN");
        session_array(&array, rows + first, size);
        const char *value = array.bytes;
        int length = (int)array.length, binary = 1;
        PGresult *result = PQexecPrepared(connection, "sessions", 1, &value, &length, &binary, 1);
        if (PQresultStatus(result) != PGRES_COMMAND_OK) fail(connection, "sessions");
        PQclear(result);

        result = PQexec(connection, "COPY messages FROM STDIN BINARY");
        if (PQresultStatus(result) != PGRES_COPY_IN) fail(connection, "COPY FROM");
        PQclear(result);
        size_t from = rows[first].start, to = rows[first + size - 1].end;
        if (PQputCopyData(connection, header, sizeof header) != 1 ||
            PQputCopyData(connection, all.bytes + from, (int)(to - from)) != 1 ||
            PQputCopyData(connection, trailer, sizeof trailer) != 1 || PQputCopyEnd(connection, NULL) != 1)
            fail(connection, "COPY FROM");
        while ((result = PQgetResult(connection))) {
            if (PQresultStatus(result) != PGRES_COMMAND_OK) fail(connection, "COPY FROM");
            PQclear(result);
        }
        run(connection, "COMMIT");
    }
    printf("%.0f\n", total / (seconds() - start));
    PQfinish(connection);
    return 0;
}
