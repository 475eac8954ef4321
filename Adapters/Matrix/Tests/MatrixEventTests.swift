import BridgeCore
import BridgeTesting
import HTTPCore
import JSON
import Testing

@testable import MatrixAdapter

/// What the events of a room become.
struct MatrixEventTests {
    typealias S = MatrixSamples

    static func fromIda(
        _ kind: ContentKind, isAnswered: Bool = false, text: String? = nil, thread: String? = nil,
        attachments: Int = 0, target: String? = nil, replyTo: String? = nil
    ) -> ExpectedEvent {
        ExpectedEvent(
            kind, isAnswered: isAnswered, text: text, sender: S.ida, conversation: S.room, thread: thread,
            attachments: attachments, target: target, replyTo: replyTo)
    }

    /// The event that tells an encrypted room that nobody can read it.
    static let refusal = ExpectedEvent(.event, conversation: S.room)

    static let text = #""msgtype":"m.text","body":"good morning""#
    static let quotation = #""body":"> <@bo:example.test> tea?\n> or coffee?\n\nboth""#

    static let messages: [(content: String, expected: ExpectedEvent)] = [
        (text, fromIda(.text, isAnswered: true, text: "good morning")),
        (#""msgtype":"m.text","body":"  ""#, fromIda(.text, text: "  ")),
        (#""msgtype":"m.text","body":7"#, fromIda(.text)),
        (#""msgtype":"m.emote","body":"waves""#, fromIda(.text, isAnswered: true, text: "waves")),
        (#""msgtype":"m.notice","body":"built""#, fromIda(.text, text: "built")),
        (#""msgtype":"m.server_notice","body":"full""#, fromIda(.text, text: "full")),
        (
            #""msgtype":"m.image","body":"a.jpg","url":"mxc://example.test/a","info":{"w":4,"h":"odd"}"#,
            fromIda(.image, isAnswered: true, attachments: 1)
        ),
        (
            #""msgtype":"m.image","body":"look","filename":"a.jpg","url":"mxc://example.test/a""#,
            fromIda(.image, isAnswered: true, text: "look", attachments: 1)
        ),
        (
            #""msgtype":"m.audio","body":"v.ogg","file":{"url":"mxc://example.test/v"},"org.matrix.msc3245.voice":{}"#,
            fromIda(.audio, isAnswered: true, attachments: 1)
        ),
        (
            #""msgtype":"m.video","body":"v","url":"mxc://example.test/v""#,
            fromIda(.video, isAnswered: true, attachments: 1)
        ),
        (
            #""msgtype":"m.file","body":"f","url":"mxc://example.test/f""#,
            fromIda(.file, isAnswered: true, attachments: 1)
        ),
        (
            #""msgtype":"m.location","body":"the pier","geo_uri":"geo:1.5,-2.25;u=9""#,
            fromIda(.location, isAnswered: true, text: "the pier")
        ),
        (#""msgtype":"m.key.verification.request","body":"verify""#, fromIda(.event, text: "verify")),
        (#""msgtype":"org.example.dice","body":"6""#, fromIda(.event, text: "6")),
        (#""body":"no type""#, fromIda(.event, text: "no type")),
        ("", fromIda(.event)),
        // Whom it is meant for.
        (text + #","m.mentions":{}"#, fromIda(.text, isAnswered: true, text: "good morning")),
        (text + #","m.mentions":{"room":true}"#, fromIda(.text, isAnswered: true, text: "good morning")),
        (
            text + #","m.mentions":{"user_ids":["@bo:example.test","@harbour:example.test"]}"#,
            fromIda(.text, isAnswered: true, text: "good morning")
        ),
        (text + #","m.mentions":{"user_ids":["@bo:example.test"]}"#, fromIda(.text, text: "good morning")),
        (text + #","m.mentions":{"user_ids":[7]}"#, fromIda(.text, isAnswered: true, text: "good morning")),
        (
            #""msgtype":"m.text","body":"@bo ask @harbour:example.test","m.mentions":{"user_ids":["@bo:example.test"]}"#,
            fromIda(.text, isAnswered: true, text: "@bo ask @harbour:example.test")
        ),
        // What it relates to.
        (
            #""msgtype":"m.text",\#(quotation),"m.relates_to":{"m.in_reply_to":{"event_id":"$zero"}}"#,
            fromIda(.text, isAnswered: true, text: "both", replyTo: "$zero")
        ),
        (
            #""msgtype":"m.text","body":"> mine\n\nand more","m.relates_to":{"m.in_reply_to":{"event_id":"$zero"}}"#,
            fromIda(.text, isAnswered: true, text: "> mine\n\nand more", replyTo: "$zero")
        ),
        (
            #""msgtype":"m.text",\#(quotation)"#,
            fromIda(.text, isAnswered: true, text: "> <@bo:example.test> tea?\n> or coffee?\n\nboth")
        ),
        (
            text
                + #","m.relates_to":{"rel_type":"m.thread","event_id":"$root","is_falling_back":true,"m.in_reply_to":{"event_id":"$last"}}"#,
            fromIda(.text, isAnswered: true, text: "good morning", thread: "$root")
        ),
        (
            text
                + #","m.relates_to":{"rel_type":"m.thread","event_id":"$root","m.in_reply_to":{"event_id":"$that"}}"#,
            fromIda(.text, isAnswered: true, text: "good morning", thread: "$root", replyTo: "$that")
        ),
        (
            #""msgtype":"m.text","body":"* new","m.new_content":{"msgtype":"m.text","body":"new"},"m.relates_to":{"rel_type":"m.replace","event_id":"$zero"}"#,
            fromIda(.edited, text: "new", target: "$zero")
        ),
        (
            #""msgtype":"m.text","body":"* new","m.relates_to":{"rel_type":"m.replace","event_id":"$zero"}"#,
            fromIda(.edited, text: "new", target: "$zero")
        ),
        (text + #","m.relates_to":"odd""#, fromIda(.text, isAnswered: true, text: "good morning")),
    ]

    @Test(arguments: messages)
    func `a message becomes what it says`(content: String, expected: ExpectedEvent) throws {
        let events = try S.events(S.body(S.message(content)))
        #expect(events.map { ExpectedEvent(of: $0) } == [expected])
    }

    static let others: [(event: String, expected: [ExpectedEvent])] = [
        (
            S.event("m.sticker", #""body":"a cat","url":"mxc://example.test/c","info":{}"#),
            [fromIda(.sticker, isAnswered: true, text: "a cat", attachments: 1)]
        ),
        (
            S.event("m.reaction", #""m.relates_to":{"rel_type":"m.annotation","event_id":"$zero","key":"👍"}"#),
            [fromIda(.reaction, text: "👍", target: "$zero")]
        ),
        (S.event("m.room.redaction", "", more: #","redacts":"$zero""#), [fromIda(.deleted, target: "$zero")]),
        (S.event("m.room.redaction", #""redacts":"$zero""#), [fromIda(.deleted, target: "$zero")]),
        (S.member("invite", of: S.userID), [fromIda(.event)]),
        (S.member("join", of: S.ida, content: #","displayname":"Ida""#), [fromIda(.joined)]),
        (
            S.member("join", of: S.ida, more: #","unsigned":{"prev_content":{"membership":"join"}}"#),
            [fromIda(.event)]
        ),
        (S.member("leave", of: S.ida), [fromIda(.left)]),
        (
            S.member("leave", of: "@bo:example.test"),
            [ExpectedEvent(.left, sender: "@bo:example.test", conversation: S.room)]
        ),
        (
            S.member("ban", of: "@bo:example.test"),
            [ExpectedEvent(.left, sender: "@bo:example.test", conversation: S.room)]
        ),
        (
            S.member("leave", of: S.ida, more: #","unsigned":{"prev_content":{"membership":"invite"}}"#),
            [fromIda(.event)]
        ),
        (S.member("knock", of: S.ida), [fromIda(.event)]),
        (S.event("m.room.topic", #""topic":"Tides""#, more: #","state_key":"""#), [fromIda(.event, text: "Tides")]),
        (
            S.event("m.room.encryption", #""algorithm":"m.megolm.v1.aes-sha2""#, more: #","state_key":"""#),
            [fromIda(.event), refusal]
        ),
        (
            S.event("m.room.encrypted", #""algorithm":"m.megolm.v1.aes-sha2","ciphertext":"Aw""#),
            [fromIda(.event), refusal]
        ),
        // A state event of a message's name is no message.
        (
            S.event("m.room.message", #""msgtype":"m.text","body":"x""#, more: #","state_key":"""#),
            [fromIda(.event, text: "x")]
        ),
        (S.event("org.example.unheard.of", #""body":"?""#), [fromIda(.event, text: "?")]),
        (#"{"type":"m.room.message"}"#, [ExpectedEvent(.event, conversation: "m.room.message")]),
        ("{}", [ExpectedEvent(.event, conversation: "unknown")]),
        // What we did ourselves was logged when we did it; that we came is news.
        (S.message(#""msgtype":"m.notice","body":"x""#, sender: S.userID), []),
        (S.event("m.room.redaction", "", sender: S.userID), []),
        (
            S.member("join", of: S.userID, by: S.userID),
            [ExpectedEvent(.joined, sender: S.userID, conversation: S.room)]
        ),
    ]

    @Test(arguments: others)
    func `another event becomes what it tells`(event: String, expected: [ExpectedEvent]) throws {
        #expect(try S.events(S.body(event)).map { ExpectedEvent(of: $0) } == expected)
    }

    @Test func `an odd event costs none of its siblings`() throws {
        let body = S.body(
            S.message(Self.text, id: "$1"), "null", "7", #""x""#, "[]", #"{"type":7,"content":"odd"}"#,
            S.event("m.room.message", #""msgtype":{},"body":[]"#, id: "$2"), S.message(Self.text, id: "$3"))
        let events = try S.events(body)
        #expect(events.map(\.kind) == [.text, .event, .event, .text])
        #expect(Set(events.map(\.id)).count == 4)
    }

    @Test func `an event without a name is told by its transaction and place`() throws {
        let body = Array(S.body(#"{"type":"a"}"#, #"{"type":"a"}"#).utf8)
        let first = try S.adapter.receive(S.transaction(body, id: "8"), at: S.now).events.map(\.id)
        let again = try S.adapter.receive(S.transaction(body, id: "8"), at: S.now).events.map(\.id)
        #expect(first == [EventID("transaction:8:0"), EventID("transaction:8:1")])
        #expect(again == first)
    }

    @Test func `an invitation of ours is followed by coming in, by way of who invites`() throws {
        let event = try #require(
            try S.events(S.body(S.member("invite", of: S.userID, by: "@jo:far.test:8448"))).first)
        #expect(event.followUps == [.join])
        let action = S.action(.join, context: event.replyContext)
        #expect(
            S.adapter.encode(action, at: S.now)?.url
                == "https://hs.example.test/_matrix/client/v3/join/%21quay%3Aexample.test?user_id=%40harbour%3Aexample.test&server_name=far.test%3A8448&via=far.test%3A8448"
        )
        #expect(try S.events(S.body(S.member("invite", of: S.ida))).first?.followUps == [])
    }

    @Test func `a room that moved is followed`() throws {
        let body = S.body(
            S.event(
                "m.room.tombstone", #""body":"moved","replacement_room":"!new:example.test""#,
                more: #","state_key":"""#))
        let event = try #require(try S.events(body).first)
        #expect(event.movedTo == ConversationID("!new:example.test"))
        let request = S.adapter.encode(S.action(.join, context: event.replyContext), at: S.now)
        #expect(request?.url.contains("/join/%21new%3Aexample.test?") == true)
    }

    @Test func `an encrypted room is told so once, whatever comes first`() throws {
        let encrypted = S.event("m.room.encrypted", #""algorithm":"m.megolm.v1.aes-sha2""#, id: "$1")
        let again = S.event("m.room.encrypted", #""algorithm":"m.megolm.v1.aes-sha2""#, id: "$2")
        let events = try S.events(S.body(encrypted, again))
        #expect(events.map { $0.followUps.count } == [0, 1, 0])
        let later = try S.events(S.body(again))
        #expect(later[1].id == events[1].id)
        let action = S.action(later[1].followUps[0], context: later[1].replyContext)
        let request = try #require(S.adapter.encode(action, at: S.now))
        #expect(request.url.contains("/send/m.room.message/encrypted-room?"))
        #expect(String(decoding: request.body, as: UTF8.self).contains("cannot read encrypted messages"))
    }

    @Test func `a profile, an inviter and a kicker are kept`() throws {
        let joined = try S.events(S.body(S.member("join", of: S.ida, content: #","displayname":"Ida""#))).first
        #expect(joined?.sender?.name == "Ida")
        let kicked = try S.events(S.body(S.member("leave", of: "@bo:example.test"))).first
        #expect(kicked?.metadata["removed_by"] == .string(S.ida))
    }

    @Test func `a place has its degrees and an attachment what is known of it`() throws {
        let place = try S.events(
            S.body(S.message(#""msgtype":"m.location","body":"x","geo_uri":"geo:1.5,-2.25;u=9""#)))
        #expect(place.first?.metadata["location"] == .json(Array(#"{"latitude":1.5,"longitude":-2.25}"#.utf8)))
        let image = try S.events(
            S.body(
                S.message(
                    #""msgtype":"m.image","body":"a.jpg","url":"mxc://example.test/a","info":{"mimetype":"image/jpeg","size":9,"w":4,"h":3}"#
                )))
        #expect(
            image.first?.attachments == [
                Attachment(
                    kind: .image, reference: "mxc://example.test/a", name: "a.jpg", contentType: "image/jpeg", size: 9,
                    width: 4, height: 3)
            ])
    }

    @Test func `who reads is a status of the message, and who types is nothing`() throws {
        let receipts =
            #"{"type":"m.receipt","room_id":"\#(S.room)","content":{"$ours":{"m.read":{"\#(S.ida)":{"ts":1789999999000},"\#(S.userID)":{"ts":1}},"m.read.private":{"@bo:example.test":{"ts":1}}},"odd":7}}"#
        let body =
            #"{"events":[],"ephemeral":[{"type":"m.typing","room_id":"!a","content":{"user_ids":["@b:c"]}},\#(receipts)],"de.sorunome.msc2409.ephemeral":[\#(receipts)]}"#
        let events = try S.events(body)
        #expect(events.count == 1)
        #expect(events.first?.receipt == InboundEvent.Receipt(.read, of: [PlatformMessageID("$ours")]))
        #expect(events.first?.sender?.id.rawValue == S.ida)
        #expect(try S.events(#"{"de.sorunome.msc2409.ephemeral":[\#(receipts)]}"#).count == 1)
    }

    @Test func `the time is the homeserver's`() throws {
        let event = try S.events(S.body(S.message(Self.text))).first
        #expect(event?.sentAt == Timestamp(microseconds: 1_789_999_990_123_000))
    }

    @Test(arguments: FixtureTable.rows)
    func `a recorded payload becomes what the table says`(row: FixtureExpectations.Row) throws {
        let events = try S.adapter.receive(S.transaction(row.body), at: S.now).events
        #expect(events.map { ExpectedEvent(of: $0) } == row.events)
        #expect(Set(events.map(\.id)).count == events.count)
    }

    /// The recorded payloads; without their folder there is nothing to test, and one line says so.
    enum FixtureTable {
        static let rows: [FixtureExpectations.Row] = {
            do {
                if let table = try FixtureExpectations(platform: "matrix") { return table.rows }
                print("skipped: the folder of recorded payloads is not there (CHATBRIDGE_TEST_SHARED)")
            } catch {
                Issue.record("\(error)")
            }
            return []
        }()
    }
}
