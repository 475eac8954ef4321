import BridgeCore
import BridgeTesting
import JSON
import Testing

@testable import MSTeamsAdapter

/// What activities become.
struct MSTeamsActivityTests {
    typealias S = MSTeamsSamples

    static func fromIda(
        _ kind: ContentKind, isAnswered: Bool = true, text: String? = nil, sender: String? = "29:ida",
        in conversation: String = "a:1ida", thread: String? = nil, attachments: Int = 0, target: String? = nil,
        replyTo: String? = nil
    ) -> ExpectedEvent {
        ExpectedEvent(
            kind, isAnswered: isAnswered, text: text, sender: sender, account: "tenant-a", conversation: conversation,
            thread: thread, attachments: attachments, target: target, replyTo: replyTo)
    }

    static func inChannel(
        _ kind: ContentKind, isAnswered: Bool = false, text: String? = nil, target: String? = nil
    ) -> ExpectedEvent {
        fromIda(kind, isAnswered: isAnswered, text: text, in: "19:crew@thread.tacv2", thread: "1790", target: target)
    }

    static let html = #"{"contentType":"text/html","content":"<p>hi</p>"}"#
    static let picture = #"{"contentType":"image/png","contentUrl":"https://smba.example.test/a.png","name":"a.png"}"#
    static let file =
        #"{"contentType":"application/vnd.microsoft.teams.file.download.info","content":{"downloadUrl":"https://files.example.test/t","uniqueId":"U1","fileType":"mp4"},"name":"quay.mp4"}"#

