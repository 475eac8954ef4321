import BridgeCore
import BridgeTesting
import Crypto
import HTTPCore
import JSON
import Testing

@testable import FeishuAdapter

/// The adapter at its edges: who may send, what goes out, what comes back.
struct FeishuAdapterTests {
    typealias S = FeishuSamples

    static func failed(_ kind: DeliveryFailure.Kind) -> DeliveryResult { .failed(DeliveryFailure(kind, reason: "")) }

    static func code(
        _ code: Int, status: Int = 400, to action: OutboundAction.Kind = .send(text: "x", format: .markdown),
        headers: HTTPFields = [:], means kind: DeliveryFailure.Kind
    ) -> ConformanceProfile.Response {
        .init(
            "code \(code), HTTP \(status)", to: action, status: status, headers: headers,
            body: #"{"code":\#(code),"msg":"your text was: words"}"#, means: failed(kind))
    }

    static let responses: [ConformanceProfile.Response] = [
        .init(
            "sent", status: 200, body: #"{"code":0,"msg":"success","data":{"message_id":"om_9"}}"#,
            means: .delivered(PlatformMessageID("om_9"))),
        .init(
            "edited", to: .edit(message: PlatformMessageID("om_8"), text: "x", format: .plain), status: 200,
            body: #"{"code":0,"data":{"message_id":"om_8"}}"#, means: .delivered(PlatformMessageID("om_8"))),
        code(99_991_400, headers: ["x-ogw-ratelimit-reset": "7"], means: .rateLimited(after: .seconds(7))),
        code(99_991_400, status: 429, means: .rateLimited(after: nil)),
        code(230_020, status: 200, means: .rateLimited(after: nil)),
        code(99_991_663, means: .unauthorized), code(99_991_672, status: 403, means: .unauthorized),
        code(230_002, means: .blocked), code(230_013, status: 200, means: .blocked), code(230_053, means: .blocked),
        code(230_011, means: .gone), code(230_110, means: .gone), code(230_001, means: .formattingRefused),
        code(230_001, to: .send(text: "x", format: .plain), means: .refused), code(230_025, means: .refused),
        code(230_072, to: .edit(message: PlatformMessageID("om_8"), text: "x", format: .markdown), means: .refused),
        code(1_500_000, status: 500, means: .temporary), code(42, status: 200, means: .refused),
        code(0, status: 500, means: .temporary),
        .init("not found by a proxy", status: 404, body: "404 page not found", means: failed(.gone)),
        .init("a proxy's page", status: 200, body: "<html>sign in</html>", means: failed(.uncertain)),
    ]

    static func profile(
        fields: [String], coversBody: Bool, sign: @escaping @Sendable ([UInt8], Timestamp) -> WebhookRequest,
        signWrongly: @escaping @Sendable ([UInt8], Timestamp) -> WebhookRequest
    ) -> ConformanceProfile {
        ConformanceProfile(
            now: S.now,
            signing: .init(
                fields: fields, coversBody: coversBody, tolerance: nil, sign: sign, signWrongly: signWrongly),
            payloads: (FeishuEventTests.messages + FeishuEventTests.others).enumerated().map { number, row in
                .init("callback \(number)", row.body, row.expected)
            },
            message: { literal in
                // The content is JSON within a string.
                var writer = JSONWriter()
                writer.value(#"{"text":\#(literal)}"#)
                return S.event(
                    "im.message.receive_v1",
                    #"{"sender":{"sender_id":{"open_id":"ou_ida"},"sender_type":"user"},"message":{"message_id":"om_1","chat_id":"oc_1","chat_type":"p2p","message_type":"text","content":\#(String(decoding: writer.bytes, as: UTF8.self))}}"#
                )
            },
            messageWithAttachments: { count in
                let line = Array(repeating: #"{"tag":"img","image_key":"i"}"#, count: count).joined(separator: ",")
                return S.message("post", #"{"content":[[\#(line)]]}"#)
            },
            malformed: [
                "{}", #"{"type":"url_verification"}"#, #"{"schema":"2.0","header":{}}"#, #"{"event":17}"#,
                #"{"encrypt":"AAAA"}"#, #"{"encrypt":"not base64"}"#,
            ], responses: responses, secrets: [S.secret, S.key, S.token],
            accessToken: "t-simulated-feishu-token")
    }

    static let headers = ["X-Lark-Request-Timestamp", "X-Lark-Request-Nonce", "X-Lark-Signature"]

    @Test func `it keeps the adapter contract`() {
        let profile = Self.profile(
            fields: Self.headers, coversBody: true, sign: { S.signed($0, at: $1) },
            signWrongly: { S.signed($0, at: $1, key: "1212121213") })
        let findings = AdapterConformance(S.app, profile, mutations: 1000).findings()
        #expect(findings == [])
    }

    @Test func `it keeps the adapter contract with encrypted bodies`() {
        let profile = Self.profile(
            fields: Self.headers, coversBody: true, sign: { S.signed(S.sealed($0), at: $1) },
            signWrongly: { S.signed(S.sealed($0), at: $1, key: "1212121213") })
        let findings = AdapterConformance(S.app, profile, mutations: 500).findings()
        #expect(findings == [])
    }

    @Test func `a long answer arrives complete, and no part is over the limit`() throws {
        let event = try #require(try S.events(S.message("text", #"{"text":"x"}"#)).first)
        let findings = LongAnswer().findings(
            through: S.app, answering: event,
            counting: { content in
                var writer = JSONWriter()
                writer.value(content)
                return String(decoding: writer.bytes, as: UTF8.self)
            })
        #expect(findings == [])
    }

    // MARK: Who may send

    static let event = Array(S.message("text", #"{"text":"x"}"#).utf8)

    static func reason(_ adapter: FeishuAdapter, _ request: WebhookRequest) -> WebhookRejection.Reason? {
        do {
            _ = try adapter.receive(request, at: S.now)
            return nil
        } catch {
            return error.reason
        }
    }

    @Test func `without an Encrypt Key the token in the body decides`() {
        #expect(Self.reason(S.open, S.request(Self.event)) == nil)
        for token in ["", "invented-verification-tokem", "invented-verification-token "] {
            let body = S.event("im.chat.disbanded_v1", "{}", token: token)
            #expect(Self.reason(S.open, S.request(Array(body.utf8))) == .unauthorized)
        }
        #expect(Self.reason(S.open, S.request(Array(#"{"header":{"event_type":"x"}}"#.utf8))) == .unauthorized)
        #expect(Self.reason(S.open, S.request(S.sealed(Self.event))) == .unauthorized)
        let neither = FeishuAdapter(configuration: FeishuConfiguration(appID: "a", appSecret: "b"))
        #expect(Self.reason(neither, S.request(Self.event)) == .unauthorized)
        #expect(Self.reason(neither, S.signed(Self.event)) == .unauthorized)
    }

    @Test func `with an Encrypt Key the token alone is not enough`() {
        #expect(Self.reason(S.app, S.request(Self.event)) == .unauthorized)
        #expect(Self.reason(S.app, S.request(S.sealed(Self.event))) == .unauthorized)
        #expect(Self.reason(S.app, S.signed(S.sealed(Self.event))) == nil)
        #expect(Self.reason(S.app, S.signed(S.sealed(Self.event, key: "other"))) == .malformed)
    }

    @Test func `the challenge is given back, signed or not, encrypted or not`() throws {
        let body = Array(#"{"challenge":"ajls384k","token":"\#(S.token)","type":"url_verification"}"#.utf8)
        for (adapter, request) in [
            (S.app, S.signed(body)), (S.app, S.signed(S.sealed(body))), (S.app, S.request(S.sealed(body))),
            (S.app, S.request(body)), (S.open, S.request(body)),
        ] {
            let outcome = try adapter.receive(request, at: S.now)
            #expect(String(decoding: outcome.acknowledgement.body, as: UTF8.self) == #"{"challenge":"ajls384k"}"#)
            #expect(outcome.acknowledgement.contentType == "application/json")
            #expect(outcome.events.isEmpty)
        }
    }

    @Test func `a challenge with a wrong token or signature is refused`() {
        let body = Array(#"{"challenge":"x","token":"wrong","type":"url_verification"}"#.utf8)
        #expect(Self.reason(S.app, S.request(body)) == .unauthorized)
        #expect(Self.reason(S.app, S.request(S.sealed(body))) == .unauthorized)
        #expect(Self.reason(S.open, S.request(body)) == .unauthorized)
        #expect(Self.reason(S.app, S.signed(body, key: "wrong")) == .unauthorized)
        let keyOnly = FeishuAdapter(
            configuration: FeishuConfiguration(appID: "a", appSecret: "b", encryptKey: Secret(S.key)))
        #expect(Self.reason(keyOnly, S.request(body)) == .unauthorized)
        #expect(Self.reason(keyOnly, S.request(S.sealed(body))) == nil)
    }

    @Test func `what nobody signed gets one answer whatever is wrong with it`() throws {
        let sealed = try #require(FeishuCipher(encryptKey: Secret(S.key)).encrypt(Self.event)).utf8
        var messages: Set<String> = []
        for place in [0, 10, sealed.count / 2, sealed.count - 8] {
            var text = Array(sealed)
            text[place] = text[place] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            let body = Array(#"{"encrypt":""#.utf8) + text + Array(#""}"#.utf8)
            let error = #expect(throws: WebhookRejection.self) { try S.app.receive(S.request(body), at: S.now) }
            if let error { messages.insert("\(error.reason) \(error.message)") }
        }
        #expect(messages.count == 1)
    }

    @Test func `an event beside a challenge is recorded, when it is signed`() throws {
        let text =
            S.event("contact.user.created_v3", "{}").dropLast() + #","challenge":"1212","type":"url_verification"}"#
        let body = Array(text.utf8)
        #expect(try S.app.receive(S.signed(body), at: S.now).events.map(\.kind) == [.event])
        #expect(try S.app.receive(S.request(body), at: S.now).events.isEmpty)
    }

    @Test func `a card callback of the older kind is signed with the token`() throws {
        let body = Array(
            #"{"open_id":"ou_ida","open_message_id":"om_1","open_chat_id":"oc_1","tenant_key":"crew","token":"c-1","action":{"value":{"key":"yes"},"tag":"button"}}"#
                .utf8)
        func signed(_ body: [UInt8], token: String) -> WebhookRequest {
            let digest = SHA1.digest(of: Array("17n\(token)".utf8) + body)
            return S.request(
                body,
                ["X-Lark-Request-Timestamp": "17", "X-Lark-Request-Nonce": "n", "X-Lark-Signature": Hex.encode(digest)])
        }
        for adapter in [S.app, S.open] {
            let event = try #require(try adapter.receive(signed(body, token: S.token), at: S.now).events.first)
            #expect(
                ExpectedEvent(of: event)
                    == ExpectedEvent(
                        .button, isAnswered: true, text: "yes", sender: "ou_ida", account: "crew", conversation: "oc_1",
                        target: "om_1"))
            #expect(Self.reason(adapter, signed(body, token: "wrong")) == .unauthorized)
            #expect(Self.reason(adapter, S.request(body)) == .unauthorized)
            // Nothing else may come under that signature.
            #expect(Self.reason(adapter, signed(Self.event, token: S.token)) == .unauthorized)
        }
    }

    @Test func `only POST is taken`() {
        var request = S.signed(Self.event)
        request.method = .get
        #expect(Self.reason(S.app, request) == .methodNotAllowed)
    }

    /// The published vectors, when their folder is there.
    static let vectors: [JSONView] = {
        guard let bytes = FixtureExpectations.file("signatures.json", of: "feishu"),
            let file = try? JSONView(parsing: bytes)
        else { return [] }
        return Array(file["vectors"].elements)
    }()

    @Test(arguments: vectors.indices)
    func `a published signature vector is judged rightly, and its tampered forms fail`(index: Int) throws {
        let vector = Self.vectors[index]
        let adapter = FeishuAdapter(
            configuration: FeishuConfiguration(
                appID: "cli_1", appSecret: "x", encryptKey: Secret(try #require(vector["encrypt_key"].string))))
        var headers = HTTPFields()
        for (name, value) in vector["headers"].members { headers[name] = value.string }
        let request = S.request(Array((vector["raw_body"].string ?? "").utf8), headers)
        #expect((Self.reason(adapter, request) == nil) == vector["expected_valid"].bool)
        for name in Self.headers {
            var tampered = request
            tampered.headers[name] = (request.headers[name] ?? "").uppercased() + "x"
            #expect(Self.reason(adapter, tampered) == .unauthorized)
        }
        var tampered = request
        tampered.body.append(UInt8(ascii: " "))
        #expect(Self.reason(adapter, tampered) == .unauthorized)
    }

    // MARK: What goes out

    static func encoded(
        _ kind: OutboundAction.Kind, chat: String = "oc_1", thread: String? = nil, isGroup: Bool = false,
        part: Int = 0, context: [String: String] = [:]
    ) throws -> (target: String, body: String) {
        let action = OutboundAction(
            id: UUID(high: 0x0199_0000_0000_7000, low: 0x8000_0000_0000_0001), kind: kind,
            place: InboundEvent.Place(
                conversation: ConversationID(chat), thread: thread.map { ThreadID($0) }, isGroup: isGroup),
            part: part, replyTo: PlatformMessageID("om_1"), replyContext: context)
        let request = try #require(S.app.encode(action, at: S.now))
        #expect(request.bearsToken)
        return (
            "\(request.method) \(request.url.dropFirst("https://feishu.example.test/open-apis/im/v1/".count))",
            String(decoding: request.body, as: UTF8.self)
        )
    }

    static let uuid = #""uuid":"01990000-0000-7000-8000-000000000001""#

    @Test func `alone with somebody a message goes into the chat`() throws {
        let (target, body) = try Self.encoded(.send(text: "**hi** <you>", format: .markdown))
        #expect(target == "POST messages?receive_id_type=chat_id")
        #expect(
            body
                == #"{"receive_id":"oc_1","msg_type":"post","content":"{\"zh_cn\":{\"content\":[[{\"tag\":\"md\",\"text\":\"**hi** &lt;you>\"}]]}}",\#(Self.uuid)}"#
        )
        #expect(
            try Self.encoded(.send(text: "x", format: .plain), chat: "ou_1").target
                == "POST messages?receive_id_type=open_id")
        #expect(
            try Self.encoded(.send(text: "x", format: .plain), chat: "on_1").target
                == "POST messages?receive_id_type=union_id")
        #expect(
            try Self.encoded(.send(text: "x", format: .plain), chat: "a@b.test").target
                == "POST messages?receive_id_type=email")
    }

    @Test func `in a group it answers the message, in a thread its root, in a topic there`() throws {
        let kind = OutboundAction.Kind.send(text: "<at user_id=\"all\"></at>", format: .plain)
        let group = try Self.encoded(kind, isGroup: true)
        #expect(group.target == "POST messages/om_1/reply")
        #expect(
            group.body
                == "{\"msg_type\":\"text\",\"content\":\"{\\\"text\\\":\\\"<\u{200B}at user_id=\\\\\\\"all\\\\\\\"></at>\\\"}\",\(Self.uuid)}"
        )
        #expect(try Self.encoded(kind, thread: "om_root").target == "POST messages/om_root/reply")
        // The further parts of a long answer need not show it again.
        #expect(try Self.encoded(kind, isGroup: true, part: 1).target == "POST messages?receive_id_type=chat_id")
        #expect(
            try Self.encoded(kind, thread: "om_root", isGroup: true, part: 1).target == "POST messages/om_root/reply")
        let topic = try Self.encoded(kind, thread: "om_root", context: ["topic": "true"])
        #expect(topic.target == "POST messages/om_1/reply")
        #expect(topic.body.contains(#""reply_in_thread":true"#))
    }

    @Test func `edits and uploads go out as Feishu has them`() throws {
        let edit = try Self.encoded(.edit(message: PlatformMessageID("om_8"), text: "x", format: .plain))
        #expect(edit.target == "PUT messages/om_8")
        #expect(edit.body == #"{"msg_type":"text","content":"{\"text\":\"x\"}"}"#)
        func attachment(_ source: OutboundAttachment.Source) -> OutboundAction.Kind {
            .sendAttachment(OutboundAttachment(kind: .image, source: source), caption: nil)
        }
        let image = try Self.encoded(attachment(.uploaded("image:img_1")))
        #expect(
            image.body
                == #"{"receive_id":"oc_1","msg_type":"image","content":"{\"image_key\":\"img_1\"}",\#(Self.uuid)}"#)
        let film = try Self.encoded(attachment(.uploaded("media:f_1")))
        #expect(film.body.contains(#""msg_type":"media","content":"{\"file_key\":\"f_1\"}""#))
        for kind in [attachment(.url("https://a.test")), attachment(.uploaded("x")), .typing, .join] {
            let action = OutboundAction(
                id: UUID(high: 0, low: 0), kind: kind, place: InboundEvent.Place(conversation: ConversationID("oc_1")))
            #expect(S.app.encode(action, at: S.now) == nil)
        }
    }

    @Test(
        arguments: [
            (ContentKind.image, "q.png", "image/png", "images", "image:k"), (.file, "q.pdf", nil, "files", "file:k"),
            (.audio, "q.mp3", "audio/mpeg", "files", "file:k"), (.audio, "q.opus", nil, "files", "audio:k"),
            (.video, nil, "video/mp4", "files", "media:k"),
        ] as [(ContentKind, String?, String?, String, String)])
    func `bytes are uploaded in a form`(
        kind: ContentKind, name: String?, type: String?, path: String, reference: String
    ) throws {
        let attachment = OutboundAttachment(
            kind: kind, source: .bytes(Array("BYTES".utf8)), name: name, contentType: type)
        let action = OutboundAction(
            id: UUID(high: 0, low: 1), kind: .sendAttachment(attachment, caption: nil),
            place: InboundEvent.Place(conversation: ConversationID("oc_1")))
        guard case .request(let request) = S.app.upload(attachment, for: action, after: [], at: S.now) else {
            Issue.record("no request")
            return
        }
        #expect(request.url == "https://feishu.example.test/open-apis/im/v1/\(path)")
        #expect(request.headers["Content-Type"] == "multipart/form-data; boundary=chatbridge-\(action.id)")
        let body = String(decoding: request.body, as: UTF8.self)
        #expect(body.contains("\r\n\r\nBYTES\r\n--chatbridge-\(action.id)--\r\n"))
        let field = path == "images" ? "image_key" : "file_key"
        let answer = OutboundResponse(status: .ok, body: Array(#"{"code":0,"data":{"\#(field)":"k"}}"#.utf8))
        guard case .uploaded(let found) = S.app.upload(attachment, for: action, after: [answer], at: S.now) else {
            Issue.record("not uploaded")
            return
        }
        #expect(found == reference)
        let refusal = OutboundResponse(status: .ok, body: Array(#"{"code":234006}"#.utf8))
        guard case .failed = S.app.upload(attachment, for: action, after: [refusal], at: S.now) else {
            Issue.record("a refusal counts as uploaded")
            return
        }
    }

    @Test func `a file is fetched by its message`() {
        func url(_ attachment: BridgeCore.Attachment) -> String? {
            guard case .request(let request) = S.app.fetchMedia(attachment, after: []) else { return nil }
            return request.url
        }
        let base = "https://feishu.example.test/open-apis/im/v1/messages/om_1/resources"
        #expect(url(Attachment(kind: .image, reference: "om_1/img_1")) == "\(base)/img_1?type=image")
        #expect(url(Attachment(kind: .video, reference: "om_1/f_1")) == "\(base)/f_1?type=file")
        #expect(url(Attachment(kind: .sticker, reference: "om_1/s_1")) == nil)
        #expect(url(Attachment(kind: .image, reference: "/img_1")) == nil)
    }

    @Test(arguments: [
        (200, #"{"code":0,"tenant_access_token":"t-1","expire":7200}"#, "t-1 until 1790007200"),
        (200, #"{"code":10014,"msg":"app secret invalid"}"#, "unauthorized"), (200, "<html>", "temporary"),
        (200, #"{"code":0}"#, "unauthorized"), (502, "", "temporary"),
        (400, #"{"code":99991400}"#, "rateLimited(after: nil)"),
    ])
    func `the answer of the login is understood`(status: Int, body: String, meaning: String) {
        let response = OutboundResponse(status: HTTPStatus(status), body: Array(body.utf8))
        switch S.app.interpretToken(response, stored: nil, at: S.now) {
        case .token(let token):
            #expect("\(token.value.value) until \(token.expiresAt?.seconds ?? 0)" == meaning)
        case .failed(let failure):
            #expect("\(failure.kind)" == meaning)
        }
    }
}
