/// Says which file to open and how.
public struct SQLiteConfiguration: Sendable {
    /// The file; `:memory:` for a database that ends with its connection.
    public var path: String

    /// Opens an existing file for reading alone and changes nothing about it, as an importer should.
    public var readOnly = false

    /// Opens a file that nobody changes, from a folder that nothing can be written to: SQLite then keeps no locks and no
    /// shared memory beside it, **and does not see a WAL file**.
    ///
    /// If somebody does change the file meanwhile, results are wrong or the file looks damaged (sqlite.org/uri.html).
    public var isImmutable = false

    /// A file that is made keeps track of its pages, so that `PRAGMA incremental_vacuum` can make it smaller in small steps.
    ///
    /// It cannot be turned on later but by a VACUUM of the whole file (sqlite.org/pragma.html#pragma_auto_vacuum).
    public var canShrink = false

    /// How long a statement waits for another process's lock before it throws `busy`.
    ///
    /// Default 5 s.
    public var busyTimeout: Duration = .seconds(5)

    /// A file with the defaults.
    public init(path: String) {
        self.path = path
    }
}
