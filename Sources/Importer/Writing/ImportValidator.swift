internal import BridgeCore
internal import Journal
public import Postgres

/// Compares what a source holds with what is in the database, session by session.
///
/// Each session's row, and of its transcript the number of messages, the first and last time and a SHA-256 over every column
/// in order. Where these differ it looks at the rows and says what it is. What a bridge has written since is no difference:
/// messages later than the source's last one, statuses that moved forward, metadata that grew.
///
/// Both sides are read piece by piece, so the memory does not grow with them. It changes nothing.
public struct ImportValidator: Sendable {
    let source: any ImportSource
    let configuration: PostgresConfiguration

    /// How many transcripts are kept to be shown side by side; default none.
    public var samples = 0

    /// How many messages are read at a time.
    var pageSize = 2_000
    /// How many sessions are compared at a time.
    private static let group = 500

    /// Prepares a comparison.
    public init(source: any ImportSource, configuration: PostgresConfiguration) {
        self.source = source
        var configuration = configuration
        configuration.statementTimeout = .seconds(600)
        self.configuration = configuration
    }

    /// Compares everything.
    ///
    /// - Parameter progress: told after each page, on the caller's executor.
    /// - Throws: ``ImportFailure`` or ``ImportSourceError`` when one of the two cannot be read.
    public func run(progress: (ImportProgress) -> Void = { _ in }) async throws -> ImportValidation {
        try await ImportWriter.checkMigrations(configuration)
        let database = TranscriptReader(configuration: configuration)
        do {
            let erasures = try await database.erasures()
            var validation = ImportValidation()
            let chosen = try await compareSessions(database, erasures, &validation)
            try await compareTranscripts(database, erasures, &validation, progress)
            for session in chosen {
                validation.samples.append(
                    .init(
                        session: session,
                        source: try await source.transcript(of: session).filter { !erasures.cover($0) }.prefix(100).map(
                            \.self),
                        database: try await database.head(of: session, limit: 100)))
            }
            await database.close()
            return validation
        } catch let error as PostgresError {
            await database.close()
            throw ImportFailure.database(error)
        } catch {
            await database.close()
            throw error
        }
    }

    // MARK: Sessions

    /// - Returns: some sessions, chosen by chance, each with the same chance.
    private func compareSessions(
        _ database: TranscriptReader, _ erasures: Erasures, _ validation: inout ImportValidation
    ) async throws -> [UUID] {
        var chosen: [UUID] = []
        var position: ImportPosition?
        repeat {
            let page = try await source.sessions(after: position, limit: pageSize)
            validation.rejected += page.rejected.count
            let rows = try await database.sessions(page.rows.map(\.id))
            for session in page.rows where !erasures.cover(session) {
                validation.sessions += 1
                validation.add(Self.differences(of: session, from: rows[session.id]), in: session.id)
                // Reservoir sampling: the n-th comes in with the chance samples / n.
                if chosen.count < samples {
                    chosen.append(session.id)
                } else if samples > 0 {
                    let place = Int.random(in: 0..<validation.sessions)
                    if place < samples { chosen[place] = session.id }
                }
            }
            position = page.next
        } while position != nil
        return chosen
    }

    private static func differences(of session: ImportedSession, from row: ImportedSession?) -> [String] {
        let session = session.storable
        guard let row else { return ["it is not in the database"] }
        var differences: [String] = []
        func compare(_ name: String, _ source: String?, _ database: String?) {
            if source.map({ Array($0.utf8) }) != database.map({ Array($0.utf8) }) {
                differences.append("its \(name) is another one")
            }
        }
        compare("platform", session.platform, row.platform)
        compare("account", session.account, row.account)
        compare("platform_conversation_id", session.conversation, row.conversation)
        if session.user != nil, row.user == nil { differences.append("its user_id is missing") }
        if row.createdAt > session.createdAt {
            differences.append("created_at is \(row.createdAt), in the source \(session.createdAt)")
        }
        if row.lastActivity < session.lastActivity {
            differences.append("last_activity is \(row.lastActivity), in the source \(session.lastActivity)")
        }
        return differences
    }

