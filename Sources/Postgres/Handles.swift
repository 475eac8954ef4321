internal import CLibPQ

/// Owns one `PGconn`.
struct ConnectionHandle: ~Copyable {
    let pointer: OpaquePointer

    /// Connects, blocking for at most the connect timeout of each host.
    init(_ configuration: PostgresConfiguration) throws(PostgresError) {
        let keywords = configuration.keywords
        let connection = withCStrings(keywords.map(\.0)) { names in
            withCStrings(keywords.map(\.1)) { values in
                // 1: `dbname` is a connection string to expand.
                PQconnectdbParams(names, values, 1)
            }
        }
        guard let connection else {
            throw PostgresError(code: .connectionFailed, message: "out of memory", operation: "connecting")
        }
        guard PQstatus(connection) == CONNECTION_OK else {
            let message = String(trimming: PQerrorMessage(connection))
            PQfinish(connection)
            throw PostgresError(code: .connectionFailed, message: message, operation: "connecting")
        }
        pointer = connection
    }

    deinit {
        PQfinish(pointer)
    }
}

/// Owns one `PGresult`.
struct ResultHandle: ~Copyable {
    let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) {
        self.pointer = pointer
    }

    deinit {
        PQclear(pointer)
    }

    var status: ExecStatusType { PQresultStatus(pointer) }

    /// Copies everything out, so that nothing points into the result once it is cleared.
    func rows() -> PostgresRows {
        var rows = PostgresRows()
        if let tag = PQcmdTuples(pointer) { rows.affected = Int(String(cString: tag)) ?? 0 }
        let columnCount = PQnfields(pointer)
        guard columnCount > 0 else { return rows }
        for column in 0..<columnCount {
            let name = PQfname(pointer, column).map { String(cString: $0) } ?? ""
            rows.columns.append(.init(name: name, oid: PQftype(pointer, column)))
        }
        let rowCount = PQntuples(pointer)
        rows.count = Int(rowCount)
        rows.fields.reserveCapacity(Int(rowCount) * Int(columnCount))
        for row in 0..<rowCount {
            for column in 0..<columnCount {
                guard PQgetisnull(pointer, row, column) == 0, let value = PQgetvalue(pointer, row, column) else {
                    rows.fields.append(.init(offset: 0, length: -1))
                    continue
                }
                let length = Int(PQgetlength(pointer, row, column))
                rows.fields.append(.init(offset: rows.bytes.count, length: length))
                rows.bytes.append(contentsOf: UnsafeRawBufferPointer(start: value, count: length))
            }
        }
        return rows
    }

    /// The error that this result is.
    ///
    /// DETAIL and HINT, which may hold row data, are not read.
    func error(operation: String, cancelled: Bool) -> PostgresError {
        // The letters of libpq-fe.h's PG_DIAG_… macros, which Swift does not import.
        let message = field("M") ?? String(trimming: PQresultErrorMessage(pointer))
        guard let sqlState = field("C") else {
            return PostgresError(code: .connectionLost, message: message, operation: operation)
        }
        var code = PostgresError.Code(sqlState: sqlState)
        if code == .statementTimeout && cancelled { code = .cancelled }
        return PostgresError(
            code: code, sqlState: sqlState, message: message, constraint: field("n"), operation: operation)
    }

    private func field(_ letter: Unicode.Scalar) -> String? {
        PQresultErrorField(pointer, Int32(letter.value)).map { String(cString: $0) }
    }
}

extension String {
    /// libpq ends its messages with a line feed.
    init(trimming message: UnsafePointer<CChar>?) {
        var text = message.map { String(cString: $0) } ?? ""
        while let last = text.last, last.isWhitespace { text.removeLast() }
        self = text
    }
}

/// Calls a closure with a NULL-terminated array of C strings.
private func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Result
) -> Result {
    var bytes: [CChar] = []
    var offsets: [Int] = []
    for string in strings {
        offsets.append(bytes.count)
        bytes.append(contentsOf: string.utf8.map { CChar(bitPattern: $0) })
        bytes.append(0)
    }
    return bytes.withUnsafeBufferPointer { buffer in
        var pointers: [UnsafePointer<CChar>?] = offsets.map { buffer.baseAddress?.advanced(by: $0) }
        pointers.append(nil)
        return pointers.withUnsafeBufferPointer { list in
            guard let base = list.baseAddress else { preconditionFailure("The array is never empty") }
            return body(base)
        }
    }
}
