internal import BridgeCore
internal import HTTPClient
internal import HTTPCore
internal import Telemetry

extension Outbox {
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
    private static let unknownAction = Attempt.done(
        .failed(DeliveryFailure(.refused, reason: "the platform has no such action")))

    /// What became of an attempt.
    enum Attempt {
        case done(DeliveryResult)
        /// - Parameter isLost: it may have been done all the same, its answer was lost.
        case again(after: Duration, DeliveryFailure, isLost: Bool = false)
        /// Nobody is there to be asked.
        case away(DeliveryFailure, isLost: Bool)
    }

    /// What follows from it.
    private enum Step {
        case end
        case goOn
        case wait(Duration)
    }

    /// Does one thing: waits for its turn, tries again where that may help, falls back to plain text, follows a moved chat.
    ///
    /// - Parameter isUpdate: newer words will follow, so it is not tried again once the platform asks for patience, and an
    ///   edit not at all.
    func perform(
        _ kind: OutboundAction.Kind, to address: ReplyAddress, isUpdate: Bool = false
    ) async -> DeliveryResult {
        let work = begin(kind, to: address, isUpdate: isUpdate)
        guard mayBegin(work) else { return work.result }
        while true {
            let hasTurn = address.right.useTurn()
            guard await hasTurn ? true : waitForTurn(for: work) else { return endStopped(work) }
            work.attempts += 1
            await attempt(work)
            switch next(work) {
            case .end: return work.result
            case .goOn: continue
            case .wait(let delay):
                guard await rest(for: delay) else { return giveUp(work) }
            }
        }
    }

    /// Waits for another try; false when the task was cancelled.
    @inline(never) private func rest(for delay: Duration) async -> Bool {
        metrics.retries.increment()
        return await pause(until: clock.now() + delay)
    }

    /// Tries once, and notes what became of it.
    func attempt(_ work: ActionInWork) async {
        do {
            if work.mayHaveArrived, let found = try await find(work) { return note(found, of: work) }
            work.mayHaveArrived = false
            guard let request = encode(work) else { return }
            read(try await exchange(request, isRepeatable: isRepeatable(work)), of: work)
        } catch {
            note(error, of: work)
        }
    }

    // What follows does not wait. It is not inlined, lest its values lie in the frames of those above, which do.

    @inline(never) private func begin(
        _ kind: OutboundAction.Kind, to address: ReplyAddress, isUpdate: Bool
    ) -> ActionInWork {
        var action = OutboundAction(
            id: ids.next(at: .now()), kind: kind, place: address.place, replyTo: address.replyTo,
            replyContext: address.replyContext)
        if action.kind.isMessage {
            action.part = address.right.nextPart()
            if let names = address.names { action.id = names.name(ofPart: action.part) }
        }
        return ActionInWork(action, to: address, isUpdate: isUpdate, since: clock.now())
    }

    @inline(never) private func mayBegin(_ work: ActionInWork) -> Bool {
        if plan(&work.action, at: work.address) { return true }
        // Half an answer is not kept for later: the whole one is.
        work.result = work.isUpdate ? .failed(Outbox.windowClosed) : hold(work)
        return false
    }

