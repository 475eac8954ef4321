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

    private enum Attempt {
        case done(DeliveryResult)
        /// - Parameter isLost: it may have been done all the same, its answer was lost.
        case again(after: Duration, DeliveryFailure, isLost: Bool = false)
        /// Nobody is there to be asked.
        case away(DeliveryFailure, isLost: Bool)
    }

    /// Tries of one request in all; with the backoff below they span some 15 seconds.
    private static let maximumAttempts = 6
    /// The longest pause between two tries while nobody is there: a server of one's own that is started again is away for
    /// longer than a platform's hiccup, and is waited for as long as ``longestTry``.
    private static let longestPauseWhileAway = Duration.seconds(4)
    /// A platform that wants us to wait for longer than this in all gets no answer to a message that is stale by then.
    private static let longestWait = Duration.seconds(300)
    /// A platform that fails slowly is not tried again after this time: the conversation's next message waits behind.
    private static let longestTry = Duration.seconds(60)
    /// Other ways that are tried for one action: as plain text, and in the conversation that it moved to.
    private static let maximumDetours = 2
    private static let windowClosed = DeliveryFailure(
        .windowClosed, reason: "the platform takes no message until the user writes again")

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    let adapter: any Adapter
    let capabilities: Capabilities
    nonisolated let clock: any EngineClock
    private let client: HTTPClient
    private let tokens: TokenKeeper?
    /// True where the platform can be asked whether a message has arrived.
    private let canLookForMessages: Bool
    private let splitter: TextSplitter
    private let metrics: PlatformMetrics
    private let log: Log
    private var pacer: Pacer
    private var held = HeldMessages()
    private var ids = UUIDGenerator()
    private var jitter = SystemRandomNumberGenerator()

    init(
        loop: EventLoop, adapter: any Adapter, rates: Capabilities.Rates, client: HTTPClient, states: any StateStore,
        metrics: PlatformMetrics, log: Log, clock: (any EngineClock)? = nil
    ) {
        self.loop = loop
        self.clock = clock ?? LoopClock(loop: loop)
        self.adapter = adapter
        self.client = client
        self.metrics = metrics
        self.log = log
        capabilities = adapter.capabilities
        canLookForMessages = adapter is any DeliveryChecking
        tokens = (adapter as? any TokenRefreshing).map {
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

    /// Does one thing: waits for its turn, tries again where that may help, falls back to plain text, follows a moved chat.
    ///
    /// - Parameter isUpdate: newer words will follow, so it is not tried again once the platform asks for patience, and an
    ///   edit not at all.
    func perform(
        _ kind: OutboundAction.Kind, to address: ReplyAddress, isUpdate: Bool = false
    ) async -> DeliveryResult {
        var action = OutboundAction(
            id: ids.next(at: .now()), kind: kind, place: address.place, replyTo: address.replyTo,
            replyContext: address.replyContext)
        let start = clock.now()
        if action.kind.isMessage {
            action.part = address.right.nextPart()
            if let names = address.names { action.id = names.name(ofPart: action.part) }
        }
        guard plan(&action, at: address) else {
            // Half an answer is not kept for later: the whole one is.
            return isUpdate ? .failed(Outbox.windowClosed) : hold(action, since: start)
        }
        var attempt = 0
        var detours = 0
        var isReplyLost = false
        var mayHaveArrived = false
        while true {
            let hasTurn = address.right.useTurn()
            guard await hasTurn ? true : waitForTurn(in: action.place) else {
                return end(action, .failed(DeliveryFailure(.temporary, reason: "the bridge was stopped")), since: start)
            }
            attempt += 1
            switch await attemptOnce(action, number: attempt, mayHaveArrived: &mayHaveArrived) {
            case .done(.failed(let failure)):
                // The token works once, and our own try whose answer was lost has used it: the user has read the message.
                if failure.kind == .replyRefused, isReplyLost { return end(action, .delivered(nil), since: start) }
                if detours < Outbox.maximumDetours, let plan = alternative(to: action, after: failure, at: address) {
                    action = plan
                    attempt -= 1
                    detours += 1
                    continue
                }
                if failure.kind == .windowClosed, !isUpdate { return hold(action, since: start) }
                return end(action, .failed(failure), since: start)
            case .done(let result):
                return end(action, result, since: start)
            case .again(let delay, let failure, let isLost):
                isReplyLost = isReplyLost || isLost && isBySingleUse(action)
                if isUpdate, !action.kind.isMessage || failure.isRateLimit { return .failed(failure) }
                guard attempt < Outbox.maximumAttempts,
                    isWorthwhile(failure, after: start.duration(to: clock.now()))
                else {
                    return end(action, .failed(failure), since: start)
                }
                metrics.retries.increment()
                guard await pause(until: clock.now() + delay) else {
                    return end(action, .failed(failure), since: start)
                }
            case .away(let failure, let isLost):
                isReplyLost = isReplyLost || isLost && isBySingleUse(action)
                if isUpdate, !action.kind.isMessage { return .failed(failure) }
                guard isWorthwhile(failure, after: start.duration(to: clock.now())) else {
                    return end(action, .failed(failure), since: start)
                }
                metrics.retries.increment()
                let delay = min(backoff(attempt), Outbox.longestPauseWhileAway)
                guard await pause(until: clock.now() + delay) else {
                    return end(action, .failed(failure), since: start)
                }
            }
        }
    }

    /// Gives the action the means that its event's right allows; false when it may not be sent now.
    private func plan(_ action: inout OutboundAction, at address: ReplyAddress) -> Bool {
        switch address.right.plan(at: .now) {
        case .send(let means):
            action.means = means
            if means == .reply, action.kind.isMessage { address.right.countUse() }
            return true
        case .hold:
            return !action.kind.isMessage
        }
    }

    /// Keeps a message until the user writes again.
    private func hold(_ action: OutboundAction, since start: ContinuousClock.Instant) -> DeliveryResult {
        let reason = "the platform takes no message until the user writes again"
        guard action.kind.isMessage else {
            return end(action, .failed(DeliveryFailure(.windowClosed, reason: reason)), since: start)
        }
        held.add(action.kind, for: action.place)
        metrics.held.increment()
        return end(action, .failed(DeliveryFailure(.windowClosed, reason: "held: \(reason)")), since: start)
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
        var mayHaveArrived = false
        _ = await attemptOnce(action, number: 1, mayHaveArrived: &mayHaveArrived)
    }

    /// - Parameter mayHaveArrived: whether an earlier attempt may have succeeded unheard; set to whether this one may.
    private func attemptOnce(_ action: OutboundAction, number: Int, mayHaveArrived: inout Bool) async -> Attempt {
        let result: DeliveryResult
        do {
            if mayHaveArrived, let found = try await find(action) {
                result = found
            } else {
                mayHaveArrived = false
                guard let request = adapter.encode(action, at: .now()) else {
                    return .done(.failed(DeliveryFailure(.refused, reason: "the platform has no such action")))
                }
                // What goes by a token that works once is not repeated behind our back: a refusal would be misread. Nor is
                // what can be looked for: the client would not look.
                let isLookedFor = canLookForMessages && action.kind.isMessage
                let isRepeatable = canRepeat(action) && !isBySingleUse(action) && !isLookedFor
                let response = try await exchange(request, isRepeatable: isRepeatable)
                result = adapter.interpret(response, to: action)
                // A server on the way gave up waiting for the platform, which may be sending it now.
                if response.status.code == 504, case .failed(let failure) = result, failure.kind == .temporary,
                    !canRepeat(action)
                {
                    return .done(.failed(DeliveryFailure(.uncertain, reason: failure.reason)))
                }
            }
        } catch let error as HTTPClientError {
            mayHaveArrived = mayHaveArrived || error.mayHaveBeenProcessed
            return attempt(at: action, number: number, endedBy: error)
        } catch {
            return .done(.failed(error as? DeliveryFailure ?? DeliveryFailure(.temporary, reason: "\(error)")))
        }
        guard case .failed(let failure) = result else { return .done(result) }
        switch failure.kind {
        case .rateLimited(let after):
            let delay = after ?? backoff(number)
            pacer.block(action.place, failure.scope, for: delay, at: clock.now())
            metrics.rateLimited.increment()
            // The pacer holds the conversation back for as long as the platform asks, this action among the rest.
            return .again(after: .zero, failure)
        case .temporary:
            // It may be a server on the way that could not wait.
            mayHaveArrived = true
            return .again(after: backoff(number), failure)
        default:
            return .done(result)
        }
    }

    /// Sends a request, with a token where the platform asks for one, and a new one where it refuses the first.
    ///
    /// - Throws: `HTTPClientError`, or `DeliveryFailure` where there is no token.
    func exchange(
        _ request: OutboundRequest, timeouts: HTTPClientRequest.Timeouts = .init(), maxResponseBytes: Int = 1 << 20,
        isRepeatable: Bool
    ) async throws -> OutboundResponse {
        guard let tokens, request.bearsToken, let adapter = adapter as? any TokenRefreshing else {
            return try await client.exchange(
                request, timeouts: timeouts, maxResponseBytes: maxResponseBytes, isRepeatable: isRepeatable)
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

    private func attempt(at action: OutboundAction, number: Int, endedBy error: HTTPClientError) -> Attempt {
        switch error.code {
        case .badURL, .badRequest, .unsupportedProtocol, .privateAddress:
            return .done(.failed(DeliveryFailure(.refused, reason: error.message)))
        case .cancelled:
            let kind = error.mayHaveBeenProcessed ? DeliveryFailure.Kind.uncertain : .temporary
            return .done(.failed(DeliveryFailure(kind, reason: error.message)))
        default:
            if error.mayHaveBeenProcessed, !canRepeat(action) {
                return .done(.failed(DeliveryFailure(.uncertain, reason: error.message)))
            }
            let failure = DeliveryFailure(.temporary, reason: error.message)
            if error.code == .connect { return .away(failure, isLost: error.mayHaveBeenProcessed) }
            return .again(after: backoff(number), failure, isLost: error.mayHaveBeenProcessed)
        }
    }

    /// True for a message that goes out by a token which works once.
    private func isBySingleUse(_ action: OutboundAction) -> Bool {
        action.means == .reply && action.kind.isMessage && capabilities.replies.token?.uses == 1
    }

    /// Waits until the pace lets the first message of an answer go out, and keeps that place in line for it.
    ///
    /// - Returns: false when the task was cancelled.
    func takeTurn(at address: ReplyAddress) async -> Bool {
        guard await waitForTurn(in: address.place) else { return false }
        address.right.keepTurn()
        return true
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

    private func isWorthwhile(_ failure: DeliveryFailure, after elapsed: Duration) -> Bool {
        guard case .rateLimited(let delay) = failure.kind else { return elapsed < Outbox.longestTry }
        return elapsed + (delay ?? .zero) <= Outbox.longestWait
    }

    /// True for what does no harm when it is done twice.
    private func canRepeat(_ action: OutboundAction) -> Bool {
        if !action.kind.isMessage || adapter.canRepeat(action) { return true }
        // A token that works once lets no second message through; that it was the first which used it is known then.
        return capabilities.hasIdempotentSends && isBySingleUse(action)
    }

    /// Another way to do the same, where a failure shows one.
    private func alternative(
        to action: OutboundAction, after failure: DeliveryFailure, at address: ReplyAddress
    ) -> OutboundAction? {
        var changed = action
        if failure.kind == .replyRefused {
            address.right.giveUpToken()
            guard action.means == .reply, plan(&changed, at: address) else { return nil }
            return changed
        }
        switch (failure.kind, action.kind) {
        case (.formattingRefused, .send(let text, .markdown)):
            changed.kind = .send(text: text, format: .plain)
        case (.formattingRefused, .sendBatch(let texts, .markdown)):
            changed.kind = .sendBatch(texts: texts, format: .plain)
        case (.formattingRefused, .edit(let message, let text, .markdown)):
            changed.kind = .edit(message: message, text: text, format: .plain)
        case (.conversationMoved(let target), _) where target != action.place.conversation:
            changed.place.conversation = target
        default:
            return nil
        }
        return changed
    }

    private func end(
        _ action: OutboundAction, _ result: DeliveryResult, since start: ContinuousClock.Instant
    ) -> DeliveryResult {
        metrics.deliverySeconds.record(start.duration(to: clock.now()))
        switch result {
        case .delivered, .deliveredBatch:
            metrics.delivered.increment()
        case .failed(let failure):
            metrics.undelivered.increment()
            log.warning(
                "delivery failed",
                [
                    "adapter.name": adapter.platform.rawValue, "action": action.kind.name,
                    "reason": failure.reason,
                ])
        }
        return result
    }

    private func backoff(_ attempt: Int) -> Duration {
        let base = Duration.milliseconds(500) * (1 << min(attempt - 1, 5))
        return base * Double.random(in: 0.75...1.25, using: &jitter)
    }

    /// Waits; false when the task was cancelled.
    private func pause(until end: ContinuousClock.Instant) async -> Bool {
        do {
            try await clock.sleep(until: end)
            return true
        } catch {
            return false
        }
    }
}

extension OutboundAction.Kind {
    /// True for what a user reads or sees as a message of its own.
    var isMessage: Bool {
        switch self {
        case .send, .sendBatch, .sendAttachment: true
        case .edit, .typing, .acknowledgeButton, .join: false
        }
    }

    /// What the action is called in logs.
    var name: String {
        switch self {
        case .send: "send"
        case .edit: "edit"
        case .typing: "typing"
        case .acknowledgeButton: "acknowledge button"
        case .sendBatch: "send"
        case .sendAttachment: "send attachment"
        case .join: "join"
        }
    }
}

extension UUID {
    /// The name of one of the messages that answer a question of this name.
    ///
    /// It keeps the time of version 7, and differs from the question's and from the other parts' in its chance.
    fileprivate func name(ofPart part: Int) -> UUID {
        // 2⁶² over the golden ratio: neighbours differ in many bits. The two bits of the variant stay.
        let step = UInt64(truncatingIfNeeded: part + 1) &* 0x278D_DE6E_5FD2_9E25
        return UUID(high: high, low: low ^ (step & 0x3FFF_FFFF_FFFF_FFFF))
    }
}

/// Where an answer goes, and by which right.
struct ReplyAddress: Sendable {
    let place: InboundEvent.Place
    let replyTo: PlatformMessageID?
    let replyContext: [String: String]
    let right: ReplyRight
    /// What the messages' names are made of, so that an answer that is sent again by another bridge bears the same; nil:
    /// each is new.
    let names: UUID?

    init(
        _ event: InboundEvent, rules: Capabilities.ReplyRules = Capabilities.ReplyRules(), names: UUID? = nil
    ) {
        self.names = names
        place = event.place
        replyTo = event.messageID
        replyContext = event.replyContext
        right = ReplyRight(rules: rules, hasToken: !event.replyContext.isEmpty, at: .now)
    }
}
