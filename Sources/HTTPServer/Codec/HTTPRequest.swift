public import HTTPCore

/// A complete request: its head and all of its content, checked by the codec.
public struct HTTPRequest: Sendable {
    /// The method's token, compared with case.
    public var method: HTTPMethod
    /// The request target as it stood on the wire: origin form, absolute form or `*` (RFC 9112, section 3.2).
    public let target: String
    /// The target's path, still percent-encoded; begins with `/` unless the target is `*`.
    public let path: String
    /// What follows the `?` of the target, still encoded; nil without one.
    public let query: String?
    /// The header fields in their order; bytes that are not UTF-8 are replaced by U+FFFD.
    ///
    /// Trailers are dropped.
    public var headers: HTTPFields
    /// The content without its transfer coding; empty when there is none.
    public var body: [UInt8]
    /// Who sent it.
    public var peer: HTTPPeer

    /// False when the client asked for the connection to be closed, or speaks HTTP/1.0.
    var isKeepAlive = true
    /// The minor version: 1, or 0 where the response must not be chunked.
    var minorVersion = 1

    /// A request for `target`, which the caller knows to be valid; tests and in-process callers make their own.
    public init(
        method: HTTPMethod = .get, target: String, headers: HTTPFields = [:], body: [UInt8] = [],
        peer: HTTPPeer = HTTPPeer()
    ) {
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        self.peer = peer
        // Most targets are a path and nothing else.
        let isPath = target.utf8.withContiguousStorageIfAvailable { bytes in
            bytes.first == UInt8(ascii: "/") && bytes.span.first(UInt8(ascii: "?")) == nil
        }
        if isPath == true {
            path = target
            query = nil
            return
        }
        let bytes = target.utf8
        var start = bytes.startIndex
        if bytes.first != UInt8(ascii: "/"), bytes.first != UInt8(ascii: "*") {
            start = HTTPRequest.endOfAuthority(in: target)
        }
        let mark = bytes[start...].firstIndex(of: UInt8(ascii: "?"))
        let path = start == bytes.startIndex && mark == nil ? target : String(target[start..<(mark ?? bytes.endIndex)])
        self.path = path.isEmpty ? "/" : path
        query = mark.map { String(target[bytes.index(after: $0)...]) }
    }

    /// Where the path of a target in absolute form begins.
    private static func endOfAuthority(in target: String) -> String.Index {
        let bytes = target.utf8
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else { return bytes.startIndex }
        let authority = bytes[colon...].dropFirst(3)
        return authority.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? bytes.endIndex
    }

    /// The path's segments, percent-decoded, without the empty one before the first `/`.
    public var pathSegments: [String] {
        path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst()
            .map { HTTPPercentEncoding.decode($0) }
    }

    /// The query's pairs, decoded, in their order; empty without a query.
    public var queryItems: [(name: String, value: String)] {
        query.map { HTTPPercentEncoding.decodeForm($0.utf8) } ?? []
    }

    /// The first value under a name in the query.
    public func queryValue(_ name: String) -> String? {
        query == nil ? nil : queryItems.first { $0.name == name }?.value
    }

    /// The client's IP address as text; empty when it is not known.
    ///
    /// No `Forwarded` field is believed; ``TrustedProxies`` says which may be.
    public var remoteAddress: String { peer.address }

    /// True when the client is on this machine.
    public var isLoopback: Bool { peer.isLoopback }
}
