import COpenSSL

/// HMAC with SHA-1 (RFC 2104, RFC 2202), for protocols that fix it, as Twilio's signatures.
///
/// As a message code it is not broken, unlike SHA-1 itself; nothing new should use it all the same.
public enum HMACSHA1 {
    /// The 20-byte code of a message.
    public static func authenticationCode(for message: [UInt8], key: [UInt8]) -> [UInt8] {
        guard let context = EVP_MAC_CTX_dup(MACTemplate.hmacSHA1.context) else { preconditionFailure("out of memory") }
        defer { EVP_MAC_CTX_free(context) }
        // OpenSSL takes a null key for "keep the earlier one", so an empty key needs a place to point to.
        let room = key.isEmpty ? [0] : key
        precondition(EVP_MAC_init(context, room, key.count, nil) == 1, "OpenSSL could not start an HMAC")
        precondition(EVP_MAC_update(context, message, message.count) == 1)
        return [UInt8](unsafeUninitializedCapacity: 20) { output, count in
            precondition(EVP_MAC_final(context, output.baseAddress, &count, 20) == 1, "OpenSSL could not end an HMAC")
        }
    }
}
