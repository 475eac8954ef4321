internal import Crypto
internal import HTTPCore
public import HTTPServer

/// Who may use `/api/*`: holders of the token, this machine where there is none, and visitors of the chat page for themselves.
public struct APIAccess: Sendable {
    /// What a request may do.
    public enum Decision: Sendable {
        /// Everything.
        case caller
        /// Speak in the conversation of this session.
        case visitor(session: String)
        /// Nothing; the response says why.
        case refused(HTTPResponse)
    }

    /// The name of the chat page's cookie.
    public static let cookieName = "chatbridge_session"

    private let token: String?
    private let hasChatPage: Bool
    private let allowedOrigins: [String]
    private let proxies: TrustedProxies
    private let visitors: VisitorLimiter
    private let refusals = RefusalLimiter()

    /// Access by this token, or from this machine alone where it is nil.
    ///
    /// - Parameters:
    ///   - hasChatPage: true where visitors of the chat page may write messages.
    ///   - allowedOrigins: origins other than our own whose pages may call us.
    ///   - visitorRate: what each visitor may ask; ten times of it is for all visitors of an address together. Nil: no limit.
    ///   - proxies: who is believed about a client's address.
    public init(
        token: String?, hasChatPage: Bool, allowedOrigins: [String] = [], visitorRate: RequestRate? = nil,
        proxies: TrustedProxies = TrustedProxies()
    ) {
        self.token = token
        self.hasChatPage = hasChatPage
        self.allowedOrigins = allowedOrigins
        self.proxies = proxies
        visitors = VisitorLimiter(rate: visitorRate)
    }

    /// Why a request that visitors may not make is refused; nil: it may be made.
    ///
    /// - Parameter deed: what it does, after "may not".
    func refusal(of request: HTTPRequest, to deed: String) -> HTTPResponse? {
        switch check(request) {
        case .caller: nil
        case .refused(let response): response
        case .visitor:
            .error(.forbidden, code: "forbidden", message: "Visitors of the chat page may not \(deed).")
        }
    }

    /// Decides on a request, and counts it where its caller holds no token.
    ///
    /// Whoever holds the token is never limited.
    public func check(_ request: HTTPRequest) -> Decision {
        if let header = request.headers["Authorization"] {
            guard let token, header.utf8.count > 7, header.prefix(7).lowercased() == "bearer ",
                constantTimeEquals(String(header.dropFirst(7)), token)
            else {
                if refusals.count(proxies.client(of: request), at: .now) == .overLimit {
                    return .refused(RefusalLimiter.tooMany)
                }
                return .refused(
                    .error(
                        .unauthorized, code: "unauthorized", message: "The bearer token is not the one of API_TOKEN."))
            }
            return .caller
        }
        // A browser says from where it was sent; another site's page must not speak for its visitor.
        guard isFromOwnPage(request) else {
            return .refused(
                .error(
                    .forbidden, code: "cross_site",
                    message: "Requests from pages of other sites are not taken; see WEB_ALLOWED_ORIGINS."))
        }
        if hasChatPage, let session = APIAccess.session(of: request) {
            guard let wait = visitors.wait(session: session, address: proxies.client(of: request), at: .now) else {
                return .visitor(session: session)
            }
            let seconds = wait.components.seconds + (wait.components.attoseconds > 0 ? 1 : 0)
            return .refused(
                .error(
                    .tooManyRequests, code: "too_many_messages", message: "Too many messages; wait a moment.",
                    headers: ["Retry-After": "\(seconds)"]))
        }
        if token == nil, request.isLoopback, !isForwarded(request) { return .caller }
        return .refused(
            .error(
                .unauthorized, code: "unauthorized",
                message: token == nil
                    ? "Without API_TOKEN these routes answer only on this machine."
                    : "A bearer token is needed: Authorization: Bearer API_TOKEN."))
    }

    /// The chat page's session of a request: 32 hexadecimal digits that we gave out.
    public static func session(of request: HTTPRequest) -> String? {
        for line in request.headers.values(of: "Cookie") {
            for pair in line.split(separator: ";") {
                let pair = pair.drop { $0 == " " }
                guard pair.hasPrefix("\(cookieName)=") else { continue }
                let value = pair.dropFirst(cookieName.count + 1)
                let isHexadecimal = value.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
                if value.utf8.count == 32, isHexadecimal { return String(value) }
            }
        }
        return nil
    }

    /// The `Set-Cookie` value for a new session.
    ///
    /// - Parameter isSecure: true where the page is reached by HTTPS.
    public static func newSessionCookie(isSecure: Bool) -> String {
        let digits = Array("0123456789abcdef")
        let value = randomBytes(16).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        // 400 days is the longest that browsers keep a cookie (RFC 6265bis, section 5.6.2).
        return "\(cookieName)=\(String(value)); Path=/; HttpOnly; SameSite=Strict; Max-Age=34560000"
            + (isSecure ? "; Secure" : "")
    }

    private func isFromOwnPage(_ request: HTTPRequest) -> Bool {
        guard let origin = request.headers["Origin"] else {
            guard let site = request.headers["Sec-Fetch-Site"] else { return true }
            return site == "same-origin" || site == "none"
        }
        if allowedOrigins.contains(origin) { return true }
        let host = request.headers["Host"] ?? ""
        return origin == "http://\(host)" || origin == "https://\(host)"
    }

    /// True when a proxy speaks for somebody else: then the address of the connection says nothing.
    private func isForwarded(_ request: HTTPRequest) -> Bool {
        ["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"].contains { request.headers[$0] != nil }
    }
}
