public import BridgeCore
internal import HTTPCore
internal import JSON

extension WebhookAdapter: Faking {
    /// A receiver that checks the signature as the specification asks; 204 when it is right.
    public func fakeAnswer(to request: FakeRequest, number: Int64, at now: Timestamp) -> FakeAnswer? {
        guard request.method == .post else { return nil }
        let webhook = WebhookRequest(target: request.target, headers: request.headers, body: request.body)
        do throws(WebhookRejection) {
            _ = try signature?.verify(webhook, at: now)
        } catch {
            return FakeAnswer([.refused(error.message)], fakeFault(.unauthorized, to: request))
        }
        let data = ((try? JSONView(parsing: request.body)) ?? .missing)["data"]
        let id = request.headers["webhook-id"] ?? String(number)
        let conversation = data["conversation"].string ?? ""
        let action: FakeAnswer.Action =
            if let url = data["attachment"]["url"].string, !url.isEmpty {
                .attachment(conversation: conversation, id: id, kind: data["attachment"]["kind"].string ?? "file")
            } else {
                .message(conversation: conversation, id: id, text: data["text"].string ?? "")
            }
        return FakeAnswer([action], OutboundResponse(status: .noContent))
    }

    /// The statuses that the specification names.
    public func fakeFault(_ fault: PlatformFault, to request: FakeRequest) -> OutboundResponse {
        switch fault {
        case .rateLimited(let delay):
            OutboundResponse(
                status: .tooManyRequests, headers: ["Retry-After": String(max(1, delay.components.seconds))])
        case .serverError: OutboundResponse(status: .serviceUnavailable)
        case .unauthorized: OutboundResponse(status: .unauthorized)
        // A receiver knows nothing of users and formats: it is there, or gone for good.
        case .blocked, .gone, .formattingRefused: OutboundResponse(status: HTTPStatus(410))
        }
    }
}
