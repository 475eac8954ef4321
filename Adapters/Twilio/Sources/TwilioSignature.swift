internal import BridgeCore
internal import Crypto
internal import HTTPCore

/// Twilio's signature: HMAC-SHA1 over the whole address and every parameter
/// (<https://www.twilio.com/docs/usage/webhooks/webhooks-security>).
struct TwilioSignature: Sendable {
    static let field = "X-Twilio-Signature"
    private static let bodyDigest = "bodySHA256"

    private let key: [UInt8]
    private let publicURL: String?

    init(authToken: Secret, publicURL: String?) {
        key = Array(authToken.value.utf8)
        self.publicURL = publicURL
    }

    /// The signature of an address with parameters.
    func sign(_ url: String, _ parameters: [(name: String, value: String)] = []) -> String {
        Base64.encode(HMACSHA1.authenticationCode(for: Array((url + Self.text(of: parameters)).utf8), key: key))
    }

    /// Names and values in the order of the names' bytes; of a name that stands there several times each distinct value
    /// once, in order.
    private static func text(of parameters: [(name: String, value: String)]) -> String {
        // Compared by bytes: `==` takes canonically equivalent texts for equal.
        func isSame(_ left: String, _ right: String) -> Bool { left.utf8.elementsEqual(right.utf8) }
        func isBefore(_ left: String, _ right: String) -> Bool { left.utf8.lexicographicallyPrecedes(right.utf8) }
        let sorted = parameters.sorted { left, right in
            isSame(left.name, right.name) ? isBefore(left.value, right.value) : isBefore(left.name, right.name)
        }
        var text = ""
        var last: (name: String, value: String)?
        for parameter in sorted {
            if let last, isSame(last.name, parameter.name), isSame(last.value, parameter.value) { continue }
            text += parameter.name
            text += parameter.value
            last = parameter
        }
        return text
    }

    /// Checks the signature of a request, and of a JSON body its digest too.
    ///
    /// - Parameter form: the body's parameters; nil for a GET, whose address holds them, and for JSON.
    func verify(_ request: WebhookRequest, form: TwilioForm?) throws(WebhookRejection) {
        guard let given = request.headers[Self.field] else {
            throw WebhookRejection(.unauthorized, "the header \(Self.field) is missing")
        }
        let parameters = form?.parameters ?? []
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
