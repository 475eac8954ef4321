internal import BridgeCore
internal import JSON

/// Somebody who is mentioned: a text has `@_user_1` in their place.
struct FeishuMention {
    /// `@_user_1`, `@_all`.
    let key: String
    /// The name that people see.
    let name: String?
    /// The id within our app.
    let openID: String?
    /// Whether it is a bot; nil where Feishu does not say.
    let isBot: Bool?

    /// Reads one of `mentions`.
    init?(_ json: JSONView) {
        guard let key = json["key"].identifier else { return nil }
        self.key = key
        name = json["name"].identifier
        openID = json["id"]["open_id"].identifier ?? json["id"].identifier
        if let type = json["mentioned_type"].string {
            isBot = type == "bot"
        } else if json["id"]["user_id"].identifier != nil {
            isBot = false
        } else {
            // Bots have no user id; people have none either where the app may not see it.
            isBot = nil
        }
    }

    /// The text with the names of those who are mentioned.
    static func written(out text: String, _ mentions: [FeishuMention]) -> String {
        guard text.utf8.contains(UInt8(ascii: "@")) else { return text }
        let source = Array(text.utf8)
        let user = Array("@_user_".utf8)
        let all = Array("@_all".utf8)
        var output: [UInt8] = []
        output.reserveCapacity(source.count + 32)
        var index = 0
        while index < source.count {
            if source[index] != UInt8(ascii: "@") {
                output.append(source[index])
                index += 1
            } else if source[index...].starts(with: user) {
                // `@_user_1` is no part of `@_user_10`.
                let digits = source[(index + user.count)...].prefix { (0x30...0x39).contains($0) }
                let key = String(decoding: source[index..<digits.endIndex], as: UTF8.self)
                let name = mentions.first { $0.key == key }?.name
                output += (name.map { "@" + $0 } ?? key).utf8
                index = digits.endIndex
            } else if source[index...].starts(with: all) {
                output += "@all".utf8
                index += all.count
            } else {
                output.append(source[index])
                index += 1
            }
        }
        return String(decoding: output, as: UTF8.self)
    }
}
