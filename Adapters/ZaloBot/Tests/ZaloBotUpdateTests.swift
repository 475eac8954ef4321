import BridgeCore
import BridgeTesting
import Testing
import ZaloBotAdapter

/// What updates become.
struct ZaloBotUpdateTests {
    typealias S = ZaloBotSamples

    static func lan(
        _ kind: ContentKind, isAnswered: Bool = true, text: String? = nil, attachments: Int = 0
    ) -> ExpectedEvent {
        .init(kind, isAnswered: isAnswered, text: text, sender: "u3", conversation: "u3", attachments: attachments)
    }

    static let rows: [(body: String, expected: [ExpectedEvent])] = [
        (S.message(#""text":"chào""#), [lan(.text, text: "chào")]),
        (S.message(#""text":"chào""#, isWrapped: true), [lan(.text, text: "chào")]),
        (S.message(#""text":null"#), [lan(.text, isAnswered: false)]),
        (
            S.message(#""text":"@Bot ơi""#, chat: #"{"id":"g1","chat_type":"GROUP"}"#),
            [.init(.text, isAnswered: true, text: "@Bot ơi", sender: "u3", conversation: "g1")]
        ),
        (
            S.message(#""text":"tôi""#, from: #"{"id":"u9","is_bot":true}"#),
            [.init(.text, text: "tôi", sender: "u9", conversation: "u3")]
        ),
        (
            S.message(#""text":"tôi""#, from: #"{"id":"5500001"}"#),
            [.init(.text, text: "tôi", sender: "5500001", conversation: "u3")]
        ),
        (
            S.message(#""photo_url":"https://x.test/1.jpg","caption":"ly""#, event: "image"),
            [lan(.image, text: "ly", attachments: 1)]
        ),
        (S.message(#""photo":"https://x.test/1.jpg""#, event: "image"), [lan(.image, attachments: 1)]),
        (S.message(#""voice_url":"https://x.test/1.aac""#, event: "voice"), [lan(.audio, attachments: 1)]),
        (
            S.message(#""sticker":"bfe458bf64fa8da4d4eb","url":"https://x.test/s""#, event: "sticker"),
            [lan(.sticker, attachments: 1)]
        ),
        (S.message(#""x":1"#, event: "unsupported"), [lan(.event, isAnswered: false)]),
        (
            #"{"ok":true,"result":{"event_name":"message.unsupported.received"}}"#,
            [.init(.event, conversation: "message.unsupported.received")]
        ),
        (S.message(#""text":"mới""#, event: "hologram"), [lan(.text, text: "mới")]),
        (S.message(#""x":1"#, event: "hologram"), [lan(.event, isAnswered: false)]),
        (
            #"{"event_name":"bot.joined.group","message":{"chat":{"id":"g1","chat_type":"GROUP"}}}"#,
            [.init(.event, conversation: "g1")]
        ),
        (
            #"{"event_name":"message.text.received","message":{"text":"ai?"}}"#,
            [.init(.text, text: "ai?", conversation: "message.text.received")]
        ),
    ]

    @Test(arguments: rows.indices)
    func `an update becomes what it means`(index: Int) throws {
        let row = Self.rows[index]
        #expect(try S.events(row.body).map { ExpectedEvent(of: $0) } == row.expected)
    }

    @Test(arguments: [
        ("1789999990123", 1_789_999_990_123_000 as Int64?), ("1789999990", 1_789_999_990_000_000),
        ("\"1789999990123\"", 1_789_999_990_123_000), ("0", nil), ("9223372036854775807", nil), ("null", nil),
    ])
    func `a date is in milliseconds or in seconds`(date: String, microseconds: Int64?) throws {
        let body =
            #"{"event_name":"message.text.received","message":{"from":\#(S.lan),"chat":\#(S.home),"message_id":"m","date":\#(date),"text":"x"}}"#
        #expect(try S.events(body)[0].sentAt == microseconds.map { Timestamp(microseconds: $0) })
    }

    @Test func `both forms of an update are one event`() throws {
        let plain = try S.events(S.message(#""text":"x""#))[0]
        let wrapped = try S.events(S.message(#""text":"x""#, isWrapped: true))[0]
        #expect(plain.id == wrapped.id)
        #expect(plain.id.rawValue == "message.text.received:m1")
        #expect(plain.sender == .init(id: PlatformUserID("u3"), name: "Lan"))
        #expect(try S.events(S.message(#""text":"x""#, chat: #"{"id":"g1","chat_type":"GROUP"}"#))[0].place.isGroup)
    }

    @Test(arguments: FixtureTable.rows)
    func `a recorded payload becomes what the table says`(row: FixtureExpectations.Row) throws {
        let events = try S.adapter.receive(S.webhook(row.body(number: 3)), at: S.now).events
        #expect(events.map { ExpectedEvent(of: $0) } == row.events)
    }

    /// The recorded payloads; without their folder there is nothing to test, and one line says so.
    enum FixtureTable {
        static let rows: [FixtureExpectations.Row] = {
            do {
                if let table = try FixtureExpectations(platform: "zalobot") { return table.rows }
                print("skipped: the folder of recorded payloads is not there (CHATBRIDGE_TEST_SHARED)")
            } catch {
                Issue.record("\(error)")
            }
            return []
        }()
    }
}
