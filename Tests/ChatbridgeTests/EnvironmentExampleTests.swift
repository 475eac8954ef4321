import Glibc
import Testing

@testable import chatbridge

/// `.env.example` is what users learn the variables from.
struct EnvironmentExampleTests {
    private static func text() throws -> String {
        // This file stands three levels below the root: Tests/ChatbridgeTests/….
        let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        let file = try #require(fopen("\(root)/.env.example", "r"))
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        return String(decoding: bytes[..<fread(&bytes, 1, bytes.count, file)], as: UTF8.self)
    }

    /// The variables of the example; those behind a `#` have the value that stands there when they are not set.
    private static func example() throws -> [(name: String, value: String, isComment: Bool)] {
        try text().split(separator: "\n").compactMap { line in
            // A sentence has a space behind its #, a variable has not.
            let isComment = line.hasPrefix("#")
            let parsed = EnvironmentFile(parsing: String(isComment ? line.dropFirst() : line))
            guard let (name, value) = parsed.variables.first, !line.hasPrefix("# ") else { return nil }
            return (name, value, isComment)
        }
    }

    @Test func `it names every variable that is read, and no other`() throws {
        // What docker-compose.yml alone reads.
        let ofCompose = ["POSTGRES_PASSWORD", "PUBLISHED_PORT"]
        let read = ConfigurationLoader.load(environment: [:], file: nil, isWebDefault: true).shown.map(\.name)
        let named = try Self.example().map(\.name).filter { !ofCompose.contains($0) }
        #expect(Set(named).subtracting(read) == [], "named, but read by nobody")
        #expect(Set(read).subtracting(named) == [], "read, but not named")
        #expect(Set(named).count == named.count, "named twice")
    }

    @Test func `its defaults are those of the program`() throws {
        let shown = ConfigurationLoader.load(environment: [:], file: nil, isWebDefault: true).shown
        for (name, value, isComment) in try Self.example() where isComment && !value.isEmpty {
            guard let setting = shown.first(where: { $0.name == name }) else { continue }
            #expect(setting.value == value, "\(name)")
        }
    }

    @Test func `copied as it is, it changes nothing`() throws {
        let loaded = ConfigurationLoader.load(environment: [:], file: try Self.text(), isWebDefault: true)
        #expect(loaded.problems == [])
        #expect(loaded.warnings == [])
        #expect(loaded.shown.filter { !$0.isDefault } == [])
    }
}
