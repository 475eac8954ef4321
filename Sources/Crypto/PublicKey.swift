import COpenSSL

// Unchecked: the key is set once in `init` and only read later; OpenSSL's verification takes a reference of its own.
/// A key that tells whether a signature was made by its owner: RSA, or the elliptic curve P-256.
///
/// The kind of key fixes the algorithm, whatever a token's header says.
public final class PublicKey: @unchecked Sendable {
    /// The one algorithm that the key is used with.
    public let algorithm: SignatureAlgorithm

    /// The smallest RSA key that is taken, in bits (RFC 7518, section 3.3).
    public static let leastRSABits = 2048

    /// The largest RSA key that is taken, in bits: larger ones only make verification slow for whoever sends the keys.
    public static let greatestRSABits = 8192

    private let pointer: OpaquePointer

    private init(_ pointer: OpaquePointer, _ algorithm: SignatureAlgorithm) {
        self.pointer = pointer
        self.algorithm = algorithm
    }

    deinit {
        EVP_PKEY_free(pointer)
    }

    /// Makes an RSA key of its two numbers, in bytes of falling weight (`n` and `e` of RFC 7518, section 6.3.1).
    ///
    /// - Returns: nil for a modulus shorter than ``leastRSABits`` or longer than ``greatestRSABits``, and for an exponent
    ///   that is even or below 3.
    public static func rsa(modulus: [UInt8], exponent: [UInt8]) -> PublicKey? {
        let modulus = Array(modulus.drop { $0 == 0 })
        let exponent = Array(exponent.drop { $0 == 0 })
        guard modulus.count * 8 <= greatestRSABits, (1...8).contains(exponent.count),
            exponent.last.map({ $0 & 1 == 1 }) == true, exponent != [1]
        else { return nil }
        let key = make("RSA") { builder in
            guard let n = BN_bin2bn(modulus, Int32(modulus.count), nil) else { return nil }
            defer { BN_free(n) }
            guard let e = BN_bin2bn(exponent, Int32(exponent.count), nil) else { return nil }
            defer { BN_free(e) }
            guard OSSL_PARAM_BLD_push_BN(builder, name("n"), n) == 1, OSSL_PARAM_BLD_push_BN(builder, name("e"), e) == 1
            else {
                return nil
            }
            // Here, and not later: the builder points to both numbers.
            return OSSL_PARAM_BLD_to_param(builder)
        }
        return key.flatMap(checked)
    }

    /// Makes a P-256 key of its point's two coordinates, 32 bytes each (`x` and `y` of RFC 7518, section 6.2.1).
    ///
    /// - Returns: nil for coordinates of another length, and for a point that is not on the curve.
    public static func p256(x: [UInt8], y: [UInt8]) -> PublicKey? {
        guard x.count == 32, y.count == 32 else { return nil }
        let point = [4] + x + y  // uncompressed (SEC 1, section 2.3.3)
        let key = make("EC") { builder in
            "prime256v1".withCString { curve in
                point.withUnsafeBytes { point in
                    guard OSSL_PARAM_BLD_push_utf8_string(builder, name("group"), curve, 0) == 1,
                        OSSL_PARAM_BLD_push_octet_string(builder, name("pub"), point.baseAddress, point.count) == 1
                    else { return nil }
                    return OSSL_PARAM_BLD_to_param(builder)
                }
            }
        }
        return key.flatMap(checked)
    }

    /// Takes the key out of an X.509 certificate in PEM; who signed the certificate is not looked at.
    ///
    /// - Returns: nil when there is no certificate, or its key is of another kind or too small.
    public static func certificate(pem: String) -> PublicKey? {
        let key = PEMText.withBIO(pem) { bio -> OpaquePointer? in
            guard let certificate = PEM_read_bio_X509(bio, nil, nil, nil) else { return nil }
            defer { X509_free(certificate) }
            return X509_get_pubkey(certificate)
        }
        guard let key else { return nil }
        return checked(key)
    }

    /// Whether the signature of the message was made by the owner of the key.
    ///
    /// - Parameter signature: as RFC 7518 writes it: as many bytes as an RSA modulus has, or 64 for P-256.
    public func isValid(signature: [UInt8], message: [UInt8]) -> Bool {
        let given: [UInt8]
        switch algorithm {
        case .rs256:
            guard signature.count == Int(EVP_PKEY_get_size(pointer)) else { return false }
            given = signature
        case .es256:
            guard let encoded = ECDSASignature.der(of: signature) else { return false }
            given = encoded
        }
        guard let context = EVP_MD_CTX_new() else { return false }
        defer { EVP_MD_CTX_free(context) }
        let valid =
            EVP_DigestVerifyInit_ex(context, nil, "SHA256", nil, nil, pointer, nil) == 1
            && EVP_DigestVerify(context, given, given.count, message, message.count) == 1
        // A refused signature leaves its reason in the thread's queue, where a later TLS call would take it for its own.
        if !valid { ERR_clear_error() }
        return valid
    }

    /// Judges a key and takes it, or frees it.
    private static func checked(_ pointer: OpaquePointer) -> PublicKey? {
        if EVP_PKEY_is_a(pointer, "RSA") == 1 {
            let bits = Int(EVP_PKEY_get_bits(pointer))
            if (leastRSABits...greatestRSABits).contains(bits) { return PublicKey(pointer, .rs256) }
        } else if EVP_PKEY_is_a(pointer, "EC") == 1, isP256(pointer) {
            return PublicKey(pointer, .es256)
        }
        EVP_PKEY_free(pointer)
        return nil
    }

    private static func isP256(_ pointer: OpaquePointer) -> Bool {
        var name = [CChar](repeating: 0, count: 64)
        var count = 0
        guard EVP_PKEY_get_group_name(pointer, &name, name.count, &count) == 1 else {
            ERR_clear_error()
            return false
        }
        return name.prefix(count).elementsEqual("prime256v1".utf8CString.dropLast())
    }

    /// A parameter's name for OpenSSL, which keeps the pointer: a string lent for one call would not do.
    private static func name(_ name: StaticString) -> UnsafePointer<CChar> {
        UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
    }

    private static func make(
        _ kind: String, _ parameters: (OpaquePointer) -> UnsafeMutablePointer<OSSL_PARAM>?
    ) -> OpaquePointer? {
        defer { ERR_clear_error() }
        guard let context = EVP_PKEY_CTX_new_from_name(nil, kind, nil) else { return nil }
        defer { EVP_PKEY_CTX_free(context) }
        guard let builder = OSSL_PARAM_BLD_new() else { return nil }
        defer { OSSL_PARAM_BLD_free(builder) }
        guard let parameters = parameters(builder) else { return nil }
        defer { OSSL_PARAM_free(parameters) }
        // EVP_PKEY_PUBLIC_KEY, whose macro Swift does not see.
        let selection =
            OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS | OSSL_KEYMGMT_SELECT_OTHER_PARAMETERS
            | OSSL_KEYMGMT_SELECT_PUBLIC_KEY
        var key: OpaquePointer?
        guard EVP_PKEY_fromdata_init(context) == 1,
            EVP_PKEY_fromdata(context, &key, selection, parameters) == 1
        else { return nil }
        return key
    }
}
