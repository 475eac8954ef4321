public import BridgeCore
public import EventLoop
internal import HTTPClient
internal import HTTPCore
internal import HTTPServer
internal import JSON
internal import WebSocket

/// A platform played on loopback: answers the adapter's requests as the platform's API would, sends correctly signed webhooks to
/// a bridge, and fails on demand.
///
/// Behind `chatbridge fake`, and for tests of one's own bot:
///
/// ```swift
/// let fake = FakePlatformServer(adapter, on: loop, bridge: "http://127.0.0.1:3000")
/// try await fake.start(port: 0)                   // the bridge's X_API_BASE is fake.url
/// _ = await fake.say("hello")
/// await fake.actions                              // .message(conversation: "…", id: "…", text: "hello")
/// ```
///
/// Where the platform has a gateway (``GatewayFaking``) it is played at the same address, and once the bridge is connected users
/// speak through it instead of by webhooks.
///
/// Beside the platform's own paths it has `POST /_fake/say` (`{"text":"…","count":1}`), `GET /_fake/log` (what it was told so
/// far), and `PUT /_fake/faults` (``PlatformFaults`` as JSON numbers).
public actor FakePlatformServer {
    /// Requests that are kept for the log; older ones are forgotten.
    private static let longestLog = 10_000

    /// The loop on which all of it runs.
    public nonisolated let loop: EventLoop
    /// The loop's.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private let adapter: any Faking
    private let bridge: String?
    private let client: HTTPClient
    private let observe: @Sendable (FakeAnswer.Action) -> Void
    private var faults: PlatformFaults
    private var chance: SeededGenerator
    private var server: HTTPServer?
    private var number: Int64 = 0
    /// Told by the clock at the start, so that a fake that is started again does not repeat itself.
    private var webhooks = Timestamp.now().microseconds / 1000
    private var held: Delivery?
    /// The gateway's connections, the newest last.
    var gateways: [FakeGatewayLink] = []
    private var log: [FakeAnswer.Action] = []

    /// A fake that does not listen yet.
    ///
    /// - Parameters:
    ///   - bridge: where the bridge listens, without a slash at its end; nil: no webhooks are sent.
    ///   - faults: how often it fails.
    ///   - seed: decides when.
    ///   - observe: called with each action as it is understood.
    public init(
        _ adapter: any Faking, on loop: EventLoop, bridge: String? = nil, faults: PlatformFaults = PlatformFaults(),
        seed: UInt64 = 1, observe: @escaping @Sendable (FakeAnswer.Action) -> Void = { _ in }
    ) {
        self.adapter = adapter
        self.loop = loop
        self.bridge = bridge
        self.faults = faults
        self.observe = observe
        chance = SeededGenerator(seed: seed)
        client = HTTPClient(loop: loop)
    }

    /// Listens on a port of 127.0.0.1; 0 takes any.
    public func start(port: Int = 0) async throws {
        var configuration = HTTPServerConfiguration()
        configuration.port = UInt16(clamping: port)
        // Uploads go to the platform's API too.
        configuration.limits.maxBodyBytes = 32 << 20
        let gateway = adapter as? any GatewayFaking
        let server = HTTPServer(on: loop, configuration: configuration) { [weak self] request in
            if let gateway, request.headers["Upgrade"] != nil {
                return .webSocket(request) { [weak self] in await self?.serve($0, request, as: gateway) }
            }
            return .later { [weak self] in
                await self?.respond(to: request) ?? .text("stopping", status: .serviceUnavailable)
            }
        }
        try await server.start()
        self.server = server
    }

    /// Where it listens, without a slash at its end.
    public var url: String {
        get async { "http://127.0.0.1:\(await server?.port ?? 0)" }
    }

    /// What it was asked to do so far, in order.
    public var actions: [FakeAnswer.Action] { log }

    /// How often it fails from now on.
    public func setFaults(_ faults: PlatformFaults) { self.faults = faults }

    /// Stops listening.
    public func stop() async {
        await server?.shutdown(deadline: .seconds(1))
        server = nil
        await client.shutdown()
    }

    // MARK: Webhooks

    /// What a user wrote, on its way to the bridge.
    private struct Delivery {
        let text: String
        let number: Int64
        let webhook: WebhookRequest
    }

    /// Has a user write something: a webhook goes to the bridge, or a message through its gateway; faults may double, delay or
    /// reorder it.
    ///
    /// - Returns: the status of each delivery, in order, 200 for one through a gateway; nil where there was no answer.
    public func say(_ text: String) async -> [Int?] {
        webhooks += 1
        let webhook = Delivery(
            text: text, number: webhooks,
            webhook: adapter.simulateWebhook(text: text, number: webhooks, at: .now()))
        if happens(faults.reordered), held == nil {
            held = webhook
            // At the latest it comes by itself.
            loop.spawn(on: self) { await $0.deliverHeld(after: .seconds(2)) }
            return []
        }
        var statuses = [await deliver(webhook)]
        if happens(faults.duplicated) { statuses.append(await deliver(webhook)) }
        if happens(faults.retriedLate) {
            loop.spawn(on: self) { fake in
                try? await fake.loop.sleep(for: .seconds(1))
                _ = await fake.deliver(webhook)
            }
        }
        if let held {
            self.held = nil
            statuses.append(await deliver(held))
        }
        return statuses
    }

    private func deliverHeld(after delay: Duration) async {
        try? await loop.sleep(for: delay)
        guard let held else { return }
        self.held = nil
        _ = await deliver(held)
    }

    private func deliver(_ delivery: Delivery) async -> Int? {
        if await sayByGateway(delivery.text, number: delivery.number) { return 200 }
        guard let bridge else { return nil }
        let webhook = delivery.webhook
        let response = try? await client.send(
            HTTPClientRequest(
                method: webhook.method, url: bridge + webhook.target, headers: webhook.headers, body: webhook.body))
        return response?.status.code
    }

    // MARK: The API

    private func respond(to request: HTTPRequest) async -> HTTPResponse {
        if request.path.hasPrefix("/_fake/") { return await control(request) }
        number += 1
        let asked = FakeRequest(
            method: request.method, target: request.target, headers: request.headers, body: request.body)
        if let fault = nextFault() { return HTTPResponse(adapter.fakeFault(fault, to: asked)) }
        guard let answer = adapter.fakeAnswer(to: asked, number: number, at: .now()) else {
            note(.refused("\(request.method) \(request.path): no such method"))
            return .text("no such method", status: .notFound)
        }
        for action in answer.actions { note(action) }
        // The request was carried out, and nobody learns of it: the fault that tempts to send it again.
        if happens(faults.cut) { return HTTPResponse(body: .stream { _ in throw CancellationError() }) }
        return HTTPResponse(answer.response)
    }

    private func control(_ request: HTTPRequest) async -> HTTPResponse {
        let body = (try? JSONView(parsing: request.body)) ?? .missing
        switch (request.method, request.path) {
        case (.post, "/_fake/say"):
            guard bridge != nil || !gateways.isEmpty, let text = body["text"].string else {
                return .error(.badRequest, code: "malformed", message: "A text and a bridge are needed.")
            }
            var statuses: [Int?] = []
            for _ in 0..<max(1, min(body["count"].int ?? 1, 100_000)) { statuses += await say(text) }
            var writer = JSONWriter()
            writer.object { object in
                object.arrayField("statuses") { array in
                    for status in statuses { array.value(Int64(status ?? 0)) }
                }
            }
            return .json(writer.bytes)
        case (.get, "/_fake/log"):
            var writer = JSONWriter()
            writer.array { array in
                for action in log { action.write(to: &array) }
            }
            return .json(writer.bytes)
        case (.put, "/_fake/faults"):
            do {
                faults = try PlatformFaults(body)
                return HTTPResponse(.noContent)
            } catch {
                return .error(.badRequest, code: "malformed", message: error.description)
            }
        default:
            return .error(
                .notFound, code: "not_found",
                message: "There are POST /_fake/say, GET /_fake/log and PUT /_fake/faults.")
        }
    }

    /// Keeps what the platform was asked to do.
    func note(_ action: FakeAnswer.Action) {
        log.append(action)
        if log.count > FakePlatformServer.longestLog { log.removeFirst(FakePlatformServer.longestLog / 10) }
        observe(action)
    }

    private func nextFault() -> PlatformFault? {
        if happens(faults.rateLimited) { return .rateLimited(after: faults.retryAfter) }
        if happens(faults.serverError) { return .serverError }
        if happens(faults.unauthorized) { return .unauthorized }
        if happens(faults.blocked) { return .blocked }
        return happens(faults.gone) ? .gone : nil
    }

    private func happens(_ share: Double) -> Bool {
        share > 0 && Double.random(in: 0..<1, using: &chance) < share
    }
}

