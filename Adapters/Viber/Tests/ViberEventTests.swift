import BridgeCore
import BridgeTesting
import JSON
import Testing
import ViberAdapter

/// What Viber's callbacks become.
struct ViberEventTests {
    typealias S = ViberSamples

    static func ola(
        _ kind: ContentKind, isAnswered: Bool = false, text: String? = nil, attachments: Int = 0, target: String? = nil
    ) -> ExpectedEvent {
        .init(
            kind, isAnswered: isAnswered, text: text, sender: "dXNlcg==", conversation: "dXNlcg==",
            attachments: attachments, target: target)
    }

    static let rows: [(body: String, expected: [ExpectedEvent])] = [
        (S.message(#""type":"text","text":"hei","tracking_data":"t""#), [ola(.text, isAnswered: true, text: "hei")]),
        (S.message(#""type":"text""#), [ola(.text)]),
        (
            S.message(#""type":"picture","text":"the pier","media":"https://x.test/p.jpg","file_name":"p.jpg""#),
            [ola(.image, isAnswered: true, text: "the pier", attachments: 1)]
        ),
        (
            S.message(#""type":"video","media":"https://x.test/v.mp4","size":99,"duration":12"#),
            [ola(.video, isAnswered: true, attachments: 1)]
        ),
        (
            S.message(#""type":"file","media":"https://x.test/f.pdf","file_name":"f.pdf","size":"1024""#),
            [ola(.file, isAnswered: true, attachments: 1)]
        ),
        (S.message(#""type":"sticker","sticker_id":46105"#), [ola(.sticker, isAnswered: true, attachments: 1)]),
        (
            S.message(#""type":"contact","contact":{"name":"Per","phone_number":"+4700000000"}"#),
            [ola(.contact, isAnswered: true)]
        ),
        (
            S.message(#""type":"location","location":{"lat":59.9,"lon":10.7}"#),
            [ola(.location, isAnswered: true)]
        ),
        (
            S.message(#""type":"url","media":"https://x.test/""#),
            [ola(.text, isAnswered: true, text: "https://x.test/")]
        ),
        (S.message(#""type":"hologram""#), [ola(.event)]),
        (
            S.callback("message", #""sender":null,"message":{"type":"text","text":"x"}"#),
            [
                .init(.text, text: "x", conversation: "message")
            ]
        ),
        (S.callback("subscribed", #""user":\#(S.ola)"#), [ola(.joined)]),
        (S.callback("unsubscribed"), [ola(.left)]),
        (S.callback("conversation_started", #""type":"open","subscribed":false,"user":\#(S.ola)"#), [ola(.event)]),
        (S.callback("delivered"), [ola(.status, target: "5999999999999999997")]),
        (S.callback("seen"), [ola(.status, target: "5999999999999999997")]),
        (
            S.callback("failed", #""user_id":"dXNlcg==","desc":"failure description""#),
            [
                ola(.status, target: "5999999999999999997")
            ]
        ),
        (S.callback("client_status", #""user":\#(S.ola)"#), [ola(.event)]),
        (S.callback("fresh_news", #""x":1"#), [.init(.event, conversation: "fresh_news")]),
        (#"{"event":"webhook","timestamp":4977069964384421269,"message_token":1478683725125}"#, []),
    ]

    @Test(arguments: rows.indices)
    func `a callback becomes what it means`(index: Int) throws {
        let row = Self.rows[index]
        #expect(try S.events(row.body).map { ExpectedEvent(of: $0) } == row.expected)
    }

    @Test func `tokens are exact, and tell callbacks apart`() throws {
        let message = try S.events(S.message(#""type":"text","text":"x""#))[0]
        #expect(message.messageID?.rawValue == "5999999999999999997")
        #expect(message.id.rawValue == "message:5999999999999999997")
        #expect(try S.events(S.callback("seen"))[0].id != S.events(S.callback("delivered"))[0].id)
        let signed = #"{"event":"subscribed","user_id":"u","message_token":18446744073709551615}"#
        #expect(try S.events(signed)[0].id.rawValue == "subscribed:18446744073709551615")
        let unnamed = try S.events(#"{"event":"subscribed","user_id":"u"}"#)[0].id
        #expect(try S.events(#"{"event":"subscribed","user_id":"v"}"#)[0].id != unnamed)
    }

    @Test func `who wrote, when and in which language is kept`() throws {
        let event = try S.events(S.message(#""type":"text","text":"x""#))[0]
        #expect(event.sender == .init(id: PlatformUserID("dXNlcg=="), name: "Ola", locale: "nb"))
        #expect(event.sentAt == Timestamp(microseconds: 1_789_999_990_123_000))
        #expect(event.metadata["country"] == .string("NO"))
    }

    @Test(arguments: [
        ("delivered", InboundEvent.Receipt.Status.delivered, nil), ("seen", .read, nil),
        ("failed", .failed, "not on Viber"),
    ])
    func `a receipt moves the message of ours`(
        name: String, status: InboundEvent.Receipt.Status, reason: String?
    ) throws {
        let fields = #""user_id":"u""# + (reason.map { #","desc":"\#($0)""# } ?? "")
        let receipt = try S.events(S.callback(name, fields))[0].receipt
        #expect(receipt == .init(status, of: [PlatformMessageID("5999999999999999997")], reason: reason))
    }

    @Test func `a file is kept with its address, name and size`() throws {
        let event = try S.events(
            S.message(#""type":"file","media":"https://x.test/f.pdf","file_name":"f.pdf","size":"1024""#))[0]
        #expect(
            event.attachments == [
                Attachment(kind: .file, url: "https://x.test/f.pdf", name: "f.pdf", size: 1024)
            ])
    }

    @Test(arguments: FixtureTable.rows)
    func `a recorded payload becomes what the table says`(row: FixtureExpectations.Row) throws {
        let events = try S.adapter.receive(S.signed(row.body(number: 3)), at: S.now).events
        #expect(events.map { ExpectedEvent(of: $0) } == row.events)
    }

    /// The recorded payloads; without their folder there is nothing to test, and one line says so.
    enum FixtureTable {
        static let rows: [FixtureExpectations.Row] = {
            do {
                if let table = try FixtureExpectations(platform: "viber") { return table.rows }
                print("skipped: the folder of recorded payloads is not there (CHATBRIDGE_TEST_SHARED)")
            } catch {
                Issue.record("\(error)")
            }
            return []
        }()
    }
}
