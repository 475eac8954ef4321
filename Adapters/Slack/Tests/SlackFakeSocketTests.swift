import BridgeCore
import Testing

@testable import SlackAdapter

/// The fake of Socket Mode, with our session for a client.
struct SlackFakeSocketTests {
    typealias S = SlackSamples

    @Test func `our session is greeted, hears a message and acknowledges it once`() {
        var fake = SlackFakeSocket(adapter: SlackSocketSessionTests.adapter)
        var session = SlackSocketSession(adapter: SlackSocketSessionTests.adapter)
        _ = session.opened(at: S.now)
        guard case .send(let hello) = fake.opened(at: S.now).first else {
            Issue.record("no greeting")
            return
        }
        let greeted = session.received(hello, at: S.now)
        #expect(
            SlackSocketSessionTests.words(greeted)
                == ["wake never", "note connected to Slack by Socket Mode"])

        let said = fake.say("a < b", number: 7, at: S.now)
        guard case .send(let envelope) = said?.first,
            case .deliver(let events, let acknowledgement?) = session.received(envelope, at: S.now).first
        else {
            Issue.record("nothing is delivered")
            return
        }
        #expect(events.map(\.text) == ["a < b"])
        let outcomes = [acknowledgement, acknowledgement, Array("{}".utf8)].map { fake.received($0, at: S.now) }
        let refused = FakeGatewayCommand.note(.refused("socket: no open envelope is acknowledged"))
        #expect(outcomes == [[.note(.other("socket: acknowledged fake-7"))], [refused], [refused]])
    }
}
