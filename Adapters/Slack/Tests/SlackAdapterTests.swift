import BridgeCore
import BridgeTesting
import HTTPCore
import JSON
import SlackAdapter
import Testing

/// The adapter at its edges: who may send, what goes out, what comes back.
struct SlackAdapterTests {
    typealias S = SlackSamples

    static func failed(_ kind: DeliveryFailure.Kind) -> DeliveryResult { .failed(DeliveryFailure(kind, reason: "")) }

    static func refusal(_ code: String, status: Int = 200, means kind: DeliveryFailure.Kind)
        -> ConformanceProfile.Response
    {
        .init(code, status: status, body: #"{"ok":false,"error":"\#(code)"}"#, means: failed(kind))
    }

    static let responses: [ConformanceProfile.Response] = [
        .init(
            "sent", status: 200, body: #"{"ok":true,"channel":"DIDA","ts":"8.000001","message":{}}"#,
            means: .delivered(PlatformMessageID("8.000001"))),
        .init(
            "edited", to: .edit(message: PlatformMessageID("8.000001"), text: "x", format: .plain), status: 200,
            body: #"{"ok":true}"#, means: .delivered(PlatformMessageID("8.000001"))),
        .init(
            "too many requests", status: 429, headers: ["Retry-After": "30"],
            body: #"{"ok":false,"error":"ratelimited"}"#, means: failed(.rateLimited(after: .seconds(30)))),
        .init(
            "too many requests in 200", status: 200, headers: ["Retry-After": "2"],
            body: #"{"ok":false,"error":"ratelimited"}"#, means: failed(.rateLimited(after: .seconds(2)))),
        refusal("invalid_auth", means: .unauthorized), refusal("token_revoked", means: .unauthorized),
        refusal("account_inactive", means: .unauthorized), refusal("channel_not_found", means: .gone),
        refusal("is_archived", means: .gone), refusal("message_not_found", means: .gone),
        refusal("not_in_channel", means: .refused), refusal("msg_too_long", means: .refused),
        refusal("msg_blocks_too_long", means: .refused), refusal("some_new_error", means: .refused),
        refusal("internal_error", means: .temporary), refusal("invalid_auth", status: 503, means: .temporary),
        .init("a proxy's page", status: 200, body: "<html>sign in</html>", means: failed(.uncertain)),
    ]

    static let profile = ConformanceProfile(
        now: S.now,
        signing: .init(
            fields: ["X-Slack-Request-Timestamp", "X-Slack-Signature"], coversBody: true, tolerance: .seconds(300),
            sign: { S.signed($0, at: $1) },
            signWrongly: { S.signed($0, at: $1, key: "0badc0ffee0badc0ffee0badc0ffee01") }),
        payloads: SlackEventTests.rows.enumerated().map { number, row in
            .init("request \(number)", row.body, row.expected)
        },
        message: { S.message(#""text":\#($0)"#) },
        messageWithAttachments: { count in
            S.message(#""text":"","files":[\#(Array(repeating: #"{"id":"F"}"#, count: count).joined(separator: ","))]"#)
        },
        malformed: [
            "{}", #"{"type":""}"#, #"{"type":"url_verification"}"#, "payload=%7B", "payload=", "command=",
            "token=x&text=y",
        ],
        responses: responses, secrets: [S.token, S.signingSecret], apiPath: "/api")

    @Test func `a long answer arrives complete, and no message is over the limit`() throws {
        let event = try #require(try S.events(S.message(#""text":"hi""#)).first)
        #expect(LongAnswer().findings(through: S.adapter, answering: event, counting: { $0 }, at: S.now) == [])
    }

    @Test func `it keeps the adapter contract`() {
        #expect(AdapterConformance(S.adapter, Self.profile).findings() == [])
    }

    @Test func `the handshake gives the challenge back, when it is signed`() throws {
        let body = Array(#"{"type":"url_verification","token":"t","challenge":"3eZbrw1a"}"#.utf8)
        let outcome = try S.adapter.receive(S.signed(body), at: S.now)
        #expect(String(decoding: outcome.acknowledgement.body, as: UTF8.self) == "3eZbrw1a")
        #expect(outcome.events.isEmpty)
        #expect(throws: WebhookRejection.self) {
            try S.adapter.receive(WebhookRequest(target: "/webhooks/slack", headers: [:], body: body), at: S.now)
        }
    }

    @Test func `the certificate probe is acknowledged and nothing more`() throws {
        let probe = WebhookRequest(target: "/webhooks/slack", headers: [:], body: Array("token=x&ssl_check=1".utf8))
        #expect(try S.adapter.receive(probe, at: S.now).events.isEmpty)
        let smuggled = WebhookRequest(
            target: "/webhooks/slack", headers: [:], body: Array("ssl_check=1&command=%2Fx&channel_id=C".utf8))
        #expect(throws: WebhookRejection.self) { try S.adapter.receive(smuggled, at: S.now) }
    }

    @Test(arguments: [
        (
            OutboundAction.Kind.send(text: "**hi** <you> & me", format: .markdown),
            #"{"channel":"CHALL","text":"*hi* &lt;you&gt; &amp; me","thread_ts":"4.000001"}"#, "chat.postMessage"
        ),
        (
            .send(text: "*as it is* <&>", format: .plain),
            #"{"channel":"CHALL","text":"*as it is* &lt;&amp;&gt;","mrkdwn":false,"thread_ts":"4.000001"}"#,
            "chat.postMessage"
        ),
        (
            .edit(message: PlatformMessageID("8.000001"), text: "words", format: .markdown),
            #"{"channel":"CHALL","ts":"8.000001","text":"words"}"#, "chat.update"
        ),
    ])
    func `an action becomes a call of the Web API`(kind: OutboundAction.Kind, body: String, method: String) throws {
        let place = InboundEvent.Place(
            account: AccountName("TAC"), conversation: ConversationID("CHALL"), thread: ThreadID("4.000001"),
            isGroup: true)
        let action = OutboundAction(id: UUID(high: 0, low: 0), kind: kind, place: place)
        let request = try #require(S.adapter.encode(action, at: S.now))
        #expect(String(decoding: request.body, as: UTF8.self) == body)
        #expect(request.url == "https://slack.example.test/api/\(method)")
        #expect(request.headers["Authorization"] == "Bearer \(S.token)")
    }

    @Test(arguments: [
        (#"{"ok":true,"user":"harbour","team":"Crew","bot_id":"B1"}"#, CredentialFinding.good("harbour in Crew")),
        (
            #"{"ok":true,"user":"ida","team":"Crew"}"#,
            .warning("ida in Crew: this is no bot token; take the Bot User OAuth Token (xoxb-…)")
        ),
        (
            #"{"ok":false,"error":"invalid_auth"}"#,
            .bad("Slack refuses the token (invalid_auth): copy it again from OAuth & Permissions")
        ),
    ])
    func `a trial of the credentials says what it found`(body: String, finding: CredentialFinding) {
        let response = OutboundResponse(status: .ok, body: Array(body.utf8))
        #expect(S.adapter.interpretCredentialCheck(response, of: S.adapter.credentialChecks()[0]) == finding)
    }

    @Test func `a simulated webhook is a direct message that is answered`() throws {
        let now = Timestamp(microseconds: 1_790_000_000_000_042)
        let webhook = S.adapter.simulateWebhook(text: "1 < 2 & \"so\"", number: 5, at: now)
        let event = try #require(try S.adapter.receive(webhook, at: now).events.first)
        #expect(event.text == "1 < 2 & \"so\"")
        #expect(event.messageID == PlatformMessageID("1790000000.000042"))
        guard case .answer = event.disposition else {
            Issue.record("not answered")
            return
        }
    }

    /// The published vectors, when their folder is there.
    static let vectors: [JSONView] = {
        guard let bytes = FixtureExpectations.file("signatures.json", of: "slack"),
            let file = try? JSONView(parsing: bytes)
        else { return [] }
        return Array(file["vectors"].elements)
    }()

    @Test(arguments: vectors.indices)
    func `a published signature vector is judged rightly`(index: Int) throws {
        let vector = Self.vectors[index]
        let secret = try #require(vector["signing_secret"].string)
        let adapter = SlackAdapter(
            configuration: SlackConfiguration(botToken: "xoxb-none", signingSecret: Secret(secret)))
        var headers = HTTPFields()
        for (name, value) in vector["headers"].members { headers[name] = value.string }
        let request = WebhookRequest(
            target: "/webhooks/slack", headers: headers, body: Array((vector["raw_body"].string ?? "").utf8))
        let now = Timestamp(seconds: vector["now_unix"].int ?? 0)
        let isAccepted = (try? adapter.receive(request, at: now)) != nil
        #expect(isAccepted == vector["expected_valid"].bool)
    }
}
