internal import Crypto
internal import EventLoop

/// What keeps a client connected: queues commands, matches replies to them, watches their time, connects again.
///
/// Confined to the client's loop.
final class RedisLink: @unchecked Sendable {
    // Unchecked: cancellation handlers and the name look-up carry the reference to `execute`, and nothing else.

    let loop: EventLoop
    let configuration: RedisConfiguration
    private(set) var state = RedisState.idle
    /// Called on the loop after each change of ``state``.
    var onState: (RedisState) -> Void = { _ in }

    private var connection: RedisConnection?
    private var attempt = 0
    private var hasTried = false
    private var backoff: Backoff
    /// Whether the last connection ended because its server is not the master any more.
    private var wasTurnedAway = false
    private var connectedAt: UInt64 = 0
    private var greetingError: RedisError?
    private var tlsContext: TLSContext?
    private let finder: RedisFinder?
    /// Where a cluster's node said that the keys are: tried next, without asking.
    private var movedTo: RedisPlace?

    // Sent or queued on the connection, oldest first; those before `firstInFlight` are answered.
    private var inFlight: [PendingCommand] = []
    private var firstInFlight = 0
    // Waiting for a connection.
    private var parked: [PendingCommand] = []
    private var outstandingBytes = 0

    private let commandTimeout: UInt64
    private let connectionWait: UInt64
    private var attemptTimer: LoopTimer?
    private var commandTimer: LoopTimer?
    private var commandTimerIsSetFor = UInt64.max

    init(loop: EventLoop, configuration: RedisConfiguration) {
        self.loop = loop
        self.configuration = configuration
        backoff = Backoff(least: configuration.minBackoff, longest: configuration.maxBackoff)
        commandTimeout = configuration.commandTimeout.nanoseconds
        connectionWait = configuration.connectionWait.nanoseconds
        finder = RedisFinder(loop: loop, configuration: configuration)
    }

    // MARK: Commands

    /// The most time for a reply: the call's own or the configured.
    func timeout(_ duration: Duration?) -> UInt64 {
        duration?.nanoseconds ?? commandTimeout
    }

    /// Takes a command over: its receiver hears of it exactly once.
    func submit(_ pending: PendingCommand) {
        guard let command = pending.command else { return }
        let count = inFlight.count - firstInFlight + parked.count
        guard count < configuration.maxOutstandingCommands,
            count == 0 || outstandingBytes + pending.size <= configuration.maxOutstandingBytes
        else {
            return pending.finish(
                with: .failure(RedisError(code: .overloaded, message: "too much waits for the Redis server already")))
        }
        switch state {
        case .connected:
            outstandingBytes += pending.size
            queue(pending, command)
        case .closed:
            pending.finish(with: .failure(RedisError(code: .notConnected, message: "the Redis client was shut down")))
        case .disconnected(let error) where connectionWait == 0:
            pending.finish(with: .failure(error))
        case .idle, .connecting, .disconnected:
            if hasTried, connectionWait == 0, case .connecting = state, let last = lastError {
                return pending.finish(with: .failure(last))
            }
            outstandingBytes += pending.size
            park(pending)
            if case .idle = state { connect() }
        }
    }

    /// Why the last connection ended or did not come about.
    private var lastError: RedisError?

    private func park(_ pending: PendingCommand) {
        let wait = connectionWait == 0 ? pending.timeout : min(connectionWait, pending.timeout)
        pending.deadline = MonotonicClock.now.advanced(byAtMost: wait)
        parked.append(pending)
        watchDeadline(pending.deadline)
    }

    private func queue(_ pending: PendingCommand, _ command: RedisCommand) {
        guard let connection else { return }
        pending.command = nil
        pending.startOffset = connection.writtenOffset
        inFlight.append(pending)
        connection.write(command.wire)
        watchDeadline(pending.deadline)
    }

    /// The caller of a command waits no more; a command in flight keeps its place for its reply.
    func abandon(_ pending: PendingCommand) {
        if case .none = pending.receiver { return }
        let wasSent = pending.command == nil && pending.startOffset < (connection?.sentOffset ?? 0)
        if let index = parked.firstIndex(where: { $0 === pending }) {
            parked.remove(at: index)
            outstandingBytes -= pending.size
        }
        pending.finish(
            with: .failure(
                RedisError(
                    code: .cancelled, message: "the task was cancelled", mayHaveBeenExecuted: wasSent)))
    }

