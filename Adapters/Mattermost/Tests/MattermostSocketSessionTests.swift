import BridgeCore
import BridgeTesting
import HTTPCore
import JSON
import Testing

@testable import MattermostAdapter

/// The session at the WebSocket, as a value: call, compare the commands, go on.
struct MattermostSocketSessionTests {
    typealias T = MattermostAdapterTests

    static let hello =
        #"{"event":"hello","data":{"server_version":"9.5.0","connection_id":"con1"},"broadcast":{},"seq":0}"#

    static func session() -> MattermostSocketSession { MattermostSocketSession(adapter: T.adapter) }

    static let me = OutboundResponse(
        status: .ok, body: Array(#"{"id":"bot1","username":"harbour","is_bot":true}"#.utf8))

    /// A session that the server has greeted.
    static func greeted() -> MattermostSocketSession {
        var session = session()
        _ = session.address(at: T.now)
        _ = session.address(from: me, at: T.now)
        _ = session.opened(at: T.now)
        _ = session.received(Array(hello.utf8), at: T.now)
        return session
    }

    static func words(_ commands: [GatewayCommand]) -> [String] {
        commands.map { command in
            switch command {
            case .send(let bytes): "send \(String(decoding: bytes, as: UTF8.self))"
            case .deliver(let events, _): "deliver \(events.count)"
            case .wake(let delay): "wake \(delay.map { "\($0)" } ?? "never")"
            case .replace: "replace"
            case .disconnect(let code): "disconnect \(code)"
            case .note(let text): "note \(text)"
            }
        }
    }

    static func words(_ address: GatewayAddress) -> String {
        switch address {
        case .connect(let url, _): "connect \(url)"
        case .ask(let request): "ask \(request.url)"
        case .failed(let failure): "failed \(failure.kind)"
        }
    }

    static func receive(_ text: String, by session: inout MattermostSocketSession) -> [String] {
        words(session.received(Array(text.utf8), at: T.now))
    }

    /// An event whose inner object is JSON within a string, as Mattermost sends it.
    static func event(
        _ name: String, _ key: StaticString, _ object: String, _ data: String = "", broadcast: String = "",
        sequence: Int = 7
    ) -> String {
        var writer = JSONWriter()
        writer.object { json in
            json.field("event", name)
            json.rawField("data", Array(inner(key, object, data).utf8))
            json.rawField("broadcast", Array("{\(broadcast)}".utf8))
            json.field("seq", sequence)
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    private static func inner(_ key: StaticString, _ object: String, _ data: String) -> String {
        var writer = JSONWriter()
        writer.object { $0.field(key, object) }
        let text = String(decoding: writer.bytes, as: UTF8.self)
        return data.isEmpty ? text : text.dropLast() + "," + data + "}"
    }

    static func post(_ fields: String, id: String = "p1", user: String = "u1") -> String {
        #"{"id":"\#(id)","create_at":1789999990000,"channel_id":"c1","user_id":"\#(user)","root_id":"","type":"",\#(fields)}"#
    }

    static let direct = #""channel_type":"D","channel_name":"bot1__u1","sender_name":"@ida""#
    static let open = #""channel_type":"O","channel_name":"quay","sender_name":"@ida""#

    static func ida(
        _ kind: ContentKind, isAnswered: Bool = false, text: String? = nil, thread: String? = nil, attachments: Int = 0,
        target: String? = nil, replyTo: String? = nil
    ) -> ExpectedEvent {
        ExpectedEvent(
            kind, isAnswered: isAnswered, text: text, sender: "u1", conversation: "c1", thread: thread,
            attachments: attachments, target: target, replyTo: replyTo)
    }

    static let rows: [(text: String, expected: [ExpectedEvent])] = [
        (event("posted", "post", post(#""message":"hello""#), direct), [ida(.text, isAnswered: true, text: "hello")]),
        (
            event("posted", "post", post(#""message":"just talk""#), open),
            [ida(.text, text: "just talk", thread: "p1")]
        ),
        (
            event("posted", "post", post(#""message":"@harbour come""#), open + #","mentions":"[\"u9\",\"bot1\"]""#),
            [ida(.text, isAnswered: true, text: "@harbour come", thread: "p1")]
        ),
        (
            event(
                "posted", "post",
                post(#""message":"@harbour and?","root_id":"r1""#).replacing(#""root_id":"","#, with: ""),
                open + #","mentions":"[\"bot1\"]""#),
            [ida(.text, isAnswered: true, text: "@harbour and?", thread: "r1", replyTo: "r1")]
        ),
        (
            event(
                "posted", "post",
                post(
                    #""message":"","file_ids":["f1"],"metadata":{"files":[{"id":"f1","name":"a.png","mime_type":"image/png","size":12}]}"#
                ), direct), [ida(.image, isAnswered: true, attachments: 1)]
        ),
        (event("posted", "post", post(#""message":"me""#, user: "bot1"), direct), []),
        (
            event("posted", "post", post(#""message":"beep","props":{"from_bot":"true"}"#), direct),
            [ida(.text, text: "beep")]
        ),
        (
            event(
                "posted", "post",
                post(#""message":"ida joined","type":"system_join_channel""#).replacing(#""type":"","#, with: ""), open),
            [ida(.joined, text: "ida joined")]
        ),
        (
            event("post_edited", "post", post(#""message":"right","edit_at":1789999995000"#)),
            [ida(.edited, text: "right", thread: "p1", target: "p1")]
        ),
        (event("post_edited", "post", post(#""message":"more""#, user: "bot1")), []),
        (event("post_deleted", "post", post(#""message":"wrong""#)), [ida(.deleted, thread: "p1", target: "p1")]),
        (
            event(
                "reaction_added", "reaction", #"{"user_id":"u1","post_id":"p1","emoji_name":"wave","create_at":1}"#,
                broadcast: #""channel_id":"c1""#), [ida(.reaction, text: "wave", target: "p1")]
        ),
        (
            #"{"event":"user_added","data":{"team_id":"t1","user_id":"u1"},"broadcast":{"channel_id":"c1"},"seq":3}"#,
            [ida(.joined)]
        ),
        (#"{"event":"typing","data":{"user_id":"u1"},"broadcast":{"channel_id":"c1"},"seq":3}"#, []),
        (#"{"event":"posted","data":{"post":"not JSON"},"seq":3}"#, [ExpectedEvent(.text, conversation: "websocket")]),
    ]

    @Test(arguments: rows.indices)
    func `what the server tells becomes what it means`(index: Int) {
        var session = Self.greeted()
        var events: [InboundEvent] = []
        for command in session.received(Array(Self.rows[index].text.utf8), at: T.now) {
            if case .deliver(let found, _) = command { events += found }
        }
        #expect(events.map { ExpectedEvent(of: $0) } == Self.rows[index].expected, "\(Self.rows[index].text)")
    }

    @Test func `it asks who it is, connects and proves it`() {
        var session = Self.session()
        #expect(Self.words(session.address(at: T.now)) == "ask https://chat.example.test/api/v4/users/me")
        #expect(
            Self.words(session.address(from: Self.me, at: T.now))
                == "connect wss://chat.example.test/api/v4/websocket")
        #expect(
            Self.words(session.opened(at: T.now)) == [
                #"send {"seq":1,"action":"authentication_challenge","data":{"token":"\#(T.token)"}}"#,
                "wake 20.0 seconds",
            ])
        #expect(Self.receive(#"{"status":"OK","seq_reply":1}"#, by: &session) == [])
        #expect(
            Self.receive(Self.hello, by: &session) == ["wake never", "note connected to Mattermost as @harbour"])
    }

    @Test func `a session goes on where it was, and is counted anew when the server forgot it`() {
        var session = Self.greeted()
        _ = Self.receive(Self.rows[0].text, by: &session)
        #expect(session.closed(GatewayClosure(code: 1006, reason: ""), at: T.now) == .reconnect(after: .zero))
        #expect(
            Self.words(session.address(at: T.now))
                == "connect wss://chat.example.test/api/v4/websocket?connection_id=con1&sequence_number=8")
        _ = session.opened(at: T.now)
        _ = Self.receive(Self.hello.replacing("con1", with: "con2"), by: &session)
        #expect(Self.words(session.address(at: T.now)).hasSuffix("?connection_id=con2&sequence_number=1"))
    }

    @Test func `a token that is refused ends it with the cure`() {
        var session = Self.session()
        let refusal = OutboundResponse(
            status: HTTPStatus(401), body: Array(#"{"id":"api.context.session_expired"}"#.utf8))
        #expect(Self.words(session.address(from: refusal, at: T.now)) == "failed unauthorized")
        _ = session.opened(at: T.now)
        #expect(
            Self.receive(#"{"status":"FAIL","error":{"id":"api.web_socket.auth","status_code":401}}"#, by: &session)
                .last
                == "disconnect 1000")
        guard case .stop(let reason) = session.closed(GatewayClosure(code: 1000, reason: ""), at: T.now) else {
            Issue.record("not stopped")
            return
        }
        #expect(reason.contains("MATTERMOST_BOT_TOKEN"))
    }

    @Test func `a server that says nothing is left`() {
        var session = Self.session()
        _ = session.opened(at: T.now)
        #expect(Self.words(session.timerFired(at: T.now)) == ["note Mattermost says nothing", "disconnect 1000"])
        #expect(session.closed(GatewayClosure(code: 1000, reason: ""), at: T.now) == .reconnect(after: nil))
    }

    @Test(arguments: [
        "", "{", "[]", "{}", #"{"event":17}"#, #"{"event":"posted"}"#, #"{"seq":9223372036854775807,"event":"x"}"#,
    ])
    func `nonsense harms nothing`(text: String) {
        var session = Self.greeted()
        for command in session.received(Array(text.utf8), at: T.now) {
            switch command {
            case .note, .deliver: continue
            default: Issue.record("\(text): \(Self.words([command]))")
            }
        }
        #expect(Self.receive(Self.rows[0].text, by: &session) == ["deliver 1"])
    }

    @Test func `the same post by webhook and by WebSocket is one event`() throws {
        var session = Self.greeted()
        guard case .deliver(let events, _) = session.received(Array(Self.rows[0].text.utf8), at: T.now).first else {
            Issue.record("not delivered")
            return
        }
        let webhook = try T.adapter.receive(T.post("hello", by: "u1", id: "p1"), at: T.now).events
        #expect(events.map(\.id) == webhook.map(\.id))
    }
}
