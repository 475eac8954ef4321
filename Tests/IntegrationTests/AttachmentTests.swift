import Crypto
import EventLoop
import Glibc
import HTTPClient
import HTTPCore
import HTTPServer
import JSON
import Postgres
import SQLite
import TestSupport
import Testing

/// Attachments on their whole way: platform, bridge, bucket, queue, database, and back by the API.
///
/// With a real S3 server.
@Suite(
    .enabled(
        if: TestEnvironment.objectStorage != nil, "there is no S3 server: scripts/test installs one from PyPI"))
struct AttachmentTests {
    private static let photo: [UInt8] = [0xFF, 0xD8, 0xFF, 0xE0] + (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }

    /// A Telegram whose file API has one photo, and a bucket.
    private final class World: Sendable {
        let telegram: RecordingServer
        let loop: EventLoop
        let client: HTTPClient
        let bucket = "test-\(Hex.encode(randomBytes(8)))"

        init() async throws {
            telegram = try await RecordingServer { request in
                if request.path.hasSuffix("/getFile") {
                    return .json(
                        Array(
                            #"{"ok":true,"result":{"file_id":"F1","file_unique_id":"U1","file_path":"photos/file 0.jpg"}}"#
                                .utf8))
                }
                if request.path.hasSuffix("/photos/file%200.jpg") {
                    return HTTPResponse(
                        headers: ["Content-Type": "application/octet-stream"], body: .bytes(AttachmentTests.photo))
                }
                return .json(Array(#"{"ok":true,"result":{"message_id":7}}"#.utf8))
            }
            loop = try EventLoop()
            loop.startThread(name: "user")
            client = HTTPClient(loop: loop)
            let made = try await client.send(
                HTTPClientRequest(
                    method: .put, url: "\(TestEnvironment.objectStorage ?? "")/\(bucket)",
                    headers: [
                        "x-amz-content-sha256": Hex.encode(SHA256.digest(of: "")), "Content-Type": "application/xml",
                    ],
                    signature: AWSSignature(
                        accessKeyID: TestEnvironment.objectStorageKey.id,
                        secretAccessKey: TestEnvironment.objectStorageKey.secret, region: "us-east-1", service: "s3")))
            #expect(made.status.code == 200)
        }

        deinit { loop.stop() }

        var variables: [String: String] {
            [
                "TELEGRAM_BOT_TOKEN": "123456:test-token", "TELEGRAM_WEBHOOK_SECRET": "test-secret",
                "TELEGRAM_API_BASE": telegram.url, "TELEGRAM_RATE_LIMIT": "off", "STREAMING": "off", "AGENT": "echo",
                "ATTACHMENT_BUCKET": bucket, "S3_ENDPOINT": TestEnvironment.objectStorage ?? "",
                "AWS_ACCESS_KEY_ID": TestEnvironment.objectStorageKey.id,
                "AWS_SECRET_ACCESS_KEY": TestEnvironment.objectStorageKey.secret, "API_TOKEN": "api-token",
            ]
        }

        /// Delivers a photo as the platform does.
        func send(to port: Int) async throws {
            let body = """
                {"update_id":1,"message":{"message_id":5,"date":1790000000,"from":{"id":42,"is_bot":false,"first_name":"A"},
                "chat":{"id":42,"type":"private"},"caption":"look","photo":[{"file_id":"F1","file_unique_id":"U1",
                "width":90,"height":90,"file_size":1000}]}}
                """
            let response = try await client.send(
                HTTPClientRequest(
                    method: .post, url: "http://127.0.0.1:\(port)/webhooks/telegram",
                    headers: ["Content-Type": "application/json", "X-Telegram-Bot-Api-Secret-Token": "test-secret"],
                    body: Array(body.utf8)))
            #expect(response.status == .ok)
        }

        /// Where the API leads to.
        func link(_ message: String, from port: Int) async throws -> String {
            let redirect = try await client.send(
                HTTPClientRequest(
                    url: "http://127.0.0.1:\(port)/api/attachments/\(message)/0",
                    headers: ["Authorization": "Bearer api-token"]))
            #expect(redirect.status.code == 302, "\(String(decoding: redirect.body, as: UTF8.self))")
            return try #require(redirect.header("Location"))
        }
    }

    /// Holds a row's attachments against what is in the bucket.
    ///
    /// - Returns: a link to the object.
    @discardableResult
    private func check(_ attachments: String, _ world: World, message: String, port: Int) async throws -> String {
        let attachment = try JSONView(parsing: attachments)[0]
        #expect(attachment["reference"].string == "F1")
        let stored = attachment["stored"]
        #expect(stored["bucket"].string == world.bucket)
        #expect(stored["size"].int == Int64(Self.photo.count))
        #expect(stored["sha256"].string == Hex.encode(SHA256.digest(of: Self.photo)))
        #expect(stored["content_type"].string == "image/jpeg")
        let key = stored["key"].string ?? ""
        #expect(key.hasPrefix("telegram/") && key.hasSuffix("/\(message)/0.jpg"))
        let link = try await world.link(message, from: port)
        let object = try await world.client.send(HTTPClientRequest(url: link))
        #expect(object.status.code == 200)
        #expect(object.body == Self.photo)
        #expect(object.header("Content-Type") == "image/jpeg")
        return link
    }

    @Test(.timeLimit(.minutes(3)), arguments: ["fast", "durable"])
    func `with nothing but files, a photo is in the bucket and its row knows it`(acknowledgement: String) async throws {
        let world = try await World()
        let (folder, port) = (TemporaryFolder(), TestEnvironment.freePort())
        var environment = world.variables
        environment["PORT"] = "\(port)"
        environment["ACK"] = acknowledgement
        environment["DATABASE_URL"] = "sqlite:\(folder.path("chat.db"))"
        environment["SPOOL_DIR"] = folder.path("spool")
        let process = try ChildProcess(
            [TestEnvironment.chatbridge, "run"], environment: environment, output: folder.path("log"))
        try awaitListener(on: port, of: process)
        try await world.send(to: port)
        let database = SQLiteDatabase(configuration: SQLiteConfiguration(path: folder.path("chat.db")))
        let sql = "SELECT id, attachments FROM messages WHERE direction = 'inbound'"
        func row() async throws -> (id: String, attachments: String)? {
            guard let row = try await database.query(sql).first else { return nil }
            return (try row.text("id") ?? "", try row.text("attachments") ?? "")
        }
        #expect(
            try await eventually { try await row()?.attachments.contains(#""stored""#) == true }, "\(process.output)")
        let found = try #require(try await row())
        let link = try await check(found.attachments, world, message: found.id, port: port)
        await database.close()
        #expect(process.end() == 0)
        // Whoever is forgotten leaves nothing in the bucket, not even a copy that its row was never told of.
        if acknowledgement == "durable" {
            let file = SQLiteDatabase(configuration: SQLiteConfiguration(path: folder.path("chat.db")))
            // Of a message that is old enough for nobody to be copying it any more.
            _ = try await file.query(
                """
                UPDATE messages
                SET attachments = json_remove(attachments, '$[0].stored'), created_at = '2020-01-01T00:00:00.000000Z'
                """)
            await file.close()
        }
        let forgotten = try ChildProcess.run(
            [TestEnvironment.chatbridge, "forget", "telegram", "42", "--yes", "--json"], environment: environment,
            in: folder)
        #expect(forgotten.0 == 0, "\(forgotten.1)")
        #expect(try JSONView(parsing: forgotten.1)["erased"]["objects"].int == 1, "\(forgotten.1)")
        #expect(try await world.client.send(HTTPClientRequest(url: link)).status.code == 404)
    }

    @Test(
        .timeLimit(.minutes(3)),
        .enabled(if: TestEnvironment.databaseURL != nil && TestEnvironment.redisURL != nil, "needs Redis and Postgres"),
        arguments: ["fast", "durable"])
    func `in the production shape, the logger tells the row and the bridge finds the key`(
        acknowledgement: String
    ) async throws {
        let world = try await World()
        let stack = try await TestStack.shared(world.variables.merging(["ACK": acknowledgement]) { $1 })
        try stack.startBridge()
        try await world.send(to: stack.port)
        // The logger comes later, and finds the message and its news in the queue.
        #expect(await eventually { world.telegram.requests.contains { $0.path.hasSuffix("/photos/file%200.jpg") } })
        try stack.startLogger()
        func row() async throws -> (id: String, attachments: String)? {
            let rows = try await stack.database.query(
                "SELECT id::text AS id, attachments::text AS attachments FROM messages WHERE direction = 'inbound'")
            guard let row = rows.first else { return nil }
            return (try row.text("id") ?? "", try row.text("attachments") ?? "")
        }
        #expect(try await eventually { try await row()?.attachments.contains(#""stored""#) == true }, "\(stack.output)")
        let found = try #require(try await row())
        try await check(found.attachments, world, message: found.id, port: stack.port)
        try stack.stopBridge()
    }
}
