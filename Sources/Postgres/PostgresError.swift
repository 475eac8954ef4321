/// What went wrong between us and the database, and whether trying again can help.
///
/// A description never holds row data: the server's DETAIL and HINT are not read at all, and the primary message of a
/// data error (SQLSTATE class 22), which quotes the value, is left to the ``message`` property.
public struct PostgresError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of an error, by SQLSTATE class (PostgreSQL manual, appendix A) or by what libpq met.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String {
            case invalidConfiguration, connectionFailed, connectionLost, cancelled, statementTimeout
            case uniqueViolation, foreignKeyViolation, checkViolation, notNullViolation, integrityViolation
            case invalidData, serializationFailure, deadlock, lockNotAvailable, adminShutdown, notReady,
                tooManyConnections
            case diskFull, outOfResources, readOnly, undefinedTable, undefinedColumn, undefinedSchema,
                undefinedStatement
            case insufficientPrivilege, authenticationFailed, syntaxError, transactionRollback, pipelineAborted
            case unexpectedType, unknown
        }
        private let kind: Kind

        /// The connection string cannot be read.
        public static let invalidConfiguration = Code(kind: .invalidConfiguration)
        /// No connection could be made: nobody listens, a wrong password, a database that is not there.
        public static let connectionFailed = Code(kind: .connectionFailed)
        /// The connection broke; whether the statement took effect is not known (class 08 too).
        public static let connectionLost = Code(kind: .connectionLost)
        /// The task that waited was cancelled and the server stopped the statement (57014).
        public static let cancelled = Code(kind: .cancelled)
        /// The server stopped the statement for its `statement_timeout` (57014 without a cancelled task).
        public static let statementTimeout = Code(kind: .statementTimeout)
        /// A row with this key is there already (23505).
        public static let uniqueViolation = Code(kind: .uniqueViolation)
        /// The row that is referred to is not there (23503).
        public static let foreignKeyViolation = Code(kind: .foreignKeyViolation)
        /// A CHECK said no (23514).
        public static let checkViolation = Code(kind: .checkViolation)
        /// A required column is NULL (23502).
        public static let notNullViolation = Code(kind: .notNullViolation)
        /// Another constraint said no (rest of class 23).
        public static let integrityViolation = Code(kind: .integrityViolation)
        /// The value cannot be stored in the type: NUL in text, a number or date out of range (class 22; 54000 and
        /// 54xxx too: a value over a limit of the program).
        public static let invalidData = Code(kind: .invalidData)
        /// A concurrent transaction was first (40001).
        public static let serializationFailure = Code(kind: .serializationFailure)
        /// Chosen as the victim of a deadlock (40P01).
        public static let deadlock = Code(kind: .deadlock)
        /// The rest of class 40, and of 25, 2D and 3B: the transaction is not what we took it for.
        public static let transactionRollback = Code(kind: .transactionRollback)
        /// A lock was not to be had in time (55P03).
        public static let lockNotAvailable = Code(kind: .lockNotAvailable)
        /// The server shuts down, starts up or recovers (57P01 to 57P05).
        public static let adminShutdown = Code(kind: .adminShutdown)
        /// The server or a part of it cannot do this now: the rest of classes 55 and 57, a snapshot too old (72), a database
        /// that is not there (3D), a broken configuration (F0), damaged files (XX001, XX002).
        public static let notReady = Code(kind: .notReady)
        /// Every connection slot is taken (53300).
        public static let tooManyConnections = Code(kind: .tooManyConnections)
        /// The server's disk is full (53100).
        public static let diskFull = Code(kind: .diskFull)
        /// The rest of class 53, and class 58: the server lacks memory or has trouble with its files.
        public static let outOfResources = Code(kind: .outOfResources)
        /// The server takes no writes: a standby, or set so (25006).
        public static let readOnly = Code(kind: .readOnly)
        /// The table is not there (42P01): migrations have not been applied.
        public static let undefinedTable = Code(kind: .undefinedTable)
        /// The column is not there (42703).
        public static let undefinedColumn = Code(kind: .undefinedColumn)
        /// The schema is not there (3F000).
        public static let undefinedSchema = Code(kind: .undefinedSchema)
        /// The server forgot a prepared statement, as behind some poolers (26000), or its plan no longer fits after a
        /// change of the tables (0A000); the connection has forgotten it too, so the next try prepares it anew.
        public static let undefinedStatement = Code(kind: .undefinedStatement)
        /// The user may not do this (42501).
        public static let insufficientPrivilege = Code(kind: .insufficientPrivilege)
        /// User or password refused (class 28).
        public static let authenticationFailed = Code(kind: .authenticationFailed)
        /// The SQL is wrong for these tables or this server (rest of class 42, and 0A).
        public static let syntaxError = Code(kind: .syntaxError)
        /// Another statement of the same pipeline failed first.
        public static let pipelineAborted = Code(kind: .pipelineAborted)
        /// A result column is not of the type that the caller asked for, or not there.
        public static let unexpectedType = Code(kind: .unexpectedType)
        /// Anything else; see ``PostgresError/sqlState``.
        public static let unknown = Code(kind: .unknown)

        /// The name, as in the source.
        public var description: String { kind.rawValue }
    }

    /// The kind of error.
    public let code: Code
    /// The five characters of the server's SQLSTATE; nil when the error is not the server's.
    public let sqlState: String?
    /// The server's primary message, or libpq's; it may quote a value when the code is `invalidData`.
    public let message: String
    /// The constraint that was violated.
    public let constraint: String?
    /// What we were doing: `connecting`, `a query`, `statement 2 of a pipeline`, `COPY`.
    public let operation: String

    init(code: Code, sqlState: String? = nil, message: String, constraint: String? = nil, operation: String) {
        self.code = code
        self.sqlState = sqlState
        self.message = message
        self.constraint = constraint
        self.operation = operation
    }

    /// Whether the same call may succeed later with nothing changed by us: trouble with connection or server, a lost
    /// race, a full disk, a standby.
    ///
    /// False means that the data or the statement is at fault.
    public var isRetryable: Bool {
        switch code {
        case .connectionFailed, .connectionLost, .statementTimeout, .serializationFailure, .deadlock,
            .transactionRollback, .lockNotAvailable, .adminShutdown, .notReady, .tooManyConnections, .diskFull,
            .outOfResources, .readOnly, .undefinedStatement:
            true
        default:
            false
        }
    }

    /// One line without row data.
    public var description: String {
        var text = "\(operation): \(code)"
        if let sqlState { text += " (SQLSTATE \(sqlState))" }
        if let constraint { text += ", constraint \(constraint)" }
        if code != .invalidData && code != .checkViolation { text += ": \(message)" }
        return text
    }
}

