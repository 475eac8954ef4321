internal import BridgeCore
internal import Synchronization

/// Leaves out of batches what is of people who were forgotten.
///
/// A store writes each batch with ``Selection/number`` in its transaction: where the table holds a later one by then, nothing is
/// written, the store learns of it and selects again. `chatbridge forget` enters its person, waits until the transactions that were
/// under way are through, and then deletes; so nothing of the person is written behind its back.
final class ErasureFilter: Sendable {
    /// A batch without what is left out.
    struct Selection {
        var batch: JournalBatch
        /// The number of the latest entry that was known.
        var number: Int64
        /// For each job of ``batch``, its place in the batch before; nil where nothing was left out.
        var origins: [Int]?
        /// The places of the jobs that were left out.
        var erased: [Int] = []
    }

    private struct State {
        var erasures = Erasures()
        /// Messages that were left out: news of their status are left out too.
        var messages: Set<UUID> = []
    }

    /// News come soon after their message; those of older ones become dead letters, which hold nothing of anybody.
    private static let rememberedMessages = 10_000

    private let state = Mutex(State())

    /// Takes note of who is in the table now, and returns the number of the latest.
    func learn(_ erasures: Erasures) -> Int64 {
        state.withLock { $0.erasures = erasures }
        return erasures.number
    }

    /// What of a batch is to be written.
    func select(_ batch: JournalBatch) -> Selection {
        let (erasures, messages) = state.withLock { ($0.erasures, $0.messages) }
        var selection = Selection(batch: batch, number: erasures.number)
        guard !messages.isEmpty || erasures.mayCover(batch.oldest) else { return selection }
        var covered: [UUID] = []
        for (place, job) in batch.jobs.enumerated() {
            let isCovered =
                switch job {
                case .message(let message): erasures.cover(message)
                // News of a copy in a bucket are not: as a dead letter they name what is to be deleted there.
                case .status(let change):
                    change.stored == LogMessage.noMetadata
                        && (messages.contains(change.id) || covered.contains(change.id))
                case .receipt: false
                }
            guard isCovered else { continue }
            selection.erased.append(place)
            if job.isMessage { covered.append(job.id) }
        }
        guard !selection.erased.isEmpty else { return selection }
        let erased = Set(selection.erased)
        let kept = (0..<batch.count).filter { !erased.contains($0) }
        selection.batch = batch.selecting(kept)
        selection.origins = kept
        let ids = covered
        state.withLock { state in
            if state.messages.count + ids.count > Self.rememberedMessages { state.messages = [] }
            state.messages.formUnion(ids)
        }
        return selection
    }
}

extension JournalWriteOutcome {
    /// The outcome in the places of the batch before something was left out of it.
    init(_ outcome: JournalWriteOutcome, of selection: ErasureFilter.Selection) {
        self = outcome
        erased = selection.erased
        guard let origins = selection.origins else { return }
        rejections = outcome.rejections.map { Rejection(index: origins[$0.index], error: $0.error) }
        deferred = outcome.deferred.map { origins[$0] }
    }
}
