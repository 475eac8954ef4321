import BridgeCore
import BridgeTesting
import Crypto
import HTTPCore
import JSON
import MSTeamsAdapter
import Testing

/// The adapter at its edges: who may send, what goes out, what comes back.
struct MSTeamsAdapterTests {
    typealias S = MSTeamsSamples

    static func failed(_ kind: DeliveryFailure.Kind) -> DeliveryResult { .failed(DeliveryFailure(kind, reason: "")) }

    static func error(_ status: Int, _ code: String, means kind: DeliveryFailure.Kind) -> ConformanceProfile.Response {
        .init(
            "\(status) \(code)", status: status,
            body: #"{"error":{"code":"\#(code)","message":"your text was: words"}}"#,
            means: failed(kind))
    }

    static let responses: [ConformanceProfile.Response] = [
        .init(
            "sent", status: 201, body: #"{"id":"1790000000123"}"#, means: .delivered(PlatformMessageID("1790000000123"))
        ),
        .init("sent without an id", status: 200, body: "{}", means: .delivered(nil)),
        .init("accepted", status: 202, body: "", means: .delivered(nil)),
        .init(
            "edited", to: .edit(message: PlatformMessageID("17"), text: "x", format: .plain), status: 200,
            body: #"{"id":"18"}"#, means: .delivered(PlatformMessageID("17"))),
        .init(
            "too many requests", status: 429, headers: ["Retry-After": "7"], body: "",
            means: failed(.rateLimited(after: .seconds(7)))),
        .init("too many requests, no time", status: 429, body: "{}", means: failed(.rateLimited(after: nil))),
        error(401, "Unauthorized", means: .unauthorized), error(403, "BotDisabledByAdmin", means: .blocked),
        error(403, "MessageWritesBlocked", means: .blocked), error(403, "BotNotInConversationRoster", means: .gone),
        error(404, "ConversationNotFound", means: .gone), error(404, "ActivityNotFoundInConversation", means: .gone),
        error(400, "BadSyntax", means: .refused), error(413, "MessageSizeTooBig", means: .refused),
        error(412, "PreconditionFailed", means: .temporary), error(502, "BadGateway", means: .temporary),
        error(504, "GatewayTimeout", means: .temporary), error(200, "ServiceError", means: .refused),
        .init("a proxy's page", status: 200, body: "<html>sign in</html>", means: failed(.uncertain)),
    ]

    static let profile = ConformanceProfile(
        now: S.now,
        signing: .init(
            fields: ["Authorization"], coversBody: false, tolerance: .seconds(300), sign: { S.signed($0, at: $1) },
            signWrongly: { S.signed($0, at: $1, key: S.otherKey ?? SimulationKey.key) }),
        payloads: (MSTeamsActivityTests.messages + MSTeamsActivityTests.others).enumerated().map { number, row in
            .init("activity \(number)", row.body, row.expected)
        },
        message: { S.activity(#""text":\#($0)"#) },
        messageWithAttachments: { count in
            S.activity(
                #""attachments":[\#(Array(repeating: MSTeamsActivityTests.picture, count: count).joined(separator: ","))]"#
            )
        },
        malformed: ["{}", #"{"type":""}"#, #"{"type":17}"#, #"{"text":"x"}"#], responses: responses,
        secrets: [S.password])

    @Test func `it keeps the adapter contract`() throws {
        // Without endorsements: with them a mutated channel is rightly refused.
        let adapter = try #require(KeyedAdapter(S.bot, published: SimulationKey.keySet()))
        let findings = AdapterConformance(adapter, Self.profile, mutations: 500).findings()
        #expect(findings == [])
    }

    @Test func `a long answer arrives complete, and no part is over the limit`() throws {
        let event = try #require(try S.events(S.activity(#""text":"x""#)).first)
        let findings = LongAnswer().findings(through: try S.keyed(), answering: event, counting: { $0 })
        #expect(findings == [])
    }

    // MARK: Who may send

    static let body = Array(S.activity(#""text":"x""#).utf8)

    @Test(arguments: [
        ("another issuer", S.claims(issuer: "https://sts.windows.net/x/")),
        ("another bot", S.claims(audience: "5f0c7b1e-0000-4000-8000-00000000b07b")),
        ("another address", S.claims(service: "https://evil.example.test/")),
        ("an address that begins alike", S.claims(service: S.service + "x")),
        ("no address", S.claims(service: "")),
        ("no audience", #"{"iss":"https://api.botframework.com","serviceurl":"\#(S.service)","exp":1790000001}"#),
        ("no end", #"{"iss":"https://api.botframework.com","aud":"\#(S.appID)","serviceurl":"\#(S.service)"}"#),
        (
            "an end that is no number",
            #"{"iss":"https://api.botframework.com","aud":"\#(S.appID)","serviceurl":"\#(S.service)","exp":"1790000001"}"#
        ),
    ])
    func `a token that is rightly signed but says something else is refused`(name: String, claims: String) throws {
        let adapter = try S.keyed()
        #expect(throws: WebhookRejection.self) {
            try adapter.receive(S.request(Self.body, S.bearer(claims)), at: S.now)
        }
    }

    @Test(arguments: ["", "Bearer", "Bearer ", "Bearer  x", "Basic eDp5", "Bearer a.b.c", "Bearer x y"])
    func `what is no bearer token is refused`(authorization: String) throws {
        let adapter = try S.keyed()
        let error = #expect(throws: WebhookRejection.self) {
            try adapter.receive(S.request(Self.body, authorization), at: S.now)
        }
        #expect(error?.reason == .unauthorized)
    }

    @Test func `a token by a key that is not known yet asks for the keys again`() throws {
        let keys = try #require(JSONWebKeySet(parsing: SimulationKey.keySet()))
        let error = #expect(throws: WebhookRejection.self) {
            try S.bot.receive(S.request(Self.body, S.bearer(S.claims(), keyID: "of tomorrow")), keys: keys, at: S.now)
        }
        #expect(error?.reason == .unknownKey)
    }

    @Test func `the scheme is read without case, and the address with or without its last slash`() throws {
        let token = S.bearer(S.claims(service: "https://smba.trafficmanager.net/emea")).replacing(
            "Bearer", with: "bearer")
        #expect(try S.keyed().receive(S.request(Self.body, token), at: S.now).events.count == 1)
    }

    @Test func `an activity without an address is answered at that of the token`() throws {
        let body =
            #"{"type":"message","text":"x","serviceUrl":null,"from":{"id":"29:ida"},"conversation":{"id":"a:1"}}"#
        let event = try #require(try S.events(body).first)
        #expect(event.replyContext == ["service_url": S.service])
    }

    @Test(arguments: [(["msteams"], true), (["webchat", "msteams"], true), (["webchat"], false), ([], true)])
    func `a key speaks for the channels that its publisher names`(endorsements: [String], isAccepted: Bool) throws {
        let keys = try #require(JSONWebKeySet(parsing: SimulationKey.keySet(endorsements: endorsements)))
        let outcome = try? S.bot.receive(S.signed(Self.body), keys: keys, at: S.now)
        #expect((outcome != nil) == isAccepted)
    }

    @Test func `only POST is taken`() throws {
        let adapter = try S.keyed()
        var request = S.signed(Self.body)
        request.method = .get
        #expect(throws: WebhookRejection(.methodNotAllowed, "Teams sends its requests by POST")) {
            try adapter.receive(request, at: S.now)
        }
    }

    @Test func `an invoke is answered with JSON, everything else without a body`() throws {
        let adapter = try S.keyed()
        let invoke = S.activity(#""name":"adaptiveCard/action","value":{"action":{"verb":"v"}}"#, type: "invoke")
        let answer = try adapter.receive(S.signed(Array(invoke.utf8)), at: S.now).acknowledgement
        #expect(answer.contentType == "application/json")
        #expect(try JSONView(parsing: answer.body)["statusCode"].int == 200)
        let other = S.activity(#""name":"task/fetch""#, type: "invoke")
        #expect(try adapter.receive(S.signed(Array(other.utf8)), at: S.now).acknowledgement.body == Array("{}".utf8))
        #expect(try adapter.receive(S.signed(Self.body), at: S.now).acknowledgement.body == [])
    }

    // MARK: What goes out

    static let channel = InboundEvent.Place(
        account: AccountName("tenant-a"), conversation: ConversationID("19:crew@thread.tacv2"),
        thread: ThreadID("1790"),
        isGroup: true)

    static func request(_ kind: OutboundAction.Kind, context: [String: String] = ["service_url": S.service])
        -> OutboundRequest?
    {
        S.bot.encode(
            OutboundAction(id: UUID(high: 0, low: 0), kind: kind, place: channel, replyContext: context), at: S.now)
    }

    @Test(arguments: [
        "https://evil.example/", "https://x.trafficmanager.net/", "http://smba.trafficmanager.net/emea/",
        "https://smba.trafficmanager.net.evil.example/", "https://smba.trafficmanager.net@evil.example/",
        "https://169.254.169.254/", "https://evilbotframework.com/", "file:///etc/passwd", "",
    ])
    func `an address that is not Microsoft's gets neither answers nor the token`(service: String) throws {
        let request = try #require(Self.request(.typing, context: ["service_url": service]))
        #expect(request.url.hasPrefix("https://smba.trafficmanager.net/teams/v3/"))
    }

    @Test(arguments: [
        "https://smba.infra.gcc.teams.microsoft.com/gcc", "https://smba.infra.gov.teams.microsoft.us/gov/",
        "https://directline.botframework.com", "https://SMBA.trafficmanager.net/in/",
    ])
    func `the connectors of all clouds are answered`(service: String) throws {
        let request = try #require(Self.request(.typing, context: ["service_url": service]))
        #expect(request.url.hasPrefix(service) && request.isUntrustedAddress)
    }

    @Test(arguments: [
        (
            OutboundAction.Kind.send(text: "**hi** <you> & me", format: .markdown), HTTPMethod.post, "activities",
            #"{"type":"message","text":"**hi** &lt;you> &amp; me","textFormat":"markdown"}"#
        ),
        (
            .send(text: "*as it is*", format: .plain), .post, "activities",
            #"{"type":"message","text":"*as it is*","textFormat":"plain"}"#
        ),
        (
            .edit(message: PlatformMessageID("1:a/b"), text: "x", format: .plain), .put, "activities/1%3Aa%2Fb",
            #"{"type":"message","id":"1:a/b","text":"x","textFormat":"plain"}"#
        ),
        (.typing, .post, "activities", #"{"type":"typing"}"#),
        (
            .sendAttachment(
                OutboundAttachment(
                    kind: .image, source: .url("https://a.test/q.png"), name: "q.png", contentType: "image/png"),
                caption: "the quay"), .post, "activities",
            #"{"type":"message","text":"the quay","textFormat":"plain","attachments":[{"contentType":"image/png","contentUrl":"https://a.test/q.png","name":"q.png"}]}"#
        ),
    ])
    func `an action becomes a call of the connector`(
        kind: OutboundAction.Kind, method: HTTPMethod, path: String, body: String
    ) throws {
        let request = try #require(Self.request(kind))
        #expect(request.method == method)
        #expect(
            request.url
                == "https://smba.trafficmanager.net/emea/v3/conversations/19%3Acrew%40thread.tacv2%3Bmessageid%3D1790/\(path)"
        )
        #expect(String(decoding: request.body, as: UTF8.self) == body)
        #expect(request.bearsToken)
    }

    @Test func `what Teams cannot take is not encoded`() {
        let film = OutboundAttachment(kind: .video, source: .url("https://a.test/q.mp4"))
        let bytes = OutboundAttachment(kind: .image, source: .bytes([1]))
        for kind in [
            .sendAttachment(film, caption: nil), .sendAttachment(bytes, caption: nil), .join,
            .acknowledgeButton(id: "1"),
        ]
            as [OutboundAction.Kind]
        {
            #expect(Self.request(kind) == nil)
        }
        #expect(S.bot.capabilities.attachmentsByURL == [.image])
        #expect(S.bot.capabilities.attachmentsByUpload == [])
    }

    @Test func `a push goes to the global address`() throws {
        let request = try #require(Self.request(.typing, context: [:]))
        #expect(request.url.hasPrefix("https://smba.trafficmanager.net/teams/v3/conversations/19%3Acrew"))
    }

    // MARK: Tokens

    @Test func `a token is asked for with the client's credentials, and without a token`() {
        let request = S.bot.tokenRequest(stored: nil, at: S.now)
        #expect(request.url == "https://login.microsoftonline.com/tenant-a/oauth2/v2.0/token")
        #expect(
            String(decoding: request.body, as: UTF8.self)
                == "grant_type=client_credentials&client_id=\(S.appID)&client_secret=invented~client.secret&scope=https%3A%2F%2Fapi.botframework.com%2F.default"
        )
        #expect(!request.bearsToken)
        let shared = MSTeamsAdapter(configuration: MSTeamsConfiguration(appID: "a", appPassword: "b"))
        #expect(shared.tokenRequest(stored: nil, at: S.now).url.contains("/botframework.com/"))
        #expect(shared.keysURL == "https://login.botframework.com/v1/.well-known/keys")
    }

    @Test(arguments: [
        (200, #"{"token_type":"Bearer","expires_in":3599,"access_token":"eyJ"}"#, "eyJ until 1790003599"),
        (200, #"{"expires_in":"86399","access_token":"eyJ"}"#, "eyJ until 1790086399"),
        (200, #"{"access_token":"eyJ"}"#, "eyJ until 1790003600"), (200, "<html>", "temporary"),
        (200, "{}", "temporary"),
        (401, #"{"error":"invalid_client","error_description":"AADSTS7000215"}"#, "unauthorized"),
        (400, #"{"error":"unauthorized_client"}"#, "unauthorized"), (503, "", "temporary"), (429, "", "temporary"),
        (302, "", "refused"),
    ])
    func `the answer of the login is understood`(status: Int, body: String, meaning: String) {
        let response = OutboundResponse(status: HTTPStatus(status), body: Array(body.utf8))
        switch S.bot.interpretToken(response, stored: nil, at: S.now) {
        case .token(let token):
            #expect("\(token.value.value) until \(token.expiresAt?.seconds ?? 0)" == meaning)
        case .failed(let failure):
            #expect("\(failure.kind)" == meaning)
        }
    }

    @Test func `pictures at the connector are fetched with the token, files without`() {
        func request(_ url: String) -> OutboundRequest? {
            guard case .request(let request) = S.bot.fetchMedia(Attachment(kind: .image, url: url), after: []) else {
                return nil
            }
            return request
        }
        #expect(request("https://smba.trafficmanager.net/emea/v3/attachments/0/views/original")?.bearsToken == true)
        #expect(request("https://contoso.sharepoint.com/download?t=1")?.bearsToken == false)
        #expect(request("https://smba.trafficmanager.net.evil.test/x") == nil)
        #expect(request("http://smba.trafficmanager.net/x") == nil)
    }
}
