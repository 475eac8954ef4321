public import BridgeCore

/// The jobs of a claim, read from their JSON in the form in which a store writes them.
///
/// Where a store takes rows, a plain message goes from its JSON to its row at once; what is not plain (a change of status, a
/// text that has to be mended) is a ``LogJob``, and so is every job of another store.
public struct JournalBatch: Sendable {
    private enum Entry {
        /// A message in ``rows``, and its JSON.
        case row([UInt8])
        case job(LogJob)
    }

    private var entries: [Entry] = []
    /// The plain messages; nil for a store that takes jobs.
    private(set) var rows: MessageRows?
    private var hasJobs = false
    /// Whether there is a job that tells of a message instead of being one.
    private(set) var hasNews = false
    /// When the oldest of the jobs happened.
    private(set) var oldest: Timestamp?

    /// An empty batch.
    ///
    /// - Parameters:
    ///   - takesRows: ``JournalStore/takesRows`` of the store that it is for.
    ///   - jobs: what will be appended, so that there is room for it.
    init(takesRows: Bool, for jobs: [[UInt8]]) {
        if takesRows { rows = MessageRows(capacity: jobs.count, bytes: jobs.reduce(0) { $0 + $1.count }) }
        entries.reserveCapacity(jobs.count)
    }

    /// A batch of jobs that are read already.
    init(_ jobs: [LogJob]) {
        for job in jobs { append(job) }
    }

    /// How many jobs there are.
    public var count: Int { entries.count }

    /// Reads a job.
    mutating func append(_ json: [UInt8]) throws(LogJob.DecodingError) {
        if let at = rows?.append(reading: json) {
            entries.append(.row(json))
            oldest = min(oldest ?? at, at)
        } else {
            append(try LogJob(decoding: json))
        }
    }

    mutating func append(_ job: LogJob) {
        entries.append(.job(job))
        hasJobs = true
        if !job.isMessage { hasNews = true }
        oldest = min(oldest ?? job.at, job.at)
    }

    /// The batch of the jobs in these places alone, in this order.
    func selecting(_ places: [Int]) -> JournalBatch {
        var selected = JournalBatch(takesRows: rows != nil, for: [])
        for place in places {
            switch entries[place] {
            case .job(let job): selected.append(job)
            case .row(let json):
                // What became a row once does so again.
                guard let at = selected.rows?.append(reading: json) else { continue }
                selected.entries.append(.row(json))
                selected.oldest = min(selected.oldest ?? at, at)
            }
        }
        return selected
    }

    /// The job in that place where it is no row.
    func job(at index: Int) -> LogJob? {
        if case .job(let job) = entries[index] { job } else { nil }
    }

    /// The jobs that are no rows, and their places.
    var others: [(index: Int, job: LogJob)] {
        guard hasJobs else { return [] }
        return entries.indices.compactMap { index in job(at: index).map { (index, $0) } }
    }

    /// All jobs in their order.
    public var jobs: [LogJob] {
        entries.map { entry in
            switch entry {
            case .job(let job): return job
            case .row(let json):
                guard let job = try? LogJob(decoding: json) else {
                    preconditionFailure("what became a row is a job")
                }
                return job
            }
        }
    }

    /// Puts other jobs in the place of some.
    ///
    /// - Parameter change: what a job becomes; nil: it stays.
    /// - Returns: for each job of the new batch, its place in this one.
    mutating func replace(
        _ change: (_ index: Int, LogJob) async throws(JournalStoreError) -> [LogJob]?
    ) async throws(JournalStoreError) -> [Int] {
        var replaced: [Entry] = []
        var origins: [Int] = []
        for (index, entry) in entries.enumerated() {
            var new = [entry]
            if case .job(let job) = entry, let jobs = try await change(index, job) { new = jobs.map { .job($0) } }
            replaced += new
            origins += repeatElement(index, count: new.count)
        }
        entries = replaced
        return origins
    }
}

extension LogJob {
    /// When what it tells of happened.
    var at: Timestamp {
        switch self {
        case .message(let message): message.at
        case .status(let change): change.at
        case .receipt(let receipt): receipt.at
        }
    }
}
