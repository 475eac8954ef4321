package import BridgeCore
internal import JSON
package import Postgres

/// Messages as rows of Postgres in binary, with the sessions that they belong to.
package struct MessageRows: Sendable {
    private(set) var sessions = SessionTable()
    /// Their columns are those of ``columns``.
    package private(set) var rows: PostgresRowBuilder
    private var ids: [UUID] = []
    private var attachments: [UInt8] = []
    private var metadata: [UInt8] = []

    /// The columns of `messages` in the order of a row, and their types.
    package static let columns = """
        id, session_id, direction, sender_id, content_text, content_type, attachments, created_at, mastra_request_id,
        status, metadata
        """
    static let types: [PostgresArrayBuilder.Element] = [
        .uuid, .uuid, .text, .text, .text, .text, .jsonb, .timestamptz, .text, .text, .jsonb,
    ]

    /// - Parameters:
    ///   - capacity: how many rows are expected; only a hint.
    ///   - bytes: of how many bytes of JSON; a row takes hardly more.
    package init(capacity: Int = 0, bytes: Int = 0) {
        rows = PostgresRowBuilder(columns: Self.types.count, capacity: capacity, bytes: bytes + capacity * 64)
        ids.reserveCapacity(capacity)
    }

    package var isEmpty: Bool { ids.isEmpty }
    package var count: Int { ids.count }

    /// Puts the rows into the order of their ids.
    package mutating func sort() {
        guard let order = RowOrder(ids)?.places else { return }
        rows.reorder(order)
        ids = order.map { ids[$0] }
    }

    /// Adds a message, mended where Postgres could not hold it.
    package mutating func append(_ message: LogMessage) {
        sessions.note(message.session, at: message.at)
        let message = message.storable
        // Strings that own their bytes lend them without a copy.
        let texts = [
            message.direction.rawValue, message.sender, message.text, message.type, message.request,
            message.status.rawValue,
        ].map { $0.map { Array($0.utf8) } }
        let size = texts.reduce(0) { $0 + ($1?.count ?? 0) }
        ids.append(message.id)
        rows.append(size: size + message.attachments.count + message.metadata.count + 48) { row in
            func text(_ index: Int) {
                guard let text = texts[index] else { return row.null() }
                text.withUnsafeBytes { row.text($0) }
            }
            row.uuid(high: message.id.high, low: message.id.low)
            row.uuid(high: message.session.id.high, low: message.session.id.low)
            text(0)
            text(1)
            text(2)
            text(3)
            message.attachments.withUnsafeBytes { row.jsonb($0) }
            row.timestamptz(microsecondsSinceUnixEpoch: message.at.microseconds)
            text(4)
            text(5)
            message.metadata.withUnsafeBytes { row.jsonb($0) }
        }
    }

    /// Adds a message straight from the JSON of its job, when it is plain: every field what ``LogJob`` would take it for
    /// as it stands, and nothing in it that Postgres cannot hold.
    ///
    /// - Returns: the message's time; nil when nothing was added, and ``LogJob`` decides what the job is.
    mutating func append(reading json: [UInt8]) -> Timestamp? {
        UnsafeJSONValue.parse(json) { append($0) } ?? nil
    }

    private mutating func append(_ root: UnsafeJSONValue) -> Timestamp? {
        var fields = PlainMessage()
        fields.read(root)
        guard fields.isPlain, let id = fields.id, let at = fields.at, let session = fields.session,
            let sessionID = session.id, let platform = session.platform, let conversation = session.conversation,
            let direction = fields.direction
        else { return nil }
        let isInbound = direction.equals("inbound")
        guard isInbound || direction.equals("outbound") else { return nil }
        guard let attachments = Self.storable(fields.attachments, .array, into: &self.attachments),
            let metadata = Self.storable(fields.metadata, .object, into: &self.metadata)
        else { return nil }

        let user = session.user
        if !sessions.note(sessionID, at: at, user: { user.map { String(decoding: $0, as: UTF8.self) } }) {
            sessions.note(
                LogMessage.Session(
                    id: sessionID, platform: String(decoding: platform, as: UTF8.self),
                    account: session.account.map { String(decoding: $0, as: UTF8.self) } ?? "default",
                    conversation: String(decoding: conversation, as: UTF8.self),
                    thread: session.thread.map { String(decoding: $0, as: UTF8.self) },
                    user: user.map { String(decoding: $0, as: UTF8.self) }), at: at)
        }
        ids.append(id)
        let size =
            (fields.sender?.count ?? 0) + (fields.text?.count ?? 0) + (fields.type?.count ?? 0)
            + (fields.request?.count ?? 0) + (fields.status?.count ?? 0)
        rows.append(size: size + self.attachments.count + self.metadata.count + 80) { row in
            row.uuid(high: id.high, low: id.low)
            row.uuid(high: sessionID.high, low: sessionID.low)
            row.text(direction)
            row.text(fields.sender)
            row.text(fields.text)
            if let type = fields.type { row.text(type) } else { row.text("text") }
            if attachments { self.attachments.withUnsafeBytes { row.jsonb($0) } } else { row.jsonb("[]") }
            row.timestamptz(microsecondsSinceUnixEpoch: at.microseconds)
            row.text(fields.request)
            if let status = fields.status { row.text(status) } else { row.text(isInbound ? "received" : "sent") }
            if metadata { self.metadata.withUnsafeBytes { row.jsonb($0) } } else { row.jsonb("{}") }
        }
        return at
    }

    /// The JSON of a container without what `jsonb` refuses.
    ///
    /// - Returns: false when it is empty, missing or something else; nil when it has to be mended.
    private static func storable(
        _ value: UnsafeJSONValue?, _ kind: JSONView.Kind, into bytes: inout [UInt8]
    ) -> Bool? {
        bytes.removeAll(keepingCapacity: true)
        guard let value, value.kind == kind, value.count > 0 else { return false }
        value.append(to: &bytes)
        // Of all that may be escaped only `\u0000` and surrogates alone are refused; every \u is looked at elsewhere.
        return StorableText.hasEscapedUnit(bytes) ? nil : true
    }
}

extension PostgresRowWriter {
    fileprivate mutating func text(_ literal: StaticString) {
        text(UnsafeRawBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }

    fileprivate mutating func jsonb(_ literal: StaticString) {
        jsonb(UnsafeRawBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }
}
