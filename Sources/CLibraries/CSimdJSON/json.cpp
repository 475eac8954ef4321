#include "CSimdJSON.h"

#include <charconv>
#include <cstring>
#include <memory>
#include <new>
#include <simdjson.h>
#include <string>
#include <type_traits>

namespace dom = simdjson::dom;

struct cb_json_document {
    dom::document document;
    cb_json_document *next = nullptr;
};

namespace {

// A parser (structural indexes: 4 bytes an input byte) that grew beyond this is freed after the parse: 256 KiB.
constexpr size_t kept_parser_input = 64 * 1024;
// A document (tape and strings: about 10 bytes an input byte) beyond this is not pooled: 160 KiB.
constexpr size_t kept_document_input = 16 * 1024;
constexpr int kept_documents = 8;
constexpr size_t smallest_input = 1024;

// What a thread keeps between parses. Thread-local, so that no lock is on the way of a message.
struct Pool {
    dom::parser parser;
    std::unique_ptr<uint8_t[]> input;
    size_t input_capacity = 0;
    cb_json_document *documents = nullptr;
    int count = 0;

    ~Pool() {
        while (documents) {
            cb_json_document *next = documents->next;
            delete documents;
            documents = next;
        }
    }
};

thread_local Pool pool;

// The views are trivially copyable pairs of (document, position); they travel through C as plain words.
template <typename C, typename T>
C pack(const T &value) {
    static_assert(std::is_trivially_copyable<T>::value, "only plain words may cross");
    static_assert(sizeof(T) <= sizeof(C), "the C struct must hold the view");
    C packed = {};
    std::memcpy(&packed, &value, sizeof(T));
    return packed;
}

template <typename T, typename C>
T unpack(const C &packed) {
    static_assert(std::is_trivially_copyable<T>::value, "only plain words may cross");
    static_assert(sizeof(T) <= sizeof(C), "the C struct must hold the view");
    T value;
    std::memcpy(static_cast<void *>(&value), &packed, sizeof(T));
    return value;
}

dom::element element(const cb_json_value &value) { return unpack<dom::element>(value); }

template <typename Iterator>
struct Range {
    Iterator at;
    Iterator end;
};

template <typename Container>
cb_json_cursor cursor(const Container &container) {
    return pack<cb_json_cursor>(Range<typename Container::iterator>{container.begin(), container.end()});
}

cb_json_status status_of(simdjson::error_code error) {
    switch (error) {
    case simdjson::SUCCESS: return CB_JSON_OK;
    case simdjson::EMPTY: return CB_JSON_EMPTY;
    case simdjson::CAPACITY: return CB_JSON_SIZE;
    case simdjson::MEMALLOC: return CB_JSON_MEMORY;
    case simdjson::DEPTH_ERROR: return CB_JSON_DEPTH;
    case simdjson::UTF8_ERROR: return CB_JSON_UTF8;
    case simdjson::STRING_ERROR:
    case simdjson::UNESCAPED_CHARS: return CB_JSON_STRING;
    case simdjson::NUMBER_ERROR: return CB_JSON_NUMBER;
    // Later versions have codes of their own for big integers, which Debian 12's header does not name.
    default: return CB_JSON_SYNTAX;
    }
}

size_t rounded_up(size_t count) {
    size_t capacity = smallest_input;
    while (capacity < count) { capacity *= 2; }
    return capacity;
}

simdjson::error_code parse(cb_json_document &target, const uint8_t *bytes, size_t count, dom::element &root) {
    if (count == 0) { return simdjson::EMPTY; }
    // simdjson counts positions in 32 bits.
    if (count > 0x7FFFFFFF) { return simdjson::CAPACITY; }
    size_t capacity = rounded_up(count);
    if (pool.input_capacity < capacity) {
        pool.input_capacity = 0;
        pool.input.reset(new (std::nothrow) uint8_t[capacity + simdjson::SIMDJSON_PADDING]);
        if (!pool.input) { return simdjson::MEMALLOC; }
        pool.input_capacity = capacity;
    }
    if (pool.parser.capacity() < capacity) {
        if (auto error = pool.parser.allocate(capacity)) { return error; }
    }
    if (target.document.capacity() < capacity) {
        if (auto error = target.document.allocate(capacity)) { return error; }
    }
    std::memcpy(pool.input.get(), bytes, count);
    std::memset(pool.input.get() + count, ' ', simdjson::SIMDJSON_PADDING);
    return pool.parser.parse_into_document(target.document, pool.input.get(), count, false).get(root);
}

}  // namespace

