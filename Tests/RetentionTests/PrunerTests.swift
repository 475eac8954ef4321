import BridgeCore
import Journal
import Postgres
import TestSupport
import Testing

@testable import Retention

@Suite struct PrunerTests {
    private static let day = Duration.seconds(86_400)

    /// Messages of a session on days before now, at noon of none in particular.
    private static func job(
        _ text: String, daysAgo: Int64, session: UUID, id: UUID? = nil, generator: inout UUIDGenerator
    ) -> LogJob {
        let at = Timestamp.now().advanced(by: .seconds(-86_400 * daysAgo))
        return .message(
            LogMessage(
                id: id ?? generator.next(at: at), at: at,
                session: .init(id: session, platform: "telegram", conversation: "c-\(session)", user: "7"),
                direction: .inbound, sender: "7", text: text, status: .received))
    }

    private static func prune(_ fixture: ArchiveFixture, days: Int64) async throws -> Pruner.Report {
        let pruner = Pruner(archive: fixture.archive, partitions: fixture.partitions)
        let cutoff = Timestamp.now().advanced(by: .seconds(-86_400 * days))
        let dry = try await pruner.count(before: cutoff, silentSince: cutoff)
        let report = try await pruner.prune(before: cutoff, silentSince: cutoff)
        #expect(dry.messages == report.messages && dry.sessions == report.sessions)
        return report
    }

    @Test(arguments: ArchiveKind.available)
    func `old messages go with the sessions that are empty then, all others stay`(kind: ArchiveKind) async throws {
        try await ArchiveFixture.with(kind) { fixture in
            var generator = UUIDGenerator()
            let (old, mixed, new) = (
                UUID(high: 1 << 20 | 0x7000, low: 1), UUID(high: 2 << 20 | 0x7000, low: 1),
                UUID(high: 3 << 20 | 0x7000, low: 1)
            )
            // Ids that tell no time, as those of an import: one far above all others, one far below.
            let (high, low) = (
                UUID(high: 0xF1B2_C3D4_E5F6_5ABC, low: 1 << 63), UUID(high: 0x0000_0000_0001_5ABC, low: 1 << 63 | 1)
            )
            let jobs = [
                Self.job("old 1", daysAgo: 200, session: old, generator: &generator),
                Self.job("old 2", daysAgo: 100, session: old, generator: &generator),
                Self.job("mixed old", daysAgo: 100, session: mixed, generator: &generator),
                Self.job("imported old", daysAgo: 100, session: mixed, id: high, generator: &generator),
                Self.job("imported new", daysAgo: 1, session: mixed, id: low, generator: &generator),
                Self.job("mixed new", daysAgo: 2, session: mixed, generator: &generator),
                Self.job("new", daysAgo: 0, session: new, generator: &generator),
            ]
            _ = try await fixture.store.write(jobs)
            let report = try await Self.prune(fixture, days: 90)
            #expect(report.messages == 4 && report.sessions == 1)
            #expect(try await fixture.texts() == ["mixed new", "imported new", "new"])
            #expect(try await fixture.count("sessions") == 2)
            let again = try await Self.prune(fixture, days: 90)
            #expect(again.messages == 0 && again.sessions == 0)
        }
    }

    @Test(arguments: ArchiveKind.available)
    func `the hash of somebody who was forgotten goes when its time is over`(kind: ArchiveKind) async throws {
        try await ArchiveFixture.with(kind) { fixture in
            let now = Timestamp.now()
            for (user, days) in [("1", 1), ("2", -1)] {
                let until = now.advanced(by: .seconds(86_400 * days))
                _ = try await fixture.archive.remember(
                    Person(platform: "telegram", user: user), at: now, until: until)
            }
            _ = try await Self.prune(fixture, days: 1)
            #expect(try await fixture.count("erasures") == 1)
        }
    }

    @Test(arguments: ArchiveKind.available)
    func `many messages go in batches while a logger writes`(kind: ArchiveKind) async throws {
        try await ArchiveFixture.with(kind) { fixture in
            var generator = UUIDGenerator()
            var jobs: [LogJob] = []
            for number in 0..<3000 {
                let session = UUID(high: UInt64(number % 5 + 1) << 20 | 0x7000, low: 2)
                jobs.append(
                    Self.job("\(number)", daysAgo: number < 2500 ? 50 : 1, session: session, generator: &generator))
            }
            _ = try await fixture.store.write(jobs)
            async let pruned = Self.pruneAlone(fixture)
            var more: [LogJob] = []
            for number in 0..<200 {
                let session = UUID(high: UInt64(number % 5 + 1) << 20 | 0x7000, low: 2)
                more.append(Self.job("more", daysAgo: 0, session: session, generator: &generator))
                #expect(try await fixture.store.write([more[number]]).rejections.isEmpty)
            }
            #expect(try await pruned.messages == 2500)
            #expect(try await fixture.count("messages") == 700)
        }
    }

