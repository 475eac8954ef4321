import Agents
import BridgeCore
import BridgeTesting
import Crypto
import EventLoop
import HTTPClient
import HTTPCore
import HTTPServer
import Inbox
import JSON
import ObjectStorage
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Bridge

/// Copies of attachments: fetched from a platform, put to a bucket, told to the row; beside the answer, and never in its way.
@Suite struct AttachmentKeeperTests {
    private static let jpeg: [UInt8] = [0xFF, 0xD8, 0xFF, 0xE0, 1, 2, 3]

    /// A bucket that takes everything, unless told otherwise; its objects are its requests.
    private static func bucket(
        _ answer: @escaping @Sendable (HTTPRequest) async -> HTTPResponse = { _ in HTTPResponse() }
    ) async throws -> RecordingServer {
        try await RecordingServer(answer)
    }

    private static func storage(
        _ bucket: RecordingServer, _ loop: EventLoop, maxBytes: Int = 1 << 20
    ) -> AttachmentStorage {
        let configuration = ObjectStoreConfiguration(
            bucket: "media", endpoint: bucket.url, accessKeyID: "AK", secretAccessKey: "SK")
        var storage = AttachmentStorage(
            store: ObjectStore(
                configuration: configuration, client: HTTPClient(loop: loop), attempts: 1,
                firstPause: .milliseconds(1)), maxBytes: maxBytes)
        storage.firstPause = .milliseconds(5)
        storage.longestPause = .milliseconds(20)
        storage.attempts = 3
        return storage
    }

    private static func message(_ attachments: [BridgeCore.Attachment], id: String = "1") -> InboundEvent {
        var message = event(id)
        message.attachments = attachments
        return message
    }

    private static func engine(
        _ loop: EventLoop, _ platform: RecordingServer, _ storage: AttachmentStorage
    ) -> Engine {
        Engine(
            loop, adapters: [MediaAdapter(plain: PlainAdapter(apiBase: platform.url))], agent: EchoAgent(),
            attachments: storage)
    }

