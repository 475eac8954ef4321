import Journal
import SQLite
import TestSupport

/// SQLite stores of every kind that `chatbridge import` reads, each with some thousand messages.
enum ImportStore: String, CaseIterable, Sendable {
    case chatbridge, mastra, mapping

    static let sessions = 40

    /// Makes the store.
    ///
    /// - Returns: the words that its import needs besides the file.
    func make(at path: String, in folder: TemporaryFolder, messages: Int) async throws -> [String] {
        let configuration = SQLiteConfiguration(path: path)
        if self == .chatbridge {
            let store = SQLiteStore(configuration: configuration)
            try await store.migrate()
            await store.close()
        }
        let database = SQLiteDatabase(configuration: configuration)
        let numbers = "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < \(messages))"
        switch self {
        case .chatbridge: try await database.script(Self.own(numbers))
        case .mastra:
            try await database.script(Self.mastra(numbers))
            for thread in 0..<Self.sessions {
                let metadata =
                    thread % 2 == 0
                    ? SQLiteValue.blob(
                        Self.binary([
                            ("channel_platform", "telegram"), ("channel_externalThreadId", "telegram:\(1000 + thread)"),
                        ]))
                    : .text(
                        #"{"channel_platform":"slack","channel_externalThreadId":"slack:C\#(thread):1700000000.1"}"#)
                _ = try await database.execute(
                    "INSERT INTO mastra_threads VALUES (?, 'user-' || ?, NULL, ?, '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z')",
                    [.text("thread-\(thread)"), .integer(Int64(thread)), metadata])
            }
        case .mapping:
            try await database.script(Self.foreign(numbers))
            try writeFile(folder.path("mapping.json"), Self.map)
        }
        // With it the WAL goes into the file.
        await database.close()
        return self == .mapping ? ["--map", folder.path("mapping.json")] : []
    }

    /// An object of SQLite's binary JSON, as `jsonb()` of newer versions writes it.
    private static func binary(_ members: [(String, String)]) -> [UInt8] {
        func text(_ text: String) -> [UInt8] { [0xc7, UInt8(text.utf8.count)] + Array(text.utf8) }
        let payload = members.flatMap { text($0.0) + text($0.1) }
        return [0xcc, UInt8(payload.count)] + payload
    }

    private static func own(_ numbers: String) -> String {
        """
        INSERT INTO sessions
        WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < \(sessions))
        SELECT printf('01990000-0000-7000-8000-%012x', i), 'telegram', 'default', 'chat-' || i, 'user-' || i, 'active',
               '2026-01-01T00:00:00.000000Z', '2027-01-01T00:00:00.000000Z', '{}' FROM n;
        INSERT INTO messages
        \(numbers)
        SELECT printf('01990001-%04x-7000-8000-%012x', i % 65536, i),
               printf('01990000-0000-7000-8000-%012x', i % \(sessions)),
               CASE i / \(sessions) % 2 WHEN 0 THEN 'inbound' ELSE 'outbound' END, 'user', 'message ' || i || ' — ok', 'text',
               '[]', strftime('%Y-%m-%dT%H:%M:%S', 1767225600 + i, 'unixepoch') || '.000001Z', NULL,
               CASE i / \(sessions) % 2 WHEN 0 THEN 'received' ELSE 'sent' END, '{"n": ' || i || '}' FROM n;
        """
    }

    private static func mastra(_ numbers: String) -> String {
        """
        CREATE TABLE mastra_threads (id TEXT PRIMARY KEY, resourceId TEXT, title TEXT, metadata TEXT, createdAt TEXT,
                                     updatedAt TEXT);
        CREATE TABLE mastra_resources (id TEXT PRIMARY KEY, workingMemory TEXT, metadata TEXT, createdAt TEXT,
                                       updatedAt TEXT);
        CREATE TABLE mastra_messages (id TEXT PRIMARY KEY, thread_id TEXT, content TEXT, role TEXT, type TEXT,
                                      createdAt TEXT, resourceId TEXT);
        INSERT INTO mastra_messages
        \(numbers)
        SELECT 'message-' || i, 'thread-' || (i % \(sessions)),
               CASE i / \(sessions) % 3
               WHEN 0 THEN 'plain words ' || i
               WHEN 1 THEN '[{"type":"text","text":"a part ' || i || '"}]'
               ELSE '{"format":2,"parts":[{"type":"text","text":"new ' || i || '"}],"content":"old"}' END,
               CASE i / \(sessions) % 2 WHEN 0 THEN 'user' ELSE 'assistant' END,
               CASE i / \(sessions) % 3 WHEN 2 THEN 'v2' ELSE 'text' END,
               strftime('%Y-%m-%dT%H:%M:%S', 1767225600 + i / 3, 'unixepoch') || '.000Z', 'user-' || (i % \(sessions)) FROM n;
        """
    }

    private static func foreign(_ numbers: String) -> String {
        """
        CREATE TABLE chats (id INTEGER PRIMARY KEY, chat TEXT, person TEXT);
        CREATE TABLE log (id INTEGER PRIMARY KEY, chat INTEGER, role TEXT, body TEXT, at INTEGER);
        INSERT INTO chats
        WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < \(sessions))
        SELECT i, 'chat-' || i, 'person-' || i FROM n;
        INSERT INTO log
        \(numbers)
        SELECT i + 1, i % \(sessions), CASE i / \(sessions) % 2 WHEN 0 THEN 'user' ELSE 'bot' END, 'words ' || i,
               1767225600000 + i FROM n;
        """
    }

    private static let map = """
        {"name": "oldbot",
         "sessions": {"table": "chats", "id": "id", "platform": {"value": "telegram"}, "conversation": "chat", "user": "person"},
         "messages": {"table": "log", "id": "id", "session": "chat", "text": "body",
                      "direction": {"column": "role", "values": {"user": "inbound", "bot": "outbound"}},
                      "created_at": {"column": "at", "time": "unix-ms"}}}
        """
}
