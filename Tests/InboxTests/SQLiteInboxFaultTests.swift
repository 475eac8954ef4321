import BridgeCore
import EventLoop
import Glibc
import Journal
import SQLite
import Telemetry
import TestSupport
import Testing

@testable import Inbox
@testable import Journal

/// What becomes of the inbox of the embedded mode when its process, its disk or its file does not play along.
@Suite struct SQLiteInboxFaultTests {
    @Test(arguments: [UInt64(1), 2, 3])
    func `what was confirmed before a SIGKILL is there afterwards`(_ seed: UInt64) async throws {
        let folder = TemporaryFolder()
        let path = folder.path
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String, seed = seed as UInt64] in
            // At an instant that nobody chose: while claims, begins and settlements are on their way to the disk.
            let delay = UInt32(100_000 + (seed &* 0x9E37_79B9_7F4A_7C15) % 300_000)
            try await Child.work(in: path) { usleep(delay) }
        }
        let confirmed = Child.confirmed(in: path)
        #expect(confirmed.count > 10, "the child had no time to do anything")
        try await SQLiteInboxFixture.run(in: path) { fixture in
            let run = try await fixture.start()
            let held = Set(run.received.deliveries.map(\.reference.id.low))
            let jobs =
                try await SQLiteJobQueue(file: run.file)
                .claim(limit: 1_000_000, linger: .zero, wait: .zero)?.jobs.map(text) ?? []
            for lane in 0..<UInt64(16) {
                let inLane = run.received.deliveries.map(\.reference.id.low).filter { $0 % 16 == lane }
                #expect(inLane == inLane.sorted(), "out of order")
            }
            for (number, state) in confirmed {
                let id = UInt64(number)
                switch state {
                case "claimed": #expect(held.contains(id) || jobs.contains("job \(number)"), "\(number) was lost")
                case "begun":
                    let delivery = run.received.deliveries.first { $0.reference.id.low == id }
                    #expect(delivery?.progress == bytes("\(number)") || jobs.contains("job \(number)"))
                default:
                    #expect(!held.contains(id), "\(number) would be answered twice")
                    #expect(jobs.count { $0 == "job \(number)" } == 1)
                }
            }
            let numbers = confirmed.keys.sorted().map { InboxEntry.numbered($0) }
            let verdicts = try await run.inbox.claim(numbers, keeping: .payload)
            #expect(verdicts.allSatisfy { $0 == .duplicate })
            await run.stop()
        }
    }

    @Test func `a second process on the folder is refused with cause and cure, and the first goes on`() async throws {
        try await SQLiteInboxFixture.run { fixture in
            let first = try await fixture.start()
            let second = InboxFile(loop: fixture.loop, folder: fixture.path)
            let error = await #expect(throws: InboxFileError.self) { try await second.open() }
            #expect(error?.code == .inUse)
            #expect(error?.message.contains("SPOOL_DIR") == true)
            #expect(error?.message.contains(fixture.path) == true)
            await second.close()
            #expect(try await first.inbox.claim([.numbered(1)], keeping: .payload) == [.taken])
            // Where nothing depends on it, the second one works without the file.
            let memory = try await InboxFile.opened(
                loop: fixture.loop, folder: fixture.path, isRequired: false, log: .silent)
            let inbox = SQLiteInbox(file: memory)
            await inbox.start(first.received.receiver)
            #expect(try await inbox.claim([.numbered(1)], keeping: .names) == [.taken])
            #expect(try await inbox.claim([.numbered(1)], keeping: .names) == [.duplicate])
            try await SQLiteJobQueue(file: memory).push([bytes("unsaved")])
            #expect(await memory.unsavedJobs().map(text) == ["unsaved"])
            #expect(await first.file.unsavedJobs().isEmpty)
            await memory.close()
            await first.stop()
            // And once the first has ended, its folder is free.
            await (try await fixture.start()).stop()
        }
    }

    @Test func `a process that just ends is waited for`() async throws {
        try await SQLiteInboxFixture.run { fixture in
            let first = try await fixture.start()
            let ending = fixture.loop.spawn {
                try? await fixture.loop.sleep(for: .milliseconds(100))
                await first.stop()
            }
            await (try await fixture.start()).stop()
            await ending.value
        }
    }

    @Test(arguments: [
        "no database at all, but a text of some length", "SQLite format 3\u{0}and then nothing of the kind",
    ])
    func `a file that is damaged is an error that says what to do, and is left as it is`(_ content: String) async throws
    {
        try await SQLiteInboxFixture.run { fixture in
            let path = fixture.file("inbox.db")
            let damaged = bytes(content) + [UInt8](repeating: 0xA5, count: 8_192)
            write(damaged, to: path)
            let file = InboxFile(loop: fixture.loop, folder: fixture.path)
            let error = await #expect(throws: InboxFileError.self) { try await file.open() }
            #expect(error?.code == .damaged)
            #expect(error?.message.contains("move it away") == true)
            await file.close()
            #expect(TestEnvironment.read(path) == damaged)
            await #expect(throws: InboxFileError.self) {
                try await InboxFile.opened(
                    loop: fixture.loop, folder: fixture.path, isRequired: true, log: .silent)
            }
        }
    }

    @Test func `a file of a newer version is refused`() async throws {
        try await SQLiteInboxFixture.run { fixture in
            await (try await fixture.start()).stop()
            let database = SQLiteDatabase(
                configuration: SQLiteConfiguration(path: fixture.file("inbox.db")))
            try await database.script("PRAGMA user_version = 99")
            await database.close()
            let file = InboxFile(loop: fixture.loop, folder: fixture.path)
            let error = await #expect(throws: InboxFileError.self) { try await file.open() }
            #expect(error?.code == .newer)
            await file.close()
        }
    }

    @Test func `a folder that cannot be made is an error that names the setting`() async throws {
        try await SQLiteInboxFixture.run { fixture in
            write(bytes("a file"), to: fixture.file("file"))
            let file = InboxFile(loop: fixture.loop, folder: fixture.file("file/folder"))
            let error = await #expect(throws: InboxFileError.self) { try await file.open() }
            #expect(error?.code == .unusable)
            #expect(error?.message.contains("SPOOL_DIR") == true)
            await file.close()
        }
    }

    @Test(arguments: [1, 24, 32, 100, 4_120, 9_000])
    func `a write-ahead log with its end torn off costs what was at its end`(_ lost: Int) async throws {
        try await SQLiteInboxFixture.run { fixture in
            let run = try await fixture.start()
            for number in 1...20 { _ = try await run.inbox.claim([.numbered(number)], keeping: .payload) }
            // As a power cut leaves the files: a copy of what is there while the process runs, with the end missing.
            let copy = TemporaryFolder()
            let database = try #require(TestEnvironment.read(fixture.file("inbox.db")))
            let journal = try #require(TestEnvironment.read(fixture.file("inbox.db-wal")))
            write(database, to: copy.path("inbox.db"))
            write(Array(journal.dropLast(lost)), to: copy.path("inbox.db-wal"))
            await run.stop()
            try await SQLiteInboxFixture.run(in: copy.path) { torn in
                let next = try await torn.start()
                let payloads = next.received.payloads
                #expect(payloads == (1...20).map { "event \($0)" }.prefix(payloads.count).map { $0 })
                #expect(payloads.count >= 10 && payloads.count < 20)
                // What was lost is new, and what was not is a duplicate.
                let verdicts = try await next.inbox.claim((1...20).map { .numbered($0) }, keeping: .payload)
                #expect(verdicts.count { $0 == .duplicate } == payloads.count)
                await next.stop()
            }
        }
    }

    @Test func `a full disk refuses claims, keeps what is held, and is done with when there is room again`()
        async throws
    {
        try await SQLiteInboxFixture.run { fixture in
            let run = try await fixture.start()
            let queue = SQLiteJobQueue(file: run.file)
            #expect(try await run.inbox.claim([.numbered(1)], keeping: .payload) == [.taken])
            try await run.file.database.script("PRAGMA max_page_count = 40")
            let large = InboxEntry(
                id: UUID(high: 1, low: 1), names: ["large"], lane: nil, purpose: .answer,
                payload: [UInt8](repeating: 1, count: 200_000))
            let error = await #expect(throws: InboxError.self) {
                try await run.inbox.claim([large], keeping: .payload)
            }
            #expect(error?.code == .full)
            let refused = await #expect(throws: JobQueueError.self) {
                try await queue.push([[UInt8](repeating: 1, count: 200_000)])
            }
            #expect(refused?.code == .full)
            // One that fits shares a commit with one that does not.
            let loop = fixture.loop
            let small = loop.spawn {
                #expect((try? await run.inbox.claim([.numbered(2)], keeping: .payload)) == [.taken])
            }
            let tooLarge = loop.spawn { #expect((try? await run.inbox.claim([large], keeping: .payload)) == nil) }
            await small.value
            await tooLarge.value
            try await run.file.database.script("PRAGMA max_page_count = 100000")
            #expect(try await run.inbox.claim([large], keeping: .payload) == [.taken])
            await run.die()
            let next = try await fixture.start()
            #expect(next.received.deliveries.map(\.payload.count) == [7, 7, 200_000])
            await next.stop()
        }
    }

    @Test func `after its end the file refuses everything and hangs nobody`() async throws {
        try await SQLiteInboxFixture.run { fixture in
            let run = try await fixture.start()
            await run.stop()
            await #expect(throws: InboxError.self) { try await run.inbox.claim([.numbered(1)], keeping: .payload) }
            await #expect(throws: InboxError.self) {
                try await run.inbox.settle(.init(entries: [], jobs: [bytes("job")]))
            }
            let error = await #expect(throws: JobQueueError.self) {
                try await SQLiteJobQueue(file: run.file).push([bytes("job")])
            }
            #expect(error?.code == .closed)
        }
    }

    private func write(_ bytes: [UInt8], to path: String) {
        let file = fopen(path, "w")
        fwrite(bytes, 1, bytes.count, file)
        fclose(file)
    }
}

