import Glibc
import ProcessMemory
import Testing

@Suite struct ProcessMemoryTests {
    /// Kilobytes of files that the process has mapped and in memory.
    private func mappedFiles() throws -> Int {
        let descriptor = open("/proc/self/status", O_RDONLY)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 8192)
        let count = read(descriptor, &bytes, bytes.count)
        let text = String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("RssFile:") })
        return try #require(line.split(separator: " ").compactMap { Int($0) }.first)
    }

    @Test func `code that was dropped comes back when it runs, and constants keep their values`() throws {
        let words = ["one", "two", "three"]
        let before = try mappedFiles()
        ProcessMemory.dropStartPages()
        let after = try mappedFiles()
        #expect(after < before)
        #expect(words.sorted().joined(separator: ",") == "one,three,two")
        #expect((1...1000).map { "\($0)" }.compactMap { Int($0) }.reduce(0, +) == 500_500)
    }
}
