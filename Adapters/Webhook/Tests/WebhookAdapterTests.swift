import BridgeCore
import BridgeTesting
import Crypto
import HTTPCore
import JSON
import Testing
import WebhookAdapter

/// Signed messages in, signed answers out.
struct WebhookAdapterTests {
    static let key = [UInt8](0..<32)
    static let secret = "whsec_" + Base64.encode(key)
    static let now = Timestamp(seconds: 1_790_000_000)
    static let adapter = WebhookAdapter(
        configuration: WebhookConfiguration(secret: Secret(secret), replyURL: "https://app.example.test/replies"))

    static func signed(_ body: [UInt8], at time: Timestamp = now, key: [UInt8] = key, id: String = "msg_1")
        -> WebhookRequest
    {
        let timestamp = String(time.seconds)
        let code = HMACSHA256.authenticationCode(for: Array("\(id).\(timestamp).".utf8) + body, key: key)
        return WebhookRequest(
            target: "/webhooks/webhook",
            headers: [
                "Webhook-Id": id, "Webhook-Timestamp": timestamp, "Webhook-Signature": "v1," + Base64.encode(code),
            ], body: body)
    }

    static let rows: [(body: String, expected: ExpectedEvent)] = [
        (
            #"{"type":"message","timestamp":"2026-11-21T10:00:00Z","data":{"conversation":"order-7","user":"u1","name":"Ada","text":"hello","thread":"t2"}}"#,
            ExpectedEvent(.text, isAnswered: true, text: "hello", sender: "u1", conversation: "order-7", thread: "t2")
        ),
        (
            #"{"conversation":7,"user":8,"text":"hello","reply_to":"m1"}"#,
            ExpectedEvent(.text, isAnswered: true, text: "hello", sender: "8", conversation: "7", replyTo: "m1")
        ),
        (
            #"{"user":"u1","text":"hello"}"#,
            ExpectedEvent(.text, isAnswered: true, text: "hello", sender: "u1", conversation: "u1")
        ),
        (
            #"{"conversation":"c","attachments":[{"url":"https://a.test/a.png","content_type":"image/png"},{"name":"nothing"}]}"#,
            ExpectedEvent(.image, isAnswered: true, conversation: "c", attachments: 1)
        ),
        (
            #"{"type":"order.paid","data":{"id":"o9","user":"u1"}}"#,
            ExpectedEvent(.event, sender: "u1", conversation: "o9")
        ),
        (#"{"type":{"odd":1},"data":[]}"#, ExpectedEvent(.event, conversation: "webhook")),
    ]

    static func failed(_ kind: DeliveryFailure.Kind) -> DeliveryResult { .failed(DeliveryFailure(kind, reason: "")) }

    static let profile = ConformanceProfile(
        now: now,
        signing: .init(
            fields: ["webhook-id", "webhook-timestamp", "webhook-signature"], coversBody: true,
            tolerance: .seconds(300),
            sign: { signed($0, at: $1) }, signWrongly: { signed($0, at: $1, key: [UInt8](1..<33)) }),
        payloads: rows.enumerated().map { number, row in .init("body \(number)", row.body, [row.expected]) },
        message: { #"{"conversation":"c","user":"u","text":\#($0)}"# },
        messageWithAttachments: { count in
            #"{"conversation":"c","attachments":[\#(Array(repeating: #"{"url":"https://a.test"}"#, count: count).joined(separator: ","))]}"#
        },
        malformed: [
            #"{"type":"message"}"#, #"{"type":"message","data":{"conversation":"c"}}"#, #"{"text":"nowhere"}"#,
            #"{"conversation":"c","text":17}"#, #"{"conversation":"c","attachments":[{}]}"#,
        ],
        responses: [
            .init("taken", status: 204, body: "", means: .delivered(nil)),
            .init(
                "redirected", status: 302, headers: ["Location": "https://b.test"], body: "", means: failed(.refused)),
            .init("gone", status: 410, body: "", means: failed(.gone)),
            .init(
                "throttled", status: 429, headers: ["Retry-After": "7"], body: "",
                means: failed(.rateLimited(after: .seconds(7)))),
            .init(
                "busy", status: 503, headers: ["Retry-After": "9"], body: "",
                means: failed(.rateLimited(after: .seconds(9)))),
            .init("down", status: 502, body: "", means: failed(.temporary)),
            .init("wrong secret", status: 401, body: "", means: failed(.unauthorized)),
        ],
        secrets: [secret, Base64.encode(key)])

    @Test func `it keeps the adapter contract`() {
        #expect(AdapterConformance(Self.adapter, Self.profile).findings() == [])
    }

    @Test func `the event is named by the header`() throws {
        let body = Array(Self.rows[0].body.utf8)
        let event = try #require(try Self.adapter.receive(Self.signed(body, id: "msg_77"), at: Self.now).events.first)
        #expect(event.id == EventID("msg_77"))
        #expect(event.sentAt == Timestamp("2026-11-21T10:00:00Z"))
    }

    @Test func `without a reply URL messages are recorded`() throws {
        let silent = WebhookAdapter(configuration: WebhookConfiguration(secret: Secret(Self.secret)))
        let event = try #require(
            try silent.receive(Self.signed(Array(Self.rows[0].body.utf8)), at: Self.now).events.first)
        guard case .record = event.disposition else {
            Issue.record("answered")
            return
        }
    }

    @Test func `an answer is a signed webhook whose id stays the same`() throws {
        let id = UUID(high: 0x0199_0000_0000_7000, low: 0x8000_0000_0000_0001)
        let action = OutboundAction(
            id: id, kind: .send(text: "**yes** \"so\"", format: .markdown),
            place: InboundEvent.Place(conversation: ConversationID("order-7"), thread: ThreadID("t2")),
            replyTo: PlatformMessageID("m1"))
        let request = try #require(Self.adapter.encode(action, at: Self.now))
        #expect(request.url == "https://app.example.test/replies")
        #expect(
            String(decoding: request.body, as: UTF8.self)
                == #"{"type":"message.reply","timestamp":"2026-09-21T14:13:20.000000Z","data":{"conversation":"order-7","thread":"t2","text":"**yes** \"so\"","format":"markdown","in_reply_to":"m1"}}"#
        )
        let expected = Self.signed(request.body, id: id.description)
        for field in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            #expect(request.headers[field] == expected.headers[field])
        }
        #expect(
            Self.adapter.encode(action, at: Self.now.advanced(by: .seconds(9)))?.headers["webhook-id"] == id.description
        )
    }

    @Test func `a simulated webhook is a message that is answered`() throws {
        let webhook = Self.adapter.simulateWebhook(text: "hé", number: 5, at: Self.now)
        let event = try #require(try Self.adapter.receive(webhook, at: Self.now).events.first)
        #expect(event.text == "hé")
        #expect(event.id == EventID("msg_simulated_5"))
    }

    @Test(arguments: [
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", true),
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", true),
        ("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", true),  // unpadded
        ("hunter2", false),
        ("whsec_c2hvcnQ=", false),
        ("", false),
    ])
    func `a secret that cannot be one is a problem, and opens nothing`(secret: String, isUsable: Bool) {
        let configuration = WebhookConfiguration(secret: Secret(secret))
        #expect(configuration.problems.isEmpty == isUsable)
        if !isUsable {
            let adapter = WebhookAdapter(configuration: configuration)
            let body = Array(Self.rows[0].body.utf8)
            #expect(throws: WebhookRejection.self) { try adapter.receive(Self.signed(body, key: []), at: Self.now) }
        }
    }

    @Test(arguments: FixtureTable.rows)
    func `a recorded payload becomes what the table says`(row: FixtureExpectations.Row) throws {
        let events = try Self.adapter.receive(Self.signed(row.body), at: Self.now).events
        #expect(events.map { ExpectedEvent(of: $0) } == row.events)
    }

    @Test(arguments: FixtureTable.vectors.indices)
    func `a published signature vector is judged rightly`(index: Int) throws {
        let vector = FixtureTable.vectors[index]
        let secret = try #require(vector["secret"].string)
        let adapter = WebhookAdapter(configuration: WebhookConfiguration(secret: Secret(secret)))
        var headers = HTTPFields()
        for (name, value) in vector["headers"].members { headers[name] = value.string }
        let request = WebhookRequest(
            target: "/webhooks/webhook", headers: headers, body: Array((vector["raw_body"].string ?? "").utf8))
        let isAccepted = (try? adapter.receive(request, at: Timestamp(seconds: vector["now_unix"].int ?? 0))) != nil
        #expect(isAccepted == vector["expected_valid"].bool)
    }

    /// The recorded payloads and vectors; without their folder there is nothing to test, and one line says so.
    enum FixtureTable {
        static let rows: [FixtureExpectations.Row] = {
            do {
                if let table = try FixtureExpectations(platform: "generic") { return table.rows }
                print("skipped: the folder of recorded payloads is not there (CHATBRIDGE_TEST_SHARED)")
            } catch {
                Issue.record("\(error)")
            }
            return []
        }()

        static let vectors: [JSONView] = {
            guard let bytes = FixtureExpectations.file("signatures.json", of: "generic"),
                let file = try? JSONView(parsing: bytes)
            else { return [] }
            return Array(file["vectors"].elements)
        }()
    }
}
