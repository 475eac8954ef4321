internal import BridgeCore

extension Outbox {
    /// Steps that an upload may take; no platform asks for more than four.
    private static let maximumUploadSteps = 6

    /// Sends an attachment in the platform's own way; where it has none, or refuses, as a link or a line that names it.
    ///
    /// What an agent names by its address is never fetched by us to be sent on: the address may be one of our own network.
    func send(_ attachment: OutboundAttachment, to address: ReplyAddress) async -> Delivery {
        if let attachment = fitting(attachment) {
            switch await bring(attachment, to: address) {
            case .uploaded(let attachment):
                let result = await perform(.sendAttachment(attachment, caption: nil), to: address)
                var delivery = Delivery()
                delivery.add(result)
                if case .failed(let failure) = result, failure.kind == .refused { break }
                return delivery
            case .sent(let id):
                return Delivery(messageIDs: id.map { [$0] } ?? [], parts: 1)
            case .failed:
                break
            }
        }
        return await send(attachment.inWords, format: .plain, to: address)
    }

    private enum Arrival {
        case uploaded(OutboundAttachment)
        case sent(PlatformMessageID?)
        case failed
    }

    /// The attachment under a kind that the platform takes: a picture may go as a file; nil when it takes none of these.
    private func fitting(_ attachment: OutboundAttachment) -> OutboundAttachment? {
        let kinds: Set<ContentKind>
        switch attachment.source {
        case .url: kinds = capabilities.attachmentsByURL
        case .bytes: kinds = capabilities.attachmentsByUpload
        case .uploaded: return attachment
        }
        if kinds.contains(attachment.kind) { return attachment }
        guard kinds.contains(.file) else { return nil }
        var file = attachment
        file.kind = .file
        return file
    }

    /// Uploads the bytes of an attachment that has some.
    private func bring(_ attachment: OutboundAttachment, to address: ReplyAddress) async -> Arrival {
        guard case .bytes = attachment.source, let adapter = adapter as? any AttachmentUploading else {
            return .uploaded(attachment)
        }
        let action = OutboundAction(
            id: nextActionID(), kind: .sendAttachment(attachment, caption: nil), place: address.place,
            replyTo: address.replyTo, replyContext: address.replyContext)
        var responses: [OutboundResponse] = []
        while responses.count < Outbox.maximumUploadSteps {
            switch adapter.upload(attachment, for: action, after: responses, at: .now()) {
            case .request(let request):
                do {
                    responses.append(try await exchange(request, isRepeatable: false))
                } catch {
                    noteFailedUpload("\(error)")
                    return .failed
                }
            case .uploaded(let reference):
                var uploaded = attachment
                uploaded.source = .uploaded(reference)
                return .uploaded(uploaded)
            case .sent(let id):
                return .sent(id)
            case .failed(let failure):
                noteFailedUpload(failure.reason)
                return .failed
            }
        }
        noteFailedUpload("the upload has no end")
        return .failed
    }
}

extension OutboundAttachment {
    /// What stands for it where it cannot be shown.
    fileprivate var inWords: String {
        let title = name ?? kind.rawValue
        return switch source {
        case .url(let url): name.map { "\($0): \(url)" } ?? url
        case .bytes, .uploaded: "[\(title): cannot be shown here]"
        }
    }
}
