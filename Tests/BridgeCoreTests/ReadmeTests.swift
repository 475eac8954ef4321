import Glibc
import Testing

/// The documentation shows nothing that is not compiled and tested.
struct ReadmeTests {
    /// The text of a file, by its path from the repository's root.
    private static func text(_ path: String) throws -> String {
        // This file stands three levels below the root: Tests/BridgeCoreTests/….
        let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        let file = try #require(fopen("\(root)/\(path)", "r"), "\(path) is not there")
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        return String(decoding: bytes[..<fread(&bytes, 1, bytes.count, file)], as: UTF8.self)
    }

    /// The blocks of a Markdown text that are fenced as this language.
    private static func blocks(of language: String, in text: String) -> [String] {
        var blocks: [[Substring]] = []
        var isInside = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if isInside, line == "```" {
                isInside = false
            } else if isInside {
                blocks[blocks.count - 1].append(line)
            } else if line == "```\(language)" {
                isInside = true
                blocks.append([])
            }
        }
        return blocks.map { $0.joined(separator: "\n") + "\n" }
    }

    @Test func `the example of an adapter is the one that is tested here`() throws {
        let shown = Self.blocks(of: "swift", in: try Self.text("docs/adapters.md"))
        #expect(shown == [try Self.text("Tests/BridgeCoreTests/ExampleAdapter.swift")])
    }

    @Test func `it is short enough to be read`() throws {
        #expect(try Self.text("README.md").split(separator: "\n", omittingEmptySubsequences: false).count <= 201)
    }
}
