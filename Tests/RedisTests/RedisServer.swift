import EventLoop
import Glibc
import Redis
import TestSupport
import Testing

/// A redis-server of its own for one test, in a temporary folder, on a free port and on a Unix socket.
final class RedisServer: @unchecked Sendable {
    // Unchecked: a test starts and stops its server from one place at a time.

    /// The program: from the environment, else from PATH; nil when there is none.
    static let program: String? = {
        if let given = getenv("CHATBRIDGE_TEST_REDIS_SERVER") { return String(cString: given) }
        return ChildProcess.isInstalled("redis-server") ? "redis-server" : nil
    }()

    private let folder = TemporaryFolder()
    private var certificateFiles: TestCertificate?
    let port: UInt16
    var socketPath: String { folder.path("redis.sock") }
    var url: String { "redis://127.0.0.1:\(port)" }
    var certificate: String { certificateFiles?.certificate ?? "" }
    private let arguments: [String]
    private(set) var process: ChildProcess?

    /// Starts the server and waits until it listens.
    init(usesTLS: Bool = false, _ options: [String] = []) throws {
        port = UInt16(TestEnvironment.freePort())
        var ports = ["--port", "\(port)"]
        if usesTLS {
            let made = try TestCertificate(subjectAlternativeName: "IP:127.0.0.1")
            certificateFiles = made
            ports = [
                "--port", "0", "--tls-port", "\(port)", "--tls-cert-file", made.certificate, "--tls-key-file",
                made.key, "--tls-ca-cert-file", made.certificate, "--tls-auth-clients", "no",
            ]
        }
        arguments =
            [
                RedisServer.program ?? "redis-server", "--bind", "127.0.0.1", "--dir", folder.path, "--save", "",
                "--appendonly", "no",
                "--unixsocket", folder.path("redis.sock"),
            ] + ports + options
        try start()
    }

    func start() throws {
        process = try ChildProcess(arguments)
        try awaitListener(on: Int(port), of: process)
    }

    /// Ends the server as `kill -9` does.
    func stop() { process = nil }

    func signal(_ number: Int32) {
        process?.signal(number)
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
