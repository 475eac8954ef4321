public import BridgeCore
internal import Crypto
internal import HTTPCore
internal import JSON

extension MSTeamsAdapter: Simulating {
    /// A message in a personal chat from an invented user, signed by the key that a fake publishes.
    public func simulateWebhook(text: String, number: Int64, at now: Timestamp) -> WebhookRequest {
        let service = (configuration.apiBase ?? Self.globalServiceURL) + "/"
        var writer = JSONWriter()
        writer.object { root in
            root.field("type", "message")
            root.field("id", String(1_700_000_000_000 + number))
            root.field("timestamp", now.description)
            root.field("channelId", "msteams")
            root.field("serviceUrl", service)
            root.objectField("from") { from in
                from.field("id", "29:1simulated")
                from.field("name", "Simulated User")
            }
            root.objectField("conversation") { conversation in
                conversation.field("conversationType", "personal")
                conversation.field("tenantId", "00000000-0000-4000-8000-000000000001")
                conversation.field("id", "a:1simulated")
            }
            root.objectField("recipient") { recipient in recipient.field("id", "28:\(configuration.appID)") }
            root.field("textFormat", "plain")
            root.field("text", text)
            root.field("locale", "en-US")
        }
        var claims = JSONWriter()
        claims.object { json in
            json.field("iss", MSTeamsAuthentication.issuer)
            json.field("aud", configuration.appID)
            json.field("serviceurl", service)
            json.field("nbf", now.seconds)
            json.field("exp", now.seconds + 3600)
        }
        let token = JSONWebToken.signed(claims: claims.bytes, by: SimulationKey.key, keyID: SimulationKey.id) ?? ""
        return WebhookRequest(
            target: "/webhooks/msteams",
            headers: ["Content-Type": "application/json; charset=utf-8", "Authorization": "Bearer \(token)"],
            body: writer.bytes)
    }
}

extension MSTeamsAdapter: Faking {
    /// The token that the fake issues and asks for.
    static let fakeToken = "simulated-teams-token"

    /// The login service, the published keys and the connector's conversations.
    public func fakeAnswer(to request: FakeRequest, number: Int64, at now: Timestamp) -> FakeAnswer? {
        let parts = request.path.split(separator: "/").map { HTTPPercentEncoding.decode($0.utf8) }
        switch (request.method, parts) {
        case (.get, ["v1", ".well-known", "keys"]):
            return FakeAnswer(
                [.other("keys")],
                OutboundResponse(status: .ok, body: SimulationKey.keySet(endorsements: ["msteams"])))
        case (.post, _) where parts.suffix(3) == ["oauth2", "v2.0", "token"]:
            return fakeLogin(request)
        case (.post, _)
        where parts.count == 4 && parts.starts(with: ["v3", "conversations"]) && parts[3] == "activities":
            return fakeActivity(request, in: parts[2], id: "1\(700_000_000_000 + number)", isUpdate: false)
        case (.put, _)
        where parts.count == 5 && parts.starts(with: ["v3", "conversations"]) && parts[3] == "activities":
            return fakeActivity(request, in: parts[2], id: parts[4], isUpdate: true)
        default:
            return nil
        }
    }

    private func fakeLogin(_ request: FakeRequest) -> FakeAnswer {
        let fields = HTTPPercentEncoding.decodeForm(request.body)
        func field(_ name: String) -> String? { fields.first { $0.name == name }?.value }
        guard field("grant_type") == "client_credentials", field("client_id") == configuration.appID,
            field("client_secret") == configuration.appPassword.value,
            field("scope") == "https://api.botframework.com/.default"
        else {
            return FakeAnswer(
                [.refused("these are not the app's credentials")],
                json(401, #"{"error":"invalid_client","error_description":"AADSTS7000215"}"#))
        }
        return FakeAnswer(
            [.other("token")],
            json(200, #"{"token_type":"Bearer","expires_in":3599,"access_token":"\#(Self.fakeToken)"}"#))
    }

    private func fakeActivity(_ request: FakeRequest, in id: String, id message: String, isUpdate: Bool) -> FakeAnswer {
        guard request.headers["Authorization"] == "Bearer \(Self.fakeToken)" else {
            return FakeAnswer([.refused("the token is not the one issued")], fakeFault(.unauthorized, to: request))
        }
        let activity = (try? JSONView(parsing: request.body)) ?? .missing
        let conversation = MSTeamsConversation.split(id).conversation
        let answer = json(isUpdate ? 200 : 201, #"{"id":"\#(message)"}"#)
        switch activity["type"].string {
        case "typing" where !isUpdate:
            return FakeAnswer([.typing(conversation: conversation)], answer)
        case "message":
            var actions: [FakeAnswer.Action] = []
            if let text = activity["text"].string {
                actions.append(
                    isUpdate
                        ? .edit(conversation: conversation, id: message, text: text)
                        : .message(conversation: conversation, id: message, text: text))
            }
            for attachment in activity["attachments"].elements {
                let kind = ContentKind(mediaType: attachment["contentType"].string)
                actions.append(.attachment(conversation: conversation, id: message, kind: kind.rawValue))
            }
            if actions.isEmpty { break }
            return FakeAnswer(actions, answer)
        default: break
        }
        return FakeAnswer(
            [.refused("the activity has no type that can be sent, or nothing in it")],
            json(400, #"{"error":{"code":"BadSyntax","message":"Activity is empty"}}"#))
    }

    /// What the connector says when it fails so.
    public func fakeFault(_ fault: PlatformFault, to request: FakeRequest) -> OutboundResponse {
        func error(_ status: Int, _ code: String, headers: HTTPFields = [:]) -> OutboundResponse {
            json(status, #"{"error":{"code":"\#(code)","message":"simulated"}}"#, headers: headers)
        }
        switch fault {
        case .rateLimited(let delay):
            // Whole seconds, never fewer than asked for.
            let parts = delay.components
            let seconds = parts.seconds + (parts.attoseconds > 0 ? 1 : 0)
            return error(429, "TooManyRequests", headers: ["Retry-After": String(seconds)])
        case .serverError: return error(502, "ServiceError")
        case .unauthorized: return error(401, "Unauthorized")
        case .blocked: return error(403, "MessageWritesBlocked")
        case .gone, .formattingRefused: return error(404, "ConversationNotFound")
        }
    }

    private func json(_ status: Int, _ body: String, headers: HTTPFields = [:]) -> OutboundResponse {
        var headers = headers
        headers["Content-Type"] = "application/json; charset=utf-8"
        return OutboundResponse(status: HTTPStatus(status), headers: headers, body: Array(body.utf8))
    }
}
