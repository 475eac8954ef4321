public import BridgeCore
internal import HTTPCore
internal import JSON
internal import MetaGraph

extension WhatsAppAdapter: AttachmentUploading {
    /// One `POST /{number}/media` of the bytes as a form; what it answers is the reference.
    public func upload(
        _ attachment: OutboundAttachment, for action: OutboundAction, after responses: [OutboundResponse],
        at now: Timestamp
    ) -> UploadStep {
        if let response = responses.last {
            switch api.reply(of: response) {
            case .success(let reply):
                guard let id = reply["id"].identifier else {
                    return .failed(DeliveryFailure(.refused, reason: "the upload was answered without an id"))
                }
                return .uploaded(id)
            case .failure(let failure):
                return .failed(failure)
            }
        }
        guard case .bytes(let bytes) = attachment.source else {
            return .failed(DeliveryFailure(.refused, reason: "there are no bytes to upload"))
        }
        let type = attachment.contentType ?? "application/octet-stream"
        // A name that nobody knows before, so that it stands in no file.
        var form = MultipartForm(boundary: "chatbridge-\(action.id)")
        form.append("messaging_product", "whatsapp")
        form.append("type", type)
        form.append("file", bytes, fileName: attachment.name ?? "file", contentType: type)
        var headers = api.authorizationField
        headers["Content-Type"] = form.contentType
        return .request(
            OutboundRequest(
                url: api.url("/\(configuration.phoneNumberID)/media"), headers: headers, body: form.body))
    }
}

extension WhatsAppAdapter: MediaFetching {
    /// Asks where the media is (`GET /{id}`), then fetches it there with the same token.
    ///
    /// The token goes to Meta's hosts alone: an address elsewhere is fetched without it.
    public func fetchMedia(_ attachment: Attachment, after responses: [OutboundResponse]) -> MediaStep {
        switch responses.count {
        case 0:
            guard let reference = attachment.reference, reference.allSatisfy({ $0.isLetter || $0.isNumber }) else {
                guard let url = attachment.url else { return .unavailable(reason: "the media has no id") }
                return download(url)
            }
            return .request(api.get("/\(reference)?phone_number_id=\(configuration.phoneNumberID)"))
        case 1 where attachment.reference != nil:
            switch api.reply(of: responses[0]) {
            case .success(let reply):
                guard let url = reply["url"].string else {
                    return .unavailable(reason: "the media's answer has no address")
                }
                return download(url)
            case .failure(let failure):
                return .unavailable(reason: failure.reason)
            }
        default:
            guard let last = responses.last, last.status.isSuccess else {
                return .unavailable(reason: "HTTP \(responses.last?.status.code ?? 0) for the media")
            }
            return .content(contentType: attachment.contentType)
        }
    }

    private func download(_ url: String) -> MediaStep {
        // Meta's hosts want the token, and no other host sees it, or is asked at a payload's word.
        let request = OutboundRequest.fetching(
            url, at: GraphAPI.mediaDomains, or: [configuration.apiBase], headers: api.authorizationField)
        return request.map { .request($0) } ?? .unavailable(reason: "the media is not at Meta")
    }
}
