import COpenSSL

/// A key of ``HMACSHA256`` made ready: for an owner that checks many messages under the same one.
///
/// It has hashed the key's two paddings once (RFC 2104, section 4), and each code starts with a copy of that.
public final class HMACSHA256Key: @unchecked Sendable {
    // Unchecked: the context is only read (copied) after its making, and what it shares with its copies is counted atomically.
    let context: OpaquePointer

    /// Makes a key ready, of any length.
    public init(_ key: [UInt8]) {
        context = HMACSHA256Key.context(with: key)
    }

    deinit {
        EVP_MAC_CTX_free(context)
    }

    /// A context of the caller's own, with a key.
    static func context(with key: [UInt8]) -> OpaquePointer {
        guard let context = EVP_MAC_CTX_dup(MACTemplate.hmacSHA256.context) else {
            preconditionFailure("out of memory")
        }
        // OpenSSL takes a null key for "keep the earlier one", so an empty key needs a place to point to.
        let started = key.withUnsafeBufferPointer { key in
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 1) { none in
                EVP_MAC_init(
                    context, key.count == 0 ? UnsafePointer(none.baseAddress) : key.baseAddress, key.count, nil)
            }
        }
        precondition(started == 1, "OpenSSL could not start an HMAC")
        return context
    }
}
