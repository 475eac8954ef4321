public import Glibc

/// A Redis of one test's own, to be stopped, killed and started again without anybody else feeling it.
public final class TestRedis: @unchecked Sendable {
    // Unchecked: one test owns it and calls it in turn.

    private let folder = TemporaryFolder()
    /// Its port on 127.0.0.1; the same after a restart.
    public private(set) var port = TestEnvironment.freePort()
    private var process: ChildProcess?
    private let options: [String]

    /// Where it is.
    public var url: String { "redis://127.0.0.1:\(port)" }

    /// The folder that it writes to.
    public var directory: String { folder.path("data") }

    /// Starts it, with the append-only file on.
    ///
    /// - Parameter options: further options of `redis-server`, which win over those that are set here.
    public init(_ options: [String] = []) throws {
        self.options = options
        mkdir(folder.path("data"), 0o700)
        try start()
    }

    /// Starts it again, with the data it had.
    public func start() throws {
        process = try ChildProcess(
            [
                TestEnvironment.redisServer ?? "redis-server", "--bind", "127.0.0.1", "--port", "\(port)", "--dir",
                directory, "--appendonly", "yes", "--appendfsync", "always", "--save", "", "--daemonize", "no",
            ] + options, output: folder.path("log"))
        try awaitListener(on: port, of: process)
    }

    /// Sends a signal: SIGSTOP and SIGCONT to hold it.
    public func signal(_ number: Int32) { process?.signal(number) }

    /// Ends it.
    public func stop(_ number: Int32 = SIGTERM) {
        process?.end(number)
        process = nil
    }
}

/// A Postgres of one test's own.
public final class TestPostgres: @unchecked Sendable {
    // Unchecked: one test owns it and calls it in turn.

    private let folder = TemporaryFolder()
    /// Its port on 127.0.0.1; the same after a restart.
    public let port = TestEnvironment.freePort()
    private var process: ChildProcess?
    private var options: [String] = []

    /// Where it is.
    public var url: String { "postgres://chatbridge@127.0.0.1:\(port)/postgres" }

    /// Makes a cluster and starts it; trusts whoever reaches loopback.
    public init() throws {
        chmod(folder.path, 0o755)
        mkdir(folder.path("pg"), 0o700)
        if let user = TestEnvironment.postgresUser, let entry = getpwnam(user) {
            chown(folder.path("pg"), entry.pointee.pw_uid, entry.pointee.pw_gid)
        }
        let (code, output) = try ChildProcess.run(
            asUser + [
                program("initdb"), "--pgdata", folder.path("pg/data"), "--username=chatbridge", "--auth=trust",
                "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync",
            ], in: folder)
        guard code == 0 else { throw ChildProcess.Failure("initdb failed: \(output.suffix(500))") }
        try start()
    }

    /// Starts it again, with the data it had.
    public func start() throws {
        var tries = 50
        while true {
            process = try ChildProcess(
                asUser + [
                    program("postgres"), "-D", folder.path("pg/data"), "-p", "\(port)", "-c",
                    "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=30",
                ] + options, output: folder.path("log"))
            do {
                try awaitListener(on: port, of: process)
                return
            } catch {
                // After a crash a server is refused as long as a backend of the one before it is on its way out.
                tries -= 1
                guard tries > 0, process?.isRunning == false else { throw error }
                usleep(100_000)
            }
        }
    }

    /// Has it speak TLS by this certificate from its next start on.
    public func useTLS(certificate: String, key: String) throws {
        for (source, name) in [(certificate, "server.pem"), (key, "server.key")] {
            let path = folder.path("pg/\(name)")
            guard let bytes = TestEnvironment.read(source), let file = fopen(path, "w") else {
                throw ChildProcess.Failure("no \(source)")
            }
            fwrite(bytes, 1, bytes.count, file)
            fclose(file)
            chmod(path, 0o600)
            // Postgres refuses a key that others own.
            if let user = TestEnvironment.postgresUser, let entry = getpwnam(user) {
                chown(path, entry.pointee.pw_uid, entry.pointee.pw_gid)
            }
        }
        options = [
            "-c", "ssl=on", "-c", "ssl_cert_file=\(folder.path("pg/server.pem"))", "-c",
            "ssl_key_file=\(folder.path("pg/server.key"))",
        ]
    }

    /// Sends a signal to the server and all its backends: SIGSTOP and SIGCONT to hold them.
    public func signalAll(_ number: Int32) {
        guard let process else { return }
        for child in children(of: process.pid) { kill(child, number) }
        process.signal(number)
    }

    private func children(of pid: pid_t) -> [pid_t] {
        let bytes = TestEnvironment.read("/proc/\(pid)/task/\(pid)/children") ?? []
        return String(decoding: bytes, as: UTF8.self).split(separator: " ").compactMap { pid_t($0) }
    }

    /// Ends it: SIGINT is the fast shutdown, SIGQUIT the immediate one, SIGKILL a crash.
    public func stop(_ number: Int32 = SIGINT) {
        process?.end(number)
        process = nil
    }

    var asUser: [String] {
        guard let user = TestEnvironment.postgresUser, let entry = getpwnam(user), getuid() == 0 else { return [] }
        return [
            "setpriv", "--reuid=\(entry.pointee.pw_uid)", "--regid=\(entry.pointee.pw_gid)", "--clear-groups",
        ]
    }

    private func program(_ name: String) -> String {
        TestEnvironment.postgresFolder.map { "\($0)/\(name)" } ?? name
    }
}

/// Waits until something listens on a port of 127.0.0.1.
public func awaitListener(on port: Int, of process: ChildProcess?) throws {
    for _ in 0..<3000 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = UInt16(port).bigEndian
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if code == 0 { return }
        if process?.isRunning == false { break }
        usleep(10_000)
    }
    throw ChildProcess.Failure("nothing listens on port \(port): \(process?.output.suffix(2000) ?? "")")
}
