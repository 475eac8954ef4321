import BridgeCore
import EventLoop
import HTTPClient
import ObjectStorage
import TestSupport
import Testing

@testable import chatbridge

/// What `doctor` says of a bucket.
struct AttachmentDoctorTests {
    private func finding(_ change: (inout [String: String]) -> Void) throws -> Doctor.Finding? {
        var variables = [
            "ATTACHMENT_BUCKET": "media", "AWS_ACCESS_KEY_ID": TestEnvironment.objectStorageKey.id,
            "AWS_SECRET_ACCESS_KEY": TestEnvironment.objectStorageKey.secret,
            "S3_ENDPOINT": TestEnvironment.objectStorage ?? "http://127.0.0.1:1",
        ]
        change(&variables)
        let loaded = ConfigurationLoader.load(environment: variables, file: nil, isWebDefault: true)
        let loop = try EventLoop()
        return try loop.run {
            await Doctor(product: loaded.product, loop: loop, client: HTTPClient(loop: loop)).examineAttachments()
        }
    }

    @Test func `without a bucket there is nothing to say`() throws {
        #expect(try finding { $0["ATTACHMENT_BUCKET"] = nil } == nil)
    }

    @Test func `a server that is away is unreachable, and its address is named`() throws {
        let found = try #require(try finding { $0["S3_ENDPOINT"] = "http://127.0.0.1:1" })
        #expect(found.state == .bad && found.isUnreachable)
        #expect(found.detail.contains("http://127.0.0.1:1"))
        #expect(found.remedy?.contains("S3_ENDPOINT") == true)
    }

    @Test(
        .enabled(
            if: TestEnvironment.objectStorage != nil, "there is no S3 server: scripts/test installs one from PyPI"),
        arguments: [
            ("ATTACHMENT_BUCKET", "no-such-bucket-here", "ATTACHMENT_BUCKET"),
            ("AWS_SECRET_ACCESS_KEY", "wrong", "AWS_SECRET_ACCESS_KEY"),
            ("AWS_ACCESS_KEY_ID", "WRONG", "AWS_ACCESS_KEY_ID"),
            ("AWS_REGION", "eu-central-1", "AWS_REGION=us-east-1"),
        ])
    func `what is wrong is told with its cure, and no secret`(variable: String, value: String, cure: String) throws {
        let found = try #require(try finding { $0[variable] = value })
        #expect(found.state == .bad && !found.isUnreachable)
        #expect(found.remedy?.contains(cure) == true, "\(found)")
        #expect(!"\(found)".contains(TestEnvironment.objectStorageKey.secret))
    }
}
