import BridgeCore
import HTTPCore
import JSON
import Testing
import ZaloAdapter

/// Tokens that end, and refresh tokens that work once.
struct ZaloTokenTests {
    typealias S = ZaloSamples

    static func response(_ body: String, status: Int = 200) -> OutboundResponse {
        OutboundResponse(status: HTTPStatus(status), body: Array(body.utf8))
    }

    static func token(_ outcome: TokenOutcome) -> AccessToken? {
        if case .token(let token) = outcome { token } else { nil }
    }

    @Test func `each refresh token is used once, and what follows is kept`() throws {
        let first = try #require(S.adapter.initialToken)
        #expect(first.value.value == "invented-access-token-1")
        #expect(first.expiresAt == nil)
        let stored = try #require(first.stored?.value)
        let request = S.adapter.tokenRequest(stored: stored, at: S.now)
        #expect(request.url == "https://oauth.example.test/v4/oa/access_token")
        #expect(request.headers["secret_key"] == "invented-app-secret")
        #expect(!request.bearsToken)
        #expect(
            String(decoding: request.body, as: UTF8.self)
                == "refresh_token=invented-refresh-token-1&app_id=\(S.app)&grant_type=refresh_token")
        let second = try #require(
            Self.token(
                S.adapter.interpretToken(
                    Self.response(#"{"access_token":"a2","refresh_token":"r2","expires_in":"90000"}"#), stored: stored,
                    at: S.now)))
        #expect(second.value.value == "a2")
        #expect(second.expiresAt == S.now.advanced(by: .seconds(90_000)))
        let kept = try #require(second.stored?.value)
        let next = String(decoding: S.adapter.tokenRequest(stored: kept, at: S.now).body, as: UTF8.self)
        #expect(next.hasPrefix("refresh_token=r2&"))
        // After a restart.
        let restored = try #require(S.adapter.token(from: kept))
        #expect(restored.value.value == "a2")
        #expect(restored.expiresAt == second.expiresAt)
    }

    @Test func `after a new authorisation the configured tokens win over those on disk`() throws {
        let kept = try #require(
            Self.token(
                S.adapter.interpretToken(
                    Self.response(#"{"access_token":"a2","refresh_token":"r2","expires_in":90000}"#), stored: nil,
                    at: S.now))?.stored?.value)
        var configuration = S.configuration
        configuration.refreshToken = "another"
        #expect(ZaloAdapter(configuration: configuration).token(from: kept) == nil)
        #expect(S.adapter.token(from: kept) != nil)
        #expect(S.adapter.token(from: "nonsense") == nil)
        #expect(!kept.contains("invented-refresh-token-1"))
    }

    @Test func `an answer without a new refresh token keeps the old one`() throws {
        let stored = S.adapter.initialToken?.stored?.value
        let outcome = S.adapter.interpretToken(Self.response(#"{"access_token":"a2"}"#), stored: stored, at: S.now)
        let token = try #require(Self.token(outcome))
        #expect(token.expiresAt == S.now.advanced(by: .seconds(90_000)))
        let next = String(
            decoding: S.adapter.tokenRequest(stored: token.stored?.value, at: S.now).body, as: UTF8.self)
        #expect(next.hasPrefix("refresh_token=invented-refresh-token-1&"))
    }

    @Test(arguments: [
        (200, #"{"error_name":"Invalid refresh token","error":-14014}"#, DeliveryFailure.Kind.unauthorized),
        (400, "", .unauthorized), (500, "", .temporary), (429, "{}", .temporary), (200, "<html>", .temporary),
    ])
    func `a renewal that fails says what to do`(status: Int, body: String, kind: DeliveryFailure.Kind) {
        guard
            case .failed(let failure) = S.adapter.interpretToken(
                Self.response(body, status: status), stored: nil, at: S.now)
        else {
            Issue.record("a token")
            return
        }
        #expect(failure.kind == kind)
    }

    @Test(arguments: [
        (200, #"{"error":-216,"message":"Access token is invalid"}"#, true), (401, "", true),
        (200, #"{"error":0,"message":"Success","data":{}}"#, false), (500, "", false),
        (200, #"{"error":-213,"message":"x"}"#, false),
    ])
    func `a token that ended is told from other failures`(status: Int, body: String, isRefused: Bool) {
        #expect(S.adapter.isTokenRefused(Self.response(body, status: status)) == isRefused)
    }

    @Test func `the fake renews by its own tokens, and by the configured one`() throws {
        func fake(_ stored: String?) throws -> AccessToken? {
            let request = S.adapter.tokenRequest(stored: stored, at: S.now)
            let answer = try #require(
                S.adapter.fakeAnswer(
                    to: FakeRequest(
                        method: request.method, target: "/v4/oa/access_token", headers: request.headers,
                        body: request.body), number: 1, at: S.now))
            return Self.token(S.adapter.interpretToken(answer.response, stored: stored, at: S.now))
        }
        let first = try #require(try fake(nil))
        #expect(try fake(first.stored?.value) != nil)
        let foreign = Self.token(
            S.adapter.interpretToken(
                Self.response(#"{"access_token":"a","refresh_token":"never given out"}"#), stored: nil, at: S.now))
        #expect(try fake(foreign?.stored?.value) == nil)
    }
}
