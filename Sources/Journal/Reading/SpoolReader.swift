internal import Glibc
public import ThreadExecutor

/// Looks into the spool of this machine without touching it, also while its owners use it.
public actor SpoolReader {
    /// What waits in the spool.
    public struct Contents: Sendable, Equatable {
        /// Jobs that wait.
        public var jobs = 0
        /// Bytes of the files.
        public var bytes = 0
    }

    /// The thread that files are read on.
    public nonisolated let executor = ThreadExecutor(name: "spool-reader")
    /// Makes the actor run on its thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private let directory: String

    /// The spool in this folder, `SPOOL_DIR`.
    public init(directory: String) {
        self.directory = directory
    }

    /// The jobs that are wanted, oldest first.
    ///
    /// - Throws: ``SpoolError`` when a folder or file cannot be read; one that goes meanwhile is replayed, and is none.
    public func find(_ isWanted: @Sendable ([UInt8]) -> Bool) throws(SpoolError) -> [FoundJob] {
        var found: [FoundJob] = []
        try forEach { file, job in
            if isWanted(job) { found.append(FoundJob(place: .spool(file: file), bytes: job)) }
        }
        return found
    }

    /// How much there is.
    public func contents() throws(SpoolError) -> Contents {
        var contents = Contents()
        try forEach { _, job in
            contents.jobs += 1
            contents.bytes += job.count + SpoolRecord.headerSize
        }
        return contents
    }

    private func forEach(_ body: (String, [UInt8]) -> Void) throws(SpoolError) {
        for folder in try SpoolFolder.names(in: directory).sorted() {
            let path = "\(directory)/\(folder)"
            guard SpoolFolder.isFolder(path) else { continue }
            for name in try SpoolFolder.names(in: path).sorted() where name.hasSuffix(SpoolSegment.suffix) {
                guard let bytes = try Self.read("\(path)/\(name)") else { continue }
                Self.forEach(in: bytes) { body("\(path)/\(name)", $0) }
            }
        }
    }

    /// The records behind the place up to which the segment is replayed; its head is explained in `SpoolSegment`.
    private static func forEach(in bytes: [UInt8], _ body: ([UInt8]) -> Void) {
        guard bytes.count >= SpoolSegment.headerSize else { return }
        bytes.withUnsafeBytes { bytes in
            var offset = Int(
                clamping: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
            guard offset >= SpoolSegment.headerSize, offset <= bytes.count else { return }
            while true {
                switch SpoolRecord.read(bytes, at: offset) {
                case .job(let job, let next):
                    body(job)
                    offset = next
                case .damaged(let next): offset = next
                case .incomplete, .invalid: return
                }
            }
        }
    }

    /// Nil for a file that is gone.
    private static func read(_ path: String) throws(SpoolError) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw SpoolError("read a segment", path: path)
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw SpoolError("read a segment", path: path) }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
        }
    }
}

extension SpoolFolder {
    static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    static func isThere(_ path: String) -> Bool { access(path, F_OK) == 0 }
}
