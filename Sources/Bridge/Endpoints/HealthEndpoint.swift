public import EventLoop
internal import HTTPCore
public import HTTPServer
internal import JSON

/// `/health`, `/ready`, `/db/health` and `/redis/health`: 200 or 503 with JSON that names each part.
public struct HealthEndpoint: Sendable {
    /// How one part is found to be.
    public struct Finding: Sendable, Equatable {
        /// True when it does its work.
        public var isHealthy: Bool
        /// What was found, for a person.
        public var detail: String

        /// A finding.
        public init(isHealthy: Bool, detail: String) {
            self.isHealthy = isHealthy
            self.detail = detail
        }
    }

    /// A part of the process that can be asked.
    public struct Part: Sendable {
        /// The name in the JSON, as `database` or `redis`.
        public var name: String
        /// True when `/ready` depends on it.
        ///
        /// Redis and Postgres do not count: users are answered without them.
        public var isRequired: Bool
        /// Asks it.
        public var check: @Sendable () async -> Finding

        /// A part that can be asked.
        public init(name: String, isRequired: Bool, check: @escaping @Sendable () async -> Finding) {
            self.name = name
            self.isRequired = isRequired
            self.check = check
        }
    }

    /// A part that has not answered by then is taken to be ill.
    private static let deadline = Duration.seconds(2)

    private let probes: [HealthProbe]
    private let version: String

    /// An endpoint over these parts.
    public init(loop: EventLoop, version: String, parts: [Part]) {
        self.version = version
        probes = parts.map { HealthProbe($0, loop: loop, deadline: HealthEndpoint.deadline) }
    }

    /// The process answers: waits for nothing.
    public func health() -> HTTPResponse {
        var writer = JSONWriter()
        writer.object {
            $0.field("status", "ok")
            $0.field("version", version)
        }
        return .json(writer.bytes)
    }

    /// Whether new messages can be taken, with the state of every part.
    public func ready() async -> HTTPResponse {
        await report(on: probes) { part, finding in finding.isHealthy || !part.isRequired }
    }

    /// One part alone; 404 where the process has no such part.
    public func part(_ name: String) async -> HTTPResponse {
        let chosen = probes.filter { $0.part.name == name }
        guard !chosen.isEmpty else {
            return .error(.notFound, code: "not_configured", message: "This process has no \(name).")
        }
        return await report(on: chosen) { _, finding in finding.isHealthy }
    }

    private func report(on probes: [HealthProbe], isGood: (Part, Finding) -> Bool) async -> HTTPResponse {
        // All are asked before any is waited for: the slowest one says how long it takes.
        for probe in probes { await probe.start() }
        var report: [(part: Part, finding: Finding)] = []
        for probe in probes { report.append((probe.part, await probe.finding())) }
        let isHealthy = report.allSatisfy { isGood($0.part, $0.finding) }
        var writer = JSONWriter()
        writer.object { object in
            object.field("status", isHealthy ? "ok" : "unavailable")
            object.objectField("parts") { object in
                for (part, finding) in report {
                    object.key(part.name)
                    object.object {
                        $0.field("status", finding.isHealthy ? "ok" : "unavailable")
                        $0.field("detail", finding.detail)
                    }
                }
            }
        }
        return .json(writer.bytes, status: isHealthy ? .ok : .serviceUnavailable)
    }
}
