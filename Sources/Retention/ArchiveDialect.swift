internal import JSON

/// What Postgres and SQLite write differently.
package enum ArchiveDialect: Sendable {
    case postgres, sqlite

    /// A parameter as an id.
    func id(_ parameter: String) -> String { self == .postgres ? "\(parameter)::text::uuid" : parameter }

    /// A parameter as a time.
    func time(_ parameter: String) -> String { self == .postgres ? "\(parameter)::text::timestamptz" : parameter }

    /// A parameter as JSON.
    func json(_ parameter: String) -> String { self == .postgres ? "\(parameter)::text::jsonb" : parameter }

    /// Whether a column is one of a list of ids; see ``list(_:)``.
    func isOne(of parameter: String) -> String {
        self == .postgres ? "= ANY (\(parameter)::text::uuid[])" : "IN (SELECT value FROM json_each(\(parameter)))"
    }

    /// Whether a text is one of a list; see ``list(_:)``.
    func isText(of parameter: String) -> String {
        self == .postgres ? "= ANY (\(parameter)::text::text[])" : "IN (SELECT value FROM json_each(\(parameter)))"
    }

    /// The parameter that stands for a list of ids.
    func list(_ ids: [String]) -> String {
        if self == .postgres { return "{\(ids.joined(separator: ","))}" }
        var writer = JSONWriter()
        writer.array { array in
            for id in ids { array.value(id) }
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// A column of a time as text, in the form of ISO 8601 with microseconds.
    func text(ofTime column: String) -> String {
        self == .postgres
            ? #"to_char(\#(column) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"# : column
    }

    /// Whether the JSON of a column has a member that is true.
    func isTrue(_ column: String, _ member: String) -> String {
        self == .postgres
            ? "\(column) -> '\(member)' = 'true'::jsonb" : "coalesce(json_extract(\(column), '$.\(member)'), 0) = 1"
    }

    /// A member of the JSON of a column, as text.
    func member(_ column: String, _ member: String) -> String {
        self == .postgres ? "\(column) ->> '\(member)'" : "json_extract(\(column), '$.\(member)')"
    }

    /// Whether the text of a column holds a parameter's.
    func holds(_ column: String, _ parameter: String) -> String {
        self == .postgres
            ? "strpos(coalesce(\(column)::text, ''), \(parameter)::text) > 0"
            : "instr(coalesce(\(column), ''), \(parameter)) > 0"
    }
}
