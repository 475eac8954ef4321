/// Where the events of a fleet of bridges are kept between their arrival and their answer.
///
/// A store answers three questions: was this event taken before, who answers its conversation, and what is left when a
/// bridge dies. Every bridge is known to it by the id of its run, which is the fencing token: a bridge whose lease has run
/// out loses what it held, and can end nothing any more. See docs/decisions/inbox.md.
///
/// Used on the loop of its engine alone. What comes from elsewhere is handed to the receiver before a call returns that was
/// answered after it, so that the order of a conversation is the order of the store.
public protocol InboxStore: Sendable {
    /// True while other bridges may answer the same conversations: entries must then be claimed with their payload before
    /// anything is done.
    var isShared: Bool { get }

    /// Shows that this bridge lives, hands over what is to be recovered, and keeps doing both until ``retire()``.
    ///
    /// Returns when events may be taken: every other living bridge knows of this one. A store that is away is no reason to
    /// wait for it.
    func start(_ receiver: InboxReceiver) async

    /// Claims events, in this order and in one round trip.
    ///
    /// - Returns: what to do with each.
    /// - Throws: ``InboxError``. An entry whose claim was not answered may be there all the same: the store finds that out
    ///   later and hands it to the receiver then.
    func claim(_ entries: [InboxEntry], keeping: InboxKeeping) async throws(InboxError) -> [InboxVerdict]

    /// Notes that answering has come to where it cannot be taken back: what is recovered from here on is in doubt.
    ///
    /// - Parameter progress: what whoever recovers the entries needs to know; nil where nothing can be resumed.
    /// - Returns: false when the entries are not this bridge's any more: somebody else answers them.
    func begin(_ entries: [InboxEntry.Reference], progress: [UInt8]?) async throws(InboxError) -> Bool

    /// Ends entries and hands their log jobs to the queue, in one step.
    ///
    /// - Throws: ``InboxError``; the jobs may be in the queue all the same, and doing it again is harmless.
    func settle(_ settlement: InboxSettlement) async throws(InboxError)

    /// Gives up this bridge's part: what it still holds is free for others at once, or for the next start.
    func retire() async

    // What is known by its names alone most often needs nobody to be asked; then none of the above is called for it.

    /// Claims an event by its names alone.
    ///
    /// - Returns: nil where the store has to be asked: ``claim(_:keeping:)``.
    func claimAtOnce(_ entry: InboxEntry) -> InboxVerdict?

    /// Whether what was claimed at once may be shown; nil where the store has to be asked: ``begin(_:progress:)``.
    func beginAtOnce(_ entries: [InboxEntry.Reference]) -> Bool?

    /// Ends an event that was claimed by its names.
    ///
    /// - Returns: false where the store has to be asked: ``settle(_:)``.
    func settleAtOnce(_ entry: InboxEntry.Reference) -> Bool
}

extension InboxStore {
    /// Never: the store is asked.
    public func claimAtOnce(_ entry: InboxEntry) -> InboxVerdict? { nil }

    /// Never: the store is asked.
    public func beginAtOnce(_ entries: [InboxEntry.Reference]) -> Bool? { nil }

    /// Never: the store is asked.
    public func settleAtOnce(_ entry: InboxEntry.Reference) -> Bool { false }
}

/// How much of an event the store keeps.
public enum InboxKeeping: Sendable {
    /// Its names, so that it is taken once; what is in work dies with its bridge.
    case names
    /// All of it, so that somebody answers it whatever happens.
    case payload
}

/// What to do with an event that was claimed.
public enum InboxVerdict: Sendable, Equatable {
    /// It is this bridge's.
    case taken
    /// It was taken before.
    case duplicate
    /// Another bridge answers its conversation at present, and has it now.
    case forwarded
}

/// Who takes what comes from elsewhere; called on the loop.
public struct InboxReceiver: Sendable {
    /// Takes an event that another bridge has forwarded or left behind.
    ///
    /// From now on it is this bridge's.
    public let deliver: @Sendable (InboxDelivery) -> Void
    /// The conversations with questions in work whose names alone the store has, and how many each: asked when another
    /// bridge appears.
    public let lanesInWork: @Sendable () -> [String: Int]
    /// Lets go of all that the store keeps the payload of and whose conversation (``InboxEntry/lane``) it says true to: this
    /// bridge was taken for dead, and others have it now.
    ///
    /// Some of it may be delivered again, should those die as well.
    public let lost: @Sendable (_ concerns: @escaping @Sendable (String?) -> Bool) -> Void

    /// A receiver.
    public init(
        deliver: @escaping @Sendable (InboxDelivery) -> Void, lanesInWork: @escaping @Sendable () -> [String: Int],
        lost: @escaping @Sendable (_ concerns: @escaping @Sendable (String?) -> Bool) -> Void = { _ in }
    ) {
        self.deliver = deliver
        self.lanesInWork = lanesInWork
        self.lost = lost
    }
}
