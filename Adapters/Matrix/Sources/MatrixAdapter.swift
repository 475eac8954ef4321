public import BridgeCore
internal import Crypto
internal import HTTPCore
internal import JSON
internal import Markdown

/// Matrix: an application service, to which its homeserver pushes transactions of events, and which answers by the
/// client-server API.
///
/// The wire facts are those of the Matrix specification 1.16, "Application Service API" and "Client-Server API"; the
/// README beside the sources says which events are answered and which are recorded.
public struct MatrixAdapter: Adapter {
    /// The name in `/webhooks/matrix`.
    public let platform = PlatformName("matrix")

    /// Matrix's limits.
    ///
    /// A whole event holds 65,536 bytes ("Size limits"), in which a text stands up to four times: plain and formatted,
    /// and twice that in an edit. 16,000 bytes of UTF-8 always fit once, whatever their escapes; what the rest leaves no
    /// room for is left out, see ``MatrixContentWriter``. There are no published rates: each homeserver has its own and
    /// says so with 429, and one that serves the bot alone is told `rate_limited: false`. Every edit is an event that
    /// the room keeps for ever, so a streamed answer has one each two seconds. The typing indicator is asked for with a
    /// time of its own. A send bears a transaction id, by which the homeserver tells a repeated one.
    public let capabilities = Capabilities(
        textLimit: .init(16_000, .utf8), countedText: { $1 == .markdown ? MarkdownDialect.matrixHTML.render($0) : $0 },
        editInterval: .seconds(2), typingInterval: .milliseconds(4500),
        hasIdempotentSends: true, attachmentsByUpload: [.image, .audio, .video, .file])

    let configuration: MatrixConfiguration
    let reader: MatrixEventReader
    private let order = MatrixTransactionOrder()
    let authorization: String

    /// An adapter for one application service with one user.
    public init(configuration: MatrixConfiguration) {
        self.configuration = configuration
        reader = MatrixEventReader(userID: configuration.userID)
        authorization = "Bearer \(configuration.asToken.value)"
    }

    /// Compares the homeserver's token in constant time and reads the transaction.
    ///
    /// The homeserver sends the same transaction until it is told 200, and nothing else before: any JSON object counts,
    /// and no event in it can hold up the others. Besides transactions it asks whether users and rooms of ours are there,
    /// and whether we are (`ping`).
    public func receive(_ request: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> WebhookOutcome {
        try verify(request)
        let path = MatrixPath(request.target)
        switch (request.method, path) {
        case (.get, .user(configuration.userID)):
            return WebhookOutcome(.emptyObject)
        case (.get, .user), (.get, .room), (.get, .thirdParty):
            return WebhookOutcome(.matrixNotFound)
        case (.post, .ping):
            return WebhookOutcome(.emptyObject)
        case (.put, _), (.post, _):
            return try transaction(request.body, id: path.transactionID)
        default:
            throw WebhookRejection(.methodNotAllowed, "a homeserver sends transactions by PUT")
        }
    }

    private func transaction(_ body: [UInt8], id: String?) throws(WebhookRejection) -> WebhookOutcome {
        let root: JSONView
        do {
            root = try JSONView(parsing: body)
        } catch {
            throw WebhookRejection(.malformed, error.description)
        }
        guard root.kind == .object else { throw WebhookRejection(.malformed, "the body is no JSON object") }
        if let id, !order.admits(id) { return WebhookOutcome(.matrixOutOfOrder) }
        let events = reader.events(of: root) {
            id.map { "transaction:\($0)" } ?? "body:" + Hex.encode(Array(SHA256.digest(of: body).prefix(16)))
        }
        return WebhookOutcome(.emptyObject, events: events)
    }

    /// Checks `Authorization: Bearer`, and `access_token` in the query, which homeservers older than version 1.4 of the
    /// specification send.
    ///
    /// Some send both, and then both must be right ("Authorization").
    private func verify(_ request: WebhookRequest) throws(WebhookRejection) {
        let token = configuration.hsToken.value
        let headers = request.headers.values(of: "Authorization")
        let inQuery =
            request.target.utf8.contains(UInt8(ascii: "?"))
            ? request.query.filter { $0.name == "access_token" }.map(\.value) : []
        guard !headers.isEmpty || !inQuery.isEmpty else {
            throw WebhookRejection(.unauthorized, "the homeserver's token is missing")
        }
        var isRight = !token.isEmpty
        for header in headers {
            let isBearer = header.utf8.count > 7 && header.prefix(7).lowercased() == "bearer "
            if !isBearer || !constantTimeEquals(String(header.dropFirst(7)), token) { isRight = false }
        }
        for value in inQuery where !constantTimeEquals(value, token) { isRight = false }
        guard isRight else {
            throw WebhookRejection(
                .unauthorized, "the homeserver's token is wrong: compare hs_token in its registration file")
        }
    }
}

/// What a homeserver asks for, by the end of the path.
enum MatrixPath: Equatable {
    case transaction(id: String)
    case user(String)
    case room(String)
    case thirdParty
    case ping
    case other

    /// Reads a path as it came; the paths before version 1.4 of the specification had no `/_matrix/app/v1`.
    init(_ target: String) {
        let path = target.utf8.prefix { $0 != UInt8(ascii: "?") }
        var segments = path.split(separator: UInt8(ascii: "/"))[...]
        func named(_ segment: Substring.UTF8View?, _ name: StaticString) -> Bool {
            segment.map { $0.elementsEqual(UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)) }
                ?? false
        }
        let last = segments.popLast()
        let before = segments.last
        if named(before, "transactions"), let last {
            self = .transaction(id: HTTPPercentEncoding.decode(last))
        } else if named(before, "users"), let last {
            self = .user(HTTPPercentEncoding.decode(last))
        } else if named(before, "rooms"), let last {
            self = .room(HTTPPercentEncoding.decode(last))
        } else if segments.contains(where: { named($0, "thirdparty") }) {
            self = .thirdParty
        } else if named(last, "ping") {
            self = .ping
        } else {
            self = .other
        }
    }

    var transactionID: String? {
        if case .transaction(let id) = self { return id }
        return nil
    }
}

extension Acknowledgement {
    fileprivate static let emptyObject = Acknowledgement(contentType: "application/json", body: Array("{}".utf8))
    fileprivate static let matrixNotFound = Acknowledgement(
        status: .notFound, contentType: "application/json",
        body: Array(#"{"errcode":"M_NOT_FOUND","error":"There is no such user or room here."}"#.utf8))
    fileprivate static let matrixOutOfOrder = Acknowledgement(
        status: .serviceUnavailable, contentType: "application/json",
        body: Array(
            #"{"errcode":"M_UNKNOWN","error":"The transaction before this one is missing; send that one first."}"#.utf8)
    )
}
