internal import BridgeCore
package import SQLite

extension SQLiteDatabase {
    /// The people in the table of those who were forgotten.
    package func erasures() throws(SQLiteError) -> Erasures {
        let rows = try query("SELECT number, key, person, erased_at FROM erasures ORDER BY number")
        var entries: [Erasures.Entry] = []
        var number: Int64 = 0
        for index in 0..<rows.count {
            let row = rows[index]
            number = Int64(try row.int("number") ?? 0)
            entries.append(
                Erasures.Entry(
                    key: try row.blob("key") ?? [], person: try row.blob("person") ?? [],
                    at: try row.text("erased_at").flatMap { Timestamp($0) } ?? Timestamp(microseconds: .min)))
        }
        return Erasures(number: number, entries)
    }
}
