import BridgeCore
import BridgeTesting
import HTTPCore
import JSON
import Testing
import ZaloBotAdapter

/// The adapter at its edges: who may send, what goes out, what comes back.
struct ZaloBotAdapterTests {
    typealias S = ZaloBotSamples

    static func failed(_ kind: DeliveryFailure.Kind) -> DeliveryResult { .failed(DeliveryFailure(kind, reason: "")) }

    static func refusal(_ code: Int, _ description: String, means kind: DeliveryFailure.Kind)
        -> ConformanceProfile.Response
    {
        .init(
            "\(code) \(description)", status: 200,
            body: #"{"ok":false,"error_code":\#(code),"description":"\#(description)"}"#, means: failed(kind))
    }

    static let responses: [ConformanceProfile.Response] = [
        .init(
            "sent", status: 200, body: #"{"ok":true,"result":{"message_id":"82599fa32f56","date":1749632637199}}"#,
            means: .delivered(PlatformMessageID("82599fa32f56"))),
        .init("typing shown", to: .typing, status: 200, body: #"{"ok":true}"#, means: .delivered(nil)),
        refusal(400, "Bad Request", means: .refused), refusal(400, "Bad Request: chat not found", means: .gone),
        refusal(401, "Unauthorized", means: .unauthorized), refusal(403, "Forbidden", means: .blocked),
        refusal(404, "Not Found", means: .gone), refusal(404, "Bot token is invalid", means: .unauthorized),
        refusal(429, "Too Many Requests", means: .rateLimited(after: nil)),
        refusal(500, "Internal error", means: .temporary),
        .init(
            "too many requests, with a time", status: 429, headers: ["Retry-After": "4"], body: "",
            means: failed(.rateLimited(after: .seconds(4)))),
        .init("a proxy's page", status: 200, body: "<html>sign in</html>", means: failed(.uncertain)),
    ]

    static let profile = ConformanceProfile(
        now: S.now,
        signing: .init(
            fields: ["X-Bot-Api-Secret-Token"], coversBody: false, tolerance: nil,
            sign: { body, _ in S.webhook(body) },
            signWrongly: { body, _ in S.webhook(body, secret: "a-webhook-secret-24") }),
        payloads: ZaloBotUpdateTests.rows.enumerated().map { number, row in
            .init("update \(number)", row.body, row.expected)
        },
        message: { S.message(#""text":\#($0)"#) },
        malformed: ["{}", #"{"event_name":""}"#, #"{"ok":true,"result":{}}"#, #"{"ok":true,"result":[]}"#],
        responses: responses, secrets: [S.token, S.secret])

    @Test func `a long answer arrives complete, in messages that Zalo takes`() throws {
        let webhook = S.adapter.simulateWebhook(text: "hi", number: 1, at: S.now)
        let event = try #require(try S.adapter.receive(webhook, at: S.now).events.first)
        #expect(LongAnswer().findings(through: S.adapter, answering: event, counting: { $0 }, at: S.now) == [])
    }

    @Test func `it keeps the adapter contract`() {
        #expect(AdapterConformance(S.adapter, Self.profile).findings() == [])
    }

    @Test func `without a configured secret every webhook is refused`() {
        let open = ZaloBotAdapter(configuration: ZaloBotConfiguration(botToken: Secret(S.token)))
        let body = Array(S.message(#""text":"x""#).utf8)
        #expect(throws: WebhookRejection.self) { try open.receive(S.webhook(body), at: S.now) }
        #expect(throws: WebhookRejection.self) { try open.receive(S.webhook(body, secret: ""), at: S.now) }
    }

    static let picture = OutboundAttachment(kind: .image, source: .url("https://x.test/p.jpg"))
    static let voice = OutboundAttachment(kind: .audio, source: .url("https://x.test/v.aac"))

    @Test(arguments: [
        (
            OutboundAction.Kind.send(text: "**Chào** bạn", format: .markdown), false, "sendMessage",
            #"{"chat_id":"c1","text":"Chào bạn"}"#
        ),
        (
            .sendAttachment(picture, caption: "ly"), false, "sendPhoto",
            #"{"chat_id":"c1","photo":"https://x.test/p.jpg","caption":"ly"}"#
        ),
        (
            .sendAttachment(voice, caption: nil), false, "sendVoice",
            #"{"chat_id":"c1","voice_url":"https://x.test/v.aac"}"#
        ),
        (
            .sendAttachment(voice, caption: nil), true, "sendMessage",
            #"{"chat_id":"c1","text":"https://x.test/v.aac"}"#
        ),
        (.typing, false, "sendChatAction", #"{"chat_id":"c1","action":"typing"}"#),
    ])
    func `an action becomes a call`(kind: OutboundAction.Kind, isGroup: Bool, method: String, body: String) throws {
        let action = OutboundAction(
            id: UUID(high: 0, low: 0), kind: kind, place: .init(conversation: ConversationID("c1"), isGroup: isGroup))
        let request = try #require(S.adapter.encode(action, at: S.now))
        #expect(request.url == "https://bot.example.test/bot\(S.token)/\(method)")
        #expect(String(decoding: request.body, as: UTF8.self) == body)
    }

    // MARK: Polling

    static func poll(_ body: String, status: Int = 200) -> PollOutcome {
        S.adapter.interpretPoll(OutboundResponse(status: HTTPStatus(status), body: Array(body.utf8)))
    }

    @Test(arguments: [
        (S.message(#""text":"x""#, isWrapped: true), 1), (#"{"ok":true,"result":{}}"#, 0), (#"{"ok":true}"#, 0),
        (#"{"ok":true,"result":[\#(S.message(#""text":"x""#))]}"#, 1),
        (#"{"ok":false,"error_code":408,"description":"Request timeout"}"#, 0),
    ])
    func `a poll brings an update or none`(body: String, count: Int) {
        guard case .events(let events, let cursor) = Self.poll(body) else {
            Issue.record("failed")
            return
        }
        #expect(events.count == count)
        #expect(cursor == nil)
    }

    @Test func `a poll that fails says what to do`() {
        guard case .failed(let refused) = Self.poll(#"{"ok":false,"error_code":401,"description":"Unauthorized"}"#),
            case .failed(let broken) = Self.poll("", status: 502)
        else {
            Issue.record("not failed")
            return
        }
        #expect(refused.kind == .unauthorized)
        #expect(broken.kind == .temporary)
        let request = S.adapter.poll(after: nil)
        #expect(request.url.hasSuffix("/getUpdates"))
        #expect(String(decoding: request.body, as: UTF8.self) == #"{"timeout":"30"}"#)
    }

    // MARK: For the operator

    @Test(arguments: [
        (
            0, #"{"ok":true,"result":{"id":"1","account_name":"bot.quan","can_join_groups":false}}"#,
            CredentialFinding.good("bot.quan (one-to-one chats only)")
        ),
        (
            0, #"{"ok":false,"error_code":401,"description":"Unauthorized"}"#,
            .bad("Zalo does not know this token (Unauthorized): copy it again from Zalo Bot Manager's message")
        ),
        (
            1, #"{"ok":true,"result":{"url":"https://b.test/webhooks/zalobot","updated_at":1749633372026}}"#,
            .good("https://b.test/webhooks/zalobot")
        ),
        (
            1, #"{"ok":true,"result":{"url":"","updated_at":0}}"#,
            .bad("no webhook is set: Zalo has nowhere to send to (chatbridge webhooks set zalobot)")
        ),
    ])
    func `a trial of the credentials says what it found`(check: Int, body: String, finding: CredentialFinding) {
        let response = OutboundResponse(status: .ok, body: Array(body.utf8))
        #expect(S.adapter.interpretCredentialCheck(response, of: S.adapter.credentialChecks()[check]) == finding)
    }

    @Test func `a webhook is set with its secret, seen and removed`() throws {
        let set = S.adapter.registerWebhook(at: "https://b.test/webhooks/zalobot")
        #expect(set.url.hasSuffix("/setWebhook"))
        #expect(
            String(decoding: set.body, as: UTF8.self)
                == #"{"url":"https://b.test/webhooks/zalobot","secret_token":"\#(S.secret)"}"#)
        let answer = try #require(Self.fake(set))
        #expect(S.adapter.interpretRegistration(answer.response) == nil)
        let info = #"{"ok":true,"result":{"url":"https://b.test/w","updated_at":1749633372026}}"#
        #expect(
            S.adapter.interpretWebhookQuery(OutboundResponse(status: .ok, body: Array(info.utf8)))
                == .registered(url: "https://b.test/w", remarks: ["set at 2025-06-11T09:16:12.026000Z"]))
        let removal = try #require(S.adapter.removeWebhook())
        #expect(removal.url.hasSuffix("/deleteWebhook"))
    }

    // MARK: Playing the platform

    static func fake(_ request: OutboundRequest) -> FakeAnswer? {
        S.adapter.fakeAnswer(
            to: FakeRequest(
                method: request.method, target: String(request.url.dropFirst("https://bot.example.test".count)),
                headers: request.headers, body: request.body), number: 9, at: S.now)
    }

    @Test func `a simulated webhook is answered, and the fake takes the answer`() throws {
        let webhook = S.adapter.simulateWebhook(text: "hé \"llo\"", number: 77, at: S.now)
        let event = try #require(try S.adapter.receive(webhook, at: S.now).events.first)
        #expect(event.text == "hé \"llo\"")
        #expect(ExpectedEvent(of: event).isAnswered)
        let action = OutboundAction(
            id: UUID(high: 0, low: 0), kind: .send(text: "echo", format: .plain), place: event.place)
        var request = try #require(S.adapter.encode(action, at: S.now))
        let answer = try #require(Self.fake(request))
        #expect(
            answer.actions == [
                .message(conversation: event.place.conversation.rawValue, id: "5133b0b09", text: "echo")
            ])
        #expect(S.adapter.interpret(answer.response, to: action) == .delivered(PlatformMessageID("5133b0b09")))
        request.url = "https://bot.example.test/botother/sendMessage"
        let forged = try #require(Self.fake(request))
        #expect(
            S.adapter.interpret(forged.response, to: action)
                == .failed(DeliveryFailure(.unauthorized, reason: "Unauthorized")))
    }

    @Test func `a picture is fetched from where it is`() {
        guard
            case .request(let request) = S.adapter.fetchMedia(
                Attachment(kind: .image, url: "https://photo-stal-30.zdn.vn/1"), after: []),
            case .content = S.adapter.fetchMedia(
                Attachment(kind: .image, url: "https://photo-stal-30.zdn.vn/1"), after: [OutboundResponse(status: .ok)]),
            case .unavailable = S.adapter.fetchMedia(Attachment(kind: .sticker, reference: "s"), after: [])
        else {
            Issue.record("not so")
            return
        }
        #expect(request.url == "https://photo-stal-30.zdn.vn/1")
        #expect(!request.bearsToken)
    }
}
