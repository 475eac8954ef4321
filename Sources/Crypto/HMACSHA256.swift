import COpenSSL

/// HMAC with SHA-256 (RFC 2104, RFC 4231), in one call or piece by piece.
///
/// ```swift
/// var code = HMACSHA256(key: secret)
/// code.update("v0:\(timestamp):")
/// code.update(body)
/// return constantTimeEquals(code.finalize(), claimed)
/// ```
public struct HMACSHA256: ~Copyable {
    private let context: OpaquePointer

    /// Starts a code with that key, of any length.
    public init(key: [UInt8]) {
        context = HMACSHA256Key.context(with: key)
    }

    /// Starts a code with a key that was made ready before, which is quicker.
    public init(_ key: HMACSHA256Key) {
        guard let context = EVP_MAC_CTX_dup(key.context) else { preconditionFailure("out of memory") }
        self.context = context
    }

    deinit {
        EVP_MAC_CTX_free(context)
    }

    /// Adds the next piece of the message.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress, bytes.count > 0 else { return }
        precondition(EVP_MAC_update(context, start.assumingMemoryBound(to: UInt8.self), bytes.count) == 1)
    }

    /// Adds the next piece of the message.
    public mutating func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { update($0) }
    }

    /// Adds the UTF-8 of a string as the next piece of the message.
    public mutating func update(_ text: String) {
        var text = text
        text.withUTF8 { update(UnsafeRawBufferPointer($0)) }
    }

    /// Ends the message and returns its 32-byte code.
    public consuming func finalize() -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { output, count in
            precondition(EVP_MAC_final(context, output.baseAddress, &count, 32) == 1, "OpenSSL could not end an HMAC")
        }
    }

    /// The 32-byte code of a message that is at hand whole.
    public static func authenticationCode(for message: [UInt8], key: [UInt8]) -> [UInt8] {
        var code = HMACSHA256(key: key)
        code.update(message)
        return code.finalize()
    }
}
