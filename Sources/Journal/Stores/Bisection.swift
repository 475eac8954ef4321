internal import BridgeCore

/// What a store found when it tried to write some jobs at once.
enum WriteFailure: Error {
    /// A job among them is at fault.
    case data(reason: String)
    /// Something broke that may or may not be one job's doing: whether a good message is taken decides.
    case unexplained(reason: String)
    /// No job is at fault.
    case store(JournalStoreError)
    /// Somebody was forgotten of whom we did not know: nothing was written.
    case erasure
}

/// Writes jobs all at once, and when one of them is at fault, by halves until it is found: the others are written.
///
/// One bad job among `n` costs about `2 × log2(n)` further transactions. Where no message at all was taken, nobody knows yet
/// whether the jobs or the tables are at fault (a column that only a newer program fills): then a message that is surely good
/// decides.
///
/// - Parameters:
///   - jobs: The batch.
///   - canWrite: Whether a job that is surely good could be written now.
///   - write: Writes a part in one transaction and returns the places of the deferred ones.
/// - Throws: `unavailable` when the database takes no message at all; what was written of the batch stays so.
func writeBisecting(
    _ jobs: [LogJob],
    canWrite: () async -> Bool,
    _ write: (ArraySlice<LogJob>) async throws(WriteFailure) -> [Int]
) async throws(JournalStoreError) -> JournalWriteOutcome {
    var result = JournalWriteOutcome()
    var wasMessageTaken = false
    // A stack whose top is the earliest part, so that the order of the queue is kept.
    var waiting: [ArraySlice<LogJob>] = jobs.isEmpty ? [] : [jobs[...]]
    while let part = waiting.popLast() {
        do throws(WriteFailure) {
            result.deferred += try await write(part)
            wasMessageTaken = wasMessageTaken || part.contains(where: \.isMessage)
        } catch {
            let reason: String
            switch error {
            case .store(let error): throw error
            case .erasure:
                throw JournalStoreError(code: .unavailable, message: "somebody was forgotten meanwhile: once more")
            case .data(let why), .unexplained(let why): reason = why
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
    if let first = result.rejections.first, !wasMessageTaken, await !canWrite() {
        throw JournalStoreError(
            code: .unavailable,
            message:
                "the database takes no message at all: \(first.error); is it as 'chatbridge migrate status' wants it?")
    }
    return result
}

extension LogJob {
    /// True for a message.
    var isMessage: Bool {
        if case .message = self { true } else { false }
    }
}

extension LogJob {
    /// A message that any working database takes, to be taken back at once.
    ///
    /// Of this very moment, so that it meets the partition that new messages go to.
    static func probe() -> LogJob {
        var generator = UUIDGenerator()
        let now = Timestamp.now()
        return .message(
            LogMessage(
                id: generator.next(at: now), at: now,
                session: .init(id: generator.next(at: now), platform: "probe", conversation: "probe"),
                direction: .inbound, text: "probe", status: .received))
    }
}
