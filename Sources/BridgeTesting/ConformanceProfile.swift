public import BridgeCore
public import HTTPCore

/// What ``AdapterConformance`` must know of one adapter to try it: how its platform signs, what it sends, what it
/// answers.
///
/// An adapter's tests fill it with payloads of their own and report the findings:
///
/// ```swift
/// @Test func `it keeps the adapter contract`() {
///     #expect(AdapterConformance(adapter, profile).findings() == [])
/// }
/// ```
public struct ConformanceProfile: Sendable {
    /// A payload and what it should become.
    public struct Payload: Sendable {
        /// What it shows.
        public var name: String
        /// The body as the platform sends it.
        public var body: [UInt8]
        /// The events, in order.
        public var events: [ExpectedEvent]

        /// A payload that becomes these events.
        public init(_ name: String, _ body: String, _ events: [ExpectedEvent]) {
            self.name = name
            self.body = Array(body.utf8)
            self.events = events
        }
    }

    /// A response to an action and what it means.
    public struct Response: Sendable {
        /// What it shows.
        public var name: String
        /// The action that was tried.
        public var action: OutboundAction.Kind
        /// What the platform said.
        public var response: OutboundResponse
        /// What that means; the reasons of failures are not compared.
        public var meaning: DeliveryResult

        /// A response that means this.
        public init(
            _ name: String, to action: OutboundAction.Kind = .send(text: "words", format: .markdown), status: Int,
            headers: HTTPFields = [:], body: String, means meaning: DeliveryResult
        ) {
            self.name = name
            self.action = action
            response = OutboundResponse(status: HTTPStatus(status), headers: headers, body: Array(body.utf8))
            self.meaning = meaning
        }
    }

    /// How the platform proves that it is the platform.
    public struct Signing: Sendable {
        /// Makes the request that carries a body, signed at a time by the right key.
        public var sign: @Sendable (_ body: [UInt8], _ now: Timestamp) -> WebhookRequest
        /// The same by another key.
        public var signWrongly: @Sendable (_ body: [UInt8], _ now: Timestamp) -> WebhookRequest
        /// The header fields without any one of which a request must be refused.
        public var fields: [String]
        /// Whether the signature covers the body.
        public var coversBody: Bool
        /// The greatest age and the greatest lead of a signature; nil where the platform signs no time.
        public var tolerance: Duration?

        /// A way of signing.
        public init(
            fields: [String], coversBody: Bool, tolerance: Duration?,
            sign: @escaping @Sendable (_ body: [UInt8], _ now: Timestamp) -> WebhookRequest,
            signWrongly: @escaping @Sendable (_ body: [UInt8], _ now: Timestamp) -> WebhookRequest
        ) {
            self.fields = fields
            self.coversBody = coversBody
            self.tolerance = tolerance
            self.sign = sign
            self.signWrongly = signWrongly
        }
    }

    /// The time at which everything happens.
    public var now: Timestamp
    /// How requests are signed.
    public var signing: Signing
    /// Payloads and what they should become.
    public var payloads: [Payload]
    /// A message from a person whose text is this JSON string literal, quotation marks included.
    public var message: @Sendable (_ literal: String) -> String
    /// The same message with so many attachments; nil where the platform sends one at most.
    public var messageWithAttachments: (@Sendable (_ count: Int) -> String)?
    /// Bodies that are no payload of the platform and must be refused as malformed.
    public var malformed: [String]
    /// Responses and what they mean.
    public var responses: [Response]
    /// Every secret of the configuration.
    public var secrets: [String]
    /// The path at the end of the adapter's API base, as `/api`; the fake's requests come without it.
    public var apiPath: String
    /// A token that the fake takes, of an adapter that is `TokenRefreshing`.
    public var accessToken: String?
    /// The document with the keys by which simulated webhooks are signed, of an adapter that is `PublishedKeyVerifying`.
    public var publishedKeys: [UInt8]?

    /// The profile of one adapter.
    public init(
        now: Timestamp, signing: Signing, payloads: [Payload], message: @escaping @Sendable (String) -> String,
        messageWithAttachments: (@Sendable (Int) -> String)? = nil, malformed: [String], responses: [Response],
        secrets: [String], apiPath: String = "", accessToken: String? = nil, publishedKeys: [UInt8]? = nil
    ) {
        self.now = now
        self.signing = signing
        self.payloads = payloads
        self.message = message
        self.messageWithAttachments = messageWithAttachments
        self.malformed = malformed
        self.responses = responses
        self.secrets = secrets
        self.apiPath = apiPath
        self.accessToken = accessToken
        self.publishedKeys = publishedKeys
    }
}
