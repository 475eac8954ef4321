import BridgeCore
import BridgeTesting
import Crypto
import GoogleChatAdapter
import HTTPCore
import JSON
import Testing

/// The adapter at its edges: who may send, what goes out, what comes back.
struct GoogleChatAdapterTests {
    typealias S = GoogleChatSamples

    static func failed(_ kind: DeliveryFailure.Kind) -> DeliveryResult { .failed(DeliveryFailure(kind, reason: "")) }

    static func error(
        _ status: Int, _ code: String, reason: String? = nil, means kind: DeliveryFailure.Kind
    ) -> ConformanceProfile.Response {
        let details = reason.map {
            #","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"\#($0)"}]"#
        }
        return .init(
            "\(status) \(code) \(reason ?? "")", status: status,
            body:
                #"{"error":{"code":\#(status),"message":"your text was: words","status":"\#(code)"\#(details ?? "")}}"#,
            means: failed(kind))
    }

    static let sent = PlatformMessageID("spaces/IDA/messages/x.y")

    static let responses: [ConformanceProfile.Response] = [
        .init(
            "sent", status: 200, body: #"{"name":"spaces/IDA/messages/x.y","text":"words"}"#, means: .delivered(sent)),
        .init(
            "edited", to: .edit(message: sent, text: "x", format: .plain), status: 200, body: "{}",
            means: .delivered(sent)),
        .init(
            "too many requests", status: 429, headers: ["Retry-After": "30"],
            body: #"{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}"#,
            means: failed(.rateLimited(after: .seconds(30)))),
        error(403, "PERMISSION_DENIED", reason: "RATE_LIMIT_EXCEEDED", means: .rateLimited(after: nil)),
        error(401, "UNAUTHENTICATED", means: .unauthorized), error(403, "PERMISSION_DENIED", means: .blocked),
        error(403, "PERMISSION_DENIED", reason: "ACCESS_TOKEN_SCOPE_INSUFFICIENT", means: .unauthorized),
        error(403, "PERMISSION_DENIED", reason: "SERVICE_DISABLED", means: .unauthorized),
        error(404, "NOT_FOUND", means: .gone), error(400, "INVALID_ARGUMENT", means: .refused),
        error(500, "INTERNAL", means: .temporary), error(503, "UNAVAILABLE", means: .temporary),
        .init(
            "sent twice", status: 409, body: #"{"error":{"code":409,"status":"ALREADY_EXISTS"}}"#,
            means: .delivered(
                PlatformMessageID("42/messages/client-chatbridge-01990000-0000-7000-8000-000000000001"))),
        .init("a proxy's page", status: 200, body: "<html>sign in</html>", means: failed(.uncertain)),
    ]

    static let profile = ConformanceProfile(
        now: S.now,
        signing: .init(
            fields: ["Authorization"], coversBody: false, tolerance: .seconds(300), sign: { S.signed($0, at: $1) },
            signWrongly: { S.signed($0, at: $1, key: S.otherKey ?? SimulationKey.key) }),
        payloads: (GoogleChatEventTests.interactions + GoogleChatEventTests.pushes).enumerated().map { number, row in
            .init("event \(number)", row.body, row.expected)
        },
        message: { S.classic("MESSAGE", #""message":\#(S.message(#""text":\#($0)"#))"#) },
        messageWithAttachments: { count in
            let list = Array(repeating: GoogleChatEventTests.picture, count: count).joined(separator: ",")
            return S.classic("MESSAGE", #""message":\#(S.message(#""attachment":[\#(list)]"#))"#)
        },
        malformed: [
            "{}", #"{"type":""}"#, #"{"type":17}"#, #"{"message":{}}"#, #"{"chat":17}"#,
            #"{"message":"x","subscription":"s"}"#,
        ],
        responses: responses, secrets: ["PRIVATE KEY", "simulated-googlechat-token"])

    @Test func `it keeps the adapter contract`() throws {
        let findings = AdapterConformance(try S.keyed(), Self.profile, mutations: 500).findings()
        #expect(findings == [])
    }

    @Test func `a long answer arrives complete, and no part is over the limit`() throws {
        let event = try #require(try S.events(GoogleChatEventTests.interactions[1].body).first)
        let findings = LongAnswer().findings(through: try S.keyed(), answering: event, counting: { $0 })
        #expect(findings == [])
    }

    // MARK: Who may send

    static let body = Array(GoogleChatEventTests.interactions[0].body.utf8)
    static let number = "1234567890"

    static func isAccepted(_ claims: String, audience: String = S.audience) throws -> Bool {
        let adapter = try S.keyed(audience: audience)
        do {
            _ = try adapter.receive(S.request(body, S.bearer(claims)), at: S.now)
            return true
        } catch {
            #expect(error.reason == .unauthorized)
            return false
        }
    }

    @Test(arguments: [
        ("Chat", S.claims(), true),
        ("the other spelling of Google", S.claims(issuer: "accounts.google.com"), true),
        ("an add-on's agent", S.claims(email: "service-42@gcp-sa-gsuiteaddons.iam.gserviceaccount.com"), true),
        ("our own push subscription", S.claims(email: S.account), true),
        ("verified as a string", S.claims(isVerified: "\"true\""), true),
        ("somebody else's account", S.claims(email: "evil@crew-1.iam.gserviceaccount.com"), false),
        ("an agent without a number", S.claims(email: "service-@gcp-sa-gsuiteaddons.iam.gserviceaccount.com"), false),
        ("an agent with letters", S.claims(email: "service-x2@gcp-sa-gsuiteaddons.iam.gserviceaccount.com"), false),
        (
            "an agent of another domain",
            S.claims(email: "service-42@gcp-sa-gsuiteaddons.iam.gserviceaccount.com.test"), false
        ),
        ("an address that is not verified", S.claims(isVerified: "false"), false),
        ("another issuer", S.claims(issuer: "https://accounts.google.com.test"), false),
        ("another audience", S.claims(audience: "https://bridge.example.test/"), false),
        (
            "Chat's own token for another project",
            S.claims(issuer: "chat@system.gserviceaccount.com", audience: number), false
        ),
        (
            "no address",
            #"{"iss":"accounts.google.com","aud":"\#(S.audience)","email_verified":true,"exp":1790000001}"#, false
        ),
        (
            "no end",
            #"{"iss":"accounts.google.com","aud":"\#(S.audience)","email":"chat@system.gserviceaccount.com","email_verified":true}"#,
            false
        ),
    ])
    func `an identity token is judged by its issuer, audience and address`(
        name: String, claims: String, isAccepted: Bool
    ) throws {
        #expect(try Self.isAccepted(claims) == isAccepted)
    }

    @Test func `Chat's own token is for the project's number`() throws {
        let claims = #"{"iss":"chat@system.gserviceaccount.com","aud":"\#(Self.number)","exp":1790000001}"#
        #expect(try Self.isAccepted(claims, audience: Self.number))
        #expect(try !Self.isAccepted(claims, audience: "1234567891"))
        #expect(try !Self.isAccepted(claims, audience: ""))
    }

    @Test func `the keys are those of the audience's kind`() throws {
        #expect(try S.app().keysURL == "https://www.googleapis.com/oauth2/v3/certs")
        #expect(
            try S.app(audience: Self.number).keysURL
                == "https://www.googleapis.com/service_accounts/v1/metadata/x509/chat@system.gserviceaccount.com")
        #expect(try S.app(apiBase: "http://127.0.0.1:9").keysURL == "http://127.0.0.1:9/oauth2/v3/certs")
    }

    @Test func `a token by a key that is not known yet asks for the keys again`() throws {
        let keys = try #require(JSONWebKeySet(parsing: SimulationKey.keySet()))
        let app = try S.app()
        let error = #expect(throws: WebhookRejection.self) {
            try app.receive(S.request(Self.body, S.bearer(S.claims(), keyID: "of tomorrow")), keys: keys, at: S.now)
        }
        #expect(error?.reason == .unknownKey)
    }

    @Test func `a request is acknowledged with an empty object, by POST alone`() throws {
        let adapter = try S.keyed()
        var request = S.signed(Self.body)
        #expect(try adapter.receive(request, at: S.now).acknowledgement.body == Array("{}".utf8))
        request.method = .get
        #expect(throws: WebhookRejection(.methodNotAllowed, "Google Chat sends its requests by POST")) {
            try adapter.receive(request, at: S.now)
        }
    }

    // MARK: What goes out

    static let place = InboundEvent.Place(
        conversation: ConversationID("spaces/CREW"), thread: ThreadID("spaces/CREW/threads/t1"), isGroup: true)
    static let names =
        "requestId=01990000-0000-7000-8000-000000000001&messageId=client-chatbridge-01990000-0000-7000-8000-000000000001"

    static func request(_ kind: OutboundAction.Kind, in place: InboundEvent.Place = place) throws -> OutboundRequest? {
        try S.app().encode(
            OutboundAction(
                id: UUID(high: 0x0199_0000_0000_7000, low: 0x8000_0000_0000_0001), kind: kind, place: place), at: S.now)
    }

    @Test(arguments: [
        (
            OutboundAction.Kind.send(text: "**hi** <users/all> & [me](https://a.test)", format: .markdown),
            HTTPMethod.post,
            "spaces/CREW/messages?messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD&\(names)",
            "{\"text\":\"*hi* <\u{200B}users/all> & <https://a.test|me>\",\"thread\":{\"name\":\"spaces/CREW/threads/t1\"}}"
        ),
        (
            .edit(
                message: PlatformMessageID("spaces/CREW/messages/x.y"), text: "*as it is* <users/all>", format: .plain),
            .patch,
            "spaces/CREW/messages/x.y?updateMask=text", "{\"text\":\"*as it is* <\u{200B}users/all>\"}"
        ),
        (
            .sendAttachment(
                OutboundAttachment(kind: .image, source: .url("https://a.test/q.png"), name: "q.png"),
                caption: "the quay"),
            .post, "spaces/CREW/messages?messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD&\(names)",
            #"{"text":"the quay","cardsV2":[{"cardId":"image","card":{"sections":[{"widgets":[{"image":{"imageUrl":"https://a.test/q.png","altText":"q.png"}}]}]}}],"thread":{"name":"spaces/CREW/threads/t1"}}"#
        ),
    ])
    func `an action becomes a call of the Chat API`(
        kind: OutboundAction.Kind, method: HTTPMethod, target: String, body: String
    ) throws {
        let request = try #require(try Self.request(kind))
        #expect(request.method == method)
        #expect(request.url == "https://chat.googleapis.com/v1/\(target)")
        #expect(String(decoding: request.body, as: UTF8.self) == body)
        #expect(request.bearsToken)
    }

    @Test func `without a thread there is none, and odd names stay in their place`() throws {
        let alone = InboundEvent.Place(conversation: ConversationID("spaces/I?A"))
        let request = try #require(try Self.request(.send(text: "x", format: .plain), in: alone))
        #expect(request.url == "https://chat.googleapis.com/v1/spaces/I%3FA/messages?\(Self.names)")
        #expect(String(decoding: request.body, as: UTF8.self) == #"{"text":"x"}"#)
    }

    @Test func `what Google Chat cannot take is not encoded`() throws {
        let film = OutboundAttachment(kind: .video, source: .url("https://a.test/q.mp4"))
        let bytes = OutboundAttachment(kind: .image, source: .bytes([1]))
        for kind in [.typing, .sendAttachment(film, caption: nil), .sendAttachment(bytes, caption: nil), .join]
            as [OutboundAction.Kind]
        {
            #expect(try Self.request(kind) == nil)
        }
    }

    // MARK: Tokens

    @Test func `a token is asked for with an assertion that the account's key has signed`() throws {
        let request = try S.app().tokenRequest(stored: nil, at: S.now)
        #expect(request.url == "https://oauth2.googleapis.com/token")
        #expect(!request.bearsToken)
        let form = HTTPPercentEncoding.decodeForm(request.body)
        #expect(form.first?.value == "urn:ietf:params:oauth:grant-type:jwt-bearer")
        let numbers = try #require(S.otherKey?.publicNumbers)
        let key = try #require(PublicKey.rsa(modulus: numbers.modulus, exponent: numbers.exponent))
        let token = try JSONWebToken(try #require(form.last?.value))
        let claims = try token.claims(verifiedBy: JSONWebKeySet(keys: [.init(id: "k1", key: key)]))
        #expect(claims.issuer == S.account)
        #expect(claims.isFor("https://oauth2.googleapis.com/token"))
        #expect(claims["scope"] == "https://www.googleapis.com/auth/chat.bot")
        #expect(claims.json["exp"].int == S.now.seconds + 3600)
    }

    @Test(arguments: [
        (200, #"{"access_token":"ya29","expires_in":3599,"token_type":"Bearer"}"#, "ya29 until 1790003599"),
        (200, "{}", "temporary"), (400, #"{"error":"invalid_grant"}"#, "unauthorized"), (503, "", "temporary"),
        (429, "", "temporary"), (302, "", "refused"),
    ])
    func `the answer of the login is understood`(status: Int, body: String, meaning: String) throws {
        let response = OutboundResponse(status: HTTPStatus(status), body: Array(body.utf8))
        switch try S.app().interpretToken(response, stored: nil, at: S.now) {
        case .token(let token):
            #expect("\(token.value.value) until \(token.expiresAt?.seconds ?? 0)" == meaning)
        case .failed(let failure):
            #expect("\(failure.kind)" == meaning)
        }
    }

    @Test(arguments: ["", "{}", "[]", #"{"client_email":"x","private_key":"none"}"#])
    func `what is no service account is refused`(text: String) {
        #expect(GoogleServiceAccount(parsing: Array(text.utf8)) == nil)
    }

    @Test func `uploads are fetched with the token, pictures of others without, Drive not at all`() throws {
        let app = try S.app()
        guard
            case .request(let upload) = app.fetchMedia(Attachment(kind: .image, reference: "Clxz/Z M="), after: []),
            case .request(let gif) = app.fetchMedia(
                Attachment(kind: .image, url: "https://lh3.googleusercontent.com/x"), after: []),
            case .unavailable = app.fetchMedia(Attachment(kind: .file, reference: "drive:D1"), after: [])
        else {
            Issue.record("not what it should be")
            return
        }
        #expect(upload.url == "https://chat.googleapis.com/v1/media/Clxz/Z%20M%3D?alt=media")
        #expect(upload.bearsToken)
        #expect(!gif.bearsToken)
    }
}
