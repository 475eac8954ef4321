internal import JSON

/// Takes a person's id and names out of what others have said and what platforms have told of it.
struct Redaction {
    /// What stands where an id or a name was.
    static let mark = "erased"
    /// Shorter ids and names are ordinary words and numbers too: they stay.
    private static let shortest = (id: 4, name: 3)

    /// Empty where it is too short to be looked for.
    let user: String
    let names: Set<String>

    init(user: String, names: Set<String>) {
        self.user = user.utf8.count >= Self.shortest.id ? user : ""
        self.names = names.filter { $0.utf8.count >= Self.shortest.name && $0 != Self.mark }
    }

    /// What to look for in the database.
    var needles: [String] { (user.isEmpty ? [] : [user]) + names.sorted() }

    /// A text with the id replaced wherever it stands for itself, as in a mention; nil when nothing is to be replaced.
    ///
    /// Names stay: in what others have said they are words.
    func redacted(_ text: String) -> String? {
        guard !user.isEmpty else { return nil }
        let (bytes, needle) = (Array(text.utf8), Array(user.utf8))
        var result: [UInt8] = []
        var index = 0
        var found = false
        while index < bytes.count {
            let end = index + needle.count
            if end <= bytes.count, bytes[index] == needle[0], bytes[index..<end].elementsEqual(needle),
                index == 0 || !Self.isWord(bytes[index - 1]), end == bytes.count || !Self.isWord(bytes[end])
            {
                result += Array(Self.mark.utf8)
                index = end
                found = true
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return found ? String(decoding: result, as: UTF8.self) : nil
    }

    /// JSON with the id and the names replaced, and what is an object about the person (`id` is theirs) emptied; nil when
    /// nothing is to be replaced.
    func redacted(json: String) -> String? {
        guard let view = try? JSONView(parsing: json) else { return nil }
        var writer = JSONWriter(capacity: json.utf8.count)
        var found = false
        write(view, to: &writer, &found)
        return found ? String(decoding: writer.bytes, as: UTF8.self) : nil
    }

    private func write(_ view: JSONView, to writer: inout JSONWriter, _ found: inout Bool) {
        switch view.kind {
        case .object:
            if !user.isEmpty, view["id"].idString == user || view["user_id"].idString == user {
                found = true
                writer.object { $0.field("erased", true) }
                return
            }
            writer.object { object in
                for (key, value) in view.members {
                    let name = redacted(key)
                    if name != nil { found = true }
                    object.key(name ?? key)
                    write(value, to: &object, &found)
                }
            }
        case .array:
            writer.array { array in
                for value in view.elements { write(value, to: &array, &found) }
            }
        case .string:
            let text = view.string ?? ""
            if names.contains(text) {
                found = true
                writer.value(Self.mark)
            } else if let redacted = redacted(text) {
                found = true
                writer.value(redacted)
            } else {
                writer.value(view)
            }
        default:
            if !user.isEmpty, view.idString == user {
                found = true
                writer.value(Self.mark)
            } else {
                writer.value(view)
            }
        }
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"), 0x80...: true
        default: false
        }
    }
}
