internal import Glibc
internal import Synchronization

/// What `scripts/test` tells the tests.
public enum TestEnvironment {
    /// The value of a variable; nil when it is unset or empty.
    public static func value(_ name: String) -> String? {
        guard let value = getenv(name).map({ String(cString: $0) }), !value.isEmpty else { return nil }
        return value
    }

    /// The shared Redis.
    public static var redisURL: String? { value("CHATBRIDGE_TEST_REDIS_URL") }
    /// The shared Postgres, in which tests make databases and schemas of their own.
    public static var databaseURL: String? { value("CHATBRIDGE_TEST_DATABASE_URL") }
    /// The folder with the platforms' recorded payloads, where there is one.
    public static var shared: String? { value("CHATBRIDGE_TEST_SHARED") }
    /// The program to start a Redis of one's own.
    public static var redisServer: String? { value("CHATBRIDGE_TEST_REDIS_SERVER") }
    /// The folder of the programs to start a Postgres of one's own.
    public static var postgresFolder: String? { value("CHATBRIDGE_TEST_POSTGRES_BIN") }
    /// Whom to run Postgres as; nil: as oneself.
    public static var postgresUser: String? { value("CHATBRIDGE_TEST_POSTGRES_USER") }

    /// Where the S3 server is, which checks every signature; nil where it could not be installed.
    public static var objectStorage: String? { value("CHATBRIDGE_TEST_S3_ENDPOINT") }
    /// The key that it knows, and the only one.
    public static let objectStorageKey = (id: "CHATBRIDGETEST", secret: "test/Secret+key=of40characters0123456789")

    /// The `chatbridge` that was built with these tests.
    public static var chatbridge: String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        let path = String(decoding: buffer[..<max(0, count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return path[..<(path.lastIndex(of: "/") ?? path.endIndex)] + "/chatbridge"
    }

    /// A port of 127.0.0.1 that was free a moment ago, and that no other caller in this process gets.
    ///
    /// From below the range of ports that the system gives to outgoing connections (32768 and up on Linux): the tests make thousands
    /// of these, and one of them would take the port before the server that it is meant for.
    public static func freePort() -> Int {
        while true {
            let port = 20_000 + nextPort.wrappingAdd(1, ordering: .relaxed).oldValue % 12_000
            if isFree(port) { return port }
        }
    }

    private static let nextPort = Atomic<Int>(.random(in: 0..<12_000))

    private static func isFree(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = UInt16(port).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    /// The whole of a file; nil when it cannot be read.
    public static func read(_ path: String) -> [UInt8]? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            guard count > 0 else { return bytes }
            bytes += buffer[..<count]
        }
    }

    /// The names of a folder's files, sorted.
    public static func files(in folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }
}

/// Waits for something to come true, looking every few milliseconds.
///
/// - Returns: false when it has not after `limit`.
public func eventually(
    within limit: Duration = .seconds(30), _ condition: () async throws -> Bool
) async rethrows -> Bool {
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end {
        if try await condition() { return true }
        try? await Task.sleep(for: .milliseconds(20))
    }
    return try await condition()
}
