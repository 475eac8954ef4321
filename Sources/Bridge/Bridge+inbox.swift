internal import BridgeCore
internal import EventLoop
internal import Inbox
internal import Journal
internal import Telemetry
internal import Tracing

/// What the engine and the inbox have to do with each other; see docs/decisions/inbox.md.
extension Bridge {
    /// With `ACK=fast` an answer waits no longer than this for what the inbox says.
    private static let patience = Duration.milliseconds(250)
    /// An inbox that was too slow is not waited for again for so long.
    private static let impatience = Duration.seconds(1)
    /// With `ACK=fast` a start takes no longer than this.
    private static let longestStart = Duration.seconds(3)
    private static let firstPause = Duration.milliseconds(100)
    private static let longestPause = Duration.seconds(5)

    /// Shows the other bridges that this one is there, and takes over what was left to it.
    ///
    /// Returns when events may be taken. Does nothing without an inbox.
    ///
    /// With ``BridgeConfiguration/Acknowledgement/fast`` nobody is kept waiting for long: what others have is found out later.
    public func start() async {
        defer { hasStarted = true }
        guard let inbox else { return }
        let receiver = InboxReceiver(
            deliver: { [weak self] delivery in self?.assumeIsolated { $0.receive(delivery) } },
            lanesInWork: { [weak self] in self?.assumeIsolated { $0.lanesInWork() } ?? [:] },
            lost: { [weak self] concerns in self?.assumeIsolated { $0.letGo(where: concerns) } })
        if configuration.acknowledgement == .durable { return await inbox.start(receiver) }
        let ready = PendingVerdict()
        loop.spawn {
            await inbox.start(receiver)
            ready.set(.taken)
        }
        _ = await ready.value(within: Bridge.longestStart, on: loop)
    }

    // MARK: Taking

    /// Takes an event that nobody else need know of.
    func takeHere(_ arrival: Arrival) -> TakeResult {
        guard recent.claim(arrival.event, on: arrival.platform.name) else { return duplicate(arrival) }
        record(arrival)
        accept(arrival, keeping: .here)
        return .taken(arrival.id)
    }

    /// Takes an event at once, and lets the inbox say before the answer is shown whether it was taken before.
    func takeByName(_ arrival: Arrival) -> TakeResult {
        guard recent.claim(arrival.event, on: arrival.platform.name) else { return duplicate(arrival) }
        let lane = arrival.platform.capabilities.transport == .local ? nil : arrival.lane
        let entry = InboxEntry(
            id: arrival.id, names: arrival.names, lane: lane, purpose: arrival.purpose, payload: [],
            sentAt: arrival.event.sentAt)
        if let said = inbox?.claimAtOnce(entry) {
            guard said == .taken else { return duplicate(arrival) }
            record(arrival)
            accept(arrival, keeping: .names(entry.names, nil), lane: lane)
            return .taken(arrival.id)
        }
        let verdict = PendingVerdict()
        claiming += 1
        loop.spawn(on: self) { bridge in
            let said = try? await bridge.inbox?.claim([entry], keeping: .names).first
            bridge.claiming -= 1
            verdict.set(said)
            // Answered without waiting for it, the claim came behind its own settlement.
            if said == .duplicate, !verdict.wasGivenUp {
                _ = bridge.duplicate(arrival)
            } else {
                bridge.record(arrival)
            }
            bridge.noteEnd()
        }
        accept(arrival, keeping: .names(entry.names, verdict), lane: lane)
        return .taken(arrival.id)
    }

    /// Takes events whose claims are asked for now, and which are taken here where the inbox does not answer in time.
    func takeShared(_ arrivals: [Arrival]) -> [TakeResult] {
        let new = arrivals.filter { arrival in
            guard recent.claim(arrival.event, on: arrival.platform.name) else {
                _ = duplicate(arrival)
                return false
            }
            return true
        }
        guard !new.isEmpty else { return arrivals.map { _ in .duplicate } }
        if inboxPause > .now {
            for arrival in new { takeAlone(arrival) }
        } else {
            claiming += new.count
            loop.spawn(on: self) { bridge in
                await bridge.claimOrTakeAlone(new)
                bridge.claiming -= new.count
                bridge.noteEnd()
            }
        }
        return arrivals.map { .taken($0.id) }
    }