    private func takeReply(_ value: RedisValue) {
        guard firstInFlight < inFlight.count else {
            return drop(RedisError.brokenReply("the server sent a reply that nobody asked for"))
        }
        let pending = inFlight[firstInFlight]
        firstInFlight += 1
        if firstInFlight == inFlight.count {
            inFlight.removeAll(keepingCapacity: true)
            firstInFlight = 0
        } else if firstInFlight > 1024, firstInFlight > inFlight.count / 2 {
            inFlight.removeFirst(firstInFlight)
            firstInFlight = 0
        }
        outstandingBytes -= pending.size
        let isGreeted = state == .connected
        guard isGreeted, case .error(let error) = value, error.isOfWrongServer else {
            return pending.finish(with: .success(value))
        }
        if finder == nil, error.movedTo != nil {
            pending.finish(with: .success(.error(error.adding("this is a node of a cluster, use redis+cluster://"))))
        } else {
            pending.finish(with: .success(value))
            turnAway(error)
        }
    }

    /// The server does not serve our keys, as after a failover: the name may lead to another by now, which only a new
    /// connection finds.
    private func turnAway(_ error: RedisError) {
        let lived = MonotonicClock.now - connectedAt
        if lived > configuration.maxBackoff.nanoseconds { backoff.reset() }
        wasTurnedAway = true
        movedTo = error.movedTo
        drop(error)
    }

    // MARK: Connecting

    /// Starts the first attempt, if there was none.
    func connect() {
        guard case .idle = state else { return }
        beginAttempt()
    }

    private func beginAttempt() {
        attempt += 1
        let number = attempt
        change(to: .connecting)
        let timer = LoopTimer(on: loop) { [unowned self] in
            drop(RedisError(code: .notConnected, message: "no connection to Redis within the time allowed"))
        }
        timer.schedule(after: configuration.connectTimeout)
        attemptTimer = timer
        switch configuration.endpoint {
        case .unix(let path):
            open([SocketAddress(path: path)], host: "localhost")
        case .tcp(let host, let port):
            look(for: RedisPlace(host: host, port: port), attempt: number)
        case .sentinel, .cluster:
            if let place = movedTo {
                movedTo = nil
                return look(for: place, attempt: number)
            }
            loop.spawn { [weak self, finder] in
                let result = await finder?.find()
                guard let self, let result, attempt == number, case .connecting = state else { return }
                switch result {
                case .success(let place): look(for: place, attempt: number)
                case .failure(let error): drop(error)
                }
            }
        }
    }

    private func look(for place: RedisPlace, attempt number: Int) {
        SocketAddress.resolve(host: place.host, port: place.port, on: loop) { [weak self] result in
            guard let self, attempt == number, case .connecting = state else { return }
            switch result {
            case .success(let addresses): open(addresses, host: place.host)
            case .failure(let error): drop(error)
            }
        }
    }

    private func open(_ addresses: [SocketAddress], host: String) {
        var session: TLSClientSession?
        if configuration.usesTLS {
            do {
                let context =
                    try tlsContext
                    ?? TLSContext(trust: configuration.trustedCertificatesFile.map { .file($0) } ?? .system)
                tlsContext = context
                session = try TLSClientSession(serverName: host, context: context)
            } catch {
                return drop(RedisError(code: .configuration, message: "\(error)"))
            }
        }
        let connection = RedisConnection(
            to: addresses, tls: session, loop: loop, maxReplyBytes: configuration.maxReplyBytes
        ) { [unowned self] event in
            switch event {
            case .connected: greet()
            case .reply(let value): takeReply(value)
            case .ended(let error): drop(error)
            }
        }
        self.connection = connection
        connection.start()
    }

    /// Says who we are and asks whether commands are welcome; all in one write.
    private func greet() {
        greetingError = nil
        if let password = configuration.password {
            send(greeting: configuration.username.map { ["AUTH", $0, password] } ?? ["AUTH", password])
        }
        if configuration.database != 0 { send(greeting: ["SELECT", "\(configuration.database)"]) }
        // A server that does not know this, or does not allow it, is as good without it.
        if let name = configuration.clientName { send(greeting: ["CLIENT", "SETNAME", name], mayFail: true) }
        switch configuration.endpoint {
        case .tcp, .unix: break
        // A user who may not ask finds it out with the first write.
        case .sentinel: send(greeting: ["ROLE"], mayFail: true) { RedisFinder.examine(role: $0) }
        // Says MOVED, or that nobody serves the slot, before a command does.
        case .cluster: if let tag = configuration.hashTag { send(greeting: ["EXISTS", "{\(tag)}"]) }
        }
        let ping = PendingCommand(command: ["PING"], timeout: .max)
        ping.receiver = .greeting { [unowned self] value in
            // NOAUTH where a password is missing, LOADING while the server reads its data.
            if case .error(let error) = value, greetingError == nil { greetingError = error }
            if let greetingError {
                movedTo = greetingError.movedTo
                return drop(greetingError)
            }
            welcome()
        }
        outstandingBytes += ping.size
        queue(ping, ["PING"])
    }

