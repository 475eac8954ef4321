import BridgeCore
import EventLoop
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import Inbox
@testable import Journal

/// A folder with an inbox in it, which a test opens again and again as the runs of one bridge.
struct SQLiteInboxFixture: Sendable {
    let loop: EventLoop
    let path: String
    let clock = TestClock()

    /// One run of a bridge.
    struct Run: Sendable {
        let file: InboxFile
        let inbox: SQLiteInbox
        let received: Received

        /// Ends as a process does that is killed between two commits.
        func die() async { await file.close() }

        /// Ends in order.
        func stop() async {
            await inbox.retire()
            await file.close()
        }
    }

    /// Runs a body on a loop with a thread of its own, as the product does, with a folder of its own.
    static func run(_ body: @escaping @Sendable (SQLiteInboxFixture) async throws -> Void) async throws {
        let folder = TemporaryFolder()
        try await run(in: folder.path, body)
    }

    /// The same with a folder that is there.
    static func run(
        in path: String, _ body: @escaping @Sendable (SQLiteInboxFixture) async throws -> Void
    ) async throws {
        let loop = try EventLoop()
        loop.startThread(name: "inbox-test")
        defer { loop.stop() }
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            loop.spawn {
                do {
                    try await body(SQLiteInboxFixture(loop: loop, path: path))
                    continuation.resume()
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        }
    }

    /// The path of a file in the folder.
    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Starts a run: opens the file and takes over what is in it.
    func start() async throws -> Run {
        let run = try await open()
        await run.inbox.start(run.received.receiver)
        return run
    }

    /// Opens the file for a run that has not started yet.
    func open() async throws -> Run {
        let file = InboxFile(loop: loop, folder: path)
        try await file.open()
        let clock = clock
        return Run(file: file, inbox: SQLiteInbox(file: file, now: { clock.now }), received: Received())
    }
}

/// A time that a test moves.
final class TestClock: Sendable {
    private let microseconds = Mutex(Int64(1_800_000_000_000_000))

    var now: Timestamp { Timestamp(microseconds: microseconds.withLock { $0 }) }

    func advance(by duration: Duration) {
        microseconds.withLock { $0 = Timestamp(microseconds: $0).advanced(by: duration).microseconds }
    }
}

extension InboxEntry {
    /// An event with a number: its name, its payload and its place in a conversation follow from it.
    static func numbered(
        _ number: Int, lane: String? = "test:c1", purpose: Purpose = .answer, jobs: [String] = []
    ) -> InboxEntry {
        InboxEntry(
            id: UUID(high: 0x7000, low: UInt64(number)), names: ["test:\(number)"], lane: lane, purpose: purpose,
            payload: bytes("event \(number)"), jobs: jobs.map(bytes))
    }
}

/// A store that opens its file with its start and closes it with its end, for the suite that all stores share.
final class SQLiteInboxOfARun: InboxStore {
    let isShared = false
    private let loop: EventLoop
    private let folder: String
    private let run = Mutex<SQLiteInboxFixture.Run?>(nil)

    init(loop: EventLoop, folder: String) {
        self.loop = loop
        self.folder = folder
    }

    private var inbox: SQLiteInbox {
        guard let run = run.withLock({ $0 }) else { preconditionFailure("a store that has not started") }
        return run.inbox
    }

    func start(_ receiver: InboxReceiver) async {
        do {
            let started = try await SQLiteInboxFixture(loop: loop, path: folder).open()
            run.withLock { $0 = started }
            await started.inbox.start(receiver)
        } catch {
            Issue.record(error)
        }
    }

    func claim(_ entries: [InboxEntry], keeping: InboxKeeping) async throws(InboxError) -> [InboxVerdict] {
        try await inbox.claim(entries, keeping: keeping)
    }

    func begin(_ entries: [InboxEntry.Reference], progress: [UInt8]?) async throws(InboxError) -> Bool {
        try await inbox.begin(entries, progress: progress)
    }

    func settle(_ settlement: InboxSettlement) async throws(InboxError) {
        try await inbox.settle(settlement)
    }

    func retire() async {
        guard let run = run.withLock({ $0.take() }) else { return }
        await run.stop()
    }
}
