public import BridgeCore
public import EventLoop
public import HTTPClient
public import Journal
public import Telemetry

/// The engine: takes events from adapters, asks the agent, delivers its answers and hands what happened to the journal.
///
/// One conversation is answered one message at a time, in the order received; conversations run side by side. Nothing on the
/// way to an answer waits for the journal, Redis or a database. Lives on one loop; its entrances for webhooks are synchronous
/// (`assumeIsolated` from the same loop), so that an acknowledgement leaves in the turn that read the request.
public actor Bridge {
    /// One adapter with what the engine keeps for it.
    struct Platform: Sendable {
        let adapter: any Adapter
        let capabilities: Capabilities
        let outbox: Outbox
        let metrics: PlatformMetrics
    }

    /// What became of an event that one of our own endpoints took in.
    enum TakeResult: Sendable {
        /// It is on its way under this name.
        case taken(UUID)
        /// It was taken before.
        case duplicate
        /// Too much is in work.
        case full
    }

    /// The conversation that a lane serves.
    struct LaneKey: Hashable {
        let platform: PlatformName
        let place: InboundEvent.Place
    }

    /// A question on its way: taken, and not answered yet.
    struct Question: Sendable {
        let id: UUID
        let event: InboundEvent
        let platform: Platform
        let takenAt: ContinuousClock.Instant
    }

    /// The loop on which all of it runs.
    public nonisolated let loop: EventLoop
    /// The loop's.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    let configuration: BridgeConfiguration
    let agent: AgentClient
    let recorder: JournalRecorder
    let log: Log
    let platforms: [PlatformName: Platform]
    var ids = UUIDGenerator()
    var history: ConversationHistory
    var listeners: [UUID: ReplyListener] = [:]
    private let inFlight: Gauge
    private var inbox = Inbox()
    private var kindCounters: [PlatformName: [ContentKind: Counter]] = [:]
    /// The conversations in work, each with the questions that wait behind the one being answered.
    private var lanes: [LaneKey: [Question]] = [:]
    private var questions = 0
    private var isDraining = false
    private var drained: [CheckedContinuation<Void, Never>] = []

    /// An engine for these adapters and this agent.
    public init(
        loop: EventLoop, configuration: BridgeConfiguration, adapters: [any Adapter], agent: any Agent,
        client: HTTPClient,
        recorder: JournalRecorder, metrics: Metrics, log: Log
    ) {
        self.loop = loop
        self.configuration = configuration
        self.agent = AgentClient(agent: agent, client: client, timeout: configuration.agentTimeout)
        self.recorder = recorder
        self.log = log
        history = ConversationHistory(limit: configuration.historyLimit)
        inFlight = metrics.gauge("chatbridge_in_flight", help: "Questions waiting or in work.")
        var platforms: [PlatformName: Platform] = [:]
        for adapter in adapters {
            let platformMetrics = PlatformMetrics(metrics, platform: adapter.platform)
            let outbox = Outbox(
                loop: loop, adapter: adapter, rates: configuration.rates(of: adapter), client: client,
                metrics: platformMetrics, log: log)
            platforms[adapter.platform] = Platform(
                adapter: adapter, capabilities: adapter.capabilities, outbox: outbox, metrics: platformMetrics)
            kindCounters[adapter.platform] = Dictionary(
                uniqueKeysWithValues: ContentKind.allCases.map { ($0, platformMetrics.events($0)) })
        }
        self.platforms = platforms
    }

    // MARK: Taking events

    /// Takes events of one platform: each is logged, and answered if it calls for an answer.
    ///
    /// - Returns: false when they cannot be taken now because too much is in work: nothing was done, and the platform is to
    ///   deliver them again.
    public func take(_ events: [InboundEvent], from platform: PlatformName) -> Bool {
        guard let platform = platforms[platform] else { return true }
        guard hasRoom(for: events, on: platform) else {
            platform.metrics.overloaded.increment()
            return false
        }
        for event in events { _ = accept(event, from: platform, listener: nil) }
        return true
    }

    /// Takes one event whose answer is wanted by a caller of our own.
    func take(_ event: InboundEvent, from platform: PlatformName, listener: ReplyListener?) -> TakeResult {
        guard let platform = platforms[platform], hasRoom(for: [event], on: platform) else { return .full }
        return accept(event, from: platform, listener: listener)
    }

    private func accept(_ event: InboundEvent, from platform: Platform, listener: ReplyListener?) -> TakeResult {
        let name = platform.adapter.platform
        guard inbox.claim(event, on: name) else {
            platform.metrics.duplicates.increment()
            return .duplicate
        }
        kindCounters[name]?[event.kind]?.increment()
        let now = Timestamp.now()
        let id = ids.next(at: now)
        recordInbound(event, id: id, at: now, platform: name)
        if let target = event.movedTo { recordMove(of: event.place, to: target, platform: name, at: now) }
        for action in event.followUps where listener?.isDiverting != true {
            let outbox = platform.outbox
            loop.spawn(on: outbox) { _ = await $0.perform(action, to: ReplyAddress(event)) }
        }
        guard event.disposition == .answer else { return .taken(id) }
        if let listener { listeners[id] = listener }
        enqueue(Question(id: id, event: event, platform: platform, takenAt: .now))
        return .taken(id)
    }

    private func hasRoom(for events: [InboundEvent], on platform: Platform) -> Bool {
        if isDraining { return false }
        guard questions + events.count <= configuration.maxInFlight else { return false }
        return events.allSatisfy { event in
            guard event.disposition == .answer else { return true }
            let waiting = lanes[LaneKey(platform: platform.adapter.platform, place: event.place)]?.count ?? 0
            return waiting < configuration.maxWaitingPerConversation
        }
    }

    // MARK: Lanes

    private func enqueue(_ question: Question) {
        questions += 1
        inFlight.add(1)
        let key = LaneKey(platform: question.platform.adapter.platform, place: question.event.place)
        guard lanes[key] == nil else {
            lanes[key]?.append(question)
            return
        }
        lanes[key] = []
        loop.spawn(on: self) { await $0.runLane(key, first: question) }
    }

    private func runLane(_ key: LaneKey, first: Question) async {
        var next: Question? = first
        while let question = next {
            await answer(question)
            questions -= 1
            inFlight.add(-1)
            if lanes[key]?.isEmpty == false { next = lanes[key]?.removeFirst() } else { next = nil }
        }
        lanes[key] = nil
        if isDraining, lanes.isEmpty { resumeDrained() }
    }

    // MARK: Stopping

    /// Takes nothing more and waits until all questions are answered, or the deadline has passed.
    ///
    /// - Returns: the number of questions that were given up.
    public func drain(deadline: Duration) async -> Int {
        isDraining = true
        guard !lanes.isEmpty else { return 0 }
        let timer = LoopTimer(on: loop) { [weak self] in self?.assumeIsolated { $0.resumeDrained() } }
        timer.schedule(after: deadline)
        await withCheckedContinuation { drained.append($0) }
        timer.cancel()
        return questions
    }

    private func resumeDrained() {
        for continuation in drained { continuation.resume() }
        drained = []
    }

    /// True while questions are taken.
    public var isAccepting: Bool { !isDraining && questions < configuration.maxInFlight }
}