    /// A platform that sends this under every reference.
    private static func platform(_ bytes: [UInt8], type: String = "application/octet-stream") async throws
        -> RecordingServer
    {
        try await RecordingServer { request in
            request.path.hasPrefix("/media/")
                ? HTTPResponse(headers: ["Content-Type": type], body: .bytes(bytes))
                : .json(Array(#"{"message":"m"}"#.utf8))
        }
    }

    private static func stored(_ jobs: [LogJob]) throws -> [(id: UUID, news: JSONView)] {
        try jobs.compactMap { job -> (id: UUID, news: JSONView)? in
            guard case .status(let change) = job, change.stored != LogMessage.noMetadata else { return nil }
            #expect(change.status == .received)
            return (change.id, try JSONView(parsing: change.stored))
        }
    }

    private static func question(_ jobs: [LogJob]) throws -> LogMessage {
        let messages = jobs.compactMap { job -> LogMessage? in
            if case .message(let message) = job, message.direction == .inbound { message } else { nil }
        }
        return try #require(messages.first)
    }

    @Test func `what came with a message is put to the bucket, and its row is told behind its own job`() async throws {
        let platform = try await Self.platform(Self.jpeg, type: "text/html")
        let bucket = try await Self.bucket()
        try await onLoop { loop in
            let engine = Self.engine(loop, platform, Self.storage(bucket, loop))
            #expect(
                engine.take(
                    Self.message([
                        BridgeCore.Attachment(kind: .image, reference: "a"),
                        BridgeCore.Attachment(kind: .file, reference: "b", contentType: "application/pdf"),
                    ])))
            #expect(await engine.finish() == 0)
            let jobs = try await engine.jobs()
            let question = try Self.question(jobs)
            let news = try Self.stored(jobs)
            #expect(news.map(\.id) == [question.id, question.id])
            #expect(jobs.first?.id == question.id)
            let prefix = AttachmentKey.prefix(platform: "plain", account: "default", message: question.id)
            let keys = Set(news.flatMap { $0.news.members.map { $0.value["key"].string ?? "" } })
            #expect(keys == ["\(prefix)0.jpg", "\(prefix)1.jpg"])
            let first = try #require(news.first { $0.news["0"].kind == .object }?.news["0"])
            #expect(first["bucket"].string == "media")
            #expect(first["size"].int == Int64(Self.jpeg.count))
            #expect(first["content_type"].string == "image/jpeg")
            #expect(first["sha256"].string == Hex.encode(SHA256.digest(of: Self.jpeg)))
            let puts = bucket.requests
            #expect(Set(puts.map(\.path)) == Set(keys.map { "/media/\($0)" }))
            #expect(puts.allSatisfy { $0.method == .put && $0.body == Self.jpeg })
            #expect(puts.allSatisfy { $0.headers["Content-Type"] == "image/jpeg" })
            #expect(puts.allSatisfy { $0.headers["Authorization"]?.hasPrefix("AWS4-HMAC-SHA256 ") == true })
            #expect(engine.metric("chatbridge_attachments_stored_total") == 2)
            #expect(engine.metric("chatbridge_attachment_bytes_total") == 2 * Self.jpeg.count)
            #expect(engine.metric("chatbridge_attachments_waiting") == 0)
        }
    }

    @Test func `the answer does not wait for a bucket that is slow`() async throws {
        let gate = Gate()
        let platform = try await Self.platform(Self.jpeg)
        let bucket = try await Self.bucket { _ in
            await gate.pass()
            return HTTPResponse()
        }
        try await onLoop { loop in
            let engine = Self.engine(loop, platform, Self.storage(bucket, loop))
            #expect(engine.take(Self.message([BridgeCore.Attachment(kind: .image, reference: "a")])))
            // The answer is delivered while the bucket has not said a word.
            #expect(await eventually { platform.requests.contains { !$0.path.hasPrefix("/media/") } })
            #expect(engine.metric("chatbridge_attachments_stored_total") == 0)
            gate.open()
            #expect(await engine.finish() == 0)
            #expect(engine.metric("chatbridge_attachments_stored_total") == 1)
        }
    }

    @Test(arguments: [500, 503, 429])
    func `a platform that is busy is asked again`(status: Int) async throws {
        let asked = Mutex(0)
        let platform = try await RecordingServer { request in
            guard request.path.hasPrefix("/media/") else { return .json(Array(#"{"message":"m"}"#.utf8)) }
            let number = asked.withLock {
                $0 += 1
                return $0
            }
            return number < 3 ? HTTPResponse(HTTPStatus(status)) : HTTPResponse(body: .bytes(Self.jpeg))
        }
        let bucket = try await Self.bucket()
        try await onLoop { loop in
            let engine = Self.engine(loop, platform, Self.storage(bucket, loop))
            #expect(engine.take(Self.message([BridgeCore.Attachment(kind: .image, reference: "a")])))
            #expect(await eventually { engine.metric("chatbridge_attachments_stored_total") == 1 })
            #expect(engine.metric("chatbridge_attachment_retries_total") == 2)
            #expect(engine.metric("chatbridge_attachments_failed_total") == 0)
            _ = await engine.finish()
        }
    }

    /// What a bucket or a platform does, why there is no copy then, and how often it was tried.
    @Test(
        arguments: [
            ("bucket away", "storage", 3), ("bucket refuses", "storage", 1), ("gone", "unavailable", 1),
            ("platform ill", "unavailable", 3), ("too large", "too_large", 1), ("said to be too large", "too_large", 0),
            ("a page", "unavailable", 1), ("no way to it", "unavailable", 0),
        ] as [(String, String, Int)])
    func `an attachment that cannot be had is given up and counted, and its message keeps the reference`(
        story: String, reason: String, fetches: Int
    ) async throws {
        let platform = try await RecordingServer { request in
            guard request.path.hasPrefix("/media/") else { return .json(Array(#"{"message":"m"}"#.utf8)) }
            switch story {
            case "gone": return HTTPResponse(.notFound)
            case "platform ill": return HTTPResponse(HTTPStatus(502))
            case "too large": return HTTPResponse(body: .bytes([UInt8](repeating: 1, count: 5000)))
            case "a page": return .text("<html>log in</html>")
            default: return HTTPResponse(body: .bytes(Self.jpeg))
            }
        }
        let bucket = try await Self.bucket { _ in
            switch story {
            case "bucket away": HTTPResponse(.serviceUnavailable)
            case "bucket refuses": HTTPResponse(.forbidden)
            default: HTTPResponse()
            }
        }
        try await onLoop { loop in
            let engine = Self.engine(loop, platform, Self.storage(bucket, loop, maxBytes: 4096))
            let attachment = BridgeCore.Attachment(
                kind: .image, reference: story == "no way to it" ? nil : "a",
                size: story == "said to be too large" ? 4097 : nil)
            #expect(engine.take(Self.message([attachment])))
            #expect(await eventually { engine.metric("chatbridge_attachments_failed_total") == 1 })
            #expect(
                engine.metrics.text().contains(
                    #"chatbridge_attachments_failed_total{platform="plain",reason="\#(reason)"} 1"#))
            #expect(await engine.finish() == 0)
            let jobs = try await engine.jobs()
            #expect(try Self.stored(jobs).isEmpty)
            #expect(try Self.question(jobs).attachments != LogMessage.noAttachments)
            #expect(platform.requests.count { $0.path.hasPrefix("/media/") } == fetches)
        }
    }

    @Test func `markup and other files are put for saving, and drawings without their meaning`() async throws {
        let svg = Array(#"<svg onload="alert(1)">"#.utf8)
        let platform = try await Self.platform(svg, type: "image/svg+xml")
        let bucket = try await Self.bucket()
        try await onLoop { loop in
            let engine = Self.engine(loop, platform, Self.storage(bucket, loop))
            #expect(
                engine.take(
                    Self.message([BridgeCore.Attachment(kind: .image, reference: "a", contentType: "image/svg+xml")])))
            #expect(await engine.finish() == 0)
            let put = try #require(bucket.requests.first)
            #expect(put.headers["Content-Type"] == "application/octet-stream")
            #expect(put.headers["Content-Disposition"] == "attachment")
            #expect(put.path.hasSuffix("/0.bin"))
        }
    }

    @Test func `only so many are under way at a time, and only so many wait`() async throws {
        let gate = Gate()
        let peak = Mutex((now: 0, most: 0))
        let platform = try await RecordingServer { request in
            guard request.path.hasPrefix("/media/") else { return .json(Array(#"{"message":"m"}"#.utf8)) }
            peak.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
            await gate.pass()
            peak.withLock { $0.now -= 1 }
            return HTTPResponse(body: .bytes(Self.jpeg))
        }
        let bucket = try await Self.bucket()
        try await onLoop { loop in
            var storage = Self.storage(bucket, loop)
            storage.maxWaiting = 10
            let engine = Self.engine(loop, platform, storage)
            let many = (0..<15).map { BridgeCore.Attachment(kind: .image, reference: "\($0)") }
            #expect(engine.take(Self.message(many)))
            #expect(await eventually { peak.withLock { $0.now } == 2 })
            #expect(engine.metric("chatbridge_attachments_failed_total") == 5)
            #expect(engine.metric("chatbridge_attachments_waiting") == 10)
            gate.open()
            #expect(await engine.finish() == 0)
            #expect(engine.metric("chatbridge_attachments_stored_total") == 10)
            #expect(peak.withLock { $0.most } == 2)
        }
    }

    @Test func `a stop gives up what does not end in time, and counts it`() async throws {
        let gate = Gate()
        let platform = try await RecordingServer { request in
            guard request.path.hasPrefix("/media/") else { return .json(Array(#"{"message":"m"}"#.utf8)) }
            await gate.pass()
            return HTTPResponse(body: .bytes(Self.jpeg))
        }
        let bucket = try await Self.bucket()
        try await onLoop { loop in
            let engine = Self.engine(loop, platform, Self.storage(bucket, loop))
            let many = (0..<5).map { BridgeCore.Attachment(kind: .image, reference: "\($0)") }
            #expect(engine.take(Self.message(many)))
            #expect(await eventually { platform.requests.count { $0.path.hasPrefix("/media/") } == 2 })
            _ = await engine.finish(within: .milliseconds(500))
            #expect(
                engine.metrics.text().contains(
                    #"chatbridge_attachments_failed_total{platform="plain",reason="stopped"} 5"#))
            gate.open()
        }
    }

    @Test func `without a bucket nothing is fetched`() async throws {
        let platform = try await Self.platform(Self.jpeg)
        try await onLoop { loop in
            let engine = Engine(
                loop, adapters: [MediaAdapter(plain: PlainAdapter(apiBase: platform.url))], agent: EchoAgent())
            #expect(engine.take(Self.message([BridgeCore.Attachment(kind: .image, reference: "a")])))
            #expect(await engine.finish() == 0)
            #expect(platform.requests.allSatisfy { !$0.path.hasPrefix("/media/") })
        }
    }

    @Test func `a message that its platform sends again is copied once`() async throws {
        let platform = try await Self.platform(Self.jpeg)
        let bucket = try await Self.bucket()
        try await onLoop { loop in
            let engine = Self.engine(loop, platform, Self.storage(bucket, loop))
            for _ in 0..<3 { _ = engine.take(Self.message([BridgeCore.Attachment(kind: .image, reference: "a")])) }
            #expect(await engine.finish() == 0)
            #expect(bucket.requests.count == 1)
        }
    }

    /// With a shared inbox, what each says of an event, and how many copies this bridge makes then.
    @Test(arguments: [(InboxVerdict.taken, 1), (.duplicate, 0), (.forwarded, 0)], [true, false])
    func `the bridge that has an event makes its copies, and no other`(
        row: (verdict: InboxVerdict, copies: Int), isDurable: Bool
    ) async throws {
        let platform = try await Self.platform(Self.jpeg)
        let bucket = try await Self.bucket()
        try await onLoop { loop in
            let inbox = ScriptedInbox(loop, isShared: true)
            await inbox.change { $0.verdicts["plain:1"] = row.verdict }
            let engine = Engine(
                loop, adapters: [MediaAdapter(plain: PlainAdapter(apiBase: platform.url))], agent: EchoAgent(),
                inbox: inbox, attachments: Self.storage(bucket, loop)
            ) { if isDurable { $0.acknowledgement = .durable } }
            await engine.bridge.start()
            let message = Self.message([BridgeCore.Attachment(kind: .image, reference: "a")])
            #expect(await engine.bridge.take([message], from: PlatformName("plain")))
            #expect(await eventually { await inbox.claims.count == 1 })
            #expect(await engine.finish() == 0)
            #expect(bucket.requests.count == row.copies)
        }
    }

    @Test func `what a bridge takes over is copied to the place where the one before would have put it`() async throws {
        let platform = try await Self.platform(Self.jpeg)
        let bucket = try await Self.bucket()
        try await onLoop { loop in
            let inbox = ScriptedInbox(loop, isShared: true)
            let engine = Engine(
                loop, adapters: [MediaAdapter(plain: PlainAdapter(apiBase: platform.url))], agent: EchoAgent(),
                inbox: inbox, attachments: Self.storage(bucket, loop)
            ) { $0.acknowledgement = .durable }
            await engine.bridge.start()
            let id = UUID(version7At: 1_790_000_000_000, fraction: 1, random: 2)
            let message = Self.message([
                BridgeCore.Attachment(kind: .image), BridgeCore.Attachment(kind: .image, reference: "a"),
            ])
            await inbox.deliver(message, id: id, attempts: 2)
            #expect(await eventually { engine.metric("chatbridge_attachments_stored_total") == 1 })
            #expect(await engine.finish() == 0)
            let prefix = AttachmentKey.prefix(platform: "plain", account: "default", message: id)
            #expect(bucket.requests.map(\.path) == ["/media/\(prefix)1.jpg"])
            let jobs = try await engine.jobs()
            #expect(try Self.stored(jobs).map(\.id) == [id])
        }
    }
}
