internal import BridgeCore
internal import JSON
internal import SQLite

/// Any tables, as a mapping describes them.
struct MappedMapper: RowMapper {
    let messages: SourceTable
    let messageSession: String
    let messageTime: (column: String, format: TimeFormat, offset: Int64)
    let sessions: (table: SourceTable, key: String)?
    private(set) var messageColumns: [String] = []
    private(set) var sessionColumns: [String] = []
    let sessionIDs: StableUUID
    private let messageIDs: StableUUID
    private let accounts: [String: String]
    private let hasID: Bool

    private let fields: Fields

    private struct Fields: Sendable {
        var platform, account, conversation, thread, user, sessionStatus, createdAt, lastActivity,
            sessionMetadata: MappedField
        var direction, text, sender, type, attachments, request, status, metadata: MappedField
    }

    var name: String { "mapping" }
    var sessionJoins: String { "" }

    /// - Parameters:
    ///   - messages: The table of messages, whose rows have numbers.
    ///   - sessions: The table of sessions; nil where messages say all.
    init(
        _ mapping: ImportMapping, _ described: (sessions: ImportMapping.Sessions, messages: ImportMapping.Messages),
        messages: SourceTable, sessions: SourceTable?
    ) {
        self.messages = messages
        accounts = mapping.accounts
        sessionIDs = StableUUID(.session, store: mapping.name)
        messageIDs = StableUUID(.message, store: mapping.name)
        let (session, message) = described
        self.sessions = sessions.map { ($0, SourceTable.key(session.id.columns)) }
        messageSession = SourceTable.key(message.session.columns)
        messageTime = (message.createdAt.columns.first ?? "", message.createdAt.time, message.createdAt.offset)
        hasID = !message.id.columns.isEmpty
        var messageColumns = [hasID ? SourceTable.key(message.id.columns, of: "m") : "NULL"]
        var sessionColumns: [String] = []
        let sessionAlias = sessions == nil ? "f" : "t"
        func add(_ name: String, _ field: ImportMapping.Field, _ alias: String, to columns: inout [String])
            -> MappedField
        {
            let place = field.columns.isEmpty ? nil : columns.count
            columns += field.columns.map { "\(alias).\(SourceTable.quoted($0))" }
            return MappedField(name: name, field: field, place: place)
        }
        func s(_ name: String, _ field: ImportMapping.Field) -> MappedField {
            add(name, field, sessionAlias, to: &sessionColumns)
        }
        func m(_ name: String, _ field: ImportMapping.Field) -> MappedField {
            add(name, field, "m", to: &messageColumns)
        }
        fields = Fields(
            platform: s("platform", session.platform), account: s("account", session.account),
            conversation: s("conversation", session.conversation), thread: s("thread", session.thread),
            user: s("user", session.user), sessionStatus: s("status", session.status),
            createdAt: s("created_at", session.createdAt), lastActivity: s("last_activity", session.lastActivity),
            sessionMetadata: s("metadata", session.metadata), direction: m("direction", message.direction),
            text: m("text", message.text), sender: m("sender", message.sender), type: m("type", message.type),
            attachments: m("attachments", message.attachments), request: m("request", message.request),
            status: m("status", message.status), metadata: m("metadata", message.metadata))
        self.messageColumns = messageColumns
        self.sessionColumns = sessionColumns
    }

