import BridgeCore
import EventLoop
import HTTPClient
import HTTPCore
import HTTPServer
import JSON

@testable import Bridge

/// The engine's endpoints on a real socket of its loop, and a client to knock with.
final class FrontDoor: Sendable {
    let port: UInt16
    private let server: HTTPServer
    private let client: HTTPClient

    init(
        _ engine: Engine, token: String? = nil, hasChatPage: Bool = false, allowedOrigins: [String] = [],
        parts: [HealthEndpoint.Part] = []
    ) async throws {
        let access = APIAccess(token: token, hasChatPage: hasChatPage, allowedOrigins: allowedOrigins)
        let webhooks = WebhookEndpoint(bridge: engine.bridge)
        let messages = MessagesEndpoint(
            bridge: engine.bridge, access: access, platform: PlatformName("local"), heartbeat: .milliseconds(100))
        let simulation = SimulationEndpoint(bridge: engine.bridge, access: access)
        let health = HealthEndpoint(loop: engine.loop, version: "1.2.3", parts: parts)
        var router = HTTPRouter()
        for method in [HTTPMethod.post, .get] {
            router.decide(method, "/webhooks/:platform") { request, parameters in
                webhooks.respond(to: request, platform: parameters["platform"] ?? "")
            }
        }
        router.decide(.post, "/api/messages") { request, _ in messages.respond(to: request) }
        router.decide(.post, "/api/simulate/:platform") { request, parameters in
            simulation.respond(to: request, platform: parameters["platform"] ?? "")
        }
        router.decide(.get, "/health") { _, _ in .now(health.health()) }
        router.handle(.get, "/ready") { _, _ in await health.ready() }
        router.handle(.get, "/part/:name") { _, parameters in await health.part(parameters["name"] ?? "") }
        server = HTTPServer(on: engine.loop, handler: { [router] in router.respond(to: $0) })
        try await server.start()
        port = await server.port
        client = HTTPClient(loop: engine.loop)
    }

    func request(
        _ method: HTTPMethod, _ path: String, _ body: String = "", headers: HTTPFields = [:]
    ) -> HTTPClientRequest {
        HTTPClientRequest(
            method: method, url: "http://127.0.0.1:\(port)\(path)", headers: headers, body: Array(body.utf8))
    }

    func get(_ path: String) async throws -> Reply { Reply(try await client.send(request(.get, path))) }

    func post(_ path: String, _ body: String, headers: HTTPFields = [:]) async throws -> Reply {
        Reply(try await client.send(request(.post, path, body, headers: headers)))
    }

    func stream(_ path: String, _ body: String, headers: HTTPFields = [:]) async throws -> HTTPClientStream {
        var headers = headers
        headers["Accept"] = "text/event-stream"
        return try await client.stream(request(.post, path, body, headers: headers))
    }

    func close() async {
        await server.shutdown(deadline: .seconds(1))
        await client.shutdown()
    }

    struct Reply {
        let status: Int
        let text: String
        let retryAfter: String?

        init(_ response: HTTPClientResponse) {
            status = response.status.code
            text = String(decoding: response.body, as: UTF8.self)
            retryAfter = response.headers["Retry-After"]
        }

        var json: JSONView { (try? JSONView(parsing: text)) ?? .missing }
        /// The code of an error body.
        var code: String? { json["error"]["code"].string }
    }
}
