import HTTPCore
import HTTPServer
import Testing

@Suite struct HTTPRouterTests {
    /// A router whose handlers answer with their name and parameters.
    static let router: HTTPRouter = {
        var router = HTTPRouter()
        router.decide(.get, "/") { _, _ in .now(.text("root")) }
        router.decide(.get, "/health") { _, _ in .now(.text("health")) }
        router.decide(.post, "/webhooks/:platform") { _, values in .now(.text("hook \(values["platform"] ?? "")")) }
        router.decide(.get, "/webhooks/:platform") { _, values in .now(.text("check \(values["platform"] ?? "")")) }
        router.decide(.post, "/webhooks/fixed") { _, _ in .now(.text("fixed")) }
        router.handle(.get, "/api/sessions/:id/messages") { _, values in .text("messages of \(values["id"] ?? "")") }
        router.decide(.head, "/special") { _, _ in .now(HTTPResponse(.noContent)) }
        router.decide(.get, "/special") { _, _ in .now(.text("special")) }
        return router
    }()

    static func answer(_ method: HTTPMethod, _ target: String) async -> HTTPResponse {
        switch router.respond(to: HTTPRequest(method: method, target: target)) {
        case .now(let response): response
        case .later(let operation): await operation()
        case .upgrade(let upgrade): HTTPResponse(HTTPStatus(101), headers: upgrade.headers)
        }
    }

    static func text(_ response: HTTPResponse) -> String {
        guard case .bytes(let bytes) = response.body else { return "" }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test(arguments: [
        (HTTPMethod.get, "/", "root"),
        (.get, "/health?verbose=1", "health"),
        (.head, "/health", "health"),
        (.post, "/webhooks/telegram", "hook telegram"),
        (.get, "/webhooks/telegram", "check telegram"),
        (.head, "/webhooks/x", "check x"),
        (.post, "/webhooks/fixed", "fixed"),
        (.post, "/webhooks/a%2Fb%20c", "hook a/b c"),
        (.get, "/api/sessions/42/messages", "messages of 42"),
        (.get, "http://host/api/sessions/7/messages?limit=1", "messages of 7"),
    ])
    func `a request finds its handler`(method: HTTPMethod, target: String, text: String) async {
        let response = await HTTPRouterTests.answer(method, target)
        #expect(response.status == .ok)
        #expect(HTTPRouterTests.text(response) == text)
    }

    @Test(arguments: [
        (HTTPMethod.get, "/nothing"), (.get, "/health/"), (.get, "/webhooks"), (.get, "/webhooks/"),
        (.get, "/webhooks/a/b"), (.get, "/api/sessions//messages"), (.get, "/api/sessions/1/messages/2"),
        (.options, "*"),
    ])
    func `what no pattern matches is not found`(method: HTTPMethod, target: String) async {
        let response = await HTTPRouterTests.answer(method, target)
        #expect(response.status == .notFound)
        #expect(HTTPRouterTests.text(response).hasPrefix(#"{"error":{"code":"not_found","message":"#))
    }

    @Test(arguments: [
        (HTTPMethod.delete, "/health", "GET, HEAD"), (.put, "/webhooks/x", "GET, HEAD, POST"),
        (.post, "/api/sessions/1/messages", "GET, HEAD"),
    ])
    func `a wrong method is answered with the right ones`(method: HTTPMethod, target: String, allow: String) async {
        let response = await HTTPRouterTests.answer(method, target)
        #expect(response.status == .methodNotAllowed)
        #expect(response.headers["Allow"] == allow)
    }

    @Test func `HEAD has the handler that was made for it`() async {
        #expect(await HTTPRouterTests.answer(.head, "/special").status == .noContent)
    }

    @Test func `an error body is JSON whatever the message holds`() {
        let response = HTTPResponse.error(.badRequest, code: "bad", message: "a \"b\" \\ \n é")
        #expect(HTTPRouterTests.text(response) == #"{"error":{"code":"bad","message":"a \"b\" \\ \u000a é"}}"#)
    }
}
