internal import EventLoop
public import HTTPCore

/// An answer whose head has come and whose content is read as it comes.
///
/// Giving up the value (and its iterators) before the end stops the transfer and closes its connection.
public struct HTTPClientStream: Sendable {
    struct Head: Sendable {
        let status: HTTPStatus
        let head: ResponseHead
    }

    /// The status of the answer.
    public let status: HTTPStatus
    /// The content, to be read once.
    public let body: HTTPClientBody
    private let head: ResponseHead

    init(_ head: Head, body: HTTPClientBody) {
        status = head.status
        self.head = head.head
        self.body = body
    }

    /// The first value of a header field, compared without case; cheaper than ``headers`` for one look.
    public func header(_ name: String) -> String? { head.value(of: name) }

    /// The header fields; made from the wire's bytes at each call, so keep the value when it is used more than once.
    public var headers: HTTPFields { head.fields }
}

/// The content of a streamed answer: pieces of bytes as they came, never empty.
///
/// While the reader is slow at most ``HTTPClientConfiguration/streamBufferBytes`` wait in memory; then the server waits.
/// There is one reading: a second iterator goes on where the first one stopped.
public struct HTTPClientBody: AsyncSequence, Sendable {
    /// A piece of the content.
    public typealias Element = [UInt8]
    /// Why the content ended too early.
    public typealias Failure = HTTPClientError

    private let lease: Lease

    init(client: HTTPClient, source: BodySource) {
        lease = Lease(client: client, source: source)
    }

    /// An iterator over what was not read yet.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(lease: lease)
    }

    /// Reads the content to its end.
    ///
    /// - Throws: ``HTTPClientError`` as reading piece by piece does.
    public func collect() async throws(HTTPClientError) -> [UInt8] {
        var bytes: [UInt8] = []
        while let piece = try await lease.client.nextPiece(of: lease.source) {
            if bytes.isEmpty { bytes = piece } else { bytes.append(contentsOf: piece) }
        }
        return bytes
    }

    /// Stops the transfer when the last holder lets go.
    fileprivate final class Lease: Sendable {
        let client: HTTPClient
        let source: BodySource

        init(client: HTTPClient, source: BodySource) {
            self.client = client
            self.source = source
        }

        deinit {
            // From whatever thread let go last; the client outlives the closure.
            client.loop.execute { [client, source] in client.assumeIsolated { $0.giveUp(source) } }
        }
    }

    /// Reads pieces in order.
    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let lease: Lease

        /// The next piece, or nil after the last.
        public mutating func next() async throws(HTTPClientError) -> [UInt8]? {
            try await lease.client.nextPiece(of: lease.source)
        }

        /// The next piece, or nil after the last.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(HTTPClientError) -> [UInt8]? {
            try await lease.client.nextPiece(of: lease.source)
        }
    }
}
