internal import BridgeCore
internal import Markdown

/// Discord's dialect of Markdown ("Message formatting").
enum DiscordMarkdown {
    /// A text as it goes out.
    static func rendered(_ text: String, _ format: OutboundAction.Format) -> String {
        format == .markdown ? MarkdownDialect.discord.render(text) : escaped(text)
    }

    /// Words as they are: what Discord would read as markup is escaped.
    static func escaped(_ text: String) -> String {
        var output: [UInt8] = []
        output.reserveCapacity(text.utf8.count + 16)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"), UInt8(ascii: "*"), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "`"),
                UInt8(ascii: "|"), UInt8(ascii: ">"), UInt8(ascii: "<"), UInt8(ascii: "["), UInt8(ascii: "#"),
                UInt8(ascii: "@"):
                output.append(UInt8(ascii: "\\"))
            default: break
            }
            output.append(byte)
        }
        return String(decoding: output, as: UTF8.self)
    }
}
