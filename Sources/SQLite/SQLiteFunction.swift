internal import CSQLite

/// The arguments of a function of ours that SQL calls; they cannot leave the call.
public struct SQLiteArguments: ~Copyable {
    private let values: UnsafeMutablePointer<OpaquePointer?>?
    /// How many there are.
    public let count: Int

    init(values: UnsafeMutablePointer<OpaquePointer?>?, count: Int) {
        self.values = values
        self.count = count
    }

    /// What an argument is.
    public func kind(_ index: Int) -> SQLiteCursor.Kind {
        switch sqlite3_value_type(value(index)) {
        case SQLITE_INTEGER: .integer
        case SQLITE_FLOAT: .real
        case SQLITE_TEXT: .text
        case SQLITE_BLOB: .blob
        default: .null
        }
    }

    /// The value of an INTEGER; 0 for NULL.
    public func integer(_ index: Int) -> Int64 { sqlite3_value_int64(value(index)) }

    /// The value of a REAL or INTEGER; 0 for NULL.
    public func real(_ index: Int) -> Double { sqlite3_value_double(value(index)) }

    /// Lends the bytes of a TEXT or BLOB, or the digits of a number; none for NULL.
    public func bytes<Result>(_ index: Int, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        let value = value(index)
        let isBlob = sqlite3_value_type(value) == SQLITE_BLOB
        let start = isBlob ? sqlite3_value_blob(value) : sqlite3_value_text(value).map { UnsafeRawPointer($0) }
        return try body(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_value_bytes(value))))
    }

    private func value(_ index: Int) -> OpaquePointer? {
        precondition(index >= 0 && index < count, "No such argument")
        return values?[index]
    }
}

/// What SQL may call by a name; see ``SQLiteDatabase/define(_:arguments:_:)``.
public typealias SQLiteFunction = @Sendable (borrowing SQLiteArguments) -> SQLiteValue

extension Session {
    private final class Box {
        let body: SQLiteFunction
        init(_ body: @escaping SQLiteFunction) { self.body = body }
    }

    func define(_ name: String, arguments: Int, _ body: @escaping SQLiteFunction) throws(SQLiteError) {
        let box = Unmanaged.passRetained(Box(body))
        // DETERMINISTIC: the same arguments give the same value, so SQLite may call it once for equal ones. A failure
        // calls the destructor too (sqlite.org/c3ref/create_function.html).
        let result = sqlite3_create_function_v2(
            pointer, name, Int32(arguments), SQLITE_UTF8 | SQLITE_DETERMINISTIC, box.toOpaque(),
            { context, count, values in
                guard let data = sqlite3_user_data(context) else { return }
                let box = Unmanaged<Box>.fromOpaque(data).takeUnretainedValue()
                switch box.body(SQLiteArguments(values: values, count: Int(count))) {
                case .null: sqlite3_result_null(context)
                case .integer(let number): sqlite3_result_int64(context, number)
                case .real(let number): sqlite3_result_double(context, number)
                case .text(let text): Session.setText(context, Array(text.utf8))
                case .utf8(let bytes): Session.setText(context, bytes)
                case .blob(let bytes):
                    bytes.withUnsafeBytes {
                        sqlite3_result_blob64(context, $0.baseAddress, UInt64($0.count), StatementHandle.transient)
                    }
                }
            }, nil, nil, { $0.map { Unmanaged<Box>.fromOpaque($0).release() } })
        guard result == SQLITE_OK else { throw error("defining a function") }
    }

    private static func setText(_ context: OpaquePointer?, _ bytes: [UInt8]) {
        bytes.withUnsafeBytes { bytes in
            sqlite3_result_text64(
                context, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), UInt64(bytes.count),
                StatementHandle.transient, UInt8(SQLITE_UTF8))
        }
    }
}
