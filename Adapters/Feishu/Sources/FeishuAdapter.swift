public import BridgeCore
internal import Crypto
internal import HTTPCore
internal import JSON

/// Feishu and Lark: event callbacks of both versions in, the messages of the Open Platform out.
public struct FeishuAdapter: Adapter {
    /// The name in `/webhooks/feishu`.
    public let platform = PlatformName("feishu")

    /// Feishu's limits.
    ///
    /// Formatted messages go out as posts, whose request may have 30 KB ("Send message"); 28,000 bytes of content, with the
    /// escapes of JSON within JSON, leave room for the rest. To one person or group 5 messages go in a second, 50 a second and 1,000 a minute in all. A
    /// message can be edited 20 times, so that a streamed answer is edited each 4 s. Bots have no typing indicator. A repeated
    /// `uuid` makes no second message within an hour.
    public let capabilities = Capabilities(
        textLimit: .init(28_000, .utf8), countedText: { FeishuText.counted($0, $1) }, editInterval: .seconds(4),
        rates: .init(
            conversation: .init(burst: 2, interval: .milliseconds(340)),
            group: .init(burst: 2, interval: .milliseconds(340)),
            overall: .init(burst: 20, interval: .milliseconds(62))),
        hasIdempotentSends: true, attachmentsByUpload: [.image, .audio, .video, .file])

    let configuration: FeishuConfiguration
    let authentication: FeishuAuthentication

    /// An adapter for one app.
    public init(configuration: FeishuConfiguration) {
        self.configuration = configuration
        authentication = FeishuAuthentication(
            encryptKey: configuration.encryptKey, verificationToken: configuration.verificationToken)
    }

    /// Checks signature or token, opens the body and reads an event.
    public func receive(_ request: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> WebhookOutcome {
        guard request.method == .post else {
            throw WebhookRejection(.methodNotAllowed, "Feishu sends its requests by POST")
        }
        let opened = try authentication.open(request)
        let root = opened.root
        let isChallenge = root["type"].string == "url_verification"
        var body = Array("{}".utf8)
        if isChallenge {
            guard let challenge = root["challenge"].string else {
                throw WebhookRejection(.malformed, "a url_verification without a challenge")
            }
            var writer = JSONWriter()
            writer.object { $0.field("challenge", challenge) }
            body = writer.bytes
        }
        let acknowledgement = Acknowledgement(contentType: "application/json", body: body)
        let digest = { "body:" + Hex.encode(Array(SHA256.digest(of: request.body).prefix(16))) }
        guard opened.isVerified, let events = FeishuEventReader(root: root, fallbackID: digest)?.events() else {
            if isChallenge { return WebhookOutcome(acknowledgement) }
            throw WebhookRejection(.malformed, "the body is neither an event nor a card's callback")
        }
        return WebhookOutcome(acknowledgement, events: events)
    }
}
