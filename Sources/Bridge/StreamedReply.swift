internal import BridgeCore
internal import EventLoop

/// An answer that grows in its message while the agent speaks: sent once, then edited at the platform's pace.
///
/// Edits run beside the reading of the agent's stream and never hold it up: each shows what there is when its turn comes. The
/// final text is delivered exactly once: as the last edit, followed by further messages where one is not enough.
actor StreamedReply {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

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
        guard let message else {
            if let failure, !failure.isTemporary { return Outbox.Delivery(failure: failure) }
            // A platform that named no message cannot have it edited: what was not shown yet follows.
            let rest = final.hasPrefix(shown) ? String(final.dropFirst(shown.count)) : final
            return await outbox.send(rest, format: .markdown, to: address)
        }
        return await replace(message, with: final)
    }

    /// Ends the answer as it stands: the agent failed, and what was shown stays shown.
    func abandon() async {
        isFinished = true
        pause?.cancel()
        await updates?.value
    }

    private func replace(_ message: PlatformMessageID, with final: String) async -> Outbox.Delivery {
        var delivery = Outbox.Delivery(messageIDs: [message], parts: 1)
        let parts = await outbox.parts(of: final)
        guard let first = parts.first else { return delivery }
        if first != shown {
            let result = await outbox.perform(.edit(message: message, text: first, format: .markdown), to: address)
            if case .failed(let failure) = result {
                // The user or a moderator removed the message: the answer goes out as a new one.
                if failure.kind == .gone { return await outbox.send(final, format: .markdown, to: address) }
                delivery.failure = failure
                return delivery
            }
        }
        for part in parts.dropFirst() {
            switch await outbox.perform(.send(text: part, format: .markdown), to: address) {
            case .delivered(let id):
                delivery.parts += 1
                if let id { delivery.messageIDs.append(id) }
            case .failed(let failure):
                delivery.failure = failure
                return delivery
            }
        }
        return delivery
    }

    private func showUpdates() async {
        var delay = StreamedReply.firstDelay
        while !isFinished, failure == nil {
            await wait(delay)
            delay = interval
            if isFinished { return }
            let part = await outbox.firstPart(of: text)
            guard part != shown, !part.allSatisfy(\.isWhitespace) else { continue }
            let kind: OutboundAction.Kind =
                if let message { .edit(message: message, text: part, format: .markdown) } else {
                    .send(text: part, format: .markdown)
                }
            switch await outbox.perform(kind, to: address) {
            case .delivered(let id):
                shown = part
                if message == nil { message = id }
                if message == nil { return }
            case .failed(let failure):
                self.failure = failure
            }
        }
    }

    private func wait(_ duration: Duration) async {
        let loop = loop
        let sleep = loop.spawn { try? await loop.sleep(for: duration) }
        pause = sleep
        await sleep.value
        pause = nil
    }
}
