import BridgeCore
import Testing

@testable import Journal
@testable import Postgres

@Suite struct MessageRowsTests {
    /// The fields of a job that a test changes, by name.
    private static func json(_ fields: [(String, String)]) -> [UInt8] {
        bytes("{" + fields.map { #""\#($0.0)":\#($0.1)"# }.joined(separator: ",") + "}")
    }

    private static let session = """
        {"id":"0199a000-0000-7000-8000-000000000001","platform":"slack","conversation":"C1","user":"U1"}
        """

    private static func job(_ changes: [(String, String)] = []) -> [UInt8] {
        var fields = [
            ("v", "1"), ("kind", #""message""#), ("id", #""0199a000-0000-7000-8000-000000000002""#),
            ("at", #""2026-11-20T10:00:00.123456Z""#), ("session", session), ("direction", #""inbound""#),
        ]
        for (name, value) in changes {
            if let place = fields.firstIndex(where: { $0.0 == name }) {
                fields[place].1 = value
            } else {
                fields.append((name, value))
            }
        }
        return json(fields.filter { !$0.1.isEmpty })
    }

    @Test(arguments: [
        (job(), "the fields that must be there"),
        (job([("v", "")]), "no version"),
        (job([("kind", "")]), "no kind"),
        (job([("direction", #""outbound""#)]), "a status by direction"),
        (job([("status", #""edited""#), ("type", #""image""#), ("sender", #""U1""#)]), "words"),
        (job([("text", #""a \"b\" \\ \n \u00e9 \ud83d\ude00 €""#)]), "escapes in a text"),
        (job([("text", #""""#), ("sender", #""""#)]), "empty is not null"),
        (job([("text", "null"), ("sender", "null"), ("type", "null"), ("status", "null")]), "null is missing"),
        (job([("attachments", #"[ {"url" : "https://e.example/x"} , 1.50, true ]"#)]), "attachments"),
        (job([("metadata", #"{ "a" : {"b":[1,2,null]}, "c":"\\u0000 \"" }"#)]), "metadata"),
        (job([("attachments", "[]"), ("metadata", "{}")]), "nothing in them"),
        (job([("attachments", #""x""#), ("metadata", "[1]")]), "containers of another kind"),
        (job([("more", #"{"id":1}"#), ("request", #""r-1""#)]), "a field that nobody knows"),
        (
            job([
                (
                    "session",
                    #"{"id":"0199A000-0000-7000-8000-00000000000F","platform":"p","conversation":"c","account":"a","thread":"t","user":null}"#
                )
            ]), "a session with all that it may have"
        ),
    ])
    func `a plain job makes the row that its message makes`(job: [UInt8], meaning: String) throws {
        var read = MessageRows()
        let at = read.append(reading: job)
        guard case .message(let message) = try LogJob(decoding: job) else {
            Issue.record("no message")
            return
        }
        var made = MessageRows()
        made.append(message)
        #expect(at == message.at)
        #expect(read.data == made.data, "\(meaning)")
        #expect(read.sessions.sorted.map(\.shown) == made.sessions.sorted.map(\.shown))
    }

    @Test(arguments: [
        (bytes("{"), "no JSON"), (bytes("[]"), "no object"),
        (job([("v", "2")]), "a later version"), (job([("v", #""1""#)]), "a version of another kind"),
        (job([("kind", #""status""#)]), "a change of status"), (job([("kind", #""receipt""#)]), "a receipt"),
        (job([("id", #""x""#)]), "no id"), (job([("at", #""2026-02-30T10:00:00.123456Z""#)]), "no date"),
        (job([("at", #""2026-11-20T10:00:00Z""#)]), "a time in another form"),
        (job([("session", "")]), "no session"), (job([("session", #"{"id":7}"#)]), "no session's id"),
        (job([("direction", #""up""#)]), "no direction"), (job([("sender", "42")]), "an id that is a number"),
        (job([("text", #""a\u0000b""#)]), "NUL in a text"), (job([("text", #""a\ud800b""#)]), "half a surrogate pair"),
        (job([("metadata", #"{"a":"\u0000"}"#)]), "NUL in metadata"),
        (job([("attachments", #"["\u0001"]"#)]), "an escape that is looked at"),
        (job([("status", #""lost""#)]), "a status that nobody knows"),
        (json([("id", #""0199a000-0000-7000-8000-000000000002""#)]) + bytes(" {}"), "more than a document"),
        (Array(job().dropLast()) + bytes(#","id":"x"}"#), "a field twice"),
    ])
    func `what is not plain is left to be read as a job`(job: [UInt8], meaning: String) {
        var rows = MessageRows()
        #expect(rows.append(reading: job) == nil, "\(meaning)")
        #expect(rows.isEmpty && rows.sessions.isEmpty)
    }

    @Test func `every status is known by its word`() {
        #expect(Set(PlainMessage.statuses.map(\.description)) == Set(MessageStatus.allCases.map(\.rawValue)))
    }

    @Test func `rows are in the order of their ids, each once`() {
        var rows = MessageRows()
        var sorted = MessageRows()
        for number: UInt64 in [5, 3, 9, 3, 1] {
            if case .message(let message) = LogJob.sample(number, text: "\(number)") { rows.append(message) }
        }
        for number: UInt64 in [1, 3, 5, 9] {
            if case .message(let message) = LogJob.sample(number, text: "\(number)") { sorted.append(message) }
        }
        rows.sort()
        #expect(rows.data == sorted.data)
        #expect(rows.count == 4)
    }
}

extension MessageRows {
    /// The rows as a COPY sends them.
    fileprivate var data: ArraySlice<UInt8> {
        let data = rows.copyData()
        return data.rows[..<data.count]
    }
}

extension SessionTable.Session {
    fileprivate var shown: String { String(describing: self) }
}
