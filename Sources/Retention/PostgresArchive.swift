package import BridgeCore
internal import Crypto
internal import Journal
package import Postgres

/// Sessions and messages in Postgres.
package struct PostgresArchive: Archive {
    package var dialect: ArchiveDialect { .postgres }
    /// Statements may take as long as they take: none of them locks more than the rows that it changes.
    let connection: PostgresConnection

    /// - Parameter configuration: its statement timeout is lifted.
    package init(configuration: PostgresConfiguration) {
        var configuration = configuration
        configuration.statementTimeout = .zero
        connection = PostgresConnection(configuration: configuration)
    }

    package func rows(_ sql: String, _ parameters: [String?]) async throws(RetentionError) -> [[String?]] {
        do throws(PostgresError) {
            let rows = try await connection.query(sql, parameters.map(Self.value))
            var texts: [[String?]] = []
            texts.reserveCapacity(rows.count)
            for index in 0..<rows.count {
                let row = rows[index]
                var columns: [String?] = []
                for name in rows.columnNames { columns.append(try row.text(name)) }
                texts.append(columns)
            }
            return texts
        } catch {
            throw RetentionError(error)
        }
    }

    package func execute(_ statements: [ArchiveStatement]) async throws(RetentionError) -> [Int] {
        do throws(PostgresError) {
            let results = try await connection.pipeline(
                statements.map { PostgresStatement($0.sql, $0.parameters.map(Self.value)) })
            return results.map(\.affected)
        } catch {
            throw RetentionError(error)
        }
    }

    package func remember(
        _ person: Person, at: Timestamp, until: Timestamp
    ) async throws(RetentionError) -> [UInt8] {
        do throws(PostgresError) {
            let known = try await connection.query("SELECT key FROM erasures WHERE expires_at > now() LIMIT 1")
            let key = try known.first?.bytes("key") ?? randomBytes(32)
            let hash = Erasures.hash(platform: person.platform, user: person.user, key: key)
            _ = try await connection.pipeline([
                PostgresStatement("DELETE FROM erasures WHERE expires_at <= now() OR person = $1", [.bytea(hash)]),
                PostgresStatement(
                    "INSERT INTO erasures (key, person, erased_at, expires_at) VALUES ($1, $2, $3, $4)",
                    [
                        .bytea(key), .bytea(hash), .timestamptz(microsecondsSinceUnixEpoch: at.microseconds),
                        .timestamptz(microsecondsSinceUnixEpoch: until.microseconds),
                    ]),
            ])
            try await waitForWriters()
            return hash
        } catch {
            throw RetentionError(error)
        }
    }

    /// Waits for the transactions that have written sessions: each that comes after looks at the erasures behind the lock.
    ///
    /// Each try holds up new writers for a second at the most.
    private func waitForWriters() async throws(PostgresError) {
        var tries = 60
        while true {
            do throws(PostgresError) {
                return try await connection.simple(
                    "BEGIN; SET LOCAL lock_timeout = '1s'; LOCK TABLE sessions IN SHARE MODE; COMMIT")
            } catch {
                // What failed is still an open transaction.
                try? await connection.simple("ROLLBACK")
                tries -= 1
                guard [.lockNotAvailable, .deadlock].contains(error.code), tries > 0 else { throw error }
            }
        }
    }

    /// Nothing: the server does so by itself (autovacuum).
    package func reclaim() async throws(RetentionError) {}

    package func close() async {
        await connection.close()
    }

    private static func value(_ text: String?) -> PostgresValue {
        text.map { .text($0) } ?? .null
    }
}

extension RetentionError {
    /// What an error of Postgres means here.
    init(_ error: PostgresError) {
        switch error.code {
        case .undefinedTable, .undefinedColumn, .undefinedSchema:
            self.init(.failed, "\(error); run 'chatbridge migrate up'")
        case .foreignKeyViolation: self.init(.conflict, error.description)
        case .authenticationFailed, .connectionFailed, .connectionLost, .invalidConfiguration:
            self.init(.unavailable, "the database of DATABASE_URL cannot be used: \(error)")
        default: self.init(error.isRetryable ? .unavailable : .failed, error.description)
        }
    }
}
