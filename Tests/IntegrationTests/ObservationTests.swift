import BridgeCore
import EventLoop
import Glibc
import HTTPClient
import HTTPCore
import HTTPServer
import JSON
import TestSupport
import Testing

/// What operators watch by: the logger's port, and that dashboard and alarms are about metrics that are really there.
@Suite(
    .enabled(if: TestEnvironment.redisServer != nil && TestEnvironment.databaseURL != nil), .timeLimit(.minutes(5)))
struct ObservationTests {
    // This file stands three levels below the root: Tests/IntegrationTests/….
    private static let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        .joined(separator: "/")

    private static func text(_ path: String) throws -> String {
        let bytes = try #require(TestEnvironment.read("\(root)/\(path)"), "\(path)")
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func get(_ url: String) async -> (status: Int, body: String) {
        guard let loop = try? EventLoop() else { return (0, "") }
        loop.startThread(name: "observer")
        defer { loop.stop() }
        let client = HTTPClient(loop: loop)
        let response = try? await client.send(HTTPClientRequest(url: url))
        await client.shutdown()
        return (response?.status.code ?? 0, String(decoding: response?.body ?? [], as: UTF8.self))
    }

    /// The families of metrics on a page of `/metrics`.
    private static func families(_ page: String) -> Set<String> {
        Set(page.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }.map { String($0.split(separator: " ")[2]) })
    }

    /// The families that PromQL expressions name.
    private static func families(inExpressions text: some StringProtocol) -> Set<String> {
        Set(
            String(text).matches(of: /chatbridge_[a-z_]+/).map { match in
                var name = String(match.output)
                for suffix in ["_bucket", "_sum", "_count"] where name.hasSuffix(suffix) {
                    name.removeLast(suffix.count)
                }
                return name
            })
    }

    /// All values under a key, however deep.
    private static func values(of key: String, in view: JSONView) -> [String] {
        switch view.kind {
        case .object:
            return view.members.flatMap { name, value in
                (name == key ? [value.string].compactMap { $0 } : []) + values(of: key, in: value)
            }
        case .array: return view.elements.flatMap { values(of: key, in: $0) }
        default: return []
        }
    }

    @Test func `a logger with a port answers probes and Prometheus, and says what is away`() async throws {
        let stack = try await TestStack.shared([:])
        let port = TestEnvironment.freePort()
        let logger = try stack.makeLogger(["LOGGER_PORT": "\(port)"])
        try awaitListener(on: port, of: logger)
        let url = "http://127.0.0.1:\(port)"
        #expect(await Self.get("\(url)/health").status == 200)
        let ready = await Self.get("\(url)/ready")
        #expect(ready.status == 200)
        #expect(ready.body.contains("database") && ready.body.contains("redis"))
        #expect(await Self.get("\(url)/db/health").status == 200)
        #expect(await Self.get("\(url)/redis/health").status == 200)
        #expect(await Self.get("\(url)/metrics").body.contains("chatbridge_logger_jobs_written_total 0"))
        #expect(await Self.get("\(url)/api/sessions").status == 404)
        #expect(await Self.get("\(url)/").status == 404)
        #expect(logger.end(SIGTERM) == 0, "\(logger.output)")
    }

    @Test func `a logger whose port is taken says so, and one without a port listens on none`() async throws {
        let taken = try await RecordingServer { _ in .init() }
        let stack = try await TestStack.shared([:])
        let second = try stack.makeLogger(["LOGGER_PORT": "\(taken.port)"])
        #expect(second.wait(seconds: 30) == 69)
        #expect(second.output.contains("LOGGER_PORT"))
        let plain = try stack.makeLogger([:])
        #expect(await eventually { plain.output.contains("logging") })
        #expect(!plain.output.contains("listening"))
        #expect(plain.end(SIGTERM) == 0)
    }

    @Test func `dashboard and alarms name metrics that are there, and the dashboard shows all of them`() async throws {
        let receiver = try await RecordingServer { _ in .json(Array("{}".utf8)) }
        let traced = ["OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url]
        let stack = try await TestStack.shared(
            [
                "TELEGRAM_BOT_TOKEN": "1:t", "TELEGRAM_WEBHOOK_SECRET": "s", "TELEGRAM_API_BASE": receiver.url,
                "MATTERMOST_URL": receiver.url, "MATTERMOST_BOT_TOKEN": "t", "MATTERMOST_WEBHOOK_TOKEN": "t",
                "MATTERMOST_WEBSOCKET": "true",
                "AGENT": "echo", "LEASE_MS": "500",
            ].merging(traced) { $1 })
        try stack.startBridge()
        let port = TestEnvironment.freePort()
        let logger = try stack.makeLogger(traced.merging(["LOGGER_PORT": "\(port)"]) { $1 })
        try awaitListener(on: port, of: logger)
        // Gauges of the queue and the gateway come with their first look.
        #expect(
            await eventually {
                let names = Self.families(await Self.get("\(stack.url)/metrics").body)
                return names.contains("chatbridge_log_dead_letters") && names.contains("chatbridge_gateway_connected")
            })
        let there = Self.families(await Self.get("\(stack.url)/metrics").body)
            .union(Self.families(await Self.get("http://127.0.0.1:\(port)/metrics").body))
        let dashboard = try JSONView(parsing: try Self.text("deploy/grafana/chatbridge.json"))
        let shown = Self.families(inExpressions: Self.values(of: "expr", in: dashboard).joined(separator: "\n"))
        let rules = try Self.text("deploy/prometheus/alerts.yml")
        let watched = Self.families(
            inExpressions: rules.split(separator: "\n").filter { !$0.drop { $0 == " " }.hasPrefix("#") }
                .joined(separator: "\n"))
        // Those of attachments come with a bucket, and most of them with the first attachment.
        func isElsewhere(_ name: String) -> Bool { name.hasPrefix("chatbridge_attachment") }
        #expect(shown.subtracting(there).filter { !isElsewhere($0) } == [], "shown, but not there")
        #expect(there.subtracting(shown) == [], "there, but not shown")
        #expect(watched.subtracting(there).filter { !isElsewhere($0) } == [], "watched, but not there")
        // As docs/metrics.md has them, which another test holds against the sources.
        let documented = Set(
            try Self.text("docs/metrics.md").split(separator: "`").map(String.init)
                .filter { $0.wholeMatch(of: /chatbridge_[a-z_]+/) != nil })
        #expect(shown == documented)
        #expect(watched.count > 10)
        try stack.stopBridge()
        #expect(logger.end(SIGTERM) == 0)
    }
}
