internal import BridgeCore
internal import JSON

/// A slash command.
struct SlackCommand {
    private let field: (String) -> String?
    private let command: String

    /// The command in a form; nil when there is none.
    init?(_ form: SlackForm) {
        self.init { form[$0] }
    }

    /// The command in a JSON object of the same fields.
    init?(_ object: JSONView) {
        self.init { object[$0].string }
    }

    private init?(_ field: @escaping (String) -> String?) {
        guard let command = field("command"), !command.isEmpty else { return nil }
        self.command = command
        self.field = { name in field(name).flatMap { $0.isEmpty ? nil : $0 } }
    }

    /// The event: Slack gives commands no event id and never sends them again, but each has a `trigger_id` of its own.
    func event(fallbackID: () -> String) -> InboundEvent {
        let arguments = field("text").map { SlackText.readable($0) }
        let channel = field("channel_id")
        let user = field("user_id")
        var event = InboundEvent(
            id: EventID(field("trigger_id").map { "command:\($0)" } ?? fallbackID()), kind: .command,
            disposition: channel == nil ? .record : .answer,
            place: InboundEvent.Place(
                account: AccountName(field("team_id") ?? field("enterprise_id") ?? AccountName.default.rawValue),
                conversation: ConversationID(channel ?? user ?? "command"),
                thread: field("thread_ts").map { ThreadID($0) },
                isGroup: channel?.first != "D"),
            sender: user.map { InboundEvent.Sender(id: PlatformUserID($0), name: field("user_name")) },
            text: arguments.map { "\(command) \($0)" } ?? command)
        event.metadata["command"] = .string(String(command.drop { $0 == "/" }))
        event.metadata.add("channel_name", field("channel_name"))
        return event
    }
}
