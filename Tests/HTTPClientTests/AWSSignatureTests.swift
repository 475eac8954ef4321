import HTTPClient
import HTTPCore
import Synchronization
import Testing

/// What leaves us with a signature; that the signature is right is asked of a real signer in ObjectStorageTests.
@Suite struct AWSSignatureTests {
    private static let signature = AWSSignature(
        accessKeyID: "AKID", secretAccessKey: "very-secret", region: "eu-central-1", service: "s3")

    private static func lines(_ head: String) -> [String] { head.split(separator: "\r\n").map(String.init) }

    private static func authorization(_ head: String) -> String? {
        lines(head).first { $0.lowercased().hasPrefix("authorization:") }
    }

    @Test(arguments: [
        (HTTPMethod.put, 5), (.put, 200_000), (.put, 0), (.get, 0), (.delete, 0), (.head, 0),
    ])
    func `what is signed is what is sent, and nothing else`(method: HTTPMethod, size: Int) throws {
        let heads = Mutex<[String]>([])
        let server = ScriptedServer { connection in
            while let (head, _) = connection.request() {
                heads.withLock { $0.append(head) }
                connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            }
        }
        defer { server.stop() }
        try withClient { client in
            var headers: HTTPFields = ["x-amz-content-sha256": "0123", "x-amz-security-token": "a/b+c=="]
            if method == .put { headers["Content-Type"] = "image/png" }
            _ = try await client.send(
                HTTPClientRequest(
                    method: method, url: server.url("/b/k?a=1&b="), headers: headers,
                    body: [UInt8](repeating: 1, count: size), signature: Self.signature))
        }
        let head = heads.withLock { $0[0] }
        let authorization = try #require(Self.authorization(head))
        #expect(authorization.hasPrefix("Authorization: AWS4-HMAC-SHA256 Credential=AKID/"))
        #expect(authorization.contains("/eu-central-1/s3/aws4_request"))
        let type = method == .put ? "content-type;" : ""
        #expect(
            authorization.contains(
                "SignedHeaders=\(type)host;x-amz-content-sha256;x-amz-date;x-amz-security-token,"), "\(authorization)")
        #expect(!head.contains("very-secret"))
        #expect(Self.lines(head).count { $0.lowercased().hasPrefix("x-amz-date:") } == 1)
    }

    @Test func `a handle that has signed does not sign for the next one, nor with an earlier key`() throws {
        let heads = Mutex<[String]>([])
        let server = ScriptedServer { connection in
            while let (head, _) = connection.request() {
                heads.withLock { $0.append(head) }
                connection.answer("")
            }
        }
        defer { server.stop() }
        let other = AWSSignature(accessKeyID: "OTHER", secretAccessKey: "s", region: "us-east-1", service: "s3")
        try withClient { client in
            for signature in [Self.signature, nil, other, Self.signature, nil] {
                _ = try await client.send(
                    HTTPClientRequest(
                        url: server.url(), headers: ["x-amz-content-sha256": "0"], signature: signature))
            }
        }
        let names = heads.withLock { $0 }.map { head in
            Self.authorization(head).map {
                $0.contains("Credential=AKID/") ? "AKID" : $0.contains("=OTHER/") ? "OTHER" : $0
            }
        }
        #expect(names == ["AKID", nil, "OTHER", "AKID", nil])
    }

    @Test func `the key shows nowhere`() {
        var dumped = ""
        dump(Self.signature, to: &dumped)
        #expect(!"\(Self.signature) \(String(reflecting: Self.signature)) \(dumped)".contains("very-secret"))
    }
}
