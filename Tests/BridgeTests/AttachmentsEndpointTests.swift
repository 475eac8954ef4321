import BridgeCore
import EventLoop
import HTTPClient
import HTTPCore
import HTTPServer
import Journal
import ObjectStorage
import Testing

@testable import Bridge

@Suite struct AttachmentsEndpointTests {
    /// One message with two attachments, the second of which is stored; or a database that is away.
    private struct Messages: AttachmentLookup {
        static let id = UUID(high: 0x0199_0000_0000_7000, low: 0x8000_0000_0000_0001)
        var isAway = false

        func attachments(of message: UUID) async throws(JournalStoreError) -> [UInt8]? {
            if isAway { throw JournalStoreError(code: .unavailable, message: "away") }
            guard message == Self.id else { return nil }
            return Array(
                #"[{"kind":"image","reference":"x"},{"kind":"file","stored":{"bucket":"old","key":"a/b/1.pdf"}}]"#.utf8)
        }
    }

    private static func response(
        _ message: String, _ attachment: String, token: String? = "secret", isAway: Bool = false
    ) async throws -> HTTPResponse {
        let loop = try EventLoop()
        let configuration = ObjectStoreConfiguration(
            bucket: "new", endpoint: "http://minio:9000", accessKeyID: "AK", secretAccessKey: "SK")
        let endpoint = AttachmentsEndpoint(
            store: ObjectStore(configuration: configuration, client: HTTPClient(loop: loop)),
            messages: Messages(isAway: isAway), access: APIAccess(token: "secret", hasChatPage: true))
        var headers: HTTPFields = [:]
        if let token { headers["Authorization"] = "Bearer \(token)" }
        let request = HTTPRequest(
            method: .get, target: "/api/attachments/\(message)/\(attachment)", headers: headers,
            peer: try #require(HTTPPeer("192.0.2.1")))
        switch endpoint.respond(to: request, message: message, attachment: attachment) {
        case .now(let response): return response
        case .later(let work): return await work()
        case .upgrade:
            Issue.record("no upgrade is expected")
            return HTTPResponse()
        }
    }

    @Test func `a stored attachment is a link of a quarter of an hour, to the bucket it was put to`() async throws {
        let response = try await Self.response("\(Messages.id)", "1")
        #expect(response.status.code == 302)
        let link = try #require(response.headers["Location"])
        #expect(link.hasPrefix("http://minio:9000/old/a/b/1.pdf?X-Amz-Algorithm=AWS4-HMAC-SHA256&"))
        #expect(link.contains("&X-Amz-Expires=900&"))
        #expect(response.headers["Cache-Control"] == "no-store")
    }

    @Test(arguments: [
        ("\(Messages.id)", "0", 404), ("\(Messages.id)", "2", 404), ("\(Messages.id)", "-1", 400),
        ("\(Messages.id)", "99999", 400), ("\(Messages.id)", "x", 400), ("nobody", "0", 400),
        ("01990000-0000-7000-8000-000000000009", "0", 404),
    ])
    func `what there is not is told`(message: String, attachment: String, status: Int) async throws {
        #expect(try await Self.response(message, attachment).status.code == status)
    }

    @Test func `strangers are refused, and a database that is away is told`() async throws {
        #expect(try await Self.response("\(Messages.id)", "1", token: nil).status.code == 401)
        #expect(try await Self.response("\(Messages.id)", "1", token: "wrong").status.code == 401)
        #expect(try await Self.response("\(Messages.id)", "1", isAway: true).status.code == 503)
    }
}
