internal import Crypto
internal import JSON

/// Where a Mastra thread lives, in our names.
///
/// A thread of a Mastra channel says so in its metadata: `channel_platform` is the name of a Chat SDK adapter, and
/// `channel_externalThreadId` is that adapter's own id of a thread, which begins with the adapter's name. Taken apart it gives
/// what our adapters call a conversation, so that the next message of a live chat goes on in the imported session. A thread
/// that no channel made has the platform `mastra`, and its own id as the conversation.
struct MastraPlace: Equatable {
    var platform = "mastra"
    var account: String?
    var conversation: String
    var thread: String?

    init(thread id: String) {
        conversation = id
    }

    init(_ metadata: JSONView, thread id: String, _ changes: inout RowChanges) {
        self.init(thread: id)
        guard let name = metadata["channel_platform"].string, !name.isEmpty else { return }
        platform = StoredText.storable(Self.platforms[name.lowercased()] ?? name.lowercased(), &changes)
        let external =
            metadata["channel_externalThreadId"].idString ?? metadata["channel_externalChannelId"].idString ?? id
        let parts = external.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        conversation = external
        // Without the adapter's name in front it is another's id, and taken as it is.
        if parts.count > 1, let adapter = parts.first, (Self.platforms[adapter] ?? adapter) == platform {
            take(Array(parts.dropFirst()))
        }
        conversation = StoredText.storable(conversation, &changes)
        if conversation.isEmpty { conversation = external }
        if thread?.isEmpty == true { thread = nil }
    }

    /// Names of Chat SDK adapters that are other ones here.
    private static let platforms = [
        "teams": "msteams", "gchat": "googlechat", "google-chat": "googlechat", "facebook": "messenger",
        "lark": "feishu",
    ]

    /// The parts of an id behind the adapter's name; the forms are those of `encodeThreadId` in the Chat SDK's adapters.
    private mutating func take(_ parts: [String]) {
        let first = parts.first ?? ""
        let second = parts.count > 1 ? parts[1] : nil
        switch platform {
        // slack:CHANNEL:THREAD_TS, telegram:CHAT[:TOPIC]
        case "slack", "telegram": (conversation, thread) = (first, second)
        // discord:GUILD:CHANNEL[:THREAD]; a thread is a channel of its own.
        case "discord": conversation = parts.last { !$0.isEmpty } ?? first
        // whatsapp:PHONE_NUMBER_ID:USER
        case "whatsapp" where second != nil: (account, conversation) = (first, parts.dropFirst().joined(separator: ":"))
        // teams:base64url(CONVERSATION):base64url(SERVICE_URL)
        case "msteams":
            let id = Self.decoded(first) ?? first
            let mark = ";messageid="
            if let start = id.utf8.firstIndex(of: UInt8(ascii: ";")), id[start...].hasPrefix(mark) {
                (conversation, thread) = (String(id[..<start]), String(id[start...].dropFirst(mark.count)))
            } else {
                conversation = id
            }
        // gchat:SPACE[:base64url(THREAD)][:dm]
        case "googlechat":
            conversation = first
            if parts.last != "dm" { thread = second.flatMap(Self.decoded) }
        // github:OWNER/REPO:NUMBER[:rc:COMMENT]
        case "github" where second != nil:
            conversation = "\(first)#\(second ?? "")"
            if parts.count == 4, parts[2] == "rc" { thread = parts[3] }
        default: conversation = parts.joined(separator: ":")
        }
    }

    private static func decoded(_ text: String) -> String? {
        guard !text.isEmpty, let bytes = Base64.decode(text, alphabet: .urlSafe) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }
}
