internal import BridgeCore
internal import Journal
internal import Postgres

/// One run of an ``ImportWriter``: its connection, and how far it is.
struct ImportRun {
    private let writer: ImportWriter
    private let connection: PostgresConnection
    private let rejectedFile: RejectedFile
    private(set) var checkpoint = ImportCheckpoint()
    /// Whether the last page met rows that were there already: then COPY would only fail.
    private var expectsRepeats = false
    /// Who was forgotten, so that an import does not bring them back.
    private var erasures = Erasures()
    /// Made for a page that the database refuses, to find the rows at fault.
    private var store: PostgresStore?

    /// How often a page is written again after trouble that may pass.
    private static let retries = 5

    init(_ writer: ImportWriter) {
        self.writer = writer
        connection = PostgresConnection(configuration: writer.configuration)
        rejectedFile = RejectedFile(path: writer.rejectedPath)
    }

    func close() async {
        await connection.close()
        await store?.close()
    }

    // MARK: Begin and end

    /// Takes the lock and looks for where an earlier run got to.
    mutating func begin() async throws {
        try await prepare(patience: writer.patience)
        do throws(PostgresError) {
            try await connection.simple(ImportCheckpoint.table)
            if !writer.startsOver, let found = try await Self.checkpoint(of: writer.fingerprint, on: connection) {
                checkpoint = found
            }
        } catch {
            throw ImportFailure.database(error)
        }
        if try !rejectedFile.resume(at: checkpoint.rejectedBytes) {
            // Somebody has taken it away with what it told: the rows are read again to tell it again.
            checkpoint = ImportCheckpoint()
            _ = try rejectedFile.resume(at: 0)
        }
        checkpoint.summary.resumedAfter = checkpoint.summary.messages
        try await learnErasures()
    }

    /// Connects, and takes the lock that keeps a second import away.
    private func prepare(patience: Duration) async throws(ImportFailure) {
        do throws(PostgresError) {
            try await connection.connect(retryingFor: patience)
            // A page that the server loses in a crash takes its checkpoint with it, so no page needs to wait for the disk; the
            // last transaction of all does. A killed import's lock is given back when the server has noticed.
            try await connection.simple("SET synchronous_commit = off; SET lock_timeout = '5s'")
            _ = try await connection.query(
                "SELECT pg_advisory_lock(hashtextextended('chatbridge import into ' || current_schema(), 0))")
            try await connection.simple("RESET lock_timeout")
        } catch {
            throw error.code == .lockNotAvailable ? ImportFailure.busy : ImportFailure.database(error)
        }
    }

    /// The checkpoint of a source that was not imported to its end.
    static func checkpoint(
        of source: ImportFingerprint, on connection: PostgresConnection
    ) async throws(PostgresError) -> ImportCheckpoint? {
        let exists = try await connection.query("SELECT to_regclass('import_checkpoints') IS NOT NULL AS found")
        guard try exists.first?.bool("found") == true else { return nil }
        let rows = try await connection.query(
            "SELECT state FROM import_checkpoints WHERE source = $1", [.text(source.description)])
        return try rows.first?.json("state").flatMap { ImportCheckpoint($0) }
    }

    /// Forgets the checkpoint; the table goes with the last one.
    func finish() async throws {
        try await persistently { () async throws(PostgresError) in
            let source = writer.fingerprint.description
            // The commit that everything before is on disk with.
            try await connection.simple("RESET synchronous_commit")
            // Gone already if this is a second try.
            try await connection.simple(ImportCheckpoint.table)
            try await connection.transaction { transaction throws(PostgresError) in
                _ = try transaction.query("DELETE FROM import_checkpoints WHERE source = $1", [.text(source)])
                let left = try transaction.query("SELECT 1 AS left FROM import_checkpoints LIMIT 1")
                if left.count == 0 { try transaction.simple("DROP TABLE import_checkpoints") }
            }
        }
        rejectedFile.finish()
    }

    // MARK: Sessions

    mutating func writeSessions(_ progress: (ImportProgress) -> Void) async throws {
        guard checkpoint.stage == .sessions else { return }
        let (reader, source) = (PageReader(pageSize: writer.pageSize), writer.source)
        let total = try await source.counts().sessions
        try await reader.forEach(
            from: checkpoint.position, reading: { try await source.sessions(after: $0, limit: $1) }
        ) { page in
            try note(page, [])
            checkpoint.summary.sessions += page.rowsRead
            checkpoint.position = page.next
            if page.next == nil { checkpoint.stage = .messages }
            try await knowingErasures { run in
                let sessions = page.rows.filter { !run.erasures.cover($0) }
                do {
                    run.checkpoint = try await run.write(sessions[...], andSave: run.checkpoint)
                } catch ImportFailure.database(let error) where error.isRowsFault {
                    try await run.writeByHalves(sessions)
                }
            }
            progress(.init(stage: .sessions, done: checkpoint.summary.sessions, total: total))
        }
    }

