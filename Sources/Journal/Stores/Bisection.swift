internal import BridgeCore

/// What a store found when it tried to write some jobs at once.
enum WriteFailure: Error {
    /// A job among them is at fault.
    case data(reason: String)
    /// Something broke that may or may not be one job's doing.
    case unexplained(reason: String)
    /// No job is at fault.
    case store(JournalStoreError)
}

/// Writes jobs all at once, and when one of them is at fault, by halves until it is found: the others are written.
///
/// One bad job among `n` costs about `2 × log2(n)` further transactions.
///
/// - Parameters:
///   - jobs: The batch.
///   - canWrite: Whether a job that is surely good could be written now; asked when no job could be and nobody knows why.
///   - write: Writes a part in one transaction and returns the places of the deferred ones.
func writeBisecting(
    _ jobs: [LogJob],
    canWrite: () async -> Bool,
    _ write: (ArraySlice<LogJob>) async throws(WriteFailure) -> [Int]
) async throws(JournalStoreError) -> JournalWriteOutcome {
    var result = JournalWriteOutcome()
    var unexplained: String?
    // A stack whose top is the earliest part, so that the order of the queue is kept.
    var waiting: [ArraySlice<LogJob>] = jobs.isEmpty ? [] : [jobs[...]]
    while let part = waiting.popLast() {
        do throws(WriteFailure) {
            result.deferred += try await write(part)
        } catch {
            let reason: String
            switch error {
            case .store(let error): throw error
            case .data(let why): reason = why
            case .unexplained(let why):
                reason = why
                if part.count == 1 { unexplained = why }
            }
            if part.count == 1 {
                result.rejections.append(.init(index: part.startIndex, error: reason))
            } else {
                let middle = part.startIndex + part.count / 2
                waiting.append(part[middle...])
                waiting.append(part[..<middle])
            }
        }
    }
    // When nothing at all can be written and nobody knows why, it may be the database rather than every single job.
    if let unexplained, result.rejections.count == jobs.count, await !canWrite() {
        throw JournalStoreError(code: .unavailable, message: unexplained)
    }
    return result
}

extension JournalRows {
    /// A session and a message that any working database takes, to be taken back at once.
    static let probe = JournalRows([
        .message(
            LogMessage(
                id: UUID(high: 0, low: 0), at: Timestamp(microseconds: 0),
                session: .init(id: UUID(high: 0, low: 0), platform: "probe", conversation: "probe"),
                direction: .inbound, text: "probe", status: .received))
    ])
}
