internal import CLibPQ

extension Session {
    /// Runs `COPY … FROM STDIN` and sends the chunks.
    ///
    /// - Returns: The number of rows copied.
    func copyIn(_ sql: String, _ chunks: [[UInt8]], operation: String) throws(PostgresError) -> Int {
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
        for chunk in chunks { try put(chunk, operation) }
        try retrying(operation) { PQputCopyEnd(self.handle.pointer, nil) }

        var failure: PostgresError?
        var copied = 0
        while let result = try nextResult(operation) {
            if result.status == PGRES_COMMAND_OK {
                copied = result.rows().affected
            } else {
                failure = failure ?? error(result, operation)
            }
        }
        if let failure { throw failure }
        return copied
    }

    private func put(_ chunk: [UInt8], _ operation: String) throws(PostgresError) {
        try retrying(operation) {
            chunk.withUnsafeBytes { bytes in
                let start = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
                return PQputCopyData(self.handle.pointer, start, Int32(bytes.count))
            }
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