    /// Does a piece of work without people who were forgotten, and again when there is another one by then.
    private mutating func knowingErasures(_ work: (inout ImportRun) async throws -> Void) async throws {
        while true {
            do {
                return try await work(&self)
            } catch ImportFailure.database(let error) where error.sqlState == PostgresStore.newErasure {
                let number = erasures.number
                try await learnErasures()
                // Else it was a division in somebody's trigger.
                guard erasures.number != number else { throw ImportFailure.database(error) }
            }
        }
    }

    private mutating func learnErasures() async throws(ImportFailure) {
        do throws(PostgresError) {
            erasures = try await connection.erasures()
        } catch {
            throw .database(error)
        }
    }

    /// - Returns: the checkpoint, with how many were not there before.
    private func write(
        _ sessions: ArraySlice<ImportedSession>, andSave checkpoint: ImportCheckpoint?
    ) async throws -> ImportCheckpoint {
        let statement = SessionUpsert.statement(Array(sessions))
        let check = PostgresStore.check(erasures.number)
        let source = writer.fingerprint.description
        return try await persistently { () async throws(PostgresError) in
            try await connection.transaction { transaction throws(PostgresError) in
                let rows = try transaction.query(statement.sql, statement.parameters)
                _ = try transaction.query(check.sql, check.parameters)
                var next = checkpoint ?? ImportCheckpoint()
                for index in 0..<rows.count {
                    if try rows[index].bool("inserted") == true { next.summary.sessionsAdded += 1 }
                }
                if checkpoint != nil {
                    _ = try transaction.query(ImportCheckpoint.save, [.text(source), .jsonb(next.encoded())])
                }
                return next
            }
        }
    }

    /// Finds the sessions that the database refuses, and writes the others.
    private mutating func writeByHalves(_ sessions: [ImportedSession]) async throws {
        var refused: [RejectedRow] = []
        var waiting = [sessions[...]]
        while let part = waiting.popLast() {
            do {
                checkpoint.summary.sessionsAdded += try await write(part, andSave: nil).summary.sessionsAdded
            } catch ImportFailure.database(let error) where error.isRowsFault {
                if let session = part.first, part.count == 1 {
                    refused.append(RejectedRow(session: session, error: error))
                } else {
                    waiting.append(part.suffix(part.count / 2))
                    waiting.append(part.prefix(part.count - part.count / 2))
                }
            }
        }
        try note(ImportPage<ImportedSession>(), refused)
        try await save()
    }

    // MARK: Messages

    mutating func writeMessages(_ progress: (ImportProgress) -> Void) async throws {
        guard checkpoint.stage == .messages else { return }
        let (reader, source, erasures) = (PageReader(pageSize: writer.pageSize), writer.source, self.erasures)
        let total = try await source.counts().messages
        try await reader.forEach(
            from: checkpoint.position,
            reading: { MessagePage(try await source.messages(after: $0, limit: $1), without: erasures) }
        ) { page in
            checkpoint.position = page.next
            if page.next == nil { checkpoint.stage = .finished }
            try await write(page)
            progress(.init(stage: .messages, done: checkpoint.summary.messages, total: total))
        }
    }

    private mutating func write(_ page: MessagePage) async throws {
        try note(page.page, [])
        checkpoint.summary.messages += page.page.rowsRead
        let before = checkpoint
        try await knowingErasures { run in
            run.checkpoint = before
            let page = page.number == run.erasures.number ? page : MessagePage(page.page, without: run.erasures)
            run.checkpoint.summary.erased += page.erased
            if page.messages.isEmpty { try await run.save() } else { try await run.writeRows(of: page) }
        }
    }

    /// Writes a page by COPY, or where that cannot be by INSERT, or where even that is refused row by row.
    private mutating func writeRows(of page: MessagePage) async throws {
        do {
            if !expectsRepeats {
                do {
                    return try await copy(page.rows)
                } catch ImportFailure.database(let error) where error.code == .uniqueViolation {
                    expectsRepeats = true
                }
            }
            var rows = page.rows
            // Loggers insert in this order too, so that no two wait for each other.
            rows.sort()
            try await insert(rows)
        } catch ImportFailure.database(let error) where error.isRowsFault {
            try await writeOneByOne(page.messages)
        }
    }

    /// What a transaction of messages begins with; `chatbridge forget` waits for the lock, which keeps nobody else waiting.
    private var opening: [PostgresStatement] {
        [PostgresStatement("LOCK TABLE sessions IN ROW EXCLUSIVE MODE"), PostgresStore.check(erasures.number)]
    }

