import BridgeCore
import BridgeTesting
import Crypto
import HTTPCore
import JSON
import MSTeamsAdapter
import Testing

/// The fake plays Teams as the adapter knows it.
struct MSTeamsFakeTests {
    typealias S = MSTeamsSamples

    static let bot = MSTeamsAdapter(
        configuration: MSTeamsConfiguration(
            appID: S.appID, appPassword: Secret(S.password), apiBase: "http://fake.example.test"))

    static func fake(_ request: OutboundRequest) -> FakeRequest {
        FakeRequest(
            method: request.method, target: String(request.url.dropFirst("http://fake.example.test".count)),
            headers: request.headers, body: request.body)
    }

    static func token() throws -> Secret {
        let request = bot.tokenRequest(stored: nil, at: S.now)
        let answer = try #require(bot.fakeAnswer(to: fake(request), number: 1, at: S.now))
        guard case .token(let token) = bot.interpretToken(answer.response, stored: nil, at: S.now) else {
            throw FakeFailure()
        }
        return token.value
    }

    struct FakeFailure: Error {}

    @Test func `a simulated message is believed by the keys that the fake publishes, and its answer is understood`()
        throws
    {
        let request = FakeRequest(method: .get, target: "/v1/.well-known/keys", headers: [:], body: [])
        let published = try #require(Self.bot.fakeAnswer(to: request, number: 1, at: S.now)).response.body
        let keyed = try #require(KeyedAdapter(Self.bot, published: published))
        let event = try #require(
            try keyed.receive(Self.bot.simulateWebhook(text: "1 < 2 & \"so\"", number: 5, at: S.now), at: S.now).events
                .first)
        #expect(event.text == "1 < 2 & \"so\"")
        guard case .answer = event.disposition else {
            Issue.record("not answered")
            return
        }
        for (kind, expected) in [
            (
                .send(text: "yes", format: .plain),
                .message(conversation: "a:1simulated", id: "1700000000009", text: "yes")
            ),
            (
                .edit(message: PlatformMessageID("17"), text: "no", format: .plain),
                .edit(conversation: "a:1simulated", id: "17", text: "no")
            ), (.typing, .typing(conversation: "a:1simulated")),
        ] as [(OutboundAction.Kind, FakeAnswer.Action)] {
            let action = OutboundAction(
                id: UUID(high: 0, low: 0), kind: kind, place: event.place, replyContext: event.replyContext)
            var outgoing = try #require(Self.bot.encode(action, at: S.now))
            Self.bot.authorize(&outgoing, with: try Self.token())
            let answer = try #require(Self.bot.fakeAnswer(to: Self.fake(outgoing), number: 9, at: S.now))
            #expect(answer.actions == [expected])
            guard case .delivered(let id?) = Self.bot.interpret(answer.response, to: action) else {
                Issue.record("not delivered")
                continue
            }
            #expect(id.rawValue == (kind == .typing ? "1700000000009" : id.rawValue))
        }
    }

    @Test func `what Teams would refuse is refused`() throws {
        let action = OutboundAction(
            id: UUID(high: 0, low: 0), kind: .send(text: "x", format: .plain),
            place: InboundEvent.Place(conversation: ConversationID("a:1")))
        let unsigned = try #require(Self.bot.encode(action, at: S.now))
        #expect(Self.bot.fakeAnswer(to: Self.fake(unsigned), number: 1, at: S.now)?.response.status.code == 401)
        var empty = unsigned
        Self.bot.authorize(&empty, with: try Self.token())
        empty.body = Array("{}".utf8)
        #expect(Self.bot.fakeAnswer(to: Self.fake(empty), number: 1, at: S.now)?.response.status.code == 400)
        var login = Self.bot.tokenRequest(stored: nil, at: S.now)
        login.body = Array(String(decoding: login.body, as: UTF8.self).replacing("invented", with: "wrong").utf8)
        #expect(Self.bot.fakeAnswer(to: Self.fake(login), number: 1, at: S.now)?.response.status.code == 401)
        let unknown = FakeRequest(method: .get, target: "/v3/nothing", headers: [:], body: [])
        #expect(Self.bot.fakeAnswer(to: unknown, number: 1, at: S.now) == nil)
    }

    @Test(arguments: [
        (PlatformFault.rateLimited(after: .milliseconds(1500)), DeliveryFailure.Kind.rateLimited(after: .seconds(2))),
        (.serverError, .temporary), (.unauthorized, .unauthorized), (.blocked, .blocked), (.gone, .gone),
        (.formattingRefused, .gone),
    ])
    func `each fault is told as Teams tells it`(fault: PlatformFault, kind: DeliveryFailure.Kind) {
        let action = OutboundAction(
            id: UUID(high: 0, low: 0), kind: .typing, place: InboundEvent.Place(conversation: ConversationID("a:1")))
        let request = FakeRequest(method: .post, target: "/v3/conversations/a/activities", headers: [:], body: [])
        guard case .failed(let failure) = Self.bot.interpret(Self.bot.fakeFault(fault, to: request), to: action) else {
            Issue.record("delivered")
            return
        }
        #expect(failure.kind == kind)
    }
}
