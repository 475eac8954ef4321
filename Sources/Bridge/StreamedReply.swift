internal import BridgeCore
internal import EventLoop

/// An answer that grows in its message while the agent speaks: sent once, then edited at the platform's pace.
///
/// Edits run beside the reading of the agent's stream and never hold it up: each shows what there is when its turn comes. The
/// final text is delivered exactly once: as the last edit, followed by further messages where one is not enough.
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
    private var text = ""
    private var shown = ""
    private var message: PlatformMessageID?
    private var failure: DeliveryFailure?
    private var isFinished = false
    private var updates: Task<Void, Never>?
    private var pause: Task<Void, Never>?

    init(outbox: Outbox, address: ReplyAddress, interval: Duration) {
        loop = outbox.loop
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

    /// Says what a platform that named no message, and so cannot have it edited, was not told yet.
    private func sendRest(of final: String) async -> Outbox.Delivery {
        let rest = final.hasPrefix(shown) ? String(final.dropFirst(shown.count)) : final
        guard !rest.allSatisfy(\.isWhitespace) else { return Outbox.Delivery(parts: 1) }
        var delivery = await outbox.send(rest, format: .markdown, to: address)
        delivery.parts += 1
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
                // The user or a moderator removed the message, or it may not be edited: the answer goes out as a new one.
                if failure.kind == .gone || failure.kind == .refused {
                    return await outbox.send(final, format: .markdown, to: address)
                }
                delivery.failure = failure
                return delivery
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
            guard text.utf8.count != seen, await outbox.hasRoomToSpare(at: address) else { continue }
            seen = text.utf8.count
            let part = await outbox.firstPart(of: text)
            guard part != shown, !part.allSatisfy(\.isWhitespace) else { continue }
            let kind: OutboundAction.Kind =
                if let message { .edit(message: message, text: part, format: .markdown) } else {
                    .send(text: part, format: .markdown)
                }
            switch await outbox.perform(kind, to: address) {
            case .delivered(let id):
                shown = part
                // Without a name the message cannot be edited: the rest follows at the end.
                guard let name = message ?? id else { return }
                message = name
            case .deliveredBatch:
                return
            case .failed(let failure):
                self.failure = failure
            }
        }
    }

    private func wait(_ duration: Duration) async {
        let loop = loop
        let end = ContinuousClock.now + duration
        let sleep = loop.spawn {
            // Looked at again, since the loop's clock ticks in milliseconds.
            while case let rest = ContinuousClock.now.duration(to: end), rest > .zero {
                do { try await loop.sleep(for: rest) } catch { return }
            }
        }
        pause = sleep
        await sleep.value
        pause = nil
    }
}
