import Glibc
import TestSupport
import Testing

@testable import Importer

@Suite struct ImportCheckpointTests {
    @Test func `a checkpoint is read back as it was written`() {
        var checkpoint = ImportCheckpoint()
        checkpoint.stage = .messages
        checkpoint.position = ImportPosition(#"{"rowid": 7, "at": "\"x\""}"#)
        checkpoint.rejectedBytes = 123
        checkpoint.summary.sessions = 5
        checkpoint.summary.messages = 70
        checkpoint.summary.messagesAdded = 60
        checkpoint.summary.rejected = 2
        checkpoint.summary.changes = [.idDerived: 4, .jsonWrapped: 1]
        #expect(ImportCheckpoint(checkpoint.encoded()) == checkpoint)
        #expect(ImportCheckpoint(ImportCheckpoint().encoded()) == ImportCheckpoint())
    }

    @Test(arguments: [
        "", "[]", "{}", #"{"v":2,"stage":"messages","rejectedBytes":0}"#, #"{"v":1,"stage":"x","rejectedBytes":0}"#,
    ])
    func `anything else is no checkpoint`(_ text: String) {
        #expect(ImportCheckpoint(Array(text.utf8)) == nil)
    }

    @Test func `a fingerprint changes with the file, its WAL and the mapping, and not by looking`() throws {
        let folder = TemporaryFolder()
        func write(_ name: String, _ text: String) throws {
            let file = try #require(fopen(folder.path(name), "w"))
            fputs(text, file)
            fclose(file)
        }
        let path = folder.path("old.db")
        try write("old.db", "one")
        let first = ImportFingerprint(path: path)
        #expect(ImportFingerprint(path: path) == first)
        #expect(ImportFingerprint(path: path, mapping: Array("{}".utf8)) != first)
        try write("old.db-wal", "")
        #expect(ImportFingerprint(path: path) == first)
        try write("old.db-wal", "more")
        #expect(ImportFingerprint(path: path) != first)
        unlink(folder.path("old.db-wal"))
        try write("old.db", "longer")
        #expect(ImportFingerprint(path: path) != first)
    }
}
