import COpenSSL

/// Ed25519 signatures (RFC 8032): `v1a` of Standard Webhooks, Discord's interactions.
public enum Ed25519 {
    /// Whether the 64-byte signature of the message was made by the owner of the 32-byte public key.
    ///
    /// A key or signature of another length, or a key that is no point of the curve, is simply not valid.
    public static func isValid(signature: [UInt8], message: [UInt8], publicKey: [UInt8]) -> Bool {
        guard signature.count == 64, publicKey.count == 32,
            let key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, publicKey, publicKey.count)
        else {
            ERR_clear_error()
            return false
        }
        defer { EVP_PKEY_free(key) }
        guard let context = EVP_MD_CTX_new() else { return false }
        defer { EVP_MD_CTX_free(context) }
        let valid =
            EVP_DigestVerifyInit(context, nil, nil, nil, key) == 1
            && EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
        // A refused signature leaves its reason in the thread's queue, where a later TLS call would take it for its own.
        if !valid { ERR_clear_error() }
        return valid
    }

    /// The 64-byte signature of the message by a 32-byte private key (the seed of RFC 8032, section 5.1.5).
    ///
    /// - Returns: nil when the key is not 32 bytes long.
    public static func signature(for message: [UInt8], privateKey: [UInt8]) -> [UInt8]? {
        guard let key = Self.key(privateKey) else { return nil }
        defer { EVP_PKEY_free(key) }
        guard let context = EVP_MD_CTX_new() else { return nil }
        defer { EVP_MD_CTX_free(context) }
        var signature = [UInt8](repeating: 0, count: 64)
        var count = signature.count
        guard EVP_DigestSignInit(context, nil, nil, nil, key) == 1,
            EVP_DigestSign(context, &signature, &count, message, message.count) == 1, count == 64
        else {
            ERR_clear_error()
            return nil
        }
        return signature
    }

    /// The 32-byte public key that belongs to a 32-byte private key; nil when that has another length.
    public static func publicKey(for privateKey: [UInt8]) -> [UInt8]? {
        guard let key = Self.key(privateKey) else { return nil }
        defer { EVP_PKEY_free(key) }
        var publicKey = [UInt8](repeating: 0, count: 32)
        var count = publicKey.count
        guard EVP_PKEY_get_raw_public_key(key, &publicKey, &count) == 1, count == 32 else { return nil }
        return publicKey
    }

    private static func key(_ privateKey: [UInt8]) -> OpaquePointer? {
        guard privateKey.count == 32 else { return nil }
        return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, privateKey, privateKey.count)
    }
}
