internal import CSQLite

extension SQLiteError.Code {
    /// The kind for an extended result code; its low byte is the primary code.
    init(extended: Int32) {
        self =
            switch extended {
            // The extended codes are macros with arithmetic, which Swift does not import: primary | (number << 8).
            case SQLITE_CONSTRAINT | (8 << 8), SQLITE_CONSTRAINT | (6 << 8), SQLITE_CONSTRAINT | (10 << 8):
                .uniqueViolation
            case SQLITE_CONSTRAINT | (3 << 8): .foreignKeyViolation
            case SQLITE_CONSTRAINT | (1 << 8): .checkViolation
            case SQLITE_CONSTRAINT | (5 << 8): .notNullViolation
            default: Self(primary: extended & 0xff)
            }
    }

    private init(primary: Int32) {
        self =
            switch primary {
            case SQLITE_BUSY: .busy
            case SQLITE_LOCKED: .locked
            case SQLITE_CONSTRAINT: .constraintViolation
            case SQLITE_FULL: .diskFull
            case SQLITE_READONLY, SQLITE_PERM: .readOnly
            case SQLITE_CORRUPT: .corrupt
            case SQLITE_NOTADB: .notADatabase
            case SQLITE_CANTOPEN: .cannotOpen
            case SQLITE_IOERR: .inputOutput
            case SQLITE_TOOBIG: .tooBig
            case SQLITE_NOMEM: .outOfMemory
            case SQLITE_INTERRUPT, SQLITE_ABORT: .interrupted
            case SQLITE_ERROR: .sql
            default: .unknown
            }
    }
}
