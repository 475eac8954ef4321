import Importer
import Testing

struct ImportSourceErrorTests {
    @Test func `an unknown schema names its tables and the way on`() {
        let text = ImportSourceError.unknownSchema(path: "old.db", tables: ["chats", "users"]).description
        #expect(text.contains("chats, users"))
        #expect(text.contains("--suggest-map"))
        #expect(text.contains("--map"))
    }

    @Test func `every change has words for a report`() {
        for change in ImportChange.allCases { #expect(!change.summary.isEmpty) }
    }
}
