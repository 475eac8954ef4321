import BridgeCore
import HTTPClient
import ObjectStorage
import Retention

/// Deletes files of messages from object storage, for `forget` and `prune`.
struct BucketEraser: ObjectEraser {
    private let store: ObjectStore

    /// An eraser by the configuration's key; nil where no bucket is configured.
    init?(_ product: ProductConfiguration, client: HTTPClient) {
        guard let configuration = product.attachments else { return nil }
        // A person's erasure may wait a little longer for a server that is busy.
        store = ObjectStore(configuration: configuration, client: client, attempts: 6)
    }

    /// Deletes an object, also of a bucket that was configured before, at the same server.
    func delete(bucket: String, key: String) async throws(RetentionError) {
        do throws(ObjectStoreError) {
            try await store.inBucket(bucket).delete(keys: [key])
        } catch {
            // The bucket is gone, and with it what was in it.
            if error.code == .noSuchBucket { return }
            throw BucketEraser.failure(error, bucket)
        }
    }

    /// Looks under the keys that the message's copies would have, in the bucket of the configuration.
    func deleteCopies(of message: UUID, platform: String, account: String) async throws(RetentionError) -> Int {
        do throws(ObjectStoreError) {
            return try await store.deleteAll(
                withPrefix: AttachmentKey.prefix(platform: platform, account: account, message: message))
        } catch {
            if error.code == .noSuchBucket { return 0 }
            throw BucketEraser.failure(error, store.configuration.bucket)
        }
    }

    private static func failure(_ error: ObjectStoreError, _ bucket: String) -> RetentionError {
        RetentionError(
            error.isTemporary ? .unavailable : .failed,
            "the bucket \(bucket) did not list or delete objects: \(error.message); chatbridge doctor says more")
    }
}
