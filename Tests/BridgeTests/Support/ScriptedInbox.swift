import BridgeCore
import EventLoop
import Inbox
import JSON

@testable import Bridge

/// An inbox that says what a test wants it to say, and writes down what it was asked.
actor ScriptedInbox: InboxStore {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    nonisolated let isShared: Bool

    /// What became of each claim, by the event's name; `taken` where nothing is said.
    var verdicts: [String: InboxVerdict] = [:]
    /// While it is so, every call fails.
    var isAway = false
    /// Closed: calls hang until it is opened.
    var gate: Gate?
    /// What ``begin(_:progress:)`` answers.
    var isOurs = true
    private(set) var claims: [InboxEntry] = []
    private(set) var begun: [(entries: [UUID], progress: String?)] = []
    private(set) var settlements: [InboxSettlement] = []
    private(set) var isRetired = false
    private var receiver: InboxReceiver?

    init(_ loop: EventLoop, isShared: Bool = false) {
        self.loop = loop
        self.isShared = isShared
    }

    func change(_ body: @Sendable (isolated ScriptedInbox) -> Void) { body(self) }

    func start(_ receiver: InboxReceiver) async { self.receiver = receiver }

    func claim(_ entries: [InboxEntry], keeping: InboxKeeping) async throws(InboxError) -> [InboxVerdict] {
        try await pass()
        claims += entries
        return entries.map { verdicts[$0.names[0]] ?? .taken }
    }

    func begin(_ entries: [InboxEntry.Reference], progress: [UInt8]?) async throws(InboxError) -> Bool {
        try await pass()
        begun.append((entries.map(\.id), progress.map { String(decoding: $0, as: UTF8.self) }))
        return isOurs
    }

    func settle(_ settlement: InboxSettlement) async throws(InboxError) {
        try await pass()
        settlements.append(settlement)
    }

    func retire() async { isRetired = true }

    /// Hands an event to the engine as one that another bridge had.
    func deliver(
        _ event: InboundEvent, id: UUID, purpose: InboxEntry.Purpose = .answer, attempts: Int = 1,
        progress: String? = nil, trace: String? = nil
    ) {
        receiver?.deliver(
            InboxDelivery(
                reference: .init(id: id, lane: "lane"), purpose: purpose,
                payload: InboxPayload.encode(event, on: PlatformName("plain"), trace: trace), attempts: attempts,
                progress: progress.map { Array($0.utf8) }))
    }

    /// Tells the engine that its bridge was taken for dead.
    func lose() { receiver?.lost { _ in true } }

    func lanesInWork() -> [String: Int] { receiver?.lanesInWork() ?? [:] }

    private func pass() async throws(InboxError) {
        await gate?.pass()
        if isAway { throw InboxError(code: .unavailable, message: "away") }
    }

    /// The jobs of all settlements and claims, in short.
    var jobs: [String] {
        (claims.flatMap(\.jobs) + settlements.flatMap(\.jobs)).compactMap { try? LogJob(decoding: $0).story }
    }
}
