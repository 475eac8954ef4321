internal import BridgeCore
internal import JSON
internal import SQLite

/// Guesses what the tables of a file hold.
struct MappingSuggestion {
    private let file: SourceFile
    private let messages: SourceTable
    private var sessions: SourceTable?
    private var sessionKey: String?
    private var notes: [String] = []

    /// Nil when no table looks as if it held messages.
    init?(file: SourceFile) async throws(ImportSourceError) {
        self.file = file
        let best = file.tables.max { Self.score($0) < Self.score($1) }
        guard let best, Self.score(best) >= 6 else { return nil }
        messages = best
        try await findSessions()
    }

    // MARK: Names

    /// Names of columns in lower case without underscores, the likeliest first.
    private enum Names {
        static let time = [
            "createdat", "sentat", "timestamp", "time", "datetime", "ts", "date", "created", "receivedat", "insertedat",
            "messagedate", "senttime", "createdtime", "createdon", "dateadded",
        ]
        static let text = [
            "text", "content", "body", "messagetext", "contenttext", "message", "msg", "utterance", "value", "payload",
        ]
        static let session = [
            "sessionid", "conversationid", "threadid", "chatid", "dialogid", "roomid", "channelid", "ticketid",
            "sessionkey",
            "conversation", "session", "thread", "chat", "peerid", "contactid", "userid", "phone", "jid", "user",
        ]
        static let direction = [
            "direction", "role", "sendertype", "senderrole", "speaker", "frombot", "isbot", "isai", "fromme",
            "isfromme",
            "isoutgoing", "outgoing", "isuser", "fromuser", "isincoming", "incoming", "author", "sender", "who", "type",
        ]
        static let id = ["id", "messageid", "uuid", "msgid", "guid"]
        static let sender = ["senderid", "fromid", "authorid", "userid", "sender", "username", "from"]
        static let platform = ["platform", "channeltype", "provider", "messenger", "network", "source", "channel"]
        static let user = ["userid", "contactid", "customerid", "participantid", "phone", "username", "user"]
        static let conversation = [
            "externalid", "platformconversationid", "chatid", "channelid", "telegramid", "phone", "jid",
        ]
        static let activity = ["lastactivity", "lastmessageat", "updatedat", "lastseen", "modifiedat", "updated"]
        static let metadata = ["metadata", "meta", "extra", "attributes", "properties"]
    }

    private static func plain(_ name: String) -> String { String(name.lowercased().filter { $0 != "_" && $0 != "-" }) }

    private static func pick(_ names: [String], from table: SourceTable, except taken: [String] = []) -> String? {
        let free = table.columns.map(\.name).filter { !taken.contains($0) }
        return names.lazy.compactMap { name in free.first { plain($0) == name } }.first
    }

    private static func score(_ table: SourceTable) -> Int {
        guard pick(Names.text, from: table) != nil, let time = pick(Names.time, from: table) else { return 0 }
        let name = plain(table.name)
        let words = [
            ("message", 5), ("msg", 4), ("utterance", 4), ("history", 2), ("chat", 1), ("log", 1), ("turn", 1),
        ]
        var score = words.reduce(0) { $0 + (name.contains($1.0) ? $1.1 : 0) }
        score += 4
        score += pick(Names.session, from: table, except: [time]) == nil ? 0 : 2
        score += pick(Names.direction, from: table) == nil ? 0 : 2
        return score - (table.rowid == nil ? 1 : 0)
    }

    // MARK: Looking into the file

    private mutating func findSessions() async throws(ImportSourceError) {
        guard let column = Self.pick(Names.session, from: messages) else { return }
        sessionKey = column
        let keys = try await rows(
            "SELECT \"table\" FROM pragma_foreign_key_list(?) WHERE \"from\" = ?",
            [.text(messages.name), .text(column)])
        if case .text(let name)? = keys.first?.first, let table = file.table(name), table.name != messages.name {
            sessions = table
            return
        }
        var stem = Self.plain(column)
        for suffix in ["id", "key"] where stem.hasSuffix(suffix) && stem != suffix {
            stem = String(stem.dropLast(suffix.count))
        }
        let names = [stem, "\(stem)s", "sessions", "conversations", "threads", "chats", "dialogs", "rooms"]
        for name in names {
            let found = file.tables.first { Self.plain($0.name) == name && $0.name != messages.name }
            guard let found, Self.pick(["id", Self.plain(column)], from: found) != nil else { continue }
            sessions = found
            return
        }
    }

    private func rows(_ sql: String, _ parameters: [SQLiteValue] = []) async throws(ImportSourceError)
        -> [[SQLiteValue]]
    {
        do throws(SQLiteError) { return try await file.database.query(sql, parameters).rows } catch {
            throw file.translated(error)
        }
    }

