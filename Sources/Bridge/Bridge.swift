public import BridgeCore
public import EventLoop
public import HTTPClient
public import Inbox
public import Journal
public import Telemetry
public import Tracing

/// The engine: takes events from adapters, asks the agent, delivers its answers and hands what happened to the journal.
///
/// One conversation is answered one message at a time, in the order received; conversations run side by side. Nothing on the
/// way to an answer waits for the journal or a database, and for Redis only where that is asked for (`ACK=durable`) or
/// several bridges share the work. Lives on one loop; its entrances for webhooks are synchronous (`assumeIsolated` from the
/// same loop), so that an acknowledgement leaves in the turn that read the request.
public actor Bridge {
    /// How long answers that were broken off at the drain's deadline may take to say so to their users.
    private static let lastWords = Duration.seconds(2)

    /// The loop on which all of it runs.
    public nonisolated let loop: EventLoop
    /// The loop's.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    let configuration: BridgeConfiguration
    let agent: AgentClient
    let recorder: JournalRecorder
    /// What the bridges of a fleet share; nil: events are remembered in memory alone.
    let inbox: (any InboxStore)?
    let log: Log
    /// Tells of traces; nil: those that callers name are passed on, and no more.
    let tracer: Tracer?
    /// Copies what came with messages; nil where references are enough.
    let keeper: AttachmentKeeper?
    nonisolated let platforms: [PlatformName: Platform]
    let inFlight: Gauge
    /// The engines of this process where there are several.
    var group: BridgeGroup?
    var ids = UUIDGenerator()
    var history: ConversationHistory
    /// What agents want to see again with the next message of a conversation.
    var continuations = GenerationalCache<String, String>(capacity: 10_000)
    var listeners: [UUID: ReplyListener] = [:]
    /// Those whose agents have not been silent for long enough; nil where nobody is shown that we type.
    let typingLine: DelayLine?
    var recent = RecentEvents()
    /// Questions that were answered although the inbox did not say in time whose they are.
    var answeredAlone = GenerationalCache<UUID, Void>(capacity: 10_000)
    /// Until when the inbox is not waited for, since it was too slow.
    var inboxPause = ContinuousClock.now
    /// The conversations in work.
    var lanes: [LaneKey: Lane] = [:]
    /// Questions in the lanes.
    var questions = 0
    /// Events whose claim has not been answered yet.
    var claiming = 0
    /// See ``tryAlone(_:)``.
    var isSuspectInHand = false
    var waitingSuspects: [CheckedContinuation<Void, Never>] = []
    /// Ends of questions that the inbox has not confirmed yet.
    var settling = 0
    /// Whether the inbox is ready; events are taken from then on.
    var hasStarted: Bool
    var isDraining = false
    /// The drain's deadline has passed.
    var isGivingUp = false
    private var drained: [CheckedContinuation<Void, Never>] = []

    /// An engine for these adapters and this agent.
    ///
    /// - Parameters:
    ///   - inbox: where there is one, nothing is taken before ``Bridge/start()`` has returned.
    ///   - attachments: where what came with messages is copied to; nil: their references are enough.
    ///   - tracer: tells of each message's way; it lives on the same loop.
    ///   - first: the first of several engines of this process: one keeps the platforms' access tokens for all.
    public init(
        loop: EventLoop, configuration: BridgeConfiguration, adapters: [any Adapter], agent: any Agent,
        client: HTTPClient, states: any StateStore, recorder: JournalRecorder, inbox: (any InboxStore)? = nil,
        attachments: AttachmentStorage? = nil, metrics: Metrics, log: Log, tracer: Tracer? = nil,
        after first: Bridge? = nil
    ) {
        self.loop = loop
        self.configuration = configuration
        self.agent = AgentClient(agent: agent, client: client, timeout: configuration.agentTimeout)
        self.recorder = recorder
        self.inbox = inbox
        hasStarted = inbox == nil
        self.log = log
        self.tracer = tracer
        keeper = attachments.map {
            AttachmentKeeper(loop: loop, storage: $0, recorder: recorder, metrics: metrics, log: log)
        }
        history = ConversationHistory(limit: configuration.historyLimit)
        typingLine = configuration.typingDelay.map { DelayLine(delay: $0) }
        inFlight = metrics.gauge("chatbridge_in_flight", help: "Questions waiting or in work.")
        var platforms: [PlatformName: Platform] = [:]
        for adapter in adapters {
            let platformMetrics = PlatformMetrics(metrics, platform: adapter.platform)
            let outbox = Outbox(
                loop: loop, adapter: adapter, rates: configuration.rates(of: adapter), client: client, states: states,
                metrics: platformMetrics, log: log, tokens: first?.platforms[adapter.platform]?.outbox.tokens)
            platforms[adapter.platform] = Platform(
                adapter: adapter, outbox: outbox, metrics: platformMetrics,
                keyedReception: (adapter as? any PublishedKeyVerifying).map {
                    makeKeyedReception($0, client: client, loop: loop, log: log)
                },
                media: (adapter as? any MediaFetching).map { MediaFetcher(adapter: $0, outbox: outbox, log: log) })
        }
        self.platforms = platforms
    }

    // MARK: Taking events

    /// Takes events of one platform: each is logged, and answered if it calls for an answer.
    ///
    /// With ``BridgeConfiguration/Acknowledgement/durable`` it returns when the inbox has them.
    ///
    /// - Returns: false when they cannot be taken now because too much is in work or the inbox is away: the platform is to
    ///   deliver them again.
    public func take(_ events: [InboundEvent], from platform: PlatformName) async -> Bool {
        guard let known = platforms[platform] else { return true }
        if let shares = shares(of: events, on: known) { return await take(shares, from: platform) == nil }
        return await takeOwn(events, from: platform) == nil
    }

    /// An event on its way in.
    ///
    /// A class, as a question is: it is handed on from step to step.
    final class Arrival: Sendable {
        let id: UUID
        let event: InboundEvent
        let platform: Platform
        let at: Timestamp
        let takenAt: ContinuousClock.Instant
        /// When its webhook had been read; the same as ``takenAt`` where it came another way.
        let receivedAt: ContinuousClock.Instant
        let listener: ReplyListener?
        let trace: MessageTrace?

        init(
            id: UUID, event: InboundEvent, platform: Platform, at: Timestamp, takenAt: ContinuousClock.Instant,
            receivedAt: ContinuousClock.Instant, listener: ReplyListener?, trace: MessageTrace?
        ) {
            self.id = id
            self.event = event
            self.platform = platform
            self.at = at
            self.takenAt = takenAt
            self.receivedAt = receivedAt
            self.listener = listener
            self.trace = trace
        }
    }

    /// What became of one event.
    enum TakeResult: Sendable {
        /// It is on its way under this name.
        case taken(UUID)
        /// It was taken before.
        case duplicate
    }

    /// What becomes of events that have just come in.
    enum Admission: Sendable {
        /// They may be acknowledged.
        case taken([TakeResult])
        /// Too much is in work.
        case full
        /// They may be acknowledged once the inbox has them: ``Bridge/claim(_:)``.
        case claim([Arrival])
    }

    /// Takes events as far as that is possible at once.
    ///
    /// - Parameters:
    ///   - listener: somebody at one of our own endpoints who waits for the answer here.
    ///   - trace: what brought the events.
    ///   - start: when their webhook had been read; nil: now.
    func admit(
        _ events: [InboundEvent], from platform: Platform, listener: ReplyListener? = nil, trace: TraceHeaders? = nil,
        since start: ContinuousClock.Instant? = nil
    ) -> Admission {
        guard hasRoom(for: events, on: platform) else {
            platform.metrics.overloaded.increment()
            return .full
        }
        let (now, takenAt) = (Timestamp.now(), ContinuousClock.now)
        let arrivals = events.map {
            Arrival(
                id: ids.next(at: now), event: $0, platform: platform, at: now, takenAt: takenAt,
                receivedAt: start ?? takenAt, listener: listener,
                trace: MessageTrace(by: tracer, under: trace, at: now, takenAt: takenAt))
        }
        // A simulated webhook is from nobody: no other bridge need know of it.
        guard let inbox, listener?.isDiverting != true else { return .taken(arrivals.map(takeHere)) }
        if configuration.acknowledgement == .durable { return .claim(arrivals) }
        let isAlone = platform.capabilities.transport == .local || !inbox.isShared
        return .taken(isAlone ? arrivals.map(takeByName) : takeShared(arrivals))
    }

    private func hasRoom(for events: [InboundEvent], on platform: Platform) -> Bool {
        if isDraining || !hasStarted { return false }
        let new = events.count { $0.disposition == .answer }
        let present = questions + claiming
        // A webhook with more than the limit holds would never be taken: it goes in when nothing else is there.
        guard new == 0 || present == 0 || present + new <= configuration.maxInFlightHere else { return false }
        // No conversation can hold more than all of them do.
        if present + new <= configuration.maxWaitingPerConversation { return true }
        var added: [LaneKey: Int] = [:]
        for event in events where event.disposition == .answer {
            added[LaneKey(event, on: platform.name), default: 0] += 1
        }
        return added.allSatisfy { key, count in
            guard let lane = lanes[key] else { return true }
            // The first of a new lane waits for its task's first step only.
            let waiting = lane.waiting.count - (lane.current == nil ? 1 : 0)
            return waiting + count <= configuration.maxWaitingPerConversation
        }
    }

    // MARK: Stopping

    /// Takes nothing more and waits until all questions are answered, or the deadline has passed.
    ///
    /// What is still without an answer then stays with the inbox where that has it, for another bridge or the next start.
    /// Other users are told where two seconds suffice, and their messages are logged as failed. Drain the recorder after this.
    ///
    /// - Returns: the number of questions that were given up or left.
    public func drain(deadline: Duration) async -> Int {
        isDraining = true
        let end = ContinuousClock.now + deadline
        await waitUntilIdle(atMost: deadline)
        let unanswered = questions
        if unanswered > 0 || settling > 0 {
            giveUp()
            await waitUntilIdle(atMost: Bridge.lastWords)
        }
        await inbox?.retire()
        await keeper?.drain(within: max(ContinuousClock.now.duration(to: end), .zero))
        group = nil
        return unanswered
    }

    /// Has what came with a message copied, where that is wanted.
    func keepAttachments(of event: InboundEvent, as message: UUID, on platform: Platform) {
        guard let keeper, !event.attachments.isEmpty, let media = platform.media else { return }
        keeper.assumeIsolated { $0.keep(event, as: message, from: platform.name, by: media) }
    }

    private func waitUntilIdle(atMost limit: Duration) async {
        guard !isIdle else { return }
        let timer = LoopTimer(on: loop) { [weak self] in self?.assumeIsolated { $0.resumeDrained() } }
        timer.schedule(after: limit)
        await withCheckedContinuation { drained.append($0) }
        timer.cancel()
    }

    private var isIdle: Bool { lanes.isEmpty && claiming == 0 && settling == 0 }

    /// Something has ended; at a stop it may have been the last.
    func noteEnd() {
        if isDraining, isIdle { resumeDrained() }
    }

    private func resumeDrained() {
        for continuation in drained { continuation.resume() }
        drained = []
    }

    /// True while questions are taken.
    public var isAccepting: Bool { hasStarted && !isDraining && questions < configuration.maxInFlightHere }
}
