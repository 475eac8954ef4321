import BridgeCore
import BridgeTesting
import JSON
import Testing
import ZaloAdapter

/// What the events of an Official Account become.
struct ZaloEventTests {
    typealias S = ZaloSamples

    static let lan = "4300000000000000003"
    static let account = "4200000000000000002"

    static func lan(
        _ kind: ContentKind, isAnswered: Bool = false, text: String? = nil, attachments: Int = 0,
        target: String? = nil, replyTo: String? = nil
    ) -> ExpectedEvent {
        .init(
            kind, isAnswered: isAnswered, text: text, sender: lan, conversation: lan, attachments: attachments,
            target: target, replyTo: replyTo)
    }

    static let rows: [(body: String, expected: [ExpectedEvent])] = [
        (S.message(#""text":"chào""#), [lan(.text, isAnswered: true, text: "chào")]),
        (
            S.message(#""text":"này","quote_msg_id":"m0""#),
            [lan(.text, isAnswered: true, text: "này", replyTo: "m0")]
        ),
        (S.message(#""text":null"#), [lan(.text)]),
        (
            S.message(
                #""text":"ly","attachments":[{"type":"image","payload":{"url":"https://x.test/1.jpg","thumbnail":"https://x.test/t.jpg"}}]"#,
                name: "user_send_image"), [lan(.image, isAnswered: true, text: "ly", attachments: 1)]
        ),
        (
            S.message(
                #""attachments":[{"type":"gif","payload":{"url":"https://x.test/1.gif"}},null,{"type":"image","payload":{"url":"https://x.test/2.jpg"}}]"#,
                name: "user_send_gif"), [lan(.image, isAnswered: true, attachments: 2)]
        ),
        (
            S.message(
                #""attachments":[{"type":"audio","payload":{"url":"https://x.test/1.aac"}}]"#, name: "user_send_audio"),
            [lan(.audio, isAnswered: true, attachments: 1)]
        ),
        (
            S.message(
                #""attachments":[{"type":"video","payload":{"url":"https://x.test/1.mp4"}}]"#, name: "user_send_video"),
            [lan(.video, isAnswered: true, attachments: 1)]
        ),
        (
            S.message(
                #""attachments":[{"type":"sticker","payload":{"id":"46","url":"https://x.test/s"}}]"#,
                name: "user_send_sticker"),
            [lan(.sticker, isAnswered: true, attachments: 1)]
        ),
        (
            S.message(
                #""text":"","attachments":[{"type":"location","payload":{"coordinates":{"latitude":"16.05","longitude":"108.2"}}}]"#,
                name: "user_send_location"), [lan(.location, isAnswered: true)]
        ),
        (
            S.message(#""attachments":[{"type":"link","payload":{"url":"https://x.test/"}}]"#, name: "user_send_link"),
            [lan(.text, isAnswered: true, text: "https://x.test/")]
        ),
        (
            S.message(
                #""text":"Bình","attachments":[{"type":"link","payload":{"description":"{\"phone\":\"84900000000\"}","url":"https://x.test/q"}}]"#,
                name: "user_send_business_card"), [lan(.contact, isAnswered: true, text: "Bình")]
        ),
        (
            S.message(
                #""attachments":[{"type":"hologram","payload":{"url":"https://x.test/h"}}]"#, name: "user_send_hologram"
            ),
            [lan(.event)]
        ),
        (S.message(#""text":"mới""#, name: "user_send_hologram"), [lan(.text, isAnswered: true, text: "mới")]),
        (
            S.message(#""text":"khách","conversation_id":"c9""#, name: "anonymous_send_text"),
            [lan(.text, isAnswered: true, text: "khách")]
        ),
        (
            S.echo("oa_send_text", #""message":{"msg_id":"m2","text":"vâng"}"#),
            [.init(.text, text: "vâng", sender: account, conversation: lan)]
        ),
        (
            S.echo(
                "oa_send_image",
                #""message":{"msg_id":"m2","attachments":[{"type":"image","payload":{"url":"https://x.test/1"}}]}"#),
            [.init(.image, sender: account, conversation: lan, attachments: 1)]
        ),
        (
            S.echo("oa_send_list", #""message":{"msg_id":"m2","attachments":[{"type":"list","payload":{}}]}"#),
            [.init(.event, sender: account, conversation: lan)]
        ),
        (S.echo("user_received_message", #""message":{"msg_id":"m2"}"#), [lan(.status, target: "m2")]),
        (S.echo("user_seen_message", #""message":{"msg_ids":["m2","m3"]}"#), [lan(.status)]),
        (
            #"{"app_id":"\#(S.app)","event_name":"user_received_message","timestamp":"1789999990123","sender":"42","recipient":"84900000000","msg_id":"z1"}"#,
            [.init(.status, sender: "84900000000", conversation: "84900000000", target: "z1")]
        ),
        (
            #"{"app_id":"\#(S.app)","event_name":"follow","timestamp":"1789999990123","oa_id":"42","follower":{"id":"43"}}"#,
            [.init(.joined, sender: "43", conversation: "43")]
        ),
        (
            #"{"app_id":"\#(S.app)","event_name":"unfollow","timestamp":"1789999990123","oa_id":"42","follower":{"id":"43"}}"#,
            [.init(.left, sender: "43", conversation: "43")]
        ),
        (
            S.event("user_reacted_message", #""message":{"msg_id":"m2","react_icon":"/-heart"}"#),
            [lan(.reaction, text: "/-heart", target: "m2")]
        ),
        (S.event("user_click_chatnow", #""user_id":"43""#), [lan(.event)]),
        (S.event("user_submit_info", #""info":{"name":"Lan"}"#), [lan(.event)]),
        (S.event("user_send_group_text", #""message":{"msg_id":"m4","text":"x"}"#), [lan(.event)]),
        (
            #"{"app_id":"\#(S.app)","event_name":"add_user_to_tag","timestamp":"1789999990123","user_id":"43"}"#,
            [.init(.event, sender: "43", conversation: "43")]
        ),
        (#"{"app_id":"\#(S.app)","event_name":"shop_has_news"}"#, [.init(.event, conversation: "shop_has_news")]),
    ]

    @Test(arguments: rows.indices)
    func `an event becomes what it means`(index: Int) throws {
        let row = Self.rows[index]
        #expect(try S.events(row.body).map { ExpectedEvent(of: $0) } == row.expected)
    }

    @Test func `ids and times are exact, as text or as numbers`() throws {
        let texts = try S.events(S.message(#""text":"x""#))[0]
        let numbers = try S.events(
            #"{"app_id":\#(S.app),"event_name":"user_send_text","timestamp":1789999990123,"sender":{"id":4300000000000000003},"recipient":{"id":1},"message":{"msg_id":"m1","text":"x"}}"#
        )[0]
        #expect(numbers.place == texts.place)
        #expect(numbers.sentAt == texts.sentAt)
        #expect(numbers.id == texts.id)
        #expect(texts.sentAt == Timestamp(microseconds: 1_789_999_990_123_000))
    }

    @Test func `a repeated webhook has the same id, and no two events share one`() throws {
        var ids: Set<String> = []
        for row in Self.rows.map(\.body) where row.contains("user_r") || row.contains("seen") || row.contains("follow")
        {
            let id = try S.events(row)[0].id.rawValue
            #expect(try S.events(row)[0].id.rawValue == id)
            #expect(ids.insert(id).inserted)
        }
        #expect(ids.count == 6)
    }

    @Test func `receipts say which messages came how far`() throws {
        let seen = try S.events(S.echo("user_seen_message", #""message":{"msg_ids":["m2","m3"]}"#))[0]
        #expect(seen.receipt == .init(.read, of: [PlatformMessageID("m2"), PlatformMessageID("m3")]))
        let received = try S.events(S.echo("user_received_message", #""message":{"msg_id":"m2"}"#))[0]
        #expect(received.receipt == .init(.delivered, of: [PlatformMessageID("m2")]))
    }

    @Test func `a file is kept with its address, name and size`() throws {
        let body = S.message(
            #""attachments":[{"type":"file","payload":{"url":"https://x.test/f.docx","size":"81920","name":"f.docx","type":"docx"}}]"#,
            name: "user_send_file")
        #expect(
            try S.events(body)[0].attachments == [
                Attachment(kind: .file, url: "https://x.test/f.docx", name: "f.docx", size: 81920)
            ])
    }

    @Test(arguments: FixtureTable.rows)
    func `a recorded payload becomes what the table says`(row: FixtureExpectations.Row) throws {
        let adapter = ZaloAdapter(
            configuration: ZaloConfiguration(
                appID: "7100000000000000101", appSecret: "s", oaSecretKey: "k", accessToken: "a", refreshToken: "r"))
        let webhook = S.signed(row.body(number: 3), app: "7100000000000000101", key: "k")
        let events = try adapter.receive(webhook, at: S.now).events
        #expect(events.map { ExpectedEvent(of: $0) } == row.events)
    }

    /// The recorded payloads; without their folder there is nothing to test, and one line says so.
    enum FixtureTable {
        static let rows: [FixtureExpectations.Row] = {
            do {
                if let table = try FixtureExpectations(platform: "zalo") { return table.rows }
                print("skipped: the folder of recorded payloads is not there (CHATBRIDGE_TEST_SHARED)")
            } catch {
                Issue.record("\(error)")
            }
            return []
        }()
    }
}
