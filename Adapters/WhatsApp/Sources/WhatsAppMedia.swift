internal import BridgeCore

/// The types of media messages, and which of them a file may be.
enum WhatsAppMedia {
    case image, video, audio, document

    /// The name in a message.
    var name: StaticString {
        switch self {
        case .image: "image"
        case .video: "video"
        case .audio: "audio"
        case .document: "document"
        }
    }

    /// Whether words may go with it.
    var takesCaption: Bool { self != .audio }

    /// The type for an attachment: what the platform would refuse as a picture, sound or film goes as a document.
    ///
    /// The lists are those of "Supported media types": pictures as JPEG and PNG, films as MP4 and 3GP.
    static func type(of attachment: OutboundAttachment) -> WhatsAppMedia {
        let contentType = attachment.contentType.map { String($0.prefix { $0 != ";" }).lowercased() }
        func isOneOf(_ types: String...) -> Bool { contentType.map { types.contains($0) } ?? true }
        switch attachment.kind {
        case .image where isOneOf("image/jpeg", "image/png"): return .image
        case .video where isOneOf("video/mp4", "video/3gpp", "video/3gp"): return .video
        case .audio
        where isOneOf("audio/aac", "audio/amr", "audio/mpeg", "audio/mp3", "audio/mp4", "audio/ogg", "audio/opus"):
            return .audio
        default: return .document
        }
    }
}
