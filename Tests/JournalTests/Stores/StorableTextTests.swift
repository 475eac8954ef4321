import Testing

@testable import Journal

@Suite struct StorableTextTests {
    @Test(arguments: [
        (#"{}"#, nil), (#"{"a":"b"}"#, nil), (#"{"a":"\n\"\\"}"#, nil), (#"{"a":"\u00e9\u0001"}"#, nil),
        (#"{"a":"\ud83d\ude00"}"#, nil), (#"{"a":"\\u0000\\ud800"}"#, nil),
        (#"{"a":"\u0000"}"#, #"{"a":"\ufffd"}"#), (#"{"a":"\\\u0000"}"#, #"{"a":"\\\ufffd"}"#),
        (#"{"a":"\uD800"}"#, #"{"a":"\ufffd"}"#), (#"{"a":"\ude00\ud83d"}"#, #"{"a":"\ufffd\ufffd"}"#),
        (#"{"a":"\ud83d\ud83d\ude00"}"#, #"{"a":"\ufffd\ud83d\ude00"}"#), (#"{"\u0000":1}"#, #"{"\ufffd":1}"#),
        (#"{"a":"\ud83d"#, #"{"a":"\ufffd"#), (#"\"#, nil), (#"\u00"#, nil),
    ])
    func `escapes that no database holds are replaced in JSON`(json: String, repaired: String?) {
        #expect(StorableText.repaired(json: Array(json.utf8)).map { String(decoding: $0, as: UTF8.self) } == repaired)
    }

    @Test(arguments: [
        ("{}", #"{"replaced":true}"#), ("{ }", #"{ "replaced":true}"#), (#"{"a":1}"#, #"{"a":1,"replaced":true}"#),
        ("[", "["),
    ])
    func `the mark is the object's last member`(json: String, marked: String) {
        #expect(String(decoding: StorableText.marked(Array(json.utf8)), as: UTF8.self) == marked)
    }
}
