public import BridgeCore
internal import Crypto
internal import HTTPCore
internal import JSON

/// Viber's REST bot API: webhooks in, `send_message` out.
///
/// The wire facts are those of <https://developers.viber.com/docs/api/rest-bot-api/>; the README beside the sources says
/// which callbacks are answered and which are recorded.
public struct ViberAdapter: Adapter {
    /// The name in `/webhooks/viber`.
    public let platform = PlatformName("viber")

    /// Viber's limits.
    ///
    /// A text holds 7,000 characters ("Text message"); in which unit is not said, so the strictest reading of "character" is
    /// taken, UTF-16 units. Bots cannot type or edit, and the rates of `send_message` are not published. A picture goes
    /// by its address; films and files need their size in bytes, which nobody tells us, and become links.
    public let capabilities = Capabilities(
        textLimit: .init(7000, .utf16), countedText: ViberText.shown, attachmentsByURL: [.image])

    let configuration: ViberConfiguration
    let signature: ViberSignature

    /// An adapter for one bot.
    public init(configuration: ViberConfiguration) {
        self.configuration = configuration
        signature = ViberSignature(authToken: configuration.authToken)
    }

    /// Checks the signature and reads the callback.
    ///
    /// The `webhook` callback, by which `set_webhook` tries the address, is acknowledged and nothing more. There is no time
    /// to check: the event and its `message_token` tell a repetition.
    public func receive(_ request: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> WebhookOutcome {
        guard request.method == .post else {
            throw WebhookRejection(.methodNotAllowed, "Viber sends its callbacks by POST")
        }
        try signature.verify(request)
        let root: JSONView
        do {
            root = try JSONView(parsing: request.body)
        } catch {
            throw WebhookRejection(.malformed, error.description)
        }
        guard let name = root["event"].string, !name.isEmpty else {
            throw WebhookRejection(.malformed, "the body is no object with an event")
        }
        if name == "webhook" { return WebhookOutcome() }
        // Tokens have 64 bits: they never go through a floating-point number.
        let token = root["message_token"].identifier
        let id = token ?? "body:" + Hex.encode(Array(SHA256.digest(of: request.body).prefix(16)))
        return WebhookOutcome(events: [
            ViberEventReader(root: root, name: name, token: token).event(id: "\(name):\(id)")
        ])
    }
}
