import BridgeCore
import BridgeTesting
import JSON
import Testing

@testable import FeishuAdapter

/// What callbacks become.
struct FeishuEventTests {
    typealias S = FeishuSamples

    static func fromIda(
        _ kind: ContentKind, isAnswered: Bool = true, text: String? = nil, sender: String? = "ou_ida",
        account: String = "crew", in conversation: String = "oc_1", thread: String? = nil, attachments: Int = 0,
        target: String? = nil, replyTo: String? = nil
    ) -> ExpectedEvent {
        ExpectedEvent(
            kind, isAnswered: isAnswered, text: text, sender: sender, account: account, conversation: conversation,
            thread: thread, attachments: attachments, target: target, replyTo: replyTo)
    }

    static func recorded(
        _ kind: ContentKind, text: String? = nil, sender: String? = nil, in conversation: String = "oc_1",
        target: String? = nil
    ) -> ExpectedEvent {
        fromIda(kind, isAnswered: false, text: text, sender: sender, in: conversation, target: target)
    }

    static let post =
        #"{"title":"Plan","content":[[{"tag":"text","text":"see "},{"tag":"a","text":"this","href":"https://a.test"},{"tag":"at","user_id":"@_user_10"}],[{"tag":"img","image_key":"img_1"}],[{"tag":"md","text":"**so**"},{"tag":"emotion","emoji_type":"SMILE"}],[{"tag":"media","file_key":"f_1"}],[]]}"#

