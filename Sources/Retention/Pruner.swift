package import BridgeCore
package import Journal

/// Deletes messages that are older than a time, and the sessions that are empty then.
///
/// Partitions that hold nothing younger go as a whole. Everything else is deleted by sessions, whose index leads to their old
/// messages, so that ids of any kind are met and those that stay are not read; some hundred rows at a time, so that nobody waits.
package struct Pruner: Sendable {
    /// What went, or would.
    package struct Report: Sendable {
        package var messages = 0
        package var sessions = 0
        package var objects = 0
        package var partitions: [String] = []

        package init() {}
    }

    let archive: any Archive
    let partitions: MessagePartitions?
    let objects: (any ObjectEraser)?
    private let progress: @Sendable (Report) -> Void
    private static let batch = 1000

    /// - Parameters:
    ///   - partitions: nil where there cannot be any.
    ///   - progress: is told what has gone so far.
    package init(
        archive: any Archive, partitions: MessagePartitions?, objects: (any ObjectEraser)? = nil,
        progress: @escaping @Sendable (Report) -> Void = { _ in }
    ) {
        self.archive = archive
        self.partitions = partitions
        self.objects = objects
        self.progress = progress
    }

    /// Counts what ``prune(before:silentSince:)`` would delete.
    package func count(before cutoff: Timestamp, silentSince silence: Timestamp) async throws -> Report {
        let dialect = archive.dialect
        var report = Report()
        report.messages = try await archive.number(
            "SELECT CAST(count(*) AS text) AS n FROM messages WHERE created_at < \(dialect.time("$1"))",
            [cutoff.description])
        report.sessions = try await archive.number(
            """
            SELECT CAST(count(*) AS text) AS n FROM sessions s
            WHERE s.last_activity < \(dialect.time("$1"))
              AND (s.status = 'closed' OR s.last_activity < \(dialect.time("$2")))
              AND NOT EXISTS (
                  SELECT 1 FROM messages m WHERE m.session_id = s.id AND m.created_at >= \(dialect.time("$1")))
            """, [cutoff.description, silence.description])
        report.partitions = try await partitions?.names(before: cutoff) ?? []
        return report
    }

    /// Deletes messages from before a time.
    ///
    /// - Parameter silence: a session with younger activity may go on: it stays, empty, unless it is closed.
    package func prune(before cutoff: Timestamp, silentSince silence: Timestamp) async throws -> Report {
        var report = Report()
        if let partitions {
            let rows = PersonRows(person: Person(platform: "", user: ""), archive: archive)
            for name in try await partitions.detach(before: cutoff) {
                if let objects {
                    for (bucket, key) in try await rows.objects(inTable: name, before: cutoff) {
                        try await objects.delete(bucket: bucket, key: key)
                        report.objects += 1
                    }
                }
                report.messages += try await partitions.drop(name, keepingSince: cutoff)
                report.partitions.append(name)
                progress(report)
            }
        }
        let dialect = archive.dialect
        var last = PersonRows.firstID
        while true {
            let page = try await archive.rows(
                """
                SELECT CAST(id AS text) AS id FROM sessions
                WHERE id > \(dialect.id("$1")) AND created_at < \(dialect.time("$2")) ORDER BY id LIMIT \(PersonRows.batch)
                """, [last, cutoff.description]
            ).compactMap { $0[0] }
            guard let next = page.last else { break }
            last = next
            try await pruneMessages(of: page, before: cutoff, &report)
            do throws(RetentionError) {
                report.sessions += try await archive.execute(
                    """
                    DELETE FROM sessions WHERE id \(dialect.isOne(of: "$1")) AND last_activity < \(dialect.time("$2"))
                      AND (status = 'closed' OR last_activity < \(dialect.time("$3")))
                      AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.session_id = sessions.id)
                    """, [dialect.list(page), cutoff.description, silence.description])
            } catch {
                // A logger has written to one of them at this moment: the next run looks at them again.
                guard error.code == .conflict else { throw error }
            }
            progress(report)
        }
        // Hashes of people who were forgotten long ago; their key goes with the last of them.
        _ = try await archive.execute(
            "DELETE FROM erasures WHERE expires_at <= \(dialect.time("$1"))", [Timestamp.now().description])
        try await archive.reclaim()
        return report
    }

    private func pruneMessages(
        of sessions: [String], before cutoff: Timestamp, _ report: inout Report
    ) async throws(RetentionError) {
        let dialect = archive.dialect
        let rows = PersonRows(person: Person(platform: "", user: ""), archive: archive)
        while true {
            let ids = try await archive.rows(
                """
                SELECT CAST(id AS text) AS id FROM messages
                WHERE session_id \(dialect.isOne(of: "$1")) AND created_at < \(dialect.time("$2")) LIMIT \(Self.batch)
                """, [dialect.list(sessions), cutoff.description]
            ).compactMap { $0[0] }
            if ids.isEmpty { return }
            if let objects {
                for (bucket, key) in try await rows.objects(of: ids) {
                    try await objects.delete(bucket: bucket, key: key)
                    report.objects += 1
                }
            }
            report.messages += try await archive.execute(
                "DELETE FROM messages WHERE id \(dialect.isOne(of: "$1"))", [dialect.list(ids)])
            progress(report)
        }
    }
}
