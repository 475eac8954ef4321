public import JSON

/// The public keys that somebody publishes for their tokens: a JWK Set (RFC 7517, section 5).
///
/// Google's older form is read as well, an object of certificates in PEM under their key ids.
public struct JSONWebKeySet: Sendable {
    /// One key and what is said of it.
    public struct Key: Sendable {
        /// The name by which tokens refer to it (`kid`).
        public var id: String
        /// The key.
        public var key: PublicKey
        /// For whom the key may speak, where its publisher says (`endorsements` of the Bot Framework); nil where it does not.
        public var endorsements: [String]?

        /// A key under a name.
        public init(id: String, key: PublicKey, endorsements: [String]? = nil) {
            self.id = id
            self.key = key
            self.endorsements = endorsements
        }
    }

    /// The keys that were understood, in their order.
    public var keys: [Key]

    /// A set of these keys.
    public init(keys: [Key]) {
        self.keys = keys
    }

    /// Reads a set; a key that is not understood is left out (RFC 7517, section 5: "SHOULD ignore").
    ///
    /// Left out are keys of other kinds and sizes, for encryption (`use`), for another algorithm, and without a name.
    ///
    /// - Returns: nil when the bytes are no key set, or none of its keys can be used: an earlier set is better than that.
    public init?(parsing bytes: [UInt8]) {
        guard let root = try? JSONView(parsing: bytes), root.kind == .object else { return nil }
        let list = root["keys"]
        if list.kind == .array {
            keys = list.elements.compactMap { Key($0) }
        } else {
            keys = root.members.compactMap { id, certificate in
                certificate.string.flatMap { PublicKey.certificate(pem: $0) }.map { Key(id: id, key: $0) }
            }
        }
        if keys.isEmpty { return nil }
    }

    /// The key of that name.
    public subscript(id: String) -> Key? { keys.first { $0.id == id } }
}

extension JSONWebKeySet.Key {
    /// Reads one JSON Web Key (RFC 7517, section 4); nil when it cannot be used here.
    public init?(_ json: JSONView) {
        guard let id = json["kid"].string, !id.isEmpty, json["use"].string.map({ $0 == "sig" }) != false else {
            return nil
        }
        func number(_ name: String) -> [UInt8]? {
            json[name].string.flatMap { Base64.decode($0, alphabet: .urlSafe) }
        }
        let key: PublicKey?
        switch json["kty"].string {
        case "RSA":
            guard let n = number("n"), let e = number("e") else { return nil }
            key = .rsa(modulus: n, exponent: e)
        case "EC":
            guard json["crv"].string == "P-256", let x = number("x"), let y = number("y") else { return nil }
            key = .p256(x: x, y: y)
        default:
            return nil
        }
        guard let key, json["alg"].string.map({ $0 == key.algorithm.rawValue }) != false else { return nil }
        let endorsements = json["endorsements"]
        self.init(
            id: id, key: key,
            endorsements: endorsements.kind == .array ? endorsements.elements.compactMap(\.string) : nil)
    }
}
