import BridgeCore
import Crypto
import EventLoop
import HTTPClient
import HTTPCore
import TestSupport
import Testing

@testable import ObjectStorage

/// Runs a body on a loop with a client, against a bucket of its own.
func withStore<Value: Sendable>(
    secret: String = TestEnvironment.objectStorageKey.secret, region: String = "us-east-1", token: Secret? = nil,
    makesBucket: Bool = true, _ body: @escaping @Sendable (ObjectStore, HTTPClient) async throws -> Value
) throws -> Value {
    let endpoint = try #require(TestEnvironment.objectStorage)
    let loop = try EventLoop()
    return try loop.run {
        let client = HTTPClient(loop: loop)
        let configuration = ObjectStoreConfiguration(
            bucket: "test-\(Hex.encode(randomBytes(8)))", region: region, endpoint: endpoint,
            accessKeyID: Secret(TestEnvironment.objectStorageKey.id), secretAccessKey: Secret(secret),
            sessionToken: token)
        if makesBucket { try await make(configuration.bucket, at: endpoint, by: client) }
        let store = ObjectStore(configuration: configuration, client: client, firstPause: .milliseconds(5))
        do {
            let value = try await body(store, client)
            await client.shutdown()
            return value
        } catch {
            await client.shutdown()
            throw error
        }
    }
}

private func make(_ bucket: String, at endpoint: String, by client: HTTPClient) async throws {
    let key = TestEnvironment.objectStorageKey
    let answer = try await client.send(
        HTTPClientRequest(
            method: .put, url: "\(endpoint)/\(bucket)",
            headers: ["x-amz-content-sha256": Hex.encode(SHA256.digest(of: "")), "Content-Type": "application/xml"],
            signature: AWSSignature(
                accessKeyID: key.id, secretAccessKey: key.secret, region: "us-east-1", service: "s3")))
    #expect(answer.status.code == 200)
}

/// What a call throws.
func storeError(_ call: () async throws(ObjectStoreError) -> Void) async -> ObjectStoreError? {
    do throws(ObjectStoreError) {
        try await call()
        return nil
    } catch {
        return error
    }
}

@Suite(
    .enabled(
        if: TestEnvironment.objectStorage != nil, "there is no S3 server: scripts/test installs one from PyPI"))
struct ObjectStoreTests {
    @Test(arguments: [0, 1, 65_535, 65_536, 1_048_577, 5_000_000])
    func `an object of any size comes back as it was put`(size: Int) throws {
        try withStore { store, _ in
            let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            try await store.put(bytes, at: "telegram/default/2026/11/20/a/0.bin", contentType: "application/pdf")
            #expect(try await store.get("telegram/default/2026/11/20/a/0.bin") == bytes)
        }
    }

    @Test func `a second put stands in the place of the first`() throws {
        try withStore { store, _ in
            for text in ["one", "two"] { try await store.put(Array(text.utf8), at: "a/0", contentType: "text/plain") }
            #expect(try await store.get("a/0") == Array("two".utf8))
            #expect(try await store.keys(withPrefix: "a/") == ["a/0"])
        }
    }

    @Test(arguments: ["a/b c.txt", "a/ü€.txt", "a/x=1&y+z.txt", "a/(1)'*!~.txt", "a/%41.txt", "a/a:b@c,d;e$.txt"])
    func `a key of any characters works`(key: String) throws {
        try withStore { store, client in
            try await store.put([1, 2, 3], at: key, contentType: "image/png")
            #expect(try await store.keys(withPrefix: "a/") == [key])
            #expect(try await store.get(key) == [1, 2, 3])
            let linked = try await client.send(HTTPClientRequest(url: store.link(to: key)))
            #expect(linked.body == [1, 2, 3])
            try await store.delete(keys: [key])
            #expect(try await store.keys(withPrefix: "").isEmpty)
        }
    }

    @Test func `more keys than one page holds are listed, and all are deleted`() throws {
        try withStore { store, _ in
            let keys = (0..<1003).map { "p/\($0 + 10_000)" }
            for key in keys { try await store.put([], at: key, contentType: "image/png") }
            try await store.put([], at: "q/1", contentType: "image/png")
            #expect(try await store.keys(withPrefix: "p/") == keys)
            #expect(try await store.deleteAll(withPrefix: "p/") == 1003)
            #expect(try await store.keys(withPrefix: "p/").isEmpty)
            #expect(try await store.keys(withPrefix: "q/") == ["q/1"])
        }
    }

    @Test func `what is not there is deleted already, and cannot be had`() throws {
        try withStore { store, _ in
            try await store.delete(keys: ["none", "none/either"])
            let error = await storeError { () throws(ObjectStoreError) in _ = try await store.get("none") }
            #expect(error?.code == .noSuchKey)
        }
    }

