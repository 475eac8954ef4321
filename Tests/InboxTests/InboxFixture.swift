import BridgeCore
import EventLoop
import Glibc
import Redis
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Inbox

/// A store for one test, with what it takes to make a second one over the same data.
struct InboxFixture: Sendable {
    let loop: EventLoop
    /// Makes a store that is not started: the same place, another run.
    let make: @Sendable () throws -> any InboxStore
    /// The log jobs that wait in the queue, oldest first.
    let queue: @Sendable () async throws -> [String]
    /// The dead letters of deliveries, oldest first.
    let letters: @Sendable () async throws -> [String]
}

/// Runs a body on a loop of its own thread, as the product does.
func onLoop<Value: Sendable>(
    _ body: @escaping @Sendable (EventLoop) async throws -> Value
) async throws -> Value {
    let loop = try EventLoop()
    loop.startThread(name: "inbox-test")
    defer { loop.stop() }
    return try await withCheckedThrowingContinuation { continuation in
        loop.spawn {
            do { continuation.resume(returning: try await body(loop)) } catch { continuation.resume(throwing: error) }
        }
    }
}

/// Waits, on the loop, until the condition holds.
func eventually(
    _ what: String, on loop: EventLoop, within limit: Duration = .seconds(30), _ condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < end else { throw ChildProcess.Failure("never came: \(what)") }
        try await loop.sleep(for: .milliseconds(1))
    }
}

/// What a receiver was given, in the order in which it came.
final class Received: Sendable {
    private let list = Mutex<[InboxDelivery]>([])
    private let lanes = Mutex<[String: Int]>([:])
    private let lastLoss = Mutex<Int?>(nil)

    var deliveries: [InboxDelivery] { list.withLock { $0 } }
    var payloads: [String] { deliveries.map { text($0.payload) } }

    /// How many had come when all was lost that was held; nil from the second call on, until it happens again.
    func takeLoss() -> Int? {
        lastLoss.withLock { last in
            defer { last = nil }
            return last
        }
    }

    /// What the engine says is in work.
    func setLanes(_ value: [String: Int]) { lanes.withLock { $0 = value } }

    func note(_ delivery: InboxDelivery) { list.withLock { $0.append(delivery) } }

    var receiver: InboxReceiver {
        InboxReceiver(
            deliver: { self.note($0) }, lanesInWork: { self.lanes.withLock { $0 } },
            lost: { _ in self.lastLoss.withLock { $0 = self.deliveries.count } })
    }
}

private let generator = Mutex(UUIDGenerator())

/// An event named by its text.
func event(
    _ name: String, lane: String? = "test:c1", purpose: InboxEntry.Purpose = .answer, names: [String]? = nil,
    jobs: [String] = [], sentAt: Timestamp? = nil
) -> InboxEntry {
    InboxEntry(
        id: generator.withLock { $0.next(at: .now()) }, names: names ?? ["test:\(name)"], lane: lane, purpose: purpose,
        payload: bytes(name), jobs: jobs.map(bytes), sentAt: sentAt)
}

extension InboxStore {
    /// Claims one event.
    func claim(_ entry: InboxEntry, keeping: InboxKeeping = .payload) async throws -> InboxVerdict? {
        try await claim([entry], keeping: keeping).first
    }

    func settle(_ entry: InboxEntry, names: [String] = [], jobs: [String] = []) async throws {
        try await settle(
            InboxSettlement(entries: [entry.reference], names: names, jobs: jobs.map(bytes)))
    }

    func settle(_ delivery: InboxDelivery) async throws {
        try await settle(InboxSettlement(entries: [delivery.reference]))
    }
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
