import BridgeCore
import Crypto
import EventLoop
import Glibc
import HTTPClient
import HTTPCore
import HTTPServer
import TestSupport
import Testing

/// Authentic webhooks with bodies that nobody should send: each gets a clear answer, and the bridge goes on.
@Suite(.enabled(if: TestEnvironment.redisURL != nil && TestEnvironment.databaseURL != nil))
struct BadInputTests {
    private static let slackSecret = "0badc0ffee0badc0ffee0badc0ffee00"

    /// A Telegram update around the value of `text`, which is JSON as it stands.
    private static func update(_ id: Int, text: String, extra: String = "") -> String {
        #"{"update_id":\#(id),"message":{"message_id":\#(id),"date":1790000000,"from":{"id":42,"is_bot":false,"#
            + #""first_name":"Ada"},"chat":{"id":42,"type":"private"},"text":\#(text)\#(extra)}}"#
    }

    private static let photos = (0..<10_000).map { #"{"file_id":"f\#($0)","width":1,"height":1}"# }.joined(
        separator: ",")

    /// Bodies, and whether they are taken (200) or refused (400 or 413).
    private static let bodies: [(name: String, body: [UInt8], isTaken: Bool)] = [
        ("nothing", [], false),
        ("half a JSON", Array(#"{"update_id":1,"mess"#.utf8), false),
        ("no JSON", Array("hello".utf8), false),
        ("HTML", Array("<html></html>".utf8), false),
        ("an array", Array("[1,2,3]".utf8), false),
        (
            "invalid UTF-8", Array(#"{"update_id":2,"message":{"text":""#.utf8) + [0xFF, 0xC0] + Array(#""}}"#.utf8),
            false
        ),
        ("deep nesting", Array(String(repeating: "[", count: 100_000).utf8), false),
        ("more than the limit", Array(update(3, text: "\"\(String(repeating: "x", count: 1_100_000))\"").utf8), false),
        ("NUL in the text", Array(update(1001, text: #""a\u0000b""#).utf8), true),
        ("a lone surrogate", Array(update(1002, text: #""a\ud800b""#).utf8), true),
        ("duplicate keys", Array(update(1003, text: #""first","text":"second""#).utf8), true),
        (
            "a number over 2^53",
            Array(update(1004, text: #""n""#, extra: #","x":123456789012345678901234567890"#).utf8), true
        ),
        ("right to left and combining", Array(update(1005, text: "\"\u{202E}مرحبا e\u{301}\u{301} 👨‍👩‍👧\"").utf8), true),
        ("nearly a megabyte", Array(update(1006, text: "\"\(String(repeating: "x", count: 1_000_000))\"").utf8), true),
        (
            "ten thousand attachments", Array(update(1007, text: #""many""#, extra: #","photo":[\#(photos)]"#).utf8),
            true
        ),
        ("text that is a number", Array(update(1008, text: "7").utf8), true),
        ("a message without fields", Array(#"{"update_id":1009,"message":{}}"#.utf8), true),
        ("an unknown kind", Array(#"{"update_id":1010,"telepathy":{"to":42}}"#.utf8), true),
        ("every kind of the wrong type", Array(#"{"update_id":1011,"message":[],"callback_query":7}"#.utf8), true),
    ]

    @Test(.timeLimit(.minutes(3)))
    func `odd bodies get a clear answer, are logged as what they are, and harm nobody`() async throws {
        let api = try await RecordingServer { _ in .json(Array(#"{"ok":true,"result":{"message_id":1}}"#.utf8)) }
        let stack = try await TestStack.shared([
            "TELEGRAM_BOT_TOKEN": "123456:test-token", "TELEGRAM_WEBHOOK_SECRET": "test-secret",
            "TELEGRAM_API_BASE": api.url, "TELEGRAM_RATE_LIMIT": "off", "AGENT": "echo", "STREAMING": "off",
        ])
        try stack.startBridge()
        try stack.startLogger()
        let loop = try EventLoop()
        loop.startThread(name: "platform")
        defer { loop.stop() }
        let client = HTTPClient(loop: loop)

        for (name, body, isTaken) in Self.bodies {
            let status = try await client.send(request(body, to: stack.url)).status.code
            #expect(isTaken ? status == 200 : status == 400 || status == 413, "\(name): \(status)")
        }
        #expect(stack.bridge?.isRunning == true)
        // A normal message still gets its answer, after all of these.
        let last = try await client.send(
            request(Array(Self.update(2000, text: #""still there?""#).utf8), to: stack.url))
        #expect(last.status == .ok)
        try stack.stopBridge()

        let taken = Self.bodies.filter(\.isTaken).count + 1
        let isLogged = await eventually {
            let rows = (try? await stack.rows()) ?? []
            let isAnswered = rows.last { $0.direction == "outbound" }?.text == "still there?"
            return isAnswered && rows.filter { $0.direction == "inbound" }.count == taken
        }
        let rows = try await stack.rows()
        #expect(isLogged, "\(rows.count) rows; \(stack.output)")
        let texts = rows.filter { $0.direction == "inbound" }.map(\.text)
        #expect(texts.contains("a\u{FFFD}b"))
        #expect(texts.last == "still there?")
        #expect(rows.last { $0.direction == "outbound" }?.text == "still there?")
    }

    @Test(.timeLimit(.minutes(3)))
    func `a webhook that is not authentic is refused, and nothing of it is processed`() async throws {
        let api = try await RecordingServer { _ in .json(Array(#"{"ok":true}"#.utf8)) }
        let stack = try await TestStack.shared([
            "TELEGRAM_BOT_TOKEN": "123456:test-token", "TELEGRAM_WEBHOOK_SECRET": "test-secret",
            "TELEGRAM_API_BASE": api.url, "SLACK_BOT_TOKEN": "xoxb-1-test", "SLACK_SIGNING_SECRET": Self.slackSecret,
            "SLACK_API_BASE": api.url, "AGENT": "echo",
        ])
        try stack.startBridge()
        let loop = try EventLoop()
        loop.startThread(name: "platform")
        defer { loop.stop() }
        let client = HTTPClient(loop: loop)
        let message = Array(Self.update(1, text: #""hi""#).utf8)
        var statuses: [Int] = []
        for secret in [nil, "", "test-secreT", "test-secret-", "x"] {
            statuses.append(try await client.send(request(message, to: stack.url, secret: secret)).status.code)
        }
        let event = Array(
            #"{"type":"event_callback","team_id":"T1","event_id":"Ev1","event":{"type":"message","channel":"D1","channel_type":"im","user":"U1","ts":"1.1","text":"hi"}}"#
                .utf8)
        let now = Timestamp.now().seconds
        for (time, key, isTampered) in [
            (now - 301, Self.slackSecret, false), (now + 400, Self.slackSecret, false), (now, "other", false),
            (now, Self.slackSecret, true),
        ] {
            let code = HMACSHA256.authenticationCode(for: Array("v0:\(time):".utf8) + event, key: Array(key.utf8))
            let response = try await client.send(
                HTTPClientRequest(
                    method: .post, url: "\(stack.url)/webhooks/slack",
                    headers: [
                        "X-Slack-Request-Timestamp": String(time), "X-Slack-Signature": "v0=\(Hex.encode(code))",
                    ], body: isTampered ? event + [0x20] : event))
            statuses.append(response.status.code)
        }
        #expect(statuses == Array(repeating: 401, count: 9))
        try stack.stopBridge()
        #expect(api.requests.isEmpty)
        #expect(try await stack.count() == 0)
    }

    private func request(_ body: [UInt8], to url: String, secret: String? = "test-secret") -> HTTPClientRequest {
        var headers: HTTPFields = ["Content-Type": "application/json"]
        if let secret { headers.append("X-Telegram-Bot-Api-Secret-Token", secret) }
        return HTTPClientRequest(method: .post, url: "\(url)/webhooks/telegram", headers: headers, body: body)
    }
}
