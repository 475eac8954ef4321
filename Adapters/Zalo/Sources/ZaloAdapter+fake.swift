public import BridgeCore
internal import HTTPCore
internal import JSON

extension ZaloAdapter: Simulating {
    /// A text message from an invented user, signed as Zalo would sign it.
    public func simulateWebhook(text: String, number: Int64, at now: Timestamp) -> WebhookRequest {
        let timestamp = String(now.microseconds / 1000)
        var writer = JSONWriter(capacity: text.utf8.count + 512)
        writer.object { root in
            root.field("app_id", configuration.appID)
            root.field("user_id_by_app", "5100000000000000003")
            root.field("event_name", "user_send_text")
            root.field("timestamp", timestamp)
            root.objectField("sender") { $0.field("id", "5100000000000000001") }
            root.objectField("recipient") { $0.field("id", "5100000000000000002") }
            root.objectField("message") { message in
                message.field("msg_id", "5133a7ed\(number)")
                message.field("text", text)
            }
        }
        return WebhookRequest(
            target: "/webhooks/zalo",
            headers: [
                "Content-Type": "application/json",
                ZaloSignature.field: signature.sign(writer.bytes, timestamp: timestamp),
            ], body: writer.bytes)
    }
}

extension ZaloAdapter: Faking {
    /// What the fake's own tokens begin with: it keeps no list of those that it gave out.
    private static let accessPrefix = "fake-access-"
    private static let refreshPrefix = "fake-refresh-"

    /// Plays the messages, the uploads, the account's data and the renewal of tokens; refusals come with HTTP 200.
    public func fakeAnswer(to request: FakeRequest, number: Int64, at now: Timestamp) -> FakeAnswer? {
        let path = String(request.path)
        if request.method == .post, path == "/v4/oa/access_token" { return renewal(request, number: number) }
        guard path.hasPrefix("/v3.0/oa/") || path.hasPrefix("/v2.0/oa/") else { return nil }
        let token = request.headers["access_token"] ?? ""
        guard token == configuration.accessToken.value || token.hasPrefix(Self.accessPrefix) else {
            return refusal(-216, "Access token is invalid")
        }
        switch (request.method, path) {
        case (.post, "/v3.0/oa/message/cs"):
            return sent((try? JSONView(parsing: request.body)) ?? .missing, number: number)
        case (.post, "/v2.0/oa/upload/image"), (.post, "/v2.0/oa/upload/gif"):
            return upload(request, #"{"attachment_id":"fake-attachment-\#(number)"}"#)
        case (.post, "/v2.0/oa/upload/file"):
            return upload(request, #"{"token":"fake-file-\#(number)"}"#)
        case (.get, "/v2.0/oa/getoa"):
            return FakeAnswer(
                [.other("account")],
                json(#"{"data":{"oa_id":"5100000000000000002","name":"Simulated"},"error":0,"message":"Success"}"#))
        default:
            return nil
        }
    }

    /// As Zalo fails; there is no formatting to refuse, and one who is gone counts as banned.
    public func fakeFault(_ fault: PlatformFault, to request: FakeRequest) -> OutboundResponse {
        switch fault {
        case .rateLimited(let delay):
            let seconds = delay.components.seconds + (delay.components.attoseconds > 0 ? 1 : 0)
            return OutboundResponse(
                status: .tooManyRequests,
                headers: ["Content-Type": "application/json", "Retry-After": String(seconds)],
                body: Array(#"{"error":-32,"message":"Your application reached limit call api"}"#.utf8))
        case .serverError:
            return OutboundResponse(status: .internalServerError, body: Array("<html>500</html>".utf8))
        case .unauthorized: return json(#"{"error":-216,"message":"Access token is invalid"}"#)
        case .blocked: return json(#"{"error":-213,"message":"User has not followed OA"}"#)
        case .gone, .formattingRefused:
            return OutboundResponse(
                status: .notFound, headers: ["Content-Type": "application/json"], body: Array("{}".utf8))
        }
    }

    private func renewal(_ request: FakeRequest, number: Int64) -> FakeAnswer {
        let form = HTTPPercentEncoding.decodeForm(request.body)
        func field(_ name: String) -> String { form.first { $0.name == name }?.value ?? "" }
        guard request.headers["secret_key"] == configuration.appSecret.value, field("app_id") == configuration.appID
        else {
            return FakeAnswer(
                [.refused("secret_key")],
                json(#"{"error_name":"Invalid secret key","error_description":"Invalid app","error":-14004}"#))
        }
        let refresh = field("refresh_token")
        guard field("grant_type") == "refresh_token",
            refresh == configuration.refreshToken.value || refresh.hasPrefix(Self.refreshPrefix)
        else {
            return FakeAnswer(
                [.refused("refresh_token")],
                json(
                    #"{"error_name":"Invalid refresh token","error_description":"Invalid refresh token.","error":-14014}"#
                ))
        }
        return FakeAnswer(
            [.other("token")],
            json(
                #"{"access_token":"\#(Self.accessPrefix)\#(number)","refresh_token":"\#(Self.refreshPrefix)\#(number)","expires_in":"90000"}"#
            ))
    }

    private func sent(_ body: JSONView, number: Int64) -> FakeAnswer {
        let recipient = body["recipient"]
        guard let user = recipient["user_id"].string ?? recipient["anonymous_id"].string, !user.isEmpty else {
            return refusal(-201, "user_id is invalid")
        }
        let message = body["message"]
        let id = "5133b0b0\(number)"
        let action: FakeAnswer.Action
        let attachment = message["attachment"]
        if attachment.exists {
            let element = attachment["payload"]["elements"][0]
            let isPicture = element["url"].exists || element["attachment_id"].exists
            guard isPicture || attachment["payload"]["token"].string != nil else {
                return refusal(-201, "attachment is invalid")
            }
            action = .attachment(conversation: user, id: id, kind: isPicture ? "image" : "file")
        } else {
            guard let text = message["text"].string, (1...2000).contains(text.utf16.count) else {
                return refusal(-210, "Parameter exceed allowable limit: text")
            }
            action = .message(conversation: user, id: id, text: text)
        }
        return FakeAnswer(
            [action],
            json(
                #"{"data":{"message_id":"\#(id)","user_id":"5100000000000000001","quota":{"quota_type":"reply","remain":"7","total":"8"}},"error":0,"message":"Success"}"#
            ))
    }

    private func upload(_ request: FakeRequest, _ data: String) -> FakeAnswer {
        guard request.headers["Content-Type"]?.hasPrefix("multipart/form-data; boundary=") == true else {
            return refusal(-201, "file is invalid")
        }
        return FakeAnswer([.other("upload")], json(#"{"data":\#(data),"error":0,"message":"Success"}"#))
    }

    private func refusal(_ code: Int, _ message: String) -> FakeAnswer {
        FakeAnswer([.refused(message)], json(#"{"error":\#(code),"message":"\#(message)"}"#))
    }

    private func json(_ text: String) -> OutboundResponse {
        OutboundResponse(status: .ok, headers: ["Content-Type": "application/json"], body: Array(text.utf8))
    }
}
