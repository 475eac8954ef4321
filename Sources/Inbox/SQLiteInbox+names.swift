internal import BridgeCore
internal import SQLite

extension SQLiteInbox {
    /// The names of events in `seen`: a row without a run is done; one with the number of a run is in work there, and free
    /// when that run has ended.
    struct Names: Sendable {
        let run: Int64
        let now: Timestamp
        /// Whether the events themselves are kept, or ended: then their names are taken for good.
        let isKept: Bool

        /// Names older than this are free again.
        private var horizon: SQLiteValue {
            .integer(now.advanced(by: .zero - SQLiteInbox.timeToLive).seconds)
        }

        /// Takes all names of an event.
        ///
        /// - Returns: false when one of them was taken before.
        func take(_ entry: InboxEntry, _ transaction: borrowing SQLiteTransaction) throws(SQLiteError) -> Bool {
            var isNew = true
            let value: SQLiteValue = isKept || entry.purpose != .answer ? .null : .integer(run)
            for (index, name) in entry.names.enumerated() where !entry.names[..<index].contains(name) {
                let changed = try transaction.execute(
                    """
                    INSERT INTO seen (name, at, run) VALUES (?, ?, ?)
                    ON CONFLICT (name) DO UPDATE SET at = excluded.at, run = excluded.run
                    WHERE at <= ? OR run <> ?
                    """,
                    [.text(InboxKeys.name(name)), .integer(now.seconds), value, horizon, .integer(run)])
                if changed == 0 { isNew = false }
            }
            return isNew
        }

        /// Notes that the event of a name is answered.
        func markDone(_ name: String, _ transaction: borrowing SQLiteTransaction) throws(SQLiteError) {
            try transaction.execute(
                """
                INSERT INTO seen (name, at, run) VALUES (?, ?, NULL)
                ON CONFLICT (name) DO UPDATE SET run = NULL
                """, [.text(InboxKeys.name(name)), .integer(now.seconds)])
        }

        /// Removes names that are too old; returns how many.
        func forget(atMost count: Int, _ transaction: borrowing SQLiteTransaction) throws(SQLiteError) -> Int {
            try transaction.execute(
                "DELETE FROM seen WHERE name IN (SELECT name FROM seen WHERE at <= ? ORDER BY at LIMIT ?)",
                [horizon, .integer(Int64(count))])
        }
    }
}
