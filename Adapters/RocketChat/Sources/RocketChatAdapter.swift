public import BridgeCore
internal import Crypto
internal import HTTPCore
internal import JSON

/// Rocket.Chat: outgoing integrations and the Omnichannel webhook in, the REST API (version 1) of a bot out.
public struct RocketChatAdapter: Adapter {
    /// The name in `/webhooks/rocketchat`.
    public let platform = PlatformName("rocketchat")

    /// Rocket.Chat's limits.
    ///
    /// A message has at most 5,000 characters unless the server says otherwise (`Message_MaxAllowedSize`), which are UTF-16
    /// units, as JavaScript counts. The REST API takes ten calls of an endpoint a minute from people
    /// (`API_Enable_Rate_Limiter_Limit_Calls_Default`), and any number from those with the role `bot`, who may bypass that;
    /// a message a second in a room keeps it readable. The REST API has no typing indicator.
    public let capabilities = Capabilities(
        textLimit: .init(5000, .utf16), countedText: { RocketChatAdapter.rendered($0, $1) },
        editInterval: .milliseconds(1500),
        rates: .init(
            conversation: .init(burst: 5, interval: .seconds(1)), group: .init(burst: 5, interval: .seconds(1))),
        attachmentsByURL: [.image, .audio, .video], attachmentsByUpload: [.image, .audio, .video, .file])

    /// The header of the Omnichannel webhook.
    static let livechatField = "X-RocketChat-Livechat-Token"

    let configuration: RocketChatConfiguration

    /// An adapter for one bot.
    public init(configuration: RocketChatConfiguration) {
        self.configuration = configuration
    }

    /// Checks the token and reads a message, an event of a room, or news of a visitor.
    ///
    /// Integrations put their token into the body, Omnichannel into a header; it may also stand in the query of the URL that was
    /// given to Rocket.Chat.
    public func receive(_ request: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> WebhookOutcome {
        guard request.method == .post else {
            throw WebhookRejection(.methodNotAllowed, "Rocket.Chat sends its requests by POST")
        }
        let root: JSONView
        do {
            root = try JSONView(parsing: request.body)
        } catch {
            throw WebhookRejection(.malformed, error.description)
        }
        guard root.kind == .object, root.count > 0 else {
            throw WebhookRejection(.malformed, "the body is no JSON object, or an empty one")
        }
        try verify(request, root)
        let reader = RocketChatEventReader(root: root, configuration: configuration) {
            "body:" + Hex.encode(Array(SHA256.digest(of: request.body).prefix(16)))
        }
        return WebhookOutcome(events: reader.events())
    }

    private func verify(_ request: WebhookRequest, _ root: JSONView) throws(WebhookRejection) {
        let given = [
            root["token"].string, request.headers[Self.livechatField],
            request.query.first { $0.name == "token" }?.value,
        ].compactMap { $0 }.filter { !$0.isEmpty }
        var isRight = false
        for token in given {
            for secret in configuration.webhookTokens where constantTimeEquals(token, secret.value) { isRight = true }
        }
        guard isRight else {
            throw WebhookRejection(
                .unauthorized,
                given.isEmpty
                    ? "there is no token, in the body or in \(Self.livechatField)"
                    : "the token is none of ROCKETCHAT_WEBHOOK_TOKEN")
        }
    }
}
