public import BridgeCore
internal import HTTPCore
internal import JSON
internal import Markdown

extension RocketChatAdapter {
    /// The call of the REST API for an action; nil for typing, which it has no call for.
    public func encode(_ action: OutboundAction, at now: Timestamp) -> OutboundRequest? {
        switch action.kind {
        case .send(let text, let format):
            return call("chat.postMessage", capacity: text.utf8.count) { json in
                json.field("roomId", action.place.conversation.rawValue)
                json.field("text", Self.rendered(text, format))
                json.field("tmid", action.place.thread?.rawValue)
            }
        case .edit(let message, let text, let format):
            return call("chat.update", capacity: text.utf8.count) { json in
                json.field("roomId", action.place.conversation.rawValue)
                json.field("msgId", message.rawValue)
                json.field("text", Self.rendered(text, format))
            }
        case .sendAttachment(let attachment, let caption):
            guard case .url(let url) = attachment.source else { return nil }
            return call("chat.postMessage", capacity: 256) { json in
                json.field("roomId", action.place.conversation.rawValue)
                json.field("text", caption.map { Self.rendered($0, .markdown) })
                json.field("tmid", action.place.thread?.rawValue)
                json.arrayField("attachments") { list in
                    list.object { view in
                        view.field("title", attachment.name ?? attachment.kind.rawValue)
                        view.field("title_link", url)
                        switch attachment.kind {
                        case .image: view.field("image_url", url)
                        case .audio: view.field("audio_url", url)
                        case .video: view.field("video_url", url)
                        default: break
                        }
                    }
                }
            }
        default:
            return nil
        }
    }

    static func rendered(_ text: String, _ format: OutboundAction.Format) -> String {
        format == .markdown ? MarkdownDialect.rocketChat.render(text) : disarmed(text)
    }

    /// Words as they are; the dialect has no escapes, but `@all` and `@here` shall call nobody.
    private static func disarmed(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: "@")) else { return text }
        return text.split(separator: "@", omittingEmptySubsequences: false).joined(separator: "@\u{200B}")
    }

    var credentials: HTTPFields {
        ["X-Auth-Token": configuration.authToken.value, "X-User-Id": configuration.userID]
    }

    func url(_ method: String) -> String { "\(configuration.serverURL)/api/v1/\(method)" }

    func call(_ method: String, capacity: Int = 0, _ write: (inout JSONWriter) -> Void) -> OutboundRequest {
        var writer = JSONWriter(capacity: capacity + capacity / 8 + 128)
        writer.object { write(&$0) }
        var headers = credentials
        headers["Content-Type"] = "application/json"
        return OutboundRequest(url: url(method), headers: headers, body: writer.bytes)
    }

    // MARK: What comes back

    /// What the REST API's answer means: `"success":true` with the message, or an error with its code in brackets.
    public func interpret(_ response: OutboundResponse, to action: OutboundAction) -> DeliveryResult {
        let reply = (try? JSONView(parsing: response.body)) ?? .missing
        guard response.status.isSuccess, reply.kind == .object, reply["success"].bool != false else {
            return .failed(failure(response, reply))
        }
        if let id = reply["message"]["_id"].identifier { return .delivered(PlatformMessageID(id)) }
        if case .edit(let message, _, _) = action.kind { return .delivered(message) }
        return .delivered(nil)
    }

    /// Why a request failed.
    func failure(_ response: OutboundResponse, _ reply: JSONView) -> DeliveryFailure {
        let status = response.status.code
        let error = reply["error"].string ?? reply["message"].string
        let code = reply["errorType"].identifier ?? error.flatMap { Self.code(in: $0) }
        let reason = code.map { String($0.prefix(100)) } ?? "HTTP \(status) without an answer of Rocket.Chat's"
        if status == 429 || code == "error-too-many-requests" || code == "too-many-requests" {
            let wait = error.flatMap { Self.seconds(in: $0) } ?? response.headers["Retry-After"].flatMap { Double($0) }
            let delay = wait.flatMap { $0.isFinite ? min(max($0, 0), 86_400) : nil }
            return DeliveryFailure(
                .rateLimited(after: delay.map { .milliseconds(Int64($0 * 1000)) }), reason: "error-too-many-requests",
                // The server counts a user's calls of a route.
                scope: .account)
        }
        if status >= 500 || status == 408 { return DeliveryFailure(.temporary, reason: reason) }
        switch code {
        case "error-room-not-found", "error-invalid-room", "error-message-not-found", "error-room-archived",
            "error-room-closed", "error-invalid-message", "room-closed":
            return DeliveryFailure(.gone, reason: reason)
        case "error-not-allowed", "error-action-not-allowed", "error-not-in-room", "error-logged-user-not-in-room",
            "You_have_been_muted", "error-you-are-muted":
            return DeliveryFailure(.blocked, reason: reason)
        default: break
        }
        switch status {
        case 200..<300:
            return DeliveryFailure(reply["success"].exists ? .refused : .uncertain, reason: reason)
        case 401: return DeliveryFailure(.unauthorized, reason: reason)
        case 403: return DeliveryFailure(.blocked, reason: reason)
        case 404, 410: return DeliveryFailure(.gone, reason: reason)
        default: return DeliveryFailure(.refused, reason: reason)
        }
    }

    /// The code in an error's words, as in `The room is gone [error-room-not-found]`.
    ///
    /// The words themselves may repeat the text: they are not passed on.
    private static func code(in error: String) -> String? {
        guard let open = error.lastIndex(of: "["), let close = error[open...].firstIndex(of: "]") else {
            let isCode = error.utf8.count <= 60 && !error.contains(" ")
            return isCode && !error.isEmpty ? error : nil
        }
        let code = error[error.index(after: open)..<close]
        return code.isEmpty || code.contains(" ") ? nil : String(code)
    }

    /// The seconds that an error asks to wait, as in `You must wait 42 seconds before trying this endpoint again`.
    private static func seconds(in error: String) -> Double? {
        let words = error.split(separator: " ")
        guard let index = words.firstIndex(where: { $0.hasPrefix("second") }), index > 0 else { return nil }
        return Double(words[index - 1])
    }
}
