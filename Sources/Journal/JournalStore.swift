public import BridgeCore

/// Where sessions and messages are kept: Postgres, or the embedded SQLite.
///
/// `docs/journal-store.md` has the rules in full.
///
/// A store writes a batch in one transaction and writes nothing twice: a job whose id is there already changes nothing, so
/// a batch whose outcome is unknown is written again.
public protocol JournalStore: Sendable {
    /// Writes sessions, messages and changes of status.
    ///
    /// A job that the database refuses for what it is does not stop the others: it is named in the outcome.
    ///
    /// - Parameter jobs: oldest first.
    /// - Returns: what became of the batch; everything that is neither rejected nor deferred has been committed.
    /// - Throws: `JournalStoreError` when nothing is known to be committed; its code says whether to write again.
    func write(_ jobs: [LogJob]) async throws(JournalStoreError) -> JournalWriteOutcome

    /// Writes a claim's jobs as the logger has read them; by default as ``write(_:)-([LogJob])`` does.
    func write(_ batch: JournalBatch) async throws(JournalStoreError) -> JournalWriteOutcome

    /// Whether batches for this store hold plain messages as rows of Postgres.
    var takesRows: Bool { get }

    /// How many batches may be written at the same time.
    ///
    /// With more than one, a batch may be committed before an earlier one is; the logger does so where no job of either tells
    /// of a message that the other may hold.
    var writers: Int { get }

    /// The messages that a receipt tells of: outbound, in its conversation, under its names or up to its time, not older than
    /// a week.
    func messages(named receipt: LogReceipt) async throws(JournalStoreError) -> [UUID]

    /// Asks the database for a sign of life and for its tables.
    ///
    /// - Throws: `JournalStoreError` in the store's own bounded time.
    func ping() async throws(JournalStoreError)

    /// Gives back what the store holds; later calls throw `closed`.
    func close() async

    /// The session of a conversation that was active at `since` or later, the latest of several.
    func activeSession(for key: SessionKey, since: Timestamp) async throws(JournalStoreError) -> UUID?
}

extension JournalStore {
    /// An empty batch is a sign of life where there is no cheaper one.
    public func ping() async throws(JournalStoreError) { _ = try await write([]) }

    /// Nothing to give back.
    public func close() async {}

    /// One job after the other.
    public func write(_ batch: JournalBatch) async throws(JournalStoreError) -> JournalWriteOutcome {
        try await write(batch.jobs)
    }

    /// Jobs, not rows.
    public var takesRows: Bool { false }

    /// One batch at a time.
    public var writers: Int { 1 }
}

/// What became of a batch that was written.
public struct JournalWriteOutcome: Sendable {
    /// A job that the database refuses, whatever is tried.
    public struct Rejection: Sendable {
        /// Its place in the batch.
        public let index: Int
        /// Why, for a person to read; without any of the job's content.
        public let error: String

        /// The job at `index` is refused because of `error`.
        public init(index: Int, error: String) {
            self.index = index
            self.error = error
        }
    }

    /// The jobs that were refused, in the order of the batch.
    public var rejections: [Rejection]

    /// The places of changes of status whose message is not in the database, or not yet: another logger may be about to
    /// write it.
    ///
    /// Give them back to the queue for a bounded number of tries, then treat them as rejected.
    public var deferred: [Int]

    /// The places of jobs that were left out for good, since they are of somebody who was forgotten: see ``Erasures``.
    public var erased: [Int]

    /// An outcome; by default all was committed.
    public init(rejections: [Rejection] = [], deferred: [Int] = [], erased: [Int] = []) {
        self.rejections = rejections
        self.deferred = deferred
        self.erased = erased
    }
}

/// Why a store could not do what it was asked for.
public struct JournalStoreError: Error, Sendable, CustomStringConvertible {
    /// What to do now.
    public enum Code: Sendable {
        /// The database is away, busy, full, or not migrated yet: the same may succeed later.
        case unavailable
        /// The store was closed by us.
        case closed
    }

    /// What to do now.
    public let code: Code
    /// What happened, for a person to read; without any of the jobs' content.
    public let message: String

    /// An error.
    public init(code: Code, message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
