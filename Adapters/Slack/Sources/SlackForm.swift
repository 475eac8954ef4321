internal import HTTPCore

/// The fields of a form body, which slash commands and interactions are.
struct SlackForm {
    private var fields: [String: String] = [:]

    /// Reads a body; nil when it begins as JSON does.
    init?(_ body: [UInt8]) {
        var bytes = body[...]
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }  // a byte order mark
        let first = bytes.first { $0 != 0x20 && $0 != 0x0A && $0 != 0x0D && $0 != 0x09 }
        if first == UInt8(ascii: "{") || first == UInt8(ascii: "[") { return nil }
        for (name, value) in HTTPPercentEncoding.decodeForm(bytes) where fields[name] == nil { fields[name] = value }
    }

    /// The first value under a name.
    subscript(name: String) -> String? { fields[name] }

    /// Whether this only asks if the certificate is good.
    var isCertificateProbe: Bool { self["ssl_check"] == "1" && self["command"] == nil && self["payload"] == nil }
}
