internal import BridgeCore
internal import JSON

/// Reads a post: lines of pieces, with a title above.
struct FeishuPost {
    /// Who is meant by `@_user_1`.
    let mentions: [FeishuMention]
    /// The message's id, without which no file can be fetched.
    let message: String?

    /// Title and lines.
    private(set) var text: String?
    /// The pictures and films in it.
    private(set) var attachments: [Attachment] = []

    init(mentions: [FeishuMention], message: String?) {
        self.mentions = mentions
        self.message = message
    }

    /// Reads a post, or the first of its languages.
    mutating func read(_ json: JSONView) {
        var post = json
        if !post["content"].exists, let first = json.members.first(where: { $0.value["content"].exists }) {
            post = first.value
        }
        var lines: [String] = []
        if let title = post["title"].identifier { lines.append(title) }
        for line in post["content"].elements {
            var words = ""
            for piece in line.elements { words += read(piece: piece) }
            // A line with a picture alone leaves no words.
            if !words.isEmpty || line.elements.first(where: { $0["tag"].string != "img" }) != nil {
                lines.append(words)
            }
        }
        text = lines.isEmpty ? nil : lines.joined(separator: "\n")
    }

    private mutating func read(piece: JSONView) -> String {
        switch piece["tag"].string {
        case "a":
            let label = piece["text"].string ?? ""
            guard let address = piece["href"].identifier, address != label else { return label }
            return label.isEmpty ? address : "\(label) (\(address))"
        case "at":
            let id = piece["user_id"].identifier ?? ""
            let mention = mentions.first { $0.key == id || $0.openID == id }
            return "@" + (mention?.name ?? piece["user_name"].identifier ?? (id == "@_all" || id == "all" ? "all" : id))
        case "img":
            add(.image, piece["image_key"])
            return ""
        case "media":
            add(.video, piece["file_key"])
            return ""
        case "emotion":
            return piece["emoji_type"].identifier.map { ":\($0):" } ?? ""
        case "code_block":
            return "```\(piece["language"].string?.lowercased() ?? "")\n\(piece["text"].string ?? "")\n```"
        case "hr":
            return "———"
        default:
            return FeishuMention.written(out: piece["text"].string ?? "", mentions)
        }
    }

    private mutating func add(_ kind: ContentKind, _ key: JSONView) {
        guard let key = key.identifier else { return }
        attachments.append(Attachment(kind: kind, reference: "\(message ?? "")/\(key)"))
    }
}
