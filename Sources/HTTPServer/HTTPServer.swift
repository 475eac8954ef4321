public import EventLoop

/// An HTTP/1.1 server on one event loop.
///
/// Requests of a connection are answered in order; while one is handled the next are not read beyond one buffer. A server that
/// listens keeps itself alive until ``shutdown(deadline:)``. For N loops make N servers with
/// ``HTTPServerConfiguration/reusesPort``.
///
/// ```swift
/// var router = HTTPRouter()
/// router.decide(.get, "/health") { _, _ in .now(.text("ok")) }
/// router.handle(.post, "/echo/:name") { request, values in .text(values["name"] ?? "") }
/// let server = HTTPServer(on: loop, configuration: configuration) { [router] in router.respond(to: $0) }
/// try await server.start()
/// ```
public actor HTTPServer {
    /// The loop that the server, its connections and its handlers run on.
    public nonisolated let loop: EventLoop
    /// The executor that pins the actor to its loop.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private let configuration: HTTPServerConfiguration
    private let handler: @Sendable (HTTPRequest) -> HTTPResult
    private var core: HTTPServerCore?

    /// A server that does not listen yet.
    ///
    /// - Parameter handler: runs on the loop, isolated to it, once for each valid request; it must not block.
    public init(
        on loop: EventLoop, configuration: HTTPServerConfiguration = HTTPServerConfiguration(),
        handler: @escaping @Sendable (HTTPRequest) -> HTTPResult
    ) {
        self.loop = loop
        self.configuration = configuration
        self.handler = handler
    }

    /// A server whose every request is handled in a task of its own.
    ///
    /// - Parameter handler: runs on the loop, isolated to this actor; cancelled when the client goes away.
    public init(
        on loop: EventLoop, configuration: HTTPServerConfiguration = HTTPServerConfiguration(),
        asyncHandler handler: @escaping @Sendable (HTTPRequest) async -> HTTPResponse
    ) {
        self.init(on: loop, configuration: configuration) { request in .later { await handler(request) } }
    }

    /// Binds the address and begins to accept.
    ///
    /// - Throws: ``HTTPServerError/cannotListen(host:port:errorNumber:)``.
    public func start() throws {
        precondition(core == nil, "the server was started already")
        let listener = try HTTPListener(configuration)
        let core = HTTPServerCore(server: self, listener: listener, configuration: configuration, handler: handler)
        self.core = core
        core.startAccepting()
    }

    /// The port that the server listens on; 0 before ``start()`` and after ``shutdown(deadline:)``.
    public var port: UInt16 { core?.port ?? 0 }

    /// What the server has done and holds.
    public var statistics: HTTPServerStatistics { core?.statistics ?? HTTPServerStatistics() }

    /// Drains: accepts no more, closes idle connections and answers what runs with `Connection: close`; at the deadline
    /// the rest is cancelled and cut.
    ///
    /// Returns once every connection is closed.
    public func shutdown(deadline: Duration) async {
        guard let core else { return }
        await core.drain(deadline: deadline)
        self.core = nil
    }
}

/// Counts of one server, for metrics.
public struct HTTPServerStatistics: Sendable, Equatable {
    /// Connections that are open now.
    public var connections = 0
    /// Connections accepted since the start.
    public var accepted = 0
    /// Requests that reached the handler since the start.
    public var requests = 0
    /// Requests refused by the codec or a deadline since the start.
    public var refused = 0
    /// Connections refused for the connection cap since the start.
    public var overflowed = 0
    /// Connections that had to give way to others since the start: idle, or slow while connections or memory were short.
    public var displaced = 0
    /// What the buffers of all connections take now, in bytes.
    public var heldBytes = 0
}
