import EventLoop
import Redis
import TestSupport
import Testing

@testable import Inbox

/// The model's scripts against the real ones, so that what is proved of the one goes for the other.
///
/// Skipped without CHATBRIDGE_TEST_REDIS_URL.
@Suite(.enabled(if: TestEnvironment.redisURL != nil)) struct InboxRedisTests {
    private static let conversations: [UInt8] = [0, 0, 0, 1, 1, 1]

    @Test(arguments: 0..<20)
    func `the scripts do what the model says, whatever comes in whichever order`(_ seed: Int) async throws {
        let url = try #require(TestEnvironment.redisURL)
        let loop = try EventLoop()
        try loop.run {
            let client = RedisClient(loop: loop, configuration: try RedisConfiguration(url: url))
            let real = RealInbox(client: client, prefix: "model-test-\(UInt64.random(in: .min ... .max))")
            var model = InboxRedis(bridges: 4, events: 6, conversations: 2)
            var random = SplitMix(state: UInt64(seed))
            var history: [String] = []
            for _ in 0..<200 {
                if Int.random(in: 0..<12, using: &random) == 0 {
                    let bridge = UInt8.random(in: 0..<4, using: &random)
                    history.append("lapse \(bridge)")
                    model.leases[Int(bridge)] = 0
                    try await real.lapse(bridge)
                } else {
                    let command = Self.command(&random)
                    history.append("\(command)")
                    let reply = model.execute(command, conversations: Self.conversations, mistake: nil)
                    try await real.execute(command, conversations: Self.conversations)
                    history.append("  \(reply)")
                }
                let (expected, found) = (RealInbox.lines(of: model), try await real.lines())
                try #require(expected == found, "\(history.suffix(30).joined(separator: "\n"))")
            }
            try await real.clear()
            await client.shutdown()
        }
    }

    private static func command(_ random: inout SplitMix) -> InboxRedis.Command {
        let bridge = UInt8.random(in: 0..<4, using: &random)
        let event = UInt8.random(in: 0..<6, using: &random)
        let session = UInt8.random(in: 1...2, using: &random)
        return switch Int.random(in: 0..<16, using: &random) {
        case 0...1: .join(by: bridge, session: session)
        case 2...5: .claim(event, by: bridge, session: session)
        case 6...7: .begin(event, by: bridge, session: session)
        case 8...9: .settle(event, by: bridge, session: session)
        case 10...12: .beat(by: bridge, session: session)
        case 13...14: .takeOver(UInt8.random(in: 0..<4, using: &random), by: bridge, session: session)
        default: .retire(by: bridge, session: session)
        }
    }
}

/// Numbers that are the same each time.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
