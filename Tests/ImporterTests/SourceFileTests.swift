import Glibc
import SQLite
import Testing

@testable import Importer

struct SourceFileTests {
    @Test(arguments: [
        ("", "it is empty"), ("\u{1f}", "not those of SQLite"), ("PGDMP...", "pg_restore"),
        ("PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;", "sqlite3 new.db <"), ("{\"a\":1}", "it is JSON"),
        ("id,text\n1,hi\n", "it is a text"), ("PK\u{3}\u{4}", "zip"),
    ])
    func `what is no database is called what it is`(content: String, guess: String) async throws {
        let store = try TestStore()
        try Self.write(Array(content.utf8), to: store.path)
        let error = await #expect(throws: ImportSourceError.self) { _ = try await store.open() }
        #expect(error?.description.contains(guess) == true, "\(error?.description ?? "")")
    }

    @Test func `other bytes that are no database`() {
        #expect(FileHeader.guess([0x1f, 0x8b, 8]).contains("gunzip"))
        #expect(FileHeader.guess([0x28, 0xb5, 0x2f, 0xfd]).contains("unzstd"))
        #expect(FileHeader.guess([0x37, 0x7f, 0x06, 0x82]).contains("WAL"))
        #expect(FileHeader.guess([0x9c, 0x00, 0xfe, 0x11]).contains("encrypted"))
    }

    @Test func `a missing file, a folder, a damaged file and an unknown schema say what to do`() async throws {
        let store = try TestStore()
        let missing = await #expect(throws: ImportSourceError.self) { _ = try await store.open() }
        #expect(missing?.description.contains("there is no such file") == true)
        let folder = await #expect(throws: ImportSourceError.self) {
            _ = try await openImportSource(path: store.folder, mapping: nil)
        }
        #expect(folder?.description.contains("it is a folder") == true)
        try Self.write(Array("SQLite format 3\0".utf8) + [UInt8](repeating: 0xee, count: 4080), to: store.path)
        let damaged = await #expect(throws: ImportSourceError.self) { _ = try await store.open() }
        #expect(damaged != nil)
        unlink(store.path)
        try await store.write("CREATE TABLE songs (id); CREATE VIEW s AS SELECT 1")
        let unknown = await #expect(throws: ImportSourceError.self) { _ = try await store.open() }
        #expect(unknown == .unknownSchema(path: store.path, tables: ["songs", "s"]))
    }

    @Test func `a source is not changed by being read`() async throws {
        let store = try TestStore()
        try await store.write(MastraSourceTests.store)
        let before = try Self.read(store.path)
        let source = try await store.open()
        _ = try await source.allMessages()
        await source.close()
        #expect(try Self.read(store.path) == before)
    }

    @Test func `a WAL that nobody could open is read through a copy`() async throws {
        let store = try TestStore()
        let writer = store.database
        try await writer.script("CREATE TABLE t (v); PRAGMA wal_checkpoint(TRUNCATE); INSERT INTO t VALUES (1), (2)")
        // As it lies in a backup: the file and its WAL, without the shared memory.
        let backup = store.folder + "/backup.db"
        try Self.write(try Self.read(store.path), to: backup)
        try Self.write(try Self.read(store.path + "-wal"), to: backup + "-wal")
        await writer.close()
        #expect(FileCopy.sideFiles(of: backup) == [backup + "-wal"])
        let file = try await SourceFile.open(backup, forced: .copy)
        // It has no name any more: nothing of it is left if this process dies.
        #expect(access(file.database.configuration.path, F_OK) != 0)
        #expect(try await file.database.query("SELECT count(*) FROM t").rows == [[.integer(2)]])
        try await file.database.script("CREATE TEMP TABLE x AS SELECT * FROM t")
        await file.close()
        // The same file as immutable has lost them without a word: that is why it is copied.
        let immutable = try await SourceFile.open(backup, forced: .immutable)
        #expect(try await immutable.database.query("SELECT count(*) FROM t").rows == [[.integer(0)]])
        await immutable.close()
        #expect(try Self.read(backup + "-wal").count > 0)
    }

    @Test func `a journal that a crash has left is rolled back in a copy`() async throws {
        let store = try TestStore()
        try await store.write("PRAGMA journal_mode = DELETE; CREATE TABLE t (v); INSERT INTO t VALUES (1)")
        let writer = store.database
        try await writer.script("PRAGMA journal_mode = DELETE; PRAGMA cache_spill = 1; PRAGMA cache_size = 1; BEGIN")
        try await writer.script(
            "UPDATE t SET v = 2; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000) INSERT INTO t SELECT randomblob(500) FROM n"
        )
        let crashed = store.folder + "/crashed.db"
        try Self.write(try Self.read(store.path), to: crashed)
        try Self.write(try Self.read(store.path + "-journal"), to: crashed + "-journal")
        try await writer.script("ROLLBACK")
        await writer.close()
        let file = try await SourceFile.open(crashed, forced: .copy)
        #expect(try await file.database.query("SELECT v FROM t").rows == [[.integer(1)]])
        await file.close()
    }

    static func write(_ bytes: [UInt8], to path: String) throws {
        let file = try #require(fopen(path, "w"))
        fwrite(bytes, 1, bytes.count, file)
        fclose(file)
    }

    static func read(_ path: String) throws -> [UInt8] {
        let file = try #require(fopen(path, "r"))
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
        return bytes
    }
}
