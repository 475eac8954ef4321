/// Builds the data of a binary `COPY … FROM STDIN (FORMAT binary)` (PostgreSQL manual, COPY, "Binary Format").
///
/// Call ``beginRow(fields:)``, then one `append` for each column in order; every row must have as many as it announced.
public struct PostgresCopyBuilder: Sendable {
    private var bytes: [UInt8]

    /// Starts with the file header.
    ///
    /// - Parameter capacity: Bytes expected in all; only a hint.
    public init(capacity: Int = 0) {
        bytes = []
        bytes.reserveCapacity(capacity + 32)
        bytes.append(contentsOf: "PGCOPY\n".utf8)
        bytes.append(contentsOf: [0xff, 0x0d, 0x0a, 0x00])
        bytes.append(contentsOf: repeatElement(0, count: 8))
    }

    /// Begins a row of so many columns.
    public mutating func beginRow(fields: Int16) {
        bytes.append(bigEndian: fields)
    }

    /// Appends NULL.
    public mutating func appendNull() {
        bytes.append(bigEndian: Int32(-1))
    }

    /// Appends a `uuid`.
    public mutating func append(_ value: PostgresUUID) {
        bytes.append(bigEndian: Int32(16))
        bytes.append(bigEndian: value.high)
        bytes.append(bigEndian: value.low)
    }

    /// Appends a `text`; nil is NULL.
    public mutating func append(_ value: String?) {
        guard let value else { return appendNull() }
        bytes.append(bigEndian: Int32(value.utf8.count))
        bytes.append(contentsOf: value.utf8)
    }

    /// Appends a `timestamptz` in microseconds since 1970-01-01T00:00:00Z.
    public mutating func append(microsecondsSinceUnixEpoch value: Int64) {
        bytes.append(bigEndian: Int32(8))
        bytes.append(bigEndian: PostgresTime.wire(fromUnix: value))
    }

    /// Appends a `jsonb` from UTF-8 JSON text.
    public mutating func append(json value: some Collection<UInt8>) {
        bytes.append(bigEndian: Int32(value.count + 1))
        bytes.append(PostgresType.jsonbVersion)
        bytes.append(contentsOf: value)
    }

    /// Appends the trailer and gives the data.
    public consuming func finish() -> [UInt8] {
        bytes.append(bigEndian: Int16(-1))
        return bytes
    }
}
