public import BridgeCore
internal import HTTPCore
internal import JSON

extension ZaloAdapter: MediaFetching {
    /// Where Zalo keeps what people send, as far as anybody has told.
    private static let mediaDomains = [
        "zdn.vn", "zadn.vn", "zalo.me", "zalo.vn", "zaloapp.com", "zapps.me", "zaloplatforms.com", "dlmd.me", "dlfl.vn",
    ]

    /// Media stand at addresses that anybody may fetch: the token stays here.
    public func fetchMedia(_ attachment: Attachment, after responses: [OutboundResponse]) -> MediaStep {
        if let response = responses.last {
            return response.status.isSuccess
                ? .content(contentType: nil) : .unavailable(reason: "HTTP \(response.status.code)")
        }
        guard let url = attachment.url else { return .unavailable(reason: "Zalo gave no address of it") }
        guard let request = OutboundRequest.fetching(url, at: Self.mediaDomains, or: [configuration.apiBase]) else {
            return .unavailable(reason: "it is not at Zalo")
        }
        return .request(request)
    }
}

extension ZaloAdapter: AttachmentUploading {
    /// The most bytes of a picture (jpg, png; a GIF may have five times as many) and of a file (pdf, doc, docx).
    private static let largestPicture = 1 << 20
    private static let largestFile = 5 << 20

    /// Brings a picture or a file to Zalo, which gives an id or a token for it.
    public func upload(
        _ attachment: OutboundAttachment, for action: OutboundAction, after responses: [OutboundResponse],
        at now: Timestamp
    ) -> UploadStep {
        if let response = responses.last {
            switch reply(of: response) {
            case .success(let data):
                guard let reference = data["attachment_id"].identifier ?? data["token"].identifier else {
                    return .failed(DeliveryFailure(.refused, reason: "Zalo gave no name to what was uploaded"))
                }
                return .uploaded(reference)
            case .failure(let failure):
                return .failed(failure)
            }
        }
        guard case .bytes(let bytes) = attachment.source else {
            return .failed(DeliveryFailure(.refused, reason: "there are no bytes to upload"))
        }
        let isGIF = attachment.contentType == "image/gif"
        let isPicture = attachment.kind == .image
        let limit = isPicture && !isGIF ? Self.largestPicture : Self.largestFile
        guard isPicture || attachment.kind == .file, bytes.count <= limit else {
            return .failed(DeliveryFailure(.refused, reason: "Zalo takes no such attachment, or none so large"))
        }
        let method = isPicture ? (isGIF ? "gif" : "image") : "file"
        return .request(upload(bytes, of: attachment, to: "/v2.0/oa/upload/\(method)", boundary: action.id.description))
    }

    /// A form with the one part `file` (RFC 7578).
    private func upload(
        _ bytes: [UInt8], of attachment: OutboundAttachment, to path: String, boundary: String
    ) -> OutboundRequest {
        // What would end the quoted name is left out of it.
        let name = (attachment.name ?? "file").filter { $0 != "\"" && $0 != "\\" && !$0.isNewline }
        let type = (attachment.contentType ?? "application/octet-stream").filter { !$0.isNewline }
        let head =
            "--\(boundary)\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\(name)\"\r\n"
            + "Content-Type: \(type)\r\n\r\n"
        return OutboundRequest(
            url: configuration.apiBase + path, headers: ["Content-Type": "multipart/form-data; boundary=\(boundary)"],
            body: Array(head.utf8) + bytes + Array("\r\n--\(boundary)--\r\n".utf8))
    }
}
