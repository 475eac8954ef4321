import Agents
import BridgeCore
import BridgeTesting
import EventLoop
import HTTPClient
import Inbox
import Journal
import Synchronization
import Telemetry
import Tracing

@testable import Bridge

/// A whole engine on a loop of its own, with its journal in memory: what the product has around it, without the product.
final class Engine: Sendable {
    let loop: EventLoop
    let bridge: Bridge
    let client: HTTPClient
    let metrics = Metrics()
    let logged = LogLines()
    let states = MemoryStates()
    let exporter: SpanExporter?
    private let queue: MemoryJobQueue
    private let buffer: LogBuffer
    private let recorder: JournalRecorder

    init(
        _ loop: EventLoop, adapters: [any Adapter], agent: any Agent,
        inbox: (any InboxStore)? = nil, attachments: AttachmentStorage? = nil, tracing: TracingConfiguration? = nil,
        configure: (inout BridgeConfiguration) -> Void = { _ in }
    ) {
        self.loop = loop
        client = HTTPClient(loop: loop)
        queue = MemoryJobQueue(loop: loop)
        buffer = LogBuffer(loop: loop, queue: queue, spool: nil)
        recorder = JournalRecorder(
            loop: loop, buffer: buffer, directory: SessionDirectory(loop: loop, registry: nil))
        var configuration = BridgeConfiguration()
        configuration.typingDelay = nil
        configuration.agentTimeout = .seconds(10)
        configure(&configuration)
        let log = Log(minimum: .debug, format: .json, write: logged.write)
        let (client, metrics) = (client, metrics)
        let exporter = tracing.flatMap {
            SpanExporter(loop: loop, client: client, configuration: $0, metrics: metrics, log: log)
        }
        self.exporter = exporter
        bridge = Bridge(
            loop: loop, configuration: configuration, adapters: adapters, agent: agent, client: client,
            states: states, recorder: recorder, inbox: inbox, attachments: attachments, metrics: metrics,
            log: log, tracer: tracing.map { Tracer(sampler: $0.sampler, exporter: exporter) })
    }

    /// Takes events as a webhook's are, on the loop.
    func take(_ events: InboundEvent..., from platform: String = "plain") -> Bool {
        bridge.assumeIsolated { bridge in
            // As `take` does: what no adapter is here for is nobody's.
            guard let platform = bridge.platforms[PlatformName(platform)] else { return true }
            guard case .taken = bridge.admit(events, from: platform) else { return false }
            return true
        }
    }

    /// Waits until all questions are answered; the engine takes nothing more.
    func finish(within limit: Duration = .seconds(60)) async -> Int { await bridge.drain(deadline: limit) }

    /// Everything that was logged so far, in order; each job once over all calls.
    func jobs() async throws -> [LogJob] {
        await recorder.drain()
        await buffer.drain(within: .seconds(10))
        return try await queue.takeAll().map { try LogJob(decoding: $0) }
    }

    /// The jobs in short: `in text`, `out text`, `out! text` where delivery failed, `failed` for news of the inbound message.
    func story() async throws -> [String] { try await jobs().map(\.story) }

    /// The value of one counter or gauge, summed over its labels.
    func metric(_ name: String) -> Int {
        metrics.text().split(separator: "\n").filter { $0.hasPrefix(name + "{") || $0.hasPrefix(name + " ") }
            .compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }.reduce(0, +)
    }
}

extension LogJob {
    var story: String {
        switch self {
        case .message(let message):
            let mark = message.status == .failed ? "!" : ""
            return "\(message.direction == .inbound ? "in" : "out")\(mark) \(message.text ?? "-")"
        case .status(let change): return change.status.rawValue
        case .receipt(let receipt): return "receipt \(receipt.status.rawValue)"
        }
    }

    /// The metadata as text.
    var metadata: String {
        switch self {
        case .message(let message): String(decoding: message.metadata, as: UTF8.self)
        case .status(let change): String(decoding: change.metadata, as: UTF8.self)
        case .receipt(let receipt): String(decoding: receipt.metadata, as: UTF8.self)
        }
    }
}

/// Runs a body on a loop of its own thread, as the product does.
func onLoop<Value: Sendable>(
    _ body: @escaping @Sendable (EventLoop) async throws -> Value
) async throws -> Value {
    let loop = try EventLoop()
    loop.startThread(name: "bridge-test")
    defer { loop.stop() }
    return try await withCheckedThrowingContinuation { continuation in
        loop.spawn {
            do { continuation.resume(returning: try await body(loop)) } catch { continuation.resume(throwing: error) }
        }
    }
}

/// What our own log holds.
final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])

    func write(_ line: String) { lines.withLock { $0.append(line) } }

    var all: [String] { lines.withLock { $0 } }
}

/// States in memory.
final class MemoryStates: StateStore {
    private let values = Mutex<[String: String]>([:])

    func value(of name: String) -> String? { values.withLock { $0[name] } }

    func store(_ value: String, of name: String) { values.withLock { $0[name] = value } }
}

/// A message as the plain platform tells it.
func event(
    _ id: String, in conversation: String = "c1", _ text: String? = "hello", aliases: [String] = [],
    disposition: InboundEvent.Disposition = .answer, thread: String? = nil, followUps: [OutboundAction.Kind] = []
) -> InboundEvent {
    InboundEvent(
        id: EventID(id), aliases: aliases.map { EventID($0) }, kind: .text, disposition: disposition,
        place: .init(conversation: ConversationID(conversation), thread: thread.map { ThreadID($0) }),
        sender: .init(id: PlatformUserID("u1")), messageID: PlatformMessageID("m-\(id)"), text: text,
        followUps: followUps)
}
