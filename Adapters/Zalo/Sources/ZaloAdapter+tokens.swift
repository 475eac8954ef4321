public import BridgeCore
internal import Crypto
internal import HTTPCore
internal import JSON

extension ZaloAdapter: TokenRefreshing {
    /// The token of the configuration: of its age nobody knows, so it is used until Zalo refuses it.
    public var initialToken: AccessToken? {
        AccessToken(
            value: configuration.accessToken, expiresAt: nil,
            stored: KeptToken(
                origin: origin, access: configuration.accessToken.value, refresh: configuration.refreshToken.value,
                expires: nil
            ).text)
    }

    /// The token on disk, if it descends from the configured one: after the account was authorised anew, the configured one
    /// is good and what is on disk is not.
    public func token(from stored: String) -> AccessToken? {
        guard let kept = KeptToken(stored), kept.origin == origin else { return nil }
        return AccessToken(
            value: Secret(kept.access), expiresAt: kept.expires.map { Timestamp(seconds: $0) }, stored: Secret(stored))
    }

    /// Renews by the last refresh token, which works this once.
    public func tokenRequest(stored: String?, at now: Timestamp) -> OutboundRequest {
        let refresh = stored.flatMap { KeptToken($0)?.refresh } ?? configuration.refreshToken.value
        let form = [
            ("refresh_token", refresh), ("app_id", configuration.appID), ("grant_type", "refresh_token"),
        ].map { "\($0)=\(HTTPPercentEncoding.encode($1))" }.joined(separator: "&")
        return OutboundRequest(
            url: "\(configuration.oauthBase)/v4/oa/access_token",
            headers: [
                "Content-Type": "application/x-www-form-urlencoded", "secret_key": configuration.appSecret.value,
            ], body: Array(form.utf8), bearsToken: false)
    }

    /// The new pair of tokens, or why there is none; refusals come with HTTP 200.
    public func interpretToken(_ response: OutboundResponse, stored: String?, at now: Timestamp) -> TokenOutcome {
        let body = (try? JSONView(parsing: response.body)) ?? .missing
        if response.status.isSuccess, let access = body["access_token"].identifier {
            // 25 hours, should the answer not say.
            let lifetime = body["expires_in"].idString.flatMap { Int64($0) } ?? 90_000
            let expires = now.seconds.addingReportingOverflow(min(max(lifetime, 60), 366 * 86_400)).partialValue
            let refresh = body["refresh_token"].identifier ?? stored.flatMap { KeptToken($0)?.refresh } ?? ""
            return .token(
                AccessToken(
                    value: Secret(access), expiresAt: Timestamp(seconds: expires),
                    stored: KeptToken(origin: origin, access: access, refresh: refresh, expires: expires).text))
        }
        let code = body["error"].idString
        let words = body["error_description"].string ?? body["error_name"].string ?? body["message"].string
        guard response.status.code < 500, response.status.code != 429, code != nil || response.status.code >= 400 else {
            return .failed(
                DeliveryFailure(.temporary, reason: "HTTP \(response.status.code) instead of a token of Zalo's"))
        }
        let refusal = [code, words].compactMap { $0 }.joined(separator: " ")
        return .failed(
            DeliveryFailure(
                .unauthorized,
                reason: redacted(
                    "Zalo gives no new token (\(refusal)): authorise the account again and set"
                        + " ZALO_OA_ACCESS_TOKEN and ZALO_OA_REFRESH_TOKEN")))
    }

    /// Zalo says so with HTTP 200.
    public func isTokenRefused(_ response: OutboundResponse) -> Bool {
        if case .failure(let failure) = reply(of: response) { return failure.kind == .unauthorized }
        return false
    }

    /// Puts the token into the header `access_token`.
    public func authorize(_ request: inout OutboundRequest, with token: Secret) {
        request.headers["access_token"] = token.value
    }

    /// Tells one authorisation of the account from the next, without saying what it is.
    private var origin: String {
        Hex.encode(Array(SHA256.digest(of: configuration.refreshToken.value).prefix(8)))
    }
}

/// The tokens as they are kept between two runs of the bridge.
private struct KeptToken {
    /// Which configured refresh token they descend from.
    let origin: String
    let access: String
    /// Works once.
    let refresh: String
    /// Unix seconds; nil where nobody knows.
    let expires: Int64?

    init(origin: String, access: String, refresh: String, expires: Int64?) {
        self.origin = origin
        self.access = access
        self.refresh = refresh
        self.expires = expires
    }

    init?(_ text: String) {
        guard let json = try? JSONView(parsing: text), let origin = json["origin"].string,
            let access = json["access_token"].string, let refresh = json["refresh_token"].string
        else { return nil }
        self.init(origin: origin, access: access, refresh: refresh, expires: json["expires_at"].int)
    }

    var text: Secret {
        var writer = JSONWriter()
        writer.object { json in
            json.field("origin", origin)
            json.field("access_token", access)
            json.field("refresh_token", refresh)
            json.field("expires_at", expires)
        }
        return Secret(String(decoding: writer.bytes, as: UTF8.self))
    }
}
