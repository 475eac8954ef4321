import Crypto
import EventLoop
import Glibc
import HTTPClient
import HTTPCore
import HTTPServer
import TestSupport
import Testing

/// Nothing that the program writes, whatever happens to it, holds a secret.
@Suite struct SecretsTests {
    /// Secrets that can be recognised, one for each variable that holds one.
    private static let secrets: [String: String] = {
        var secrets: [String: String] = [:]
        let names = [
            "API_TOKEN", "MASTRA_API_KEY", "OPENAI_API_KEY", "GITHUB_BOT_TOKEN", "GITHUB_BOT_WEBHOOK_SECRET",
            "MESSENGER_PAGE_ACCESS_TOKEN", "MESSENGER_VERIFY_TOKEN", "MESSENGER_APP_SECRET", "VIBER_AUTH_TOKEN",
            "ZALO_APP_SECRET", "ZALO_OA_SECRET_KEY", "ZALO_OA_ACCESS_TOKEN", "ZALO_OA_REFRESH_TOKEN",
            "INSTAGRAM_PAGE_ACCESS_TOKEN", "INSTAGRAM_VERIFY_TOKEN", "INSTAGRAM_APP_SECRET", "DISCORD_BOT_TOKEN",
            "LINE_CHANNEL_SECRET", "LINE_CHANNEL_ACCESS_TOKEN", "MATRIX_AS_TOKEN", "MATRIX_HS_TOKEN",
            "WHATSAPP_ACCESS_TOKEN", "WHATSAPP_VERIFY_TOKEN", "WHATSAPP_APP_SECRET", "SLACK_BOT_TOKEN",
            "SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN", "ZALOBOT_TOKEN", "ZALOBOT_WEBHOOK_SECRET", "FEISHU_APP_SECRET",
            "FEISHU_ENCRYPT_KEY", "FEISHU_VERIFICATION_TOKEN", "TEAMS_APP_PASSWORD", "ROCKETCHAT_AUTH_TOKEN",
            "ROCKETCHAT_WEBHOOK_TOKEN", "TELEGRAM_WEBHOOK_SECRET", "TWILIO_AUTH_TOKEN", "MATTERMOST_BOT_TOKEN",
            "MATTERMOST_WEBHOOK_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
        ]
        for (number, name) in names.enumerated() { secrets[name] = "cAnArY\(number)x7Qz" }
        secrets["TELEGRAM_BOT_TOKEN"] = "123456:cAnArYtelegram"
        secrets["WEBHOOK_SECRET"] = "whsec_" + Base64.encode(Array("cAnArY-standard-webhooks".utf8))
        secrets["SLACK_BOT_TOKEN"] = "xoxb-cAnArYslackbot"
        secrets["SLACK_APP_TOKEN"] = "xapp-cAnArYslackapp"
        secrets["MASTRA_HEADERS"] = #"{"X-Key":"cAnArYmastraheader"}"#
        secrets["OTEL_EXPORTER_OTLP_HEADERS"] = "Authorization=cAnArYotlp"
        secrets["OTEL_EXPORTER_OTLP_TRACES_HEADERS"] = "X-Key=cAnArYotlptraces"
        secrets["AGENT_HEADERS"] = #"{"X-Key":"cAnArYagentheader"}"#
        return secrets
    }()

    /// What besides the secrets turns every platform on, all of them at a server that refuses everybody.
    private static func variables(api: String) -> [String: String] {
        let closed = "127.0.0.1:\(TestEnvironment.freePort())"
        var variables = secrets
        for name in [
            "TELEGRAM", "SLACK", "LINE", "VIBER", "ZALO", "ZALOBOT", "TEAMS", "WHATSAPP", "DISCORD", "FEISHU",
            "MESSENGER", "INSTAGRAM", "TWILIO", "GITHUB",
        ] { variables["\(name)_API_BASE"] = api }
        let rest = [
            "ZALO_APP_ID": "1", "WHATSAPP_PHONE_NUMBER_ID": "2", "DISCORD_APPLICATION_ID": "3",
            "DISCORD_PUBLIC_KEY": String(repeating: "ab", count: 32), "TEAMS_APP_ID": "app",
            "TWILIO_ACCOUNT_SID": "AC1",
            "TWILIO_FROM": "+15550100", "MATTERMOST_URL": api, "MATRIX_HOMESERVER": api, "MATRIX_USER_ID": "@bot:h",
            "ROCKETCHAT_URL": api, "ROCKETCHAT_USER_ID": "u", "FEISHU_APP_ID": "cli_1", "GITHUB_BOT_NAME": "bot",
            "WEBHOOK_REPLY_URL": "\(api)/reply", "PUBLIC_URL": "https://bot.example.com",
            "AGENT": "mastra", "MASTRA_ENDPOINT": "\(api)/api", "MASTRA_AGENT_ID": "a", "LOG_LEVEL": "debug",
            "WEB_ENABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": api, "OTEL_BSP_SCHEDULE_DELAY": "10",
            "ATTACHMENT_BUCKET": "media", "S3_ENDPOINT": api,
            "REDIS_URL": "redis://user:cAnArYredis@\(closed)",
            "DATABASE_URL": "postgres://user:cAnArYpostgres@\(closed)/db?connect_timeout=2",
        ]
        return variables.merging(rest) { _, new in new }
    }

