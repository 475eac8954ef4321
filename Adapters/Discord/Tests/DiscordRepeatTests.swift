import BridgeCore
import Testing

@testable import DiscordAdapter

/// Which messages Discord shows once, however often they are sent.
struct DiscordRepeatTests {
    private static let token = ["application": "1", "token": "t"]

    @Test(arguments: [
        (OutboundAction.Means.push, 0, [:], true), (.push, 3, [:], true), (.push, 1, token, true),
        (.reply, 0, token, true), (.reply, 1, token, false), (.reply, 7, token, false), (.reply, 1, [:], true),
    ])
    func `all but follow-ups can be repeated`(
        means: OutboundAction.Means, part: Int, context: [String: String], canRepeat: Bool
    ) {
        let action = OutboundAction(
            id: UUID(high: 1, low: 2), kind: .send(text: "x", format: .plain),
            place: InboundEvent.Place(conversation: ConversationID("1")), means: means, part: part,
            replyContext: context
        )
        #expect(DiscordSamples.adapter.canRepeat(action) == canRepeat)
    }
}
