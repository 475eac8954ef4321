/// A platform that can be asked for its events, for machines that no webhook reaches.
///
/// The engine keeps one poll open at a time, hands the events to the same path as those of webhooks, and stores the cursor of
/// ``PollOutcome/events(_:cursor:)`` durably once they are taken, so that a restart goes on where it stopped.
public protocol LongPolling: Adapter {
    /// True when the configuration asks for polling instead of a webhook.
    var isPollingEnabled: Bool { get }

    /// The request for what comes after a cursor; nil: from the start of what the platform still has.
    func poll(after cursor: String?) -> OutboundRequest

    /// What a poll's response holds.
    func interpretPoll(_ response: OutboundResponse) -> PollOutcome
}

/// What a poll came to.
public enum PollOutcome: Sendable {
    /// These events, and the cursor that goes past them (nil: unchanged).
    case events([InboundEvent], cursor: String?)
    /// Nothing could be had; poll again after the failure's delay or with backoff.
    case failed(DeliveryFailure)
}

/// A platform whose credentials can be tried without any effect; called by `chatbridge doctor` alone.
public protocol CredentialChecking: Adapter {
    /// The requests to make, in order, each with a name for the report.
    func credentialChecks() -> [CredentialCheck]

    /// What a response says of the credentials.
    func interpretCredentialCheck(_ response: OutboundResponse, of check: CredentialCheck) -> CredentialFinding
}

/// One trial of credentials.
public struct CredentialCheck: Sendable {
    /// What is tried, as in "bot token".
    public var name: String
    /// The request that tries it.
    public var request: OutboundRequest

    /// A trial.
    public init(name: String, request: OutboundRequest) {
        self.name = name
        self.request = request
    }
}

/// What a trial of credentials found.
public enum CredentialFinding: Sendable, Equatable {
    /// All is well; a line that says what was found.
    case good(String)
    /// It works, but somebody should look at this.
    case warning(String)
    /// It does not work; what is wrong and what to do.
    case bad(String)
}

/// A platform whose webhooks can be made by ourselves, correctly signed; called by `chatbridge simulate` alone.
public protocol Simulating: Adapter {
    /// A webhook as the platform would send it when a user writes `text`.
    ///
    /// - Parameter number: tells simulated messages apart: event and message ids are made of it.
    func simulateWebhook(text: String, number: Int64, at now: Timestamp) -> WebhookRequest
}