    @Test func `what is larger than allowed is not taken`() throws {
        try withStore { store, _ in
            try await store.put([UInt8](repeating: 7, count: 100_000), at: "a", contentType: "image/png")
            let error = await storeError { () throws(ObjectStoreError) in _ = try await store.get("a", atMost: 99_999) }
            #expect(error?.code == .tooLarge)
            #expect(error?.isTemporary == false)
        }
    }

    @Test func `the object has the type and disposition that it was put with`() throws {
        try withStore { store, client in
            try await store.put(
                Array("<script>".utf8), at: "a", contentType: "application/octet-stream", disposition: "attachment")
            let answer = try await client.send(HTTPClientRequest(url: store.link(to: "a")))
            #expect(answer.header("content-type") == "application/octet-stream")
            #expect(answer.header("content-disposition") == "attachment")
        }
    }

    @Test func `a session token goes along, signed`() throws {
        try withStore(token: "a/token+of==sts") { store, client in
            try await store.put([1], at: "a", contentType: "image/png")
            #expect(try await store.get("a") == [1])
            #expect(try await client.send(HTTPClientRequest(url: store.link(to: "a"))).body == [1])
        }
    }

    @Test func `a wrong key, region or bucket is told for what it is`() throws {
        try withStore(secret: "another") { store, _ in
            let error = await storeError { () throws(ObjectStoreError) in try await store.probe(named: "x") }
            #expect(error?.code == .denied)
            #expect(error?.message.contains("SignatureDoesNotMatch") == true)
        }
        try withStore(region: "eu-central-1") { store, _ in
            let error = await storeError { () throws(ObjectStoreError) in try await store.probe(named: "x") }
            #expect(error?.code == .otherRegion("us-east-1"))
        }
        try withStore(makesBucket: false) { store, _ in
            let error = await storeError { () throws(ObjectStoreError) in try await store.probe(named: "x") }
            #expect(error?.code == .noSuchBucket)
        }
    }

    @Test func `a probe leaves nothing behind`() throws {
        try withStore { store, _ in
            try await store.probe(named: "doctor")
            #expect(try await store.keys(withPrefix: "").isEmpty)
        }
    }

    @Test func `a link that was changed in any part is refused`() throws {
        try withStore { store, client in
            try await store.put([1], at: "a/0.png", contentType: "image/png")
            try await store.put([2], at: "a/1.png", contentType: "image/png")
            let link = store.link(to: "a/0.png")
            let changes = [
                ("/a/0.png", "/a/1.png"), ("X-Amz-Expires=900", "X-Amz-Expires=9000"),
                ("X-Amz-Signature=", "response-content-type=text%2Fhtml&X-Amz-Signature="),
            ]
            for (old, new) in changes {
                let changed = link.split(separator: old, omittingEmptySubsequences: false).joined(separator: new)
                #expect(changed != link)
                #expect(try await client.send(HTTPClientRequest(url: changed)).status.code == 403, "\(new)")
            }
            #expect(try await client.send(HTTPClientRequest(url: link)).status.code == 200)
        }
    }

    @Test func `a link ends`() throws {
        try withStore { store, client in
            try await store.put([1], at: "a", contentType: "image/png")
            let past = Timestamp.now().advanced(by: .seconds(-1000))
            let ended = try await client.send(HTTPClientRequest(url: store.link(to: "a", at: past)))
            #expect(ended.status.code == 403)
            let longer = store.link(to: "a", for: .seconds(2000), at: past)
            #expect(try await client.send(HTTPClientRequest(url: longer)).status.code == 200)
        }
    }

    @Test func `requests behind a signed one on its handle are not signed`() throws {
        try withStore { store, client in
            try await store.put([1], at: "a", contentType: "image/png")
            let plain = try await client.send(
                HTTPClientRequest(url: "\(store.configuration.endpoint ?? "")/\(store.configuration.bucket)/a"))
            #expect(plain.status.code == 403)
            #expect(String(decoding: plain.body, as: UTF8.self).contains("AccessDenied"))
        }
    }

    @Test func `a content that was changed on its way is refused`() throws {
        try withStore { store, client in
            let key = TestEnvironment.objectStorageKey
            let answer = try await client.send(
                HTTPClientRequest(
                    method: .put, url: "\(store.configuration.endpoint ?? "")/\(store.configuration.bucket)/a",
                    headers: [
                        "x-amz-content-sha256": Hex.encode(SHA256.digest(of: "another")),
                        "Content-Type": "text/plain",
                    ], body: Array("content".utf8),
                    signature: AWSSignature(
                        accessKeyID: key.id, secretAccessKey: key.secret, region: "us-east-1", service: "s3")))
            #expect(answer.status.code == 400)
        }
    }
}
