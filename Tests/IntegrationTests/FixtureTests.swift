import BridgeCore
import BridgeTesting
import Crypto
import EventLoop
import Glibc
import HTTPClient
import HTTPCore
import HTTPServer
import JSON
import TestSupport
import Testing

/// Every recorded payload goes through a running `serve` and ends in Postgres as the table of expectations says.
@Suite(.enabled(if: TestEnvironment.redisURL != nil && TestEnvironment.databaseURL != nil))
struct FixtureTests {
    private static let slackSecret = "0badc0ffee0badc0ffee0badc0ffee00"
    private static let webhookKey = Array("a key of the tests, 24 bytes".utf8)

    @Test(.timeLimit(.minutes(10)), arguments: ["telegram", "slack", "webhook"])
    func `every recorded payload is in Postgres exactly once, and answered if it calls for it`(platform: String)
        async throws
    {
        // The folder of Standard Webhooks payloads bears the name that the collection gave it.
        guard let table = try FixtureExpectations(platform: platform == "webhook" ? "generic" : platform) else {
            print("skipped: the folder of recorded payloads of \(platform) is not there (CHATBRIDGE_TEST_SHARED)")
            return
        }
        let api = try await RecordingServer { request in
            let isSlack = request.path.hasPrefix("/slack")
            let body =
                isSlack ? #"{"ok":true,"channel":"C1","ts":"1.000001"}"# : #"{"ok":true,"result":{"message_id":1}}"#
            return .json(Array(body.utf8))
        }
        let stack = try await TestStack.shared([
            "TELEGRAM_BOT_TOKEN": "123456:test-token", "TELEGRAM_WEBHOOK_SECRET": "test-secret",
            "TELEGRAM_API_BASE": api.url, "TELEGRAM_RATE_LIMIT": "off",
            "SLACK_BOT_TOKEN": "xoxb-1-test", "SLACK_SIGNING_SECRET": Self.slackSecret,
            "SLACK_API_BASE": "\(api.url)/slack", "SLACK_RATE_LIMIT": "off",
            "WEBHOOK_SECRET": "whsec_\(Base64.encode(Self.webhookKey))", "WEBHOOK_REPLY_URL": "\(api.url)/reply",
            "WEBHOOK_RATE_LIMIT": "off", "AGENT": "echo", "STREAMING": "off",
        ])
        try stack.startLogger()
        let loop = try EventLoop()
        loop.startThread(name: "platform")
        defer { loop.stop() }
        let client = HTTPClient(loop: loop)

        var known = 0
        for (number, row) in table.rows.enumerated() {
            let before = api.requests.count
            // A bridge for each, to which all is new: several payloads bear the same event id.
            try stack.forgetEvents()
            try stack.startBridge()
            let response = try await client.send(request(row, platform: platform, number: number, to: stack.url))
            #expect(response.status == .ok, "\(row.file): \(response.status)")
            // What the bridge has taken it answers and logs before it ends.
            try stack.stopBridge()
            let answered = row.events.filter(\.isAnswered).count
            let expected = known + row.events.count + answered
            let isLogged = await eventually { (try? await stack.count()) == expected }
            let found = try await stack.count()
            #expect(isLogged, "\(row.file): \(found) rows, not \(expected); \(stack.output)")
            let rows = try await stack.rows().dropFirst(known)
            known += rows.count
            check(Array(rows), row, platform: platform)
            let sent = api.requests.dropFirst(before).filter { !$0.path.hasSuffix("answerCallbackQuery") }
            // An echo of a very long text takes several messages.
            let isLong = row.events.contains { ($0.text?.utf8.count ?? 0) > 20_000 }
            #expect(isLong ? sent.count > answered : sent.count == answered, "\(row.file): \(sent.map(\.path)) sent")
        }
    }

    private func check(_ rows: [TestStack.Row], _ row: FixtureExpectations.Row, platform: String) {
        let outbound = rows.filter { $0.direction == "outbound" }
        #expect(outbound.allSatisfy { $0.status == "sent" }, "\(row.file)")
        Self.checkInbound(rows, row, platform: platform)
    }

    /// What came in is in the rows as the table of expectations says.
    static func checkInbound(_ rows: [TestStack.Row], _ row: FixtureExpectations.Row, platform: String) {
        let inbound = rows.filter { $0.direction == "inbound" }
        #expect(inbound.count == row.events.count, "\(row.file)")
        for (expected, found) in zip(row.events, inbound) {
            guard let kind = ContentKind(rawValue: found.type) else {
                Issue.record("\(row.file): kind \(found.type)")
                continue
            }
            let actual = ExpectedEvent(
                kind, isAnswered: expected.isAnswered, text: found.text, sender: found.sender, account: found.account,
                conversation: found.conversation, thread: found.metadata["thread"], attachments: found.attachments,
                target: found.metadata["target"], replyTo: found.metadata["reply_to"],
                movedTo: found.metadata["moved_to"])
            #expect(expected.differences(from: actual) == [], "\(row.file)")
            #expect(found.platform == platform, "\(row.file)")
        }
    }

    private func request(
        _ row: FixtureExpectations.Row, platform: String, number: Int, to url: String
    ) throws -> HTTPClientRequest {
        var body = row.body
        if row.form == "payload" {
            body = Array("payload=\(HTTPPercentEncoding.encode(String(decoding: body, as: UTF8.self)))".utf8)
        } else if row.form == "fields" {
            body = Array(
                try JSONView(parsing: body).members.map { "\($0)=\(HTTPPercentEncoding.encode($1.string ?? ""))" }
                    .joined(separator: "&").utf8)
        }
        let now = String(Timestamp.now().seconds)
        let headers: HTTPFields
        switch platform {
        case "telegram":
            headers = ["X-Telegram-Bot-Api-Secret-Token": "test-secret", "Content-Type": "application/json"]
        case "slack":
            let code = HMACSHA256.authenticationCode(
                for: Array("v0:\(now):".utf8) + body, key: Array(Self.slackSecret.utf8))
            headers = ["X-Slack-Request-Timestamp": now, "X-Slack-Signature": "v0=\(Hex.encode(code))"]
        default:
            let id = "msg_\(number)"
            let code = HMACSHA256.authenticationCode(
                for: Array("\(id).\(now).".utf8) + body, key: Self.webhookKey)
            headers = [
                "webhook-id": id, "webhook-timestamp": now, "webhook-signature": "v1,\(Base64.encode(code))",
                "Content-Type": "application/json",
            ]
        }
        return HTTPClientRequest(method: .post, url: "\(url)/webhooks/\(platform)", headers: headers, body: body)
    }
}
