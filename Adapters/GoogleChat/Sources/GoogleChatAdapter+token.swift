public import BridgeCore
internal import HTTPCore
internal import JSON

extension GoogleChatAdapter: TokenRefreshing {
    /// What an app needs to write as itself (<https://developers.google.com/workspace/chat/authenticate-authorize>).
    static let scope = "https://www.googleapis.com/auth/chat.bot"

    /// Changes an assertion, signed by the service account's key, for an access token.
    public func tokenRequest(stored: String?, at now: Timestamp) -> OutboundRequest {
        // Without a signature Google refuses, and says so.
        let assertion = configuration.serviceAccount.assertion(scope: Self.scope, at: now) ?? ""
        let body = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=\(assertion)"
        return OutboundRequest(
            url: configuration.tokenURL, headers: ["Content-Type": "application/x-www-form-urlencoded"],
            body: Array(body.utf8), bearsToken: false)
    }

    /// A token for an hour, or an error of OAuth as `invalid_grant`.
    public func interpretToken(_ response: OutboundResponse, stored: String?, at now: Timestamp) -> TokenOutcome {
        let status = response.status.code
        let body = (try? JSONView(parsing: response.body)) ?? .missing
        if status == 200, let token = body["access_token"].identifier {
            let seconds = body["expires_in"].int ?? 3600
            return .token(
                AccessToken(
                    value: Secret(token), expiresAt: now.advanced(by: .seconds(min(max(seconds, 0), 31_536_000)))))
        }
        let code = body["error"].string.map { String($0.prefix(80)) } ?? "HTTP \(status) without an answer of the login"
        switch status {
        case 200, 408, 429, 500...:
            return .failed(DeliveryFailure(.temporary, reason: code))
        case 400, 401, 403, 404:
            return .failed(DeliveryFailure(.unauthorized, reason: code))
        default:
            return .failed(DeliveryFailure(.refused, reason: code))
        }
    }

    /// A bearer token.
    public func authorize(_ request: inout OutboundRequest, with token: Secret) {
        request.headers["Authorization"] = "Bearer \(token.value)"
    }
}

extension GoogleChatAdapter: CredentialChecking {
    /// A token, as for an answer.
    public func credentialChecks() -> [CredentialCheck] {
        [CredentialCheck(name: "service account", request: tokenRequest(stored: nil, at: .now()))]
    }

    /// Whether there is a token.
    public func interpretCredentialCheck(
        _ response: OutboundResponse, of check: CredentialCheck
    ) -> CredentialFinding {
        switch interpretToken(response, stored: nil, at: .now()) {
        case .token:
            return .good("Google issues tokens for \(configuration.serviceAccount.email)")
        case .failed(let failure) where failure.isTemporary:
            return .warning("Google could not say: \(failure)")
        case .failed(let failure):
            return .bad(
                "Google issues no token (\(failure)): make a new key for the service account, and check the clock")
        }
    }
}

extension GoogleChatAdapter: MediaFetching {
    /// Uploaded files by the media endpoint; what stands in Drive would take rights that an app does not have.
    public func fetchMedia(_ attachment: Attachment, after responses: [OutboundResponse]) -> MediaStep {
        if let response = responses.last {
            guard response.status.code == 200 else { return .unavailable(reason: "HTTP \(response.status.code)") }
            return .content(contentType: attachment.contentType)
        }
        if let reference = attachment.reference {
            if reference.hasPrefix("drive:") { return .unavailable(reason: "the file stands in Google Drive") }
            return .request(
                OutboundRequest(
                    method: .get, url: "\(configuration.apiBase)/v1/media/\(path(reference))?alt=media"))
        }
        guard let url = attachment.url else { return .unavailable(reason: "Google told no address") }
        let domains = ["googleusercontent.com", "chat.google.com"]
        guard let request = OutboundRequest.fetching(url, at: domains, or: [configuration.apiBase]) else {
            return .unavailable(reason: "the file is not at Google")
        }
        return .request(request)
    }
}