extension PostgresError.Code {
    /// The kind for a SQLSTATE.
    init(sqlState: String) {
        self =
            switch sqlState {
            case "23505": .uniqueViolation
            case "23503": .foreignKeyViolation
            case "23514": .checkViolation
            case "23502": .notNullViolation
            case "40001": .serializationFailure
            case "40P01": .deadlock
            case "55P03": .lockNotAvailable
            case "57014": .statementTimeout
            case "53300": .tooManyConnections
            case "53100": .diskFull
            case "25006": .readOnly
            case "42P01": .undefinedTable
            case "42703": .undefinedColumn
            case "3F000": .undefinedSchema
            case "42501": .insufficientPrivilege
            case "26000": .undefinedStatement
            case "XX001", "XX002": .notReady
            default: Self(class: sqlState.prefix(2), sqlState)
            }
    }

    private init(class prefix: Substring, _ sqlState: String) {
        self =
            switch prefix {
            case "08": .connectionLost
            case "22", "54": .invalidData
            case "23": .integrityViolation
            case "28": .authenticationFailed
            case "25", "2D", "3B", "40": .transactionRollback
            case "0A", "42": .syntaxError
            case "53", "58": .outOfResources
            case "57" where sqlState.hasPrefix("57P"): .adminShutdown
            case "3D", "55", "57", "72", "F0": .notReady
            default: .unknown
            }
    }
}
