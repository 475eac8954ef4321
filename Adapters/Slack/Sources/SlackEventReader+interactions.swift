internal import BridgeCore
internal import JSON

extension SlackEventReader {
    /// The events of an interaction of a type; nil when this is none.
    func interactions(of type: String) -> [InboundEvent]? {
        switch type {
        case "block_actions", "interactive_message": buttonPresses()
        case "view_submission", "view_closed", "shortcut", "message_action", "block_suggestion", "dialog_submission",
            "dialog_cancellation":
            [interaction(type)]
        default: nil
        }
    }

    /// One event for each control that was used; nearly always one.
    private func buttonPresses() -> [InboundEvent] {
        let actions = Array(root["actions"].elements)
        guard !actions.isEmpty else { return [interaction(root["type"].string ?? "block_actions")] }
        return actions.enumerated().map { number, action in
            var event = base(.button)
            if actions.count > 1 { event.id = EventID("\(event.id):\(number)") }
            let id = action["action_id"].identifier ?? action["name"].identifier
            event.text = value(of: action) ?? id
            event.metadata.add("action_id", id)
            event.metadata.add("block_id", action["block_id"].identifier)
            event.sentAt = SlackTime.timestamp(action["action_ts"].string ?? root["action_ts"].string)
            // What stands in a view or on the home tab belongs to no conversation.
            if channel != nil, root["user"]["id"].identifier != nil { event.disposition = .answer }
            return event
        }
    }

    /// What was chosen: a button's value, the values of the options, a date, a person.
    private func value(of action: JSONView) -> String? {
        if let value = action["value"].identifier ?? action["selected_option"]["value"].identifier { return value }
        var chosen = action["selected_options"].elements.compactMap(\.["value"].identifier)
        for name in ["selected_users", "selected_channels", "selected_conversations"] {
            chosen += action[name].elements.compactMap(\.identifier)
        }
        if !chosen.isEmpty { return chosen.joined(separator: " ") }
        let names = [
            "selected_date", "selected_time", "selected_date_time", "selected_user", "selected_channel",
            "selected_conversation",
        ]
        return names.lazy.compactMap { action[$0].identifier }.first
    }

    /// The record of a form, a shortcut and the like, with all that it says.
    private func interaction(_ type: String) -> InboundEvent {
        var event = base(.event)
        event.metadata["event"] = .string(type)
        event.metadata.add("callback_id", root["callback_id"].identifier ?? root["view"]["callback_id"].identifier)
        event.sentAt = SlackTime.timestamp(root["action_ts"].string)
        for (name, part) in [("state", root["view"]["state"]), ("submission", root["submission"])] where part.exists {
            var writer = JSONWriter()
            writer.value(part)
            event.metadata[name] = .json(writer.bytes)
        }
        return event
    }

    private var channel: String? { root["channel"]["id"].identifier ?? root["container"]["channel_id"].identifier }

    private func base(_ kind: ContentKind) -> InboundEvent {
        let container = root["container"]
        let message = root["message"]
        let user = root["user"]["id"].identifier
        let ts = container["message_ts"].identifier ?? message["ts"].identifier ?? root["message_ts"].identifier
        let isDirect = channel?.first == "D"
        // What only one person sees cannot be the root of a thread.
        let isEphemeral = container["is_ephemeral"].bool == true
        let thread =
            container["thread_ts"].identifier ?? message["thread_ts"].identifier
            ?? (isDirect || isEphemeral || channel == nil ? nil : ts)
        return InboundEvent(
            id: EventID(root["trigger_id"].identifier.map { "interaction:\($0)" } ?? fallbackID()), kind: kind,
            disposition: .record,
            place: InboundEvent.Place(
                account: account, conversation: ConversationID(channel ?? user ?? "interaction"),
                thread: thread.map { ThreadID($0) }, isGroup: !isDirect),
            sender: user.map {
                InboundEvent.Sender(
                    id: PlatformUserID($0), name: root["user"]["name"].identifier ?? root["user"]["username"].identifier
                )
            },
            target: ts.map { PlatformMessageID($0) })
    }
}
