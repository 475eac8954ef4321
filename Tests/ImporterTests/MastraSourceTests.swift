import BridgeCore
import Importer
import JSON
import SQLite
import Testing

struct MastraSourceTests {
    static let schema = """
        CREATE TABLE mastra_threads (id TEXT NOT NULL PRIMARY KEY, resourceId TEXT NOT NULL, title TEXT NOT NULL,
            metadata TEXT, createdAt TEXT NOT NULL, updatedAt TEXT NOT NULL);
        CREATE TABLE mastra_messages (id TEXT NOT NULL PRIMARY KEY, thread_id TEXT NOT NULL, content TEXT NOT NULL,
            role TEXT NOT NULL, type TEXT NOT NULL, createdAt TEXT NOT NULL, resourceId TEXT);
        CREATE TABLE mastra_resources (id TEXT NOT NULL PRIMARY KEY, workingMemory TEXT, metadata TEXT,
            createdAt TEXT NOT NULL, updatedAt TEXT NOT NULL);
        """
    static let channel = Element.object([
        ("channel_platform", .text("telegram")), ("channel_externalThreadId", .text("telegram:4242")),
        ("n", .raw(4, "0x1f")),
    ]).bytes()

    static func quoted(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
    }

    static func message(
        _ id: String, _ thread: String, _ content: String, role: String = "user", type: String = "v2", at: String,
        resource: String = "'u1'"
    ) -> String {
        "INSERT INTO mastra_messages VALUES (\(quoted(id)), \(quoted(thread)), \(content), '\(role)', '\(type)', '\(at)', \(resource));"
    }

    static let uuid = "0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000"

