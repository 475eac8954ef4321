import BridgeCore
import Crypto

/// Something that came with a question, in the form in which an agent can be given it.
struct AgentFile: Sendable {
    /// Where its bytes are.
    enum Content: Sendable {
        /// Here.
        case bytes([UInt8])
        /// At an address that the agent may fetch.
        case url(String)
    }

    var kind: ContentKind
    var content: Content
    /// The media type, as in `image/png`; nil where nobody knows it.
    var contentType: String?
    /// The file's name.
    var name: String?

    /// The address, or the bytes as one (RFC 2397).
    var url: String {
        switch content {
        case .url(let url): url
        case .bytes(let bytes): "data:\(contentType ?? "application/octet-stream");base64,\(Base64.encode(bytes))"
        }
    }
}

extension AgentTurn {
    /// The pictures of the question: those whose bytes were fetched, or else those with an address.
    ///
    /// An address is passed on only where nothing was fetched: where the platform wants a token for it, the agent could do
    /// nothing with it.
    var pictures: [AgentFile] {
        guard media.isEmpty else {
            return media.map {
                AgentFile(
                    kind: .image, content: .bytes($0.bytes), contentType: $0.contentType.withoutParameters,
                    name: $0.name)
            }
        }
        return event.attachments.filter { $0.kind == .image }.compactMap { AgentFile($0) }
    }

    /// The pictures, and whatever else has an address.
    var files: [AgentFile] {
        pictures + event.attachments.filter { $0.kind != .image }.compactMap { AgentFile($0) }
    }
}

extension AgentFile {
    /// An attachment with an address on the web, or one that is its bytes (`data:`); nil for one without.
    fileprivate init?(_ attachment: Attachment) {
        guard let url = attachment.url else { return nil }
        var contentType = attachment.contentType?.withoutParameters
        var content = Content.url(url)
        if url.hasPrefix("data:") {
            guard let file = OutboundAttachment(answer: url, contentType: contentType, name: nil),
                case .bytes(let bytes) = file.source
            else { return nil }
            contentType = file.contentType
            content = .bytes(bytes)
        } else if !url.hasPrefix("https://"), !url.hasPrefix("http://") {
            return nil
        }
        self.init(kind: attachment.kind, content: content, contentType: contentType, name: attachment.name)
    }
}

extension String {
    /// A media type without its parameters: `image/png` of `image/png; name=a.png`.
    fileprivate var withoutParameters: String { String(prefix { $0 != ";" && $0 != " " }) }
}
