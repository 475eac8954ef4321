import Glibc
import Testing

@testable import Journal

@Suite struct SpoolTests {
    private static func jobs(_ range: Range<Int>) -> [[UInt8]] { range.map { bytes("job number \($0)") } }

    private static func all(_ spool: Spool, removing: Bool = true) async throws -> [String] {
        var found: [String] = []
        while let page = try await spool.oldest(maximumCount: 7, maximumBytes: 1 << 20) {
            found += page.jobs.map(text)
            _ = try await spool.remove(page)
        }
        return found
    }

    @Test func `jobs come out in the order they went in, across segments`() async throws {
        let folder = try TemporaryFolder()
        let spool = Spool(configuration: .init(directory: folder.path + "/deep/er", segmentBytes: 1_024))
        for start in stride(from: 0, to: 500, by: 50) { _ = try await spool.append(Self.jobs(start..<start + 50)) }
        #expect(await spool.status.records == 500)
        #expect(folder.files().count > 5)
        #expect(try await Self.all(spool) == Self.jobs(0..<500).map(text))
        #expect(await spool.status == Spool.Status())
        #expect(folder.files().isEmpty || folder.files() == [folder.path + "/deep/er"])
    }

    @Test func `nothing is made on disk before the first job`() async throws {
        let folder = try TemporaryFolder()
        let spool = Spool(configuration: .init(directory: folder.path + "/spool"))
        #expect(try await spool.open() == Spool.Status())
        #expect(try await spool.oldest(maximumCount: 1, maximumBytes: 1) == nil)
        #expect(folder.files().isEmpty)
    }

    /// Leaves segments as a process that was killed would, and returns the path of each.
    private static func leave(_ jobs: [[UInt8]], in folder: TemporaryFolder, consumed: Int = 0) async throws {
        let spool = Spool(configuration: .init(directory: folder.path))
        _ = try await spool.append(jobs)
        if consumed > 0 {
            let page = try #require(try await spool.oldest(maximumCount: consumed, maximumBytes: 1 << 20))
            _ = try await spool.remove(page)
        }
    }

    private static func adopted(from folder: TemporaryFolder) async throws -> Spool {
        let spool = Spool(configuration: .init(directory: folder.path))
        // The lock goes with the last reference to the actor, which its thread may hold a moment longer.
        for _ in 0..<2_000 {
            if try await spool.open().records > 0 { break }
            usleep(1_000)
        }
        return spool
    }

    @Test func `what a dead process left is adopted, from where it had come to`() async throws {
        let folder = try TemporaryFolder()
        try await Self.leave(Self.jobs(0..<20), in: folder, consumed: 5)
        let spool = try await Self.adopted(from: folder)
        #expect(await spool.status.records == 15)
        _ = try await spool.append(Self.jobs(20..<25))
        #expect(try await Self.all(spool) == Self.jobs(5..<25).map(text))
        #expect(folder.files().isEmpty)
    }

    @Test func `a living process keeps its folder`() async throws {
        let folder = try TemporaryFolder()
        let living = Spool(configuration: .init(directory: folder.path))
        _ = try await living.append(Self.jobs(0..<3))
        let other = Spool(configuration: .init(directory: folder.path))
        #expect(try await other.open().records == 0)
        _ = try await other.append(Self.jobs(10..<12))
        #expect(try await Self.all(living) == Self.jobs(0..<3).map(text))
        #expect(try await Self.all(other) == Self.jobs(10..<12).map(text))
    }

    @Test func `a segment cut off at any byte gives the whole records before the cut`() async throws {
        let folder = try TemporaryFolder()
        try await Self.leave(Self.jobs(0..<3), in: folder)
        let path = try #require(folder.files().first { $0.hasSuffix(".spool") })
        let whole = readFile(path)
        let record = (whole.count - 16) / 3
        for length in 16...whole.count {
            let cut = try TemporaryFolder()
            mkdir(cut.path + "/dead", 0o700)
            writeFile(cut.path + "/dead/lock", [])
            writeFile(cut.path + "/dead/00000000000000000001.spool", Array(whole[..<length]))
            let spool = Spool(configuration: .init(directory: cut.path))
            let status = try await spool.open()
            let expected = (length - 16) / record
            #expect(status.records == expected, "cut at \(length)")
            #expect(try await Self.all(spool) == Self.jobs(0..<expected).map(text), "cut at \(length)")
            #expect(await spool.status.damaged == 0, "a cut is no damage, at \(length)")
        }
    }

