internal import JSON

/// Reads a mapping from JSON and gathers what is wrong with it.
struct MappingReader {
    private(set) var problems: [String] = []

    mutating func mapping(_ root: JSONView) -> ImportMapping {
        var mapping = ImportMapping()
        guard root.kind == .object else {
            problems.append("the mapping must be a JSON object with \"name\", \"sessions\" and \"messages\"")
            return mapping
        }
        check(root, at: "", known: ["name", "accounts", "sessions", "messages", "notes"])
        for (platform, account) in root["accounts"].members {
            if let account = account.idString {
                mapping.accounts[platform] = account
            } else {
                problems.append("accounts.\(platform): must be the account's id as a string")
            }
        }
        if root["accounts"].exists, root["accounts"].kind != .object {
            problems.append("accounts: must be an object, as {\"slack\": \"T0123456\"}")
        }
        let hasTables = root["sessions"].exists || root["messages"].exists
        guard hasTables else {
            if mapping.accounts.isEmpty {
                problems.append("messages: is missing; it says which table and columns the messages are in")
            }
            return mapping
        }
        mapping.name = root["name"].string ?? ""
        if mapping.name.isEmpty {
            problems.append(
                "name: is missing; a word for this store, which must be the same in every run, since ids are made with it"
            )
        }
        if root["messages"].kind == .object {
            mapping.messages = messages(root["messages"])
        } else {
            problems.append("messages: is missing or no object; it says which table and columns the messages are in")
        }
        if root["sessions"].kind == .object {
            mapping.sessions = sessions(root["sessions"])
        } else {
            problems.append(
                "sessions: is missing or no object; at least {\"platform\": {\"value\": \"telegram\"}} is needed")
        }
        return mapping
    }

    private mutating func sessions(_ json: JSONView) -> ImportMapping.Sessions {
        let place = "sessions"
        check(
            json, at: place,
            known: [
                "table", "id", "platform", "account", "conversation", "thread", "user", "status", "created_at",
                "last_activity", "metadata", "notes",
            ])
        var sessions = ImportMapping.Sessions()
        sessions.table = table(json, at: place)
        sessions.id = field(json, "id", at: place, isKey: true)
        sessions.platform = field(json, "platform", at: place)
        sessions.account = field(json, "account", at: place)
        sessions.conversation = field(json, "conversation", at: place)
        sessions.thread = field(json, "thread", at: place)
        sessions.user = field(json, "user", at: place)
        sessions.status = field(json, "status", at: place)
        sessions.createdAt = field(json, "created_at", at: place)
        sessions.lastActivity = field(json, "last_activity", at: place)
        sessions.metadata = field(json, "metadata", at: place, isList: true)
        if !sessions.platform.isGiven, !json["platform"].exists {
            problems.append("sessions.platform: is missing; for one platform: {\"value\": \"telegram\"}")
        }
        if sessions.table != nil, sessions.id.columns.isEmpty, !json["id"].exists {
            problems.append("sessions.id: is missing; the column that messages refer to")
        }
        if sessions.table == nil, sessions.id.isGiven {
            problems.append("sessions.id: has no meaning without sessions.table; messages.session is the id then")
        }
        return sessions
    }

    private mutating func messages(_ json: JSONView) -> ImportMapping.Messages {
        let place = "messages"
        check(
            json, at: place,
            known: [
                "table", "id", "session", "direction", "created_at", "text", "sender", "type", "attachments", "request",
                "status", "metadata", "notes",
            ])
        var messages = ImportMapping.Messages()
        if let table = table(json, at: place) {
            messages.table = table
        } else if !json["table"].exists {
            problems.append("messages.table: is missing")
        }
        messages.id = field(json, "id", at: place, isKey: true)
        messages.session = field(json, "session", at: place, isKey: true)
        messages.direction = field(json, "direction", at: place)
        messages.createdAt = field(json, "created_at", at: place)
        messages.text = field(json, "text", at: place)
        messages.sender = field(json, "sender", at: place)
        messages.type = field(json, "type", at: place)
        messages.attachments = field(json, "attachments", at: place)
        messages.request = field(json, "request", at: place)
        messages.status = field(json, "status", at: place)
        messages.metadata = field(json, "metadata", at: place, isList: true)
        let needed = [
            ("session", messages.session, "the column that says which conversation a message belongs to"),
            (
                "direction", messages.direction,
                "as {\"column\": \"role\", \"values\": {\"user\": \"inbound\", \"assistant\": \"outbound\"}}"
            ), ("created_at", messages.createdAt, "the column of the message's time"),
        ]
        for (name, field, what) in needed where !field.isGiven && !json[name].exists {
            problems.append("messages.\(name): is missing; \(what)")
        }
        if messages.createdAt.constant != nil { problems.append("messages.created_at: must be a column") }
        if messages.session.constant != nil { problems.append("messages.session: must be a column") }
        if messages.id.constant != nil { problems.append("messages.id: must be a column") }
        let words = Set(["inbound", "outbound"])
        let directions =
            (messages.direction.values?.values.compactMap { $0 } ?? [])
            + [
                messages.direction.constant, messages.direction.otherwise,
            ].compactMap { $0 }
        for word in Set(directions).subtracting(words).sorted() {
            problems.append("messages.direction: \"\(word)\" is neither \"inbound\" nor \"outbound\"")
        }
        return messages
    }

