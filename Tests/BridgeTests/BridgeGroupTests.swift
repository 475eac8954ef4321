import BridgeCore
import BridgeTesting
import EventLoop
import TestSupport
import Testing

@testable import Bridge

/// Several engines of one process, each on a loop of its own.
struct BridgeGroupTests {
    private static let plain = PlatformName("plain")

    /// Runs a body with engines that form a group, and ends each on its loop.
    private func withGroup(
        of count: Int, _ platform: FakePlatform, _ agent: FakeAgent,
        inbox: @escaping @Sendable (EventLoop) -> ScriptedInbox? = { _ in nil },
        _ body: @escaping @Sendable ([Engine], BridgeGroup) async throws -> Void
    ) async throws {
        @Sendable func grow(_ engines: [Engine]) async throws {
            guard engines.count < count else {
                let group = BridgeGroup(engines.map(\.bridge))
                for engine in engines { await engine.bridge.join(group) }
                for engine in engines { await engine.loop.perform { await engine.bridge.start() } }
                try await body(engines, group)
                for engine in engines { #expect(await engine.loop.perform { await engine.finish() } == 0) }
                return
            }
            try await onLoop { loop in
                let engine = Engine(loop, adapters: [platform.adapter()], agent: agent.agent, inbox: inbox(loop))
                try await grow(engines + [engine])
            }
        }
        try await grow([])
    }

    @Test func `a conversation is answered by one engine and in order, whichever its messages reach`() async throws {
        let platform = try await FakePlatform()
        let agent = try await FakeAgent()
        try await withGroup(of: 3, platform, agent) { engines, group in
            for number in 0..<8 {
                for conversation in 0..<12 {
                    let event = event("\(conversation)-\(number)", in: "c\(conversation)", "\(number)")
                    // It comes in anywhere, and a second time anywhere else.
                    let door = (number + conversation) % engines.count
                    #expect(await engines[door].bridge.take([event], from: BridgeGroupTests.plain))
                    #expect(
                        await engines[(door + 1) % engines.count].bridge.take([event], from: BridgeGroupTests.plain))
                }
            }
            for engine in engines { _ = await engine.loop.perform { await engine.finish() } }
            for conversation in 0..<12 {
                let texts = platform.all("/send").filter { $0.conversation == "c\(conversation)" }.compactMap(\.text)
                #expect(texts == (0..<8).map { "Re: \($0)" })
            }
            var seen: [String: Int] = [:]
            for engine in engines {
                let places = Set(try await engine.loop.perform { try await engine.jobs() }.compactMap(\.place))
                for place in places { seen[place, default: 0] += 1 }
            }
            #expect(seen.count == 12)
            #expect(seen.values.allSatisfy { $0 == 1 })
            // The counters are those of the engine that took an event.
            #expect(engines.map { $0.metric("chatbridge_events_duplicate_total") }.reduce(0, +) == 96)
        }
    }

    @Test func `events of one webhook go to the engines of their conversations`() async throws {
        let platform = try await FakePlatform()
        let agent = try await FakeAgent()
        try await withGroup(of: 2, platform, agent) { engines, group in
            let events = (0..<20).map { event("\($0)", in: "c\($0)", "\($0)") }
            let owners = Set(events.map { ObjectIdentifier(group.owner(of: $0.place, on: BridgeGroupTests.plain)) })
            #expect(owners.count == 2)
            #expect(await engines[1].bridge.take(events, from: BridgeGroupTests.plain))
            for engine in engines { _ = await engine.loop.perform { await engine.finish() } }
            #expect(Set(platform.texts) == Set((0..<20).map { "Re: \($0)" }))
        }
    }

    @Test func `a conversation that was taken over from another process stays with the engine that has it`()
        async throws
    {
        let platform = try await FakePlatform()
        let gate = Gate()
        let agent = try await FakeAgent { question in
            if question.text == "old" { await gate.pass() }
            return .says("Re: \(question.text)")
        }
        try await withGroup(of: 2, platform, agent, inbox: { ScriptedInbox($0) }) { engines, group in
            let old = event("1", in: "c", "old")
            let owner = group.owner(of: old.place, on: BridgeGroupTests.plain)
            let other = try #require(engines.first { $0.bridge !== owner })
            let inbox = try #require(await other.bridge.inbox as? ScriptedInbox)
            await inbox.deliver(old, id: UUID(version7At: 1, fraction: 0, random: 1))
            #expect(group.owner(of: old.place, on: BridgeGroupTests.plain) === other.bridge)
            // Behind it, and not beside it.
            #expect(await owner.take([event("2", in: "c", "new")], from: BridgeGroupTests.plain))
            gate.open()
            for engine in engines { _ = await engine.loop.perform { await engine.finish() } }
            #expect(platform.texts == ["Re: old", "Re: new"])
            #expect(agent.all.map(\.text) == ["old", "new"])
        }
    }

    @Test func `engines share what a platform takes in all, and the number of questions in work`() async throws {
        let platform = try await FakePlatform()
        let adapter = platform.adapter(
            rates: .init(
                conversation: .init(burst: 3, interval: .seconds(1)), overall: .init(burst: 5, interval: .seconds(2))))
        var configuration = BridgeConfiguration()
        configuration.maxInFlight = 7
        configuration.engines = 3
        let rates = configuration.rates(of: adapter)
        #expect(rates.conversation == .init(burst: 3, interval: .seconds(1)))
        #expect(rates.overall == .init(burst: 1, interval: .seconds(6)))
        #expect(configuration.maxInFlightHere == 3)
        configuration.rateLimits[adapter.platform] = .perSecond(10)
        #expect(configuration.rates(of: adapter).overall?.interval == .milliseconds(300))
    }
}

extension LogJob {
    /// The conversation of a message.
    fileprivate var place: String? {
        guard case .message(let message) = self else { return nil }
        return message.session.conversation
    }
}