    /// Threads of all kinds, messages of both formats, JSON in both forms.
    static let store =
        schema + """
            INSERT INTO mastra_threads VALUES ('\(uuid)', 'u1', 'Weather', X'\(channel.hex)', '2026-01-01T10:00:00.000Z', '2026-01-01T10:00:05.000Z');
            INSERT INTO mastra_threads VALUES ('thread-2', 'u2', '', '{"a":[1]}', '2026-01-02T10:00:00.000Z', '2026-01-02T09:00:00.000Z');
            INSERT INTO mastra_threads VALUES ('empty', 'u1', 'Nothing yet', NULL, '2026-01-03T10:00:00.000Z', '2026-01-03T10:00:00.000Z');
            INSERT INTO mastra_threads VALUES ('broken', 'u1', 'B', '{oops', 'never', '2026-01-04T10:00:00.000Z');
            INSERT INTO mastra_resources VALUES ('u2', '# notes', '{"vip":true}', '2026-01-01T10:00:00.000Z', '2026-01-01T10:00:00.000Z');
            """
        + message(
            "m1", uuid,
            quoted(
                #"{"format":2,"parts":[{"type":"text","text":"How is it"},{"type":"text","text":"in Hanoi?"}],"content":"x"}"#
            ), at: "2026-01-01T10:00:01.000Z")
        + message(
            "0199aaaa-bbbb-7ccc-8ddd-000000000002", uuid, "X'\(answer.hex)'", role: "assistant",
            at: "2026-01-01T10:00:01.000Z")
        + message(
            "m3", uuid,
            quoted(
                #"{"format":2,"parts":[{"type":"tool-invocation","toolInvocation":{"state":"result","toolName":"w"}}],"content":""}"#
            ), role: "assistant", at: "2026-01-01T10:00:02.000Z")
        + message(
            "m4", uuid,
            quoted(
                #"{"format":2,"parts":[{"type":"text","text":"secret","visibility":"llm"},{"type":"text","text":"Sunny"}],"content":"secret Sunny","metadata":{"k":1}}"#
            ), role: "assistant", at: "2026-01-01T10:00:03.000Z")
        + message(
            "m5", uuid,
            quoted(
                #"{"format":2,"parts":[{"type":"text","text":"only for the model","visibility":"llm"}],"content":"only for the model"}"#
            ), role: "assistant", at: "2026-01-01T10:00:04.000Z")
        + message(
            "m6", uuid, quoted(#"{"format":2,"parts":[],"content":"By content"}"#), at: "2026-01-01T10:00:05.000Z")
        + message(
            "m7", uuid,
            quoted(
                #"{"format":2,"parts":[{"type":"file","data":"https://x.example/a.png","mimeType":"image/png","filename":"a.png"}]}"#
            ), at: "2026-01-01T10:00:06.000Z")
        + message(
            "m8", uuid,
            quoted(
                #"{"format":2,"parts":[{"type":"text","text":"continue"}],"metadata":{"signal":{"type":"reactive","tagName":"system-reminder"}}}"#
            ), role: "signal", type: "system-reminder", at: "2026-01-01T10:00:07.000Z")
        + message(
            "m9", uuid,
            quoted(
                #"{"format":2,"parts":[{"type":"text","text":"And tomorrow?"}],"metadata":{"signal":{"type":"user","tagName":"user"}}}"#
            ), role: "signal", type: "user", at: "2026-01-01T10:00:08.000Z")
        + message("v1a", "thread-2", "'plain words'", type: "text", at: "2026-01-02T10:00:01.000Z", resource: "NULL")
        + message(
            "v1b", "thread-2", quoted(#"[{"type":"text","text":"a"},{"type":"text","text":"b"}]"#), role: "assistant",
            type: "text", at: "2026-01-02T10:00:02.000Z")
        + message(
            "v1c", "thread-2", quoted(#"[{"type":"tool-call","toolCallId":"1","toolName":"w","args":{}}]"#),
            role: "assistant", type: "tool-call", at: "2026-01-02T10:00:03.000Z")
        + message(
            "v1d", "thread-2", quoted(#"[{"type":"tool-result","toolCallId":"1","result":{"t":30}}]"#), role: "tool",
            type: "tool-result", at: "2026-01-02T10:00:04.000Z")
        + message("v1e", "thread-2", #"'{"my":"json"}'"#, type: "text", at: "2026-01-02T10:00:05.000Z")
        + message("v1f", "thread-2", "'You are a bot'", role: "system", type: "text", at: "2026-01-02T10:00:06.000Z")
        + message("orphan", "gone", "'anybody?'", type: "text", at: "2026-01-05T10:00:00.000Z", resource: "'u9'")
        + message("late", "thread-2", "'x'", type: "text", at: "soon")
        + message("lost", "", "'x'", type: "text", at: "2026-01-05T10:00:00.000Z")
        + message("nul", "gone", "'a' || char(0) || 'b'", type: "text", at: "2026-01-05T10:00:01.000Z")
        + message("bad", "gone", "CAST(X'61ff62' AS TEXT)", type: "text", at: "2026-01-05T10:00:02.000Z")
        + message("cut", "gone", quoted(#"{"format":2,"parts":["#), at: "2026-01-05T10:00:03.000Z")

    static let answer = Element.object([
        ("format", .int(2)),
        (
            "parts",
            .array([
                .object([("type", .text("step-start"))]),
                .object([("type", .text("reasoning")), ("reasoning", .text("hmm"))]),
                .object([("type", .text("text")), ("text", .raw(8, #"Let me \"see\""#))]),
            ])
        ),
    ]).bytes(wide: true)

    @Test func `threads become sessions`() async throws {
        let store = try TestStore()
        try await store.write(Self.store)
        let source = try await store.open()
        #expect(source.name == "Mastra")
        #expect(try await source.counts() == ImportCounts(sessions: 5, messages: 21))
        let page = try await source.allSessions()
        #expect(page.rejected.isEmpty)
        let sessions = Dictionary(uniqueKeysWithValues: page.rows.map { ($0.conversation, $0) })
        let live = try #require(sessions["4242"])
        #expect(live.id.description == Self.uuid)
        #expect(live.platform == "telegram")
        #expect(live.user == "u1")
        #expect(live.status == "active")
        #expect(live.createdAt == time("2026-01-01T10:00:00Z"))
        #expect(live.lastActivity == time("2026-01-01T10:00:08Z"))
        let metadata = try JSONView(parsing: live.metadata)
        #expect(metadata["title"].string == "Weather")
        #expect(metadata["mastra"]["metadata"]["n"].int == 31)
        let second = try #require(sessions["thread-2"])
        #expect(second.platform == "mastra")
        #expect(second.lastActivity == time("2026-01-02T10:00:06Z"))
        #expect(try JSONView(parsing: second.metadata)["mastra"]["working_memory"].string == "# notes")
        #expect(try JSONView(parsing: second.metadata)["mastra"]["resource_metadata"]["vip"].bool == true)
        let made = try #require(sessions["gone"])
        #expect(made.user == "u9")
        #expect(made.createdAt == time("2026-01-05T10:00:00Z"))
        #expect(made.lastActivity == time("2026-01-05T10:00:03Z"))
        let broken = try #require(sessions["broken"])
        #expect(broken.createdAt == time("2026-01-04T10:00:00Z"))
        #expect(try JSONView(parsing: broken.metadata)["mastra"]["metadata"]["raw"].string == "{oops")
        #expect(page.changes[.idDerived] == 4)
        #expect(page.changes[.sessionMade] == 1)
        #expect(page.changes[.jsonWrapped] == 1)
        #expect(page.changes[.binaryJSONDecoded] == 1)
        #expect(page.changes[.sessionTimesWidened] == 2)
        await source.close()
    }

    @Test(
        arguments: [
            ("m1", LogMessage.Direction.inbound, "text", "How is it\nin Hanoi?"),
            ("0199aaaa-bbbb-7ccc-8ddd-000000000002", .outbound, "text", "Let me \"see\""),
            ("m3", .outbound, "event", nil), ("m4", .outbound, "text", "Sunny"), ("m5", .outbound, "event", nil),
            ("m6", .inbound, "text", "By content"), ("m7", .inbound, "image", nil), ("m8", .outbound, "event", nil),
            ("m9", .inbound, "text", "And tomorrow?"), ("v1a", .inbound, "text", "plain words"),
            ("v1b", .outbound, "text", "a\nb"), ("v1c", .outbound, "event", nil), ("v1d", .outbound, "event", nil),
            ("v1e", .inbound, "text", #"{"my":"json"}"#), ("v1f", .outbound, "event", nil),
            ("nul", .inbound, "text", "a\u{FFFD}b"),
            ("bad", .inbound, "text", "a\u{FFFD}b"), ("cut", .inbound, "text", #"{"format":2,"parts":["#),
        ] as [(String, LogMessage.Direction, String, String?)])
    func `a message says to users what it said in Mastra`(
        id: String, direction: LogMessage.Direction, type: String, text: String?
    ) async throws {
        let store = try TestStore()
        try await store.write(Self.store)
        let source = try await store.open()
        let messages = try await source.allMessages().rows
        let message = try #require(
            messages.first { message in
                let name = try? JSONView(parsing: message.metadata)["mastra"]["id"].string
                return (name ?? message.id.description) == id
            })
        #expect(message.direction == direction)
        #expect(message.type == type)
        #expect(message.text == text)
        #expect(message.status == (direction == .inbound ? .received : .sent))
        await source.close()
    }

    @Test func `what is not for users is kept in the metadata`() async throws {
        let store = try TestStore()
        try await store.write(Self.store)
        let source = try await store.open()
        let page = try await source.allMessages()
        func metadata(_ id: String) throws -> JSONView {
            let views = try page.rows.map { try JSONView(parsing: $0.metadata) }
            return try #require(views.first { $0["mastra"]["id"].string == id })["mastra"]
        }
        #expect(try metadata("m4")["parts"][0]["text"].string == "secret")
        #expect(try metadata("m4")["metadata"]["k"].int == 1)
        #expect(try metadata("m5")["parts"][0]["text"].string == "only for the model")
        #expect(try metadata("v1d")["role"].string == "tool")
        #expect(try metadata("v1d")["parts"][0]["result"]["t"].int == 30)
        #expect(try metadata("v1f")["parts"][0]["text"].string == "You are a bot")
        let image = try #require(page.rows.first { $0.type == "image" })
        let attachment = try JSONView(parsing: image.attachments)[0]
        #expect(attachment["url"].string == "https://x.example/a.png")
        #expect(attachment["name"].string == "a.png")
        #expect(page.changes[.keptAsEvent] == 6)
        #expect(page.changes[.modelPartsLeftOut] == 2)
        #expect(page.changes[.textReplaced] == 1)
        #expect(page.changes[.notUTF8] == 1)
        #expect(page.changes[.jsonWrapped] == 1)
        #expect(page.changes[.binaryJSONDecoded] == 1)
        await source.close()
    }

    @Test func `messages of one time keep their order`() async throws {
        let store = try TestStore()
        try await store.write(Self.store)
        let source = try await store.open()
        let page = try await source.allMessages()
        let transcript = page.rows.filter { $0.session.id.description == Self.uuid }
        #expect(transcript.map(\.text).prefix(2) == ["How is it\nin Hanoi?", "Let me \"see\""])
        #expect(transcript[0].at == time("2026-01-01T10:00:01Z"))
        #expect(transcript[1].at == time("2026-01-01T10:00:01.000001Z"))
        #expect(page.changes[.timeNudged] == 1)
        #expect(transcript.allSatisfy { $0.session.platform == "telegram" && $0.session.conversation == "4242" })
        #expect(transcript.filter { $0.direction == .inbound }.allSatisfy { $0.sender == "u1" })
        await source.close()
    }

    @Test func `a row without a time or a thread is rejected with all that it has`() async throws {
        let store = try TestStore()
        try await store.write(Self.store)
        let source = try await store.open()
        let page = try await source.allMessages()
        #expect(page.rejected.count == 2)
        let reasons = try page.rejected.map { ($0.reason, try JSONView(parsing: $0.values)["id"].string) }
        #expect(reasons.contains { $0.0.contains("createdAt") && $0.1 == "late" })
        #expect(reasons.contains { $0.0.contains("names no session") && $0.1 == "lost" })
        #expect(page.rejected.allSatisfy { $0.table == "mastra_messages" && $0.rowid > 0 })
        #expect(page.rows.count + page.rejected.count == 21)
        await source.close()
    }

    @Test(arguments: [1, 2, 3, 5, 100])
    func `pages of any size give the same, also to another run`(limit: Int) async throws {
        let store = try TestStore()
        try await store.write(Self.store)
        let source = try await store.open()
        let whole = try await source.allMessages(by: 1000)
        let sessions = try await source.allSessions(by: 1000)
        await source.close()
        let other = try await store.open()
        let parts = try await other.allMessages(by: limit)
        #expect(parts.rows == whole.rows)
        #expect(parts.rejected == whole.rejected)
        #expect(parts.changes == whole.changes)
        #expect(try await other.allSessions(by: limit).rows == sessions.rows)
        for session in sessions.rows {
            let transcript = try await other.transcript(of: session.id)
            #expect(transcript == whole.rows.filter { $0.session.id == session.id })
            #expect(transcript.allSatisfy { $0.at <= session.lastActivity && $0.at >= session.createdAt })
        }
        #expect(try await other.transcript(of: UUID(high: 1, low: 2)).isEmpty)
        await other.close()
    }

    @Test func `a position of something else is refused`() async throws {
        let store = try TestStore()
        try await store.write(Self.store)
        let source = try await store.open()
        for text in ["", "{}", "7", #"{"session":"x"}"#] {
            await #expect(throws: ImportSourceError.self) {
                _ = try await source.messages(after: ImportPosition(text), limit: 1)
            }
        }
        await source.close()
    }

    @Test func `accounts of a mapping go to the sessions of their platform`() async throws {
        let store = try TestStore()
        try await store.write(Self.store)
        let source = try await store.open(#"{"accounts":{"telegram":"bot7"}}"#)
        let sessions = try await source.allSessions().rows
        #expect(sessions.filter { $0.account == "bot7" }.map(\.platform) == ["telegram"])
        #expect(
            try await source.allMessages().rows.first { $0.session.platform == "telegram" }?.session.account == "bot7")
        await source.close()
    }

    @Test func `a store without threads, resources or newer columns is read too`() async throws {
        let store = try TestStore()
        try await store.write(
            "CREATE TABLE mastra_messages (id TEXT, thread_id TEXT, content TEXT, role TEXT, createdAt INTEGER);"
                + "INSERT INTO mastra_messages VALUES ('a', 't', 'hi', 'user', 1767261601000)")
        let source = try await store.open()
        #expect(try await source.allSessions().rows.map(\.conversation) == ["t"])
        #expect(try await source.allMessages().rows.map(\.at) == [time("2026-01-01T10:00:01Z")])
        await source.close()
    }

    @Test func `half an emoji and an escaped NUL in JSON are replaced and counted`() async throws {
        let store = try TestStore()
        let content =
            #"{"format":2,"parts":[{"type":"text","text":"a\ud83d b\u0000 \ud83d\ude00 \\ud83d"}],"metadata":{"k":"\u0000"}}"#
        try await store.write(
            Self.schema + Self.message("a", "t", Self.quoted(content), at: "2026-01-01T10:00:00Z"))
        let source = try await store.open()
        let page = try await source.allMessages()
        #expect(page.rows.first?.text == "a\u{FFFD} b\u{FFFD} 😀 \\ud83d")
        #expect(page.rows.first?.metadata.text.contains(#""k":"\ufffd""#) == true)
        #expect(page.changes[.textReplaced] == 1)
        await source.close()
    }

    @Test func `a file with LibSQL's vector index, whose function SQLite does not have, is read`() async throws {
        let store = try TestStore()
        let database = store.database
        try await database.define("libsql_vector_idx", arguments: 1) { .blob($0.bytes(0) { Array($0) }) }
        try await database.script(
            Self.schema + """
                CREATE TABLE memory_messages (id INTEGER PRIMARY KEY, vector_id TEXT UNIQUE, embedding F32_BLOB(1536));
                CREATE INDEX memory_messages_vector_idx ON memory_messages (libsql_vector_idx(embedding));
                CREATE TABLE libsql_vector_meta_shadow (name TEXT PRIMARY KEY, metadata BLOB) WITHOUT ROWID;
                INSERT INTO memory_messages VALUES (1, 'v', x'0011');
                """ + Self.message("a", "t", "'hi'", type: "text", at: "2026-01-01T10:00:00Z"))
        await database.close()
        let source = try await store.open()
        #expect(try await source.allMessages().rows.map(\.text) == ["hi"])
        await source.close()
    }

    @Test func `an archived thread is a closed session`() async throws {
        let store = try TestStore()
        try await store.write(
            Self.schema + "ALTER TABLE mastra_threads ADD COLUMN archivedAt TEXT;"
                + "INSERT INTO mastra_threads VALUES ('a','u','','{}','2026-01-01T10:00:00Z','2026-01-01T10:00:00Z','2026-02-01T10:00:00Z');"
                + "INSERT INTO mastra_threads VALUES ('b','u','','{}','2026-01-01T10:00:00Z','2026-01-01T10:00:00Z',NULL);"
        )
        let source = try await store.open()
        #expect(try await source.allSessions().rows.map(\.status) == ["closed", "active"])
        await source.close()
    }

    @Test func `a missing column is named`() async throws {
        let store = try TestStore()
        try await store.write("CREATE TABLE mastra_messages (id TEXT, content TEXT, role TEXT)")
        let error = await #expect(throws: ImportSourceError.self) { _ = try await store.open() }
        #expect(error?.description.contains("thread_id, createdAt") == true)
    }
}
