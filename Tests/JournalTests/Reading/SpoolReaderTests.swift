import Glibc
import Testing

@testable import Journal

struct SpoolReaderTests {
    @Test func `what waits is seen while its owner has it, from where that has come to`() async throws {
        let folder = try TemporaryFolder()
        let spool = Spool(configuration: .init(directory: folder.path, segmentBytes: 1_024))
        _ = try await spool.append((0..<100).map { bytes("job number \($0)") })
        let page = try #require(try await spool.oldest(maximumCount: 10, maximumBytes: 1 << 20))
        _ = try await spool.remove(page)
        let reader = SpoolReader(directory: folder.path)
        #expect(try await reader.contents().jobs == 90)
        let found = try await reader.find { text($0).hasSuffix("5") }
        #expect(found.map { text($0.bytes) } == (1..<10).map { "job number \($0)5" })
        #expect(found.allSatisfy { if case .spool(let file) = $0.place { file.hasPrefix(folder.path) } else { false } })
        // Nothing was moved: the owner goes on.
        #expect(await spool.status.records == 90)
        #expect(text(try #require(try await spool.oldest(maximumCount: 1, maximumBytes: 1)).jobs[0]) == "job number 10")
    }

    @Test func `a folder that is not there, and files that are none of ours, hold nothing`() async throws {
        let folder = try TemporaryFolder()
        #expect(try await SpoolReader(directory: folder.path + "/none").contents() == SpoolReader.Contents())
        mkdir(folder.path + "/other", 0o700)
        let file = try #require(fopen(folder.path + "/other/short.spool", "w"))
        fputs("CBSPOOL", file)
        fclose(file)
        let big = try #require(fopen(folder.path + "/other/big.spool", "w"))
        fputs(String(repeating: "no segment of ours ", count: 100), big)
        fclose(big)
        #expect(try await SpoolReader(directory: folder.path).contents() == SpoolReader.Contents())
    }

    @Test(arguments: [
        ("abcabd", "abd", true), ("abcabd", "abe", false), ("a", "a", true), ("", "a", false), ("ab", "abc", false),
        ("aab", "ab", true),
    ])
    func `bytes are found in bytes`(whole: String, part: String, isThere: Bool) {
        #expect(bytes(whole).holds(bytes(part)) == isThere)
    }
}
