public import BridgeCore
internal import HTTPCore
internal import JSON

extension LineAdapter: CredentialChecking {
    private static let tokenCheck = "channel access token"

    /// Asks who the bot is, and whether its webhook is on.
    public func credentialChecks() -> [CredentialCheck] {
        [
            CredentialCheck(name: Self.tokenCheck, request: get("/v2/bot/info")),
            CredentialCheck(name: "webhook", request: webhookQuery()),
        ]
    }

    /// What the bot is called, and whether LINE sends us anything.
    public func interpretCredentialCheck(
        _ response: OutboundResponse, of check: CredentialCheck
    ) -> CredentialFinding {
        let body = (try? JSONView(parsing: response.body)) ?? .missing
        if check.name != Self.tokenCheck { return webhookFinding(response, body) }
        if response.status.isSuccess {
            guard let name = body["displayName"].string else { return .warning("the answer names no bot") }
            return .good("\(name) (\(body["basicId"].string ?? "?"))")
        }
        let failure = failure(of: response, body)
        if failure.kind == .unauthorized {
            return .bad("LINE refuses the token (\(failure)): issue it again in the console, Messaging API tab")
        }
        return failure.isTemporary ? .warning("LINE could not say: \(failure)") : .bad("LINE refuses: \(failure)")
    }

    private func webhookFinding(_ response: OutboundResponse, _ body: JSONView) -> CredentialFinding {
        switch interpretWebhookQuery(response) {
        case .registered(let url, _):
            return body["active"].bool == false
                ? .bad("\(url) is set, but \"Use webhook\" is off in the console: turn it on") : .good(url)
        case .none:
            return .bad("no webhook is set: LINE has nowhere to send to (chatbridge webhooks set line)")
        case .failed(let failure):
            return failure.isTemporary ? .warning("LINE could not say: \(failure)") : .bad("LINE refuses: \(failure)")
        }
    }
}

extension LineAdapter: WebhookRegistering {
    private static let webhookPath = "/v2/bot/channel/webhook/endpoint"

    /// Asks for the webhook endpoint.
    public func webhookQuery() -> OutboundRequest { get(Self.webhookPath) }

    /// The endpoint, and whether "Use webhook" is on; LINE answers 404 when there is none.
    public func interpretWebhookQuery(_ response: OutboundResponse) -> WebhookRegistration {
        let body = (try? JSONView(parsing: response.body)) ?? .missing
        if response.status.code == 404 { return .none }
        guard response.status.isSuccess else { return .failed(failure(of: response, body)) }
        guard let url = body["endpoint"].string, !url.isEmpty else { return .none }
        return .registered(
            url: url, remarks: body["active"].bool == false ? ["\"Use webhook\" is off in the console"] : [])
    }

    /// Sets the endpoint; "Use webhook" can be turned on in the console alone.
    public func registerWebhook(at url: String) -> OutboundRequest {
        var request = post(Self.webhookPath, capacity: url.utf8.count) { $0.field("endpoint", url) }
        request.method = .put
        return request
    }

    /// nil: LINE has no such call; "Use webhook" is turned off in the console.
    public func removeWebhook() -> OutboundRequest? { nil }

    /// Why setting failed, as an address that is not https.
    public func interpretRegistration(_ response: OutboundResponse) -> DeliveryFailure? {
        if response.status.isSuccess { return nil }
        return failure(of: response, (try? JSONView(parsing: response.body)) ?? .missing)
    }
}

extension LineAdapter: MediaFetching {
    /// The content by the message's id, from LINE's host for it; a film or sound only once LINE has prepared it.
    public func fetchMedia(_ attachment: Attachment, after responses: [OutboundResponse]) -> MediaStep {
        if let last = responses.last, !last.status.isSuccess {
            return .unavailable(reason: "HTTP \(last.status.code)")
        }
        if let url = attachment.url {
            guard responses.isEmpty else { return .content(contentType: nil) }
            // Programs that run in LINE may send content of any server's, which is not asked at their word.
            let domains = ["line-scdn.net", "line-apps.com", "line.me"]
            let bases = [configuration.apiBase, configuration.dataBase]
            guard let request = OutboundRequest.fetching(url, at: domains, or: bases) else {
                return .unavailable(reason: "the content is not at LINE")
            }
            return .request(request)
        }
        guard let id = attachment.reference, attachment.kind != .sticker, id.utf8.allSatisfy(Self.isIDByte) else {
            return .unavailable(reason: "LINE keeps no content for it")
        }
        let content = "\(configuration.dataBase)/v2/bot/message/\(id)/content"
        let isPrepared = attachment.kind == .video || attachment.kind == .audio
        switch (responses.count, isPrepared) {
        case (0, true):
            return .request(authorized(content + "/transcoding"))
        case (0, false):
            return .request(authorized(content))
        case (1, true):
            let status = (try? JSONView(parsing: responses[0].body))?["status"].string ?? "unknown"
            switch status {
            case "succeeded": return .request(authorized(content))
            case "processing": return .notYet(reason: "LINE is still transcoding it")
            default: return .unavailable(reason: "LINE's transcoding: \(status)")
            }
        default:
            return .content(contentType: nil)
        }
    }

    private func authorized(_ url: String) -> OutboundRequest {
        OutboundRequest(method: .get, url: url, headers: ["Authorization": authorization])
    }

    /// Ids are digits; whatever else came in a webhook does not get into a path.
    private static func isIDByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"): true
        default: false
        }
    }
}
