public import BridgeCore

/// Where the bridges of one installation agree which session of a conversation is active.
public protocol SessionRegistry: Sendable {
    /// The active session of a conversation, which is `candidate` when there is none.
    ///
    /// - Parameters:
    ///   - at: the time of the activity; it keeps the session active.
    ///   - candidate: becomes the session when the last one has been silent for too long, or there was none.
    ///   - replaced: a session that gives way to the candidate even when it is active: one that the caller proposed before and
    ///     did not use in the end.
    /// - Throws: ``SessionRegistryError`` when nothing is known.
    func session(
        of key: SessionKey, at: Timestamp, candidate: UUID, replacing replaced: UUID?
    ) async throws(SessionRegistryError) -> UUID
}

/// The registry is away, or did not answer in time.
public struct SessionRegistryError: Error, Sendable, CustomStringConvertible {
    /// What happened, for a person to read.
    public let description: String

    /// An error.
    public init(_ description: String) {
        self.description = description
    }
}

/// The registry of one process over one store: `chatbridge run`, where a conversation's session survives a restart.
public struct StoreSessionRegistry: SessionRegistry {
    private let store: any JournalStore
    private let timeToLive: Duration

    /// A registry that asks the store for sessions active within `timeToLive`, which is `SESSION_TTL_SECONDS`.
    public init(store: any JournalStore, timeToLive: Duration) {
        self.store = store
        self.timeToLive = timeToLive
    }

    /// The active session of a conversation, which is `candidate` when there is none.
    public func session(
        of key: SessionKey, at: Timestamp, candidate: UUID, replacing replaced: UUID?
    ) async throws(SessionRegistryError) -> UUID {
        do {
            let active = try await store.activeSession(for: key, since: at.advanced(by: .zero - timeToLive))
            return active == replaced ? candidate : active ?? candidate
        } catch {
            throw SessionRegistryError(error.description)
        }
    }
}
