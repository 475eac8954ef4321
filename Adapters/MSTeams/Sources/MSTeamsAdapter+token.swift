public import BridgeCore
internal import HTTPCore
internal import JSON

extension MSTeamsAdapter: TokenRefreshing {
    /// The client credentials flow
    /// (<https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication>, "Authenticate
    /// requests from your bot to the Bot Connector service").
    public func tokenRequest(stored: String?, at now: Timestamp) -> OutboundRequest {
        let fields = [
            ("grant_type", "client_credentials"), ("client_id", configuration.appID),
            ("client_secret", configuration.appPassword.value), ("scope", "https://api.botframework.com/.default"),
        ]
        let body = fields.map { "\($0)=\(HTTPPercentEncoding.encode($1))" }.joined(separator: "&")
        return OutboundRequest(
            url: configuration.tokenURL, headers: ["Content-Type": "application/x-www-form-urlencoded"],
            body: Array(body.utf8), bearsToken: false)
    }

    /// A token for an hour or a day, or an error of Microsoft Entra as `invalid_client`.
    public func interpretToken(_ response: OutboundResponse, stored: String?, at now: Timestamp) -> TokenOutcome {
        let status = response.status.code
        let body = (try? JSONView(parsing: response.body)) ?? .missing
        if status == 200, let token = body["access_token"].identifier {
            let seconds = body["expires_in"].int ?? body["expires_in"].string.flatMap { Int64($0) } ?? 3600
            return .token(
                AccessToken(
                    value: Secret(token), expiresAt: now.advanced(by: .seconds(min(max(seconds, 0), 31_536_000)))))
        }
        let code = body["error"].string.map { String($0.prefix(80)) } ?? "HTTP \(status) without an answer of the login"
        switch status {
        case 429, 408, 500...:
            return .failed(DeliveryFailure(.temporary, reason: code))
        case 400, 401, 403, 404:
            return .failed(DeliveryFailure(.unauthorized, reason: code))
        default:
            return .failed(DeliveryFailure(status == 200 ? .temporary : .refused, reason: code))
        }
    }

    /// A bearer token.
    public func authorize(_ request: inout OutboundRequest, with token: Secret) {
        request.headers["Authorization"] = "Bearer \(token.value)"
    }
}

extension MSTeamsAdapter: CredentialChecking {
    /// A token, as for an answer.
    public func credentialChecks() -> [CredentialCheck] {
        [CredentialCheck(name: "app id and password", request: tokenRequest(stored: nil, at: .now()))]
    }

    /// Whether there is a token.
    public func interpretCredentialCheck(
        _ response: OutboundResponse, of check: CredentialCheck
    ) -> CredentialFinding {
        switch interpretToken(response, stored: nil, at: .now()) {
        case .token:
            return .good("Microsoft issues tokens for the app \(configuration.appID)")
        case .failed(let failure) where failure.isTemporary:
            return .warning("Microsoft could not say: \(failure)")
        case .failed(let failure):
            return .bad(
                "Microsoft issues no token (\(failure)): check TEAMS_APP_ID and TEAMS_APP_PASSWORD, and TEAMS_TENANT_ID for a bot"
                    + " of one tenant")
        }
    }
}

extension MSTeamsAdapter: MediaFetching {
    /// Files come by an address that is good for minutes; pictures in the text stand at the connector, which wants our token.
    public func fetchMedia(_ attachment: Attachment, after responses: [OutboundResponse]) -> MediaStep {
        guard let url = attachment.url else { return .unavailable(reason: "Teams told no address") }
        guard let response = responses.last else {
            return request(for: url).map { .request($0) } ?? .unavailable(reason: "the file is not at Microsoft")
        }
        guard response.status.code == 200 else { return .unavailable(reason: "HTTP \(response.status.code)") }
        return .content(contentType: attachment.contentType)
    }

    /// Where the connector is: the hosts that may see our token.
    ///
    /// The second half are the clouds of governments and China
    /// (<https://learn.microsoft.com/azure/bot-service/bot-service-resources-faq-ecosystem>, national clouds).
    static let connectorDomains = [
        "smba.trafficmanager.net", "botframework.com", "teams.microsoft.com", "teams.microsoft.us",
        "botframework.azure.us", "botframework.azure.cn",
    ]
    /// Where people's files are: SharePoint, and what Teams keeps of pictures.
    private static let fileDomains = [
        "sharepoint.com", "sharepoint.us", "sharepoint-mil.us", "sharepoint.cn", "svc.ms", "asm.skype.com",
        "teams.cdn.office.net",
    ]

    private func request(for url: String) -> OutboundRequest? {
        if let base = configuration.apiBase, WebOrigin(url) == WebOrigin(base) {
            return .fetching(url, at: [], or: [base], bearsToken: true)
        }
        // With an API of somebody's own, no other host sees the token.
        return .fetching(url, at: Self.connectorDomains, or: [], bearsToken: configuration.apiBase == nil)
            ?? .fetching(url, at: Self.fileDomains, or: [])
    }
}
