import BridgeCore
import Importer
import JSON
import SQLite
import Testing

struct MappedSourceTests {
    /// A bot's own tables: numbers as ids, that a chat counts anew, local times, roles, leftovers.
    static let schema = """
        CREATE TABLE chats (chat_id INTEGER PRIMARY KEY, tg_id INTEGER, who TEXT, state TEXT, opened REAL, extra TEXT);
        CREATE TABLE log (chat INTEGER, n INTEGER, said_at INTEGER, role TEXT, body TEXT, files TEXT, tokens INTEGER,
            lang TEXT, PRIMARY KEY (chat, n));
        INSERT INTO chats VALUES (1, -100500, 'ann', 'open', julianday('2026-01-01 10:00:00'), '{"vip":true}');
        INSERT INTO chats VALUES (2, 77, 'bob', 'done', julianday('2026-01-02 10:00:00'), 'nothing');
        INSERT INTO chats VALUES (3, NULL, 'eve', 'open', NULL, NULL);
        INSERT INTO log VALUES (1, 1, 1767261601000, 'user', 'hi', NULL, 3, 'en');
        INSERT INTO log VALUES (1, 2, 1767261601000, 'bot', 'hello', '[]', NULL, 'en');
        INSERT INTO log VALUES (1, 3, 1767261602000, 'debug', 'trace', NULL, NULL, NULL);
        INSERT INTO log VALUES (2, 1, 1767348001000, 'user', 'picture', '[{"kind":"image","url":"https://x.example/1"}]', NULL, NULL);
        INSERT INTO log VALUES (2, 2, 1767348002000, 'alien', '?', NULL, NULL, NULL);
        INSERT INTO log VALUES (2, 3, NULL, 'user', 'when?', NULL, NULL, NULL);
        INSERT INTO log VALUES (9, 1, 1767348003000, 'user', 'lost chat', 'no json', NULL, NULL);
        INSERT INTO log VALUES (NULL, 1, 1767348003000, 'user', 'no chat', NULL, NULL, NULL);
        INSERT INTO log VALUES (3, 1, 1767348003000, 'user', 'no place', NULL, NULL, NULL);
        """
    static let mapping = """
        {"name": "oldbot",
         "sessions": {"table": "chats", "id": "chat_id", "platform": {"value": "telegram"}, "conversation": "tg_id",
           "user": "who", "status": {"column": "state", "values": {"open": "active"}, "else": "closed"},
           "created_at": {"column": "opened", "time": "julianday"}, "metadata": {"column": "extra"}},
         "messages": {"table": "log", "id": ["chat", "n"], "session": "chat",
           "direction": {"column": "role", "values": {"user": "inbound", "bot": "outbound", "debug": null}},
           "created_at": {"column": "said_at", "time": "unix-ms"}, "text": "body", "attachments": "files",
           "metadata": ["tokens", "lang"]}}
        """

