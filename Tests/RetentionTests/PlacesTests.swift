import BridgeCore
import EventLoop
import Glibc
import Inbox
import JSON
import Redis
import SQLite
import TestSupport
import Testing

@testable import Journal
@testable import Retention

private let person = Person(platform: "telegram", user: "4242424242")

/// Runs a test on a loop of its own.
private func onLoop<Value: Sendable>(
    _ body: @escaping @Sendable (EventLoop) async throws -> Value
) async throws -> Value {
    let loop = try EventLoop()
    loop.startThread(name: "retention-test")
    defer { loop.stop() }
    return try await withCheckedThrowingContinuation { continuation in
        loop.spawn {
            do { continuation.resume(returning: try await body(loop)) } catch { continuation.resume(throwing: error) }
        }
    }
}

/// What bridges leave of events.
private enum Samples {
    static func payload(by user: String, text: String, platform: String = "telegram") -> [UInt8] {
        var writer = JSONWriter()
        writer.object { object in
            object.field("platform", platform)
            object.key("event")
            InboundEvent(
                id: EventID("1"), kind: .text, disposition: .answer, place: .init(conversation: ConversationID(user)),
                sender: .init(id: PlatformUserID(user), name: "Ada"), text: text
            ).write(to: &object)
        }
        return writer.bytes
    }

