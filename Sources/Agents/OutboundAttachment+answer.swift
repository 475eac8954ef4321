import BridgeCore
import Crypto
import JSON

extension OutboundAttachment {
    /// A file that an agent answers with, as an address or as bytes in text: a `data:` URL (RFC 2397) or plain base64.
    ///
    /// - Returns: nil for what is neither, and for addresses that nobody else could fetch (`blob:`, `file:`).
    init?(answer text: String, contentType: String?, name: String?) {
        var contentType = contentType.flatMap { $0.isEmpty ? nil : $0 }
        let name = name.flatMap { $0.isEmpty ? nil : $0 }
        let source: Source
        if text.hasPrefix("https://") || text.hasPrefix("http://") {
            source = .url(text)
        } else {
            var data = text[...]
            if text.hasPrefix("data:") {
                guard let comma = text.utf8.firstIndex(of: UInt8(ascii: ",")) else { return nil }
                let head = text[..<comma].dropFirst("data:".count)
                guard head.hasSuffix(";base64") else { return nil }
                let type = head.prefix { $0 != ";" }
                if !type.isEmpty { contentType = String(type) }
                data = text[comma...].dropFirst()
            }
            guard let bytes = Base64.decode(data) ?? Base64.decode(data, alphabet: .urlSafe), !bytes.isEmpty else {
                return nil
            }
            source = .bytes(bytes)
        }
        self.init(
            kind: OutboundAttachment.kind(ofContentType: contentType), source: source, name: name,
            contentType: contentType)
    }

    /// A file in the form that AI SDKs and our own message format have: its bytes or address under one of the usual names,
    /// and its type likewise.
    init?(answer file: JSONView) {
        let file = file["payload"].kind == .object ? file["payload"] : file
        func first(_ names: [String]) -> String? {
            for name in names {
                if let text = file[name].string, !text.isEmpty { return text }
            }
            return nil
        }
        guard let text = first(["url", "base64", "base64Data", "data", "uri", "bytes"]) else { return nil }
        self.init(
            answer: text, contentType: first(["content_type", "mediaType", "mimeType", "contentType"]),
            name: first(["name", "filename"]))
        switch file["kind"].string {
        case "image": kind = .image
        case "audio": kind = .audio
        case "video": kind = .video
        default: break
        }
    }
}
