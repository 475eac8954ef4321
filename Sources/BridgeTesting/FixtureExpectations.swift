internal import Glibc
internal import HTTPCore
internal import JSON

/// What the recorded payloads of a platform should become: the tables in `Tests/Fixtures/expectations/`.
///
/// The payloads themselves are not part of the repository. They are looked for in the folder that
/// `CHATBRIDGE_TEST_SHARED` names, else in `../shared` beside the repository; tests that need them say so when they are
/// not there.
public struct FixtureExpectations: Sendable {
    /// One payload and what it should become.
    public struct Row: Sendable, CustomStringConvertible {
        /// The payload's file name.
        public var file: String
        /// What kind of request it is: empty, or a word that the platform's tests know (a form, an inner object).
        public var form: String
        /// The body as it is in the file.
        public var body: [UInt8]
        /// The bot for which the payload was meant, where that decides what becomes of it.
        public var bot: String?
        /// The events, in order; empty where the payload is a handshake.
        public var events: [ExpectedEvent]

        /// The file's name.
        public var description: String { file }

        /// The body as its platform sends it, with identifiers that no other number gives.
        ///
        /// Recorded payloads share event ids, which a bridge that has seen the first would take for a retry.
        public func body(number: Int) -> [UInt8] {
            var body = body
            for (name, isNumber) in [("update_id", true), ("event_id", false), ("trigger_id", false)] {
                FixtureExpectations.rename(name, isNumber: isNumber, in: &body, number: number)
            }
            switch form {
            case "payload":
                return Array("payload=\(HTTPPercentEncoding.encode(String(decoding: body, as: UTF8.self)))".utf8)
            case "fields":
                let members = (try? JSONView(parsing: body))?.members.map { name, value in
                    "\(name)=\(HTTPPercentEncoding.encode(value.string ?? ""))"
                }
                return Array((members ?? []).joined(separator: "&").utf8)
            default:
                return body
            }
        }

        /// The media type that goes with the body.
        public var contentType: String {
            let isForm = !form.isEmpty || file.hasSuffix(".txt")
            return isForm ? "application/x-www-form-urlencoded" : "application/json"
        }
    }

    /// The rows, in the order of the table.
    public var rows: [Row]

    /// Reads the table of a platform and its payloads; nil when the folder of payloads is not there.
    ///
    /// Where several platforms share a folder, the table names it (`"folder"`).
    ///
    /// - Throws: an error that names the file when the table is broken, or a payload is missing from it or from the
    ///   folder.
    public init?(platform: String) throws(FixtureError) {
        let table = Self.root + "/Tests/Fixtures/expectations/\(platform).json"
        guard let bytes = Self.read(table), let json = try? JSONView(parsing: bytes) else {
            throw FixtureError("\(table) is missing or no JSON")
        }
        guard let folder = Self.folder(of: json["folder"].string ?? platform) else { return nil }
        rows = []
        for item in json["payloads"].elements {
            guard let file = item["file"].string, let body = Self.read("\(folder)/\(file)") else {
                throw FixtureError("\(item["file"].string ?? "?") is in the table but not in \(folder)")
            }
            let payload = (try? JSONView(parsing: body)) ?? .missing
            var events: [ExpectedEvent] = []
            for event in item["events"].elements {
                guard let expected = ExpectedEvent(event, payload: payload) else {
                    throw FixtureError("\(file): a row without a kind or conversation")
                }
                events.append(expected)
            }
            rows.append(
                Row(
                    file: file, form: item["form"].string ?? "", body: body, bot: item["bot"].string, events: events))
        }
        let named = Set(rows.map(\.file)).union(json["not_inbound"].elements.compactMap(\.string))
        for file in Self.files(in: folder) where !named.contains(file) {
            throw FixtureError("\(file) is in \(folder) but not in the table")
        }
    }

    /// Gives the first member of a name a value of its own: another number, or the text that it has with a number
    /// behind it.
    ///
    /// An empty text stays empty.
    private static func rename(_ name: String, isNumber: Bool, in body: inout [UInt8], number: Int) {
        let key = Array("\"\(name)\"".utf8)
        guard let start = body.indices.first(where: { body[$0...].starts(with: key) }),
            let value = body[(start + key.count)...].firstIndex(where: { $0 != 0x20 && $0 != UInt8(ascii: ":") })
        else { return }
        if isNumber {
            let end = body[value...].firstIndex { !(0x30...0x39).contains($0) } ?? body.endIndex
            body.replaceSubrange(value..<end, with: "\(500_000_000 + number)".utf8)
        } else if body[value] == UInt8(ascii: "\""),
            let end = body[(value + 1)...].firstIndex(of: UInt8(ascii: "\"")), end > value + 1
        {
            body.insert(contentsOf: "-\(number)".utf8, at: end)
        }
    }

    /// The bytes of any file beside a platform's payloads, as `signatures.json`; nil when it is not there.
    public static func file(_ name: String, of platform: String) -> [UInt8]? {
        folder(of: platform).flatMap { read("\($0)/\(name)") }
    }

    /// The folder of a platform's payloads, when it is there.
    public static func folder(of platform: String) -> String? {
        let shared = getenv("CHATBRIDGE_TEST_SHARED").map { String(cString: $0) } ?? root + "/../shared"
        let folder = "\(shared)/platforms/fixtures/\(platform)"
        return access(folder, R_OK | X_OK) == 0 ? folder : nil
    }

    /// The repository: three levels above this file.
    private static let root = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }

    private static func files(in folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasSuffix(".json") || name.hasSuffix(".txt") { names.append(name) }
        }
        return names.sorted()
    }

    private static func read(_ path: String) -> [UInt8]? {
        guard let file = fopen(path, "rb") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            guard count > 0 else { return bytes }
            bytes += buffer[..<count]
        }
    }
}

/// Why a table of expectations cannot be used.
public struct FixtureError: Error, CustomStringConvertible {
    /// What is wrong, naming the file.
    public let description: String

    init(_ description: String) { self.description = description }
}
