public import BridgeCore
internal import HTTPCore
internal import JSON

extension TelegramAdapter: LongPolling {
    /// True when the configuration asks for `getUpdates`.
    public var isPollingEnabled: Bool { configuration.isPollingEnabled }

    /// The `timeout` of `getUpdates` in seconds: the longest that the Bot API keeps a poll open.
    private static let pollTimeout = 50

    /// The kinds of updates to ask for: Telegram leaves reactions and changes of membership out unless they are named.
    static let updateKinds = [
        "message", "edited_message", "channel_post", "edited_channel_post", "business_connection", "business_message",
        "edited_business_message", "deleted_business_messages", "guest_message", "message_reaction",
        "message_reaction_count", "inline_query", "chosen_inline_result", "callback_query", "poll", "poll_answer",
        "my_chat_member", "chat_member", "chat_join_request", "chat_boost", "removed_chat_boost",
        "purchased_paid_media",
    ]

    /// `getUpdates` with the `offset` that follows the last update taken; asking for it confirms those before it.
    public func poll(after cursor: String?) -> OutboundRequest {
        var writer = JSONWriter()
        writer.object { json in
            if let offset = cursor.flatMap({ Int64($0) }) { json.field("offset", offset) }
            json.field("timeout", Self.pollTimeout)
            json.field("limit", 100)  // the most that one call brings
            json.arrayField("allowed_updates") { list in
                for kind in Self.updateKinds { list.value(kind) }
            }
        }
        return OutboundRequest(
            url: methods.getUpdates, headers: ["Content-Type": "application/json"], body: writer.bytes)
    }

    /// The events of all updates, and the greatest `update_id` plus one as the cursor.
    ///
    /// 409 (another poll of the same bot is open, or a webhook is set) is temporary: it ends when the other one does.
    public func interpretPoll(_ response: OutboundResponse) -> PollOutcome {
        switch reply(of: response) {
        case .failure(let failure):
            return .failed(failure)
        case .success(let updates):
            guard updates.kind == .array else {
                return .failed(DeliveryFailure(.temporary, reason: "getUpdates answered without a list"))
            }
            var events: [InboundEvent] = []
            var next: Int64?
            for update in updates.elements {
                // Without an integer id it is no update, and nothing could confirm it.
                guard let id = update["update_id"].int, id < .max, let found = reader.events(of: update) else {
                    continue
                }
                events += found
                next = max(next ?? id, id + 1)
            }
            return .events(events, cursor: next.map { String($0) })
        }
    }
}
