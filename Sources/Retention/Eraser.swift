internal import BridgeCore
internal import Crypto

/// Forgets one person: database, object storage, queues, dead letters and files, also while everything runs.
///
/// The person is entered among the forgotten first, by a hash: from then on no logger writes what comes of them late. Then all
/// places are gone through until nothing is left, or what is left is in somebody's work for too long. Doing it again does no harm.
package struct Eraser: Sendable {
    /// What may be set.
    package struct Options: Sendable {
        /// Counts, and changes nothing.
        package var isDryRun = false
        /// How long what is in somebody's work is waited for.
        package var patience = Duration.seconds(30)
        /// For how long loggers drop what comes late.
        package var memory = Duration.seconds(30 * 86_400)

        package init() {}
    }

    let archive: any Archive
    let places: [any PersonalPlace]
    let objects: (any ObjectEraser)?
    let options: Options
    private let pause: @Sendable () async -> Void
    private let progress: @Sendable (String) -> Void

    /// - Parameters:
    ///   - objects: nil where no files are kept; rows that name some then keep them from being forgotten.
    ///   - pause: waits a moment.
    ///   - progress: is told what is being done.
    package init(
        archive: any Archive, places: [any PersonalPlace], objects: (any ObjectEraser)? = nil,
        options: Options = Options(),
        pause: @escaping @Sendable () async -> Void, progress: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.archive = archive
        self.places = places
        self.objects = objects
        self.options = options
        self.pause = pause
        self.progress = progress
    }

    /// Forgets the person, or counts what is there of them.
    ///
    /// - Throws: ``RetentionError``. What was erased before it stays so; run it again.
    package func erase(_ person: Person) async throws(RetentionError) -> ErasureReceipt {
        let start = Timestamp.now()
        var receipt = ErasureReceipt(platform: person.platform, at: start, isDryRun: options.isDryRun)
        if !options.isDryRun {
            progress("entering the person among the forgotten")
            let until = start.advanced(by: options.memory)
            receipt.person = Hex.encode(try await archive.remember(person, at: start, until: until))
            receipt.until = until
        }
        var matcher = PersonMatcher(person)
        // Names of the conversations are in the rows: before these go.
        let rows = PersonRows(person: person, archive: archive)
        let sessions = try await rows.sessions()
        matcher.conversations = Set(sessions.filter(\.isOwn).map(\.conversation))
        var registry: [any PersonalPlace] = []
        for place in places {
            if var place = place as? any SessionPlace {
                place.sessions = sessions.filter(\.isOwn)
                registry.append(place)
            } else {
                registry.append(place)
            }
        }
        progress("looking through the database")
        let names = sessions.isEmpty ? [] : try await rows.names()
        receipt.add(try await eraseRows(rows, sessions, noting: &matcher))
        receipt.add([try await redact(rows, names, erased: matcher.messages)])
        let end = ContinuousClock.now + options.patience
        try await erasePlaces(registry, &matcher, &receipt, until: end)
        while !options.isDryRun {
            // What a logger had in its hands while the rows were gone through, and files that were being copied.
            let found = try await eraseRows(rows, try await rows.sessions(), noting: &matcher)
            receipt.add(found)
            receipt.setInWork(found.filter { $0.inWork > 0 }, of: [.objects])
            guard found.contains(where: { $0.inWork > 0 }), ContinuousClock.now < end else { break }
            progress("waiting for files that are being copied")
            await pause()
        }
        if !options.isDryRun { try await archive.reclaim() }
        receipt.end = .now()
        return receipt
    }

    /// Goes through the places until nothing of the person is in anybody's work.
    private func erasePlaces(
        _ places: [any PersonalPlace], _ matcher: inout PersonMatcher, _ receipt: inout ErasureReceipt,
        until end: ContinuousClock.Instant
    ) async throws(RetentionError) {
        while true {
            progress("looking through queues and files")
            var inWork: [Finding] = []
            let known = matcher.messages.count
            for place in places {
                for finding in try await place.visit(&matcher, options.isDryRun ? .count : .erase) {
                    receipt.add([finding])
                    if finding.inWork > 0 { inWork.append(finding) }
                }
            }
            receipt.setInWork(inWork)
            if options.isDryRun || ContinuousClock.now >= end { return }
            // News of a message may lie in a place that was gone through before its own.
            if matcher.messages.count > known { continue }
            if inWork.isEmpty { return }
            progress("waiting for what is in work")
            await pause()
        }
    }

    // MARK: Rows

    /// So long after a message its files may still be copied: with all tries, and some room.
    private static let longestCopy = Duration.seconds(30 * 60)

    private func eraseRows(
        _ rows: PersonRows, _ sessions: [PersonRows.Session], noting matcher: inout PersonMatcher
    ) async throws(RetentionError) -> [Finding] {
        var (ended, messages, files) = (Finding(.sessions), Finding(.messages), Finding(.objects))
        for session in sessions {
            if session.isOwn {
                var last = PersonRows.firstID
                while true {
                    let ids = try await rows.ids(in: session.id, after: last)
                    guard let next = ids.last else { break }
                    last = next
                    try await delete(ids, rows, &messages, &files, &matcher)
                }
                if options.isDryRun {
                    ended.count += 1
                } else {
                    // One that got a new message just now stays: somebody writes after the erasure.
                    ended.count += try await archive.execute(
                        """
                        DELETE FROM sessions WHERE id = \(archive.dialect.id("$1"))
                          AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.session_id = sessions.id)
                        """, [session.id])
                }
            } else {
                let ids = try await rows.messages(inGroup: session.id)
                for start in stride(from: 0, to: ids.count, by: PersonRows.batch) {
                    try await delete(
                        Array(ids[start..<min(start + PersonRows.batch, ids.count)]), rows, &messages, &files,
                        &matcher)
                }
                if !options.isDryRun {
                    _ = try await archive.execute(
                        "UPDATE sessions SET user_id = NULL WHERE id = \(archive.dialect.id("$1")) AND user_id = $2",
                        [session.id, rows.person.user])
                }
            }
        }
        return [ended, messages, files]
    }

    private func delete(
        _ ids: [String], _ rows: PersonRows, _ messages: inout Finding, _ files: inout Finding,
        _ matcher: inout PersonMatcher
    ) async throws(RetentionError) {
        var ids = ids
        if objects != nil, !options.isDryRun {
            // A copy that is made after its row has gone would be found by nobody: such rows wait.
            let since = Timestamp.now().advanced(by: .zero - Self.longestCopy)
            let waiting = try await rows.uncopied(ids, since: since)
            files.inWork += waiting.count
            ids.removeAll { waiting.contains($0) }
        }
        matcher.messages.formUnion(ids.compactMap { UUID($0) })
        let named = try await rows.objects(of: ids)
        files.count += named.count
        guard !options.isDryRun else {
            messages.count += ids.count
            return
        }
        if let first = named.first {
            guard let objects else {
                throw RetentionError(
                    .failed,
                    "messages have files in the bucket \(first.bucket): set ATTACHMENT_BUCKET and its keys as the bridge has them"
                )
            }
            // Before the rows: they alone know of them.
            for (bucket, key) in named { try await objects.delete(bucket: bucket, key: key) }
        }
        if let objects {
            for (message, platform, account) in try await rows.unannounced(ids) {
                files.count += try await objects.deleteCopies(of: message, platform: platform, account: account)
            }
        }
        messages.count += try await archive.execute(
            "DELETE FROM messages WHERE id \(archive.dialect.isOne(of: "$1"))", [archive.dialect.list(ids)])
    }

    /// Takes the person's id and names out of what others have said on the platform, and what it has told of them.
    private func redact(
        _ rows: PersonRows, _ names: Set<String>, erased: Set<UUID>
    ) async throws(RetentionError) -> Finding {
        var finding = Finding(.redacted)
        let redaction = Redaction(user: rows.person.user, names: names)
        let needles = redaction.needles
        guard !needles.isEmpty else { return finding }
        let dialect = archive.dialect
        let condition = needles.indices.map { index in
            ["m.metadata", "m.content_text", "m.attachments"].map { dialect.holds($0, "$\(index + 3)") }
                .joined(separator: " OR ")
        }.joined(separator: " OR ")
        var last = PersonRows.firstID
        while true {
            let found = try await archive.rows(
                """
                SELECT CAST(m.id AS text) AS id, CAST(m.metadata AS text) AS metadata, m.content_text AS words,
                       CAST(m.attachments AS text) AS attachments
                FROM messages m JOIN sessions s ON s.id = m.session_id
                WHERE s.platform = $1 AND m.id > \(dialect.id("$2")) AND (\(condition))
                ORDER BY m.id LIMIT \(PersonRows.batch)
                """, [rows.person.platform, last] + needles)
            guard let next = found.last?[0] else { return finding }
            last = next
            for row in found {
                // In a dry run what would be deleted is still there.
                guard let id = row[0], !(UUID(id).map(erased.contains) ?? false) else { continue }
                let (metadata, attachments) = (row[1] ?? "{}", row[3] ?? "[]")
                let new = (redaction.redacted(json: metadata), redaction.redacted(json: attachments))
                let words = row[2].flatMap { redaction.redacted($0) }
                guard new.0 != nil || new.1 != nil || words != nil else { continue }
                finding.count += 1
                if options.isDryRun { continue }
                // Metadata that a receipt has changed meanwhile are looked at by the next run.
                _ = try await archive.execute(
                    """
                    UPDATE messages SET metadata = \(dialect.json("$2")), content_text = $3,
                        attachments = \(dialect.json("$4"))
                    WHERE id = \(dialect.id("$1")) AND metadata = \(dialect.json("$5"))
                    """, [id, new.0 ?? metadata, words ?? row[2], new.1 ?? attachments, metadata])
            }
        }
    }
}

/// A place that is found by the names of the person's sessions.
package protocol SessionPlace: PersonalPlace {
    /// The sessions that are theirs alone.
    var sessions: [PersonRows.Session] { get set }
}
