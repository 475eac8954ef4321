import BridgeCore
import HTTPCore
import JSON
import Testing

@testable import SlackAdapter

/// The session of Socket Mode, as a value: call, compare the commands, go on.
struct SlackSocketSessionTests {
    typealias S = SlackSamples

    static let adapter = SlackAdapter(
        configuration: SlackConfiguration(
            botToken: Secret(S.token), signingSecret: nil, appToken: "xapp-1-invented",
            apiBase: "https://slack.example.test/api"))

    static let hello =
        #"{"type":"hello","num_connections":1,"debug_info":{"approximate_connection_time":18060},"connection_info":{"app_id":"A1"}}"#

    static func envelope(_ type: String, _ payload: String) -> String {
        #"{"envelope_id":"e-1","type":"\#(type)","accepts_response_payload":true,"payload":\#(payload),"retry_attempt":0,"retry_reason":""}"#
    }

    /// A session that Slack has greeted.
    static func greeted() -> SlackSocketSession {
        var session = SlackSocketSession(adapter: adapter)
        _ = session.address(at: S.now)
        _ = session.opened(at: S.now)
        _ = session.received(Array(hello.utf8), at: S.now)
        return session
    }

    static func words(_ commands: [GatewayCommand]) -> [String] {
        commands.map { command in
            switch command {
            case .send(let bytes): "send \(String(decoding: bytes, as: UTF8.self))"
            case .deliver(let events, let acknowledgement):
                "deliver \(events.map { "\($0.kind.rawValue) \($0.text ?? "-")" }), then \(String(decoding: acknowledgement ?? [], as: UTF8.self))"
            case .wake(let delay): "wake \(delay.map { "\($0)" } ?? "never")"
            case .replace: "replace"
            case .disconnect(let code): "disconnect \(code)"
            case .note(let text): "note \(text)"
            }
        }
    }

    static func receive(_ text: String, by session: inout SlackSocketSession) -> [String] {
        words(session.received(Array(text.utf8), at: S.now))
    }

    static func address(_ body: String, status: Int = 200, headers: HTTPFields = [:]) -> GatewayAddress {
        var session = SlackSocketSession(adapter: adapter)
        return session.address(
            from: OutboundResponse(status: HTTPStatus(status), headers: headers, body: Array(body.utf8)), at: S.now)
    }

