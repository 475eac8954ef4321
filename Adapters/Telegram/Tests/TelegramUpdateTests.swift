import BridgeCore
import BridgeTesting
import HTTPCore
import JSON
import Testing

@testable import TelegramAdapter

/// What updates become.
struct TelegramUpdateTests {
    typealias S = TelegramSamples

    /// An event in the private chat with Ada.
    static func withAda(_ kind: ContentKind, isAnswered: Bool = true, text: String? = nil, attachments: Int = 0)
        -> ExpectedEvent
    {
        ExpectedEvent(
            kind, isAnswered: isAnswered, text: text, sender: "7100000042", conversation: "7100000042",
            attachments: attachments)
    }

    static let bot = #"{"id":5550002,"is_bot":true,"first_name":"Other"}"#

    static let messages: [(update: String, expected: ExpectedEvent)] = [
        (S.message(#""text":"good morning""#), withAda(.text, text: "good morning")),
        (S.message(#""text":"/start deep-link""#), withAda(.command, text: "/start deep-link")),
        (S.message(#""text":"/usr/bin is full""#), withAda(.text, text: "/usr/bin is full")),
        (S.message(#""text":"""#), withAda(.text, text: "")),
        (
            S.message(
                #""photo":[{"file_id":"S","width":90,"height":60},{"file_id":"L","width":900,"height":600}],"caption":"look""#
            ),
            withAda(.image, text: "look", attachments: 1)
        ),
        (
            S.message(#""audio":{"file_id":"A","duration":61,"title":"Tune","mime_type":"audio/mpeg"}"#),
            withAda(.audio, attachments: 1)
        ),
        (
            S.message(
                #""sticker":{"file_id":"K","width":512,"height":512,"is_animated":true,"is_video":false,"emoji":"🙂"}"#),
            withAda(.sticker, text: "🙂", attachments: 1)
        ),
        (
            S.message(#""animation":{"file_id":"G","duration":2,"width":4,"height":3},"document":{"file_id":"G"}"#),
            withAda(.video, attachments: 1)
        ),
        (
            S.message(
                #""location":{"latitude":1.5,"longitude":-2.25},"venue":{"location":{},"title":"Pier","address":"1 Quay"}"#
            ),
            withAda(.location, text: "Pier\n1 Quay")
        ),
        (S.message(#""web_app_data":{"data":"{\"n\":1}","button_text":"Order"}"#), withAda(.button, text: #"{"n":1}"#)),
        (
            S.message(#""poll":{"id":"1","question":"Tea?","options":[]}"#),
            withAda(.event, isAnswered: false, text: "Tea?")
        ),
        (
            S.message(#""text":"x""#, from: bot),
            ExpectedEvent(.text, text: "x", sender: "5550002", conversation: "7100000042")
        ),
        // The bot's own inline result, posted by a person.
        (
            S.message(#""text":"x","via_bot":{"id":5550001,"is_bot":true}"#),
            withAda(.text, isAnswered: false, text: "x")
        ),
        (
            S.message(#""text":"hello group""#, chat: S.group),
            ExpectedEvent(.text, isAnswered: true, text: "hello group", sender: "7100000042", conversation: "-770001")
        ),
        (
            S.message(
                #""text":"in a topic","message_thread_id":12,"is_topic_message":true,"reply_to_message":{"message_id":12,"forum_topic_created":{"name":"Ropes"}}"#,
                chat: S.forum),
            ExpectedEvent(
                .text, isAnswered: true, text: "in a topic", sender: "7100000042", conversation: "-1009000000017",
                thread: "12")
        ),
        // A reply outside of topics: Telegram numbers its thread, but an answer with that number would be refused.
        (
            S.message(
                #""text":"a reply","message_thread_id":40,"reply_to_message":{"message_id":40,"text":"before"}"#,
                chat: S.forum),
            ExpectedEvent(
                .text, isAnswered: true, text: "a reply", sender: "7100000042", conversation: "-1009000000017",
                replyTo: "40")
        ),
        // An anonymous administrator: Telegram's GroupAnonymousBot stands in `from`.
        (
            S.message(
                #""text":"the rules","sender_chat":{"id":-770001,"title":"Kitchen"}"#, chat: S.group,
                from: #"{"id":1087968824,"is_bot":true,"first_name":"Group"}"#),
            ExpectedEvent(.text, isAnswered: true, text: "the rules", sender: "-770001", conversation: "-770001")
        ),
        (
            S.message(
                #""text":"news","is_automatic_forward":true,"sender_chat":{"id":-1009000000099,"title":"News"}"#,
                chat: S.forum, from: #"{"id":777000,"is_bot":false}"#),
            ExpectedEvent(.text, text: "news", sender: "-1009000000099", conversation: "-1009000000017")
        ),
        (
            #"{"update_id":1,"channel_post":{"message_id":3,"chat":\#(S.channel),"sender_chat":\#(S.channel),"date":1,"text":"news"}}"#,
            ExpectedEvent(.text, text: "news", sender: "-1009000000099", conversation: "-1009000000099")
        ),
        (
            S.message(#""text":"corrected","edit_date":1789999999"#, kind: "edited_message"),
            ExpectedEvent(.edited, text: "corrected", sender: "7100000042", conversation: "7100000042", target: "55")
        ),
        (
            S.message(#""text":"open?","business_connection_id":"bc1""#, kind: "business_message"),
            ExpectedEvent(
                .text, isAnswered: true, text: "open?", sender: "7100000042", account: "bc1", conversation: "7100000042"
            )
        ),
        // The owner of the business writes to the customer.
        (
            S.message(
                #""text":"yes, until six","business_connection_id":"bc1""#, from: #"{"id":8800,"is_bot":false}"#,
                kind: "business_message"),
            ExpectedEvent(.text, text: "yes, until six", sender: "8800", account: "bc1", conversation: "7100000042")
        ),
        (
            S.message(#""migrate_to_chat_id":-1009000000018"#, chat: S.group),
            ExpectedEvent(.event, sender: "7100000042", conversation: "-770001", movedTo: "-1009000000018")
        ),
        (
            S.message(#""new_chat_title":"Galley""#, chat: S.group),
            ExpectedEvent(.event, text: "Galley", sender: "7100000042", conversation: "-770001")
        ),
        (
            S.message(#""left_chat_member":{"id":31,"is_bot":false,"first_name":"Bo"}"#, chat: S.group),
            ExpectedEvent(.left, sender: "31", conversation: "-770001")
        ),
    ]

    @Test(arguments: messages)
    func `a message becomes what it says`(update: String, expected: ExpectedEvent) throws {
        let events = try S.events(update)
        try #require(events.count == 1)
        #expect(expected.differences(from: ExpectedEvent(of: events[0])) == [])
    }

    static let others: [(update: String, expected: [ExpectedEvent])] = [
        (
            #"{"update_id":2,"callback_query":{"id":"77","from":\#(S.ada),"chat_instance":"5","data":"yes","message":{"message_id":9,"chat":\#(S.forum),"message_thread_id":4,"is_topic_message":true}}}"#,
            [
                ExpectedEvent(
                    .button, isAnswered: true, text: "yes", sender: "7100000042", conversation: "-1009000000017",
                    thread: "4", target: "9")
            ]
        ),
        (
            #"{"update_id":2,"callback_query":{"id":"77","from":\#(S.ada),"chat_instance":"5","data":"yes","inline_message_id":"AAx"}}"#,
            [
                ExpectedEvent(
                    .button, text: "yes", sender: "7100000042", conversation: "7100000042", target: "inline:AAx")
            ]
        ),
        (
            #"{"update_id":3,"deleted_business_messages":{"business_connection_id":"bc1","chat":\#(S.privateChat),"message_ids":[5,6]}}"#,
            [
                ExpectedEvent(.deleted, account: "bc1", conversation: "7100000042", target: "5"),
                ExpectedEvent(.deleted, account: "bc1", conversation: "7100000042", target: "6"),
            ]
        ),
        (
            #"{"update_id":4,"message_reaction":{"chat":\#(S.group),"message_id":8,"user":\#(S.ada),"date":1,"old_reaction":[{"type":"emoji","emoji":"👍"}],"new_reaction":[]}}"#,
            [ExpectedEvent(.reaction, sender: "7100000042", conversation: "-770001", target: "8")]
        ),
        (
            #"{"update_id":5,"my_chat_member":{"chat":\#(S.privateChat),"from":\#(S.ada),"date":1,"old_chat_member":{"status":"member"},"new_chat_member":{"status":"kicked"}}}"#,
            [ExpectedEvent(.left, sender: "7100000042", conversation: "7100000042")]
        ),
        (
            #"{"update_id":6,"chat_member":{"chat":\#(S.group),"from":\#(S.ada),"date":1,"old_chat_member":{"status":"left"},"new_chat_member":{"status":"member","user":{"id":31,"first_name":"Bo"}}}}"#,
            [ExpectedEvent(.joined, sender: "31", conversation: "-770001")]
        ),
        (
            S.message(#""new_chat_members":[{"id":31,"first_name":"Bo"},{"id":32,"first_name":"Cy"}]"#, chat: S.group),
            [
                ExpectedEvent(.joined, sender: "31", conversation: "-770001"),
                ExpectedEvent(.joined, sender: "32", conversation: "-770001"),
            ]
        ),
        (#"{"update_id":7,"poll":{"id":"1","question":"Tea?"}}"#, [ExpectedEvent(.event, conversation: "poll")]),
        (#"{"update_id":8}"#, [ExpectedEvent(.event, conversation: "update")]),
        (#"{"update_id":9,"message":17}"#, [ExpectedEvent(.event, conversation: "message")]),
        (
            #"{"update_id":10,"message":{"chat":{"id":"x y"},"text":{"no":"text"}}}"#,
            [ExpectedEvent(.event, conversation: "x y")]
        ),
        (
            #"{"update_id":11,"business_connection":{"id":"bc1","user":\#(S.ada),"user_chat_id":7100000042,"date":1}}"#,
            [ExpectedEvent(.event, sender: "7100000042", conversation: "7100000042")]
        ),
    ]

    @Test(arguments: others)
    func `an update of another kind becomes what it is`(update: String, expected: [ExpectedEvent]) throws {
        #expect(try S.events(update).map { ExpectedEvent(of: $0) } == expected)
    }

    @Test func `events of one update have names of their own`() throws {
        let update = S.message(#""new_chat_members":[{"id":31},{"id":32}]"#, chat: S.group)
        #expect(try S.events(update).map(\.id.rawValue) == ["9001:31", "9001:32"])
        #expect(try S.events(S.message(#""text":"x""#)).map(\.id.rawValue) == ["9001"])
    }

    @Test func `a file is kept by reference with what is known of it`() throws {
        let update = S.message(
            #""document":{"file_id":"D1","file_name":"plan.pdf","mime_type":"application/pdf","file_size":2147483648}"#)
        let file = try #require(try S.events(update).first?.attachments.first)
        #expect(
            file
                == Attachment(
                    kind: .file, reference: "D1", name: "plan.pdf", contentType: "application/pdf", size: 2_147_483_648)
        )
    }

    @Test func `the largest size of a photo is kept`() throws {
        let update = S.message(
            #""photo":[{"file_id":"S","width":90},{"file_id":"L","width":900}],"media_group_id":"4711""#)
        let event = try #require(try S.events(update).first)
        #expect(event.attachments.first?.reference == "L")
        #expect(event.metadata["media_group_id"] == .string("4711"))
    }

    @Test func `a command keeps its name and the bot that it is addressed to`() throws {
        let event = try #require(try S.events(S.message(#""text":"/weather@harbour_bot now""#, chat: S.group)).first)
        #expect(event.metadata["command"] == .string("weather"))
        #expect(event.metadata["command_bot"] == .string("harbour_bot"))
        #expect(event.place.isGroup)
    }

    @Test func `a button press is acknowledged`() throws {
        let update =
            #"{"update_id":2,"callback_query":{"id":"77","from":\#(S.ada),"data":"yes","message":{"message_id":9,"date":0,"chat":\#(S.privateChat)}}}"#
        #expect(try S.events(update).first?.followUps == [.acknowledgeButton(id: "77")])
    }

    @Test func `the time is the platform's, and of an edit that of the edit`() throws {
        #expect(try S.events(S.message(#""text":"x""#)).first?.sentAt == Timestamp(seconds: 1_789_999_990))
        let edit = S.message(#""text":"x","edit_date":1789999999"#, kind: "edited_message")
        #expect(try S.events(edit).first?.sentAt == Timestamp(seconds: 1_789_999_999))
    }

    @Test func `a sender has the name that people see`() throws {
        #expect(try S.events(S.message(#""text":"x""#)).first?.sender?.name == "Ada Quill")
    }

    @Test func `links behind words are kept`() throws {
        let update = S.message(
            #""text":"here","entities":[{"type":"text_link","offset":0,"length":4,"url":"https://example.test/"}]"#)
        let event = try #require(try S.events(update).first)
        guard case .json(let bytes) = event.metadata["entities"] else {
            Issue.record("no entities")
            return
        }
        #expect(try JSONView(parsing: bytes)[0]["url"].string == "https://example.test/")
    }

    @Test(arguments: FixtureTable.rows)
    func `a recorded payload becomes what the table says`(row: FixtureExpectations.Row) throws {
        let webhook = WebhookRequest(
            target: "/webhooks/telegram", headers: ["X-Telegram-Bot-Api-Secret-Token": S.secret],
            body: row.body(number: 3))
        let events = try S.adapter.receive(webhook, at: S.now).events
        #expect(events.map { ExpectedEvent(of: $0) } == row.events)
    }

    @Test func `recorded payloads get names of their own`() throws {
        var ids: Set<EventID> = []
        for (number, row) in FixtureTable.rows.enumerated() {
            let webhook = S.webhook(String(decoding: row.body(number: number), as: UTF8.self))
            for event in try S.adapter.receive(webhook, at: S.now).events {
                #expect(ids.insert(event.id).inserted, "\(row.file)")
            }
        }
    }

    /// The recorded payloads; without their folder there is nothing to test, and one line says so.
    enum FixtureTable {
        static let rows: [FixtureExpectations.Row] = {
            do {
                if let table = try FixtureExpectations(platform: "telegram") { return table.rows }
                print("skipped: the folder of recorded payloads is not there (CHATBRIDGE_TEST_SHARED)")
            } catch {
                Issue.record("\(error)")
            }
            return []
        }()
    }
}
