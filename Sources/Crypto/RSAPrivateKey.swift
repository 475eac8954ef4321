import COpenSSL

// Unchecked: the key is set once in `init` and only read later; OpenSSL's signing takes a reference of its own.
/// An RSA key that signs, as the one in a Google service account's file.
public final class RSAPrivateKey: @unchecked Sendable {
    private let pointer: OpaquePointer

    /// Reads a key in PEM: PKCS#8 (`BEGIN PRIVATE KEY`, RFC 5958) or PKCS#1 (`BEGIN RSA PRIVATE KEY`), not encrypted.
    ///
    /// - Returns: nil when the text holds no such key, or one below ``PublicKey/leastRSABits``.
    public init?(pem: String) {
        // Without a callback OpenSSL would ask the terminal for the password of an encrypted key.
        let key = PEMText.withBIO(pem) { PEM_read_bio_PrivateKey($0, nil, { _, _, _, _ in -1 }, nil) }
        guard let key else { return nil }
        guard EVP_PKEY_is_a(key, "RSA") == 1, Int(EVP_PKEY_get_bits(key)) >= PublicKey.leastRSABits else {
            EVP_PKEY_free(key)
            return nil
        }
        pointer = key
    }

    deinit {
        EVP_PKEY_free(pointer)
    }

    /// The RS256 signature of a message: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, section 8.2).
    ///
    /// - Returns: nil when OpenSSL refuses the key, as a damaged one.
    public func signature(for message: [UInt8]) -> [UInt8]? {
        guard let context = EVP_MD_CTX_new() else { return nil }
        defer { EVP_MD_CTX_free(context) }
        var signature = [UInt8](repeating: 0, count: Int(EVP_PKEY_get_size(pointer)))
        var count = signature.count
        guard EVP_DigestSignInit_ex(context, nil, "SHA256", nil, nil, pointer, nil) == 1,
            EVP_DigestSign(context, &signature, &count, message, message.count) == 1
        else {
            ERR_clear_error()
            return nil
        }
        return Array(signature.prefix(count))
    }

    /// The public half as a JSON Web Key's two numbers, `n` and `e`, in bytes of falling weight.
    public var publicNumbers: (modulus: [UInt8], exponent: [UInt8])? {
        guard let modulus = number("n"), let exponent = number("e") else { return nil }
        return (modulus, exponent)
    }

    private func number(_ name: String) -> [UInt8]? {
        var number: OpaquePointer?
        guard EVP_PKEY_get_bn_param(pointer, name, &number) == 1, let number else {
            ERR_clear_error()
            return nil
        }
        defer { BN_free(number) }
        return [UInt8](unsafeUninitializedCapacity: (Int(BN_num_bits(number)) + 7) / 8) { output, count in
            count = Int(BN_bn2bin(number, output.baseAddress))
        }
    }
}