    private mutating func copy(_ rows: MessageRows) async throws {
        var next = checkpoint
        next.summary.messagesAdded += rows.count
        let before = opening + [statement(saving: next)]
        try await persistently { () async throws(PostgresError) in
            _ = try await connection.transaction(
                before, copy: "COPY messages (\(MessageRows.columns)) FROM STDIN (FORMAT binary)", rows.rows.copyData())
        }
        checkpoint = next
    }

    private mutating func insert(_ rows: MessageRows) async throws {
        let statement = PostgresStore.insert(rows)
        let (before, source, opening) = (checkpoint, writer.fingerprint.description, self.opening)
        let next = try await persistently { () async throws(PostgresError) in
            try await connection.transaction { transaction throws(PostgresError) in
                _ = try transaction.pipeline(opening)
                var next = before
                next.summary.messagesAdded += try transaction.query(statement.sql, statement.parameters).affected
                _ = try transaction.query(ImportCheckpoint.save, [.text(source), .jsonb(next.encoded())])
                return next
            }
        }
        // A page without a repeat: the part that was there is through.
        if next.summary.messagesAdded - before.summary.messagesAdded == rows.count { expectsRepeats = false }
        checkpoint = next
    }

    /// Writes messages as the logger does, which finds those at fault and makes a session that is missing.
    private mutating func writeOneByOne(_ messages: [LogMessage]) async throws {
        let store = self.store ?? PostgresStore(configuration: writer.configuration)
        self.store = store
        let outcome: JournalWriteOutcome
        do {
            let there = try await ImportWriter.count("messages", messages.map(\.id), connection)
            outcome = try await store.write(messages.map { LogJob.message($0) })
            let now = try await ImportWriter.count("messages", messages.map(\.id), connection)
            checkpoint.summary.messagesAdded += now - there
        } catch let error as PostgresError {
            throw ImportFailure.database(error)
        }
        try note(
            ImportPage<LogMessage>(),
            outcome.rejections.map { RejectedRow(message: messages[$0.index], reason: $0.error) })
        try await save()
    }

    // MARK: Both

    /// Takes down what is said of a page besides its rows, before the checkpoint behind the page is kept.
    private mutating func note<Row>(_ page: ImportPage<Row>, _ refused: [RejectedRow]) throws(ImportFailure) {
        try rejectedFile.append(page.rejected + refused)
        checkpoint.rejectedBytes = rejectedFile.length
        checkpoint.summary.rejected += page.rejected.count + refused.count
        checkpoint.summary.note(page.changes)
    }

    private func statement(saving checkpoint: ImportCheckpoint) -> PostgresStatement {
        PostgresStatement(
            ImportCheckpoint.save, [.text(writer.fingerprint.description), .jsonb(checkpoint.encoded())])
    }

    private func save() async throws {
        let statement = statement(saving: checkpoint)
        try await persistently { () async throws(PostgresError) in
            _ = try await connection.pipeline([statement])
        }
    }

    /// Tries again what may succeed later; everything here may be done twice.
    @discardableResult
    private func persistently<Value: Sendable>(
        _ body: () async throws(PostgresError) -> Value
    ) async throws(ImportFailure) -> Value {
        var tries = 0
        while true {
            do throws(PostgresError) {
                return try await body()
            } catch {
                tries += 1
                guard error.isRetryable, error.code != .readOnly, tries <= Self.retries else { throw .database(error) }
            }
            try await prepare(patience: .seconds(10))
        }
    }
}

extension PostgresError {
    /// Whether one of the rows is to blame.
    var isRowsFault: Bool {
        if sqlState == PostgresStore.newErasure { return false }
        return switch code {
        case .invalidData, .uniqueViolation, .foreignKeyViolation, .checkViolation, .notNullViolation,
            .integrityViolation, .unknown:
            true
        default: false
        }
    }
}

extension RejectedRow {
    /// A session that the database refuses.
    init(session: ImportedSession, error: PostgresError) {
        let message = LogMessage(
            id: session.id, at: session.createdAt,
            session: .init(
                id: session.id, platform: session.platform, account: session.account,
                conversation: session.conversation, user: session.user),
            direction: .inbound, text: nil, status: .received, metadata: session.metadata)
        self.init(
            table: "sessions", rowid: 0, reason: "the database refuses the session: \(error)",
            values: LogJob.message(message).encoded())
    }

    /// A message that the database refuses.
    init(message: LogMessage, reason: String) {
        self.init(
            table: "messages", rowid: 0, reason: "the database refuses the message: \(reason)",
            values: LogJob.message(message).encoded())
    }
}
