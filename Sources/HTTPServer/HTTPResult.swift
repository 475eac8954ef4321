/// A handler's decision on a request: an answer at once, a promise of one, or another protocol from now on.
///
/// The first form needs no task: a webhook's acknowledgement is written in the turn of the loop that read the request.
public enum HTTPResult: Sendable {
    /// The answer.
    case now(HTTPResponse)
    /// Work that comes to an answer. It runs in a task on the loop, isolated to the server's actor, and is cancelled when the
    /// client goes away or the server's drain deadline passes.
    case later(@Sendable () async -> HTTPResponse)
    /// The end of HTTP on this connection. A request of HTTP/1.0 cannot have it and is answered 400.
    case upgrade(HTTPUpgrade)
}
