internal import BridgeCore
internal import JSON

/// Discord's way of writing mentions and the like into texts ("Message formatting"), written out as a reader sees it.
enum DiscordText {
    /// A text with its mentions, channels, roles, emoji, commands and times written out.
    ///
    /// - Parameter message: whose `mentions` and `mention_channels` know the names.
    static func readable(_ text: String, of message: JSONView) -> String {
        let source = Array(text.utf8)
        // Most texts have none.
        guard source.contains(UInt8(ascii: "<")) else { return text }
        var output: [UInt8] = []
        output.reserveCapacity(source.count)
        var index = 0
        while index < source.count {
            if source[index] == UInt8(ascii: "<"),
                // The longest of them, a custom emoji, has some 60 characters.
                let end = source[index...].prefix(120).firstIndex(of: UInt8(ascii: ">")),
                let words = words(for: String(decoding: source[(index + 1)..<end], as: UTF8.self), of: message)
            {
                output += words.utf8
                index = end + 1
            } else {
                output.append(source[index])
                index += 1
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// Whether a text mentions a user.
    static func mentions(_ user: String, in text: String) -> Bool {
        text.contains("<@\(user)>") || text.contains("<@!\(user)>")
    }

    /// Whether a text mentions a role.
    static func mentionsRole(_ role: String, in text: String) -> Bool {
        text.contains("<@&\(role)>")
    }

    /// The words for what stands between `<` and `>`; nil when it is nothing of Discord's.
    private static func words(for inside: String, of message: JSONView) -> String? {
        if inside.hasPrefix("@&") { return number(inside.dropFirst(2)).map { "@\($0)" } }
        if inside.hasPrefix("@") {
            let id = inside.dropFirst(inside.hasPrefix("@!") ? 2 : 1)
            guard number(id) != nil else { return nil }
            let user = message["mentions"].elements.first { $0["id"].string.map { $0 == id } ?? false }
            return "@" + (user.flatMap { DiscordUser.name($0) } ?? String(id))
        }
        if inside.hasPrefix("#") {
            guard let id = number(inside.dropFirst()) else { return nil }
            let channel = message["mention_channels"].elements.first { $0["id"].string.map { $0 == id } ?? false }
            return "#" + (channel?["name"].identifier ?? String(id))
        }
        let parts = inside.split(separator: ":", omittingEmptySubsequences: false)
        switch parts.first {
        case "" where parts.count == 3, "a" where parts.count == 3:  // <:name:id>, <a:name:id>
            return number(parts[2]).map { _ in ":\(parts[1]):" }
        case "t" where parts.count == 2 || parts.count == 3:  // <t:1618953630:R>
            return Int64(parts[1]).map { Timestamp(seconds: $0).description }
        case let command? where command.hasPrefix("/") && parts.count == 2:  // </name:id>
            return number(parts[1]).map { _ in String(command) }
        default:
            return nil
        }
    }

    private static func number(_ text: Substring) -> Substring? {
        !text.isEmpty && text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? text : nil
    }
}

/// A user as Discord describes one.
enum DiscordUser {
    /// The name that people see: of the server, of the account, or the account's short name.
    static func name(_ user: JSONView, member: JSONView = .missing) -> String? {
        member["nick"].identifier ?? user["member"]["nick"].identifier ?? user["global_name"].identifier
            ?? user["display_name"].identifier ?? user["username"].identifier
    }

    /// The sender that a user object stands for; nil without an id.
    static func sender(_ user: JSONView, member: JSONView = .missing, locale: String? = nil) -> InboundEvent.Sender? {
        user["id"].identifier.map {
            InboundEvent.Sender(id: PlatformUserID($0), name: name(user, member: member), locale: locale)
        }
    }
}
