public import BridgeCore
internal import Crypto
internal import HTTPCore
internal import JSON

extension GoogleChatAdapter: Simulating {
    /// A direct message from an invented user, signed by the key that a fake publishes, with the kind of token that the
    /// audience asks for.
    public func simulateWebhook(text: String, number: Int64, at now: Timestamp) -> WebhookRequest {
        var writer = JSONWriter()
        writer.object { root in
            root.field("type", "MESSAGE")
            root.field("eventTime", now.description)
            root.objectField("space") { space in
                space.field("name", "spaces/SIMULATED")
                space.field("type", "DM")
                space.field("spaceType", "DIRECT_MESSAGE")
                space.field("singleUserBotDm", true)
            }
            root.objectField("user") { writeUser(to: &$0) }
            root.objectField("message") { message in
                message.field("name", "spaces/SIMULATED/messages/m\(number)")
                message.objectField("sender") { writeUser(to: &$0) }
                message.field("createTime", now.description)
                message.field("text", text)
                message.field("argumentText", text)
                message.objectField("thread") { $0.field("name", "spaces/SIMULATED/threads/m\(number)") }
            }
            root.objectField("common") { $0.field("userLocale", "en") }
        }
        var claims = JSONWriter()
        claims.object { json in
            json.field("aud", configuration.audience)
            if configuration.isProjectNumber {
                json.field("iss", GoogleChatAuthentication.chat)
            } else {
                json.field("iss", GoogleChatAuthentication.issuers[0])
                json.field("email", GoogleChatAuthentication.chat)
                json.field("email_verified", true)
            }
            json.field("iat", now.seconds)
            json.field("exp", now.seconds + 3600)
        }
        let token = JSONWebToken.signed(claims: claims.bytes, by: SimulationKey.key, keyID: SimulationKey.id) ?? ""
        return WebhookRequest(
            target: "/webhooks/googlechat",
            headers: ["Content-Type": "application/json; charset=utf-8", "Authorization": "Bearer \(token)"],
            body: writer.bytes)
    }

    private func writeUser(to json: inout JSONWriter) {
        json.field("name", "users/100000000000000000042")
        json.field("displayName", "Simulated User")
        json.field("type", "HUMAN")
    }
}

extension GoogleChatAdapter: Faking {
    /// The token that the fake issues and asks for.
    static let fakeToken = "simulated-googlechat-token"

    /// The login, the published keys and the messages of spaces.
    public func fakeAnswer(to request: FakeRequest, number: Int64, at now: Timestamp) -> FakeAnswer? {
        let parts = request.path.split(separator: "/").map { HTTPPercentEncoding.decode($0.utf8) }
        switch (request.method, parts.count) {
        case (.get, 3) where parts == ["oauth2", "v3", "certs"]:
            return FakeAnswer([.other("keys")], OutboundResponse(status: .ok, body: SimulationKey.keySet()))
        case (.post, 1) where parts == ["token"]:
            return fakeLogin(request, at: now)
        case (.post, 4) where parts.starts(with: ["v1", "spaces"]) && parts[3] == "messages":
            let space = "spaces/\(parts[2])"
            return fakeMessage(request, in: space, name: "\(space)/messages/simulated-\(number)", isUpdate: false)
        case (.patch, 5) where parts.starts(with: ["v1", "spaces"]) && parts[3] == "messages":
            let space = "spaces/\(parts[2])"
            return fakeMessage(request, in: space, name: "\(space)/messages/\(parts[4])", isUpdate: true)
        default:
            return nil
        }
    }

