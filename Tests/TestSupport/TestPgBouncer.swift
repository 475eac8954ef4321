internal import Glibc

/// A PgBouncer of one test's own in transaction mode, before a Postgres of its own.
public final class TestPgBouncer: @unchecked Sendable {
    // Unchecked: one test owns it and calls it in turn.

    /// The program, which Debian keeps off most people's PATH; nil where it is not installed.
    public static let program: String? = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"].first
    {
        access($0, X_OK) == 0
    }

    private let folder = TemporaryFolder()
    private let process: ChildProcess
    /// Its port on 127.0.0.1.
    public let port = TestEnvironment.freePort()

    /// Where it is.
    public var url: String { "postgres://chatbridge@127.0.0.1:\(port)/postgres" }

    /// Starts it.
    ///
    /// - Parameter connections: to the server, for all clients together.
    public init(before postgres: TestPostgres, connections: Int) throws {
        chmod(folder.path, 0o755)
        let files = [
            "users": "\"chatbridge\" \"\"\n",
            "ini": """
            [databases]
            * = host=127.0.0.1 port=\(postgres.port)
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = \(port)
            unix_socket_dir =
            auth_type = trust
            auth_file = \(folder.path("users"))
            pool_mode = transaction
            default_pool_size = \(connections)

            """,
        ]
        for (name, text) in files {
            guard let file = fopen(folder.path(name), "w") else { throw ChildProcess.Failure("no \(name)") }
            fputs(text, file)
            fclose(file)
            chmod(folder.path(name), 0o644)
        }
        process = try ChildProcess(
            postgres.asUser + [TestPgBouncer.program ?? "pgbouncer", folder.path("ini")], output: folder.path("log"))
        try awaitListener(on: port, of: process)
    }
}
