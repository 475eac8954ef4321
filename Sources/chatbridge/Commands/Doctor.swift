import BridgeCore
import EventLoop
import Glibc
import HTTPClient
import Journal
import Postgres
import Redis

/// Examines what a configuration points to, one thing after the other.
struct Doctor: Sendable {
    /// One thing that was looked at.
    struct Finding: Sendable {
        /// How it is.
        enum State: Sendable {
            case good
            case warning
            case bad
        }

        let subject: String
        let state: State
        /// What was found.
        let detail: String
        /// What to do about it.
        var remedy: String?
        /// True when a service did not answer, rather than answered wrongly.
        var isUnreachable = false

        /// Whether another says the same.
        func isSame(as other: Finding) -> Bool { subject == other.subject && detail == other.detail }
    }

    let product: ProductConfiguration
    let loop: EventLoop
    let client: HTTPClient

    /// Looks at everything, in the order in which it matters.
    func examine() async -> [Finding] {
        var findings = await examineRedis()
        // A URL that is none has been told of already, or is below.
        let stores = try? OperatorStores(product, loop: loop)
        let isAway = findings.contains { $0.state == .bad }
        if let stores, !isAway { findings += await examineQueue(stores) }
        findings += await examineDatabase()
        findings.append(examineDescriptors())
        if let stores {
            findings += await examineDisk(stores)
            findings.append(await examineClock(stores))
            await stores.close()
        }
        if let finding = await examineAttachments() { findings.append(finding) }
        findings.append(await examineAgent())
        for adapter in product.adapters { findings += await examine(adapter) }
        return findings
    }

    /// Whether as many connections can be held as are configured.
    private func examineDescriptors() -> Finding {
        let connections = DescriptorLimit.connections(atMost: product.maxConnections)
        guard connections < product.maxConnections else {
            return Finding(subject: "open files", state: .good, detail: "\(product.maxConnections) connections fit")
        }
        return Finding(
            subject: "open files", state: .warning,
            detail: "the system allows \(DescriptorLimit.highest): \(connections) connections"
                + " instead of \(product.maxConnections)",
            remedy: "ulimit -Hn 20000, LimitNOFILE=20000 (systemd), ulimits: nofile (Docker),"
                + " or a smaller MAX_CONNECTIONS")
    }

    // MARK: Redis

    private func examineRedis() async -> [Finding] {
        guard let url = product.redisURL else {
            return [
                Finding(
                    subject: "redis", state: .good,
                    detail: "not used: run keeps its queue in the process (serve and logger need REDIS_URL)")
            ]
        }
        do {
            let shards = try product.redisShards(url)
            var safety: [Finding] = []
            for shard in shards {
                var configuration = shard.configuration
                configuration.connectionWait = .seconds(5)
                let redis = RedisClient(loop: loop, configuration: configuration)
                defer { loop.spawn(on: redis) { $0.shutdown() } }
                try await redis.ping()
                // Each node of a cluster has settings of its own; what is said of one is not repeated of the next.
                for finding in await examineSafety(of: redis) where !safety.contains(where: { $0.isSame(as: finding) })
                {
                    safety.append(finding)
                }
            }
            let detail = shards.count > 1 ? "answers, all \(shards.count) shards" : "answers"
            return [Finding(subject: "redis", state: .good, detail: detail)] + safety
        } catch {
            return [
                Finding(
                    subject: "redis", state: .bad, detail: "\(error)", remedy: remedy(for: error), isUnreachable: true)
            ]
        }
    }

    private func remedy(for error: any Error) -> String {
        if case .server(let word)? = (error as? RedisError)?.code, ["WRONGPASS", "NOAUTH", "NOPERM"].contains(word) {
            return "check user and password in REDIS_URL (redis://user:password@host:port), and what that user may do"
        }
        return
            "check REDIS_URL and that the server runs; users are answered meanwhile, the log waits in \(product.spoolDirectory)"
    }

