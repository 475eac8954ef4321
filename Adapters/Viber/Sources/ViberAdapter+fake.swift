public import BridgeCore
internal import HTTPCore
internal import JSON

extension ViberAdapter: Simulating {
    /// A text message from an invented user, signed as Viber would sign it.
    public func simulateWebhook(text: String, number: Int64, at now: Timestamp) -> WebhookRequest {
        var writer = JSONWriter(capacity: text.utf8.count + 512)
        writer.object { root in
            root.field("event", "message")
            root.field("timestamp", now.microseconds / 1000)
            root.field("chat_hostname", "SN-CHAT-00_")
            root.field("message_token", 5_100_000_000_000_000_000 &+ number)  // beyond 53 bits, as real tokens are
            root.objectField("sender") { sender in
                sender.field("id", "c2ltdWxhdGVkLXVzZXI=")
                sender.field("name", "Simulated")
                sender.field("language", "en")
                sender.field("country", "US")
                sender.field("api_version", 10)
            }
            root.objectField("message") { message in
                message.field("text", text)
                message.field("type", "text")
            }
            root.field("silent", false)
        }
        return WebhookRequest(
            target: "/webhooks/viber",
            headers: ["Content-Type": "application/json", ViberSignature.field: signature.sign(writer.bytes)],
            body: writer.bytes)
    }
}

extension ViberAdapter: Faking {
    /// Plays `send_message`, `set_webhook` and `get_account_info`; Viber says what is wrong with HTTP 200.
    public func fakeAnswer(to request: FakeRequest, number: Int64, at now: Timestamp) -> FakeAnswer? {
        guard request.method == .post else { return nil }
        let path = request.path.split(separator: "/").last ?? ""
        let body = (try? JSONView(parsing: request.body)) ?? .missing
        let token = request.headers["X-Viber-Auth-Token"] ?? body["auth_token"].string
        guard ["send_message", "set_webhook", "get_account_info"].contains(path) else { return nil }
        guard token == configuration.authToken.value else { return refusal(2, "invalidAuthToken") }
        switch path {
        case "send_message":
            return sent(body, number: number)
        case "set_webhook":
            guard let url = body["url"].string, url.isEmpty || url.hasPrefix("https://") else {
                return refusal(1, "invalidUrl")
            }
            return FakeAnswer(
                [.other("webhook")],
                json(
                    #"{"status":0,"status_message":"ok","event_types":["delivered","seen","failed","subscribed","unsubscribed","conversation_started"]}"#
                ))
        default:
            return FakeAnswer(
                [.other("account")],
                json(
                    #"{"status":0,"status_message":"ok","id":"pa:5100000000000000001","name":"Simulated","uri":"simulated","webhook":"","subscribers_count":1}"#
                ))
        }
    }

    /// As Viber fails; there is no formatting to refuse.
    public func fakeFault(_ fault: PlatformFault, to request: FakeRequest) -> OutboundResponse {
        switch fault {
        case .rateLimited(let delay):
            let seconds = delay.components.seconds + (delay.components.attoseconds > 0 ? 1 : 0)
            var response = json(#"{"status":12,"status_message":"tooManyRequests"}"#)
            response.headers = .init { name in
                HTTPFields.isSameName(name, "Retry-After") ? String(seconds) : nil
            }
            return response
        case .serverError:
            return OutboundResponse(status: .internalServerError, body: Array("<html>500</html>".utf8))
        case .unauthorized: return json(#"{"status":2,"status_message":"invalidAuthToken"}"#)
        case .blocked: return json(#"{"status":6,"status_message":"receiverNotSubscribed"}"#)
        case .gone, .formattingRefused: return json(#"{"status":5,"status_message":"receiverNotRegistered"}"#)
        }
    }

    private func sent(_ body: JSONView, number: Int64) -> FakeAnswer {
        guard let receiver = body["receiver"].string, !receiver.isEmpty,
            let name = body["sender"]["name"].string, (1...28).contains(name.count)
        else { return refusal(4, "missingData") }
        let token = 5_200_000_000_000_000_000 &+ number
        let action: FakeAnswer.Action
        switch body["type"].string {
        case "text":
            guard let text = body["text"].string, (1...7000).contains(text.utf16.count) else {
                return refusal(3, "badData")
            }
            action = .message(conversation: receiver, id: String(token), text: text)
        case "picture":
            guard body["media"].string?.isEmpty == false, body["text"].string != nil else {
                return refusal(4, "missingData")
            }
            action = .attachment(conversation: receiver, id: String(token), kind: "image")
        default:
            return refusal(3, "badData")
        }
        return FakeAnswer(
            [action], json(#"{"status":0,"status_message":"ok","message_token":\#(token),"billing_status":1}"#))
    }

    private func refusal(_ status: Int, _ message: String) -> FakeAnswer {
        FakeAnswer([.refused(message)], json(#"{"status":\#(status),"status_message":"\#(message)"}"#))
    }

    private func json(_ text: String) -> OutboundResponse {
        OutboundResponse(status: .ok, headers: ["Content-Type": "application/json"], body: Array(text.utf8))
    }
}
