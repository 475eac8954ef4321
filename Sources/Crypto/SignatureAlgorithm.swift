/// The signature algorithms of JSON Web Tokens that we know (RFC 7518, section 3.1).
///
/// There is no `none` and no `HS256`: a token can never choose to be unsigned, nor to be "signed" with a public key as the
/// secret (RFC 8725, sections 2.1 and 3.1).
public enum SignatureAlgorithm: String, Sendable, Hashable, CaseIterable {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    case rs256 = "RS256"
    /// ECDSA on the curve P-256 with SHA-256, the signature as two numbers of 32 bytes (RFC 7518, section 3.4).
    case es256 = "ES256"
}
