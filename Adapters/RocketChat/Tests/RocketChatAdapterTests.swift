import BridgeCore
import BridgeTesting
import HTTPCore
import JSON
import Testing

@testable import RocketChatAdapter

/// What comes in, what goes out, what comes back.
struct RocketChatAdapterTests {
    static let token = "auth-token-of-the-tests"
    static let hook = "hook-token-of-the-tests"
    static let now = Timestamp(seconds: 1_790_000_000)
    static let configuration = RocketChatConfiguration(
        authToken: Secret(token), userID: "botUser", webhookTokens: [Secret(hook), "ownOutgoingToken"],
        serverURL: "https://chat.example.test/")
    static let adapter = RocketChatAdapter(configuration: configuration)

    static func request(_ body: [UInt8], token: String? = hook) -> WebhookRequest {
        var headers: HTTPFields = ["Content-Type": "application/json"]
        headers["X-RocketChat-Livechat-Token"] = token
        return WebhookRequest(target: "/webhooks/rocketchat", headers: headers, body: body)
    }

    static func message(_ fields: String) -> String {
        #"{"bot":false,"channel_id":"r1","channel_name":"quay","message_id":"m1","timestamp":"2026-09-21T13:33:10.000Z","user_id":"u1","user_name":"ida",\#(fields)}"#
    }

    static func livechat(_ type: String, _ messages: String) -> String {
        #"{"_id":"r9","type":"\#(type)","visitor":{"_id":"v1","token":"vt","name":"Kim"},"agent":{"_id":"a1","username":"ole"},"messages":[\#(messages)]}"#
    }

    static func ida(
        _ kind: ContentKind, isAnswered: Bool = true, text: String? = nil, thread: String? = nil, attachments: Int = 0,
        target: String? = nil
    ) -> ExpectedEvent {
        ExpectedEvent(
            kind, isAnswered: isAnswered, text: text, sender: "u1", conversation: "r1", thread: thread,
            attachments: attachments, target: target)
    }

    static func kim(_ kind: ContentKind, isAnswered: Bool = false, text: String? = nil, attachments: Int = 0)
        -> ExpectedEvent
    {
        ExpectedEvent(
            kind, isAnswered: isAnswered, text: text, sender: "v1", conversation: "r9", attachments: attachments)
    }

    static let file = #"{"_id":"f1","name":"a.png","type":"image/png","size":12}"#

