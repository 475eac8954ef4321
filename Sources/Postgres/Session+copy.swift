internal import CLibPQ

extension Session {
    /// Runs `COPY … FROM STDIN` and sends the chunks.
    ///
    /// - Returns: The number of rows copied.
    @discardableResult
    func copyIn(_ sql: String, _ chunks: [[UInt8]], operation: String) throws(PostgresError) -> Int {
        try startCopy(sql, operation)
        for chunk in chunks { try put(chunk, chunk.count, operation) }
        return try endCopy(operation)
    }

    /// Runs `COPY … FROM STDIN (FORMAT binary)`, and what may follow it in the same text.
    func copyIn(_ sql: String, _ data: PostgresCopyData, operation: String) throws(PostgresError) {
        try startCopy(sql, operation)
        try put(PostgresCopyData.header, PostgresCopyData.header.count, operation)
        try put(data.rows, data.count, operation)
        try put(PostgresCopyData.trailer, PostgresCopyData.trailer.count, operation)
        try endCopy(operation)
    }

    private func startCopy(_ sql: String, _ operation: String) throws(PostgresError) {
        guard PQsendQuery(handle.pointer, sql) == 1 else { throw lost(operation) }
        guard let ready = try nextResult(operation) else { throw lost(operation) }
        guard ready.status == PGRES_COPY_IN else {
            let failure =
                ready.status == PGRES_FATAL_ERROR
                ? error(ready, operation)
                : PostgresError(code: .syntaxError, message: "not a COPY FROM STDIN", operation: operation)
            while try nextResult(operation) != nil {}
            throw failure
        }
    }

    /// - Returns: The number of rows copied.
    @discardableResult
    private func endCopy(_ operation: String) throws(PostgresError) -> Int {
        try retrying(operation) { PQputCopyEnd(self.handle.pointer, nil) }
        var failure: PostgresError?
        var copied = 0
        while let result = try nextResult(operation) {
            if result.status == PGRES_COMMAND_OK {
                copied += result.rows().affected
            } else {
                failure = failure ?? error(result, operation)
            }
        }
        if let failure { throw failure }
        return copied
    }

    /// Sends so many bytes in pieces: the server works on one while the next is on its way, and libpq's buffer stays small.
    private func put(_ bytes: [UInt8], _ count: Int, _ operation: String) throws(PostgresError) {
        var sent = 0
        while sent < count {
            let piece = min(count - sent, 64 * 1024)
            try retrying(operation) {
                bytes.withUnsafeBytes { bytes in
                    let start = bytes.baseAddress?.advanced(by: sent).assumingMemoryBound(to: CChar.self)
                    return PQputCopyData(self.handle.pointer, start, Int32(piece))
                }
            }
            sent += piece
        }
    }

    /// 0 means that libpq's buffer is full: wait until the socket takes some of it.
    private func retrying(_ operation: String, _ attempt: () -> Int32) throws(PostgresError) {
        while true {
            switch attempt() {
            case 1: return
            case 0:
                try wait(forWriting: true, operation)
                guard PQconsumeInput(handle.pointer) == 1, PQflush(handle.pointer) >= 0 else { throw lost(operation) }
            default: throw lost(operation)
            }
        }
    }
}
