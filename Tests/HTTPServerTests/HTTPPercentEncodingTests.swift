import HTTPCore
import Testing

struct HTTPPercentEncodingTests {
    @Test(
        arguments: [
            ("", []), ("&&", []), ("a=1&b=2", [["a", "1"], ["b", "2"]]), ("a", [["a", ""]]), ("a=", [["a", ""]]),
            ("=x", [["", "x"]]), ("a=b=c", [["a", "b=c"]]), ("a=1&&a=2&", [["a", "1"], ["a", "2"]]),
            ("q=50%25+%2B+1&n=%C3%A9", [["q", "50% + 1"], ["n", "é"]]), ("a=%4&b=%", [["a", "%4"], ["b", "%"]]),
            ("a=%zz", [["a", "%zz"]]), ("a%3D=%26", [["a=", "&"]]), ("a=%C3", [["a", "\u{FFFD}"]]),
        ] as [(String, [[String]])])
    func `a form is read as its pairs`(form: String, pairs: [[String]]) {
        #expect(HTTPPercentEncoding.decodeForm(form.utf8).map { [$0.name, $0.value] } == pairs)
    }

    @Test func `what is encoded is decoded to itself`() {
        let text = "a b+c%d&e=f é 👋🏽\n"
        #expect(HTTPPercentEncoding.decode(HTTPPercentEncoding.encode(text).utf8) == text)
    }
}
