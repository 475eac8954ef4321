import BridgeCore
import BridgeTesting
import HTTPCore
import JSON
import MessengerAdapter
import Testing

/// What webhooks become.
struct MessengerEventTests {
    typealias S = MessengerSamples

    /// An event of Ida's.
    static func ida(
        _ kind: ContentKind, isAnswered: Bool = true, text: String? = nil, attachments: Int = 0,
        target: String? = nil, replyTo: String? = nil
    ) -> ExpectedEvent {
        ExpectedEvent(
            kind, isAnswered: isAnswered, text: text, sender: "41", account: "900", conversation: "41",
            attachments: attachments, target: target, replyTo: replyTo)
    }

    static let rows: [(body: String, expected: [ExpectedEvent])] = [
        (S.message(#""text":"good morning""#), [ida(.text, text: "good morning")]),
        (S.message(#""text":"yes","reply_to":{"mid":"m_0"}"#), [ida(.text, text: "yes", replyTo: "m_0")]),
        (
            S.message(#""text":"Red","quick_reply":{"payload":"COLOUR_RED"}"#), [ida(.button, text: "COLOUR_RED")]
        ),
        (
            S.message(
                #""text":"look","attachments":[{"type":"image","payload":{"url":"https://a.test/1"}},{"type":"video","payload":{"url":"https://a.test/2"}}]"#
            ), [ida(.image, text: "look", attachments: 2)]
        ),
        (
            S.message(#""attachments":[{"type":"audio","payload":{"url":"https://a.test/3"}}]"#),
            [ida(.audio, attachments: 1)]
        ),
        (
            S.message(#""attachments":[{"type":"file","payload":{"url":"https://a.test/4"}}]"#),
            [ida(.file, attachments: 1)]
        ),
        (
            S.message(#""attachments":[{"type":"image","payload":{"url":"https://a.test/5","sticker_id":17}}]"#),
            [ida(.sticker, attachments: 1)]
        ),
        (
            S.message(
                #""attachments":[{"type":"location","title":"Pier","payload":{"coordinates":{"lat":1.5,"long":2}}}]"#),
            [ida(.location)]
        ),
        (
            S.message(
                #""text":"see https://a.test","attachments":[{"type":"fallback","payload":{"url":"https://a.test","title":"A"}}]"#
            ), [ida(.text, text: "see https://a.test")]
        ),
        (
            S.message(#""attachments":[{"type":"fallback","title":"A","url":"https://a.test/6","payload":null}]"#),
            [ida(.text, text: "https://a.test/6")]
        ),
        (
            S.message(#""attachments":[{"type":"story_mention","payload":{"url":"https://a.test/7"}}]"#),
            [ida(.file, attachments: 1)]
        ),
        (S.message(#""attachments":[{"type":"hologram"}]"#), [ida(.event, isAnswered: false)]),
        (S.message(#""is_unsupported":true"#), [ida(.event, isAnswered: false)]),
        (S.message(#""is_deleted":true"#), [ida(.deleted, isAnswered: false, target: "m_1")]),
        (S.message(#""text":{"odd":1}"#), [ida(.event, isAnswered: false)]),
        (
            S.item(#""message_edit":{"mid":"m_1","text":"right","num_edit":2}"#),
            [ida(.edited, isAnswered: false, text: "right", target: "m_1")]
        ),
        (
            S.item(#""reaction":{"mid":"m_1","action":"react","reaction":"wow"}"#),
            [ida(.reaction, isAnswered: false, text: "wow", target: "m_1")]
        ),
        (
            S.item(#""reaction":{"mid":"m_1","action":"unreact","emoji":"❤"}"#),
            [ida(.reaction, isAnswered: false, target: "m_1")]
        ),
        (S.item(#""postback":{"title":"Start"}"#), [ida(.button, text: "Start")]),
        (S.item(#""delivery":{"watermark":1789999990000}"#), [ida(.status, isAnswered: false)]),
        (S.item(#""read":{"watermark":1789999990000}"#), [ida(.status, isAnswered: false)]),
        (S.item(#""read":{"mid":"m_9"}"#), [ida(.status, isAnswered: false, target: "m_9")]),
        (S.item(#""referral":{"ref":"poster","source":"SHORTLINK"}"#), [ida(.event, isAnswered: false)]),
        (S.item(#""account_linking":{"status":"linked"}"#), [ida(.event, isAnswered: false)]),
        (S.item(#""pass_thread_control":{"new_owner_app_id":1}"#), [ida(.event, isAnswered: false)]),
        // What another application handles now.
        (
            S.item(#""message":{"mid":"m_2","text":"for the others"}"#, list: "standby"),
            [ida(.text, isAnswered: false, text: "for the others")]
        ),
        // Who came by a plug-in has no id yet.
        (
            S.entry(
                #""messaging":[{"recipient":{"id":"900"},"timestamp":1,"optin":{"ref":"x","user_ref":"ref-7"}}]"#),
            [ExpectedEvent(.event, sender: "ref-7", account: "900", conversation: "ref-7")]
        ),
        // The page's own words, said here or elsewhere.
        (
            S.entry(
                #""messaging":[{"sender":{"id":"900"},"recipient":{"id":"41"},"message":{"mid":"m_3","is_echo":true,"app_id":5,"attachments":[{"type":"template","payload":{"template_type":"button","text":"Pick"}}]}}]"#
            ), [ExpectedEvent(.event, text: "Pick", sender: "900", account: "900", conversation: "41")]
        ),
        (
            S.entry(
                #""messaging":[{"sender":{"id":"900"},"recipient":{"id":"41"},"message":{"mid":"m_4","text":"x"}}]"#),
            [ExpectedEvent(.text, text: "x", sender: "900", account: "900", conversation: "41")]
        ),
        // Posts and comments.
        (
            S.entry(
                #""changes":[{"field":"feed","value":{"from":{"id":"41","name":"Ida"},"item":"comment","message":"nice"}}]"#
            ), [ida(.event, isAnswered: false, text: "nice")]
        ),
        (S.entry(#""changes":[17]"#), [ExpectedEvent(.event, account: "900", conversation: "changes")]),
        (S.entry(#""hologram":[]"#), [ExpectedEvent(.event, account: "900", conversation: "entry")]),
        (
            #"{"object":"page","entry":null}"#, [ExpectedEvent(.event, conversation: "entry")]
        ),
        // One item that is none, between two that are.
        (
            S.entry(
                #""messaging":[{"sender":{"id":"41"},"message":{"mid":"m_5","text":"one"}},null,{"sender":{"id":"41"},"message":{"mid":"m_6","text":"two"}}]"#
            ),
            [
                ida(.text, text: "one"), ExpectedEvent(.event, account: "900", conversation: "messaging"),
                ida(.text, text: "two"),
            ]
        ),
    ]

    @Test(arguments: rows.indices)
    func `a webhook becomes what happened`(index: Int) throws {
        let row = Self.rows[index]
        #expect(try S.events(row.body).map { ExpectedEvent(of: $0) } == row.expected)
    }

    @Test func `a delivery names messages and a time`() throws {
        let event = try #require(
            try S.events(S.item(#""delivery":{"mids":["m_7","m_8"],"watermark":1789999990000}"#)).first)
        #expect(
            event.receipt
                == InboundEvent.Receipt(
                    .delivered, of: [PlatformMessageID("m_7"), PlatformMessageID("m_8")],
                    upTo: Timestamp(seconds: 1_789_999_990)))
    }

    @Test func `a reading names a time, or a message`() throws {
        #expect(
            try S.events(S.item(#""read":{"watermark":1789999990000}"#)).first?.receipt
                == InboundEvent.Receipt(.read, upTo: Timestamp(seconds: 1_789_999_990)))
        #expect(
            try S.events(S.item(#""read":{"mid":"m_9"}"#)).first?.receipt
                == InboundEvent.Receipt(.read, of: [PlatformMessageID("m_9")]))
    }

    @Test func `two presses of one button are two events, and a press that comes again is one`() throws {
        let press = S.item(#""postback":{"title":"Start","payload":"GO"}"#)
        let later = press.split(separator: "1789999990000").joined(separator: "1789999995000")
        #expect(try S.events(press).map(\.id) == (try S.events(press)).map(\.id))
        #expect(try S.events(press).map(\.id) != (try S.events(later)).map(\.id))
    }

    @Test func `a relative address is one of Facebook's`() throws {
        let event = try #require(
            try S.events(
                S.message(#""attachments":[{"type":"ig_reel","payload":{"url":"/reel/5/","reel_video_id":5}}]"#)
            ).first)
        #expect(
            event.attachments == [
                Attachment(kind: .video, reference: "5", url: "https://www.facebook.com/reel/5/")
            ])
    }

    @Test(arguments: FixtureTable.rows)
    func `a recorded payload becomes what the table says`(row: FixtureExpectations.Row) throws {
        let events = try S.adapter.receive(S.signed(row.body), at: S.now).events
        #expect(events.map { ExpectedEvent(of: $0) } == row.events)
    }

    @Test func `the recorded signatures are right, and every change of them wrong`() throws {
        guard let bytes = FixtureExpectations.file("signatures.json", of: "messenger") else { return }
        for vector in try JSONView(parsing: bytes)["vectors"].elements {
            let adapter = MessengerAdapter(
                configuration: MessengerConfiguration(
                    pageAccessToken: Secret(S.token), verifyToken: Secret(S.verifyToken),
                    appSecret: Secret(try #require(vector["app_secret"].string))))
            var headers = HTTPFields()
            for (name, value) in vector["headers"].members { headers.append(name, value.string ?? "") }
            let body = Array(try #require(vector["raw_body"].string).utf8)
            let request = WebhookRequest(target: "/webhooks/messenger", headers: headers, body: body)
            guard vector["expected_valid"].bool == true else {
                #expect(throws: WebhookRejection.self) { try adapter.receive(request, at: S.now) }
                continue
            }
            #expect(try !adapter.receive(request, at: S.now).events.isEmpty)
            for index in body.indices {
                var tampered = request
                tampered.body[index] ^= 1
                #expect(throws: WebhookRejection.self) { try adapter.receive(tampered, at: S.now) }
            }
        }
    }

    /// The recorded payloads; without their folder there is nothing to test, and one line says so.
    enum FixtureTable {
        static let rows: [FixtureExpectations.Row] = {
            do {
                if let table = try FixtureExpectations(platform: "messenger") { return table.rows }
                print("skipped: the folder of recorded payloads is not there (CHATBRIDGE_TEST_SHARED)")
            } catch {
                Issue.record("\(error)")
            }
            return []
        }()
    }
}
