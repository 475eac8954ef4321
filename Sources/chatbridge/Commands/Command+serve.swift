import BridgeCore
import EventLoop
import HTTPServer
import Journal
import Telemetry

extension Command {
    /// `chatbridge run`: everything in one process.
    static let run = Command(
        name: "run", summary: "bridge and logger in one process; with nothing configured, on SQLite with an echo agent",
        help: """
            Usage: chatbridge run [--port N] [--host ADDRESS]

            Runs the bridge and the logger in one process. With nothing configured it listens on http://127.0.0.1:3000, keeps
            sessions and messages in chatbridge.db and answers with an echo; open that address for the chat page.

              --port N         instead of PORT (3000); 0 takes any free port
              --host ADDRESS   instead of HOST (127.0.0.1)

            Example: TELEGRAM_BOT_TOKEN=123:abc TELEGRAM_POLLING=true chatbridge run
            """
    ) { arguments in
        try serveBridge(&arguments, hasLogger: true)
    }

    /// `chatbridge serve`: the bridge alone.
    static let serve = Command(
        name: "serve", summary: "the bridge alone, a stateless replica; needs REDIS_URL and a chatbridge logger",
        help: """
            Usage: chatbridge serve [--port N] [--host ADDRESS]

            Runs the bridge alone: messages are answered here and their log jobs go to Redis, where chatbridge logger takes
            them. Several may run behind a load balancer; in this version each keeps its own count of what it has answered, so let
            the balancer keep a platform on one of them.

              --port N         instead of PORT (3000); 0 takes any free port
              --host ADDRESS   instead of HOST (127.0.0.1)

            Example: REDIS_URL=redis://127.0.0.1:6379 chatbridge serve
            """
    ) { arguments in
        try serveBridge(&arguments, hasLogger: false)
    }

    /// `chatbridge logger`: the logger alone.
    static let logger = Command(
        name: "logger", summary: "the logger alone: takes log jobs from Redis and writes them to the database",
        help: """
            Usage: chatbridge logger

            Takes log jobs from the Redis of REDIS_URL in batches and writes sessions and messages to DATABASE_URL. Several may
            run at once. Run chatbridge migrate up before the first start. With LOGGER_PORT it answers /health, /ready and
            /metrics at that port of HOST.

            Example: REDIS_URL=redis://127.0.0.1:6379 DATABASE_URL=postgres://chat:secret@127.0.0.1/chat chatbridge logger
            """
    ) { arguments in
        try arguments.end()
        let loaded = ConfigurationLoader.load(isWebDefault: false)
        var problems = loaded.problems
        if loaded.product.redisURL == nil {
            problems.append("REDIS_URL: missing, the logger takes its jobs from Redis (chatbridge run needs none)")
        }
        guard problems.isEmpty, let url = loaded.product.redisURL else { return refuse(problems) }
        let log = loaded.product.log
        for warning in loaded.warnings { log.warning("configuration", ["note": warning]) }
        let loop = try EventLoop()
        do {
            try loop.run {
                try await LoggerService(product: loaded.product, redisURL: url, loop: loop, log: log).run()
            }
        } catch let error as HTTPServerError {
            Terminal.complain("chatbridge: \(error); set LOGGER_PORT to a free one, or leave it out")
            return .unavailable
        }
        return .success
    }

    private static func serveBridge(_ arguments: inout Arguments, hasLogger: Bool) throws -> ExitCode {
        let port = try arguments.integer("--port", in: 0...65_535)
        let host = try arguments.value("--host")
        try arguments.end()
        let loaded = ConfigurationLoader.load(isWebDefault: hasLogger)
        var product = loaded.product
        if let port { product.port = port }
        if let host { product.host = host }
        var problems = loaded.problems
        if !hasLogger && product.redisURL == nil {
            problems.append("REDIS_URL: missing, serve hands its log to Redis (chatbridge run needs none)")
        }
        guard problems.isEmpty else { return refuse(problems) }
        let log = product.log
        for warning in loaded.warnings { log.warning("configuration", ["note": warning]) }
        DescriptorLimit.raise()
        let loop = try EventLoop()
        let service = BridgeService(product: product, hasLogger: hasLogger, loop: loop, log: log)
        do {
            try loop.run { try await service.run() }
        } catch let error as HTTPServerError {
            Terminal.complain("chatbridge: \(error); set PORT or --port to a free one")
            return .unavailable
        } catch let error as InboxFileError {
            Terminal.complain("chatbridge: \(error)")
            return error.code == .damaged ? .dataError : .unavailable
        }
        return .success
    }

    /// Lists everything that is wrong with the configuration.
    static func refuse(_ problems: [String]) -> ExitCode {
        Terminal.complain(
            "chatbridge cannot start, the configuration has \(problems.count == 1 ? "a mistake" : "mistakes"):")
        for problem in problems { Terminal.complain("  \(problem)") }
        Terminal.complain("Variables come from the environment and from .env; .env.example explains each.")
        return .configuration
    }
}