    /// The forms in which a secret might slip out: as it is, and in base64, as in an `Authorization: Basic`.
    private static func leaks(in output: String) -> [String] {
        var found: [String] = []
        for line in output.split(separator: "\n") where line.contains("cAnArY") || line.contains("Y0FuQXJZ") {
            found.append(String(line.prefix(300)))
        }
        for (name, value) in secrets where output.contains(value) { found.append(name) }
        return found
    }

    @Test(.timeLimit(.minutes(3)))
    func `a bridge that everything fails for writes no secret`() async throws {
        let api = try await RecordingServer { request in
            .json(
                Array(#"{"ok":false,"error":"invalid_auth","description":"Unauthorized"}"#.utf8), status: .unauthorized)
        }
        let folder = TemporaryFolder()
        var variables = Self.variables(api: api.url)
        let port = TestEnvironment.freePort()
        variables["PORT"] = "\(port)"
        variables["SPOOL_DIR"] = folder.path("spool")
        let bridge = try ChildProcess(
            [TestEnvironment.chatbridge, "serve"], environment: variables, output: folder.path("log"))
        try awaitListener(on: port, of: bridge)
        let loop = try EventLoop()
        loop.startThread(name: "secrets")
        defer { loop.stop() }
        let client = HTTPClient(loop: loop)
        var answers = ""
        func send(_ method: HTTPMethod, _ path: String, _ body: String = "", _ headers: HTTPFields = [:]) async throws {
            let response = try await client.send(
                HTTPClientRequest(
                    method: method, url: "http://127.0.0.1:\(port)\(path)", headers: headers, body: Array(body.utf8)))
            answers += "\(response.status.code) \(response.headers) \(String(decoding: response.body, as: UTF8.self))\n"
        }
        // Good ones, whose answers fail at the agent and at the platform.
        let update =
            #"{"update_id":1,"message":{"message_id":1,"date":1790000000,"from":{"id":42,"is_bot":false,"#
            + #""first_name":"A"},"chat":{"id":42,"type":"private"},"text":"hi"}}"#
        let secret = Self.secrets["TELEGRAM_WEBHOOK_SECRET"] ?? ""
        try await send(.post, "/webhooks/telegram", update, ["X-Telegram-Bot-Api-Secret-Token": secret])
        try await send(.post, "/webhooks/telegram", "[", ["X-Telegram-Bot-Api-Secret-Token": secret])
        try await send(.post, "/webhooks/viber", #"{"event":"message"}"#, ["X-Viber-Content-Signature": "00"])
        for platform in [
            "telegram", "slack", "line", "viber", "zalo", "zalobot", "msteams", "whatsapp", "discord", "mattermost",
            "rocketchat", "matrix", "feishu", "messenger", "instagram", "twilio", "github", "webhook",
        ] {
            // Forged, and a handshake that asks for what must not be told.
            try await send(
                .post, "/webhooks/\(platform)", #"{"token":"guess","challenge":"c"}"#, ["Authorization": "Bearer x"])
            try await send(.get, "/webhooks/\(platform)?hub.mode=subscribe&hub.verify_token=guess&hub.challenge=7")
        }
        for path in ["/metrics", "/health", "/ready", "/redis/health", "/db/health", "/", "/nowhere"] {
            try await send(.get, path)
        }
        try await send(.post, "/api/messages", #"{"conversation":"c","text":"hi"}"#, ["Authorization": "Bearer guess"])
        let token = Self.secrets["API_TOKEN"] ?? ""
        try await send(
            .post, "/api/messages?wait=true", #"{"conversation":"c","text":"hi"}"#, ["Authorization": "Bearer \(token)"]
        )
        #expect(
            await eventually { api.requests.contains { $0.path.hasPrefix("/bot123456:") } }, "Telegram was not answered"
        )
        await client.shutdown()
        #expect(bridge.end(SIGTERM) == 0)
        #expect(bridge.output.contains("webhook refused"), "\(bridge.output.prefix(2000))")
        #expect(Self.leaks(in: bridge.output) == [])
        #expect(Self.leaks(in: answers) == [])
    }

    @Test(
        .timeLimit(.minutes(3)),
        arguments: [
            ["doctor"], ["doctor", "--json"], ["doctor", "--config"], ["migrate", "status"],
            ["webhooks", "show", "telegram"], ["trace", "0199a6f0-7c1e-7000-8000-000000000001"], ["tail"], ["dead"],
            ["doctor", "--config", "--json"],
            ["webhooks", "set", "telegram"], ["webhooks", "set", "viber"], ["simulate", "telegram", "hi"],
            ["--version"],
        ])
    func `no command writes a secret`(command: [String]) async throws {
        let api = try await RecordingServer { _ in
            .json(Array(#"{"ok":false,"description":"Unauthorized"}"#.utf8), status: .unauthorized)
        }
        let folder = TemporaryFolder()
        let (code, output) = try ChildProcess.run(
            [TestEnvironment.chatbridge] + command,
            environment: Self.variables(api: api.url).merging(["SPOOL_DIR": folder.path("spool")]) { $1 }, in: folder)
        #expect(code != nil, "\(output)")
        #expect(!output.isEmpty)
        #expect(Self.leaks(in: output) == [], "\(command)")
    }

    @Test func `a configuration that is refused repeats no secret, and neither does a crash`() throws {
        let folder = TemporaryFolder()
        var wrong = Self.secrets
        for name in wrong.keys { wrong[name] = "cAnArY \u{1} wrong everywhere" }
        wrong["GOOGLE_CHAT_SERVICE_ACCOUNT"] = #"{"private_key":"cAnArY","client_email":"x"}"#
        wrong["GOOGLE_CHAT_AUDIENCE"] = "x"
        wrong["REDIS_URL"] = "http://:cAnArY@h"
        wrong["DATABASE_URL"] = "mysql://u:cAnArY@h"
        let (code, output) = try ChildProcess.run(
            [TestEnvironment.chatbridge, "serve"], environment: wrong, in: folder)
        #expect(code == 78, "\(output)")
        #expect(output.contains("REDIS_URL") && Self.leaks(in: output) == [])

        var variables = Self.variables(api: "http://127.0.0.1:\(TestEnvironment.freePort())")
        let port = TestEnvironment.freePort()
        variables["PORT"] = "\(port)"
        variables["SPOOL_DIR"] = folder.path("spool")
        let bridge = try ChildProcess(
            [TestEnvironment.chatbridge, "serve"], environment: variables, output: folder.path("crash"))
        try awaitListener(on: port, of: bridge)
        #expect(bridge.end(SIGSEGV) == nil)
        #expect(Self.leaks(in: bridge.output) == [])
    }

    @Test func `each variable that holds a secret is tried here`() throws {
        let folder = TemporaryFolder()
        let (_, plain) = try ChildProcess.run([TestEnvironment.chatbridge, "doctor", "--config"], in: folder)
        let names = plain.split(separator: "\n").compactMap { $0.split(separator: "=").first.map(String.init) }
        let values = Dictionary(uniqueKeysWithValues: names.map { ($0, "x") })
        let (_, shown) = try ChildProcess.run(
            [TestEnvironment.chatbridge, "doctor", "--config"], environment: values, in: folder)
        let redacted = shown.split(separator: "\n").filter { $0.hasSuffix("=(set, 1 bytes)") }
            .compactMap { $0.split(separator: "=").first.map(String.init) }
        let elsewhere = ["REDIS_URL", "DATABASE_URL", "GOOGLE_CHAT_SERVICE_ACCOUNT"]
        #expect(Set(redacted) == Set(Self.secrets.keys).union(elsewhere))
    }
}
