import BridgeCore
import BridgeTesting
import Crypto
import GoogleChatAdapter
import HTTPCore
import Testing

/// The fake plays Google Chat as the adapter knows it.
struct GoogleChatFakeTests {
    typealias S = GoogleChatSamples

    static let base = "http://fake.example.test"

    static func fake(_ request: OutboundRequest) -> FakeRequest {
        FakeRequest(
            method: request.method, target: String(request.url.dropFirst(base.count)), headers: request.headers,
            body: request.body)
    }

    static func token(of app: GoogleChatAdapter) throws -> Secret? {
        let answer = try #require(
            app.fakeAnswer(to: fake(app.tokenRequest(stored: nil, at: S.now)), number: 1, at: S.now))
        guard case .token(let token) = app.interpretToken(answer.response, stored: nil, at: S.now) else { return nil }
        return token.value
    }

    @Test(arguments: [S.audience, "1234567890"])
    func `a simulated message is believed, and its answer is understood`(audience: String) throws {
        let app = try S.app(audience: audience, apiBase: Self.base)
        let request = FakeRequest(method: .get, target: "/oauth2/v3/certs", headers: [:], body: [])
        let published = try #require(app.fakeAnswer(to: request, number: 1, at: S.now)).response.body
        let keyed = try #require(KeyedAdapter(app, published: published))
        let event = try #require(
            try keyed.receive(app.simulateWebhook(text: "1 < 2 & \"so\"", number: 5, at: S.now), at: S.now).events.first
        )
        #expect(event.text == "1 < 2 & \"so\"")
        guard case .answer = event.disposition else {
            Issue.record("not answered")
            return
        }
        let sent = PlatformMessageID("spaces/SIMULATED/messages/simulated-9")
        for (kind, expected) in [
            (
                .send(text: "yes", format: .plain),
                .message(conversation: "spaces/SIMULATED", id: sent.rawValue, text: "yes")
            ),
            (
                .edit(message: sent, text: "no", format: .plain),
                .edit(conversation: "spaces/SIMULATED", id: sent.rawValue, text: "no")
            ),
            (
                .sendAttachment(OutboundAttachment(kind: .image, source: .url("https://a.test/q.png")), caption: nil),
                .attachment(conversation: "spaces/SIMULATED", id: sent.rawValue, kind: "image")
            ),
        ] as [(OutboundAction.Kind, FakeAnswer.Action)] {
            let action = OutboundAction(id: UUID(high: 0, low: 0), kind: kind, place: event.place)
            var outgoing = try #require(app.encode(action, at: S.now))
            app.authorize(&outgoing, with: try #require(try Self.token(of: app)))
            let answer = try #require(app.fakeAnswer(to: Self.fake(outgoing), number: 9, at: S.now))
            #expect(answer.actions == [expected])
            #expect(app.interpret(answer.response, to: action) == .delivered(sent))
        }
    }

    @Test func `what Google would refuse is refused`() throws {
        let app = try S.app(apiBase: Self.base)
        let action = OutboundAction(
            id: UUID(high: 0, low: 0), kind: .send(text: "x", format: .plain),
            place: InboundEvent.Place(conversation: ConversationID("spaces/A")))
        let unsigned = try #require(app.encode(action, at: S.now))
        #expect(app.fakeAnswer(to: Self.fake(unsigned), number: 1, at: S.now)?.response.status.code == 401)
        var empty = unsigned
        app.authorize(&empty, with: try #require(try Self.token(of: app)))
        empty.body = Array("{}".utf8)
        #expect(app.fakeAnswer(to: Self.fake(empty), number: 1, at: S.now)?.response.status.code == 400)
        let late = app.fakeAnswer(
            to: Self.fake(app.tokenRequest(stored: nil, at: S.now)), number: 1, at: S.now.advanced(by: .seconds(9000)))
        #expect(late?.response.status.code == 400)
        let unknown = FakeRequest(method: .get, target: "/v1/nothing", headers: [:], body: [])
        #expect(app.fakeAnswer(to: unknown, number: 1, at: S.now) == nil)
    }

    @Test(arguments: [
        (PlatformFault.rateLimited(after: .milliseconds(1500)), DeliveryFailure.Kind.rateLimited(after: .seconds(2))),
        (.serverError, .temporary), (.unauthorized, .unauthorized), (.blocked, .blocked), (.gone, .gone),
        (.formattingRefused, .gone),
    ])
    func `each fault is told as Google tells it`(fault: PlatformFault, kind: DeliveryFailure.Kind) throws {
        let app = try S.app(apiBase: Self.base)
        let action = OutboundAction(
            id: UUID(high: 0, low: 0), kind: .send(text: "x", format: .plain),
            place: InboundEvent.Place(conversation: ConversationID("spaces/A")))
        let request = FakeRequest(method: .post, target: "/v1/spaces/A/messages", headers: [:], body: [])
        guard case .failed(let failure) = app.interpret(app.fakeFault(fault, to: request), to: action) else {
            Issue.record("delivered")
            return
        }
        #expect(failure.kind == kind)
    }
}
