import BridgeCore
import Testing

@testable import ObjectStorage

@Suite struct PresignedLinkTests {
    /// The example at <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>.
    @Test func `the link of Amazon's example is ours`() throws {
        let configuration = ObjectStoreConfiguration(
            bucket: "examplebucket", region: "us-east-1", accessKeyID: "AKIAIOSFODNN7EXAMPLE",
            secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
        let link = PresignedLink.make(
            base: "https://examplebucket.s3.amazonaws.com", path: "/test.txt", configuration,
            now: try #require(Timestamp("2013-05-24T00:00:00Z")), seconds: 86_400)
        #expect(
            link == "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
                + "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
                + "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
                + "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")
    }

    @Test(arguments: [
        (nil, "my-bucket", "eu-central-1", "https://my-bucket.s3.eu-central-1.amazonaws.com/a/0.png"),
        (nil, "my.bucket", "eu-central-1", "https://s3.eu-central-1.amazonaws.com/my.bucket/a/0.png"),
        (nil, "my-bucket", "cn-north-1", "https://my-bucket.s3.cn-north-1.amazonaws.com.cn/a/0.png"),
        ("http://minio:9000", "b-1", "us-east-1", "http://minio:9000/b-1/a/0.png"),
        ("https://x.example/storage/v1/s3", "b-1", "auto", "https://x.example/storage/v1/s3/b-1/a/0.png"),
    ])
    func `a bucket is found where its server has it`(
        endpoint: String?, bucket: String, region: String, expected: String
    ) {
        let configuration = ObjectStoreConfiguration(
            bucket: bucket, region: region, endpoint: endpoint, accessKeyID: "A", secretAccessKey: "S")
        let (base, path) = configuration.root(of: bucket)
        #expect(base + path + ObjectStoreConfiguration.path(of: "a/0.png") == expected)
    }

    @Test(arguments: [
        ("attachments", true), ("my.bucket-1", true), ("ab", false), ("Upper", false), ("-a-b", false), ("a..b", false),
        ("a_b", false), ("a/b", false), (String(repeating: "a", count: 64), false),
    ])
    func `bucket names are checked`(name: String, isGood: Bool) {
        #expect((ObjectStoreConfiguration.fault(inBucket: name) == nil) == isGood)
    }
}
