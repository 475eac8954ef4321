import BridgeCore
import HTTPCore
import JSON
import Testing

@testable import DiscordAdapter

/// The session at the Gateway, as a value: call, compare the commands, go on.
struct DiscordGatewaySessionTests {
    typealias S = DiscordSamples

    static let hello = #"{"op":10,"s":null,"t":null,"d":{"heartbeat_interval":41250}}"#
    static let ready = S.dispatch(
        "READY",
        #"{"v":10,"session_id":"sess","resume_gateway_url":"wss://resume.example.test","user":{"id":"1400000000000000009","username":"harbour"}}"#,
        sequence: 1)

    static func session() -> DiscordGatewaySession {
        DiscordGatewaySession(configuration: S.configuration, jitter: { 0.5 })
    }

    /// A session that is past READY.
    static func connected() -> DiscordGatewaySession {
        var session = session()
        _ = session.address(at: S.now)
        _ = session.address(from: gateway(), at: S.now)
        _ = session.opened(at: S.now)
        _ = session.received(Array(hello.utf8), at: S.now)
        _ = session.received(Array(ready.utf8), at: S.now)
        return session
    }

    static func gateway(remaining: Int = 999) -> OutboundResponse {
        OutboundResponse(
            status: .ok,
            body: Array(
                #"{"url":"wss://gateway.example.test","shards":1,"session_start_limit":{"total":1000,"remaining":\#(remaining),"reset_after":1500,"max_concurrency":1}}"#
                    .utf8))
    }

    /// Commands in words that can be compared.
    static func words(_ commands: [GatewayCommand]) -> [String] {
        commands.map { command in
            switch command {
            case .send(let bytes): "send \(String(decoding: bytes, as: UTF8.self))"
            case .deliver(let events, let acknowledgement):
                "deliver \(events.map { "\($0.kind.rawValue) \($0.text ?? "-")" })\(acknowledgement == nil ? "" : " !")"
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
        case .ask(let request): "ask \(request.method) \(request.url)"
        case .failed(let failure): "failed \(failure.kind)"
        }
    }

    static func receive(_ text: String, by session: inout DiscordGatewaySession) -> [String] {
        words(session.received(Array(text.utf8), at: S.now))
    }

    @Test(arguments: ["-1", #""""#, #""https://gateway.example.test""#, "{}"])
    func `what is no address of a WebSocket is not connected to`(url: String) {
        var session = Self.session()
        _ = session.address(from: Self.gateway(), at: S.now)
        _ = session.opened(at: S.now)
        _ = Self.receive(Self.hello, by: &session)
        let ready = #"{"v":10,"session_id":"sess","resume_gateway_url":\#(url)}"#
        _ = Self.receive(S.dispatch("READY", ready, sequence: 1), by: &session)
        _ = session.closed(GatewayClosure(code: 1006, reason: ""), at: S.now)
        #expect(Self.words(session.address(at: S.now)) == "connect wss://gateway.example.test/?v=10&encoding=json")
        let answer = OutboundResponse(status: .ok, body: Array(#"{"url":\#(url)}"#.utf8))
        #expect(Self.words(session.address(from: answer, at: S.now)).hasPrefix("failed"))
    }

    @Test func `a session asks for the address, identifies itself and beats`() {
        var session = Self.session()
        #expect(Self.words(session.address(at: S.now)) == "ask GET https://discord.example.test/api/v10/gateway/bot")
        #expect(
            Self.words(session.address(from: Self.gateway(), at: S.now))
                == "connect wss://gateway.example.test/?v=10&encoding=json")
        #expect(Self.words(session.opened(at: S.now)) == ["wake 20.0 seconds"])
        #expect(
            Self.receive(Self.hello, by: &session) == [
                #"send {"op":2,"d":{"token":"\#(S.token)","intents":46595,"properties":{"os":"linux","browser":"chatbridge","device":"chatbridge"},"compress":false,"large_threshold":50}}"#,
                "wake 20.625 seconds",
            ])
        // The first beat may come before READY, when there is no number yet.
        #expect(Self.words(session.timerFired(at: S.now)) == [#"send {"op":1,"d":null}"#, "wake 41.25 seconds"])
        #expect(Self.receive(#"{"op":11}"#, by: &session) == [])
        #expect(
            Self.receive(Self.ready, by: &session) == ["note connected to Discord's Gateway as harbour"])
        #expect(
            Self.receive(S.directMessage(#""content":"hi""#), by: &session) == [#"deliver ["text hi"]"#])
        #expect(Self.words(session.timerFired(at: S.now)) == [#"send {"op":1,"d":5}"#, "wake 41.25 seconds"])
    }

    @Test func `a beat that is asked for is sent at once`() {
        var session = Self.connected()
        #expect(Self.receive(#"{"op":1,"d":null}"#, by: &session) == [#"send {"op":1,"d":1}"#])
    }

    @Test func `a connection that answers no beat is dropped, and its session resumed`() {
        var session = Self.connected()
        _ = Self.receive(S.dispatch("TYPING_START", "{}", sequence: 41), by: &session)
        _ = session.timerFired(at: S.now)
        #expect(
            Self.words(session.timerFired(at: S.now)) == [
                "note the Gateway answered no heartbeat: the connection is dead", "disconnect 4900",
            ])
        #expect(session.closed(GatewayClosure(code: 4900, reason: ""), at: S.now) == .reconnect(after: .zero))
        #expect(
            Self.words(session.address(at: S.now)) == "connect wss://resume.example.test/?v=10&encoding=json")
        _ = session.opened(at: S.now)
        #expect(
            Self.receive(Self.hello, by: &session) == [
                #"send {"op":6,"d":{"token":"\#(S.token)","session_id":"sess","seq":41}}"#, "wake 20.625 seconds",
            ])
        #expect(
            Self.receive(S.dispatch("RESUMED", "{}", sequence: 42), by: &session) == [
                "note Discord's Gateway goes on where it was"
            ])
    }

