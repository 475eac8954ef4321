import COpenSSL

/// Whether two secrets are equal, in a time that depends on their lengths alone.
///
/// Secrets of different lengths are not equal; that much an attacker learns.
public func constantTimeEquals(_ one: [UInt8], _ other: [UInt8]) -> Bool {
    one.count == other.count && CRYPTO_memcmp(one, other, one.count) == 0
}

/// Whether the UTF-8 of two secrets is equal, in a time that depends on their lengths alone.
///
/// Unlike `==`, it takes canonically equivalent strings of different bytes for different.
public func constantTimeEquals(_ one: String, _ other: String) -> Bool {
    var one = one
    var other = other
    return one.withUTF8 { one in
        other.withUTF8 { other in
            one.count == other.count && CRYPTO_memcmp(one.baseAddress, other.baseAddress, one.count) == 0
        }
    }
}
