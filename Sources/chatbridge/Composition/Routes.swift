import Bridge
import BridgeCore
import Dashboard
import HTTPCore
import HTTPServer
import Telemetry

/// Every path that a bridge answers.
struct Routes: Sendable {
    let webhooks: WebhookEndpoint
    let messages: MessagesEndpoint
    let simulation: SimulationEndpoint
    /// Nil where no attachments are copied.
    let attachments: AttachmentsEndpoint?
    let trace: TraceEndpoint
    let revival: RevivalEndpoint
    let health: HealthEndpoint
    let metrics: Metrics
    /// True where the chat page is on.
    let hasChatPage: Bool

    /// The router over all of them.
    var router: HTTPRouter {
        var router = Routes.observation(health: health, metrics: metrics)
        Routes.add(webhooks, to: &router)
        router.decide(.post, "/api/messages") { request, _ in messages.respond(to: request) }
        router.decide(.post, "/api/simulate/:platform") { request, parameters in
            simulation.respond(to: request, platform: parameters["platform"] ?? "")
        }
        if let attachments {
            router.decide(.get, "/api/attachments/:message/:attachment") { request, parameters in
                attachments.respond(
                    to: request, message: parameters["message"] ?? "", attachment: parameters["attachment"] ?? "")
            }
        }
        router.decide(.get, "/api/trace") { request, _ in trace.respond(to: request) }
        router.decide(.post, "/api/dead/retry") { request, _ in revival.respond(to: request) }
        guard hasChatPage else { return router }
        for path in WebPage.paths {
            router.decide(.get, path) { request, _ in .now(Routes.chatPage(request)) }
        }
        return router
    }

    /// Adds the paths of webhooks.
    static func add(_ webhooks: WebhookEndpoint, to router: inout HTTPRouter) {
        // Some platforms make paths of their own below the address that they are given, and put to them.
        for path in ["/webhooks/:platform", "/webhooks/:platform/*rest"] {
            for method in [HTTPMethod.post, .get, .put] {
                router.decide(method, path) { request, parameters in
                    webhooks.respond(to: request, platform: parameters["platform"] ?? "")
                }
            }
        }
    }

    /// The paths by which a process is watched: those of a logger are these alone.
    static func observation(health: HealthEndpoint, metrics: Metrics) -> HTTPRouter {
        var router = HTTPRouter()
        router.decide(.get, "/health") { _, _ in .now(health.health()) }
        router.handle(.get, "/ready") { _, _ in await health.ready() }
        router.handle(.get, "/db/health") { _, _ in await health.part("database") }
        router.handle(.get, "/redis/health") { _, _ in await health.part("redis") }
        router.decide(.get, "/metrics") { _, _ in
            .now(
                HTTPResponse(
                    headers: ["Content-Type": "text/plain; version=0.0.4; charset=utf-8"],
                    body: .bytes(Array(metrics.text().utf8))))
        }
        return router
    }

    /// A file of the chat page; a visitor's session begins with the page itself, and anew with `/?new`.
    private static func chatPage(_ request: HTTPRequest) -> HTTPResponse {
        guard var response = WebPage.response(to: request) else {
            return .error(.notFound, code: "not_found", message: "There is nothing at this path.")
        }
        let isNew = APIAccess.session(of: request) == nil || request.query == "new"
        if request.path == "/", isNew {
            let isSecure = request.headers["X-Forwarded-Proto"] == "https"
            response.headers.append("Set-Cookie", APIAccess.newSessionCookie(isSecure: isSecure))
        }
        return response
    }
}
