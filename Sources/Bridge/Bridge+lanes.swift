internal import BridgeCore
internal import EventLoop
internal import Telemetry

/// A conversation, or a thread of one, whose questions are answered one by one.
struct LaneKey: Hashable {
    let platform: PlatformName
    let account: AccountName
    let conversation: ConversationID
    let thread: ThreadID?
    /// Where every question has a lane of its own.
    let question: UUID?
    /// Of all of it: a lane is looked up several times for a message.
    private let hash: Int

    init(_ event: InboundEvent, on platform: PlatformName, question: UUID? = nil) {
        self.platform = platform
        account = event.place.account
        conversation = event.place.conversation
        thread = event.place.thread
        self.question = question
        var hasher = Hasher()
        hasher.combine(platform)
        hasher.combine(account)
        hasher.combine(conversation)
        hasher.combine(thread)
        hasher.combine(question)
        hash = hasher.finalize()
    }

    func hash(into hasher: inout Hasher) { hasher.combine(hash) }
}

/// A conversation in work.
// Unchecked: it lives on the engine's loop alone.
final class Lane: @unchecked Sendable {
    let key: LaneKey
    /// Answers the questions one by one; ends when there are no more.
    var task: Task<Void, Never>?
    /// The question that is being answered.
    var current: Question?
    /// What waits behind it.
    var waiting: [Question] = []

    init(_ key: LaneKey) {
        self.key = key
    }
}

extension Bridge {
    /// Puts a question into its conversation's lane, as the policy wants it.
    func enqueue(_ question: Question) {
        questions += 1
        inFlight.add(1)
        let key = laneKey(of: question)
        if configuration.policy == .latest, let lane = lanes[key] { supersede(lane, by: question) }
        if let lane = lanes[key] { return lane.waiting.append(question) }
        let lane = Lane(key)
        lane.waiting = [question]
        lanes[key] = lane
        // The task's first step comes in a later turn.
        lane.task = loop.spawn(on: self) { await $0.startLane(lane) }
    }

    private func laneKey(of question: Question) -> LaneKey {
        LaneKey(
            question.event, on: question.platform.name,
            question: configuration.policy == .concurrent ? question.id : nil)
    }

    private func startLane(_ lane: Lane) async {
        if case .coalesce(let window) = configuration.policy { try? await loop.sleep(for: window) }
        await runLane(lane)
    }

    private func runLane(_ lane: Lane) async {
        while let question = takeNext(lane) {
            await answer(question)
            end(question, in: lane)
            // Its answer was broken off, and the task with it: the others go on in another.
            if Task.isCancelled, !lane.waiting.isEmpty {
                lane.task = loop.spawn(on: self) { await $0.runLane(lane) }
                return
            }
        }
        noteEnd()
    }

    /// The next question of a conversation; without one, its lane is gone.
    private func takeNext(_ lane: Lane) -> Question? {
        guard !lane.waiting.isEmpty else {
            lanes[lane.key] = nil
            return nil
        }
        var next = lane.waiting.removeFirst()
        if case .coalesce = configuration.policy {
            var earlier: [Question] = []
            while let following = lane.waiting.first, following.canJoin(next), hasNoListener(next),
                hasNoListener(following)
            {
                earlier.append(next)
                next = lane.waiting.removeFirst()
            }
            next.join(earlier)
        }
        lane.current = next
        return next
    }

    private func hasNoListener(_ question: Question) -> Bool { listeners[question.id] == nil }

    /// A question has left its lane, unless it was put back into it.
    private func end(_ question: Question, in lane: Lane) {
        lane.current = nil
        if question.stage == .waiting { return }
        if question.trace != nil { endTraces(of: question) }
        forget(1 + question.earlier.count)
    }

    @inline(never) private func endTraces(of question: Question, outcome: String? = nil) {
        let outcome = outcome ?? question.withdrawal.map { $0.word }
        for part in question.earlier + [question] {
            part.trace?.end(part.id, part.event, on: part.platform.name, outcome: outcome)
        }
    }

    private func forget(_ count: Int) {
        questions -= count
        inFlight.add(-count)
    }

    // MARK: Withdrawing

    /// A newer message of the conversation stands in the place of those before it.
    private func supersede(_ lane: Lane, by newer: Question) {
        let kept = lane.waiting.filter { !newer.canJoin($0) }
        for older in lane.waiting where newer.canJoin(older) {
            older.withdrawal = .superseded(by: newer.id)
            endWithdrawn(older, .superseded(by: newer.id))
            forget(1)
        }
        lane.waiting = kept
        if let current = lane.current, newer.canJoin(current) { withdraw(current, .superseded(by: newer.id), in: lane) }
    }

    /// Breaks off the answer to a question, where it can still be taken back.
    private func withdraw(_ question: Question, _ withdrawal: Question.Withdrawal, in lane: Lane) {
        guard question.withdrawal == nil, question.stage == .asking || question.stage == .showing else { return }
        question.withdrawal = withdrawal
        question.platform.metrics.withdrawn.increment()
        lane.task?.cancel()
    }

