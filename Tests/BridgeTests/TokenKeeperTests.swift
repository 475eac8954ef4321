import BridgeCore
import BridgeTesting
import EventLoop
import HTTPClient
import HTTPCore
import HTTPServer
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Bridge

struct TokenKeeperTests {
    /// A platform that issues tokens `t1`, `t2`, … with refresh tokens `r1`, `r2`, …, and takes messages with the newest.
    private final class Platform: Sendable {
        let server: RecordingServer
        private let issued: Issued

        private final class Issued: Sendable {
            let count = Atomic(0)
        }

        init(refusesTokens: Bool = false) async throws {
            let issued = Issued()
            server = try await RecordingServer { request in
                if request.path == "/token" {
                    if refusesTokens { return .json([], status: .badRequest) }
                    let number = issued.count.add(1, ordering: .relaxed).newValue
                    return .json(Array(#"{"token":"t\#(number)","refresh":"r\#(number)"}"#.utf8))
                }
                let newest = "t\(issued.count.load(ordering: .relaxed))"
                guard request.headers["X-Token"] == newest else { return .json([], status: .unauthorized) }
                return .json(Array(#"{"message":"m"}"#.utf8))
            }
            self.issued = issued
        }

        /// The tokens' requests by their bodies: the refresh tokens that were spent.
        var spent: [String] {
            server.requests.filter { $0.path == "/token" }.map { String(decoding: $0.body, as: UTF8.self) }
        }

        var sends: [String] { server.requests.filter { $0.path == "/send" }.map { $0.headers["X-Token"] ?? "-" } }

        /// As if somebody else had been given a token: those given out before are good for nothing.
        func issueElsewhere() { issued.count.add(1, ordering: .relaxed) }
    }

    private static func outbox(
        _ loop: EventLoop, _ platform: Platform, states: MemoryStates = MemoryStates(),
        _ change: (inout TokenAdapter) -> Void = { _ in }
    ) -> Outbox {
        var adapter = TokenAdapter(plain: PlainAdapter(apiBase: platform.server.url))
        change(&adapter)
        return Outbox(
            loop: loop, adapter: adapter, rates: .init(), client: HTTPClient(loop: loop), states: states,
            metrics: PlatformMetrics(Metrics(), platform: adapter.platform), log: .silent)
    }

    private static func send(_ outbox: Outbox) async -> DeliveryResult {
        await outbox.perform(.send(text: "hi", format: .plain), to: ReplyAddress(event("1")))
    }

    private static let delivered = DeliveryResult.delivered(PlatformMessageID("m"))

    @Test func `one token is asked for, however many messages wait for it`() async throws {
        let platform = try await Platform()
        try await onLoop { loop in
            let outbox = TokenKeeperTests.outbox(loop, platform)
            let sends = (0..<10).map { _ in
                loop.spawn {
                    let result = await TokenKeeperTests.send(outbox)
                    #expect(result == TokenKeeperTests.delivered)
                }
            }
            for send in sends { await send.value }
            #expect(platform.spent == ["first"])
            #expect(platform.sends == Array(repeating: "t1", count: 10))
        }
    }

    @Test func `a refused token is renewed, and the message goes out with the new one`() async throws {
        let platform = try await Platform()
        try await onLoop { loop in
            let outbox = TokenKeeperTests.outbox(loop, platform)
            #expect(await TokenKeeperTests.send(outbox) == TokenKeeperTests.delivered)
            platform.issueElsewhere()
            #expect(await TokenKeeperTests.send(outbox) == TokenKeeperTests.delivered)
            #expect(platform.sends == ["t1", "t1", "t3"])
            #expect(platform.spent == ["first", "r1"])
        }
    }

    @Test func `after a restart the refresh token that was kept is the one that is spent`() async throws {
        let platform = try await Platform()
        let states = MemoryStates()
        try await onLoop { loop in
            for _ in 0..<3 {
                let outbox = TokenKeeperTests.outbox(loop, platform, states: states)
                #expect(await TokenKeeperTests.send(outbox) == TokenKeeperTests.delivered)
            }
            #expect(platform.spent == ["first", "r1", "r2"])
            #expect(states.value(of: "plain.token") == "r3")
        }
    }

    @Test func `a token near its end is used while the next one is on its way`() async throws {
        let platform = try await Platform()
        try await onLoop { loop in
            let end = Timestamp.now().advanced(by: .seconds(3600))
            let outbox = TokenKeeperTests.outbox(loop, platform) { adapter in
                adapter.initialToken = AccessToken(value: Secret("t0"), expiresAt: end)
                // Renewed at once, since nothing of its time is left once it is there.
                adapter.lifetime = .zero
            }
            #expect(await TokenKeeperTests.send(outbox) == TokenKeeperTests.delivered)
            #expect(platform.sends == ["t0"] && platform.spent.isEmpty)
        }
    }

    @Test func `without a token nothing is sent, and the failure says why`() async throws {
        let platform = try await Platform(refusesTokens: true)
        try await onLoop { loop in
            let outbox = TokenKeeperTests.outbox(loop, platform)
            let result = await TokenKeeperTests.send(outbox)
            #expect(result == .failed(DeliveryFailure(.unauthorized, reason: "no token")))
            #expect(platform.sends.isEmpty)
        }
    }
}
