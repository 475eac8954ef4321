internal import Glibc

/// A folder of one test, removed with the value.
public final class TemporaryFolder: Sendable {
    /// The folder's path.
    public let path: String

    /// Makes a folder that nobody else has.
    public init() {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(base)/chatbridge-test-XXXXXX".utf8CString)
        precondition(mkdtemp(&template) != nil, "no temporary folder")
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        // Test folders hold whole databases: the tool that removes trees does it best.
        var pid: pid_t = 0
        let words = ["rm", "-rf", path].map { (word: String) in strdup(word) }
        defer { for word in words { free(word) } }
        if posix_spawnp(&pid, "rm", nil, nil, words + [nil], environ) == 0 { waitpid(pid, nil, 0) }
    }

    /// The path of something in it.
    public func path(_ name: String) -> String { "\(path)/\(name)" }
}
