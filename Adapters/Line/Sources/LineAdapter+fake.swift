public import BridgeCore
internal import HTTPCore
internal import JSON

extension LineAdapter: Simulating {
    /// The invented user of simulated webhooks.
    private static let simulatedUser = "U5133a7edca11ab1e0000000000000001"
    private static let simulatedToken = "5133a7edca11ab1e"

    /// A text message from an invented user, signed as LINE would sign it.
    public func simulateWebhook(text: String, number: Int64, at now: Timestamp) -> WebhookRequest {
        var writer = JSONWriter(capacity: text.utf8.count + 512)
        writer.object { root in
            root.field("destination", "U5133a7edca11ab1e0000000000000002")
            root.arrayField("events") { events in
                events.object { event in
                    event.field("type", "message")
                    event.objectField("message") { message in
                        message.field("type", "text")
                        message.field("id", String(510_000_000_000_000_000 &+ number))
                        message.field("quoteToken", "simulatedquote\(number)")
                        message.field("text", text)
                    }
                    event.field("webhookEventId", "01SIMULATED\(number)")
                    event.objectField("deliveryContext") { $0.field("isRedelivery", false) }
                    event.field("timestamp", now.microseconds / 1000)
                    event.objectField("source") { source in
                        source.field("type", "user")
                        source.field("userId", Self.simulatedUser)
                    }
                    event.field("replyToken", "\(Self.simulatedToken)\(number)")
                    event.field("mode", "active")
                }
            }
        }
        return WebhookRequest(
            target: "/webhooks/line",
            headers: [
                "Content-Type": "application/json; charset=utf-8", LineSignature.field: signature.sign(writer.bytes),
            ], body: writer.bytes)
    }
}

