public import BridgeCore
internal import HTTPCore
internal import JSON

extension FeishuAdapter: AttachmentUploading {
    /// The bytes of a picture, or of another file, in a form.
    public func upload(
        _ attachment: OutboundAttachment, for action: OutboundAction, after responses: [OutboundResponse],
        at now: Timestamp
    ) -> UploadStep {
        let type = attachment.kind == .image ? "image" : FeishuUpload.type(of: attachment)
        if let response = responses.last {
            let body = (try? JSONView(parsing: response.body)) ?? .missing
            guard let code = body["code"].int else { return .failed(FeishuFailure.foreign(response)) }
            let data = body["data"]
            guard code == 0, let key = data["image_key"].identifier ?? data["file_key"].identifier else {
                return .failed(FeishuFailure.failure(code: code, response: response, isMarkdown: false))
            }
            return .uploaded(FeishuUpload.reference(key: key, type: type))
        }
        guard case .bytes(let bytes) = attachment.source else {
            return .failed(DeliveryFailure(.refused, reason: "the attachment has no bytes"))
        }
        let name = attachment.name ?? attachment.kind.rawValue
        let fields =
            type == "image" ? [("image_type", "message")] : [("file_type", type), ("file_name", name)]
        // The id is random enough that no file has it in it.
        let boundary = "chatbridge-\(action.id)"
        return .request(
            OutboundRequest(
                url: "\(configuration.apiBase)/open-apis/im/v1/\(type == "image" ? "images" : "files")",
                headers: ["Content-Type": "multipart/form-data; boundary=\(boundary)"],
                body: Self.form(
                    fields, file: type == "image" ? "image" : "file", name: name,
                    contentType: attachment.contentType ?? "application/octet-stream", bytes: bytes, boundary: boundary)
            ))
    }

    /// A `multipart/form-data` body (RFC 7578).
    private static func form(
        _ fields: [(String, String)], file: String, name: String, contentType: String, bytes: [UInt8], boundary: String
    ) -> [UInt8] {
        func quoted(_ text: String) -> String {
            let safe = text.unicodeScalars.map { scalar -> String in
                switch scalar {
                case "\"": "%22"
                case "\r", "\n", "\0": "_"
                default: String(scalar)
                }
            }
            return "\"\(safe.joined())\""
        }
        var body: [UInt8] = []
        body.reserveCapacity(bytes.count + 512)
        for (field, value) in fields {
            body += "--\(boundary)\r\nContent-Disposition: form-data; name=\"\(field)\"\r\n\r\n\(value)\r\n".utf8
        }
        let type = contentType.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } ? contentType : "application/octet-stream"
        body += "--\(boundary)\r\nContent-Disposition: form-data; name=\"\(file)\"; filename=\(quoted(name))\r\n".utf8
        body += "Content-Type: \(type)\r\n\r\n".utf8
        body += bytes
        body += "\r\n--\(boundary)--\r\n".utf8
        return body
    }
}

extension FeishuAdapter: MediaFetching {
    /// A file of a message, which is found by both their names.
    public func fetchMedia(_ attachment: Attachment, after responses: [OutboundResponse]) -> MediaStep {
        if let response = responses.last {
            guard response.status.code == 200 else { return .unavailable(reason: "HTTP \(response.status.code)") }
            return .content(contentType: attachment.contentType)
        }
        guard let reference = attachment.reference, let slash = reference.firstIndex(of: "/"),
            slash != reference.startIndex, attachment.kind != .sticker
        else { return .unavailable(reason: "Feishu lends no such file") }
        let message = HTTPPercentEncoding.encode(String(reference[..<slash]))
        let key = HTTPPercentEncoding.encode(String(reference[reference.index(after: slash)...]))
        let type = attachment.kind == .image ? "image" : "file"
        return .request(
            OutboundRequest(
                method: .get,
                url: "\(configuration.apiBase)/open-apis/im/v1/messages/\(message)/resources/\(key)?type=\(type)"))
    }
}
