/// One reply of the server (RESP2; Redis documentation, "Redis serialization protocol specification").
public enum RedisValue: Sendable, Hashable {
    /// No value: a missing key, or a blocking command whose time ran out.
    case null
    /// A whole number.
    case integer(Int)
    /// A string of bytes.
    case bytes([UInt8])
    /// A short word of the server's own, as `OK`.
    case simple(String)
    /// Several replies in one.
    case array([RedisValue])
    /// An error inside an array, as scripts and transactions answer; on top it is thrown instead.
    case error(RedisError)

    /// The bytes of a string, nil for all else.
    public var bytes: [UInt8]? {
        switch self {
        case .bytes(let bytes): bytes
        case .simple(let word): Array(word.utf8)
        default: nil
        }
    }

    /// The text of a string, with U+FFFD where it is not UTF-8; nil for all else.
    public var text: String? {
        switch self {
        case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
        case .simple(let word): word
        default: nil
        }
    }

    /// The number, also of a string that spells one; nil for all else.
    public var integer: Int? {
        if case .integer(let number) = self { return number }
        return text.flatMap { Int($0) }
    }

    /// The replies of an array, nil for all else.
    public var array: [RedisValue]? {
        if case .array(let values) = self { return values }
        return nil
    }

    /// True for ``null``.
    public var isNull: Bool { self == .null }
}
