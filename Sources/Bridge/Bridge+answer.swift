internal import BridgeCore
internal import EventLoop
internal import Failpoints
internal import Telemetry

extension Bridge {
    /// Answers one question: agent, outbox, journal.
    ///
    /// Never throws and never hangs: what goes wrong becomes the error reply.
    func answer(_ question: Question) async {
        if let progress = question.progress { return await finish(question, from: progress) }
        if isSuspect(question) { return await tryAlone(question) }
        await answerUnsuspected(question)
    }

    /// Answers a question from the start.
    func answerUnsuspected(_ question: Question) async {
        let metrics = question.platform.metrics
        let start = ContinuousClock.now
        metrics.waitSeconds.record(question.takenAt.duration(to: start))
        question.stage = .asking
        let listener = listeners.removeValue(forKey: question.id)
        let platform = question.platform
        let address = ReplyAddress(question.event, rules: platform.capabilities.replies, names: question.id)
        if case .within = platform.capabilities.replies.push { await platform.outbox.sendHeld(to: address) }
        let turn = await makeTurn(question, isStreaming: listener?.isStreaming ?? canStream(question.platform))
        let typing = listener?.isDiverting == true ? nil : startTyping(for: question, to: address)
        let reply = streamedReply(of: question, turn, to: address, listener: listener)

        Failpoint.reach("bridge.asking")
        do throws(AgentFailure) {
            let answer = try await agent.ask(turn) { piece in
                typing?.cancel()
                listener?.receive(.text(piece))
                await reply?.append(piece)
            }
            Failpoint.reach("bridge.answered")
            typing?.cancel()
            let answered = ContinuousClock.now
            metrics.agentSeconds.record(start.duration(to: answered))
            if let withdrawal = question.withdrawal {
                return await withdraw(question, withdrawal, reply: reply, listener: listener)
            }
            question.stage = .delivering
            guard await takeTurn(for: question, at: address, listener),
                await begin(question, progress: progress(of: answer, to: question))
            else {
                return leave(question, to: listener)
            }
            remember(answer, to: turn)
            Failpoint.reach("bridge.delivering")
            let delivery = await deliver(answer, through: reply, of: question, to: address, listener: listener)
            Failpoint.reach("bridge.delivered")
            metrics.addedSeconds.record(
                question.takenAt.duration(to: .now) - start.duration(to: answered))
            recordAnswer(answer, delivery: delivery, to: question)
            listener?.receive(.done(text: answer.text, attachments: answer.attachments))
        } catch {
            typing?.cancel()
            if let withdrawal = question.withdrawal {
                return await withdraw(question, withdrawal, reply: reply, listener: listener)
            }
            question.stage = .delivering
            guard await begin(question) else { return leave(question, to: listener) }
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
                await $0.apologize(for: error, through: reply, of: question, listener: listener)
            }
            await apology.value
        }
        settle(question)
    }

    /// Waits for the answer's place in the platform's pace before it is begun: what is begun is in doubt should we die.
    private func takeTurn(for question: Question, at address: ReplyAddress, _ listener: ReplyListener?) async -> Bool {
        guard question.isKept, question.mayShow == nil, !staysHere(question, listener) else { return true }
        return await question.platform.outbox.takeTurn(at: address)
    }

    /// Sees to a question that another bridge has by now, or whose store is away while this one stops.
    private func leave(_ question: Question, to listener: ReplyListener?) {
        log.info(
            "a question is left to another bridge",
            ["message.id": question.id.description, "adapter.name": question.platform.name.rawValue])
        listener?.receive(.failed(AgentFailure(.unreachable, "another bridge answers this")))
    }

    private func withdraw(
        _ question: Question, _ withdrawal: Question.Withdrawal, reply: StreamedReply?, listener: ReplyListener?
    ) async {
        if let shown = await reply?.abandon() { recordFragment(shown, of: question) }
        listener?.receive(.failed(AgentFailure(.unreachable, "the question was withdrawn")))
        endWithdrawn(question, withdrawal)
    }

    private func remember(_ answer: AgentClient.Answer, to turn: AgentTurn) {
        if agent.agent.needsHistory {
            let name = turn.id.description
            history.append(
                question: turn.text, answer: answer.wordsForAgent, to: turn.threadName,
                names: (name, answer.receipt.messageID ?? name + "-answer"))
        }
        if let continuation = answer.receipt.continuation { continuations[turn.threadName] = continuation }
    }

    // MARK: What another bridge has begun

    /// Ends what a bridge had begun to answer when it died: the user may have read the answer, or not.
    ///
    /// Where the platform takes a message of one name once, and the answer is known, it is sent again. Else it is not: nobody
    /// reads an answer twice.
    private func finish(_ question: Question, from progress: [UInt8]) async {
        question.stage = .delivering
        let answer: AgentClient.Answer
        switch InboxProgress(progress) {
        case .answer(let known, let row) where question.canRepeatAnswer:
            answer = known
            // That bridge may have written it down, and died before the inbox heard of it.
            question.answerRow = row
        case .told:
            // Its user has been told already, or was to be: once is enough.
            return settle(question, deadLetter: letter(of: question, because: Bridge.inDoubt))
        case .tried:
            return await bury(question, because: "many bridges have died over it, the last one over it alone")
        default:
            return await bury(question, because: Bridge.inDoubt)
        }
        guard await begin(question, progress: progress) else { return }
        let address = ReplyAddress(question.event, rules: question.platform.capabilities.replies, names: question.id)
        let delivery = await deliver(answer, through: nil, of: question, to: address, listener: nil)
        Failpoint.reach("bridge.recovered")
        recordAnswer(answer, delivery: delivery, to: question)
        settle(question)
    }

    private static let inDoubt =
        "a bridge died while it was sending the answer: whether that arrived is not known"

    /// What whoever recovers the question needs to send the same answer, where the platform takes it once.
    private func progress(of answer: AgentClient.Answer, to question: Question) -> [UInt8]? {
        guard question.isKept, question.canRepeatAnswer else { return nil }
        let row = ids.next(at: .now())
        question.answerRow = row
        return InboxProgress.answer(answer, row: row).encoded
    }

    private func letter(of question: Question, because reason: String) -> [UInt8] {
        InboxLetter.encode(
            error: reason, id: question.id,
            payload: InboxPayload.encode(question.event, on: question.platform.name), progress: question.progress)
    }

    /// Gives a question up: its user is told, and it becomes a dead letter.
    private func bury(_ question: Question, because reason: String) async {
        question.stage = .delivering
        guard await begin(question, progress: InboxProgress.told.encoded) else { return }
        question.platform.metrics.buried.increment()
        log.error(
            "a question cannot be answered and becomes a dead letter",
            [
                "message.id": question.id.description, "adapter.name": question.platform.name.rawValue,
                "reason": reason,
            ])
        let failure = AgentFailure(.unreachable, reason)
        recordFailure(failure, of: question)
        await apologize(for: failure, through: nil, of: question, listener: nil)
        Failpoint.reach("bridge.buried")
        settle(question, deadLetter: letter(of: question, because: reason))
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
        if agent.agent.takesImages, !question.event.attachments.isEmpty, let media = question.platform.media {
            turn.media = await media.pictures(of: question.event)
        }
        return turn
    }

    private func canStream(_ platform: Platform) -> Bool {
        configuration.isStreaming && platform.capabilities.transport == .http
            && platform.capabilities.editInterval != nil
    }

    private func streamedReply(
        of question: Question, _ turn: AgentTurn, to address: ReplyAddress, listener: ReplyListener?
    ) -> StreamedReply? {
        let platform = question.platform
        guard turn.isStreaming, listener == nil, let interval = platform.capabilities.editInterval else { return nil }
        return StreamedReply(outbox: platform.outbox, address: address, interval: interval) { [weak self] in
            await self?.beginToShow(question) ?? false
        }
    }

    /// Whether the first words of an answer may be shown while the agent speaks.
    private func beginToShow(_ question: Question) async -> Bool {
        guard question.withdrawal == nil, await begin(question), question.withdrawal == nil else { return false }
        if question.stage == .asking { question.stage = .showing }
        return true
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
        for failure: AgentFailure, through reply: StreamedReply?, of question: Question, listener: ReplyListener?
    ) async {
        if let shown = await reply?.abandon() { recordFragment(shown, of: question) }
        guard let text = configuration.errorReply else { return }
        let delivery: Outbox.Delivery
        if staysHere(question, listener) {
            delivery = Outbox.Delivery(parts: 1)
        } else {
            // Under names of its own: it is not the answer, which may have gone out under the question's.
            let address = ReplyAddress(question.event, rules: question.platform.capabilities.replies)
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
