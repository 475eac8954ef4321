import EventLoop
import Glibc
import HTTPServer
import Synchronization

/// Starts a server on a loop and a port of its own, runs the body and stops it.
func withServer(
    _ configuration: HTTPServerConfiguration = HTTPServerConfiguration(),
    handler: @escaping @Sendable (EventLoop, HTTPRequest) -> HTTPResult,
    _ body: (HTTPServer, UInt16) async throws -> Void
) async throws {
    let loop = try EventLoop()
    loop.startThread(name: "http-test")
    let server = HTTPServer(on: loop, configuration: configuration) { handler(loop, $0) }
    try await server.start()
    let port = await server.port
    // Swift 6.3.1 leaves out the hop back from the server's actor where a nonisolated(nonsending) closure is called next, and
    // the body, which blocks in its client, would then run on the loop. A synchronous call in between keeps the hop.
    precondition(!loop.isCurrent)
    do {
        try await body(server, port)
    } catch {
        await server.shutdown(deadline: .zero)
        loop.stop()
        throw error
    }
    await server.shutdown(deadline: .zero)
    loop.stop()
}

/// Waits until a condition holds; false after a minute, which is for a busy machine under a sanitizer.
func eventually(_ condition: () async -> Bool) async -> Bool {
    let clock = ContinuousClock()
    let end = clock.now + .seconds(60)
    while clock.now < end {
        if await condition() { return true }
        try? await Task.sleep(for: .milliseconds(2))
    }
    return await condition()
}

/// Notes what happened, from any thread.
final class Notes: Sendable {
    private let list = Mutex<[String]>([])
    func add(_ note: String) { list.withLock { $0.append(note) } }
    var all: [String] { list.withLock { $0 } }
}