    /// What of Redis's settings would lose log jobs.
    private func examineSafety(of redis: RedisClient) async -> [Finding] {
        var findings: [Finding] = []
        let settings = await settings(of: redis)
        guard !settings.isEmpty else {
            return [
                Finding(
                    subject: "redis persistence", state: .warning, detail: "CONFIG is not allowed here: cannot tell",
                    remedy: "make sure that appendonly is yes")
            ]
        }
        if settings["appendonly"] == "yes" {
            findings.append(Finding(subject: "redis persistence", state: .good, detail: "append-only file is on"))
        } else {
            findings.append(
                Finding(
                    subject: "redis persistence", state: .warning,
                    detail: "appendonly is no: what is queued is lost when Redis is killed",
                    remedy: "redis-cli CONFIG SET appendonly yes, and appendonly yes in redis.conf"))
        }
        if let policy = settings["maxmemory-policy"], settings["maxmemory"] != "0", policy != "noeviction" {
            findings.append(
                Finding(
                    subject: "redis memory", state: .warning,
                    detail: "maxmemory-policy is \(policy): the queue itself may be evicted",
                    remedy: "redis-cli CONFIG SET maxmemory-policy noeviction"))
        }
        return findings
    }

    private func settings(of redis: RedisClient) async -> [String: String] {
        var settings: [String: String] = [:]
        for name in ["appendonly", "maxmemory", "maxmemory-policy"] {
            let reply = try? await redis.send(RedisCommand("CONFIG", "GET", name))
            if let value = reply?.array?.last?.text { settings[name] = value }
        }
        return settings
    }

    // MARK: Database

    private func examineDatabase() async -> [Finding] {
        // To open a file that is not there would make it, and a doctor changes nothing.
        if case .sqlite(let path) = product.database, access(path, F_OK) != 0 {
            return [Finding(subject: "database", state: .good, detail: "sqlite:\(path) will be made by chatbridge run")]
        }
        do {
            let storage = try Storage(product.database)
            defer { loop.spawn { await storage.close() } }
            if case .postgres(_, let configuration) = storage {
                let finding = await examineMigrations(configuration)
                if finding.state == .bad { return [finding] }
                try await storage.ping()
                return [Finding(subject: "database", state: .good, detail: "\(storage.name) answers"), finding]
            }
            try await storage.ping()
            return [Finding(subject: "database", state: .good, detail: storage.name)]
        } catch {
            return [
                Finding(
                    subject: "database", state: .bad, detail: "\(error)",
                    remedy: "check DATABASE_URL and that the server runs", isUnreachable: true)
            ]
        }
    }

    private func examineMigrations(_ configuration: PostgresConfiguration) async -> Finding {
        do {
            let statuses = try await MigrationRunner(Migrations.embedded(), on: configuration).status()
            let pending = statuses.filter { $0.state == .pending }.count
            let isOdd = statuses.contains { $0.state == .changed || $0.state == .missing }
            if isOdd {
                return Finding(
                    subject: "migrations", state: .bad, detail: "the database does not match this version",
                    remedy: "chatbridge migrate status shows where")
            }
            guard pending > 0 else { return Finding(subject: "migrations", state: .good, detail: "all applied") }
            return Finding(
                subject: "migrations", state: .bad, detail: "\(pending) not applied", remedy: "chatbridge migrate up")
        } catch {
            return Finding(
                subject: "database", state: .bad, detail: "\(error)",
                remedy: "check DATABASE_URL, the server and the user's password", isUnreachable: true)
        }
    }

    // MARK: Agent and platforms

    private func examineAgent() async -> Finding {
        if let agent = product.makeAgent() as? any AgentDiscovering { return await examine(agent) }
        guard let check = AgentCheck(product.agent) else {
            return Finding(
                subject: "agent", state: .good, detail: "echo: every message is answered with itself",
                remedy: nil)
        }
        do {
            let response = try await client.send(
                HTTPClientRequest(
                    method: check.request.method, url: check.request.url, headers: check.request.headers,
                    timeouts: .init(firstByte: .seconds(10), total: .seconds(10))))
            return check.interpret(response)
        } catch {
            return Finding(
                subject: "agent", state: .bad, detail: "\(product.agent.name): \(error.message)",
                remedy: "check the agent's URL and that it runs", isUnreachable: true)
        }
    }