extension LineAdapter: Faking {
    /// Plays replies, pushes, the loading animation, the bot's own data, its webhook endpoint and content.
    public func fakeAnswer(to request: FakeRequest, number: Int64, at now: Timestamp) -> FakeAnswer? {
        guard request.headers["Authorization"] == authorization else {
            return refusal(
                401, "Authentication failed. Confirm that the access token in the authorization header is valid.")
        }
        let body = (try? JSONView(parsing: request.body)) ?? .missing
        switch (request.method, String(request.path)) {
        case (.post, "/v2/bot/message/reply"):
            guard let token = body["replyToken"].string, !token.isEmpty else {
                return refusal(400, "The request body has 1 error(s)", property: "replyToken", "May not be empty")
            }
            if request.headers[Self.retryKeyField] != nil { return refusal(400, "The retry key is not supported") }
            let isOurs = token.hasPrefix(Self.simulatedToken)
            return sent(body, to: isOurs ? Self.simulatedUser : "replyToken:\(token)", number: number)
        case (.post, "/v2/bot/message/push"):
            guard let to = body["to"].string, to.utf8.count > 1, "UCRucr".contains(to.prefix(1)) else {
                return refusal(400, "The property, 'to', in the request body is invalid (line: -, column: -)")
            }
            if let key = request.headers[Self.retryKeyField], !Self.isUUID(key) {
                return refusal(400, "Invalid retry key")
            }
            return sent(body, to: to, number: number)
        case (.post, "/v2/bot/chat/loading/start"):
            let seconds = body["loadingSeconds"].int ?? 20
            guard let user = body["chatId"].string, user.hasPrefix("U") else {
                return refusal(400, "The request body has 1 error(s)", property: "chatId", "Invalid user ID")
            }
            guard (5...60).contains(seconds), seconds % 5 == 0 else {
                return refusal(400, "The request body has 1 error(s)", property: "loadingSeconds", "Invalid value")
            }
            return FakeAnswer([.typing(conversation: user)], json(202, "{}"))
        case (.get, "/v2/bot/info"):
            return FakeAnswer(
                [.other("info")],
                json(
                    200,
                    #"{"userId":"U5133a7edca11ab1e0000000000000002","basicId":"@simulated","displayName":"Simulated","chatMode":"bot","markAsReadMode":"auto"}"#
                ))
        case (.get, "/v2/bot/channel/webhook/endpoint"):
            return FakeAnswer([.other("webhook")], json(404, #"{"message":"Webhook endpoint not found"}"#))
        case (.put, "/v2/bot/channel/webhook/endpoint"):
            guard body["endpoint"].string?.hasPrefix("https://") == true else {
                return refusal(400, "Invalid webhook endpoint URL")
            }
            return FakeAnswer([.other("webhook")], json(200, "{}"))
        default:
            return nil
        }
    }

    /// As LINE fails; a wrong recipient stands for a conversation that is gone, and there is no formatting to refuse.
    public func fakeFault(_ fault: PlatformFault, to request: FakeRequest) -> OutboundResponse {
        switch fault {
        case .rateLimited(let delay):
            OutboundResponse(
                status: .tooManyRequests,
                headers: [
                    "Content-Type": "application/json",
                    "Retry-After": String(delay.components.seconds + (delay.components.attoseconds > 0 ? 1 : 0)),
                ], body: Array(#"{"message":"The API rate limit has been exceeded. Try again later."}"#.utf8))
        case .serverError: json(500, #"{"message":"Internal server error"}"#)
        case .unauthorized:
            json(
                401,
                #"{"message":"Authentication failed. Confirm that the access token in the authorization header is valid."}"#
            )
        case .blocked: json(403, #"{"message":"Access to this resource denied"}"#)
        case .gone, .formattingRefused: json(400, #"{"message":"Failed to send messages"}"#)
        }
    }

    private func sent(_ body: JSONView, to conversation: String, number: Int64) -> FakeAnswer {
        let messages = body["messages"]
        guard messages.kind == .array, (1...5).contains(messages.count) else {
            return refusal(400, "The request body has 1 error(s)", property: "messages", "Size must be between 1 and 5")
        }
        var actions: [FakeAnswer.Action] = []
        var answer = JSONWriter()
        for (index, message) in messages.elements.enumerated() {
            let id = String(520_000_000_000_000_000 &+ number &* 10 &+ Int64(index))
            switch message["type"].string {
            case "text":
                guard let text = message["text"].string, (1...5000).contains(text.utf16.count) else {
                    return refusal(
                        400, "The request body has 1 error(s)", property: "messages[\(index)].text",
                        "Length must be between 0 and 5000")
                }
                actions.append(.message(conversation: conversation, id: id, text: text))
            case "image" where message["previewImageUrl"].string?.hasPrefix("https://") == true:
                actions.append(.attachment(conversation: conversation, id: id, kind: "image"))
            case "audio" where message["duration"].int ?? 0 > 0:
                actions.append(.attachment(conversation: conversation, id: id, kind: "audio"))
            default:
                return refusal(
                    400, "The request body has 1 error(s)", property: "messages[\(index)]", "Invalid message")
            }
        }
        answer.object { root in
            root.arrayField("sentMessages") { list in
                for index in 0..<messages.count {
                    list.object { message in
                        message.field("id", String(520_000_000_000_000_000 &+ number &* 10 &+ Int64(index)))
                        message.field("quoteToken", "fakequote\(number)x\(index)")
                    }
                }
            }
        }
        return FakeAnswer(actions, json(200, answer.bytes))
    }

    private func refusal(
        _ status: Int, _ message: String, property: String? = nil, _ detail: String = ""
    ) -> FakeAnswer {
        var writer = JSONWriter()
        writer.object { root in
            root.field("message", message)
            if let property {
                root.arrayField("details") { details in
                    details.object { item in
                        item.field("message", detail)
                        item.field("property", property)
                    }
                }
            }
        }
        return FakeAnswer([.refused(property ?? message)], json(status, writer.bytes))
    }

    private func json(_ status: Int, _ text: String) -> OutboundResponse { json(status, Array(text.utf8)) }

    private func json(_ status: Int, _ body: [UInt8]) -> OutboundResponse {
        OutboundResponse(status: HTTPStatus(status), headers: ["Content-Type": "application/json"], body: body)
    }

    private static func isUUID(_ text: String) -> Bool {
        text.utf8.count == 36
            && text.utf8.enumerated().allSatisfy { index, byte in
                switch index {
                case 8, 13, 18, 23: byte == UInt8(ascii: "-")
                default:
                    switch byte {
                    case 0x30...0x39, 0x41...0x46, 0x61...0x66: true
                    default: false
                    }
                }
            }
    }
}
