import BridgeCore
import EventLoop
import Glibc
import Journal
import SQLite
import TestSupport
import Testing

@testable import Inbox
@testable import Journal

@Suite struct SQLiteInboxTests {
    @Test(arguments: InboxPromise.all)
    func `keeps what every store promises`(_ promise: InboxPromise) async throws {
        try await SQLiteInboxFixture.run { fixture in
            let loop = fixture.loop
            let path = fixture.path
            // The reader is another connection, as an operator's would be.
            let reader = SQLiteDatabase(configuration: SQLiteConfiguration(path: fixture.file("inbox.db")))
            try await promise.check(
                InboxFixture(
                    loop: loop, make: { SQLiteInboxOfARun(loop: loop, folder: path) },
                    queue: {
                        try await reader.query("SELECT job FROM jobs ORDER BY number").rows.map { row in
                            if case .blob(let job) = row[0] { text(job) } else { "" }
                        }
                    },
                    letters: {
                        try await reader.query("SELECT letter FROM dead_deliveries ORDER BY number").map {
                            try $0.text("letter") ?? ""
                        }
                    }))
            await reader.close()
        }
    }

    @Test(arguments: [InboxKeeping.names, .payload])
    func `an event is taken once, and any of its names makes another one a duplicate`(_ keeping: InboxKeeping)
        async throws
    {
        try await SQLiteInboxFixture.run { fixture in
            let run = try await fixture.start()
            let first = InboxEntry(
                id: UUID(high: 1, low: 1), names: ["a:1", "a:2", "a:1"], lane: nil, purpose: .answer, payload: [1])
            let second = InboxEntry(
                id: UUID(high: 1, low: 2), names: ["a:3", "a:2"], lane: nil, purpose: .answer, payload: [2])
            let third = InboxEntry(
                id: UUID(high: 1, low: 3), names: ["a:3"], lane: nil, purpose: .answer, payload: [3])
            #expect(try await run.inbox.claim([first], keeping: keeping) == [.taken])
            #expect(try await run.inbox.claim([second, third], keeping: keeping) == [.duplicate, .duplicate])
            #expect(try await run.inbox.claim([first], keeping: keeping) == [.duplicate])
            await run.stop()
        }
    }

    @Test func `events of one webhook are judged in their order, and one without names is always taken`() async throws {
        try await SQLiteInboxFixture.run { fixture in
            let run = try await fixture.start()
            let nameless = InboxEntry(id: UUID(high: 1, low: 9), names: [], lane: nil, purpose: .answer, payload: [])
            let verdicts = try await run.inbox.claim(
                [.numbered(1), .numbered(2), .numbered(1), nameless, nameless], keeping: .payload)
            #expect(verdicts == [.taken, .taken, .duplicate, .taken, .taken])
            await run.stop()
        }
    }

