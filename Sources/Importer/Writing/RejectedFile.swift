internal import Glibc
internal import JSON

/// The file of the rows that have no place in our tables: one JSON object a line.
///
/// Its length is part of the checkpoint, and a run that goes on cuts off what is behind it: so a row stands in it once,
/// however often an import was killed.
final class RejectedFile {
    let path: String
    private var descriptor: Int32 = -1
    private(set) var length: Int64 = 0

    init(path: String) {
        self.path = path
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Makes the file as long as the checkpoint says.
    ///
    /// - Returns: false when it is shorter than that: then it is not the one that the checkpoint speaks of.
    func resume(at length: Int64) throws(ImportFailure) -> Bool {
        var status = stat()
        let size = stat(path, &status) == 0 ? Int64(status.st_size) : 0
        guard size >= length else { return false }
        if size > length { guard truncate(path, off_t(length)) == 0 else { throw failure() } }
        self.length = length
        return true
    }

    /// Adds rows, made files with the first.
    func append(_ rows: [RejectedRow]) throws(ImportFailure) {
        guard !rows.isEmpty else { return }
        if descriptor < 0 {
            // Rows hold what people wrote: nobody else's business.
            descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw failure() }
        }
        var bytes: [UInt8] = []
        for row in rows {
            var writer = JSONWriter(capacity: row.values.count + 256)
            writer.object { object in
                object.field("table", row.table)
                object.field("rowid", row.rowid)
                object.field("reason", row.reason)
                object.key("values")
                object.raw(row.values)
            }
            bytes += writer.bytes
            bytes.append(UInt8(ascii: "\n"))
        }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                write(descriptor, $0.baseAddress?.advanced(by: written), $0.count - written)
            }
            guard count > 0 else { throw failure() }
            written += count
        }
        length += Int64(bytes.count)
    }

    /// Removes the file of an earlier import when there is nothing to put into one.
    func finish() {
        if length == 0 { unlink(path) }
    }

    private func failure() -> ImportFailure {
        .rejectedFile(path: path, reason: String(cString: strerror(errno)))
    }
}
