import BridgeCore
import BridgeTesting
import GitHubAdapter
import HTTPCore
import JSON
import Testing

struct GitHubAdapterTests {
    static let now = Timestamp(seconds: 1_790_000_000)
    static let secret = "It's a Secret to Everybody"
    static let token = "github_pat_11AAAA"
    static let adapter = make(secret: secret)

    static func make(secret: String) -> GitHubAdapter {
        GitHubAdapter(
            configuration: GitHubConfiguration(
                webhookSecret: Secret(secret), token: Secret(token), name: "octo-helper",
                apiBase: "https://api.github.example"))
    }

    /// A request signed by the adapter's own simulation, with another body.
    static func signed(_ body: [UInt8], event: String? = nil, secret: String = secret) -> WebhookRequest {
        var headers: HTTPFields = ["X-Hub-Signature-256": GitHubSamples.signature(of: body, secret: secret)]
        headers["X-GitHub-Event"] = event
        return WebhookRequest(target: "/webhooks/github", headers: headers, body: body)
    }

    static func comment(_ body: String, user: String = #"{"id":7,"login":"ida","type":"User"}"#, more: String = "")
        -> String
    {
        #"{"action":"created","issue":{"number":4},"comment":{"id":901,"user":\#(user),"body":\#(body)\#(more)},"#
            + #""repository":{"full_name":"a/b"},"sender":{"id":7,"login":"ida","type":"User"}}"#
    }

    static let rows: [(name: String, body: String, event: ExpectedEvent)] = [
        (
            "a call", comment(#""@octo-helper: what is this?""#),
            ExpectedEvent(.text, isAnswered: true, text: "what is this?", sender: "7", conversation: "a/b#4")
        ),
        (
            "a call within", comment(#""what says @Octo-Helper?""#),
            ExpectedEvent(.text, isAnswered: true, text: "what says @Octo-Helper?", sender: "7", conversation: "a/b#4")
        ),
        (
            "a call of another", comment(#""@octo-helpers hi""#),
            ExpectedEvent(.text, text: "@octo-helpers hi", sender: "7", conversation: "a/b#4")
        ),
        (
            "a bot", comment(#""@octo-helper hi""#, user: #"{"id":8,"login":"x[bot]","type":"Bot"}"#),
            ExpectedEvent(.text, text: "@octo-helper hi", sender: "8", conversation: "a/b#4")
        ),
        (
            "ourselves", comment(#""@octo-helper hi""#, user: #"{"id":9,"login":"octo-helper","type":"User"}"#),
            ExpectedEvent(.text, text: "@octo-helper hi", sender: "9", conversation: "a/b#4")
        ),
        (
            "by an app", comment(#""@octo-helper hi""#, more: #","performed_via_github_app":{"id":1}"#),
            ExpectedEvent(.text, text: "@octo-helper hi", sender: "7", conversation: "a/b#4")
        ),
        (
            "a remark on a line",
            #"{"action":"created","pull_request":{"number":5},"comment":{"id":11,"in_reply_to_id":10,"body":"@octo-helper x","user":{"id":7,"login":"ida","type":"User"}},"repository":{"full_name":"a/b"}}"#,
            ExpectedEvent(
                .text, isAnswered: true, text: "x", sender: "7", conversation: "a/b#5", thread: "10", replyTo: "10")
        ),
        (
            "a comment on a commit",
            #"{"action":"created","comment":{"id":11,"commit_id":"c0ffee","body":"@octo-helper x","user":{"id":7,"login":"ida","type":"User"}},"repository":{"full_name":"a/b"}}"#,
            ExpectedEvent(.text, isAnswered: true, text: "x", sender: "7", conversation: "a/b@c0ffee")
        ),
        (
            "deleted",
            #"{"action":"deleted","issue":{"number":4},"comment":{"id":901,"body":"x"},"repository":{"full_name":"a/b"},"sender":{"id":7,"login":"ida"}}"#,
            ExpectedEvent(.deleted, text: "x", sender: "7", conversation: "a/b#4", target: "901")
        ),
        (
            "a push", #"{"ref":"refs/heads/main","repository":{"full_name":"a/b"},"sender":{"id":7,"login":"ida"}}"#,
            ExpectedEvent(.event, sender: "7", conversation: "a/b")
        ),
    ]

    static func failed(_ kind: DeliveryFailure.Kind) -> DeliveryResult { .failed(DeliveryFailure(kind, reason: "")) }

    @Test func `it keeps the adapter contract`() {
        let profile = ConformanceProfile(
            now: Self.now,
            signing: .init(
                fields: ["X-Hub-Signature-256"], coversBody: true, tolerance: nil,
                sign: { body, _ in Self.signed(body) },
                signWrongly: { body, _ in Self.signed(body, secret: "another") }),
            payloads: Self.rows.map { .init($0.name, $0.body, [$0.event]) },
            message: { Self.comment($0) }, malformed: ["{}"],
            responses: [
                .init("written", status: 201, body: #"{"id":17}"#, means: .delivered(PlatformMessageID("17"))),
                .init(
                    "a bad token", status: 401, body: #"{"message":"Bad credentials"}"#,
                    means: Self.failed(.unauthorized)),
                .init(
                    "a secondary limit", status: 403, headers: ["Retry-After": "60"], body: "{}",
                    means: Self.failed(.rateLimited(after: .seconds(60)))),
                .init(
                    "the primary limit", status: 403, headers: ["X-RateLimit-Remaining": "0"], body: "{}",
                    means: Self.failed(.rateLimited(after: nil))),
                .init(
                    "a locked issue", status: 403, body: #"{"message":"issue is locked"}"#, means: Self.failed(.blocked)
                ),
                .init(
                    "no rights", status: 403, body: #"{"message":"Resource not accessible"}"#,
                    means: Self.failed(.unauthorized)),
                .init("gone", status: 410, body: "{}", means: Self.failed(.gone)),
                .init("too long", status: 422, body: #"{"message":"Validation Failed"}"#, means: Self.failed(.refused)),
                .init("a fault of theirs", status: 502, body: "", means: Self.failed(.temporary)),
                .init(
                    "GraphQL refuses", status: 200, body: #"{"errors":[{"type":"NOT_FOUND"}]}"#,
                    means: Self.failed(.gone)),
                .init("a proxy's page", status: 200, body: "<html>", means: Self.failed(.uncertain)),
            ], secrets: [Self.token, Self.secret])
        #expect(AdapterConformance(Self.adapter, profile).findings() == [])
    }

    @Test func `answers go where the comment stands`() throws {
        func url(_ conversation: String, thread: String? = nil, context: [String: String] = [:]) -> String? {
            Self.adapter.encode(
                OutboundAction(
                    id: UUID(high: 1, low: 2), kind: .send(text: "hi", format: .markdown),
                    place: .init(conversation: ConversationID(conversation), thread: thread.map { ThreadID($0) }),
                    replyContext: context), at: Self.now)?.url
        }
        #expect(url("a/b#4") == "https://api.github.example/repos/a/b/issues/4/comments")
        #expect(url("a/b#5", thread: "10") == "https://api.github.example/repos/a/b/pulls/5/comments/10/replies")
        #expect(url("a/b@c0ffee") == "https://api.github.example/repos/a/b/commits/c0ffee/comments")
        #expect(url("a/b#4", context: ["discussion": "D_1"]) == "https://api.github.example/graphql")
        #expect(url("nowhere") == nil)
        #expect(url("a/b#4\t?x=1") == "https://api.github.example/repos/a/b/issues/4%09%3Fx%3D1/comments")
        #expect(url("a/..#4") == nil)
        #expect(url("a/b#") == nil)
    }

    @Test func `a ping is acknowledged, and a form is read as its payload`() throws {
        let ping = try Self.adapter.receive(
            Self.signed(Array(#"{"zen":"x","hook_id":1}"#.utf8), event: "ping"), at: Self.now)
        #expect(ping.events.isEmpty && ping.acknowledgement.status == .ok)
        let form = "payload=" + HTTPPercentEncoding.encode(Self.rows[0].body)
        let events = try Self.adapter.receive(Self.signed(Array(form.utf8)), at: Self.now).events
        #expect(events.map { ExpectedEvent(of: $0) } == [Self.rows[0].event])
    }

    @Test(arguments: GitHubSamples.recorded)
    func `a recorded payload becomes what the table says`(row: FixtureExpectations.Row) throws {
        let events = try Self.adapter.receive(Self.signed(row.body), at: Self.now).events.map { ExpectedEvent(of: $0) }
        #expect(events == row.events)
    }

    @Test func `the published signatures verify, and no tampered one does`() throws {
        guard let bytes = FixtureExpectations.file("signatures.json", of: "github") else { return }
        let vectors = Array(try JSONView(parsing: bytes)["vectors"].elements)
        #expect(vectors.count >= 2)
        for vector in vectors {
            let adapter = Self.make(secret: vector["secret"].string ?? "")
            let given = vector["headers"]["X-Hub-Signature-256"].string ?? ""
            func reason(_ body: String, _ signature: String) -> WebhookRejection.Reason? {
                do throws(WebhookRejection) {
                    _ = try adapter.receive(
                        WebhookRequest(
                            target: "/", headers: ["X-Hub-Signature-256": signature], body: Array(body.utf8)),
                        at: Self.now)
                    return nil
                } catch {
                    return error.reason
                }
            }
            // The bodies are no payloads: what is verified is then refused as malformed.
            let body = vector["raw_body"].string ?? ""
            #expect(reason(body, given) == (vector["expected_valid"].bool == true ? .malformed : .unauthorized))
            #expect(reason(body + " ", given) == .unauthorized)
            #expect(reason(body, String(given.dropLast()) + "x") == .unauthorized)
        }
    }
}
