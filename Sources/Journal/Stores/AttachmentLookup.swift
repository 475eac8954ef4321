public import BridgeCore
internal import Postgres
internal import SQLite

/// A store that can be asked for what came with a message.
public protocol AttachmentLookup: Sendable {
    /// The attachments of a message, a JSON array; nil where there is no such message.
    ///
    /// - Throws: `JournalStoreError` when the database does not answer, in its own bounded time.
    func attachments(of message: UUID) async throws(JournalStoreError) -> [UInt8]?
}

extension PostgresStore: AttachmentLookup {
    /// One look by the primary key.
    public func attachments(of message: UUID) async throws(JournalStoreError) -> [UInt8]? {
        do throws(PostgresError) {
            let rows = try await connection.query(
                "SELECT attachments::text AS attachments FROM messages WHERE id = $1", [.uuid(message.postgres)])
            return try rows.first?.text("attachments").map { Array($0.utf8) }
        } catch {
            throw storeError(error)
        }
    }
}

extension SQLiteStore: AttachmentLookup {
    /// One look by the primary key.
    public func attachments(of message: UUID) async throws(JournalStoreError) -> [UInt8]? {
        try await prepare()
        do throws(SQLiteError) {
            let rows = try await database.query(
                "SELECT attachments FROM messages WHERE id = ?", [.text(message.description)])
            return try rows.first?.text("attachments").map { Array($0.utf8) }
        } catch {
            throw Self.storeError(error)
        }
    }
}
