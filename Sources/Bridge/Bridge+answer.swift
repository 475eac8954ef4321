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
        let start = ContinuousClock.now
        question.platform.metrics.waitSeconds.record(question.takenAt.duration(to: start))
        question.stage = .asking
        question.steps.askedAt = start
        if case .within = question.platform.capabilities.replies.push { await sendHeld(before: question) }
        let work = begin(question, since: start)
        if agent.agent.takesImages, !work.turn.turn.event.attachments.isEmpty { await takePictures(for: work) }

        if let trace = question.trace { work.turn.trace = trace.beginAsking(since: start) }
        Failpoint.reach("bridge.asking")
        do throws(AgentFailure) {
            work.answer = try await agent.ask(work.turn) { piece in
                work.typing?.cancel()
                work.question.trace?.notePiece()
                work.listener?.receive(.text(piece))
                await work.reply?.append(piece)
            }
            Failpoint.reach("bridge.answered")
            await bring(work)
        } catch {
            await fail(work, with: error)
        }
    }

    @inline(never) private func begin(_ question: Question, since start: ContinuousClock.Instant) -> AnswerInWork {
        let listener = listeners.removeValue(forKey: question.id)
        let address = ReplyAddress(question.event, rules: question.platform.capabilities.replies, names: question.id)
        let turn = makeTurn(question, isStreaming: listener?.isStreaming ?? canStream(question.platform))
        return AnswerInWork(
            question, AskedTurn(turn), to: address, listener: listener,
            typing: listener?.isDiverting == true ? nil : startTyping(for: question, to: address),
            reply: streamedReply(of: question, turn, to: address, listener: listener), since: start)
    }

    @inline(never) private func sendHeld(before question: Question) async {
        let rules = question.platform.capabilities.replies
        await question.platform.outbox.sendHeld(
            to: ReplyAddress(question.event, rules: rules, names: question.id))
    }

    @inline(never) private func takePictures(for work: AnswerInWork) async {
        guard let media = work.question.platform.media else { return }
        work.turn.turn.media = await media.pictures(of: work.question.event)
    }

    /// Brings the user what the agent has answered.
    @inline(never) private func bring(_ work: AnswerInWork) async {
        let question = work.question
        let agentTime = noteAnswer(work)
        if question.isWithdrawn { return await withdraw(work) }
        question.stage = .delivering
        guard await takeTurn(for: work), await begin(question, progress: progress(of: work)) else {
            return leave(question, to: work.listener)
        }
        remember(work)
        question.trace?.beginDelivering()
        Failpoint.reach("bridge.delivering")
        await deliver(work)
        Failpoint.reach("bridge.delivered")
        end(work, after: agentTime)
    }

    @inline(never) private func noteAnswer(_ work: AnswerInWork) -> Duration {
        work.typing?.cancel()
        let done = ContinuousClock.now
        let agentTime = work.start.duration(to: done)
        work.question.steps.firstByteAt = work.turn.firstByteAt
        work.question.steps.agentDoneAt = done
        work.question.platform.metrics.agentSeconds.record(agentTime)
        if let trace = work.question.trace, let answer = work.answer {
            trace.endAsking(agent.agent.name, isStreaming: work.turn.turn.isStreaming, answer.receipt)
        }
        return agentTime
    }

    @inline(never) private func deliver(_ work: AnswerInWork) async {
        guard let answer = work.answer else { return }
        work.delivery = await deliver(
            answer, through: work.reply, of: work.question, to: work.address, listener: work.listener)
    }

    @inline(never) private func end(_ work: AnswerInWork, after agentTime: Duration) {
        guard let answer = work.answer else { return }
        let question = work.question
        question.trace?.endDelivering(
            on: question.platform.name, parts: work.delivery.parts, failure: work.delivery.failure?.reason)
        let delivered = ContinuousClock.now
        question.platform.metrics.addedSeconds.record(question.takenAt.duration(to: delivered) - agentTime)
        question.steps.deliveredAt = delivered
        recordAnswer(answer, delivery: work.delivery, to: question)
        work.listener?.receive(.done(text: answer.text, attachments: answer.attachments))
        settle(question)
    }

    /// Sees to a question that the agent has not answered.
    @inline(never) private func fail(_ work: AnswerInWork, with failure: AgentFailure) async {
        let question = work.question
        work.typing?.cancel()
        question.trace?.endAsking(agent.agent.name, failure: failure, isWithdrawn: question.isWithdrawn)
        question.steps.firstByteAt = work.turn.firstByteAt
        question.steps.agentDoneAt = .now
        if question.isWithdrawn { return await withdraw(work) }
        question.stage = .delivering
        guard await begin(question) else { return leave(question, to: work.listener) }
        question.platform.metrics.agentFailures.increment()
        log.warning(
            "agent failed",
            [
                "message.id": question.id.description, "adapter.name": question.platform.name.rawValue,
                "agent.name": agent.agent.name, "reason": failure.description,
            ])
        recordFailure(failure, of: question)
        work.listener?.receive(.failed(failure))
        // In a task of its own: at a stop the question's is cancelled, and the user is to be told all the same.
        let (reply, listener) = (work.reply, work.listener)
        let apology = loop.spawn(on: self) {
            await $0.apologize(for: failure, through: reply, of: question, listener: listener)
        }
        await apology.value
        settle(question)
    }

    /// Waits for the answer's place in the platform's pace before it is begun: what is begun is in doubt should we die.
    @inline(never) private func takeTurn(for work: AnswerInWork) async -> Bool {
        let question = work.question
        guard question.isKept, question.mayShow == nil, !staysHere(question, work.listener) else { return true }
        return await question.platform.outbox.takeTurn(at: work.address)
    }

    /// Sees to a question that another bridge has by now, or whose store is away while this one stops.
    @inline(never) private func leave(_ question: Question, to listener: ReplyListener?) {
        log.info(
            "a question is left to another bridge",
            ["message.id": question.id.description, "adapter.name": question.platform.name.rawValue])
        listener?.receive(.failed(AgentFailure(.unreachable, "another bridge answers this")))
    }

    @inline(never) private func withdraw(_ work: AnswerInWork) async {
        guard let withdrawal = work.question.withdrawal else { return }
        if let shown = await work.reply?.abandon() { recordFragment(shown, of: work.question) }
        work.listener?.receive(.failed(AgentFailure(.unreachable, "the question was withdrawn")))
        endWithdrawn(work.question, withdrawal)
    }

    @inline(never) private func remember(_ work: AnswerInWork) {
        guard let answer = work.answer else { return }
        let turn = work.turn.turn
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
    @inline(never) private func finish(_ question: Question, from progress: [UInt8]) async {
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
        question.steps.deliveredAt = .now
        recordAnswer(answer, delivery: delivery, to: question)
        settle(question)
    }

    private static let inDoubt =
        "a bridge died while it was sending the answer: whether that arrived is not known"

    /// What whoever recovers the question needs to send the same answer, where the platform takes it once.
    @inline(never) private func progress(of work: AnswerInWork) -> [UInt8]? {
        let question = work.question
        guard question.isKept, question.canRepeatAnswer, let answer = work.answer else { return nil }
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
    @inline(never) private func bury(_ question: Question, because reason: String) async {
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

    private func makeTurn(_ question: Question, isStreaming: Bool) -> AgentTurn {
        var turn = AgentTurn(
            id: question.id, platform: question.platform.name, event: question.event,
            text: question.event.wordsForAgent, isStreaming: isStreaming)
        // Taken: an agent that fails with it is not to be asked with it again.
        if continuations.count > 0 {
            turn.continuation = continuations[turn.threadName]
            continuations[turn.threadName] = nil
        }
        if agent.agent.needsHistory { turn.history = history.messages(of: turn.threadName) }
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

    @inline(never) private func deliver(
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
        question.steps.deliveredAt = .now
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
        guard !self.attachments.isEmpty, words == self.text else { return words }
        var bare = self
        bare.text = nil
        return words + "\n" + AgentTurn.describe(bare)
    }
}
