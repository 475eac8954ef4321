import BridgeCore
import EventLoop
import Glibc

@testable import Journal

/// Runs a body on a loop of its own thread, as the product does.
func onLoop<Value: Sendable>(
    _ body: @escaping @Sendable (EventLoop) async throws -> Value
) async throws -> Value {
    let loop = try EventLoop()
    loop.startThread(name: "journal-test")
    defer { loop.stop() }
    return try await withCheckedThrowingContinuation { continuation in
        loop.spawn {
            do { continuation.resume(returning: try await body(loop)) } catch { continuation.resume(throwing: error) }
        }
    }
}

/// What a test waited for and did not come.
struct Missed: Error, CustomStringConvertible {
    let description: String
}

/// Waits, on the loop, until the condition holds.
func eventually(
    _ what: String, on loop: EventLoop, within limit: Duration = .seconds(30), _ condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < end else { throw Missed(description: "never came: \(what)") }
        try await loop.sleep(for: .milliseconds(1))
    }
}

/// A folder that is removed with the value.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/journal-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Missed(description: "a temporary folder") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { removeTree(path) }

    /// All files below the folder, with their paths.
    func files() -> [String] { TemporaryFolder.files(in: path) }

    private static func files(in folder: String) -> [String] {
        names(in: folder).flatMap { name in
            let path = folder + "/" + name
            let inside = files(in: path)
            return inside.isEmpty ? [path] : inside
        }.sorted()
    }

    private static func names(in folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    private func removeTree(_ path: String) {
        for name in TemporaryFolder.names(in: path) { removeTree(path + "/" + name) }
        unlink(path)
        rmdir(path)
    }
}

func readFile(_ path: String) -> [UInt8] {
    let descriptor = open(path, O_RDONLY)
    guard descriptor >= 0 else { return [] }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = read(descriptor, &part, part.count)
        guard count > 0 else { return bytes }
        bytes += part[..<count]
    }
}

func writeFile(_ path: String, _ bytes: [UInt8]) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    precondition(descriptor >= 0 && write(descriptor, bytes, bytes.count) == bytes.count)
    close(descriptor)
}

/// Messages with ids in order.
struct Messages {
    private var generator = UUIDGenerator()
    private let session: UUID

    init() {
        session = generator.next(at: .now())
    }

    mutating func next(_ text: String = "hello", conversation: String = "c1", at: Timestamp = .now()) -> LogMessage {
        LogMessage(
            id: generator.next(at: at), at: at,
            session: .init(id: session, platform: "test", conversation: conversation, user: "u1"),
            direction: .inbound, sender: "u1", text: text, status: .received)
    }

    mutating func jobs(_ count: Int, conversation: String = "c1") -> [LogMessage] {
        (0..<count).map { next("message \($0)", conversation: conversation) }
    }
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
