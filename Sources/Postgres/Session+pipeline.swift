internal import CLibPQ

extension Session {
    /// More different statements than this are not kept prepared: a caller that builds SQL text would fill the
    /// server's memory.
    private static let preparedLimit = 128

    /// What a result belongs to, in the order sent.
    private enum Step {
        case control
        case prepare(StatementKey, name: String)
        case statement(Int, wasPrepared: Bool)

        var place: String {
            switch self {
            case .control: "transaction"
            case .prepare: "preparing"
            case .statement(let index, _): "statement \(index + 1)"
            }
        }
    }

    /// Sends all statements and one Sync, then reads all results: one round trip.
    ///
    /// - Parameters:
    ///   - begin: Puts BEGIN before.
    ///   - commit: Puts COMMIT after.
    /// - Throws: `PostgresError`; with either of both, the transaction has been rolled back.
    func pipeline(
        _ statements: [PostgresStatement], begin: Bool = false, commit: Bool = false, operation: String
    ) throws(PostgresError) -> [PostgresRows] {
        guard PQenterPipelineMode(handle.pointer) == 1 else { throw lost(operation) }
        var steps: [Step] = []
        var named: [StatementKey: String] = [:]
        if begin { try control("BEGIN", &steps, operation) }
        for (index, statement) in statements.enumerated() {
            try send(statement, index, &steps, &named, operation)
        }
        if commit { try control("COMMIT", &steps, operation) }
        guard PQpipelineSync(handle.pointer) == 1 else { throw lost(operation) }

        var results: [PostgresRows] = []
        results.reserveCapacity(statements.count)
        var failure: PostgresError?
        for step in steps {
            let place = statements.count > 1 ? "\(operation), \(step.place)" : operation
            try read(step, place, into: &results, &failure)
        }
        // The Sync's own result has no NULL after it.
        guard let sync = try nextResult(operation) else { throw failure ?? lost(operation) }
        if sync.status == PGRES_FATAL_ERROR { failure = failure ?? error(sync, operation) }
        guard PQexitPipelineMode(handle.pointer) == 1 else { throw failure ?? lost(operation) }
        if let failure {
            if begin || commit, PQtransactionStatus(handle.pointer) == PQTRANS_INERROR {
                rollBack()
            }
            throw failure
        }
        return results
    }

    private func control(_ sql: String, _ steps: inout [Step], _ operation: String) throws(PostgresError) {
        guard PQsendQueryParams(handle.pointer, sql, 0, nil, nil, nil, nil, 1) == 1 else { throw lost(operation) }
        steps.append(.control)
    }

    private func send(
        _ statement: PostgresStatement, _ index: Int, _ steps: inout [Step], _ named: inout [StatementKey: String],
        _ operation: String
    ) throws(PostgresError) {
        let types = statement.parameters.map(\.oid)
        let key = StatementKey(sql: statement.sql, types: types)
        var name = prepared[key]
        let wasPrepared = name != nil
        name = name ?? named[key]
        if name == nil && !isPooled && prepared.count + named.count < Self.preparedLimit {
            preparedCount += 1
            let new = "s\(preparedCount)"
            guard PQsendPrepare(handle.pointer, new, statement.sql, Int32(types.count), types) == 1 else {
                throw lost(operation)
            }
            steps.append(.prepare(key, name: new))
            named[key] = new
            name = new
        }
        let sent = Parameters(statement.parameters).withPointers { count, values, lengths, formats in
            if let name {
                PQsendQueryPrepared(handle.pointer, name, count, values, lengths, formats, 1)
            } else {
                PQsendQueryParams(handle.pointer, statement.sql, count, types, values, lengths, formats, 1)
            }
        }
        guard sent == 1 else { throw lost(operation) }
        steps.append(.statement(index, wasPrepared: wasPrepared))
    }

    /// Reads one step's result and the NULL after it.
    private func read(
        _ step: Step, _ place: String, into results: inout [PostgresRows], _ failure: inout PostgresError?
    ) throws(PostgresError) {
        let result = try firstResult(place, failure)
        switch result.status {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY:
            switch step {
            case .control: break
            case .prepare(let key, let name): prepared[key] = name
            case .statement: results.append(result.rows())
            }
        case PGRES_PIPELINE_ABORTED: break
        default: failure = failure ?? forgetting(error(result, place), at: step)
        }
        if PQstatus(handle.pointer) == CONNECTION_BAD { throw failure ?? lost(place) }
        while let more = try nextResult(place) {
            if more.status == PGRES_FATAL_ERROR { failure = failure ?? error(more, place) }
        }
    }

    /// When the connection breaks, an error met before says more than the break does.
    private func firstResult(_ place: String, _ failure: PostgresError?) throws(PostgresError) -> ResultHandle {
        do throws(PostgresError) {
            guard let next = try nextResult(place) else { throw lost(place) }
            return next
        } catch {
            throw failure ?? error
        }
    }

    /// Drops the prepared statements when the server no longer knows them or their plans no longer fit.
    private func forgetting(_ error: PostgresError, at step: Step) -> PostgresError {
        guard case .statement(_, wasPrepared: true) = step, error.sqlState == "26000" || error.sqlState == "0A000"
        else {
            return error
        }
        prepared.removeAll()
        return PostgresError(
            code: .undefinedStatement, sqlState: error.sqlState, message: error.message, operation: error.operation)
    }
}

/// The parameters of one statement in the shape that libpq takes, all in one buffer.
private struct Parameters {
    private var bytes: [UInt8] = []
    private var offsets: [Int] = []
    private var lengths: [Int32] = []
    private let formats: [Int32]

    init(_ values: [PostgresValue]) {
        formats = [Int32](repeating: 1, count: values.count)
        offsets.reserveCapacity(values.count)
        lengths.reserveCapacity(values.count)
        for value in values {
            let start = bytes.count
            value.encode(into: &bytes)
            offsets.append(value == .null ? -1 : start)
            lengths.append(Int32(bytes.count - start))
        }
        // So that even an empty last value has an address.
        bytes.append(0)
    }

    func withPointers<Result>(
        _ body: (Int32, UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?) -> Result
    ) -> Result {
        bytes.withUnsafeBytes { buffer in
            let pointers = offsets.map { offset in
                offset < 0 ? nil : buffer.baseAddress?.advanced(by: offset).assumingMemoryBound(to: CChar.self)
            }
            return body(Int32(offsets.count), pointers, lengths, formats)
        }
    }
}
