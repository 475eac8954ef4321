public import BridgeCore
public import Crypto
internal import HTTPCore
internal import JSON

/// Google Chat: interaction events in three envelopes, the Chat API out.
public struct GoogleChatAdapter: PublishedKeyVerifying {
    /// The name in `/webhooks/googlechat`.
    public let platform = PlatformName("googlechat")

    /// Google Chat's limits.
    ///
    /// A message may hold 32,000 bytes ("Create a message"), where it was 4,096 characters before: 4,000 keep to both. To one
    /// space all apps together may write once in a second, and a project 3,000 messages in a minute ("Usage limits"). Apps have
    /// no typing indicator. A repeated `requestId` makes no second message.
    public let capabilities = Capabilities(
        textLimit: .init(4000, .utf16), countedText: { GoogleChatText.rendered($0, $1) }, editInterval: .seconds(2),
        rates: .init(
            conversation: .init(burst: 1, interval: .seconds(1)), group: .init(burst: 1, interval: .seconds(1)),
            overall: .init(burst: 10, interval: .milliseconds(21))),
        hasIdempotentSends: true, attachmentsByURL: [.image])

    let configuration: GoogleChatConfiguration
    let authentication: GoogleChatAuthentication

    /// An adapter for one app.
    public init(configuration: GoogleChatConfiguration) {
        self.configuration = configuration
        authentication = GoogleChatAuthentication(
            audience: configuration.audience, pushAccount: configuration.pushAccount)
    }

    /// Where the keys of the tokens are published.
    public var keysURL: String { configuration.keysURL }

    /// Reads a JSON Web Key Set, or certificates under their key ids, as Google publishes those of service accounts.
    public func parseKeys(_ body: [UInt8]) -> JSONWebKeySet? { JSONWebKeySet(parsing: body) }

    /// Checks the token and reads an event, in whichever of the three envelopes it comes.
    ///
    /// The answer to the request is an empty object, which shows nothing: what we say comes by the API, so that it can stream
    /// and has no deadline.
    public func receive(
        _ request: WebhookRequest, keys: JSONWebKeySet, at now: Timestamp
    ) throws(WebhookRejection) -> WebhookOutcome {
        guard request.method == .post else {
            throw WebhookRejection(.methodNotAllowed, "Google Chat sends its requests by POST")
        }
        try authentication.verify(request.headers["Authorization"], keys: keys, at: now)
        let root: JSONView
        do { root = try JSONView(parsing: request.body) } catch {
            throw WebhookRejection(.malformed, error.description)
        }
        let digest = { "body:" + Hex.encode(Array(SHA256.digest(of: request.body).prefix(16))) }
        guard root.kind == .object, let events = GoogleChatEnvelope.events(in: root, fallbackID: digest) else {
            throw WebhookRejection(.malformed, "the body is neither an event of Chat nor of Pub/Sub")
        }
        return WebhookOutcome(
            Acknowledgement(contentType: "application/json", body: Array("{}".utf8)), events: events)
    }
}
