public import BridgeCore
public import Crypto
internal import HTTPCore
internal import JSON

/// Microsoft Teams by the Bot Framework: activities in, the connector's REST API out.
public struct MSTeamsAdapter: PublishedKeyVerifying {
    /// The name in `/webhooks/msteams`.
    public let platform = PlatformName("msteams")

    /// Teams' limits.
    ///
    /// A message holds about 28 KB with all that is around it ("Limits and specifications for Teams"), counted in UTF-16;
    /// 12,000 UTF-16 units leave room for the markup. To one conversation a bot may write 7 times in a second, 60 times in
    /// 30 seconds and 1,800 times in an hour; in one tenant 30 times in a second ("Optimize your bot with rate limiting").
    /// The indicator of typing goes away after a few seconds.
    public let capabilities = Capabilities(
        textLimit: .init(12_000, .utf16), countedText: { MSTeamsText.rendered($0, $1) },
        editInterval: .milliseconds(2100), typingInterval: .seconds(3),
        rates: .init(
            conversation: .init(burst: 7, interval: .milliseconds(2010)),
            group: .init(burst: 7, interval: .milliseconds(2010)),
            overall: .init(burst: 10, interval: .milliseconds(50))),
        attachmentsByURL: [.image])

    let configuration: MSTeamsConfiguration
    let authentication: MSTeamsAuthentication

    /// An adapter for one bot.
    public init(configuration: MSTeamsConfiguration) {
        self.configuration = configuration
        authentication = MSTeamsAuthentication(appID: configuration.appID)
    }

    /// Where the keys of Teams' tokens are published.
    public var keysURL: String { configuration.keysURL }

    /// Reads a JSON Web Key Set.
    public func parseKeys(_ body: [UInt8]) -> JSONWebKeySet? { JSONWebKeySet(parsing: body) }

    /// Checks the token and reads an activity.
    ///
    /// The token speaks for the sender and the address to answer at, not for the body, which is not signed: TLS does that.
    public func receive(
        _ request: WebhookRequest, keys: JSONWebKeySet, at now: Timestamp
    ) throws(WebhookRejection) -> WebhookOutcome {
        guard request.method == .post else {
            throw WebhookRejection(.methodNotAllowed, "Teams sends its requests by POST")
        }
        let token = try authentication.verify(request.headers["Authorization"], keys: keys, at: now)
        let activity: JSONView
        do { activity = try JSONView(parsing: request.body) } catch {
            throw WebhookRejection(.malformed, error.description)
        }
        guard activity.kind == .object, let type = activity["type"].string, !type.isEmpty else {
            throw WebhookRejection(.malformed, "the body is no activity: it has no type")
        }
        try token.check(serviceURL: activity["serviceUrl"].string, channel: activity["channelId"].string)
        let reader = MSTeamsActivityReader(
            activity: activity, type: type, appID: configuration.appID, serviceURL: token.serviceURL,
            fallbackID: { "body:" + Hex.encode(Array(SHA256.digest(of: request.body).prefix(16))) })
        return WebhookOutcome(reader.acknowledgement, events: reader.events())
    }
}
