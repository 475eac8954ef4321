internal import BridgeCore

/// Finding the messages that receipts tell of.
extension JournalLogger {
    /// A batch whose receipts have become changes of status.
    struct Resolved {
        var batch: JournalBatch
        /// For each job of ``batch``, its place in the batch before; nil where nothing was replaced.
        var origins: [Int]?
        /// The places of receipts whose messages are not there, or not yet.
        var unmatched: [Int] = []
    }

    /// Replaces each receipt by a change of status for every message that it names.
    func resolve(_ batch: JournalBatch) async throws(JournalStoreError) -> Resolved {
        var resolved = Resolved(batch: batch)
        guard batch.others.contains(where: \.job.isReceipt) else { return resolved }
        var unmatched: [Int] = []
        resolved.origins = try await resolved.batch.replace { index, job throws(JournalStoreError) in
            guard case .receipt(let receipt) = job else { return nil }
            let messages = try await store.messages(named: receipt)
            if messages.isEmpty { unmatched.append(index) }
            return messages.map { id in
                .status(LogStatusChange(id: id, at: receipt.at, status: receipt.status, metadata: receipt.metadata))
            }
        }
        resolved.unmatched = unmatched
        return resolved
    }
}

extension JournalWriteOutcome {
    /// The outcome in the places of the batch before its receipts were resolved.
    init(_ outcome: JournalWriteOutcome, of resolved: JournalLogger.Resolved) {
        guard let origins = resolved.origins else {
            self = outcome
            return
        }
        var rejections: [Int: Rejection] = [:]
        for rejection in outcome.rejections {
            let origin = origins[rejection.index]
            rejections[origin] = Rejection(index: origin, error: rejection.error)
        }
        let deferred = Set(outcome.deferred.map { origins[$0] } + resolved.unmatched)
        self.init(
            rejections: rejections.values.sorted { $0.index < $1.index },
            deferred: deferred.subtracting(rejections.keys).sorted(),
            erased: Set(outcome.erased.map { origins[$0] }).sorted())
    }
}

extension LogJob {
    /// True for a receipt.
    var isReceipt: Bool {
        if case .receipt = self { true } else { false }
    }
}
