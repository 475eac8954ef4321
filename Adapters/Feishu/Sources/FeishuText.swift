/// Feishu's way of calling people in texts.
enum FeishuText {
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
