internal import BridgeCore
internal import EventLoop
internal import HTTPClient
internal import HTTPCore
internal import Telemetry
internal import WebSocket

/// One session at a gateway, over any number of connections one after the other.
actor GatewayLink {
    /// How the attempt to get a connection ended.
    private enum Attempt {
        case connected(WebSocketConnection)
        /// The session is told, and says what follows.
        case failed(reason: String)
        /// The session itself said that there is nowhere to connect to.
        case refused(DeliveryFailure)
    }

    /// Requests before a connection, at the most: one is usual.
    private static let maxQuestions = 5
    private static let questionTimeouts = HTTPClientRequest.Timeouts()
    /// A peer has so long to answer our close frame; a stop does not wait for one that is dead.
    private static let timeouts = WebSocketTimeouts(close: .seconds(2))
    /// How often a full engine is asked again.
    private static let fullPause = Duration.milliseconds(200)
    /// When the predecessor is let go even though this session is not open yet.
    private static let takeOverLimit = Duration.seconds(10)

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private let runner: GatewayRunner
    private let adapter: any GatewayConnecting
    private let bridge: Bridge
    private let log: Log
    private var session: any GatewaySession
    private var predecessor: GatewayLink?
    private var connection: WebSocketConnection?
    private var task: Task<Void, Never>?
    private var timer: LoopTimer?
    private var takeOverTimer: LoopTimer?
    /// The code that we have closed with, at the session's wish.
    private var closeCode: UInt16?
    /// True once this session is not to be connected again: at a stop, or when another takes over.
    private var isEnding = false

    init(session: any GatewaySession, runner: GatewayRunner, predecessor: GatewayLink?) {
        self.session = session
        self.runner = runner
        self.predecessor = predecessor
        adapter = runner.adapter
        bridge = runner.bridge
        log = runner.log
        loop = runner.bridge.loop
    }

    /// Runs in a task of its own until the session has ended, and says so to the runner.
    func start() {
        task = loop.spawn(on: self) { link in
            await link.run()
            await link.runner.remove(link)
        }
    }

    /// Ends the session: closes its connection in good order, or gives up making one.
    func stop() {
        guard !isEnding else { return }
        isEnding = true
        if let connection {
            loop.spawn { await connection.close() }
        } else {
            task?.cancel()
        }
    }

    /// Connects again and again, until it is stopped, another session takes over, or the platform refuses for good.
    private func run() async {
        var backoff = GatewayBackoff()
        scheduleTakeOver()
        while !isEnding {
            let attempt = await connect()
            var lasted = Duration.zero
            let recovery: GatewayRecovery
            switch attempt {
            case .connected(let connection):
                let start = ContinuousClock.now
                let closure = await use(connection)
                lasted = start.duration(to: .now)
                recovery = session.closed(closure, at: .now())
                log.info(
                    "gateway closed", ["code": closure.code.map { "\($0)" } ?? "none", "reason": closure.reason])
            case .failed(let reason):
                recovery = session.closed(GatewayClosure(code: nil, reason: reason), at: .now())
                if !isEnding { log.warning("gateway not connected", ["reason": reason]) }
            case .refused(let failure):
                recovery = GatewayLink.recovery(from: failure)
                log.warning("gateway not connected", ["reason": failure.reason])
            }
            await recover(recovery, after: lasted, &backoff)
        }
        letPredecessorGo()
    }

    private func recover(_ recovery: GatewayRecovery, after lasted: Duration, _ backoff: inout GatewayBackoff) async {
        guard !isEnding else { return }
        switch recovery {
        case .reconnect(let wanted):
            let pause = backoff.pause(after: lasted, wanted: wanted, jitter: .random(in: 0...1))
            log.info("gateway: connecting again", ["retry.after": "\(pause)"])
            // Ended early by a stop alone.
            try? await loop.sleep(for: pause)
        case .stop(let reason):
            log.error("gateway given up until a restart", ["reason": reason])
            isEnding = true
        }
    }

    private static func recovery(from failure: DeliveryFailure) -> GatewayRecovery {
        if case .rateLimited(let after?) = failure.kind { return .reconnect(after: after) }
        return failure.isTemporary ? .reconnect(after: nil) : .stop(reason: failure.reason)
    }

    // MARK: Connecting

    private func connect() async -> Attempt {
        var address = session.address(at: .now())
        for _ in 0...GatewayLink.maxQuestions {
            switch address {
            case .failed(let failure):
                return .refused(failure)
            case .connect(let url, let headers):
                return await connect(to: url, headers)
            case .ask(let request):
                do throws(HTTPClientError) {
                    let response = try await runner.client.send(
                        HTTPClientRequest(
                            method: request.method, url: request.url, headers: request.headers, body: request.body))
                    address = session.address(
                        from: OutboundResponse(
                            status: response.status, headers: .init { response.header($0) }, body: response.body),
                        at: .now())
                } catch {
                    return .failed(reason: error.message)
                }
            }
        }
        return .failed(reason: "the platform names no address of its gateway")
    }

    private func connect(to url: String, _ headers: [(name: String, value: String)]) async -> Attempt {
        var fields = HTTPFields()
        for header in headers { fields.append(header.name, header.value) }
        // Services behind Cloudflare refuse clients that do not name themselves.
        if fields["User-Agent"] == nil { fields.append("User-Agent", "ChatBridge") }
        do throws(WebSocketError) {
            let made = try await WebSocketClient(runner.client).connect(
                url, headers: fields, timeouts: GatewayLink.timeouts)
            return .connected(made)
        } catch {
            return .failed(reason: error.message)
        }
    }

    // MARK: Connected

    /// Feeds the session from a connection until that has ended.
    private func use(_ connection: WebSocketConnection) async -> GatewayClosure {
        self.connection = connection
        closeCode = nil
        runner.metrics.connections.increment()
        runner.metrics.connected.add(1)
        timer = LoopTimer(on: loop) { [weak self] in self?.assumeIsolated { $0.timerFired() } }
        defer {
            self.connection = nil
            timer = nil
            runner.metrics.connected.add(-1)
        }
        letPredecessorGo()
        await perform(session.opened(at: .now()))
        do throws(WebSocketError) {
            while let message = try await connection.receive() {
                // A session that ends hands nothing on any more: what is not acknowledged comes again elsewhere.
                if isEnding, closeCode == nil { continue }
                let bytes: [UInt8] =
                    switch message {
                    case .text(let text): Array(text.utf8)
                    case .binary(let bytes): bytes
                    }
                await perform(session.received(bytes, at: .now()))
            }
        } catch {
            if case .protocolViolation(let fault) = error.code {
                return GatewayClosure(code: fault.closeCode.rawValue, reason: error.message)
            }
            return GatewayClosure(code: closeCode, reason: error.message)
        }
        let closure = await connection.closure
        let code = closure.flatMap { $0.code == .noStatus ? nil : $0.code.rawValue }
        return GatewayClosure(code: closeCode ?? code, reason: closure?.reason ?? "")
    }

    private func timerFired() {
        let commands = session.timerFired(at: .now())
        // Beside the reading, which may be waiting for the engine: a heartbeat is due all the same.
        loop.spawn(on: self) { link in await link.perform(commands) }
    }

    private func perform(_ commands: [GatewayCommand]) async {
        for command in commands {
            switch command {
            case .send(let bytes):
                await send(bytes)
            case .deliver(let events, let acknowledgement):
                guard await hand(events) else { return }
                if let acknowledgement { await send(acknowledgement) }
            case .wake(let delay):
                if let delay { timer?.schedule(after: delay) } else { timer?.cancel() }
            case .replace:
                await runner.start(takingOverFrom: self)
            case .disconnect(let code):
                disconnect(code)
            case .note(let words):
                log.info("gateway", ["note": words])
            }
        }
    }

    private func send(_ bytes: [UInt8]) async {
        // A failure is the connection's end, which the reading sees.
        try? await connection?.send(.text(String(decoding: bytes, as: UTF8.self)))
    }

    /// Gives events to the engine one by one, waiting while it has no room; false when there was none before the end.
    ///
    /// Also when the connection is lost meanwhile: the session counts them as received.
    private func hand(_ events: [InboundEvent]) async -> Bool {
        for event in events {
            while !(await bridge.take([event], from: adapter.platform)) {
                guard !isEnding else { return false }
                do { try await loop.sleep(for: GatewayLink.fullPause) } catch { return false }
            }
        }
        return true
    }

    private func disconnect(_ code: UInt16) {
        guard let connection, closeCode == nil else { return }
        closeCode = code
        let wire = WebSocketCloseCode(rawValue: code)
        // Not waited for: the reading ends when the peer has answered, or has not in time.
        loop.spawn { await connection.close(wire.isSendable ? wire : .normal) }
    }

    // MARK: Taking over

    private func scheduleTakeOver() {
        guard predecessor != nil else { return }
        takeOverTimer = LoopTimer(on: loop) { [weak self] in self?.assumeIsolated { $0.letPredecessorGo() } }
        takeOverTimer?.schedule(after: GatewayLink.takeOverLimit)
    }

    private func letPredecessorGo() {
        takeOverTimer = nil
        predecessor?.assumeIsolated { $0.stop() }
        predecessor = nil
    }
}
