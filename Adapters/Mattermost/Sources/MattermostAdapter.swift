public import BridgeCore
internal import Crypto
internal import HTTPCore
internal import JSON

/// Mattermost: outgoing webhooks, slash commands, interactive messages and the WebSocket in, the REST API (version 4) of a bot
/// account out.
public struct MattermostAdapter: Adapter {
    /// The name in `/webhooks/mattermost`.
    public let platform = PlatformName("mattermost")

    /// Mattermost's limits.
    ///
    /// A post has at most 16,383 characters (`model.PostMessageMaxRunesV2`), which are code points. A server's rate limit is
    /// off by default, and 10 requests a second where it is on (`RateLimitSettings.PerSec`). Clients show that somebody is
    /// typing for five seconds (`TimeBetweenUserTypingUpdatesMilliseconds`). A post that repeats the `pending_post_id` of one
    /// of the last 30 seconds is not made again (`PendingPostIDsCacheTTL`).
    public let capabilities = Capabilities(
        textLimit: .init(16_383, .scalars), countedText: { MattermostText.rendered($0, $1) }, editInterval: .seconds(1),
        typingInterval: .seconds(4),
        rates: .init(
            conversation: .init(burst: 5, interval: .milliseconds(500)),
            group: .init(burst: 5, interval: .milliseconds(500)),
            overall: .init(burst: 10, interval: .milliseconds(100))),
        hasIdempotentSends: true,
        // What comes with a post is its place as the root of a thread, for as long as it stands.
        replies: .init(token: .init(lifetime: .seconds(100 * 366 * 86_400))),
        attachmentsByURL: [.image], attachmentsByUpload: [.image, .audio, .video, .file])

    /// Where the post stands in a reply's context.
    static let rootKey = "root"
    /// Where the asker stands in a reply's context.
    static let askerKey = "asker"

    let configuration: MattermostConfiguration
    let account = MattermostSelf()

    /// An adapter for one bot.
    public init(configuration: MattermostConfiguration) {
        self.configuration = configuration
    }

    /// Checks the token and reads a post, a slash command or an interaction.
    ///
    /// The token stands in the body, for interactions in their context; it may also come in `Authorization` or in the query of
    /// the URL that was given to Mattermost.
    public func receive(_ request: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> WebhookOutcome {
        guard request.method == .post || request.method == .get else {
            throw WebhookRejection(.methodNotAllowed, "Mattermost sends its requests by POST or GET")
        }
        guard let payload = MattermostPayload(request) else {
            throw WebhookRejection(
                .malformed, "the body is neither a post, a command nor an interaction of Mattermost's")
        }
        try verify(request, payload)
        let digest = { "body:" + Hex.encode(Array(SHA256.digest(of: request.body + request.target.utf8).prefix(16))) }
        let event = MattermostEventReader(payload: payload, fallbackID: digest).event()
        // An empty object posts nothing and is what interactions insist on.
        let acknowledgement = Acknowledgement(contentType: "application/json", body: Array("{}".utf8))
        if event.messageID != nil,
            account.wrote(
                event.text, in: event.place.conversation.rawValue, user: event.sender?.id.rawValue, at: now)
        {
            return WebhookOutcome(acknowledgement)
        }
        return WebhookOutcome(acknowledgement, events: [event])
    }

    private func verify(_ request: WebhookRequest, _ payload: MattermostPayload) throws(WebhookRejection) {
        var given: [String] = []
        if let token = payload["token"] ?? payload.root["context"]["token"].identifier { given.append(token) }
        if let authorization = request.headers["Authorization"] {
            let halves = authorization.split(separator: " ", maxSplits: 1)
            if halves.count == 2, ["token", "bearer"].contains(halves[0].lowercased()) {
                given.append(String(halves[1]))
            }
        }
        if let token = request.query.first(where: { $0.name == "token" })?.value { given.append(token) }
        var isRight = false
        for token in given {
            for secret in configuration.webhookTokens where constantTimeEquals(token, secret.value) {
                isRight = !token.isEmpty || isRight
            }
        }
        guard isRight else {
            throw WebhookRejection(
                .unauthorized,
                given.isEmpty
                    ? "there is no token: interactions bear it in their context, or in the URL as ?token="
                    : "the token is none of MATTERMOST_WEBHOOK_TOKEN")
        }
    }
}
