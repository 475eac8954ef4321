public import BridgeCore
internal import Crypto
internal import HTTPCore
internal import JSON

extension FeishuAdapter: Simulating {
    /// A message of an invented person, alone with the bot; encrypted and signed where there is an Encrypt Key.
    public func simulateWebhook(text: String, number: Int64, at now: Timestamp) -> WebhookRequest {
        var content = JSONWriter()
        content.object { $0.field("text", text) }
        let time = String(now.microseconds / 1000)
        var writer = JSONWriter()
        writer.object { root in
            root.field("schema", "2.0")
            root.objectField("header") { header in
                header.field("event_id", "simulated-\(number)")
                header.field("event_type", "im.message.receive_v1")
                header.field("create_time", time)
                header.field("token", configuration.verificationToken?.value ?? "")
                header.field("app_id", configuration.appID)
                header.field("tenant_key", "simulated")
            }
            root.objectField("event") { event in
                event.objectField("sender") { sender in
                    sender.objectField("sender_id") { $0.field("open_id", "ou_simulated") }
                    sender.field("sender_type", "user")
                }
                event.objectField("message") { message in
                    message.field("message_id", "om_simulated\(number)")
                    message.field("create_time", time)
                    message.field("chat_id", "oc_simulated")
                    message.field("chat_type", "p2p")
                    message.field("message_type", "text")
                    message.field("content", String(decoding: content.bytes, as: UTF8.self))
                }
            }
        }
        var request = WebhookRequest(
            target: "/webhooks/feishu", headers: ["Content-Type": "application/json; charset=utf-8"], body: writer.bytes
        )
        guard let key = configuration.encryptKey, !key.value.isEmpty else { return request }
        let cipher = FeishuCipher(encryptKey: key)
        if let sealed = cipher.encrypt(writer.bytes) {
            var envelope = JSONWriter()
            envelope.object { $0.field("encrypt", sealed) }
            request.body = envelope.bytes
        }
        let timestamp = String(now.seconds)
        let nonce = Hex.encode(randomBytes(8))
        request.headers[FeishuCipher.timestampField] = timestamp
        request.headers[FeishuCipher.nonceField] = nonce
        request.headers[FeishuCipher.signatureField] = cipher.signature(
            of: request.body, timestamp: timestamp, nonce: nonce)
        return request
    }
}

extension FeishuAdapter: Faking {
    /// The token that the fake issues and asks for.
    static let fakeToken = "t-simulated-feishu-token"

