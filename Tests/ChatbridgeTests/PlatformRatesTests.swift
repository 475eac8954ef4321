import BridgeCore
import Testing

@testable import chatbridge

/// What the adapters declare keeps to what their platforms publish, in any stretch of time.
struct PlatformRatesTests {
    private static let environment = [
        "TELEGRAM_BOT_TOKEN": "1:x", "TELEGRAM_WEBHOOK_SECRET": "s", "DISCORD_APPLICATION_ID": "1",
        "DISCORD_PUBLIC_KEY": String(repeating: "a1", count: 32), "DISCORD_BOT_TOKEN": "t",
        "WHATSAPP_ACCESS_TOKEN": "t", "WHATSAPP_PHONE_NUMBER_ID": "1", "WHATSAPP_VERIFY_TOKEN": "v",
        "WHATSAPP_APP_SECRET": "s", "TEAMS_APP_ID": "a", "TEAMS_APP_PASSWORD": "p", "LINE_CHANNEL_SECRET": "s",
        "LINE_CHANNEL_ACCESS_TOKEN": "t", "MESSENGER_PAGE_ACCESS_TOKEN": "t", "MESSENGER_VERIFY_TOKEN": "v",
        "MESSENGER_APP_SECRET": "s", "FEISHU_APP_ID": "a", "FEISHU_APP_SECRET": "s", "FEISHU_VERIFICATION_TOKEN": "t",
    ]

    enum Scope: Sendable { case chat, group, account }

    @Test(arguments: [
        // "My bot is hitting limits" of the Bots FAQ.
        ("telegram", Scope.group, 20, Duration.seconds(60)), ("telegram", .account, 30, .seconds(1)),
        // The bucket of a channel's messages, and the global limit.
        ("discord", .chat, 5, .seconds(5)), ("discord", .account, 50, .seconds(1)),
        // Throughput of a number.
        ("whatsapp", .account, 80, .seconds(1)),
        // "Rate limiting for bots": each of its windows.
        ("msteams", .chat, 7, .seconds(1)), ("msteams", .chat, 8, .seconds(2)), ("msteams", .chat, 60, .seconds(30)),
        ("msteams", .chat, 1800, .seconds(3600)), ("msteams", .account, 30, .seconds(1)),
        ("line", .account, 2000, .seconds(1)), ("messenger", .account, 300, .seconds(1)),
        ("feishu", .chat, 5, .seconds(1)), ("feishu", .account, 50, .seconds(1)),
    ])
    func `no burst is above a published rate`(name: String, scope: Scope, limit: Int, window: Duration) throws {
        let loaded = ConfigurationLoader.load(environment: Self.environment, file: nil, isWebDefault: true)
        let adapter = try #require(loaded.product.adapters.first { $0.platform.rawValue == name }, "\(loaded.problems)")
        let rates = adapter.capabilities.rates
        let declared =
            switch scope {
            case .chat: rates.conversation
            case .group: rates.group ?? rates.conversation
            case .account: rates.overall
            }
        let rate = try #require(declared)
        // Of requests that may come at once, and one more after each interval that fits into less than the window.
        let most = rate.burst + Int(((window - .nanoseconds(1)) / rate.interval).rounded(.down))
        #expect(most <= limit)
    }
}