    private func claimOrTakeAlone(_ arrivals: [Arrival]) async {
        let decision = PendingVerdict()
        let late = loop.spawn(on: self) { bridge in
            let isClaimed = await bridge.claim(arrivals, isWanted: { !bridge.isTakenAlone(arrivals) }) != nil
            decision.set(isClaimed ? .taken : nil)
        }
        if await decision.value(within: Bridge.patience, on: loop) == .taken { return }
        // Away, or too slow: the user is answered all the same. Should the claim come through after all, it is ended then.
        inboxPause = .now + Bridge.impatience
        for arrival in arrivals { takeAlone(arrival) }
        await late.value
    }

    private func isTakenAlone(_ arrivals: [Arrival]) -> Bool {
        arrivals.contains { answeredAlone[$0.id] != nil }
    }

    private func takeAlone(_ arrival: Arrival) {
        answeredAlone[arrival.id] = ()
        record(arrival)
        accept(arrival, keeping: .here)
    }

    /// Claims events with all that is in them, and takes those that are this bridge's.
    ///
    /// - Parameter isWanted: asked once the inbox has answered; false ends what was claimed at once.
    /// - Returns: nil when the inbox is away: nothing may be acknowledged.
    func claim(_ arrivals: [Arrival], isWanted: @escaping () -> Bool = { true }) async -> [TakeResult]? {
        guard let inbox else { return arrivals.map(takeHere) }
        claiming += arrivals.count
        defer {
            claiming -= arrivals.count
            noteEnd()
        }
        var entries: [InboxEntry] = []
        for arrival in arrivals { entries.append(await makeEntry(arrival)) }
        let verdicts: [InboxVerdict]
        do throws(InboxError) {
            verdicts = try await inbox.claim(entries, keeping: .payload)
        } catch {
            log.warning("events cannot be claimed", ["error": error.description, "events": "\(arrivals.count)"])
            return nil
        }
        return zip(arrivals, verdicts).map { arrival, verdict in
            switch verdict {
            case .duplicate:
                return duplicate(arrival)
            case .forwarded:
                return .taken(arrival.id)
            case .taken where isWanted():
                keepAttachments(of: arrival.event, as: arrival.id, on: arrival.platform)
                accept(arrival, keeping: .payload, lane: arrival.lane)
            case .taken:
                if arrival.purpose == .answer { carryOut(InboxSettlement(entries: [arrival.reference])) }
            }
            return .taken(arrival.id)
        }
    }

    /// Claims events in a task that nobody cancels.
    func claimUndisturbed(_ arrivals: [Arrival]) async -> [TakeResult]? {
        let results = Results()
        await loop.spawn(on: self) { results.value = await $0.claim(arrivals) }.value
        return results.value
    }

    // Unchecked: touched on the loop alone.
    private final class Results: @unchecked Sendable {
        var value: [TakeResult]?
    }

    private func makeEntry(_ arrival: Arrival) async -> InboxEntry {
        var jobs: [[UInt8]] = []
        for job in inboundJobs(arrival) { jobs.append(await recorder.encode(job)) }
        return InboxEntry(
            id: arrival.id, names: arrival.names, lane: arrival.lane, purpose: arrival.purpose,
            payload: arrival.purpose == .record
                ? []
                : InboxPayload.encode(
                    arrival.event, on: arrival.platform.name, trace: arrival.trace?.nameForOthers),
            jobs: jobs)
    }

    private func duplicate(_ arrival: Arrival) -> TakeResult {
        arrival.platform.metrics.duplicates.increment()
        return .duplicate
    }

    /// Does what is to be done with an event that is this bridge's.
    private func accept(_ arrival: Arrival, keeping: Question.Keeping, lane: String? = nil) {
        let (event, platform) = (arrival.event, arrival.platform)
        platform.metrics.events[event.kind]?.increment()
        arrival.trace?.noteAccepted()
        if let target = event.movedTo {
            recordMove(of: event.place, to: target, platform: platform.name, at: arrival.at)
        }
        for action in event.followUps where arrival.listener?.isDiverting != true {
            let outbox = platform.outbox
            loop.spawn(on: outbox) {
                _ = await $0.perform(action, to: ReplyAddress(event, rules: platform.capabilities.replies))
            }
        }
        if arrival.purpose == .signal { heed(event, on: platform) }
        guard event.disposition == .answer else {
            arrival.trace?.end(arrival.id, event, on: platform.name, outcome: "recorded")
            return
        }
        if let listener = arrival.listener { listeners[arrival.id] = listener }
        let question = Question(
            id: arrival.id, event: event, platform: platform, takenAt: arrival.takenAt, keeping: keeping, lane: lane,
            trace: arrival.trace)
        question.steps.receivedAt = arrival.receivedAt
        if question.isKept { question.steps.claimedAt = .now }
        enqueue(question)
    }

