public import EventLoop

/// Writes the content of a streamed response, no faster than the client takes it.
///
/// Use it on the server's loop, in the function that it was given to and its child tasks; pieces written in one turn of the
/// loop leave in one system call.
public final class HTTPBodyWriter: Sendable {
    private let connection: HTTPConnection
    private let exchange: UInt64

    init(connection: HTTPConnection, exchange: UInt64) {
        self.connection = connection
        self.exchange = exchange
    }

    /// The server's loop, for what else is to write while the function waits.
    public var loop: EventLoop { connection.core.loop }

    /// Sends a piece of the content; waits while more than 64 KiB are on their way to the client.
    ///
    /// - Throws: ``HTTPServerError/connectionClosed`` when the client has gone, `CancellationError` when the task was cancelled
    ///   while it waited, ``HTTPServerError/writerEnded`` after the response's end.
    public func write(_ bytes: [UInt8]) async throws {
        try connection.writeContent(bytes, of: exchange)
        if connection.isCongested { try await connection.waitForRoom() }
    }

    /// Sends a piece of text in UTF-8.
    ///
    /// - Throws: as ``write(_:)-([UInt8])``.
    public func write(_ text: String) async throws {
        try await write(Array(text.utf8))
    }

    /// Sends one server-sent event (WHATWG HTML, section 9.2.6).
    ///
    /// - Parameter event: the event's type; nil leaves the default, `message`. Line ends in it are left out.
    /// - Parameter id: what a reconnecting client sends as `Last-Event-ID`. Line ends in it are left out.
    /// - Parameter data: any text; each of its lines becomes a `data` line, so the client gets it back with LF between lines.
    /// - Throws: as ``write(_:)-([UInt8])``.
    public func send(event: String? = nil, id: String? = nil, data: String) async throws {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(data.utf8.count + 32)
        if let event { HTTPBodyWriter.appendLine("event: ", event, to: &bytes) }
        if let id { HTTPBodyWriter.appendLine("id: ", id, to: &bytes) }
        bytes.append(contentsOf: "data: ".utf8)
        var previous: UInt8 = 0
        for byte in data.utf8 {
            if byte == .carriageReturn || (byte == .lineFeed && previous != .carriageReturn) {
                bytes.append(contentsOf: "\ndata: ".utf8)
            } else if byte != .lineFeed {
                bytes.append(byte)
            }
            previous = byte
        }
        bytes.append(contentsOf: "\n\n".utf8)
        try await write(bytes)
    }

    /// Sends a comment, which clients ignore: the heartbeat that keeps proxies from closing a silent stream.
    ///
    /// - Throws: as ``write(_:)-([UInt8])``.
    public func sendComment(_ text: String = "") async throws {
        var bytes: [UInt8] = []
        HTTPBodyWriter.appendLine(": ", text, to: &bytes)
        bytes.append(.lineFeed)
        try await write(bytes)
    }

    private static func appendLine(_ name: StaticString, _ value: String, to bytes: inout [UInt8]) {
        name.withUTF8Buffer { bytes.append(contentsOf: $0) }
        for byte in value.utf8 where byte != .carriageReturn && byte != .lineFeed && byte != 0 { bytes.append(byte) }
        bytes.append(.lineFeed)
    }
}
