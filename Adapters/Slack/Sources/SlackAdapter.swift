public import BridgeCore
internal import Crypto
internal import HTTPCore
internal import JSON

/// Slack: the Events API, slash commands and interactivity in, by webhook or by Socket Mode; `chat.postMessage` and
/// `chat.update` out.
public struct SlackAdapter: Adapter {
    /// The name in `/webhooks/slack`.
    public let platform = PlatformName("slack")

    /// Slack's limits.
    ///
    /// A text is best kept to 4,000 characters and is cut at 40,000 (`chat.postMessage`, "Truncating content"), counted
    /// here in UTF-16 units. About one message a second goes into a channel, with short bursts ("Rate limits", posting
    /// messages); the limit of a workspace is not published. Bots have no typing indicator.
    public let capabilities = Capabilities(
        textLimit: .init(4000, .utf16), countedText: { SlackText.rendered($0, $1) }, editInterval: .milliseconds(1200),
        rates: .init(
            conversation: .init(burst: 3, interval: .seconds(1)), group: .init(burst: 3, interval: .seconds(1))),
        attachmentsByURL: [.image], attachmentsByUpload: [.image, .audio, .video, .file])

    let configuration: SlackConfiguration
    let signature: SlackSignature
    let authorization: String

    /// An adapter for one app.
    public init(configuration: SlackConfiguration) {
        self.configuration = configuration
        signature = SlackSignature(signingSecret: configuration.signingSecret, botToken: configuration.botToken)
        authorization = "Bearer \(configuration.botToken.value)"
    }

    /// Checks the signature and reads an event, a slash command or an interaction.
    ///
    /// A retry (`x-slack-retry-num`) is read like a first try, which may never have been processed: the event's id
    /// tells them.
    public func receive(_ request: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> WebhookOutcome {
        guard request.method == .post else {
            throw WebhookRejection(.methodNotAllowed, "Slack sends its requests by POST")
        }
        let form = SlackForm(request.body)
        // The certificate probe of slash command URLs is not always signed; nothing is done for it.
        if form?.isCertificateProbe == true { return WebhookOutcome() }
        try signature.verify(request, at: now)
        let digest = { "body:" + Hex.encode(Array(SHA256.digest(of: request.body).prefix(16))) }
        guard let form else {
            let root = try parse(request.body)
            guard root.kind == .object else { throw WebhookRejection(.malformed, "the body is no JSON object") }
            if root["type"].string == "url_verification" {
                guard let challenge = root["challenge"].string else {
                    throw WebhookRejection(.malformed, "a url_verification without a challenge")
                }
                return WebhookOutcome(Acknowledgement(contentType: "text/plain", body: Array(challenge.utf8)))
            }
            guard let events = SlackEventReader(root: root.indexed, fallbackID: digest).events() else {
                throw WebhookRejection(.malformed, "the body has neither an event nor a type")
            }
            return WebhookOutcome(events: events)
        }
        if let payload = form["payload"] {
            let root = try parse(Array(payload.utf8))
            guard let events = SlackEventReader(root: root, fallbackID: digest).events() else {
                throw WebhookRejection(.malformed, "the payload has no type")
            }
            return WebhookOutcome(events: events)
        }
        guard let command = SlackCommand(form) else {
            throw WebhookRejection(.malformed, "the form holds neither a payload nor a command")
        }
        return WebhookOutcome(events: [command.event(fallbackID: digest)])
    }

    private func parse(_ bytes: [UInt8]) throws(WebhookRejection) -> JSONView {
        do {
            return try JSONView(parsing: bytes)
        } catch {
            throw WebhookRejection(.malformed, error.description)
        }
    }
}
