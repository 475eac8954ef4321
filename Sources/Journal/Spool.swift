internal import BridgeCore
internal import Failpoints
internal import Glibc
public import Telemetry
public import ThreadExecutor

/// Where log jobs wait on disk while their queue is away: an append-only row of segment files, replayed in order.
///
/// It runs on a thread of its own, since files block. Every process has a folder of its own in the spool folder, held by a
/// lock; what dead processes left is adopted by ``open()``. Nothing is made on disk before the first job.
///
/// A job that ``append(_:)`` took survives the end of the process at any instant (not the machine's: no `fsync`). A job may be
/// given out twice, never out of order. See docs/decisions/log-path.md.
public actor Spool {
    /// Where and how much.
    public struct Configuration: Sendable {
        /// The folder shared by the processes of a machine.
        public var directory: String
        /// The most bytes that this process keeps; the oldest segments are dropped beyond.
        public var maximumBytes: Int
        /// The size at which the next segment is begun.
        public var segmentBytes: Int

        /// A configuration; `maximumBytes` is `SPOOL_MAX_BYTES`, 256 MiB by default.
        public init(directory: String, maximumBytes: Int = 256 << 20, segmentBytes: Int = 4 << 20) {
            self.directory = directory
            self.maximumBytes = max(4096, maximumBytes)
            // At least four segments, so that the limit drops a part and not all.
            self.segmentBytes = max(1024, min(segmentBytes, maximumBytes / 4))
        }
    }

    /// What is in the spool, and what it lost.
    public struct Status: Sendable, Equatable {
        /// Bytes of the files.
        public var bytes = 0
        /// Jobs that wait.
        public var records = 0
        /// Jobs dropped because of the limit.
        public var dropped = 0
        /// Records that could not be read any more.
        public var damaged = 0
    }

    /// The oldest jobs, and how to remove them.
    public struct Page: Sendable {
        /// The jobs, oldest first.
        public let jobs: [[UInt8]]
        fileprivate let segment: String
        fileprivate let end: Int
    }

    /// The thread that the files are read and written on.
    public nonisolated let executor = ThreadExecutor(name: "spool")
    /// Makes the actor run on its thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private let configuration: Configuration
    private let log: Log
    private let folderName: String
    private var folder: SpoolFolder?
    // Segments cannot be copied, so an array cannot hold them: boxes can.
    private var segments: [Box] = []
    private var isWriting = false
    private var lastSegmentTime: Int64 = 0
    private var dropped = 0
    private var damaged = 0
    private var dropLine = OnceAMinute()
    private var untoldDrops = 0

    private final class Box {
        var segment: SpoolSegment
        init(_ segment: consuming SpoolSegment) { self.segment = segment }
    }

    /// A spool that has not looked at its folder yet.
    public init(configuration: Configuration, log: Log = .silent) {
        self.configuration = configuration
        self.log = log
        var generator = UUIDGenerator()
        folderName = generator.next(at: .now()).description
    }

    /// Adopts what processes that have ended left in the spool folder.
    ///
    /// - Returns: what there is to replay.
    /// - Throws: ``SpoolError`` when a folder cannot be read, made or written; call it again then for what is not adopted yet.
    public func open() throws(SpoolError) -> Status {
        for name in try SpoolFolder.names(in: configuration.directory).sorted() where name != folderName {
            try adopt(configuration.directory + "/" + name)
        }
        makeRoom(for: 0)
        return status
    }

    /// What is in the spool now.
    public var status: Status {
        var status = Status(dropped: dropped, damaged: damaged)
        for box in segments {
            status.bytes += box.segment.size
            status.records += box.segment.records
        }
        return status
    }

    /// Adds jobs behind all others, dropping the oldest segments where they would go beyond the limit.
    ///
    /// - Throws: ``SpoolError``; some of the jobs may be there nevertheless: add them all again, ids make it harmless.
    /// - Returns: the new status.
    public func append(_ jobs: [[UInt8]]) throws(SpoolError) -> Status {
        var bytes: [UInt8] = []
        var count = 0
        for job in jobs {
            if job.isEmpty || job.count > SpoolRecord.largestJob {
                damaged += 1
                continue
            }
            if count > 0, bytes.count + job.count > configuration.segmentBytes {
                try write(bytes, records: count)
                bytes.removeAll(keepingCapacity: true)
                count = 0
            }
            SpoolRecord.append(job, to: &bytes)
            count += 1
        }
        if count > 0 { try write(bytes, records: count) }
        return status
    }

    /// The oldest jobs; they stay until ``remove(_:)``.
    ///
    /// - Returns: nil when there are none.
    public func oldest(maximumCount: Int, maximumBytes: Int) throws(SpoolError) -> Page? {
        while let box = segments.first {
            guard !box.segment.isEmpty else {
                removeFirstSegment()
                continue
            }
            let part: (jobs: [[UInt8]], end: Int, damaged: Int)
            do throws(SpoolError) {
                part = try box.segment.oldest(maximumCount: maximumCount, maximumBytes: maximumBytes)
            } catch {
                // Somebody has deleted the file: what is behind it must not wait for it for ever.
                guard error.errorNumber == ENOENT else { throw error }
                damaged += box.segment.records
                removeFirstSegment()
                continue
            }
            damaged += part.damaged
            if !part.jobs.isEmpty { return Page(jobs: part.jobs, segment: box.segment.path, end: part.end) }
            // Only a torn tail or damaged records: nothing of it can be read.
            removeFirstSegment()
        }
        removeEmptyFolder()
        return nil
    }

    /// Forgets the jobs of a page, which have been pushed.
    public func remove(_ page: Page) throws(SpoolError) -> Status {
        // The limit may have dropped the segment meanwhile.
        if let box = segments.first, box.segment.path == page.segment {
            try box.segment.consume(to: page.end, records: page.jobs.count)
            Failpoint.reach("bridge.spool.consumed")
            if box.segment.isEmpty { removeFirstSegment() }
        }
        if segments.isEmpty { removeEmptyFolder() }
        return status
    }

    // MARK: Segments

    private func write(_ bytes: [UInt8], records: Int) throws(SpoolError) {
        makeRoom(for: bytes.count + SpoolSegment.headerSize)
        if !isWriting || segments.last.map({ $0.segment.size + bytes.count > configuration.segmentBytes }) ?? true {
            let path = try folderPath() + "/" + nextSegmentName() + SpoolSegment.suffix
            let new = Box(try SpoolSegment.make(at: path))
            // A spool of gigabytes is thousands of files: those at its two ends are open, no others.
            segments.last?.segment.closeFile()
            segments.append(new)
            isWriting = true
        }
        Failpoint.reach("bridge.spool.appending")
        try segments[segments.count - 1].segment.append(bytes, records: records)
        Failpoint.reach("bridge.spool.appended")
    }

    private func makeRoom(for count: Int) {
        var total = segments.reduce(0) { $0 + $1.segment.size }
        guard total + count > configuration.maximumBytes else { return }
        while total + count > configuration.maximumBytes, let oldest = segments.first {
            total -= oldest.segment.size
            dropped += oldest.segment.records
            untoldDrops += oldest.segment.records
            removeFirstSegment()
        }
        guard dropLine.isDue() else { return }
        log.warning(
            "the spool is full: its oldest log jobs are dropped",
            ["jobs": String(untoldDrops), "total": String(dropped), "limit": String(configuration.maximumBytes)])
        untoldDrops = 0
    }

    private func removeFirstSegment() {
        unlink(segments.removeFirst().segment.path)
        if segments.isEmpty { isWriting = false }
    }

    /// Twenty digits of the time: names sort by age, also among the segments of several processes.
    ///
    /// After the latest that was adopted, even where the clock was set back since: the next process goes by the names.
    private func nextSegmentName() -> String {
        lastSegmentTime = max(lastSegmentTime + 1, Timestamp.now().microseconds)
        let digits = String(lastSegmentTime)
        return String(repeating: "0", count: max(0, 20 - digits.count)) + digits
    }

    // MARK: Folders

    private func folderPath() throws(SpoolError) -> String {
        if folder == nil { folder = try SpoolFolder(making: folderName, in: configuration.directory) }
        return configuration.directory + "/" + folderName
    }

    private func removeEmptyFolder() {
        guard segments.isEmpty, let folder = folder.take() else { return }
        folder.remove()
    }

    private func adopt(_ path: String) throws(SpoolError) {
        guard let dead = try SpoolFolder(adopting: path) else { return }
        // Also where only some could be adopted.
        defer { segments.sort { $0.segment.path < $1.segment.path } }
        for name in try dead.segmentNames() {
            guard let segment = try SpoolSegment.open(at: path + "/" + name) else {
                log.warning("a file in the spool folder is no segment of ours", ["path": path + "/" + name])
                continue
            }
            if segment.isEmpty {
                segment.remove()
                continue
            }
            // The process's name makes it differ from a segment that another began in the same microsecond.
            let own = try folderPath() + "/" + name.prefix(20) + "-" + folderSuffix(path)
            try segment.moved(to: own + SpoolSegment.suffix)
            Failpoint.reach("bridge.spool.adopting")
            guard let moved = try SpoolSegment.open(at: own + SpoolSegment.suffix) else { continue }
            segments.append(Box(moved))
            lastSegmentTime = max(lastSegmentTime, Int64(name.prefix(20)) ?? 0)
        }
        dead.remove()
    }

    private func folderSuffix(_ path: String) -> String {
        String(path.split(separator: "/").last?.suffix(12) ?? "")
    }
}
