import BridgeCore
import Postgres
import Testing

@testable import Journal

/// Batches as the logger reads them, by COPY and beside it.
// Disabled without CHATBRIDGE_TEST_DATABASE_URL: these need a real server.
@Suite(.enabled(if: StoreKind.databaseURL != nil)) struct PostgresBatchTests {
    private static func batch(_ jobs: [LogJob]) throws -> JournalBatch {
        let encoded = jobs.map { $0.encoded() }
        var batch = JournalBatch(takesRows: true, for: encoded)
        for job in encoded { try batch.append(job) }
        return batch
    }

    /// More than go by INSERT.
    private static func samples(_ numbers: ClosedRange<UInt64> = 1...300) -> [LogJob] {
        numbers.map { .sample($0, session: $0 % 7 + 1, text: "text \($0)") }
    }

    private static func texts(_ fixture: StoreFixture) async throws -> [String?] {
        try await fixture.table("SELECT content_text FROM messages ORDER BY id").map { $0[0] }
    }

    @Test func `a batch by COPY meets messages that are there, and writes the others`() async throws {
        try await StoreFixture.with(.postgres) { fixture in
            let store = try #require(fixture.store as? PostgresStore)
            #expect(try await store.write([.sample(7, text: "first")]).rejections.isEmpty)
            let outcome = try await store.write(try Self.batch(Self.samples()))
            #expect(outcome.rejections.isEmpty && outcome.deferred.isEmpty)
            let texts = try await Self.texts(fixture)
            #expect(texts == (1...300).map { $0 == 7 ? "first" : "text \($0)" })
            // A replay goes on without COPY, and what is new behind it goes by COPY again.
            #expect(store.expectsRepeats)
            _ = try await store.write(try Self.batch(Self.samples()))
            #expect(store.expectsRepeats)
            _ = try await store.write(try Self.batch(Self.samples(301...600)))
            #expect(!store.expectsRepeats)
            _ = try await store.write(try Self.batch(Self.samples(601...900)))
            #expect(try await fixture.count("messages") == 900)
            #expect(try await fixture.count("sessions") == 7)
        }
    }

    @Test func `a poisoned job within a COPY is rejected alone, in its place`() async throws {
        try await StoreFixture.with(.postgres) { fixture in
            var jobs = Self.samples()
            // Longer than an entry of a B-tree may be, and not to be compressed.
            var generator = SystemRandomNumberGenerator()
            let long = (0..<400).map { _ in String(generator.next(), radix: 36) }.joined()
            for number: UInt64 in [124, 200] {
                jobs[Int(number) - 1] = .sample(number, session: number) { $0.session.conversation = long }
            }
            jobs.insert(.change(5, .failed), at: 50)
            jobs.insert(.change(9_999, .failed), at: 60)
            let outcome = try await fixture.store.write(try Self.batch(jobs))
            #expect(outcome.rejections.map(\.index) == [125, 201])
            #expect(outcome.deferred == [60])
            #expect(try await fixture.count("messages") == 298)
            let statuses = try await fixture.table("SELECT status FROM messages WHERE status <> 'received'")
            #expect(statuses == [["failed"]])
        }
    }

    @Test func `plain messages, mended ones and changes of status are one batch`() async throws {
        try await StoreFixture.with(.postgres) { fixture in
            var jobs = Self.samples()
            jobs[10] = .sample(11, session: 100, text: "a\0b") { $0.session.user = nil }
            jobs[11] = .sample(12, session: 100, text: "plain") { $0.session.user = "u" }
            jobs += [.change(11, .read, #"{"seen":true}"#), .change(200, .delivered), .change(5_000, .read)]
            // Out of order, and one of them twice.
            jobs.swapAt(0, 299)
            jobs.append(.sample(20, text: "second"))
            let batch = try Self.batch(jobs)
            #expect(batch.hasNews && batch.rows?.count == 300)
            #expect(batch.jobs == jobs)
            let outcome = try await fixture.store.write(batch)
            #expect(outcome.rejections.isEmpty)
            #expect(outcome.deferred == [302])
            #expect(try await Self.texts(fixture).prefix(12).suffix(2) == ["a\u{FFFD}b", "plain"])
            #expect(try await Self.texts(fixture)[19] == "text 20")
            let rows = try await fixture.table(
                "SELECT metadata::text, status FROM messages WHERE status <> 'received' ORDER BY id")
            #expect(rows == [[#"{"seen": true, "replaced": true}"#, "read"], ["{}", "delivered"]])
            let user = try await fixture.table(
                "SELECT user_id FROM sessions WHERE platform_conversation_id = 'chat-100'")
            #expect(user == [["u"]])
        }
    }

    @Test func `two batches are written at a time, and a third waits for its turn`() async throws {
        try await StoreFixture.with(.postgres) { fixture in
            let store = fixture.store
            #expect(store.writers == 2)
            let batches = try (0..<3).map { part in
                try Self.batch((1...200).map { .sample(UInt64(part * 200 + $0), session: UInt64($0 % 3 + 1)) })
            }
            try await withThrowingTaskGroup(of: JournalWriteOutcome.self) { group in
                for batch in batches { group.addTask { try await store.write(batch) } }
                for try await outcome in group { #expect(outcome.rejections.isEmpty) }
            }
            #expect(try await fixture.count("messages") == 600)
        }
    }
}
