/// Why a JSON Web Token is not believed; it never carries any of the token's text.
public enum JSONWebTokenError: Error, Sendable, Hashable, CustomStringConvertible {
    /// It is not three parts of unpadded base64url with an object in the first two.
    case malformed
    /// Its header asks for an algorithm that is not expected, for none, or for an extension (`crit`).
    case algorithm
    /// Its header names no key, or one that is not in the set: fetch the set again, then refuse.
    case unknownKey
    /// Its signature was not made by the key that it names.
    case signature
    /// Its time is over, or it has no end (`exp`).
    case expired
    /// Its time has not come (`nbf`, `iat`).
    case notYetValid

    /// One line about the reason.
    public var description: String {
        switch self {
        case .malformed: "the token is no JSON Web Token"
        case .algorithm: "the token asks for an algorithm that is not accepted"
        case .unknownKey: "the token names a key that is not published"
        case .signature: "the token's signature is wrong"
        case .expired: "the token's time is over: check the clock"
        case .notYetValid: "the token's time has not come: check the clock"
        }
    }
}
