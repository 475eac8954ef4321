/// How a request is signed for Amazon's services and those that copy them: AWS Signature Version 4, made by libcurl.
///
/// Signed are the method, the path, the query, the header fields of the request and `x-amz-content-sha256`; the time is put in when
/// the request leaves. Keep to what every libcurl from 7.88 on signs rightly: give `x-amz-content-sha256` with every request, give no
/// `X-Amz-Date`, and let paths hold unreserved characters alone and queries be sorted and encoded. What those versions
/// do otherwise is told in docs/decisions/object-storage.md.
///
/// A class, so that requests without one, which are nearly all, carry a word and no more: make one and keep it.
public final class AWSSignature: Sendable, CustomStringConvertible, CustomReflectable {
    /// The name of the key.
    public let accessKeyID: String
    /// The key.
    public let secretAccessKey: String
    /// The region, as in `eu-central-1`.
    public let region: String
    /// The service, as in `s3`.
    public let service: String

    /// A signature by this key.
    public init(accessKeyID: String, secretAccessKey: String, region: String, service: String) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.region = region
        self.service = service
    }

    /// The key's name and scope; never the key.
    public var description: String { "AWSSignature(\(accessKeyID), \(region)/\(service))" }

    /// Shows no children, so that `dump` finds no key.
    public var customMirror: Mirror { Mirror(self, children: []) }

    /// curl's word for it (`CURLOPT_AWS_SIGV4(3)`): both providers, region and service.
    var provider: String { "aws:amz:\(region):\(service)" }
}