    // MARK: From elsewhere

    private func receive(_ delivery: InboxDelivery) {
        // It stays with the inbox, for another bridge; but not what comes before an event that is being claimed.
        if isDraining, claiming == 0 { return }
        let id = delivery.reference.id
        if answeredAlone[id] != nil {
            return carryOut(InboxSettlement(entries: [delivery.reference]))
        }
        guard let payload = InboxPayload(delivery.payload), let platform = platforms[payload.platform] else {
            let letter = InboxLetter.encode(
                error: "no bridge here can read it or has its platform", id: id, payload: delivery.payload)
            return carryOut(InboxSettlement(entries: [delivery.reference], deadLetter: letter))
        }
        group?.adopt(payload.event.place, on: platform.name, by: self)
        // From a bridge that forwards it, or one that died over it: then it is copied to the same place once more.
        keepAttachments(of: payload.event, as: id, on: platform)
        guard delivery.purpose == .answer else { return heed(payload.event, on: platform) }
        let caller = payload.trace.flatMap { TraceContext(traceparent: $0) }.map { TraceHeaders(context: $0) }
        let question = Question(
            id: id, event: payload.event, platform: platform, takenAt: .now, keeping: .payload,
            lane: delivery.reference.lane, attempts: delivery.attempts, progress: delivery.progress,
            trace: MessageTrace(by: tracer, under: caller, at: .now(), takenAt: .now))
        question.steps.setTaken(from: id, at: question.takenAt)
        enqueue(question)
    }

    private func lanesInWork() -> [String: Int] {
        var counts: [String: Int] = [:]
        for lane in lanes.values {
            for question in [lane.current].compactMap({ $0 }) + lane.waiting {
                for part in question.earlier + [question] {
                    guard case .names = part.keeping, let name = part.lane else { continue }
                    counts[name, default: 0] += 1
                }
            }
        }
        return counts
    }

    // MARK: Beginning

    /// Whether something of the answer may be shown: false when another bridge has the question by now.
    ///
    /// Asked of the inbox once.
    ///
    /// - Parameter progress: what whoever recovers it needs to know; see ``InboxProgress``.
    func begin(_ question: Question, progress: [UInt8]? = nil) async -> Bool {
        if let mayShow = beginAtOnce(question) { return mayShow }
        return await beginAsking(question, progress)
    }

    /// The same where nobody need be asked; nil: somebody must.
    @inline(never) private func beginAtOnce(_ question: Question) -> Bool? {
        if let mayShow = question.mayShow { return mayShow }
        switch question.keeping {
        case .here:
            question.mayShow = true
        case .names(_, nil) where question.asking == nil:
            question.mayShow = inbox?.beginAtOnce((question.earlier + [question]).map(\.reference))
        default:
            break
        }
        return question.mayShow
    }

    @inline(never) private func beginAsking(_ question: Question, _ progress: [UInt8]?) async -> Bool {
        if question.asking == nil {
            question.asking = loop.spawn(on: self) { bridge in
                let isOurs = await bridge.askLeave(question, progress)
                if case .left = question.withdrawal { question.mayShow = false } else { question.mayShow = isOurs }
            }
        }
        await question.asking?.value
        return question.mayShow ?? false
    }

