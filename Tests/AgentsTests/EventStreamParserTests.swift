import Testing

@testable import Agents

struct EventStreamParserTests {
    private static func events(_ stream: String, cut: Int? = nil) -> [String] {
        let bytes = Array(stream.utf8)
        var parser = EventStreamParser()
        let cut = cut ?? bytes.count
        let events = parser.parse(bytes[..<cut]) + parser.parse(bytes[cut...]) + parser.end()
        return events.map { "\($0.name)|\(String(decoding: $0.data, as: UTF8.self))" }
    }

    @Test(arguments: [
        ("", [], "nothing"),
        ("data: a\n\n", ["|a"], "one event"),
        ("data: a\r\n\r\ndata: b\r\n\r\n", ["|a", "|b"], "CRLF"),
        ("data: a\r\rdata: b\r\r", ["|a", "|b"], "CR alone"),
        ("data:a\n\n", ["|a"], "no space after the colon"),
        ("data:  a\n\n", ["| a"], "only one space is taken"),
        ("data: a\ndata: b\n\n", ["|a\nb"], "data lines are joined"),
        ("data\n\n", ["|"], "a field without a colon has an empty value"),
        ("data:\ndata\n\n", ["|\n"], "two empty data lines"),
        (": hi\n\ndata: a\n: hi\n\n", ["|a"], "comments"),
        ("event: x\ndata: a\n\ndata: b\n\n", ["x|a", "|b"], "the name lasts for one event"),
        ("event: x\n\ndata: b\n\n", ["|b"], "an event without data is none, and its name is forgotten"),
        ("id: 1\nretry: 5\nother: z\ndata: a\n\n", ["|a"], "other fields"),
        ("\u{FEFF}data: a\n\n", ["|a"], "a byte order mark"),
        (" data: a\n\n", [], "a space before the field's name makes another field"),
        ("data: a", ["|a"], "an end without line end and blank line"),
        ("data: {\"a\":1}\ndata: {\"b\":1}\n", ["|{\"a\":1}", "|{\"b\":1}"], "objects without blank lines between"),
        ("data: {\"a\":\ndata: {\"b\":1}}\n\n", ["|{\"a\":\n{\"b\":1}}"], "one object over two lines"),
        ("data: {\"a\":1}\ndata: [DONE]\n", ["|{\"a\":1}", "|[DONE]"], "DONE without a blank line before"),
        (
            "{\"a\":1}\u{1E}{\"b\":1}\u{1E}data: [DONE]\n\n", ["|{\"a\":1}", "|{\"b\":1}", "|[DONE]"],
            "record separators"
        ),
        ("data: {\"a\":1}\u{1E}data: {\"b\":1}\u{1E}", ["|{\"a\":1}", "|{\"b\":1}"], "records with data:"),
        ("{\"a\":1}\n{\"b\":1}\n", ["|{\"a\":1}", "|{\"b\":1}"], "bare objects, a line each"),
        ("data: é😀\n\n", ["|é😀"], "characters of several bytes"),
    ])
    func `a stream is cut into its events, wherever its chunks end`(stream: String, expected: [String], meaning: String)
    {
        for cut in 0...stream.utf8.count {
            #expect(EventStreamParserTests.events(stream, cut: cut) == expected, "\(meaning), cut at \(cut)")
        }
    }

    @Test(arguments: [
        ("data: 1234567\n\n", false, "the limit exactly: 13 bytes"),
        ("data: 12345678\n\n", true, "a long line that ends"),
        ("data: 12345678", true, "a long line that does not end"),
        ("data: 1234\ndata: 1234\ndata: 1234\n\n", true, "many data lines"),
        (": 56789012345\n\n", false, "a comment within the limit"),
    ])
    func `a line or an event over the limit stops the parser`(stream: String, isTooLong: Bool, meaning: String) {
        let bytes = Array(stream.utf8)
        for cut in 0...bytes.count {
            var parser = EventStreamParser(limit: 13)
            let events = parser.parse(bytes[..<cut]) + parser.parse(bytes[cut...])
            #expect(parser.isTooLong == isTooLong, "\(meaning), cut at \(cut)")
            if isTooLong { #expect(events.isEmpty && parser.end().isEmpty, "\(meaning), cut at \(cut)") }
        }
    }

    @Test func `what came before a line that is too long still counts`() {
        var parser = EventStreamParser(limit: 20)
        let events = parser.parse(Array("data: a\n\ndata: 0123456789012345678\n\n".utf8)[...])
        #expect(events == [.init(data: Array("a".utf8))])
        #expect(parser.isTooLong)
    }
}
