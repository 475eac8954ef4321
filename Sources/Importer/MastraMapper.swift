internal import BridgeCore
internal import JSON
internal import SQLite

/// Mastra's storage in LibSQL or SQLite (`@mastra/libsql`): `mastra_threads`, `mastra_messages`, `mastra_resources`.
///
/// The columns are those of `TABLE_SCHEMAS` in `@mastra/core/storage`: times are ISO 8601 text, `metadata` is JSON text from
/// older versions and SQLite's binary JSON (`jsonb(?)`) from newer ones.
struct MastraMapper: RowMapper {
    let messages: SourceTable
    let sessions: (table: SourceTable, key: String)?
    let messageColumns: [String]
    let sessionColumns: [String]
    let sessionJoins: String
    /// The account that a platform's conversations get, where the store does not say.
    let accounts: [String: String]

    private static let messageIDs = StableUUID(.message, store: "")
    let sessionIDs = StableUUID(.session, store: "")

    var name: String { "Mastra" }
    var messageSession: String { SourceTable.key(["thread_id"]) }
    var messageTime: (column: String, format: TimeFormat, offset: Int64) { ("createdAt", .auto, 0) }

    init(
        messages: SourceTable, threads: SourceTable?, resources: SourceTable?, accounts: [String: String] = [:]
    ) throws(ImportSourceError) {
        func require(_ table: SourceTable, _ names: [String]) throws(ImportSourceError) {
            let missing = names.filter { table.column($0) == nil }
            guard missing.isEmpty else {
                throw .missingColumns(table: table.name, missing: missing, found: table.columns.map(\.name))
            }
        }
        try require(messages, ["id", "thread_id", "content", "role", "createdAt"])
        if let threads { try require(threads, ["id", "createdAt"]) }
        self.messages = messages
        self.accounts = accounts
        sessions = threads.map { ($0, SourceTable.key(["id"])) }
        func column(_ table: SourceTable?, _ alias: String, _ name: String) -> String {
            table?.column(name).map { "\(alias).\(SourceTable.quoted($0))" } ?? "NULL"
        }
        messageColumns = ["id", "content", "role", "type", "resourceId"].map { column(messages, "m", $0) }
        let hasResources = resources?.has("id") == true && threads?.has("resourceId") == true
        sessionColumns =
            ["resourceId", "title", "metadata", "createdAt", "updatedAt", "archivedAt"].map { column(threads, "t", $0) }
            + [column(messages, "f", "resourceId")]
            + ["workingMemory", "metadata"].map { hasResources ? column(resources, "r", $0) : "NULL" }
        sessionJoins =
            hasResources ? resources.map { "LEFT JOIN \($0.sql) AS r ON r.id = t.\"resourceId\"" } ?? "" : ""
    }

    func session(
        _ row: borrowing SQLiteCursor, from column: Int, key: String, exists: Bool, changes: inout RowChanges
    ) throws(Rejection) -> MappedSession {
        let (id, isDerived) = sessionIDs.id(key)
        if isDerived { changes.insert(.idDerived) }
        let metadata = row.json(column + 2, &changes)
        var place = MastraPlace(thread: key)
        if case .value(let json) = metadata { place = MastraPlace(json, thread: key, &changes) }
        if let account = accounts[place.platform], place.account == nil { place.account = account }
        let resource = row.text(column, &changes) ?? row.text(column + 6, &changes)
        var mapped = MappedSession(
            session: LogMessage.Session(
                id: id, platform: place.platform, account: place.account ?? "default",
                conversation: place.conversation, thread: place.thread, user: resource))
        if exists {
            mapped.createdAt = try time(row, column + 3, "createdAt", &changes)
            mapped.lastActivity = try time(row, column + 4, "updatedAt", &changes)
            if case .value = row.time(column + 5, .auto) { mapped.status = "closed" }
        }
        let title = row.text(column + 1, &changes)
        var writer = JSONWriter(capacity: 256)
        writer.object { object in
            object.field("thread", place.thread)
            if let title, !title.isEmpty { object.field("title", title) }
            var mastra = JSONWriter(capacity: 128)
            mastra.object { mastra in
                if isDerived { mastra.field("thread", key) }
                mastra.field("metadata", metadata, &changes)
                mastra.field("working_memory", row.text(column + 7, &changes))
                mastra.field("resource_metadata", row.json(column + 8, &changes), &changes)
            }
            if mastra.bytes.count > 2 { object.rawField("mastra", mastra.bytes) }
        }
        mapped.metadata = StoredText.storable(json: writer.bytes, &changes)
        return mapped
    }

