public import BridgeCore
internal import HTTPCore
internal import JSON

extension MatrixAdapter {
    /// What the client-server API's answer means: an object of what was asked for, or a status with an `errcode`.
    public func interpret(_ response: OutboundResponse, to action: OutboundAction) -> DeliveryResult {
        switch reply(of: response) {
        case .success(let reply):
            switch action.kind {
            case .edit(let message, _, _):
                return .delivered(message)
            case .send, .sendBatch, .sendAttachment:
                guard let id = reply["event_id"].identifier else {
                    return .failed(DeliveryFailure(.uncertain, reason: "HTTP 200 without an event_id"))
                }
                return .delivered(PlatformMessageID(id))
            case .typing, .join, .acknowledgeButton:
                return .delivered(nil)
            }
        case .failure(let failure):
            // Without its formatting an event is less than half as large.
            if response.status.code == 413, action.isMarkdown {
                return .failed(DeliveryFailure(.formattingRefused, reason: failure.reason))
            }
            return .failed(failure)
        }
    }

    /// The object of a good answer, or why there is none.
    func reply(of response: OutboundResponse) -> Result<JSONView, DeliveryFailure> {
        let status = response.status.code
        let reply = try? JSONView(parsing: response.body)
        if status == 200, let reply, reply.kind == .object { return .success(reply) }
        let code = reply?["errcode"].string
        if status == 429 || code == "M_LIMIT_EXCEEDED" {
            return .failure(
                // Homeservers count what a user sends, into whatever room.
                DeliveryFailure(
                    .rateLimited(after: delay(response, reply)), reason: "M_LIMIT_EXCEEDED", scope: .account))
        }
        guard let code, status != 200 else { return .failure(foreignAnswer(status)) }
        let words = reply?["error"].string ?? ""
        return .failure(
            DeliveryFailure(kind(of: code, words: words, status: status), reason: redacted("\(code): \(words)")))
    }

    /// How long to wait: `Retry-After` in seconds since version 1.10, `retry_after_ms` before it; the longer of them.
    private func delay(_ response: OutboundResponse, _ reply: JSONView?) -> Duration? {
        let seconds = response.headers["Retry-After"].flatMap { Int64($0) }.map {
            Duration.seconds(min(max($0, 0), 86_400))
        }
        let milliseconds = reply?["retry_after_ms"].double.map {
            Duration.milliseconds(Int64(min(max($0, 0), 86_400_000).rounded(.up)))
        }
        guard let seconds, let milliseconds else { return seconds ?? milliseconds }
        return max(seconds, milliseconds)
    }

    private func kind(of code: String, words: String, status: Int) -> DeliveryFailure.Kind {
        if status >= 500 || status == 408 { return .temporary }
        switch code {
        case "M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_UNAUTHORIZED", "M_EXCLUSIVE", "M_USER_DEACTIVATED",
            "M_USER_LOCKED", "M_USER_SUSPENDED", "M_APPSERVICE_LOGIN_UNSUPPORTED":
            return .unauthorized
        case "M_FORBIDDEN":
            // A user who is not of our namespace, or was never registered.
            return words.lowercased().contains("application service") ? .unauthorized : .blocked
        case "M_NOT_FOUND":
            return .gone
        default:
            return .refused
        }
    }

    /// The failure of an answer that is no homeserver's: a proxy's page, half a body.
    private func foreignAnswer(_ status: Int) -> DeliveryFailure {
        let kind: DeliveryFailure.Kind =
            switch status {
            case 401: .unauthorized
            case 403: .blocked
            case 408, 500...: .temporary
            case 200..<300: .uncertain
            default: .refused
            }
        return DeliveryFailure(kind, reason: "HTTP \(status) without an answer of the client-server API")
    }

    /// The homeserver's words without our tokens, cut where they get long.
    private func redacted(_ words: String) -> String {
        var words = String(words.prefix(200))
        for secret in [configuration.asToken.value, configuration.hsToken.value] where !secret.isEmpty {
            words = words.split(separator: secret, omittingEmptySubsequences: false).joined(separator: "…")
        }
        return words
    }
}

extension OutboundAction {
    fileprivate var isMarkdown: Bool {
        switch kind {
        case .send(_, .markdown), .edit(_, _, .markdown): true
        default: false
        }
    }
}
