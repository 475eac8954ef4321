import BridgeCore
import BridgeTesting
import HTTPCore
import JSON
import Testing

@testable import SlackAdapter

/// What events, commands and interactions become.
struct SlackEventTests {
    typealias S = SlackSamples

    static let ts = "1789999990.000300"

    static func fromIda(
        _ kind: ContentKind, isAnswered: Bool = true, text: String? = nil, in channel: String = "DIDA",
        thread: String? = nil, attachments: Int = 0, target: String? = nil
    ) -> ExpectedEvent {
        ExpectedEvent(
            kind, isAnswered: isAnswered, text: text, sender: "UIDA", account: "TAC", conversation: channel,
            thread: thread, attachments: attachments, target: target)
    }

    static let file =
        #"{"id":"F1","name":"a.png","mimetype":"image/png","size":12,"url_private_download":"https://files.example.test/a.png"}"#

    static let rows: [(body: String, expected: [ExpectedEvent])] = [
        (S.message(#""text":"good morning""#), [fromIda(.text, text: "good morning")]),
        (
            S.message(#""text":"in a thread","thread_ts":"1789999000.000100""#),
            [fromIda(.text, text: "in a thread", thread: "1789999000.000100")]
        ),
        (S.message(#""text":"a &lt; b &amp;&amp; c &gt; d""#), [fromIda(.text, text: "a < b && c > d")]),
        (
            S.message(#""text":"just talk""#, channel: "CHALL", kind: "channel"),
            [fromIda(.text, isAnswered: false, text: "just talk", in: "CHALL", thread: ts)]
        ),
        (
            S.message(#""text":"<@UBOT> come""#, channel: "CHALL", kind: "channel"),
            [fromIda(.text, text: "@UBOT come", in: "CHALL", thread: ts)]
        ),
        (
            S.message(#""text":"<@UBOT> come""#, channel: "CHALL", kind: "", type: "app_mention"),
            [fromIda(.text, text: "@UBOT come", in: "CHALL", thread: ts)]
        ),
        (
            S.message(#""text":"<@UBOT> come","bot_id":"BOTHER""#, channel: "CHALL", kind: "", type: "app_mention"),
            [fromIda(.text, isAnswered: false, text: "@UBOT come", in: "CHALL", thread: ts)]
        ),
        (
            S.message(#""text":"we three""#, channel: "GTRIO", kind: "mpim"),
            [fromIda(.text, isAnswered: false, text: "we three", in: "GTRIO", thread: ts)]
        ),
        (
            S.message(#""subtype":"bot_message","bot_id":"B7","text":"beep""#),
            [fromIda(.text, isAnswered: false, text: "beep")]
        ),
        (
            S.message(#""text":"look","subtype":"file_share","files":[\#(file)]"#),
            [fromIda(.image, text: "look", attachments: 1)]
        ),
        (S.message(#""text":"","files":[\#(file),\#(file)]"#), [fromIda(.image, attachments: 2)]),
        (
            S.message(
                #""subtype":"channel_topic","text":"set the topic","topic":"x""#, channel: "CHALL", kind: "channel"),
            [fromIda(.event, isAnswered: false, text: "set the topic", in: "CHALL")]
        ),
        (
            S.message(
                #""subtype":"message_changed","message":{"user":"UIDA","ts":"1789999000.000100","text":"right"},"previous_message":{"text":"wrong"}"#
            ),
            [fromIda(.edited, isAnswered: false, text: "right", target: "1789999000.000100")]
        ),
        // An unfurled link.
        (
            S.message(
                #""subtype":"message_changed","message":{"user":"UIDA","ts":"1789999000.000100","text":"<https://a.test>"},"previous_message":{"text":"<https://a.test>"}"#
            ),
            [fromIda(.event, isAnswered: false, text: "https://a.test", target: "1789999000.000100")]
        ),
        // Our own answer, growing.
        (
            S.message(
                #""subtype":"message_changed","message":{"user":"UBOT","bot_id":"B1","ts":"1","text":"more"},"previous_message":{"text":"mo"}"#
            ), []
        ),
        (
            S.message(
                #""subtype":"message_deleted","deleted_ts":"1789999000.000100","previous_message":{"user":"UIDA"}"#,
                channel: "CHALL", kind: "channel"),
            [
                fromIda(
                    .deleted, isAnswered: false, in: "CHALL", thread: "1789999000.000100", target: "1789999000.000100")
            ]
        ),
        (
            S.envelope(
                #"{"type":"reaction_removed","user":"UIDA","reaction":"eyes","item":{"type":"message","channel":"CHALL","ts":"1.000001"},"event_ts":"2.000001"}"#
            ),
            [fromIda(.reaction, isAnswered: false, in: "CHALL", target: "1.000001")]
        ),
        (
            S.envelope(#"{"type":"member_left_channel","user":"UIDA","channel":"CHALL"}"#),
            [fromIda(.left, isAnswered: false, in: "CHALL")]
        ),
        (
            S.envelope(#"{"type":"channel_created","channel":{"id":"CNEW","name":"new"}}"#),
            [ExpectedEvent(.event, account: "TAC", conversation: "CNEW")]
        ),
        (
            S.envelope(#"{"type":"app_uninstalled"}"#),
            [ExpectedEvent(.event, account: "TAC", conversation: "app_uninstalled")]
        ),
        (
            S.envelope(#"{"type":17,"channel":[],"text":{}}"#),
            [ExpectedEvent(.event, account: "TAC", conversation: "17")]
        ),
        (
            #"{"type":"app_rate_limited","team_id":"TAC","minute_rate_limited":1,"api_app_id":"AAP"}"#,
            [ExpectedEvent(.event, account: "TAC", conversation: "app_rate_limited")]
        ),
        (
            #"{"type":"event_callback","team_id":"TAC"}"#,
            [ExpectedEvent(.event, account: "TAC", conversation: "event_callback")]
        ),
        (
            "command=%2Fweather&text=in+Kyiv+%26amp%3B+Lviv&team_id=TAC&channel_id=CHALL&user_id=UIDA&trigger_id=1.2.x",
            [fromIda(.command, text: "/weather in Kyiv & Lviv", in: "CHALL")]
        ),
        (
            S.form(
                payload:
                    #"{"type":"block_actions","trigger_id":"9.9","team":{"id":"TAC"},"user":{"id":"UIDA"},"channel":{"id":"CHALL"},"container":{"message_ts":"5.000001"},"actions":[{"type":"multi_static_select","action_id":"pick","selected_options":[{"value":"a"},{"value":"b"}]},{"type":"datepicker","action_id":"day","selected_date":"2026-11-21"}]}"#
            ),
            [
                fromIda(.button, text: "a b", in: "CHALL", thread: "5.000001", target: "5.000001"),
                fromIda(.button, text: "2026-11-21", in: "CHALL", thread: "5.000001", target: "5.000001"),
            ]
        ),
        (
            S.form(
                payload:
                    #"{"type":"message_action","team":{"id":"TAC"},"user":{"id":"UIDA"},"channel":{"id":"DIDA"},"message":{"ts":"6.1"},"callback_id":"save"}"#
            ), [fromIda(.event, isAnswered: false, target: "6.1")]
        ),
    ]

    @Test(arguments: rows)
    func `a request becomes what happened`(body: String, expected: [ExpectedEvent]) throws {
        #expect(try S.events(body).map { ExpectedEvent(of: $0) } == expected)
    }

    @Test func `a mention that arrives as two events has one name in common`() throws {
        let mention = #"{"type":"app_mention","channel":"CHALL","user":"UIDA","ts":"7.000001","text":"<@UBOT> hi"}"#
        let message =
            #"{"type":"message","channel":"CHALL","channel_type":"channel","user":"UIDA","ts":"7.000001","text":"<@UBOT> hi"}"#
        let first = try #require(try S.events(S.envelope(mention, id: "EvA1")).first)
        let second = try #require(try S.events(S.envelope(message, id: "EvA2")).first)
        #expect(first.id != second.id)
        #expect(first.aliases == second.aliases)
        #expect(!first.aliases.isEmpty)
    }

    @Test func `what is only recorded takes no name from what is answered`() throws {
        #expect(try S.events(S.message(#""text":"just talk""#, channel: "CHALL", kind: "channel")).first?.aliases == [])
    }

    @Test func `a retry has the name of the first try`() throws {
        let body = #"{"type":"app_rate_limited","team_id":"TAC"}"#
        var retry = S.signed(Array(body.utf8))
        retry.headers["x-slack-retry-num"] = "1"
        retry.headers["x-slack-retry-reason"] = "http_timeout"
        let again = try S.adapter.receive(retry, at: S.now).events
        #expect(again.map(\.id) == (try S.events(body)).map(\.id))
        #expect(again.count == 1)
    }

    @Test func `a time keeps its six digits`() throws {
        let event = try #require(try S.events(S.message(#""text":"x""#)).first)
        #expect(event.sentAt == Timestamp(microseconds: 1_789_999_990_000_300))
        #expect(event.messageID == PlatformMessageID("1789999990.000300"))
    }

    @Test func `a file is kept by reference with what is known of it`() throws {
        let event = try #require(try S.events(S.message(#""text":"","files":[\#(Self.file)]"#)).first)
        #expect(
            event.attachments == [
                Attachment(
                    kind: .image, reference: "F1", url: "https://files.example.test/a.png", name: "a.png",
                    contentType: "image/png", size: 12)
            ])
    }

    @Test(arguments: [
        ("plain", "plain"),
        ("<@U1|ida> and <@U2>", "@ida and @U2"),
        ("<#C1|general>, <#C2>", "#general, #C2"),
        ("<!here> <!channel> <!subteam^S1|@crew>", "@here @channel @crew"),
        ("<!date^1392734382^{date}|Feb 18>", "Feb 18"),
        ("<https://a.test/x?a=1&amp;b=2>", "https://a.test/x?a=1&b=2"),
        ("<https://a.test|the page>", "the page (https://a.test)"),
        ("<http://a.test|a.test>", "http://a.test"),
        ("<mailto:i@a.test|i@a.test>", "i@a.test"),
        ("1 &lt; 2 &amp;lt; &quot;", "1 < 2 &lt; &quot;"),
        ("a < b", "a < b"),
        ("a <b &amp; c", "a <b & c"), ("&amp;&lt;&gt;&amp", "&<>&amp"), ("é &amp; <@U1|zoë&gt;>😀", "é & @zoë>😀"),
        ("<>", ""),
        ("&", "&"),
    ])
    func `a text is written out as a reader sees it`(raw: String, readable: String) {
        #expect(SlackText.readable(raw) == readable)
    }

    @Test(
        arguments: [
            ("1789999990.000300", 1_789_999_990_000_300), ("1789999990", 1_789_999_990_000_000), ("0.000001", nil),
            ("", nil), (".000300", nil), ("1789999990.", nil), ("1789999990.3", nil), ("1789999990.0003001", nil),
            ("1.2.3", nil), ("-1.000000", nil), ("1a.000000", nil), ("1.00000a", nil),
            ("99999999999999999999.000000", nil),
        ] as [(String, Int64?)])
    func `a time is seconds and six digits, or none`(text: String, microseconds: Int64?) {
        #expect(SlackTime.timestamp(text)?.microseconds == microseconds)
    }

    @Test(arguments: FixtureTable.rows)
    func `a recorded payload becomes what the table says`(row: FixtureExpectations.Row) throws {
        let events = try S.adapter.receive(S.signed(row.body(number: 3)), at: S.now).events
        #expect(events.map { ExpectedEvent(of: $0) } == row.events)
    }

    @Test func `recorded payloads get names of their own`() throws {
        var ids: Set<EventID> = []
        for (number, row) in FixtureTable.rows.enumerated() {
            for event in try S.adapter.receive(S.signed(row.body(number: number)), at: S.now).events {
                #expect(ids.insert(event.id).inserted, "\(row.file)")
                for alias in event.aliases { #expect(ids.insert(alias).inserted, "\(row.file)") }
            }
        }
    }

    /// The recorded payloads; without their folder there is nothing to test, and one line says so.
    enum FixtureTable {
        static let rows: [FixtureExpectations.Row] = {
            do {
                if let table = try FixtureExpectations(platform: "slack") { return table.rows }
                print("skipped: the folder of recorded payloads is not there (CHATBRIDGE_TEST_SHARED)")
            } catch {
                Issue.record("\(error)")
            }
            return []
        }()
    }
}
