import BridgeCore
import EventLoop
import Testing

@testable import Journal

@Suite struct JournalRecorderTests {
    private struct Parts: Sendable {
        let queue: SwitchedQueue
        let registry = SharedRegistry()
        let buffer: LogBuffer
        let recorder: JournalRecorder

        init(_ loop: EventLoop, limit: Int = 1_000) {
            queue = SwitchedQueue(loop: loop)
            buffer = LogBuffer(loop: loop, queue: queue, spool: nil)
            let directory = SessionDirectory(loop: loop, registry: registry)
            recorder = JournalRecorder(loop: loop, buffer: buffer, directory: directory, limit: limit)
        }

        func record(_ message: LogMessage) -> UUID? { recorder.assumeIsolated { $0.record(message) } }

        func record(_ change: LogStatusChange) { recorder.assumeIsolated { $0.record(change) } }

        func jobs() async throws -> [LogJob] { try await queue.jobs.map { try LogJob(decoding: bytes($0)) } }
    }

    private static func texts(_ jobs: [LogJob]) -> [String] {
        jobs.map { job in
            switch job {
            case .message(let message): message.text ?? ""
            case .status(let change): change.status.rawValue
            case .receipt(let receipt): "receipt \(receipt.status.rawValue)"
            }
        }
    }

    @Test func `messages of a new conversation wait for its session in order, and no other waits for them`()
        async throws
    {
        try await onLoop { loop in
            let parts = Parts(loop)
            var messages = Messages()
            // Known already.
            #expect(parts.record(messages.next("known 0", conversation: "known")) == nil)
            try await eventually("the first session", on: loop) { await parts.queue.jobs.count == 1 }
            await parts.registry.hang()
            let first = messages.next("new 0", conversation: "new")
            #expect(parts.record(first) == nil)
            #expect(parts.record(messages.next("new 1", conversation: "new")) == nil)
            parts.record(LogStatusChange(id: first.id, at: .now(), status: .read))
            #expect(parts.record(messages.next("known 1", conversation: "known")) != nil)
            try await eventually("the known one", on: loop) { await parts.queue.jobs.count == 2 }
            await parts.registry.release()
            await parts.recorder.drain()
            await parts.buffer.drain(within: .seconds(5))
            let jobs = try await parts.jobs()
            #expect(Self.texts(jobs) == ["known 0", "known 1", "new 0", "new 1", "read"])
            let sessions = jobs.compactMap { job in
                if case .message(let message) = job { message.session.id } else { nil }
            }
            #expect(sessions[0] == sessions[1])
            #expect(sessions[2] == sessions[3])
            #expect(sessions[0] != sessions[2])
            // From now on at once.
            #expect(parts.record(messages.next("new 2", conversation: "new")) == sessions[2])
        }
    }

    @Test func `news of a message that nobody waits for goes at once`() async throws {
        try await onLoop { loop in
            let parts = Parts(loop)
            let id = Messages.anyID()
            parts.record(LogStatusChange(id: id, at: .now(), status: .delivered))
            await parts.buffer.drain(within: .seconds(5))
            let jobs = try await parts.jobs()
            #expect(jobs.map(\.id) == [id])
        }
    }

    @Test func `beyond the limit messages without a session are dropped and counted, never kept without bound`()
        async throws
    {
        try await onLoop { loop in
            let parts = Parts(loop, limit: 10)
            await parts.registry.hang()
            var messages = Messages()
            for number in 0..<30 { _ = parts.record(messages.next("\(number)", conversation: "c\(number % 5)")) }
            await parts.registry.release()
            await parts.recorder.drain()
            await parts.buffer.drain(within: .seconds(5))
            let jobs = try await parts.jobs()
            #expect(jobs.count == 10)
        }
    }
}

extension Messages {
    static func anyID() -> UUID {
        var messages = Messages()
        return messages.next().id
    }
}