    private static func pruneAlone(_ fixture: ArchiveFixture) async throws -> Pruner.Report {
        let cutoff = Timestamp.now().advanced(by: .seconds(-86_400 * 30))
        return try await Pruner(archive: fixture.archive, partitions: fixture.partitions)
            .prune(before: cutoff, silentSince: cutoff)
    }

    // Disabled without CHATBRIDGE_TEST_DATABASE_URL: these need a real server.
    @Test(.enabled(if: TestEnvironment.databaseURL != nil))
    func `a partition whose time is over is dropped, and what is younger in it is kept`() async throws {
        try await ArchiveFixture.with(.partitioned) { fixture in
            let partitions = try #require(fixture.partitions)
            let first = try #require(try await partitions.list().first)
            var generator = UUIDGenerator()
            let session = UUID(high: 1 << 20 | 0x7000, low: 1)
            // An id that was made of a hash, and lies by chance in the range of the old partition.
            let stray = UUID(high: 0x0100_0000_0001_5ABC, low: 1 << 63)
            // The partition of all that was is over in the month after next.
            let later = Timestamp.now().advanced(by: .seconds(86_400 * 75))
            let month = UUID(version7At: UInt64(later.microseconds / 1000), fraction: 0, random: 7)
            _ = try await fixture.store.write([
                Self.job("old", daysAgo: 10, session: session, generator: &generator),
                Self.job("stray", daysAgo: -70, session: session, id: stray, generator: &generator),
                Self.job("new", daysAgo: -75, session: session, id: month, generator: &generator),
            ])
            let cutoff = Timestamp.now().advanced(by: .seconds(86_400 * 65))
            let pruner = Pruner(archive: fixture.archive, partitions: partitions)
            let dry = try await pruner.count(before: cutoff, silentSince: cutoff)
            #expect(dry.partitions.contains(first.name))
            let report = try await pruner.prune(before: cutoff, silentSince: cutoff)
            #expect(report.partitions.count >= 1 && report.messages == 1)
            #expect(try await fixture.texts() == ["stray", "new"])
            #expect(try await !partitions.list().contains(first))
            let tables = try await fixture.archive.rows(
                "SELECT relname::text AS n FROM pg_class WHERE relname LIKE 'messages_pruned%' AND relnamespace = current_schema()::regnamespace",
                [])
            #expect(tables.isEmpty)
        }
    }

    // Disabled without CHATBRIDGE_TEST_DATABASE_URL: these need a real server.
    @Test(.enabled(if: TestEnvironment.databaseURL != nil))
    func `a run that died between detaching and dropping is finished by the next`() async throws {
        try await ArchiveFixture.with(.partitioned) { fixture in
            let partitions = try #require(fixture.partitions)
            var generator = UUIDGenerator()
            let session = UUID(high: 1 << 20 | 0x7000, low: 1)
            _ = try await fixture.store.write([Self.job("old", daysAgo: 10, session: session, generator: &generator)])
            let cutoff = Timestamp.now().advanced(by: .seconds(86_400 * 65))
            #expect(try await !partitions.detach(before: cutoff).isEmpty)
            #expect(try await fixture.count("messages") == 0)
            let report = try await Pruner(archive: fixture.archive, partitions: partitions)
                .prune(before: cutoff, silentSince: cutoff)
            #expect(report.messages == 1)
            #expect(try await partitions.names(before: cutoff).isEmpty)
        }
    }

    @Test func `a file gets smaller`() async throws {
        try await ArchiveFixture.with(.sqlite) { fixture in
            var generator = UUIDGenerator()
            let session = UUID(high: 1 << 20 | 0x7000, low: 1)
            let text = String(repeating: "long ", count: 500)
            _ = try await fixture.store.write(
                (0..<2000).map { _ in Self.job(text, daysAgo: 50, session: session, generator: &generator) })
            func pages() async throws -> Int {
                Int(try await fixture.archive.rows("PRAGMA page_count", [])[0][0] ?? "") ?? 0
            }
            let before = try await pages()
            #expect(try await Self.prune(fixture, days: 30).messages == 2000)
            let after = try await pages()
            #expect(after < before / 10, "\(before) to \(after) pages")
        }
    }
}
