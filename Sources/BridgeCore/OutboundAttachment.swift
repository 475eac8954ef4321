/// A picture, a sound, a film or a file on its way to a user.
public struct OutboundAttachment: Sendable, Equatable {
    /// Where its bytes are.
    public enum Source: Sendable, Equatable {
        /// At an address that the platform can fetch.
        case url(String)
        /// Here.
        case bytes([UInt8])
        /// At the platform already, under this reference (``AttachmentUploading``).
        case uploaded(String)
    }

    /// What it is: `.image`, `.audio`, `.video` or `.file`.
    public var kind: ContentKind
    /// Where its bytes are.
    public var source: Source
    /// The file's name.
    public var name: String?
    /// The media type, as in `image/png`.
    public var contentType: String?

    /// Something to send.
    public init(kind: ContentKind, source: Source, name: String? = nil, contentType: String? = nil) {
        self.kind = kind
        self.source = source
        self.name = name
        self.contentType = contentType
    }

    /// The kind that goes with a media type; `.file` where it is none of the others or unknown.
    public static func kind(ofContentType type: String?) -> ContentKind {
        guard let type else { return .file }
        if type.hasPrefix("image/") { return .image }
        if type.hasPrefix("audio/") { return .audio }
        return type.hasPrefix("video/") ? .video : .file
    }
}
