import BridgeCore
import BridgeTesting
import HTTPCore
import JSON
import Testing
import WhatsAppAdapter

/// What webhooks become.
struct WhatsAppEventTests {
    typealias S = WhatsAppSamples

    /// An event of Ada's.
    static func ada(
        _ kind: ContentKind, isAnswered: Bool = true, text: String? = nil, attachments: Int = 0,
        target: String? = nil, replyTo: String? = nil, movedTo: String? = nil
    ) -> ExpectedEvent {
        ExpectedEvent(
            kind, isAnswered: isAnswered, text: text, sender: "15550100042", account: "200",
            conversation: "15550100042", attachments: attachments, target: target, replyTo: replyTo, movedTo: movedTo)
    }

    /// News of a message to Ada.
    static func news(_ target: String) -> ExpectedEvent {
        ExpectedEvent(.status, account: "200", conversation: "15550100042", target: target)
    }

    static let media = #"{"id":"77","mime_type":"image/jpeg","sha256":"x","caption":"look"}"#

    static let rows: [(body: String, expected: [ExpectedEvent])] = [
        (S.message(#""type":"text","text":{"body":"good morning"}"#), [ada(.text, text: "good morning")]),
        (S.message(#""text":{"body":"without a type"}"#), [ada(.text, text: "without a type")]),
        (S.message(#""type":"text","text":{"body":""}"#), [ada(.text, text: "")]),
        (
            S.message(#""type":"text","text":{"body":"yes"},"context":{"from":"15550100000","id":"wamid.Q"}"#),
            [ada(.text, text: "yes", replyTo: "wamid.Q")]
        ),
        (S.message(#""type":"image","image":\#(media)"#), [ada(.image, text: "look", attachments: 1)]),
        (S.message(#""type":"video","video":{"id":"78"}"#), [ada(.video, attachments: 1)]),
        (S.message(#""type":"audio","audio":{"id":"79","voice":true}"#), [ada(.audio, attachments: 1)]),
        (
            S.message(#""type":"document","document":{"id":"80","filename":"a.pdf"}"#),
            [ada(.file, attachments: 1)]
        ),
        (S.message(#""type":"sticker","sticker":{"id":"81","animated":true}"#), [ada(.sticker, attachments: 1)]),
        (
            S.message(
                #""type":"location","location":{"latitude":1.5,"longitude":-2.25,"name":"Pier","address":"1 Quay"}"#),
            [ada(.location, text: "Pier\n1 Quay")]
        ),
        (
            S.message(
                #""type":"contacts","contacts":[{"name":{"formatted_name":"Bo"},"phones":[{"phone":"+1 555"}]}]"#),
            [ada(.contact, text: "Bo +1 555")]
        ),
        (
            S.message(
                #""type":"interactive","interactive":{"type":"list_reply","list_reply":{"id":"row-2","title":"Two","description":"the second"}},"context":{"id":"wamid.M"}"#
            ), [ada(.button, text: "row-2", target: "wamid.M")]
        ),
        (
            S.message(#""type":"button","button":{"text":"Stop","payload":"stop-1"},"context":{"id":"wamid.M"}"#),
            [ada(.button, text: "stop-1", target: "wamid.M")]
        ),
        (
            S.message(
                #""type":"order","order":{"catalog_id":"1","text":"by noon","product_items":[{"product_retailer_id":"P","quantity":1}]}"#
            ), [ada(.event, text: "by noon")]
        ),
        (
            S.message(#""type":"reaction","reaction":{"message_id":"wamid.M","emoji":"👍"}"#),
            [ada(.reaction, isAnswered: false, text: "👍", target: "wamid.M")]
        ),
        // Taken back: the emoji is not there.
        (
            S.message(#""type":"reaction","reaction":{"message_id":"wamid.M"}"#),
            [ada(.reaction, isAnswered: false, target: "wamid.M")]
        ),
        (
            S.message(
                #""type":"edit","edit":{"original_message_id":"wamid.O","message":{"type":"text","text":{"body":"right"}}}"#
            ), [ada(.edited, isAnswered: false, text: "right", target: "wamid.O")]
        ),
        (
            S.message(#""type":"revoke","revoke":{"original_message_id":"wamid.O"}"#),
            [ada(.deleted, isAnswered: false, target: "wamid.O")]
        ),
        (
            S.message(
                #""type":"system","system":{"body":"Ada changed","new_wa_id":"15550100043","type":"customer_changed_number"}"#
            ), [ada(.event, isAnswered: false, text: "Ada changed", movedTo: "15550100043")]
        ),
        (S.message(#""type":"request_welcome""#), [ada(.event, isAnswered: false)]),
        (S.message(#""type":"hologram","hologram":{"id":"1"}"#), [ada(.event, isAnswered: false)]),
        (S.message(#""type":"text","text":{"body":17}"#), [ada(.event, isAnswered: false)]),
        // One message that is none, between two that are.
        (
            S.change(
                #"\#(S.ada),"messages":[{"from":"15550100042","id":"wamid.1","type":"text","text":{"body":"one"}},[],{"from":"15550100042","id":"wamid.3","type":"text","text":{"body":"three"}}]"#
            ),
            [
                ada(.text, text: "one"), ada(.event, isAnswered: false), ada(.text, text: "three"),
            ]
        ),
        (
            S.change(
                #""statuses":[{"id":"wamid.S","status":"delivered","timestamp":"1789999991","recipient_id":"15550100042"},{"id":"wamid.S","status":"read","timestamp":"1789999992","recipient_id":"15550100042"}]"#
            ), [news("wamid.S"), news("wamid.S")]
        ),
        (
            S.change(
                #""statuses":[{"id":"wamid.G","status":"sent","recipient_id":"group-7","recipient_type":"group"}]"#),
            [ExpectedEvent(.status, account: "200", conversation: "group-7", target: "wamid.G")]
        ),
        (
            S.change(
                #""message_echoes":[{"from":"15550100000","to":"15550100042","id":"wamid.E","type":"image","image":{"id":"5"}}]"#,
                field: "smb_message_echoes"),
            [
                ExpectedEvent(
                    .image, sender: "15550100000", account: "200", conversation: "15550100042", attachments: 1)
            ]
        ),
        (
            S.change(
                #""user_preferences":[{"wa_id":"15550100042","category":"marketing_messages","value":"stop"}]"#,
                field: "user_preferences"), [ada(.event, isAnswered: false)]
        ),
        (
            S.change(#""event":"APPROVED""#, field: "message_template_status_update"),
            [ExpectedEvent(.event, account: "200", conversation: "message_template_status_update")]
        ),
        (
            #"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"account_update","value":null}]},17]}"#,
            [ExpectedEvent(.event, conversation: "account_update"), ExpectedEvent(.event, conversation: "entry")]
        ),
        (#"{"object":"whatsapp_business_account","entry":[]}"#, []),
    ]

    @Test(arguments: rows.indices)
    func `a webhook becomes what happened`(index: Int) throws {
        let row = Self.rows[index]
        #expect(try S.events(row.body).map { ExpectedEvent(of: $0) } == row.expected)
    }

    @Test func `a person with number and user id is known by the id and answered at the number`() throws {
        let body = S.change(
            #""contacts":[{"profile":{"name":"Bo","username":"bo.b"},"wa_id":"15550100051","user_id":"US.51"}],"messages":[{"from":"15550100051","from_user_id":"US.51","id":"wamid.B","type":"text","text":{"body":"hi"}}]"#
        )
        let event = try #require(try S.events(body).first)
        #expect(event.place.conversation == ConversationID("US.51"))
        #expect(event.sender == .init(id: PlatformUserID("US.51"), name: "Bo"))
        #expect(event.metadata["phone"] == "15550100051")
        #expect(event.metadata["username"] == "bo.b")
        let request = try #require(
            S.adapter.encode(
                OutboundAction(
                    id: UUID(high: 0, low: 0), kind: .send(text: "a", format: .plain), place: event.place,
                    replyContext: event.replyContext), at: S.now))
        #expect(try JSONView(parsing: request.body)["to"].string == "15550100051")
    }

    @Test func `the same person without a number is in the same conversation`() throws {
        let body = S.change(
            #""contacts":[{"profile":{"name":"Bo"},"user_id":"US.51"}],"messages":[{"from_user_id":"US.51","id":"wamid.C","type":"text","text":{"body":"hi"}}]"#
        )
        let event = try #require(try S.events(body).first)
        #expect(event.place.conversation == ConversationID("US.51"))
        guard case .answer = event.disposition else {
            Issue.record("not answered")
            return
        }
    }

    @Test(arguments: [
        ("sent", InboundEvent.Receipt.Status.sent), ("delivered", .delivered), ("read", .read), ("played", .read),
    ])
    func `a status is a receipt`(word: String, status: InboundEvent.Receipt.Status) throws {
        let body = S.change(#""statuses":[{"id":"wamid.S","status":"\#(word)","recipient_id":"1"}]"#)
        #expect(
            try S.events(body).first?.receipt == InboundEvent.Receipt(status, of: [PlatformMessageID("wamid.S")]))
    }

    @Test func `a failed message says why`() throws {
        let body = S.change(
            #""statuses":[{"id":"wamid.S","status":"failed","recipient_id":"1","errors":[{"code":131047,"title":"Re-engagement message","error_data":{"details":"more than 24 hours"}}]}]"#
        )
        #expect(
            try S.events(body).first?.receipt
                == InboundEvent.Receipt(
                    .failed, of: [PlatformMessageID("wamid.S")], reason: "(131047) more than 24 hours"))
    }

    @Test func `a status that nobody knows is kept without a receipt`() throws {
        let event = try #require(
            try S.events(S.change(#""statuses":[{"id":"wamid.S","status":"wobbling","recipient_id":"1"}]"#)).first)
        #expect(event.kind == .status)
        #expect(event.receipt == nil)
        #expect(event.metadata["status"] == "wobbling")
    }

    @Test func `messages, statuses and errors of one body all come, from every entry and change`() throws {
        let value =
            #"{"metadata":{"phone_number_id":"200"},"messages":[{"from":"1","id":"wamid.1","type":"text","text":{"body":"a"}}],"statuses":[{"id":"wamid.0","status":"read","recipient_id":"1"}],"errors":[{"code":1,"title":"x"}]}"#
        let second = value.split(separator: "wamid.1").joined(separator: "wamid.2")
            .split(separator: #""read""#).joined(separator: #""sent""#)
        let body =
            #"{"object":"whatsapp_business_account","entry":[{"changes":[{"field":"messages","value":\#(value)}]},{"changes":[{"field":"messages","value":\#(second)}]}]}"#
        // The same error twice in one body is one event.
        #expect(try S.events(body).map(\.kind) == [.text, .status, .event, .text, .status])
    }

    @Test func `media are kept by reference with what is known of them`() throws {
        let body = S.message(
            #""type":"document","document":{"id":"80","filename":"a.pdf","mime_type":"application/pdf","url":"https://lookaside.fbsbx.com/x"}"#
        )
        #expect(
            try S.events(body).first?.attachments == [
                Attachment(
                    kind: .file, reference: "80", url: "https://lookaside.fbsbx.com/x", name: "a.pdf",
                    contentType: "application/pdf")
            ])
    }

    @Test func `what is delivered again has the same names`() throws {
        for row in Self.rows {
            #expect(try S.events(row.body).map(\.id) == (try S.events(row.body)).map(\.id))
        }
    }

    @Test(arguments: FixtureTable.rows)
    func `a recorded payload becomes what the table says`(row: FixtureExpectations.Row) throws {
        let events = try S.adapter.receive(S.signed(row.body), at: S.now).events
        #expect(events.map { ExpectedEvent(of: $0) } == row.events)
    }

    @Test func `the recorded statuses are receipts`() throws {
        for row in FixtureTable.rows where row.file.contains("status") {
            #expect(try S.adapter.receive(S.signed(row.body), at: S.now).events.first?.receipt != nil, "\(row.file)")
        }
    }

    @Test func `the recorded signatures are right, and every change of them wrong`() throws {
        guard let bytes = FixtureExpectations.file("signatures.json", of: "whatsapp") else { return }
        for vector in try JSONView(parsing: bytes)["vectors"].elements {
            try expectSignature(vector)
        }
    }

    private func expectSignature(_ vector: JSONView) throws {
        let adapter = WhatsAppAdapter(
            configuration: WhatsAppConfiguration(
                accessToken: Secret(S.token), phoneNumberID: "200", verifyToken: Secret(S.verifyToken),
                appSecret: Secret(try #require(vector["app_secret"].string))))
        var headers = HTTPFields()
        for (name, value) in vector["headers"].members { headers.append(name, value.string ?? "") }
        let body = Array(try #require(vector["raw_body"].string).utf8)
        let request = WebhookRequest(target: "/webhooks/whatsapp", headers: headers, body: body)
        guard vector["expected_valid"].bool == true else {
            #expect(throws: WebhookRejection.self) { try adapter.receive(request, at: S.now) }
            return
        }
        #expect(try !adapter.receive(request, at: S.now).events.isEmpty)
        for index in body.indices {
            var tampered = request
            tampered.body[index] ^= 1
            #expect(throws: WebhookRejection.self) { try adapter.receive(tampered, at: S.now) }
        }
        let signature = Array(try #require(headers["X-Hub-Signature-256"]).utf8)
        for index in signature.indices {
            var tampered = request
            var changed = signature
            changed[index] ^= 1
            tampered.headers["X-Hub-Signature-256"] = String(decoding: changed, as: UTF8.self)
            #expect(throws: WebhookRejection.self) { try adapter.receive(tampered, at: S.now) }
        }
    }

    /// The recorded payloads; without their folder there is nothing to test, and one line says so.
    enum FixtureTable {
        static let rows: [FixtureExpectations.Row] = {
            do {
                if let table = try FixtureExpectations(platform: "whatsapp") { return table.rows }
                print("skipped: the folder of recorded payloads is not there (CHATBRIDGE_TEST_SHARED)")
            } catch {
                Issue.record("\(error)")
            }
            return []
        }()
    }
}
