import BridgeCore
import BridgeTesting
import JSON
import Testing

@testable import GoogleChatAdapter

/// What events become, in each of the three envelopes.
struct GoogleChatEventTests {
    typealias S = GoogleChatSamples

    static func fromIda(
        _ kind: ContentKind, isAnswered: Bool = true, text: String? = nil, sender: String? = "users/1",
        in conversation: String = "spaces/IDA", thread: String? = nil, attachments: Int = 0, target: String? = nil,
        replyTo: String? = nil
    ) -> ExpectedEvent {
        ExpectedEvent(
            kind, isAnswered: isAnswered, text: text, sender: sender, conversation: conversation, thread: thread,
            attachments: attachments, target: target, replyTo: replyTo)
    }

    static func inCrew(
        _ kind: ContentKind, isAnswered: Bool = false, text: String? = nil, sender: String? = "users/1",
        thread: String? = "spaces/CREW/threads/t1", target: String? = nil
    ) -> ExpectedEvent {
        fromIda(
            kind, isAnswered: isAnswered, text: text, sender: sender, in: "spaces/CREW", thread: thread, target: target)
    }

    static let picture =
        #"{"name":"spaces/IDA/messages/m1/attachments/a1","contentName":"a.png","contentType":"image/png","attachmentDataRef":{"resourceName":"ClxzcGFj/ZXM="},"downloadUri":"https://chat.example.test/a","source":"UPLOADED_CONTENT"}"#
    static let document =
        #"{"contentName":"plan","contentType":"application/vnd.google-apps.document","driveDataRef":{"driveFileId":"D1"},"source":"DRIVE_FILE"}"#
    static let bot =
        #"{"type":"USER_MENTION","startIndex":0,"length":15,"userMention":{"user":{"name":"users/9","type":"BOT"}}}"#

