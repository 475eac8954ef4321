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
        /// The name in the JSON: `database`, `redis`, …
        public var name: String
        /// True when `/ready` depends on it. Redis and Postgres do not count: users are answered without them.
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

    private let loop: EventLoop
    private let parts: [Part]
    private let version: String

    /// An endpoint over these parts.
    public init(loop: EventLoop, version: String, parts: [Part]) {
        self.loop = loop
        self.version = version
        self.parts = parts
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
        await report(on: parts) { part, finding in finding.isHealthy || !part.isRequired }
    }

    /// One part alone; 404 where the process has no such part.
    public func part(_ name: String) async -> HTTPResponse {
        let chosen = parts.filter { $0.name == name }
        guard !chosen.isEmpty else {
            return .error(.notFound, code: "not_configured", message: "This process has no \(name).")
        }
        return await report(on: chosen) { _, finding in finding.isHealthy }
    }

    private func report(on parts: [Part], isGood: (Part, Finding) -> Bool) async -> HTTPResponse {
        var findings: [Finding] = []
        for part in parts { findings.append(await check(part)) }
        let isHealthy = zip(parts, findings).allSatisfy { isGood($0, $1) }
        var writer = JSONWriter()
        writer.object { object in
            object.field("status", isHealthy ? "ok" : "unavailable")
            object.objectField("parts") { object in
                for (part, finding) in zip(parts, findings) {
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

    private func check(_ part: Part) async -> Finding {
        let loop = loop
        return await withTaskGroup(of: Finding?.self) { group in
            group.addTask { await part.check() }
            group.addTask {
                try? await loop.sleep(for: HealthEndpoint.deadline)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first ?? Finding(isHealthy: false, detail: "no answer within \(HealthEndpoint.deadline)")
        }
    }
}