    /// The user has changed or deleted a message: the answer that is being made is made anew, or not at all.
    func heed(_ signal: InboundEvent, on platform: Platform) {
        guard let target = signal.target else { return }
        let exact = LaneKey(signal, on: platform.name)
        // A deletion may not tell the thread, and with concurrent answers each has a lane of its own.
        let found = lanes[exact].map { [$0] } ?? lanes.values.filter { $0.key.isOf(exact) }
        for lane in found {
            if let index = lane.waiting.firstIndex(where: { $0.event.messageID == target }) {
                let question = lane.waiting[index]
                if signal.kind == .edited {
                    change(question, to: signal)
                } else {
                    lane.waiting.remove(at: index)
                    question.withdrawal = .deleted
                    endWithdrawn(question, .deleted)
                    forget(1)
                }
                return
            }
            if let current = lane.current, current.event.messageID == target {
                // What was shown of an answer to the old words stays, and is finished.
                if signal.kind == .edited, current.stage == .showing { return }
                return withdraw(current, signal.kind == .edited ? .edited(signal) : .deleted, in: lane)
            }
        }
    }

    private func change(_ question: Question, to edit: InboundEvent) {
        question.event.text = edit.text
        if !edit.attachments.isEmpty { question.event.attachments = edit.attachments }
    }

    /// Sees to a question whose answer was broken off.
    ///
    /// - Returns: after this, it waits for its turn again or is gone.
    func endWithdrawn(_ question: Question, _ withdrawal: Question.Withdrawal) {
        listeners.removeValue(forKey: question.id)?.receive(
            .failed(AgentFailure(.unreachable, "the question was withdrawn")))
        if question.trace != nil, withdrawal.isFinal { endTraces(of: question, outcome: withdrawal.word) }
        switch withdrawal {
        case .deleted:
            recordWithdrawal(of: question, status: .deleted)
            settle(question)
        case .superseded(let newer):
            recordWithdrawal(of: question, status: .received, supersededBy: newer)
            if agent.agent.needsHistory {
                let thread = AgentTurn(
                    id: question.id, platform: question.platform.name, event: question.event, text: "",
                    isStreaming: false
                ).threadName
                history.append(unanswered: question.event.wordsForAgent, to: thread, name: question.id)
            }
            settle(question)
        case .edited(let edit):
            change(question, to: edit)
            question.withdrawal = nil
            question.stage = .waiting
            lanes[laneKey(of: question)]?.waiting.insert(question, at: 0)
        case .left:
            break
        }
    }

    // MARK: Giving up

    /// Drops what other bridges have by now; should it come back, it comes as if it were new.
    ///
    /// An answer that may be shown already goes on: whoever has its question knows that it was begun.
    ///
    /// - Parameter concerns: tells for a conversation whether others have it.
    func letGo(where concerns: (String?) -> Bool) {
        for lane in lanes.values {
            let waiting = lane.waiting
            lane.waiting = waiting.filter { !$0.isKept || !concerns($0.lane) }
            for question in waiting where question.isKept && concerns(question.lane) {
                forget(1)
                if question.trace != nil { endTraces(of: question, outcome: "left") }
                listeners.removeValue(forKey: question.id)?.receive(
                    .failed(AgentFailure(.unreachable, "another bridge answers this")))
            }
            guard let current = lane.current, current.isKept, concerns(current.lane), current.mayShow == nil,
                current.withdrawal == nil
            else { continue }
            current.withdrawal = .left
            if current.stage == .asking { lane.task?.cancel() }
        }
    }

    /// Breaks off what is in work and notes that what waits has no answer; what the inbox has stays there.
    func giveUp() {
        isGivingUp = true
        let failure = AgentFailure(.unreachable, "the bridge was stopped before there was an answer")
        for lane in lanes.values {
            let waiting = lane.waiting
            lane.waiting = []
            for question in waiting {
                forget(1)
                if question.trace != nil { endTraces(of: question, outcome: question.isKept ? "left" : "given_up") }
                if question.isKept { continue }
                recordFailure(failure, of: question)
                settle(question)
                listeners.removeValue(forKey: question.id)?.receive(.failed(failure))
            }
            if let current = lane.current, current.isKept, current.stage == .asking { current.withdrawal = .left }
            lane.task?.cancel()
        }
    }
}

extension Question.Withdrawal {
    /// Whether the question is not asked again.
    fileprivate var isFinal: Bool {
        switch self {
        case .deleted, .superseded: true
        case .edited, .left: false
        }
    }

    /// What became of the question, as a trace says it.
    fileprivate var word: String {
        switch self {
        case .deleted: "deleted"
        case .edited: "edited"
        case .superseded: "superseded"
        case .left: "left"
        }
    }
}

extension LaneKey {
    /// Whether it is of the same conversation, whatever the thread and the question.
    fileprivate func isOf(_ other: LaneKey) -> Bool {
        platform == other.platform && account == other.account && conversation == other.conversation
            && (other.thread == nil || thread == other.thread)
    }
}
