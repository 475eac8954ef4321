import BridgeCore
import BridgeTesting
import Crypto
import EventLoop
import Glibc
import HTTPClient
import HTTPCore
import JSON
import TestSupport
import Testing

/// Every recorded payload of the platforms that sign by a header goes through a running `serve`, whose answers a running
/// `chatbridge fake` checks, and ends in Postgres as the table of expectations says.
@Suite(.enabled(if: TestEnvironment.redisURL != nil && TestEnvironment.databaseURL != nil))
struct PlatformFixtureTests {
    /// How one platform is configured and signs.
    struct Setting: Sendable, CustomTestStringConvertible {
        let platform: String
        let prefix: String
        let variables: [String: String]
        /// The path behind `/webhooks/{platform}`.
        var path = ""
        var method = HTTPMethod.post
        /// What the fake may rightly refuse: invented identifiers in the recorded payloads.
        var refusal: String?
        /// The bot for which payloads that name one must be meant.
        var bot: String?
        let sign: @Sendable ([UInt8]) -> HTTPFields

        var testDescription: String { bot.map { "\(platform) \($0)" } ?? platform }

        func isTolerated(_ reason: String) -> Bool { refusal.map { reason.contains($0) } ?? false }
    }

    private static let key = "a-key-of-the-tests"

    private static func hmac(_ body: [UInt8]) -> [UInt8] {
        HMACSHA256.authenticationCode(for: body, key: Array(key.utf8))
    }

    private static func meta(_ platform: String, _ prefix: String, _ more: [String: String]) -> Setting {
        Setting(
            platform: platform, prefix: prefix,
            variables: more.merging(["\(prefix)_VERIFY_TOKEN": "verify", "\(prefix)_APP_SECRET": key]) { $1 }
        ) { ["X-Hub-Signature-256": "sha256=" + Hex.encode(hmac($0))] }
    }

    private static func discord(_ bot: String) -> Setting {
        let seed = [UInt8](repeating: 7, count: 32)
        return Setting(
            platform: "discord", prefix: "DISCORD",
            variables: [
                "DISCORD_APPLICATION_ID": bot, "DISCORD_BOT_TOKEN": "discord-token", "DISCORD_GATEWAY": "false",
                "DISCORD_PUBLIC_KEY": Hex.encode(Ed25519.publicKey(for: seed) ?? []),
            ],
            // The interactions were recorded for other applications; their answers go as messages of the bot then.
            refusal: "another application", bot: bot
        ) { body in
            let time = "1790000000"
            let signature = Ed25519.signature(for: Array(time.utf8) + body, privateKey: seed) ?? []
            return ["X-Signature-Timestamp": time, "X-Signature-Ed25519": Hex.encode(signature)]
        }
    }

    /// A token as the Bot Connector makes it, by the key that the fake publishes.
    private static func teamsToken(for body: [UInt8]) -> String {
        let now = Timestamp.now().seconds
        var claims = JSONWriter()
        claims.object { json in
            json.field("iss", "https://api.botframework.com")
            json.field("aud", "teams-app")
            json.field("serviceurl", (try? JSONView(parsing: body))?["serviceUrl"].string ?? "https://example.test/")
            json.field("exp", now + 600)
        }
        return JSONWebToken.signed(claims: claims.bytes, by: SimulationKey.key, keyID: SimulationKey.id) ?? ""
    }

    /// An identity token as Google makes it, by the key that the fake publishes.
    private static func googleToken() -> String {
        let claims =
            #"{"iss":"https://accounts.google.com","aud":"https://bridge.example.test","email":"chat@system.gserviceaccount.com","email_verified":true,"exp":\#(Timestamp.now().seconds + 600)}"#
        return JSONWebToken.signed(claims: Array(claims.utf8), by: SimulationKey.key, keyID: SimulationKey.id) ?? ""
    }

