internal import Glibc

/// What keeps a server from listening, or a response from being written.
public enum HTTPServerError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The address cannot be listened on; `errorNumber` is the system's reason (`EADDRINUSE`, `EACCES` …), 0 when the host is
    /// not an address of this machine's.
    case cannotListen(host: String, port: UInt16, errorNumber: Int32)
    /// The client has gone, or the connection was cut by a deadline or a drain: no more can be written.
    case connectionClosed
    /// A body writer was used after its function had returned.
    case writerEnded

    /// The error in words.
    public var description: String {
        switch self {
        case .cannotListen(let host, let port, let number):
            "cannot listen on \(host):\(port): "
                + (number == 0 ? "not an address of this machine" : String(cString: strerror(number)))
        case .connectionClosed: "the client's connection is closed"
        case .writerEnded: "the response has ended already"
        }
    }
}
