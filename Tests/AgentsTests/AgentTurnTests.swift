import BridgeCore
import Testing

struct AgentTurnTests {
    private static func event(_ kind: ContentKind, _ text: String? = nil, _ attachments: [BridgeCore.Attachment] = [])
        -> InboundEvent
    {
        InboundEvent(
            id: EventID("1"), kind: kind, disposition: .answer, place: .init(conversation: ConversationID("c")),
            text: text, attachments: attachments)
    }

    @Test(
        arguments: [
            (event(.text, "hi"), "hi", "its text"),
            (
                event(.image, "look", [BridgeCore.Attachment(kind: .image, name: "a.jpg")]), "look",
                "the caption of a picture"
            ),
            (
                event(.image, nil, [BridgeCore.Attachment(kind: .image, name: "photo.jpg")]), "[image: photo.jpg]",
                "the file's name"
            ),
            (
                event(.audio, "", [BridgeCore.Attachment(kind: .audio, contentType: "audio/ogg")]),
                "[audio: audio/ogg]",
                "the media type"
            ),
            (
                event(.image, " ", [BridgeCore.Attachment(kind: .image), BridgeCore.Attachment(kind: .video)]),
                "[image]\n[video]", "a line each"
            ),
            (event(.location), "[location]", "the kind alone"),
            (
                event(.file, nil, [BridgeCore.Attachment(kind: .file, name: "a]\n[b")]), "[file: a__[b]",
                "a name in its brackets"
            ),
        ] as [(InboundEvent, String, String)])
    func `an event is described to the agent by`(event: InboundEvent, expected: String, meaning: String) {
        #expect(AgentTurn.describe(event) == expected)
    }

    @Test func `an album of thousands is named in a few lines`() {
        let event = AgentTurnTests.event(
            .image, nil, Array(repeating: BridgeCore.Attachment(kind: .image), count: 10_000))
        let lines = AgentTurn.describe(event).split(separator: "\n")
        #expect(lines.count == 21 && lines.last == "[9980 more]")
    }
}
