public import BridgeCore
internal import Crypto
internal import EventLoop
public import HTTPClient
internal import HTTPCore

/// A bucket of an S3-compatible server: objects are put, fetched, listed and deleted by their keys.
///
/// Signatures are libcurl's (``AWSSignature``), and each operation is tried again while the server is away or busy. Values may be
/// passed along freely; the work runs on the client's loop.
///
/// ```swift
/// let store = ObjectStore(configuration: configuration, client: client)
/// try await store.put(bytes, at: "telegram/default/2026/11/20/0199…/0.jpg", contentType: "image/jpeg")
/// try await store.delete(keys: try await store.keys(withPrefix: "telegram/default/2026/11/20/0199…/"))
/// ```
public struct ObjectStore: Sendable {
    /// The least and the most that a presigned link may hold (Amazon's limit is a week).
    private static let linkSeconds = 1...604_800
    private static let longestPause = Duration.seconds(2)

    /// Where the objects are.
    public let configuration: ObjectStoreConfiguration
    private let client: HTTPClient
    private let signature: AWSSignature
    private let attempts: Int
    private let firstPause: Duration

    /// A store in a bucket.
    ///
    /// - Parameters:
    ///   - attempts: how often an operation is tried while the server is away or busy.
    ///   - firstPause: between the first two; doubles up to two seconds, with chance in it.
    public init(
        configuration: ObjectStoreConfiguration, client: HTTPClient, attempts: Int = 3,
        firstPause: Duration = .milliseconds(200)
    ) {
        self.configuration = configuration
        self.client = client
        signature = AWSSignature(
            accessKeyID: configuration.accessKeyID.value, secretAccessKey: configuration.secretAccessKey.value,
            region: configuration.region, service: "s3")
        self.attempts = max(1, attempts)
        self.firstPause = firstPause
    }

    /// Puts an object, in the place of one that is there under its key.
    ///
    /// - Parameter disposition: how browsers treat it (`Content-Disposition`, RFC 6266); nil: as they like.
    /// - Throws: ``ObjectStoreError`` when it is not there for sure.
    public func put(
        _ bytes: [UInt8], at key: String, contentType: String, disposition: String? = nil
    ) async throws(ObjectStoreError) {
        var fields: HTTPFields = ["Content-Type": contentType]
        if let disposition { fields.append("Content-Disposition", disposition) }
        let reply = try await perform(.put, key, fields: fields, body: bytes)
        guard reply.status == 200 else { throw reply.error }
    }

    /// The bytes of an object.
    ///
    /// - Parameter limit: the most bytes to take; 64 MiB unless told otherwise.
    /// - Throws: ``ObjectStoreError``, with ``ObjectStoreError/Code-swift.enum/noSuchKey`` where there is none.
    public func get(_ key: String, atMost limit: Int = 64 << 20) async throws(ObjectStoreError) -> [UInt8] {
        let reply = try await perform(.get, key, limit: limit)
        guard reply.status == 200 else { throw reply.error }
        return reply.body
    }

    /// Deletes objects; those that are not there count as deleted.
    ///
    /// In a bucket with versions the earlier versions stay; see docs/attachments.md.
    ///
    /// - Returns: how many were asked for.
    /// - Throws: ``ObjectStoreError`` at the first that may still be there; the ones before it are gone.
    @discardableResult
    public func delete(keys: [String]) async throws(ObjectStoreError) -> Int {
        for key in keys {
            let reply = try await perform(.delete, key)
            guard reply.status == 204 || reply.status == 200 else {
                if reply.error.code == .noSuchKey { continue }
                throw reply.error
            }
        }
        return keys.count
    }

    /// The same server and key, with another of its buckets.
    public func inBucket(_ bucket: String) -> ObjectStore {
        guard bucket != configuration.bucket else { return self }
        var other = configuration
        other.bucket = bucket
        return ObjectStore(configuration: other, client: client, attempts: attempts, firstPause: firstPause)
    }

    /// The keys that begin with these characters, in their order.
    public func keys(withPrefix prefix: String) async throws(ObjectStoreError) -> [String] {
        var keys: [String] = []
        var continuation: String?
        repeat {
            var parameters = [(name: "list-type", value: "2"), (name: "prefix", value: prefix)]
            if let continuation { parameters.append(("continuation-token", continuation)) }
            let reply = try await perform(.get, "", parameters: parameters, limit: 8 << 20)
            guard reply.status == 200 else { throw reply.error }
            keys += reply.texts(of: "Key")
            let isCut = reply.texts(of: "IsTruncated").first == "true"
            continuation = isCut ? reply.texts(of: "NextContinuationToken").first : nil
        } while continuation != nil
        return keys
    }