    private static func googleAccount() -> String {
        var writer = JSONWriter()
        writer.object { json in
            json.field("client_email", "bot@crew-1.iam.gserviceaccount.com")
            json.field("private_key", SimulationKey.pem)
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// The app of the recorded payloads.
    private static let zaloApp = "7100000000000000101"

    private static let settings = [
        Setting(
            platform: "msteams", prefix: "TEAMS",
            variables: ["TEAMS_APP_ID": "teams-app", "TEAMS_APP_PASSWORD": "teams-password"]
        ) { ["Authorization": "Bearer \(teamsToken(for: $0))"] },
        Setting(
            platform: "googlechat", prefix: "GOOGLE_CHAT",
            variables: [
                "GOOGLE_CHAT_SERVICE_ACCOUNT": googleAccount(), "GOOGLE_CHAT_AUDIENCE": "https://bridge.example.test",
            ]
        ) { _ in ["Authorization": "Bearer \(googleToken())"] },
        Setting(
            platform: "feishu", prefix: "FEISHU",
            variables: [
                "FEISHU_APP_ID": "cli_1", "FEISHU_APP_SECRET": "feishu-secret",
                // The key with which the recorded payload is encrypted.
                "FEISHU_ENCRYPT_KEY": "1212121212",
            ]
        ) { body in
            let digest = SHA256.digest(of: Array("1790000000n1212121212".utf8) + body)
            return [
                "X-Lark-Request-Timestamp": "1790000000", "X-Lark-Request-Nonce": "n",
                "X-Lark-Signature": Hex.encode(digest),
            ]
        },
        discord("1457469483726668048"), discord("1400000000000000001"),
        Setting(
            platform: "mattermost", prefix: "MATTERMOST",
            variables: [
                "MATTERMOST_URL": "http://127.0.0.1:9", "MATTERMOST_BOT_TOKEN": "mm-token",
                "MATTERMOST_WEBHOOK_TOKEN": key,
            ]
        ) { _ in ["Authorization": "Token \(key)"] },
        Setting(
            platform: "rocketchat", prefix: "ROCKETCHAT",
            variables: [
                "ROCKETCHAT_URL": "http://127.0.0.1:9", "ROCKETCHAT_AUTH_TOKEN": "rc-token",
                "ROCKETCHAT_USER_ID": "botUser", "ROCKETCHAT_WEBHOOK_TOKEN": key,
            ]
        ) { _ in ["X-RocketChat-Livechat-Token": key] },
        Setting(
            platform: "line", prefix: "LINE",
            variables: ["LINE_CHANNEL_SECRET": key, "LINE_CHANNEL_ACCESS_TOKEN": "line-token"],
            refusal: "The property, 'to', in the request body is invalid"
        ) { ["X-Line-Signature": Base64.encode(hmac($0))] },
        Setting(platform: "viber", prefix: "VIBER", variables: ["VIBER_AUTH_TOKEN": key]) {
            ["X-Viber-Content-Signature": Hex.encode(hmac($0))]
        },
        Setting(
            platform: "zalo", prefix: "ZALO",
            variables: [
                "ZALO_APP_ID": zaloApp, "ZALO_APP_SECRET": "zalo-app-secret", "ZALO_OA_SECRET_KEY": key,
                "ZALO_OA_ACCESS_TOKEN": "zalo-access", "ZALO_OA_REFRESH_TOKEN": "zalo-refresh",
            ]
        ) { body in
            let timestamp = (try? JSONView(parsing: body))?["timestamp"].idString ?? ""
            let digest = SHA256.digest(of: Array(zaloApp.utf8) + body + Array((timestamp + key).utf8))
            return ["X-ZEvent-Signature": "mac=" + Hex.encode(digest)]
        },
        Setting(
            platform: "zalobot", prefix: "ZALOBOT",
            variables: ["ZALOBOT_TOKEN": "1:zalo-token", "ZALOBOT_WEBHOOK_SECRET": key]
        ) { _ in ["X-Bot-Api-Secret-Token": key] },
        Setting(
            platform: "github", prefix: "GITHUB_BOT",
            variables: [
                "GITHUB_BOT_TOKEN": "token", "GITHUB_BOT_WEBHOOK_SECRET": key, "GITHUB_BOT_NAME": "octo-bot",
            ]
        ) { ["X-Hub-Signature-256": "sha256=" + Hex.encode(hmac($0))] },
        meta("whatsapp", "WHATSAPP", ["WHATSAPP_ACCESS_TOKEN": "wa-token", "WHATSAPP_PHONE_NUMBER_ID": "106"]),
        meta("messenger", "MESSENGER", ["MESSENGER_PAGE_ACCESS_TOKEN": "page-token"]),
        meta("instagram", "INSTAGRAM", ["INSTAGRAM_PAGE_ACCESS_TOKEN": "page-token"]),
        Setting(
            platform: "twilio", prefix: "TWILIO",
            variables: [
                "TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": key, "TWILIO_FROM": "+13125550177",
                "PUBLIC_URL": "https://bridge.example.test",
            ]
        ) { body in
            let parameters = HTTPPercentEncoding.decodeForm(body).sorted { $0.name < $1.name }
            let text = parameters.reduce("https://bridge.example.test/webhooks/twilio") { $0 + $1.name + $1.value }
            let code = HMACSHA1.authenticationCode(for: Array(text.utf8), key: Array(key.utf8))
            return [
                "Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": Base64.encode(code),
            ]
        },
        Setting(
            platform: "matrix", prefix: "MATRIX",
            variables: [
                "MATRIX_HOMESERVER": "http://127.0.0.1:9", "MATRIX_AS_TOKEN": "as-token", "MATRIX_HS_TOKEN": key,
                "MATRIX_USER_ID": "@bot:example.org",
            ], path: "/_matrix/app/v1/transactions/", method: .put
        ) { _ in ["Authorization": "Bearer \(key)"] },
    ]

    @Test(.timeLimit(.minutes(10)), arguments: settings)
    func `every recorded payload is in Postgres exactly once, and its answer is what the platform takes`(
        setting: Setting
    ) async throws {
        guard let table = try FixtureExpectations(platform: setting.platform) else {
            print("skipped: the folder of recorded payloads of \(setting.platform) is not there")
            return
        }
        let folder = TemporaryFolder()
        let port = TestEnvironment.freePort()
        var variables = setting.variables
        variables["\(setting.prefix)_API_BASE"] = "http://127.0.0.1:\(port)"
        variables["\(setting.prefix)_RATE_LIMIT"] = "off"
        let fake = try ChildProcess(
            [TestEnvironment.chatbridge, "fake", setting.platform, "--port", "\(port)"],
            environment: variables, output: folder.path("fake.log"))
        defer { fake.end(SIGTERM) }
        try awaitListener(on: port, of: fake)
        let stack = try await TestStack.shared(
            variables.merging(["AGENT": "echo", "STREAMING": "off", "TYPING_DELAY_MS": "0"]) { $1 })
        try stack.startLogger()
        let loop = try EventLoop()
        loop.startThread(name: "platform")
        defer { loop.stop() }
        let client = HTTPClient(loop: loop)

        var known = 0
        for (number, row) in table.rows.enumerated() where row.bot == nil || row.bot == setting.bot {
            // A bridge for each, to which all is new: several payloads bear the same event id.
            try stack.forgetEvents()
            try stack.startBridge()
            let path = setting.path.isEmpty ? "" : "\(setting.path)\(number)"
            let response = try await client.send(
                HTTPClientRequest(
                    method: setting.method, url: "\(stack.url)/webhooks/\(setting.platform)\(path)",
                    headers: setting.sign(row.body), body: row.body))
            #expect(response.status.isSuccess, "\(row.file): \(response.status)")
            try stack.stopBridge()
            // One that its user takes back in the same breath is answered no more.
            let takenBack = row.events.count { deletion in
                deletion.kind == ContentKind.deleted.rawValue
                    && row.events.contains { $0.isAnswered && $0.conversation == deletion.conversation }
            }
            let answered = row.events.count(where: \.isAnswered) - takenBack
            let expected = known + row.events.count + answered
            let isLogged = await eventually { (try? await stack.count()) == expected }
            let found = try await stack.count()
            #expect(isLogged, "\(row.file): \(found) rows, not \(expected); \(stack.output)")
            let rows = Array(try await stack.rows().dropFirst(known))
            known += rows.count
            FixtureTests.checkInbound(rows, row, platform: setting.platform)
            // What was written years ago may be answered no more where the platform has a window; nothing else may fail.
            for row in rows where row.direction == "outbound" && row.status != "sent" {
                let reason = row.metadata["delivery_error"] ?? ""
                #expect(reason.hasPrefix("held:") || setting.isTolerated(reason), "\(reason)")
            }
        }
        let log = try await client.send(HTTPClientRequest(url: "http://127.0.0.1:\(port)/_fake/log"))
        let actions = Array(try JSONView(parsing: log.body).elements)
        let refused = actions.filter { $0["kind"].string == "refused" }.compactMap { $0["why"].string }
            .filter { !setting.isTolerated($0) }
        #expect(refused == [])
        let sent = try await stack.rows().count { $0.direction == "outbound" && $0.status == "sent" }
        #expect(actions.count { $0["kind"].string == "message" } >= sent)
    }
}
