internal import BridgeCore
internal import JSON

/// How an uploaded file is named between its upload and its message: what it is, and Feishu's key.
enum FeishuUpload {
    /// `file_type` of an upload: the few that Feishu shows in their own way, else a stream of bytes.
    static func type(of attachment: OutboundAttachment) -> String {
        let name = attachment.name ?? ""
        let ending = name.utf8.lastIndex(of: UInt8(ascii: ".")).map { name[name.index(after: $0)...].lowercased() }
        switch (ending, attachment.contentType) {
        case ("opus", _), (_, "audio/opus"): return "opus"
        case ("mp4", _), (_, "video/mp4"): return "mp4"
        case ("pdf", _), (_, "application/pdf"): return "pdf"
        case ("doc", _), ("docx", _): return "doc"
        case ("xls", _), ("xlsx", _): return "xls"
        case ("ppt", _), ("pptx", _): return "ppt"
        default: return "stream"
        }
    }

    /// The reference of an upload, as `media:file_v3_…`.
    static func reference(key: String, type: String) -> String {
        switch type {
        case "image": "image:\(key)"
        case "opus": "audio:\(key)"
        case "mp4": "media:\(key)"
        default: "file:\(key)"
        }
    }

    /// The message that shows an upload; nil when the reference is none of ours.
    static func content(of reference: String) -> (type: String, json: String)? {
        guard let colon = reference.firstIndex(of: ":") else { return nil }
        let type = String(reference[..<colon])
        guard ["image", "audio", "media", "file"].contains(type) else { return nil }
        var writer = JSONWriter()
        writer.object { json in
            let key = String(reference[reference.index(after: colon)...])
            type == "image" ? json.field("image_key", key) : json.field("file_key", key)
        }
        return (type, String(decoding: writer.bytes, as: UTF8.self))
    }
}
