internal import BridgeCore
internal import EventLoop
internal import Telemetry

extension Bridge {
    /// Answers one question: agent, outbox, journal.
    ///
    /// Never throws and never hangs: what goes wrong becomes the error reply.
    func answer(_ question: Question) async {
        let metrics = question.platform.metrics
        let start = ContinuousClock.now
        metrics.waitSeconds.record(question.takenAt.duration(to: start))
        let listener = listeners.removeValue(forKey: question.id)
        let platform = question.platform
        let address = ReplyAddress(question.event, rules: platform.capabilities.replies)
        if case .within = platform.capabilities.replies.push { await platform.outbox.sendHeld(to: address) }
        let turn = await makeTurn(question, isStreaming: listener?.isStreaming ?? canStream(question.platform))
        let typing = listener?.isDiverting == true ? nil : startTyping(for: question, to: address)
        let reply = streamedReply(turn, on: question.platform, to: address, listener: listener)

        do throws(AgentFailure) {
            let answer = try await agent.ask(turn) { piece in
                typing?.cancel()
                listener?.receive(.text(piece))
                await reply?.append(piece)
            }
            typing?.cancel()
            let answered = ContinuousClock.now
            metrics.agentSeconds.record(start.duration(to: answered))
            if agent.agent.needsHistory {
                let name = turn.id.description
                history.append(
                    question: turn.text, answer: answer.wordsForAgent, to: turn.threadName,
                    names: (name, answer.receipt.messageID ?? name + "-answer"))
            }
            if let continuation = answer.receipt.continuation { continuations[turn.threadName] = continuation }
            let delivery = await deliver(answer, through: reply, of: question, to: address, listener: listener)
            metrics.addedSeconds.record(
                question.takenAt.duration(to: .now) - start.duration(to: answered))
            recordAnswer(answer, delivery: delivery, to: question)
            listener?.receive(.done(text: answer.text, attachments: answer.attachments))
        } catch {
            typing?.cancel()
            metrics.agentFailures.increment()
            log.warning(
                "agent failed",
                [
                    "message.id": question.id.description, "adapter.name": question.platform.name.rawValue,
                    "agent.name": agent.agent.name, "reason": error.description,
                ])
            recordFailure(error, of: question)
            listener?.receive(.failed(error))
            // In a task of its own: at a stop the question's is cancelled, and the user is to be told all the same.
            let apology = loop.spawn(on: self) {
                await $0.apologize(for: error, through: reply, of: question, to: address, listener: listener)
            }
            await apology.value
        }
    }

    private func makeTurn(_ question: Question, isStreaming: Bool) async -> AgentTurn {
        var turn = AgentTurn(
            id: question.id, platform: question.platform.name, event: question.event,
            text: question.event.wordsForAgent, isStreaming: isStreaming)
        // Taken: an agent that fails with it is not to be asked with it again.
        if continuations.count > 0 {
            turn.continuation = continuations[turn.threadName]
            continuations[turn.threadName] = nil
        }
        if agent.agent.needsHistory { turn.history = history.messages(of: turn.threadName) }
        if agent.agent.takesImages, let media = question.platform.media {
            turn.media = await media.pictures(of: question.event)
        }
        return turn
    }

    private func canStream(_ platform: Platform) -> Bool {
        configuration.isStreaming && platform.capabilities.transport == .http
            && platform.capabilities.editInterval != nil
    }

    private func streamedReply(
        _ turn: AgentTurn, on platform: Platform, to address: ReplyAddress, listener: ReplyListener?
    ) -> StreamedReply? {
        guard turn.isStreaming, listener == nil, let interval = platform.capabilities.editInterval else { return nil }
        return StreamedReply(outbox: platform.outbox, address: address, interval: interval)
    }

    private func deliver(
        _ answer: AgentClient.Answer, through reply: StreamedReply?, of question: Question, to address: ReplyAddress,
        listener: ReplyListener?
    ) async -> Outbox.Delivery {
        // Those who asked at our own endpoint have heard it already, or read it in the log.
        if staysHere(question, listener) { return Outbox.Delivery(parts: 1) }
        let outbox = question.platform.outbox
        var delivery = Outbox.Delivery()
        if let reply {
            delivery = await reply.finish(with: answer.text)
        } else if !answer.text.isEmpty {
            delivery = await outbox.send(answer.text, format: .markdown, to: address)
        }
        for attachment in answer.attachments where delivery.failure == nil {
            let sent = await outbox.send(attachment, to: address)
            delivery.messageIDs += sent.messageIDs
            delivery.parts += sent.parts
            delivery.failure = sent.failure
        }
        return delivery
    }

    private func staysHere(_ question: Question, _ listener: ReplyListener?) -> Bool {
        question.platform.capabilities.transport == .local || listener?.isDiverting == true
    }

    /// Tells the user that there is no answer; what was already shown of one stays.
    private func apologize(
        for failure: AgentFailure, through reply: StreamedReply?, of question: Question, to address: ReplyAddress,
        listener: ReplyListener?
    ) async {
        if let shown = await reply?.abandon() { recordFragment(shown, of: question) }
        guard let text = configuration.errorReply else { return }
        let delivery: Outbox.Delivery
        if staysHere(question, listener) {
            delivery = Outbox.Delivery(parts: 1)
        } else {
            delivery = await question.platform.outbox.send(text, format: .plain, to: address)
        }
        recordApology(text, for: failure, delivery: delivery, to: question)
    }

    private func startTyping(for question: Question, to address: ReplyAddress) -> TypingIndicator? {
        guard let typingLine, let interval = question.platform.capabilities.typingInterval else { return nil }
        return TypingIndicator(
            after: typingLine, outbox: question.platform.outbox, address: address, interval: interval)
    }
}

extension AgentClient.Answer {
    /// What an agent is told later that it said: an answer without words is named by its files.
    fileprivate var wordsForAgent: String {
        guard text.isEmpty else { return text }
        return attachments.map { "[\($0.kind.rawValue)]" }.joined(separator: "\n")
    }
}

extension InboundEvent {
    /// What an agent that reads words is told: the text, and a line for each thing that came with it.
    var wordsForAgent: String {
        let words = AgentTurn.describe(self)
        guard !attachments.isEmpty, words == text else { return words }
        var bare = self
        bare.text = nil
        return words + "\n" + AgentTurn.describe(bare)
    }
}
