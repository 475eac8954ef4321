import Agents
import Bridge
import BridgeCore
import HTTPServer
import ObjectStorage
import Redis
import Telemetry
import Tracing
import WebAdapter

/// All that a process of ChatBridge is told from outside, read once.
struct ProductConfiguration: Sendable {
    /// Where sessions and messages are kept.
    enum Database: Sendable, Equatable {
        /// The embedded store, a file.
        case sqlite(path: String)
        /// A Postgres server, by its connection URL.
        case postgres(url: Secret)
    }

    /// How the logger takes jobs from Redis.
    enum ClaimMode: Sendable {
        /// Claimed, and deleted after the commit.
        case reliable
        /// Plain BRPOP: what is in hand when the logger dies is lost.
        case brpop
    }

    /// Who answers.
    enum AgentChoice: Sendable {
        case echo
        case mastra(MastraConfiguration)
        case openAI(OpenAIConfiguration)
        case responses(OpenAIConfiguration)
        case a2a(HTTPAgentConfiguration)
        case agui(HTTPAgentConfiguration)
        case http(HTTPAgentConfiguration)

        /// The name as in `AGENT`.
        var name: String {
            switch self {
            case .echo: "echo"
            case .mastra: "mastra"
            case .openAI: "openai"
            case .responses: "responses"
            case .a2a: "a2a"
            case .agui: "agui"
            case .http: "http"
            }
        }
    }

    var host = "127.0.0.1"
    var port = 3000
    /// Where `chatbridge logger` answers `/health`, `/ready` and `/metrics`; nil: nowhere.
    var loggerPort: Int?
    /// Event loops of a bridge, each a thread.
    var loops = 1
    var maxBodyBytes = 1_048_576
    var database = Database.sqlite(path: "chatbridge.db")
    var redisURL: Secret?
    var redisPrefix = "chatbridge"
    /// How many parts the keys have in a cluster.
    var redisShardCount = RedisShard.defaultCount
    var spoolDirectory = "./spool"
    var spoolMaxBytes = 256 << 20
    var agent = AgentChoice.echo
    /// So many failures in a row, and the agent is left alone for a moment; nil: never.
    var agentFailures: Int? = 5
    var bridge = BridgeConfiguration()
    var sessionTTL = Duration.seconds(86_400)
    /// A bridge or logger that gives no sign of life for so long is taken for dead.
    var lease = Duration.seconds(10)
    var logBatch = 500
    var logFlush = Duration.milliseconds(50)
    var logClaim = ClaimMode.reliable
    var apiToken: Secret?
    var webAllowedOrigins: [String] = []
    /// What a visitor of the chat page may send; nil: as much as they like.
    var webRateLimit: RequestRate? = RequestRate(30, per: .seconds(60))
    /// Proxies that are believed about a client's address.
    var trustedProxies = TrustedProxies()
    var maxConnections = 10_000
    var isWebEnabled = true
    var shutdownTimeout = Duration.milliseconds(10_000)
    var logLevel = LogLevel.info
    /// What is told of traces; nil: nothing.
    var tracing: TracingConfiguration?
    /// nil: text on a terminal, else JSON.
    var isLogText: Bool?
    /// Where the world reaches us, as in `https://bot.example.com`, without a slash at its end.
    var publicURL: String?
    /// Whether addresses that platforms' payloads name may be on this machine or in a private network.
    var allowsPrivateAddresses = false
    /// Where copies of inbound attachments are kept; nil: references are enough.
    var attachments: ObjectStoreConfiguration?
    /// Larger attachments are not copied.
    var attachmentMaxBytes = 20 << 20
    /// The platforms that are on, and the chat page.
    var adapters: [any Adapter] = []
}

extension ProductConfiguration {
    /// Reads a configuration from variables.
    ///
    /// - Parameter isWebDefault: true where the chat page is on unless it is turned off, as under `chatbridge run`.
    init(reading settings: inout SettingsReader, isWebDefault: Bool) {
        host = settings.text("HOST", default: host)
        port = settings.integer("PORT", default: port, in: 0...65_535)
        if settings.isSet("LOGGER_PORT") {
            loggerPort = settings.integer("LOGGER_PORT", default: 3001, in: 0...65_535)
        } else {
            _ = settings.text("LOGGER_PORT")
        }
        maxBodyBytes = settings.integer("MAX_BODY_BYTES", default: maxBodyBytes, in: 1024...(64 << 20))
        readDoor(&settings)
        readStores(&settings)
        readAgent(&settings)
        readConversations(&settings)
        loops = settings.integer("CHATBRIDGE_LOOPS", default: loops, in: 1...64)
        if loops > 1, redisURL == nil {
            settings.report("CHATBRIDGE_LOOPS=\(loops): more than one loop needs REDIS_URL")
        }
        bridge.engines = loops
        logBatch = settings.integer("LOG_BATCH", default: logBatch, in: 1...10_000)
        logFlush = settings.milliseconds("LOG_FLUSH_MS", default: 50, in: 1...60_000)
        logClaim =
            settings.choice("LOG_CLAIM", default: "reliable", of: ["reliable": .reliable, "brpop": .brpop]) ?? .reliable
        apiToken = settings.text("API_TOKEN", isSecret: true).map { Secret($0) }
        shutdownTimeout = settings.milliseconds("SHUTDOWN_TIMEOUT_MS", default: 10_000, in: 0...3_600_000)
        logLevel =
            settings.choice(
                "LOG_LEVEL", default: "info",
                of: ["debug": .debug, "info": .info, "warning": .warning, "warn": .warning, "error": .error]) ?? .info
        isLogText =
            settings.choice("LOG_FORMAT", default: "auto", of: ["auto": nil, "text": true, "json": false]) ?? nil
        readTracing(&settings)
        publicURL = settings.url("PUBLIC_URL")
        allowsPrivateAddresses = settings.boolean("ALLOW_PRIVATE_ADDRESSES", default: false)
        readAttachments(&settings)
        readPlatforms(&settings)
        isWebEnabled = settings.boolean("WEB_ENABLED", default: isWebDefault)
        webAllowedOrigins = (settings.text("WEB_ALLOWED_ORIGINS") ?? "").split(separator: ",").map {
            String($0.drop { $0 == " " })
        }
    }

