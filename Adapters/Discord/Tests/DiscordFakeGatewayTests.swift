import BridgeCore
import HTTPCore
import JSON
import Testing

@testable import DiscordAdapter

/// The fake of the Gateway, with our session for a client and by itself.
struct DiscordFakeGatewayTests {
    typealias S = DiscordSamples

    static func fake(_ target: String = "/gateway/?v=10&encoding=json") -> DiscordFakeGateway {
        DiscordFakeGateway(
            adapter: DiscordAdapter(configuration: S.configuration), target: target, host: "127.0.0.1:4010")
    }

    /// Brings what each side sends to the other until both are silent; the events that came of it, and the fake's other words.
    static func talk(
        _ session: inout DiscordGatewaySession, _ fake: inout DiscordFakeGateway, _ first: [FakeGatewayCommand]
    ) -> (events: [InboundEvent], words: [FakeGatewayCommand]) {
        var events: [InboundEvent] = []
        var words: [FakeGatewayCommand] = []
        var toBridge = first
        while !toBridge.isEmpty {
            var next: [FakeGatewayCommand] = []
            for command in toBridge {
                guard case .send(let bytes) = command else {
                    words.append(command)
                    continue
                }
                for answer in session.received(bytes, at: S.now) {
                    if case .send(let bytes) = answer { next += fake.received(bytes, at: S.now) }
                    if case .deliver(let some, _) = answer { events += some }
                }
            }
            toBridge = next
        }
        return (events, words)
    }

    @Test func `our session identifies itself, hears a message, and is resumed`() throws {
        var session = DiscordGatewaySessionTests.session()
        _ = session.opened(at: S.now)
        var fake = Self.fake()
        let early = fake.say("too early", number: 1, at: S.now)
        #expect(early == nil)
        var outcome = Self.talk(&session, &fake, fake.opened(at: S.now))
        #expect(outcome.words == [.note(.other("gateway: identify"))])
        let first = fake.say("hello", number: 7, at: S.now)
        outcome = Self.talk(&session, &fake, try #require(first))
        #expect(outcome.events.map(\.text) == ["hello"])

        _ = session.closed(GatewayClosure(code: nil, reason: "cut"), at: S.now)
        guard case .connect(let url, _) = session.address(at: S.now) else {
            Issue.record("it does not resume")
            return
        }
        #expect(url == "ws://127.0.0.1:4010/gateway/?v=10&encoding=json")
        _ = session.opened(at: S.now)
        var second = Self.fake()
        outcome = Self.talk(&session, &second, second.opened(at: S.now))
        #expect(outcome.words == [.note(.other("gateway: resume"))])
        let next = second.say("again", number: 8, at: S.now)
        outcome = Self.talk(&session, &second, try #require(next))
        #expect(outcome.events.map(\.text) == ["again"])
        // A heartbeat is answered.
        let beat = second.received(Array(#"{"op":1,"d":3}"#.utf8), at: S.now)
        #expect(beat == [.send(Array(#"{"op":11}"#.utf8))])
    }

    @Test(arguments: [
        (#"{"op":2,"d":{"token":"wrong","intents":1,"properties":{}}}"#, 4004),
        (#"{"op":6,"d":{"token":"wrong"}}"#, 4004),
        (#"{"op":3,"d":{}}"#, 4003), (#"{"op":99}"#, 4001), ("no JSON", 4002),
    ])
    func `what Discord refuses, the fake refuses`(_ message: String, _ code: Int) {
        var fake = Self.fake()
        _ = fake.opened(at: S.now)
        let commands = fake.received(Array(message.utf8), at: S.now)
        guard case .close(let closed, _) = commands.last else {
            Issue.record("not closed: \(commands)")
            return
        }
        #expect(Int(closed) == code)
    }

    @Test func `another version than 10 is refused`() {
        var fake = Self.fake("/gateway?v=9")
        let commands = fake.opened(at: S.now)
        #expect(commands == [.close(code: 4012, reason: "Invalid API version(s).")])
    }
}
