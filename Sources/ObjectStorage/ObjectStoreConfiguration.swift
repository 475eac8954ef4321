public import BridgeCore
internal import HTTPCore

/// Where objects are kept, and by which key.
public struct ObjectStoreConfiguration: Sendable {
    /// The bucket.
    public var bucket: String
    /// The region, as in `eu-central-1`; servers of one's own mostly take any.
    public var region: String
    /// Where the server is, without a slash at its end, as in `http://minio:9000`; nil: Amazon's of the region.
    public var endpoint: String?
    /// The name of the key.
    public var accessKeyID: Secret
    /// The key.
    public var secretAccessKey: Secret
    /// What goes along with a key of limited time.
    public var sessionToken: Secret?

    /// A bucket of a server.
    public init(
        bucket: String, region: String = "us-east-1", endpoint: String? = nil, accessKeyID: Secret,
        secretAccessKey: Secret, sessionToken: Secret? = nil
    ) {
        self.bucket = bucket
        self.region = region
        self.endpoint = endpoint
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
    }

    /// Why a name cannot be a bucket's, or nil when it can.
    ///
    /// 3 to 63 of lower-case letters, digits, dots and hyphens, beginning and ending with a letter or digit
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>).
    public static func fault(inBucket name: String) -> String? {
        func isLetterOrDigit(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) }
        let bytes = Array(name.utf8)
        guard (3...63).contains(bytes.count) else { return "3 to 63 characters are expected" }
        guard
            bytes.allSatisfy({ isLetterOrDigit($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }),
            bytes.first.map(isLetterOrDigit) == true, bytes.last.map(isLetterOrDigit) == true
        else { return "lower-case letters, digits, dots and hyphens are expected" }
        return name.contains("..") ? "no two dots in a row are expected" : nil
    }

    /// Scheme and authority, and the path of a bucket's root with a slash at its end.
    ///
    /// A server of one's own has the bucket in the path. Amazon has it in the host's name, but for a name with dots, which no
    /// certificate covers there.
    func root(of bucket: String) -> (base: String, path: String) {
        if let endpoint {
            let scheme = endpoint.hasPrefix("https://") ? 8 : 7
            let rest = endpoint.dropFirst(scheme)
            let authority = rest.prefix { $0 != "/" }
            return (String(endpoint.prefix(scheme) + authority), "\(rest.dropFirst(authority.count))/\(bucket)/")
        }
        let host = "s3.\(region).amazonaws.com" + (region.hasPrefix("cn-") ? ".cn" : "")
        return bucket.contains(".") ? ("https://\(host)", "/\(bucket)/") : ("https://\(bucket).\(host)", "/")
    }

    /// A key as it stands in a path.
    static func path(of key: String) -> String {
        key.split(separator: "/", omittingEmptySubsequences: false)
            .map { HTTPPercentEncoding.encode(String($0)) }.joined(separator: "/")
    }

    /// A query in the order and encoding in which it is signed, without the question mark.
    static func query(_ parameters: [(name: String, value: String)]) -> String {
        parameters.map { "\(HTTPPercentEncoding.encode($0.name))=\(HTTPPercentEncoding.encode($0.value))" }
            .sorted().joined(separator: "&")
    }
}
