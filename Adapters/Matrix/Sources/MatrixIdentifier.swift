/// Matrix's identifiers (Matrix specification, "Identifier Grammar"): a sigil, a local part, a colon and a server name.
enum MatrixIdentifier {
    /// Whether this is the ID of a user.
    static func isUser(_ id: String) -> Bool {
        guard id.utf8.first == UInt8(ascii: "@"), let colon = id.utf8.firstIndex(of: UInt8(ascii: ":")) else {
            return false
        }
        return id.utf8.index(after: colon) != id.utf8.endIndex && !id.utf8.contains { $0 <= 0x20 || $0 == 0x7F }
    }

    /// The server in an ID, with its port where it has one.
    static func server(of id: String) -> String? {
        guard let colon = id.utf8.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        let server = id[id.utf8.index(after: colon)...]
        return server.isEmpty ? nil : String(server)
    }

    /// The server and the media's name in an `mxc://` address; nil when it is none.
    static func media(_ address: String) -> (server: Substring, id: Substring)? {
        guard address.hasPrefix("mxc://") else { return nil }
        let parts = address.dropFirst(6).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
        return (parts[0], parts[1])
    }
}