    private func samples(_ column: String, of table: SourceTable) async throws(ImportSourceError) -> [SQLiteValue] {
        let name = SourceTable.quoted(column)
        // The newest rows too: a program may have changed its mind.
        return try await rows(
            """
            SELECT DISTINCT \(name) FROM (
                SELECT * FROM (SELECT \(name) FROM \(table.sql) WHERE \(name) IS NOT NULL LIMIT 20000)
                UNION ALL SELECT max(\(name)) FROM \(table.sql)) LIMIT 24
            """
        ).compactMap(\.first).filter { $0 != .null }
    }

    /// How a column writes its times.
    private func format(_ column: String, of table: SourceTable) async throws(ImportSourceError) -> TimeFormat? {
        guard let value = try await samples(column, of: table).first else { return .auto }
        switch value {
        case .integer(let number):
            switch number.magnitude {
            case ..<100_000_000_000: return .unix
            case ..<100_000_000_000_000: return .unixMilliseconds
            default: return number.magnitude < 100_000_000_000_000_000 ? .unixMicroseconds : .auto
            }
        case .real(let number):
            return (1_721_059.5..<5_373_484.5).contains(number) ? .julianday : number < 1e11 ? .unix : .unixMilliseconds
        case .text(var text):
            let isTime = text.withUTF8 { TimeFormat.auto.microseconds(UnsafeRawBufferPointer($0)) } != nil
            guard isTime else { return nil }
            return text.contains("T") ? .iso : text.contains("-") ? .sqlite : .auto
        default: return nil
        }
    }

    // MARK: Writing

    /// The mapping, indented.
    mutating func json() async throws(ImportSourceError) -> [UInt8] {
        let message = try await messageFields()
        let session = try await sessionFields()
        if notes.isEmpty { notes = ["try it with --dry-run before the import"] }
        let fileName = file.path.split(separator: "/").last.map(String.init) ?? "store"
        var writer = JSONWriter()
        writer.object { object in
            object.field("name", fileName.split(separator: ".").first.map(String.init) ?? fileName)
            object.arrayField("notes") { array in notes.forEach { array.value($0) } }
            object.objectField("sessions") { fields in
                for (name, value) in session {
                    fields.key(name)
                    fields.raw(value)
                }
            }
            object.objectField("messages") { fields in
                for (name, value) in message {
                    fields.key(name)
                    fields.raw(value)
                }
            }
        }
        return Self.indented(writer.bytes)
    }

    private mutating func messageFields() async throws(ImportSourceError) -> [(String, [UInt8])] {
        var taken: [String] = []
        func take(_ names: [String]) -> String? {
            let found = Self.pick(names, from: messages, except: taken)
            if let found { taken.append(found) }
            return found
        }
        let primary = messages.columns.filter { $0.keyPlace > 0 }.sorted { $0.keyPlace < $1.keyPlace }.map(\.name)
        var fields: [(String, [UInt8])] = [("table", Self.text(messages.name))]
        if !primary.isEmpty {
            fields.append(("id", primary.count == 1 ? Self.text(primary[0]) : Self.list(primary)))
            taken += primary.count == 1 ? primary : []
        } else if let id = take(Names.id) {
            fields.append(("id", Self.text(id)))
        } else {
            notes.append(
                "messages.id: no column looks like an id; rows are told by their numbers, which VACUUM may change")
        }
        if let sessionKey {
            taken.append(sessionKey)
            fields.append(("session", Self.text(sessionKey)))
        } else {
            fields.append(("session", Self.text("FIXME")))
            notes.append("messages.session: name the column that says which conversation a message belongs to")
        }
        if let time = take(Names.time) {
            let format = try await format(time, of: messages)
            fields.append(("created_at", Self.time(time, format)))
            if format == nil {
                notes.append("messages.created_at: the values of \(time) are no times that can be read")
            }
        }
        let text = take(Names.text)
        fields.append(try await direction(&taken))
        if let text { fields.append(("text", Self.text(text))) }
        if let sender = take(Names.sender) { fields.append(("sender", Self.text(sender))) }
        let rest = messages.columns.map(\.name).filter { !taken.contains($0) && !primary.contains($0) }
        if !rest.isEmpty { fields.append(("metadata", Self.list(rest))) }
        return fields
    }

