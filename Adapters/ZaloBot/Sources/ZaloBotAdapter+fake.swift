public import BridgeCore
internal import HTTPCore
internal import JSON

extension ZaloBotAdapter: Simulating {
    /// A private text message from an invented user, as Zalo would send it.
    public func simulateWebhook(text: String, number: Int64, at now: Timestamp) -> WebhookRequest {
        let user = "5133a7ed000000000001"
        var writer = JSONWriter(capacity: text.utf8.count + 512)
        writer.object { root in
            root.field("ok", true)
            root.objectField("result") { result in
                result.objectField("message") { message in
                    message.objectField("from") { from in
                        from.field("id", user)
                        from.field("display_name", "Simulated")
                        from.field("is_bot", false)
                    }
                    message.objectField("chat") { chat in
                        chat.field("id", user)
                        chat.field("chat_type", "PRIVATE")
                    }
                    message.field("text", text)
                    message.field("message_id", "5133a7ed\(number)")
                    message.field("date", now.microseconds / 1000)
                }
                result.field("event_name", "message.text.received")
            }
        }
        var headers: HTTPFields = ["Content-Type": "application/json"]
        headers[Self.secretField] = configuration.webhookSecret?.value
        return WebhookRequest(target: "/webhooks/zalobot", headers: headers, body: writer.bytes)
    }
}

extension ZaloBotAdapter: Faking {
    /// Plays the methods that the adapter calls; refusals come with HTTP 200.
    public func fakeAnswer(to request: FakeRequest, number: Int64, at now: Timestamp) -> FakeAnswer? {
        let parts = request.path.split(separator: "/", omittingEmptySubsequences: true)
        guard parts.count == 2, parts[0].hasPrefix("bot") else { return nil }
        guard parts[0].dropFirst(3) == configuration.botToken.value else { return refusal(401, "Unauthorized") }
        let body = (try? JSONView(parsing: request.body)) ?? .missing
        let time = now.microseconds / 1000
        switch parts[1] {
        case "sendMessage", "sendPhoto", "sendVoice":
            return sent(body, by: parts[1], number: number, time: time)
        case "sendChatAction":
            guard let chat = body["chat_id"].string, body["action"].string == "typing" else {
                return refusal(400, "Bad Request: chat_id and action are required")
            }
            return FakeAnswer([.typing(conversation: chat)], json(#"{"ok":true}"#))
        case "getMe":
            return FakeAnswer(
                [.other("bot")],
                json(
                    #"{"ok":true,"result":{"id":"5133b0b0","account_name":"bot.simulated","account_type":"BASIC","can_join_groups":false}}"#
                ))
        case "getUpdates":
            return FakeAnswer(
                [.other("updates")], json(#"{"ok":false,"error_code":408,"description":"Request timeout"}"#))
        case "setWebhook":
            let secret = body["secret_token"].string ?? ""
            guard let url = body["url"].string, url.hasPrefix("https://"), (8...256).contains(secret.count) else {
                return refusal(400, "Bad Request: url or secret_token is invalid")
            }
            var writer = JSONWriter()
            writer.object { root in
                root.field("ok", true)
                root.objectField("result") { result in
                    result.field("url", url)
                    result.field("updated_at", time)
                }
            }
            return FakeAnswer([.other("webhook")], json(String(decoding: writer.bytes, as: UTF8.self)))
        case "getWebhookInfo", "deleteWebhook":
            return FakeAnswer([.other("webhook")], json(#"{"ok":true,"result":{"url":"","updated_at":\#(time)}}"#))
        default:
            return nil
        }
    }

    /// As Zalo fails; there is no formatting to refuse.
    public func fakeFault(_ fault: PlatformFault, to request: FakeRequest) -> OutboundResponse {
        switch fault {
        case .rateLimited(let delay):
            let seconds = delay.components.seconds + (delay.components.attoseconds > 0 ? 1 : 0)
            return OutboundResponse(
                status: .tooManyRequests,
                headers: ["Content-Type": "application/json", "Retry-After": String(seconds)],
                body: Array(#"{"ok":false,"error_code":429,"description":"Too Many Requests"}"#.utf8))
        case .serverError:
            return OutboundResponse(status: .internalServerError, body: Array("<html>500</html>".utf8))
        case .unauthorized: return json(#"{"ok":false,"error_code":401,"description":"Unauthorized"}"#)
        case .blocked: return json(#"{"ok":false,"error_code":403,"description":"Forbidden"}"#)
        case .gone, .formattingRefused:
            return json(#"{"ok":false,"error_code":404,"description":"Not Found"}"#)
        }
    }

    private func sent(_ body: JSONView, by method: Substring, number: Int64, time: Int64) -> FakeAnswer {
        guard let chat = body["chat_id"].string, !chat.isEmpty else {
            return refusal(400, "Bad Request: chat_id is required")
        }
        let id = "5133b0b0\(number)"
        let action: FakeAnswer.Action
        switch method {
        case "sendPhoto":
            guard body["photo"].string?.isEmpty == false, (body["caption"].string ?? "").utf16.count <= 2000 else {
                return refusal(400, "Bad Request: photo or caption is invalid")
            }
            action = .attachment(conversation: chat, id: id, kind: "image")
        case "sendVoice":
            guard body["voice_url"].string?.hasSuffix(".aac") == true else {
                return refusal(400, "Bad Request: voice_url is invalid")
            }
            action = .attachment(conversation: chat, id: id, kind: "audio")
        default:
            guard let text = body["text"].string, (1...2000).contains(text.utf16.count) else {
                return refusal(400, "Bad Request: text must have 1 to 2000 characters")
            }
            action = .message(conversation: chat, id: id, text: text)
        }
        return FakeAnswer([action], json(#"{"ok":true,"result":{"message_id":"\#(id)","date":\#(time)}}"#))
    }

    private func refusal(_ code: Int, _ description: String) -> FakeAnswer {
        FakeAnswer(
            [.refused(description)], json(#"{"ok":false,"error_code":\#(code),"description":"\#(description)"}"#))
    }

    private func json(_ text: String) -> OutboundResponse {
        OutboundResponse(status: .ok, headers: ["Content-Type": "application/json"], body: Array(text.utf8))
    }
}
