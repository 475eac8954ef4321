import BridgeCore
import Importer
import JSON
import Journal
import SQLite
import Testing

struct ChatBridgeSourceTests {
    /// Messages of three sessions as the bridge logs them: one in a thread, ids of one time, texts of all kinds.
    static let messages: [LogMessage] = (0..<60).map { number in
        let session = LogMessage.Session(
            id: UUID(version7At: 1_760_000_000_000 + UInt64(number % 3), fraction: 0, random: UInt64(number % 3)),
            platform: ["telegram", "slack", "web"][number % 3], account: number % 3 == 1 ? "T1" : "default",
            conversation: "c\(number % 3)", thread: number % 3 == 1 ? "171.5" : nil, user: "u\(number % 3)")
        // Three messages share each time.
        let at = Timestamp(microseconds: 1_760_000_000_000_000 + Int64(number / 9) * 250)
        return LogMessage(
            id: UUID(version7At: 1_760_000_000_000, fraction: 0, random: UInt64((number * 7919) % 1009)), at: at,
            session: session, direction: number % 2 == 0 ? .inbound : .outbound,
            sender: number % 2 == 0 ? "u\(number % 3)" : nil, type: number % 10 == 9 ? "image" : "text",
            text: number % 10 == 9 ? nil : "Nr. \(number) 👋 \"x\"\n",
            attachments: number % 10 == 9
                ? Array(#"[{"kind":"image","url":"https://x.example/\#(number)"}]"#.utf8) : LogMessage.noAttachments,
            request: number % 2 == 1 ? "run-\(number)" : nil, status: number % 2 == 0 ? .received : .sent,
            metadata: number % 5 == 0 ? Array(#"{"n":\#(number)}"#.utf8) : LogMessage.noMetadata)
    }

    /// A file as the logger leaves it.
    static func write(to store: borrowing TestStore) async throws {
        let journal = SQLiteStore(configuration: SQLiteConfiguration(path: store.path))
        _ = try await journal.write(messages.map { .message($0) })
        _ = try await journal.write([
            .status(LogStatusChange(id: messages[1].id, at: .now(), status: .delivered))
        ])
        await journal.close()
    }

    @Test func `rows come as they are`() async throws {
        let store = try TestStore()
        try await Self.write(to: store)
        let source = try await store.open()
        #expect(source.name == "ChatBridge")
        #expect(try await source.counts() == ImportCounts(sessions: 3, messages: 60))
        let page = try await source.allMessages(by: 7)
        #expect(page.changes.isEmpty)
        #expect(page.rejected.isEmpty)
        var expected = Self.messages
        expected[1].status = .delivered
        expected.sort { ($0.session.id, $0.at, $0.id) < ($1.session.id, $1.at, $1.id) }
        #expect(page.rows == expected)
        let sessions = try await source.allSessions(by: 2)
        #expect(sessions.changes.isEmpty)
        #expect(sessions.rows.count == 3)
        for session in sessions.rows {
            let transcript = expected.filter { $0.session.id == session.id }
            #expect(session.createdAt == transcript.first?.at)
            #expect(session.lastActivity == transcript.last?.at)
            #expect(session.platform == transcript[0].session.platform)
            #expect(session.account == transcript[0].session.account)
            #expect(session.user == transcript[0].session.user)
            #expect(try JSONView(parsing: session.metadata)["thread"].string == transcript[0].session.thread)
            #expect(try await source.transcript(of: session.id) == transcript)
        }
        await source.close()
    }

    @Test func `messages that a running bridge has yet only in the WAL are read`() async throws {
        let store = try TestStore()
        let journal = SQLiteStore(configuration: SQLiteConfiguration(path: store.path))
        _ = try await journal.write(Self.messages.map { .message($0) })
        let source = try await store.open()
        #expect(try await source.counts().messages == 60)
        // What is written meanwhile does not disturb, and comes with the next page that reaches it.
        _ = try await source.messages(after: nil, limit: 10)
        _ = try await journal.write([
            .message(
                LogMessage(
                    id: UUID(high: 1, low: 1), at: .now(), session: Self.messages[2].session, direction: .inbound,
                    text: "new", status: .received))
        ])
        #expect(try await source.counts().messages == 61)
        await source.close()
        await journal.close()
    }

    @Test func `what is broken in a row is mended or rejected, and the rest of it kept`() async throws {
        let store = try TestStore()
        try await Self.write(to: store)
        let id = Self.messages[0].id.description
        try await store.write(
            """
            PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF;
            UPDATE messages SET metadata = '{"x":' WHERE id = '\(id)';
            UPDATE messages SET attachments = '{}' WHERE id = '\(Self.messages[1].id)';
            UPDATE messages SET status = 'thrown' WHERE id = '\(Self.messages[2].id)';
            UPDATE messages SET created_at = 'never' WHERE id = '\(Self.messages[3].id)';
            UPDATE messages SET session_id = '\(UUID(high: 9, low: 9))' WHERE id = '\(Self.messages[4].id)';
            UPDATE messages SET direction = 'sideways' WHERE id = '\(Self.messages[5].id)';
            UPDATE messages SET id = 'seven' WHERE id = '\(Self.messages[6].id)';
            UPDATE sessions SET status = 'asleep' WHERE platform = 'web';
            """)
        let source = try await store.open()
        let page = try await source.allMessages(by: 5)
        #expect(page.rows.count + page.rejected.count == 60)
        #expect(
            Set(page.rejected.map(\.reason)) == [
                "created_at is no time", "session_id names a session that is not in the file",
                "direction is neither inbound nor outbound", "id is no UUID",
            ])
        #expect(page.rejected.allSatisfy { $0.table == "messages" && $0.rowid > 0 })
        let seven = try #require(page.rejected.first { $0.reason == "id is no UUID" })
        #expect(try JSONView(parsing: seven.values)["id"].string == "seven")
        #expect(page.changes == [.jsonWrapped: 2, .valueReplaced: 1])
        let first = try #require(page.rows.first { $0.id.description == id })
        #expect(first.metadata.text == #"{"raw":"{\"x\":"}"#)
        #expect(try await source.allSessions().changes == [.valueReplaced: 1])
        await source.close()
    }

    @Test func `a store of an older shape is refused by its columns`() async throws {
        let store = try TestStore()
        try await store.write(
            "CREATE TABLE sessions (id, platform_conversation_id); CREATE TABLE messages (id, session_id, direction)")
        let error = await #expect(throws: ImportSourceError.self) { _ = try await store.open() }
        #expect(error?.description.contains("has no column") == true)
    }
}
