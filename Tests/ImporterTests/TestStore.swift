import BridgeCore
import Glibc
import Importer
import JSON
import SQLite
import Testing

/// A folder with files of SQLite for one test, removed with it.
struct TestStore: ~Copyable {
    let folder: String
    var path: String { folder + "/store.db" }

    init() throws {
        var template = Array("/tmp/chatbridge-importer-XXXXXX".utf8CString)
        _ = try #require(mkdtemp(&template))
        folder = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    deinit {
        if let entries = opendir(folder) {
            while let entry = readdir(entries) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                unlink("\(folder)/\(name)")
            }
            closedir(entries)
        }
        rmdir(folder)
    }

    var database: SQLiteDatabase { SQLiteDatabase(configuration: SQLiteConfiguration(path: path)) }

    /// Runs SQL on the file and closes it.
    func write(_ sql: String) async throws {
        let database = database
        try await database.script(sql)
        await database.close()
    }

    func open(_ mapping: String? = nil) async throws -> any ImportSource {
        try await openImportSource(path: path, mapping: try mapping.map { try ImportMapping(parsing: Array($0.utf8)) })
    }
}

extension ImportSource {
    /// All sessions, by pages of a size.
    func allSessions(by limit: Int = 100) async throws -> ImportPage<ImportedSession> {
        try await all { try await sessions(after: $0, limit: limit) }
    }

    /// All messages, by pages of a size.
    func allMessages(by limit: Int = 100) async throws -> ImportPage<LogMessage> {
        try await all { try await messages(after: $0, limit: limit) }
    }

    private func all<Row>(_ page: (ImportPosition?) async throws -> ImportPage<Row>) async throws -> ImportPage<Row> {
        var sum = ImportPage<Row>()
        var position: ImportPosition?
        repeat {
            let next = try await page(position)
            sum.rows += next.rows
            sum.rejected += next.rejected
            sum.changes.merge(next.changes) { $0 + $1 }
            // As a checkpoint keeps it.
            position = next.next.map { ImportPosition($0.description) }
        } while position != nil
        return sum
    }
}

extension [UInt8] {
    var text: String { String(decoding: self, as: UTF8.self) }
    var hex: String { map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
}

func time(_ text: String) -> Timestamp { Timestamp(text)! }

/// SQLite's binary JSON, as its specification has it; for rows of tests.
indirect enum Element {
    case null, yes, no
    case raw(UInt8, String)
    case array([Element])
    case object([(String, Element)])

    static func text(_ text: String) -> Element { .raw(7, text) }
    static func int(_ number: Int) -> Element { .raw(3, String(number)) }

    /// - Parameter wide: Writes sizes in four bytes, which is allowed for small ones too.
    func bytes(wide: Bool = false) -> [UInt8] {
        switch self {
        case .null: return [0]
        case .yes: return [1]
        case .no: return [2]
        case .raw(let type, let text): return Self.element(type, Array(text.utf8), wide)
        case .array(let elements): return Self.element(11, elements.flatMap { $0.bytes(wide: wide) }, wide)
        case .object(let members):
            return Self.element(
                12, members.flatMap { Element.text($0.0).bytes(wide: wide) + $0.1.bytes(wide: wide) }, wide)
        }
    }

    private static func element(_ type: UInt8, _ payload: [UInt8], _ wide: Bool) -> [UInt8] {
        let count = payload.count
        if wide {
            return [0xe0 | type] + (0..<4).reversed().map { UInt8(truncatingIfNeeded: count >> ($0 * 8)) } + payload
        }
        if count <= 11 { return [UInt8(count) << 4 | type] + payload }
        if count < 256 { return [0xc0 | type, UInt8(count)] + payload }
        return [0xd0 | type, UInt8(count >> 8), UInt8(truncatingIfNeeded: count)] + payload
    }
}
