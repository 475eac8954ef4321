internal import BridgeCore
internal import Crypto

/// What a session's transcript comes to: how many messages, from when to when, and a hash over all of them in order.
///
/// The hash is SHA-256 over each message's canonical form, chained every 16 KiB, so that a transcript of any length costs
/// no memory.
struct TranscriptDigest: Sendable {
    let session: UUID
    private(set) var count = 0
    private(set) var first: Timestamp?
    private(set) var last: Timestamp?
    private var chain: [UInt8] = []
    private var waiting: [UInt8] = []

    private static let piece = 16 << 10

    init(session: UUID) {
        self.session = session
    }

    /// Adds the next message of the transcript.
    mutating func add(_ message: LogMessage) {
        count += 1
        first = min(first ?? message.at, message.at)
        last = max(last ?? message.at, message.at)
        Self.append(message, to: &waiting)
        if waiting.count >= Self.piece { fold() }
    }

    /// The hash of everything added.
    var hash: [UInt8] { waiting.isEmpty ? chain : SHA256.digest(of: chain + waiting) }

    /// Gives back the memory of what waits to be hashed; nothing may be added afterwards.
    mutating func close() {
        fold()
    }

    private mutating func fold() {
        chain = hash
        waiting = []
    }

    /// Every column of a message, each with its length, so that no two messages have the same form.
    static func append(_ message: LogMessage, to bytes: inout [UInt8]) {
        for (_, value) in columns(of: message) {
            guard let value else {
                bytes.append(0xff)
                continue
            }
            bytes.append(0)
            withUnsafeBytes(of: UInt32(truncatingIfNeeded: value.count).bigEndian) { bytes.append(contentsOf: $0) }
            bytes.append(contentsOf: value)
        }
    }

    /// Every column of a message by its name, as it is compared.
    static func columns(of message: LogMessage) -> [(name: String, value: [UInt8]?)] {
        [
            ("id", message.id.bytes),
            ("created_at", Array(String(message.at.microseconds).utf8)),
            ("direction", Array(message.direction.rawValue.utf8)),
            ("sender_id", message.sender.map { Array($0.utf8) }),
            ("content_text", message.text.map { Array($0.utf8) }),
            ("content_type", Array(message.type.utf8)),
            ("mastra_request_id", message.request.map { Array($0.utf8) }),
            ("attachments", CanonicalJSON.bytes(of: message.attachments)),
            ("metadata", CanonicalJSON.bytes(of: message.metadata)),
            ("status", Array(message.status.rawValue.utf8)),
        ]
    }
}
