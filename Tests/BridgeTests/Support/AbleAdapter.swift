import BridgeCore
import BridgeTesting
import HTTPCore
import HTTPServer
import JSON

/// An adapter that is the plain one but for some ability.
protocol PlainBased: Adapter {
    var plain: PlainAdapter { get }
}

extension PlainBased {
    var platform: PlatformName { plain.platform }
    var capabilities: Capabilities { plain.capabilities }

    func receive(_ request: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> WebhookOutcome {
        try plain.receive(request, at: now)
    }

    func encode(_ action: OutboundAction, at now: Timestamp) -> OutboundRequest? { plain.encode(action, at: now) }

    func interpret(_ response: OutboundResponse, to action: OutboundAction) -> DeliveryResult {
        plain.interpret(response, to: action)
    }
}

/// The plain platform with tokens: `POST /token` with the last refresh token as its body answers
/// `{"token","refresh"}`, and requests bear `X-Token`.
struct TokenAdapter: PlainBased, TokenRefreshing {
    let plain: PlainAdapter
    var initialToken: AccessToken?
    /// How long a new token is good for.
    var lifetime = Duration.seconds(3600)

    func token(from stored: String) -> AccessToken? {
        AccessToken(value: Secret("stored"), expiresAt: Timestamp(seconds: 0), stored: Secret(stored))
    }

    func tokenRequest(stored: String?, at now: Timestamp) -> OutboundRequest {
        OutboundRequest(url: plain.apiBase + "/token", body: Array((stored ?? "first").utf8))
    }

    func interpretToken(_ response: OutboundResponse, stored: String?, at now: Timestamp) -> TokenOutcome {
        guard let body = try? JSONView(parsing: response.body), let token = body["token"].string else {
            return .failed(DeliveryFailure(.unauthorized, reason: "no token"))
        }
        return .token(
            AccessToken(
                value: Secret(token), expiresAt: now.advanced(by: lifetime),
                stored: body["refresh"].string.map { Secret($0) }))
    }

    func authorize(_ request: inout OutboundRequest, with token: Secret) {
        request.headers.append("X-Token", token.value)
    }
}

/// The plain platform with published keys: a document of one word, which a webhook's `X-Key` must name.
struct KeyedAdapter: PlainBased, PublishedKeyVerifying {
    let plain: PlainAdapter

    func receive(_ request: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> WebhookOutcome {
        throw WebhookRejection(.unauthorized, "asked without keys")
    }

    var keysURL: String { plain.apiBase + "/keys" }

    func parseKeys(_ body: [UInt8]) -> String? { body.isEmpty ? nil : String(decoding: body, as: UTF8.self) }

    func receive(
        _ request: WebhookRequest, keys: String, at now: Timestamp
    ) throws(WebhookRejection) -> WebhookOutcome {
        guard request.headers["X-Key"] == keys else { throw WebhookRejection(.unknownKey, "another key") }
        return try plain.receive(request, at: now)
    }
}

/// The plain platform with a bearer token for its webhooks.
struct BearerAdapter: PlainBased {
    let plain: PlainAdapter

    func receive(_ request: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> WebhookOutcome {
        guard request.headers["Authorization"] == "Bearer webhook" else {
            throw WebhookRejection(.unauthorized, "another token")
        }
        var request = request
        request.headers["X-Plain-Token"] = "plain-token"
        return try plain.receive(request, at: now)
    }
}

/// The plain platform with files: they are brought by `/upload/1` and `/upload/2`, and fetched by `/media/REFERENCE`.
struct MediaAdapter: PlainBased, AttachmentUploading, MediaFetching {
    let plain: PlainAdapter

    func upload(
        _ attachment: OutboundAttachment, for action: OutboundAction, after responses: [OutboundResponse],
        at now: Timestamp
    ) -> UploadStep {
        if let last = responses.last, !last.status.isSuccess {
            return .failed(DeliveryFailure(.refused, reason: "\(last.status)"))
        }
        guard responses.count < 2, case .bytes(let bytes) = attachment.source else {
            return .uploaded(String(decoding: responses.last?.body ?? [], as: UTF8.self))
        }
        return .request(OutboundRequest(url: "\(plain.apiBase)/upload/\(responses.count + 1)", body: bytes))
    }

    func fetchMedia(_ attachment: Attachment, after responses: [OutboundResponse]) -> MediaStep {
        guard let reference = attachment.reference else { return .unavailable(reason: "no reference") }
        guard responses.isEmpty else { return .content(contentType: nil) }
        return .request(OutboundRequest(method: .get, url: "\(plain.apiBase)/media/\(reference)"))
    }
}