    @Test func `unknown tables are read as the mapping says`() async throws {
        let store = try TestStore()
        try await store.write(Self.schema)
        let source = try await store.open(Self.mapping)
        #expect(source.name == "mapping")
        #expect(try await source.counts() == ImportCounts(sessions: 4, messages: 9))
        let sessions = try await source.allSessions(by: 2)
        #expect(sessions.rows.map(\.conversation) == ["-100500", "77", "9"])
        #expect(sessions.rows.map(\.user) == ["ann", "bob", nil])
        #expect(sessions.rows.map(\.status) == ["active", "closed", "active"])
        #expect(sessions.rows[0].createdAt == time("2026-01-01T10:00:00Z"))
        #expect(sessions.rows[0].id.description == "b0ad6a2e-6c47-5f83-b670-db5cdbe60e8e")
        #expect(sessions.rows[0].metadata.text == #"{"vip":true,"source_id":"1"}"#)
        #expect(sessions.rows[1].metadata.text == #"{"raw":"nothing","source_id":"2"}"#)
        #expect(sessions.rejected.map(\.reason) == ["conversation is missing"])
        #expect(sessions.rejected.map(\.values.text).allSatisfy { $0.contains("eve") })
        #expect(sessions.changes == [.idDerived: 3, .jsonWrapped: 1, .sessionMade: 1])

        let page = try await source.allMessages(by: 2)
        #expect(page.rows.map(\.text) == ["hi", "hello", "picture", "lost chat"])
        #expect(page.rows.map(\.direction) == [.inbound, .outbound, .inbound, .inbound])
        #expect(page.rows.map(\.sender) == ["ann", nil, "bob", nil])
        #expect(page.rows[0].at == time("2026-01-01T10:00:01Z"))
        #expect(page.rows[1].at == time("2026-01-01T10:00:01.000001Z"))
        #expect(page.rows[0].metadata.text == #"{"tokens":3,"lang":"en","source_id":"1 1"}"#)
        #expect(try JSONView(parsing: page.rows[2].attachments)[0]["kind"].string == "image")
        #expect(page.rows[3].attachments.text == #"[{"raw":"no json"}]"#)
        #expect(page.changes == [.idDerived: 4, .timeNudged: 1, .leftOut: 1, .jsonWrapped: 1])
        #expect(page.rejected.count == 4)
        for part in ["alien", "said_at", "names no session", "its session is rejected: conversation is missing"] {
            #expect(page.rejected.contains { $0.reason.contains(part) })
        }
        #expect(Set(page.rows.map(\.id)).count == 4)
        for session in sessions.rows {
            #expect(try await source.transcript(of: session.id) == page.rows.filter { $0.session.id == session.id })
        }
        await source.close()
    }

    @Test func `a single table of messages is enough`() async throws {
        let store = try TestStore()
        try await store.write(
            """
            CREATE TABLE history (ts TEXT, phone TEXT, from_me INTEGER, data TEXT);
            INSERT INTO history VALUES ('2026-01-01 10:00:05', '8490', 1, '{"message":{"text":"answer"}}');
            INSERT INTO history VALUES ('2026-01-01 17:00:00+07:00', '8490', 0, '{"message":{"text":"question"}}');
            INSERT INTO history VALUES ('2026-01-01 10:00:05', '8491', 0, '{"message":{"n":[1,2]}}');
            """)
        let source = try await store.open(
            """
            {"name": "wa", "sessions": {"platform": {"value": "whatsapp"}, "user": "phone"},
             "messages": {"table": "HISTORY", "session": "Phone", "created_at": {"column": "ts", "time": "sqlite"},
               "direction": {"column": "from_me", "values": {"0": "inbound", "1": "outbound"}},
               "text": {"column": "data", "path": "message.text"}}, "accounts": {"whatsapp": "1055"}}
            """)
        let sessions = try await source.allSessions().rows
        #expect(sessions.map(\.conversation) == ["8490", "8491"])
        #expect(sessions.map(\.account) == ["1055", "1055"])
        #expect(sessions.map(\.user) == ["8490", "8491"])
        #expect(sessions[0].createdAt == time("2026-01-01T10:00:00Z"))
        #expect(sessions[0].lastActivity == time("2026-01-01T10:00:05Z"))
        let messages = try await source.allMessages()
        #expect(messages.rows.map(\.text) == ["question", "answer", nil])
        #expect(Set(messages.rows.map(\.id)).count == 3)
        await source.close()
    }

