// The C face of simdjson's DOM: what the Swift module JSON calls. No C++ type and no C++ exception passes it.
//
// A value is a small opaque copyable thing that points into its document; it is valid while the document is. Documents
// are immutable after the parse, so any number of threads may read one.
#ifndef CHATBRIDGE_CSIMDJSON_H
#define CHATBRIDGE_CSIMDJSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cb_json_document cb_json_document;
typedef struct { uint64_t words[2]; } cb_json_value;
typedef struct { uint64_t words[4]; } cb_json_cursor;

typedef enum cb_json_status {
    CB_JSON_OK = 0,
    CB_JSON_EMPTY,
    CB_JSON_SYNTAX,
    CB_JSON_STRING,   // a bad escape or a control byte in a string
    CB_JSON_NUMBER,   // a malformed number, or one that simdjson does not hold
    CB_JSON_UTF8,
    CB_JSON_DEPTH,
    CB_JSON_SIZE,
    CB_JSON_MEMORY
} cb_json_status;

typedef enum cb_json_kind {
    CB_JSON_KIND_NULL = 0,
    CB_JSON_KIND_BOOL,
    CB_JSON_KIND_INT,
    CB_JSON_KIND_UINT,
    CB_JSON_KIND_DOUBLE,
    CB_JSON_KIND_STRING,
    CB_JSON_KIND_ARRAY,
    CB_JSON_KIND_OBJECT
} cb_json_kind;

// Parses a copy of the bytes; NULL with *status set when they are not one JSON document.
cb_json_document *cb_json_parse(const uint8_t *bytes, size_t count, cb_json_value *root, cb_json_status *status);
// Gives the document back to the calling thread's pool.
void cb_json_release(cb_json_document *document);

cb_json_kind cb_json_kind_of(cb_json_value value);
// Each returns false, and leaves the out parameters alone, when the value is not of that kind or has no such part.
bool cb_json_find(cb_json_value value, const uint8_t *key, size_t count, cb_json_value *found);
// The bits of the names that an object has, by cb_json_name_bit; none when it is no object.
uint64_t cb_json_names(cb_json_value value);
// One bit for a name, the same for some others: an object that lacks the bit lacks the name.
static inline uint64_t cb_json_name_bit(const uint8_t *name, size_t count) {
    return UINT64_C(1) << (count == 0 ? 0 : (count * 7 + name[0] + name[count / 2] * 3) & 63);
}
bool cb_json_at(cb_json_value value, size_t index, cb_json_value *found);
bool cb_json_string(cb_json_value value, const uint8_t **start, size_t *count);
bool cb_json_int(cb_json_value value, int64_t *number);
bool cb_json_uint(cb_json_value value, uint64_t *number);
bool cb_json_double(cb_json_value value, double *number);
bool cb_json_bool(cb_json_value value, bool *truth);

// Elements of an array or members of an object; 0 for anything else.
size_t cb_json_count(cb_json_value value);
bool cb_json_elements(cb_json_value value, cb_json_cursor *cursor);
bool cb_json_next_element(cb_json_cursor *cursor, cb_json_value *element);
bool cb_json_members(cb_json_value value, cb_json_cursor *cursor);
bool cb_json_next_member(cb_json_cursor *cursor, const uint8_t **key, size_t *count, cb_json_value *value);

// Calls append once with the value as JSON text without white space; false when memory ran out.
bool cb_json_minify(cb_json_value value, void *context, void (*append)(void *context, const uint8_t *start, size_t count));

#ifdef __cplusplus
}
#endif

#endif
