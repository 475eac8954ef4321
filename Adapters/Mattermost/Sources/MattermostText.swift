internal import BridgeCore
internal import Markdown

/// Texts as posts of Mattermost's.
enum MattermostText {
    /// A text as it goes out.
    static func rendered(_ text: String, _ format: OutboundAction.Format) -> String {
        format == .markdown ? MarkdownDialect.mattermost.render(text) : escaped(text)
    }

    /// Words as they are: marks are escaped, and the names that call everybody call nobody.
    static func escaped(_ text: String) -> String {
        var output: [UInt8] = []
        output.reserveCapacity(text.utf8.count + 16)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"), UInt8(ascii: "*"), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "`"),
                UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "#"), UInt8(ascii: ">"), UInt8(ascii: "|"):
                output.append(UInt8(ascii: "\\"))
                output.append(byte)
            case UInt8(ascii: "@"):
                output.append(byte)
                output += "\u{200B}".utf8
            default:
                output.append(byte)
            }
        }
        return String(decoding: output, as: UTF8.self)
    }
}