    @Test func `views and tables without row numbers are read through a copy`() async throws {
        let store = try TestStore()
        try await store.write(
            """
            CREATE TABLE raw (id TEXT PRIMARY KEY, j TEXT, at INTEGER) WITHOUT ROWID;
            INSERT INTO raw VALUES ('b', 'two', 1700000001), ('a', 'one', 1700000000);
            CREATE VIEW msgs AS SELECT id, j AS body, at, 'room' AS room, 'user' AS role FROM raw;
            """)
        let mapping = """
            {"name": "v", "sessions": {"platform": {"value": "web"}}, "messages": {"table": "TABLE", "id": "id",
              "session": ROOM, "created_at": {"column": "at", "time": "unix"}, "direction": ROLE, "text": "TEXT"}}
            """
        for (table, room, role, text) in [
            ("msgs", #""room""#, #""role""#, "body"), ("raw", #""id""#, #"{"value":"inbound"}"#, "j"),
        ] {
            var json = mapping
            for (name, value) in [("TABLE", table), ("ROOM", room), ("ROLE", role), ("TEXT", text)] {
                json = json.split(separator: name, omittingEmptySubsequences: false).joined(separator: value)
            }
            let source = try await store.open(json)
            #expect(try await source.allMessages(by: 1).rows.map(\.text) == ["one", "two"])
            await source.close()
        }
    }

    @Test func `names with quotation marks, spaces and a column named rowid are names like others`() async throws {
        let store = try TestStore()
        try await store.write(
            #"""
            CREATE TABLE "the ""chat""'s log" ("a b" TEXT, rowid TEXT, "select" TEXT, "at""" INTEGER);
            INSERT INTO "the ""chat""'s log" VALUES ('c', 'x', 'user', 1700000001), ('c', 'y', 'bot', 1700000000);
            """#)
        let source = try await store.open(
            #"""
            {"name": "q", "sessions": {"platform": {"value": "web"}}, "messages": {"table": "the \"chat\"'s log",
              "session": "a b", "id": "rowid", "direction": "select", "created_at": "at\"", "text": "rowid"}}
            """#)
        #expect(try await source.allMessages().rows.map(\.text) == ["y", "x"])
        await source.close()
        _ = try? await ImportMapping.suggest(from: store.path)
    }

    @Test func `ids that repeat are refused before anything is lost`() async throws {
        let store = try TestStore()
        try await store.write(Self.schema)
        let mapping = Self.mapping.split(separator: #"["chat", "n"]"#).joined(separator: #""n""#)
        let error = await #expect(throws: ImportSourceError.self) { _ = try await store.open(mapping) }
        #expect(error?.description.contains("several rows of log have the same n") == true)
    }

    @Test func `sessions whose ids repeat or are missing are rejected`() async throws {
        let store = try TestStore()
        try await store.write(
            """
            CREATE TABLE s (id TEXT, p TEXT); INSERT INTO s VALUES ('a', '1'), ('a', '2'), (NULL, '3'), ('b', '4');
            CREATE TABLE m (id INTEGER PRIMARY KEY, s TEXT, at INTEGER, t TEXT);
            INSERT INTO m VALUES (1, 'a', 1700000000, 'x'), (2, 'b', 1700000000, 'y');
            """)
        let source = try await store.open(
            """
            {"name": "n", "sessions": {"table": "s", "id": "id", "platform": {"value": "web"}, "conversation": "p"},
             "messages": {"table": "m", "id": "id", "session": "s", "created_at": "at", "direction": {"value": "inbound"}, "text": "t"}}
            """)
        #expect(try await source.counts() == ImportCounts(sessions: 4, messages: 2))
        for limit in [1, 2, 100] {
            let page = try await source.allSessions(by: limit)
            #expect(page.rows.map(\.conversation) == ["1", "4"])
            #expect(page.rejected.count == 2)
        }
        await source.close()
    }

    @Test(arguments: [
        (#""table": "log""#, #""table": "logs""#, "there is no table logs, but chats, log"),
        (#""text": "body""#, #""text": "words""#, "the table log has no column words, but chat, n, said_at"),
        (#""user": "who""#, #""user": "name""#, "sessions.user: the table chats has no column name"),
    ])
    func `a mapping that does not fit says what there is`(part: String, wrong: String, message: String) async throws {
        let store = try TestStore()
        try await store.write(Self.schema)
        let mapping = Self.mapping.split(separator: part, omittingEmptySubsequences: false).joined(separator: wrong)
        let error = await #expect(throws: ImportSourceError.self) { _ = try await store.open(mapping) }
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }
}
