internal import BridgeCore
internal import JSON

/// Makes an event of an interaction ("Receiving and responding to interactions"): a command, a button, a form.
struct DiscordInteraction {
    /// The interaction.
    let root: JSONView
    /// Names the event where Discord does not.
    let fallbackID: () -> String

    /// What an interaction is.
    enum Kind: Int64 {
        case ping = 1
        case command = 2
        case component = 3
        case autocomplete = 4
        case form = 5
    }

    /// What it is; nil for a kind that we do not know.
    var kind: Kind? { root["type"].int.flatMap { Kind(rawValue: $0) } }

    /// Whether Discord can be shown an answer, by which right whatsoever.
    private var isAnswerable: Bool {
        root["channel_id"].identifier != nil || DiscordReplyToken(root) != nil
    }

    /// The event.
    func event() -> InboundEvent {
        switch kind {
        case .command: command()
        case .component: component()
        case .form: form()
        case .autocomplete: record("autocomplete")
        case .ping, nil: record("interaction")
        }
    }

    // MARK: Kinds

    private func command() -> InboundEvent {
        var event = base(.command)
        let data = root["data"]
        let name = data["name"].identifier ?? "command"
        event.metadata["command"] = .string(name)
        switch data["type"].int {
        case 2:  // a command of a user's context menu
            event.text = words(name, user(data["target_id"].identifier ?? ""))
        case 3:  // a command of a message's context menu
            let target = data["resolved"]["messages"][data["target_id"].identifier ?? ""]
            let message = DiscordMessage(object: target)
            event.text = words(name, message.text)
            event.attachments = message.attachments
            event.target = data["target_id"].identifier.map { PlatformMessageID($0) }
        default:
            var options = Options(resolved: data["resolved"])
            options.read(data["options"])
            event.text = ((["/" + name] + options.path) + options.words).joined(separator: " ")
            event.attachments = options.attachments
            if data["options"].count > 0 { event.metadata["options"] = .json(Self.copy(data["options"])) }
        }
        if isAnswerable { event.disposition = .answer }
        return event
    }

    private func component() -> InboundEvent {
        var event = base(.button)
        let id = root["data"]["custom_id"].identifier
        let resolved = Options(resolved: root["data"]["resolved"])
        let chosen = root["data"]["values"].elements.compactMap(\.identifier).map { resolved.name($0) ?? $0 }
        event.text = chosen.isEmpty ? id : chosen.joined(separator: " ")
        event.target = root["message"]["id"].identifier.map { PlatformMessageID($0) }
        event.metadata.add("custom_id", id)
        if isAnswerable { event.disposition = .answer }
        return event
    }

    /// A form that was sent off: its fields as lines.
    private func form() -> InboundEvent {
        var event = base(.event)
        var lines: [String] = []
        Self.appendValues(of: root["data"]["components"], to: &lines, depth: 0)
        event.text = lines.isEmpty ? nil : lines.joined(separator: "\n")
        event.target = root["message"]["id"].identifier.map { PlatformMessageID($0) }
        event.metadata["event"] = "modal_submit"
        event.metadata.add("custom_id", root["data"]["custom_id"].identifier)
        event.metadata["components"] = .json(Self.copy(root["data"]["components"]))
        if isAnswerable { event.disposition = .answer }
        return event
    }

    private func record(_ name: String) -> InboundEvent {
        var event = base(.event)
        event.metadata["event"] = .string(name)
        event.metadata["type"] = root["type"].int.map { .integer($0) }
        if root["data"].exists { event.metadata["data"] = .json(Self.copy(root["data"])) }
        return event
    }

    // MARK: Parts

