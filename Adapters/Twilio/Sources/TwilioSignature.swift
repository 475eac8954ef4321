internal import BridgeCore
internal import Crypto
internal import HTTPCore

/// Twilio's signature: HMAC-SHA1 over the whole address and every parameter
/// (<https://www.twilio.com/docs/usage/webhooks/webhooks-security>).
struct TwilioSignature: Sendable {
    static let field = "X-Twilio-Signature"
    static let bodyDigest = "bodySHA256"

    private let key: [UInt8]
    private let publicURL: String?

    init(authToken: Secret, publicURL: String?) {
        key = Array(authToken.value.utf8)
        self.publicURL = publicURL
    }

    /// The signature of an address with parameters.
    func sign(_ url: String, _ form: TwilioForm? = nil) -> String {
        sign(url, form?.signedText ?? [])
    }

    private func sign(_ url: String, _ parameters: [UInt8]) -> String {
        Base64.encode(HMACSHA1.authenticationCode(for: Array(url.utf8) + parameters, key: key))
    }

    /// Checks the signature of a request, and of a JSON body its digest too.
    ///
    /// - Parameter form: the body's parameters; nil for a GET, whose address holds them, and for JSON.
    func verify(_ request: WebhookRequest, form: TwilioForm?) throws(WebhookRejection) {
        guard let given = request.headers[Self.field] else {
            throw WebhookRejection(.unauthorized, "the header \(Self.field) is missing")
        }
        let parameters = form?.signedText ?? []
        let isSigned = urls(of: request).contains { constantTimeEquals(given, sign($0, parameters)) }
        guard !key.isEmpty, isSigned else {
            throw WebhookRejection(
                .unauthorized,
                publicURL == nil
                    ? "the signature is wrong: check the auth token, and set PUBLIC_URL to the address that Twilio calls"
                    : "the signature is wrong: check the auth token, and that PUBLIC_URL is the address that Twilio calls"
            )
        }
        guard form == nil, request.method == .post else { return }
        let digest = request.query.first { $0.name == Self.bodyDigest }?.value
        guard let digest, constantTimeEquals(digest.lowercased(), Hex.encode(SHA256.digest(of: request.body))) else {
            throw WebhookRejection(.unauthorized, "the body is not the one of \(Self.bodyDigest)")
        }
    }

    /// The addresses that may have been signed: with the port and without it, since Twilio does both.
    private func urls(of request: WebhookRequest) -> [String] {
        let base: String
        if let publicURL {
            base = publicURL
        } else {
            // Whoever lies in these fields must still know the token.
            guard let host = request.headers["X-Forwarded-Host"] ?? request.headers["Host"] else { return [] }
            base = "\(request.headers["X-Forwarded-Proto"] ?? "https")://\(host)"
        }
        guard let scheme = base.firstIndex(of: ":"), base[scheme...].hasPrefix("://") else { return [] }
        let start = base.index(scheme, offsetBy: 3)
        let end = base[start...].firstIndex { $0 == "/" } ?? base.endIndex
        let authority = base[start..<end]
        let rest = base[end...] + request.target
        let host: Substring
        if let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") {
            host = authority[..<colon]
        } else {
            host = authority
        }
        let port = base.hasPrefix("https") ? 443 : 80
        var urls = ["\(base)\(request.target)"]
        urls.append(host == authority ? "\(base[..<start])\(host):\(port)\(rest)" : "\(base[..<start])\(host)\(rest)")
        // Behind a proxy that ends TLS, the request itself says http.
        if publicURL == nil {
            urls += urls.map { $0.hasPrefix("https") ? "http" + $0.dropFirst(5) : "https" + $0.dropFirst(4) }
        }
        return urls
    }
}
