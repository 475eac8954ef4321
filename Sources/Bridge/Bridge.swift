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
    ///
    /// A class, since it goes along with each question: copies of a dozen references would cost more than the lane does.
    final class Platform: Sendable {
        let name: PlatformName
        let adapter: any Adapter
        let capabilities: Capabilities
        let outbox: Outbox
        let metrics: PlatformMetrics
        /// Verifies webhooks where the platform publishes the keys for it; else the adapter does it alone.
        let keyedReception: (any KeyedReceiving)?
        /// Fetches pictures, where the platform's API has them.
        let media: MediaFetcher?

        init(
            adapter: any Adapter, outbox: Outbox, metrics: PlatformMetrics, keyedReception: (any KeyedReceiving)?,
            media: MediaFetcher?
        ) {
            name = adapter.platform
            capabilities = adapter.capabilities
            self.adapter = adapter
            self.outbox = outbox
            self.metrics = metrics
            self.keyedReception = keyedReception
            self.media = media
        }

        /// Verifies and reads a webhook.
        ///
        /// - Throws: also ``WebhookRejection/Reason/unknownKey``, after which ``KeyedReceiving/refresh()`` may help.
        func receive(_ webhook: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> WebhookOutcome {
            guard let keyedReception else { return try adapter.receive(webhook, at: now) }
            return try keyedReception.receiveOnLoop(webhook, at: now)
        }
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
    private struct LaneKey: Hashable {
        let platform: PlatformName
        let account: AccountName
        let conversation: ConversationID
        let thread: ThreadID?

        init(_ event: InboundEvent, on platform: Platform) {
            self.platform = platform.name
            account = event.place.account
            conversation = event.place.conversation
            thread = event.place.thread
        }
    }

    /// A conversation in work.
    private struct Lane {
        /// Answers the questions one by one; ends when there are no more.
        let task: Task<Void, Never>
        /// What waits behind the question that is being answered.
        var waiting: [Question] = []
    }

    /// How long answers that were broken off at the drain's deadline may take to say so to their users.
    private static let lastWords = Duration.seconds(2)

    /// A question on its way: taken, and not answered yet.
    ///
    /// A class for the same reason: an event is a score of references.
    final class Question: Sendable {
        let id: UUID
        let event: InboundEvent
        let platform: Platform
        let takenAt: ContinuousClock.Instant

        init(id: UUID, event: InboundEvent, platform: Platform, takenAt: ContinuousClock.Instant) {
            self.id = id
            self.event = event
            self.platform = platform
            self.takenAt = takenAt
        }
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
    /// What agents want to see again with the next message of a conversation.
    var continuations = GenerationalCache<String, String>(capacity: 10_000)
    var listeners: [UUID: ReplyListener] = [:]
    /// Those whose agents have not been silent for long enough; nil where nobody is shown that we type.
    let typingLine: DelayLine?
    private let inFlight: Gauge
    private var inbox = Inbox()
    /// The conversations in work.
    private var lanes: [LaneKey: Lane] = [:]
    private var questions = 0
    private var isDraining = false
    private var drained: [CheckedContinuation<Void, Never>] = []

    /// An engine for these adapters and this agent.
    public init(
        loop: EventLoop, configuration: BridgeConfiguration, adapters: [any Adapter], agent: any Agent,
        client: HTTPClient, states: any StateStore, recorder: JournalRecorder, metrics: Metrics, log: Log
    ) {
        self.loop = loop
        self.configuration = configuration
        self.agent = AgentClient(agent: agent, client: client, timeout: configuration.agentTimeout)
        self.recorder = recorder
        self.log = log
        history = ConversationHistory(limit: configuration.historyLimit)
        typingLine = configuration.typingDelay.map { DelayLine(delay: $0) }
        inFlight = metrics.gauge("chatbridge_in_flight", help: "Questions waiting or in work.")
        var platforms: [PlatformName: Platform] = [:]
        for adapter in adapters {
            let platformMetrics = PlatformMetrics(metrics, platform: adapter.platform)
            let outbox = Outbox(
                loop: loop, adapter: adapter, rates: configuration.rates(of: adapter), client: client, states: states,
                metrics: platformMetrics, log: log)
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
        let name = platform.name
        guard inbox.claim(event, on: name) else {
            platform.metrics.duplicates.increment()
            return .duplicate
        }
        platform.metrics.events[event.kind]?.increment()
        let now = Timestamp.now()
        let id = ids.next(at: now)
        recordInbound(event, id: id, at: now, platform: name)
        if let receipt = event.receipt { record(receipt, in: event.place, at: now, platform: name) }
        if let target = event.movedTo { recordMove(of: event.place, to: target, platform: name, at: now) }
        for action in event.followUps where listener?.isDiverting != true {
            let outbox = platform.outbox
            loop.spawn(on: outbox) {
                _ = await $0.perform(action, to: ReplyAddress(event, rules: platform.capabilities.replies))
            }
        }
        guard event.disposition == .answer else { return .taken(id) }
        if let listener { listeners[id] = listener }
        enqueue(Question(id: id, event: event, platform: platform, takenAt: .now))
        return .taken(id)
    }

    private func hasRoom(for events: [InboundEvent], on platform: Platform) -> Bool {
        if isDraining { return false }
        let new = events.count { $0.disposition == .answer }
        // A webhook with more than the limit holds would never be taken: it goes in when nothing else is there.
        guard new == 0 || questions == 0 || questions + new <= configuration.maxInFlight else { return false }
        // No conversation can hold more than all of them do.
        if questions + new <= configuration.maxWaitingPerConversation { return true }
        var added: [LaneKey: Int] = [:]
        for event in events where event.disposition == .answer {
            added[LaneKey(event, on: platform), default: 0] += 1
        }
        return added.allSatisfy { key, count in
            guard let lane = lanes[key] else { return true }
            return lane.waiting.count + count <= configuration.maxWaitingPerConversation
        }
    }

    // MARK: Lanes

    private func enqueue(_ question: Question) {
        questions += 1
        inFlight.add(1)
        let key = LaneKey(question.event, on: question.platform)
        guard lanes[key]?.waiting.append(question) == nil else { return }
        // The task's first step comes in a later turn, when its lane is in place.
        lanes[key] = Lane(task: loop.spawn(on: self) { await $0.runLane(key, first: question) })
    }

    private func runLane(_ key: LaneKey, first: Question) async {
        var next: Question? = first
        while let question = next {
            await answer(question)
            questions -= 1
            inFlight.add(-1)
            next = takeNext(key)
        }
        if isDraining, lanes.isEmpty { resumeDrained() }
    }

    /// The next question of a conversation; without one, its lane is gone.
    private func takeNext(_ key: LaneKey) -> Question? {
        guard let waiting = lanes[key]?.waiting, !waiting.isEmpty else {
            lanes[key] = nil
            return nil
        }
        return lanes[key]?.waiting.removeFirst()
    }

    // MARK: Stopping

    /// Takes nothing more and waits until all questions are answered, or the deadline has passed.
    ///
    /// Those who are still without an answer then are told so where two seconds suffice, and their messages are logged as
    /// failed: drain the recorder after this.
    ///
    /// - Returns: the number of questions that were given up.
    public func drain(deadline: Duration) async -> Int {
        isDraining = true
        await waitForLanes(atMost: deadline)
        let unanswered = questions
        if unanswered > 0 {
            giveUp()
            await waitForLanes(atMost: Bridge.lastWords)
        }
        return unanswered
    }

    private func waitForLanes(atMost limit: Duration) async {
        guard !lanes.isEmpty else { return }
        let timer = LoopTimer(on: loop) { [weak self] in self?.assumeIsolated { $0.resumeDrained() } }
        timer.schedule(after: limit)
        await withCheckedContinuation { drained.append($0) }
        timer.cancel()
    }

    /// Breaks off what is in work and notes that what waits has no answer.
    private func giveUp() {
        let failure = AgentFailure(.unreachable, "the bridge was stopped before there was an answer")
        for key in lanes.keys {
            let waiting = lanes[key]?.waiting ?? []
            lanes[key]?.waiting = []
            lanes[key]?.task.cancel()
            questions -= waiting.count
            inFlight.add(-waiting.count)
            for question in waiting {
                recordFailure(failure, of: question)
                listeners.removeValue(forKey: question.id)?.receive(.failed(failure))
            }
        }
    }

    private func resumeDrained() {
        for continuation in drained { continuation.resume() }
        drained = []
    }

    /// True while questions are taken.
    public var isAccepting: Bool { !isDraining && questions < configuration.maxInFlight }
}
