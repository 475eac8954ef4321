internal import BridgeCore
internal import EventLoop
internal import HTTPClient
internal import HTTPCore
internal import Telemetry

/// Brings actions to one platform: paced, retried, and split where a text is over the limit.
///
/// A request that may have been carried out although its answer was lost is not sent again: a user who reads an answer twice
/// is worse off than one who asks again. What certainly did not reach the platform is retried.
actor Outbox {
    /// What became of a text.
    struct Delivery: Sendable, Equatable {
        /// The platform's names of the messages that were sent, in order.
        var messageIDs: [PlatformMessageID] = []
        /// Messages that were sent.
        var parts = 0
        /// Why it stopped before the end, if it did.
        var failure: DeliveryFailure?

        /// Adds what became of a request with so many messages.
        mutating func add(_ result: DeliveryResult, messages: Int = 1) {
            switch result {
            case .delivered(let id):
                parts += messages
                if let id { messageIDs.append(id) }
            case .deliveredBatch(let ids):
                parts += messages
                messageIDs += ids
            case .failed(let failure):
                self.failure = failure
            }
        }
    }

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    let adapter: any Adapter
    let capabilities: Capabilities
    nonisolated let clock: any EngineClock
    private let client: HTTPClient
    nonisolated let tokens: TokenKeeper?
    /// True where the platform can be asked whether a message has arrived.
    let canLookForMessages: Bool
    private let splitter: TextSplitter
    let metrics: PlatformMetrics
    let log: Log
    var pacer: Pacer
    var held = HeldMessages()
    var ids = UUIDGenerator()
    var jitter = SystemRandomNumberGenerator()

    init(
        loop: EventLoop, adapter: any Adapter, rates: Capabilities.Rates, client: HTTPClient, states: any StateStore,
        metrics: PlatformMetrics, log: Log, tokens: TokenKeeper? = nil, clock: (any EngineClock)? = nil
    ) {
        self.loop = loop
        self.clock = clock ?? LoopClock(loop: loop)
        self.adapter = adapter
        self.client = client
        self.metrics = metrics
        self.log = log
        capabilities = adapter.capabilities
        canLookForMessages = adapter is any DeliveryChecking
        self.tokens =
            tokens
            ?? (adapter as? any TokenRefreshing).map {
                TokenKeeper(adapter: $0, client: client, store: states, loop: loop, log: log)
            }
        splitter = TextSplitter(capabilities)
        pacer = Pacer(rates: rates)
    }

    /// Sends a text as one or more messages, in order; stops at the first that cannot be sent.
    func send(_ text: String, format: OutboundAction.Format, to address: ReplyAddress) async -> Delivery {
        var delivery = Delivery()
        var rest = splitter.split(text, format: format)[...]
        while !rest.isEmpty, delivery.failure == nil {
            let batch = Array(rest.prefix(capabilities.messagesPerRequest))
            rest = rest.dropFirst(batch.count)
            let kind: OutboundAction.Kind =
                batch.count == 1
                ? .send(text: batch[0], format: format) : .sendBatch(texts: batch, format: format)
            delivery.add(await perform(kind, to: address), messages: batch.count)
        }
        return delivery
    }

    /// Sends what waits for the user to write again, now that they have.
    func sendHeld(to address: ReplyAddress) async {
        for kind in held.take(address.place) { _ = await perform(kind, to: address) }
    }

    /// The first message's worth of a text: what a streamed answer shows while it grows.
    func firstPart(of text: String) -> String {
        splitter.firstPart(of: text, format: .markdown)
    }

    /// The messages that a text takes.
    func parts(of text: String) -> [String] {
        splitter.split(text, format: .markdown)
    }

    /// Shows what there is of an answer, if the budget has room for it and for the answer too; nil: not now.
    ///
    /// It never waits: newer words follow, and the final text must not wait behind it.
    func update(_ kind: OutboundAction.Kind, to address: ReplyAddress) async -> DeliveryResult? {
        guard hasRoomToSpare(at: address) else { return nil }
        return await perform(kind, to: address, isUpdate: true)
    }

    /// What of a text is not in a message that holds the beginning of it already, made so that it can stand alone.
    func rest(of text: String, after shown: String) -> String {
        splitter.rest(of: text, after: shown)
    }

    /// True when the budget has room for something less than an answer, and for the answer too.
    func hasRoomToSpare(at address: ReplyAddress) -> Bool {
        pacer.hasRoomToSpare(address.place, at: clock.now())
    }

    /// Shows the typing indicator if the budget has room for it and for the answer too: it never delays anything.
    func showTyping(to address: ReplyAddress) async {
        guard hasRoomToSpare(at: address) else { return }
        let action = OutboundAction(
            id: ids.next(at: .now()), kind: .typing, place: address.place, replyTo: address.replyTo,
            replyContext: address.replyContext)
        _ = pacer.reserve(action.place, at: clock.now())
        let work = ActionInWork(action, to: address, since: clock.now())
        work.attempts = 1
        _ = await attempt(work)
    }

    /// Sends a request, with a token where the platform asks for one, and a new one where it refuses the first.
    ///
    /// - Throws: `HTTPClientError`, or `DeliveryFailure` where there is no token.
    func exchange(
        _ request: OutboundRequest, timeouts: HTTPClientRequest.Timeouts = .init(), maxResponseBytes: Int = 1 << 20,
        isRepeatable: Bool
    ) async throws -> OutboundResponse {
        if tokens == nil || !request.bearsToken {
            return try await client.exchange(
                request, timeouts: timeouts, maxResponseBytes: maxResponseBytes, isRepeatable: isRepeatable)
        }
        return try await exchange(
            withToken: request, timeouts: timeouts, maxResponseBytes: maxResponseBytes, isRepeatable: isRepeatable)
    }

    @inline(never) private func exchange(
        withToken request: OutboundRequest, timeouts: HTTPClientRequest.Timeouts, maxResponseBytes: Int,
        isRepeatable: Bool
    ) async throws -> OutboundResponse {
        guard let tokens, let adapter = adapter as? any TokenRefreshing else {
            preconditionFailure("tokens are kept for adapters that refresh them")
        }
        var isRenewed = false
        while true {
            let token = try await tokens.token()
            var authorized = request
            adapter.authorize(&authorized, with: token)
            let response = try await client.exchange(
                authorized, timeouts: timeouts, maxResponseBytes: maxResponseBytes, isRepeatable: isRepeatable)
            guard !isRenewed, adapter.isTokenRefused(response) else { return response }
            await tokens.discard(token)
            isRenewed = true
        }
    }

    func nextActionID() -> UUID { ids.next(at: .now()) }

    func noteFailedUpload(_ reason: String) {
        log.warning(
            "an attachment could not be uploaded", ["adapter.name": adapter.platform.rawValue, "reason": reason])
    }

    /// Waits until the pace lets the first message of an answer go out, and keeps that place in line for it.
    ///
    /// - Returns: false when the task was cancelled.
    func takeTurn(at address: ReplyAddress) async -> Bool {
        guard await waitForTurn(in: address.place) else { return false }
        address.right.keepTurn()
        return true
    }

    @inline(never) func waitForTurn(for work: ActionInWork) async -> Bool {
        await waitForTurn(in: work.action.place)
    }

    /// Waits until the pace allows an action; false when the task was cancelled.
    private func waitForTurn(in place: InboundEvent.Place) async -> Bool {
        var wait = pacer.reserve(place, at: clock.now())
        if wait > .zero { metrics.paced.increment() }
        while wait > .zero {
            guard await pause(until: clock.now() + wait) else { return false }
            // Meanwhile the platform may have asked for patience with this conversation.
            wait = pacer.isBlocked(place, at: clock.now()) ? pacer.reserve(place, at: clock.now()) : .zero
        }
        return true
    }

    /// Waits; false when the task was cancelled.
    func pause(until end: ContinuousClock.Instant) async -> Bool {
        do {
            try await clock.sleep(until: end)
            return true
        } catch {
            return false
        }
    }
}
