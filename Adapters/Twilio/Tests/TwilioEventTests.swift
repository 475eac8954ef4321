import BridgeCore
import BridgeTesting
import Crypto
import HTTPCore
import JSON
import Testing
import TwilioAdapter

/// What webhooks become.
struct TwilioEventTests {
    typealias S = TwilioSamples

    /// An event of Ada's by SMS.
    static func ada(
        _ kind: ContentKind, isAnswered: Bool = true, text: String? = nil, attachments: Int = 0
    ) -> ExpectedEvent {
        ExpectedEvent(
            kind, isAnswered: isAnswered, text: text, sender: "+15550100042", account: "+15550100000",
            conversation: "+15550100042", attachments: attachments)
    }

    /// An event of Ada's by WhatsApp.
    static func adaOnWhatsApp(
        _ kind: ContentKind, text: String? = nil, target: String? = nil, replyTo: String? = nil
    ) -> ExpectedEvent {
        ExpectedEvent(
            kind, isAnswered: true, text: text, sender: "whatsapp:+15550100042", account: "whatsapp:+15550100000",
            conversation: "whatsapp:+15550100042", target: target, replyTo: replyTo)
    }

    static let rows: [(body: String, expected: ExpectedEvent)] = [
        (S.sms(["Body": "good morning", "NumMedia": "0"]), ada(.text, text: "good morning")),
        (S.sms(["Body": "a+b=c & d%"]), ada(.text, text: "a+b=c & d%")),
        (S.sms(["Body": "", "NumMedia": "0"]), ada(.event, isAnswered: false)),
        (
            S.sms([
                "Body": "look", "NumMedia": "2", "MediaUrl0": "https://a.test/1", "MediaContentType0": "image/png",
                "MediaUrl1": "https://a.test/2", "MediaContentType1": "application/pdf",
            ]), ada(.image, text: "look", attachments: 2)
        ),
        (
            S.sms(["NumMedia": "1", "MediaUrl0": "https://a.test/3", "MediaContentType0": "text/vcard"]),
            ada(.contact, attachments: 1)
        ),
        (S.sms(["NumMedia": "1", "MediaUrl0": "https://a.test/4"]), ada(.file, attachments: 1)),
        // Twilio answers these itself.
        (S.sms(["Body": " Stop \n"]), ada(.left, isAnswered: false, text: " Stop \n")),
        (S.sms(["Body": "Stop it, please"]), ada(.text, text: "Stop it, please")),
        (S.sms(["Body": "Arrêt", "OptOutType": "STOP"]), ada(.left, isAnswered: false, text: "Arrêt")),
        (S.sms(["Body": "START", "OptOutType": "START"]), ada(.joined, isAnswered: false, text: "START")),
        (S.sms(["Body": "HELP", "OptOutType": "HELP"]), ada(.text, isAnswered: false, text: "HELP")),
        (S.sms(["Body": "YES"]), ada(.text, text: "YES")),
        // Our own number wrote to itself.
        (
            S.form(["MessageSid": "SM3", "From": "+15550100000", "To": "+15550100000", "Body": "x"]),
            ExpectedEvent(
                .text, text: "x", sender: "+15550100000", account: "+15550100000", conversation: "+15550100000")
        ),
        (S.whatsApp(["Body": "hello"]), adaOnWhatsApp(.text, text: "hello")),
        (S.whatsApp(["Body": "stop"]), adaOnWhatsApp(.text, text: "stop")),
        (
            S.whatsApp(["Body": "Yes", "ButtonText": "Yes", "ButtonPayload": "y-1", "OriginalRepliedMessageSid": "SM9"]
            ),
            adaOnWhatsApp(.button, text: "y-1", target: "SM9")
        ),
        (S.whatsApp(["Body": "Two", "ListId": "row-2", "ListTitle": "Two"]), adaOnWhatsApp(.button, text: "row-2")),
        (
            S.whatsApp(["Body": "as I said", "OriginalRepliedMessageSid": "SM9"]),
            adaOnWhatsApp(.text, text: "as I said", replyTo: "SM9")
        ),
        (
            S.whatsApp(["Body": "", "Latitude": "1.5", "Longitude": "-2.25", "Label": "Pier", "Address": "1 Quay"]),
            adaOnWhatsApp(.location, text: "Pier\n1 Quay")
        ),
        // A + that nobody encoded.
        ("MessageSid=SM4&From=+15550100042&To=+15550100000&Body=hi", ada(.text, text: "hi")),
        (
            S.form(["MessageSid": "SM5", "MessageStatus": "delivered", "From": "+15550100000", "To": "+15550100042"]),
            ExpectedEvent(.status, account: "+15550100000", conversation: "+15550100042", target: "SM5")
        ),
        // A call, and something that nobody knows.
        (
            S.form(["CallSid": "CA1", "From": "+15550100042", "To": "+15550100000", "Digits": "7"]),
            ada(.event, isAnswered: false)
        ),
        (S.form(["SyncSid": "IS1", "Body": "x"]), ExpectedEvent(.event, conversation: "SyncSid")),
        (
            S.form(["SmsSid": "SM6", "SmsStatus": "sent", "From": "+15550100000", "To": "+15550100042"]),
            ExpectedEvent(.status, account: "+15550100000", conversation: "+15550100042", target: "SM6")
        ),
    ]

