import Bridge
import BridgeCore
import EventLoop
import HTTPClient
import HTTPCore
import JSON

extension Command {
    /// `chatbridge simulate`: a correctly signed webhook to a running bridge.
    static let simulate = Command(
        name: "simulate", summary: "sends a correctly signed webhook to a running bridge and prints the answer",
        help: """
            Usage: chatbridge simulate PLATFORM "TEXT" [--url URL] [--repeat N] [--measure N]

            Makes a webhook as PLATFORM would send it when a user writes TEXT, signs it with the
            configured secret, sends it to a running bridge and prints the answer with the time of each stage. Everything is
            real but the delivery: the answer comes back here instead of going to the platform.

              --url URL      where the bridge listens; by default http://HOST:PORT of the configuration
              --repeat N     sends it N times, one after the other
              --measure N    sends nothing: verifies and reads it N times here and prints the processor time of one

            Example: chatbridge simulate telegram "What is your return policy?"
            """
    ) { arguments in
        let count = try arguments.integer("--repeat", in: 1...1_000_000) ?? 1
        let givenURL = try arguments.value("--url")
        let measured = try arguments.integer("--measure", in: 1...100_000_000)
        guard let name = arguments.next(), let text = arguments.next() else {
            throw Arguments.UsageError(message: "a platform and a text are expected")
        }
        try arguments.end()
        let loaded = ConfigurationLoader.load(isWebDefault: true)
        guard loaded.problems.isEmpty else { return refuse(loaded.problems) }
        let adapter = loaded.product.adapters.first { $0.platform.rawValue == name }
        guard let adapter = adapter as? any Simulating else {
            return refuse([
                "\(name): not configured, or it cannot be simulated; set its credentials as the bridge has them"
            ])
        }
        if let measured {
            do throws(WebhookRejection) {
                let reading = try ReceptionMeter(adapter: adapter).measure(text: text, times: measured)
                let microseconds = Double(Int(reading.cost / .microseconds(1) * 100)) / 100
                Terminal.say("\(name) \(reading.bytes) bytes \(microseconds) us")
                return .success
            } catch {
                Terminal.complain("\(name) refuses its own webhook: \(error.message)")
                return .failure
            }
        }
        let host = loaded.product.host == "0.0.0.0" ? "127.0.0.1" : loaded.product.host
        let simulation = Simulation(
            adapter: adapter, text: text, url: givenURL ?? "http://\(host):\(loaded.product.port)",
            token: loaded.product.apiToken, count: count)
        let loop = try EventLoop()
        return try loop.run { await simulation.run(on: loop) }
    }
}

/// One run of `chatbridge simulate`.
private struct Simulation: Sendable {
    let adapter: any Simulating
    let text: String
    let url: String
    let token: Secret?
    let count: Int

    func run(on loop: EventLoop) async -> ExitCode {
        let client = HTTPClient(loop: loop)
        // Event ids must differ from those of earlier runs, or they count as a retry.
        let first = Timestamp.now().microseconds / 1000
        for number in 0..<count {
            let code = await send(number: first + Int64(number), client: client)
            guard code == .success else { return code }
        }
        return .success
    }

    private func send(number: Int64, client: HTTPClient) async -> ExitCode {
        let webhook = adapter.simulateWebhook(text: text, number: number, at: .now())
        var headers = webhook.headers
        // The field is ours here; the platform's own goes beside it.
        if let own = headers["Authorization"] {
            headers["Authorization"] = nil
            headers.append(SimulationEndpoint.authorizationField, own)
        }
        if let token { headers.append("Authorization", "Bearer \(token.value)") }
        let start = ContinuousClock.now
        do {
            let response = try await client.send(
                HTTPClientRequest(
                    method: .post, url: "\(url)/api/simulate/\(adapter.platform)", headers: headers,
                    body: webhook.body, timeouts: .init(firstByte: .seconds(600), total: .seconds(600))))
            return show(response, took: start.duration(to: .now))
        } catch {
            Terminal.complain("no answer from \(url): \(error.message); is chatbridge run or serve running there?")
            return .unavailable
        }
    }

    private func show(_ response: HTTPClientResponse, took: Duration) -> ExitCode {
        guard let root = try? JSONView(parsing: response.body) else {
            Terminal.complain("\(url) answered \(response.status) without JSON: is that a chatbridge?")
            return .failure
        }
        guard response.status.isSuccess else {
            Terminal.complain("\(response.status): \(root["error"]["message"].string ?? "no message")")
            return .failure
        }
        Terminal.say(
            root["answer"].string
                ?? Terminal.styled("(taken as \(root["kind"].string ?? "nothing"); calls for no answer)", .dim))
        for stage in root["stages"].elements {
            line(stage["name"].string ?? "", stage["ms"].double ?? 0)
        }
        line("answer here", took / .milliseconds(1))
        return .success
    }

    private func line(_ name: String, _ milliseconds: Double) {
        let rounded = Double(Int(milliseconds * 1000)) / 1000
        let padding = String(repeating: " ", count: max(1, 20 - name.count))
        Terminal.say(Terminal.styled("  \(name)\(padding)\(rounded) ms", .dim))
    }
}
