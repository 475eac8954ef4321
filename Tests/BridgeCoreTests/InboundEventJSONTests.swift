import BridgeCore
import JSON
import Testing

struct InboundEventJSONTests {
    private func roundTrip(_ event: InboundEvent) throws -> InboundEvent {
        var writer = JSONWriter()
        event.write(to: &writer)
        return try #require(InboundEvent(try JSONView(parsing: writer.bytes)))
    }

    @Test
    func `an event with everything in it comes back as it was`() throws {
        let event = InboundEvent(
            id: EventID("e \"1\""), kind: .image, disposition: .answer,
            place: .init(
                account: AccountName("T1"), conversation: ConversationID("-100"), thread: ThreadID("7"), isGroup: true),
            sender: .init(id: PlatformUserID("u"), name: "Ünal\n", locale: "de"), messageID: PlatformMessageID("m"),
            target: PlatformMessageID("t"), replyTo: PlatformMessageID("r"), text: "caption \u{0}\u{1F600}",
            attachments: [
                Attachment(
                    kind: .image, reference: "ref", url: "https://files.example/1", name: "a.png",
                    contentType: "image/png", size: 1 << 40, width: 3, height: 4, duration: 1.5),
                Attachment(kind: .location),
            ],
            sentAt: Timestamp("2026-11-20T10:00:00.123456Z"), replyContext: ["token": "abc", "url": ""],
            metadata: [
                "text": "words", "flag": true, "count": 12, "share": .number(0.25), "raw": .json(Array("[1]".utf8)),
            ])
        let copy = try roundTrip(event)
        #expect(copy.id == event.id)
        #expect(copy.kind == event.kind)
        #expect(copy.disposition == event.disposition)
        #expect(copy.place == event.place)
        #expect(copy.sender == event.sender)
        #expect(copy.messageID == event.messageID)
        #expect(copy.target == event.target)
        #expect(copy.replyTo == event.replyTo)
        #expect(copy.text == event.text)
        #expect(copy.attachments == event.attachments)
        #expect(copy.sentAt == event.sentAt)
        #expect(copy.replyContext == event.replyContext)
        #expect(copy.metadata == event.metadata)
    }

    @Test(arguments: ContentKind.allCases)
    func `an event with next to nothing in it comes back as it was`(_ kind: ContentKind) throws {
        let event = InboundEvent(
            id: EventID("e"), kind: kind, disposition: .record, place: .init(conversation: ConversationID("c")))
        let copy = try roundTrip(event)
        #expect(copy.kind == kind)
        #expect(copy.disposition == .record)
        #expect(copy.place == event.place)
        #expect(copy.sender == nil)
        #expect(copy.text == nil)
        #expect(copy.attachments.isEmpty)
        #expect(copy.metadata.isEmpty)
    }

    @Test(arguments: ["{}", "[]", "null", #"{"id":"e","kind":"text"}"#, #"{"id":"e","kind":"odd","conversation":"c"}"#])
    func `what is no event is none`(_ text: String) throws {
        #expect(InboundEvent(try JSONView(parsing: text)) == nil)
    }
}
