internal import Glibc

/// Looks through the spool files of all processes of a machine, and wipes jobs in them.
///
/// A job is overwritten where it stands, and its checksum with it stays: whoever reads the file passes over it as damaged. So it
/// can be done while the file's process lives; what that has read already goes to the queue, where loggers drop it.
package enum SpoolErasure {
    /// Goes through every record, also those that were handed on and are still in their file.
    ///
    /// - Parameters:
    ///   - visit: whether a job is to be wiped; it is asked once for each.
    /// - Throws: ``SpoolError`` where a folder or file cannot be read or written.
    package static func visit(_ directory: String, wiping visit: ([UInt8]) -> Bool) throws(SpoolError) {
        for name in try SpoolFolder.names(in: directory).sorted() {
            let folder = directory + "/" + name
            var status = stat()
            guard stat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { continue }
            for file in try SpoolFolder.names(in: folder).sorted() where file.hasSuffix(SpoolSegment.suffix) {
                try wipe(in: folder + "/" + file, visit)
            }
        }
    }

    private static func wipe(in path: String, _ visit: ([UInt8]) -> Bool) throws(SpoolError) {
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else {
            // Its process has just handed it on.
            if errno == ENOENT { return }
            throw SpoolError("open a segment", path: path)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw SpoolError("look at a segment", path: path) }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        let count = pread(descriptor, &bytes, bytes.count, 0)
        guard count >= 0 else { throw SpoolError("read a segment", path: path) }
        var offset = SpoolSegment.headerSize
        var isChanged = false
        while offset < count {
            switch bytes.withUnsafeBytes({
                SpoolRecord.read(UnsafeRawBufferPointer(rebasing: $0[..<count]), at: offset)
            }) {
            case .job(let job, let next):
                if visit(job) {
                    let blank = [UInt8](repeating: UInt8(ascii: " "), count: job.count)
                    let start = off_t(offset + SpoolRecord.headerSize)
                    guard pwrite(descriptor, blank, blank.count, start) == blank.count else {
                        throw SpoolError("wipe a segment", path: path)
                    }
                    isChanged = true
                }
                offset = next
            case .damaged(let next): offset = next
            case .incomplete, .invalid: offset = count
            }
        }
        if isChanged, fsync(descriptor) != 0 { throw SpoolError("wipe a segment", path: path) }
    }
}