    // MARK: Transcripts

    private func compareTranscripts(
        _ database: TranscriptReader, _ erasures: Erasures, _ validation: inout ImportValidation,
        _ progress: (ImportProgress) -> Void
    ) async throws {
        let total = try await source.counts().messages
        var waiting: [TranscriptDigest] = []
        var open: TranscriptDigest?
        var done = 0
        let (source, group) = (source, Self.group)
        try await PageReader(pageSize: pageSize).forEach(
            from: nil, reading: { try await source.messages(after: $0, limit: $1) }
        ) { page in
            validation.rejected += page.rejected.count
            for message in page.rows {
                guard !erasures.cover(message) else {
                    validation.erased += 1
                    continue
                }
                validation.messages += 1
                if var digest = open, digest.session != message.session.id {
                    digest.close()
                    waiting.append(digest)
                    open = nil
                }
                if open == nil { open = TranscriptDigest(session: message.session.id) }
                open?.add(message.storable)
            }
            done += page.rowsRead
            if page.next == nil, let last = open { waiting.append(last) }
            while waiting.count >= group || page.next == nil && !waiting.isEmpty {
                try await compare(Array(waiting.prefix(group)), database, erasures, &validation)
                waiting.removeFirst(min(group, waiting.count))
            }
            progress(ImportProgress(stage: .comparing, done: done, total: total))
        }
    }

    private func compare(
        _ digests: [TranscriptDigest], _ database: TranscriptReader, _ erasures: Erasures,
        _ validation: inout ImportValidation
    ) async throws {
        let (found, later) = try await database.digests(like: digests)
        validation.later += later
        for digest in digests {
            let other = found[digest.session] ?? TranscriptDigest(session: digest.session)
            guard digest.count != other.count || digest.hash != other.hash else { continue }
            var differences: [String] = []
            if digest.count != other.count {
                differences.append("\(other.count) messages, in the source \(digest.count)")
            }
            if let first = other.first, first != digest.first {
                differences.append("begins at \(first), in the source at \(digest.first?.description ?? "")")
            }
            if let last = other.last, last != digest.last {
                differences.append("ends at \(last), in the source at \(digest.last?.description ?? "")")
            }
            let (rows, movedOn) = try await examine(digest.session, database, erasures)
            validation.movedOn += movedOn
            differences += rows
            validation.add(differences, in: digest.session)
        }
    }

    /// Looks at a transcript message by message.
    ///
    /// - Returns: what differs, and how many messages have moved on since they were imported.
    private func examine(
        _ session: UUID, _ database: TranscriptReader, _ erasures: Erasures
    ) async throws -> (differences: [String], movedOn: Int) {
        let transcript = try await source.transcript(of: session).filter { !erasures.cover($0) }
        var (differences, movedOn): ([String], Int) = ([], 0)
        for start in stride(from: 0, to: transcript.count, by: 1000) {
            let part = transcript[start..<min(start + 1000, transcript.count)]
            let rows = try await database.messages(part.map(\.id))
            for message in part {
                guard let row = rows[message.id] else {
                    differences.append("message \(message.id) is not in the database")
                    continue
                }
                if row.session.id != session {
                    differences.append("message \(message.id) belongs to session \(row.session.id)")
                }
                switch try await database.comparison(of: message.storable, with: row) {
                case .same: break
                case .movedOn: movedOn += 1
                case .different(let columns):
                    differences.append("message \(message.id) has another \(columns.joined(separator: ", "))")
                }
            }
        }
        if let last = transcript.map(\.at).max() {
            let known = Set(transcript.map(\.id))
            let stored = try await database.ids(in: session, until: last)
            for id in stored where !known.contains(id) {
                differences.append("message \(id) is not in the source, and not later than it")
            }
            if differences.isEmpty, stored != transcript.map(\.id) {
                differences.append("its messages are in another order")
            }
        }
        return (differences, movedOn)
    }
}
