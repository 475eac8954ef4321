import JSON

/// Collects the body of a response up to a limit, and reads it as JSON once it is whole.
struct JSONBodyCollector: Sendable {
    /// The most bytes that are kept.
    let limit: Int

    /// What has come so far, at most ``limit`` bytes.
    private(set) var bytes: [UInt8] = []

    /// True once there was more than the limit allows; the rest is dropped.
    private(set) var isOverflowing = false

    /// A collector of at most so many bytes.
    init(limit: Int) {
        self.limit = limit
    }

    /// Takes the next bytes.
    mutating func append(_ more: ArraySlice<UInt8>) {
        let room = limit - bytes.count
        if more.count > room { isOverflowing = true }
        bytes.append(contentsOf: more.prefix(room))
    }

    /// The body as JSON, or nil when it is none.
    var json: JSONView? { JSONBodyCollector.json(bytes) }

    /// The text of the body; what is not UTF-8 becomes U+FFFD.
    var text: String { String(decoding: bytes, as: UTF8.self) }

    /// Reads JSON whose bytes may not all be UTF-8: these become U+FFFD, as in any decoder of the web (WHATWG Encoding,
    /// section 6), so that one broken character does not cost the answer.
    static func json(_ bytes: [UInt8]) -> JSONView? {
        do {
            return try JSONView(parsing: bytes)
        } catch {
            guard error.reason == .invalidUTF8 else { return nil }
            return try? JSONView(parsing: String(decoding: bytes, as: UTF8.self))
        }
    }
}
