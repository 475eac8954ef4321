internal import Glibc

/// The first bytes of a file, which tell an SQLite database from what is often taken for one.
enum FileHeader {
    /// - Throws: ``ImportSourceError`` unless the file can be read and begins as a database does.
    static func check(_ path: String) throws(ImportSourceError) {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            throw .cannotRead(path: path, reason: reason(errno))
        }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw .cannotRead(path: path, reason: reason(errno)) }
        guard status.st_mode & S_IFMT != S_IFDIR else {
            throw .notSQLite(path: path, looksLike: "it is a folder; name the file in it, often *.db or *.sqlite")
        }
        var bytes = [UInt8](repeating: 0, count: 512)
        let count = max(0, read(file, &bytes, bytes.count))
        bytes.removeLast(bytes.count - count)
        if bytes.starts(with: "SQLite format 3\0".utf8) { return }
        throw .notSQLite(path: path, looksLike: guess(bytes))
    }

    static func reason(_ code: Int32) -> String {
        switch code {
        case ENOENT: "there is no such file"
        case EACCES, EPERM: "this user may not read it; run as its owner, or `chmod +r` it"
        default: String(cString: strerror(code))
        }
    }

    /// What a file looks like that is no database, and what to do.
    static func guess(_ bytes: [UInt8]) -> String {
        let text = String(decoding: bytes, as: UTF8.self)
        let start = text.drop { $0.isWhitespace || $0 == "\u{FEFF}" }
        if bytes.isEmpty { return "it is empty" }
        if bytes.starts(with: [0x1f, 0x8b]) { return "it is compressed; `gunzip` it first" }
        if bytes.starts(with: [0x28, 0xb5, 0x2f, 0xfd]) { return "it is compressed; `unzstd` it first" }
        if bytes.starts(with: [0x50, 0x4b, 0x03, 0x04]) { return "it is a zip archive; unpack it first" }
        if bytes.starts(with: "PGDMP".utf8) { return "it is a dump of Postgres; `pg_restore` it" }
        if bytes.starts(with: [0x37, 0x7f, 0x06, 0x82]) || bytes.starts(with: [0x37, 0x7f, 0x06, 0x83]) {
            return "it is the WAL of a database; name the database, whose name lacks `-wal`"
        }
        if bytes.starts(with: "** This file contains an SQLite 2".utf8) {
            return "it is of SQLite 2; `sqlite OLD .dump | sqlite3 new.db` makes a file of SQLite 3"
        }
        if ["PRAGMA", "BEGIN TRANSACTION", "CREATE TABLE", "--"].contains(where: { start.hasPrefix($0) }) {
            return "it is a text of SQL; `sqlite3 new.db < FILE` makes a database of it"
        }
        if start.first == "{" || start.first == "[" { return "it is JSON; load it into an SQLite table first" }
        let isText = bytes.allSatisfy { $0 >= 0x20 || (0x09...0x0d).contains($0) }
        if isText { return "it is a text" }
        return
            "its first bytes are not those of SQLite; if it is encrypted (SQLCipher, SEE), export it without a key first"
    }
}
