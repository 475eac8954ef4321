public import JSON

extension Attachment {
    /// Reads an attachment from the object that ``write(to:)`` writes, as senders of our own message form give it.
    ///
    /// Without a `kind` the media type decides. Members of other types than they should be are left out.
    ///
    /// - Returns: nil for anything but an object with a `url` or a `reference`.
    public init?(_ json: JSONView) {
        let url = json["url"].string.flatMap { $0.isEmpty ? nil : $0 }
        let reference = json["reference"].identifier
        guard url != nil || reference != nil else { return nil }
        let contentType = json["content_type"].string
        let files: [ContentKind] = [.image, .audio, .video, .file, .sticker]
        let kind = files.first { $0.rawValue == json["kind"].string }
        self.init(
            kind: kind ?? ContentKind(mediaType: contentType),
            reference: reference, url: url, name: json["name"].string, contentType: contentType,
            size: json["size"].int, width: json["width"].int, height: json["height"].int,
            duration: json["duration"].double)
    }
}

extension ContentKind {
    /// The kind of a file of a media type, as in `image/png`: `.image`, `.audio`, `.video`, and `.file` for any other.
    public init(mediaType: String?) {
        switch mediaType?.prefix(while: { $0 != "/" }).lowercased() {
        case "image": self = .image
        case "audio": self = .audio
        case "video": self = .video
        default: self = .file
        }
    }
}