extern "C" cb_json_document *cb_json_parse(
    const uint8_t *bytes, size_t count, cb_json_value *root, cb_json_status *status) {
    cb_json_document *target = pool.documents;
    if (target) {
        pool.documents = target->next;
        pool.count -= 1;
        target->next = nullptr;
    } else {
        target = new (std::nothrow) cb_json_document;
        if (!target) {
            *status = CB_JSON_MEMORY;
            return nullptr;
        }
    }
    dom::element parsed;
    simdjson::error_code error = simdjson::MEMALLOC;
    try {
        error = parse(*target, bytes, count, parsed);
    } catch (...) {
        // Only memory can run out here; nothing of C++ may cross into Swift.
    }
    if (pool.input_capacity > kept_parser_input) {
        pool.parser = dom::parser();
        pool.input.reset();
        pool.input_capacity = 0;
    }
    *status = status_of(error);
    if (error) {
        cb_json_release(target);
        return nullptr;
    }
    *root = pack<cb_json_value>(parsed);
    return target;
}

extern "C" void cb_json_release(cb_json_document *document) {
    if (pool.count < kept_documents && document->document.capacity() <= kept_document_input) {
        document->next = pool.documents;
        pool.documents = document;
        pool.count += 1;
    } else {
        delete document;
    }
}

extern "C" cb_json_kind cb_json_kind_of(cb_json_value value) {
    switch (element(value).type()) {
    case dom::element_type::ARRAY: return CB_JSON_KIND_ARRAY;
    case dom::element_type::OBJECT: return CB_JSON_KIND_OBJECT;
    case dom::element_type::INT64: return CB_JSON_KIND_INT;
    case dom::element_type::UINT64: return CB_JSON_KIND_UINT;
    case dom::element_type::DOUBLE: return CB_JSON_KIND_DOUBLE;
    case dom::element_type::STRING: return CB_JSON_KIND_STRING;
    case dom::element_type::BOOL: return CB_JSON_KIND_BOOL;
    default: return CB_JSON_KIND_NULL;
    }
}

extern "C" bool cb_json_find(cb_json_value value, const uint8_t *key, size_t count, cb_json_value *found) {
    dom::object object;
    if (element(value).get(object)) { return false; }
    dom::element member;
    if (object.at_key(std::string_view(reinterpret_cast<const char *>(key), count)).get(member)) { return false; }
    *found = pack<cb_json_value>(member);
    return true;
}

extern "C" uint64_t cb_json_names(cb_json_value value) {
    dom::object object;
    if (element(value).get(object)) { return 0; }
    uint64_t names = 0;
    for (auto field : object) {
        names |= cb_json_name_bit(reinterpret_cast<const uint8_t *>(field.key.data()), field.key.size());
    }
    return names;
}

extern "C" bool cb_json_at(cb_json_value value, size_t index, cb_json_value *found) {
    dom::array array;
    if (element(value).get(array)) { return false; }
    dom::element member;
    if (array.at(index).get(member)) { return false; }
    *found = pack<cb_json_value>(member);
    return true;
}

extern "C" bool cb_json_string(cb_json_value value, const uint8_t **start, size_t *count) {
    std::string_view text;
    if (element(value).get(text)) { return false; }
    *start = reinterpret_cast<const uint8_t *>(text.data());
    *count = text.size();
    return true;
}

extern "C" bool cb_json_int(cb_json_value value, int64_t *number) { return !element(value).get(*number); }
extern "C" bool cb_json_uint(cb_json_value value, uint64_t *number) { return !element(value).get(*number); }
extern "C" bool cb_json_double(cb_json_value value, double *number) { return !element(value).get(*number); }
extern "C" bool cb_json_bool(cb_json_value value, bool *truth) { return !element(value).get(*truth); }

extern "C" size_t cb_json_count(cb_json_value value) {
    // simdjson keeps counts in 24 bits and saturates there: beyond, only walking tells.
    constexpr size_t saturated = 0xFFFFFF;
    dom::array array;
    dom::object object;
    size_t count = 0;
    if (!element(value).get(array)) {
        if (array.size() < saturated) { return array.size(); }
        for (auto one : array) { (void)one; count += 1; }
    } else if (!element(value).get(object)) {
        if (object.size() < saturated) { return object.size(); }
        for (auto one : object) { (void)one; count += 1; }
    }
    return count;
}

