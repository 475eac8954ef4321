import BridgeCore
import BridgeTesting
import EventLoop
import Telemetry

extension Command {
    /// `chatbridge fake`: a platform's API on loopback.
    static let fake = Command(
        name: "fake",
        summary: "plays a platform's API on loopback, with faults on demand, to test a bot without the platform",
        help: """
            Usage: chatbridge fake PLATFORM [--port N] [--bridge URL] [--faults LIST] [--seed N]

            Answers as PLATFORM's API would, checking tokens and signatures by the configured credentials, and prints what the bot
            says. Start the bridge with PLATFORM's X_API_BASE set to the address that is printed, and have users speak:

              curl -d '{"text":"hello"}' http://127.0.0.1:4010/_fake/say       a signed webhook, or through the gateway
              curl http://127.0.0.1:4010/_fake/log                             all that the bot did, as JSON
              curl -X PUT -d '{"rate-limited":0.5}' http://127.0.0.1:4010/_fake/faults

              --port N        where to listen on 127.0.0.1; any free port unless given
              --bridge URL    where the bridge listens; by default http://HOST:PORT of the configuration
              --faults LIST   how often it fails, as shares: rate-limited=0.1,server-error=0.05,cut=0.01,duplicated=0.1
                              (also retry-after=SECONDS, unauthorized, blocked, gone, retried-late, reordered)
              --seed N        which of the requests fail; the same seed, the same ones

            Example: chatbridge fake telegram --port 4010 --faults rate-limited=0.2
                     TELEGRAM_API_BASE=http://127.0.0.1:4010 chatbridge run
            """
    ) { arguments in
        let port = try arguments.integer("--port", in: 0...65_535) ?? 0
        let seed = try arguments.integer("--seed", in: 0...Int.max) ?? 1
        let givenBridge = try arguments.value("--bridge")
        let givenFaults = try arguments.value("--faults")
        guard let name = arguments.next() else { throw Arguments.UsageError(message: "a platform is expected") }
        try arguments.end()
        let faults: PlatformFaults
        do {
            faults = try givenFaults.map { try PlatformFaults(parsing: $0) } ?? PlatformFaults()
        } catch let problem as PlatformFaults.Problem {
            throw Arguments.UsageError(message: "--faults: \(problem)")
        }
        let loaded = ConfigurationLoader.load(isWebDefault: true)
        guard loaded.problems.isEmpty else { return refuse(loaded.problems) }
        guard let adapter = loaded.product.adapters.first(where: { $0.platform.rawValue == name }) as? any Faking
        else {
            return refuse([
                "\(name): not configured, or it cannot be played; set its credentials as the bridge has them"
            ])
        }
        let host = loaded.product.host == "0.0.0.0" ? "127.0.0.1" : loaded.product.host
        let bridge = givenBridge ?? "http://\(host):\(loaded.product.port)"
        let setting = PlatformSettings.all.first { $0.platform == adapter.platform }?.prefix ?? name.uppercased()
        let loop = try EventLoop()
        return try loop.run {
            let server = FakePlatformServer(adapter, on: loop, bridge: bridge, faults: faults, seed: UInt64(seed)) {
                Terminal.tell($0.line)
            }
            do { try await server.start(port: port) } catch {
                Terminal.complain("\(error)")
                return .unavailable
            }
            Terminal.complain(
                "\(name) is played at \(await server.url); start the bridge with \(setting)_API_BASE set to it")
            Terminal.complain(
                "what users say goes to \(bridge): curl -d '{\"text\":\"hello\"}' \(await server.url)/_fake/say")
            await StopSignals(loop: loop).wait()
            await server.stop()
            return .success
        }
    }
}

extension FakeAnswer.Action {
    /// The action on one line.
    fileprivate var line: String {
        switch self {
        case .message(let conversation, let id, let text): "\(conversation)  message \(id)  \(text)"
        case .edit(let conversation, let id, let text): "\(conversation)  edit \(id)  \(text)"
        case .typing(let conversation): "\(conversation)  typing"
        case .attachment(let conversation, let id, let kind): "\(conversation)  \(kind) \(id)"
        case .other(let what): what
        case .refused(let why): "refused: \(why)"
        }
    }
}
