internal import BridgeCore
internal import HTTPCore
internal import JSON

/// The fields of a request of Mattermost's, which come as a form, as a query or as JSON.
struct MattermostPayload {
    /// The names by which a form is told from any other text.
    private static let known: Set<String> = [
        "token", "channel_id", "user_id", "command", "text", "post_id", "team_id", "trigger_id", "trigger_word",
    ]

    /// The whole object; missing for forms.
    let root: JSONView
    private let fields: [String: String]

    /// The payload of a request; nil when it holds none of Mattermost's.
    init?(_ request: WebhookRequest) {
        var bytes = request.body[...]
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }  // a byte order mark
        let first = bytes.first { $0 != 0x20 && $0 != 0x0A && $0 != 0x0D && $0 != 0x09 }
        if request.method == .post, first == UInt8(ascii: "{") || first == UInt8(ascii: "[") {
            guard let root = try? JSONView(parsing: Array(bytes)), root.kind == .object, root.count > 0 else {
                return nil
            }
            self.root = root
            fields = [:]
            return
        }
        let pairs = request.method == .get ? request.query : HTTPPercentEncoding.decodeForm(bytes)
        var fields: [String: String] = [:]
        for (name, value) in pairs where fields[name] == nil { fields[name] = value }
        guard fields.keys.contains(where: { Self.known.contains($0) && $0 != "token" }) else { return nil }
        self.fields = fields
        root = .missing
    }

    /// The value under a name; nil when there is none, or an empty one.
    subscript(name: String) -> String? {
        if root.exists { return root[name].identifier }
        return fields[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The words under a name, which may be none.
    func text(_ name: String) -> String? {
        root.exists ? root[name].string : fields[name]
    }

    /// A list of identifiers, which comes as one text with commas or as an array.
    func list(_ name: String) -> [String] {
        if root[name].kind == .array { return root[name].elements.compactMap(\.identifier) }
        return (self[name] ?? "").split(separator: ",").map { $0.filter { $0 != " " } }.filter { !$0.isEmpty }
    }
}