    @Test func `any flipped byte of a record costs that record alone, or the rest where the length is hit`()
        async throws
    {
        let folder = try TemporaryFolder()
        try await Self.leave(Self.jobs(0..<3), in: folder)
        let whole = readFile(try #require(folder.files().first { $0.hasSuffix(".spool") }))
        let record = (whole.count - 16) / 3
        for place in 16 + record..<16 + 2 * record {
            var broken = whole
            broken[place] ^= 0x41
            let other = try TemporaryFolder()
            mkdir(other.path + "/dead", 0o700)
            writeFile(other.path + "/dead/lock", [])
            writeFile(other.path + "/dead/00000000000000000001.spool", broken)
            let spool = Spool(configuration: .init(directory: other.path))
            _ = try await spool.open()
            let found = try await Self.all(spool)
            #expect(found.first == "job number 0")
            #expect(!found.contains("job number 1"))
            if place >= 16 + record + 4 { #expect(found == ["job number 0", "job number 2"], "byte \(place)") }
        }
    }

    @Test func `a run of zeros behind the records is no record`() async throws {
        let folder = try TemporaryFolder()
        try await Self.leave(Self.jobs(0..<3), in: folder)
        let path = try #require(folder.files().first { $0.hasSuffix(".spool") })
        writeFile(path, readFile(path) + [UInt8](repeating: 0, count: 4_096))
        let spool = try await Self.adopted(from: folder)
        #expect(try await Self.all(spool) == Self.jobs(0..<3).map(text))
    }

    @Test func `a file that is no segment is left alone`() async throws {
        let folder = try TemporaryFolder()
        mkdir(folder.path + "/dead", 0o700)
        writeFile(folder.path + "/dead/lock", [])
        writeFile(folder.path + "/dead/00000000000000000001.spool", bytes("not one of ours at all"))
        let spool = Spool(configuration: .init(directory: folder.path))
        #expect(try await spool.open().records == 0)
        #expect(folder.files().contains { $0.hasSuffix("/dead/00000000000000000001.spool") })
    }

    @Test func `beyond the limit the oldest segments are dropped and counted`() async throws {
        let folder = try TemporaryFolder()
        let spool = Spool(configuration: .init(directory: folder.path, maximumBytes: 16_384, segmentBytes: 2_048))
        var status = Spool.Status()
        for start in stride(from: 0, to: 5_000, by: 10) {
            status = try await spool.append(Self.jobs(start..<start + 10))
        }
        #expect(status.bytes <= 16_384)
        #expect(status.dropped > 0)
        #expect(status.dropped + status.records == 5_000)
        let onDisk = folder.files().filter { $0.hasSuffix(".spool") }.reduce(0) { $0 + readFile($1).count }
        #expect(onDisk == status.bytes)
        #expect(try await Self.all(spool) == Self.jobs(status.dropped..<5_000).map(text))
    }

    @Test func `a page whose segment was dropped meanwhile removes nothing else`() async throws {
        let folder = try TemporaryFolder()
        let spool = Spool(configuration: .init(directory: folder.path, maximumBytes: 8_192, segmentBytes: 1_024))
        _ = try await spool.append(Self.jobs(0..<10))
        let page = try #require(try await spool.oldest(maximumCount: 5, maximumBytes: 4_096))
        for start in stride(from: 10, to: 2_000, by: 10) { _ = try await spool.append(Self.jobs(start..<start + 10)) }
        let before = await spool.status
        #expect(try await spool.remove(page) == before)
    }

    @Test func `a job larger than a page comes out whole`() async throws {
        let folder = try TemporaryFolder()
        let spool = Spool(configuration: .init(directory: folder.path, segmentBytes: 1_024))
        let large = [UInt8](repeating: UInt8(ascii: "y"), count: 300_000)
        _ = try await spool.append([bytes("a"), large, bytes("b")])
        var found: [[UInt8]] = []
        while let page = try await spool.oldest(maximumCount: 10, maximumBytes: 100) {
            found += page.jobs
            _ = try await spool.remove(page)
        }
        #expect(found == [bytes("a"), large, bytes("b")])
    }

    @Test func `a folder that cannot be made is an error that names it`() async throws {
        let folder = try TemporaryFolder()
        writeFile(folder.path + "/file", [])
        let spool = Spool(configuration: .init(directory: folder.path + "/file/spool"))
        let error = await #expect(throws: SpoolError.self) { try await spool.append([bytes("a")]) }
        #expect(error?.path.hasPrefix(folder.path) == true)
    }
}
