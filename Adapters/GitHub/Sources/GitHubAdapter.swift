public import BridgeCore
internal import Crypto
internal import HTTPCore
internal import JSON

/// GitHub: comments on issues, pull requests, commits and discussions in, comments out.
///
/// The wire facts are those of <https://docs.github.com/en/webhooks/webhook-events-and-payloads> and
/// <https://docs.github.com/en/rest>; the README beside the sources says which comments are answered.
public struct GitHubAdapter: Adapter {
    /// The name in `/webhooks/github`.
    public let platform = PlatformName("github")

    /// GitHub's limits.
    ///
    /// A comment holds 65,536 characters; at most 80 a minute may be written ("Rate limits for the REST API", secondary
    /// limits). Nobody sees a bot type, and an edit tells nobody, so answers are not streamed.
    public let capabilities = Capabilities(
        textLimit: .init(65_536, .utf16),
        rates: .init(overall: .init(atMost: 80, in: .seconds(60), burst: 10)))

    let configuration: GitHubConfiguration
    let signature: GitHubSignature

    /// An adapter for one bot.
    public init(configuration: GitHubConfiguration) {
        self.configuration = configuration
        signature = GitHubSignature(secret: configuration.webhookSecret)
    }

    /// Checks the signature and reads the delivery, as JSON or in the form field `payload`.
    ///
    /// A delivery bears no time; its id, which a redelivery keeps, tells a repetition.
    public func receive(_ request: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> WebhookOutcome {
        guard request.method == .post else {
            throw WebhookRejection(.methodNotAllowed, "GitHub sends its deliveries by POST")
        }
        try signature.verify(request)
        var bytes = request.body
        if bytes.starts(with: "payload=".utf8),
            let form = HTTPPercentEncoding.decodeForm(bytes).first(where: { $0.name == "payload" })
        {
            bytes = Array(form.value.utf8)
        }
        let root: JSONView
        do {
            root = try JSONView(parsing: bytes)
        } catch {
            throw WebhookRejection(.malformed, error.description)
        }
        guard root.kind == .object, root.count > 0 else {
            throw WebhookRejection(.malformed, "the body is no object with members")
        }
        let name = request.headers["X-GitHub-Event"]
        if name == "ping" || name == nil && root["zen"].exists { return WebhookOutcome() }
        let delivery = request.headers["X-GitHub-Delivery"].flatMap { $0.isEmpty ? nil : $0 }
        let id = delivery ?? "body:" + Hex.encode(Array(SHA256.digest(of: request.body).prefix(16)))
        let reader = GitHubEventReader(root: root, name: name, botName: configuration.name)
        return WebhookOutcome(events: [reader.event(id: EventID(id))])
    }
}