    private mutating func table(_ json: JSONView, at place: String) -> String? {
        guard json["table"].exists else { return nil }
        guard let name = json["table"].string, !name.isEmpty else {
            problems.append("\(place).table: must be a table's name")
            return nil
        }
        return name
    }

    /// One value: a column's name, a list of columns, or an object.
    private mutating func field(
        _ json: JSONView, _ name: String, at parent: String, isKey: Bool = false, isList: Bool = false
    ) -> ImportMapping.Field {
        let value = json[name]
        let place = "\(parent).\(name)"
        var field = ImportMapping.Field()
        switch value.kind {
        case .missing, .null: break
        case .string: field.columns = [value.string ?? ""]
        case .array:
            field.columns = value.elements.compactMap(\.string)
            field.isList = isList
            if !(isKey || isList) {
                problems.append("\(place): must be one column")
            } else if field.columns.count != value.count || field.columns.isEmpty {
                problems.append("\(place): must be a list of columns")
            }
        case .object:
            check(
                value, at: place,
                known: ["value", "column", "columns", "path", "values", "else", "time", "offset", "notes"])
            read(value, at: place, isKey: isKey, into: &field)
        default: problems.append("\(place): must be a column's name, or an object with \"column\" or \"value\"")
        }
        return field
    }

    private mutating func read(
        _ value: JSONView, at place: String, isKey: Bool, into field: inout ImportMapping.Field
    ) {
        if value["value"].exists {
            field.constant = value["value"].idString
            if field.constant == nil { problems.append("\(place).value: must be a string") }
        }
        if let column = value["column"].string { field.columns = [column] }
        let columns = value["columns"].elements.compactMap(\.string)
        if !columns.isEmpty {
            field.columns = columns
            if !isKey { problems.append("\(place).columns: is for keys; name one \"column\"") }
        }
        if field.constant == nil, field.columns.isEmpty {
            problems.append("\(place): needs a \"column\" or a \"value\"")
        }
        if field.constant != nil, !field.columns.isEmpty {
            problems.append("\(place): has both a \"column\" and a \"value\"")
        }
        let path = value["path"]
        if path.exists {
            field.path =
                path.string.map { $0.split(separator: ".").map(String.init) } ?? path.elements.compactMap(\.idString)
            if field.path.isEmpty { problems.append("\(place).path: must be member names, as \"message.text\"") }
        }
        if value["values"].exists {
            guard value["values"].kind == .object else {
                return problems.append("\(place).values: must be an object from their values to ours")
            }
            var values: [String: String?] = [:]
            for (from, to) in value["values"].members {
                if to.isNull {
                    values[from] = .some(nil)
                } else if let to = to.idString {
                    values[from] = to
                } else {
                    problems.append("\(place).values.\(from): must be a string, or null to leave such rows out")
                }
            }
            field.values = values
        }
        if value["else"].exists {
            field.otherwise = value["else"].idString
            if field.otherwise == nil { problems.append("\(place).else: must be a string") }
        }
        if let name = value["time"].string {
            if let format = TimeFormat(rawValue: name) {
                field.time = format
            } else {
                let known = TimeFormat.allCases.map(\.rawValue).joined(separator: ", ")
                problems.append("\(place).time: \"\(name)\" is none of \(known)")
            }
        }
        if let text = value["offset"].string {
            // A date with the offset says what it comes to.
            var date = "1970-01-01T00:00:00\(text)"
            let time = date.withUTF8 { TimeFormat.iso.microseconds(UnsafeRawBufferPointer($0)) }
            if let time {
                field.offset = -time / 1_000_000
            } else {
                problems.append("\(place).offset: must be as \"+07:00\"")
            }
        }
    }

    /// Finds misspelt names: what nobody reads would be missed by nobody.
    private mutating func check(_ json: JSONView, at place: String, known: [String]) {
        for (key, _) in json.members where !known.contains(key) && !key.hasPrefix("_") {
            problems.append(
                "\(place.isEmpty ? key : "\(place).\(key)"): is not known; there is \(known.joined(separator: ", "))")
        }
    }
}
