internal import BridgeCore

/// Finding the messages that receipts tell of.
extension JournalLogger {
    /// A batch whose receipts have become changes of status.
    struct Resolved {
        var jobs: [LogJob] = []
        /// For each of ``jobs``, its place in the batch.
        var origins: [Int] = []
        /// The places of receipts whose messages are not there, or not yet.
        var unmatched: [Int] = []
    }

    /// Replaces each receipt by a change of status for every message that it names.
    func resolve(_ jobs: [LogJob]) async throws(JournalStoreError) -> Resolved {
        guard jobs.contains(where: \.isReceipt) else { return Resolved(jobs: jobs, origins: Array(jobs.indices)) }
        var resolved = Resolved()
        for (index, job) in jobs.enumerated() {
            guard case .receipt(let receipt) = job else {
                resolved.jobs.append(job)
                resolved.origins.append(index)
                continue
            }
            let messages = try await store.messages(named: receipt)
            if messages.isEmpty { resolved.unmatched.append(index) }
            for id in messages {
                resolved.jobs.append(
                    .status(
                        LogStatusChange(id: id, at: receipt.at, status: receipt.status, metadata: receipt.metadata)))
                resolved.origins.append(index)
            }
        }
        return resolved
    }
}

extension JournalWriteOutcome {
    /// The outcome in the places of the batch before its receipts were resolved.
    init(_ outcome: JournalWriteOutcome, of resolved: JournalLogger.Resolved) {
        var rejections: [Int: Rejection] = [:]
        for rejection in outcome.rejections {
            let origin = resolved.origins[rejection.index]
            rejections[origin] = Rejection(index: origin, error: rejection.error)
        }
        let deferred = Set(outcome.deferred.map { resolved.origins[$0] } + resolved.unmatched)
        self.init(
            rejections: rejections.values.sorted { $0.index < $1.index },
            deferred: deferred.subtracting(rejections.keys).sorted())
    }
}

extension LogJob {
    /// True for a receipt.
    var isReceipt: Bool {
        if case .receipt = self { true } else { false }
    }
}