    @Test(arguments: rows.indices)
    func `a webhook becomes what happened`(index: Int) throws {
        let row = Self.rows[index]
        #expect(try S.events(row.body).map { ExpectedEvent(of: $0) } == [row.expected])
    }

    @Test func `a person with a user id is known by it and answered at the number`() throws {
        let event = try #require(
            try S.events(S.whatsApp(["Body": "hi", "ExternalUserId": "whatsapp:US.1234"])).first)
        #expect(event.place.conversation == ConversationID("whatsapp:US.1234"))
        let action = OutboundAction(
            id: UUID(high: 0, low: 0), kind: .send(text: "a", format: .plain), place: event.place,
            replyContext: event.replyContext)
        let request = try #require(S.adapter().encode(action, at: S.now))
        let fields = HTTPPercentEncoding.decodeForm(request.body)
        #expect(fields.first { $0.name == "To" }?.value == "whatsapp:+15550100042")
    }

    @Test(
        arguments: [
            ("sent", InboundEvent.Receipt.Status.sent, nil), ("delivered", .delivered, nil), ("read", .read, nil),
            ("failed", .failed, "21610 the person has opted out (STOP)"),
            ("undelivered", .failed, "21610 the person has opted out (STOP)"),
        ] as [(String, InboundEvent.Receipt.Status, String?)])
    func `news of a message is a receipt`(
        word: String, status: InboundEvent.Receipt.Status, reason: String?
    ) throws {
        let body = S.form([
            "MessageSid": "SM5", "MessageStatus": word, "To": "+1", "ErrorCode": reason == nil ? "" : "21610",
        ])
        #expect(
            try S.events(body).first?.receipt
                == InboundEvent.Receipt(status, of: [PlatformMessageID("SM5")], reason: reason))
    }

    @Test func `a state on the way is no receipt`() throws {
        for word in ["queued", "accepted", "sending", "wobbling"] {
            let event = try #require(
                try S.events(S.form(["MessageSid": "SM5", "MessageStatus": word, "To": "+1"])).first)
            #expect(event.kind == .status)
            #expect(event.receipt == nil)
        }
    }

    @Test func `media are kept by address and SID`() throws {
        let sid = "ME812da94c541dd075cd21c53096b6cb2c"
        let url = "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM1/Media/\(sid)"
        let event = try #require(
            try S.events(S.sms(["NumMedia": "1", "MediaUrl0": url, "MediaContentType0": "image/jpeg"])).first)
        #expect(event.attachments == [Attachment(kind: .image, reference: sid, url: url, contentType: "image/jpeg")])
    }

    @Test(arguments: FixtureTable.rows)
    func `a recorded payload becomes what the table says`(row: FixtureExpectations.Row) throws {
        let events = try S.adapter().receive(S.signed(row.body), at: S.now).events
        #expect(events.map { ExpectedEvent(of: $0) } == row.events)
    }

    /// The recorded payloads; without their folder there is nothing to test, and one line says so.
    enum FixtureTable {
        static let rows: [FixtureExpectations.Row] = {
            do {
                if let table = try FixtureExpectations(platform: "twilio") { return table.rows }
                print("skipped: the folder of recorded payloads is not there (CHATBRIDGE_TEST_SHARED)")
            } catch {
                Issue.record("\(error)")
            }
            return []
        }()
    }
}
