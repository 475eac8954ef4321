internal import EventLoop
internal import HTTPCore
public import HTTPServer
internal import Synchronization

/// An HTTP server of a test's own that keeps every request and answers as the test says: a platform's API, or an agent.
public final class RecordingServer: Sendable {
    /// Decides on an answer; runs on the server's loop.
    public typealias Answer = @Sendable (HTTPRequest) async -> HTTPResponse

    private let loop: EventLoop
    private let log: RequestLog
    /// Where it listens on 127.0.0.1.
    public let port: Int

    /// Starts a server on a thread of its own.
    public init(_ answer: @escaping Answer) async throws {
        let loop = try EventLoop()
        loop.startThread(name: "fake server")
        let log = RequestLog()
        let server = HTTPServer(
            on: loop,
            asyncHandler: { request in
                log.requests.withLock { $0.append(request) }
                return await answer(request)
            })
        try await server.start()
        port = Int(await server.port)
        self.loop = loop
        self.log = log
    }

    deinit { loop.stop() }

    private final class RequestLog: Sendable {
        let requests = Mutex<[HTTPRequest]>([])
    }

    /// The requests so far, in the order in which they came.
    public var requests: [HTTPRequest] { log.requests.withLock { $0 } }

    /// Where it is, without a slash at its end.
    public var url: String { "http://127.0.0.1:\(port)" }
}
