internal import BridgeCore
internal import Crypto

/// Identifiers of ours for those of other stores: the same in every run, so that a second import adds nothing.
struct StableUUID: Sendable {
    /// What an identifier names; each kind has a namespace of its own, so that a session never has a message's id.
    enum Kind: Sendable {
        case session, message

        /// Made once by chance, and fixed for good: another one would import everything again.
        var namespace: UUID {
            switch self {
            case .session: UUID(high: 0x6d0f_5a0c_9b1e_4c53, low: 0xa7d4_2f7e_51c8_e301)
            case .message: UUID(high: 0x2b9c_74d1_e60a_4f8e, low: 0x9c15_83aa_0d47_b6f2)
            }
        }
    }

    private let prefix: [UInt8]

    /// - Parameter store: A name that other stores do not have, where ids are numbers that begin with 1 everywhere; empty
    ///   where they are unique by themselves.
    init(_ kind: Kind, store: String) {
        // A namespace for the store within that of the kind.
        prefix =
            store.isEmpty ? kind.namespace.bytes : StableUUID.version5(kind.namespace.bytes + Array(store.utf8)).bytes
    }

    /// The identifier itself where it is a UUID in any of the usual forms, else one derived from it.
    func id(_ key: String) -> (id: UUID, isDerived: Bool) {
        if let id = Self.plain(key) { return (id, false) }
        return (derived(key), true)
    }

    /// The identifier of version 5 (RFC 9562, section 5.5) for a name.
    func derived(_ key: String) -> UUID {
        var bytes = prefix
        bytes.append(contentsOf: key.utf8)
        return Self.version5(bytes)
    }

    /// A UUID of 36 characters, or of 32 hexadecimal digits as blobs of 16 bytes are written.
    private static func plain(_ key: String) -> UUID? {
        if let id = UUID(key) { return id }
        guard key.utf8.count == 32, let bytes = Hex.decode(key) else { return nil }
        return UUID(bytes: bytes)
    }

    /// The identifier of version 5 of the bytes of a namespace and a name.
    static func version5(_ named: [UInt8]) -> UUID {
        let digest = UUID(bytes: SHA1.digest(of: named))
        return UUID(
            high: digest.high & 0xFFFF_FFFF_FFFF_0FFF | 0x5000,
            low: digest.low & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000)
    }
}

extension UUID {
    /// The identifier of the first 16 bytes, of which there must be so many.
    init(bytes: [UInt8]) {
        func word(_ start: Int) -> UInt64 { bytes[start..<(start + 8)].reduce(0) { $0 << 8 | UInt64($1) } }
        self.init(high: word(0), low: word(8))
    }
}