    static let interactions: [(body: String, expected: [ExpectedEvent])] = [
        (
            S.classic("MESSAGE", #""message":\#(S.message(#""text":"good morning""#))"#),
            [fromIda(.text, text: "good morning")]
        ),
        (
            S.classic(
                "MESSAGE",
                #""message":\#(S.message(#""text":"@Harbour Helper come","argumentText":" come""#, in: "CREW"))"#,
                in: S.crew),
            [inCrew(.text, isAnswered: true, text: "come")]
        ),
        (
            S.addOn(
                #""messagePayload":{"space":\#(S.crew),"message":\#(S.message(#""text":"@Harbour Helper come","annotations":[\#(bot)]"#, in: "CREW"))}"#
            ), [inCrew(.text, isAnswered: true, text: "come")]
        ),
        (
            S.addOn(
                #""messagePayload":{"space":\#(S.alone),"message":\#(S.message(#""text":"go on","threadReply":true"#))}"#
            ),
            [fromIda(.text, text: "go on", thread: "spaces/IDA/threads/t1")]
        ),
        (
            S.classic(
                "MESSAGE", #""message":\#(S.message(#""text":"look","attachment":[\#(picture),\#(document)]"#))"#),
            [fromIda(.image, text: "look", attachments: 2)]
        ),
        (
            S.classic("MESSAGE", #""message":\#(S.message(#""attachment":[\#(document),null,7]"#))"#),
            [fromIda(.file, attachments: 1)]
        ),
        (
            S.classic(
                "MESSAGE",
                #""message":\#(S.message(#""text":"","attachedGifs":[{"uri":"https://g.example.test/x.gif"}]"#))"#),
            [fromIda(.image, text: "", attachments: 1)]
        ),
        (
            S.classic(
                "MESSAGE",
                #""message":\#(S.message(#""text":"yes","quotedMessageMetadata":{"name":"spaces/IDA/messages/m0"}"#))"#),
            [fromIda(.text, text: "yes", replyTo: "spaces/IDA/messages/m0")]
        ),
        (
            S.classic(
                "MESSAGE",
                #""message":\#(S.message(#""text":"/berth 4","argumentText":" 4","slashCommand":{"commandId":"7"}"#))"#),
            [fromIda(.command, text: "/berth 4")]
        ),
        (
            S.classic(
                "MESSAGE", #""message":\#(S.message(#""text":"beep""#, sender: #"{"name":"users/8","type":"BOT"}"#))"#),
            [fromIda(.text, isAnswered: false, text: "beep", sender: "users/8")]
        ),
        (S.classic("MESSAGE", #""message":\#(S.message(#""text":17"#))"#), [fromIda(.text, isAnswered: false)]),
        (S.classic("ADDED_TO_SPACE", #""x":1"#, in: S.crew), [inCrew(.joined, thread: nil)]),
        (
            S.classic(
                "ADDED_TO_SPACE",
                #""message":\#(S.message(#""text":"@Harbour Helper hi","argumentText":" hi""#, in: "CREW"))"#,
                in: S.crew), [inCrew(.joined), inCrew(.text, isAnswered: true, text: "hi")]
        ),
        (
            S.addOn(#""addedToSpacePayload":{"space":\#(S.alone),"interactionAdd":true}"#),
            [fromIda(.joined, isAnswered: false)]
        ),
        (S.classic("REMOVED_FROM_SPACE", #""x":1"#), [fromIda(.left, isAnswered: false)]),
        (S.addOn(#""removedFromSpacePayload":{"space":\#(S.crew)}"#), [inCrew(.left, thread: nil)]),
        (
            S.classic(
                "CARD_CLICKED",
                #""message":\#(S.message(#""text":"a card""#, in: "CREW")),"action":{"actionMethodName":"vote","parameters":[{"key":"n","value":"1"},{"key":"value","value":"yes"}]}"#,
                in: S.crew), [inCrew(.button, isAnswered: true, text: "yes", target: "spaces/CREW/messages/m1")]
        ),
        (
            S.classic("CARD_CLICKED", #""message":\#(S.message(#""x":1"#)),"action":{"actionMethodName":"vote"}"#),
            [fromIda(.button, text: "vote", target: "spaces/IDA/messages/m1")]
        ),
        (
            S.addOn(
                #""buttonClickedPayload":{"space":\#(S.alone),"message":\#(S.message(#""x":1"#))}"#,
                common: #""invokedFunction":"f","formInputs":{"day":{"stringInputs":{"value":["mon","tue"]}}}"#),
            [fromIda(.button, text: "mon tue", target: "spaces/IDA/messages/m1")]
        ),
        (
            S.addOn(
                #""buttonClickedPayload":{"space":\#(S.alone),"dialogEventType":"CANCEL_DIALOG","isDialogEvent":true}"#,
                common: #""parameters":{"actionId":"x"}"#), [fromIda(.button, isAnswered: false, text: "x")]
        ),
        (
            S.addOn(
                #""appCommandPayload":{"appCommandMetadata":{"appCommandId":3,"appCommandType":"QUICK_COMMAND"},"space":\#(S.alone)}"#
            ), [fromIda(.command, text: "3")]
        ),
        (
            S.addOn(
                #""appCommandPayload":{"appCommandMetadata":{"appCommandId":3,"appCommandType":"SLASH_COMMAND"},"space":\#(S.crew),"message":\#(S.message(#""text":"/berth 5","argumentText":"5","slashCommand":{"commandId":3}"#, in: "CREW"))}"#
            ), [inCrew(.command, isAnswered: true, text: "/berth 5")]
        ),
        (S.classic("APP_COMMAND", #""appCommandMetadata":{"appCommandId":4}"#), [fromIda(.command, text: "4")]),
        (S.classic("WIDGET_UPDATED", #""x":1"#), [fromIda(.event, isAnswered: false)]),
        (S.addOn(#""widgetUpdatedPayload":{"space":\#(S.alone)}"#), [fromIda(.event, isAnswered: false)]),
        (#"{"commonEventObject":{"hostApp":"GMAIL"}}"#, [ExpectedEvent(.event, conversation: "event:addon")]),
        (#"{"type":"MESSAGE"}"#, [ExpectedEvent(.text, conversation: "event:message")]),
    ]

    static let pushes: [(body: String, expected: [ExpectedEvent])] = [
        (
            S.push("chat.message.v1.created", #"{"message":\#(S.message(#""text":"hello all""#, in: "CREW"))}"#),
            [inCrew(.text, text: "hello all")]
        ),
        (
            S.push(
                "chat.message.v1.batchCreated",
                #"{"messages":[{"message":\#(S.message(#""text":"one""#, in: "CREW"))},{"message":7},{"message":\#(S.message(#""text":"two""#, in: "CREW"))}]}"#
            ), [inCrew(.text, text: "one"), inCrew(.text, text: "two")]
        ),
        (
            S.push("chat.message.v1.updated", #"{"message":\#(S.message(#""text":"right""#, in: "CREW"))}"#),
            [inCrew(.edited, text: "right", target: "spaces/CREW/messages/m1")]
        ),
        (
            S.push("chat.message.v1.deleted", #"{"message":{"name":"spaces/CREW/messages/m1","deletionMetadata":{}}}"#),
            [inCrew(.deleted, sender: nil, thread: nil, target: "spaces/CREW/messages/m1")]
        ),
        (
            S.push(
                "chat.message.v1.created",
                #"{"message":\#(S.message(#""text":"ours","clientAssignedMessageId":"client-chatbridge-0199""#, in: "CREW"))}"#
            ), []
        ),
        (
            S.push(
                "chat.reaction.v1.created",
                #"{"reaction":{"name":"spaces/CREW/messages/m1/reactions/r","user":\#(S.ida),"emoji":{"unicode":"⚓"}}}"#
            ),
            [inCrew(.reaction, text: "⚓", thread: nil, target: "spaces/CREW/messages/m1")]
        ),
        (
            S.push(
                "chat.reaction.v1.deleted",
                #"{"reaction":{"name":"spaces/CREW/messages/m1/reactions/r","user":\#(S.ida),"emoji":{"customEmoji":{"uid":"u"}}}}"#
            ),
            [inCrew(.reaction, thread: nil, target: "spaces/CREW/messages/m1")]
        ),
        (
            S.push(
                "chat.membership.v1.created",
                #"{"membership":{"name":"spaces/CREW/members/2","member":{"name":"users/2","type":"HUMAN"}}}"#),
            [inCrew(.joined, sender: "users/2", thread: nil)]
        ),
        (
            S.push("chat.membership.v1.deleted", #"{"membership":{"name":"spaces/CREW/members/2"}}"#),
            [inCrew(.left, sender: nil, thread: nil)]
        ),
        (
            S.push(
                "chat.membership.v1.updated", #"{"membership":{"member":{"name":"users/2"},"role":"ROLE_MANAGER"}}"#),
            [inCrew(.event, sender: "users/2", thread: nil)]
        ),
        (
            S.push("chat.space.v1.updated", #"{"space":{"name":"spaces/CREW"}}"#),
            [inCrew(.event, sender: nil, thread: nil)]
        ),
        (S.push("events.subscription.v1.expired", "{}"), [inCrew(.event, sender: nil, thread: nil)]),
        (S.push("chat.message.v1.created", "not json"), [inCrew(.event, sender: nil, thread: nil)]),
        (
            #"{"message":{"data":"e30","messageId":"1"},"subscription":"s"}"#,
            [ExpectedEvent(.event, conversation: "push")]
        ),
    ]

    @Test(arguments: interactions + pushes)
    func `an event becomes what happened`(body: String, expected: [ExpectedEvent]) throws {
        #expect(try S.events(body).map { ExpectedEvent(of: $0) } == expected)
    }

    @Test func `a message has one name in both envelopes of interactions`() throws {
        let message = S.message(#""text":"x""#)
        let one = try #require(try S.events(S.classic("MESSAGE", #""message":\#(message)"#)).first)
        let other = try #require(
            try S.events(S.addOn(#""messagePayload":{"space":\#(S.alone),"message":\#(message)}"#)).first)
        #expect(one.id == other.id)
        #expect(one.messageID == PlatformMessageID("spaces/IDA/messages/m1"))
        #expect(one.sentAt == Timestamp(S.time))
    }

    @Test func `the record of a space takes no name from what is answered`() throws {
        let message = S.message(#""text":"@Harbour Helper x","argumentText":" x""#, in: "CREW")
        let answered = try #require(try S.events(S.classic("MESSAGE", #""message":\#(message)"#, in: S.crew)).first)
        let recorded = try #require(try S.events(S.push("chat.message.v1.created", #"{"message":\#(message)}"#)).first)
        #expect(answered.id != recorded.id)
        #expect(recorded.aliases == [])
    }

    @Test func `a retry has the name of the first try, and others have their own`() throws {
        var ids: Set<EventID> = []
        for (body, _) in [Self.interactions[0], Self.interactions[11], Self.interactions[14], Self.interactions[16]] + [
            (S.push("chat.message.v1.created", #"{"message":\#(S.message(#""text":"x""#))}"#, id: "e2"), []),
            Self.pushes[1],
            (#"{"type":"MESSAGE"}"#, []), (#"{"type":"MESSAGE","x":1}"#, []),
        ] {
            let events = try S.events(body)
            #expect(events.map(\.id) == (try S.events(body)).map(\.id))
            for event in events { #expect(ids.insert(event.id).inserted, "\(event.id)") }
        }
    }

    @Test func `a sender has a name and a language`() throws {
        let event = try #require(try S.events(Self.interactions[0].body).first)
        #expect(event.sender == InboundEvent.Sender(id: PlatformUserID("users/1"), name: "Ida", locale: "nb"))
    }

    @Test func `a file is kept by reference with what is known of it`() throws {
        let event = try #require(try S.events(Self.interactions[4].body).first)
        #expect(
            event.attachments == [
                Attachment(
                    kind: .image, reference: "ClxzcGFj/ZXM=", url: "https://chat.example.test/a", name: "a.png",
                    contentType: "image/png"),
                Attachment(
                    kind: .file, reference: "drive:D1", name: "plan",
                    contentType: "application/vnd.google-apps.document"),
            ])
    }

    @Test(arguments: [
        ("@Bot hi", [0..<4], "hi"), ("hi @Bot", [3..<7], "hi"), ("👋 @Bot hi", [3..<7], "👋  hi"), ("@Bot", [0..<4], ""),
        ("Bot hi", [0..<3], "Bot hi"), ("@Bot @Bot x", [5..<9, 0..<4], "x"), ("@Bot", [0..<400], "@Bot"),
        ("@A", [0..<2, 1..<2], ""), ("", [0..<1], ""),
    ])
    func `mentions are taken out by their places`(text: String, places: [Range<Int>], rest: String) {
        #expect(GoogleChatText.removing(places, from: text) == rest)
    }

    @Test(
        arguments: [
            (2, "spaces/A/messages/B", "spaces/A"), (4, "spaces/A/messages/B", "spaces/A/messages/B"),
            (4, "spaces/A", nil),
            (2, "users/1/x", nil), (2, "spaces//messages", nil), (2, nil, nil),
        ] as [(Int, String?, String?)])
    func `a name has the space in it`(count: Int, name: String?, prefix: String?) {
        #expect(GoogleChatName.prefix(count, of: name) == prefix)
    }

    @Test(arguments: FixtureTable.rows)
    func `a recorded event becomes what the table says`(row: FixtureExpectations.Row) throws {
        let events = try S.keyed().receive(S.signed(row.body(number: 3)), at: S.now).events
        #expect(events.map { ExpectedEvent(of: $0) } == row.events)
    }

    @Test func `recorded events get names of their own`() throws {
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
                if let table = try FixtureExpectations(platform: "googlechat") { return table.rows }
                print("skipped: the folder of recorded payloads is not there (CHATBRIDGE_TEST_SHARED)")
            } catch {
                Issue.record("\(error)")
            }
            return []
        }()
    }
}
