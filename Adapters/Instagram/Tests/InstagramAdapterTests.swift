import BridgeCore
import BridgeTesting
import HTTPCore
import InstagramAdapter
import JSON
import Testing

/// The adapter at its edges, and what is Instagram's own in its webhooks.
struct InstagramAdapterTests {
    typealias S = InstagramSamples

    /// An event of Ida's.
    static func ida(
        _ kind: ContentKind, isAnswered: Bool = true, text: String? = nil, attachments: Int = 0,
        target: String? = nil
    ) -> ExpectedEvent {
        ExpectedEvent(
            kind, isAnswered: isAnswered, text: text, sender: "41", account: "178", conversation: "41",
            attachments: attachments, target: target)
    }

    static let rows: [(body: String, expected: [ExpectedEvent])] = [
        (S.message(#""text":"good morning""#), [ida(.text, text: "good morning")]),
        (S.message(#""attachments":[{"type":"like_heart"}]"#), [ida(.sticker, text: "❤️")]),
        (
            S.message(#""attachments":[{"type":"share","payload":{"url":"https://a.test/1"}}]"#),
            [ida(.file, attachments: 1)]
        ),
        (
            S.message(
                #""attachments":[{"type":"ig_reel","payload":{"reel_video_id":"5","title":"T","url":"https://a.test/2"}}]"#
            ), [ida(.video, attachments: 1)]
        ),
        (
            S.message(#""attachments":[{"type":"story_mention","payload":{"url":"https://a.test/3"}}]"#),
            [ida(.file, attachments: 1)]
        ),
        (
            S.message(#""text":"nice","reply_to":{"story":{"id":"9","url":"https://a.test/4"}}"#),
            [ida(.text, text: "nice")]
        ),
        (S.message(#""text":"Yes","quick_reply":{"payload":"YES"}"#), [ida(.button, text: "YES")]),
        (S.message(#""is_deleted":true"#), [ida(.deleted, isAnswered: false, target: "m_1")]),
        (S.message(#""is_unsupported":true"#), [ida(.event, isAnswered: false)]),
        (S.item(#""postback":{"mid":"m_2","title":"Hours?","payload":"HOURS"}"#), [ida(.button, text: "HOURS")]),
        (
            S.item(#""reaction":{"mid":"m_0","action":"react","reaction":"love","emoji":"❤"}"#),
            [ida(.reaction, isAnswered: false, text: "❤", target: "m_0")]
        ),
        (S.item(#""read":{"mid":"m_0"}"#), [ida(.status, isAnswered: false, target: "m_0")]),
        (
            S.entry(
                #""changes":[{"field":"comments","value":{"id":"77","from":{"id":"41","username":"ida"},"media":{"id":"5"},"text":"lovely"}}]"#
            ), [ida(.event, isAnswered: false, text: "lovely")]
        ),
        // The dashboard's test message comes as a change.
        (
            S.entry(
                #""changes":[{"field":"messages","value":{"sender":{"id":"41"},"recipient":{"id":"178"},"timestamp":"1527459824","message":{"mid":"m_3","text":"test"}}}]"#
            ), [ida(.text, text: "test")]
        ),
        (
            S.entry(
                #""messaging":[{"sender":{"id":"178"},"recipient":{"id":"41"},"message":{"mid":"m_4","is_echo":true,"text":"ours"}}]"#
            ), [ExpectedEvent(.text, text: "ours", sender: "178", account: "178", conversation: "41")]
        ),
    ]

    static func failed(_ kind: DeliveryFailure.Kind) -> DeliveryResult { .failed(DeliveryFailure(kind, reason: "")) }

    static let responses: [ConformanceProfile.Response] = [
        .init(
            "sent", status: 200, body: #"{"recipient_id":"41","message_id":"m_9"}"#,
            means: .delivered(PlatformMessageID("m_9"))),
        .init(
            "outside of the window", status: 403,
            body:
                #"{"error":{"message":"(#10) This message is sent outside of allowed window.","code":10,"error_subcode":2534022}}"#,
            means: failed(.windowClosed)),
        .init(
            "throttled", status: 400, body: #"{"error":{"code":613,"message":"x"}}"#,
            means: failed(.rateLimited(after: nil))),
        .init(
            "too many requests", status: 429, headers: ["Retry-After": "7"], body: "",
            means: failed(.rateLimited(after: .seconds(7)))),
        .init(
            "expired", status: 401, body: #"{"error":{"code":190,"message":"expired"}}"#, means: failed(.unauthorized)),
        .init(
            "blocked", status: 403, body: #"{"error":{"code":200,"error_subcode":1545041,"message":"x"}}"#,
            means: failed(.blocked)),
        .init("a proxy's page", status: 200, body: "<html>sign in</html>", means: failed(.uncertain)),
    ]

    static let profile = ConformanceProfile(
        now: S.now,
        signing: .init(
            fields: ["X-Hub-Signature-256"], coversBody: true, tolerance: nil, sign: { body, _ in S.signed(body) },
            signWrongly: { body, _ in S.signed(body, key: "0badc0ffee0badc0ffee0badc0ffee01") }),
        payloads: rows.enumerated().map { number, row in .init("webhook \(number)", row.body, row.expected) },
        message: { S.message(#""text":\#($0)"#) }, malformed: ["{}", #"{"object":null}"#], responses: responses,
        secrets: [S.token, S.appSecret, S.verifyToken])

    @Test func `it keeps the adapter contract`() {
        #expect(AdapterConformance(S.adapter, Self.profile).findings() == [])
    }

    @Test func `a text's limit is in bytes`() {
        #expect(S.adapter.capabilities.textLimit == Capabilities.TextLimit(1000, .utf8))
    }

    @Test(arguments: [
        (
            OutboundAction.Kind.send(text: "**bold** a < b", format: .markdown),
            #"{"recipient":{"id":"41"},"message":{"text":"bold a < b"}}"#
        ),
        (.typing, #"{"recipient":{"id":"41"},"sender_action":"typing_on"}"#),
        (
            .sendAttachment(OutboundAttachment(kind: .image, source: .url("https://a.test/1.png")), caption: nil),
            #"{"recipient":{"id":"41"},"message":{"attachment":{"type":"image","payload":{"url":"https://a.test/1.png"}}}}"#
        ),
    ])
    func `an action becomes a call of the Send API`(kind: OutboundAction.Kind, body: String) throws {
        let action = OutboundAction(
            id: UUID(high: 0, low: 1), kind: kind, place: .init(conversation: ConversationID("41")))
        let request = try #require(S.adapter.encode(action, at: S.now))
        #expect(request.url == "https://graph.example.test/v23.0/me/messages")
        #expect(request.headers["Authorization"] == "Bearer \(S.token)")
        #expect(String(decoding: request.body, as: UTF8.self) == body)
    }

    @Test(arguments: [
        ("IGAAx", "https://graph.instagram.com"), ("EAAx", "https://graph.facebook.com"),
    ])
    func `the token tells the host`(token: String, base: String) {
        let configuration = InstagramConfiguration(
            accessToken: Secret(token), verifyToken: "v", appSecret: "s", apiBase: nil)
        #expect(configuration.apiBase == base)
    }

    @Test func `a trial of the credentials says what it found`() throws {
        let check = try #require(S.adapter.credentialChecks().first)
        func finding(_ body: String, _ status: Int = 200) -> CredentialFinding {
            S.adapter.interpretCredentialCheck(
                OutboundResponse(status: HTTPStatus(status), body: Array(body.utf8)), of: check)
        }
        #expect(finding(#"{"username":"harbour"}"#) == .good("@harbour"))
        #expect(finding(#"{"name":"P","instagram_business_account":{"username":"harbour"}}"#) == .good("@harbour"))
        #expect(
            finding(#"{"name":"P"}"#)
                == .warning("P: no Instagram professional account is linked to this page"))
    }

    @Test func `the fake takes what the adapter sends and counts bytes`() throws {
        func fake(_ text: String) throws -> [FakeAnswer.Action] {
            let action = OutboundAction(
                id: UUID(high: 0, low: 1), kind: .send(text: text, format: .plain),
                place: .init(conversation: ConversationID("41")))
            let request = try #require(S.adapter.encode(action, at: S.now))
            return try #require(
                S.adapter.fakeAnswer(
                    to: FakeRequest(
                        method: .post, target: "/v23.0/me/messages", headers: request.headers, body: request.body),
                    number: 5, at: S.now)
            ).actions
        }
        let most = String(repeating: "é", count: 500)
        #expect(try fake(most) == [.message(conversation: "41", id: "m_FAKE5", text: most)])
        guard case .refused = try #require(try fake(most + "é").first) else {
            Issue.record("taken")
            return
        }
    }

    @Test func `a simulated webhook is a message that is answered`() throws {
        let webhook = S.adapter.simulateWebhook(text: "hé", number: 77, at: S.now)
        let event = try #require(try S.adapter.receive(webhook, at: S.now).events.first)
        #expect(event.text == "hé")
        guard case .answer = event.disposition else {
            Issue.record("not answered")
            return
        }
    }

    @Test(arguments: FixtureTable.rows)
    func `a recorded payload becomes what the table says`(row: FixtureExpectations.Row) throws {
        let events = try S.adapter.receive(S.signed(row.body), at: S.now).events
        #expect(events.map { ExpectedEvent(of: $0) } == row.events)
    }

    @Test func `the recorded signatures are right, and every change of them wrong`() throws {
        guard let bytes = FixtureExpectations.file("signatures.json", of: "instagram") else { return }
        for vector in try JSONView(parsing: bytes)["vectors"].elements {
            let adapter = InstagramAdapter(
                configuration: InstagramConfiguration(
                    accessToken: Secret(S.token), verifyToken: Secret(S.verifyToken),
                    appSecret: Secret(try #require(vector["app_secret"].string))))
            var headers = HTTPFields()
            for (name, value) in vector["headers"].members { headers.append(name, value.string ?? "") }
            let body = Array(try #require(vector["raw_body"].string).utf8)
            let request = WebhookRequest(target: "/webhooks/instagram", headers: headers, body: body)
            guard vector["expected_valid"].bool == true else {
                #expect(throws: WebhookRejection.self) { try adapter.receive(request, at: S.now) }
                continue
            }
            #expect(try !adapter.receive(request, at: S.now).events.isEmpty)
            for index in body.indices {
                var tampered = request
                tampered.body[index] ^= 1
                #expect(throws: WebhookRejection.self) { try adapter.receive(tampered, at: S.now) }
            }
        }
    }

    /// The recorded payloads; without their folder there is nothing to test, and one line says so.
    enum FixtureTable {
        static let rows: [FixtureExpectations.Row] = {
            do {
                if let table = try FixtureExpectations(platform: "instagram") { return table.rows }
                print("skipped: the folder of recorded payloads is not there (CHATBRIDGE_TEST_SHARED)")
            } catch {
                Issue.record("\(error)")
            }
            return []
        }()
    }
}