    static let messages: [(body: String, expected: [ExpectedEvent])] = [
        (S.activity(#""text":"good morning""#), [fromIda(.text, text: "good morning")]),
        (S.activity(#""text":"hi","attachments":[\#(html)]"#), [fromIda(.text, text: "hi")]),
        (
            S.activity(
                #""text":"<at>Harbour Helper</at> 5 < 6 & more","entities":[\#(S.mention())]"#, in: S.Place.channel),
            [inChannel(.text, isAnswered: true, text: "5 < 6 & more")]
        ),
        (
            S.activity(
                #""text":"<at>Harbour Helper</at>&nbsp;come \n","entities":[\#(S.mention(S.appID))]"#, in: S.Place.group
            ),
            [fromIda(.text, text: "come", in: "19:trio@thread.v2")]
        ),
        (
            S.activity(
                #""text":"<at>Harbour Helper</at> ask <at>Bo</at> and <at>Bo</at>","entities":[{"type":"clientInfo"},\#(S.mention()),\#(S.mention("29:bo", name: "Bo")),\#(S.mention("29:bo2", name: "Bo"))]"#,
                in: S.Place.channel), [inChannel(.text, isAnswered: true, text: "ask @Bo and @Bo")]
        ),
        (S.activity(#""text":"just talk""#, in: S.Place.channel), [inChannel(.text, text: "just talk")]),
        (
            S.activity(#""text":"<at>Bo</at> hi","entities":[\#(S.mention("29:bo", name: "Bo"))]"#, in: S.Place.group),
            [fromIda(.text, isAnswered: false, text: "@Bo hi", in: "19:trio@thread.v2")]
        ),
        (
            S.activity(#""text":"<div>a &lt; b<br/>c</div><p>&amp;amp;</p>","textFormat":"xml""#),
            [fromIda(.text, text: "a < b\nc\n&amp;")]
        ),
        (
            S.activity(#""text":"look","attachments":[\#(html),\#(picture)]"#),
            [fromIda(.image, text: "look", attachments: 1)]
        ),
        (S.activity(#""attachments":[\#(file),\#(picture)]"#), [fromIda(.video, attachments: 2)]),
        (
            S.activity(
                #""text":"","attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","content":{}}]"#),
            [fromIda(.text, isAnswered: false, text: "")]
        ),
        (
            S.activity(
                #""text":"yes","attachments":[{"id":"5","contentType":"messageReference","content":"{\"messageId\":\"1700\",\"messagePreview\":\"no?\"}"}]"#
            ), [fromIda(.text, text: "yes", replyTo: "1700")]
        ),
        (
            S.activity(#""value":{"actionId":"info"},"replyToId":"1788""#),
            [fromIda(.button, text: "info", target: "1788")]
        ),
        (
            S.activity(#""text":"","value":{"x":{"y":1}}"#, in: S.Place.channel),
            [inChannel(.button, isAnswered: true, text: #"{"x":{"y":1}}"#)]
        ),
        (S.activity(#""value":"ok""#), [fromIda(.button, text: "ok")]),
        (S.activity(#""text":"said by a card","value":{"a":1}"#), [fromIda(.text, text: "said by a card")]),
        (
            S.activity("\"text\":17,\"attachments\":{},\"entities\":\"x\",\"value\":null"),
            [fromIda(.text, isAnswered: false)]
        ),
    ]

    static let others: [(body: String, expected: [ExpectedEvent])] = [
        (
            S.activity(#""text":"right","channelData":{"eventType":"editMessage"}"#, type: "messageUpdate"),
            [fromIda(.edited, isAnswered: false, text: "right", target: "1789999990000")]
        ),
        (
            S.activity(#""channelData":{"eventType":"softDeleteMessage"}"#, type: "messageDelete"),
            [fromIda(.deleted, isAnswered: false, target: "1789999990000")]
        ),
        (
            S.activity(
                #""reactionsAdded":[{"type":"like"},{"type":"heart"}],"reactionsRemoved":[{"type":"sad"}],"replyToId":"17""#,
                type: "messageReaction", in: S.Place.channel),
            [
                inChannel(.reaction, text: "like", target: "17"), inChannel(.reaction, text: "heart", target: "17"),
                inChannel(.reaction, target: "17"),
            ]
        ),
        (
            S.activity(
                #""membersAdded":[{"id":"28:\#(S.appID)"},{"id":"29:bo","name":"Bo"}],"membersRemoved":[{"id":"29:cy"},{"id":7},null]"#,
                type: "conversationUpdate"),
            [
                fromIda(.joined, isAnswered: false, sender: "28:\(S.appID)"),
                fromIda(.joined, isAnswered: false, sender: "29:bo"),
                fromIda(.left, isAnswered: false, sender: "29:cy"),
                fromIda(.left, isAnswered: false, sender: "7"),
            ]
        ),
        (S.activity(#""topicName":"x""#, type: "conversationUpdate"), [fromIda(.event, isAnswered: false)]),
        (
            S.activity(#""action":"add""#, type: "installationUpdate"),
            [fromIda(.joined, isAnswered: false, sender: "28:\(S.appID)")]
        ),
        (
            S.activity(#""action":"remove""#, type: "installationUpdate"),
            [fromIda(.left, isAnswered: false, sender: "28:\(S.appID)")]
        ),
        (S.activity(#""action":"add-upgrade""#, type: "installationUpdate"), [fromIda(.event, isAnswered: false)]),
        (
            S.activity(
                #""name":"adaptiveCard/action","value":{"action":{"type":"Action.Execute","verb":"book","data":{"berth":4}}},"replyToId":"1788""#,
                type: "invoke"), [fromIda(.button, text: "book", target: "1788")]
        ),
        (
            S.activity(
                #""name":"adaptiveCard/action","value":{"action":{"type":"Action.Submit","data":{"choice":"yes"}}}"#,
                type: "invoke"), [fromIda(.button, text: "yes")]
        ),
        (S.activity(#""name":"task/fetch","value":{}"#, type: "invoke"), [fromIda(.event, isAnswered: false)]),
        (S.activity(#""x":1"#, type: "typing"), [fromIda(.event, isAnswered: false)]),
        (S.activity(#""code":"done""#, type: "endOfConversation"), [fromIda(.event, isAnswered: false)]),
        (
            S.activity(#""name":"application/vnd.microsoft.readReceipt""#, type: "event"),
            [fromIda(.event, isAnswered: false)]
        ),
        (S.activity(#""x":1"#, type: "somethingOfNextYear"), [fromIda(.event, isAnswered: false)]),
        // A bot that is not this one, ourselves, and nobody.
        (
            #"{"type":"message","id":"3","text":"beep","from":{"id":"28:other"},"conversation":{"id":"a:9","conversationType":"personal"}}"#,
            [ExpectedEvent(.text, text: "beep", sender: "28:other", conversation: "a:9")]
        ),
        (
            #"{"type":"message","id":"4","text":"beep","from":{"id":"29:x","role":"bot"},"conversation":{"id":"a:9","conversationType":"personal"}}"#,
            [ExpectedEvent(.text, text: "beep", sender: "29:x", conversation: "a:9")]
        ),
        (
            #"{"type":"message","id":"5","text":"mine","from":{"id":"28:\#(S.appID)"},"conversation":{"id":"a:9"}}"#, []
        ),
        (
            #"{"type":"message","id":"6","text":"whose?","conversation":{"id":"a:9"}}"#,
            [ExpectedEvent(.text, text: "whose?", conversation: "a:9")]
        ),
        (
            #"{"type":"message","id":"7","text":"where?","from":{"id":"29:ida"}}"#,
            [ExpectedEvent(.text, text: "where?", sender: "29:ida", conversation: "activity:message")]
        ),
    ]

    @Test(arguments: messages + others)
    func `an activity becomes what happened`(body: String, expected: [ExpectedEvent]) throws {
        #expect(try S.events(body).map { ExpectedEvent(of: $0) } == expected)
    }

    @Test func `what is needed to answer is kept`() throws {
        let event = try #require(try S.events(S.activity(#""text":"x""#)).first)
        #expect(event.replyContext == ["service_url": S.service])
        #expect(event.messageID == PlatformMessageID("1789999990000"))
        #expect(event.sender == InboundEvent.Sender(id: PlatformUserID("29:ida"), name: "Ida", locale: "nb-NO"))
        #expect(event.sentAt == Timestamp("2026-09-21T13:33:10.25Z"))
    }

    @Test func `the locale may stand in an entity`() throws {
        let body =
            #"{"type":"message","text":"x","from":{"id":"29:ida"},"conversation":{"id":"a:1"},"entities":[{"type":"clientInfo","locale":"de-AT"}]}"#
        #expect(try S.events(body).first?.sender?.locale == "de-AT")
    }

    @Test func `a file is kept by reference with what is known of it`() throws {
        let event = try #require(try S.events(S.activity(#""attachments":[\#(Self.file),\#(Self.picture)]"#)).first)
        #expect(
            event.attachments == [
                Attachment(
                    kind: .video, reference: "U1", url: "https://files.example.test/t", name: "quay.mp4"),
                Attachment(
                    kind: .image, url: "https://smba.example.test/a.png", name: "a.png", contentType: "image/png"),
            ])
    }

    @Test func `activities that share an id have names of their own, and retries have not`() throws {
        let bodies = [
            S.activity(#""text":"x""#), S.activity(#""text":"x""#, in: S.Place.group),
            S.activity(#""text":"y""#, type: "messageUpdate"),
            S.activity(#""text":"y""#, type: "messageUpdate").replacing("10.25Z", with: "11.25Z"),
            S.activity(#""x":1"#, type: "messageDelete"),
            S.activity(#""reactionsAdded":[{"type":"like"},{"type":"sad"}]"#, type: "messageReaction"),
            S.activity(#""reactionsRemoved":[{"type":"like"}]"#, type: "messageReaction"),
            S.activity(#""membersAdded":[{"id":"29:a"},{"id":"29:b"}]"#, type: "conversationUpdate"),
            #"{"type":"message","text":"no id"}"#, #"{"type":"message","text":"no id either"}"#,
        ]
        var ids: Set<EventID> = []
        for body in bodies {
            let events = try S.events(body)
            #expect(events.map(\.id) == (try S.events(body)).map(\.id))
            for event in events { #expect(ids.insert(event.id).inserted, "\(body)") }
        }
        #expect(ids.count == 12)
    }

    @Test(
        arguments: [
            ("19:a@thread.tacv2;messageid=17", "19:a@thread.tacv2", "17"),
            ("19:a@thread.tacv2", "19:a@thread.tacv2", nil),
            ("a:1;messageid=", "a:1", nil), (";messageid=1", ";messageid=1", nil), ("a;b", "a;b", nil),
        ] as [(String, String, String?)])
    func `a conversation's name is split and put together`(id: String, conversation: String, thread: String?) {
        let parts = MSTeamsConversation.split(id)
        #expect(parts.conversation == conversation)
        #expect(parts.thread == thread)
        let place = InboundEvent.Place(
            conversation: ConversationID(conversation), thread: thread.map { ThreadID($0) }, isGroup: true)
        if thread != nil { #expect(MSTeamsConversation.id(of: place) == id) }
    }

    @Test(arguments: [
        ("plain", "plain"), ("<p>a</p><p>b</p>", "a\nb"), ("a<br>b", "a\nb"), ("<b>x</b> &amp;lt;", "x &lt;"),
        ("1 < 2", "1 < 2"), ("&unknown; &", "&unknown; &"), ("", ""),
    ])
    func `markup is read as text`(markup: String, text: String) {
        #expect(MSTeamsMarkup.text(of: markup) == text)
    }

    @Test(arguments: FixtureTable.rows)
    func `a recorded activity becomes what the table says`(row: FixtureExpectations.Row) throws {
        let events = try S.keyed().receive(S.signed(row.body(number: 3)), at: S.now).events
        #expect(events.map { ExpectedEvent(of: $0) } == row.events)
    }

    @Test func `recorded activities get names of their own`() throws {
        var ids: Set<EventID> = []
        for (number, row) in FixtureTable.rows.enumerated() {
            for event in try S.keyed().receive(S.signed(row.body(number: number)), at: S.now).events {
                #expect(ids.insert(event.id).inserted, "\(row.file)")
            }
        }
    }

    /// The recorded payloads; without their folder there is nothing to test, and one line says so.
    enum FixtureTable {
        static let rows: [FixtureExpectations.Row] = {
            do {
                if let table = try FixtureExpectations(platform: "msteams") { return table.rows }
                print("skipped: the folder of recorded payloads is not there (CHATBRIDGE_TEST_SHARED)")
            } catch {
                Issue.record("\(error)")
            }
            return []
        }()
    }
}