    func session(
        _ row: borrowing SQLiteCursor, from column: Int, key: String, exists: Bool, changes: inout RowChanges
    ) throws(Rejection) -> MappedSession {
        let (id, isDerived) = sessionIDs.id(key)
        if isDerived { changes.insert(.idDerived) }
        // A session made for its messages has only what is the same for all.
        let known = exists || sessions == nil
        func text(_ field: MappedField) -> String? {
            known ? field.text(row, column, else: nil, &changes) : field.field.constant
        }
        guard let platform = text(fields.platform) ?? (known ? nil : "imported"), !platform.isEmpty else {
            throw Rejection("platform is missing")
        }
        let conversation = text(fields.conversation) ?? (fields.conversation.field.isGiven && known ? nil : key)
        guard let conversation, !conversation.isEmpty else { throw Rejection("conversation is missing") }
        let thread = text(fields.thread)
        var mapped = MappedSession(
            session: LogMessage.Session(
                id: id, platform: platform, account: text(fields.account) ?? accounts[platform] ?? "default",
                conversation: conversation, thread: thread, user: text(fields.user)))
        if let status = text(fields.sessionStatus) {
            if status == "active" || status == "closed" {
                mapped.status = status
            } else {
                changes.insert(.valueReplaced)
            }
        }
        var writer = JSONWriter(capacity: 128)
        if known {
            mapped.createdAt = try fields.createdAt.time(row, column, &changes)
            mapped.lastActivity = try fields.lastActivity.time(row, column, &changes)
        }
        writer.object { object in
            if known { fields.sessionMetadata.write(row, column, to: &object, &changes) }
            // Last, where it wins over one of the metadata.
            object.field("thread", thread)
            if isDerived { object.field("source_id", Self.readable(key)) }
        }
        mapped.metadata = StoredText.storable(json: writer.bytes, &changes)
        return mapped
    }

    func message(
        _ row: borrowing SQLiteCursor, from column: Int, rowid: Int64, at time: Timestamp,
        session: LogMessage.Session, changes: inout RowChanges
    ) throws(Rejection) -> LogMessage? {
        let key = hasID ? row.text(column, &changes) : "row \(rowid)"
        guard let key, !key.isEmpty else { throw Rejection("id is missing") }
        let (id, isDerived) = messageIDs.id(key)
        if isDerived { changes.insert(.idDerived) }
        let direction: LogMessage.Direction
        switch fields.direction.value(row, column, &changes) {
        case .leftOut: return nil
        case .none: throw Rejection("direction is missing")
        case .text(let word), .unknown(let word):
            guard let known = LogMessage.Direction(rawValue: word) ?? Self.direction(of: word) else {
                throw Rejection(
                    "direction \"\(word)\" is not known: add it to messages.direction.values, as null to leave it out")
            }
            direction = known
        }
        func text(_ field: MappedField) -> String? { field.text(row, column, else: nil, &changes) }
        let fallback: MessageStatus = direction == .inbound ? .received : .sent
        var status = fallback
        if let word = text(fields.status) {
            if let known = MessageStatus(rawValue: word.lowercased()) {
                status = known
            } else {
                changes.insert(.valueReplaced)
            }
        }
        var attachments = LogMessage.noAttachments
        if let place = fields.attachments.place {
            attachments = StoredText.container(row.json(column + place, &changes), .array, &changes)
        }
        var metadata = LogMessage.noMetadata
        if isDerived && hasID || fields.metadata.place != nil {
            var writer = JSONWriter(capacity: 128)
            writer.object { object in
                fields.metadata.write(row, column, to: &object, &changes)
                if isDerived && hasID { object.field("source_id", Self.readable(key)) }
            }
            metadata = StoredText.storable(json: writer.bytes, &changes)
        }
        return LogMessage(
            id: id, at: time, session: session, direction: direction,
            sender: text(fields.sender) ?? (direction == .inbound ? session.user : nil),
            type: text(fields.type) ?? ContentKind.text.rawValue, text: text(fields.text), attachments: attachments,
            request: text(fields.request), status: status, metadata: metadata)
    }

    /// A key with spaces where its parts meet.
    private static func readable(_ key: String) -> String {
        key.split(separator: "\u{1f}", omittingEmptySubsequences: false).joined(separator: " ")
    }

    /// What the usual words for a speaker mean, where the mapping does not say.
    static func direction(of word: String) -> LogMessage.Direction? {
        switch word.lowercased() {
        case "user", "human", "customer", "client", "visitor", "guest", "in", "incoming", "inbound", "received",
            "receive", "question":
            .inbound
        case "assistant", "bot", "ai", "agent", "model", "out", "outgoing", "outbound", "sent", "send", "answer",
            "reply",
            "operator":
            .outbound
        default: nil
        }
    }
}
