import Glibc
import JSON
import TestSupport
import Testing

/// TLS to Redis and Postgres whose certificates are signed by an authority that only we trust.
@Suite(.serialized, .enabled(if: TestEnvironment.redisServer != nil && TestEnvironment.postgresFolder != nil))
struct PrivateAuthorityTests {
    /// A server's certificate, and the words that refuse it; nil where it is good.
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        var subject = "IP:127.0.0.1,DNS:localhost"
        var days = 2
        var isOurs = true
        let redisWords: String?
        let postgresWords: String?
        var testDescription: String { name }
    }

    private static let cases = [
        Case(name: "of the authority that we trust", redisWords: nil, postgresWords: nil),
        Case(
            name: "of another authority", isOurs: false, redisWords: "unable to get local issuer certificate",
            postgresWords: "certificate verify failed"),
        Case(
            name: "for another host", subject: "IP:127.0.0.2,DNS:db.example.com", redisWords: "IP address mismatch",
            postgresWords: "does not match"),
        Case(
            name: "that has expired", days: -1, redisWords: "certificate has expired",
            postgresWords: "certificate verify failed"
        ),
    ]

    /// What doctor finds of a subject; nil when it says nothing of it.
    private static func finding(_ subject: String, _ variables: [String: String]) throws -> (
        state: String, detail: String
    )? {
        let folder = TemporaryFolder()
        var variables = variables
        variables["SPOOL_DIR"] = folder.path("spool")
        let (_, output) = try ChildProcess.run(
            [TestEnvironment.chatbridge, "doctor", "--json"], environment: variables, in: folder)
        let found = try JSONView(parsing: output)["checks"].elements.first { $0["name"].string == subject }
        return found.map { ($0["status"].string ?? "", $0["detail"].string ?? "") }
    }

    @Test(arguments: cases)
    func `Redis is spoken to when its certificate is good, and else not`(given: Case) throws {
        let (ours, theirs) = (try TestAuthority(), try TestAuthority())
        let files = try (given.isOurs ? ours : theirs).issue(given.subject, days: given.days)
        let port = TestEnvironment.freePort()
        let folder = TemporaryFolder()
        let redis = try ChildProcess(
            [
                TestEnvironment.redisServer ?? "redis-server", "--bind", "127.0.0.1", "--port", "0", "--tls-port",
                "\(port)",
                "--tls-cert-file", files.certificate, "--tls-key-file", files.key, "--tls-ca-cert-file",
                ours.certificate,
                "--tls-auth-clients", "no", "--save", "", "--appendonly", "no", "--dir", folder.path,
            ], output: folder.path("log"))
        try awaitListener(on: port, of: redis)
        let url = "rediss://127.0.0.1:\(port)/0?cacert=\(ours.certificate)"
        let found = try #require(try Self.finding("redis", ["REDIS_URL": url]))
        if let words = given.redisWords {
            #expect(found.state == "failed" && found.detail.contains(words), "\(found)")
        } else {
            #expect(found.state == "ok", "\(found)")
            // The system's authorities are not asked where one is named, and do not know ours.
            let without = try #require(try Self.finding("redis", ["REDIS_URL": "rediss://127.0.0.1:\(port)/0"]))
            #expect(without.state == "failed", "\(without)")
        }
        redis.end()
    }

    @Test func `Postgres is spoken to when its certificate is good, and else not`() throws {
        let (ours, theirs) = (try TestAuthority(), try TestAuthority())
        let postgres = try TestPostgres()
        for given in Self.cases {
            let files = try (given.isOurs ? ours : theirs).issue(given.subject, days: given.days)
            postgres.stop()
            try postgres.useTLS(certificate: files.certificate, key: files.key)
            try postgres.start()
            let url = "\(postgres.url)?sslmode=verify-full&sslrootcert=\(ours.certificate)"
            var found: (state: String, detail: String) = ("ok", "starting up")
            // It listens before it takes anybody in.
            while found.detail.contains("starting up") {
                found = try Self.finding("database", ["DATABASE_URL": url]) ?? ("ok", "migrations first")
            }
            if let words = given.postgresWords {
                #expect(found.state == "failed" && found.detail.contains(words), "\(given.name): \(found)")
            } else {
                #expect(found.state == "ok", "\(given.name): \(found)")
                let folder = TemporaryFolder()
                let (code, output) = try ChildProcess.run(
                    [TestEnvironment.chatbridge, "migrate", "up", "--wait", "20"], environment: ["DATABASE_URL": url],
                    in: folder)
                #expect(code == 0, "\(output)")
                #expect(try Self.finding("database", ["DATABASE_URL": url])?.state == "ok")
            }
        }
    }
}
