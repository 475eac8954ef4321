/// What SQLite answered, and whether trying again can help.
///
/// A description never holds bound values.
public struct SQLiteError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of an error, by SQLite's extended result codes (sqlite.org/rescode.html).
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String {
            case busy, locked, uniqueViolation, foreignKeyViolation, checkViolation, notNullViolation,
                constraintViolation
            case diskFull, readOnly, corrupt, notADatabase, cannotOpen, inputOutput, tooBig, outOfMemory, interrupted
            case closed, unexpectedType, sql, unknown
        }
        private let kind: Kind

        /// Another process kept the file locked for longer than the busy timeout (SQLITE_BUSY).
        public static let busy = Code(kind: .busy)
        /// A conflict inside this process (SQLITE_LOCKED).
        public static let locked = Code(kind: .locked)
        /// A row with this key is there already (SQLITE_CONSTRAINT_UNIQUE, _PRIMARYKEY, _ROWID).
        public static let uniqueViolation = Code(kind: .uniqueViolation)
        /// The row that is referred to is not there (SQLITE_CONSTRAINT_FOREIGNKEY).
        public static let foreignKeyViolation = Code(kind: .foreignKeyViolation)
        /// A CHECK said no (SQLITE_CONSTRAINT_CHECK).
        public static let checkViolation = Code(kind: .checkViolation)
        /// A required column is NULL (SQLITE_CONSTRAINT_NOTNULL).
        public static let notNullViolation = Code(kind: .notNullViolation)
        /// Another constraint said no.
        public static let constraintViolation = Code(kind: .constraintViolation)
        /// The disk is full (SQLITE_FULL).
        public static let diskFull = Code(kind: .diskFull)
        /// The file or its folder cannot be written to (SQLITE_READONLY, SQLITE_PERM).
        public static let readOnly = Code(kind: .readOnly)
        /// The file is damaged (SQLITE_CORRUPT).
        public static let corrupt = Code(kind: .corrupt)
        /// The file is something else than a database (SQLITE_NOTADB).
        public static let notADatabase = Code(kind: .notADatabase)
        /// The file cannot be opened or made (SQLITE_CANTOPEN).
        public static let cannotOpen = Code(kind: .cannotOpen)
        /// The operating system failed to read or write (SQLITE_IOERR).
        public static let inputOutput = Code(kind: .inputOutput)
        /// A value or statement over SQLite's limits, 1 GB by default (SQLITE_TOOBIG).
        public static let tooBig = Code(kind: .tooBig)
        /// No memory (SQLITE_NOMEM).
        public static let outOfMemory = Code(kind: .outOfMemory)
        /// Interrupted (SQLITE_INTERRUPT, SQLITE_ABORT).
        public static let interrupted = Code(kind: .interrupted)
        /// We closed it ourselves.
        public static let closed = Code(kind: .closed)
        /// A result column is not of the type that the caller asked for, or not there.
        public static let unexpectedType = Code(kind: .unexpectedType)
        /// The SQL is wrong, or a table is not there (SQLITE_ERROR).
        public static let sql = Code(kind: .sql)
        /// Anything else; see ``SQLiteError/extendedCode``.
        public static let unknown = Code(kind: .unknown)

        /// The name, as in the source.
        public var description: String { kind.rawValue }
    }

    /// The kind of error.
    public let code: Code
    /// SQLite's extended result code; 0 when the error is ours.
    public let extendedCode: Int32
    /// SQLite's words; they name tables and columns, not values.
    public let message: String
    /// What we were doing: `opening chat.db`, `a statement`.
    public let operation: String

    init(code: Code, extendedCode: Int32 = 0, message: String, operation: String) {
        self.code = code
        self.extendedCode = extendedCode
        self.message = message
        self.operation = operation
    }

    /// Whether the same call may succeed later with nothing changed in the data.
    ///
    /// True for a lock, a full disk, trouble with the file system; false when the data, the SQL or the file is at fault.
    public var isRetryable: Bool {
        switch code {
        case .busy, .locked, .diskFull, .readOnly, .cannotOpen, .inputOutput, .outOfMemory, .interrupted: true
        default: false
        }
    }

    /// One line without row data.
    public var description: String { "\(operation): \(code): \(message)" }
}
