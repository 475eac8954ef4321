public import BridgeCore
internal import HTTPCore
internal import JSON

extension LineAdapter {
    /// What the API's answer means: a status code, and `message` with `details` when it refuses.
    public func interpret(_ response: OutboundResponse, to action: OutboundAction) -> DeliveryResult {
        let body = (try? JSONView(parsing: response.body)) ?? .missing
        if response.status.isSuccess {
            guard body.kind == .object || response.body.isEmpty else {
                return .failed(
                    DeliveryFailure(.uncertain, reason: "HTTP \(response.status.code) without an answer of LINE's"))
            }
            return delivered(body, action)
        }
        // The push was taken at an earlier try; the answer to that was lost.
        if response.status.code == 409,
            body["sentMessages"].kind == .array || response.headers["X-Line-Accepted-Request-Id"] != nil
                || body["message"].string?.lowercased().contains("already accepted") == true
        {
            return delivered(body, action)
        }
        var failure = failure(of: response, body, isReply: replyToken(of: action) != nil)
        // The quote of the message that is answered: without it the words go.
        if response.status.code == 400, action.isMarkdown, failure.reason.lowercased().contains("quotetoken") {
            failure.kind = .formattingRefused
        }
        return .failed(failure)
    }

    /// LINE names the messages that it took, but for some answers of older versions.
    private func delivered(_ body: JSONView, _ action: OutboundAction) -> DeliveryResult {
        let ids = body["sentMessages"].elements.compactMap { $0["id"].identifier.map { PlatformMessageID($0) } }
        if case .sendBatch = action.kind { return .deliveredBatch(ids) }
        return .delivered(ids.first)
    }

    /// Why an answer other than 2xx refuses.
    func failure(of response: OutboundResponse, _ body: JSONView, isReply: Bool = false) -> DeliveryFailure {
        let status = response.status.code
        let message = body["message"].string
        let words = (message ?? "").lowercased()
        let details = body["details"].elements.compactMap { detail in
            [detail["property"].string, detail["message"].string].compactMap { $0 }.joined(separator: ": ")
        }
        let isAboutRecipient =
            words.contains("'to'") || words.contains("failed to send messages")
            || body["details"].elements.contains { $0["property"].string == "to" }
        let kind: DeliveryFailure.Kind
        switch status {
        case 400 where isReply && words.contains("reply token"): kind = .replyRefused
        case 400 where isAboutRecipient: kind = .gone
        case 401: kind = .unauthorized
        case 403: kind = words.contains("authorized") || words.contains("plan") ? .unauthorized : .blocked
        case 404, 410: kind = .gone
        // The pushes of this month are used up; replies cost nothing, so the next message of the user brings it.
        case 429 where words.contains("monthly limit"): kind = .windowClosed
        case 429:
            // LINE documents no Retry-After. Capped at a day only so that nonsense cannot overflow.
            let delay = response.headers["Retry-After"].flatMap { Int64($0) }
            kind = .rateLimited(after: delay.map { .seconds(min(max($0, 0), 86_400)) })
        case 408, 500...: kind = .temporary
        default: kind = .refused
        }
        let reason = ([message ?? "HTTP \(status) without an answer of LINE's"] + details).joined(separator: "; ")
        // LINE counts the requests of a channel to an endpoint, whoever they are for ("Rate limits").
        return DeliveryFailure(kind, reason: redacted(reason), scope: .account)
    }

    /// The platform's words without our token, cut where they get long.
    private func redacted(_ words: String) -> String {
        let words = String(words.prefix(300))
        let token = configuration.accessToken.value
        return token.isEmpty
            ? words : words.split(separator: token, omittingEmptySubsequences: false).joined(separator: "…")
    }
}

extension OutboundAction {
    fileprivate var isMarkdown: Bool {
        switch kind {
        case .send(_, let format), .sendBatch(_, let format): format == .markdown
        default: false
        }
    }
}
