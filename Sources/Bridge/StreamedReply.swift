internal import BridgeCore
internal import EventLoop

/// An answer that grows in its message while the agent speaks: sent once, then edited at the platform's pace.
///
/// Edits run beside the reading of the agent's stream and never hold it up: each shows what there is when its turn comes, and
/// one that the platform does not take is forgotten for a newer one. The final text is delivered exactly once: as the last
/// edit, followed by further messages where one is not enough. Where the last edit is refused, the user is sent what the
/// message does not show; all of it only where the message is gone.
actor StreamedReply {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// What the user sees of an answer at a time.
    struct Shown: Sendable {
        /// The words.
        var text: String
        /// The message in which they stand, where the platform named it.
        var message: PlatformMessageID?
    }

    /// The first words are shown after this time: answers that are whole by then are sent as one message.
    private static let firstDelay = Duration.milliseconds(500)

    private let outbox: Outbox
    private let address: ReplyAddress
    private let interval: Duration
    private let mayBegin: @Sendable () async -> Bool
    private var text = ""
    private var shown = ""
    private var message: PlatformMessageID?
    private var failure: DeliveryFailure?
    private var isFinished = false
    private var updates: Task<Void, Never>?
    private var pause: Task<Void, Never>?

    /// - Parameter mayBegin: asked before the first words are shown; false: nothing may be shown by this bridge.
    init(
        outbox: Outbox, address: ReplyAddress, interval: Duration,
        mayBegin: @escaping @Sendable () async -> Bool = { true }
    ) {
        loop = outbox.loop
        self.mayBegin = mayBegin
        self.outbox = outbox
        self.address = address
        self.interval = interval
    }

    /// Adds the next piece of the answer.
    func append(_ piece: String) {
        text += piece
        guard updates == nil, failure == nil else { return }
        updates = loop.spawn(on: self) { await $0.showUpdates() }
    }

    /// Delivers the final text in place of what was shown so far.
    func finish(with final: String) async -> Outbox.Delivery {
        isFinished = true
        pause?.cancel()
        // An update that is on its way is waited for: its message is the one to edit.
        await updates?.value
        if let message { return await replace(message, with: final) }
        if !shown.isEmpty { return await sendRest(of: final) }
        if let failure, StreamedReply.isFinal(failure) { return Outbox.Delivery(failure: failure) }
        // An answer may be files alone.
        if final.isEmpty { return Outbox.Delivery() }
        return await outbox.send(final, format: .markdown, to: address)
    }

    /// Ends the answer as it stands: the agent failed, and what was shown stays shown.
    ///
    /// - Returns: what the user sees; nil when nothing was shown.
    func abandon() async -> Shown? {
        isFinished = true
        pause?.cancel()
        await updates?.value
        return shown.isEmpty ? nil : Shown(text: shown, message: message)
    }

    /// Says what a message that cannot be edited does not show.
    private func sendRest(of final: String) async -> Outbox.Delivery {
        var delivery = Outbox.Delivery(messageIDs: message.map { [$0] } ?? [], parts: 1)
        let rest = await outbox.rest(of: final, after: shown)
        guard !rest.allSatisfy(\.isWhitespace) else { return delivery }
        let sent = await outbox.send(rest, format: .markdown, to: address)
        delivery.messageIDs += sent.messageIDs
        delivery.parts += sent.parts
        delivery.failure = sent.failure
        return delivery
    }

    /// True when a new message would meet the same failure.
    private static func isFinal(_ failure: DeliveryFailure) -> Bool {
        switch failure.kind {
        case .blocked, .unauthorized, .gone, .refused: true
        // Uncertain: at most a few first words may stand there, and the answer is worth more than their absence.
        case .uncertain, .temporary, .rateLimited, .formattingRefused, .conversationMoved, .replyRefused, .windowClosed:
            false
        }
    }

    private func replace(_ message: PlatformMessageID, with final: String) async -> Outbox.Delivery {
        var delivery = Outbox.Delivery(messageIDs: [message], parts: 1)
        let parts = await outbox.parts(of: final)
        guard let first = parts.first else { return delivery }
        if first != shown {
            let result = await outbox.perform(.edit(message: message, text: first, format: .markdown), to: address)
            if case .failed(let failure) = result {
                switch failure.kind {
                // The user or a moderator removed the message: the answer goes out as a new one.
                case .gone: return await outbox.send(final, format: .markdown, to: address)
                // It stays as it is: too old, too often edited, not in this form.
                case .refused, .formattingRefused, .replyRefused, .windowClosed: return await sendRest(of: final)
                default:
                    delivery.failure = failure
                    return delivery
                }
            }
        }
        for part in parts.dropFirst() where delivery.failure == nil {
            delivery.add(await outbox.perform(.send(text: part, format: .markdown), to: address))
        }
        return delivery
    }

    private func showUpdates() async {
        var delay = StreamedReply.firstDelay
        var seen = 0
        while !isFinished, failure == nil {
            await wait(delay)
            delay = interval
            if isFinished { return }
            // Where the pace has no room for the final text behind it, an update is left out: nobody waits for it.
            guard text.utf8.count != seen else { continue }
            let size = text.utf8.count
            let part = await outbox.firstPart(of: text)
            guard part != shown, !part.allSatisfy(\.isWhitespace) else { continue }
            if shown.isEmpty {
                guard await mayBegin() else { return }
                // Meanwhile the answer may have become whole: then it goes out as one.
                if isFinished { return }
            }
            let kind: OutboundAction.Kind =
                if let message { .edit(message: message, text: part, format: .markdown) } else {
                    .send(text: part, format: .markdown)
                }
            guard let result = await outbox.update(kind, to: address) else { continue }
            seen = size
            switch result {
            case .delivered(let id):
                shown = part
                // Without a name the message cannot be edited: the rest follows at the end.
                guard let name = message ?? id else { return }
                message = name
            case .deliveredBatch:
                return
            case .failed(let failure) where failure.isRateLimit || message != nil && failure.isTemporary:
                // The platform asks for patience, or for another try: by then there are newer words.
                seen = 0
            case .failed(let failure):
                self.failure = failure
            }
        }
    }

    private func wait(_ duration: Duration) async {
        let clock = outbox.clock
        let end = clock.now() + duration
        let sleep = loop.spawn { try? await clock.sleep(until: end) }
        pause = sleep
        await sleep.value
        pause = nil
    }
}
