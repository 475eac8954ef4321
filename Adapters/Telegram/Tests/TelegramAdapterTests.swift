import BridgeCore
import BridgeTesting
import HTTPCore
import JSON
import TelegramAdapter
import Testing

/// The adapter at its edges: who may send, what goes out, what comes back.
struct TelegramAdapterTests {
    typealias S = TelegramSamples

    static func failed(_ kind: DeliveryFailure.Kind) -> DeliveryResult { .failed(DeliveryFailure(kind, reason: "")) }

    static let responses: [ConformanceProfile.Response] = [
        .init(
            "sent", status: 200, body: #"{"ok":true,"result":{"message_id":901,"chat":{"id":1}}}"#,
            means: .delivered(PlatformMessageID("901"))),
        .init("typing shown", to: .typing, status: 200, body: #"{"ok":true,"result":true}"#, means: .delivered(nil)),
        .init(
            "a guest's answer", status: 200, body: #"{"ok":true,"result":{"inline_message_id":"AAx"}}"#,
            means: .delivered(PlatformMessageID("inline:AAx"))),
        .init(
            "an edit that changes nothing", to: .edit(message: PlatformMessageID("9"), text: "x", format: .plain),
            status: 400,
            body:
                #"{"ok":false,"error_code":400,"description":"Bad Request: message is not modified: specified new message content is the same"}"#,
            means: .delivered(PlatformMessageID("9"))),
        .init(
            "too many requests", status: 429,
            body:
                #"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 14","parameters":{"retry_after":14}}"#,
            means: failed(.rateLimited(after: .seconds(14)))),
        .init(
            "too many requests at the proxy", status: 429, headers: ["Retry-After": "3"], body: "slow down",
            means: failed(.rateLimited(after: .seconds(3)))),
        .init(
            "bad markup", status: 400,
            body:
                #"{"ok":false,"error_code":400,"description":"Bad Request: can't parse entities: Unsupported start tag \"x\" at byte offset 3"}"#,
            means: failed(.formattingRefused)),
        .init(
            "bad markup in plain words", to: .send(text: "x", format: .plain), status: 400,
            body: #"{"ok":false,"error_code":400,"description":"Bad Request: can't parse entities: x"}"#,
            means: failed(.refused)),
        .init(
            "upgraded group", status: 400,
            body:
                #"{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-1009000000018}}"#,
            means: failed(.conversationMoved(to: ConversationID("-1009000000018")))),
        .init(
            "blocked", status: 403,
            body: #"{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}"#,
            means: failed(.blocked)),
        .init(
            "bad token", status: 401, body: #"{"ok":false,"error_code":401,"description":"Unauthorized"}"#,
            means: failed(.unauthorized)),
        .init(
            "malformed token", status: 404, body: #"{"ok":false,"error_code":404,"description":"Not Found"}"#,
            means: failed(.unauthorized)),
        .init(
            "no chat", status: 400, body: #"{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}"#,
            means: failed(.gone)),
        .init(
            "no message", status: 400,
            body: #"{"ok":false,"error_code":400,"description":"Bad Request: message to edit not found"}"#,
            means: failed(.gone)),
        .init(
            "too long", status: 400,
            body: #"{"ok":false,"error_code":400,"description":"Bad Request: message is too long"}"#,
            means: failed(.refused)),
        .init(
            "no words", status: 400, body: #"{"ok":false,"error_code":400,"description":""}"#,
            means: failed(.refused)),
        .init(
            "a fault of theirs", status: 502, body: #"{"ok":false,"error_code":502,"description":"Bad Gateway"}"#,
            means: failed(.temporary)),
        .init("a proxy's page", status: 200, body: "<html>sign in</html>", means: failed(.uncertain)),
    ]

    static let profile = ConformanceProfile(
        now: S.now,
        signing: .init(
            fields: ["X-Telegram-Bot-Api-Secret-Token"], coversBody: false, tolerance: nil,
            sign: { body, _ in
                WebhookRequest(
                    target: "/webhooks/telegram", headers: ["X-Telegram-Bot-Api-Secret-Token": S.secret], body: body)
            },
            signWrongly: { body, _ in
                WebhookRequest(
                    target: "/webhooks/telegram", headers: ["X-Telegram-Bot-Api-Secret-Token": "a-Webhook_Secret_18"],
                    body: body)
            }),
        payloads: TelegramUpdateTests.messages.enumerated().map { number, row in
            .init("message \(number)", row.update, [row.expected])
        }
            + TelegramUpdateTests.others.enumerated().map { number, row in
                .init("update \(number)", row.update, row.expected)
            },
        message: { S.message(#""text":\#($0)"#) },
        messageWithAttachments: { count in
            S.message(#""photo":[\#(Array(repeating: #"{"file_id":"P"}"#, count: count).joined(separator: ","))]"#)
        },
        malformed: ["{}", #"{"update_id":"#, #"{"update_id":1.5}"#, #"{"update_id":null}"#, #"{"message":{}}"#],
        responses: responses, secrets: [S.token, S.secret])

    @Test func `it keeps the adapter contract`() {
        #expect(AdapterConformance(S.adapter, Self.profile).findings() == [])
    }

    @Test func `without a configured secret every webhook is refused`() {
        let open = TelegramAdapter(configuration: TelegramConfiguration(botToken: Secret(S.token)))
        #expect(throws: WebhookRejection.self) { try open.receive(S.webhook(S.message(#""text":"x""#)), at: S.now) }
        #expect(throws: WebhookRejection.self) {
            try open.receive(S.webhook(S.message(#""text":"x""#), secret: ""), at: S.now)
        }
    }

    @Test func `only POST is taken`() {
        var webhook = S.webhook(S.message(#""text":"x""#))
        webhook.method = .get
        #expect(throws: WebhookRejection(.methodNotAllowed, "Telegram sends its webhooks by POST")) {
            try S.adapter.receive(webhook, at: S.now)
        }
    }

    static func body(of kind: OutboundAction.Kind, answering update: String) throws -> (url: String, body: String) {
        let event = try #require(try S.events(update).first)
        let action = OutboundAction(
            id: UUID(high: 0x0199_0000_0000_7000, low: 0x8000_0000_0000_0001), kind: kind, place: event.place,
            replyTo: event.messageID, replyContext: event.replyContext)
        let request = try #require(S.adapter.encode(action, at: S.now))
        #expect(request.method == .post)
        #expect(request.headers["Content-Type"] == "application/json")
        return (
            String(request.url.dropFirst("https://api.example.test/bot\(S.token)/".count)),
            String(decoding: request.body, as: UTF8.self)
        )
    }

    static let topic = S.message(#""text":"x","message_thread_id":12,"is_topic_message":true"#, chat: S.forum)

    @Test(arguments: [
        (
            OutboundAction.Kind.send(text: "Re: \"it\"\nis 3 < 4? ✅", format: .plain), S.message(#""text":"x""#),
            "sendMessage", #"{"chat_id":7100000042,"text":"Re: \"it\"\nis 3 < 4? ✅"}"#
        ),
        (
            .send(text: "plain words,\n\nin two paragraphs. ", format: .markdown), S.message(#""text":"x""#),
            "sendMessage", #"{"chat_id":7100000042,"text":"plain words,\n\nin two paragraphs. "}"#
        ),
        (
            .send(text: "**bold** & <b>\n\n`x < 1`", format: .markdown), S.message(#""text":"x""#), "sendMessage",
            #"{"chat_id":7100000042,"text":"<b>bold</b> &amp; &lt;b&gt;\n\n<code>x &lt; 1</code>","parse_mode":"HTML"}"#
        ),
        (
            .send(text: "1 < 2 && 3 > 2", format: .markdown), S.message(#""text":"x""#), "sendMessage",
            #"{"chat_id":7100000042,"text":"1 < 2 && 3 > 2"}"#
        ),
        (
            .send(text: "a", format: .plain), topic, "sendMessage",
            #"{"chat_id":-1009000000017,"text":"a","message_thread_id":12,"reply_parameters":{"message_id":55,"allow_sending_without_reply":true}}"#
        ),
        (
            .send(text: "a", format: .plain),
            S.message(#""text":"x","business_connection_id":"bc1""#, kind: "business_message"), "sendMessage",
            #"{"chat_id":7100000042,"business_connection_id":"bc1","text":"a"}"#
        ),
        (
            .send(text: "a", format: .plain), S.message(#""text":"x","guest_query_id":"q9""#, kind: "guest_message"),
            "answerGuestQuery",
            #"{"guest_query_id":"q9","result":{"type":"article","id":"01990000-0000-7000-8000-000000000001","title":"Answer","input_message_content":{"message_text":"a"}}}"#
        ),
        (
            .edit(message: PlatformMessageID("901"), text: "b", format: .plain), topic, "editMessageText",
            #"{"chat_id":-1009000000017,"message_id":901,"text":"b"}"#
        ),
        (
            .edit(message: PlatformMessageID("inline:AAx"), text: "b", format: .plain), S.message(#""text":"x""#),
            "editMessageText", #"{"inline_message_id":"AAx","text":"b"}"#
        ),
        (.typing, topic, "sendChatAction", #"{"chat_id":-1009000000017,"action":"typing","message_thread_id":12}"#),
        (
            .acknowledgeButton(id: "77"), S.message(#""text":"x""#), "answerCallbackQuery",
            #"{"callback_query_id":"77"}"#
        ),
    ])
    func `an action becomes a call of the Bot API`(
        kind: OutboundAction.Kind, update: String, method: String, body: String
    ) throws {
        let call = try Self.body(of: kind, answering: update)
        #expect(call.url == method)
        #expect(call.body == body)
    }

    @Test func `a guest sees no typing`() throws {
        let event = try #require(
            try S.events(S.message(#""text":"x","guest_query_id":"q9""#, kind: "guest_message")).first)
        let action = OutboundAction(
            id: UUID(high: 0, low: 0), kind: .typing, place: event.place, replyContext: event.replyContext)
        #expect(S.adapter.encode(action, at: S.now) == nil)
    }

    @Test func `a simulated webhook is a message that is answered`() throws {
        let webhook = S.adapter.simulateWebhook(text: "hé \"llo\"", number: 77, at: S.now)
        let event = try #require(try S.adapter.receive(webhook, at: S.now).events.first)
        #expect(event.text == "hé \"llo\"")
        #expect(event.id.rawValue == "77")
        guard case .answer = event.disposition else {
            Issue.record("not answered")
            return
        }
    }
}

/// Fetching updates, and trying the credentials.
struct TelegramPollingTests {
    typealias S = TelegramSamples

    static let polling = TelegramAdapter(
        configuration: TelegramConfiguration(
            botToken: Secret(S.token), isPollingEnabled: true, apiBase: "https://api.example.test"))

    @Test func `a poll asks for what follows the cursor, reactions included`() throws {
        let first = Self.polling.poll(after: nil)
        #expect(first.url.hasSuffix("/getUpdates"))
        let body = try JSONView(parsing: first.body)
        #expect(!body["offset"].exists)
        #expect(body["timeout"].int == 50)
        #expect(body["allowed_updates"].elements.contains { $0.string == "message_reaction" })
        #expect(try JSONView(parsing: Self.polling.poll(after: "9003").body)["offset"].int == 9003)
    }

    @Test func `a poll's updates become events and the cursor goes past the last`() throws {
        let updates = [S.message(#""text":"one""#, id: 9001), #"{"no":"id"}"#, #"{"update_id":9002,"new_kind":{}}"#]
        let response = OutboundResponse(
            status: .ok, body: Array(#"{"ok":true,"result":[\#(updates.joined(separator: ","))]}"#.utf8))
        guard case .events(let events, let cursor) = Self.polling.interpretPoll(response) else {
            Issue.record("failed")
            return
        }
        #expect(events.map(\.id.rawValue) == ["9001", "9002"])
        #expect(cursor == "9003")
    }

    @Test func `a poll without news leaves the cursor`() {
        let response = OutboundResponse(status: .ok, body: Array(#"{"ok":true,"result":[]}"#.utf8))
        guard case .events(let events, let cursor) = Self.polling.interpretPoll(response) else {
            Issue.record("failed")
            return
        }
        #expect(events.isEmpty)
        #expect(cursor == nil)
    }

    @Test(arguments: [
        (
            409, #"{"ok":false,"error_code":409,"description":"Conflict: terminated by other getUpdates request"}"#,
            DeliveryFailure.Kind.temporary
        ),
        (
            429, #"{"ok":false,"error_code":429,"description":"x","parameters":{"retry_after":5}}"#,
            .rateLimited(after: .seconds(5))
        ),
        (401, #"{"ok":false,"error_code":401,"description":"Unauthorized"}"#, .unauthorized),
        (200, #"{"ok":true,"result":{}}"#, .temporary),
        (200, "<html>", .uncertain),
    ])
    func `a poll that fails says what to do`(status: Int, body: String, kind: DeliveryFailure.Kind) {
        let response = OutboundResponse(status: HTTPStatus(status), body: Array(body.utf8))
        guard case .failed(let failure) = Self.polling.interpretPoll(response) else {
            Issue.record("not failed")
            return
        }
        #expect(failure.kind == kind)
    }

    @Test(arguments: [
        (
            0, 200, #"{"ok":true,"result":{"id":1,"username":"harbour_bot","can_read_all_group_messages":false}}"#,
            CredentialFinding.good("@harbour_bot (privacy mode)")
        ),
        (
            0, 401, #"{"ok":false,"error_code":401,"description":"Unauthorized"}"#,
            .bad("Telegram does not know this token: copy it again from @BotFather (/mybots, API Token)")
        ),
        (
            1, 200,
            #"{"ok":true,"result":{"url":"https://b.example.test/webhooks/telegram","pending_update_count":3,"last_error_date":1790000000,"last_error_message":"Wrong response from the webhook: 401 Unauthorized"}}"#,
            .warning(
                "https://b.example.test/webhooks/telegram: last error at 2026-09-21T14:13:20.000000Z: Wrong response from the webhook: 401 Unauthorized; 3 updates wait"
            )
        ),
        (
            1, 200, #"{"ok":true,"result":{"url":"","pending_update_count":0}}"#,
            .bad("no webhook is set: Telegram has nowhere to send to; set one, or turn polling on")
        ),
    ])
    func `a trial of the credentials says what it found`(
        check: Int, status: Int, body: String, finding: CredentialFinding
    ) {
        let checks = S.adapter.credentialChecks()
        let response = OutboundResponse(status: HTTPStatus(status), body: Array(body.utf8))
        #expect(S.adapter.interpretCredentialCheck(response, of: checks[check]) == finding)
    }

    @Test func `polling beside a webhook is found`() {
        let response = OutboundResponse(
            status: .ok, body: Array(#"{"ok":true,"result":{"url":"https://b.example.test/"}}"#.utf8))
        guard case .bad = Self.polling.interpretCredentialCheck(response, of: Self.polling.credentialChecks()[1]) else {
            Issue.record("not found")
            return
        }
    }
}
