import Glibc
import Testing

/// `docs/metrics.md` is what operators write their alarms by.
struct MetricsPageTests {
    // This file stands three levels below the root: Tests/ChatbridgeTests/….
    private static let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        .joined(separator: "/")

    private static func text(_ path: String) throws -> String {
        let file = try #require(fopen(path, "r"), "\(path)")
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        return String(decoding: bytes[..<fread(&bytes, 1, bytes.count, file)], as: UTF8.self)
    }

    /// The names of metrics that stand between these signs.
    private static func names(in text: String, between sign: Character) -> Set<String> {
        Set(text.split(separator: sign).map(String.init).filter { $0.wholeMatch(of: /chatbridge_[a-z_]+/) != nil })
    }

    /// The Swift files that a pattern of glob(7) finds.
    private static func files(_ pattern: String) -> [String] {
        var found = glob_t()
        defer { globfree(&found) }
        guard glob("\(root)/\(pattern)", 0, nil, &found) == 0 else { return [] }
        return (0..<Int(found.gl_pathc)).compactMap { found.gl_pathv[$0].map { String(cString: $0) } }
    }

    @Test func `it explains every metric of the program, and no other`() throws {
        var registered: Set<String> = []
        for path in Self.files("Sources/*/*.swift") + Self.files("Sources/*/*/*.swift") {
            registered.formUnion(Self.names(in: try Self.text(path), between: "\""))
        }
        // The name of the chat page's cookie, and of the table of migrations, look alike.
        registered.subtract(["chatbridge_session", "chatbridge_migrations"])
        let explained = Self.names(in: try Self.text("\(Self.root)/docs/metrics.md"), between: "`")
        #expect(!registered.isEmpty)
        #expect(registered.subtracting(explained) == [], "not explained")
        #expect(explained.subtracting(registered) == [], "explained, but not there")
    }
}