    /// Who is speaking, with a word for each value that was found.
    private mutating func direction(_ taken: inout [String]) async throws(ImportSourceError) -> (String, [UInt8]) {
        guard let column = Self.pick(Names.direction, from: messages, except: taken) else {
            notes.append(
                "messages.direction: name the column that tells users from the bot; all are inbound until then")
            return ("direction", Self.object { $0.field("value", "inbound") })
        }
        taken.append(column)
        let name = Self.plain(column)
        let isOfUser = ["isuser", "fromuser", "isincoming", "incoming"].contains(name)
        let values = try await samples(column, of: messages).map { value in
            switch value {
            case .integer(let number): String(number)
            case .text(let text): text
            case .real(let number): String(number)
            default: ""
            }
        }
        var unknown: [String] = []
        let json = Self.object { object in
            object.field("column", column)
            object.objectField("values") { words in
                for value in Set(values).sorted() {
                    words.key(value)
                    if value == "0" || value == "1" {
                        words.value((value == "1") == isOfUser ? "inbound" : "outbound")
                    } else if let known = MappedMapper.direction(of: value) {
                        words.value(known.rawValue)
                    } else {
                        // Left out until somebody says what they are.
                        words.null()
                        unknown.append(value)
                    }
                }
            }
        }
        if !unknown.isEmpty {
            notes.append(
                "messages.direction: \(unknown.joined(separator: ", ")) left out by null; give \"inbound\" or \"outbound\" to keep such rows"
            )
        }
        return ("direction", json)
    }

    private mutating func sessionFields() async throws(ImportSourceError) -> [(String, [UInt8])] {
        var fields: [(String, [UInt8])] = []
        let table = sessions ?? messages
        var taken: [String] = []
        if let sessions, let sessionKey {
            let id = Self.pick(["id", Self.plain(sessionKey)], from: sessions) ?? sessions.columns.first?.name ?? "id"
            taken.append(id)
            fields += [("table", Self.text(sessions.name)), ("id", Self.text(id))]
        }
        if let platform = Self.pick(Names.platform, from: table, except: taken) {
            taken.append(platform)
            fields.append(("platform", Self.text(platform)))
            notes.append(
                "sessions.platform: the values of \(platform) must be names of platforms, as \"telegram\"; else give \"values\""
            )
        } else {
            let known = ["telegram", "whatsapp", "slack", "discord", "messenger", "instagram", "viber", "line", "zalo"]
            let words = (file.path + " " + file.tables.map(\.name).joined(separator: " ")).lowercased()
            let found = known.first { words.contains($0) }
            fields.append(("platform", Self.object { $0.field("value", found ?? "imported") }))
            notes.append(
                found == nil
                    ? "sessions.platform: set it to the platform's name, as \"telegram\", for chats to go on there"
                    : "sessions.platform: \"\(found ?? "")\" is a guess from the names")
        }
        let conversation =
            Self.pick(Names.conversation, from: table, except: taken) ?? (sessions == nil ? sessionKey : taken.first)
        if let conversation {
            fields.append(("conversation", Self.text(conversation)))
            notes.append("sessions.conversation: must be the platform's id of the chat, for it to go on")
        }
        if let user = Self.pick(Names.user, from: table, except: taken) { fields.append(("user", Self.text(user))) }
        guard sessions != nil else { return fields }
        for (name, names) in [("created_at", Names.time), ("last_activity", Names.activity)] {
            guard let column = Self.pick(names, from: table, except: taken) else { continue }
            taken.append(column)
            fields.append((name, Self.time(column, try await format(column, of: table))))
        }
        if let metadata = Self.pick(Names.metadata, from: table, except: taken) {
            fields.append(("metadata", Self.text(metadata)))
        }
        return fields
    }

    private static func object(_ body: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter()
        writer.object(body)
        return writer.bytes
    }

    private static func text(_ text: String) -> [UInt8] {
        var writer = JSONWriter()
        writer.value(text)
        return writer.bytes
    }

    private static func list(_ names: [String]) -> [UInt8] {
        var writer = JSONWriter()
        writer.array { array in names.forEach { array.value($0) } }
        return writer.bytes
    }

    private static func time(_ column: String, _ format: TimeFormat?) -> [UInt8] {
        object { object in
            object.field("column", column)
            object.field("time", (format ?? .auto).rawValue)
        }
    }

    /// The same JSON in lines: the two outer levels, each of whose values stays in its line.
    static func indented(_ json: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        var depth = 0
        var isString = false
        var isEscaped = false
        func newLine() { output += [0x0a] + [UInt8](repeating: 0x20, count: depth * 2) }
        for byte in json {
            if isString {
                output.append(byte)
                if byte == 0x22, !isEscaped { isString = false }
                isEscaped = byte == 0x5c && !isEscaped
                continue
            }
            switch byte {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                output.append(byte)
                depth += 1
                if depth <= 2 { newLine() }
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth < 2 { newLine() }
                output.append(byte)
            case UInt8(ascii: ","):
                output.append(byte)
                if depth <= 2 { newLine() } else { output.append(0x20) }
            case UInt8(ascii: ":"): output += [byte, 0x20]
            default:
                isString = byte == 0x22
                output.append(byte)
            }
        }
        return output + [0x0a]
    }
}