    private func fakeLogin(_ request: FakeRequest, at now: Timestamp) -> FakeAnswer {
        let fields = HTTPPercentEncoding.decodeForm(request.body)
        func field(_ name: String) -> String? { fields.first { $0.name == name }?.value }
        let account = configuration.serviceAccount
        guard field("grant_type") == "urn:ietf:params:oauth:grant-type:jwt-bearer",
            let assertion = field("assertion"), let numbers = account.key.publicNumbers,
            let key = PublicKey.rsa(modulus: numbers.modulus, exponent: numbers.exponent),
            let claims = try? JSONWebToken(assertion).claims(verifiedBy: key),
            (try? claims.checkTimes(now: now.seconds, leeway: 300)) != nil, claims.issuer == account.email,
            claims.isFor(account.tokenURL), claims["scope"] == Self.scope
        else {
            return FakeAnswer(
                [.refused("this is no assertion of the service account")],
                json(400, #"{"error":"invalid_grant","error_description":"Invalid JWT Signature."}"#))
        }
        return FakeAnswer(
            [.other("token")],
            json(200, #"{"access_token":"\#(Self.fakeToken)","expires_in":3599,"token_type":"Bearer"}"#))
    }

    private func fakeMessage(_ request: FakeRequest, in space: String, name: String, isUpdate: Bool) -> FakeAnswer {
        guard request.headers["Authorization"] == "Bearer \(Self.fakeToken)" else {
            return FakeAnswer([.refused("the token is not the one issued")], fakeFault(.unauthorized, to: request))
        }
        let message = (try? JSONView(parsing: request.body)) ?? .missing
        let text = message["text"].string
        var actions: [FakeAnswer.Action] = []
        if let text, !text.isEmpty {
            actions.append(
                isUpdate
                    ? .edit(conversation: space, id: name, text: text)
                    : .message(conversation: space, id: name, text: text))
        }
        for card in message["cardsV2"].elements where card["card"].kind == .object {
            actions.append(.attachment(conversation: space, id: name, kind: ContentKind.image.rawValue))
        }
        let query = HTTPPercentEncoding.decodeForm(request.target.utf8.drop { $0 != UInt8(ascii: "?") }.dropFirst())
        let names = query.filter { $0.name == (isUpdate ? "updateMask" : "messageId") }.map(\.value)
        let isNamed = names.allSatisfy { isUpdate ? $0 == "text" : $0.hasPrefix("client-") && $0.utf8.count <= 63 }
        guard !actions.isEmpty, isNamed, !isUpdate || names.count == 1, (text?.utf8.count ?? 0) <= 32_000 else {
            return FakeAnswer(
                [.refused("an empty or too long message, or a wrong messageId or updateMask")],
                json(400, #"{"error":{"code":400,"message":"simulated","status":"INVALID_ARGUMENT"}}"#))
        }
        var writer = JSONWriter()
        writer.object { json in
            json.field("name", name)
            json.field("text", text)
            json.objectField("space") { $0.field("name", space) }
            json.objectField("thread") { $0.field("name", message["thread"]["name"].string ?? "\(space)/threads/t") }
        }
        return FakeAnswer(actions, json(200, String(decoding: writer.bytes, as: UTF8.self)))
    }

    /// What the API says when it fails so.
    public func fakeFault(_ fault: PlatformFault, to request: FakeRequest) -> OutboundResponse {
        func error(_ status: Int, _ code: String, headers: HTTPFields = [:]) -> OutboundResponse {
            json(
                status, #"{"error":{"code":\#(status),"message":"simulated","status":"\#(code)"}}"#, headers: headers)
        }
        switch fault {
        case .rateLimited(let delay):
            // Whole seconds, never fewer than asked for.
            let parts = delay.components
            let seconds = parts.seconds + (parts.attoseconds > 0 ? 1 : 0)
            return error(429, "RESOURCE_EXHAUSTED", headers: ["Retry-After": String(seconds)])
        case .serverError: return error(503, "UNAVAILABLE")
        case .unauthorized: return error(401, "UNAUTHENTICATED")
        case .blocked: return error(403, "PERMISSION_DENIED")
        case .gone, .formattingRefused: return error(404, "NOT_FOUND")
        }
    }

    private func json(_ status: Int, _ body: String, headers: HTTPFields = [:]) -> OutboundResponse {
        var headers = headers
        headers["Content-Type"] = "application/json; charset=utf-8"
        return OutboundResponse(status: HTTPStatus(status), headers: headers, body: Array(body.utf8))
    }
}
