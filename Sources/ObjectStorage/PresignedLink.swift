internal import BridgeCore
internal import Crypto
internal import HTTPCore

/// A link by which anybody may fetch one object for a while: AWS Signature Version 4 in the query.
///
/// libcurl signs header fields and no queries, so this is ours: Amazon's published steps
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>) over the Crypto module's HMAC, for `GET` and the
/// one field `host`. docs/decisions/object-storage.md says why.
enum PresignedLink {
    /// The link.
    ///
    /// - Parameters:
    ///   - path: begins with a slash and is encoded.
    ///   - parameters: go along in the query, signed, as `response-content-disposition`.
    ///   - seconds: how long it holds, from `now`; a week at the most.
    static func make(
        base: String, path: String, parameters: [(name: String, value: String)] = [],
        _ configuration: ObjectStoreConfiguration, now: Timestamp, seconds: Int
    ) -> String {
        let time = basicTime(now)
        let scope = "\(time.prefix(8))/\(configuration.region)/s3/aws4_request"
        var signed = parameters
        signed.append(("X-Amz-Algorithm", "AWS4-HMAC-SHA256"))
        signed.append(("X-Amz-Credential", "\(configuration.accessKeyID.value)/\(scope)"))
        signed.append(("X-Amz-Date", time))
        signed.append(("X-Amz-Expires", "\(seconds)"))
        if let token = configuration.sessionToken { signed.append(("X-Amz-Security-Token", token.value)) }
        signed.append(("X-Amz-SignedHeaders", "host"))
        let query = ObjectStoreConfiguration.query(signed)
        let request = "GET\n\(path)\n\(query)\nhost:\(host(of: base))\n\nhost\nUNSIGNED-PAYLOAD"
        let toSign = "AWS4-HMAC-SHA256\n\(time)\n\(scope)\n\(Hex.encode(SHA256.digest(of: request)))"
        var key = Array("AWS4\(configuration.secretAccessKey.value)".utf8)
        for part in scope.split(separator: "/") {
            key = HMACSHA256.authenticationCode(for: Array(part.utf8), key: key)
        }
        let signature = Hex.encode(HMACSHA256.authenticationCode(for: Array(toSign.utf8), key: key))
        return "\(base)\(path)?\(query)&X-Amz-Signature=\(signature)"
    }

    /// The host as clients send it: without the port where that is the scheme's own.
    private static func host(of base: String) -> String {
        guard let origin = WebOrigin(base) else { return String(base.drop { $0 != "/" }.dropFirst(2)) }
        return origin.port == (origin.isEncrypted ? 443 : 80) ? origin.host : "\(origin.host):\(origin.port)"
    }

    /// As in `20130524T000000Z` (ISO 8601, basic format).
    private static func basicTime(_ time: Timestamp) -> String {
        time.description.prefix(19).filter { $0 != "-" && $0 != ":" } + "Z"
    }
}
