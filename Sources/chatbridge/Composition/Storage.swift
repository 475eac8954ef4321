import BridgeCore
import Journal
import Postgres
import SQLite

/// The database of `DATABASE_URL`.
enum Storage: Sendable {
    case sqlite(SQLiteStore, path: String)
    case postgres(PostgresStore, PostgresConfiguration)

    /// The store for a configuration; nothing is opened yet.
    ///
    /// - Throws: `PostgresError` when the URL is none.
    init(_ database: ProductConfiguration.Database) throws(PostgresError) {
        switch database {
        case .sqlite(let path):
            self = .sqlite(SQLiteStore(configuration: SQLiteConfiguration(path: path)), path: path)
        case .postgres(let url):
            let configuration = try PostgresConfiguration(url.value)
            self = .postgres(PostgresStore(configuration: configuration), configuration)
        }
    }

    /// What sessions and messages are written to.
    var store: any JournalStore {
        switch self {
        case .sqlite(let store, _): store
        case .postgres(let store, _): store
        }
    }

    /// Where attachments are looked up.
    var lookup: any AttachmentLookup {
        switch self {
        case .sqlite(let store, _): store
        case .postgres(let store, _): store
        }
    }

    /// What it is called in messages to people; without any password.
    var name: String {
        switch self {
        case .sqlite(_, let path): "sqlite:\(path)"
        case .postgres(_, let configuration): "postgres \(configuration.endpoint)"
        }
    }

    /// Asks for a sign of life and for the tables.
    func ping() async throws(JournalStoreError) {
        switch self {
        case .sqlite(let store, _): try await store.ping()
        case .postgres(let store, _): try await store.ping()
        }
    }

    /// Makes the tables, or brings them up to date.
    func migrate() async throws {
        switch self {
        case .sqlite(let store, _): _ = try await store.migrate()
        case .postgres(_, let configuration):
            _ = try await MigrationRunner(Migrations.embedded(), on: configuration).up()
        }
    }

    /// Ends the connection.
    func close() async {
        switch self {
        case .sqlite(let store, _): await store.close()
        case .postgres(let store, _): await store.close()
        }
    }
}
