/// Words that are no Markdown, as a post of Mattermost's.
enum MattermostText {
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