    @Test func `the address is asked for with the app-level token`() throws {
        var session = SlackSocketSession(adapter: Self.adapter)
        guard case .ask(let request) = session.address(at: S.now) else {
            Issue.record("it does not ask")
            return
        }
        #expect(request.url == "https://slack.example.test/api/apps.connections.open")
        #expect(request.headers["Authorization"] == "Bearer xapp-1-invented")
        guard case .connect(let url, _) = Self.address(#"{"ok":true,"url":"wss://wss.example.test/link/?ticket=7"}"#)
        else {
            Issue.record("it does not connect")
            return
        }
        #expect(url == "wss://wss.example.test/link/?ticket=7")
    }

    @Test(arguments: [
        (200, #"{"ok":false,"error":"invalid_auth"}"#, DeliveryFailure.Kind.unauthorized),
        (200, #"{"ok":false,"error":"not_allowed_token_type"}"#, .unauthorized),
        (200, #"{"ok":false,"error":"forbidden_team"}"#, .refused), (503, "", .temporary),
        (429, #"{"ok":false,"error":"ratelimited"}"#, .rateLimited(after: .seconds(7))),
        (200, #"{"ok":true}"#, .temporary), (200, #"{"ok":true,"url":-1}"#, .temporary),
        (200, #"{"ok":true,"url":"https://slack.example.test"}"#, .temporary),
    ])
    func `an address that cannot be had says why`(status: Int, body: String, kind: DeliveryFailure.Kind) {
        guard case .failed(let failure) = Self.address(body, status: status, headers: ["Retry-After": "7"]) else {
            Issue.record("not failed")
            return
        }
        #expect(failure.kind == kind)
        if kind == .unauthorized { #expect(failure.reason.contains("SLACK_APP_TOKEN")) }
    }

    @Test func `a server that says nothing is left, one that greets is not`() {
        var session = SlackSocketSession(adapter: Self.adapter)
        #expect(Self.words(session.opened(at: S.now)) == ["wake 30.0 seconds"])
        #expect(Self.words(session.timerFired(at: S.now)) == ["note Slack says nothing", "disconnect 1000"])
        #expect(session.closed(GatewayClosure(code: 1000, reason: ""), at: S.now) == .reconnect(after: nil))
        _ = session.opened(at: S.now)
        #expect(
            Self.receive(Self.hello, by: &session) == ["wake never", "note connected to Slack by Socket Mode"])
        #expect(Self.words(session.timerFired(at: S.now)) == [])
        #expect(session.closed(GatewayClosure(code: 1006, reason: ""), at: S.now) == .reconnect(after: .zero))
    }

    @Test(arguments: [
        (envelope("events_api", S.message(#""text":"good morning""#)), "text good morning"),
        (
            envelope(
                "slash_commands",
                #"{"command":"/weather","text":"in Kyiv","team_id":"TAC","channel_id":"CHALL","user_id":"UIDA","trigger_id":"1.2.x"}"#
            ), "command /weather in Kyiv"
        ),
        (
            envelope(
                "interactive",
                #"{"type":"block_actions","trigger_id":"9.9","team":{"id":"TAC"},"user":{"id":"UIDA"},"channel":{"id":"CHALL"},"actions":[{"action_id":"go","value":"now"}]}"#
            ), "button now"
        ),
        (envelope("events_api", #"{"type":"event_callback","event":{"type":"brand_new"}}"#), "event -"),
    ])
    func `an envelope is acknowledged once its event is taken`(text: String, event: String) {
        var session = Self.greeted()
        #expect(
            Self.receive(text, by: &session) == [#"deliver ["\#(event)"], then {"envelope_id":"e-1"}"#])
    }

    @Test func `an envelope that holds nothing to keep is acknowledged all the same`() {
        var session = Self.greeted()
        let own = S.message(
            #""subtype":"message_changed","message":{"user":"UBOT","bot_id":"B1","ts":"1","text":"more"}"#)
        for payload in [own, "{}", "[]", "17"] {
            #expect(
                Self.receive(Self.envelope("events_api", payload), by: &session)
                    == [#"send {"envelope_id":"e-1"}"#])
        }
    }

    @Test func `an event by socket is the event by webhook`() throws {
        var session = Self.greeted()
        let body = S.message(#""text":"good morning""#)
        guard
            case .deliver(let events, _) = session.received(
                Array(Self.envelope("events_api", body).utf8), at: S.now
            ).first
        else {
            Issue.record("not delivered")
            return
        }
        #expect(events.map(\.id) == (try S.events(body)).map(\.id))
    }

    @Test func `before Slack ends a connection another one takes its place, once`() {
        var session = Self.greeted()
        #expect(Self.receive(#"{"type":"disconnect","reason":"warning"}"#, by: &session) == ["replace"])
        #expect(Self.receive(#"{"type":"disconnect","reason":"refresh_requested"}"#, by: &session) == [])
        // What still comes is taken.
        #expect(Self.receive(Self.envelope("events_api", S.message(#""text":"x""#)), by: &session).count == 1)
    }

    @Test func `an app whose Socket Mode is off is told of the switch`() {
        var session = Self.greeted()
        #expect(Self.receive(#"{"type":"disconnect","reason":"link_disabled"}"#, by: &session) == ["disconnect 1000"])
        guard case .stop(let reason) = session.closed(GatewayClosure(code: 1000, reason: ""), at: S.now) else {
            Issue.record("not stopped")
            return
        }
        #expect(reason.contains("Socket Mode"))
    }

    @Test(arguments: ["", "{", "[]", "{}", #"{"type":17}"#, #"{"type":"new"}"#, #"{"envelope_id":{}}"#])
    func `nonsense harms nothing`(text: String) {
        var session = Self.greeted()
        for command in session.received(Array(text.utf8), at: S.now) {
            guard case .note = command else {
                Issue.record("\(text): \(Self.words([command]))")
                continue
            }
        }
    }

    @Test func `without a signing secret only simulated webhooks are taken`() throws {
        #expect(Self.adapter.isGatewayEnabled)
        #expect(!S.adapter.isGatewayEnabled)
        let simulated = Self.adapter.simulateWebhook(text: "hi", number: 1, at: S.now)
        #expect(try Self.adapter.receive(simulated, at: S.now).events.first?.text == "hi")
        #expect(throws: WebhookRejection.self) {
            try Self.adapter.receive(S.signed(Array(S.message(#""text":"x""#).utf8), key: ""), at: S.now)
        }
        #expect(throws: WebhookRejection.self) {
            try Self.adapter.receive(S.signed(Array(S.message(#""text":"x""#).utf8)), at: S.now)
        }
    }

    @Test func `a trial of the app-level token says what it found`() {
        let checks = Self.adapter.credentialChecks()
        #expect(checks.map(\.name) == ["bot token", "app-level token"])
        func finding(_ body: String) -> CredentialFinding {
            Self.adapter.interpretCredentialCheck(
                OutboundResponse(status: .ok, body: Array(body.utf8)), of: checks[1])
        }
        #expect(finding(#"{"ok":true,"url":"wss://x"}"#) == .good("Socket Mode is open"))
        guard case .bad(let words) = finding(#"{"ok":false,"error":"invalid_auth"}"#) else {
            Issue.record("not bad")
            return
        }
        #expect(words.contains("connections:write"))
        let wrong = SlackConfiguration(botToken: "xoxb-1", signingSecret: nil, appToken: "xoxb-1")
        #expect(wrong.problems.count == 1)
    }
}
