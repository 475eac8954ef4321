import BridgeCore
import Journal
import Postgres
import Testing

@testable import Importer

// Disabled without CHATBRIDGE_TEST_DATABASE_URL: these need a real server.
@Suite(.enabled(if: ImportFixture.isAvailable)) struct ImportWriterTests {
    @Test func `everything is imported, and a second run adds nothing`() async throws {
        try await ImportFixture.with { fixture in
            let source = ListedSource.sample(sessions: 30, messagesEach: 21)
            var progress: [ImportProgress] = []
            let summary = try await fixture.writer(source).run { progress.append($0) }
            #expect(summary.sessionsAdded == 30 && summary.messagesAdded == 630 && summary.rejected == 0)
            #expect(summary.changes == [.idDerived: 630])
            #expect(progress.last == ImportProgress(stage: .messages, done: 630, total: 630))
            #expect(try await fixture.validate(source).differences == 0)
            #expect(try await fixture.count("messages") == 630)
            // Nothing of the work is left in the schema.
            #expect(
                try await fixture.count(
                    "pg_tables WHERE tablename = 'import_checkpoints' AND schemaname = current_schema()") == 0)

            let before = try await fixture.database.query("SELECT max(xmin::text::int8) AS x FROM sessions").first
            let again = try await fixture.writer(source).run()
            #expect(again.sessionsAdded == 0 && again.messagesAdded == 0 && again.messages == 630)
            #expect(try await fixture.count("messages") == 630)
            // Not even a new version of a row.
            let after = try await fixture.database.query("SELECT max(xmin::text::int8) AS x FROM sessions").first
            #expect(try before?.int("x") == after?.int("x"))
        }
    }

    @Test func `an interrupted run goes on behind its last page`() async throws {
        try await ImportFixture.with { fixture in
            let (sessions, messages) = ListedSource.rows(sessions: 10, messagesEach: 50)
            let rejected = [
                RejectedRow(table: "old", rowid: 7, reason: "no time", values: Array(#"{"id":7}"#.utf8))
            ]
            let broken = ListedSource(sessions, messages, rejected: rejected, breaksAfter: 3)
            await #expect(throws: ListedSource.Broken.self) { _ = try await fixture.writer(broken).run() }
            // The page that was read when the next one broke is written or not; the checkpoint knows.
            let written = try await fixture.count("messages")
            #expect(written == 200 || written == 300)
            #expect(fixture.rejectedLines.count == 1)

            let whole = ListedSource(sessions, messages, rejected: rejected)
            let summary = try await fixture.writer(whole).run()
            #expect(whole.asked.first == "row \(written)")
            #expect(summary.resumedAfter == written + 1 && summary.messages == 501)
            #expect(summary.messagesAdded == 500 && summary.rejected == 1)
            #expect(fixture.rejectedLines == [#"{"table":"old","rowid":7,"reason":"no time","values":{"id":7}}"#])
            #expect(try await fixture.validate(whole).differences == 0)
        }
    }

    @Test
    func `a run that is told to, or whose file of rejected rows is gone, or whose checkpoint is foreign starts over`()
        async throws
    {
        try await ImportFixture.with { fixture in
            let (sessions, messages) = ListedSource.rows(sessions: 4, messagesEach: 100)
            let broken = ListedSource(sessions, messages, breaksAfter: 2)
            await #expect(throws: ListedSource.Broken.self) { _ = try await fixture.writer(broken).run() }
            let whole = ListedSource(sessions, messages)
            var writer = fixture.writer(whole)
            writer.startsOver = true
            let summary = try await writer.run()
            #expect(whole.asked.first == .some(nil) && summary.resumedAfter == 0 && summary.messages == 400)

            await #expect(throws: ListedSource.Broken.self) { _ = try await fixture.writer(broken).run() }
            try await fixture.database.simple(
                #"UPDATE import_checkpoints SET state = state || '{"rejectedBytes": 99}'"#)
            let second = ListedSource(sessions, messages)
            _ = try await fixture.writer(second).run()
            #expect(second.asked.first == .some(nil))

            await #expect(throws: ListedSource.Broken.self) { _ = try await fixture.writer(broken).run() }
            try await fixture.database.simple(
                #"UPDATE import_checkpoints SET state = state || '{"position": "elsewhere", "stage": "messages"}'"#)
            let third = ListedSource(sessions, messages)
            _ = try await fixture.writer(third).run()
            #expect(third.asked == ["elsewhere", nil, "row 100", "row 200", "row 300"])
            #expect(try await fixture.count("messages") == 400)
        }
    }

    @Test func `rows that are there already stay as they are, and the others come in`() async throws {
        try await ImportFixture.with { fixture in
            let source = ListedSource.sample(sessions: 5, messagesEach: 60)
            // As a bridge and its logger have them: one session goes on, one message has been edited.
            var live = source.listedMessages[150]
            live.text = "edited"
            live.status = .edited
            live.at = Timestamp(microseconds: 1_800_000_000_000_000)
            let store = PostgresStore(configuration: fixture.configuration)
            _ = try await store.write([.message(live)])
            await store.close()
            try await fixture.database.simple("UPDATE sessions SET status = 'closed', user_id = NULL")

            let summary = try await fixture.writer(source).run()
            #expect(summary.messagesAdded == 299 && summary.sessionsAdded == 4)
            let row = try #require(
                try await fixture.database.query(
                    """
                    SELECT m.content_text, m.status, s.status AS session, s.user_id, s.last_activity, s.created_at,
                           s.metadata ->> 'thread' AS thread
                    FROM messages m JOIN sessions s ON s.id = m.session_id WHERE m.id = $1
                    """, [.uuid(live.id.postgres)]
                ).first)
            #expect(try row.text("content_text") == "edited")
            #expect(try row.text("session") == "closed")
            #expect(try row.text("user_id") == "user-2")
            #expect(try row.text("thread") == "t")
            #expect(try row.microsecondsSinceUnixEpoch("last_activity") == live.at.microseconds)
            #expect(
                try row.microsecondsSinceUnixEpoch("created_at") == source.listedSessions[2].createdAt.microseconds)
        }
    }

    @Test func `rows that the database refuses are rejected alone`() async throws {
        try await ImportFixture.with { fixture in
            var (sessions, messages) = ListedSource.rows(sessions: 6, messagesEach: 40)
            var generator = SystemRandomNumberGenerator()
            // Longer than an entry of a B-tree may be, and not to be compressed.
            sessions[3].conversation = (0..<400).map { _ in String(generator.next(), radix: 36) }.joined()
            for index in messages.indices where messages[index].session.id == sessions[3].id {
                messages[index].session.conversation = sessions[3].conversation
            }
            // Before the year that the type begins with.
            messages[17].at = Timestamp(microseconds: .min)
            let summary = try await fixture.writer(ListedSource(sessions, messages)).run()
            #expect(summary.sessionsAdded == 5)
            #expect(summary.messagesAdded == 199)
            #expect(summary.rejected == 42)
            let lines = fixture.rejectedLines
            #expect(lines.count == 42)
            #expect(lines.first?.hasPrefix(#"{"table":"sessions","rowid":0,"reason":"the database refuses"#) == true)
            #expect(lines.contains { $0.contains(messages[17].id.description) })
        }
    }

    @Test func `who was forgotten is not brought back, nor compared`() async throws {
        try await ImportFixture.with { fixture in
            let source = ListedSource.sample(sessions: 4, messagesEach: 120)
            let whole = try await fixture.writer(source).run()
            #expect(whole.messagesAdded == 480 && whole.erased == 0)
            // As `chatbridge forget` does.
            let key = [UInt8](repeating: 7, count: 32)
            _ = try await fixture.database.query(
                "INSERT INTO erasures (key, person, erased_at, expires_at) VALUES ($1, $2, now(), now() + interval '30 days')",
                [.bytea(key), .bytea(Erasures.hash(platform: "telegram", user: "user-2", key: key))])
            try await fixture.database.simple(
                """
                DELETE FROM messages WHERE session_id IN (SELECT id FROM sessions WHERE user_id = 'user-2');
                DELETE FROM sessions WHERE user_id = 'user-2'
                """)
            let again = try await fixture.writer(source).run()
            #expect(again.erased == 120 && again.messagesAdded == 0 && again.sessionsAdded == 0)
            #expect(try await fixture.count("messages") == 360)
            #expect(try await fixture.count("sessions") == 3)
            let found = try await fixture.validate(source)
            #expect(found.differences == 0 && found.erased == 120 && found.messages == 360, "\(found.list)")
        }
    }

    @Test func `who is forgotten in the middle of an import is in no page that is written later`() async throws {
        try await ImportFixture.with { fixture in
            let source = ListedSource.sample(sessions: 4, messagesEach: 100)
            let key = [UInt8](repeating: 7, count: 32)
            let admin = PostgresConnection(configuration: fixture.configuration)
            var entered: Task<Void, any Error>?
            let summary = try await fixture.writer(source).run { progress in
                guard progress.stage == .messages, progress.done == 100 else { return }
                entered = Task {
                    _ = try await admin.query(
                        """
                        INSERT INTO erasures (key, person, erased_at, expires_at)
                        VALUES ($1, $2, now(), now() + interval '30 days')
                        """, [.bytea(key), .bytea(Erasures.hash(platform: "telegram", user: "user-3", key: key))])
                }
            }
            try await entered?.value
            await admin.close()
            // Before the last page or after it, but never within it.
            let there = try await fixture.count("messages")
            #expect(there == 400 - summary.erased && (summary.erased == 0 || summary.erased == 100))
            let again = try await fixture.writer(source).run()
            #expect(again.erased == 100 && again.messagesAdded == 0)
        }
    }

    @Test func `a message whose session is not there gets it made`() async throws {
        try await ImportFixture.with { fixture in
            let (sessions, messages) = ListedSource.rows(sessions: 3, messagesEach: 10)
            let summary = try await fixture.writer(ListedSource(Array(sessions.dropLast()), messages)).run()
            #expect(summary.messagesAdded == 30 && summary.rejected == 0)
            #expect(try await fixture.count("sessions") == 3)
        }
    }

    @Test func `a preview counts and writes nothing`() async throws {
        try await ImportFixture.with { fixture in
            let (sessions, messages) = ListedSource.rows(sessions: 5, messagesEach: 30)
            let rejected = [RejectedRow(table: "old", rowid: 1, reason: "no time", values: Array("{}".utf8))]
            _ = try await fixture.writer(ListedSource(Array(sessions[..<2]), Array(messages[..<60]))).run()
            let preview = try await fixture.writer(ListedSource(sessions, messages, rejected: rejected)).preview()
            #expect(preview.sessions == 5 && preview.sessionsThere == 2)
            #expect(preview.messages == 150 && preview.messagesThere == 60)
            #expect(preview.rejected == 1 && preview.examples == rejected)
            #expect(preview.changes == [.idDerived: 150])
            #expect(try await fixture.count("messages") == 60)
            #expect(fixture.rejectedLines.isEmpty)
        }
    }

    @Test func `a database that is not migrated, read-only or busy with another import is refused by name`()
        async throws
    {
        try await ImportFixture.with(migrated: false) { fixture in
            let source = ListedSource.sample(sessions: 1, messagesEach: 1)
            let error = await #expect(throws: ImportFailure.self) { _ = try await fixture.writer(source).run() }
            #expect(error?.description.contains("chatbridge migrate up") == true)
        }
        try await ImportFixture.with { fixture in
            let source = ListedSource.sample(sessions: 1, messagesEach: 1)
            let readOnly = ImportWriter(
                source: source, fingerprint: ImportFingerprint(of: "test"),
                configuration: try PostgresConfiguration(fixture.url + "%20-cdefault_transaction_read_only%3Don"),
                rejectedPath: fixture.rejectedPath)
            let error = await #expect(throws: ImportFailure.self) { _ = try await readOnly.run() }
            #expect(error?.description.contains("takes no writes") == true, "\(error as ImportFailure?)")

            _ = try await fixture.database.query(
                "SELECT pg_advisory_lock(hashtextextended('chatbridge import into ' || current_schema(), 0))")
            let busy = await #expect(throws: ImportFailure.self) { _ = try await fixture.writer(source).run() }
            #expect(busy?.description.contains("another import") == true, "\(busy as ImportFailure?)")
        }
    }

    @Test func `a connection that breaks in the middle is made anew`() async throws {
        try await ImportFixture.with { fixture in
            let source = ListedSource.sample(sessions: 10, messagesEach: 100)
            let admin = PostgresConnection(configuration: fixture.configuration)
            let victim = try PostgresConfiguration(
                fixture.url + "&application_name=import_victim_\(UInt32.random(in: 0 ... .max))")
            var writer = ImportWriter(
                source: source, fingerprint: ImportFingerprint(of: "test"), configuration: victim,
                rejectedPath: fixture.rejectedPath)
            writer.pageSize = 100
            let killer = Task {
                var killed = 0
                while !Task.isCancelled, killed < 3 {
                    let rows = try await admin.query(
                        """
                        SELECT count(pg_terminate_backend(pid)) AS n FROM pg_stat_activity
                        WHERE application_name LIKE 'import_victim_%' AND query LIKE '%messages%'
                        """)
                    killed += try rows.first?.int("n") ?? 0
                    try? await Task.sleep(for: .milliseconds(1))
                }
                return killed
            }
            let summary = try await writer.run()
            killer.cancel()
            let broken = try? await killer.value
            await admin.close()
            #expect(summary.messages == 1000, "\(broken as Int?) times broken")
            #expect(try await fixture.validate(source).differences == 0)
        }
    }
}
