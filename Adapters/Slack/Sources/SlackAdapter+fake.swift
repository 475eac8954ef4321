public import BridgeCore
internal import HTTPCore
internal import JSON

extension SlackAdapter: Faking {
    /// The Web API's answers: 200 with `"ok"`, whatever happened.
    public func fakeAnswer(to request: FakeRequest, number: Int64, at now: Timestamp) -> FakeAnswer? {
        let method = String(request.path.drop { $0 == "/" })
        let given = request.headers["Authorization"]
        if method.hasPrefix("_upload/") {
            return FakeAnswer([.other("upload")], OutboundResponse(status: .ok, body: Array("OK".utf8)))
        }
        let token = method == "apps.connections.open" ? configuration.appToken : configuration.botToken
        guard let token, given == "Bearer \(token.value)" else {
            return FakeAnswer([.refused("another token")], Self.error("invalid_auth"))
        }
        let body = (try? JSONView(parsing: request.body)) ?? .missing
        switch method {
        case "chat.postMessage": return fakeMessage(body, number: number, at: now)
        case "chat.update":
            guard let channel = body["channel"].identifier, let ts = body["ts"].identifier else {
                return Self.refused("channel and ts are needed", "invalid_arguments")
            }
            guard let text = body["text"].identifier else { return Self.refused("no text", "no_text") }
            return FakeAnswer(
                [.edit(conversation: channel, id: ts, text: text)],
                Self.ok { json in
                    json.field("channel", channel)
                    json.field("ts", ts)
                    json.field("text", text)
                })
        case "auth.test":
            return FakeAnswer(
                [.other(method)],
                Self.ok { json in
                    json.field("url", "https://fake.slack.com/")
                    json.field("team", "Fake")
                    json.field("user", "fake")
                    json.field("team_id", "T0SIMULATED")
                    json.field("user_id", "U0FAKE")
                    json.field("bot_id", "B0FAKE")
                })
        case "apps.connections.open":
            let host = request.headers["Host"] ?? "localhost"
            return FakeAnswer([.other(method)], Self.ok { $0.field("url", "ws://\(host)/link/?ticket=\(number)") })
        case "files.getUploadURLExternal":
            return FakeAnswer(
                [.other(method)],
                Self.ok { json in
                    json.field("upload_url", "\(configuration.apiBase)/_upload/\(number)")
                    json.field("file_id", "F0FAKE\(number)")
                })
        case "files.completeUploadExternal":
            let channel = body["channel_id"].identifier ?? ""
            return FakeAnswer(
                body["files"].elements.map { file in
                    .attachment(conversation: channel, id: file["id"].identifier ?? "", kind: "file")
                },
                Self.ok { json in json.field("files", body["files"]) })
        default: return nil
        }
    }

    private func fakeMessage(_ body: JSONView, number: Int64, at now: Timestamp) -> FakeAnswer {
        guard let channel = body["channel"].identifier else { return Self.refused("no channel", "channel_not_found") }
        let text = body["text"].string ?? ""
        guard !text.isEmpty || body["blocks"].count > 0 else { return Self.refused("no text", "no_text") }
        // Slack cuts beyond 40,000; it tells nobody.
        if text.utf16.count > 40_000 { return Self.refused("over 40000 characters", "msg_too_long") }
        let digits = String(number % 1_000_000)
        let ts = "\(now.seconds).\(String(repeating: "0", count: 6 - digits.count))\(digits)"
        var actions: [FakeAnswer.Action] = [.message(conversation: channel, id: ts, text: text)]
        for block in body["blocks"].elements where block["type"].string == "image" {
            actions.append(.attachment(conversation: channel, id: ts, kind: "image"))
        }
        return FakeAnswer(
            actions,
            Self.ok { json in
                json.field("channel", channel)
                json.field("ts", ts)
                json.objectField("message") { message in
                    message.field("type", "message")
                    message.field("user", "U0FAKE")
                    message.field("bot_id", "B0FAKE")
                    message.field("text", text)
                    message.field("ts", ts)
                    message.field("thread_ts", body["thread_ts"].string)
                }
            })
    }

    /// Slack's errors.
    public func fakeFault(_ fault: PlatformFault, to request: FakeRequest) -> OutboundResponse {
        switch fault {
        case .rateLimited(let delay):
            let seconds = String(max(1, delay.components.seconds))
            var response = Self.error("ratelimited")
            response.status = HTTPStatus(429)
            response.headers = OutboundResponse.Headers { $0.lowercased() == "retry-after" ? seconds : nil }
            return response
        case .serverError: return OutboundResponse(status: HTTPStatus(503), body: Array("upstream error".utf8))
        case .unauthorized: return Self.error("invalid_auth")
        case .blocked: return Self.error("user_disabled")
        // Slack refuses no formatting.
        case .gone, .formattingRefused: return Self.error("channel_not_found")
        }
    }

    private static func refused(_ why: String, _ code: String) -> FakeAnswer {
        FakeAnswer([.refused(why)], error(code))
    }

    private static func error(_ code: String) -> OutboundResponse {
        json { json in
            json.field("ok", false)
            json.field("error", code)
        }
    }

    private static func ok(_ write: (inout JSONWriter) -> Void) -> OutboundResponse {
        json { json in
            json.field("ok", true)
            write(&json)
        }
    }

    private static func json(_ write: (inout JSONWriter) -> Void) -> OutboundResponse {
        var writer = JSONWriter()
        writer.object { write(&$0) }
        return OutboundResponse(
            status: .ok, headers: ["Content-Type": "application/json; charset=utf-8"], body: writer.bytes)
    }
}