    private func base(_ kind: ContentKind) -> InboundEvent {
        let id = root["id"].identifier
        let user = root["member"]["user"].kind == .object ? root["member"]["user"] : root["user"]
        let sender = DiscordUser.sender(user, member: root["member"], locale: root["locale"].identifier)
        let channel = root["channel_id"].identifier ?? root["channel"]["id"].identifier
        var event = InboundEvent(
            id: EventID(id.map { "interaction:\($0)" } ?? fallbackID()), kind: kind, disposition: .record,
            place: InboundEvent.Place(
                conversation: ConversationID(channel ?? sender?.id.rawValue ?? "interaction"), isGroup: isGroup),
            sender: sender, sentAt: DiscordSnowflake.timestamp(id),
            replyContext: DiscordReplyToken(root)?.replyContext ?? [:])
        event.metadata.add("guild", root["guild_id"].identifier)
        event.metadata.add("parent", root["channel"]["parent_id"].identifier)
        return event
    }

    /// Whether others read along: in servers and group conversations, not alone with the bot.
    private var isGroup: Bool {
        if root["guild_id"].identifier != nil || root["member"].kind == .object { return true }
        return root["channel"]["type"].int == 3
    }

    private func user(_ id: String) -> String? {
        Options(resolved: root["data"]["resolved"]).name(id)
    }

    private func words(_ name: String, _ rest: String?) -> String {
        rest.map { "\(name) \($0)" } ?? name
    }

    static func copy(_ view: JSONView) -> [UInt8] {
        var writer = JSONWriter()
        writer.value(view)
        return writer.bytes
    }

    /// The values of a form's fields, however they are nested.
    private static func appendValues(of components: JSONView, to lines: inout [String], depth: Int) {
        guard depth < 8 else { return }
        for component in components.elements {
            if let value = component["value"].identifier { lines.append(value) }
            let values = component["values"].elements.compactMap(\.identifier)
            if !values.isEmpty { lines.append(values.joined(separator: " ")) }
            appendValues(of: component["components"], to: &lines, depth: depth + 1)
            // A label holds one.
            let inner = component["component"]
            if let value = inner["value"].identifier { lines.append(value) }
            let chosen = inner["values"].elements.compactMap(\.identifier)
            if !chosen.isEmpty { lines.append(chosen.joined(separator: " ")) }
        }
    }

    /// A command's options: values, with their names where there are several, below the names of subcommands.
    private struct Options {
        let resolved: JSONView
        /// Subcommand group and subcommand.
        var path: [String] = []
        var words: [String] = []
        var attachments: [Attachment] = []

        init(resolved: JSONView) { self.resolved = resolved }

        mutating func read(_ options: JSONView, depth: Int = 0) {
            let isSingle = options.count == 1
            for option in options.elements {
                let name = option["name"].identifier
                // 1 and 2 are a subcommand and a group of them.
                if let type = option["type"].int, type == 1 || type == 2 {
                    if let name { path.append(name) }
                    if depth < 3 { read(option["options"], depth: depth + 1) }
                    continue
                }
                guard let value = value(of: option) else { continue }
                words.append(isSingle ? value : "\(name ?? "?"):\(value)")
            }
        }

        private mutating func value(of option: JSONView) -> String? {
            let value = option["value"]
            if let flag = value.bool { return flag ? "true" : "false" }
            guard let text = value.string ?? value.int.map({ String($0) }) ?? value.double.map({ "\($0)" }) else {
                return nil
            }
            // 6 user, 7 channel, 8 role, 9 either of user and role, 11 file.
            switch option["type"].int {
            case 6, 7, 8, 9: return name(text) ?? text
            case 11:
                let file = resolved["attachments"][text]
                if file.exists { attachments.append(DiscordMessage.attachment(file)) }
                return file["filename"].identifier ?? text
            default: return text
            }
        }

        /// What people call a user, channel or role.
        func name(_ id: String) -> String? {
            let user = resolved["users"][id]
            if user.exists { return DiscordUser.name(user, member: resolved["members"][id]).map { "@\($0)" } }
            if let channel = resolved["channels"][id]["name"].identifier { return "#\(channel)" }
            return resolved["roles"][id]["name"].identifier.map { "@\($0)" }
        }
    }
}
