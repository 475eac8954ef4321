import Crypto
import ObjectStorage

extension Doctor {
    /// Whether the bucket takes, gives and deletes objects; nil where none is configured.
    ///
    /// Puts one small object and takes it away again: nothing less says whether the key may write.
    func examineAttachments() async -> Finding? {
        guard let configuration = product.attachments else { return nil }
        let place = "\(configuration.bucket) at \(configuration.endpoint ?? "Amazon, \(configuration.region)")"
        let store = ObjectStore(configuration: configuration, client: client, attempts: 2)
        do throws(ObjectStoreError) {
            try await store.probe(named: Hex.encode(randomBytes(8)))
            return Finding(
                subject: "attachments", state: .good, detail: "\(place): an object was put, read and deleted")
        } catch {
            return Finding(
                subject: "attachments", state: .bad, detail: "\(place): \(error.message)", remedy: remedy(for: error),
                isUnreachable: error.code == .unavailable)
        }
    }

    private func remedy(for error: ObjectStoreError) -> String {
        switch error.code {
        case .unavailable:
            "check S3_ENDPOINT and that the server runs; messages keep their platform's references meanwhile"
        case .denied:
            "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and that the key may s3:PutObject, s3:GetObject and"
                + " s3:DeleteObject in this bucket"
        case .clock: "set this machine's clock (timedatectl set-ntp true)"
        case .noSuchBucket: "make the bucket, or check ATTACHMENT_BUCKET"
        case .otherRegion(let region): region.map { "AWS_REGION=\($0)" } ?? "check AWS_REGION: the bucket is elsewhere"
        case .noSuchKey, .tooLarge, .refused: "check S3_ENDPOINT: what answers there is not S3 as it should be"
        }
    }
}
