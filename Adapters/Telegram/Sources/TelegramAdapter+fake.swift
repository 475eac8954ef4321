public import BridgeCore
internal import HTTPCore
internal import JSON

extension TelegramAdapter: Faking {
    /// The Bot API's answer: the token stands in the path, and every method answers `{"ok":…}`.
    public func fakeAnswer(to request: FakeRequest, number: Int64, at now: Timestamp) -> FakeAnswer? {
        let path = request.path.split(separator: "/")
        guard path.first.map({ $0.hasPrefix("bot") }) == true, path.count == 2 else { return nil }
        guard path[0].dropFirst(3) == configuration.botToken.value else {
            return FakeAnswer([.refused("another token")], fakeFault(.unauthorized, to: request))
        }
        let body = (try? JSONView(parsing: request.body)) ?? .missing
        let chat = body["chat_id"].idString ?? fieldOfForm("chat_id", request) ?? ""
        let id = body["message_id"].idString ?? String(number)
        switch path[1] {
        case "sendMessage":
            guard let text = body["text"].string, !text.isEmpty, !chat.isEmpty else {
                return refused("chat_id and text are needed", "Bad Request: message text is empty")
            }
            return FakeAnswer([.message(conversation: chat, id: id, text: text)], message(id, in: chat, at: now))
        case "editMessageText":
            guard let text = body["text"].string, body["message_id"].exists || body["inline_message_id"].exists else {
                return refused("message_id and text are needed", "Bad Request: message identifier is not specified")
            }
            return FakeAnswer([.edit(conversation: chat, id: id, text: text)], message(id, in: chat, at: now))
        case "sendChatAction": return FakeAnswer([.typing(conversation: chat)], ok { $0.field("result", true) })
        case "sendPhoto", "sendAudio", "sendVideo", "sendDocument":
            let kind = path[1].dropFirst(4).lowercased()
            return FakeAnswer(
                [.attachment(conversation: chat, id: id, kind: kind)], message(id, in: chat, at: now))
        case "getMe":
            return FakeAnswer(
                [.other("getMe")],
                ok { json in
                    json.objectField("result") { bot in
                        bot.field("id", Int64(configuration.botToken.value.prefix { $0 != ":" }) ?? 1)
                        bot.field("is_bot", true)
                        bot.field("first_name", "Fake")
                        bot.field("username", "fake_bot")
                    }
                })
        case "getWebhookInfo":
            return FakeAnswer(
                [.other("getWebhookInfo")],
                ok { json in
                    json.objectField("result") { info in
                        info.field("url", "")
                        info.field("pending_update_count", 0)
                    }
                })
        case "getUpdates":
            return FakeAnswer([.other("getUpdates")], ok { $0.arrayField("result") { _ in } })
        case "answerCallbackQuery", "setWebhook", "deleteWebhook", "answerGuestQuery":
            return FakeAnswer([.other(String(path[1]))], ok { $0.field("result", true) })
        default: return nil
        }
    }

    /// The Bot API's errors.
    public func fakeFault(_ fault: PlatformFault, to request: FakeRequest) -> OutboundResponse {
        switch fault {
        case .rateLimited(let delay):
            let seconds = max(1, delay.components.seconds)
            return error(429, "Too Many Requests: retry after \(seconds)") { json in
                json.objectField("parameters") { $0.field("retry_after", seconds) }
            }
        case .serverError: return error(502, "Bad Gateway")
        case .unauthorized: return error(401, "Unauthorized")
        case .blocked: return error(403, "Forbidden: bot was blocked by the user")
        case .gone: return error(400, "Bad Request: chat not found")
        case .formattingRefused: return error(400, "Bad Request: can't parse entities: unsupported start tag")
        }
    }

    private func message(_ id: String, in chat: String, at now: Timestamp) -> OutboundResponse {
        ok { json in
            json.objectField("result") { message in
                message.field("message_id", Int64(id) ?? 1)
                message.field("date", now.seconds)
                message.objectField("chat") { $0.field("id", Int64(chat) ?? 1) }
            }
        }
    }

    private func ok(_ write: (inout JSONWriter) -> Void) -> OutboundResponse {
        var writer = JSONWriter()
        writer.object { json in
            json.field("ok", true)
            write(&json)
        }
        return OutboundResponse(status: .ok, headers: ["Content-Type": "application/json"], body: writer.bytes)
    }

    private func refused(_ why: String, _ description: String) -> FakeAnswer {
        FakeAnswer([.refused(why)], error(400, description))
    }

    private func error(
        _ code: Int, _ description: String, _ write: (inout JSONWriter) -> Void = { _ in }
    ) -> OutboundResponse {
        var writer = JSONWriter()
        writer.object { json in
            json.field("ok", false)
            json.field("error_code", code)
            json.field("description", description)
            write(&json)
        }
        return OutboundResponse(
            status: HTTPStatus(code), headers: ["Content-Type": "application/json"], body: writer.bytes)
    }

    /// The value of a short field of a multipart form.
    private func fieldOfForm(_ name: String, _ request: FakeRequest) -> String? {
        let text = String(decoding: request.body.prefix(4096), as: UTF8.self)
        let lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)
        guard let head = lines.firstIndex(where: { $0.hasSuffix("name=\"\(name)\"") }), head + 2 < lines.count else {
            return nil
        }
        return String(lines[head + 2])
    }
}