    private func send(
        greeting command: RedisCommand, mayFail: Bool = false,
        check: @escaping (RedisValue) -> RedisError? = { _ in nil }
    ) {
        let pending = PendingCommand(command: command, timeout: .max)
        pending.receiver = .greeting { [unowned self] value in
            guard greetingError == nil else { return }
            if case .error(let error) = value {
                if !mayFail { greetingError = error }
            } else {
                greetingError = check(value)
            }
        }
        outstandingBytes += pending.size
        queue(pending, command)
    }

    private func welcome() {
        attemptTimer = nil
        hasTried = true
        // Where nobody is the master each connection succeeds, and ends with the first write.
        if !wasTurnedAway { backoff.reset() }
        wasTurnedAway = false
        connectedAt = MonotonicClock.now
        lastError = nil
        change(to: .connected)
        let waiting = parked
        parked = []
        let now = MonotonicClock.now
        for pending in waiting {
            guard let command = pending.command else { continue }
            pending.deadline = now.advanced(byAtMost: pending.timeout)
            queue(pending, command)
        }
    }

    // MARK: Ending

    /// Gives the connection up, says so to all who wait, and plans the next attempt.
    private func drop(_ error: RedisError) {
        end(error)
        change(to: .disconnected(lastError ?? error))
        let timer = LoopTimer(on: loop) { [unowned self] in beginAttempt() }
        timer.schedule(after: backoff.next())
        attemptTimer = timer
    }

    private func end(_ error: RedisError) {
        hasTried = true
        // To those who come later it is a missing connection, whatever the reason was.
        let later = RedisError(code: error.code == .protocol ? .notConnected : error.code, message: error.message)
        lastError = later
        attemptTimer = nil
        let sent = connection?.sentOffset ?? 0
        connection?.cancel()
        connection = nil
        let lost = inFlight[firstInFlight...]
        inFlight = []
        firstInFlight = 0
        for pending in lost {
            outstandingBytes -= pending.size
            let wasSent = pending.startOffset < sent
            pending.finish(
                with: .failure(
                    wasSent
                        ? RedisError(
                            code: error.code == .protocol ? .protocol : .unanswered, message: error.message,
                            mayHaveBeenExecuted: true)
                        : later))
        }
        if connectionWait == 0 { failParked(later) }
    }

    private func failParked(_ error: RedisError) {
        let waiting = parked
        parked = []
        for pending in waiting {
            outstandingBytes -= pending.size
            pending.finish(with: .failure(error))
        }
    }

    /// Ends for good.
    func close() {
        if case .closed = state { return }
        let error = RedisError(code: .notConnected, message: "the Redis client was shut down")
        attempt += 1
        end(error)
        failParked(error)
        commandTimer = nil
        change(to: .closed)
        onState = { _ in }
    }

    private func change(to state: RedisState) {
        self.state = state
        onState(state)
    }

    // MARK: Time

    /// Makes sure that the timer looks at the queue by then; a timer set earlier finds the next deadline by itself.
    private func watchDeadline(_ deadline: UInt64) {
        guard deadline < commandTimerIsSetFor else { return }
        commandTimerIsSetFor = deadline
        let timer = commandTimer ?? LoopTimer(on: loop) { [unowned self] in checkDeadlines() }
        commandTimer = timer
        let now = MonotonicClock.now
        // A step of the coarse clock more, so that the timer finds the deadline passed.
        timer.schedule(after: .nanoseconds(Int64(clamping: deadline > now ? deadline - now : 0)) + .milliseconds(4))
    }

    private func checkDeadlines() {
        commandTimerIsSetFor = .max
        let now = MonotonicClock.now
        if inFlight[firstInFlight...].contains(where: { $0.deadline <= now }) {
            // Replies come in order: with one overdue the connection says nothing more that could be trusted to come.
            drop(RedisError(code: .notConnected, message: "the Redis server did not answer within the time allowed"))
        }
        let late = parked.filter { $0.deadline <= now }
        if !late.isEmpty {
            parked.removeAll { $0.deadline <= now }
            let error = lastError ?? RedisError(code: .notConnected, message: "no connection to Redis yet")
            for pending in late {
                outstandingBytes -= pending.size
                pending.finish(with: .failure(error))
            }
        }
        var next = UInt64.max
        for pending in inFlight[firstInFlight...] { next = min(next, pending.deadline) }
        for pending in parked { next = min(next, pending.deadline) }
        if next != .max { watchDeadline(next) }
    }
}