    static func letter(_ payload: [UInt8]) -> [UInt8] {
        Array(#"{"error":"e","at":"x","id":"y","payload":"#.utf8) + payload + Array("}".utf8)
    }

    static func dead(_ job: [UInt8]) -> [UInt8] {
        Array(#"{"error":"e","at":"x","logger":"l","job":"#.utf8) + job + Array("}".utf8)
    }

    /// Two of the person, three of others.
    static var jobs: [[UInt8]] {
        var talk = Talk()
        let own = talk.session("4242424242", user: person.user)
        let other = talk.session("7", user: "7")
        let question = talk.say("mine", in: own, by: person.user)
        talk.say("answer", in: own)
        talk.say("theirs", in: other, by: "7")
        let time = Timestamp.now()
        let news = [question, UUID(high: 1, low: 2)].map { id in
            LogJob.status(LogStatusChange(id: id, at: time, status: .failed))
        }
        return (talk.jobs + news).map { $0.encoded() }
    }
}

// Disabled without CHATBRIDGE_TEST_REDIS_URL: these need a real server.
@Suite(.enabled(if: TestEnvironment.redisURL != nil)) struct RedisPlacesTests {
    private struct Fixture: Sendable {
        let loop: EventLoop
        let client: RedisClient
        let prefix = "retention-test-\(UInt64.random(in: 0...UInt64.max))"
        var places: RedisPlaces { RedisPlaces(client: client, prefix: prefix, person: person) }

        init(_ loop: EventLoop) throws {
            self.loop = loop
            client = RedisClient(
                loop: loop, configuration: try RedisConfiguration(url: try #require(TestEnvironment.redisURL)))
        }

        func push(_ list: String, _ elements: [[UInt8]]) async throws {
            _ = try await client.send(RedisCommand("LPUSH", arguments: [Array("\(prefix):\(list)".utf8)] + elements))
        }

        func count(_ list: String) async throws -> Int {
            try await client.send(["LLEN", "\(prefix):\(list)"]).integer ?? -1
        }

        func erase() async throws -> [Finding.Place: Finding] {
            var matcher = PersonMatcher(person)
            let findings = try await places.visit(&matcher, .erase)
            return Dictionary(uniqueKeysWithValues: findings.map { ($0.place, $0) })
        }
    }

    @Test func `jobs and dead letters of the person go from every list, those of others stay`() async throws {
        try await onLoop { loop in
            let fixture = try Fixture(loop)
            // More than a page, mixed.
            let jobs = (0..<300).flatMap { _ in Samples.jobs }
            try await fixture.push("log", jobs)
            try await fixture.push("log:claimed:gone-1:4", Samples.jobs)
            try await fixture.push("log:dead", Samples.jobs.map(Samples.dead) + [Array("no json".utf8)])
            try await fixture.push(
                "inbox:dead",
                [
                    Samples.letter(Samples.payload(by: person.user, text: "mine")),
                    Samples.letter(Samples.payload(by: "7", text: "theirs")),
                ])
            var matcher = PersonMatcher(person)
            let found = try await fixture.places.visit(&matcher, .count)
            #expect(found.first { $0.place == .queue }?.count == 900)
            #expect(try await fixture.count("log") == 1500)
            let erased = try await fixture.erase()
            #expect(erased[.queue]?.count == 900 && erased[.claimed]?.count == 3)
            #expect(erased[.deadJobs]?.count == 3 && erased[.deadDeliveries]?.count == 1)
            #expect(try await fixture.count("log") == 600)
            #expect(try await fixture.count("log:claimed:gone-1:4") == 2)
            #expect(try await fixture.count("log:dead") == 3)
            #expect(try await fixture.count("inbox:dead") == 1)
            let again = try await fixture.erase()
            #expect(again.values.allSatisfy { $0.count == 0 && $0.inWork == 0 })
        }
    }

    @Test func `what a living logger or bridge has in hand is left to it, and taken when it is dead`() async throws {
        try await onLoop { loop in
            let fixture = try Fixture(loop)
            let redis = try RedisConfiguration(url: try #require(TestEnvironment.redisURL))
            let queue = RedisJobQueue(
                loop: loop, client: fixture.client, blockingClient: RedisClient(loop: loop, configuration: redis),
                configuration: .init(prefix: fixture.prefix))
            try await queue.push(Samples.jobs)
            let claim = try #require(try await queue.claim(limit: 10, linger: .zero, wait: .seconds(10)))
            let inbox = RedisInbox(
                loop: loop, client: fixture.client, blockingClient: RedisClient(loop: loop, configuration: redis),
                configuration: .init(prefix: fixture.prefix, name: "host"))
            let receiver = InboxReceiver(deliver: { _ in }, lanesInWork: { [:] })
            await inbox.start(receiver)
            let entries = [person.user, "7"].enumerated().map { number, user in
                InboxEntry(
                    id: UUID(version7At: 1, fraction: 0, random: UInt64(number)), names: ["telegram:\(number)"],
                    lane: "lane-\(user)", purpose: .answer, payload: Samples.payload(by: user, text: "words"))
            }
            #expect(try await inbox.claim(entries, keeping: .payload) == [.taken, .taken])
            var found = try await fixture.erase()
            #expect(found[.claimed]?.inWork == 3 && found[.claimed]?.count == 0)
            #expect(found[.inbox]?.inWork == 1 && found[.inbox]?.count == 0)
            try await queue.finish(claim, dead: [], returned: [])

            // Dead: their leases are gone.
            for key in try await fixture.client.send(["KEYS", "\(fixture.prefix):inbox:lease:*"]).array ?? [] {
                _ = try await fixture.client.send(["DEL", key.text ?? ""])
            }
            found = try await fixture.erase()
            #expect(found[.claimed]?.inWork == 0)
            #expect(found[.inbox]?.inWork == 0 && found[.inbox]?.count == 1)
            let lanes = try await fixture.client.send(["HKEYS", "\(fixture.prefix):inbox:lanes"]).array ?? []
            #expect(lanes.compactMap(\.text) == ["lane-7"])
            await inbox.retire()
            await queue.retire()
        }
    }

    @Test func `the names of the person's conversations leave the registry`() async throws {
        try await ArchiveFixture.with(.sqlite) { fixture in
            var talk = Talk()
            let own = talk.session("4242424242", user: person.user)
            talk.say("mine", in: own, by: person.user)
            _ = try await fixture.store.write(talk.jobs)
            try await onLoop { loop in
                let redis = try Fixture(loop)
                let keys = JournalKeys(prefix: redis.prefix)
                let (mine, other) = (
                    keys.session(SessionKey(platform: "telegram", conversation: "4242424242")),
                    keys.session(SessionKey(platform: "telegram", conversation: "7"))
                )
                for key in [mine, other] { _ = try await redis.client.send(["SET", key, "x 1"]) }
                let receipt = try await fixture.eraser([redis.places]).erase(person)
                #expect(receipt.counts[.registry] == 1 && receipt.isComplete)
                #expect(try await redis.client.send(["EXISTS", mine]).integer == 0)
                #expect(try await redis.client.send(["EXISTS", other]).integer == 1)
            }
        }
    }

    @Test func `a Redis that is away is an error that says so`() async throws {
        try await onLoop { loop in
            let port = TestEnvironment.freePort()
            let client = RedisClient(
                loop: loop, configuration: try RedisConfiguration(url: "redis://127.0.0.1:\(port)"))
            let places = RedisPlaces(client: client, prefix: "x", person: person)
            var matcher = PersonMatcher(person)
            do throws(RetentionError) {
                _ = try await places.visit(&matcher, .count)
                Issue.record("nobody listens there")
            } catch {
                #expect(error.code == .unavailable && error.description.contains("REDIS_URL"))
            }
        }
    }
}

@Suite struct LocalPlacesTests {
    @Test func `jobs in spool files are wiped where they stand, and the spool goes on with the others`() async throws {
        let folder = TemporaryFolder()
        let spool = Spool(configuration: .init(directory: folder.path("spool")))
        let status = try await spool.append(Samples.jobs + Samples.jobs)
        #expect(status.records == 10)
        var matcher = PersonMatcher(person)
        let places = LocalPlaces(directory: folder.path("spool"))
        #expect(try await places.visit(&matcher, .count).map(\.count) == [6])
        #expect(try await places.visit(&matcher, .erase).map(\.count) == [6])
        #expect(try await places.visit(&matcher, .erase).map(\.count) == [0])
        let page = try #require(try await spool.oldest(maximumCount: 100, maximumBytes: 1 << 20))
        let texts = page.jobs.map { String(decoding: $0, as: UTF8.self) }
        #expect(texts.count == 4 && texts.allSatisfy { !$0.contains(person.user) })
        #expect(texts.filter { $0.contains("theirs") }.count == 2)
        #expect(try await spool.remove(page).records == 0)
    }

    @Test func `a folder that is not there holds nothing`() async throws {
        var matcher = PersonMatcher(person)
        let findings = try await LocalPlaces(directory: "/nowhere/spool").visit(&matcher, .erase)
        #expect(findings.map(\.count) == [0])
    }

    @Test func `the file of an embedded process loses what is the person's, but for what a living one has in hand`()
        async throws
    {
        try await onLoop { loop in
            let folder = TemporaryFolder()
            let file = InboxFile(loop: loop, folder: folder.path("spool"))
            try await file.open()
            let queue = SQLiteJobQueue(file: file)
            try await queue.push(Samples.jobs)
            let letters = [person.user, "7"].map { Samples.letter(Samples.payload(by: $0, text: "words")) }
            let deadJobs = Samples.jobs.map(Samples.dead)
            try await file.write { transaction, _ throws(SQLiteError) in
                try InboxFile.file(jobs: deadJobs, transaction)
                for letter in letters { try InboxFile.file(delivery: letter, of: nil, transaction) }
                for (number, user) in [person.user, "7"].enumerated() {
                    try transaction.execute(
                        "INSERT INTO held (number, id, crashes, payload) VALUES (?, ?, 0, ?)",
                        [.integer(Int64(number)), .text("i"), .blob(Samples.payload(by: user, text: "words"))])
                }
            }
            func erase() async throws -> [Finding.Place: Finding] {
                var matcher = PersonMatcher(person)
                let findings = try await LocalPlaces(directory: folder.path("spool")).visit(&matcher, .erase)
                return Dictionary(uniqueKeysWithValues: findings.map { ($0.place, $0) })
            }
            var found = try await erase()
            #expect(found[.queue]?.inWork == 3 && found[.inbox]?.inWork == 1)
            #expect(found[.deadJobs]?.count == 3 && found[.deadDeliveries]?.count == 1)
            await file.close()
            // A child that another test starts at this moment holds a copy of the lock until it runs its program.
            _ = try await eventually {
                found = try await erase()
                return found[.queue]?.inWork == 0
            }
            #expect(found[.queue]?.count == 3 && found[.inbox]?.count == 1)
            #expect(found[.deadJobs]?.count == 0)
            let bytes = TestEnvironment.read(folder.path("spool/inbox.db")) ?? []
            #expect(!String(decoding: bytes, as: UTF8.self).contains(person.user))

            let again = InboxFile(loop: loop, folder: folder.path("spool"))
            try await again.open()
            let rest = try await SQLiteJobQueue(file: again).claim(limit: 10, linger: .zero, wait: .seconds(10))
            #expect(rest?.jobs.count == 2)
            await again.close()
        }
    }
}
