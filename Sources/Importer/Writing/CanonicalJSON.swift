internal import BridgeCore
internal import JSON

/// JSON in one form for all that `jsonb` takes for equal: members sorted, of one name the last, numbers by their value.
enum CanonicalJSON {
    /// The form of a document; what cannot be read stays as it is.
    static func bytes(of json: [UInt8]) -> [UInt8] {
        if json == LogMessage.noMetadata || json == LogMessage.noAttachments { return json }
        guard let view = try? JSONView(parsing: json) else { return json }
        var writer = JSONWriter(capacity: json.count)
        write(view, to: &writer)
        return writer.bytes
    }

    private static func write(_ view: JSONView, to writer: inout JSONWriter) {
        switch view.kind {
        case .object:
            // Names are compared as bytes: Swift takes strings for equal that are written differently.
            var members: [(name: [UInt8], key: String, place: Int, value: JSONView)] = []
            for (key, value) in view.members { members.append((Array(key.utf8), key, members.count, value)) }
            members.sort { first, second in
                if first.name == second.name { return first.place < second.place }
                return first.name.lexicographicallyPrecedes(second.name)
            }
            writer.object { object in
                for (index, member) in members.enumerated() {
                    if index + 1 < members.count, members[index + 1].name == member.name { continue }
                    object.key(member.key)
                    write(member.value, to: &object)
                }
            }
        case .array:
            writer.array { array in
                for element in view.elements { write(element, to: &array) }
            }
        default:
            if let int = view.int {
                writer.value(int)
            } else if let uint = view.uint {
                writer.value(uint)
            } else if let double = view.double {
                if let int = Int64(exactly: double) { writer.value(int) } else { writer.value(double) }
            } else {
                writer.value(view)
            }
        }
    }
}
