import BridgeCore
import BridgeTesting
import HTTPCore
import JSON
import Testing

@testable import MattermostAdapter

/// What comes in, what goes out, what comes back.
struct MattermostAdapterTests {
    static let token = "bot-token-of-the-tests"
    static let hook = "hooktoken-of-the-tests"
    static let now = Timestamp(seconds: 1_790_000_000)
    static let configuration = MattermostConfiguration(
        botToken: Secret(token), webhookTokens: [Secret(hook), "own-shared-secret", "wkaenruug5jjxs65xt27bmz5cr"],
        serverURL: "https://chat.example.test/")

    /// A fresh one for each test: it learns its own id.
    static var adapter: MattermostAdapter { MattermostAdapter(configuration: configuration) }

    static func request(_ body: [UInt8], token: String? = hook, target: String = "/webhooks/mattermost")
        -> WebhookRequest
    {
        var headers: HTTPFields = [:]
        headers["Authorization"] = token.map { "Token \($0)" }
        return WebhookRequest(target: target, headers: headers, body: body)
    }

    static func post(_ fields: String) -> String {
        #"{"channel_id":"c1","channel_name":"quay","team_domain":"crew","user_id":"u1","user_name":"ida","post_id":"p1","timestamp":1789999990000,\#(fields)}"#
    }

    static func ida(
        _ kind: ContentKind, isAnswered: Bool = true, text: String? = nil, thread: String? = nil, attachments: Int = 0,
        target: String? = nil
    ) -> ExpectedEvent {
        ExpectedEvent(
            kind, isAnswered: isAnswered, text: text, sender: "u1", conversation: "c1", thread: thread,
            attachments: attachments, target: target)
    }

