internal import BridgeCore
internal import HTTPClient
internal import HTTPCore
internal import Telemetry

/// Fetches the pictures of a question, for agents that look at them.
struct MediaFetcher: Sendable {
    /// As many as the common models take without complaint.
    private static let maximumCount = 4
    /// More than any platform shows as a picture; a model's own limit is about 20 MB for the whole request.
    private static let maximumBytes = 8 << 20
    private static let maximumSteps = 4
    private static let timeouts = HTTPClientRequest.Timeouts(firstByte: .seconds(10), total: .seconds(10))

    let adapter: any MediaFetching
    let outbox: Outbox
    let log: Log

    /// The pictures that could be had; the others are only named in the question's words.
    func pictures(of event: InboundEvent) async -> [AgentTurn.Media] {
        var pictures: [AgentTurn.Media] = []
        for attachment in event.attachments where attachment.kind == .image {
            guard pictures.count < MediaFetcher.maximumCount else { break }
            if let size = attachment.size, size > MediaFetcher.maximumBytes { continue }
            if let picture = await fetch(attachment) { pictures.append(picture) }
        }
        return pictures
    }

    private func fetch(_ attachment: Attachment) async -> AgentTurn.Media? {
        var responses: [OutboundResponse] = []
        while responses.count <= MediaFetcher.maximumSteps {
            switch adapter.fetchMedia(attachment, after: responses) {
            case .request(let request):
                do {
                    let response = try await outbox.exchange(
                        request, timeouts: MediaFetcher.timeouts, maxResponseBytes: MediaFetcher.maximumBytes,
                        isRepeatable: true)
                    responses.append(response)
                } catch {
                    return giveUp("\(error)")
                }
            case .content(let type):
                guard let last = responses.last, last.status.isSuccess, !last.body.isEmpty else {
                    return giveUp("the platform did not send it")
                }
                let contentType = type ?? attachment.contentType ?? last.headers["Content-Type"]
                // A page to log in, or a video under the name of a picture, is nothing for a model.
                guard let contentType, contentType.hasPrefix("image/") else { return giveUp("it is no picture") }
                return AgentTurn.Media(contentType: contentType, bytes: last.body, name: attachment.name)
            case .unavailable(let reason):
                return giveUp(reason)
            }
        }
        return giveUp("the way to it has no end")
    }

    private func giveUp(_ reason: String) -> AgentTurn.Media? {
        log.warning(
            "a picture could not be fetched: the agent is told of it in words",
            ["adapter.name": adapter.platform.rawValue, "reason": reason])
        return nil
    }
}