    private mutating func readDoor(_ settings: inout SettingsReader) {
        maxConnections = settings.integer("MAX_CONNECTIONS", default: maxConnections, in: 16...1_000_000)
        let proxies = settings.text("TRUSTED_PROXIES", default: "private")
        if let trusted = TrustedProxies(proxies) {
            trustedProxies = trusted
        } else {
            settings.report(
                "TRUSTED_PROXIES=\(proxies): addresses and networks as in 10.0.0.0/8,2001:db8::1 are expected, or private or none"
            )
        }
        let limit = settings.text("WEB_RATE_LIMIT", default: "30/min")
        webRateLimit = limit == "off" ? nil : RequestRate(limit)
        if webRateLimit == nil, limit != "off" {
            settings.report("WEB_RATE_LIMIT=\(limit): a number as in 30/min, 2/s or 500/h is expected, or off")
        }
    }

    private mutating func readStores(_ settings: inout SettingsReader) {
        if let url = settings.text("DATABASE_URL", isSecret: true, shownDefault: "sqlite:chatbridge.db") {
            if url.hasPrefix("sqlite:") {
                let path = url.dropFirst("sqlite:".count)
                if path.isEmpty {
                    settings.report("DATABASE_URL: a path is expected after sqlite:, as in sqlite:chatbridge.db")
                }
                database = .sqlite(path: String(path))
            } else if url.hasPrefix("postgres://") || url.hasPrefix("postgresql://") {
                database = .postgres(url: Secret(url))
            } else {
                settings.report(
                    "DATABASE_URL: postgres://user:password@host:port/database or sqlite:PATH is expected")
            }
        }
        if let url = settings.text("REDIS_URL", isSecret: true) {
            do {
                _ = try RedisConfiguration(url: url)
                redisURL = Secret(url)
            } catch {
                settings.report("REDIS_URL: \(error.message)")
            }
        }
        redisPrefix = settings.text("REDIS_PREFIX", default: redisPrefix)
        redisShardCount = settings.integer("REDIS_SHARDS", default: redisShardCount, in: 2...1024)
        lease = settings.milliseconds("LEASE_MS", default: 10_000, in: 500...600_000)
        spoolDirectory = settings.text("SPOOL_DIR", default: spoolDirectory)
        spoolMaxBytes = settings.integer("SPOOL_MAX_BYTES", default: spoolMaxBytes, in: 65_536...(1 << 40))
    }

    private mutating func readConversations(_ settings: inout SettingsReader) {
        sessionTTL = .seconds(settings.integer("SESSION_TTL_SECONDS", default: 86_400, in: 1...315_360_000))
        bridge.historyLimit = settings.integer("AGENT_HISTORY", default: 20, in: 0...1000)
        let window = settings.milliseconds("COALESCE_MS", default: 1000, in: 0...60_000)
        bridge.policy =
            settings.choice(
                "CONVERSATION_POLICY", default: "queue",
                of: [
                    "queue": .queue, "coalesce": .coalesce(within: window), "latest": .latest,
                    "concurrent": .concurrent,
                ]) ?? .queue
        bridge.acknowledgement =
            settings.choice("ACK", default: "fast", of: ["fast": .fast, "durable": .durable]) ?? .fast
        bridge.isStreaming = settings.choice("STREAMING", default: "auto", of: ["auto": true, "off": false]) ?? true
        let typing = settings.milliseconds("TYPING_DELAY_MS", default: 400, in: 0...60_000)
        bridge.typingDelay = typing == .zero ? nil : typing
        let reply = settings.text("ERROR_REPLY", default: bridge.errorReply ?? "")
        bridge.errorReply = reply.isEmpty ? nil : reply
    }

    private mutating func readPlatforms(_ settings: inout SettingsReader) {
        adapters = PlatformSettings.all.compactMap { $0.read(&settings) } + [WebAdapter()]
        for platform in PlatformSettings.all {
            let limit = settings.text("\(platform.prefix)_RATE_LIMIT", default: "auto")
            let name = platform.platform
            switch limit.lowercased() {
            case "auto", "": bridge.rateLimits[name] = .auto
            case "off": bridge.rateLimits[name] = .off
            default:
                if limit.hasSuffix("/s"), let rate = Double(limit.dropLast(2)), rate > 0, rate.isFinite {
                    bridge.rateLimits[name] = .perSecond(rate)
                } else {
                    settings.report(
                        "\(platform.prefix)_RATE_LIMIT=\(limit): auto, off or a number as in 5/s is expected")
                }
            }
        }
    }
}
