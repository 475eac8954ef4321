public import BridgeCore
internal import HTTPCore
internal import JSON

extension SlackAdapter {
    /// `chat.postMessage` or `chat.update`; nil for typing, which bots cannot show, and for button presses, which the
    /// acknowledgement of the webhook has answered.
    public func encode(_ action: OutboundAction, at now: Timestamp) -> OutboundRequest? {
        switch action.kind {
        case .send(let text, let format):
            call("chat.postMessage", capacity: text.utf8.count) { json in
                json.field("channel", action.place.conversation.rawValue)
                writeText(text, format, to: &json)
                json.field("thread_ts", action.place.thread?.rawValue)
            }
        case .edit(let message, let text, let format):
            call("chat.update", capacity: text.utf8.count) { json in
                json.field("channel", action.place.conversation.rawValue)
                json.field("ts", message.rawValue)
                writeText(text, format, to: &json)
            }
        case .sendAttachment(let attachment, let caption):
            picture(attachment, caption: caption, by: action)
        case .typing, .acknowledgeButton, .sendBatch, .join:
            nil
        }
    }

    private func writeText(_ text: String, _ format: OutboundAction.Format, to json: inout JSONWriter) {
        json.field("text", SlackText.rendered(text, format))
        if format == .plain { json.field("mrkdwn", false) }
    }

    func call(_ method: String, capacity: Int = 0, _ write: (inout JSONWriter) -> Void) -> OutboundRequest {
        var writer = JSONWriter(capacity: capacity + capacity / 8 + 128)
        writer.object { write(&$0) }
        return OutboundRequest(
            url: "\(configuration.apiBase)/\(method)",
            headers: ["Content-Type": "application/json; charset=utf-8", "Authorization": authorization],
            body: writer.bytes)
    }

    /// What the Web API's answer means: most failures come with HTTP 200 and `"ok":false`.
    public func interpret(_ response: OutboundResponse, to action: OutboundAction) -> DeliveryResult {
        switch reply(of: response) {
        case .success(let reply):
            if let ts = reply["ts"].identifier { return .delivered(PlatformMessageID(ts)) }
            if case .edit(let message, _, _) = action.kind { return .delivered(message) }
            return .delivered(nil)
        case .failure(let failure):
            return .failed(failure)
        }
    }

    /// The object of an answer that says `"ok":true`, or why there is none.
    func reply(of response: OutboundResponse) -> Result<JSONView, DeliveryFailure> {
        let status = response.status.code
        let reply = try? JSONView(parsing: response.body)
        if status == 200, let reply, reply["ok"].bool == true { return .success(reply) }
        // Slack's codes are short words; anything longer is none.
        let code =
            reply?["error"].string.map { String($0.prefix(80)) } ?? "HTTP \(status) without an answer of the Web API"
        if status == 429 || code == "ratelimited" || code == "rate_limited" {
            let delay = response.headers["Retry-After"].flatMap { Int64($0) }
            return .failure(
                DeliveryFailure(
                    .rateLimited(after: delay.map { .seconds(min(max($0, 0), 86_400)) }), reason: "ratelimited"))
        }
        return .failure(
            DeliveryFailure(kind(of: code, status: status, isReply: reply?["ok"].exists == true), reason: code))
    }

    private func kind(of code: String, status: Int, isReply: Bool) -> DeliveryFailure.Kind {
        if status >= 500 || status == 408 { return .temporary }
        switch code {
        case "invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "missing_scope",
            "no_permission", "org_login_required", "not_allowed_token_type":
            return .unauthorized
        case "channel_not_found", "is_archived", "message_not_found", "thread_not_found", "cant_update_message",
            "edit_window_closed":
            return .gone
        case "user_disabled", "cannot_dm_bot", "restricted_action_read_only_channel":
            return .blocked
        case "internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org":
            return .temporary
        default:
            if isReply { return .refused }
            // No answer of Slack's: a proxy's page.
            if status == 401 { return .unauthorized }
            return (200..<300).contains(status) ? .uncertain : .refused
        }
    }
}
