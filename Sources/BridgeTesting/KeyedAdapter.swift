public import BridgeCore

/// An adapter of a platform with published keys, and the keys: what the engine makes of it once it has fetched them.
///
/// The suites that know nothing of keys take this one; a key that is not in the set refuses a request for good.
public struct KeyedAdapter<Platform: PublishedKeyVerifying>: Adapter {
    /// The adapter.
    public let base: Platform
    private let keys: Platform.Keys

    /// An adapter and a document as its platform publishes it; nil when the document holds no key.
    public init?(_ base: Platform, published: [UInt8]) {
        guard let keys = base.parseKeys(published) else { return nil }
        self.base = base
        self.keys = keys
    }

    /// The adapter's.
    public var platform: PlatformName { base.platform }

    /// The adapter's.
    public var capabilities: Capabilities { base.capabilities }

    /// What the adapter makes of a request with the keys at hand.
    public func receive(_ request: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> WebhookOutcome {
        do {
            return try base.receive(request, keys: keys, at: now)
        } catch {
            if error.reason == .unknownKey { throw WebhookRejection(.unauthorized, error.message) }
            throw error
        }
    }

    /// The adapter's.
    public func encode(_ action: OutboundAction, at now: Timestamp) -> OutboundRequest? {
        base.encode(action, at: now)
    }

    /// The adapter's.
    public func interpret(_ response: OutboundResponse, to action: OutboundAction) -> DeliveryResult {
        base.interpret(response, to: action)
    }
}