    private func askLeave(_ question: Question, _ progress: [UInt8]?) async -> Bool {
        guard let inbox else { return true }
        let references = (question.earlier + [question]).map(\.reference)
        switch question.keeping {
        case .here:
            return true
        case .names(_, let verdict):
            let patience = inboxPause > .now ? Duration.zero : Bridge.patience
            if let verdict {
                guard let said = await verdict.value(within: patience, on: loop) else {
                    inboxPause = .now + Bridge.impatience
                    return true
                }
                if said == .duplicate { return false }
            }
            return await leave(from: inbox, references, progress, within: patience) ?? true
        case .payload where configuration.acknowledgement == .fast:
            return await leave(from: inbox, references, progress, within: Bridge.patience) ?? true
        case .payload:
            var pause = Bridge.firstPause
            while true {
                do {
                    return try await inbox.begin(references, progress: progress)
                } catch {
                    // The process ends: it stays where it is, for another bridge.
                    if isGivingUp { return false }
                    log.warning("an answer waits for the inbox", ["error": error.description])
                }
                try? await loop.sleep(for: pause)
                pause = min(pause * 2, Bridge.longestPause)
            }
        }
    }

    /// What the inbox says within the time; nil: nothing.
    private func leave(
        from inbox: any InboxStore, _ references: [InboxEntry.Reference], _ progress: [UInt8]?, within limit: Duration
    ) async -> Bool? {
        let answer = PendingVerdict()
        loop.spawn(on: self) { _ in
            let isOurs = try? await inbox.begin(references, progress: progress)
            answer.set(isOurs.map { $0 ? .taken : .duplicate })
        }
        switch await answer.value(within: limit, on: loop) {
        case .taken: return true
        case nil: return nil
        default: return false
        }
    }

    // MARK: Settling

    /// Ends a question: nobody need answer it any more.
    func settle(_ question: Question, deadLetter: [UInt8]? = nil) {
        guard inbox != nil else { return }
        let jobs = question.jobs
        question.jobs = []
        var kept: [InboxEntry.Reference] = []
        for part in question.earlier + [question] {
            switch part.keeping {
            case .here: continue
            case .payload: kept.append(part.reference)
            case .names(let names, _):
                if inbox?.settleAtOnce(part.reference) == true { continue }
                let settlement = InboxSettlement(entries: [part.reference], names: names)
                // Without it, a retry that comes after our end is answered again: no more.
                loop.spawn(on: self) { try? await $0.inbox?.settle(settlement) }
            }
        }
        guard !kept.isEmpty || deadLetter != nil else { return }
        carryOut(InboxSettlement(entries: kept, deadLetter: deadLetter), jobs: jobs)
    }

    private func carryOut(_ settlement: InboxSettlement, jobs: [LogJob] = []) {
        settling += 1
        loop.spawn(on: self) { bridge in
            var settlement = settlement
            for job in jobs { settlement.jobs.append(await bridge.recorder.encode(job)) }
            await bridge.settleForSure(settlement)
            bridge.settling -= 1
            bridge.noteEnd()
        }
    }

    private func settleForSure(_ settlement: InboxSettlement) async {
        guard let inbox else { return }
        var settlement = settlement
        var pause = Bridge.firstPause
        while true {
            do {
                return try await inbox.settle(settlement)
            } catch {
                // The journal has a way of its own around a store that is away or full.
                let jobs = settlement.jobs
                settlement.jobs = []
                append(jobs)
                if isDraining { return }
                log.warning("the inbox cannot be told of an answer", ["error": error.description])
            }
            try? await loop.sleep(for: pause)
            pause = min(pause * 2, Bridge.longestPause)
        }
    }
}

extension Bridge {
    /// Writes down what came in.
    private func record(_ arrival: Arrival) {
        for job in inboundJobs(arrival) { recorder.assumeIsolated(on: loop) { $0.record(job) } }
        keepAttachments(of: arrival.event, as: arrival.id, on: arrival.platform)
    }

    private func append(_ jobs: [[UInt8]]) {
        recorder.assumeIsolated(on: loop) { $0.append(encoded: jobs) }
    }
}

extension Bridge.Arrival {
    /// The names under which its platform may deliver it again.
    var names: [String] {
        ([event.id] + event.aliases.filter { $0 != event.id }).map { "\(platform.name):\($0)" }
    }

    /// The conversation's name among all bridges; nil where somebody waits for the answer at this one.
    var lane: String? {
        guard listener == nil, platform.capabilities.transport != .local else { return nil }
        return SessionKey(platform: platform.name, place: event.place).canonical
    }

    var purpose: InboxEntry.Purpose {
        if event.disposition == .answer { return .answer }
        return event.target != nil && (event.kind == .edited || event.kind == .deleted) ? .signal : .record
    }

    var reference: InboxEntry.Reference { InboxEntry.Reference(id: id, lane: lane) }
}
