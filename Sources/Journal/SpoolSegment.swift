internal import Glibc

/// One file of the spool: 16 bytes of header, then records; written to the end once and read from the start.
///
/// The header is the format's name (8 bytes) and the offset (64 bits, little-endian) up to which the records have been
/// pushed. It is moved after each push, so that a restart pushes again at most what was in flight.
struct SpoolSegment: ~Copyable {
    static let suffix = ".spool"
    static let headerSize = 16
    private static let name = Array("CBSPOOL1".utf8)

    let path: String
    /// Bytes of the file.
    private(set) var size: Int
    /// Where the first record begins that was not pushed yet.
    private(set) var consumed: Int
    /// The number of records from `consumed` on.
    private(set) var records: Int
    /// -1 while the file is closed.
    private var descriptor: Int32

    private init(path: String, descriptor: Int32, size: Int) {
        self.path = path
        self.descriptor = descriptor
        self.size = size
        consumed = SpoolSegment.headerSize
        records = 0
    }

    /// Makes an empty segment.
    static func make(at path: String) throws(SpoolError) -> SpoolSegment {
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SpoolError("make a segment", path: path) }
        var segment = SpoolSegment(path: path, descriptor: descriptor, size: headerSize)
        do {
            try segment.write(header(consumed: headerSize), at: 0)
        } catch {
            // A full disk: a file for each try would be the next thing to run out of.
            unlink(path)
            throw error
        }
        return segment
    }

    /// Opens the segment of an earlier process, and counts what is in it; nil when the file is no segment.
    static func open(at path: String) throws(SpoolError) -> SpoolSegment? {
        let descriptor = Glibc.open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { throw SpoolError("open a segment", path: path) }
        var segment = SpoolSegment(path: path, descriptor: descriptor, size: 0)
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw SpoolError("look at a segment", path: path) }
        segment.size = Int(status.st_size)
        let header = try segment.read(from: 0, count: headerSize)
        guard header.count == headerSize, Array(header[..<8]) == name else { return nil }
        let offset = header.withUnsafeBytes {
            UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        }
        if offset >= UInt64(headerSize), offset <= UInt64(segment.size) { segment.consumed = Int(offset) }
        segment.records = try segment.countRecords()
        segment.closeFile()
        return segment
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Gives the descriptor back; the file is opened again when it is read or written.
    mutating func closeFile() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
    }

    private mutating func openFile() throws(SpoolError) {
        guard descriptor < 0 else { return }
        descriptor = Glibc.open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { throw SpoolError("open a segment", path: path) }
    }

    var isEmpty: Bool { consumed >= size || records == 0 }

    /// Adds records, all or none.
    mutating func append(_ bytes: [UInt8], records count: Int) throws(SpoolError) {
        do {
            try write(bytes, at: size)
        } catch {
            // A part of them may stand there already (a full disk): it must not stand between records.
            if descriptor >= 0 { ftruncate(descriptor, off_t(size)) }
            throw error
        }
        size += bytes.count
        records += count
    }

    /// Reads the oldest records that were not pushed.
    ///
    /// - Returns: the jobs; the offset behind them; the number of damaged records that were passed over.
    mutating func oldest(maximumCount: Int, maximumBytes: Int) throws(SpoolError) -> (
        jobs: [[UInt8]], end: Int, damaged: Int
    ) {
        var window = try read(from: consumed, count: min(size - consumed, maximumBytes + SpoolRecord.headerSize))
        var jobs: [[UInt8]] = []
        var offset = 0
        var damaged = 0
        while jobs.count < maximumCount {
            switch window.withUnsafeBytes({ SpoolRecord.read($0, at: offset) }) {
            case .job(let job, let next):
                jobs.append(job)
                offset = next
            case .damaged(let next):
                damaged += 1
                offset = next
            case .incomplete(let needed):
                let isWhole = consumed + offset + needed <= size
                if isWhole && !jobs.isEmpty { return (jobs, consumed + offset, damaged) }
                // The file ends in the middle of a record, as a crash leaves it: nothing follows.
                guard isWhole else { return (jobs, size, damaged) }
                window = try read(from: consumed, count: offset + needed + SpoolRecord.headerSize)
            case .invalid:
                return (jobs, size, damaged + 1)
            }
        }
        return (jobs, consumed + offset, damaged)
    }

    /// Notes that `count` records up to `offset` have been pushed.
    mutating func consume(to offset: Int, records count: Int) throws(SpoolError) {
        consumed = max(consumed, offset)
        records = consumed >= size ? 0 : max(0, records - count)
        try write(SpoolSegment.header(consumed: consumed), at: 0)
    }

    /// Deletes the file.
    consuming func remove() {
        unlink(path)
    }

    /// Moves the file.
    func moved(to newPath: String) throws(SpoolError) {
        guard rename(path, newPath) == 0 else { throw SpoolError("move a segment", path: newPath) }
    }

    private static func header(consumed: Int) -> [UInt8] {
        name + withUnsafeBytes(of: UInt64(consumed).littleEndian) { Array($0) }
    }

    private mutating func countRecords() throws(SpoolError) -> Int {
        let bytes = try read(from: consumed, count: size - consumed)
        return bytes.withUnsafeBytes { buffer in
            var count = 0
            var offset = 0
            while offset + SpoolRecord.headerSize <= buffer.count {
                let length = Int(UInt32(littleEndian: buffer.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
                guard length > 0, length <= SpoolRecord.largestJob else { break }
                offset += SpoolRecord.headerSize + length
                if offset <= buffer.count { count += 1 }
            }
            return count
        }
    }

    private mutating func write(_ bytes: [UInt8], at offset: Int) throws(SpoolError) {
        try openFile()
        let descriptor = descriptor
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                pwrite(
                    descriptor, buffer.baseAddress.map { $0 + written }, bytes.count - written,
                    off_t(offset + written))
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw SpoolError("write a segment", path: path) }
            written += count
        }
    }

    private mutating func read(from offset: Int, count: Int) throws(SpoolError) -> [UInt8] {
        try openFile()
        let (descriptor, path) = (descriptor, path)
        var failure: SpoolError?
        let bytes = [UInt8](unsafeUninitializedCapacity: max(0, count)) { buffer, filled in
            while filled < count {
                let got = pread(
                    descriptor, buffer.baseAddress.map { $0 + filled }, count - filled, off_t(offset + filled))
                if got < 0 && errno == EINTR { continue }
                if got < 0 { failure = SpoolError("read a segment", path: path) }
                if got <= 0 { break }
                filled += got
            }
        }
        if let failure { throw failure }
        return bytes
    }
}
