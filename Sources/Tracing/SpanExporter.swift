internal import BridgeCore
public import EventLoop
public import HTTPClient
internal import HTTPCore
internal import JSON
public import Telemetry

/// Sends spans in batches by OTLP/HTTP with JSON, off the way of any answer and in bounded memory.
///
/// What does not fit is dropped and counted: traces are worth less than what they tell of. Retries as the OTLP specification
/// ("OTLP/HTTP Response") wants it: 429, 502, 503, 504 and failed connections, after `Retry-After` or a growing pause.
public actor SpanExporter {
    /// What became of one request.
    enum Outcome {
        /// It was taken, but for so many spans.
        case taken(refused: Int, reason: String)
        /// It will never be taken.
        case refused(String)
        /// It may be taken later.
        case later(after: Duration?, String)
    }

    /// As many spans are written in a turn of the loop.
    private static let spansPerTurn = 32
    /// A receiver that wants to be left alone for longer loses the batch.
    private static let longestPause = Duration.seconds(300)

    /// The loop that it lives on.
    public nonisolated let loop: EventLoop
    /// The loop's.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private let client: HTTPClient
    private let endpoint: String
    private let configuration: TracingConfiguration
    private let encoder: OTLPEncoder
    private let metrics: SpanExporterMetrics
    private let log: Log
    private var waiting: [Span] = []
    private var timer: LoopTimer?
    private var sending: Task<Void, Never>?
    private var pause: Task<Void, Never>?
    /// Set at the stop: nothing is tried again beyond it.
    private var deadline: ContinuousClock.Instant?
    private var complaint: ContinuousClock.Instant?

    /// An exporter; nil without an endpoint.
    public init?(
        loop: EventLoop, client: HTTPClient, configuration: TracingConfiguration, metrics: Metrics, log: Log
    ) {
        guard let endpoint = configuration.endpoint else { return nil }
        self.loop = loop
        self.client = client
        self.endpoint = endpoint
        self.configuration = configuration
        encoder = OTLPEncoder(resource: configuration.resource, version: configuration.version)
        self.metrics = SpanExporterMetrics(metrics)
        self.log = log
    }

    isolated deinit {
        timer?.cancel()
    }

    /// Takes a span, or drops it where too many wait.
    func append(_ span: Span) {
        guard waiting.count < configuration.queueSize else { return metrics.overflowed.increment() }
        waiting.append(span)
        guard sending == nil else { return }
        if waiting.count >= configuration.batchSize { return begin() }
        schedule()
    }

    /// Sends what waits, for so long at most; the rest is dropped and counted.
    public func stop(within limit: Duration) async {
        deadline = .now + limit
        pause?.cancel()
        if sending == nil, !waiting.isEmpty { begin() }
        let end = LoopTimer(on: loop) { [weak self] in self?.assumeIsolated { $0.giveUp() } }
        end.schedule(after: limit)
        // What ends while we wait may leave the next batch.
        while let task = sending { await task.value }
        end.cancel()
        timer?.cancel()
        metrics.unsent.increment(by: waiting.count)
        waiting = []
    }

    private func giveUp() {
        sending?.cancel()
        pause?.cancel()
    }

    private func schedule() {
        let timer = timer ?? LoopTimer(on: loop) { [weak self] in self?.assumeIsolated { $0.begin() } }
        self.timer = timer
        if !timer.isScheduled { timer.schedule(after: configuration.delay) }
    }

    private func begin() {
        timer?.cancel()
        guard sending == nil, !waiting.isEmpty else { return }
        sending = loop.spawn(on: self) { exporter in
            repeat { await exporter.sendBatch() } while exporter.goesOn
            exporter.sending = nil
            if !exporter.waiting.isEmpty, exporter.deadline == nil { exporter.schedule() }
        }
    }

    /// Whether the next batch is due already.
    private var goesOn: Bool {
        guard !Task.isCancelled else { return false }
        return deadline == nil ? waiting.count >= configuration.batchSize : !waiting.isEmpty
    }

    private func sendBatch() async {
        let batch = Array(waiting.prefix(configuration.batchSize))
        waiting.removeFirst(batch.count)
        let body = await encoded(batch)
        var pause = configuration.firstPause
        for attempt in 1...max(1, configuration.attempts) {
            let problem: String
            switch await post(body) {
            case .taken(let refused, let reason):
                metrics.exported.increment(by: batch.count - refused)
                metrics.refused.increment(by: refused)
                if refused > 0 { complain(of: reason) }
                return
            case .refused(let reason):
                metrics.refused.increment(by: batch.count)
                return complain(of: reason)
            case .later(let told, let reason):
                problem = reason
                let wait = told ?? pause * Double.random(in: 0.5...1)
                pause = pause * 2
                let isWorthwhile = wait <= SpanExporter.longestPause && deadline.map { .now + wait < $0 } ?? true
                if attempt < configuration.attempts, isWorthwhile, !Task.isCancelled {
                    await rest(for: wait)
                    continue
                }
            }
            metrics.unsent.increment(by: batch.count)
            return complain(of: problem)
        }
    }

    private func rest(for wait: Duration) async {
        let loop = loop
        let task = loop.spawn { try? await loop.sleep(for: wait) }
        pause = task
        await task.value
        pause = nil
    }

    private func encoded(_ batch: [Span]) async -> [UInt8] {
        var body = encoder.begin()
        body.reserveCapacity(batch.count * 768)
        for (index, span) in batch.enumerated() {
            encoder.add(span, to: &body)
            // Others on the loop make answers.
            if index % SpanExporter.spansPerTurn == SpanExporter.spansPerTurn - 1 { await Task.yield() }
        }
        encoder.end(&body)
        return body
    }

    private func post(_ body: [UInt8]) async -> Outcome {
        var headers = configuration.headers
        headers["Content-Type"] = "application/json"
        let request = HTTPClientRequest(
            method: .post, url: endpoint, headers: headers, body: body,
            timeouts: .init(
                connect: configuration.timeout, firstByte: configuration.timeout, idle: configuration.timeout,
                total: configuration.timeout),
            maxResponseBytes: 1 << 20)
        do throws(HTTPClientError) {
            return SpanExporter.outcome(of: try await client.send(request))
        } catch {
            return .later(after: nil, error.message)
        }
    }

    /// What an answer means; "OTLP/HTTP Response" of the OTLP specification.
    static func outcome(of response: HTTPClientResponse) -> Outcome {
        switch response.status.code {
        case 200..<300:
            guard let partial = (try? JSONView(parsing: response.body))?["partialSuccess"] else {
                return .taken(refused: 0, reason: "")
            }
            // A 64-bit number is a string in this JSON; some write it as a number all the same.
            let refused = partial["rejectedSpans"].string.flatMap { Int64($0) } ?? partial["rejectedSpans"].int
            return .taken(
                refused: Int(clamping: refused ?? 0), reason: partial["errorMessage"].string ?? "spans were refused")
        case 429, 502, 503, 504:
            let seconds = response.header("Retry-After").flatMap { Int($0) }
            return .later(after: seconds.map { .seconds(max(0, $0)) }, "HTTP \(response.status.code)")
        default:
            return .refused("HTTP \(response.status.code)")
        }
    }

    private func complain(of reason: String) {
        if let complaint, complaint.duration(to: .now) < .seconds(60) { return }
        complaint = .now
        log.warning("traces cannot be exported, spans are dropped", ["reason": reason])
    }
}
