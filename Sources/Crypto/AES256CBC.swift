import COpenSSL

/// AES with a 256-bit key in CBC mode, padded as PKCS#7 has it (NIST SP 800-38A, section 6.2; RFC 5652, section 6.3).
///
/// It hides, but proves nothing of who wrote the text: check a signature over the ciphertext first.
public enum AES256CBC {
    /// The plain text of a ciphertext.
    ///
    /// - Returns: nil for a key that is not 32 bytes long, an `iv` that is not 16 bytes long, a ciphertext that is no whole
    ///   number of blocks, and bad padding. All these are one answer on purpose: an attacker who can tell bad padding from
    ///   other faults reads the text by it.
    public static func decrypt(_ ciphertext: [UInt8], key: [UInt8], iv: [UInt8]) -> [UInt8]? {
        guard !ciphertext.isEmpty, ciphertext.count.isMultiple(of: 16) else { return nil }
        return run(ciphertext, key: key, iv: iv, encrypting: false)
    }

    /// The ciphertext of a plain text; nil for a key that is not 32 bytes long or an `iv` that is not 16 bytes long.
    public static func encrypt(_ plaintext: [UInt8], key: [UInt8], iv: [UInt8]) -> [UInt8]? {
        run(plaintext, key: key, iv: iv, encrypting: true)
    }

    private static func run(_ input: [UInt8], key: [UInt8], iv: [UInt8], encrypting: Bool) -> [UInt8]? {
        guard key.count == 32, iv.count == 16, input.count <= Int(Int32.max) - 32, let context = EVP_CIPHER_CTX_new()
        else { return nil }
        defer { EVP_CIPHER_CTX_free(context) }
        guard EVP_CipherInit_ex2(context, Cipher.aes256CBC.algorithm, key, iv, encrypting ? 1 : 0, nil) == 1 else {
            ERR_clear_error()
            return nil
        }
        // Padding adds one block at most.
        var output = [UInt8](repeating: 0, count: input.count + 16)
        let written = output.withUnsafeMutableBufferPointer { output -> Int? in
            var first: Int32 = 0
            var last: Int32 = 0
            guard EVP_CipherUpdate(context, output.baseAddress, &first, input, Int32(input.count)) == 1,
                EVP_CipherFinal_ex(context, output.baseAddress.map { $0 + Int(first) }, &last) == 1
            else { return nil }
            return Int(first) + Int(last)
        }
        guard let written else {
            ERR_clear_error()
            return nil
        }
        output.removeLast(output.count - written)
        return output
    }
}

/// One cipher of OpenSSL, fetched once: fetching by name for each call costs more than deciphering a webhook.
// Unchecked: the pointer is set once, and OpenSSL's fetched algorithms are immutable and counted atomically.
private struct Cipher: @unchecked Sendable {
    let algorithm: OpaquePointer

    static let aes256CBC = Cipher("AES-256-CBC")

    private init(_ name: String) {
        guard let algorithm = EVP_CIPHER_fetch(nil, name, nil) else { preconditionFailure("OpenSSL has no \(name)") }
        self.algorithm = algorithm
    }
}
