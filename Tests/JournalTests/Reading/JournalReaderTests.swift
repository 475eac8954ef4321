import BridgeCore
import Postgres
import SQLite
import Testing

@testable import Journal

/// The readers over both stores; Postgres only with CHATBRIDGE_TEST_DATABASE_URL.
struct JournalReaderTests {
    private static func job(
        _ text: String, _ direction: LogMessage.Direction = .inbound, id: UUID, at: Timestamp, session: UUID,
        platform: String = "crm", metadata: String = "{}"
    ) -> LogJob {
        .message(
            LogMessage(
                id: id, at: at, session: .init(id: session, platform: platform, conversation: "c-1", user: "u"),
                direction: direction, sender: "u", text: text, status: direction == .inbound ? .received : .sent,
                metadata: Array(metadata.utf8)))
    }

    @Test(arguments: StoreKind.available)
    func `a message is found by its id, its answers by theirs, and both by the platform's names`(kind: StoreKind)
        async throws
    {
        try await StoreFixture.with(kind) { fixture in
            var ids = UUIDGenerator()
            let now = Timestamp.now()
            let (question, answer, late) = (ids.next(at: now), ids.next(at: now), ids.next(at: now))
            let session = ids.next(at: now)
            let outcome = try await fixture.store.write([
                Self.job(
                    "hi", id: question, at: now, session: session,
                    metadata: #"{"message_id":"581","event_id":"e-7"}"#),
                Self.job(
                    "ho", .outbound, id: answer, at: now.advanced(by: .seconds(1)), session: session,
                    metadata: #"{"in_reply_to":"\#(question)","message_ids":["582","583"]}"#),
                Self.job(
                    "too", .outbound, id: late, at: now.advanced(by: .seconds(2)), session: session,
                    metadata: #"{"in_reply_to":"x","also_in_reply_to":["\#(question)"]}"#),
            ])
            #expect(outcome.rejections.isEmpty)
            let reader = fixture.makeReader()
            let row = try #require(try await reader.message(question))
            #expect(row.text == "hi" && row.platform == "crm" && row.conversation == "c-1" && row.at == now)
            #expect(row.session == session && row.status == "received" && row.direction == .inbound)
            #expect(try await reader.message(UUID(high: 1, low: 1)) == nil)
            #expect(try await reader.answers(to: row).map(\.id) == [answer, late])
            let since = now.advanced(by: .seconds(-60))
            for (name, found) in [("581", question), ("e-7", question), ("582", answer), ("583", answer)] {
                #expect(try await reader.messages(named: name, on: "crm", since: since).map(\.id) == [found], "\(name)")
            }
            #expect(try await reader.messages(named: "581", on: "erp", since: since).isEmpty)
            #expect(try await reader.messages(named: "581", on: "crm", since: now.advanced(by: .seconds(60))).isEmpty)
            await reader.close()
        }
    }

    @Test(arguments: StoreKind.available)
    func `what comes is told once, the latest first of all, in the order of time`(kind: StoreKind) async throws {
        try await StoreFixture.with(kind) { fixture in
            var ids = UUIDGenerator()
            let now = Timestamp.now()
            let (ours, theirs) = (ids.next(at: now), ids.next(at: now))
            func write(_ text: String, ago: Duration = .zero, session: UUID, platform: String = "crm") async throws {
                let at = Timestamp.now().advanced(by: .zero - ago)
                _ = try await fixture.store.write([
                    Self.job(text, id: ids.next(at: at), at: at, session: session, platform: platform)
                ])
            }
            let readers = (0..<3).map { _ in fixture.makeReader() }
            let filters = [
                JournalFilter(earlier: 2), JournalFilter(session: ours, earlier: 1),
                JournalFilter(platform: "erp", earlier: 0),
            ]
            func next() async throws -> [[String]] {
                var all: [[String]] = []
                for (reader, filter) in zip(readers, filters) {
                    all.append(try await reader.next(filter).compactMap(\.text))
                }
                return all
            }
            for number in 0..<3 { try await write("old \(number)", ago: .seconds(300 - number), session: ours) }
            #expect(try await next() == [["old 1", "old 2"], ["old 2"], []])
            try await write("b", session: theirs, platform: "erp")
            try await write("a", ago: .seconds(2), session: ours)
            #expect(try await next() == [["a", "b"], ["a"], ["b"]])
            #expect(try await next() == [[], [], []])
            // Written later than younger ones: found at a look that goes back further.
            try await write("late", ago: .seconds(60), session: ours)
            var late: [[String]] = [[], [], []]
            for _ in 0..<10 {
                for (index, texts) in try await next().enumerated() { late[index] += texts }
            }
            #expect(late == [["late"], ["late"], []])
            for reader in readers { await reader.close() }
        }
    }

    @Test func `a file that is not there holds nothing, and is not made`() async throws {
        let folder = try TemporaryFolder()
        let reader = SQLiteReader(path: folder.path + "/none.db")
        #expect(try await reader.message(UUID(high: 1, low: 1)) == nil)
        #expect(try await reader.next(JournalFilter()).isEmpty)
        #expect(folder.files().isEmpty)
        await reader.close()
    }
}