    /// Deletes every object whose key begins so.
    ///
    /// - Returns: how many there were.
    @discardableResult
    public func deleteAll(withPrefix prefix: String) async throws(ObjectStoreError) -> Int {
        precondition(!prefix.isEmpty, "an empty prefix would empty the bucket")
        return try await delete(keys: try await keys(withPrefix: prefix))
    }

    /// Puts a small object, reads it, and deletes it: everything that is asked of the bucket besides listing.
    ///
    /// - Throws: ``ObjectStoreError`` with what went wrong first.
    public func probe(named name: String) async throws(ObjectStoreError) {
        let key = "chatbridge-probe/\(name)"
        let bytes = Array("A probe of chatbridge doctor. It may be deleted.\n".utf8)
        try await put(bytes, at: key, contentType: "text/plain")
        let read = try await get(key, atMost: 4096)
        try await delete(keys: [key])
        guard read == bytes else {
            throw ObjectStoreError(
                .refused, "what was read is not what was put: something between us and the server changes it")
        }
    }

    /// A link by which anybody may fetch an object, without asking the server.
    ///
    /// - Parameters:
    ///   - bucket: another than the configured one, of the same server and key; nil: that one.
    ///   - duration: how long it holds; a week at the most.
    public func link(
        to key: String, in bucket: String? = nil, for duration: Duration = .seconds(900), at now: Timestamp = .now()
    ) -> String {
        let (base, path) = configuration.root(of: bucket ?? configuration.bucket)
        let seconds = Int(clamping: duration.components.seconds)
        return PresignedLink.make(
            base: base, path: path + ObjectStoreConfiguration.path(of: key), configuration, now: now,
            seconds: min(max(seconds, ObjectStore.linkSeconds.lowerBound), ObjectStore.linkSeconds.upperBound))
    }

    /// The last answer, when it is no passing failure.
    private func perform(
        _ method: HTTPMethod, _ key: String, parameters: [(name: String, value: String)] = [],
        fields: HTTPFields = [:], body: [UInt8] = [], limit: Int = 64 << 10
    ) async throws(ObjectStoreError) -> S3Reply {
        let request = request(method, key, parameters: parameters, fields: fields, body: body, limit: limit)
        var pause = firstPause
        var attempt = 1
        while true {
            let failure: ObjectStoreError
            do throws(HTTPClientError) {
                let reply = S3Reply(try await client.send(request))
                guard reply.status >= 300, reply.error.isTemporary else { return reply }
                failure = reply.error
            } catch {
                failure = ObjectStore.failure(error)
            }
            guard failure.isTemporary, attempt < attempts, !Task.isCancelled else { throw failure }
            attempt += 1
            try? await client.loop.sleep(for: pause * Double.random(in: 0.5...1))
            pause = min(pause * 2, ObjectStore.longestPause)
        }
    }

    private func request(
        _ method: HTTPMethod, _ key: String, parameters: [(name: String, value: String)], fields: HTTPFields,
        body: [UInt8], limit: Int
    ) -> HTTPClientRequest {
        let (base, path) = configuration.root(of: configuration.bucket)
        let query = parameters.isEmpty ? "" : "?\(ObjectStoreConfiguration.query(parameters))"
        var fields = fields
        // Asked for by S3 in every signed request; and with it no libcurl takes a hash of its own making.
        fields.append("x-amz-content-sha256", Hex.encode(SHA256.digest(of: body)))
        if let token = configuration.sessionToken { fields.append("x-amz-security-token", token.value) }
        return HTTPClientRequest(
            method: method, url: "\(base)\(path)\(ObjectStoreConfiguration.path(of: key))\(query)", headers: fields,
            body: body, timeouts: .init(firstByte: .seconds(120), idle: .seconds(30), total: .seconds(180)),
            maxResponseBytes: limit, signature: signature)
    }

    private static func failure(_ error: HTTPClientError) -> ObjectStoreError {
        switch error.code {
        case .tooLarge: ObjectStoreError(.tooLarge, error.message)
        case .badURL, .badRequest, .unsupportedProtocol, .tls, .privateAddress:
            ObjectStoreError(.refused, error.message)
        default: ObjectStoreError(.unavailable, error.message)
        }
    }
}