    @Test func `an answered event is a duplicate in the next run, and one in work with names alone is not`()
        async throws
    {
        try await SQLiteInboxFixture.run { fixture in
            let first = try await fixture.start()
            _ = try await first.inbox.claim([.numbered(1), .numbered(2)], keeping: .names)
            let done = InboxEntry.numbered(1)
            try await first.inbox.settle(.init(entries: [done.reference], names: done.names))
            await first.die()
            let second = try await fixture.start()
            #expect(second.received.deliveries.isEmpty)
            #expect(
                try await second.inbox.claim([.numbered(1), .numbered(2)], keeping: .names) == [.duplicate, .taken])
            #expect(try await second.inbox.claim([.numbered(2)], keeping: .names) == [.duplicate])
            await second.stop()
        }
    }

    @Test func `what a killed run held comes back in order, with its attempts and its progress`() async throws {
        try await SQLiteInboxFixture.run { fixture in
            let first = try await fixture.start()
            let entries = (1...5).map { InboxEntry.numbered($0, lane: $0 == 4 ? nil : "test:c\($0 % 2)") }
            _ = try await first.inbox.claim(Array(entries[..<3]), keeping: .payload)
            _ = try await first.inbox.claim(Array(entries[3...]), keeping: .payload)
            #expect(try await first.inbox.begin([entries[1].reference], progress: nil))
            #expect(try await first.inbox.begin([entries[2].reference], progress: bytes("half")))
            try await first.inbox.settle(.init(entries: [entries[0].reference]))
            await first.die()

            let second = try await fixture.start()
            #expect(second.received.payloads == ["event 2", "event 3", "event 4", "event 5"])
            #expect(second.received.deliveries.map(\.attempts) == [1, 1, 1, 1])
            #expect(second.received.deliveries.map(\.progress) == [[], bytes("half"), nil, nil])
            #expect(second.received.deliveries.map(\.reference) == entries[1...].map(\.reference))
            #expect(try await second.inbox.claim(entries, keeping: .payload) == Array(repeating: .duplicate, count: 5))
            _ = try await second.inbox.claim([.numbered(6)], keeping: .payload)
            try await second.inbox.settle(.init(entries: [entries[1].reference, entries[2].reference]))
            await second.die()

            let third = try await fixture.start()
            #expect(third.received.payloads == ["event 4", "event 5", "event 6"])
            #expect(third.received.deliveries.map(\.attempts) == [2, 2, 1])
            await third.stop()
        }
    }

    @Test func `a run that stops in order leaves its events without counting a death`() async throws {
        try await SQLiteInboxFixture.run { fixture in
            let first = try await fixture.start()
            _ = try await first.inbox.claim([.numbered(1)], keeping: .payload)
            await first.stop()
            // A run that ends before it takes anything over is nobody's death either.
            for _ in 0..<3 { await (try await fixture.open()).die() }
            let second = try await fixture.start()
            #expect(second.received.deliveries.map(\.attempts) == [0])
            await second.die()
            for _ in 0..<3 { await (try await fixture.open()).die() }
            let third = try await fixture.start()
            #expect(third.received.deliveries.map(\.attempts) == [1])
            await third.stop()
        }
    }

    @Test func `what is written down or only signalled is not held`() async throws {
        try await SQLiteInboxFixture.run { fixture in
            let first = try await fixture.start()
            let entries = [
                InboxEntry.numbered(1, purpose: .record, jobs: ["recorded"]),
                InboxEntry.numbered(2, purpose: .signal, jobs: ["signalled"]),
            ]
            for keeping in [InboxKeeping.names, .payload] {
                let isFirst = keeping == .names
                #expect(
                    try await first.inbox.claim(entries, keeping: keeping)
                        == (isFirst ? [.taken, .taken] : [.duplicate, .duplicate]))
            }
            await first.die()
            let second = try await fixture.start()
            #expect(second.received.deliveries.isEmpty)
            #expect(try await second.inbox.claim(entries, keeping: .names) == [.duplicate, .duplicate])
            let claim = try await SQLiteJobQueue(file: second.file).claim(limit: 10, linger: .zero, wait: .zero)
            #expect(claim?.jobs.map(text) == ["recorded", "signalled"])
            await second.stop()
        }
    }

    @Test func `the jobs of a claim and of a settlement are in the queue with them, those of a duplicate are not`()
        async throws
    {
        try await SQLiteInboxFixture.run { fixture in
            let run = try await fixture.start()
            let queue = SQLiteJobQueue(file: run.file)
            let entry = InboxEntry.numbered(1, jobs: ["received"])
            // A logger that waits is woken by them.
            let waiting = fixture.loop.spawn {
                let claim = try? await queue.claim(limit: 10, linger: .zero, wait: .seconds(30))
                #expect(claim?.jobs.map(text) == ["received"])
            }
            #expect(try await run.inbox.claim([entry, entry], keeping: .payload) == [.taken, .duplicate])
            await waiting.value
            try await run.inbox.settle(
                .init(
                    entries: [entry.reference], jobs: [bytes("answered"), bytes("delivered")],
                    deadLetter: bytes(#"{"error":"nobody"}"#)))
            let claim = try await queue.claim(limit: 10, linger: .zero, wait: .seconds(30))
            #expect(claim?.jobs.map(text) == ["answered", "delivered"])
            #expect(try await run.file.deadLetters(.deliveries) == [bytes(#"{"error":"nobody"}"#)])
            await run.stop()
        }
    }

    @Test func `to begin or settle what is not held, or was settled, does no harm`() async throws {
        try await SQLiteInboxFixture.run { fixture in
            let run = try await fixture.start()
            let entry = InboxEntry.numbered(1)
            #expect(try await run.inbox.begin([entry.reference], progress: bytes("x")))
            for _ in 0..<2 { try await run.inbox.settle(.init(entries: [entry.reference], names: entry.names)) }
            #expect(try await run.inbox.claim([entry], keeping: .payload) == [.duplicate])
            await run.die()
            let next = try await fixture.start()
            #expect(next.received.deliveries.isEmpty)
            await next.stop()
        }
    }

    @Test(arguments: [InboxKeeping.names, .payload])
    func `a name is forgotten after a day, and its row goes too`(_ keeping: InboxKeeping) async throws {
        try await SQLiteInboxFixture.run { fixture in
            let run = try await fixture.start()
            let entry = InboxEntry.numbered(1)
            _ = try await run.inbox.claim([entry], keeping: keeping)
            try await run.inbox.settle(.init(entries: [entry.reference], names: entry.names))
            fixture.clock.advance(by: .seconds(24 * 3600 - 1))
            #expect(try await run.inbox.claim([entry], keeping: keeping) == [.duplicate])
            fixture.clock.advance(by: .seconds(1))
            #expect(try await run.inbox.claim([entry], keeping: keeping) == [.taken])
            // More old names than one commit forgets: they are gone after a few.
            let many = (0..<1_200).map { InboxEntry.numbered(1_000 + $0, purpose: .record) }
            _ = try await run.inbox.claim(many, keeping: .names)
            fixture.clock.advance(by: .seconds(25 * 3600))
            var made = 0
            let isDone = try await eventually {
                made += 1
                _ = try await run.inbox.claim([.numbered(9_000 + made, purpose: .record)], keeping: .names)
                let left = try await run.file.write { transaction, _ throws(SQLiteError) in
                    try transaction.query("SELECT count(*) AS count FROM seen").first?.int("count")
                }
                return left == made
            }
            #expect(isDone)
            await run.stop()
        }
    }

    @Test func `a name of any length and any characters is one name`() async throws {
        try await SQLiteInboxFixture.run { fixture in
            let run = try await fixture.start()
            let names = ["", "a'b", "nul\u{0}x", "nul\u{0}y", String(repeating: "n", count: 10_000), "é", "e\u{301}x"]
            for name in names {
                let entry = InboxEntry(
                    id: UUID(high: 1, low: 1), names: [name], lane: nil, purpose: .record, payload: [])
                #expect(try await run.inbox.claim([entry], keeping: .names) == [.taken], "\(name.prefix(20))")
                #expect(try await run.inbox.claim([entry], keeping: .names) == [.duplicate], "\(name.prefix(20))")
            }
            await run.stop()
        }
    }

    @Test func `ten thousand held events come back in order, and end together`() async throws {
        try await SQLiteInboxFixture.run { fixture in
            let first = try await fixture.start()
            for start in stride(from: 0, to: 10_000, by: 500) {
                let entries = (start..<start + 500).map { InboxEntry.numbered($0, lane: "test:c\($0 % 97)") }
                _ = try await first.inbox.claim(entries, keeping: .payload)
            }
            await first.die()
            let second = try await fixture.start()
            #expect(second.received.payloads == (0..<10_000).map { "event \($0)" })
            try await second.inbox.settle(.init(entries: second.received.deliveries.map(\.reference)))
            await second.die()
            let third = try await fixture.start()
            #expect(third.received.deliveries.isEmpty)
            await third.stop()
        }
    }

    @Test func `claims that are made together are answered in their order`() async throws {
        try await SQLiteInboxFixture.run { fixture in
            let run = try await fixture.start()
            let order = Received()
            let tasks = (0..<200).map { number in
                fixture.loop.spawn {
                    let verdict = try? await run.inbox.claim([.numbered(number % 150)], keeping: .payload)
                    #expect(verdict == [number < 150 ? .taken : .duplicate])
                    order.receiver.deliver(
                        InboxDelivery(
                            reference: InboxEntry.numbered(number).reference, purpose: .answer,
                            payload: bytes("\(number)")))
                }
            }
            for task in tasks { await task.value }
            #expect(order.payloads == (0..<200).map(String.init))
            await run.die()
            let next = try await fixture.start()
            #expect(next.received.payloads == (0..<150).map { "event \($0)" })
            await next.stop()
        }
    }
}
