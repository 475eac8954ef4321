internal import BridgeCore
internal import HTTPClient
internal import HTTPCore
internal import Telemetry

/// Fetches what came with a message by its platform's API: pictures for agents that look at them, and all of it for the copy that is kept.
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

    /// What fetching an attachment came to.
    enum Download: Sendable {
        /// Its bytes, and what the platform says they are.
        case content([UInt8], contentType: String?)
        /// Not this time; the platform may say after how long to ask again.
        case notNow(reason: String, after: Duration?)
        /// Larger than allowed.
        case tooLarge
        /// Never.
        case unavailable(reason: String)
    }

    /// The pictures that could be had; the others are only named in the question's words.
    func pictures(of event: InboundEvent) async -> [AgentTurn.Media] {
        var pictures: [AgentTurn.Media] = []
        for attachment in event.attachments where attachment.kind == .image {
            guard pictures.count < MediaFetcher.maximumCount else { break }
            if let size = attachment.size, size > MediaFetcher.maximumBytes { continue }
            if let picture = await picture(attachment) { pictures.append(picture) }
        }
        return pictures
    }

    private func picture(_ attachment: Attachment) async -> AgentTurn.Media? {
        switch await download(attachment, atMost: MediaFetcher.maximumBytes, timeouts: MediaFetcher.timeouts) {
        case .content(let bytes, let contentType):
            // A page to log in, or a video under the name of a picture, is nothing for a model.
            guard let contentType, contentType.hasPrefix("image/") else { return giveUp("it is no picture") }
            return AgentTurn.Media(contentType: contentType, bytes: bytes, name: attachment.name)
        case .notNow(let reason, _), .unavailable(let reason): return giveUp(reason)
        case .tooLarge: return giveUp("it is too large")
        }
    }

    /// Goes the adapter's way to an attachment, step by step.
    func download(
        _ attachment: Attachment, atMost limit: Int, timeouts: HTTPClientRequest.Timeouts
    ) async -> Download {
        var responses: [OutboundResponse] = []
        while responses.count <= MediaFetcher.maximumSteps {
            switch adapter.fetchMedia(attachment, after: responses) {
            case .request(let request):
                do {
                    let response = try await outbox.exchange(
                        request, timeouts: timeouts, maxResponseBytes: limit, isRepeatable: true)
                    responses.append(response)
                } catch {
                    return MediaFetcher.failure(error)
                }
            case .content(let type):
                guard let last = responses.last, last.status.isSuccess, !last.body.isEmpty else {
                    return MediaFetcher.failure("the platform did not send it", responses.last)
                }
                return .content(last.body, contentType: type ?? attachment.contentType ?? last.headers["Content-Type"])
            case .notYet(let reason):
                return .notNow(reason: reason, after: nil)
            case .unavailable(let reason):
                return MediaFetcher.failure(reason, responses.last)
            }
        }
        return .unavailable(reason: "the way to it has no end")
    }

    /// What an answer that brought nothing means: too many requests and faults of the server pass, all else stays.
    private static func failure(_ reason: String, _ response: OutboundResponse?) -> Download {
        guard let response, response.status.code == 429 || response.status.code >= 500 else {
            return .unavailable(reason: reason)
        }
        let seconds = response.headers["Retry-After"].flatMap { Int64($0) }
        return .notNow(reason: reason, after: seconds.map { .seconds(min(max($0, 0), 3600)) })
    }

    private static func failure(_ error: any Error) -> Download {
        switch error {
        case let error as HTTPClientError:
            switch error.code {
            case .tooLarge: .tooLarge
            case .badURL, .badRequest, .unsupportedProtocol, .privateAddress, .tooManyRedirects:
                .unavailable(reason: error.message)
            default: .notNow(reason: error.message, after: nil)
            }
        // There is no token.
        case let error as DeliveryFailure where error.kind == .unauthorized: .unavailable(reason: error.reason)
        default: .notNow(reason: "\(error)", after: nil)
        }
    }

    private func giveUp(_ reason: String) -> AgentTurn.Media? {
        log.warning(
            "a picture could not be fetched: the agent is told of it in words",
            ["adapter.name": adapter.platform.rawValue, "reason": reason])
        return nil
    }
}
