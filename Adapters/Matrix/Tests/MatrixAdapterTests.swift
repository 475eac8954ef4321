import BridgeCore
import BridgeTesting
import HTTPCore
import JSON
import Testing

@testable import MatrixAdapter

/// The adapter at its edges: who may send, what goes out, what comes back.
struct MatrixAdapterTests {
    typealias S = MatrixSamples

    static func failed(_ kind: DeliveryFailure.Kind) -> DeliveryResult { .failed(DeliveryFailure(kind, reason: "")) }

    static func refusal(
        _ code: String, _ words: String = "", status: Int, means kind: DeliveryFailure.Kind
    ) -> ConformanceProfile.Response {
        .init(code, status: status, body: #"{"errcode":"\#(code)","error":"\#(words)"}"#, means: failed(kind))
    }

    static let responses: [ConformanceProfile.Response] = [
        .init(
            "sent", status: 200, body: #"{"event_id":"$new"}"#, means: .delivered(PlatformMessageID("$new"))),
        .init(
            "edited", to: .edit(message: PlatformMessageID("$old"), text: "x", format: .plain), status: 200,
            body: #"{"event_id":"$new"}"#, means: .delivered(PlatformMessageID("$old"))),
        .init("typing", to: .typing, status: 200, body: "{}", means: .delivered(nil)),
        .init("joined", to: .join, status: 200, body: #"{"room_id":"!a:b"}"#, means: .delivered(nil)),
        .init("nothing", status: 200, body: "{}", means: failed(.uncertain)),
        .init(
            "too many requests", status: 429, headers: ["Retry-After": "3"],
            body: #"{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":2500}"#,
            means: failed(.rateLimited(after: .seconds(3)))),
        .init(
            "too many requests, the old way", status: 429,
            body: #"{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":2500}"#,
            means: failed(.rateLimited(after: .milliseconds(2500)))),
        .init("too many requests, without a time", status: 429, body: "", means: failed(.rateLimited(after: nil))),
        refusal("M_UNKNOWN_TOKEN", status: 401, means: .unauthorized),
        refusal("M_FORBIDDEN", "User @harbour:example.test not in room", status: 403, means: .blocked),
        refusal(
            "M_FORBIDDEN", "Application service cannot masquerade as this user", status: 403, means: .unauthorized),
        refusal("M_EXCLUSIVE", status: 400, means: .unauthorized),
        refusal("M_NOT_FOUND", status: 404, means: .gone),
        refusal("M_UNRECOGNIZED", status: 404, means: .refused),
        refusal("M_BAD_JSON", status: 400, means: .refused),
        refusal("M_UNKNOWN", status: 500, means: .temporary),
        .init("too large", status: 413, body: #"{"errcode":"M_TOO_LARGE"}"#, means: failed(.formattingRefused)),
        .init(
            "too large without formatting", to: .send(text: "x", format: .plain), status: 413,
            body: #"{"errcode":"M_TOO_LARGE"}"#, means: failed(.refused)),
        .init("a proxy's page", status: 200, body: "<html>sign in</html>", means: failed(.uncertain)),
        .init("a proxy without a server", status: 502, body: "<html>", means: failed(.temporary)),
        .init(
            "a token in the words", status: 401,
            body: #"{"errcode":"M_UNKNOWN_TOKEN","error":"no as-token-invented-for-tests"}"#,
            means: failed(.unauthorized)),
    ]

    static let profile = ConformanceProfile(
        now: S.now,
        signing: .init(
            fields: ["Authorization"], coversBody: false, tolerance: nil,
            sign: { body, _ in S.transaction(body) },
            signWrongly: { body, _ in S.transaction(body, token: "hs-token-of-somebody-else") }),
        payloads: MatrixEventTests.messages.enumerated().map { number, row in
            .init("message \(number)", S.body(S.message(row.content)), [row.expected])
        }
            + MatrixEventTests.others.enumerated().map { number, row in
                .init("event \(number)", S.body(row.event), row.expected)
            },
        message: { S.body(S.message(#""msgtype":"m.text","body":\#($0)"#)) }, malformed: ["17", "true"],
        responses: responses, secrets: [S.asToken, S.hsToken])

    @Test func `it keeps the adapter contract`() {
        #expect(AdapterConformance(S.adapter, Self.profile, mutations: 500).findings() == [])
    }

    // MARK: Who may send

    @Test(arguments: [
        (header: Optional("Bearer \(S.hsToken)"), query: Optional<String>.none, isAccepted: true),
        ("bearer \(S.hsToken)", nil, true),
        (nil, S.hsToken, true),
        ("Bearer \(S.hsToken)", S.hsToken, true),
        ("Bearer \(S.hsToken)", "wrong", false),
        ("Bearer wrong", S.hsToken, false),
        (nil, "wrong", false),
        (nil, "", false),
        (nil, nil, false),
        ("Basic \(S.hsToken)", nil, false),
        (S.hsToken, nil, false),
    ])
    func `every token that is there must be the homeserver's`(header: String?, query: String?, isAccepted: Bool) {
        var request = WebhookRequest(
            method: .put, target: "/webhooks/matrix/transactions/1\(query.map { "?access_token=\($0)" } ?? "")",
            headers: [:], body: Array(#"{"events":[]}"#.utf8))
        if let header { request.headers["Authorization"] = header }
        #expect(((try? S.adapter.receive(request, at: S.now)) != nil) == isAccepted)
    }

    @Test(arguments: [
        (HTTPMethod.put, "_matrix/app/v1/transactions/t1", 200), (.post, "", 200),
        (.get, "_matrix/app/v1/users/%40harbour%3Aexample.test", 200), (.get, "users/%40bo%3Aexample.test", 404),
        (.get, "_matrix/app/v1/rooms/%23pier%3Aexample.test", 404),
        (.get, "_matrix/app/v1/thirdparty/protocol/irc", 404), (.post, "_matrix/app/v1/ping", 200),
    ])
    func `what a homeserver asks for is answered`(method: HTTPMethod, path: String, status: Int) throws {
        var request = S.transaction(Array(#"{"transaction_id":"x"}"#.utf8))
        request.method = method
        request.target = "/webhooks/matrix/\(path)"
        let outcome = try S.adapter.receive(request, at: S.now)
        #expect(outcome.acknowledgement.status.code == status)
        if status == 200 { #expect(outcome.acknowledgement.body == Array("{}".utf8)) }
        #expect(outcome.events.isEmpty)
    }

    /// Adapters that have seen transactions 1 to 20.
    static func adapterAfterTwenty() throws -> MatrixAdapter {
        let adapter = MatrixAdapter(
            configuration: MatrixConfiguration(
                userID: S.userID, asToken: Secret(S.asToken), hsToken: Secret(S.hsToken), apiBase: "https://x.test"))
        for number in 1...20 { #expect(try status(of: "\(number)", to: adapter) == 200) }
        return adapter
    }

    static func status(of transaction: String, to adapter: MatrixAdapter) throws -> Int {
        let body = Array(S.body(S.message(MatrixEventTests.text)).utf8)
        let outcome = try adapter.receive(S.transaction(body, id: transaction), at: S.now)
        #expect(outcome.events.isEmpty == (outcome.acknowledgement.status.code != 200))
        return outcome.acknowledgement.status.code
    }

    @Test(arguments: [
        // The one between was left over by a homeserver that stopped: it comes first, and then the others.
        (["22", "21", "22", "23"], [503, 200, 200, 200]),
        // There is none between: this homeserver counts in another way, and is not asked again.
        (["22", "22", "23", "25"], [503, 200, 200, 200]),
        // A homeserver that begins anew, repeats one, leaps, or uses no numbers.
        (["1", "2", "4"], [200, 200, 200]), (["20", "21"], [200, 200]), (["40", "42"], [200, 200]),
        (["m1", "m3"], [200, 200]), (["18446744073709551615", "0"], [200, 200]),
    ])
    func `a transaction that a homeserver left over is asked for`(names: [String], statuses: [Int]) throws {
        let adapter = try Self.adapterAfterTwenty()
        #expect(try names.map { try Self.status(of: $0, to: adapter) } == statuses)
    }

    @Test func `a gap counts for nothing before a run without one`() throws {
        let adapter = MatrixAdapter(
            configuration: MatrixConfiguration(
                userID: S.userID, asToken: Secret(S.asToken), hsToken: Secret(S.hsToken), apiBase: "https://x.test"))
        for number in stride(from: 1, to: 100, by: 2) {
            #expect(try Self.status(of: "\(number)", to: adapter) == 200)
        }
    }

    @Test func `other methods are none of a homeserver's`() {
        var request = S.transaction([])
        request.method = .get
        #expect(throws: WebhookRejection.self) { try S.adapter.receive(request, at: S.now) }
    }

    // MARK: What goes out

    static let base = "https://hs.example.test/_matrix/client/v3"
    static let user = "user_id=%40harbour%3Aexample.test"
    static let room = "rooms/%21quay%3Aexample.test"
    static let mark = #""chatbridge.transaction":"01990000-0000-7000-8000-000000000001""#
    static let send = "\(base)/\(room)/send/m.room.message/01990000-0000-7000-8000-000000000001?\(user)"

    @Test(arguments: [
        (
            S.action(.send(text: "**hi** <you>", format: .markdown)), send,
            #"{"msgtype":"m.notice","body":"**hi** <you>","format":"org.matrix.custom.html","formatted_body":"<strong>hi</strong> &lt;you&gt;","m.mentions":{},\#(mark)}"#
        ),
        (
            S.action(.send(text: "1 < 2 & so", format: .markdown)), send,
            #"{"msgtype":"m.notice","body":"1 < 2 & so","m.mentions":{},\#(mark)}"#
        ),
        (
            S.action(.send(text: "*as it is*", format: .plain), replyTo: "$q"), send,
            #"{"msgtype":"m.notice","body":"*as it is*","m.mentions":{},\#(mark)}"#
        ),
        (
            S.action(.send(text: "hi", format: .plain), replyTo: "$q", context: ["asker": S.ida]), send,
            #"{"msgtype":"m.notice","body":"hi","m.mentions":{"user_ids":["@ida:example.test"]},"m.relates_to":{"m.in_reply_to":{"event_id":"$q"}},\#(mark)}"#
        ),
        (
            S.action(.send(text: "hi", format: .plain), thread: "$root", replyTo: "$q"), send,
            #"{"msgtype":"m.notice","body":"hi","m.mentions":{},"m.relates_to":{"rel_type":"m.thread","event_id":"$root","is_falling_back":true,"m.in_reply_to":{"event_id":"$q"}},\#(mark)}"#
        ),
        (
            S.action(.edit(message: PlatformMessageID("$old"), text: "new", format: .plain)), send,
            #"{"msgtype":"m.notice","body":"* new","m.new_content":{"msgtype":"m.notice","body":"new","m.mentions":{}},"m.relates_to":{"rel_type":"m.replace","event_id":"$old"},"m.mentions":{},\#(mark)}"#
        ),
        (
            S.action(
                .sendAttachment(
                    OutboundAttachment(
                        kind: .image, source: .uploaded("mxc://hs.example.test/a"), name: "a.png",
                        contentType: "image/png"), caption: "look")), send,
            #"{"msgtype":"m.image","body":"look","filename":"a.png","url":"mxc://hs.example.test/a","info":{"mimetype":"image/png"},"m.mentions":{},\#(mark)}"#
        ),
        (
            S.action(.typing), "\(base)/\(room)/typing/%40harbour%3Aexample.test?\(user)",
            #"{"typing":true,"timeout":6000}"#
        ),
    ])
    func `an action becomes a call of the client-server API`(
        action: OutboundAction, url: String, body: String
    ) throws {
        let request = try #require(S.adapter.encode(action, at: S.now))
        #expect(request.url == url)
        #expect(request.method == .put)
        #expect(String(decoding: request.body, as: UTF8.self) == body)
        #expect(request.headers["Authorization"] == "Bearer \(S.asToken)")
    }

    @Test(arguments: [
        String(repeating: "words ", count: 2666), String(repeating: "\"\\", count: 8000),
        String(repeating: "\u{1}", count: 16_000), String(repeating: "**a&b** ", count: 2000),
        String(repeating: "<&>", count: 5333), String(repeating: "👩‍👩‍👧", count: 888),
    ])
    func `the longest text fits into an event, sent and edited, and keeps its words`(text: String) throws {
        #expect(text.utf8.count <= S.adapter.capabilities.textLimit.count)
        for kind in [
            OutboundAction.Kind.send(text: text, format: .markdown),
            .edit(message: PlatformMessageID("$o"), text: text, format: .markdown),
        ] {
            let request = try #require(S.adapter.encode(S.action(kind), at: S.now))
            #expect(request.body.count <= 60_000)
            let content = try JSONView(parsing: request.body)
            let body = content["m.new_content"].exists ? content["m.new_content"]["body"] : content["body"]
            let words = text.hasPrefix("\u{1}") ? String(repeating: "\u{FFFD}", count: 16_000) : text
            #expect(body.string == words)
        }
    }

    @Test func `a long answer arrives whole`() throws {
        let event = try #require(try S.events(S.body(S.message(MatrixEventTests.text))).first)
        #expect(LongAnswer().findings(through: S.adapter, answering: event, at: S.now) == [])
    }

    @Test func `a message whose answer was lost is found by its transaction`() throws {
        let action = S.action(.send(text: "hi", format: .plain))
        let check = try #require(S.adapter.deliveryCheck(of: action))
        #expect(check.method == .get)
        #expect(
            check.url
                == "\(Self.base)/\(Self.room)/messages?\(Self.user)&dir=b&limit=50&filter=%7B%22senders%22%3A%5B%22%40harbour%3Aexample.test%22%5D%2C%22types%22%3A%5B%22m.room.message%22%5D%7D"
        )
        func found(_ body: String, status: Int = 200) -> DeliveryResult? {
            S.adapter.interpretDeliveryCheck(
                OutboundResponse(status: HTTPStatus(status), body: Array(body.utf8)), of: action)
        }
        let other = #"{"event_id":"$a","content":{"body":"hi"}}"#
        let ours = #"{"event_id":"$b","content":{"body":"hi",\#(Self.mark)}}"#
        #expect(found(#"{"chunk":[\#(other),\#(ours)]}"#) == .delivered(PlatformMessageID("$b")))
        #expect(found(#"{"chunk":[\#(other),7,null]}"#) == nil)
        #expect(found("{}") == nil)
        guard case .failed(let failure) = found("", status: 502), failure.isTemporary else {
            Issue.record("a proxy's failure is none")
            return
        }
        #expect(try #require(Self.fake(check)).response.status.code == 200)
    }

    @Test func `bytes are uploaded, and then shown by their address`() throws {
        let attachment = OutboundAttachment(kind: .file, source: .bytes([1, 2]), name: "a b.bin")
        let action = S.action(.sendAttachment(attachment, caption: nil))
        guard case .request(let request) = S.adapter.upload(attachment, for: action, after: [], at: S.now) else {
            Issue.record("no request")
            return
        }
        #expect(
            request.url == "https://hs.example.test/_matrix/media/v3/upload?\(Self.user)&filename=a%20b.bin")
        #expect(request.headers["Content-Type"] == "application/octet-stream")
        #expect(request.body == [1, 2])
        let good = OutboundResponse(status: .ok, body: Array(#"{"content_uri":"mxc://hs.example.test/x"}"#.utf8))
        guard
            case .uploaded("mxc://hs.example.test/x") = S.adapter.upload(
                attachment, for: action, after: [good], at: S.now)
        else {
            Issue.record("not uploaded")
            return
        }
        let bad = OutboundResponse(status: .ok, body: Array(#"{"content_uri":"https://x"}"#.utf8))
        guard case .failed = S.adapter.upload(attachment, for: action, after: [bad], at: S.now) else {
            Issue.record("not failed")
            return
        }
    }

    @Test func `media is fetched with the token, and the old way from old homeservers`() {
        let attachment = Attachment(kind: .image, reference: "mxc://far.test:8448/ab?c")
        func step(_ statuses: [Int]) -> MediaStep {
            S.adapter.fetchMedia(
                attachment, after: statuses.map { OutboundResponse(status: HTTPStatus($0), body: [1]) })
        }
        guard case .request(let first) = step([]), case .request(let second) = step([404]),
            case .content = step([200]), case .content = step([404, 200]), case .unavailable = step([404, 404]),
            case .unavailable = step([403]),
            case .unavailable = S.adapter.fetchMedia(Attachment(kind: .image, reference: "https://x"), after: [])
        else {
            Issue.record("another step")
            return
        }
        #expect(first.url == "https://hs.example.test/_matrix/client/v1/media/download/far.test%3A8448/ab%3Fc")
        #expect(first.headers["Authorization"] == "Bearer \(S.asToken)")
        #expect(second.url.hasPrefix("https://hs.example.test/_matrix/media/v3/download/far.test%3A8448/ab%3Fc"))
    }

    // MARK: Operators

    @Test(arguments: [
        (0, 200, #"{"versions":["v1.1","v1.12"]}"#, CredentialFinding.good("speaks Matrix up to v1.12")),
        (0, 200, "{}", .bad("no homeserver answers at this address: check MATRIX_HOMESERVER")),
        (1, 200, #"{"user_id":"@harbour:example.test"}"#, .good("@harbour:example.test")),
        (
            1, 200, #"{"user_id":"@else:example.test"}"#,
            .bad("the homeserver takes us for @else:example.test, not for MATRIX_USER_ID")
        ),
        (1, 503, "", .warning("the homeserver could not say: HTTP 503 without an answer of the client-server API")),
    ])
    func `a trial of the credentials says what it found`(
        number: Int, status: Int, body: String, finding: CredentialFinding
    ) {
        let checks = S.adapter.credentialChecks()
        #expect(checks.count == 2)
        let response = OutboundResponse(status: HTTPStatus(status), body: Array(body.utf8))
        #expect(S.adapter.interpretCredentialCheck(response, of: checks[number]) == finding)
    }

    @Test func `a refused token says where to look`() {
        let response = OutboundResponse(status: .unauthorized, body: Array(#"{"errcode":"M_UNKNOWN_TOKEN"}"#.utf8))
        let finding = S.adapter.interpretCredentialCheck(response, of: S.adapter.credentialChecks()[1])
        guard case .bad(let words) = finding else {
            Issue.record("\(finding)")
            return
        }
        #expect(words.contains("MATRIX_AS_TOKEN"))
    }

    @Test(arguments: [
        ("@bot:example.test", "a", "b", 0), ("bot", "a", "b", 1), ("@bot:", "a", "b", 1), ("@b:c", "same", "same", 1),
    ])
    func `what is wrong with a configuration is told`(user: String, asToken: String, hsToken: String, count: Int) {
        let configuration = MatrixConfiguration(
            userID: user, asToken: Secret(asToken), hsToken: Secret(hsToken), apiBase: "https://x")
        #expect(configuration.problems.count == count)
    }

    @Test func `a simulated webhook is a message that is answered`() throws {
        let webhook = S.adapter.simulateWebhook(text: "1 < 2 \"so\"", number: 5, at: S.now)
        let event = try #require(try S.adapter.receive(webhook, at: S.now).events.first)
        #expect(event.text == "1 < 2 \"so\"")
        #expect(event.disposition == .answer)
        #expect(event.messageID == PlatformMessageID("$simulated-5"))
    }

    // MARK: The fake

    static func fake(_ request: OutboundRequest, token: String? = nil) -> FakeAnswer? {
        var headers = request.headers
        if let token { headers["Authorization"] = token }
        return S.adapter.fakeAnswer(
            to: FakeRequest(
                method: request.method, target: String(request.url.dropFirst("https://hs.example.test".count)),
                headers: headers, body: request.body), number: 3, at: S.now)
    }

    @Test(arguments: [
        (
            OutboundAction.Kind.send(text: "**hi**", format: .markdown),
            FakeAnswer.Action.message(conversation: S.room, id: "$fake3", text: "<strong>hi</strong>")
        ),
        (
            .edit(message: PlatformMessageID("$old"), text: "new", format: .plain),
            .edit(conversation: S.room, id: "$old", text: "new")
        ),
        (.typing, .typing(conversation: S.room)), (.join, .other("join")),
        (
            .sendAttachment(OutboundAttachment(kind: .audio, source: .uploaded("mxc://a/b")), caption: nil),
            .attachment(conversation: S.room, id: "$fake3", kind: "audio")
        ),
    ])
    func `the fake understands what is sent to it`(kind: OutboundAction.Kind, action: FakeAnswer.Action) throws {
        let ours = S.action(kind)
        let request = try #require(S.adapter.encode(ours, at: S.now))
        let answer = try #require(Self.fake(request))
        #expect(answer.actions == [action])
        guard case .delivered = S.adapter.interpret(answer.response, to: ours) else {
            Issue.record("not delivered")
            return
        }
        let refused = try #require(Self.fake(request, token: "Bearer other"))
        #expect(refused.response.status.code == 401)
    }

    @Test(arguments: [
        (PlatformFault.rateLimited(after: .milliseconds(1500)), DeliveryFailure.Kind.rateLimited(after: .seconds(2))),
        (.serverError, .temporary), (.unauthorized, .unauthorized), (.blocked, .blocked), (.gone, .gone),
        (.formattingRefused, .gone),
    ])
    func `the fake fails as a homeserver does`(fault: PlatformFault, kind: DeliveryFailure.Kind) {
        let request = FakeRequest(method: .put, target: "/", headers: [:], body: [])
        let action = S.action(.send(text: "x", format: .plain))
        let result = S.adapter.interpret(S.adapter.fakeFault(fault, to: request), to: action)
        guard case .failed(let failure) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(failure.kind == kind)
    }

    @Test func `the fake answers the trial of the credentials`() throws {
        for check in S.adapter.credentialChecks() {
            let answer = try #require(Self.fake(check.request))
            guard case .good = S.adapter.interpretCredentialCheck(answer.response, of: check) else {
                Issue.record("\(check.name)")
                return
            }
        }
    }
}
