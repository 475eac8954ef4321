import EventLoop
import Glibc
import Redis
import Testing

/// A redis-server of its own for one test, in a temporary folder, on a free port and on a Unix socket.
final class RedisServer: @unchecked Sendable {
    // Unchecked: a test starts and stops its server from one place at a time.

    /// The program: from the environment, else from PATH; nil when there is none.
    static let program: String? = {
        if let given = getenv("CHATBRIDGE_TEST_REDIS_SERVER") { return String(cString: given) }
        return ChildProcess.isInstalled("redis-server") ? "redis-server" : nil
    }()

    let folder: String
    let port: UInt16
    var socketPath: String { "\(folder)/redis.sock" }
    var url: String { "redis://127.0.0.1:\(port)" }
    var certificate: String { "\(folder)/cert.pem" }
    private let arguments: [String]
    private(set) var process: ChildProcess?

    /// Starts the server and waits until it listens.
    init(usesTLS: Bool = false, _ options: [String] = []) throws {
        var template = Array("/tmp/chatbridge-redis-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw ChildProcess.Failure(what: "no temporary folder") }
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        port = ChildProcess.freePort()
        var ports = ["--port", "\(port)"]
        if usesTLS {
            try ChildProcess.run([
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-days", "2",
                "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "\(folder)/key.pem", "-out",
                "\(folder)/cert.pem",
            ])
            ports = [
                "--port", "0", "--tls-port", "\(port)", "--tls-cert-file", "\(folder)/cert.pem", "--tls-key-file",
                "\(folder)/key.pem", "--tls-ca-cert-file", "\(folder)/cert.pem", "--tls-auth-clients", "no",
            ]
        }
        arguments =
            [
                RedisServer.program ?? "redis-server", "--bind", "127.0.0.1", "--dir", folder, "--save", "",
                "--appendonly", "no",
                "--unixsocket", "\(folder)/redis.sock",
            ] + ports + options
        try start()
    }

    deinit {
        stop()
        for name in ["cert.pem", "key.pem", "redis.sock", "dump.rdb"] { unlink("\(folder)/\(name)") }
        rmdir(folder)
    }

    func start() throws {
        process = try ChildProcess(arguments)
        try ChildProcess.waitForListener(on: port)
    }

    /// Ends the server as `kill -9` does.
    func stop() { process = nil }

    func signal(_ number: Int32) {
        if let process { kill(process.pid, number) }
    }
}

/// Runs a body on a new loop with a client, and shuts the client down; the server is kept alive until then.
func withRedis<Value: Sendable>(
    _ configuration: RedisConfiguration, on server: AnyObject? = nil,
    _ body: @escaping @Sendable (RedisClient) async throws -> Value
) throws -> Value {
    defer { withExtendedLifetime(server) {} }
    let loop = try EventLoop()
    return try loop.run {
        let client = RedisClient(loop: loop, configuration: configuration)
        do {
            let value = try await body(client)
            await client.shutdown()
            return value
        } catch {
            await client.shutdown()
            throw error
        }
    }
}

/// The error of a command that must fail.
func failure(of client: RedisClient, _ command: RedisCommand, timeout: Duration? = nil) async -> RedisError? {
    do {
        try await client.send(command, timeout: timeout)
        return nil
    } catch {
        return error
    }
}

/// Waits until the client is in a state that the test describes; false after twenty seconds.
func wait(for client: RedisClient, until isReached: (RedisState) -> Bool) async throws -> Bool {
    for _ in 0..<4000 {
        if isReached(await client.state) { return true }
        try await client.loop.sleep(for: .milliseconds(5))
    }
    return false
}
