import BridgeCore
import HTTPCore
import Testing

@testable import FeishuAdapter

/// The fake plays Feishu as the adapter knows it.
struct FeishuFakeTests {
    typealias S = FeishuSamples

    static func fake(_ request: OutboundRequest) -> FakeRequest {
        FakeRequest(
            method: request.method, target: String(request.url.dropFirst("https://feishu.example.test".count)),
            headers: request.headers, body: request.body)
    }

    static func authorized(_ request: OutboundRequest?) throws -> FakeRequest {
        var request = try #require(request)
        let login = try #require(
            S.app.fakeAnswer(to: fake(S.app.tokenRequest(stored: nil, at: S.now)), number: 1, at: S.now))
        guard case .token(let token) = S.app.interpretToken(login.response, stored: nil, at: S.now) else {
            Issue.record("no token")
            return fake(request)
        }
        S.app.authorize(&request, with: token.value)
        return fake(request)
    }

    @Test(arguments: [S.app, S.open])
    func `a simulated message is believed, and its answer is understood`(app: FeishuAdapter) throws {
        let webhook = app.simulateWebhook(text: "1 < 2 & \"so\" @_user_1", number: 5, at: S.now)
        let event = try #require(try app.receive(webhook, at: S.now).events.first)
        #expect(event.text == "1 < 2 & \"so\" @_user_1")
        guard case .answer = event.disposition else {
            Issue.record("not answered")
            return
        }
        let answer = PlatformMessageID("om_simulated_answer9")
        for (kind, expected, id) in [
            (
                .send(text: "**yes**", format: .markdown),
                .message(conversation: "oc_simulated", id: answer.rawValue, text: "**yes**"), answer
            ),
            (
                .send(text: "yes", format: .plain),
                .message(conversation: "oc_simulated", id: answer.rawValue, text: "yes"), answer
            ),
            (
                .edit(message: PlatformMessageID("om_8"), text: "no", format: .plain),
                .edit(conversation: "om_8", id: "om_8", text: "no"), PlatformMessageID("om_8")
            ),
            (
                .sendAttachment(OutboundAttachment(kind: .video, source: .uploaded("media:f_1")), caption: nil),
                .attachment(conversation: "oc_simulated", id: answer.rawValue, kind: "video"), answer
            ),
        ] as [(OutboundAction.Kind, FakeAnswer.Action, PlatformMessageID)] {
            let action = OutboundAction(
                id: UUID(high: 0, low: 0), kind: kind, place: event.place, replyTo: event.messageID)
            let request = try Self.authorized(app.encode(action, at: S.now))
            let found = try #require(app.fakeAnswer(to: request, number: 9, at: S.now))
            #expect(found.actions == [expected])
            #expect(app.interpret(found.response, to: action) == .delivered(id))
        }
    }

    @Test func `an upload is taken and shown`() throws {
        let picture = OutboundAttachment(kind: .image, source: .bytes([1, 2]), name: "q.png", contentType: "image/png")
        let action = OutboundAction(
            id: UUID(high: 0, low: 0), kind: .sendAttachment(picture, caption: nil),
            place: InboundEvent.Place(conversation: ConversationID("oc_1")))
        guard case .request(let upload) = S.app.upload(picture, for: action, after: [], at: S.now) else {
            Issue.record("no request")
            return
        }
        let answer = try #require(S.app.fakeAnswer(to: try Self.authorized(upload), number: 3, at: S.now))
        guard case .uploaded(let reference) = S.app.upload(picture, for: action, after: [answer.response], at: S.now)
        else {
            Issue.record("not uploaded")
            return
        }
        #expect(reference == "image:simulated3")
    }

    @Test func `what Feishu would refuse is refused`() throws {
        let action = OutboundAction(
            id: UUID(high: 0, low: 0), kind: .send(text: "x", format: .plain),
            place: InboundEvent.Place(conversation: ConversationID("oc_1")))
        let unsigned = Self.fake(try #require(S.app.encode(action, at: S.now)))
        let refused = try #require(S.app.fakeAnswer(to: unsigned, number: 1, at: S.now))
        #expect(
            S.app.interpret(refused.response, to: action)
                == .failed(DeliveryFailure(.unauthorized, reason: "code 99991663, HTTP 400")))
        var request = try Self.authorized(S.app.encode(action, at: S.now))
        request.body = Array(#"{"receive_id":"oc_1","msg_type":"text","content":{"text":"x"}}"#.utf8)
        #expect(S.app.fakeAnswer(to: request, number: 1, at: S.now)?.response.status.code == 400)
        let unknown = FakeRequest(method: .get, target: "/open-apis/nothing", headers: [:], body: [])
        #expect(S.app.fakeAnswer(to: unknown, number: 1, at: S.now) == nil)
        var login = S.app.tokenRequest(stored: nil, at: S.now)
        login.body = Array(#"{"app_id":"cli_1","app_secret":"wrong"}"#.utf8)
        let answer = try #require(S.app.fakeAnswer(to: Self.fake(login), number: 1, at: S.now))
        guard case .failed(let failure) = S.app.interpretToken(answer.response, stored: nil, at: S.now) else {
            Issue.record("a token for a wrong secret")
            return
        }
        #expect(failure.kind == .unauthorized)
    }

    @Test(arguments: [
        (PlatformFault.rateLimited(after: .milliseconds(1500)), DeliveryFailure.Kind.rateLimited(after: .seconds(2))),
        (.serverError, .temporary), (.unauthorized, .unauthorized), (.blocked, .blocked), (.gone, .gone),
        (.formattingRefused, .formattingRefused),
    ])
    func `each fault is told as Feishu tells it`(fault: PlatformFault, kind: DeliveryFailure.Kind) {
        let action = OutboundAction(
            id: UUID(high: 0, low: 0), kind: .send(text: "x", format: .markdown),
            place: InboundEvent.Place(conversation: ConversationID("oc_1")))
        let request = FakeRequest(method: .post, target: "/open-apis/im/v1/messages", headers: [:], body: [])
        guard case .failed(let failure) = S.app.interpret(S.app.fakeFault(fault, to: request), to: action) else {
            Issue.record("delivered")
            return
        }
        #expect(failure.kind == kind)
    }
}
