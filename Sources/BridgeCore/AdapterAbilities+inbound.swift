/// A platform that signs with keys which it publishes, and changes now and then.
///
/// The engine fetches them when the first webhook comes, keeps them for a day, and fetches them again (at most twice a
/// minute) when ``receive(_:keys:at:)`` says ``WebhookRejection/Reason/unknownKey``.
public protocol PublishedKeyVerifying: Adapter {
    /// The keys as the adapter likes to have them.
    associatedtype Keys: Sendable

    /// Where they are published.
    var keysURL: String { get }

    /// Reads the document at ``keysURL``; nil when it holds no key that can be used.
    func parseKeys(_ body: [UInt8]) -> Keys?

    /// What ``Adapter/receive(_:at:)`` does, with the keys; the engine calls this one instead.
    func receive(
        _ request: WebhookRequest, keys: Keys, at now: Timestamp
    ) throws(WebhookRejection) -> WebhookOutcome
}

extension PublishedKeyVerifying {
    /// Refuses: without keys nothing can be verified.
    public func receive(_ request: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> WebhookOutcome {
        throw WebhookRejection(.unauthorized, "the platform's keys are not at hand")
    }
}

/// A platform that tells its events over a WebSocket which we open.
///
/// The engine keeps one connection open at a time for each session, and hands events to the same path as those of webhooks.
public protocol GatewayConnecting: Adapter {
    /// True when the configuration asks for it.
    var isGatewayEnabled: Bool { get }

    /// A session that has not been connected yet.
    func makeGatewaySession() -> any GatewaySession
}

/// One session at a platform's gateway, over any number of connections: a state machine without I/O.
///
/// The order of calls: ``address(at:)``; ``opened(at:)``; ``received(_:at:)`` and ``timerFired(at:)`` as they come;
/// ``closed(_:at:)``; and from the start again.
public protocol GatewaySession: Sendable {
    /// Where to connect to next, or whom to ask for it.
    mutating func address(at now: Timestamp) -> GatewayAddress

    /// The answer to a ``GatewayAddress/ask(_:)``.
    mutating func address(from response: OutboundResponse, at now: Timestamp) -> GatewayAddress

    /// The connection is open.
    mutating func opened(at now: Timestamp) -> [GatewayCommand]

    /// A message came, text or binary.
    mutating func received(_ message: [UInt8], at now: Timestamp) -> [GatewayCommand]

    /// The time of the last ``GatewayCommand/wake(after:)`` has come.
    mutating func timerFired(at now: Timestamp) -> [GatewayCommand]

    /// The connection is gone, or could not be made.
    mutating func closed(_ closure: GatewayClosure, at now: Timestamp) -> GatewayRecovery
}

/// Where a gateway is.
public enum GatewayAddress: Sendable {
    /// Connect to this `wss:` URL with these header fields; it may hold a ticket: never log it.
    case connect(url: String, headers: [(name: String, value: String)])
    /// Ask this first.
    case ask(OutboundRequest)
    /// It cannot be had now, or not at all.
    case failed(DeliveryFailure)
}

/// What a gateway's session wants done.
public enum GatewayCommand: Sendable {
    /// Send a text message.
    case send([UInt8])
    /// Hand these events to the engine and, once it has taken them, send the acknowledgement.
    ///
    /// While the engine is full, nothing is acknowledged and nothing further is read.
    case deliver([InboundEvent], acknowledgement: [UInt8]?)
    /// Call ``GatewaySession/timerFired(at:)`` after this time; replaces the last one. nil: never.
    case wake(after: Duration?)
    /// Connect a new session beside this one, and close this connection with code 1000 once that one's is open, or after ten
    /// seconds; for platforms that announce a connection's end, so that nothing is missed between the two.
    ///
    /// ``GatewaySession/closed(_:at:)`` of this session is called as ever, and its answer counts for nothing.
    case replace
    /// Close the connection with this code; ``GatewaySession/closed(_:at:)`` follows.
    case disconnect(code: UInt16)
    /// Tell the operator; without secrets and payloads.
    case note(String)
}

/// How a connection ended.
public struct GatewayClosure: Sendable, Equatable {
    /// The WebSocket close code (RFC 6455, section 7.4), ours or the platform's; nil: without one, cut or never made.
    public var code: UInt16?
    /// The platform's words, or what went wrong.
    public var reason: String

    /// An end.
    public init(code: UInt16?, reason: String) {
        self.code = code
        self.reason = reason
    }
}

/// What follows when a connection is gone.
public enum GatewayRecovery: Sendable, Equatable {
    /// Connect again after this time; nil: the engine's backoff.
    case reconnect(after: Duration?)
    /// It will not work until somebody mends the configuration; what is wrong and what to do.
    case stop(reason: String)
}
