package import BridgeCore
internal import HTTPCore
internal import JSON

/// The Send API, by which Messenger and Instagram take messages: `POST /me/messages`.
package struct MessagingAPI: Sendable {
    /// What differs between the two.
    package struct Variant: Sendable {
        /// The `object` of their webhooks.
        let object: String
        /// The platform's name in webhook addresses.
        let platform: PlatformName
        /// Whether a message says that it answers one (`messaging_type`).
        let statesType: Bool
        /// The longest text that the fake takes.
        let textLimit: Capabilities.TextLimit

        /// One of the two.
        package init(
            object: String, platform: PlatformName, statesType: Bool, textLimit: Capabilities.TextLimit
        ) {
            self.object = object
            self.platform = platform
            self.statesType = statesType
            self.textLimit = textLimit
        }
    }

    /// The Graph API below it.
    package let api: GraphAPI
    let variant: Variant

    /// The Send API for one page or professional account.
    package init(api: GraphAPI, variant: Variant) {
        self.api = api
        self.variant = variant
    }

    /// The message with a text.
    package func send(_ text: String, to place: InboundEvent.Place) -> OutboundRequest {
        message(to: place, capacity: text.utf8.count) { $0.field("text", text) }
    }

    /// The message with a file; nil while its bytes are here.
    package func send(_ attachment: OutboundAttachment, to place: InboundEvent.Place) -> OutboundRequest? {
        if case .bytes = attachment.source { return nil }
        return message(to: place) { message in
            message.objectField("attachment") { part in
                part.field("type", Self.type(of: attachment.kind))
                part.objectField("payload") { payload in
                    switch attachment.source {
                    case .url(let url): payload.field("url", url)
                    case .uploaded(let reference): payload.field("attachment_id", reference)
                    case .bytes: break
                    }
                }
            }
        }
    }

    /// The typing indicator.
    package func typing(at place: InboundEvent.Place) -> OutboundRequest {
        api.post("/me/messages") { json in
            writeRecipient(place, to: &json)
            json.field("sender_action", "typing_on")
        }
    }

    /// What an answer means: `message_id`, or an error with a code.
    package func interpret(_ response: OutboundResponse) -> DeliveryResult {
        switch api.reply(of: response) {
        case .success(let reply): .delivered(reply["message_id"].identifier.map { PlatformMessageID($0) })
        case .failure(let failure): .failed(failure)
        }
    }

    /// Brings bytes to `/me/message_attachments`, which names them.
    package func upload(
        _ attachment: OutboundAttachment, for action: OutboundAction, after responses: [OutboundResponse]
    ) -> UploadStep {
        if let response = responses.last {
            switch api.reply(of: response) {
            case .success(let reply):
                guard let id = reply["attachment_id"].identifier else {
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
        var description = JSONWriter()
        description.object { message in
            message.objectField("attachment") { part in
                part.field("type", Self.type(of: attachment.kind))
                part.objectField("payload") { $0.field("is_reusable", true) }
            }
        }
        // A name that nobody knows before, so that it stands in no file.
        var form = MultipartForm(boundary: "chatbridge-\(action.id)")
        form.append("message", String(decoding: description.bytes, as: UTF8.self))
        form.append(
            "filedata", bytes, fileName: attachment.name ?? "file",
            contentType: attachment.contentType ?? "application/octet-stream")
        var headers = api.authorizationField
        headers.append("Content-Type", form.contentType)
        return .request(OutboundRequest(url: api.url("/me/message_attachments"), headers: headers, body: form.body))
    }

    /// Fetches an attachment at its public address; nothing of ours goes with it.
    package func fetchMedia(_ attachment: Attachment, after responses: [OutboundResponse]) -> MediaStep {
        guard let last = responses.last else {
            guard let url = attachment.url else { return .unavailable(reason: "the attachment has no address") }
            guard let request = OutboundRequest.fetching(url, at: GraphAPI.mediaDomains, or: [api.base]) else {
                return .unavailable(reason: "the attachment is not at Meta")
            }
            return .request(request)
        }
        guard last.status.isSuccess else { return .unavailable(reason: "HTTP \(last.status.code) for the attachment") }
        return .content(contentType: attachment.contentType)
    }

    private func message(
        to place: InboundEvent.Place, capacity: Int = 0, _ write: (inout JSONWriter) -> Void
    ) -> OutboundRequest {
        api.post("/me/messages", capacity: capacity) { json in
            writeRecipient(place, to: &json)
            if variant.statesType { json.field("messaging_type", "RESPONSE") }
            json.objectField("message") { write(&$0) }
        }
    }

    private func writeRecipient(_ place: InboundEvent.Place, to json: inout JSONWriter) {
        json.objectField("recipient") { $0.field("id", place.conversation.rawValue) }
    }

    private static func type(of kind: ContentKind) -> String {
        switch kind {
        case .image, .sticker: "image"
        case .audio: "audio"
        case .video: "video"
        default: "file"
        }
    }
}
