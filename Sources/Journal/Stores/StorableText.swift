internal import Glibc
internal import JSON

/// Text that every store can hold: Postgres knows neither NUL in `text` nor `\u0000` and lone surrogates in `jsonb`.
///
/// Each such character becomes U+FFFD; the message is never dropped for it.
package enum StorableText {
    /// Replaces NUL.
    ///
    /// - Returns: nil when there is nothing to replace, which is nearly always.
    static func repaired(_ text: String) -> String? {
        let isFree = text.utf8.withContiguousStorageIfAvailable { !has(0, in: UnsafeRawBufferPointer($0)) }
        guard !(isFree ?? !text.utf8.contains(0)) else { return nil }
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { scalars.append(scalar == "\0" ? "\u{FFFD}" : scalar) }
        return String(scalars)
    }

    private static func has(_ byte: Int32, in bytes: UnsafeRawBufferPointer) -> Bool {
        guard let start = bytes.baseAddress else { return false }
        return memchr(start, byte, bytes.count) != nil
    }

    /// The text as it is stored.
    package static func storable(_ text: String) -> String { repaired(text) ?? text }

    /// Replaces the escapes `\u0000` and those of surrogates without a partner in JSON text, each by the escape of U+FFFD.
    ///
    /// - Parameter json: JSON text; what is not JSON is left to the database to refuse.
    /// - Returns: nil when there is nothing to replace.
    package static func repaired(json: [UInt8]) -> [UInt8]? {
        // Escapes are rare, so most documents are settled here.
        guard json.withUnsafeBytes({ has(0x5c, in: $0) }) else { return nil }
        var output: [UInt8]?
        var index = 0
        while index < json.count {
            guard json[index] == 0x5c else {
                index += 1
                continue
            }
            guard let unit = escapedUnit(json, at: index) else {
                // Two bytes, so that the second backslash of an escaped one starts nothing.
                index += 2
                continue
            }
            switch unit {
            case 0xd800...0xdbff:
                if let next = escapedUnit(json, at: index + 6), (0xdc00...0xdfff).contains(next) {
                    index += 12
                    continue
                }
                replace(in: &output, of: json, at: index)
            case 0, 0xdc00...0xdfff: replace(in: &output, of: json, at: index)
            default: break
            }
            index += 6
        }
        return output
    }

    /// Whether there is an escape `\uXXXX` in JSON text.
    static func hasEscapedUnit(_ json: [UInt8]) -> Bool {
        json.withUnsafeBytes { bytes in
            guard var next = bytes.baseAddress else { return false }
            let end = next + bytes.count
            while next < end, let backslash = memchr(next, 0x5c, end - next) {
                // Two bytes, so that the second backslash of an escaped one starts nothing.
                next = UnsafeRawPointer(backslash) + 2
                if next <= end, (next - 1).load(as: UInt8.self) == UInt8(ascii: "u") { return true }
            }
            return false
        }
    }

    private static func escapedUnit(_ json: [UInt8], at index: Int) -> UInt16? {
        json.withUnsafeBytes { JSONEscape.unit(in: $0, at: index) }
    }

    /// The replacement has the length of what it replaces, so positions stay.
    private static func replace(in output: inout [UInt8]?, of json: [UInt8], at index: Int) {
        var bytes = output ?? json
        output = nil
        bytes.replaceSubrange(index..<(index + 6), with: #"\ufffd"#.utf8)
        output = bytes
    }

    /// The JSON of an object with `"replaced":true` added as its last member, where it wins over one of that name.
    static func marked(_ object: [UInt8]) -> [UInt8] {
        guard let end = object.lastIndex(of: UInt8(ascii: "}")), let start = object.firstIndex(of: UInt8(ascii: "{"))
        else {
            return object
        }
        let isEmpty = object[(start + 1)..<end].allSatisfy { $0 == 0x20 || (0x09...0x0d).contains($0) }
        return Array(object[..<end]) + Array((isEmpty ? #""replaced":true}"# : #","replaced":true}"#).utf8)
    }
}
