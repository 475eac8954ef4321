/// One change of the database's schema: how to make it and how to take it back.
public struct Migration: Sendable, Equatable {
    /// Its number, from 1 without gaps.
    public let version: Int
    /// What it does, as in its file's name: `sessions_and_messages`.
    public let name: String
    /// The SQL that makes the change.
    public let up: String
    /// The SQL that takes it back; nil when there is no way back.
    public let down: String?

    /// The name of the file that makes the change.
    public var fileName: String { Self.stem(version, name) + ".up.sql" }

    /// Sixteen hex digits that change with ``up``.
    ///
    /// It is there to notice an edit (FNV-1a, 64 bits), not to withstand a forger, who could change the database as well.
    public var checksum: String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in up.utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
        }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    private static func stem(_ version: Int, _ name: String) -> String {
        let digits = String(version)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits + "_" + name
    }
}

/// Where a migration stands in a database.
public struct MigrationStatus: Sendable, Equatable {
    /// What a database knows of a migration.
    public enum State: Sendable, Equatable {
        /// Not applied yet.
        case pending
        /// Applied, at a time as the database writes it.
        case applied(at: String)
        /// Applied, and its file has changed since.
        case changed
        /// Applied, and there is no such file: the database is newer than this program.
        case missing
    }

    /// Its number.
    public let version: Int
    /// Its name.
    public let name: String
    /// Where it stands.
    public let state: State
}
