import HTTPCore
import HTTPServer
import Testing

@testable import Bridge

/// Who may use the API, and how often.
@Suite struct APIAccessTests {
    private static let start = ContinuousClock.now

    private func request(from address: String, _ headers: HTTPFields) throws -> HTTPRequest {
        HTTPRequest(method: .post, target: "/api/messages", headers: headers, peer: try #require(HTTPPeer(address)))
    }

    private func visit(_ access: APIAccess, from address: String, session: Int, forwarded: String? = nil) throws -> Int
    {
        let digits = String(session, radix: 16)
        let cookie = String(repeating: "0", count: 32 - digits.count) + digits
        var headers: HTTPFields = ["Cookie": "chatbridge_session=\(cookie)"]
        headers["X-Forwarded-For"] = forwarded
        switch access.check(try request(from: address, headers)) {
        case .visitor, .caller: return 200
        case .refused(let response):
            #expect(response.status.code != 429 || response.headers["Retry-After"].flatMap { Int($0) } ?? 0 > 0)
            return response.status.code
        }
    }

    @Test func `a visitor has a rate, and so has an address whatever sessions it makes up`() throws {
        let access = APIAccess(token: nil, hasChatPage: true, visitorRate: RequestRate(3, per: .seconds(3600)))
        let statuses = try (0..<5).map { _ in try visit(access, from: "192.0.2.1", session: 1) }
        #expect(statuses == [200, 200, 200, 429, 429])
        #expect(try visit(access, from: "192.0.2.1", session: 2) == 200)
        // Ten sessions' worth in all, of which four are used.
        let made = try (3..<60).map { try visit(access, from: "192.0.2.1", session: $0) }
        #expect(made.count { $0 == 200 } == 26)
        #expect(try visit(access, from: "192.0.2.2", session: 99) == 200)
    }

    @Test func `behind a proxy each client has its own rate, and nobody can make one up`() throws {
        let access = APIAccess(token: nil, hasChatPage: true, visitorRate: RequestRate(1, per: .seconds(3600)))
        for session in 0..<10 {
            #expect(try visit(access, from: "10.0.0.1", session: session, forwarded: "203.0.113.7") == 200)
        }
        #expect(try visit(access, from: "10.0.0.1", session: 20, forwarded: "203.0.113.7") == 429)
        #expect(try visit(access, from: "10.0.0.1", session: 21, forwarded: "1.2.3.4, 203.0.113.7") == 429)
        #expect(try visit(access, from: "10.0.0.1", session: 22, forwarded: "203.0.113.8") == 200)
        for session in 30..<40 {
            _ = try visit(access, from: "198.51.100.1", session: session, forwarded: "9.9.9.\(session)")
        }
        #expect(try visit(access, from: "198.51.100.1", session: 41, forwarded: "9.9.9.41") == 429)
    }

    @Test func `who guesses tokens is told to slow down, and who holds the token never`() throws {
        let access = APIAccess(token: "right", hasChatPage: false, visitorRate: RequestRate(1, per: .seconds(3600)))
        func status(_ token: String) throws -> Int {
            switch access.check(try request(from: "192.0.2.1", ["Authorization": "Bearer \(token)"])) {
            case .refused(let response): return response.status.code
            case .caller, .visitor: return 200
            }
        }
        let guesses = try (1...62).map { try status("guess\($0)") }
        #expect(guesses[59] == 401 && guesses[60] == 429)
        for _ in 0..<100 { #expect(try status("right") == 200) }
    }

    @Test func `a bucket fills evenly, and knocking does not empty it`() throws {
        let limiter = VisitorLimiter(rate: RequestRate(30, per: .seconds(60)))
        let address = try #require(HTTPPeer("2001:db8::1"))
        func wait(after seconds: Int, _ session: String = "s") -> Duration? {
            limiter.wait(session: session, address: address, at: Self.start + .seconds(seconds))
        }
        for _ in 0..<30 { #expect(wait(after: 0) == nil) }
        for _ in 0..<100 { #expect(wait(after: 0) == .seconds(2)) }
        #expect(wait(after: 1) == .seconds(1))
        #expect(wait(after: 2) == nil)
        #expect(wait(after: 2) == .seconds(2))
        for _ in 0..<30 { #expect(wait(after: 100) == nil) }
        #expect(wait(after: 100) != nil)
        #expect(VisitorLimiter(rate: nil).wait(session: "s", address: address, at: Self.start) == nil)
    }

    @Test(arguments: [
        ("30/min", RequestRate(30, per: .seconds(60))), ("2/s", RequestRate(2, per: .seconds(1))),
        ("500/h", RequestRate(500, per: .seconds(3600))), ("0/s", nil), ("x/s", nil), ("5", nil), ("5/", nil),
        ("5/day", nil),
        ("", nil), ("-1/s", nil),
    ])
    func `rates are read as they are written`(text: String, rate: RequestRate?) {
        #expect(RequestRate(text) == rate)
    }
}
