/// Says why some bytes are not a JSON document; it never carries any of the document's text.
public struct JSONError: Error, Hashable, CustomStringConvertible {
    /// What was wrong with the bytes.
    public enum Reason: Sendable, Hashable {
        /// There were no bytes, or white space alone.
        case empty
        /// The bytes break the grammar of RFC 8259, including anything after the first value.
        case syntax
        /// A string holds a bad escape or a raw control byte.
        case invalidString
        /// A number is malformed, as `01`, `+1` or `1.`.
        case invalidNumber
        /// The bytes are not UTF-8 (RFC 8259, section 8.1).
        case invalidUTF8
        /// Arrays and objects are nested deeper than 1,024 (simdjson's limit).
        case tooDeep
        /// The document is larger than 2 GiB.
        case tooLarge
        /// Memory ran out.
        case outOfMemory
    }

    /// What was wrong with the bytes.
    public let reason: Reason

    /// Where the trouble begins, counted in bytes from the start of the input; known for `empty` and `invalidUTF8` only.
    public let offset: Int?

    /// Creates an error.
    public init(reason: Reason, offset: Int? = nil) {
        self.reason = reason
        self.offset = offset
    }

    /// One sentence about the reason, and the place where it is known.
    public var description: String {
        let text =
            switch reason {
            case .empty: "the JSON document is empty"
            case .syntax: "the JSON document is malformed"
            case .invalidString: "the JSON document has a malformed string"
            case .invalidNumber: "the JSON document has a malformed number"
            case .invalidUTF8: "the JSON document is not valid UTF-8"
            case .tooDeep: "the JSON document is nested too deeply"
            case .tooLarge: "the JSON document is too large"
            case .outOfMemory: "memory ran out while reading a JSON document"
            }
        guard let offset else { return text }
        return "\(text) (byte \(offset))"
    }
}
