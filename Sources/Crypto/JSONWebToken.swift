internal import JSON

/// A signed JSON Web Token in its compact form (RFC 7519; RFC 7515, section 7.1), read but not yet believed.
///
/// ```swift
/// let token = try JSONWebToken(bearer)
/// let claims = try token.claims(verifiedBy: keys)
/// try claims.checkTimes(now: now.seconds, leeway: 300)
/// guard claims.issuer == expected, claims.isFor(ourID) else { … }
/// ```
public struct JSONWebToken: Sendable {
    /// The algorithm that the header names (`alg`), of whatever meaning.
    public let algorithm: String
    /// The key that the header names (`kid`).
    public let keyID: String?

    private let message: [UInt8]
    private let signature: [UInt8]
    private let payload: JSONView

    /// The longest token that is read, in characters: those of the platforms have some 1,500.
    public static let greatestLength = 16_384

    /// What stands behind `Bearer` in an `Authorization` field, the scheme in any case (RFC 9110, section 11.1).
    ///
    /// - Returns: nil for another scheme, and when there is nothing or more than one word behind it.
    public static func bearer(in field: String) -> Substring? {
        let bytes = field.utf8
        guard let space = bytes.firstIndex(of: UInt8(ascii: " ")), field[..<space].lowercased() == "bearer" else {
            return nil
        }
        let token = bytes[bytes.index(after: space)...]
        return token.isEmpty || token.contains(UInt8(ascii: " ")) ? nil : Substring(token)
    }

    /// Takes a token apart, strictly: three parts, base64url without padding, an object in the first two.
    ///
    /// - Throws: ``JSONWebTokenError/malformed``, or ``JSONWebTokenError/algorithm`` when the header has extensions that must
    ///   be understood (`crit`): we know none.
    public init(_ text: some StringProtocol) throws(JSONWebTokenError) {
        guard text.utf8.count <= Self.greatestLength else { throw .malformed }
        let bytes = Array(text.utf8)
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, !bytes.contains(UInt8(ascii: "=")) else { throw .malformed }
        func decode(_ part: ArraySlice<UInt8>) -> [UInt8]? {
            part.isEmpty ? nil : Base64.decode(String(decoding: part, as: UTF8.self), alphabet: .urlSafe)
        }
        guard let header = decode(parts[0]).flatMap({ try? JSONView(parsing: $0) }), header.kind == .object,
            let payload = decode(parts[1]).flatMap({ try? JSONView(parsing: $0) }), payload.kind == .object,
            let algorithm = header["alg"].string
        else { throw .malformed }
        // An unsigned token (RFC 7519, section 6) has nothing behind the second dot: that is an algorithm, and not ours.
        guard !parts[2].isEmpty, !header["crit"].exists else { throw .algorithm }
        guard let signature = decode(parts[2]) else { throw .malformed }
        self.algorithm = algorithm
        keyID = header["kid"].string
        self.payload = payload
        self.signature = signature
        message = Array(bytes[..<parts[1].endIndex])
    }

    /// The claims, if the token was signed by the key that it names.
    ///
    /// The key fixes the algorithm and the header must agree: a header cannot talk us into another.
    ///
    /// - Parameters:
    ///   - keys: what the issuer publishes.
    ///   - algorithms: those that the issuer uses.
    /// - Throws: ``JSONWebTokenError``: `algorithm`, `unknownKey` or `signature`.
    public func claims(
        verifiedBy keys: JSONWebKeySet, accepting algorithms: Set<SignatureAlgorithm> = [.rs256]
    ) throws(JSONWebTokenError) -> JSONWebClaims {
        guard let algorithm = SignatureAlgorithm(rawValue: algorithm), algorithms.contains(algorithm) else {
            throw .algorithm
        }
        guard let keyID, let key = keys[keyID] else { throw .unknownKey }
        return try claims(verifiedBy: key.key)
    }

    /// The claims, if the token was signed by this key, whatever key the header names: for issuers with one key.
    ///
    /// - Throws: ``JSONWebTokenError``: `algorithm` or `signature`.
    public func claims(verifiedBy key: PublicKey) throws(JSONWebTokenError) -> JSONWebClaims {
        guard algorithm == key.algorithm.rawValue else { throw .algorithm }
        guard key.isValid(signature: signature, message: message) else { throw .signature }
        return JSONWebClaims(payload)
    }

    /// Makes a token of claims, signed with RS256.
    ///
    /// - Parameters:
    ///   - claims: an object as JSON.
    ///   - keyID: the name of the key, for the header.
    /// - Returns: nil when the key cannot sign.
    public static func signed(claims: [UInt8], by key: RSAPrivateKey, keyID: String?) -> String? {
        var header = JSONWriter(capacity: 128)
        header.object { json in
            json.field("alg", SignatureAlgorithm.rs256.rawValue)
            json.field("typ", "JWT")
            json.field("kid", keyID)
        }
        let message =
            Base64.encode(header.bytes, alphabet: .urlSafe) + "." + Base64.encode(claims, alphabet: .urlSafe)
        guard let signature = key.signature(for: Array(message.utf8)) else { return nil }
        return message + "." + Base64.encode(signature, alphabet: .urlSafe)
    }
}
