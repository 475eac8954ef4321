internal import BridgeCore
internal import Glibc
internal import JSON
internal import SQLite

/// A JSON column as it was found.
enum StoredJSON {
    /// NULL, or a text of white space alone.
    case none
    /// JSON, as text or in SQLite's binary form.
    case value(JSONView)
    /// Something else.
    case invalid(String)
}

/// A time column as it was found.
enum StoredTime {
    case none
    case value(Timestamp)
    case invalid
}

extension SQLiteCursor {
    /// A column as text that our tables can hold; nil for NULL.
    func text(_ column: Int, _ changes: inout RowChanges) -> String? {
        if kind(column) == .null { return nil }
        return bytes(column) { StoredText.read($0, &changes) }
    }

    /// A column of JSON.
    func json(_ column: Int, _ changes: inout RowChanges) -> StoredJSON {
        switch kind(column) {
        case .null: return .none
        case .blob:
            return bytes(column) { bytes in
                guard !bytes.isEmpty else { return .none }
                if let text = BinaryJSON.decode(bytes), let value = StoredText.json(text, &changes) {
                    changes.insert(.binaryJSONDecoded)
                    return .value(value)
                }
                // Text that was bound as a blob.
                if let value = try? JSONView(parsing: bytes) { return .value(value) }
                return .invalid(StoredText.read(bytes, &changes))
            }
        default:
            return bytes(column) { bytes in
                if bytes.allSatisfy({ $0 == 0x20 || (0x09...0x0d).contains($0) }) { return .none }
                if let value = try? JSONView(parsing: bytes) {
                    StoredText.noteSurrogates(bytes, &changes)
                    return .value(value)
                }
                // Bad UTF-8 in good JSON: only the bytes are replaced.
                if String(validating: bytes, as: UTF8.self) == nil,
                    let value = StoredText.json(Array(bytes), &changes)
                {
                    return .value(value)
                }
                return .invalid(StoredText.read(bytes, &changes))
            }
        }
    }

    /// A column of times.
    func time(_ column: Int, _ format: TimeFormat, offset: Int64 = 0) -> StoredTime {
        let time: Int64?
        switch kind(column) {
        case .null: return .none
        case .integer: time = format.microseconds(integer(column))
        case .real: time = format.microseconds(real(column))
        case .text, .blob: time = bytes(column) { format.microseconds($0, offset: offset) }
        }
        return time.map { .value(Timestamp(microseconds: $0)) } ?? .invalid
    }
}

extension SQLiteArguments {
    /// The first argument as a time.
    func time(_ format: TimeFormat, offset: Int64 = 0) -> Int64? {
        switch kind(0) {
        case .null: nil
        case .integer: format.microseconds(integer(0))
        case .real: format.microseconds(real(0))
        case .text, .blob: bytes(0) { format.microseconds($0, offset: offset) }
        }
    }
}

/// Text of other stores as ours can hold it: UTF-8 without NUL, of which Postgres knows none.
enum StoredText {
    /// The text of some bytes; what cannot be held becomes U+FFFD, character by character.
    static func read(_ bytes: UnsafeRawBufferPointer, _ changes: inout RowChanges) -> String {
        guard let start = bytes.baseAddress, !bytes.isEmpty else { return "" }
        var text: String
        if let valid = String(validating: bytes, as: UTF8.self) {
            text = valid
        } else {
            changes.insert(.notUTF8)
            text = String(decoding: bytes, as: UTF8.self)
        }
        if memchr(start, 0, bytes.count) != nil {
            changes.insert(.textReplaced)
            text = storable(text)
        }
        return text
    }

    /// A text without NUL.
    static func storable(_ text: String) -> String {
        guard text.utf8.contains(0) else { return text }
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { scalars.append(scalar == "\0" ? "\u{FFFD}" : scalar) }
        return String(scalars)
    }

    /// Text out of JSON, in which NUL may stand as an escape.
    static func storable(_ text: String, _ changes: inout RowChanges) -> String {
        // A native string lends its bytes without a copy.
        let hasNUL =
            text.utf8.withContiguousStorageIfAvailable { bytes in
                bytes.baseAddress.map { memchr($0, 0, bytes.count) != nil } ?? false
            } ?? true
        guard hasNUL, text.utf8.contains(0) else { return text }
        changes.insert(.textReplaced)
        return storable(text)
    }

    /// Parses JSON, of which only the encoding may be bad.
    static func json(_ text: [UInt8], _ changes: inout RowChanges) -> JSONView? {
        if let value = try? JSONView(parsing: text) {
            text.withUnsafeBytes { noteSurrogates($0, &changes) }
            return value
        }
        guard String(validating: text, as: UTF8.self) == nil,
            let value = try? JSONView(parsing: String(decoding: text, as: UTF8.self))
        else { return nil }
        changes.insert(.notUTF8)
        return value
    }

    /// A column that must be an object or an array; anything else is kept as `{"raw": …}`, in an array where one is asked for.
    static func container(_ json: StoredJSON, _ kind: JSONView.Kind, _ changes: inout RowChanges) -> [UInt8] {
        var writer = JSONWriter()
        switch json {
        case .none: return kind == .array ? LogMessage.noAttachments : LogMessage.noMetadata
        case .value(let value) where value.kind == kind: writer.value(value)
        default:
            changes.insert(.jsonWrapped)
            func wrap(_ writer: inout JSONWriter) {
                writer.object { object in
                    if case .value(let value) = json { object.field("raw", value) }
                    if case .invalid(let text) = json { object.field("raw", text) }
                }
            }
            if kind == .array { writer.array { wrap(&$0) } } else { wrap(&writer) }
        }
        return storable(json: writer.bytes, &changes)
    }

    /// Counts halves of surrogate pairs, which the parser has replaced.
    static func noteSurrogates(_ json: UnsafeRawBufferPointer, _ changes: inout RowChanges) {
        guard let base = json.baseAddress else { return }
        var index = 0
        while index < json.count, let found = memchr(base + index, 0x5c, json.count - index) {
            let start = UnsafeRawPointer(found) - base
            guard let unit = unit(json, at: start) else {
                index = start + 2
                continue
            }
            index = start + 6
            if unit & 0xfc00 == 0xd800, let next = self.unit(json, at: start + 6), next & 0xfc00 == 0xdc00 {
                index = start + 12
            } else if unit & 0xf800 == 0xd800 {
                return changes.insert(.textReplaced)
            }
        }
    }

    /// Replaces NUL, which JSON text can only have as the escape `\u0000`, by U+FFFD.
    static func storable(json: [UInt8], _ changes: inout RowChanges) -> [UInt8] {
        let hasEscape = json.withUnsafeBytes { bytes in
            bytes.baseAddress.map { memchr($0, 0x5c, bytes.count) != nil } ?? false
        }
        guard hasEscape else { return json }
        var output = json
        var index = 0
        while index < output.count {
            guard output[index] == 0x5c else {
                index += 1
                continue
            }
            let unit: UInt16? = output.withUnsafeBytes { Self.unit($0, at: index) }
            if unit == 0 {
                output.replaceSubrange(index..<(index + 6), with: #"\ufffd"#.utf8)
                changes.insert(.textReplaced)
            }
            index += unit == nil ? 2 : 6
        }
        return output
    }

    private static func unit(_ json: UnsafeRawBufferPointer, at index: Int) -> UInt16? {
        guard index + 6 <= json.count, json[index] == 0x5c, json[index + 1] == UInt8(ascii: "u") else { return nil }
        return UInt16(String(decoding: json[(index + 2)..<(index + 6)], as: UTF8.self), radix: 16)
    }
}
