import COpenSSL

/// The two forms of an ECDSA signature: JSON Web Tokens write two numbers of 32 bytes, OpenSSL the DER of RFC 3279.
enum ECDSASignature {
    /// The DER of a signature of 64 bytes; nil for another length.
    static func der(of signature: [UInt8]) -> [UInt8]? {
        guard signature.count == 64, let pair = ECDSA_SIG_new() else { return nil }
        defer { ECDSA_SIG_free(pair) }
        let numbers = signature.withUnsafeBufferPointer { bytes in
            (BN_bin2bn(bytes.baseAddress, 32, nil), BN_bin2bn(bytes.baseAddress.map { $0 + 32 }, 32, nil))
        }
        // The pair owns both numbers from here on.
        guard let r = numbers.0, let s = numbers.1, ECDSA_SIG_set0(pair, r, s) == 1 else { return nil }
        let size = i2d_ECDSA_SIG(pair, nil)
        guard size > 0 else { return nil }
        return [UInt8](unsafeUninitializedCapacity: Int(size)) { output, count in
            var end = output.baseAddress
            count = max(0, Int(i2d_ECDSA_SIG(pair, &end)))
        }
    }
}
