package import BridgeCore
package import HTTPCore
package import JSON

/// Meta's Graph API: how it is called and what its answers mean.
package struct GraphAPI: Sendable {
    /// The version that is called unless the base names another: versions live for two years and more.
    package static let version = "v23.0"

    /// The host with the version, without a slash at its end.
    package let base: String

    /// Where Meta keeps what people send.
    package static let mediaDomains = [
        "fbcdn.net", "fbsbx.com", "facebook.com", "cdninstagram.com", "instagram.com", "whatsapp.net",
    ]

    /// What may stand in an answer but not in our words.
    private let secrets: [String]
    private let authorization: String
    private let tokenQuery: String?

    /// Where the token stands in a request.
    package enum TokenPlace: Sendable {
        /// In the header `Authorization`.
        case header
        /// In the query, as `access_token`.
        case query
    }

    /// The API for one token.
    ///
    /// - Parameters:
    ///   - base: the host, as in `https://graph.facebook.com`; with a version at its end that one is called.
    ///   - secrets: what is cut out of the platform's words besides the token.
    package init(base: String, token: Secret, in place: TokenPlace = .header, secrets: [Secret] = []) {
        self.base = Self.isVersioned(base) ? base : "\(base)/\(Self.version)"
        self.secrets = ([token] + secrets).map(\.value).filter { !$0.isEmpty }
        authorization = "Bearer \(token.value)"
        tokenQuery = place == .query ? "access_token=\(HTTPPercentEncoding.encode(token.value))" : nil
    }

    /// True when the last segment of a path is a version, as in `v23.0`.
    private static func isVersioned(_ base: String) -> Bool {
        guard let last = base.split(separator: "/").last, last.first == "v" else { return false }
        let numbers = last.dropFirst().split(separator: ".", omittingEmptySubsequences: false)
        return numbers.count == 2 && numbers.allSatisfy { !$0.isEmpty && $0.allSatisfy(\.isNumber) }
    }

    /// The header that bears the token; none where the query does.
    package var authorizationField: HTTPFields { tokenQuery == nil ? ["Authorization": authorization] : [:] }

    /// The URL of a path, with the token where that stands in the query.
    package func url(_ path: String) -> String {
        guard let tokenQuery else { return base + path }
        return "\(base)\(path)\(path.utf8.contains(UInt8(ascii: "?")) ? "&" : "?")\(tokenQuery)"
    }

    /// True when a request bears the token in either place, as Graph takes it.
    package func isAuthorized(_ request: FakeRequest) -> Bool {
        if request.headers["Authorization"] == authorization { return true }
        guard let mark = request.target.utf8.firstIndex(of: UInt8(ascii: "?")) else { return false }
        return HTTPPercentEncoding.decodeForm(request.target.utf8[mark...].dropFirst()).contains {
            $0.name == "access_token" && "Bearer \($0.value)" == authorization
        }
    }

    /// A GET of a path, as in `/me?fields=name`.
    package func get(_ path: String) -> OutboundRequest {
        OutboundRequest(method: .get, url: url(path), headers: authorizationField)
    }

    /// A POST of a JSON object.
    ///
    /// - Parameter capacity: the bytes of text that go into it.
    package func post(_ path: String, capacity: Int = 0, _ write: (inout JSONWriter) -> Void) -> OutboundRequest {
        var writer = JSONWriter(capacity: capacity + capacity / 8 + 256)
        writer.object { write(&$0) }
        var headers = authorizationField
        headers.append("Content-Type", "application/json")
        return OutboundRequest(url: url(path), headers: headers, body: writer.bytes)
    }

    /// The object that an answer holds, or why there is none.
    ///
    /// The code decides, not the status ("we recommend that you build your app's error handling logic around code values",
    /// Cloud API, Error codes): Graph sends 400 and 500 for most things.
    package func reply(of response: OutboundResponse) -> Result<JSONView, DeliveryFailure> {
        let status = response.status.code
        let body = (try? JSONView(parsing: response.body)) ?? .missing
        let error = body["error"]
        if let code = error["code"].int {
            return .failure(failure(code, error, response))
        }
        if (200..<300).contains(status), body.kind == .object, !error.exists { return .success(body) }
        return .failure(foreignAnswer(response))
    }

    private func failure(_ code: Int64, _ error: JSONView, _ response: OutboundResponse) -> DeliveryFailure {
        let subcode = error["error_subcode"].int ?? 0
        var kind = GraphErrorCode.meaning(of: code, subcode: subcode)
        let status = response.status.code
        if status == 429, !kind.isThrottle { kind = .rateLimited(after: nil) }
        if kind == .refused, status >= 500 || error["is_transient"].bool == true { kind = .temporary }
        if kind == .refused, status == 401 { kind = .unauthorized }
        if case .rateLimited(let known) = kind { kind = .rateLimited(after: delay(of: response) ?? known) }
        let words = redacted(error["message"].string ?? "error \(code)")
        let details = error["error_data"]["details"].string.map { ": " + redacted($0) } ?? ""
        let number = "\(code)\(subcode == 0 ? "" : "/\(subcode)")"
        return DeliveryFailure(
            kind, reason: "(\(number)) \(words)\(details)", scope: GraphErrorCode.scope(of: code))
    }

    /// The failure of an answer that is not Graph's: a proxy's page, half a body.
    private func foreignAnswer(_ response: OutboundResponse) -> DeliveryFailure {
        let status = response.status.code
        let reason = "HTTP \(status) without an answer of the Graph API"
        let kind: DeliveryFailure.Kind =
            switch status {
            case 401: .unauthorized
            case 403: .blocked
            case 404, 410: .gone
            case 429: .rateLimited(after: delay(of: response))
            case 408, 500...: .temporary
            case 200..<300: .uncertain
            default: .refused
            }
        return DeliveryFailure(kind, reason: reason)
    }

    /// How long to wait: `Retry-After` in seconds, else what the usage headers estimate in minutes (Graph API, Rate limits).
    private func delay(of response: OutboundResponse) -> Duration? {
        if let seconds = response.headers["Retry-After"].flatMap({ Int64($0) }) {
            return .seconds(min(max(seconds, 0), 86_400))
        }
        guard let usage = response.headers["X-Business-Use-Case-Usage"], let json = try? JSONView(parsing: usage)
        else { return nil }
        let minutes = json.members.flatMap {
            $0.value.elements.compactMap { $0["estimated_time_to_regain_access"].int }
        }
        guard let longest = minutes.max(), longest > 0 else { return nil }
        return .seconds(min(longest, 1440) * 60)
    }

    /// The platform's words without our secrets, cut where they get long: Graph repeats a malformed token.
    package func redacted(_ words: String) -> String {
        var words = String(words.prefix(300))
        for secret in secrets {
            words = words.split(separator: secret, omittingEmptySubsequences: false).joined(separator: "…")
        }
        return words
    }
}

extension DeliveryFailure.Kind {
    fileprivate var isThrottle: Bool {
        if case .rateLimited = self { true } else { false }
    }
}
