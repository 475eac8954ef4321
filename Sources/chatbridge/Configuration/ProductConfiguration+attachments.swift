import Bridge
import BridgeCore
import HTTPClient
import ObjectStorage

extension ProductConfiguration {
    /// Where inbound attachments are copied to; nil without `ATTACHMENT_BUCKET`.
    mutating func readAttachments(_ settings: inout SettingsReader) {
        let bucket = settings.text("ATTACHMENT_BUCKET")
        let endpoint = settings.url("S3_ENDPOINT")
        let region = settings.text("AWS_REGION", shownDefault: endpoint == nil ? "" : "us-east-1")
        let key = settings.text("AWS_ACCESS_KEY_ID", isSecret: true)
        let secret = settings.text("AWS_SECRET_ACCESS_KEY", isSecret: true)
        let token = settings.text("AWS_SESSION_TOKEN", isSecret: true)
        attachmentMaxBytes = settings.integer(
            "ATTACHMENT_MAX_BYTES", default: attachmentMaxBytes, in: 1024...(1 << 30))
        // The AWS variables are often there for other programs.
        guard let bucket else { return }
        if let fault = ObjectStoreConfiguration.fault(inBucket: bucket) {
            settings.report("ATTACHMENT_BUCKET=\(bucket): \(fault)")
        }
        if key == nil { settings.report("AWS_ACCESS_KEY_ID: is needed with ATTACHMENT_BUCKET, or its _FILE") }
        if secret == nil { settings.report("AWS_SECRET_ACCESS_KEY: is needed with ATTACHMENT_BUCKET, or its _FILE") }
        if region == nil, endpoint == nil {
            settings.report("AWS_REGION: the bucket's region is needed, as in eu-central-1, or S3_ENDPOINT")
        }
        let place = region ?? "us-east-1"
        // It becomes part of a host's name, and of a signature's scope.
        let isName = place.utf8.allSatisfy {
            (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "-")
        }
        if !isName { settings.report("AWS_REGION=\(place): a region's name is expected, as in eu-central-1") }
        if let endpoint, endpoint.contains("?") || endpoint.contains("#") || endpoint.contains("@") {
            settings.report("S3_ENDPOINT: a URL without user, query and fragment is expected, as in http://minio:9000")
        }
        guard let key, let secret else { return }
        attachments = ObjectStoreConfiguration(
            bucket: bucket, region: place, endpoint: endpoint, accessKeyID: Secret(key),
            secretAccessKey: Secret(secret),
            sessionToken: token.map { Secret($0) })
    }

    /// What the engine needs to copy attachments; nil where references are enough.
    func attachmentStorage(_ client: HTTPClient) -> AttachmentStorage? {
        attachments.map {
            AttachmentStorage(store: ObjectStore(configuration: $0, client: client), maxBytes: attachmentMaxBytes)
        }
    }
}