/// The process that is killed.
private enum Child {
    /// Claims, begins and settles events side by side, and writes down each step that was confirmed; until it is killed.
    static func work(in path: String, untilKilled delay: @escaping @Sendable () -> Void) async throws {
        let record = open("\(path)/confirmed", O_WRONLY | O_CREAT | O_APPEND, 0o600)
        try await SQLiteInboxFixture.run(in: path) { fixture in
            let run = try await fixture.start()
            Task.detached {
                delay()
                kill(getpid(), SIGKILL)
            }
            let tasks = (0..<16).map { lane in
                fixture.loop.spawn {
                    for number in stride(from: lane, to: 1_000_000, by: 16) {
                        let entry = InboxEntry.numbered(number)
                        guard (try? await run.inbox.claim([entry], keeping: .payload)) != nil else { return }
                        note("claimed \(number)\n", in: record)
                        if number % 7 == 0 { continue }
                        guard (try? await run.inbox.begin([entry.reference], progress: bytes("\(number)"))) == true
                        else { return }
                        note("begun \(number)\n", in: record)
                        if number % 5 == 0 { continue }
                        let end = InboxSettlement(entries: [entry.reference], jobs: [bytes("job \(number)")])
                        guard (try? await run.inbox.settle(end)) != nil else { return }
                        note("settled \(number)\n", in: record)
                    }
                }
            }
            for task in tasks { await task.value }
        }
    }

    private static func note(_ line: String, in file: Int32) {
        let bytes = Array(line.utf8)
        _ = write(file, bytes, bytes.count)
    }

    /// The last step of each event that the child saw confirmed.
    static func confirmed(in path: String) -> [Int: String] {
        var result: [Int: String] = [:]
        for line in text(TestEnvironment.read("\(path)/confirmed") ?? []).split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2, let number = Int(words[1]) { result[number] = String(words[0]) }
        }
        return result
    }
}