    /// Looks for the description of an agent that has one, as the engine does before the first question.
    private func examine(_ agent: any AgentDiscovering) async -> Finding {
        var failure: AgentFailure?
        for request in agent.discoveryRequests {
            do {
                let response = try await client.send(
                    HTTPClientRequest(
                        method: request.method, url: request.url, headers: request.headers,
                        timeouts: .init(firstByte: .seconds(10), total: .seconds(10))))
                let found = try agent.discovered(OutboundResponse(status: response.status, body: response.body))
                return Finding(subject: "agent", state: .good, detail: "\(agent.name): \(found)")
            } catch let error as AgentFailure {
                failure = failure ?? error
            } catch let error as HTTPClientError {
                failure = failure ?? AgentFailure(.unreachable, error.message)
            } catch {
                failure = failure ?? AgentFailure(.unreachable, "\(error)")
            }
        }
        return Finding(
            subject: "agent", state: .bad, detail: "\(agent.name): \(failure?.message ?? "nowhere to look for it")",
            remedy:
                "check AGENT_URL: the agent card is looked for at /.well-known/agent-card.json below it, and at its host",
            isUnreachable: failure?.kind == .unreachable)
    }

    private func examine(_ adapter: any Adapter) async -> [Finding] {
        let name = adapter.platform.rawValue
        let caller = PlatformCaller(
            adapter: adapter, client: client, stateDirectory: product.spoolDirectory, log: product.log)
        var findings: [Finding] = []
        if let adapter = adapter as? any CredentialChecking {
            for check in adapter.credentialChecks() {
                let subject = "\(name) \(check.name)"
                switch await caller.call(check.request) {
                case .failure(let problem):
                    findings.append(unreachable(subject, problem, platform: adapter.platform))
                case .success(let response):
                    findings.append(
                        Finding(
                            subject, adapter.interpretCredentialCheck(response, of: check),
                            remedy:
                                "check the credentials of \(prefix(of: adapter.platform))_… where the platform shows them; docs/adapters.md leads to its README"
                        ))
                }
            }
        }
        let isPolling = (adapter as? any LongPolling)?.isPollingEnabled == true
        // A gateway brings what a webhook would.
        let isConnected = (adapter as? any GatewayConnecting)?.isGatewayEnabled == true
        if let adapter = adapter as? any WebhookRegistering, !isPolling, !isConnected, let url = product.publicURL {
            findings.append(await examineRegistration(of: adapter, at: "\(url)/webhooks/\(name)", by: caller))
        }
        return findings.isEmpty ? [Finding(subject: name, state: .good, detail: "on")] : findings
    }

    /// Whether the webhook that the platform has is ours.
    private func examineRegistration(
        of adapter: any WebhookRegistering, at address: String, by caller: PlatformCaller
    ) async -> Finding {
        let subject = "\(adapter.platform) registration"
        let remedy = "chatbridge webhooks set \(adapter.platform)"
        switch await caller.call(adapter.webhookQuery()) {
        case .failure(let problem): return unreachable(subject, problem, platform: adapter.platform)
        case .success(let response):
            switch adapter.interpretWebhookQuery(response) {
            case .registered(address, _): return Finding(subject: subject, state: .good, detail: address)
            case .registered(let other, _):
                return Finding(
                    subject: subject, state: .bad, detail: "the webhook points elsewhere: \(other), not \(address)",
                    remedy: remedy)
            case .none:
                return Finding(subject: subject, state: .bad, detail: "no webhook is registered", remedy: remedy)
            case .failed(let failure):
                return Finding(
                    subject: subject, state: .warning, detail: "could not be found out: \(failure)",
                    remedy: "chatbridge webhooks show \(adapter.platform) asks again")
            }
        }
    }

    private func unreachable(_ subject: String, _ problem: PlatformCaller.Problem, platform: PlatformName) -> Finding {
        Finding(
            subject: subject, state: .bad, detail: problem.message,
            remedy: "check the network from here to the platform, and \(prefix(of: platform))_API_BASE",
            isUnreachable: true)
    }

    /// What the platform's variables begin with.
    private func prefix(of platform: PlatformName) -> String {
        PlatformSettings.all.first { $0.platform == platform }?.prefix ?? platform.rawValue.uppercased()
    }
}

extension Doctor.Finding {
    /// - Parameter remedy: what to do where not all is well.
    fileprivate init(_ subject: String, _ finding: CredentialFinding, remedy: String) {
        switch finding {
        case .good(let detail): self.init(subject: subject, state: .good, detail: detail)
        case .warning(let detail): self.init(subject: subject, state: .warning, detail: detail, remedy: remedy)
        case .bad(let detail): self.init(subject: subject, state: .bad, detail: detail, remedy: remedy)
        }
    }
}