    private func time(
        _ row: borrowing SQLiteCursor, _ column: Int, _ name: String, _ changes: inout RowChanges
    ) throws(Rejection) -> Timestamp? {
        switch row.time(column, .auto) {
        case .none: return nil
        case .value(let time): return time
        case .invalid:
            // The messages know better than a broken date of their thread.
            changes.insert(.timeMissing)
            return nil
        }
    }

    func message(
        _ row: borrowing SQLiteCursor, from column: Int, rowid: Int64, at time: Timestamp,
        session: LogMessage.Session, changes: inout RowChanges
    ) throws(Rejection) -> LogMessage? {
        guard let key = row.text(column, &changes), !key.isEmpty else { throw Rejection("id is missing") }
        let (id, isDerived) = Self.messageIDs.id(key)
        if isDerived { changes.insert(.idDerived) }
        let role = row.text(column + 2, &changes) ?? ""
        let type = row.text(column + 3, &changes) ?? ""
        let content = MastraContent(row, column + 1, isSecondFormat: type == "v2", &changes)

        // A signal is what the application tells the model; only those of a user are words of somebody.
        let isUser = role == "user" || (role == "signal" && content.isUserSignal)
        let isForUsers = (isUser || role == "assistant") && !content.isHidden && !content.isSignalForModel
        if isForUsers, content.hasHiddenParts { changes.insert(.modelPartsLeftOut) }
        // The steps of tools: nothing of them was ever said.
        let isEvent = !isForUsers || (content.text == nil && content.attachmentCount == 0)
        if isEvent { changes.insert(.keptAsEvent) }
        let sender = isUser ? row.text(column + 4, &changes) ?? session.user : nil

        let needsRole = !(role == "user" || role == "assistant")
        let parts = isEvent ? content.allParts(&changes) : content.otherParts
        var writer = JSONWriter(capacity: 256)
        writer.object { object in
            if isDerived || needsRole || parts != nil || content.metadata.exists || !["", "v2", "text"].contains(type) {
                object.objectField("mastra") { mastra in
                    if isDerived { mastra.field("id", key) }
                    if needsRole { mastra.field("role", role) }
                    if !["", "v2", "text"].contains(type) { mastra.field("type", type) }
                    if content.metadata.exists { mastra.field("metadata", content.metadata) }
                    if let parts { mastra.rawField("parts", parts) }
                }
            }
            if let raw = content.raw { object.field("raw", raw) }
        }
        return LogMessage(
            id: id, at: time, session: session, direction: isUser ? .inbound : .outbound, sender: sender,
            type: isEvent ? ContentKind.event.rawValue : content.kind.rawValue,
            text: isEvent ? nil : content.text.map { StoredText.storable($0, &changes) },
            attachments: isEvent ? LogMessage.noAttachments : StoredText.storable(json: content.attachments, &changes),
            status: isUser ? .received : .sent, metadata: StoredText.storable(json: writer.bytes, &changes))
    }
}

extension JSONWriter {
    /// Writes a member with a column's JSON; what is none is kept as `{"raw": …}`, and nothing where there is nothing.
    mutating func field(_ name: StaticString, _ json: StoredJSON, _ changes: inout RowChanges) {
        switch json {
        case .none: break
        case .value(let value):
            if value.count > 0 || (value.kind != .object && !value.isNull) { field(name, value) }
        case .invalid(let text):
            changes.insert(.jsonWrapped)
            objectField(name) { $0.field("raw", text) }
        }
    }
}
