public import HTTPCore

/// A platform as the engine sees it: pure functions between its payloads and our values.
///
/// An adapter does no I/O, keeps no state that a restart would lose, and may be called from several loops at once. The engine
/// verifies nothing itself and names no platform; what it needs to know stands in ``capabilities``. What only some platforms
/// need are protocols of their own, each saying when the engine calls it: ``LongPolling``, ``GatewayConnecting``,
/// ``TokenRefreshing``, ``PublishedKeyVerifying``, ``AttachmentUploading``, ``DeliveryChecking``, ``MediaFetching``,
/// ``WebhookRegistering``,
/// ``CredentialChecking``, ``Simulating``, ``Faking``.
public protocol Adapter: Sendable {
    /// The name in `/webhooks/{platform}`, in the tables and in the metrics.
    var platform: PlatformName { get }

    /// What the platform can do.
    var capabilities: Capabilities { get }

    /// Verifies a webhook and says what happened, in the order in which the platform tells it.
    ///
    /// A payload that is authentic but unknown is no error: it is acknowledged, and recorded as what it is. One event that
    /// cannot be understood never costs its siblings in the same body.
    ///
    /// - Parameters:
    ///   - request: as it came: signatures are over its body's bytes.
    ///   - now: the time against which the age of a signature is checked.
    /// - Returns: what to tell the platform, and what happened; no events where there is nothing to record.
    /// - Throws: ``WebhookRejection`` when the signature is wrong, missing or stale, or the body is not what it claims to be.
    func receive(_ request: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> WebhookOutcome

    /// The request that does an action, or nil when the platform has no such thing (the engine asks ``capabilities`` first).
    ///
    /// It is called again for each retry, with the same ``OutboundAction/id`` and a later `now`.
    ///
    /// - Parameters:
    ///   - action: one message's worth, within ``Capabilities/textLimit``.
    ///   - now: the time for signatures.
    func encode(_ action: OutboundAction, at now: Timestamp) -> OutboundRequest?

    /// True when a message that is sent twice is shown once.
    ///
    /// So it is where the request bears a name made of ``OutboundAction/id`` by which the platform tells a repetition, or where it
    /// replaces what it made before. Asked for messages alone: where it is false, one whose answer was lost is not sent again.
    /// Unless an adapter says more, ``Capabilities/hasIdempotentSends`` holds for every message.
    func canRepeat(_ action: OutboundAction) -> Bool

    /// What the platform's response means, whatever its status; the engine has seen only that there is one.
    ///
    /// The kind of a ``DeliveryFailure`` says what the engine does next: wait, try again, send it plainly, follow, or give up.
    func interpret(_ response: OutboundResponse, to action: OutboundAction) -> DeliveryResult
}

extension Adapter {
    /// As ``Capabilities/hasIdempotentSends`` says.
    public func canRepeat(_ action: OutboundAction) -> Bool { capabilities.hasIdempotentSends }
}

/// A request that a platform sent to `/webhooks/{platform}`.
public struct WebhookRequest: Sendable {
    /// `POST`, or `GET` where the platform has a handshake.
    public var method: HTTPMethod
    /// The path with its query, as received.
    public var target: String
    /// The header fields.
    public var headers: HTTPFields
    /// The body as received: signatures are over these bytes.
    public var body: [UInt8]

    /// A request as it came.
    public init(method: HTTPMethod = .post, target: String, headers: HTTPFields, body: [UInt8]) {
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
    }

    /// The query's pairs, decoded.
    public var query: [(name: String, value: String)] {
        guard let mark = target.utf8.firstIndex(of: UInt8(ascii: "?")) else { return [] }
        return HTTPPercentEncoding.decodeForm(target.utf8[mark...].dropFirst())
    }
}

/// What a webhook came to.
public struct WebhookOutcome: Sendable {
    /// What the platform is told.
    public var acknowledgement: Acknowledgement
    /// What happened, in the platform's order.
    public var events: [InboundEvent]

    /// The answer to the platform, and the events.
    public init(_ acknowledgement: Acknowledgement = .ok, events: [InboundEvent] = []) {
        self.acknowledgement = acknowledgement
        self.events = events
    }
}

/// The response to a webhook.
public struct Acknowledgement: Sendable {
    /// The status, usually 200.
    public var status: HTTPStatus
    /// The body's media type; nil without a body.
    public var contentType: String?
    /// The body.
    public var body: [UInt8]

    /// A response.
    public init(status: HTTPStatus = .ok, contentType: String? = nil, body: [UInt8] = []) {
        self.status = status
        self.contentType = contentType
        self.body = body
    }

    /// 200 without a body.
    public static let ok = Acknowledgement()
}

/// Why a webhook was refused.
public struct WebhookRejection: Error, Sendable, Equatable {
    /// Whose fault it is.
    public enum Reason: Sendable, Equatable {
        /// The signature or token is missing, wrong or stale: 401.
        case unauthorized
        /// The verify token of a handshake is wrong: 403, as such platforms expect.
        case forbidden
        /// The body is not what the platform sends: 400.
        case malformed
        /// The method is not one that the platform uses: 405.
        case methodNotAllowed
        /// It is signed by a key that is not among those published when they were last fetched.
        ///
        /// The engine fetches them again and asks once more; then it is 401.
        case unknownKey
    }

    /// Whose fault it is.
    public var reason: Reason
    /// What is wrong, for the log and the caller; without secrets and without payload.
    public var message: String

    /// A refusal.
    public init(_ reason: Reason, _ message: String) {
        self.reason = reason
        self.message = message
    }
}

/// A request to a platform or an agent, for the engine to send.
public struct OutboundRequest: Sendable {
    /// The method.
    public var method: HTTPMethod
    /// The whole URL.
    ///
    /// It may hold a token: never log it.
    public var url: String
    /// The header fields.
    public var headers: HTTPFields
    /// The body.
    public var body: [UInt8]
    /// Whether the access token of a ``TokenRefreshing`` adapter goes with it; false for other hosts, which must not see it.
    public var bearsToken: Bool
    /// True where somebody outside has chosen the URL: the engine then connects to addresses of the Internet alone.
    ///
    /// ``fetching(_:at:or:headers:bearsToken:)`` makes such requests.
    public var isUntrustedAddress: Bool

    /// A request.
    public init(
        method: HTTPMethod = .post, url: String, headers: HTTPFields = [:], body: [UInt8] = [], bearsToken: Bool = true,
        isUntrustedAddress: Bool = false
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.bearsToken = bearsToken
        self.isUntrustedAddress = isUntrustedAddress
    }
}

/// What came back.
public struct OutboundResponse: Sendable {
    /// The header fields of a response, looked up by name without case; most are never looked at, so none is made before.
    public struct Headers: Sendable {
        private let find: @Sendable (String) -> String?

        /// Fields that a function finds.
        public init(_ find: @escaping @Sendable (String) -> String?) {
            self.find = find
        }

        /// The first value under a name.
        public subscript(name: String) -> String? { find(name) }
    }

    /// The status.
    public var status: HTTPStatus
    /// The header fields.
    public var headers: Headers
    /// The body, up to the engine's limit.
    public var body: [UInt8]

    /// A response whose fields are looked up when they are asked for.
    public init(status: HTTPStatus, headers: Headers, body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A response with these fields.
    public init(status: HTTPStatus, headers: HTTPFields = [:], body: [UInt8] = []) {
        self.init(status: status, headers: Headers { headers[$0] }, body: body)
    }
}
