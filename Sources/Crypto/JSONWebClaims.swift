public import JSON

/// What a token says, once its signature was verified: the only way to them is ``JSONWebToken/claims(verifiedBy:accepting:)``.
public struct JSONWebClaims: Sendable {
    /// All of them, for those without a name here.
    public let json: JSONView

    init(_ json: JSONView) {
        self.json = json
    }

    /// A claim that is a string.
    public subscript(name: String) -> String? { json[name].string }

    /// Who made the token (`iss`).
    public var issuer: String? { self["iss"] }

    /// Whether the token is meant for somebody: `aud` is that string, or a list that holds it (RFC 7519, section 4.1.3).
    public func isFor(_ audience: String) -> Bool {
        json["aud"].string == audience || json["aud"].elements.contains { $0.string == audience }
    }

    /// Checks the times of the token: there must be an `exp` to come, and `nbf` and `iat`, where given, must have passed.
    ///
    /// - Parameters:
    ///   - now: seconds since 1970-01-01 UTC.
    ///   - leeway: seconds that clocks may differ by (RFC 7519, section 4.1.4: "usually no more than a few minutes").
    /// - Throws: ``JSONWebTokenError/expired`` or ``JSONWebTokenError/notYetValid``; the same for a time that is no number.
    public func checkTimes(now: Int64, leeway: Int64) throws(JSONWebTokenError) {
        guard let end = json["exp"].double, Double(now) < end + Double(leeway) else { throw .expired }
        for name in ["nbf", "iat"] where json[name].exists {
            guard let start = json[name].double, Double(now) >= start - Double(leeway) else { throw .notYetValid }
        }
    }
}