extern "C" bool cb_json_elements(cb_json_value value, cb_json_cursor *out) {
    dom::array array;
    if (element(value).get(array)) { return false; }
    *out = cursor(array);
    return true;
}

extern "C" bool cb_json_next_element(cb_json_cursor *packed, cb_json_value *out) {
    auto range = unpack<Range<dom::array::iterator>>(*packed);
    if (!(range.at != range.end)) { return false; }
    *out = pack<cb_json_value>(*range.at);
    ++range.at;
    *packed = pack<cb_json_cursor>(range);
    return true;
}

extern "C" bool cb_json_members(cb_json_value value, cb_json_cursor *out) {
    dom::object object;
    if (element(value).get(object)) { return false; }
    *out = cursor(object);
    return true;
}

extern "C" bool cb_json_next_member(cb_json_cursor *packed, const uint8_t **key, size_t *count, cb_json_value *value) {
    auto range = unpack<Range<dom::object::iterator>>(*packed);
    if (!(range.at != range.end)) { return false; }
    std::string_view name = range.at.key();
    *key = reinterpret_cast<const uint8_t *>(name.data());
    *count = name.size();
    *value = pack<cb_json_value>(range.at.value());
    ++range.at;
    *packed = pack<cb_json_cursor>(range);
    return true;
}

namespace {

constexpr char hexadecimal[] = "0123456789abcdef";

// As simdjson writes strings: what must be escaped and nothing else.
void write_string(std::string_view text, std::string &out) {
    out.push_back('"');
    size_t begun = 0;
    for (size_t at = 0; at < text.size(); at += 1) {
        const auto byte = static_cast<unsigned char>(text[at]);
        if (byte >= 0x20 && byte != '"' && byte != '\\') { continue; }
        out.append(text, begun, at - begun);
        begun = at + 1;
        switch (byte) {
        case '"': out += "\\\""; break;
        case '\\': out += "\\\\"; break;
        case '\b': out += "\\b"; break;
        case '\f': out += "\\f"; break;
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        case '\t': out += "\\t"; break;
        default:
            out += "\\u00";
            out.push_back(hexadecimal[byte >> 4]);
            out.push_back(hexadecimal[byte & 15]);
        }
    }
    out.append(text, begun, std::string_view::npos);
    out.push_back('"');
}

// What most documents are made of; false at anything else, which is left to simdjson. Not deeper than so many levels.
bool write_plain(const dom::element &value, std::string &out, int levels) {
    std::string_view text;
    dom::object object;
    dom::array array;
    int64_t number = 0;
    bool truth = false;
    if (!value.get(text)) {
        write_string(text, out);
    } else if (!value.get(object)) {
        if (levels == 0) { return false; }
        char before = '{';
        for (auto member : object) {
            out.push_back(before);
            before = ',';
            write_string(member.key, out);
            out.push_back(':');
            if (!write_plain(member.value, out, levels - 1)) { return false; }
        }
        if (before == '{') { out.push_back('{'); }
        out.push_back('}');
    } else if (!value.get(array)) {
        if (levels == 0) { return false; }
        char before = '[';
        for (auto one : array) {
            out.push_back(before);
            before = ',';
            if (!write_plain(one, out, levels - 1)) { return false; }
        }
        if (before == '[') { out.push_back('['); }
        out.push_back(']');
    } else if (!value.get(number)) {
        char digits[20];
        out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
    } else if (!value.get(truth)) {
        out += truth ? "true" : "false";
    } else if (value.is_null()) {
        out += "null";
    } else {
        return false;
    }
    return true;
}

// Kept between calls, so that small values are written without an allocation.
thread_local std::string minified;
constexpr size_t kept_minified = 16 * 1024;

}  // namespace

extern "C" bool cb_json_minify(
    cb_json_value value, void *context, void (*append)(void *context, const uint8_t *start, size_t count)) {
    try {
        minified.clear();
        if (!write_plain(element(value), minified, 16)) { minified = simdjson::minify(element(value)); }
        append(context, reinterpret_cast<const uint8_t *>(minified.data()), minified.size());
        if (minified.capacity() > kept_minified) { std::string().swap(minified); }
    } catch (...) {
        return false;
    }
    return true;
}