    static let rows: [(body: String, expected: [ExpectedEvent])] = [
        (post(#""text":"good morning""#), [ida(.text, text: "good morning")]),
        (post(#""text":"look","file_ids":"f1,f2""#), [ida(.file, text: "look", attachments: 2)]),
        (post(#""text":"","file_ids":["f1"]"#), [ida(.file, attachments: 1)]),
        (post(#""text":"""#), [ida(.text, isAnswered: false)]),
        (
            "channel_id=c1&channel_name=quay&post_id=p2&text=harbour+what+%26+why&timestamp=1789999990&trigger_word=harbour&user_id=u1&user_name=ida",
            [ida(.text, text: "harbour what & why")]
        ),
        (
            "channel_id=c1&channel_name=quay&command=%2Fweather&text=in+Kyiv&trigger_id=t1&user_id=u1&user_name=ida&response_url=https%3A%2F%2Fx",
            [ida(.command, text: "/weather in Kyiv")]
        ),
        ("channel_id=c1&command=%2Fstop&text=&user_id=u1&root_id=r1", [ida(.command, text: "/stop", thread: "r1")]),
        (
            #"{"user_id":"u1","channel_id":"c1","post_id":"p9","type":"select","context":{"action":"pick","selected_option":"blue"}}"#,
            [ida(.button, text: "blue", target: "p9")]
        ),
        (
            #"{"user_id":"u1","channel_id":"c1","post_id":"p9","type":"button","context":{}}"#,
            [ida(.button, text: "button", target: "p9")]
        ),
        (#"{"user_id":"u1","channel_id":"c1","event":"new"}"#, [ida(.event, isAnswered: false)]),
        (#"{"what":"ever"}"#, [ExpectedEvent(.event, conversation: "webhook")]),
    ]

    static func failed(_ kind: DeliveryFailure.Kind) -> DeliveryResult { .failed(DeliveryFailure(kind, reason: "")) }

    static func refusal(_ id: String, status: Int, means kind: DeliveryFailure.Kind) -> ConformanceProfile.Response {
        .init(
            "\(status) \(id)", status: status, body: #"{"id":"\#(id)","message":"No.","status_code":\#(status)}"#,
            means: failed(kind))
    }

    static let responses: [ConformanceProfile.Response] = [
        .init(
            "posted", status: 201, body: #"{"id":"p77","user_id":"bot1","channel_id":"c1"}"#,
            means: .delivered(PlatformMessageID("p77"))),
        .init(
            "edited", to: .edit(message: PlatformMessageID("p77"), text: "x", format: .plain), status: 200,
            body: #"{"id":"p77","user_id":"bot1"}"#, means: .delivered(PlatformMessageID("p77"))),
        .init("typing", to: .typing, status: 200, body: #"{"status":"OK"}"#, means: .delivered(nil)),
        .init(
            "too many requests", status: 429, headers: ["Retry-After": "3", "X-Ratelimit-Reset": "1"],
            body: "limit exceeded", means: failed(.rateLimited(after: .seconds(3)))),
        .init(
            "too many requests, older", status: 429, headers: ["X-Ratelimit-Reset": "1"], body: "limit exceeded",
            means: failed(.rateLimited(after: .seconds(1)))),
        refusal("api.context.session_expired.app_error", status: 401, means: .unauthorized),
        refusal("api.context.permissions.app_error", status: 403, means: .blocked),
        refusal("app.channel.get.existing.app_error", status: 404, means: .gone),
        refusal("model.post.is_valid.msg.app_error", status: 400, means: .refused),
        refusal("api.post.create_post.can_not_post_to_deleted.error", status: 400, means: .gone),
        refusal("api.post.update_post.permissions_time_limit.app_error", status: 400, means: .gone),
        refusal("app.post.save.app_error", status: 500, means: .temporary),
        .init("a proxy's page", status: 200, body: "<html>", means: failed(.uncertain)),
        .init("a proxy's refusal", status: 502, body: "<html>", means: failed(.temporary)),
    ]

    static let profile = ConformanceProfile(
        now: now,
        signing: .init(
            fields: ["Authorization"], coversBody: false, tolerance: nil,
            sign: { body, _ in request(body) }, signWrongly: { body, _ in request(body, token: "another") }),
        payloads: rows.enumerated().map { number, row in .init("request \(number)", row.body, row.expected) },
        message: { post(#""text":\#($0)"#) },
        messageWithAttachments: { count in
            post(#""text":"","file_ids":"\#(Array(repeating: "f", count: count).joined(separator: ","))""#)
        },
        malformed: ["{}", "token=x", "a=b&c=d", "[{}]"], responses: responses,
        secrets: [token, hook, "own-shared-secret"])

    @Test func `a long answer arrives complete, and no message is over the limit`() throws {
        let event = try #require(
            try Self.adapter.receive(Self.request(Array(Self.rows[0].body.utf8)), at: Self.now).events.first)
        #expect(LongAnswer().findings(through: Self.adapter, answering: event, counting: { $0 }, at: Self.now) == [])
    }

    @Test func `it keeps the adapter contract`() {
        #expect(AdapterConformance(Self.adapter, Self.profile).findings() == [])
    }

    @Test(arguments: rows.indices)
    func `a payload becomes what it means`(index: Int) throws {
        let outcome = try Self.adapter.receive(Self.request(Array(Self.rows[index].body.utf8)), at: Self.now)
        #expect(outcome.events.map { ExpectedEvent(of: $0) } == Self.rows[index].expected)
        #expect(outcome.acknowledgement.status == .ok)
        #expect(outcome.acknowledgement.contentType == "application/json")
        #expect(String(decoding: outcome.acknowledgement.body, as: UTF8.self) == "{}")
    }

    @Test func `a time in seconds and one in milliseconds are the same time`() throws {
        for time in ["1789999990", "1789999990000", #""1789999990""#] {
            let body = #"{"channel_id":"c1","post_id":"p1","user_id":"u1","text":"x","timestamp":\#(time)}"#
            let event = try Self.adapter.receive(Self.request(Array(body.utf8)), at: Self.now).events.first
            #expect(event?.sentAt == Timestamp(seconds: 1_789_999_990))
        }
    }

    // MARK: Tokens

    @Test(arguments: [
        ("body", true), ("second", true), ("context", true), ("query", true), ("header", true), ("bearer", true),
        ("none", false), ("wrong", false), ("empty", false), ("prefix", false), ("basic", false),
    ])
    func `a token is taken from wherever Mattermost puts it, and only a right one`(place: String, isRight: Bool) {
        func body(_ token: String) -> [UInt8] { Array("channel_id=c1&text=hi&user_id=u1&token=\(token)".utf8) }
        let plain = Array("channel_id=c1&text=hi&user_id=u1".utf8)
        var request: WebhookRequest
        switch place {
        case "body": request = Self.request(body(Self.hook), token: nil)
        case "second": request = Self.request(body("own-shared-secret"), token: nil)
        case "context":
            let action = #"{"user_id":"u1","channel_id":"c1","context":{"token":"\#(Self.hook)"}}"#
            request = Self.request(Array(action.utf8), token: nil)
        case "query":
            request = Self.request(plain, token: nil, target: "/webhooks/mattermost?token=\(Self.hook)")
        case "header": request = Self.request(plain)
        case "bearer":
            request = Self.request(plain, token: nil)
            request.headers["Authorization"] = "Bearer \(Self.hook)"
        case "wrong": request = Self.request(body("another"), token: nil)
        case "empty": request = Self.request(body(""), token: "")
        case "prefix": request = Self.request(body(String(Self.hook.dropLast())), token: nil)
        case "basic":
            request = Self.request(plain, token: nil)
            request.headers["Authorization"] = "Basic \(Self.hook)"
        default: request = Self.request(plain, token: nil)
        }
        do {
            _ = try Self.adapter.receive(request, at: Self.now)
            #expect(isRight)
        } catch {
            #expect(!isRight)
            #expect(error.reason == .unauthorized)
        }
    }

    @Test func `a command may come by GET`() throws {
        let request = WebhookRequest(
            method: .get,
            target: "/webhooks/mattermost?token=\(Self.hook)&command=%2Fhi&text=you&channel_id=c1&user_id=u1",
            headers: [:], body: [])
        #expect(try Self.adapter.receive(request, at: Self.now).events.first?.text == "/hi you")
    }

    // MARK: Our own posts

    static func action(
        _ kind: OutboundAction.Kind, means: OutboundAction.Means = .push, thread: String? = nil,
        context: [String: String] = ["root": "p1", "asker": "u1"]
    ) -> OutboundAction {
        OutboundAction(
            id: UUID(high: 0x0199_0000_0000_7000, low: 0x8000_0000_0000_0001), kind: kind,
            place: InboundEvent.Place(
                conversation: ConversationID("c1"), thread: thread.map { ThreadID($0) }, isGroup: true),
            means: means, replyTo: PlatformMessageID("p1"), replyContext: context)
    }

    static func post(_ text: String, by user: String, id: String) -> WebhookRequest {
        request(Array("channel_id=c1&text=\(text)&user_id=\(user)&post_id=\(id)".utf8))
    }

    @Test func `the bot's own posts are no questions, even before it knows its own name`() throws {
        let adapter = Self.adapter
        let send = OutboundAction.Kind.send(text: "hello", format: .plain)
        _ = adapter.encode(Self.action(send), at: Self.now)
        // The webhook of our post comes before the answer to our request.
        #expect(try adapter.receive(Self.post("hello", by: "bot1", id: "p2"), at: Self.now).events.isEmpty)
        // The asker repeats what an echo said.
        #expect(try adapter.receive(Self.post("hello", by: "u1", id: "p3"), at: Self.now).events.count == 1)
        let created = OutboundResponse(status: HTTPStatus(201), body: Array(#"{"id":"p2","user_id":"bot1"}"#.utf8))
        #expect(adapter.interpret(created, to: Self.action(send)) == .delivered(PlatformMessageID("p2")))
        #expect(try adapter.receive(Self.post("other", by: "bot1", id: "p4"), at: Self.now).events.isEmpty)
        // From now on the words do not matter.
        #expect(try adapter.receive(Self.post("hello", by: "u2", id: "p5"), at: Self.now).events.count == 1)
    }

    // MARK: What goes out

    @Test(arguments: [
        (
            action(.send(text: "**hi** @channel", format: .markdown), means: .reply), "POST", "/posts",
            #"{"channel_id":"c1","message":"**hi** @\#u{200B}channel","root_id":"p1","pending_post_id":"01990000-0000-7000-8000-000000000001"}"#
        ),
        (
            action(.send(text: "*hi*", format: .plain)), "POST", "/posts",
            #"{"channel_id":"c1","message":"\\*hi\\*","pending_post_id":"01990000-0000-7000-8000-000000000001"}"#
        ),
        (
            action(.send(text: "hi", format: .plain), thread: "r1"), "POST", "/posts",
            #"{"channel_id":"c1","message":"hi","root_id":"r1","pending_post_id":"01990000-0000-7000-8000-000000000001"}"#
        ),
        (
            action(.edit(message: PlatformMessageID("p77"), text: "more", format: .markdown)), "PUT",
            "/posts/p77/patch", #"{"message":"more"}"#
        ),
        (action(.typing), "POST", "/users/me/typing", #"{"channel_id":"c1","parent_id":"p1"}"#),
        (
            action(
                .sendAttachment(
                    OutboundAttachment(kind: .image, source: .url("https://a.test/a.png"), name: "a"), caption: "see")),
            "POST", "/posts",
            #"{"channel_id":"c1","message":"see\n![a](<https://a.test/a.png>)","pending_post_id":"01990000-0000-7000-8000-000000000001"}"#
        ),
        (
            action(.sendAttachment(OutboundAttachment(kind: .file, source: .uploaded("f1")), caption: nil)), "POST",
            "/posts",
            #"{"channel_id":"c1","message":"","pending_post_id":"01990000-0000-7000-8000-000000000001","file_ids":["f1"]}"#
        ),
    ])
    func `an action becomes a call of the API`(action: OutboundAction, method: String, path: String, body: String)
        throws
    {
        let request = try #require(Self.adapter.encode(action, at: Self.now))
        #expect(request.method.rawValue == method)
        #expect(request.url == "https://chat.example.test/api/v4\(path)")
        #expect(String(decoding: request.body, as: UTF8.self) == body)
        #expect(request.headers["Authorization"] == "Bearer \(Self.token)")
    }

    @Test func `a thread that cannot be is given up for the channel`() {
        let response = OutboundResponse(
            status: .badRequest, body: Array(#"{"id":"api.post.create_post.root_id.app_error"}"#.utf8))
        let kind = OutboundAction.Kind.send(text: "x", format: .plain)
        #expect(
            Self.adapter.interpret(response, to: Self.action(kind, means: .reply))
                == .failed(DeliveryFailure(.replyRefused, reason: "api.post.create_post.root_id.app_error")))
        #expect(
            Self.adapter.interpret(response, to: Self.action(kind))
                == .failed(DeliveryFailure(.refused, reason: "api.post.create_post.root_id.app_error")))
    }

    @Test func `bytes are uploaded first, and the post shows them`() throws {
        let file = OutboundAttachment(
            kind: .audio, source: .bytes([1, 2, 3]), name: "a b.wav", contentType: "audio/wav")
        let action = Self.action(.sendAttachment(file, caption: nil))
        guard case .request(let request) = Self.adapter.upload(file, for: action, after: [], at: Self.now) else {
            Issue.record("nothing is sent")
            return
        }
        #expect(request.url == "https://chat.example.test/api/v4/files?channel_id=c1&filename=a%20b.wav")
        #expect(request.body == [1, 2, 3])
        let created = OutboundResponse(status: HTTPStatus(201), body: Array(#"{"file_infos":[{"id":"f9"}]}"#.utf8))
        guard case .uploaded(let id) = Self.adapter.upload(file, for: action, after: [created], at: Self.now) else {
            Issue.record("not uploaded")
            return
        }
        #expect(id == "f9")
        let refused = OutboundResponse(status: HTTPStatus(413), body: [])
        guard case .failed = Self.adapter.upload(file, for: action, after: [refused], at: Self.now) else {
            Issue.record("not failed")
            return
        }
    }

    @Test func `a file is fetched with the bot's token`() {
        let attachment = Attachment(kind: .file, reference: "f1")
        guard case .request(let request) = Self.adapter.fetchMedia(attachment, after: []) else {
            Issue.record("nothing is asked")
            return
        }
        #expect(request.url == "https://chat.example.test/api/v4/files/f1")
        #expect(request.headers["Authorization"] == "Bearer \(Self.token)")
        guard case .unavailable = Self.adapter.fetchMedia(attachment, after: [OutboundResponse(status: .notFound)])
        else {
            Issue.record("it is not there")
            return
        }
    }

    @Test(arguments: [
        (200, #"{"id":"b","username":"harbour","is_bot":true}"#, CredentialFinding.good("@harbour")),
        (
            200, #"{"id":"b","username":"ida"}"#,
            .warning("@ida is no bot account: make one, so that its posts are marked as a bot's")
        ),
        (
            401, #"{"id":"api.context.session_expired.app_error"}"#,
            .bad("Mattermost refuses the token: create one under Integrations, Bot Accounts")
        ),
        (200, "<html>", .bad("MATTERMOST_URL is no Mattermost server: HTTP 200 without a user")),
        (503, "", .warning("Mattermost could not say: HTTP 503 without an answer of Mattermost's")),
    ])
    func `a trial of the credentials says what it found`(status: Int, body: String, finding: CredentialFinding) {
        let response = OutboundResponse(status: HTTPStatus(status), body: Array(body.utf8))
        #expect(Self.adapter.interpretCredentialCheck(response, of: Self.adapter.credentialChecks()[0]) == finding)
    }

    @Test(arguments: FixtureTable.rows)
    func `a recorded payload becomes what the table says`(row: FixtureExpectations.Row) throws {
        let target = row.form == "query" ? "/webhooks/mattermost?token=\(Self.hook)" : "/webhooks/mattermost"
        let request = Self.request(row.body(number: 3), token: nil, target: target)
        let events = try Self.adapter.receive(request, at: Self.now).events
        #expect(events.map { ExpectedEvent(of: $0) } == row.events)
        guard row.form == "query" else { return }
        #expect(throws: WebhookRejection.self) {
            try Self.adapter.receive(Self.request(row.body, token: nil), at: Self.now)
        }
    }

    /// The recorded payloads; without their folder there is nothing to test, and one line says so.
    enum FixtureTable {
        static let rows: [FixtureExpectations.Row] = {
            do {
                if let table = try FixtureExpectations(platform: "mattermost") { return table.rows }
                print("skipped: the folder of recorded payloads is not there (CHATBRIDGE_TEST_SHARED)")
            } catch {
                Issue.record("\(error)")
            }
            return []
        }()
    }
}
