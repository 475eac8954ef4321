/// An array parameter, ready for the wire; built by ``PostgresArrayBuilder``.
public struct PostgresArray: Sendable, Hashable {
    let oid: UInt32
    let bytes: [UInt8]
}

/// Builds a one-dimensional array in Postgres's binary format, element by element, straight into one buffer.
///
/// This is how many rows become one statement: `INSERT … SELECT FROM unnest($1::uuid[], $2::text[], …)`.
///
/// ```swift
/// var ids = PostgresArrayBuilder(.uuid, capacity: jobs.count)
/// for job in jobs { ids.append(job.id) }
/// try await connection.execute("DELETE FROM t WHERE id = ANY($1)", [.array(ids.finish())])
/// ```
///
/// Appending an element of another type than the array's is a programming error and traps.
public struct PostgresArrayBuilder: Sendable {
    /// The type of the elements.
    public enum Element: Sendable {
        /// `uuid[]`
        case uuid
        /// `text[]`
        case text
        /// `timestamptz[]`
        case timestamptz
        /// `jsonb[]`
        case jsonb

        var oid: UInt32 {
            switch self {
            case .uuid: PostgresType.uuid
            case .text: PostgresType.text
            case .timestamptz: PostgresType.timestamptz
            case .jsonb: PostgresType.jsonb
            }
        }

        var arrayOID: UInt32 {
            switch self {
            case .uuid: 2951
            case .text: 1009
            case .timestamptz: 1185
            case .jsonb: 3807
            }
        }

        /// A guess at the bytes of one element, with its length word, to size the buffer.
        var expectedBytes: Int {
            switch self {
            case .uuid: 20
            case .text: 24
            case .timestamptz: 12
            case .jsonb: 48
            }
        }
    }

    private let element: Element
    private var bytes: [UInt8] = []
    private var hasNull = false

    /// How many elements have been appended.
    public private(set) var count = 0

    /// Number of dimensions, flags, element type, length and lower bound, four bytes each (`array_recv`).
    private static let headerBytes = 20

    /// Starts an empty array.
    ///
    /// - Parameters:
    ///   - element: The type of the elements.
    ///   - capacity: How many are expected; only a hint.
    public init(_ element: Element, capacity: Int = 0) {
        self.element = element
        bytes.reserveCapacity(Self.headerBytes + capacity * element.expectedBytes)
        bytes.append(contentsOf: repeatElement(0, count: Self.headerBytes))
    }

    /// An array for elements that are in the binary format already.
    init(_ element: Element, bytes count: Int, hasNull: Bool) {
        self.element = element
        self.hasNull = hasNull
        bytes.reserveCapacity(Self.headerBytes + count)
        bytes.append(contentsOf: repeatElement(0, count: Self.headerBytes))
    }

    /// Appends an element with its length word, as a row has it.
    mutating func append(element field: UnsafeRawBufferPointer) {
        count += 1
        bytes.append(contentsOf: field)
    }

    /// Appends NULL.
    public mutating func appendNull() {
        hasNull = true
        count += 1
        bytes.append(bigEndian: Int32(-1))
    }

    /// Appends a `uuid`.
    public mutating func append(_ value: PostgresUUID) {
        precondition(element == .uuid, "This array does not hold uuid")
        count += 1
        bytes.append(bigEndian: Int32(16))
        bytes.append(bigEndian: value.high)
        bytes.append(bigEndian: value.low)
    }

    /// Appends a `text`; nil is NULL.
    public mutating func append(_ value: String?) {
        precondition(element == .text, "This array does not hold text")
        guard let value else { return appendNull() }
        count += 1
        bytes.append(bigEndian: Int32(value.utf8.count))
        bytes.append(contentsOf: value.utf8)
    }

    /// Appends a `timestamptz` in microseconds since 1970-01-01T00:00:00Z.
    public mutating func append(microsecondsSinceUnixEpoch value: Int64) {
        precondition(element == .timestamptz, "This array does not hold timestamptz")
        count += 1
        bytes.append(bigEndian: Int32(8))
        bytes.append(bigEndian: PostgresTime.wire(fromUnix: value))
    }

    /// Appends a `jsonb` from UTF-8 JSON text.
    public mutating func append(json value: some Collection<UInt8>) {
        precondition(element == .jsonb, "This array does not hold jsonb")
        count += 1
        bytes.append(bigEndian: Int32(value.count + 1))
        bytes.append(PostgresType.jsonbVersion)
        bytes.append(contentsOf: value)
    }

    /// The finished array.
    public consuming func finish() -> PostgresArray {
        write(1, at: 0)
        write(hasNull ? 1 : 0, at: 4)
        write(element.oid, at: 8)
        write(UInt32(count), at: 12)
        write(1, at: 16)
        return PostgresArray(oid: element.arrayOID, bytes: bytes)
    }

    private mutating func write(_ value: UInt32, at offset: Int) {
        for index in 0..<4 {
            bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt32(24 - 8 * index))
        }
    }
}
