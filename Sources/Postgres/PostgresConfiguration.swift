internal import CLibPQ

/// Says which database to talk to and how long to wait for it.
///
/// The connection string may hold a password, so it is never part of a description; ``endpoint`` is what may be shown.
public struct PostgresConfiguration: Sendable, CustomStringConvertible {
    /// What libpq is given: a `postgres://` URL or `keyword=value` pairs, TLS by `sslmode`
    /// (PostgreSQL manual, "Connection Strings").
    let connectionString: String

    /// Host, port and database, fit for a log line: `db.example:5432/chat`.
    ///
    /// Several hosts are joined by commas.
    public let endpoint: String

    /// How long one host may take to accept the connection; whole seconds are what libpq knows, two its least value.
    ///
    /// Default 5 s. A `connect_timeout` in the connection string wins.
    public var connectTimeout: Duration = .seconds(5)

    /// The longest a single statement may run before the server cancels it (`statement_timeout`), and, with five
    /// seconds of grace, the longest the client waits in silence before it calls the connection lost.
    ///
    /// Default 30 s; zero: no limit, as for migrations.
    public var statementTimeout: Duration = .seconds(30)

    /// What `pg_stat_activity` shows unless the connection string names an `application_name`.
    public var applicationName = "chatbridge"

    /// Checks a connection string without connecting.
    ///
    /// - Parameter connectionString: A URL or `keyword=value` pairs, as libpq takes them.
    /// - Throws: ``PostgresError`` with the code `invalidConfiguration`. libpq's own words are left out of it, because
    ///   they repeat the string, password included.
    public init(_ connectionString: String) throws(PostgresError) {
        guard !connectionString.utf8.contains(0), let options = PQconninfoParse(connectionString, nil) else {
            throw PostgresError(
                code: .invalidConfiguration,
                message: "not a libpq connection string; expected postgres://user:password@host:port/database",
                operation: "reading the configuration")
        }
        defer { PQconninfoFree(options) }
        var found: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { found[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        let host = found["host"] ?? found["hostaddr"] ?? "localhost"
        self.connectionString = connectionString
        endpoint = "\(host):\(found["port"] ?? "5432")/\(found["dbname"] ?? found["user"] ?? "")"
    }

    /// The endpoint; never the password.
    public var description: String { endpoint }

    /// Keywords for `PQconnectdbParams`.
    ///
    /// The string is expanded where `dbname` stands, and what comes later wins: so our defaults are before it, and the
    /// encoding, which everything here relies on, after it.
    var keywords: [(String, String)] {
        [
            ("connect_timeout", String(max(2, connectTimeout.components.seconds))),
            // A peer that vanished is noticed within 30 + 3 × 10 s while idle, and within 30 s with data unacknowledged.
            ("keepalives", "1"), ("keepalives_idle", "30"), ("keepalives_interval", "10"), ("keepalives_count", "3"),
            ("tcp_user_timeout", "30000"),
            ("fallback_application_name", applicationName),
            ("dbname", connectionString),
            ("client_encoding", "UTF8"),
        ]
    }
}
