public import JSON

/// Something that came with a message, by reference: the bytes stay with the platform.
public struct Attachment: Sendable, Equatable {
    /// What it is: `.image`, `.audio`, `.video`, `.file` or `.sticker`.
    public var kind: ContentKind
    /// The platform's reference, by which its API finds the bytes.
    public var reference: String?
    /// Where the bytes are, when the platform says so.
    public var url: String?
    /// The file's name.
    public var name: String?
    /// The media type, as in `image/jpeg`.
    public var contentType: String?
    /// Bytes.
    public var size: Int64?
    /// Pixels.
    public var width: Int64?
    /// Pixels.
    public var height: Int64?
    /// Seconds.
    public var duration: Double?

    /// An attachment of which only this much is known.
    public init(
        kind: ContentKind, reference: String? = nil, url: String? = nil, name: String? = nil,
        contentType: String? = nil,
        size: Int64? = nil, width: Int64? = nil, height: Int64? = nil, duration: Double? = nil
    ) {
        self.kind = kind
        self.reference = reference
        self.url = url
        self.name = name
        self.contentType = contentType
        self.size = size
        self.width = width
        self.height = height
        self.duration = duration
    }

    /// Writes the attachment as one object; what is not known is left out.
    public func write(to writer: inout JSONWriter) {
        writer.object { object in
            object.field("kind", kind.rawValue)
            object.field("reference", reference)
            object.field("url", url)
            object.field("name", name)
            object.field("content_type", contentType)
            object.field("size", size)
            object.field("width", width)
            object.field("height", height)
            if let duration { object.field("duration", duration) }
        }
    }
}
