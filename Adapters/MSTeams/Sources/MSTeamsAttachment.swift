internal import BridgeCore
internal import JSON

/// One entry of an activity's `attachments`, which hold more than files.
enum MSTeamsAttachment {
    /// Something with bytes.
    case file(Attachment)
    /// The message to which this one replies, quoted.
    case quote(String)
    /// A card, which is a layout and no file.
    case card
    /// The text once more, as HTML: it comes with every formatted message.
    case copyOfText
    /// Nothing that can be fetched.
    case nothing

    static func read(_ item: JSONView) -> MSTeamsAttachment {
        let type = item["contentType"].string ?? ""
        let content = item["content"]
        switch type {
        case "text/html", "text/plain":
            return .copyOfText
        case "messageReference":
            // The content is JSON within a string.
            let inner = content.string.flatMap { try? JSONView(parsing: $0) } ?? content
            let id = inner["messageId"].identifier ?? item["id"].identifier
            return id.map { .quote($0) } ?? .nothing
        case "application/vnd.microsoft.teams.file.download.info":
            let name = item["name"].identifier
            let ending = content["fileType"].identifier ?? name.flatMap(ending)
            return .file(
                Attachment(
                    kind: ending.flatMap(kind(ofEnding:)) ?? .file, reference: content["uniqueId"].identifier,
                    url: content["downloadUrl"].identifier ?? item["contentUrl"].identifier, name: name))
        case _
        where type.hasPrefix("application/vnd.microsoft.card") || type.hasPrefix("application/vnd.microsoft.teams"):
            return .card
        default:
            guard let url = item["contentUrl"].identifier ?? content["downloadUrl"].identifier else { return .nothing }
            let name = item["name"].identifier
            var kind = ContentKind(mediaType: type.isEmpty ? nil : type)
            if kind == .file, let known = name.flatMap(ending).flatMap(kind(ofEnding:)) { kind = known }
            // `image/*` says no more than that it is a picture.
            return .file(
                Attachment(
                    kind: kind, reference: item["id"].identifier, url: url, name: name,
                    contentType: type.isEmpty || type.hasSuffix("*") ? nil : type))
        }
    }

    private static func ending(of name: String) -> String? {
        name.utf8.lastIndex(of: UInt8(ascii: ".")).map { String(name[name.index(after: $0)...]) }
    }

    private static func kind(ofEnding ending: String) -> ContentKind? {
        switch ending.lowercased() {
        case "png", "jpg", "jpeg", "gif", "webp", "bmp", "heic", "tif", "tiff": .image
        case "mp3", "wav", "m4a", "ogg", "oga", "opus", "aac", "flac", "wma": .audio
        case "mp4", "mov", "webm", "mkv", "avi", "m4v", "wmv": .video
        default: nil
        }
    }
}
