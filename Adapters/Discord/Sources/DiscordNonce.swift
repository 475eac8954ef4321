internal import BridgeCore
internal import Crypto

/// The `nonce` of our messages: with `enforce_nonce` Discord sends a message that bears the nonce of another of the last
/// minutes no second time ("Message resource", create message), and our own messages come back with it.
enum DiscordNonce {
    private static let prefix = "cb-"

    /// The nonce of an action: 25 characters, the most that Discord takes.
    static func nonce(of id: UUID) -> String {
        var bytes: [UInt8] = []
        for half in [id.high, id.low] {
            for shift in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: half >> UInt64(shift)))
            }
        }
        return prefix + Base64.encode(bytes, alphabet: .urlSafe)
    }

    /// Whether a nonce is of our making.
    static func isOurs(_ nonce: String) -> Bool {
        nonce.utf8.count == 25 && nonce.hasPrefix(prefix)
    }
}
