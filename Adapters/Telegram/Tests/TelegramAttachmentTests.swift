import BridgeCore
import HTTPCore
import JSON
import TelegramAdapter
import Testing

/// Files out and in, and the webhook's registration.
struct TelegramAttachmentTests {
    typealias S = TelegramSamples

    private static func action(_ attachment: OutboundAttachment) -> OutboundAction {
        OutboundAction(
            id: UUID(high: 1, low: 2), kind: .sendAttachment(attachment, caption: "words"),
            place: .init(conversation: ConversationID("42"), thread: ThreadID("7")))
    }

    private static func ok(_ result: String) -> OutboundResponse {
        OutboundResponse(status: .ok, body: Array(#"{"ok":true,"result":\#(result)}"#.utf8))
    }

    @Test(arguments: [
        (ContentKind.image, "sendPhoto", "photo"), (.audio, "sendAudio", "audio"), (.video, "sendVideo", "video"),
        (.file, "sendDocument", "document"),
    ])
    func `an attachment goes out by its kind's method`(kind: ContentKind, method: String, field: String) throws {
        let url = "https://a.example/1"
        let request = try #require(
            S.adapter.encode(Self.action(OutboundAttachment(kind: kind, source: .url(url))), at: S.now))
        #expect(request.url.hasSuffix("/" + method))
        let body = try JSONView(parsing: request.body)
        #expect(body[field].string == url && body["caption"].string == "words")
        #expect(body["chat_id"].string == "42" && body["message_thread_id"].string == "7")
    }

    @Test func `bytes go out in a form`() throws {
        let attachment = OutboundAttachment(
            kind: .image, source: .bytes([1, 2, 13, 10]), name: "a\"b\r\n.png", contentType: "image/png")
        let request = try #require(S.adapter.encode(Self.action(attachment), at: S.now))
        let type = try #require(request.headers["Content-Type"])
        #expect(type.hasPrefix("multipart/form-data; boundary="))
        let text = String(decoding: request.body, as: UTF8.self)
        #expect(
            text.contains(
                "name=\"photo\"; filename=\"a%22b%0D%0A.png\"\r\nContent-Type: image/png\r\n\r\n\u{1}\u{2}\r\n\r\n--"))
        let answer = try #require(
            S.adapter.fakeAnswer(
                to: FakeRequest(
                    method: .post, target: "/bot\(S.token)/sendPhoto", headers: request.headers, body: request.body),
                number: 5, at: S.now))
        #expect(answer.actions == [.attachment(conversation: "42", id: "5", kind: "photo")])
    }

    @Test func `a photo is fetched in two steps`() throws {
        let photo = Attachment(kind: .image, reference: "P1")
        guard case .request(let first) = S.adapter.fetchMedia(photo, after: []) else { throw Failure() }
        #expect(first.url.hasSuffix("/getFile"))
        let file = Self.ok(#"{"file_id":"P1","file_path":"photos/a b.jpg"}"#)
        guard case .request(let second) = S.adapter.fetchMedia(photo, after: [file]) else { throw Failure() }
        #expect(second.method == .get && second.url.hasSuffix("/file/bot\(S.token)/photos/a%20b.jpg"))
        let bytes = OutboundResponse(status: .ok, body: [1])
        guard case .content(let type) = S.adapter.fetchMedia(photo, after: [file, bytes]) else { throw Failure() }
        #expect(type == "image/jpeg")
        guard case .unavailable = S.adapter.fetchMedia(Attachment(kind: .image), after: []) else { throw Failure() }
        guard case .unavailable = S.adapter.fetchMedia(photo, after: [Self.ok("{}")]) else { throw Failure() }
    }

    private struct Failure: Error {}

    @Test func `the webhook's registration is told, set with its secret, and removed`() throws {
        let told = S.adapter.interpretWebhookQuery(
            Self.ok(#"{"url":"https://b.example/webhooks/telegram","pending_update_count":3,"last_error_message":"x"}"#)
        )
        #expect(
            told
                == .registered(
                    url: "https://b.example/webhooks/telegram", remarks: ["3 updates wait", "last error: x"]))
        #expect(S.adapter.interpretWebhookQuery(Self.ok(#"{"url":""}"#)) == .none)
        let body = try JSONView(parsing: S.adapter.registerWebhook(at: "https://b.example/webhooks/telegram").body)
        #expect(body["secret_token"].string == S.secret)
        #expect(body["allowed_updates"].elements.contains { $0.string == "message_reaction" })
        #expect(S.adapter.removeWebhook()?.url.hasSuffix("/deleteWebhook") == true)
        #expect(S.adapter.interpretRegistration(Self.ok("true")) == nil)
        let refused = OutboundResponse(
            status: .badRequest,
            body: Array(#"{"ok":false,"error_code":400,"description":"Bad Request: bad webhook"}"#.utf8))
        #expect(S.adapter.interpretRegistration(refused)?.kind == .refused)
    }
}
