import BridgeCore
import BridgeTesting
import EventLoop
import HTTPClient
import HTTPCore
import HTTPServer
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Bridge

/// Messages whose answer was lost, on a platform that can be asked for them.
struct DeliveryCheckTests {
    /// The plain platform, where `GET /look` says whether a message is there.
    struct CheckedAdapter: DeliveryChecking {
        var plain: PlainAdapter

        init(url: String) {
            plain = PlainAdapter(
                apiBase: url, capabilities: Capabilities(textLimit: .init(100, .utf8), hasIdempotentSends: true))
        }

        var platform: PlatformName { plain.platform }
        var capabilities: Capabilities { plain.capabilities }

        func receive(_ request: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> WebhookOutcome {
            try plain.receive(request, at: now)
        }

        func encode(_ action: OutboundAction, at now: Timestamp) -> OutboundRequest? { plain.encode(action, at: now) }

        func interpret(_ response: OutboundResponse, to action: OutboundAction) -> DeliveryResult {
            plain.interpret(response, to: action)
        }

        func deliveryCheck(of action: OutboundAction) -> OutboundRequest? {
            OutboundRequest(method: .get, url: plain.apiBase + "/look")
        }

        func interpretDeliveryCheck(_ response: OutboundResponse, of action: OutboundAction) -> DeliveryResult? {
            if response.status.code == 404 { return nil }
            return plain.interpret(response, to: action)
        }
    }

    @Test(arguments: [
        // It had arrived; it had not; whether it had was found out at the second try; nobody can tell.
        ([200], "mfound", ["/send", "/look"]), ([404], "m2", ["/send", "/look", "/send"]),
        ([503, 200], "mfound", ["/send", "/look", "/look"]), ([400], "m2", ["/send", "/look", "/send"]),
    ])
    func `a message whose answer was lost is looked for before it is sent again`(
        looks: [Int], name: String, paths: [String]
    ) async throws {
        let seen = Mutex<[String]>([])
        let server = try await RecordingServer { request in
            let (number, look) = seen.withLock { seen in
                seen.append(request.path)
                return (seen.count - 1, seen.count { $0 == "/look" } - 1)
            }
            // As a proxy says that does not know what became of the request.
            if number == 0 { return .json(Array(#"{"error":"gateway"}"#.utf8), status: HTTPStatus(504)) }
            if request.path == "/look" {
                return .json(Array(#"{"message":"mfound"}"#.utf8), status: HTTPStatus(looks[look]))
            }
            return .json(Array(#"{"message":"m\#(number)"}"#.utf8))
        }
        try await onLoop { loop in
            let adapter = CheckedAdapter(url: server.url)
            let outbox = Outbox(
                loop: loop, adapter: adapter, rates: adapter.capabilities.rates, client: HTTPClient(loop: loop),
                states: MemoryStates(), metrics: PlatformMetrics(Metrics(), platform: adapter.platform), log: .silent)
            let delivery = await outbox.send("a", format: .plain, to: ReplyAddress(event("1")))
            #expect(delivery.failure == nil)
            #expect(delivery.messageIDs == [PlatformMessageID(name)])
        }
        #expect(seen.withLock { $0 } == paths)
    }

    @Test func `a message that is cut off is looked for too, and waits until somebody is there to be asked`()
        async throws
    {
        let gone = RawServer([.close])
        let port = gone.port
        let back = Mutex<RawServer?>(nil)
        defer { back.withLock { $0?.stop() } }
        try await onLoop { loop in
            let adapter = CheckedAdapter(url: gone.url)
            let outbox = Outbox(
                loop: loop, adapter: adapter, rates: adapter.capabilities.rates, client: HTTPClient(loop: loop),
                states: MemoryStates(), metrics: PlatformMetrics(Metrics(), platform: adapter.platform), log: .silent)
            let delivered = Mutex<Outbox.Delivery?>(nil)
            let sending = loop.spawn(on: outbox) { outbox in
                let delivery = await outbox.send("a", format: .plain, to: ReplyAddress(event("1")))
                delivered.withLock { $0 = delivery }
            }
            #expect(await eventually { !gone.requests.isEmpty })
            gone.stop()
            try await loop.sleep(for: .seconds(1))
            back.withLock { $0 = RawServer(port: port, [.answer]) }
            await sending.value
            #expect(delivered.withLock { $0?.failure == nil && $0?.parts == 1 })
            // The answer to the look, which says that it is there; nothing was sent again.
            #expect(back.withLock { $0?.requests } == [""])
        }
    }
}