    static let rows: [(body: String, expected: [ExpectedEvent])] = [
        (message(#""text":"good morning""#), [ida(.text, text: "good morning")]),
        (message(#""text":"in a thread","tmid":"m0""#), [ida(.text, text: "in a thread", thread: "m0")]),
        (
            message(#""text":"right","isEdited":true"#),
            [ida(.edited, isAnswered: false, text: "right", target: "m1")]
        ),
        (
            message(
                #""text":"look","user":{"_id":"u1","services":{"password":{"bcrypt":"$2b"}}},"room":{"_id":"r1","t":"c"},"message":{"_id":"m1","files":[\#(file),{"_id":"f2","name":"thumb-a.png","type":"image/png"}],"attachments":[{"title":"a.png","title_link":"/file-upload/f1/a.png"}]}"#
            ), [ida(.image, text: "look", attachments: 1)]
        ),
        (
            #"{"bot":true,"channel_id":"r1","message_id":"m2","user_id":"u1","text":"beep"}"#,
            [ida(.text, isAnswered: false, text: "beep")]
        ),
        (
            #"{"bot":{"i":"x"},"channel_id":"r1","message_id":"m2","user_id":"u1","text":"beep"}"#,
            [ida(.text, isAnswered: false, text: "beep")]
        ),
        // Our own.
        (#"{"bot":false,"channel_id":"r1","message_id":"m2","user_id":"botUser","text":"hi"}"#, []),
        (message(#""text":"""#), [ida(.text, isAnswered: false)]),
        (
            #"{"channel_id":"r1","channel_name":"quay","timestamp":{"$date":1789999990000},"user_id":"u1","user_name":"ida","user":{},"room":{"_id":"r1"}}"#,
            [ida(.event, isAnswered: false)]
        ),
        (#"{"timestamp":17,"user_id":"u1","user":{}}"#, [ExpectedEvent(.event, sender: "u1", conversation: "u1")]),
        (#"{"what":"ever"}"#, [ExpectedEvent(.event, conversation: "webhook")]),
        (
            livechat(
                "Message",
                #"{"_id":"l1","u":{"_id":"v1"},"msg":"hello"},{"_id":"l2","u":{"_id":"a1"},"msg":"yes","agentId":"a1"},{"_id":"l3","u":{"_id":"botUser"},"msg":"me"},{"_id":"l4","u":{"_id":"v1"},"msg":"bye","closingMessage":true},{"_id":"l5","u":{"_id":"v1"},"t":"uj","msg":"joined"}"#
            ),
            [
                kim(.text, isAnswered: true, text: "hello"),
                ExpectedEvent(.text, text: "yes", sender: "a1", conversation: "r9"), kim(.text, text: "bye"),
                kim(.text, text: "joined"),
            ]
        ),
        (
            livechat(
                "Message",
                #"{"_id":"l1","u":{"_id":"v1"},"msg":"","fileUpload":{"type":"image/png","publicFilePath":"https://chat.example.test/file-upload/x"}}"#
            ), [kim(.image, isAnswered: true, attachments: 1)]
        ),
        (livechat("Message", ""), []),
        (livechat("LivechatSessionStart", ""), [kim(.event)]),
        (livechat("LivechatSession", #"{"_id":"l1","u":{"_id":"v1"},"msg":"hello"}"#), [kim(.event)]),
        (
            #"{"type":"LivechatOfflineMessage","visitor":{"token":"v1","name":"Kim","email":"k@x"},"message":"call me"}"#,
            [ExpectedEvent(.event, text: "call me", sender: "v1", conversation: "v1")]
        ),
    ]

    static func failed(_ kind: DeliveryFailure.Kind) -> DeliveryResult { .failed(DeliveryFailure(kind, reason: "")) }

    static func refusal(_ code: String, status: Int, means kind: DeliveryFailure.Kind) -> ConformanceProfile.Response {
        .init(
            "\(status) \(code)", status: status, body: #"{"success":false,"error":"No such thing. [\#(code)]"}"#,
            means: failed(kind))
    }

    static let responses: [ConformanceProfile.Response] = [
        .init(
            "sent", status: 200, body: #"{"ts":1,"channel":"r1","message":{"_id":"m77"},"success":true}"#,
            means: .delivered(PlatformMessageID("m77"))),
        .init(
            "edited", to: .edit(message: PlatformMessageID("m77"), text: "x", format: .plain), status: 200,
            body: #"{"success":true}"#, means: .delivered(PlatformMessageID("m77"))),
        .init(
            "too many requests", status: 429,
            body:
                #"{"success":false,"error":"Error, too many requests. Please slow down. You must wait 42 seconds before trying this endpoint again. [error-too-many-requests]"}"#,
            means: failed(.rateLimited(after: .seconds(42)))),
        .init(
            "too many requests by a proxy", status: 429, headers: ["Retry-After": "5"], body: "slow down",
            means: failed(.rateLimited(after: .seconds(5)))),
        .init(
            "logged out", status: 401, body: #"{"status":"error","message":"You must be logged in to do this."}"#,
            means: failed(.unauthorized)),
        refusal("error-room-not-found", status: 400, means: .gone),
        refusal("error-not-allowed", status: 400, means: .blocked),
        refusal("error-message-size-exceeded", status: 400, means: .refused),
        refusal("error-unauthorized", status: 403, means: .blocked),
        .init("refused in 200", status: 200, body: #"{"success":false,"error":"x"}"#, means: failed(.refused)),
        .init("a server in flames", status: 500, body: #"{"success":false}"#, means: failed(.temporary)),
        .init("a proxy's page", status: 200, body: "<html>", means: failed(.uncertain)),
    ]

    static let profile = ConformanceProfile(
        now: now,
        signing: .init(
            fields: ["X-RocketChat-Livechat-Token"], coversBody: false, tolerance: nil,
            sign: { body, _ in request(body) }, signWrongly: { body, _ in request(body, token: "another") }),
        payloads: rows.enumerated().map { number, row in .init("request \(number)", row.body, row.expected) },
        message: { message(#""text":\#($0)"#) },
        messageWithAttachments: { count in
            message(
                #""text":"","message":{"files":[\#(Array(repeating: #"{"_id":"f"}"#, count: count).joined(separator: ","))]}"#
            )
        },
        malformed: ["{}"], responses: responses, secrets: [token, hook, "ownOutgoingToken"])

    @Test func `a long answer arrives complete, and no message is over the limit`() throws {
        let event = try #require(try Self.events(Self.rows[0].body).first)
        #expect(LongAnswer().findings(through: Self.adapter, answering: event, counting: { $0 }, at: Self.now) == [])
    }

    @Test func `it keeps the adapter contract`() {
        #expect(AdapterConformance(Self.adapter, Self.profile).findings() == [])
    }

    static func events(_ body: String) throws -> [InboundEvent] {
        try adapter.receive(request(Array(body.utf8)), at: now).events
    }

    @Test(arguments: rows.indices)
    func `a payload becomes what it means`(index: Int) throws {
        let (body, expected) = Self.rows[index]
        #expect(try Self.events(body).map { ExpectedEvent(of: $0) } == expected, "\(body)")
    }

    @Test func `the acknowledgement posts nothing`() throws {
        let outcome = try Self.adapter.receive(
            Self.request(Array(Self.message(#""text":"x""#).utf8)), at: Self.now)
        #expect(outcome.acknowledgement.status == .ok)
        #expect(outcome.acknowledgement.body.isEmpty)
    }

    @Test func `nothing of a user's record is kept`() throws {
        let body = Self.rows[3].body
        let event = try #require(try Self.events(body).first)
        var writer = JSONWriter()
        writer.object { event.metadata.writeFields(to: &$0) }
        #expect(!String(decoding: writer.bytes, as: UTF8.self).contains("$2b"))
        #expect(
            event.attachments == [
                Attachment(
                    kind: .image, reference: "f1", url: "https://chat.example.test/file-upload/f1/a.png", name: "a.png",
                    contentType: "image/png", size: 12)
            ])
    }

    @Test func `a retry has the name of the first try, an edit a name of its own`() throws {
        func id(_ fields: String) throws -> EventID? { try Self.events(Self.message(fields)).first?.id }
        #expect(try id(#""text":"x""#) == id(#""text":"x""#))
        #expect(try id(#""text":"x""#) != id(#""text":"x","isEdited":true"#))
        #expect(try id(#""text":"y","isEdited":true"#) != id(#""text":"x","isEdited":true"#))
        #expect(try id(#""text":"x","isEdited":true"#) == id(#""text":"x","isEdited":true"#))
    }

    @Test func `a message without a room's name is a direct one, and times are read in each form`() throws {
        let direct =
            #"{"channel_id":"r1","message_id":"m1","user_id":"u1","text":"x","timestamp":{"$date":"2026-09-21T13:33:10.000Z"}}"#
        let event = try #require(try Self.events(direct).first)
        #expect(!event.place.isGroup)
        #expect(event.sentAt == Timestamp(seconds: 1_789_997_590))
        #expect(try Self.events(Self.message(#""text":"x""#)).first?.place.isGroup == true)
    }

    @Test(arguments: [
        (#"{"token":"\#(hook)","text":"x"}"#, nil, "", true),
        (#"{"token":"ownOutgoingToken","text":"x"}"#, nil, "", true),
        (#"{"text":"x"}"#, hook, "", true), (#"{"text":"x"}"#, nil, "?token=\(hook)", true),
        (#"{"token":"","text":"x"}"#, "", "?token=", false), (#"{"token":17,"text":"x"}"#, nil, "", false),
        (#"{"token":"another","text":"x"}"#, nil, "", false), (#"{"text":"x"}"#, nil, "", false),
    ])
    func `a token is taken from wherever Rocket Chat puts it, and only a right one`(
        body: String, field: String?, query: String, isRight: Bool
    ) {
        var request = Self.request(Array(body.utf8), token: field)
        request.target += query
        do {
            _ = try Self.adapter.receive(request, at: Self.now)
            #expect(isRight)
        } catch {
            #expect(!isRight)
            #expect(error.reason == .unauthorized)
        }
    }

    // MARK: What goes out

    static func action(_ kind: OutboundAction.Kind, thread: String? = nil) -> OutboundAction {
        OutboundAction(
            id: UUID(high: 0x0199_0000_0000_7000, low: 0x8000_0000_0000_0001), kind: kind,
            place: InboundEvent.Place(
                conversation: ConversationID("r1"), thread: thread.map { ThreadID($0) }, isGroup: true))
    }

    @Test(arguments: [
        (
            action(.send(text: "**hi** @all", format: .markdown), thread: "m0"), "chat.postMessage",
            #"{"roomId":"r1","text":"*hi* @\#u{200B}all","tmid":"m0"}"#
        ),
        (
            action(.send(text: "*hi* @here", format: .plain)), "chat.postMessage",
            #"{"roomId":"r1","text":"*hi* @\#u{200B}here"}"#
        ),
        (
            action(.edit(message: PlatformMessageID("m77"), text: "more", format: .markdown)), "chat.update",
            #"{"roomId":"r1","msgId":"m77","text":"more"}"#
        ),
        (
            action(
                .sendAttachment(
                    OutboundAttachment(kind: .image, source: .url("https://a.test/a.png"), name: "a.png"), caption: nil)
            ),
            "chat.postMessage",
            #"{"roomId":"r1","attachments":[{"title":"a.png","title_link":"https://a.test/a.png","image_url":"https://a.test/a.png"}]}"#
        ),
    ])
    func `an action becomes a call of the API`(action: OutboundAction, method: String, body: String) throws {
        let request = try #require(Self.adapter.encode(action, at: Self.now))
        #expect(request.url == "https://chat.example.test/api/v1/\(method)")
        #expect(String(decoding: request.body, as: UTF8.self) == body)
        #expect(request.headers["X-Auth-Token"] == Self.token)
        #expect(request.headers["X-User-Id"] == "botUser")
    }

    @Test func `there is no typing indicator`() {
        #expect(Self.adapter.capabilities.typingInterval == nil)
        #expect(Self.adapter.encode(Self.action(.typing), at: Self.now) == nil)
    }

    static func response(_ status: Int, _ body: String) -> OutboundResponse {
        OutboundResponse(status: HTTPStatus(status), body: Array(body.utf8))
    }

    @Test func `bytes are uploaded, then confirmed, and that is the message`() throws {
        let file = OutboundAttachment(kind: .file, source: .bytes([1, 2, 3]), name: "a.bin")
        let action = Self.action(.sendAttachment(file, caption: nil), thread: "m0")
        func step(_ responses: [OutboundResponse]) -> UploadStep {
            Self.adapter.upload(file, for: action, after: responses, at: Self.now)
        }
        guard case .request(let first) = step([]) else {
            Issue.record("nothing is sent")
            return
        }
        #expect(first.url == "https://chat.example.test/api/v1/rooms.media/r1")
        let uploaded = Self.response(200, #"{"file":{"_id":"f9"},"success":true}"#)
        guard case .request(let second) = step([uploaded]) else {
            Issue.record("not confirmed")
            return
        }
        #expect(second.url == "https://chat.example.test/api/v1/rooms.mediaConfirm/r1/f9")
        #expect(String(decoding: second.body, as: UTF8.self) == #"{"msg":"","tmid":"m0"}"#)
        guard case .sent(let id) = step([uploaded, Self.response(200, #"{"message":{"_id":"m9"},"success":true}"#)])
        else {
            Issue.record("not sent")
            return
        }
        #expect(id == PlatformMessageID("m9"))
        // A server that knows only the older way.
        guard case .request(let older) = step([Self.response(404, "")]) else {
            Issue.record("given up")
            return
        }
        #expect(older.url == "https://chat.example.test/api/v1/rooms.upload/r1")
        #expect(String(decoding: older.body, as: UTF8.self).contains(#"name="tmid""#))
        guard case .failed = step([Self.response(413, "")]) else {
            Issue.record("not failed")
            return
        }
    }

    @Test func `files are fetched from the server alone`() {
        let own = Attachment(kind: .image, url: "https://chat.example.test/file-upload/f1/a.png")
        guard case .request(let request) = Self.adapter.fetchMedia(own, after: []) else {
            Issue.record("nothing is asked")
            return
        }
        #expect(request.headers["X-Auth-Token"] == Self.token)
        for url in ["https://chat.example.test.evil.test/a", "http://10.0.0.1/", nil] {
            guard case .unavailable = Self.adapter.fetchMedia(Attachment(kind: .image, url: url), after: []) else {
                Issue.record("asked \(url ?? "nobody")")
                return
            }
        }
    }

    @Test(arguments: [
        (
            200, #"{"_id":"b","username":"harbour","roles":["user","bot"],"success":true}"#,
            CredentialFinding.good("@harbour")
        ),
        (
            200, #"{"_id":"b","username":"ida","roles":["user"]}"#,
            .warning("@ida has not the role bot: ten calls a minute are all that it may make")
        ),
        (
            401, #"{"status":"error","message":"You must be logged in to do this."}"#,
            .bad("Rocket.Chat refuses the token: make one under My Account, Personal Access Tokens")
        ),
        (200, "<html>", .bad("ROCKETCHAT_URL is no Rocket.Chat server")),
    ])
    func `a trial of the credentials says what it found`(status: Int, body: String, finding: CredentialFinding) {
        #expect(
            Self.adapter.interpretCredentialCheck(
                Self.response(status, body), of: Self.adapter.credentialChecks()[0]) == finding)
    }

    @Test(arguments: FixtureTable.rows)
    func `a recorded payload becomes what the table says`(row: FixtureExpectations.Row) throws {
        let request = Self.request(row.body(number: 3), token: row.form == "livechat" ? Self.hook : nil)
        let events = try Self.adapter.receive(request, at: Self.now).events
        #expect(events.map { ExpectedEvent(of: $0) } == row.events)
        #expect(throws: WebhookRejection.self) {
            try RocketChatAdapter(
                configuration: RocketChatConfiguration(
                    authToken: "t", userID: "b", webhookTokens: ["another"], serverURL: "https://x.test")
            ).receive(request, at: Self.now)
        }
    }

    /// The recorded payloads; without their folder there is nothing to test, and one line says so.
    enum FixtureTable {
        static let rows: [FixtureExpectations.Row] = {
            do {
                if let table = try FixtureExpectations(platform: "rocketchat") { return table.rows }
                print("skipped: the folder of recorded payloads is not there (CHATBRIDGE_TEST_SHARED)")
            } catch {
                Issue.record("\(error)")
            }
            return []
        }()
    }
}