    /// Tokens, messages, answers, edits and uploads.
    public func fakeAnswer(to request: FakeRequest, number: Int64, at now: Timestamp) -> FakeAnswer? {
        let parts = request.path.split(separator: "/").map { HTTPPercentEncoding.decode($0.utf8) }
        guard parts.first == "open-apis" else { return nil }
        let path = Array(parts.dropFirst())
        if request.method == .post, path == ["auth", "v3", "tenant_access_token", "internal"] {
            return fakeLogin(request)
        }
        guard path.starts(with: ["im", "v1"]), path.count >= 3 else { return nil }
        guard request.headers["Authorization"] == "Bearer \(Self.fakeToken)" else {
            return FakeAnswer([.refused("the token is not the one issued")], fakeFault(.unauthorized, to: request))
        }
        let body = (try? JSONView(parsing: request.body)) ?? .missing
        let id = "om_simulated_answer\(number)"
        switch (request.method, path[2], path.count) {
        case (.post, "messages", 3):
            let query = HTTPPercentEncoding.decodeForm(request.target.utf8.drop { $0 != UInt8(ascii: "?") }.dropFirst())
            guard query.contains(where: { $0.name == "receive_id_type" }), let chat = body["receive_id"].identifier
            else {
                return refusal("no receive_id or receive_id_type")
            }
            return fakeMessage(body, in: chat, id: id, isUpdate: false)
        case (.post, "messages", 5) where path[4] == "reply":
            return fakeMessage(body, in: path[3], id: id, isUpdate: false)
        case (.put, "messages", 4):
            return fakeMessage(body, in: path[3], id: path[3], isUpdate: true)
        case (.post, "images", 3), (.post, "files", 3):
            guard request.headers["Content-Type"]?.hasPrefix("multipart/form-data; boundary=") == true else {
                return refusal("an upload is a form")
            }
            let name = path[2] == "images" ? "image_key" : "file_key"
            return FakeAnswer([.other("upload")], json(200, #"{"code":0,"data":{"\#(name)":"simulated\#(number)"}}"#))
        default:
            return nil
        }
    }

    private func fakeLogin(_ request: FakeRequest) -> FakeAnswer {
        let body = (try? JSONView(parsing: request.body)) ?? .missing
        guard body["app_id"].string == configuration.appID,
            body["app_secret"].string == configuration.appSecret.value
        else {
            return FakeAnswer(
                [.refused("these are not the app's credentials")],
                json(200, #"{"code":10014,"msg":"app secret invalid"}"#))
        }
        return FakeAnswer(
            [.other("token")],
            json(200, #"{"code":0,"msg":"ok","tenant_access_token":"\#(Self.fakeToken)","expire":7200}"#))
    }

    private func fakeMessage(_ body: JSONView, in chat: String, id: String, isUpdate: Bool) -> FakeAnswer {
        guard let content = body["content"].string, let inner = try? JSONView(parsing: content), inner.kind == .object
        else { return refusal("content is no JSON in a string") }
        let action: FakeAnswer.Action
        let text: String?
        switch body["msg_type"].string {
        case "text": text = inner["text"].string
        case "post": text = inner.members.first { _ in true }?.value["content"][0][0]["text"].string
        default: text = nil
        }
        switch body["msg_type"].string {
        case "text", "post":
            guard let text, !text.isEmpty else { return refusal("no text") }
            action =
                isUpdate
                ? .edit(conversation: chat, id: id, text: text) : .message(conversation: chat, id: id, text: text)
        case "image" where !isUpdate && inner["image_key"].identifier != nil:
            action = .attachment(conversation: chat, id: id, kind: "image")
        case let type?
        where !isUpdate && ["file", "audio", "media"].contains(type) && inner["file_key"].identifier != nil:
            action = .attachment(conversation: chat, id: id, kind: type == "media" ? "video" : type)
        default:
            return refusal("an unknown msg_type, or no key")
        }
        return FakeAnswer([action], json(200, #"{"code":0,"msg":"success","data":{"message_id":"\#(id)"}}"#))
    }

    private func refusal(_ words: String) -> FakeAnswer {
        FakeAnswer([.refused(words)], json(400, #"{"code":230001,"msg":"simulated"}"#))
    }

    /// What the Open Platform says when it fails so.
    public func fakeFault(_ fault: PlatformFault, to request: FakeRequest) -> OutboundResponse {
        func error(_ status: Int, _ code: Int, headers: HTTPFields = [:]) -> OutboundResponse {
            json(status, #"{"code":\#(code),"msg":"simulated"}"#, headers: headers)
        }
        switch fault {
        case .rateLimited(let delay):
            // Whole seconds, never fewer than asked for.
            let parts = delay.components
            let seconds = parts.seconds + (parts.attoseconds > 0 ? 1 : 0)
            return error(429, 99_991_400, headers: ["x-ogw-ratelimit-reset": String(seconds)])
        case .serverError: return error(500, 1_500_000)
        case .unauthorized: return error(400, 99_991_663)
        case .blocked: return error(400, 230_013)
        case .gone: return error(400, 230_011)
        case .formattingRefused: return error(400, 230_001)
        }
    }

    private func json(_ status: Int, _ body: String, headers: HTTPFields = [:]) -> OutboundResponse {
        var headers = headers
        headers["Content-Type"] = "application/json; charset=utf-8"
        return OutboundResponse(status: HTTPStatus(status), headers: headers, body: Array(body.utf8))
    }
}