    static let messages: [(body: String, expected: [ExpectedEvent])] = [
        (S.message("text", #"{"text":"good morning"}"#), [fromIda(.text, text: "good morning")]),
        (
            S.message(
                "text", #"{"text":"@_user_1 ask @_user_10, @_all and @_user_2"}"#, #""mentions":[\#(S.bot),\#(S.bo)]"#,
                chat: "group"),
            [fromIda(.text, text: "@Harbour Helper ask @Bo, @all and @_user_2")]
        ),
        (
            S.message("text", #"{"text":"just talk"}"#, chat: "group"),
            [fromIda(.text, isAnswered: false, text: "just talk")]
        ),
        (
            S.message("text", #"{"text":"@_user_10 hi"}"#, #""mentions":[\#(S.bo)]"#, chat: "group"),
            [fromIda(.text, isAnswered: false, text: "@Bo hi")]
        ),
        (
            S.message(
                "text", #"{"text":"@_user_1 hi"}"#,
                #""mentions":[{"key":"@_user_1","mentioned_type":"bot","name":"H"}]"#,
                chat: "topic_group"), [fromIda(.text, text: "@H hi")]
        ),
        (
            S.message("text", #"{"text":"yes"}"#, #""root_id":"om_root","parent_id":"om_parent","thread_id":"omt_1""#),
            [fromIda(.text, text: "yes", thread: "om_root", replyTo: "om_parent")]
        ),
        (
            S.message("text", #"{"text":"a topic"}"#, #""thread_id":"omt_1""#),
            [fromIda(.text, text: "a topic", thread: "om_1")]
        ),
        (S.message("text", #"{"text":"beep"}"#, sender: "app"), [fromIda(.text, isAnswered: false, text: "beep")]),
        (S.message("text", "no json"), [fromIda(.text, text: "no json")]),
        (S.message("text", #"{"text":17}"#), [fromIda(.text, isAnswered: false)]),
        (
            S.message("post", post, #""mentions":[\#(S.bo)]"#),
            [fromIda(.image, text: "Plan\nsee this (https://a.test)@Bo\n**so**:SMILE:\n", attachments: 2)]
        ),
        (
            S.message("post", #"{"en_us":{"title":"","content":[[{"tag":"text","text":"hi"}]]}}"#),
            [fromIda(.text, text: "hi")]
        ),
        (S.message("image", #"{"image_key":"img_1"}"#), [fromIda(.image, attachments: 1)]),
        (S.message("file", #"{"file_key":"f_1","file_name":"a.pdf"}"#), [fromIda(.file, attachments: 1)]),
        (S.message("audio", #"{"file_key":"f_1","duration":2000}"#), [fromIda(.audio, attachments: 1)]),
        (
            S.message("media", #"{"file_key":"f_1","image_key":"i","file_name":"a.mp4","duration":1500}"#),
            [fromIda(.video, attachments: 1)]
        ),
        (S.message("sticker", #"{"file_key":"s_1"}"#), [fromIda(.sticker, attachments: 1)]),
        (
            S.message("location", #"{"name":"Quay 4","longitude":"10.7","latitude":"59.9"}"#),
            [fromIda(.location, text: "Quay 4")]
        ),
        (S.message("share_user", #"{"user_id":"ou_bo"}"#), [fromIda(.contact, text: "ou_bo")]),
        (
            S.message("interactive", #"{"title":"A card","elements":[]}"#),
            [fromIda(.event, isAnswered: false, text: "A card")]
        ),
        (S.message("vote", #"{"topic":"Lunch?"}"#), [fromIda(.event, isAnswered: false, text: "Lunch?")]),
        (
            S.old(
                #"{"type":"message","tenant_key":"crew","open_chat_id":"oc_1","chat_type":"group","msg_type":"text","open_id":"ou_ida","open_message_id":"om_1","root_id":"om_root","parent_id":"","is_mention":true,"text":"<at open_id=\"ou_bot\">@H</at> hi","text_without_at_bot":"hi"}"#
            ), [fromIda(.text, text: "hi", thread: "om_root")]
        ),
        (
            S.old(
                #"{"type":"message","tenant_key":"crew","open_chat_id":"oc_1","chat_type":"private","msg_type":"image","open_id":"ou_ida","open_message_id":"om_1","image_key":"img_1"}"#
            ), [fromIda(.image, attachments: 1)]
        ),
        (
            S.old(
                #"{"type":"message","tenant_key":"crew","open_chat_id":"oc_1","chat_type":"group","open_id":"ou_ida","is_mention":false,"text":"talk"}"#
            ), [fromIda(.text, isAnswered: false, text: "talk")]
        ),
    ]

    static let others: [(body: String, expected: [ExpectedEvent])] = [
        (
            S.event(
                "im.message.recalled_v1",
                #"{"message_id":"om_1","chat_id":"oc_1","recall_time":"1","recall_type":"message_owner"}"#),
            [recorded(.deleted, target: "om_1")]
        ),
        (
            S.event(
                "im.message.updated_v1",
                #"{"sender":{"sender_id":{"open_id":"ou_ida"}},"message":{"message_id":"om_1","chat_id":"oc_1","message_type":"text","content":"{\"text\":\"right\"}"}}"#
            ), [recorded(.edited, text: "right", sender: "ou_ida", target: "om_1")]
        ),
        (
            S.event(
                "im.message.reaction.created_v1",
                #"{"message_id":"om_1","reaction_type":{"emoji_type":"SMILE"},"operator_type":"user","user_id":{"open_id":"ou_ida"},"action_time":"1789999990250"}"#
            ),
            [
                recorded(
                    .reaction, text: "SMILE", sender: "ou_ida", in: "event:im.message.reaction.created_v1",
                    target: "om_1")
            ]
        ),
        (
            S.event(
                "im.message.reaction.deleted_v1",
                #"{"message_id":"om_1","reaction_type":{"emoji_type":"SMILE"},"operator_type":"app","app_id":"cli_1"}"#),
            [recorded(.reaction, sender: "cli_1", in: "event:im.message.reaction.deleted_v1", target: "om_1")]
        ),
        (
            S.event(
                "im.message.message_read_v1",
                #"{"reader":{"reader_id":{"open_id":"ou_ida"},"read_time":"1789999990250"},"message_id_list":["om_8","om_9"]}"#
            ),
            [recorded(.status, sender: "ou_ida", in: "event:im.message.message_read_v1", target: "om_8")]
        ),
        (
            S.event("im.chat.member.bot.added_v1", #"{"chat_id":"oc_1","operator_id":{"open_id":"ou_ida"}}"#),
            [recorded(.joined, sender: "cli_1")]
        ),
        (S.event("im.chat.member.bot.deleted_v1", #"{"chat_id":"oc_1"}"#), [recorded(.left, sender: "cli_1")]),
        (
            S.event(
                "im.chat.member.user.added_v1",
                #"{"chat_id":"oc_1","users":[{"name":"Bo","user_id":{"open_id":"ou_bo"}},{"name":"Cy","user_id":{"open_id":"ou_cy"}},null]}"#
            ),
            [recorded(.joined, sender: "ou_bo"), recorded(.joined, sender: "ou_cy")]
        ),
        (
            S.event(
                "im.chat.member.user.withdrawn_v1", #"{"chat_id":"oc_1","users":[{"user_id":{"open_id":"ou_bo"}}]}"#),
            [recorded(.left, sender: "ou_bo")]
        ),
        (S.event("im.chat.member.user.deleted_v1", #"{"chat_id":"oc_1","users":{}}"#), [recorded(.event)]),
        (
            S.event(
                "card.action.trigger",
                #"{"operator":{"open_id":"ou_ida"},"token":"c-1","action":{"value":{"action":"book","berth":4},"tag":"button"},"context":{"open_message_id":"om_1","open_chat_id":"oc_1"}}"#
            ), [fromIda(.button, text: "book", target: "om_1")]
        ),
        (
            S.event(
                "card.action.trigger",
                #"{"operator":{"open_id":"ou_ida"},"action":{"tag":"form_submit","form_value":{"day":"mon"}},"context":{"open_chat_id":"oc_1"}}"#
            ),
            [fromIda(.button, text: #"{"day":"mon"}"#)]
        ),
        (
            S.event(
                "application.bot.menu_v6",
                #"{"operator":{"operator_name":"Ida","operator_id":{"open_id":"ou_ida"}},"event_key":"help","timestamp":1789999990}"#
            ),
            [fromIda(.button, text: "help", in: "ou_ida")]
        ),
        (
            S.event("im.chat.disbanded_v1", #"{"chat_id":"oc_1","operator_id":{"open_id":"ou_ida"}}"#),
            [recorded(.event, sender: "ou_ida")]
        ),
        (S.event("something.of.next_year_v1", "17"), [recorded(.event, in: "event:something.of.next_year_v1")]),
        (
            S.old(#"{"type":"add_bot","tenant_key":"crew","app_id":"cli_1","open_chat_id":"oc_1"}"#),
            [recorded(.joined, sender: "cli_1")]
        ),
        (
            S.old(
                #"{"type":"add_user_to_chat","tenant_key":"crew","chat_id":"oc_1","users":[{"name":"Bo","open_id":"ou_bo"}]}"#
            ),
            [recorded(.joined, sender: "ou_bo")]
        ),
        (
            S.old(
                #"{"type":"message_read","tenant_key":"crew","open_chat_id":"oc_1","open_id":"ou_ida","open_message_ids":["om_9"]}"#
            ),
            [recorded(.status, sender: "ou_ida", target: "om_9")]
        ),
        (S.old(#"{"type":"app_ticket","app_ticket":"x"}"#), [ExpectedEvent(.event, conversation: "event:app_ticket")]),
    ]

    @Test(arguments: messages + others)
    func `a callback becomes what happened`(body: String, expected: [ExpectedEvent]) throws {
        #expect(try S.events(body).map { ExpectedEvent(of: $0) } == expected)
        // The same without an Encrypt Key, and encrypted.
        #expect(
            try S.open.receive(S.request(Array(body.utf8)), at: S.now).events.map { ExpectedEvent(of: $0) } == expected)
        let sealed = S.sealed(Array(body.utf8))
        #expect(try S.app.receive(S.signed(sealed), at: S.now).events.map { ExpectedEvent(of: $0) } == expected)
    }

    @Test func `content of an unknown kind is kept as JSON that everybody can read`() throws {
        let events = try S.events(S.message("vote", #"{"topic": "lunch", "at": 1e400, "by": "\ud83d"}"#))
        #expect(
            events.first?.metadata["content"]
                == .json(Array(#"{"topic":"lunch","at":1.7976931348623157e+308,"by":"\#u{FFFD}"}"#.utf8)))
    }

    @Test func `an event sent twice has one name, and its message another`() throws {
        let body = S.message("text", #"{"text":"x"}"#)
        let first = try #require(try S.events(body).first)
        let again = try #require(try S.events(S.message("text", #"{"text":"x"}"#, id: "e2")).first)
        #expect(first.id == EventID("e1"))
        #expect(again.id == EventID("e2"))
        #expect(first.aliases == [EventID("message:om_1")])
        #expect(first.aliases == again.aliases)
        #expect(try S.events(S.message("text", #"{"text":"x"}"#, chat: "group")).first?.aliases == [])
    }

    @Test func `a message that is read tells which`() throws {
        let event = try #require(try S.events(Self.others[4].body).first)
        #expect(
            event.receipt == InboundEvent.Receipt(.read, of: [PlatformMessageID("om_8"), PlatformMessageID("om_9")]))
    }

    @Test func `a file is kept by reference with what is known of it`() throws {
        let event = try #require(
            try S.events(S.message("media", #"{"file_key":"f_1","file_name":"a.mp4","duration":1500}"#)).first)
        #expect(event.attachments == [Attachment(kind: .video, reference: "om_1/f_1", name: "a.mp4", duration: 1.5)])
    }

    @Test(
        arguments: [
            (#""1789999990250""#, 1_789_999_990_250_000), (#""1603977298000000""#, 1_603_977_298_000_000),
            (#""1789999990.2500000""#, 1_789_999_990_250_000), ("1789999990", 1_789_999_990_000_000), (#""""#, nil),
            (#""soon""#, nil), ("-1", nil), (#""99999999999999999999""#, nil), ("{}", nil),
        ] as [(String, Int64?)])
    func `times come in four spellings`(json: String, microseconds: Int64?) throws {
        #expect(FeishuEventReader.time(try JSONView(parsing: json))?.microseconds == microseconds)
    }

    @Test(arguments: FixtureTable.rows)
    func `a recorded callback becomes what the table says`(row: FixtureExpectations.Row) throws {
        let events = try S.app.receive(S.signed(row.body(number: 3)), at: S.now).events
        #expect(events.map { ExpectedEvent(of: $0) } == row.events)
    }

    @Test func `recorded callbacks get names of their own`() throws {
        var ids: Set<EventID> = []
        for (number, row) in FixtureTable.rows.enumerated() {
            for event in try S.app.receive(S.signed(row.body(number: number)), at: S.now).events {
                #expect(ids.insert(event.id).inserted, "\(row.file)")
            }
        }
    }

    /// The recorded payloads; without their folder there is nothing to test, and one line says so.
    enum FixtureTable {
        static let rows: [FixtureExpectations.Row] = {
            do {
                if let table = try FixtureExpectations(platform: "feishu") { return table.rows }
                print("skipped: the folder of recorded payloads is not there (CHATBRIDGE_TEST_SHARED)")
            } catch {
                Issue.record("\(error)")
            }
            return []
        }()
    }
}
