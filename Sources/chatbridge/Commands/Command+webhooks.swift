import Bridge
import BridgeCore
import EventLoop
import Telemetry

extension Command {
    /// `chatbridge webhooks`: the platform's own registration of our address.
    static let webhooks = Command(
        name: "webhooks", summary: "shows, sets or removes the webhook that a platform has registered",
        help: """
            Usage: chatbridge webhooks [show|set|remove] PLATFORM [--url URL]

            Asks PLATFORM which webhook is registered with it, registers PUBLIC_URL/webhooks/PLATFORM, or removes the registration,
            with the configured credentials. Platforms without an API for it are set up by hand: their README says where.

              --url URL   the whole address to register, instead of PUBLIC_URL/webhooks/PLATFORM

            Example: PUBLIC_URL=https://bot.example.com chatbridge webhooks set telegram
            """
    ) { arguments in
        let url = try arguments.value("--url")
        var words: [String] = []
        while let word = arguments.next() { words.append(word) }
        try arguments.end()
        let verb = words.first.flatMap { WebhookChange.Verb(rawValue: $0) }
        if verb != nil { words.removeFirst() }
        guard words.count == 1, let name = words.first else {
            throw Arguments.UsageError(message: "show, set or remove, and a platform are expected")
        }
        let loaded = ConfigurationLoader.load(isWebDefault: false)
        guard loaded.problems.isEmpty else { return refuse(loaded.problems) }
        guard let adapter = loaded.product.adapters.first(where: { $0.platform.rawValue == name }) else {
            return refuse(["\(name): not configured: set its credentials as the bridge has them"])
        }
        guard let adapter = adapter as? any WebhookRegistering else {
            Terminal.complain("\(name) has no API for this: its README says where the webhook is set by hand")
            return .usage
        }
        let address = url ?? loaded.product.publicURL.map { "\($0)/webhooks/\(name)" }
        let change = WebhookChange(
            verb: verb ?? .show, adapter: adapter, address: address, stateDirectory: loaded.product.spoolDirectory,
            log: loaded.product.log)
        let loop = try EventLoop()
        return try loop.run { await change.run(on: loop) }
    }
}

/// One run of `chatbridge webhooks`.
private struct WebhookChange: Sendable {
    enum Verb: String {
        case show, set, remove
    }

    let verb: Verb
    let adapter: any WebhookRegistering
    let address: String?
    let stateDirectory: String
    let log: Log

    func run(on loop: EventLoop) async -> ExitCode {
        let caller = PlatformCaller(adapter: adapter, loop: loop, stateDirectory: stateDirectory, log: log)
        switch verb {
        case .show: return await show(caller)
        case .set:
            guard let address else {
                Terminal.complain("PUBLIC_URL: missing, it says where the world reaches us (or give --url)")
                return .configuration
            }
            guard address.hasPrefix("https://") || address.hasPrefix("http://") else {
                Terminal.complain("\(address): an address that begins with https:// is expected")
                return .usage
            }
            return await change(
                caller, adapter.registerWebhook(at: address), of: address, done: "registered \(address)")
        case .remove:
            guard let request = adapter.removeWebhook() else {
                Terminal.complain("\(adapter.platform) has no call to remove a webhook: do it where it was set up")
                return .usage
            }
            return await change(caller, request, of: nil, done: "removed")
        }
    }

    private func show(_ caller: PlatformCaller) async -> ExitCode {
        switch await caller.call(adapter.webhookQuery()) {
        case .failure(let problem): return unreachable(problem)
        case .success(let response):
            switch adapter.interpretWebhookQuery(response) {
            case .registered(let url, let remarks):
                Terminal.say(url)
                for remark in remarks { Terminal.say(Terminal.styled("  \(remark)", .dim)) }
                if let address, url != address {
                    Terminal.complain("that is not here: \(address) (chatbridge webhooks set \(adapter.platform))")
                }
                return .success
            case .none:
                Terminal.say("none is registered")
                return .success
            case .failed(let failure):
                Terminal.complain("\(adapter.platform) refuses: \(failure)")
                return .failure
            }
        }
    }

    private func change(
        _ caller: PlatformCaller, _ first: OutboundRequest, of url: String?, done: String
    ) async -> ExitCode {
        var responses: [OutboundResponse] = []
        var next: OutboundRequest? = first
        while let request = next {
            switch await caller.call(request) {
            case .failure(let problem): return unreachable(problem)
            case .success(let response):
                if let failure = adapter.interpretRegistration(response) {
                    Terminal.complain("\(adapter.platform) refuses: \(failure)")
                    return .failure
                }
                responses.append(response)
            }
            next = adapter.nextRegistration(of: url, after: responses)
        }
        Terminal.say(done)
        return .success
    }

    private func unreachable(_ problem: PlatformCaller.Problem) -> ExitCode {
        Terminal.complain("\(adapter.platform) does not answer: \(problem.message)")
        return .unavailable
    }
}
