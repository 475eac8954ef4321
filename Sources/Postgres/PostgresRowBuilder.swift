internal import Glibc

/// Builds rows in Postgres's binary format, field by field, straight into one buffer.
///
/// A field has the same bytes in a row of a binary COPY and in an array: so the same rows can go by
/// `COPY … FROM STDIN (FORMAT binary)` (``copyData()``) and, when that is refused, by
/// `INSERT … SELECT FROM unnest($1::uuid[], …)` (``arrays(_:)``), without being made again.
public struct PostgresRowBuilder: Sendable {
    /// Columns of every row.
    private let columns: Int
    /// Longer than what is written: room is made ahead, so that a row is written by bare stores.
    private var bytes: [UInt8]
    private var end = 0
    private var starts: [Int] = []

    /// Starts without rows.
    ///
    /// - Parameters:
    ///   - columns: How many fields each row has.
    ///   - rows: How many are expected; only a hint.
    ///   - size: How many bytes are expected in all; only a hint.
    public init(columns: Int, capacity rows: Int = 0, bytes size: Int = 0) {
        self.columns = columns
        bytes = [UInt8](repeating: 0, count: size)
        starts.reserveCapacity(rows)
    }

    /// How many rows there are.
    public var count: Int { starts.count }

    /// Appends a row.
    ///
    /// - Parameters:
    ///   - size: At least the bytes of all values together, one more for each `jsonb`.
    ///   - write: Writes one value for each column, in order.
    public mutating func append(size: Int, _ write: (inout PostgresRowWriter) -> Void) {
        let room = 2 + 4 * columns + size
        if bytes.count - end < room {
            bytes.append(contentsOf: repeatElement(0, count: max(room, bytes.count)))
        }
        starts.append(end)
        let (start, fields) = (end, columns)
        end = bytes.withUnsafeMutableBytes { buffer in
            var writer = PostgresRowWriter(UnsafeMutableRawBufferPointer(rebasing: buffer[start...].prefix(room)))
            writer.begin(fields)
            write(&writer)
            precondition(writer.fields == fields, "A row has as many values as there are columns")
            return start + writer.position
        }
    }

    /// Puts the rows into another order, or leaves some out.
    ///
    /// - Parameter order: The places of the rows to keep.
    public mutating func reorder(_ order: [Int]) {
        var moved: [UInt8] = []
        moved.reserveCapacity(end)
        var places: [Int] = []
        places.reserveCapacity(order.count)
        for row in order {
            places.append(moved.count)
            moved.append(contentsOf: bytes[range(of: row)])
        }
        (bytes, end, starts) = (moved, moved.count, places)
    }

    private func range(of row: Int) -> Range<Int> {
        starts[row]..<(row + 1 < starts.count ? starts[row + 1] : end)
    }

    /// The data of a binary COPY of these rows, in pieces (PostgreSQL manual, COPY, "Binary Format").
    public func copyData() -> PostgresCopyData {
        PostgresCopyData(rows: bytes, count: end)
    }

    /// The columns as arrays of these types, in the order of the rows.
    public func arrays(_ types: [PostgresArrayBuilder.Element]) -> [PostgresArray] {
        precondition(types.count == columns, "A type for each column")
        var lengths = [Int](repeating: 0, count: columns)
        var nulls = [Bool](repeating: false, count: columns)
        forEachField { column, field in
            lengths[column] += field.count
            // The length word of NULL is -1.
            if field[0] == 0xff { nulls[column] = true }
        }
        var arrays: [PostgresArrayBuilder] = []
        for (column, type) in types.enumerated() {
            arrays.append(PostgresArrayBuilder(type, bytes: lengths[column], hasNull: nulls[column]))
        }
        forEachField { column, field in arrays[column].append(element: field) }
        return arrays.map { $0.finish() }
    }

    /// Each field with its length word.
    private func forEachField(_ body: (Int, UnsafeRawBufferPointer) -> Void) {
        bytes.withUnsafeBytes { buffer in
            for start in starts {
                var position = start + 2
                for column in 0..<columns {
                    let word = buffer.loadUnaligned(fromByteOffset: position, as: Int32.self).bigEndian
                    let next = position + 4 + Int(max(0, word))
                    body(column, UnsafeRawBufferPointer(rebasing: buffer[position..<next]))
                    position = next
                }
            }
        }
    }
}

/// What a binary COPY sends.
public struct PostgresCopyData: Sendable {
    let rows: [UInt8]
    let count: Int

    /// Signature, flags and the length of an extension.
    static let header: [UInt8] = Array("PGCOPY\n".utf8) + [0xff, 0x0d, 0x0a, 0x00] + [UInt8](repeating: 0, count: 8)
    /// A row of -1 fields.
    static let trailer: [UInt8] = [0xff, 0xff]
}

/// Writes the values of one row; see ``PostgresRowBuilder/append(size:_:)``.
///
/// A value for which no room was asked is a programming error and traps.
public struct PostgresRowWriter: ~Copyable {
    private let buffer: UnsafeMutableRawBufferPointer
    private(set) var position = 0
    private(set) var fields = 0

    init(_ buffer: UnsafeMutableRawBufferPointer) {
        self.buffer = buffer
    }

    mutating func begin(_ count: Int) {
        store(Int16(count))
    }

    /// NULL.
    public mutating func null() {
        fields += 1
        store(Int32(-1))
    }

    /// A `uuid` by its two halves.
    public mutating func uuid(high: UInt64, low: UInt64) {
        fields += 1
        store(Int32(16))
        store(high)
        store(low)
    }

    /// A `timestamptz` in microseconds since 1970-01-01T00:00:00Z.
    public mutating func timestamptz(microsecondsSinceUnixEpoch value: Int64) {
        fields += 1
        store(Int32(8))
        store(PostgresTime.wire(fromUnix: value))
    }

    /// A `text` of UTF-8; nil is NULL.
    public mutating func text(_ value: UnsafeRawBufferPointer?) {
        guard let value else { return null() }
        fields += 1
        store(Int32(value.count))
        copy(value)
    }

    /// A `jsonb` of JSON text.
    public mutating func jsonb(_ value: UnsafeRawBufferPointer) {
        fields += 1
        store(Int32(value.count + 1))
        store(PostgresType.jsonbVersion)
        copy(value)
    }

    private mutating func store<Number: FixedWidthInteger & BitwiseCopyable>(_ value: Number) {
        let next = position + MemoryLayout<Number>.size
        precondition(next <= buffer.count, "The row is longer than announced")
        buffer.storeBytes(of: value.bigEndian, toByteOffset: position, as: Number.self)
        position = next
    }

    private mutating func copy(_ value: UnsafeRawBufferPointer) {
        guard let source = value.baseAddress, value.count > 0 else { return }
        precondition(value.count <= buffer.count - position, "The row is longer than announced")
        guard let target = buffer.baseAddress else { return }
        memcpy(target + position, source, value.count)
        position += value.count
    }
}
