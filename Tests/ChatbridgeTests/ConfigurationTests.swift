import Agents
import Bridge
import BridgeCore
import ObjectStorage
import Testing

@testable import chatbridge

@Suite struct ConfigurationTests {
    private func load(_ variables: [String: String], file: String? = nil) -> LoadedConfiguration {
        ConfigurationLoader.load(environment: variables, file: file, isWebDefault: true)
    }

    @Test func `with nothing configured there is nothing to complain of`() {
        let loaded = load([:])
        #expect(loaded.problems == [])
        #expect(loaded.warnings == [])
        #expect(loaded.product.port == 3000)
        #expect(loaded.product.host == "127.0.0.1")
        #expect(loaded.product.database == .sqlite(path: "chatbridge.db"))
        #expect(loaded.product.agent.name == "echo")
        #expect(loaded.product.adapters.map(\.platform.rawValue) == ["web"])
    }

    @Test(
        arguments: [
            ([:], []), (["ATTACHMENT_BUCKET": ""], []),
            // Other programs' variables are no wish for a bucket.
            (["AWS_REGION": "Nowhere", "AWS_ACCESS_KEY_ID": "A"], []),
            (
                ["ATTACHMENT_BUCKET": "media"],
                ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"]
            ),
            (
                ["ATTACHMENT_BUCKET": "Media_1", "AWS_REGION": "eu/x", "S3_ENDPOINT": "minio:9000"],
                ["S3_ENDPOINT", "ATTACHMENT_BUCKET", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"]
            ),
            (
                [
                    "ATTACHMENT_BUCKET": "media", "AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "S",
                    "S3_ENDPOINT": "http://u:p@minio:9000",
                ], ["S3_ENDPOINT"]
            ),
            (
                [
                    "ATTACHMENT_BUCKET": "media", "AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "S",
                    "S3_ENDPOINT": "http://minio:9000", "ATTACHMENT_MAX_BYTES": "10",
                ], ["ATTACHMENT_MAX_BYTES"]
            ),
        ] as [([String: String], [String])])
    func `a bucket is wanted whole or not at all`(variables: [String: String], problems: [String]) {
        let loaded = load(variables)
        #expect(loaded.problems.map { String($0.prefix { $0 != ":" && $0 != "=" }) } == problems)
    }

    @Test func `a bucket of one's own server needs no region, and no secret is shown`() throws {
        let loaded = load([
            "ATTACHMENT_BUCKET": "media", "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "very-secret",
            "AWS_SESSION_TOKEN": "token-secret", "S3_ENDPOINT": "http://minio:9000/",
        ])
        #expect(loaded.problems.isEmpty && loaded.warnings.isEmpty)
        let attachments = try #require(loaded.product.attachments)
        #expect(attachments.bucket == "media" && attachments.region == "us-east-1")
        #expect(attachments.endpoint == "http://minio:9000")
        #expect(attachments.secretAccessKey.value == "very-secret" && attachments.sessionToken?.value == "token-secret")
        #expect(!loaded.shown.contains { $0.value.contains("secret") || $0.value.contains("AKID") })
    }

    @Test func `the environment wins over the file`() {
        let loaded = load(["PORT": "4000"], file: "PORT=5000\nHOST=0.0.0.0")
        #expect(loaded.product.port == 4000)
        #expect(loaded.product.host == "0.0.0.0")
    }

    @Test func `every problem is listed at once, each with its variable`() {
        let loaded = load([
            "PORT": "70000", "DATABASE_URL": "mysql://x", "REDIS_URL": "localhost:6379", "LOG_LEVEL": "loud",
            "TELEGRAM_BOT_TOKEN": "1:x", "SLACK_BOT_TOKEN": "xoxb", "AGENT": "oracle", "TYPING_DELAY_MS": "soon",
            "MASTRA_HEADERS": "[]", "OPENAI_BASE_URL": "ftp://x", "TELEGRAM_RATE_LIMIT": "fast",
        ])
        let named = [
            "PORT", "DATABASE_URL", "REDIS_URL", "LOG_LEVEL", "TELEGRAM_WEBHOOK_SECRET", "SLACK_SIGNING_SECRET",
            "AGENT",
            "TYPING_DELAY_MS", "MASTRA_HEADERS", "OPENAI_BASE_URL", "TELEGRAM_RATE_LIMIT",
        ]
        for name in named { #expect(loaded.problems.contains { $0.hasPrefix(name) }, "\(name)") }
        #expect(loaded.problems.count == named.count, "\(loaded.problems)")
    }

    @Test func `who comes to the door is limited as it is written`() {
        let loaded = load(["WEB_RATE_LIMIT": "2/s", "TRUSTED_PROXIES": "10.0.0.0/8", "MAX_CONNECTIONS": "500"])
        #expect(loaded.problems == [])
        #expect(loaded.product.webRateLimit == RequestRate(2, per: .seconds(1)))
        #expect(loaded.product.maxConnections == 500)
        #expect(load([:]).product.webRateLimit == RequestRate(30, per: .seconds(60)))
        #expect(load(["WEB_RATE_LIMIT": "off"]).product.webRateLimit == nil)
        for (name, value) in [("WEB_RATE_LIMIT", "fast"), ("TRUSTED_PROXIES", "everybody"), ("MAX_CONNECTIONS", "1")] {
            let problems = load([name: value]).problems
            #expect(problems.count == 1 && problems[0].hasPrefix(name), "\(problems)")
        }
    }

    @Test func `a secret is never shown`() {
        let secrets = [
            "TELEGRAM_BOT_TOKEN": "123:hush", "TELEGRAM_WEBHOOK_SECRET": "hush",
            "DATABASE_URL": "postgres://u:hush@h/d",
            "REDIS_URL": "redis://:hush@h", "API_TOKEN": "hush", "MASTRA_API_KEY": "hush", "OPENAI_API_KEY": "hush",
            "SLACK_BOT_TOKEN": "hush", "SLACK_SIGNING_SECRET": "hush", "MASTRA_HEADERS": #"{"X":"hush"}"#,
            "WEBHOOK_SECRET": "hush", "MASTRA_ENDPOINT": "http://user:hush@h/api",
        ]
        let loaded = load(secrets)
        #expect(!loaded.shown.contains { $0.value.contains("hush") }, "\(loaded.shown)")
        #expect(!loaded.problems.contains { $0.contains("hush") }, "\(loaded.problems)")
    }

    @Test(
        arguments: [
            ([:], "echo"), (["MASTRA_ENDPOINT": "http://h/api", "MASTRA_AGENT_ID": "a"], "mastra"),
            (["AGENT_URL": "http://h"], "http"), (["OPENAI_API_KEY": "k", "OPENAI_RESPONSE_MODEL": "m"], "openai"),
            (["OPENAI_BASE_URL": "http://h/v1", "OPENAI_RESPONSE_MODEL": "m"], "openai"),
            (["AGENT_URL": "http://h", "REPEAT_MODE": "true"], "echo"),
            (["AGENT_URL": "http://h", "AGENT": "echo"], "echo"),
            (["AGENT_URL": "http://h", "AGENT": "a2a"], "a2a"), (["AGENT_URL": "http://h/", "AGENT": "AGUI"], "agui"),
            (["OPENAI_RESPONSE_MODEL": "m", "AGENT": "responses"], "responses"),
        ] as [([String: String], String)])
    func `the agent is the one that is named, or else inferred from the endpoint that is set`(
        variables: [String: String], agent: String
    ) {
        let loaded = load(variables)
        #expect(loaded.problems == [])
        #expect(loaded.product.agent.name == agent)
    }

    @Test(arguments: [
        ("a2a", "AGENT_URL"), ("agui", "AGENT_URL"), ("http", "AGENT_URL"), ("responses", "OPENAI_RESPONSE_MODEL"),
        ("openai", "OPENAI_RESPONSE_MODEL"), ("mastra", "MASTRA_ENDPOINT"), ("oracle", "responses, a2a, agui"),
    ])
    func `an agent without its address is a problem that says what is missing`(agent: String, missing: String) {
        let problems = load(["AGENT": agent]).problems
        #expect(problems.count == 1 && problems[0].contains("AGENT=\(agent)") && problems[0].contains(missing))
    }

    @Test(arguments: [
        (nil, true, false), ("auto", true, false), ("true", true, true), ("false", false, false),
    ])
    func `pictures go to every agent but an endpoint of one's own, unless it is said`(
        setting: String?, others: Bool, own: Bool
    ) {
        var variables = ["AGENT_URL": "http://h", "MASTRA_ENDPOINT": "http://h/api", "MASTRA_AGENT_ID": "a"]
        variables["OPENAI_RESPONSE_MODEL"] = "m"
        variables["AGENT_IMAGES"] = setting
        for name in ["mastra", "openai", "responses", "a2a", "agui", "http"] {
            let loaded = load(variables.merging(["AGENT": name]) { $1 })
            #expect(loaded.problems == [])
            #expect(loaded.product.makeAgent().takesImages == (name == "http" ? own : others), "\(name)")
        }
    }

    @Test func `an agent's address keeps the slash at its end`() {
        guard case .agui(let configuration) = load(["AGENT": "agui", "AGENT_URL": "http://h/run/"]).product.agent else {
            Issue.record("another agent")
            return
        }
        #expect(configuration.url == "http://h/run/")
    }

    @Test func `a platform is on when its credentials are there, and off when it is told so`() {
        let telegram = ["TELEGRAM_BOT_TOKEN": "1:x", "TELEGRAM_WEBHOOK_SECRET": "s"]
        #expect(load(telegram).product.adapters.map(\.platform.rawValue) == ["telegram", "web"])
        #expect(load(telegram.merging(["TELEGRAM_ENABLED": "false"]) { $1 }).product.adapters.count == 1)
        #expect(load(["TELEGRAM_ENABLED": "true"]).problems.count == 1)
        #expect(load(["TELEGRAM_BOT_TOKEN": "1:x", "TELEGRAM_POLLING": "true"]).problems == [])
    }

    @Test func `a variable of ours that nobody reads is warned of`() {
        let loaded = load(["TELEGRAM_BOT_TOKE": "x", "PATH": "/bin", "LOG_LEVLE": "info"])
        #expect(loaded.warnings.count == 2)
        #expect(loaded.warnings.contains { $0.contains("TELEGRAM_BOT_TOKE") })
    }

    @Test func `rates are read per platform`() {
        let loaded = load(["TELEGRAM_RATE_LIMIT": "off", "SLACK_RATE_LIMIT": "2.5/s"])
        #expect(loaded.product.bridge.rateLimits[PlatformName("telegram")] == .off)
        #expect(loaded.product.bridge.rateLimits[PlatformName("slack")] == .perSecond(2.5))
    }
}

@Suite struct ArgumentsTests {
    @Test func `options are taken wherever they stand`() throws {
        var arguments = Arguments(["telegram", "--url=http://h", "hello", "--repeat", "3", "--json"])
        let isJSON = arguments.flag("--json")
        let url = try arguments.value("--url")
        let count = try arguments.integer("--repeat", in: 1...5)
        let words = [arguments.next(), arguments.next(), arguments.next()]
        try arguments.end()
        #expect(isJSON)
        #expect(url == "http://h")
        #expect(count == 3)
        #expect(words == ["telegram", "hello", nil])
    }

    @Test func `what is left over or out of range is refused`() {
        #expect(throws: Arguments.UsageError.self) { try Arguments(["--odd"]).end() }
        #expect(throws: Arguments.UsageError.self) {
            var arguments = Arguments(["--repeat", "9"])
            _ = try arguments.integer("--repeat", in: 1...5)
        }
        #expect(throws: Arguments.UsageError.self) {
            var arguments = Arguments(["--url"])
            _ = try arguments.value("--url")
        }
    }
}