    /// Gives the action the means that its event's right allows; false when it may not be sent now.
    @inline(never) private func plan(_ action: inout OutboundAction, at address: ReplyAddress) -> Bool {
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
    @inline(never) private func hold(_ work: ActionInWork) -> DeliveryResult {
        let reason = "the platform takes no message until the user writes again"
        guard work.action.kind.isMessage else {
            return end(work, .failed(DeliveryFailure(.windowClosed, reason: reason)))
        }
        held.add(work.action.kind, for: work.action.place)
        metrics.held.increment()
        return end(work, .failed(DeliveryFailure(.windowClosed, reason: "held: \(reason)")))
    }

    @inline(never) private func giveUp(_ work: ActionInWork) -> DeliveryResult { end(work, work.result) }

    @inline(never) private func endStopped(_ work: ActionInWork) -> DeliveryResult {
        end(work, .failed(DeliveryFailure(.temporary, reason: "the bridge was stopped")))
    }

    /// What follows from an attempt; where nothing does, the result is noted.
    @inline(never) private func next(_ work: ActionInWork) -> Step {
        switch work.attempt {
        case .done(.failed(let failure)):
            // The token works once, and our own try whose answer was lost has used it: the user has read the message.
            if failure.kind == .replyRefused, work.isReplyLost {
                work.result = end(work, .delivered(nil))
            } else if work.detours < Outbox.maximumDetours, takeAnotherWay(work, after: failure) {
                return .goOn
            } else if failure.kind == .windowClosed, !work.isUpdate {
                work.result = hold(work)
            } else {
                work.result = end(work, .failed(failure))
            }
            return .end
        case .done(let result):
            work.result = end(work, result)
            return .end
        case .again(let delay, let failure, let isLost):
            noteLoss(isLost, of: work)
            work.result = .failed(failure)
            if work.isUpdate, !work.action.kind.isMessage || failure.isRateLimit { return .end }
            if work.attempts < Outbox.maximumAttempts, isWorthwhile(failure, for: work) { return .wait(delay) }
        case .away(let failure, let isLost):
            noteLoss(isLost, of: work)
            work.result = .failed(failure)
            if work.isUpdate, !work.action.kind.isMessage { return .end }
            if isWorthwhile(failure, for: work) {
                return .wait(min(backoff(work.attempts), Outbox.longestPauseWhileAway))
            }
        }
        work.result = giveUp(work)
        return .end
    }

    private func noteLoss(_ isLost: Bool, of work: ActionInWork) {
        if isLost, isBySingleUse(work.action) { work.isReplyLost = true }
    }

    private func isWorthwhile(_ failure: DeliveryFailure, for work: ActionInWork) -> Bool {
        let elapsed = work.start.duration(to: clock.now())
        guard case .rateLimited(let delay) = failure.kind else { return elapsed < Outbox.longestTry }
        return elapsed + (delay ?? .zero) <= Outbox.longestWait
    }

    /// Takes another way to do the same, where a failure shows one.
    private func takeAnotherWay(_ work: ActionInWork, after failure: DeliveryFailure) -> Bool {
        guard let other = alternative(to: work.action, after: failure, at: work.address) else { return false }
        work.action = other
        work.attempts -= 1
        work.detours += 1
        return true
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

    @inline(never) private func end(_ work: ActionInWork, _ result: DeliveryResult) -> DeliveryResult {
        metrics.deliverySeconds.record(work.start.duration(to: clock.now()))
        switch result {
        case .delivered, .deliveredBatch:
            metrics.delivered.increment()
        case .failed(let failure):
            metrics.undelivered.increment()
            log.warning(
                "delivery failed",
                [
                    "adapter.name": adapter.platform.rawValue, "action": work.action.kind.name,
                    "reason": failure.reason,
                ])
        }
        return result
    }

    // MARK: One attempt

    @inline(never) private func encode(_ work: ActionInWork) -> OutboundRequest? {
        let request = adapter.encode(work.action, at: .now())
        if request == nil { work.attempt = Outbox.unknownAction }
        return request
    }

    /// Whether the client may repeat it behind our back.
    @inline(never) private func isRepeatable(_ work: ActionInWork) -> Bool {
        // What goes by a token that works once is not: a refusal would be misread. Nor is what can be looked for: the client
        // would not look.
        let action = work.action
        return canRepeat(action) && !isBySingleUse(action) && !(canLookForMessages && action.kind.isMessage)
    }

    @inline(never) private func read(_ response: OutboundResponse, of work: ActionInWork) {
        let result = adapter.interpret(response, to: work.action)
        // A server on the way gave up waiting for the platform, which may be sending it now.
        if response.status.code == 504, case .failed(let failure) = result, failure.kind == .temporary,
            !canRepeat(work.action)
        {
            work.attempt = .done(.failed(DeliveryFailure(.uncertain, reason: failure.reason)))
        } else {
            note(result, of: work)
        }
    }

    @inline(never) private func note(_ result: DeliveryResult, of work: ActionInWork) {
        guard case .failed(let failure) = result else { return work.attempt = .done(result) }
        switch failure.kind {
        case .rateLimited(let after):
            let delay = after ?? backoff(work.attempts)
            pacer.block(work.action.place, failure.scope, for: delay, at: clock.now())
            metrics.rateLimited.increment()
            // The pacer holds the conversation back for as long as the platform asks, this action among the rest.
            work.attempt = .again(after: .zero, failure)
        case .temporary:
            // It may be a server on the way that could not wait.
            work.mayHaveArrived = true
            work.attempt = .again(after: backoff(work.attempts), failure)
        default:
            work.attempt = .done(result)
        }
    }

    @inline(never) private func note(_ error: any Error, of work: ActionInWork) {
        guard let error = error as? HTTPClientError else {
            let failure = error as? DeliveryFailure ?? DeliveryFailure(.temporary, reason: "\(error)")
            return work.attempt = .done(.failed(failure))
        }
        let isLost = error.mayHaveBeenProcessed
        work.mayHaveArrived = work.mayHaveArrived || isLost
        work.attempt = outcome(of: work, endedBy: error, isLost: isLost)
    }

    private func outcome(of work: ActionInWork, endedBy error: HTTPClientError, isLost: Bool) -> Attempt {
        switch error.code {
        case .badURL, .badRequest, .unsupportedProtocol, .privateAddress:
            return .done(.failed(DeliveryFailure(.refused, reason: error.message)))
        case .cancelled:
            return .done(.failed(DeliveryFailure(isLost ? .uncertain : .temporary, reason: error.message)))
        default:
            if isLost, !canRepeat(work.action) {
                return .done(.failed(DeliveryFailure(.uncertain, reason: error.message)))
            }
            let failure = DeliveryFailure(.temporary, reason: error.message)
            if error.code == .connect { return .away(failure, isLost: isLost) }
            return .again(after: backoff(work.attempts), failure, isLost: isLost)
        }
    }

    /// True for a message that goes out by a token which works once.
    private func isBySingleUse(_ action: OutboundAction) -> Bool {
        action.means == .reply && action.kind.isMessage && capabilities.replies.token?.uses == 1
    }

    /// True for what does no harm when it is done twice.
    private func canRepeat(_ action: OutboundAction) -> Bool {
        if !action.kind.isMessage || adapter.canRepeat(action) { return true }
        // A token that works once lets no second message through; that it was the first which used it is known then.
        return capabilities.hasIdempotentSends && isBySingleUse(action)
    }

    private func backoff(_ attempt: Int) -> Duration {
        let base = Duration.milliseconds(500) * (1 << min(attempt - 1, 5))
        return base * Double.random(in: 0.75...1.25, using: &jitter)
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
