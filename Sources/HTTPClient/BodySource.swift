/// Where the content of one streamed answer waits for its reader.
///
/// Confined to the client's loop.
final class BodySource: @unchecked Sendable {
    // Unchecked: the stream's value travels between tasks; only the client's loop looks inside.

    /// The head, or why there is none.
    var headWaiter: UnsafeContinuation<Result<HTTPClientStream.Head, HTTPClientError>, Never>?
    /// The reader that waits for content; at most one.
    var reader: UnsafeContinuation<Result<[UInt8]?, HTTPClientError>, Never>?
    /// What came and was not read yet, joined: a slow reader gets few large pieces.
    var pending: [UInt8] = []
    /// True while curl was told to wait for the reader.
    var isHeldBack = false
    /// True while it is in the client's list of sources with news.
    var isTouched = false
    /// How the transfer ended; nil while it runs.
    var end: Result<Void, HTTPClientError>?
    /// The transfer while it runs.
    var ticket: Ticket?

    private let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
    }

    /// True when a piece fits; into an empty source every piece does.
    func hasRoom(for count: Int) -> Bool {
        pending.isEmpty || pending.count + count <= capacity
    }

    /// Hands over all that waits.
    func takePending() -> [UInt8] {
        let bytes = pending
        pending = []
        return bytes
    }
}

/// Names one use of a pooled handle: outlived by the handle, it then fits no more.
struct Ticket: Sendable {
    let transfer: Transfer
    let generation: Int
}
