import BridgeCore
import BridgeTesting
import JSON
import LineAdapter
import Testing

/// What LINE's events become.
struct LineEventTests {
    typealias S = LineSamples

    static let rows: [(body: String, expected: [ExpectedEvent])] = [
        (S.text(#""ahoj""#), [.init(.text, isAnswered: true, text: "ahoj", sender: "Umika", conversation: "Umika")]),
        (
            S.text(#""ahoj""#, source: S.group),
            [.init(.text, isAnswered: true, text: "ahoj", sender: "Umika", conversation: "Ccrew")]
        ),
        (
            S.text(#""ahoj""#, source: #"{"type":"room","roomId":"Rcabin"}"#),
            [.init(.text, isAnswered: true, text: "ahoj", conversation: "Rcabin")]
        ),
        (
            S.message(#""type":"text","text":"x","quotedMessageId":"555""#),
            [
                .init(
                    .text, isAnswered: true, text: "x", sender: "Umika", conversation: "Umika", replyTo: "555")
            ]
        ),
        (
            S.message(#""type":"text","text":"x""#, mode: "standby"),
            [.init(.text, text: "x", sender: "Umika", conversation: "Umika")]
        ),
        (S.message(#""type":"text""#), [.init(.text, sender: "Umika", conversation: "Umika")]),
        (
            S.message(
                #""type":"text","text":"@Jo look","mention":{"mentionees":[{"index":0,"length":3,"type":"user","userId":"Ujo"}]}"#,
                source: S.group), [.init(.text, text: "@Jo look", sender: "Umika", conversation: "Ccrew")]
        ),
        (
            S.message(
                #""type":"text","text":"@Bot look","mention":{"mentionees":[{"index":0,"length":4,"type":"user","isSelf":true}]}"#,
                source: S.group),
            [.init(.text, isAnswered: true, text: "@Bot look", sender: "Umika", conversation: "Ccrew")]
        ),
        (
            S.message(
                #""type":"text","text":"@Jo look","mention":{"mentionees":[{"index":0,"length":3,"type":"user","userId":"Ujo"}]}"#
            ), [.init(.text, isAnswered: true, text: "@Jo look", sender: "Umika", conversation: "Umika")]
        ),
        (
            S.message(#""type":"image","contentProvider":{"type":"line"}"#),
            [.init(.image, isAnswered: true, sender: "Umika", conversation: "Umika", attachments: 1)]
        ),
        (
            S.message(#""type":"file","fileName":"map.pdf","fileSize":12"#),
            [.init(.file, isAnswered: true, sender: "Umika", conversation: "Umika", attachments: 1)]
        ),
        (
            S.message(#""type":"location","title":"Pier 4","latitude":1.5,"longitude":-2"#),
            [.init(.location, isAnswered: true, text: "Pier 4", sender: "Umika", conversation: "Umika")]
        ),
        (
            S.message(#""type":"sticker","packageId":"446","stickerId":"1988","keywords":["hello"]"#),
            [.init(.sticker, isAnswered: true, sender: "Umika", conversation: "Umika", attachments: 1)]
        ),
        (
            S.message(#""type":"hologram","depth":3"#),
            [.init(.event, sender: "Umika", conversation: "Umika")]
        ),
        (
            S.event("messageEdited", #""message":{"id":"777","type":"text","text":"ahoy"}"#),
            [.init(.edited, text: "ahoy", sender: "Umika", conversation: "Umika", target: "777")]
        ),
        (
            S.event("unsend", #""unsend":{"messageId":"777"}"#),
            [.init(.deleted, sender: "Umika", conversation: "Umika", target: "777")]
        ),
        (
            S.event("postback", #""postback":{"data":"berth=4","params":{"date":"2026-11-20"}}"#),
            [.init(.button, isAnswered: true, text: "berth=4", sender: "Umika", conversation: "Umika")]
        ),
        (S.event("follow"), [.init(.joined, sender: "Umika", conversation: "Umika")]),
        (S.event("unfollow"), [.init(.left, sender: "Umika", conversation: "Umika")]),
        (S.event("join", source: #"{"type":"group","groupId":"Ccrew"}"#), [.init(.joined, conversation: "Ccrew")]),
        (S.event("leave", source: #"{"type":"group","groupId":"Ccrew"}"#), [.init(.left, conversation: "Ccrew")]),
        (
            S.event(
                "memberLeft", #""left":{"members":[{"type":"user","userId":"Ua"},{"type":"user","userId":"Ub"}]}"#,
                source: #"{"type":"group","groupId":"Ccrew"}"#),
            [.init(.left, sender: "Ua", conversation: "Ccrew"), .init(.left, sender: "Ub", conversation: "Ccrew")]
        ),
        (
            S.event("beacon", #""beacon":{"hwid":"d41","type":"enter"}"#),
            [
                .init(.event, sender: "Umika", conversation: "Umika")
            ]
        ),
        (S.event("accountLink"), [.init(.event, sender: "Umika", conversation: "Umika")]),
        (
            S.body(#"{"type":"botSuspended","timestamp":1789999990123,"mode":"active"}"#),
            [
                .init(.event, conversation: "botSuspended")
            ]
        ),
        (S.body("null", "17"), [.init(.event, conversation: "unknown"), .init(.event, conversation: "unknown")]),
        (S.body(), []),
    ]

    @Test(arguments: rows.indices)
    func `an event becomes what it means`(index: Int) throws {
        let row = Self.rows[index]
        #expect(try S.events(row.body).map { ExpectedEvent(of: $0) } == row.expected)
    }

    @Test func `an event keeps its id when it is redelivered, and none shares it with another`() throws {
        let once = try S.events(S.text(#""a""#))
        #expect(once.map(\.id.rawValue) == ["01EVENT"])
        let one = #"{"type":"follow","timestamp":1,"source":{"userId":"Ua"},"webhookEventId":"E"}"#
        let other = #"{"type":"unfollow","timestamp":1,"source":{"userId":"Ua"},"webhookEventId":"E"}"#
        let twice = try S.events(S.body(one, other))
        #expect(twice.map(\.id.rawValue) == ["E", "E:1"])
        #expect(try S.events(S.body(one, other)).map(\.id) == twice.map(\.id))
    }

    @Test func `a message from before there were event ids is named by its own`() throws {
        let old =
            #"{"type":"message","timestamp":5,"source":{"userId":"Ua"},"message":{"id":"99","type":"text","text":"x"}}"#
        #expect(try S.events(S.body(old)).first?.id.rawValue == "99")
        let follow = #"{"type":"follow","timestamp":5,"source":{"userId":"Ua"}}"#
        #expect(try S.events(S.body(follow)).first?.id.rawValue == "follow:5:Ua:Ua")
    }

    @Test func `the console's old test is recorded, not answered`() throws {
        let test =
            #"{"type":"message","replyToken":"\#(String(repeating: "f", count: 32))","timestamp":5,"source":{"userId":"Udeadbeef"},"message":{"id":"99","type":"text","text":"x"}}"#
        let event = try #require(try S.events(S.body(test)).first)
        #expect(!ExpectedEvent(of: event).isAnswered)
    }

    @Test func `what is kept of media finds it again`() throws {
        let video = try S.events(
            S.message(#""type":"video","duration":1500,"contentProvider":{"type":"line"}"#))[0].attachments[0]
        #expect(video == Attachment(kind: .video, reference: "777", duration: 1.5))
        let picture = try S.events(
            S.message(
                #""type":"image","contentProvider":{"type":"external","originalContentUrl":"https://x.test/p.jpg"}"#))
        #expect(picture[0].attachments == [Attachment(kind: .image, url: "https://x.test/p.jpg")])
    }

    @Test func `the right to reply goes with the event and stands in no record`() throws {
        let unknown = try S.events(S.event("somethingNew", #""new":{"a":1}"#))[0]
        var writer = JSONWriter()
        writer.object { unknown.metadata.writeFields(to: &$0) }
        let record = String(decoding: writer.bytes, as: UTF8.self)
        #expect(record.contains(#""new":{"a":1}"#))
        #expect(!record.contains("replyToken"))
        #expect(unknown.replyContext["reply_token"] == "r0")
        #expect(unknown.sentAt == Timestamp(microseconds: 1_789_999_990_123_000))
    }

    @Test(arguments: FixtureTable.rows)
    func `a recorded payload becomes what the table says`(row: FixtureExpectations.Row) throws {
        let events = try S.adapter.receive(S.signed(row.body(number: 3)), at: S.now).events
        #expect(events.map { ExpectedEvent(of: $0) } == row.events)
        #expect(Set(events.map(\.id)).count == events.count)
    }

    /// The recorded payloads; without their folder there is nothing to test, and one line says so.
    enum FixtureTable {
        static let rows: [FixtureExpectations.Row] = {
            do {
                if let table = try FixtureExpectations(platform: "line") { return table.rows }
                print("skipped: the folder of recorded payloads is not there (CHATBRIDGE_TEST_SHARED)")
            } catch {
                Issue.record("\(error)")
            }
            return []
        }()
    }
}
