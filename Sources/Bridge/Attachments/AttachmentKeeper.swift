internal import BridgeCore
internal import Crypto
internal import EventLoop
internal import HTTPClient
internal import JSON
internal import Journal
internal import ObjectStorage
internal import Telemetry

/// Copies inbound attachments from their platforms to the bucket, off the way to an answer.
///
/// A few at a time; each is tried again for some minutes, from the fetching on, so that nothing is held in memory between two tries. When
/// a copy is there the message's row is told by a log job (``LogStatusChange/stored``). What waits is in memory alone: a
/// process that is killed takes it along, and the row keeps the platform's reference. Pinned to the engine's loop.
actor AttachmentKeeper {
    /// One attachment on its way.
    private struct Errand: Sendable {
        let message: UUID
        let index: Int
        let attachment: Attachment
        let platform: PlatformName
        let account: AccountName
        let media: MediaFetcher
        let takenAt: ContinuousClock.Instant
        var attempt = 1
    }

    /// Nobody waits for it: a large file over a slow line may take its time.
    private static let timeouts = HTTPClientRequest.Timeouts(firstByte: .seconds(30), total: .seconds(180))

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private let storage: AttachmentStorage
    private let recorder: JournalRecorder
    private let metrics: AttachmentMetrics
    private let log: Log
    private var waiting: [Errand] = []
    private var running: [UInt64: Task<Void, Never>] = [:]
    private var pausing: [UInt64: Task<Void, Never>] = [:]
    private var nextNumber: UInt64 = 0
    private var isStopping = false
    private var isCutOff = false
    private var drained: [CheckedContinuation<Void, Never>] = []

    init(loop: EventLoop, storage: AttachmentStorage, recorder: JournalRecorder, metrics: Metrics, log: Log) {
        self.loop = loop
        self.storage = storage
        self.recorder = recorder
        self.metrics = AttachmentMetrics(metrics)
        self.log = log
    }

    /// Copies what came with a message, as soon as there is room.
    func keep(_ event: InboundEvent, as message: UUID, from platform: PlatformName, by media: MediaFetcher) {
        for (index, attachment) in event.attachments.enumerated() {
            let errand = Errand(
                message: message, index: index, attachment: attachment, platform: platform,
                account: event.place.account, media: media, takenAt: .now)
            if let size = attachment.size, size > storage.maxBytes {
                giveUp(errand, .tooLarge, "it has \(size) bytes")
            } else if waiting.count + running.count + pausing.count >= storage.maxWaiting {
                giveUp(errand, .overflow, "\(storage.maxWaiting) wait already")
            } else {
                waiting.append(errand)
            }
        }
        startNext()
    }

    /// Waits for what is under way, and at the deadline gives up what is left.
    func drain(within limit: Duration) async {
        isStopping = true
        // Who waits for a second try would wait for too long.
        for task in pausing.values { task.cancel() }
        if !isIdle {
            let timer = LoopTimer(on: loop) { [weak self] in self?.assumeIsolated { $0.cutOff() } }
            timer.schedule(after: limit)
            await withCheckedContinuation { drained.append($0) }
            timer.cancel()
        }
    }

    private var isIdle: Bool { waiting.isEmpty && running.isEmpty && pausing.isEmpty }

    private func cutOff() {
        isCutOff = true
        for errand in waiting { giveUp(errand, .stopped, "the process stops") }
        waiting = []
        for task in running.values { task.cancel() }
        noteEnd()
    }

    private func noteEnd() {
        metrics.waiting.set(waiting.count + running.count + pausing.count)
        guard isStopping, isIdle else { return }
        for continuation in drained { continuation.resume() }
        drained = []
    }

    private func startNext() {
        while running.count < storage.concurrency, !waiting.isEmpty {
            let errand = waiting.removeFirst()
            let number = nextNumber
            nextNumber += 1
            running[number] = loop.spawn(on: self) { keeper in
                await keeper.run(errand)
                keeper.running[number] = nil
                keeper.startNext()
            }
        }
        noteEnd()
    }

    private func run(_ errand: Errand) async {
        let download = await errand.media.download(
            errand.attachment, atMost: storage.maxBytes, timeouts: AttachmentKeeper.timeouts)
        switch download {
        case .content(let bytes, let contentType): await put(bytes, contentType, errand)
        case .notNow(let reason, let pause): tryAgain(errand, .unavailable, reason, after: pause)
        case .tooLarge: giveUp(errand, .tooLarge, "it has more than \(storage.maxBytes) bytes")
        case .unavailable(let reason): giveUp(errand, .unavailable, reason)
        }
    }

    private func put(_ bytes: [UInt8], _ declared: String?, _ errand: Errand) async {
        let type = MediaType(of: bytes, declared: declared)
        // A page to log in, or one that says what is wrong. Drawings are text indeed.
        let isMedia = [.image, .audio, .video].contains(errand.attachment.kind)
        if isMedia, type.isText, declared?.lowercased().hasPrefix("image/svg") != true {
            return giveUp(errand, .unavailable, "the platform sent text in its place")
        }
        let key = AttachmentKey.key(
            platform: errand.platform.rawValue, account: errand.account.rawValue, message: errand.message,
            index: errand.index, fileExtension: type.fileExtension)
        do throws(ObjectStoreError) {
            try await storage.store.put(
                bytes, at: key, contentType: type.name, disposition: type.isShown ? nil : "attachment")
        } catch {
            return error.isTemporary
                ? tryAgain(errand, .storage, error.message) : giveUp(errand, .storage, error.message)
        }
        metrics.stored(bytes.count, of: errand.platform)
        metrics.seconds.record(errand.takenAt.duration(to: .now))
        tell(errand, key: key, bytes: bytes, type: type)
    }

    /// Tells the message's row, behind the message's own job.
    private func tell(_ errand: Errand, key: String, bytes: [UInt8], type: MediaType) {
        let news = AttachmentKeeper.news(
            errand.index, bucket: storage.store.configuration.bucket, key: key, bytes: bytes, type: type)
        let change = LogStatusChange(id: errand.message, at: .now(), status: .received, stored: news)
        recorder.assumeIsolated { $0.record(change) }
    }

    /// `{"0":{"bucket","key","size","sha256","content_type"}}`.
    private static func news(_ index: Int, bucket: String, key: String, bytes: [UInt8], type: MediaType) -> [UInt8] {
        var writer = JSONWriter(capacity: 384)
        writer.object { object in
            object.key("\(index)")
            object.object { stored in
                stored.field("bucket", bucket)
                stored.field("key", key)
                stored.field("size", bytes.count)
                stored.field("sha256", Hex.encode(SHA256.digest(of: bytes)))
                stored.field("content_type", type.name)
            }
        }
        return writer.bytes
    }

    private func tryAgain(
        _ errand: Errand, _ reason: AttachmentMetrics.Reason, _ words: String, after asked: Duration? = nil
    ) {
        guard !isStopping else { return giveUp(errand, isCutOff ? .stopped : reason, words) }
        guard errand.attempt < storage.attempts else { return giveUp(errand, reason, words) }
        metrics.retried(of: errand.platform)
        var backoff = storage.firstPause
        for _ in 1..<errand.attempt { backoff = min(backoff * 4, storage.longestPause) }
        let pause = max(backoff * Double.random(in: 0.5...1), asked ?? .zero)
        var next = errand
        next.attempt += 1
        let number = nextNumber
        nextNumber += 1
        pausing[number] = loop.spawn(on: self) { [next] keeper in
            try? await keeper.loop.sleep(for: pause)
            keeper.pausing[number] = nil
            if keeper.isStopping {
                keeper.giveUp(next, .stopped, words)
                keeper.noteEnd()
            } else {
                keeper.waiting.append(next)
                keeper.startNext()
            }
        }
    }

    private func giveUp(_ errand: Errand, _ reason: AttachmentMetrics.Reason, _ words: String) {
        metrics.failed(reason, of: errand.platform)
        log.warning(
            "an attachment is not copied: its message keeps the platform's reference",
            [
                "adapter.name": errand.platform.rawValue, "message.id": "\(errand.message)",
                "attachment": "\(errand.index)", "reason": words,
            ])
    }
}
