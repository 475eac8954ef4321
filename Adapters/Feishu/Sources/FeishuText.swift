internal import BridgeCore
internal import JSON
internal import Markdown

/// Texts of ours as they go out.
enum FeishuText {
    /// The type and the content of a message: Markdown goes as a post, the only message that shows it; plain words as a text.
    static func content(_ text: String, _ format: OutboundAction.Format) -> (type: String, json: String) {
        var writer = JSONWriter(capacity: text.utf8.count + text.utf8.count / 8 + 128)
        switch format {
        case .plain:
            writer.object { $0.field("text", plain(text)) }
        case .markdown:
            writer.object { post in
                post.objectField("zh_cn") { language in
                    language.arrayField("content") { lines in
                        lines.array { line in
                            line.object { piece in
                                piece.field("tag", "md")
                                piece.field("text", MarkdownDialect.feishu.render(text))
                            }
                        }
                    }
                }
            }
        }
        return (format == .markdown ? "post" : "text", String(decoding: writer.bytes, as: UTF8.self))
    }

    /// What counts of a text: its content as it stands in the request, which is JSON within JSON.
    static func counted(_ text: String, _ format: OutboundAction.Format) -> String {
        var writer = JSONWriter(capacity: text.utf8.count + text.utf8.count / 4 + 128)
        writer.value(content(text, format).json)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// The words as they are, but nobody is called by them: `<at user_id="all">` is shown as text.
    static func plain(_ text: String) -> String {
        let source = Array(text.utf8)
        let mark = Array("<at".utf8)
        guard source.contains(mark[0]) else { return text }
        var output: [UInt8] = []
        output.reserveCapacity(source.count + 16)
        for (index, byte) in source.enumerated() {
            output.append(byte)
            if byte == mark[0], source[index...].starts(with: mark) { output += "\u{200B}".utf8 }
        }
        return String(decoding: output, as: UTF8.self)
    }
}
