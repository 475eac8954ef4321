/// A parameter of a statement; it travels in Postgres's binary format, so nothing is quoted or parsed.
public enum PostgresValue: Sendable, Hashable {
    /// NULL of whatever type the statement expects.
    case null
    /// `text`. The server refuses U+0000 in it (22021).
    case text(String)
    /// `bool`.
    case bool(Bool)
    /// `int4`.
    case int4(Int32)
    /// `int8`.
    case int8(Int64)
    /// `uuid`.
    case uuid(PostgresUUID)
    /// `timestamptz`, in microseconds since 1970-01-01T00:00:00Z.
    case timestamptz(microsecondsSinceUnixEpoch: Int64)
    /// `jsonb`, as UTF-8 JSON text.
    case jsonb([UInt8])
    /// `bytea`.
    case bytea([UInt8])
    /// An array; see ``PostgresArrayBuilder``.
    case array(PostgresArray)

    /// The type's OID in `pg_type.dat`; 0 lets the server infer it.
    var oid: UInt32 {
        switch self {
        case .null: 0
        case .text: PostgresType.text
        case .bool: PostgresType.bool
        case .int4: PostgresType.int4
        case .int8: PostgresType.int8
        case .uuid: PostgresType.uuid
        case .timestamptz: PostgresType.timestamptz
        case .jsonb: PostgresType.jsonb
        case .bytea: PostgresType.bytea
        case .array(let array): array.oid
        }
    }

    /// Appends the value in the type's binary send format (`src/backend/utils/adt`, the `…_recv` functions).
    func encode(into bytes: inout [UInt8]) {
        switch self {
        case .null: break
        case .text(let text): bytes.append(contentsOf: text.utf8)
        case .bool(let value): bytes.append(value ? 1 : 0)
        case .int4(let value): bytes.append(bigEndian: value)
        case .int8(let value): bytes.append(bigEndian: value)
        case .uuid(let value):
            bytes.append(bigEndian: value.high)
            bytes.append(bigEndian: value.low)
        case .timestamptz(let microseconds): bytes.append(bigEndian: PostgresTime.wire(fromUnix: microseconds))
        case .jsonb(let json):
            bytes.append(PostgresType.jsonbVersion)
            bytes.append(contentsOf: json)
        case .bytea(let value): bytes.append(contentsOf: value)
        case .array(let array): bytes.append(contentsOf: array.bytes)
        }
    }
}

/// OIDs of the types that we send and read (`src/include/catalog/pg_type.dat`).
enum PostgresType {
    static let bool: UInt32 = 16
    static let bytea: UInt32 = 17
    static let name: UInt32 = 19
    static let int8: UInt32 = 20
    static let int2: UInt32 = 21
    static let int4: UInt32 = 23
    static let text: UInt32 = 25
    static let json: UInt32 = 114
    static let float8: UInt32 = 701
    static let varchar: UInt32 = 1043
    static let timestamptz: UInt32 = 1184
    static let uuid: UInt32 = 2950
    static let jsonb: UInt32 = 3802
    /// The only version of jsonb's binary format (`jsonb_recv`).
    static let jsonbVersion: UInt8 = 1
}

/// Postgres counts microseconds from 2000-01-01T00:00:00Z (`src/include/datatype/timestamp.h`).
enum PostgresTime {
    static let unixEpochToPostgresEpoch: Int64 = 946_684_800_000_000

    /// A time too far back for the subtraction becomes the least finite one, which the server refuses as out of range;
    /// `Int64.min` itself would mean -infinity.
    static func wire(fromUnix microseconds: Int64) -> Int64 {
        let (value, overflow) = microseconds.subtractingReportingOverflow(unixEpochToPostgresEpoch)
        return overflow || value == .min ? .min + 1 : value
    }

    static func unix(fromWire value: Int64) -> Int64 {
        let (microseconds, overflow) = value.addingReportingOverflow(unixEpochToPostgresEpoch)
        return overflow ? .max : microseconds
    }
}

extension [UInt8] {
    mutating func append(bigEndian value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
    }
}