extension HTTPResponse {
    fileprivate init(_ response: OutboundResponse) {
        var headers = HTTPFields()
        // The adapter's fakes answer in JSON but where they say otherwise.
        for name in ["Content-Type", "Retry-After", "X-RateLimit-Reset-After", "Location"] {
            if let value = response.headers[name] { headers.append(name, value) }
        }
        if headers["Content-Type"] == nil, !response.body.isEmpty { headers.append("Content-Type", "application/json") }
        self.init(response.status, headers: headers, body: .bytes(response.body))
    }
}

extension FakeAnswer.Action {
    /// One object: `kind`, and what goes with it.
    fileprivate func write(to writer: inout JSONWriter) {
        writer.object { object in
            switch self {
            case .message(let conversation, let id, let text):
                object.field("kind", "message")
                object.field("conversation", conversation)
                object.field("id", id)
                object.field("text", text)
            case .edit(let conversation, let id, let text):
                object.field("kind", "edit")
                object.field("conversation", conversation)
                object.field("id", id)
                object.field("text", text)
            case .typing(let conversation):
                object.field("kind", "typing")
                object.field("conversation", conversation)
            case .attachment(let conversation, let id, let kind):
                object.field("kind", "attachment")
                object.field("conversation", conversation)
                object.field("id", id)
                object.field("attachment", kind)
            case .other(let what):
                object.field("kind", "other")
                object.field("what", what)
            case .refused(let why):
                object.field("kind", "refused")
                object.field("why", why)
            }
        }
    }
}
