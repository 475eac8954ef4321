internal import CSQLite
internal import Glibc

/// Owns one `sqlite3`.
struct DatabaseHandle: ~Copyable {
    let pointer: OpaquePointer

    init(_ configuration: SQLiteConfiguration) throws(SQLiteError) {
        let path = configuration.path
        // "" would be a temporary database, gone at the end: surely not what was meant.
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw SQLiteError(code: .cannotOpen, message: "not a file name", operation: "opening a database")
        }
        if !configuration.readOnly && path != ":memory:" {
            // Conversations are private: others may not read the file. SQLite gives its WAL the same permissions.
            let file = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
            if file >= 0 { close(file) }
        }
        let flags =
            (configuration.readOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)
            // The actor is the one owner, so SQLite's own mutexes would only cost.
            | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | (configuration.isImmutable ? SQLITE_OPEN_URI : 0)
        var opened: OpaquePointer?
        let name = configuration.isImmutable ? Self.immutableURI(path) : path
        let result = sqlite3_open_v2(name, &opened, flags, nil)
        guard result == SQLITE_OK, let opened else {
            let message = opened.flatMap { sqlite3_errmsg($0) }.map { String(cString: $0) } ?? "out of memory"
            // A handle is made even when opening fails.
            sqlite3_close_v2(opened)
            throw SQLiteError(
                code: .init(extended: result), extendedCode: result, message: message, operation: "opening \(path)")
        }
        pointer = opened
    }

    deinit {
        // v2 waits for statements that are still to be finalized instead of refusing.
        sqlite3_close_v2(pointer)
    }

    /// The name of a file as a URI, in which everything but the plainest bytes is escaped (sqlite.org/uri.html).
    static func immutableURI(_ path: String) -> String {
        var uri = path.hasPrefix("/") ? "file://" : "file:"
        for byte in path.utf8 {
            let scalar = UnicodeScalar(byte)
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: "."):
                uri.unicodeScalars.append(scalar)
            default:
                let digits = String(byte, radix: 16)
                uri += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return uri + "?immutable=1"
    }

    func error(_ operation: String) -> SQLiteError {
        let extended = sqlite3_extended_errcode(pointer)
        return SQLiteError(
            code: .init(extended: extended), extendedCode: extended, message: String(cString: sqlite3_errmsg(pointer)),
            operation: operation)
    }
}

/// Owns one `sqlite3_stmt`.
struct StatementHandle: ~Copyable {
    let pointer: OpaquePointer

    init(_ sql: String, in database: borrowing DatabaseHandle) throws(SQLiteError) {
        var statement: OpaquePointer?
        var rest = ""
        let result = sql.utf8CString.withUnsafeBufferPointer { text in
            var tail: UnsafePointer<CChar>?
            let flags = UInt32(SQLITE_PREPARE_PERSISTENT)
            let result = sqlite3_prepare_v3(
                database.pointer, text.baseAddress, Int32(text.count), flags, &statement, &tail)
            if let tail { rest = String(cString: tail) }
            return result
        }
        guard result == SQLITE_OK else { throw database.error("preparing a statement") }
        guard let statement, rest.allSatisfy(\.isWhitespace) else {
            sqlite3_finalize(statement)
            throw SQLiteError(
                code: .sql, message: "not exactly one statement", operation: "preparing a statement")
        }
        pointer = statement
    }

    deinit {
        sqlite3_finalize(pointer)
    }

    func bind(_ value: SQLiteValue, at index: Int32) -> Int32 {
        switch value {
        case .null: sqlite3_bind_null(pointer, index)
        case .integer(let number): sqlite3_bind_int64(pointer, index, number)
        case .real(let number): sqlite3_bind_double(pointer, index, number)
        case .text(var text):
            text.withUTF8 { bytes in Self.bindText(pointer, index, UnsafeRawBufferPointer(bytes)) }
        case .utf8(let bytes): bytes.withUnsafeBytes { Self.bindText(pointer, index, $0) }
        case .blob(let bytes):
            bytes.withUnsafeBytes { bytes in
                bytes.isEmpty
                    ? sqlite3_bind_zeroblob(pointer, index, 0)
                    : sqlite3_bind_blob64(pointer, index, bytes.baseAddress, UInt64(bytes.count), Self.transient)
            }
        }
    }

    func value(at column: Int32) -> SQLiteValue {
        switch sqlite3_column_type(pointer, column) {
        case SQLITE_INTEGER: return .integer(sqlite3_column_int64(pointer, column))
        case SQLITE_FLOAT: return .real(sqlite3_column_double(pointer, column))
        case SQLITE_TEXT:
            // The pointer first, then the length: the order that sqlite.org/c3ref/column_blob.html asks for.
            let start = sqlite3_column_text(pointer, column)
            let bytes = UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(pointer, column)))
            return .text(String(decoding: bytes, as: UTF8.self))
        case SQLITE_BLOB:
            let start = sqlite3_column_blob(pointer, column)
            return .blob(
                [UInt8](UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(pointer, column)))))
        default: return .null
        }
    }

    /// SQLITE_TRANSIENT, "copy it now", is a cast in a macro, which Swift does not import.
    static var transient: sqlite3_destructor_type { unsafeBitCast(-1, to: sqlite3_destructor_type.self) }

    private static func bindText(_ statement: OpaquePointer, _ index: Int32, _ bytes: UnsafeRawBufferPointer) -> Int32 {
        // NULL would bind NULL where "" was meant.
        guard let start = bytes.baseAddress, !bytes.isEmpty else {
            return sqlite3_bind_text(statement, index, "", 0, transient)
        }
        return sqlite3_bind_text64(
            statement, index, start.assumingMemoryBound(to: CChar.self), UInt64(bytes.count), transient,
            UInt8(SQLITE_UTF8))
    }
}
