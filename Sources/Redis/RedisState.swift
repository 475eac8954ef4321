/// How a client stands to its server.
public enum RedisState: Sendable, Hashable {
    /// Nothing was asked for yet.
    case idle
    /// On the way, for the first time or again.
    case connecting
    /// Commands reach the server.
    case connected
    /// No connection, for this reason; the next attempt comes after a pause.
    case disconnected(RedisError)
    /// Shut down for good.
    case closed
}
