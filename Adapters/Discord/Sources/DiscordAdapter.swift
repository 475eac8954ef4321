public import BridgeCore
internal import Crypto
internal import HTTPCore
internal import JSON

/// Discord: interactions and webhook events in by HTTP, messages by the Gateway; the REST API out.
///
/// An interaction is acknowledged as deferred at once and answered by its token (good for 15 minutes, without the bot's
/// own rights); what comes through the Gateway is answered by messages of the bot.
public struct DiscordAdapter: Adapter {
    /// The name in `/webhooks/discord`.
    public let platform = PlatformName("discord")

    /// Discord's limits.
    ///
    /// A message's content has at most 2,000 characters ("Message resource", create message), counted here in UTF-16 units,
    /// the strictest reading. Limits of a route are told by header fields and change; in practice a channel takes five
    /// messages or edits in five seconds, and the bot 50 requests a second in all ("Rate limits", global rate limit). The
    /// typing indicator lasts ten seconds ("Channel resource", trigger typing indicator). A message that bears the nonce of
    /// an earlier one is not sent again; follow-ups to an interaction have no nonce and are not repeated.
    public let capabilities = Capabilities(
        textLimit: .init(2000, .utf16), countedText: { DiscordMarkdown.rendered($0, $1) },
        editInterval: .milliseconds(1500), typingInterval: .seconds(8),
        rates: .init(
            conversation: .init(atMost: 5, in: .seconds(5), burst: 3),
            group: .init(atMost: 5, in: .seconds(5), burst: 3),
            overall: .init(atMost: 50, in: .seconds(1), burst: 20)),
        hasIdempotentSends: true,
        replies: .init(token: .init(lifetime: .seconds(14 * 60 + 30))),
        attachmentsByURL: [.image], attachmentsByUpload: [.image, .audio, .video, .file])

    let configuration: DiscordConfiguration
    let signature: DiscordSignature

    /// An adapter for one application.
    public init(configuration: DiscordConfiguration) {
        self.configuration = configuration
        signature = DiscordSignature(publicKey: configuration.publicKey, botToken: configuration.botToken)
    }

    /// Checks the signature and reads an interaction or a webhook event; both PINGs are answered.
    public func receive(_ request: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> WebhookOutcome {
        guard request.method == .post else {
            throw WebhookRejection(.methodNotAllowed, "Discord sends its requests by POST")
        }
        try signature.verify(request)
        let root: JSONView
        do {
            root = try JSONView(parsing: request.body)
        } catch {
            throw WebhookRejection(.malformed, error.description)
        }
        guard root.kind == .object else { throw WebhookRejection(.malformed, "the body is no JSON object") }
        let digest = { "body:" + Hex.encode(Array(SHA256.digest(of: request.body).prefix(16))) }
        if let dispatch = forwarded(root, fallbackID: digest) { return dispatch }
        guard let type = root["type"].int else {
            throw WebhookRejection(.malformed, "the body has no type: neither an interaction nor a webhook event")
        }
        if root["event"].kind == .object || type == 0 {
            // Webhook events have a URL of their own in the portal; it may be the same as that of the interactions.
            let event = DiscordWebhookEvent(root: root, botID: configuration.applicationID, fallbackID: digest)
            return WebhookOutcome(Self.nothing, events: event.events())
        }
        let interaction = DiscordInteraction(root: root, fallbackID: digest)
        switch interaction.kind {
        case .ping:
            return WebhookOutcome(Self.json(#"{"type":1}"#))
        case .command, .component, .form:
            // The user sees that the bot is thinking, until the answer takes the place of that.
            return WebhookOutcome(Self.json(#"{"type":5}"#), events: [interaction.event()])
        case .autocomplete:
            return WebhookOutcome(Self.json(#"{"type":8,"data":{"choices":[]}}"#), events: [interaction.event()])
        case nil:
            return WebhookOutcome(Acknowledgement(status: .accepted), events: [interaction.event()])
        }
    }

    /// What a relay that sits at the Gateway in our stead sends on, as `{"type":"GATEWAY_MESSAGE_CREATE","data":{…}}` or as
    /// Discord's own `{"op":0,"t":"MESSAGE_CREATE","d":{…}}`; nil when this is none.
    private func forwarded(_ root: JSONView, fallbackID: @escaping () -> String) -> WebhookOutcome? {
        let dispatch = DiscordDispatch(botID: configuration.applicationID, fallbackID: fallbackID)
        if let type = root["type"].string, type.hasPrefix("GATEWAY_"), root["data"].kind == .object {
            return WebhookOutcome(Self.nothing, events: dispatch.events(String(type.dropFirst(8)), root["data"]))
        }
        if root["op"].int == 0, let name = root["t"].identifier, root["d"].kind == .object {
            return WebhookOutcome(Self.nothing, events: dispatch.events(name, root["d"]))
        }
        return nil
    }

    /// Webhook events want 204 and, though there is no body, a media type ("Webhook events", responding to events).
    private static let nothing = Acknowledgement(status: .noContent, contentType: "application/json")

    private static func json(_ text: String) -> Acknowledgement {
        Acknowledgement(contentType: "application/json", body: Array(text.utf8))
    }
}
