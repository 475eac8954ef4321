import BridgeCore
import Journal
import Postgres
import Testing

@testable import Importer

// Disabled without CHATBRIDGE_TEST_DATABASE_URL: these need a real server.
@Suite(.enabled(if: ImportFixture.isAvailable)) struct ImportValidatorTests {
    /// What was done to the database, and what is then found.
    static let damages: [(sql: String, differences: Int, finding: String)] = [
        ("DELETE FROM messages WHERE content_text = 'message 3 of 2'", 1, "is not in the database"),
        ("UPDATE messages SET content_text = 'else' WHERE content_text = 'message 3 of 2'", 1, "another content_text"),
        (
            "UPDATE messages SET created_at = created_at - interval '1 day' WHERE content_text = 'message 3 of 2'", 1,
            "another created_at"
        ),
        (
            "UPDATE messages SET created_at = created_at + interval '1 day' WHERE content_text = 'message 3 of 2'", 1,
            "another created_at"
        ),
        (
            #"UPDATE messages SET metadata = '{"b": 1.0, "a": [100, "e"]}' WHERE content_text = 'message 3 of 2'"#, 1,
            "another metadata"
        ),
        ("UPDATE messages SET status = 'received' WHERE content_text = 'message 3 of 2'", 1, "another status"),
        ("UPDATE messages SET sender_id = NULL WHERE content_text LIKE 'message 4 of %'", 3, "another sender_id"),
        (
            """
            INSERT INTO messages SELECT gen_random_uuid(), session_id, direction, sender_id, content_text, content_type,
                attachments, created_at, mastra_request_id, status, metadata FROM messages WHERE content_text = 'message 3 of 2'
            """, 1, "is not in the source"
        ),
        ("DELETE FROM messages; DELETE FROM sessions", 3, "it is not in the database"),
        ("UPDATE sessions SET platform = 'slack' WHERE user_id = 'user-1'", 1, "its platform is another"),
        ("UPDATE sessions SET user_id = NULL WHERE user_id = 'user-1'", 1, "its user_id is missing"),
        ("UPDATE sessions SET created_at = now() WHERE user_id = 'user-1'", 1, "created_at is"),
    ]

    @Test(arguments: damages)
    func `damage is found and named`(_ damage: (sql: String, differences: Int, finding: String)) async throws {
        try await ImportFixture.with { fixture in
            let source = ListedSource.sample(sessions: 3, messagesEach: 9)
            _ = try await fixture.writer(source).run()
            try await fixture.database.simple(damage.sql)
            let found = try await fixture.validate(source)
            let list = found.list.map(\.description).joined(separator: "\n")
            #expect(list.contains(damage.finding), "\(list)")
            // A session without its row lacks its messages too.
            #expect(found.differences == damage.differences || damage.sql.contains("DELETE FROM sessions"), "\(list)")
        }
    }

    @Test func `what a bridge has written since is no difference`() async throws {
        try await ImportFixture.with { fixture in
            let source = ListedSource.sample(sessions: 3, messagesEach: 9)
            _ = try await fixture.writer(source).run()
            var later = source.listedMessages[4]
            later.id = UUID(high: 1, low: 2)
            later.at = Timestamp(microseconds: 1_800_000_000_000_000)
            let store = PostgresStore(configuration: fixture.configuration)
            _ = try await store.write([
                .message(later),
                .status(
                    LogStatusChange(
                        id: source.listedMessages[1].id, at: later.at, status: .read,
                        metadata: Array(#"{"message_id":"9"}"#.utf8))),
            ])
            await store.close()
            let found = try await fixture.validate(source)
            #expect(found.differences == 0, "\(found.list)")
            #expect(found.later == 1 && found.movedOn == 1)
            #expect(found.sessions == 3 && found.messages == 27)
        }
    }

    @Test func `samples have both sides`() async throws {
        try await ImportFixture.with { fixture in
            let source = ListedSource.sample(sessions: 8, messagesEach: 5)
            _ = try await fixture.writer(source).run()
            var validator = ImportValidator(source: source, configuration: fixture.configuration)
            validator.samples = 3
            let found = try await validator.run()
            #expect(found.samples.count == 3 && Set(found.samples.map(\.session)).count == 3)
            for sample in found.samples {
                #expect(sample.source.map(\.text) == sample.database.map(\.text) && sample.source.count == 5)
            }
        }
    }

    /// Two texts, and whether `jsonb` takes them for equal.
    static let documents: [(String, String, Bool)] = [
        ("{}", "{}", true), ("[]", "{}", false),
        (#"{"a":1,"b":2}"#, #"{"b": 2, "a": 1}"#, true),
        (#"{"a":1,"a":2}"#, #"{"a": 2}"#, true),
        (#"{"a":1e2}"#, #"{"a": 100}"#, true), (#"{"a":1.0}"#, #"{"a": 1}"#, true),
        (#"{"a":1.5}"#, #"{"a": 1.50}"#, true), (#"{"a":1.5}"#, #"{"a": 1.6}"#, false),
        (#"["\u00e9"]"#, #"["é"]"#, true), ("[\"e\u{301}\"]", "[\"é\"]", false),
        (#"[1,2]"#, #"[2,1]"#, false), (#"[null]"#, "[false]", false),
        (#"{"a":{"d":[{}],"c":null}}"#, #"{"a": {"c": null, "d": [{}]}}"#, true),
        ("[18446744073709551615]", "[18446744073709551615]", true),
    ]

    @Test(arguments: documents)
    func `JSON that jsonb takes for equal has one canonical form`(_ first: String, _ second: String, _ equal: Bool)
        async throws
    {
        let same = CanonicalJSON.bytes(of: Array(first.utf8)) == CanonicalJSON.bytes(of: Array(second.utf8))
        #expect(same == equal)
        try await ImportFixture.with(migrated: false) { fixture in
            let rows = try await fixture.database.query(
                "SELECT $1::jsonb = $2::jsonb AS equal", [.jsonb(Array(first.utf8)), .jsonb(Array(second.utf8))])
            #expect(try rows.first?.bool("equal") == equal)
        }
    }
}
