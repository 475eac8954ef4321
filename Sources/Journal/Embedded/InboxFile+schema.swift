package import SQLite

extension InboxFile {
    /// The version of ``schema``, kept as `PRAGMA user_version`.
    static let version = 1

    /// The tables, explained in docs/decisions/inbox.md.
    ///
    /// `seen_at` is there for the names that expire; it grows at its end alone, so that it costs one more page a commit.
    static let schema = """
        CREATE TABLE run (
            only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
            number INTEGER NOT NULL, crashes INTEGER NOT NULL, is_over INTEGER NOT NULL
        );
        INSERT INTO run VALUES (1, 0, 0, 1);
        CREATE TABLE seen (name TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
        CREATE INDEX seen_at ON seen (at);
        CREATE TABLE held (
            number INTEGER PRIMARY KEY, id TEXT NOT NULL, lane TEXT, crashes INTEGER NOT NULL, begun BLOB,
            payload BLOB NOT NULL
        );
        CREATE TABLE dead_deliveries (number INTEGER PRIMARY KEY, entry TEXT UNIQUE, letter TEXT NOT NULL);
        CREATE TABLE jobs (number INTEGER PRIMARY KEY, job BLOB NOT NULL);
        CREATE TABLE dead_jobs (number INTEGER PRIMARY KEY, letter TEXT NOT NULL);
        """

    /// As many dead letters of a kind are kept; beyond, the oldest go.
    package static let deadLetterLimit = 10_000

    /// Files log jobs that no database takes.
    static func file(jobs letters: [[UInt8]], _ transaction: borrowing SQLiteTransaction) throws(SQLiteError) {
        guard !letters.isEmpty else { return }
        for letter in letters { try transaction.execute("INSERT INTO dead_jobs (letter) VALUES (?)", [.utf8(letter)]) }
        try limit(.jobs, transaction)
    }

    /// Files an event that could not be answered; once for each entry that has an id.
    package static func file(
        delivery letter: [UInt8], of entry: String?, _ transaction: borrowing SQLiteTransaction
    ) throws(SQLiteError) {
        try transaction.execute(
            "INSERT INTO dead_deliveries (entry, letter) VALUES (?, ?) ON CONFLICT (entry) DO NOTHING",
            [.optionalText(entry), .utf8(letter)])
        try limit(.deliveries, transaction)
    }

    private static func limit(_ table: DeadLetters, _ transaction: borrowing SQLiteTransaction) throws(SQLiteError) {
        let name = table.rawValue
        try transaction.execute(
            "DELETE FROM \(name) WHERE number <= (SELECT max(number) FROM \(name)) - \(deadLetterLimit)")
    }

    /// The tables of dead letters.
    package enum DeadLetters: String, Sendable {
        /// Log jobs that no database takes.
        case jobs = "dead_jobs"
        /// Events that could not be answered.
        case deliveries = "dead_deliveries"
    }
}
