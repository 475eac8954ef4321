public import BridgeCore
internal import HTTPCore
internal import JSON

extension MattermostAdapter {
    /// The call of the REST API for an action; nil for what Mattermost has no call for.
    ///
    /// Answers to a post begin a thread below it, or stand in that of a slash command.
    public func encode(_ action: OutboundAction, at now: Timestamp) -> OutboundRequest? {
        switch action.kind {
        case .send(let text, let format):
            return post(MattermostText.rendered(text, format), files: [], by: action, at: now)
        case .sendAttachment(let attachment, let caption):
            let words = caption.map { MattermostText.rendered($0, .markdown) }
            switch attachment.source {
            case .url(let url):
                let link = "\(attachment.kind == .image ? "!" : "")[\(Self.label(attachment))](<\(url)>)"
                return post(words.map { "\($0)\n\(link)" } ?? link, files: [], by: action, at: now)
            case .uploaded(let id):
                return post(words ?? "", files: [id], by: action, at: now)
            case .bytes:
                return nil
            }
        case .edit(let message, let text, let format):
            let id = HTTPPercentEncoding.encode(message.rawValue)
            return call(.put, "/posts/\(id)/patch", capacity: text.utf8.count) { json in
                json.field("message", MattermostText.rendered(text, format))
            }
        case .typing:
            return call(.post, "/users/me/typing") { json in
                json.field("channel_id", action.place.conversation.rawValue)
                json.field("parent_id", action.place.thread?.rawValue ?? action.replyContext[Self.rootKey])
            }
        default:
            return nil
        }
    }

    private func post(
        _ text: String, files: [String], by action: OutboundAction, at now: Timestamp
    ) -> OutboundRequest {
        let channel = action.place.conversation.rawValue
        account.note(text, in: channel, to: action.replyContext[Self.askerKey], at: now)
        return call(.post, "/posts", capacity: text.utf8.count) { json in
            json.field("channel_id", channel)
            json.field("message", text)
            json.field("root_id", root(of: action))
            json.field("pending_post_id", action.id)
            if !files.isEmpty {
                json.arrayField("file_ids") { list in
                    for file in files { list.value(file) }
                }
            }
        }
    }

    /// The post below which an answer stands.
    private func root(of action: OutboundAction) -> String? {
        action.place.thread?.rawValue ?? (action.means == .reply ? action.replyContext[Self.rootKey] : nil)
    }

    private static func label(_ attachment: OutboundAttachment) -> String {
        MattermostText.escaped(attachment.name ?? attachment.kind.rawValue)
    }

    private var authorization: String { "Bearer \(configuration.botToken.value)" }

    func call(
        _ method: HTTPMethod, _ path: String, capacity: Int = 0, _ write: ((inout JSONWriter) -> Void)? = nil
    ) -> OutboundRequest {
        var headers: HTTPFields = ["Authorization": authorization]
        guard let write else {
            return OutboundRequest(method: method, url: "\(configuration.serverURL)/api/v4\(path)", headers: headers)
        }
        headers["Content-Type"] = "application/json"
        var writer = JSONWriter(capacity: capacity + capacity / 8 + 192)
        writer.object { write(&$0) }
        return OutboundRequest(
            method: method, url: "\(configuration.serverURL)/api/v4\(path)", headers: headers, body: writer.bytes)
    }

    // MARK: What comes back

    /// What the REST API's answer means: the post, or an error's id with its status.
    public func interpret(_ response: OutboundResponse, to action: OutboundAction) -> DeliveryResult {
        let reply = (try? JSONView(parsing: response.body)) ?? .missing
        guard response.status.isSuccess else {
            return .failed(failure(response, reply, isThreaded: action.means == .reply && root(of: action) != nil))
        }
        if let id = reply["id"].identifier {
            if let user = reply["user_id"].identifier { account.learn(user) }
            return .delivered(PlatformMessageID(id))
        }
        switch action.kind {
        case .typing: return .delivered(nil)
        case .edit(let message, _, _) where reply.kind == .object: return .delivered(message)
        case _ where reply.kind == .object: return .delivered(nil)
        default:
            return .failed(
                DeliveryFailure(.uncertain, reason: "HTTP \(response.status.code) without an answer of Mattermost's"))
        }
    }

    /// Why a request failed.
    func failure(_ response: OutboundResponse, _ reply: JSONView, isThreaded: Bool = false) -> DeliveryFailure {
        let status = response.status.code
        // Mattermost's ids are words with dots; its messages may repeat the text.
        let id = reply["id"].identifier.map { String($0.prefix(100)) }
        let reason = id ?? "HTTP \(status) without an answer of Mattermost's"
        switch status {
        case 429:
            let delay = (response.headers["Retry-After"] ?? response.headers["X-Ratelimit-Reset"]).flatMap {
                Double($0)
            }
            return DeliveryFailure(
                .rateLimited(
                    after: delay.filter(\.isFinite).map { .milliseconds(Int64(min(max($0, 0), 86_400) * 1000)) }),
                // The server counts what comes from an address or a user ("RateLimitSettings").
                reason: "rate limited", scope: .account)
        case 408, 500...: return DeliveryFailure(.temporary, reason: reason)
        case 401: return DeliveryFailure(.unauthorized, reason: reason)
        case 403: return DeliveryFailure(.blocked, reason: reason)
        case 404, 410: return DeliveryFailure(.gone, reason: reason)
        case 400 where id?.contains("root_id") == true || id?.contains("parent_id") == true:
            // The post stands in a thread itself: below it there is no room for another.
            return DeliveryFailure(isThreaded ? .replyRefused : .refused, reason: reason)
        case 400 where id?.contains("time_limit") == true || id?.contains("deleted") == true:
            return DeliveryFailure(.gone, reason: reason)
        default: return DeliveryFailure(.refused, reason: reason)
        }
    }
}

extension Optional where Wrapped == Double {
    fileprivate func filter(_ isWanted: (Double) -> Bool) -> Double? {
        flatMap { isWanted($0) ? $0 : nil }
    }
}
