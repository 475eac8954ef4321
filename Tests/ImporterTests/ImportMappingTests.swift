import BridgeCore
import Importer
import JSON
import SQLite
import Testing

struct ImportMappingTests {
    @Test(arguments: [
        ("nonsense", "is not JSON"), ("[]", "must be a JSON object"), ("{}", "messages: is missing"),
        (#"{"message": {}}"#, "message: is not known; there is name"),
        (#"{"messages": {"table": "m"}}"#, "name: is missing"),
        (#"{"messages": {"table": "m"}}"#, "sessions: is missing"),
        (#"{"messages": {"tabel": "m"}}"#, "messages.tabel: is not known"),
        (#"{"messages": {}}"#, "messages.table: is missing"),
        (#"{"messages": {"table": "m"}}"#, "messages.session: is missing"),
        (#"{"messages": {"table": "m"}}"#, "messages.direction: is missing"),
        (#"{"messages": {"table": "m"}}"#, "messages.created_at: is missing"),
        (#"{"messages": {"created_at": {"column": "t", "time": "seconds"}}}"#, "is none of auto, iso, unix"),
        (#"{"messages": {"created_at": {"value": "now"}}}"#, "messages.created_at: must be a column"),
        (#"{"messages": {"created_at": {"column": "t", "offset": "7"}}}"#, "must be as \"+07:00\""),
        (#"{"messages": {"text": 5}}"#, "messages.text: must be a column's name"),
        (#"{"messages": {"text": ["a", "b"]}}"#, "messages.text: must be one column"),
        (#"{"messages": {"text": {}}}"#, "needs a \"column\" or a \"value\""),
        (#"{"messages": {"text": {"column": "a", "value": "b"}}}"#, "has both"),
        (#"{"messages": {"direction": {"column": "r", "values": {"user": "in"}}}}"#, "\"in\" is neither"),
        (#"{"messages": {"direction": {"column": "r", "values": {"user": []}}}}"#, "null to leave such rows out"),
        (#"{"messages": {"direction": {"column": "r", "values": "x"}}}"#, "must be an object from their values"),
        (#"{"sessions": {}}"#, "sessions.platform: is missing"),
        (#"{"sessions": {"id": "x"}}"#, "has no meaning without"),
        (#"{"sessions": {"table": "s"}}"#, "sessions.id: is missing"),
        (#"{"accounts": []}"#, "accounts: must be an object"),
        (#"{"accounts": {"slack": []}}"#, "accounts.slack: must be the account's id"),
    ])
    func `a wrong mapping is told what is wrong and what would be right`(json: String, message: String) {
        let error = #expect(throws: ImportMappingError.self) { _ = try ImportMapping(parsing: Array(json.utf8)) }
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }

    @Test func `all problems are told at once`() {
        let json = #"{"messages": {"text": 5, "type": 6}, "x": 1}"#
        let error = #expect(throws: ImportMappingError.self) { _ = try ImportMapping(parsing: Array(json.utf8)) }
        #expect((error?.problems.count ?? 0) >= 8)
    }

    /// What a suggestion has to find: (SQL, texts in order with their directions).
    @Test(arguments: [
        (
            // As most tutorials have it.
            """
            CREATE TABLE users (id INTEGER PRIMARY KEY, username TEXT);
            CREATE TABLE conversations (id INTEGER PRIMARY KEY, user_id INTEGER, title TEXT, created_at TEXT, updated_at TEXT);
            CREATE TABLE messages (id INTEGER PRIMARY KEY, conversation_id INTEGER REFERENCES conversations(id), role TEXT,
                content TEXT, created_at TEXT DEFAULT CURRENT_TIMESTAMP, tokens INTEGER);
            INSERT INTO conversations VALUES (5, 1, 'T', '2026-01-01 10:00:00', '2026-01-01 10:00:00');
            INSERT INTO messages VALUES (1, 5, 'user', 'q', '2026-01-01 10:00:01', 1), (2, 5, 'assistant', 'a', '2026-01-01 10:00:02', 2);
            """, ["<q", ">a"]
        ),
        (
            "CREATE TABLE chat_history (id TEXT, session_id TEXT, sender_type TEXT, message TEXT, timestamp REAL);"
                + "INSERT INTO chat_history VALUES ('x', 's', 'human', 'q', 1700000000.5), ('y', 's', 'ai', 'a', 1700000001.5)",
            ["<q", ">a"]
        ),
        (
            "CREATE TABLE tg_messages (message_id INTEGER, chat_id INTEGER, is_bot INTEGER, text TEXT, date INTEGER, PRIMARY KEY (chat_id, message_id));"
                + "INSERT INTO tg_messages VALUES (1, 9, 0, 'q', 1700000000), (2, 9, 1, 'a', 1700000001)", ["<q", ">a"]
        ),
        (
            "CREATE TABLE msgs (uuid TEXT, thread TEXT, direction TEXT, body TEXT, created INTEGER);"
                + "INSERT INTO msgs VALUES ('1', 't', 'incoming', 'q', 1700000000000), ('2', 't', 'outgoing', 'a', 1700000000001)",
            ["<q", ">a"]
        ),
        (
            // Nothing tells who speaks: all are users until somebody says so, and the notes ask for it.
            "CREATE TABLE chat_log (chat_id INTEGER, text TEXT, ts INTEGER);"
                + "INSERT INTO chat_log VALUES (1, 'q', 1700000000), (1, 'a', 1700000001)", ["<q", "<a"]
        ),
    ])
    func `a suggested mapping imports the usual stores as it stands`(sql: String, texts: [String]) async throws {
        let store = try TestStore()
        try await store.write(sql)
        let json = try await ImportMapping.suggest(from: store.path)
        _ = try JSONView(parsing: json)
        let source = try await store.open(json.text)
        let page = try await source.allMessages()
        #expect(page.rejected.isEmpty, "\(json.text)")
        #expect(page.rows.map { ($0.direction == .inbound ? "<" : ">") + ($0.text ?? "") } == texts, "\(json.text)")
        #expect(page.changes[.sessionMade] == nil)
        #expect(try await source.allSessions().changes[.sessionMade] == nil)
        await source.close()
    }

    @Test func `a file without messages gets no suggestion`() async throws {
        let store = try TestStore()
        try await store.write("CREATE TABLE songs (id INTEGER PRIMARY KEY, title TEXT)")
        let error = await #expect(throws: ImportSourceError.self) {
            _ = try await ImportMapping.suggest(from: store.path)
        }
        #expect(error?.description.contains("songs") == true)
    }
}
