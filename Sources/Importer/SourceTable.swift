internal import SQLite

/// A table or view of the source.
struct SourceTable: Sendable, Equatable {
    struct Column: Sendable, Equatable {
        var name: String
        /// As declared, in lower case; often empty.
        var type: String
        /// Its place in the primary key from 1 on; 0 for the rest.
        var keyPlace: Int
    }

    /// The name, as rejected rows carry it.
    var name: String
    var columns: [Column]
    /// SQL of the table, which is a copy where the original has no row numbers.
    var sql: String
    /// The name by which SQL knows the row's number; nil for a view, and a table `WITHOUT ROWID`.
    var rowid: String?

    /// The column of that name as it is written in the schema; SQL does not tell upper from lower case.
    func column(_ name: String) -> String? {
        columns.first { $0.name == name }?.name
            ?? columns.first { $0.name.lowercased() == name.lowercased() }?.name
    }

    func has(_ names: String...) -> Bool { names.allSatisfy { column($0) != nil } }

    /// A name as SQL takes it, whatever is in it.
    static func quoted(_ name: String) -> String {
        "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }

    /// SQL of a key as text: numbers in decimal and blobs in hexadecimal digits, so that a key is the same on both sides
    /// of a reference whatever types the columns have.
    static func key(_ columns: [String], of alias: String? = nil) -> String {
        let parts = columns.map { name in
            let column = (alias.map { "\($0)." } ?? "") + quoted(name)
            return "CASE typeof(\(column)) WHEN 'blob' THEN lower(hex(\(column))) ELSE CAST(\(column) AS TEXT) END"
        }
        // A separator that nobody writes, between parts of which NULL counts as empty.
        guard parts.count > 1 else { return parts.first ?? "NULL" }
        return parts.map { "coalesce(\($0), '')" }.joined(separator: " || char(31) || ")
    }

    /// Reads the tables and views of a file.
    static func all(in database: SQLiteDatabase) async throws(SQLiteError) -> [SourceTable] {
        let found = try await database.query(
            """
            SELECT name, type FROM sqlite_master
            WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid
            """)
        var tables: [SourceTable] = []
        for row in found.rows {
            guard case .text(let name) = row[0], case .text(let type) = row[1] else { continue }
            // A virtual table of an extension that is not here cannot be looked into, and is no store of chats.
            guard
                let info = try? await database.query("SELECT name, type, pk FROM pragma_table_info(?)", [.text(name)])
            else { continue }
            let columns = info.rows.map { row in
                guard case .text(let name) = row[0], case .text(let type) = row[1], case .integer(let place) = row[2]
                else {
                    return Column(name: "", type: "", keyPlace: 0)
                }
                return Column(name: name, type: type.lowercased(), keyPlace: Int(place))
            }
            var table = SourceTable(name: name, columns: columns, sql: "main.\(quoted(name))", rowid: nil)
            if type == "table", let free = ["rowid", "_rowid_", "oid"].first(where: { table.column($0) == nil }) {
                // A table WITHOUT ROWID says so when asked.
                let probe = try? await database.query("SELECT \(free) FROM \(table.sql) LIMIT 0")
                if probe != nil { table.rowid = free }
            }
            tables.append(table)
        }
        return tables
    }
}