    @Test func `a server that says nothing after the handshake is left`() {
        var session = Self.session()
        _ = session.opened(at: S.now)
        #expect(
            Self.words(session.timerFired(at: S.now)) == ["note the Gateway says nothing", "disconnect 4900"])
    }

    @Test func `Discord's wish to reconnect is followed without losing the session`() {
        var session = Self.connected()
        #expect(Self.receive(#"{"op":7,"d":null}"#, by: &session) == ["disconnect 4900"])
        #expect(session.closed(GatewayClosure(code: 4900, reason: ""), at: S.now) == .reconnect(after: .zero))
        #expect(Self.words(session.address(at: S.now)).hasPrefix("connect wss://resume."))
    }

    @Test func `an invalid session is begun anew after a pause, a resumable one goes on`() {
        var session = Self.connected()
        #expect(Self.receive(#"{"op":9,"d":true}"#, by: &session) == ["disconnect 4900"])
        #expect(session.closed(GatewayClosure(code: 4900, reason: ""), at: S.now) == .reconnect(after: .seconds(3)))
        #expect(Self.words(session.address(at: S.now)).hasPrefix("connect wss://resume."))
        _ = session.opened(at: S.now)
        _ = Self.receive(Self.hello, by: &session)
        #expect(Self.receive(#"{"op":9,"d":false}"#, by: &session) == ["disconnect 4900"])
        #expect(session.closed(GatewayClosure(code: 4900, reason: ""), at: S.now) == .reconnect(after: .seconds(3)))
        #expect(Self.words(session.address(at: S.now)).hasPrefix("ask "))
    }

    @Test func `an address that does not answer is given up after three tries`() {
        var session = Self.connected()
        _ = session.closed(GatewayClosure(code: nil, reason: "cut"), at: S.now)
        for _ in 0..<3 {
            #expect(Self.words(session.address(at: S.now)).hasPrefix("connect wss://resume."))
            #expect(session.closed(GatewayClosure(code: nil, reason: "refused"), at: S.now) == .reconnect(after: nil))
        }
        #expect(Self.words(session.address(at: S.now)).hasPrefix("ask "))
    }

    @Test(arguments: [
        (nil, true), (1000, true), (1001, true), (1006, true), (4000, true), (4001, true), (4002, true), (4008, true),
        (4003, false), (4007, false), (4009, false),
    ])
    func `a close code says whether the session goes on`(code: UInt16?, isResumed: Bool) {
        var session = Self.connected()
        #expect(
            session.closed(GatewayClosure(code: code, reason: ""), at: S.now)
                == .reconnect(after: isResumed ? .zero : nil))
        #expect(Self.words(session.address(at: S.now)).hasPrefix(isResumed ? "connect wss://resume." : "ask "))
    }

    @Test(arguments: [
        (4004, "DISCORD_BOT_TOKEN"), (4010, "shard"), (4011, "servers"), (4012, "version"), (4013, "intents"),
    ])
    func `what only the operator can mend ends the session with the cure`(code: UInt16, word: String) {
        var session = Self.connected()
        guard case .stop(let reason) = session.closed(GatewayClosure(code: code, reason: ""), at: S.now) else {
            Issue.record("not stopped")
            return
        }
        #expect(reason.contains(word))
        #expect(reason.contains("\(code)"))
        #expect(!reason.contains(S.token))
    }

    @Test func `without the members' intent it goes on, without the messages' it stops`() {
        var session = Self.session()
        _ = session.opened(at: S.now)
        _ = Self.receive(Self.hello, by: &session)
        #expect(
            session.closed(GatewayClosure(code: 4014, reason: "Disallowed intent(s)."), at: S.now)
                == .reconnect(after: .seconds(1)))
        #expect(Self.words(session.address(at: S.now)).hasPrefix("ask "))
        _ = session.opened(at: S.now)
        #expect(Self.receive(Self.hello, by: &session).first?.contains(#""intents":46593"#) == true)
        guard case .stop(let reason) = session.closed(GatewayClosure(code: 4014, reason: ""), at: S.now) else {
            Issue.record("not stopped")
            return
        }
        #expect(reason.contains("Message Content Intent"))
    }

    @Test func `READY tells who the bot is, and a server which role is its own`() {
        var session = Self.connected()
        let mention = S.message(#""content":"<@1400000000000000009> hi""#)
        func isAnswered(_ text: String) -> Bool {
            guard case .deliver(let events, _) = session.received(Array(text.utf8), at: S.now).first else {
                return false
            }
            return events.first?.disposition == .answer
        }
        #expect(isAnswered(mention))
        let role = S.message(#""content":"<@&77> hi""#)
        #expect(!isAnswered(role))
        #expect(
            Self.receive(
                S.dispatch(
                    "GUILD_CREATE",
                    #"{"id":"900","roles":[{"id":"77","tags":{"bot_id":"1400000000000000009"}},{"id":"78"}]}"#),
                by: &session) == [])
        #expect(isAnswered(role))
        #expect(!isAnswered(S.message(#""content":"<@&78> hi""#)))
    }

    @Test func `what has no id of its own is named by its place in the session`() {
        var session = Self.connected()
        func id(_ sequence: Int) -> EventID? {
            let text = S.dispatch(
                "MESSAGE_REACTION_ADD", #"{"user_id":"61","message_id":"4","channel_id":"5","emoji":{"name":"x"}}"#,
                sequence: sequence)
            guard case .deliver(let events, _) = session.received(Array(text.utf8), at: S.now).first else { return nil }
            return events.first?.id
        }
        #expect(id(7) == EventID("sess:7"))
        #expect(id(8) == EventID("sess:8"))
    }

    @Test func `an address that cannot be had says why`() {
        var session = Self.session()
        func failure(_ status: Int, _ body: String, headers: HTTPFields = [:]) -> String {
            let response = OutboundResponse(status: HTTPStatus(status), headers: headers, body: Array(body.utf8))
            return Self.words(session.address(from: response, at: S.now))
        }
        #expect(failure(401, #"{"message":"401: Unauthorized","code":0}"#) == "failed unauthorized")
        #expect(failure(503, "") == "failed temporary")
        #expect(failure(200, "<html>") == "failed temporary")
        #expect(failure(429, "", headers: ["Retry-After": "3"]) == "failed rateLimited(after: Optional(3.0 seconds))")
        #expect(
            Self.words(session.address(from: Self.gateway(remaining: 0), at: S.now))
                == "failed rateLimited(after: Optional(1.5 seconds))")
    }

    @Test(arguments: ["", "{", "[]", "{}", #"{"op":"0"}"#, #"{"op":99}"#, #"{"op":0}"#, #"{"op":10,"d":[]}"#, "ÿ"])
    func `nonsense harms nothing`(text: String) {
        var session = Self.connected()
        for command in session.received(Array(text.utf8), at: S.now) {
            switch command {
            case .note, .deliver: continue
            default: Issue.record("\(text): \(Self.words([command]))")
            }
        }
        #expect(Self.receive(S.directMessage(#""content":"hi""#), by: &session) == [#"deliver ["text hi"]"#])
    }
}
