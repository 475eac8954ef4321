import BridgeCore
import BridgeTesting
import HTTPCore
import JSON
import Testing
import ZaloAdapter

/// The adapter at its edges: who may send, what goes out, what comes back.
struct ZaloAdapterTests {
    typealias S = ZaloSamples

    static func failed(_ kind: DeliveryFailure.Kind) -> DeliveryResult { .failed(DeliveryFailure(kind, reason: "")) }

    static func refusal(_ code: Int, _ message: String = "refused", means kind: DeliveryFailure.Kind)
        -> ConformanceProfile.Response
    {
        .init("\(code)", status: 200, body: #"{"error":\#(code),"message":"\#(message)"}"#, means: failed(kind))
    }

    static let responses: [ConformanceProfile.Response] = [
        .init(
            "sent", status: 200,
            body:
                #"{"data":{"message_id":"b4eb","user_id":"43","quota":{"quota_type":"reply","remain":"7"}},"error":0,"message":"Success"}"#,
            means: .delivered(PlatformMessageID("b4eb"))),
        refusal(-216, "Access token is invalid", means: .unauthorized), refusal(-220, means: .unauthorized),
        refusal(-201, "Access token has expired", means: .unauthorized),
        refusal(-230, "User has not interacted with the OA in the past 7 days", means: .windowClosed),
        refusal(-232, means: .windowClosed), refusal(-211, "Out of quota", means: .windowClosed),
        refusal(-218, means: .windowClosed), refusal(-213, "User has not followed OA", means: .blocked),
        refusal(-217, means: .blocked), refusal(-227, means: .blocked), refusal(-244, means: .blocked),
        refusal(-32, means: .rateLimited(after: nil)), refusal(-200, means: .temporary),
        refusal(-201, means: .refused), refusal(-210, means: .refused), refusal(-224, means: .refused),
        refusal(-999, means: .refused), refusal(-999, "User blocked OA", means: .blocked),
        .init(
            "too many requests", status: 429, headers: ["Retry-After": "4"], body: "",
            means: failed(.rateLimited(after: .seconds(4)))),
        .init("a proxy's page", status: 200, body: "<html>sign in</html>", means: failed(.uncertain)),
    ]

    static let profile = ConformanceProfile(
        now: S.now,
        signing: .init(
            fields: ["X-ZEvent-Signature"], coversBody: true, tolerance: nil, sign: { body, _ in S.signed(body) },
            signWrongly: { body, _ in S.signed(body, key: "invented-app-secret") }),
        payloads: ZaloEventTests.rows.enumerated().map { number, row in
            .init("webhook \(number)", row.body, row.expected)
        },
        message: { S.message(#""text":\#($0)"#) },
        messageWithAttachments: { count in
            let picture = #"{"type":"image","payload":{"url":"https://x.test/1"}}"#
            return S.message(
                #""attachments":[\#(Array(repeating: picture, count: count).joined(separator: ","))]"#,
                name: "user_send_image")
        },
        malformed: ["{}", #"{"event_name":""}"#, #"{"event_name":1}"#, #"{"app_id":"1","event_name":"follow"}"#],
        responses: responses,
        secrets: [S.oaSecret, "invented-app-secret", "invented-access-token-1", "invented-refresh-token-1"],
        accessToken: "invented-access-token-1")

    @Test func `a long answer arrives complete, in messages that Zalo takes`() throws {
        let webhook = S.adapter.simulateWebhook(text: "hi", number: 1, at: S.now)
        let event = try #require(try S.adapter.receive(webhook, at: S.now).events.first)
        #expect(LongAnswer().findings(through: S.adapter, answering: event, counting: { $0 }, at: S.now) == [])
    }

    @Test func `it keeps the adapter contract`() {
        #expect(AdapterConformance(S.adapter, Self.profile).findings() == [])
    }

    static let picture = OutboundAttachment(kind: .image, source: .url("https://x.test/p.jpg"))

    @Test(arguments: [
        (
            OutboundAction.Kind.send(text: "**Chào** bạn", format: .markdown), S.message(#""text":"x""#),
            #"{"recipient":{"user_id":"4300000000000000003"},"message":{"text":"Chào bạn"}}"#
        ),
        (
            .send(text: "a", format: .plain),
            S.message(#""text":"x","conversation_id":"c9""#, name: "anonymous_send_text"),
            #"{"recipient":{"anonymous_id":"4300000000000000003","conversation_id":"c9"},"message":{"text":"a"}}"#
        ),
        (
            .sendAttachment(picture, caption: "ly"), S.message(#""text":"x""#),
            #"{"recipient":{"user_id":"4300000000000000003"},"message":{"text":"ly","attachment":{"type":"template","payload":{"template_type":"media","elements":[{"media_type":"image","url":"https://x.test/p.jpg"}]}}}}"#
        ),
        (
            .sendAttachment(OutboundAttachment(kind: .file, source: .uploaded("tok")), caption: nil),
            S.message(#""text":"x""#),
            #"{"recipient":{"user_id":"4300000000000000003"},"message":{"attachment":{"type":"file","payload":{"token":"tok"}}}}"#
        ),
    ])
    func `an action becomes a consultation message`(kind: OutboundAction.Kind, question: String, body: String) throws {
        let event = try #require(try S.events(question).first)
        let action = OutboundAction(
            id: UUID(high: 0, low: 0), kind: kind, place: event.place, replyContext: event.replyContext)
        var request = try #require(S.adapter.encode(action, at: S.now))
        #expect(request.url == "https://zalo.example.test/v3.0/oa/message/cs")
        #expect(String(decoding: request.body, as: UTF8.self) == body)
        #expect(request.headers["access_token"] == nil)
        S.adapter.authorize(&request, with: "t")
        #expect(request.headers["access_token"] == "t")
    }

    @Test func `bytes are uploaded before the message shows them`() throws {
        let bytes = OutboundAttachment(
            kind: .image, source: .bytes([1, 2, 3]), name: "a\"b.png", contentType: "image/png")
        let action = OutboundAction(
            id: UUID(high: 0, low: 1), kind: .sendAttachment(bytes, caption: nil),
            place: .init(conversation: ConversationID("43")))
        guard case .request(let request) = S.adapter.upload(bytes, for: action, after: [], at: S.now) else {
            Issue.record("no request")
            return
        }
        #expect(request.url == "https://zalo.example.test/v2.0/oa/upload/image")
        let boundary = "00000000-0000-0000-0000-000000000001"
        #expect(request.headers["Content-Type"] == "multipart/form-data; boundary=\(boundary)")
        let form =
            "--\(boundary)\r\nContent-Disposition: form-data; name=\"file\"; filename=\"ab.png\"\r\n"
            + "Content-Type: image/png\r\n\r\n\u{1}\u{2}\u{3}\r\n--\(boundary)--\r\n"
        #expect(request.body == Array(form.utf8))
        let answer = OutboundResponse(
            status: .ok, body: Array(#"{"data":{"attachment_id":"a77"},"error":0,"message":"Success"}"#.utf8))
        guard case .uploaded("a77") = S.adapter.upload(bytes, for: action, after: [answer], at: S.now) else {
            Issue.record("not uploaded")
            return
        }
        let large = OutboundAttachment(kind: .image, source: .bytes([UInt8](repeating: 0, count: 1 << 20 + 1)))
        guard case .failed = S.adapter.upload(large, for: action, after: [], at: S.now) else {
            Issue.record("too large a picture is uploaded")
            return
        }
    }

    @Test func `media are fetched without the token`() {
        let picture = Attachment(kind: .image, url: "https://photo-stal-30.zdn.vn/1.jpg")
        guard case .request(let request) = S.adapter.fetchMedia(picture, after: []) else {
            Issue.record("no request")
            return
        }
        #expect(!request.bearsToken)
        guard case .unavailable = S.adapter.fetchMedia(Attachment(kind: .image, url: "file:///etc/passwd"), after: [])
        else {
            Issue.record("fetched")
            return
        }
    }

    @Test(arguments: [
        (
            200, #"{"data":{"oa_id":"42","name":"Quán"},"error":0,"message":"Success"}"#,
            CredentialFinding.good("Quán (42)")
        ),
        (500, "", .warning("Zalo could not say: HTTP 500 without an answer of Zalo's")),
        (200, #"{"error":-221,"message":"OA is not verified"}"#, .bad("Zalo refuses: -221 OA is not verified")),
    ])
    func `a trial of the credentials says what it found`(status: Int, body: String, finding: CredentialFinding) {
        let response = OutboundResponse(status: HTTPStatus(status), body: Array(body.utf8))
        #expect(S.adapter.interpretCredentialCheck(response, of: S.adapter.credentialChecks()[0]) == finding)
    }

    @Test func `a simulated webhook is answered, and the fake takes the answer`() throws {
        let webhook = S.adapter.simulateWebhook(text: "hé \"llo\"", number: 77, at: S.now)
        let event = try #require(try S.adapter.receive(webhook, at: S.now).events.first)
        #expect(event.text == "hé \"llo\"")
        #expect(ExpectedEvent(of: event).isAnswered)
        let action = OutboundAction(
            id: UUID(high: 0, low: 0), kind: .send(text: "echo", format: .plain), place: event.place)
        var request = try #require(S.adapter.encode(action, at: S.now))
        let unauthorized = try #require(Self.fake(request))
        #expect(S.adapter.isTokenRefused(unauthorized.response))
        S.adapter.authorize(&request, with: "invented-access-token-1")
        let answer = try #require(Self.fake(request))
        #expect(
            answer.actions == [
                .message(conversation: event.place.conversation.rawValue, id: "5133b0b09", text: "echo")
            ])
        #expect(!S.adapter.isTokenRefused(answer.response))
        #expect(S.adapter.interpret(answer.response, to: action) == .delivered(PlatformMessageID("5133b0b09")))
    }

    static func fake(_ request: OutboundRequest) -> FakeAnswer? {
        let target = request.url.drop { $0 != "t" || !request.url.hasPrefix("https") }
        let path = String(target.split(separator: "example.test", maxSplits: 1).last ?? "")
        return S.adapter.fakeAnswer(
            to: FakeRequest(method: request.method, target: path, headers: request.headers, body: request.body),
            number: 9, at: S.now)
    }

    // MARK: Vectors

    /// The vectors, when their folder is there.
    static let vectors: [JSONView] = {
        guard let bytes = FixtureExpectations.file("signatures.json", of: "zalo"),
            let file = try? JSONView(parsing: bytes)
        else { return [] }
        return Array(file["vectors"].elements)
    }()

    static func isAccepted(_ vector: JSONView, body: [UInt8], header: String? = nil) throws -> Bool {
        let adapter = ZaloAdapter(
            configuration: ZaloConfiguration(
                appID: try #require(vector["app_id"].string), appSecret: "s",
                oaSecretKey: Secret(try #require(vector["oa_secret_key"].string)), accessToken: "a", refreshToken: "r"
            ))
        var headers = HTTPFields()
        for (name, value) in vector["headers"].members { headers[name] = header ?? value.string }
        let request = WebhookRequest(target: "/webhooks/zalo", headers: headers, body: body)
        return (try? adapter.receive(request, at: S.now)) != nil
    }

    @Test(arguments: vectors.indices)
    func `a signature vector is judged rightly`(index: Int) throws {
        let vector = Self.vectors[index]
        let body = Array((vector["raw_body"].string ?? "").utf8)
        let isValid = vector["expected_valid"].bool == true
        #expect(try Self.isAccepted(vector, body: body) == isValid)
        guard isValid else { return }
        for position in body.indices {
            var tampered = body
            tampered[position] ^= 1
            #expect(try !Self.isAccepted(vector, body: tampered))
        }
        let header = try #require(vector["headers"]["X-ZEvent-Signature"].string)
        for tampered in [String(header.dropLast()), header + "0", header.uppercased(), String(header.dropFirst(4)), ""]
        {
            #expect(try !Self.isAccepted(vector, body: body, header: tampered))
        }
    }
}
